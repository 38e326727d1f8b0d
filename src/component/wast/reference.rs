//! The reference as an engine for scripts.
//! Knows the runtime's interface, and the host of scripts.

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use canonical_abi::types::{FuncType, Resource};
use canonical_abi::value::Value;
use canonical_abi::{Deviated, Deviations, Recorder};

use super::engine::{self, NoResult};
use super::host::{self, Drops, ScriptHost};
use super::link::{Offer, Offers, link};
use crate::limits::{FUEL, MEMORY_SIZE};
use crate::{Compiled, Failure, Instance, NotInstantiated, Refusal, instantiate};

/// The reference.
pub struct Reference {
    /// Ways to be wrong that are planted in it.
    deviations: Deviations,
    /// Bytes that all memories of an instance may take together.
    memory: usize,
    engine: wasmi::Engine,
    offers: Offers,
    /// How many resource types there are among them.
    resources: Resource,
    drops: Drops,
    notes: Rc<Notes>,
}

/// What the instances of a script have shown beside results.
#[derive(Default)]
struct Notes {
    denied: Cell<Option<&'static str>>,
    taken: Cell<Deviations>,
}

impl Default for Reference {
    fn default() -> Reference {
        Reference::new(Deviations::NONE, MEMORY_SIZE)
    }
}

impl Reference {
    /// One that is wrong in these ways, if any, and gives an instance so many bytes for all its memories.
    pub fn new(deviations: Deviations, memory: usize) -> Reference {
        let engine = instantiate::engine(true);
        let (offers, resources) = host::offers(&engine);
        let (drops, notes) = (Drops::default(), Rc::default());
        Reference { deviations, memory, engine, offers, resources, drops, notes }
    }

    /// The ways to be wrong that have changed something in this script.
    pub fn taken(&self) -> Deviations {
        self.notes.taken.get()
    }

    /// What components may import of an instance: its core modules and resource types.
    fn offers_of(&mut self, running: &mut Running) -> Offers {
        let Running { instance, numbers, .. } = running;
        let mut offers = Offers::new();
        for (name, module) in instance.modules() {
            offers.insert(name.to_string(), Offer::Module(module.clone()));
        }
        for (name, rt) in instance.resource_types() {
            let number = *numbers.entry(rt.id).or_insert_with(|| {
                self.resources += 1;
                self.resources - 1
            });
            offers.insert(name.to_string(), Offer::Resource(number));
        }
        offers
    }
}

impl engine::Engine for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn begin(&mut self) {
        *self = Reference::new(self.deviations, self.memory);
    }

    fn validate(&mut self, bytes: &[u8]) -> Result<(), NoResult> {
        Ok(Compiled::new(bytes).map(|_| ())?)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, NoResult> {
        let modules = link(bytes, &self.offers)?;
        let compiled = Compiled::importing(bytes, &self.engine, modules, Some(FUEL))?;
        let recorder = Recorder::deviating(self.deviations);
        let mut instance = compiled.begin(ScriptHost::new(self.drops.clone()), recorder);
        instance.allow_memory(self.memory);
        let started = compiled.start(&mut instance);
        self.notes.add(&mut instance);
        started.map_err(|why| match why {
            NotInstantiated::Refused(refusal) => NoResult::from(refusal),
            NotInstantiated::RefusedByDeviation(_) => NoResult::refused(&why.to_string()),
            NotInstantiated::Failed(failure) => stopped(failure),
        })?;
        let (numbers, notes) = (BTreeMap::new(), self.notes.clone());
        Ok(Box::new(Running { instance, received: 0, numbers, notes }))
    }

    fn register(&mut self, name: &str, instance: &mut dyn engine::Instance) {
        let instance: &mut dyn Any = instance;
        let running: &mut Running = instance.downcast_mut().expect("it is one of this engine's");
        let offers = self.offers_of(running);
        self.offers.insert(name.to_string(), Offer::Instance(offers));
    }

    fn denied(&mut self) -> Option<&'static str> {
        self.notes.denied.take()
    }
}

impl Notes {
    fn add(&self, instance: &mut Instance<ScriptHost, Recorder>) {
        self.denied.set(instance.denied().or(self.denied.get()));
        self.taken.set(self.taken.get().iter().chain(instance.watch().taken.iter()).collect());
    }
}

struct Running {
    instance: Instance<ScriptHost, Recorder>,
    /// How many handles the script has received.
    received: u32,
    /// The numbers of its resource types among those that are offered, by what they are to the machine.
    numbers: BTreeMap<usize, Resource>,
    notes: Rc<Notes>,
}

impl engine::Instance for Running {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, NoResult>> {
        self.instance.export(path).cloned().map(Ok)
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, NoResult> {
        let called = self.instance.call(path, args);
        self.notes.add(&mut self.instance);
        let mut result = called.map_err(stopped)?;
        result.iter_mut().for_each(|value| number(value, &mut self.received));
        Ok(result)
    }
}

/// Gives handles numbers in the order in which they were received: a representation is the guest's own
/// business, and other engines do not show it.
fn number(value: &mut Value, received: &mut u32) {
    if let Value::Handle(handle) = value {
        *handle = *received;
        *received += 1;
    }
    value.parts_mut().iter_mut().for_each(|part| number(part, received));
}

impl From<Refusal> for NoResult {
    fn from(refusal: Refusal) -> NoResult {
        match refusal {
            Refusal::Invalid(why) => NoResult::refused(&why),
            Refusal::Unsupported(feature) => NoResult::Unsupported(feature),
            Refusal::Exhausted(limit) => NoResult::Exhausted(limit),
        }
    }
}

fn stopped(failure: Failure<Deviated>) -> NoResult {
    match failure {
        Failure::Trap(trap) => NoResult::Trapped(Some(trap), trap.to_string()),
        Failure::Exhausted(limit) => NoResult::Exhausted(limit.to_string()),
        Failure::Deadlock => NoResult::Deadlocked(failure.to_string()),
        Failure::Crash(Deviated) => NoResult::Crashed("as a deviation has it".to_string()),
    }
}
