//! Which traps ended calls between guests, and at which stage.
//! Knows which of them each stage can meet.

use crate::abi::{Course, Stage};
use crate::mix::rows::{Impossible, TRAPS, impossible_trap, trap_row};
use crate::mix::table::Table;
use crate::observation::{Outcome, Reading};

/// The stages of a call from guest to guest. `Host` is that of a call of the host's by a guest that
/// another one called.
const STAGES: [(Stage, &str); 8] = [
    (Stage::LiftParams, "params lifted"),
    (Stage::LowerParams, "params lowered"),
    (Stage::Callee, "callee runs"),
    (Stage::Host, "host runs"),
    (Stage::LiftResult, "result lifted"),
    (Stage::LowerResult, "result lowered"),
    (Stage::PostReturn, "post-return"),
    (Stage::Destructor, "destructor"),
];

const IMPOSSIBLE: Impossible = Impossible {
    too_long: "no memory holds so much to lower",
    lent: "things are lent only while a guest waits for what it called",
    entered: "no guest calls one before it in the chain",
};

pub fn table() -> Table {
    let rows = TRAPS.map(|trap| format!("{trap:?}")).to_vec();
    let columns = STAGES.map(|(_, name)| name.to_string()).to_vec();
    Table::new("traps between guests", rows, columns, |row, column| {
        impossible_trap(TRAPS[row], STAGES[column].0, &IMPOSSIBLE)
    })
}

/// Counts how the last call ended, if it was in a call from guest to guest.
pub fn count(table: &mut Table, reading: &Reading) {
    let Outcome::Trapped(Some(trap), _) = &reading.observation.outcome else {
        return;
    };
    let course = reading
        .calls
        .last()
        .map(|call| &call.course)
        .filter(|course| is_between_guests(course, reading));
    if let Some(course) = course {
        let column = STAGES.iter().position(|(stage, _)| *stage == course.stage);
        table.count(trap_row(*trap), column.expect("every stage has a column"));
    }
}

/// Whether a guest's values were lifted or lowered for another guest, or a guest ran that another
/// called.
fn is_between_guests(course: &Course, reading: &Reading) -> bool {
    match course.stage {
        Stage::LiftParams | Stage::LowerParams | Stage::LiftResult | Stage::LowerResult => {
            !reading.faults.is_empty()
        }
        Stage::Callee | Stage::Host | Stage::PostReturn | Stage::Destructor => course.depth > 0,
    }
}
