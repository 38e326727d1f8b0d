//! Rows of more than one table: traps, types, and what `realloc` is scripted to do.
//! Knows nothing of where they are counted.

use std::collections::BTreeSet;

use crate::abi::{ReallocStep, Received, Trap};
use crate::case::check::Feature;
use crate::case::{Realloc, Script};

pub const TRAPS: [Trap; 20] = [
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

/// The calls of a guest's `realloc` that lowering made, each with the position of what it did.
pub fn reallocs<'a>(
    script: &'a Script,
    received: &'a Received,
) -> impl Iterator<Item = (&'a ReallocStep, usize)> {
    let actions = script.realloc.iter().copied().chain(std::iter::repeat(Realloc::Bump));
    received.reallocs.iter().zip(actions.map(behavior))
}

fn behavior(action: Realloc) -> usize {
    match action {
        Realloc::Bump => 0,
        Realloc::Forget => 1,
        Realloc::At(_) => 2,
        Realloc::End(_) => 3,
        Realloc::Old => 4,
        Realloc::Skew(_) => 5,
        Realloc::Grow(_) => 6,
        Realloc::Trap => 7,
        Realloc::Import | Realloc::BuiltIn(_) => 8,
    }
}
