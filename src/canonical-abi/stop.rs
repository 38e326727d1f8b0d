//! The ways in which lifting, lowering and calls end before they are done.
//! Knows nothing of which of them is met where.

use std::fmt;

use super::Trap;

/// Why something ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stop {
    /// As the specification has it.
    Trap(Trap),
    /// A limit was met that the specification lacks: this one.
    Exhausted(&'static str),
    /// A call waits for what never comes.
    Deadlock,
    /// An engine fails here altogether, as a deviation has it.
    Crash,
}

impl Stop {
    /// The trap, if it is one.
    pub fn trap(self) -> Option<Trap> {
        match self {
            Stop::Trap(trap) => Some(trap),
            Stop::Exhausted(_) | Stop::Deadlock | Stop::Crash => None,
        }
    }
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Stop {
        Stop::Trap(trap)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Trap(trap) => trap.fmt(f),
            Stop::Exhausted(limit) => f.write_str(limit),
            Stop::Deadlock => f.write_str("deadlock"),
            Stop::Crash => f.write_str("crash"),
        }
    }
}

impl std::error::Error for Stop {}

/// Ends where something holds that no rule of the spec's is about.
pub fn end_if(condition: bool, stop: impl Into<Stop>) -> Result<(), Stop> {
    if condition { Err(stop.into()) } else { Ok(()) }
}
