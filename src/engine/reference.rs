//! The reference runs a case: the component on our own runtime, its scripts step by step.
//! Knows the spec through `component` and `abi`, and nothing of the subject.

pub mod any;
mod compile;
mod misuse;

use std::collections::{BTreeMap, BTreeSet};

use crate::abi::{
    Core, Deviated, Deviations, Faults, Lowered, Place, Points, Received, Recorder, Stage, Stop,
    Trap,
};
use crate::case::paths::{Mode, Paths};
use crate::case::{Answer, Call, Case, Guest, Manner, Shape};
use crate::component::instantiate::Compiled;
use crate::component::recording::Event;
use crate::component::{self, Context, Instance, NotInstantiated};
use crate::encode::script::read_observed;
use crate::encode::{self, EXPORT, Prepared, PreparedScript, looping};
use crate::engine::holdings::Held;
use crate::engine::host::{HostScript, change_handles};
use crate::engine::numbers::same_but_for_numbers;
use crate::observation::{
    CallObservation, CallReading, GuestObservation, HostEvent, Observation, Outcome, Reading,
    Returned, Unexplored,
};
use crate::types::{Handle, Resource, resource_name};
use crate::value::Value;

pub use compile::Compiler;

/// The host here: of a guest's resource it holds the representation.
type Host = HostScript<u32>;

/// Makes an instance to run one case of this shape on, watched so. An error says why there is none.
pub fn instantiate(
    compiled: &Compiled,
    shape: &Shape,
    recorder: Recorder,
) -> Result<Run, NotStarted> {
    let mut instance = compiled.begin(Host::of(shape), recorder);
    compiled.start(&mut instance).map_err(|why| match why {
        NotInstantiated::Failed(failure) => {
            let taken = instance.watch().taken;
            NotStarted { outcome: ended(failure), taken }
        }
        NotInstantiated::Refused(refusal) => NotStarted::of(&refusal.to_string()),
        NotInstantiated::RefusedByDeviation(Deviated) => {
            let taken = instance.watch().taken;
            NotStarted { taken, ..NotStarted::of(&why.to_string()) }
        }
    })?;
    let exported = instance.export(EXPORT);
    match exported.and_then(|ty| same_but_for_numbers(&shape.guests[0].export.ty, ty)) {
        Some(numbers) => {
            let (calls, readings) = (Vec::new(), Vec::new());
            Ok(Run { instance, numbers, calls, readings, locked: false })
        }
        None => Err(NotStarted::of("the component's export has another type than the case's")),
    }
}

/// Whether core code can run for long in this build: a million iterations of a loop.
pub fn bears_long_loops() -> bool {
    const ITERATIONS: i32 = 1_000_000;
    let compiled = Compiled::new(&looping(ITERATIONS)).expect("our own component is valid");
    let instance = compiled.instantiate(Host::default(), ());
    let mut instance = instance.expect("our own component can be instantiated");
    instance.call(EXPORT, &[]) == Ok(Some(Value::U32(ITERATIONS.unsigned_abs())))
}

/// Why there is no instance to run a case on.
pub struct NotStarted {
    outcome: Outcome,
    /// The deviations that made it so.
    taken: Deviations,
}

impl NotStarted {
    /// The reference cannot run the component, and no deviation has to do with it.
    pub fn of(message: &str) -> NotStarted {
        NotStarted { outcome: Outcome::Refused(message.to_string()), taken: Deviations::NONE }
    }
}

/// What the reference says of a component that it cannot run.
pub fn not_started(NotStarted { outcome, taken }: NotStarted) -> Reading {
    let observation = Observation { calls: Vec::new(), outcome };
    let (calls, faults, points) = (Vec::new(), Faults::default(), Points::default());
    Reading { observation, taken, calls, faults, unexplored: None, points }
}

impl component::Host for Host {
    fn call(
        context: &mut Context<'_, Host>,
        _import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        let answer = context.host().called(args);
        // A host that fails does so at once.
        if context.host().blocks && answer != Answer::Error {
            context.block()?;
        }
        match answer {
            Answer::Return(value) => Ok(value),
            Answer::Error => Err(Trap::Host.into()),
            Answer::Guest => unreachable!("a checked case has the host answer what it is asked"),
            Answer::Reenter(value) => {
                if let Some(args) = context.host().args() {
                    let args = pass(context.host(), &args);
                    let result = context.call(EXPORT, &args)?;
                    receive(context.host(), result);
                }
                Ok(value)
            }
        }
    }

