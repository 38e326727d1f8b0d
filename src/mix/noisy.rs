//! How far calls get in which a guest does what nobody scripted.
//! Counts what the reference saw; knows nothing of what the core code is.

use super::passages::{ProperCall, proper_calls};
use super::table::Table;
use crate::abi::Stage;
use crate::case::{Case, Guest};
use crate::observation::Reading;

/// The tables of one run.
#[derive(Clone)]
pub struct Noisy {
    reached: Table,
    ended: Table,
    /// All calls, and those that lifted or lowered something at the word of such a guest, row by row.
    shares: Vec<[u64; 2]>,
}

/// Who does what nobody scripted.
const ROWS: [&str; 4] =
    ["the only guest", "the first of a chain", "another of a chain", "all of a chain"];

/// How far a call got: each column is counted on its own.
const REACHED: [&str; 6] = [
    "realloc",
    "import's params lifted",
    "import's result lowered",
    "result lifted",
    "built-in or destructor",
    "returned",
];

/// Where a call ended.
const STAGES: [(Stage, &str); 8] = [
    (Stage::LowerParams, "lowering params"),
    (Stage::Callee, "the guest's code"),
    (Stage::LiftParams, "lifting import's params"),
    (Stage::Host, "the host"),
    (Stage::LowerResult, "lowering import's result"),
    (Stage::LiftResult, "lifting the result"),
    (Stage::PostReturn, "post-return"),
    (Stage::Destructor, "a destructor"),
];

impl Noisy {
    pub fn new() -> Noisy {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let stages = STAGES.map(|(_, name)| name);
        Noisy {
            reached: Table::new("noise reached", names(&ROWS), names(&REACHED), |_, _| None),
            ended: Table::new(
                "calls that did not return, by where",
                names(&ROWS),
                names(&stages),
                |_, _| None,
            ),
            shares: vec![[0; 2]; ROWS.len()],
        }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        let row = row(&case.shape.guests);
        for call in proper_calls(case, reading) {
            let reached = reached(&call);
            for (column, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
                self.reached.count(row, column);
            }
            if call.observed.returned.is_none() {
                let stage = call.went.course.stage;
                let column = STAGES.iter().position(|(known, _)| *known == stage);
                self.ended.count(row, column.expect("every stage has a column"));
            }
            let [_, lifted, lowered, result, ..] = reached;
            self.shares[row][0] += 1;
            self.shares[row][1] += u64::from(lifted || lowered || result);
        }
    }

    pub fn tables(&self) -> Vec<&Table> {
        vec![&self.reached, &self.ended]
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        vec![&mut self.reached, &mut self.ended]
    }

    /// Adds what was counted elsewhere, besides the tables.
    pub fn merge_shares(&mut self, other: &Noisy) {
        for (mine, others) in self.shares.iter_mut().zip(&other.shares) {
            mine.iter_mut().zip(others).for_each(|(mine, others)| *mine += others);
        }
    }

    /// How many calls came to lift or lower something that such a guest handed over or asked for.
    pub fn shares(&self) -> String {
        let rows = ROWS.iter().zip(&self.shares).map(|(name, share)| (*name, *share));
        let all =
            self.shares.iter().fold([0; 2], |all, share| [all[0] + share[0], all[1] + share[1]]);
        let lines = rows.chain([("all", all)]).filter(|(_, [calls, _])| *calls > 0);
        let line = |(name, [calls, passed]): (&str, [u64; 2])| {
            format!("\n  {} of {calls} calls ({} %): {name}", passed, passed * 100 / calls)
        };
        "\nlifted or lowered what noise passed".to_string() + &lines.map(line).collect::<String>()
    }
}

fn row(guests: &[Guest]) -> usize {
    let noisy = guests.iter().filter(|guest| guest.noise.is_some()).count();
    match guests.len() {
        1 => 0,
        all if all == noisy => 3,
        _ if guests[0].noise.is_some() => 1,
        _ => 2,
    }
}

fn reached(call: &ProperCall) -> [bool; REACHED.len()] {
    let ProperCall { observed, went, .. } = *call;
    let stage = went.course.stage;
    let crossed = |stage: Stage| {
        let crossings = went.received.iter().flat_map(|received| &received.crossings);
        crossings.filter(|crossing| crossing.stage == stage).count()
    };
    let called = observed.import_calls().count();
    let answered =
        called - usize::from(matches!(stage, Stage::Host | Stage::LowerResult)).min(called);
    [
        went.received.iter().any(|received| !received.reallocs.is_empty()),
        called > 0 || crossed(Stage::LowerParams) > 0,
        answered > 0 || crossed(Stage::LowerResult) > 0,
        observed.returned.is_some() || stage == Stage::PostReturn,
        !went.course.acts.is_empty(),
        observed.returned.is_some(),
    ]
}
