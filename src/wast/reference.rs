//! The reference as an engine for scripts.
//! Knows the runtime's interface, and that no script has a host.

use super::engine::{self, Stop};
use crate::abi::{Notes, Trap};
use crate::component::definition::Import;
use crate::component::{Compiled, Context, Failure, Host, Instance, NotInstantiated, Refusal};
use crate::types::FuncType;
use crate::value::Value;

/// Steps of core code that an instance may take in all: an endless loop ends within seconds.
const FUEL: u64 = 500_000_000;

/// The reference.
pub struct Reference;

/// Nobody is behind the imports: no instance is made of a component that has some.
struct NoHost;

impl Host for NoHost {
    fn call(
        _context: &mut Context<'_, NoHost>,
        _import: &str,
        _args: Vec<Value>,
    ) -> Result<Option<Value>, Trap> {
        Err(Trap::Host)
    }

    fn drop(_: &mut Context<'_, NoHost>, _: &str, _: u32) -> Result<(), Trap> {
        Err(Trap::Host)
    }
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
        match compiled.instantiate(NoHost, Notes::default()) {
            Ok(instance) => Ok(Box::new(instance)),
            Err(NotInstantiated::Refused(refusal)) => Err(refused(refusal)),
            Err(NotInstantiated::Failed(failure)) => Err(failed(failure)),
        }
    }
}

impl engine::Instance for Instance<NoHost> {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, Stop>> {
        self.export(path).cloned().map(Ok)
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        Instance::call(self, path, args).map_err(failed)
    }
}

fn refused(refusal: Refusal) -> Stop {
    match refusal {
        Refusal::Invalid(why) => Stop::refused(&why),
        Refusal::Unsupported(feature) => Stop::Unsupported(feature),
    }
}

fn failed(failure: Failure) -> Stop {
    match failure {
        Failure::Trap(Trap::Crash) => Stop::Crashed("as a deviation has it".to_string()),
        Failure::Trap(trap) => Stop::Trapped(Some(trap), format!("{trap:?}")),
        Failure::Exhausted(limit) => Stop::Exhausted(limit),
    }
}