    fn drop(context: &mut Context<'_, Host>, resource: &str, rep: u32) -> Result<(), Stop> {
        let number = (0..).find(|number| resource_name(*number) == resource);
        context.host().destroyed(number.expect("it is one of ours"), rep);
        Ok(())
    }
}

/// What the host passes to the export: for every handle its representation.
fn pass(host: &mut Host, args: &[Value]) -> Vec<Value> {
    let rep = &mut |handle: &Handle, number| match handle.resource() {
        Some(resource) if !host.defines(resource) => {
            host.holdings.held(number).expect("nothing is missing").handle
        }
        Some(_) | None => number,
    };
    let args = args.iter().zip(&host.export.params);
    let args = args.map(|(value, ty)| change_handles(value, ty, rep)).collect();
    host.give();
    args
}

/// The export's result as the host sees it: for every handle of a guest's resource its number.
fn receive(host: &mut Host, result: Option<Value>) -> Option<Value> {
    let export = host.export.clone();
    let number = &mut |handle: &Handle, rep| match handle.resource() {
        Some(resource) if !host.defines(resource) => host.holdings.receive(resource, rep),
        Some(_) | None => rep,
    };
    let result = result.zip(export.result.as_ref());
    result.map(|(value, ty)| change_handles(&value, ty, number))
}

type Failure = component::Failure<Deviated>;

/// Why a call did not come back.
enum Ended {
    Failed(Failure),
    /// It waits, by a deviation, for what never comes, and the host is told so.
    Deadlocked,
    /// With a mistake of the host's that an engine may see when it will.
    Misused,
}

/// How a run ends that fails so.
fn ended(failure: Failure) -> Outcome {
    match failure {
        Failure::Trap(trap) => Outcome::Trapped(Some(trap), format!("{trap:?}")),
        Failure::Exhausted(limit) => Outcome::Exhausted(limit.to_string()),
        // The spec does not say what becomes of that.
        Failure::Deadlock => Outcome::Exhausted(failure.to_string()),
        Failure::Crash(Deviated) => Outcome::Crashed("as a deviation has it".to_string()),
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended::Failed(failure)
    }
}

/// An instance and what it has shown.
pub struct Run {
    instance: Instance<Host, Recorder>,
    /// The component's numbers of the resources.
    numbers: BTreeMap<Resource, u32>,
    calls: Vec<CallObservation>,
    readings: Vec<CallReading>,
    /// Whether nobody can enter the instance any more, by a deviation.
    locked: bool,
}

impl Run {
    /// Runs a case.
    pub fn run(mut self, case: &Case, prepared: &Prepared) -> Reading {
        self.run_all(case, prepared)
    }

    /// Runs a case, and answers with what the core code of the guest of this number did.
    pub fn record(mut self, case: &Case, prepared: &Prepared, guest: usize) -> Vec<Event> {
        self.instance.record(&encode::observe(guest));
        self.run_all(case, prepared);
        self.instance.recorded()
    }

    fn run_all(&mut self, case: &Case, prepared: &Prepared) -> Reading {
        self.instance.host_calls().waits = case.paths.call.mode == Mode::Sync;
        self.recorder().static_lifts = static_lifts(case.paths);
        self.instance.host().blocks = case.shape.awaits_import() && case.paths.polls > 0;
        let mut outcome = Outcome::Returned;
        for (i, scripts) in prepared.calls.iter().enumerate() {
            if let Err(ended) = self.call(case, i, scripts) {
                outcome = match ended {
                    Ended::Failed(failure) => self::ended(failure),
                    Ended::Deadlocked => Outcome::Deadlocked("Deadlock".to_string()),
                    Ended::Misused => Outcome::Misused("the host made a mistake".to_string()),
                };
                break;
            }
        }
        let recorder = self.recorder();
        let (taken, faults) = (recorder.taken, std::mem::take(&mut recorder.faults));
        let unexplored = recorder.unexplored.then_some(Unexplored::Limit);
        let points = recorder.points;
        let observation = Observation { calls: std::mem::take(&mut self.calls), outcome };
        let calls = std::mem::take(&mut self.readings);
        Reading { observation, taken, calls, faults, unexplored, points }
    }

