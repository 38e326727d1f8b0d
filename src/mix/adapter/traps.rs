//! Which traps ended calls between guests, and at which stage.
//! Knows which of them each stage can meet.

use crate::abi::{Course, Stage, Trap};
use crate::mix::rows::{TRAPS, trap_row};
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

pub fn table() -> Table {
    let rows = TRAPS.map(|trap| format!("{trap:?}")).to_vec();
    let columns = STAGES.map(|(_, name)| name.to_string()).to_vec();
    Table::new("traps between guests", rows, columns, |row, column| {
        impossible(TRAPS[row], STAGES[column].0)
    })
}

fn impossible(trap: Trap, stage: Stage) -> Option<&'static str> {
    let lifts = matches!(stage, Stage::LiftParams | Stage::LiftResult);
    let lowers = matches!(stage, Stage::LowerParams | Stage::LowerResult);
    let guest_runs =
        lowers || matches!(stage, Stage::Callee | Stage::PostReturn | Stage::Destructor);
    let not_lifted = (!lifts).then_some("nothing is lifted here");
    match trap {
        Trap::UnalignedPointer
        | Trap::MemoryOutOfBounds
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds => {
            (!lifts && !lowers).then_some("no memory is read or written for values here")
        }
        Trap::StringTooLong | Trap::ListTooLong if lowers => {
            Some("no memory holds so much to lower")
        }
        Trap::StringTooLong
        | Trap::ListTooLong
        | Trap::InvalidUtf8
        | Trap::InvalidUtf16
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::HandleNotOwned => not_lifted,
        Trap::UnknownHandle | Trap::HandleOfOtherType => (!lifts && !guest_runs)
            .then_some("neither a lift nor a built-in looks for a handle here"),
        Trap::HandleLent => (stage != Stage::LiftParams)
            .then_some("things are lent only while a guest waits for what it called"),
        Trap::TooManyHandles => Some("no case makes 2^28 handles"),
        Trap::BorrowsRemain => {
            (stage != Stage::LiftResult).then_some("the call does not return here")
        }
        Trap::CannotEnterComponent => {
            (stage != Stage::Host).then_some("no guest calls one before it in the chain")
        }
        Trap::CannotLeaveComponent => (!lowers && stage != Stage::PostReturn)
            .then_some("may_leave is false only in realloc and post-return"),
        Trap::Guest => (!guest_runs).then_some("no guest code runs here"),
        Trap::Host => (stage != Stage::Host).then_some("the host does not run here"),
        Trap::Crash | Trap::Exhausted => Some("no trap of the spec's"),
    }
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
