//! Which traps ended calls, and at which stage.
//! Knows which of them each stage can meet.

use crate::abi::Stage;
use crate::case::Case;
use crate::mix::passages::ended;
use crate::mix::rows::{Impossible, TRAPS, impossible_trap, trap_row};
use crate::mix::table::Table;
use crate::observation::{Outcome, Reading};

const STAGES: [(Stage, &str); 8] = [
    (Stage::LowerParams, "params lowered"),
    (Stage::Callee, "guest runs"),
    (Stage::LiftParams, "params lifted"),
    (Stage::Host, "host runs"),
    (Stage::LowerResult, "result lowered"),
    (Stage::LiftResult, "result lifted"),
    (Stage::PostReturn, "post-return"),
    (Stage::Destructor, "destructor"),
];

const IMPOSSIBLE: Impossible = Impossible {
    too_long: "the host has no values of so many gigabytes",
    lent: "things are lent only while the guest waits for an import",
    entered: "only the host calls exports",
};

pub fn table() -> Table {
    let rows = TRAPS.map(|trap| format!("{trap:?}")).to_vec();
    let columns = STAGES.map(|(_, name)| name.to_string()).to_vec();
    Table::new("traps", rows, columns, |row, column| {
        impossible_trap(TRAPS[row], STAGES[column].0, &IMPOSSIBLE)
    })
}

/// Counts how the last call ended.
pub fn count(table: &mut Table, case: &Case, reading: &Reading) {
    let Outcome::Trapped(Some(trap), _) = &reading.observation.outcome else {
        return;
    };
    let Some(last) = ended(case, reading) else {
        return;
    };
    let column = STAGES.iter().position(|(stage, _)| *stage == last.went.course.stage);
    table.count(trap_row(*trap), column.expect("every stage has a column"));
}
