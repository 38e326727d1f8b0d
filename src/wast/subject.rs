//! The subject as an engine for scripts.
//! Knows the adapter's interface, not how Wasmtime is driven.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

use crate::abi::Trap;
use crate::component::limits::MEMORY_SIZE;
use crate::component::wast::engine::{self, NoResult};
use crate::engine::wasmtime::any::{self, NotInstantiated, Running};
use crate::engine::wasmtime::script::World;
use crate::observation::Outcome;
use crate::oracle::compare;
use crate::types::FuncType;
use crate::value::Value;

/// The subject.
pub struct Subject {
    subject: any::Subject,
    world: World,
    /// Bytes that all memories of an instance may take together.
    memory: usize,
    /// The limit for which something was denied since someone last asked.
    denied: Rc<Cell<Option<&'static str>>>,
}

impl Subject {
    /// One that gives an instance the usual memory.
    pub fn new() -> anyhow::Result<Subject> {
        Subject::with_memory(MEMORY_SIZE)
    }

    /// One that gives an instance so many bytes for all its memories.
    pub fn with_memory(memory: usize) -> anyhow::Result<Subject> {
        let subject = any::Subject::new()?;
        let world = subject.world()?;
        Ok(Subject { subject, world, memory, denied: Rc::default() })
    }
}

impl engine::Engine for Subject {
    fn name(&self) -> &'static str {
        "subject"
    }

    fn begin(&mut self) {
        self.world = self.subject.world().expect("one was made before");
    }

    fn validate(&mut self, bytes: &[u8]) -> Result<(), NoResult> {
        self.subject.compile(bytes).map(|_| ()).map_err(stop)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, NoResult> {
        let compiled = self.subject.compile(bytes).map_err(stop)?;
        let (made, denied) = compiled.instantiate(&self.world, self.memory);
        self.denied.set(denied);
        match made {
            Ok(running) => Ok(Box::new(Instance { running, denied: self.denied.clone() })),
            Err(NotInstantiated::Unlinkable(why)) => Err(NoResult::Unlinkable(why)),
            Err(NotInstantiated::Ended(outcome)) => Err(stop(outcome)),
        }
    }

    fn register(&mut self, name: &str, instance: &mut dyn engine::Instance) {
        let instance: &mut dyn Any = instance;
        let instance: &mut Instance = instance.downcast_mut().expect("it is one of this engine's");
        self.world.register(name, &mut instance.running).expect("a name may come again");
    }

    fn denied(&mut self) -> Option<&'static str> {
        self.denied.take()
    }

    fn is_trap(&self, expected: Trap, observed: Option<Trap>, words: &str) -> bool {
        compare::same_trap(expected, observed, words)
    }
}

/// An instance.
struct Instance {
    running: Running,
    denied: Rc<Cell<Option<&'static str>>>,
}

impl engine::Instance for Instance {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, NoResult>> {
        let ty = self.running.export(path)?;
        Some(ty.cloned().map_err(|name| NoResult::Unsupported(name.to_string())))
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, NoResult> {
        let called = self.running.call(path, args);
        self.denied.set(self.running.denied());
        called.map_err(stop)
    }
}

/// How the subject stopped, where it did.
fn stop(outcome: Outcome) -> NoResult {
    match outcome {
        Outcome::Returned => NoResult::Crashed("the engine returned, but nothing".to_string()),
        Outcome::Trapped(trap, words) => NoResult::Trapped(trap, words),
        Outcome::Deadlocked(words) => NoResult::Deadlocked(words),
        Outcome::Misused(why) | Outcome::Refused(why) => NoResult::refused(&why),
        Outcome::Unsupported(feature) => NoResult::Unsupported(feature),
        Outcome::Exhausted(why) | Outcome::NotObserved(why) => NoResult::Exhausted(why),
        Outcome::Crashed(how) => NoResult::Crashed(how),
    }
}
