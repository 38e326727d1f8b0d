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
    /// The plainest, which case files do not mention: nothing that has to be asked for.
    pub const PLAIN: Tuning = Tuning {
        optimize: false,
        pooling: false,
        moving_memory: false,
        concurrency: true,
        signals: true,
        guards: true,
        fuel: false,
        epochs: false,
    };

    /// The names of all choices, in the order of declaration.
    pub const NAMES: [&str; 8] = [
        "optimize",
        "pooling",
        "moving-memory",
        "concurrency",
        "signals",
        "guards",
        "fuel",
        "epochs",
    ];

    /// Each choice with its name.
    pub fn named(mut self) -> [(&'static str, bool); 8] {
        let choices = self.choices().map(|choice| *choice);
        std::array::from_fn(|index| (Tuning::NAMES[index], choices[index]))
    }

    /// Those choices that are not the plain ones.
    pub fn unusual(self) -> impl Iterator<Item = (&'static str, bool)> {
        let plain = Tuning::PLAIN.named();
        self.named().into_iter().filter(move |choice| !plain.contains(choice))
    }

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
