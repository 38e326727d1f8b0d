//! The reference as an engine for scripts.
//! Knows the runtime's interface, and that no script has a host.

use canonical_abi::types::FuncType;
use canonical_abi::value::Value;
use canonical_abi::{Deviations, Recorder, Trap};

use super::engine::{self, Stop};
use crate::definition::Import;
use crate::limits::FUEL;
use crate::{Compiled, Failure, Instance, NotInstantiated, Refusal};

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
        Ok(Compiled::new(bytes).map(|_| ())?)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, Stop> {
        let compiled = Compiled::metered(bytes, Some(FUEL))?;
        let imports = &compiled.decoded.imports;
        if let Some((name, _)) = imports.iter().find(|(_, asked)| !matches!(asked, Import::Type)) {
            return Err(Stop::Unlinkable(format!("nobody offers `{name}`")));
        }
        let recorder = Recorder::deviating(self.deviations);
        let instance = compiled.instantiate((), recorder).map_err(|why| match why {
            NotInstantiated::Refused(refusal) => Stop::from(refusal),
            NotInstantiated::RefusedByDeviation => Stop::refused(&why.to_string()),
            NotInstantiated::Failed(failure) => stopped(failure),
        })?;
        Ok(Box::new(Running { instance, received: 0 }))
    }
}

struct Running {
    instance: Instance<()>,
    /// How many handles the script has received.
    received: u32,
}

impl engine::Instance for Running {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, Stop>> {
        self.instance.export(path).cloned().map(Ok)
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        let mut result = self.instance.call(path, args).map_err(stopped)?;
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

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        match refusal {
            Refusal::Invalid(why) => Stop::refused(&why),
            Refusal::Unsupported(feature) => Stop::Unsupported(feature),
        }
    }
}

fn stopped(failure: Failure) -> Stop {
    match failure {
        Failure::Trap(Trap::Crash) => Stop::Crashed("as a deviation has it".to_string()),
        Failure::Trap(trap) => Stop::Trapped(Some(trap), format!("{trap:?}")),
        Failure::Exhausted(limit) => Stop::Exhausted(limit),
    }
}
