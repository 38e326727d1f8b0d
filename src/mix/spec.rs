//! Which points of the Canonical ABI were reached, and for whom: a row for each.
//! Knows why some cannot be; nothing of how the others are.

use serde::{Serialize, Serializer};

use super::adapter::no_such_block;
use super::table::{Table, cells, coverage};
use crate::abi::point::{Answer, Constructor};
use crate::abi::{Change, Party, Point, Points, Rule, StringEncoding};
use crate::value::StringSource;

/// How many cases reached each point.
#[derive(Clone)]
pub struct SpecCoverage {
    table: Table,
}

impl Default for SpecCoverage {
    fn default() -> SpecCoverage {
        let points = Point::sync();
        let rows = points.iter().map(|point| point.name()).collect();
        let columns = Party::ALL.iter().map(|party| party.name().to_string()).collect();
        let impossible = |row: usize, column: usize| impossible(points[row], Party::ALL[column]);
        SpecCoverage { table: Table::new("spec", rows, columns, impossible) }
    }
}

impl SpecCoverage {
    /// Counts what one case reached.
    pub fn add(&mut self, points: &Points) {
        for (point, party) in points.positions() {
            self.table.count(point, party);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &SpecCoverage) {
        self.table.merge(&other.table);
    }

    /// The table for people, and which points were never reached that can be.
    pub fn text(&self) -> String {
        self.table.text() + "\n" + &coverage(&[&self.table], "points", "never")
    }

    /// How many of the points that can be reached were, and how many there are.
    pub fn cells(&self) -> (u64, u64) {
        cells(&[&self.table])
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The points that could have been reached and were not, by name.
    pub fn empty(&self) -> Vec<String> {
        self.table.empty()
    }

    /// The points that were said to be out of reach and were reached, by name.
    pub fn contradicted(&self) -> Vec<String> {
        self.table.contradicted()
    }
}

impl Serialize for SpecCoverage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.table.serialize(serializer)
    }
}

/// Why a point can be reached for none of these parties: for the last of them that it may concern at all.
pub fn unreachable(point: Point, parties: &[Party]) -> Option<&'static str> {
    let whys = parties.iter().map(|party| impossible(point, *party));
    let whys: Vec<_> = whys.collect::<Option<_>>()?;
    whys.into_iter().rfind(|why| *why != NO_VALUE && *why != NOBODY_ELSE)
}

/// Why a point cannot be reached for this party.
fn impossible(point: Point, party: Party) -> Option<&'static str> {
    match (point, party) {
        (Point::Value(..) | Point::Block { .. }, Party::Itself) => Some(NO_VALUE),
        (Point::Value(_, Constructor::Async), Party::Host | Party::Guest) => Some(NO_ASYNC),
        (Point::Value(..), Party::Host | Party::Guest) => None,
        (Point::Block { source, .. }, Party::Host) if source != StringSource::Utf8 => {
            Some("the host's strings are UTF-8")
        }
        (Point::Block { source, to, change, answer }, Party::Host | Party::Guest) => {
            let aligned = to == StringEncoding::Utf8
                || source == StringSource::TaggedUtf16 && change == Change::Shrunk;
            let misaligned = answer == Answer::Misaligned && aligned;
            let no_such_block = no_such_block(source, to, change);
            no_such_block.or(misaligned.then_some("any address will do for bytes"))
        }
        (Point::Rule(rule), party) => impossible_rule(rule, party),
        (Point::Async(_), _) => Some(NO_ASYNC),
    }
}

const NO_ASYNC: &str = "no case has anything async but functions";
const NO_VALUE: &str = "a built-in passes no values";
const NOBODY_ELSE: &str = "a built-in has to do with nobody else";

fn impossible_rule(rule: Rule, party: Party) -> Option<&'static str> {
    if party == Party::Itself && !BUILT_INS.contains(&rule) && !TABLE.contains(&rule) {
        return Some(NO_VALUE);
    }
    let of = |rules: &[Rule], parties: &[Party]| rules.contains(&rule) && parties.contains(&party);
    IMPOSSIBLE.iter().find(|(rules, parties, _)| of(rules, parties)).map(|(_, _, why)| *why)
}

const BUILT_INS: &[Rule] = &[
    Rule::NewMayNotLeave,
    Rule::New,
    Rule::RepUnknown,
    Rule::RepOtherType,
    Rule::Rep,
    Rule::DropMayNotLeave,
    Rule::DropUnknown,
    Rule::DropOtherType,
    Rule::DropLent,
    Rule::DropBorrow,
    Rule::DropOwn,
];

/// The rules of the table, which built-ins and values have in common.
const TABLE: &[Rule] = &[Rule::TableGrows, Rule::TableReuses, Rule::TableFull];

/// Rules, for whom they cannot be reached, and why.
const IMPOSSIBLE: [(&[Rule], &[Party], &str); 7] = [
    (BUILT_INS, &[Party::Host, Party::Guest], NOBODY_ELSE),
    (&[Rule::DropLent], Party::ALL, "things are lent only while the guest waits for an import"),
    (&[Rule::TableFull], Party::ALL, "no case makes 2^28 handles"),
    (
        &[Rule::ListUnallocatable, Rule::StringUnallocatable],
        Party::ALL,
        "nobody has values of so many gigabytes",
    ),
    (
        &[Rule::LoadDiscriminant4, Rule::StoreDiscriminant4],
        Party::ALL,
        "no engine takes a variant of so many cases",
    ),
    (&[Rule::MayNotEnter], &[Party::Guest], "no guest calls one before it in the chain"),
    (&[Rule::MayNotBlock], &[Party::Guest], "only the host blocks"),
];
