//! How a subject is configured.
//! Knows no subject.

use serde::{Deserialize, Serialize};

/// How the subject is configured. No choice here may change what a run shows, but for a
/// registered divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tuning {
    /// Optimise compiled code.
    pub optimize: bool,
    /// Allocate instances from a pool.
    pub pooling: bool,
    /// Let a memory move when it grows.
    pub moving_memory: bool,
    /// Support concurrent calls, where the subject has the choice.
    pub concurrency: bool,
    /// Catch faults of compiled code by signals; without them it checks for itself.
    pub signals: bool,
    /// Reserve room behind memories, so that most accesses need no check. Without it slots are as
    /// small as the memories.
    pub guards: bool,
    /// Count what compiled code does.
    pub fuel: bool,
    /// Have compiled code look at a clock of epochs.
    pub epochs: bool,
}

impl Tuning {
    /// The plainest.
    pub const PLAIN: Tuning = Tuning {
        optimize: false,
        pooling: false,
        moving_memory: false,
        concurrency: false,
        signals: true,
        guards: true,
        fuel: false,
        epochs: false,
    };

    /// All choices, in the order of declaration.
    pub fn choices(&mut self) -> [&mut bool; 8] {
        let Tuning { optimize, pooling, moving_memory, concurrency, .. } = self;
        let Tuning { signals, guards, fuel, epochs, .. } = self;
        [optimize, pooling, moving_memory, concurrency, signals, guards, fuel, epochs]
    }

    /// Each tuning that differs from this one in one choice.
    pub fn flipped(self) -> [Tuning; 8] {
        std::array::from_fn(|index| {
            let mut other = self;
            let choice = &mut *other.choices()[index];
            *choice = !*choice;
            other
        })
    }
}
