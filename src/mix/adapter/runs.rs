//! How runs of chains ended, and how deep in the chain.
//! Knows nothing of why.

use crate::case::Case;
use crate::mix::table::Table;
use crate::observation::{Outcome, Reading};

const ROWS: [&str; 2] = ["2 guests", "3 guests or more"];
const COLUMNS: [&str; 4] =
    ["returned", "trapped before any call", "trapped one call deep", "trapped two calls deep"];
const DEEPEST: usize = 2;

pub fn table() -> Table {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Table::new("chains", names(&ROWS), names(&COLUMNS), |row, column| {
        (row == 0 && column > DEEPEST).then_some("there is one call between two guests")
    })
}

/// Counts the run. The first guest's own work is before any call, and after all of them.
pub fn count(table: &mut Table, case: &Case, reading: &Reading) {
    let depth = reading.calls.last().map_or(0, |call| call.course.depth);
    let column = match &reading.observation.outcome {
        Outcome::Returned => 0,
        Outcome::Trapped(..) => 1 + depth.min(DEEPEST),
        Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Refused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_) => return,
    };
    table.count(usize::from(case.shape.guests.len() > 2), column);
}
