//! Core code on wasmi, on a stack for each thread: one that calls what is no core code is put aside until that
//! has returned. Nothing native stands between it and what it has called.
//! Knows nothing of what it calls.

use canonical_abi::arena::Id;
use canonical_abi::machine::{Called, CoreId, Machine, Task};
use canonical_abi::thread::Thread;
use canonical_abi::world::{Call, Stacks, Step, World};
use canonical_abi::{Core, Stage};
use wasmi::errors::HostError;
use wasmi::{ResumableCall, ResumableCallHostTrap, TrapCode, Val};

use super::call::Host;
use super::core::{core_value, stop, val};
use super::guest::OnWasmi;
use super::limits;
use super::recording::{Event, record};

/// What a stack asks for when it stops, and which function it has called for that.
#[derive(Debug)]
pub struct Wanted {
    pub call: Call,
    pub out: Out,
}

/// A lowered function or built-in, by its number in the order of definitions of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    pub instance: usize,
    pub number: usize,
}

/// The error that takes a stack out of wasmi: it has called something, and what is with the store.
#[derive(Debug)]
pub struct Calls;

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it calls what is no core code")
    }
}

impl HostError for Calls {}

fn calls(error: &wasmi::Error) -> bool {
    error.downcast_ref::<Calls>().is_some()
}

/// A stack that has called something.
pub struct Suspended {
    core: CoreId,
    out: Out,
    /// Nothing where there was no core code around the call: its results are those of the stack.
    call: Option<ResumableCallHostTrap>,
    results: Vec<Val>,
}

impl<T: Host> Stacks for OnWasmi<'_, T> {
    fn start(&mut self, thread: Id<Thread>, core: CoreId, args: &[Core]) -> Step {
        if self.turn() {
            return Step::Stopped(limits::TOO_MANY_TURNS);
        }
        self.enter(thread);
        let instance = self.store.data().cores[core.0].instance;
        record(&mut self.store, instance, |state, memories| {
            let name = state.cores[core.0].name.to_string();
            Event::Called { name, args: args.to_vec(), memories }
        });
        let func = self.store.data().cores[core.0].func;
        let args: Vec<_> = args.iter().copied().map(val).collect();
        let ty = func.ty(&self.store);
        let mut results: Vec<_> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        let called = func.call_resumable(&mut self.store, &args, &mut results);
        self.step(thread, core, called, results)
    }

    fn go_on(&mut self, thread: Id<Thread>, results: &[Core]) -> Step {
        if self.turn() {
            return Step::Stopped(limits::TOO_MANY_TURNS);
        }
        let suspended = self.take(thread).expect("it has called something");
        let Suspended { core, out, call, results: mut outputs } = suspended;
        record(&mut self.store, out.instance, |_, memories| Event::Back {
            results: Some(results.to_vec()),
            memories,
        });
        let results: Vec<_> = results.iter().copied().map(val).collect();
        match call {
            None => self.step(thread, core, Ok(ResumableCall::Finished), results),
            Some(call) => {
                let called = call.resume(&mut self.store, &results, &mut outputs);
                self.step(thread, core, called, outputs)
            }
        }
    }

    fn abandon(&mut self, thread: Id<Thread>) {
        let Some(Suspended { core, out, .. }) = self.take(thread) else { return };
        let back = |_: &_, memories| Event::Back { results: None, memories };
        record(&mut self.store, out.instance, back);
        self.record_returned(core, None);
    }
}

impl<T: Host> OnWasmi<'_, T> {
    /// Counts a turn, and says whether it is one too many.
    fn turn(&mut self) -> bool {
        let turns = &mut self.store.data_mut().turns;
        *turns += 1;
        *turns > limits::TURNS
    }

    /// What became of a stack.
    fn step(
        &mut self,
        thread: Id<Thread>,
        core: CoreId,
        called: Result<ResumableCall, wasmi::Error>,
        results: Vec<Val>,
    ) -> Step {
        let error = match called {
            Ok(ResumableCall::Finished) => return self.finished(thread, core, &results),
            Ok(ResumableCall::HostTrap(call)) if calls(call.host_error()) => {
                return self.suspend(thread, core, Some(call), results);
            }
            Err(error) if calls(&error) => return self.suspend(thread, core, None, results),
            Ok(ResumableCall::HostTrap(call)) => call.into_host_error(),
            Ok(ResumableCall::OutOfFuel(_)) => wasmi::Error::from(TrapCode::OutOfFuel),
            Err(error) => error,
        };
        self.record_returned(core, None);
        Step::Stopped(stop(&error))
    }

    fn finished(&mut self, thread: Id<Thread>, core: CoreId, results: &[Val]) -> Step {
        let results: Vec<_> = results.iter().map(core_value).collect();
        self.record_returned(core, Some(&results));
        self.leave(thread);
        Step::Returned(results)
    }

    fn suspend(
        &mut self,
        thread: Id<Thread>,
        core: CoreId,
        call: Option<ResumableCallHostTrap>,
        results: Vec<Val>,
    ) -> Step {
        let state = self.store.data_mut();
        let wanted = state.wanted.take().expect("whoever calls says what");
        let stack = Suspended { core, out: wanted.out, call, results };
        let position = thread.position();
        if state.stacks.len() <= position {
            state.stacks.resize_with(position + 1, || None);
        }
        state.stacks[position] = Some(stack);
        Step::Call(wanted.call)
    }

    fn take(&mut self, thread: Id<Thread>) -> Option<Suspended> {
        self.store.data_mut().stacks.get_mut(thread.position())?.take()
    }

    fn record_returned(&mut self, core: CoreId, results: Option<&[Core]>) {
        let instance = self.store.data().cores[core.0].instance;
        let results = results.map(<[Core]>::to_vec);
        record(&mut self.store, instance, |_, memories| Event::Returned { results, memories });
    }

    /// The core code of a function of a guest's begins.
    fn enter(&mut self, thread: Id<Thread>) {
        if let Some(task) = function(&self.store.data().machine, thread) {
            let entry_size = self.callee(task, Stage::Callee).entered();
            self.store.data_mut().machine.tasks[task].entry_size = entry_size;
        }
    }

    /// It has returned.
    fn leave(&mut self, thread: Id<Thread>) {
        if let Some(task) = function(&self.store.data().machine, thread) {
            let entry_size = self.store.data().machine.tasks[task].entry_size;
            let bounded = self.callee(task, Stage::Callee).left(entry_size);
            self.store.data_mut().machine.tasks[task].bounded = bounded;
        }
    }
}

/// The task of a thread that runs the core code of a function.
fn function(machine: &Machine, thread: Id<Thread>) -> Option<Id<Task>> {
    let thread = &machine.threads[thread];
    let task = thread.task.filter(|_| thread.is_implicit)?;
    matches!(machine.tasks[task].called, Called::Function(_)).then_some(task)
}

#[cfg(test)]
mod tests;
