//! The reference runs a case: the component on our own runtime, its scripts step by step.
//! Knows the spec through `component` and `abi`, and nothing of the subject.

use crate::abi::{Core, Course, Deviations, Notes, Place, Trap};
use crate::case::{Answer, Case, Shape};
use crate::component::instantiate::Compiled;
use crate::component::{Context, Failure, Host, Instance};
use crate::encode::script::read_observed;
use crate::encode::{EXPORT, LOAD_SCRIPT, OBSERVE, looping};
use crate::engine::host::HostScript;
use crate::observation::{CallObservation, Observation, Outcome, Reading, Returned};
use crate::value::Value;

/// Makes an instance to run one case of this shape on, with some deviations in force.
pub fn instantiate(
    compiled: &Compiled,
    shape: &Shape,
    deviations: Deviations,
) -> Result<Run, Reading> {
    let notes = Notes { deviations, ..Notes::default() };
    match compiled.instantiate(HostScript::default(), notes) {
        Ok(instance) if instance.export(EXPORT) == Some(&shape.export.ty) => {
            Ok(Run { instance, calls: Vec::new(), courses: Vec::new() })
        }
        Ok(_) => Err(refused("the component's export has another type than the case's")),
        Err(refusal) => Err(refused(&refusal.to_string())),
    }
}

/// Whether core code can run for long in this build: a million iterations of a loop.
pub fn bears_long_loops() -> bool {
    const ITERATIONS: i32 = 1_000_000;
    let compiled = Compiled::new(&looping(ITERATIONS)).expect("our own component is valid");
    let instance = compiled.instantiate(HostScript::default(), Notes::default());
    let mut instance = instance.expect("our own component can be instantiated");
    instance.call(EXPORT, &[]) == Ok(Some(Value::U32(ITERATIONS.unsigned_abs())))
}

/// What the reference says of a component that it cannot run.
pub fn refused(message: &str) -> Reading {
    let outcome = Outcome::Refused(message.to_string());
    let observation = Observation { calls: Vec::new(), outcome };
    Reading { observation, taken: Deviations::NONE, courses: Vec::new() }
}

impl Host for HostScript {
    fn drop(_: &mut Context<'_, HostScript>, _: &str, _: u32) -> Result<(), Trap> {
        Ok(())
    }

    fn call(
        context: &mut Context<'_, HostScript>,
        _import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Trap> {
        match context.host().called(args) {
            Answer::Return(value) => Ok(value),
            Answer::Error => Err(Trap::Host),
            Answer::Reenter(value) => {
                let args = context.host().args();
                context.call(EXPORT, &args)?;
                Ok(value)
            }
        }
    }
}

/// An instance and what it has shown.
pub struct Run {
    instance: Instance<HostScript>,
    calls: Vec<CallObservation>,
    courses: Vec<Course>,
}

impl Run {
    /// Runs a case. The scripts are those of the case's calls.
    pub fn run(mut self, case: &Case, scripts: &[Vec<u8>]) -> Reading {
        let mut outcome = Outcome::Returned;
        for (i, script) in scripts.iter().enumerate() {
            if let Err(failure) = self.call(case, i, script) {
                outcome = match failure {
                    Failure::Trap(Trap::Crash) => {
                        Outcome::Crashed("as a deviation has it".to_string())
                    }
                    Failure::Trap(trap) => Outcome::Trapped(Some(trap), format!("{trap:?}")),
                    Failure::Exhausted(message) => Outcome::Exhausted(message),
                };
                break;
            }
        }
        let taken = self.instance.notes().taken;
        let observation = Observation { calls: self.calls, outcome };
        Reading { observation, taken, courses: self.courses }
    }

    fn call(&mut self, case: &Case, index: usize, script: &[u8]) -> Result<(), Failure> {
        let call = &case.calls[index];
        *self.instance.host() = HostScript::of(call);
        self.load_script(script)?;
        self.begin_notes();
        let result = self.instance.call(EXPORT, &call.args);
        self.courses.push(std::mem::take(&mut self.instance.notes().course));
        let host = std::mem::take(&mut self.instance.host().seen);
        self.calls.push(CallObservation { host, returned: None });
        let returned = self.observe(&case.shape, result?)?;
        self.calls[index].returned = Some(returned);
        Ok(())
    }

    /// Lowerings are counted call by call; a NaN in memory stays one in later calls.
    fn begin_notes(&mut self) {
        let notes = self.instance.notes();
        notes.lowerings = 0;
        notes.nans.retain(|leaf| matches!(leaf.place, Place::Memory(_)));
    }

    fn load_script(&mut self, script: &[u8]) -> Result<(), Failure> {
        let length = u32::try_from(script.len()).expect("scripts are short");
        let script_ptr = self.instance.allocate(LOAD_SCRIPT, 1, length)?;
        let start = usize::try_from(script_ptr).expect("an address fits");
        let memory = self.instance.memory(LOAD_SCRIPT);
        memory[start..start + script.len()].copy_from_slice(script);
        let args = [Core::I32(script_ptr), Core::I32(length)];
        self.instance.inspect(LOAD_SCRIPT, &args).map(|_| ())
    }

    fn observe(&mut self, shape: &Shape, result: Option<Value>) -> Result<Returned, Failure> {
        let nans = self.instance.notes().nans.clone();
        let (_, memory) = self.instance.inspect(OBSERVE, &[])?;
        let word = |at: usize| {
            let bytes = memory[at..].first_chunk().expect("the memory has many words");
            usize::try_from(u32::from_le_bytes(*bytes)).expect("an address fits")
        };
        let (start, length) = (word(0), word(4));
        let (guest, memory) =
            read_observed(&memory[start..start + length], shape).expect("the puppet logs events");
        Ok(Returned { result, guest, memory: memory.to_vec(), nans })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_loop_of_a_million_iterations_ends() {
        assert!(bears_long_loops());
    }
}
