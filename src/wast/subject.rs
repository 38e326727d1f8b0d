//! The subject as an engine for scripts.
//! Knows the adapter's interface, not how Wasmtime is driven.

use crate::abi::Trap;
use crate::component::wast::engine::{self, NoResult};
use crate::engine::wasmtime::any::{Compiled, NotInstantiated, Running, Subject};
use crate::observation::Outcome;
use crate::oracle::compare;
use crate::types::FuncType;
use crate::value::Value;

impl engine::Engine for Subject {
    fn name(&self) -> &'static str {
        "subject"
    }

    fn validate(&mut self, bytes: &[u8]) -> Result<(), NoResult> {
        self.compile(bytes).map(|_| ()).map_err(stop)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, NoResult> {
        let compiled = self.compile(bytes).map_err(stop)?;
        match Compiled::instantiate(&compiled) {
            Ok(running) => Ok(Box::new(running)),
            Err(NotInstantiated::Unlinkable(why)) => Err(NoResult::Unlinkable(why)),
            Err(NotInstantiated::Ended(outcome)) => Err(stop(outcome)),
        }
    }

    fn is_trap(&self, expected: Trap, observed: Option<Trap>, words: &str) -> bool {
        compare::same_trap(expected, observed, words)
    }
}

impl engine::Instance for Running {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, NoResult>> {
        let ty = self.export(path)?;
        Some(ty.cloned().map_err(|name| NoResult::Unsupported(name.to_string())))
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, NoResult> {
        Running::call(self, path, args).map_err(stop)
    }
}

/// How the subject stopped, where it did.
fn stop(outcome: Outcome) -> NoResult {
    match outcome {
        Outcome::Returned => NoResult::Crashed("the engine returned, but nothing".to_string()),
        Outcome::Trapped(trap, words) => NoResult::Trapped(trap, words),
        Outcome::Deadlocked(words) => NoResult::Trapped(None, words),
        Outcome::Misused(why) | Outcome::Refused(why) => NoResult::refused(&why),
        Outcome::Unsupported(feature) => NoResult::Unsupported(feature),
        Outcome::Exhausted(why) | Outcome::NotObserved(why) => NoResult::Exhausted(why),
        Outcome::Crashed(how) => NoResult::Crashed(how),
    }
}
