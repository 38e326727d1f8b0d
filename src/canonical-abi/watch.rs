//! Whoever watches what lifting, lowering and calls do: told of it, and asked where to do it otherwise.
//! Knows nothing of what is made of that.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;

use super::point::{Change, Party, Point, Rule};
use super::{BuiltIn, Deviation, LiftLowerOptions, Stop};
use crate::value::{StringSource, Value};

/// Who watches. `()` does not look, and lets everything go as specified. Instances are those of
/// [`Guest::instance`](super::Guest::instance).
pub trait Watch: Any + Send {
    /// Stands for an end that only a deviation leads to: a crash, say. It has no value where nobody deviates.
    type Deviated: Clone + fmt::Debug + PartialEq
    where
        Self: Sized;

    /// That this came about. It is asked only where whoever watches has deviated.
    fn deviated(&self) -> Self::Deviated
    where
        Self: Sized;

    /// Whether to deviate here. It is asked only where the answer changes something.
    fn deviates(&mut self, _: Deviation) -> bool {
        false
    }

    /// Whether a deviation is in force, be it met or not.
    fn has(&self, _: Deviation) -> bool {
        false
    }

    /// Whether the check that a point stands for is left out here, where it would trap.
    fn waives(&mut self, _: Point, _: Party) -> bool {
        false
    }

    /// Whether the check that a rule demands is left out for anyone, be it met or not.
    fn omits(&self, _: Rule) -> bool {
        false
    }

    /// This came to a point.
    fn reach(&mut self, _: Point, _: Party) {}

    /// What is looked up in a table is not there.
    fn misses(&mut self, _: Miss) {}

    /// The host begins a call, or something else that may end in a trap.
    fn begin(&mut self) {}

    /// The stage that it was told last.
    fn stage(&self) -> Stage {
        Stage::default()
    }

    /// The call under way comes to another stage, or it is another call.
    fn set_stage(&mut self, _: Stage) {}

    /// So many calls from one guest to another, or of a destructor of another's, lead to the call under way.
    fn set_depth(&mut self, _: usize) {}

    /// A built-in or a destructor has ended.
    fn act(&mut self, _: Act) {}

    /// Values are lowered for an instance: one core function is called with them, or one returns them.
    fn lower(&mut self, _instance: usize) {}

    /// A NaN is lowered there; it is so many bytes wide.
    fn nan(&mut self, _instance: usize, _: Place, _width: u32) {}

    /// The `realloc` of an instance is called, for values that are from the guest with these options, or
    /// from the host.
    fn realloc(&mut self, _instance: usize, _peer: Option<LiftLowerOptions>, _: Block) {}

    /// Values from another guest were lowered for an instance, all of them.
    fn passed(&mut self, _instance: usize, _: &[Value]) {}

    /// Whether the host lifts into values of static types at this stage. Only a deviation asks.
    fn lifts_statically(&self) -> bool {
        false
    }

    /// Whether to look, after a trap between guests, for what else that call may trap for.
    fn explores(&self) -> bool {
        false
    }

    /// That begins, or ends: what is done meanwhile is no part of the call.
    fn exploring(&mut self, _: bool) {}

    /// A call between guests may end in this.
    fn fault(&mut self, _: Stop) {}
}

impl Watch for () {
    type Deviated = Infallible;

    fn deviated(&self) -> Infallible {
        unreachable!("who does not look lets nothing deviate")
    }
}

/// The stages of a call of an export, and of the imports that it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// `canon lift` lowers the params.
    #[default]
    LowerParams,
    /// The guest's function runs.
    Callee,
    /// `canon lower` lifts the params.
    LiftParams,
    /// The import's callee runs: the host.
    Host,
    /// `canon lower` lowers the result.
    LowerResult,
    /// `canon lift` lifts the result.
    LiftResult,
    PostReturn,
    /// A destructor of a guest's runs.
    Destructor,
}

/// Why what is looked up in a table is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The table ends before.
    BeyondEnd,
    Empty,
    /// Something else is there.
    OtherKind,
}

/// One call of a built-in or of a destructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    pub kind: ActKind,
    /// What it was called in.
    pub stage: Stage,
    /// What it ended in, if it did not come back.
    pub stop: Option<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActKind {
    BuiltIn(BuiltIn),
    Destructor,
}

/// What a block of memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    List,
    /// Params that spill.
    Tuple,
    String {
        source: StringSource,
        change: Change,
    },
}

/// Where a lowered float is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Place {
    Memory(u64),
    /// The index among the core values of one `lower_flat_values`.
    Flat(usize),
}
