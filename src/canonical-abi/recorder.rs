//! A watcher that deviates as it is told to and writes down what it is told.
//! Knows nothing of who reads that.

use std::collections::{BTreeMap, BTreeSet};

use super::deviations;
use super::point::{Party, Point, Points, Rule};
use super::watch::{Act, Block, Place, Stage, Watch};
use super::{Deviation, Deviations, LiftLowerOptions, Stop, Trap};
use crate::value::Value;

/// What a run showed that neither guests nor host see.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// The deviations in force.
    pub deviations: Deviations,
    /// The checks that are left out, besides those that deviations leave out.
    pub unchecked: Points,
    /// The deviations that were met at a place where they change something.
    pub taken: Deviations,
    pub course: Course,
    pub points: Points,
    /// The stages at which the host lifts into values of static types.
    pub static_lifts: BTreeSet<Stage>,
    pub faults: Faults,
    /// Whether a limit that the spec lacks ended the search for faults: there may be more.
    pub unexplored: bool,
    lowered: BTreeMap<usize, Lowered>,
    exploring: bool,
}

/// Where lifting or lowering for another guest ended: all of which that call may meet the first, depending on
/// the order of what it does. Where anything else ended there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub traps: BTreeSet<Trap>,
    /// Whether it may crash, as a deviation has it.
    pub crash: bool,
}

/// That a call ended as only a deviation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviated;

/// How far a call got, and what it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Where it ended, or is.
    pub stage: Stage,
    /// How many calls from one guest to another are under way, or were when it ended: calls of functions
    /// and of destructors.
    pub depth: usize,
    /// The calls of built-ins and of destructors, in the order in which they ended.
    pub acts: Vec<Act>,
}

/// What was lowered for one instance, as far as the reader of what it saw needs to know it.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// How often values were lowered to core values: each time, one core function is called with
    /// them or one returns them to the guest.
    pub lowerings: usize,
    /// Where NaNs were lowered to.
    pub nans: Vec<NanLeaf>,
    pub received: Received,
}

/// What an instance received during one call of the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The calls of its `realloc`, in order.
    pub reallocs: Vec<ReallocStep>,
    /// What another guest passed, as far as all of it was lowered.
    pub crossings: Vec<Crossing>,
}

/// Values that were lifted from one guest and lowered for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Whether they are params or a result.
    pub stage: Stage,
    pub values: Vec<Value>,
}

/// One call of `realloc`, made while values are lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReallocStep {
    pub stage: Stage,
    /// The options of the guest that the values are from; nothing where they are the host's.
    pub peer: Option<LiftLowerOptions>,
    pub block: Block,
}

/// A NaN that was lowered: any other NaN of this width in its place would be right as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NanLeaf {
    /// Which lowering for its instance it was part of, counted from 1.
    pub lowering: usize,
    pub place: Place,
    /// In bytes: 4 or 8.
    pub width: u32,
}

impl Recorder {
    /// One that has nothing written down.
    pub fn deviating(deviations: Deviations) -> Recorder {
        Recorder { deviations, ..Recorder::default() }
    }

    /// One with no deviation in force, but without some checks.
    pub fn unchecked(checks: impl IntoIterator<Item = Point>) -> Recorder {
        let mut unchecked = Points::default();
        for check in checks {
            Party::ALL.iter().for_each(|party| unchecked.insert(check, *party));
        }
        Recorder { unchecked, ..Recorder::default() }
    }

    /// What was lowered for an instance.
    pub fn lowered(&mut self, instance: usize) -> &mut Lowered {
        self.lowered.entry(instance).or_default()
    }
}

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.traps.is_empty() && !self.crash
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.traps.len() + usize::from(self.crash)
    }
}

impl FromIterator<Trap> for Faults {
    fn from_iter<I: IntoIterator<Item = Trap>>(traps: I) -> Faults {
        Faults { traps: traps.into_iter().collect(), crash: false }
    }
}

impl Watch for Recorder {
    type Deviated = Deviated;

    fn deviated(&self) -> Deviated {
        Deviated
    }

    fn deviates(&mut self, deviation: Deviation) -> bool {
        let deviates = self.has(deviation);
        if deviates {
            self.taken.insert(deviation);
        }
        deviates
    }

    fn has(&self, deviation: Deviation) -> bool {
        self.deviations.contains(deviation)
    }

    fn waives(&mut self, point: Point, party: Party) -> bool {
        self.unchecked.contains(point, party) || deviations::waives(self, party, point)
    }

    fn omits(&self, rule: Rule) -> bool {
        Party::ALL.iter().any(|party| self.unchecked.contains(rule.into(), *party))
    }

    fn reach(&mut self, point: Point, party: Party) {
        if !self.exploring {
            self.points.insert(point, party);
        }
    }

    fn begin(&mut self) {
        self.faults = Faults::default();
        self.unexplored = false;
    }

    fn stage(&self) -> Stage {
        self.course.stage
    }

    fn set_stage(&mut self, stage: Stage) {
        if !self.exploring {
            self.course.stage = stage;
        }
    }

    fn set_depth(&mut self, depth: usize) {
        self.course.depth = depth;
    }

    fn act(&mut self, act: Act) {
        if !self.exploring {
            self.course.acts.push(act);
        }
    }

    fn lower(&mut self, instance: usize) {
        self.lowered(instance).lowerings += 1;
    }

    fn nan(&mut self, instance: usize, place: Place, width: u32) {
        let lowered = self.lowered(instance);
        lowered.nans.push(NanLeaf { lowering: lowered.lowerings, place, width });
    }

    fn realloc(&mut self, instance: usize, peer: Option<LiftLowerOptions>, block: Block) {
        if !self.exploring {
            let step = ReallocStep { stage: self.course.stage, peer, block };
            self.lowered(instance).received.reallocs.push(step);
        }
    }

    fn passed(&mut self, instance: usize, values: &[Value]) {
        let crossing = Crossing { stage: self.course.stage, values: values.to_vec() };
        self.lowered(instance).received.crossings.push(crossing);
    }

    fn lifts_statically(&self) -> bool {
        self.static_lifts.contains(&self.course.stage)
    }

    fn explores(&self) -> bool {
        true
    }

    fn exploring(&mut self, begins: bool) {
        self.exploring = begins;
    }

    /// A limit is no fault, but hides some.
    fn fault(&mut self, stop: Stop) {
        match stop {
            Stop::Trap(trap) => {
                self.faults.traps.insert(trap);
            }
            Stop::Crash => self.faults.crash = true,
            Stop::Exhausted(_) | Stop::Deadlock => self.unexplored = true,
        }
    }
}
