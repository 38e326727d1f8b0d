//! The subject in this process: what it compiled is kept for the next case of the same shape.
//! Knows how much is kept; how to compile and run, the adapter knows.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::machine::told_apart;
use super::wasmtime::fault::Fault;
use super::wasmtime::{self, Loaded, Run, Setup, Subject};
use crate::case::{Case, Shape};
use crate::encode::{Prepared, Puppets};
use crate::observation::{Observation, Outcome};

/// Components that are kept compiled: enough for what a mutator works on at a time, and some tens
/// of megabytes.
pub const SHAPES: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// A subject and what it has compiled.
pub struct Local {
    subject: Subject,
    loaded: LruCache<Shape, Vec<Compiled>>,
    /// Whether components import their puppets.
    puppets: Puppets,
    /// What is planted in the way in and out of each instance.
    pub fault: Option<Fault>,
}

/// A component compiled and linked for cases of one setup, or why it could not be.
type Compiled = (Setup, Result<Loaded, Outcome>);

impl Local {
    /// A subject for components that have their puppets from here.
    pub fn new(puppets: Puppets) -> Local {
        let (subject, loaded) = (Subject::new(puppets), LruCache::new(SHAPES));
        Local { subject, loaded, puppets, fault: None }
    }

    /// Compiles the component for this case, unless it is kept.
    pub fn load(&mut self, case: &Case, component: impl FnOnce() -> Vec<u8>) {
        let Local { subject, loaded, puppets, .. } = self;
        let loaded = loaded.get_or_insert_mut_ref(&case.shape, Vec::new);
        let setup = Setup::of(case);
        if loaded.iter().all(|(other, _)| *other != setup) {
            let known = loaded.iter().filter_map(|(_, loaded)| loaded.as_ref().ok());
            let new = subject.load(case, component, puppets.of(&case.shape), known);
            loaded.push((setup, new.map_err(told_apart)));
        }
    }

    /// Makes an instance of what was loaded for this case.
    pub fn instantiate(&self, case: &Case) -> Result<Run, Outcome> {
        let mut loaded = self.loaded.peek(&case.shape).into_iter().flatten();
        let setup = Setup::of(case);
        let (_, loaded) = loaded.find(|(other, _)| *other == setup).expect("it was loaded");
        wasmtime::instantiate(loaded.as_ref().map_err(Outcome::clone)?, case, self.fault)
    }
}

/// Runs a case on an instance, if there is one.
pub fn run(started: Result<Run, Outcome>, case: &Case, prepared: &Prepared) -> Observation {
    let Observation { calls, outcome } = match started {
        Ok(run) => run.run(case, prepared),
        Err(outcome) => Observation { calls: Vec::new(), outcome },
    };
    Observation { calls, outcome: told_apart(outcome) }
}