    fn call(&mut self, case: &Case, index: usize, scripts: &[PreparedScript]) -> Result<(), Ended> {
        let call = &case.calls[index];
        self.instance.host().begin(call);
        for (guest, script) in scripts.iter().enumerate() {
            self.load_script(&encode::load_script(guest), &script.bytes)?;
        }
        self.begin_lowerings(scripts.len());
        let result = self.call_and_drop(case, call);
        let result = self.with_mistake(result);
        let course = std::mem::take(&mut self.recorder().course);
        let received = (0..scripts.len()).map(|guest| self.take_received(guest)).collect();
        self.readings.push(CallReading { course, nans: Vec::new(), received });
        let host = std::mem::take(&mut self.instance.host().seen);
        self.calls.push(CallObservation { host, returned: None });
        let result = result?;
        let guests = case.shape.guests.iter().enumerate();
        let guests = guests.map(|(number, guest)| self.observe(number, guest));
        let guests = guests.collect::<Result<_, _>>()?;
        let nans = (0..scripts.len()).map(|guest| self.lowered(guest).nans.clone()).collect();
        self.readings[index].nans = nans;
        self.calls[index].returned = Some(Returned { result, guests });
        Ok(())
    }

    /// Makes the call, if the host can, and drops what the host is to drop after it.
    fn call_and_drop(&mut self, case: &Case, call: &Call) -> Result<Option<Value>, Ended> {
        let twice = call.manner == Manner::Twice;
        let at_once = twice && case.paths.call.mode == Mode::Concurrent;
        self.instance.host_calls().another_ready = at_once;
        let mut result = self.call_export(case)?;
        self.instance.host_calls().another_ready = false;
        if twice {
            let first = std::mem::replace(&mut result, self.call_export(case)?);
            self.instance.host().seen.push(HostEvent::FirstReturned(first));
        }
        for number in &call.host_drops {
            if let Some(Held { resource, handle }) = self.instance.host().take_to_drop(*number) {
                self.check_unlocked()?;
                self.instance.drop_resource(self.numbers[&resource], handle)?;
            }
        }
        self.check_unlocked()?;
        Ok(result)
    }

    fn call_export(&mut self, case: &Case) -> Result<Option<Value>, Failure> {
        let Some(args) = self.instance.host().args() else {
            return Ok(None);
        };
        if self.refuses(case) {
            return Ok(None);
        }
        let args = pass(self.instance.host(), &args);
        let returned = self.instance.call(EXPORT, &args)?;
        Ok(receive(self.instance.host(), returned))
    }

    /// Lowerings are counted call by call; a NaN in memory stays one in later calls.
    fn begin_lowerings(&mut self, guests: usize) {
        for guest in 0..guests {
            let lowered = self.lowered(guest);
            lowered.lowerings = 0;
            lowered.nans.retain(|leaf| matches!(leaf.place, Place::Memory(_)));
        }
    }

    fn take_received(&mut self, guest: usize) -> Received {
        std::mem::take(&mut self.lowered(guest).received)
    }

    /// What was lowered for a guest.
    fn lowered(&mut self, guest: usize) -> &mut Lowered {
        let instance = self.instance.number(&encode::observe(guest));
        self.recorder().lowered(instance)
    }

    /// Who watches the instance.
    fn recorder(&mut self) -> &mut Recorder {
        self.instance.watch()
    }

    fn load_script(&mut self, export: &str, script: &[u8]) -> Result<(), Failure> {
        let length = u32::try_from(script.len()).expect("scripts are short");
        let script_ptr = self.instance.allocate(export, 1, length)?;
        let start = usize::try_from(script_ptr).expect("an address fits");
        let memory = self.instance.memory(export);
        memory[start..start + script.len()].copy_from_slice(script);
        let args = [Core::I32(script_ptr), Core::I32(length)];
        self.instance.inspect(export, &args).map(|_| ())
    }

    fn observe(&mut self, number: usize, guest: &Guest) -> Result<GuestObservation, Failure> {
        let observe = encode::observe(number);
        let (_, memory) = self.instance.inspect(&observe, &[])?;
        let word = |at: usize| {
            let bytes = memory[at..].first_chunk().expect("the memory has many words");
            usize::try_from(u32::from_le_bytes(*bytes)).expect("an address fits")
        };
        let (start, length) = (word(0), word(4));
        let (events, memory) =
            read_observed(&memory[start..start + length], guest).expect("the puppet logs events");
        Ok(GuestObservation { events, memory: memory.to_vec() })
    }
}

/// The stages at which the host lifts into values of static types.
fn static_lifts(paths: Paths) -> BTreeSet<Stage> {
    let lifts = [(paths.import, Stage::LiftParams), (paths.call, Stage::LiftResult)];
    let typed = lifts.into_iter().filter(|(path, _)| path.api.is_typed());
    typed.map(|(_, stage)| stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_loop_of_a_million_iterations_ends() {
        assert!(bears_long_loops());
    }
}
