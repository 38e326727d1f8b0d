//! Which mistakes of the host's an engine had to refuse, where, and by which ways.
//! Knows what the reference said of each; a call that was not made as it was meant is not counted.

use std::collections::BTreeSet;

use super::table::Table;
use crate::case::check::{Feature, last_answer};
use crate::case::misuse::{Mistake, Misuse, nodes};
use crate::case::paths::{Api, Mode, Path};
use crate::case::text::host::{print_call_path, print_import_path};
use crate::case::{Call, Case, Manner};
use crate::observation::{HostEvent, Outcome, Reading};
use crate::types::Type;
use crate::value::Value;

/// The tables of one run.
#[derive(Clone)]
pub struct Misuses {
    kinds: Table,
    ways: Table,
}

/// Mistakes that are in no value.
const OF_CALLS: [&str; 5] =
    ["argument missing", "argument extra", "result missing", "result extra", "other static types"];

const COLUMNS: [&str; 7] = [
    "the call",
    "argument, went on",
    "argument, ended",
    "in an argument, went on",
    "in an argument, ended",
    "answer",
    "in an answer",
];

/// What a way may be misused for.
const USES: [&str; 4] = ["count", "argument", "answer", "static types"];
const ANSWER: usize = 2;

impl Misuses {
    /// Empty tables, for subjects with these features.
    pub fn new(features: &BTreeSet<Feature>, signatures: bool) -> Misuses {
        Misuses { kinds: kinds(features, signatures), ways: ways(features, signatures) }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        let observed = &reading.observation;
        for (i, (call, seen)) in case.calls.iter().zip(&observed.calls).enumerate() {
            let Manner::Misused(misuse) = call.manner else {
                continue;
            };
            let went_on = seen.host.contains(&HostEvent::Misused);
            let last = i + 1 == observed.calls.len();
            if went_on || last && matches!(observed.outcome, Outcome::Misused(_)) {
                self.kinds.count(row(misuse), column(case, call, misuse, went_on));
                self.ways.count(way(case, misuse), usage(misuse));
            }
        }
    }

    pub fn tables(&self) -> Vec<&Table> {
        vec![&self.kinds, &self.ways]
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        vec![&mut self.kinds, &mut self.ways]
    }
}

fn kinds(features: &BTreeSet<Feature>, signatures: bool) -> Table {
    let mistakes = Mistake::ALL.map(Mistake::name);
    let rows = OF_CALLS.iter().chain(&mistakes).map(|name| name.to_string()).collect();
    let columns = COLUMNS.map(str::to_string).to_vec();
    Table::new("mistakes", rows, columns, |row, column| match row.checked_sub(OF_CALLS.len()) {
        None if column > 0 => Some("it is in no value"),
        None if row == row_of_signature() => no_signatures(signatures),
        None => None,
        Some(_) if column == 0 => Some("it is in a value"),
        Some(mistake) => impossible(Mistake::ALL[mistake], column, features),
    })
}

fn impossible(
    mistake: Mistake,
    column: usize,
    features: &BTreeSet<Feature>,
) -> Option<&'static str> {
    let goes_on = column == 1 || column == 3;
    match mistake {
        Mistake::MixedElements if goes_on => Some("the guest's realloc may have been called"),
        Mistake::OtherResource | Mistake::OtherStore if goes_on => {
            Some("handles may have been taken")
        }
        Mistake::ElementMissing | Mistake::ElementExtra => {
            let lacks = !features.contains(&Feature::FixedLengthList);
            lacks.then_some("this release lacks the type")
        }
        Mistake::OtherType
        | Mistake::MemberMissing
        | Mistake::MemberExtra
        | Mistake::FieldRenamed
        | Mistake::FieldsReordered
        | Mistake::UnknownCase
        | Mistake::UnknownFlag
        | Mistake::DuplicateFlag
        | Mistake::PayloadMissing
        | Mistake::PayloadExtra
        | Mistake::MixedElements
        | Mistake::OtherResource
        | Mistake::OtherStore => None,
    }
}

fn no_signatures(signatures: bool) -> Option<&'static str> {
    (!signatures).then_some("there are no static types")
}

fn row_of_signature() -> usize {
    row(Misuse::Signature(0))
}

fn row(misuse: Misuse) -> usize {
    match misuse {
        Misuse::ArgMissing => 0,
        Misuse::ArgExtra => 1,
        Misuse::ResultMissing => 2,
        Misuse::ResultExtra => 3,
        Misuse::Signature(_) => 4,
        Misuse::Arg { mistake, .. } | Misuse::Answer { mistake, .. } => {
            let position = Mistake::ALL.iter().position(|known| *known == mistake);
            OF_CALLS.len() + position.expect("every mistake has a row")
        }
    }
}

fn column(case: &Case, call: &Call, misuse: Misuse, went_on: bool) -> usize {
    match misuse {
        Misuse::ArgMissing
        | Misuse::ArgExtra
        | Misuse::ResultMissing
        | Misuse::ResultExtra
        | Misuse::Signature(_) => 0,
        Misuse::Arg { node, .. } => {
            let params = &case.shape.guests[0].export.ty.params;
            let inside = is_inside(params, &call.args, node);
            1 + 2 * usize::from(inside) + usize::from(!went_on)
        }
        Misuse::Answer { node, .. } => {
            let (_, results) = case.shape.guests.last().expect("there is one").types_of_import();
            5 + usize::from(is_inside(results, last_answer(call).as_slice(), node))
        }
    }
}

/// Whether the value of this number is a part of another.
fn is_inside(types: &[Type], values: &[Value], node: u32) -> bool {
    let node = usize::try_from(node).expect("a number fits");
    nodes(types, values)[node].depth > 0
}

fn call_paths() -> [Path; 3] {
    Mode::ALL.map(|mode| Path { api: Api::Dynamic, mode })
}

fn ways(features: &BTreeSet<Feature>, signatures: bool) -> Table {
    let calls = call_paths().map(print_call_path);
    let imports = call_paths().map(print_import_path);
    let rows = calls.into_iter().chain(imports).collect();
    let columns = USES.map(str::to_string).to_vec();
    Table::new("misused ways", rows, columns, |row, column| {
        match row.checked_sub(call_paths().len()) {
            None if column == ANSWER => Some("the host answers as its function is defined"),
            None if column == usage(Misuse::Signature(0)) => no_signatures(signatures),
            None => None,
            Some(_) if column != ANSWER => Some("the host calls by the way of the export"),
            Some(import) => {
                let concurrent = call_paths()[import].mode == Mode::Concurrent;
                let lacks = concurrent && !features.contains(&Feature::ConcurrentImport);
                lacks.then_some("this release wants a type that says so")
            }
        }
    })
}

fn usage(misuse: Misuse) -> usize {
    match misuse {
        Misuse::ArgMissing | Misuse::ArgExtra | Misuse::ResultMissing | Misuse::ResultExtra => 0,
        Misuse::Arg { .. } => 1,
        Misuse::Answer { .. } => ANSWER,
        Misuse::Signature(_) => 3,
    }
}

fn way(case: &Case, misuse: Misuse) -> usize {
    let position = |mode: Mode| Mode::ALL.iter().position(|known| *known == mode);
    let position = |mode| position(mode).expect("every mode has a row");
    match misuse {
        Misuse::Answer { .. } => call_paths().len() + position(case.paths.import.mode),
        Misuse::ArgMissing
        | Misuse::ArgExtra
        | Misuse::ResultMissing
        | Misuse::ResultExtra
        | Misuse::Arg { .. }
        | Misuse::Signature(_) => position(case.paths.call.mode),
    }
}
