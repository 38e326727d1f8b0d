//! Which traps ended calls, and at which stage.
//! Knows which of them each stage can meet.

use crate::abi::{Stage, Trap};
use crate::mix::rows::{TRAPS, trap_row};
use crate::mix::table::Table;
use crate::observation::{CallReading, Outcome, Reading};

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

pub fn table() -> Table {
    let rows = TRAPS.map(|trap| format!("{trap:?}")).to_vec();
    let columns = STAGES.map(|(_, name)| name.to_string()).to_vec();
    Table::new("traps", rows, columns, |row, column| impossible(TRAPS[row], STAGES[column].0))
}

fn impossible(trap: Trap, stage: Stage) -> Option<&'static str> {
    let lifts = matches!(stage, Stage::LiftParams | Stage::LiftResult);
    let lowers = matches!(stage, Stage::LowerParams | Stage::LowerResult);
    let called = matches!(stage, Stage::Callee | Stage::PostReturn | Stage::Destructor);
    let guest_runs = lowers || called;
    match trap {
        Trap::UnalignedPointer
        | Trap::MemoryOutOfBounds
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds => {
            (!lifts && !lowers).then_some("no memory is read or written for values here")
        }
        Trap::StringTooLong | Trap::ListTooLong if lowers => {
            Some("the host has no values of so many gigabytes")
        }
        Trap::StringTooLong
        | Trap::ListTooLong
        | Trap::InvalidUtf8
        | Trap::InvalidUtf16
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant => (!lifts).then_some("nothing is lifted here"),
        Trap::UnknownHandle | Trap::HandleOfOtherType => (!lifts && !guest_runs)
            .then_some("neither a lift nor a built-in looks for a handle here"),
        Trap::HandleLent => (stage != Stage::LiftParams)
            .then_some("things are lent only while the guest waits for an import"),
        Trap::HandleNotOwned => (!lifts).then_some("nothing is lifted here"),
        Trap::TooManyHandles => Some("no case makes 2^28 handles"),
        Trap::BorrowsRemain => {
            (stage != Stage::LiftResult).then_some("the call does not return here")
        }
        Trap::CannotEnterComponent => {
            (stage != Stage::Host).then_some("only the host calls exports")
        }
        Trap::CannotLeaveComponent => (!lowers && stage != Stage::PostReturn)
            .then_some("may_leave is false only in realloc and post-return"),
        Trap::Guest => (!guest_runs).then_some("no guest code runs here"),
        Trap::Host => (stage != Stage::Host).then_some("the host does not run here"),
        Trap::Crash | Trap::Exhausted => Some("no trap of the spec's"),
    }
}

/// Counts how the last call ended.
pub fn count(table: &mut Table, reading: &Reading) {
    let Outcome::Trapped(Some(trap), _) = &reading.observation.outcome else {
        return;
    };
    let Some(CallReading { course, .. }) = reading.calls.last() else {
        return;
    };
    let column = STAGES.iter().position(|(stage, _)| *stage == course.stage);
    table.count(trap_row(*trap), column.expect("every stage has a column"));
}
