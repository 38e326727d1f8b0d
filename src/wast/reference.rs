//! The reference as an engine for scripts.
//! Knows the runtime's interface, and that no script has a host.

use std::sync::Arc;

use super::engine::{self, Stop};
use crate::abi::Deviations;
use crate::component::definition::Import;
use crate::component::limits::FUEL;
use crate::component::{Compiled, Refusal};
use crate::engine::any::no_answers;
use crate::engine::reference::any::AnyRun;
use crate::observation::{Outcome, Told};
use crate::types::FuncType;
use crate::value::Value;

/// The reference.
#[derive(Default)]
pub struct Reference {
    /// Ways to be wrong that are planted in it.
    pub deviations: Deviations,
}

impl engine::Engine for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn validate(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        Compiled::new(bytes).map(|_| ()).map_err(refused)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, Stop> {
        let compiled = Compiled::metered(bytes, Some(FUEL)).map_err(refused)?;
        let imports = &compiled.decoded.imports;
        if let Some((name, _)) = imports.iter().find(|(_, asked)| !matches!(asked, Import::Type)) {
            return Err(Stop::Unlinkable(format!("nobody offers `{name}`")));
        }
        let started = AnyRun::start(&compiled, Arc::default(), no_answers(), self.deviations);
        let (run, told) = started.map_err(refused)?;
        returned(told)?;
        Ok(Box::new(run))
    }
}

impl engine::Instance for AnyRun {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, Stop>> {
        self.export(path).cloned().map(Ok)
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        returned(AnyRun::call(self, path, args))
    }
}

fn refused(refusal: Refusal) -> Stop {
    match refusal {
        Refusal::Invalid(why) => Stop::refused(&why),
        Refusal::Unsupported(feature) => Stop::Unsupported(feature),
    }
}

fn returned(told: Told) -> Result<Option<Value>, Stop> {
    if told.outcome == Outcome::Returned { Ok(told.result) } else { Err(Stop::of(told.outcome)) }
}
