//! The reference runs a component from anywhere, one call after the other.
//! Knows the spec through `component` and `abi`, and nothing of the subject.

use std::sync::Arc;

use super::ended;
use crate::abi::{Deviated, Deviations, Recorder, Stop};
use crate::component::{Compiled, Context, Host, Instance, NotInstantiated, Refusal};
use crate::engine::any::{Answers, AnyHost, Imports};
use crate::observation::{Outcome, Told};
use crate::types::{FuncType, Resource};
use crate::value::Value;

impl Host for AnyHost<u32> {
    fn call(
        context: &mut Context<'_, AnyHost<u32>>,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        Ok(context.host().called(import, args))
    }

    fn drop(context: &mut Context<'_, AnyHost<u32>>, resource: &str, rep: u32) -> Result<(), Stop> {
        let host = context.host();
        let paths = host.imports.resources.iter();
        let number = paths.filter(|(_, path)| *path == resource).map(|(number, _)| *number).next();
        host.dropped(number.expect("it is one that the component asked for"), rep);
        Ok(())
    }
}

/// An instance.
pub struct AnyRun {
    instance: Instance<AnyHost<u32>, Recorder>,
}

impl AnyRun {
    /// Makes an instance, and tells what its start did: where that fails, nothing can be called. An
    /// error is a refusal that no deviation explains.
    pub fn start(
        compiled: &Compiled,
        imports: Arc<Imports>,
        answers: Answers,
        deviations: Deviations,
    ) -> Result<(AnyRun, Told), Refusal> {
        let recorder = Recorder::deviating(deviations);
        let mut instance = compiled.begin(AnyHost::new(imports, answers), recorder);
        let started = match compiled.start(&mut instance) {
            Ok(()) => Ok(None),
            Err(NotInstantiated::Failed(failure)) => Err(ended(failure)),
            Err(why @ NotInstantiated::RefusedByDeviation(Deviated)) => {
                Err(Outcome::Refused(why.to_string()))
            }
            Err(NotInstantiated::Refused(refusal)) => return Err(refusal),
        };
        let mut run = AnyRun { instance };
        let told = run.told(started);
        Ok((run, told))
    }

    /// The type of an exported function.
    pub fn export(&self, path: &str) -> Option<&FuncType> {
        self.instance.export(path)
    }

    /// Calls an export that is there, with values that fit.
    pub fn call(&mut self, path: &str, args: &[Value]) -> Told {
        let ty = self.instance.export(path).expect("it was looked up").clone();
        let args = self.instance.host().give(args, &ty.params);
        let result = self.instance.call(path, &args);
        let host = self.instance.host();
        let result = result
            .map(|value| value.zip(ty.result).map(|(value, ty)| host.take_result(&value, &ty)));
        self.told(result.map_err(ended))
    }

    /// Drops what the host holds under a number.
    pub fn drop_held(&mut self, number: u32) -> Told {
        let held = self.instance.host().holdings.take(number).expect("it was looked up");
        let dropped = self.instance.drop_resource(held.resource, held.handle);
        self.told(dropped.map(|()| None).map_err(ended))
    }

    /// How much was lifted from it.
    pub fn lifted(&mut self) -> u64 {
        self.instance.lifted_values()
    }

    /// The deviations that changed something.
    pub fn taken(&mut self) -> Deviations {
        self.instance.watch().taken
    }

    /// The numbers of what the host holds, each with its resource.
    pub fn numbers(&mut self) -> Vec<(u32, Resource)> {
        self.instance.host().holdings.numbers().collect()
    }

    fn told(&mut self, result: Result<Option<Value>, Outcome>) -> Told {
        let faults = std::mem::take(&mut self.instance.watch().faults);
        Told { faults, ..Told::of(self.instance.host().seen(), result) }
    }
}
