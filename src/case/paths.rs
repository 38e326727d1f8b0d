//! By which of an engine's interfaces host and guest call one another.
//! Knows nothing of what is called, nor which interfaces an engine has.

use serde::{Deserialize, Serialize};

use super::tuning::Tuning;

/// The ways in and out of a component. No choice here may change what a run shows, but for a
/// registered divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paths {
    /// How the host calls the first guest's export.
    pub call: Path,
    /// How the host's function is defined, which the last guest imports.
    pub import: Path,
    /// How often that function is polled in vain before it returns. Only one that is not `Sync` can be.
    pub polls: u32,
    /// Whether the store has another instance of the component, which is called after this one, each
    /// time that this one returns. What it shows nobody looks at.
    pub neighbor: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Path {
    pub api: Api,
    pub mode: Mode,
}

/// How values are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Api {
    /// As values that say what they are.
    Dynamic,
    /// As values of static types: which, where there are several for one component type.
    Typed(u32),
}

/// What happens to the caller while a call lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// It waits.
    Sync,
    /// It awaits, and has the store to itself.
    Async,
    /// It awaits, and so may others with the same store.
    Concurrent,
}

impl Api {
    pub fn is_typed(self) -> bool {
        match self {
            Api::Dynamic => false,
            Api::Typed(_) => true,
        }
    }
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Sync, Mode::Async, Mode::Concurrent];
}

impl Path {
    pub const PLAIN: Path = Path { api: Api::Dynamic, mode: Mode::Sync };
}

impl Paths {
    /// The plainest.
    pub const PLAIN: Paths =
        Paths { call: Path::PLAIN, import: Path::PLAIN, polls: 0, neighbor: false };

    /// Whether one of the calls is of this mode.
    pub fn any(&self, mode: Mode) -> bool {
        self.call.mode == mode || self.import.mode == mode
    }

    /// What is wrong with these, whatever is called.
    pub fn wrong(&self, tuning: Tuning) -> Option<&'static str> {
        if self.call.mode == Mode::Sync && self.import.mode != Mode::Sync {
            Some("a function that awaits can only be called by one that does")
        } else if self.import.mode == Mode::Sync && self.polls != 0 {
            Some("a function that does not await is not polled")
        } else if self.any(Mode::Concurrent) && !tuning.concurrency {
            Some("concurrent calls need `concurrency`")
        } else {
            None
        }
    }

    /// Each way that differs from this one in the mode of a call. Whether the function of an import is
    /// `Concurrent` is not free: its type says it.
    pub fn others(self, tuning: Tuning) -> Vec<Paths> {
        let modes = Mode::ALL.into_iter().flat_map(|call| Mode::ALL.map(|import| (call, import)));
        let others = modes.map(|(call, import)| Paths {
            call: Path { mode: call, ..self.call },
            import: Path { mode: import, ..self.import },
            polls: if import == Mode::Sync { 0 } else { self.polls },
            ..self
        });
        let concurrent = |paths: &Paths| paths.import.mode == Mode::Concurrent;
        let others = others.filter(|other| concurrent(other) == concurrent(&self));
        others.filter(|other| *other != self && other.wrong(tuning).is_none()).collect()
    }
}
