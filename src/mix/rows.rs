//! Rows of more than one table: traps, types, and what `realloc` is scripted to do.
//! Knows nothing of where they are counted.

use std::collections::BTreeSet;

use crate::abi::{ReallocStep, Received, Stage, Trap};
use crate::case::check::Feature;
use crate::case::{Act, End, Pointer, Script, Turn};

pub const TRAPS: [Trap; 21] = [
    Trap::UnalignedPointer,
    Trap::MemoryOutOfBounds,
    Trap::StringTooLong,
    Trap::StringOutOfBounds,
    Trap::ListTooLong,
    Trap::ListOutOfBounds,
    Trap::InvalidUtf8,
    Trap::InvalidUtf16,
    Trap::InvalidChar,
    Trap::InvalidDiscriminant,
    Trap::UnknownHandle,
    Trap::HandleOfOtherType,
    Trap::HandleLent,
    Trap::HandleNotOwned,
    Trap::TooManyHandles,
    Trap::BorrowsRemain,
    Trap::CannotEnterComponent,
    Trap::CannotLeaveComponent,
    Trap::CannotBlockSyncTask,
    Trap::Guest,
    Trap::Host,
];

/// What a call of `realloc` may do.
pub const BEHAVIORS: [&str; 9] =
    ["bump", "forget", "at", "end", "old", "skew", "grow", "trap", "import"];

/// Whether a subject with these features lacks the type of this name.
pub fn lacks(constructor: &str, features: &BTreeSet<Feature>) -> bool {
    match constructor {
        "map" => !features.contains(&Feature::Map),
        "fixed-length list" => !features.contains(&Feature::FixedLengthList),
        _ => false,
    }
}

pub fn trap_row(trap: Trap) -> usize {
    TRAPS.iter().position(|known| *known == trap).expect("every trap has a row")
}

/// What `realloc` does once its turns are over.
const PLAIN: &Turn = &Turn::PLAIN;

/// The calls of a guest's `realloc` that lowering made, each with the position of what it did.
pub fn reallocs<'a>(
    script: &'a Script,
    received: &'a Received,
) -> impl Iterator<Item = (&'a ReallocStep, usize)> {
    let turns = script.realloc.iter().chain(std::iter::repeat(PLAIN));
    received.reallocs.iter().zip(turns.map(behavior))
}

/// Its end says most, and then its first act.
fn behavior(turn: &Turn) -> usize {
    match (&turn.end, turn.acts.first()) {
        (End::Plain | End::Return(_), None) => 0,
        (End::Answer(Pointer::Forget), _) => 1,
        (End::Answer(Pointer::At(_)), _) => 2,
        (End::Answer(Pointer::AtEnd(_)), _) => 3,
        (End::Answer(Pointer::Old), _) => 4,
        (End::Answer(Pointer::Skew(_)), _) => 5,
        (End::Plain | End::Return(_), Some(Act::Grow(_))) => 6,
        (End::Trap, _) => 7,
        (End::Plain | End::Return(_), Some(Act::Import(_) | Act::Leave | Act::BuiltIn(_))) => 8,
    }
}

/// The reasons that depend on who calls whom.
pub struct Impossible {
    /// Why nothing that is lowered is too long.
    pub too_long: &'static str,
    /// Why nothing is lent at the other stages.
    pub lent: &'static str,
    /// Why all that is called at the other stages may be entered.
    pub entered: &'static str,
}

/// Why a call cannot end in this trap at this stage.
pub fn impossible_trap(trap: Trap, stage: Stage, why: &Impossible) -> Option<&'static str> {
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
        Trap::StringTooLong | Trap::ListTooLong if lowers => Some(why.too_long),
        Trap::StringTooLong
        | Trap::ListTooLong
        | Trap::InvalidUtf8
        | Trap::InvalidUtf16
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::HandleNotOwned => not_lifted,
        Trap::UnknownHandle | Trap::HandleOfOtherType => (!lifts && !guest_runs)
            .then_some("neither a lift nor a built-in looks for a handle here"),
        Trap::HandleLent => (stage != Stage::LiftParams).then_some(why.lent),
        Trap::TooManyHandles => Some("no case makes 2^28 handles"),
        Trap::BorrowsRemain => {
            (stage != Stage::LiftResult).then_some("the call does not return here")
        }
        Trap::CannotEnterComponent => (stage != Stage::Host).then_some(why.entered),
        Trap::CannotLeaveComponent => (!lowers && stage != Stage::PostReturn)
            .then_some("may_leave is false only in realloc and post-return"),
        Trap::CannotBlockSyncTask => (stage != Stage::Host).then_some("only the host blocks"),
        Trap::Guest => (!guest_runs).then_some("no guest code runs here"),
        Trap::Async(_) => Some("no case has anything async but functions"),
        Trap::Host => (stage != Stage::Host).then_some("the host does not run here"),
    }
}
