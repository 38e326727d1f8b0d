//! What a run shows: everything that an engine may not choose.
//! Knows nothing of who ran it or what it should have been.

use serde::{Deserialize, Serialize};

use crate::abi::{BuiltIn, Core, Course, Deviations, Faults, NanLeaf, Points, Received, Trap};
use crate::types::Resource;
use crate::value::Value;

/// A whole run. Between the parties (host, guests) there is no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The calls that the host began, in order; only the last may have no result.
    pub calls: Vec<CallObservation>,
    pub outcome: Outcome,
}

/// What the reference shows, and what it took to show it.
#[derive(Clone, Debug)]
pub struct Reading {
    pub observation: Observation,
    /// The deviations that changed something.
    pub taken: Deviations,
    /// How each of the calls went.
    pub calls: Vec<CallReading>,
    /// Where the run ended in a trap between two guests, or in a crash there: all traps that the same call can end in,
    /// whichever of them an engine meets first. Where it ended in a misuse: the trap that an engine may meet
    /// before it sees the mistake.
    pub faults: Faults,
    /// Why there may be more of them, if there may.
    pub unexplored: Option<Unexplored>,
    /// What of the Canonical ABI it came to.
    pub points: Points,
}

/// Why a call may end in a trap that the reference does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unexplored {
    /// A limit of ours was met in looking for faults between guests.
    Limit,
    /// The host is given views of static types, and looks at what is in them when the engine is done with the
    /// rest: of two faults either may be met.
    Views,
}

/// How one call went.
#[derive(Clone, Debug, Default)]
pub struct CallReading {
    pub course: Course,
    /// Where, for each guest, any NaN is as good as another. Nothing where the call did not return.
    pub nans: Vec<Vec<NanLeaf>>,
    /// What each guest received.
    pub received: Vec<Received>,
}

/// One call of the export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallObservation {
    /// What the host saw and did, in order.
    pub host: Vec<HostEvent>,
    /// What the export returned, and what the guests saw. After a trap there is none: nobody can
    /// look into a guest any more. A call that the host did not make has no result.
    pub returned: Option<Returned>,
}

/// Something that the host saw or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostEvent {
    /// The guest called the import with these.
    Called(Vec<Value>),
    /// The guest dropped the last handle of a resource of the host's.
    Destructor { resource: Resource, rep: u32 },
    /// The host was to call the export with this handle, which it does not hold, and did not.
    NotCalled(u32),
    /// The host was to drop this handle, which it does not hold, and did not.
    NotDropped(u32),
    /// What the first of two calls returned.
    FirstReturned(Option<Value>),
    /// The host called the export with a mistake and was told so: the call was not made.
    Misused,
}

/// A call that came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    pub result: Option<Value>,
    pub guests: Vec<GuestObservation>,
}

/// What one guest saw during a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestObservation {
    pub events: Vec<GuestEvent>,
    /// Its whole memory after the call.
    #[serde(with = "serde_bytes")]
    pub memory: Vec<u8>,
}

/// Something that a guest saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestEvent {
    /// The export's core function was called.
    Called(Vec<Core>),
    Realloc {
        old: u64,
        old_size: u64,
        align: u64,
        new_size: u64,
    },
    /// What `realloc` answered.
    Reallocated(u64),
    /// The import came back.
    ImportReturned(Vec<Core>),
    PostReturn(Vec<Core>),
    /// A built-in came back, with its answer where it has one.
    BuiltIn {
        which: BuiltIn,
        of: Resource,
        answer: Option<u32>,
    },
    /// A destructor was called.
    Destructor {
        resource: Resource,
        rep: u32,
    },
}

impl Reading {
    /// Where any NaN is as good as another in what a guest saw in a call.
    pub fn nans(&self, call: usize, guest: usize) -> &[NanLeaf] {
        let nans = self.calls.get(call).and_then(|call| call.nans.get(guest));
        nans.map(Vec::as_slice).unwrap_or_default()
    }
}

impl CallObservation {
    /// Whether the host called the export at all.
    pub fn was_made(&self) -> bool {
        !matches!(self.host.first(), Some(HostEvent::NotCalled(_) | HostEvent::Misused))
    }

    /// What the last guest passed to the host's import, call by call.
    pub fn import_calls(&self) -> impl Iterator<Item = &Vec<Value>> {
        self.host.iter().filter_map(|event| match event {
            HostEvent::Called(args) => Some(args),
            HostEvent::Destructor { .. }
            | HostEvent::NotCalled(_)
            | HostEvent::NotDropped(_)
            | HostEvent::FirstReturned(_)
            | HostEvent::Misused => None,
        })
    }
}

/// Something that the host of a component from anywhere saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Called {
        import: String,
        args: Vec<Value>,
    },
    /// The guest dropped an owned resource of the host's.
    Dropped {
        resource: Resource,
        rep: u32,
    },
}

/// What came of one thing that the host did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub seen: Vec<Seen>,
    pub result: Option<Value>,
    pub outcome: Outcome,
    /// Where a call between guests trapped, all that it may trap for. Only the reference knows.
    pub faults: Faults,
}

impl Told {
    pub fn of(seen: Vec<Seen>, result: Result<Option<Value>, Outcome>) -> Told {
        let faults = Faults::default();
        match result {
            Ok(result) => Told { seen, result, outcome: Outcome::Returned, faults },
            Err(outcome) => Told { seen, result: None, outcome, faults },
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All calls came back.
    Returned,
    /// The last call trapped. `None`: with a message that we cannot place.
    Trapped(Option<Trap>, String),
    /// The last call waits for what never comes, and the host was told so.
    Deadlocked(String),
    /// The host was told that it misused the interface, as the last call has it do, after the guests may
    /// have seen something of that call.
    Misused(String),
    /// The component was not accepted, or the host was told that it misused the interface, which it did
    /// not.
    Refused(String),
    /// This version lacks a feature that the case needs.
    Unsupported(String),
    /// A limit that the spec lacks was met: says nothing.
    Exhausted(String),
    /// A panic of the engine, or worse.
    Crashed(String),
    /// Nobody looked: why not. Says nothing.
    NotObserved(String),
}
