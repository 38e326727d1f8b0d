//! The reference as an engine for scripts.
//! Knows the runtime's interface, and that no script has a host.

use canonical_abi::types::FuncType;
use canonical_abi::value::Value;
use canonical_abi::{Deviated, Deviations, Recorder};

use super::engine::{self, NoResult};
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

    fn validate(&mut self, bytes: &[u8]) -> Result<(), NoResult> {
        Ok(Compiled::new(bytes).map(|_| ())?)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, NoResult> {
        let compiled = Compiled::metered(bytes, Some(FUEL))?;
        let imports = &compiled.decoded.imports;
        if let Some((name, _)) = imports.iter().find(|(_, asked)| !matches!(asked, Import::Type)) {
            return Err(NoResult::Unlinkable(format!("nobody offers `{name}`")));
        }
        let recorder = Recorder::deviating(self.deviations);
        let instance = compiled.instantiate((), recorder).map_err(|why| match why {
            NotInstantiated::Refused(refusal) => NoResult::from(refusal),
            NotInstantiated::RefusedByDeviation(_) => NoResult::refused(&why.to_string()),
            NotInstantiated::Failed(failure) => stopped(failure),
        })?;
        Ok(Box::new(Running { instance, received: 0 }))
    }
}

struct Running {
    instance: Instance<(), Recorder>,
    /// How many handles the script has received.
    received: u32,
}

impl engine::Instance for Running {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, NoResult>> {
        self.instance.export(path).cloned().map(Ok)
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, NoResult> {
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

impl From<Refusal> for NoResult {
    fn from(refusal: Refusal) -> NoResult {
        match refusal {
            Refusal::Invalid(why) => NoResult::refused(&why),
            Refusal::Unsupported(feature) => NoResult::Unsupported(feature),
        }
    }
}

fn stopped(failure: Failure<Deviated>) -> NoResult {
    match failure {
        Failure::Trap(trap) => NoResult::Trapped(Some(trap), format!("{trap:?}")),
        Failure::Exhausted(limit) => NoResult::Exhausted(limit.to_string()),
        // It is for the host to say what becomes of that.
        Failure::Deadlock => NoResult::Exhausted(failure.to_string()),
        Failure::Crash(Deviated) => NoResult::Crashed("as a deviation has it".to_string()),
    }
}
