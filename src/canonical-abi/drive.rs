//! Drives a machine: threads run, call one another, wait and go on, until nobody can.
//! Knows nothing of what is passed, nor on what core code runs.

use std::sync::Arc;

use super::arena::Id;
use super::canon::{canon_lift, canon_lift_returned, canon_lower, canon_lower_returned, destroy};
use super::machine::Thread;
use super::machine::{Called, Caller, Condition, CoreId, Invocation, Lifted, Machine, Task};
use super::task::{self, exit, holds};
use super::world::{Call, Choice, Outcome, Step, World};
use super::{Act, ActKind, Core, Party, ResourceType, Rule, Stage, Stop};
use crate::value::Value;

/// Calls a function for the host, and waits until it has resolved. From within a function of the host's this
/// stands on the host's native stack, and nobody else goes on meanwhile.
pub fn call<W: World>(
    world: &mut W,
    lifted: &Arc<Lifted>,
    args: Vec<Value>,
) -> Result<Option<Value>, Stop> {
    let call = invoke(world, lifted, args)?;
    loop {
        if let Some(result) = resolved(world.machine(), call) {
            return Ok(result);
        }
        if !world.machine().running.is_empty() || !tick(world)? {
            give_up(world, call, Stop::Deadlock);
            return Err(Stop::Deadlock);
        }
    }
}

/// What a call has resolved with, if it has: then it is over for the host.
pub fn resolved(machine: &mut Machine, call: Id<Invocation>) -> Option<Option<Value>> {
    let result = machine.invocations.get_mut(call)?.resolved.take()?;
    machine.invocations.remove(call);
    Some(result)
}

/// Spec: `Store.invoke`: calls a function for the host, until it has returned or waits.
pub fn invoke<W: World>(
    world: &mut W,
    lifted: &Arc<Lifted>,
    args: Vec<Value>,
) -> Result<Id<Invocation>, Stop> {
    let call = world.machine().invocations.add(Invocation { args, resolved: None });
    let begun =
        from_here(world, |world| match task::call_function(world, lifted, Caller::Host(call))? {
            Some(task) => canon_lift(world, task, lifted).map(Some),
            None => Ok(None),
        });
    match begun {
        Ok(_) => Ok(call),
        Err(stop) => {
            world.machine().invocations.remove(call);
            Err(stop)
        }
    }
}

/// Drops an owned resource that the host holds.
pub fn drop_resource<W: World>(world: &mut W, rt: ResourceType, rep: u32) -> Result<(), Stop> {
    from_here(world, |world| destroy(world, None, rt, rep))?;
    Ok(())
}

/// Runs core code that is no function of a component's, to its end. It cannot wait.
pub fn run_core<W: World>(world: &mut W, core: CoreId, args: Vec<Core>) -> Result<Vec<Core>, Stop> {
    let machine = world.machine();
    let thread = machine.threads.add(Thread::new(machine.task(), false));
    let results = from_here(world, |world| {
        world.machine().enter_from(thread, Vec::new());
        Ok(Some(Outcome::Enter(core, args)))
    })?;
    results.ok_or_else(|| {
        abandon_all(world, Some(thread), Stop::Deadlock);
        Stop::Deadlock
    })
}

/// The host waits for a call no longer: neither do those who wait in it ever go on.
pub fn give_up<W: World>(world: &mut W, call: Id<Invocation>, stop: Stop) {
    let is_called = |caller| matches!(caller, Caller::Host(other) if other == call);
    let first = waiting(world.machine(), is_called);
    abandon_all(world, first, stop);
}

/// Spec: `Store.tick`: a thread that is ready goes on. Says whether there was one.
pub fn tick<W: World>(world: &mut W) -> Result<bool, Stop> {
    let (machine, watch) = world.parts();
    let mut ready = machine.waiting.clone();
    ready.retain(|thread| {
        machine.threads[*thread].ready.is_some_and(|condition| holds(machine, watch, condition))
    });
    if ready.is_empty() {
        return Ok(false);
    }
    let chosen = world.choices().choose(Choice::Thread(&ready));
    from_here(world, |world| resume(world, ready[chosen]).map(Some))?;
    Ok(true)
}

/// Spec: `Thread.resume`.
fn resume<W: World>(world: &mut W, thread: Id<Thread>) -> Result<Outcome, Stop> {
    let machine = world.machine();
    machine.waiting.retain(|waiting| *waiting != thread);
    let until = machine.threads[thread].ready.take().expect("it waits");
    task::enter(world, thread, None);
    match until {
        Condition::NotPressed(task) => begin(world, task),
        Condition::Resolved(subtask) => Ok(canon_lower_returned(world, subtask)),
    }
}

/// Begins a task that has entered.
fn begin<W: World>(world: &mut W, task: Id<Task>) -> Result<Outcome, Stop> {
    match world.machine().tasks[task].called.clone() {
        Called::Function(lifted) => canon_lift(world, task, &lifted),
        Called::Destructor { .. } => unreachable!("destructors wait for nobody"),
    }
}

/// Does what begins something, and goes on until whoever runs now has control again: with the results of the
/// core code that was begun, or nothing where it waits. A trap ends all that ran on top.
fn from_here<W: World>(
    world: &mut W,
    begin: impl FnOnce(&mut W) -> Result<Option<Outcome>, Stop>,
) -> Result<Option<Vec<Core>>, Stop> {
    let base = world.machine().running.len();
    let ran = begin(world).and_then(|outcome| match outcome {
        Some(outcome) => run(world, base, outcome),
        None => Ok(None),
    });
    ran.inspect_err(|stop| unwind(world, base, *stop))
}

/// The loop: what the current thread came to decides who runs next, until no more run than before.
fn run<W: World>(
    world: &mut W,
    base: usize,
    mut outcome: Outcome,
) -> Result<Option<Vec<Core>>, Stop> {
    loop {
        let thread = world.machine().thread().expect("one runs");
        let step = match outcome {
            Outcome::Enter(core, args) => {
                world.machine().threads[thread].runs = true;
                world.start(thread, core, &args)
            }
            Outcome::Results(results) => world.go_on(thread, &results),
            Outcome::Blocked(until) => {
                world.machine().leave_to();
                task::wait(world.machine(), thread, until);
                if world.machine().running.len() == base {
                    return Ok(None);
                }
                outcome = called(world);
                continue;
            }
        };
        outcome = match step {
            Step::Call(Call::Lowered(lowered, args)) => canon_lower(world, &lowered, args)?,
            Step::Call(Call::Destroy { instance, rt, rep }) => {
                let destroyed = destroy(world, Some(instance), rt, rep)?;
                destroyed.unwrap_or(Outcome::Results(Vec::new()))
            }
            Step::Returned(results) => {
                returned(world, thread, &results)?;
                if world.machine().running.len() == base {
                    return Ok(Some(results));
                }
                called(world)
            }
            Step::Stopped(stop) => return Err(stop),
        };
    }
}

/// What the current thread has called has returned, or waits.
fn called<W: World>(world: &mut W) -> Outcome {
    let machine = world.machine();
    let thread = machine.thread().expect("who calls runs");
    let subtask = machine.threads[thread].calls.expect("it has called");
    canon_lower_returned(world, subtask)
}

/// The core code of a thread has returned, and with it the thread ends.
fn returned<W: World>(world: &mut W, thread: Id<Thread>, results: &[Core]) -> Result<(), Stop> {
    let machine = world.machine();
    machine.threads[thread].runs = false;
    if !machine.threads[thread].is_implicit {
        machine.leave_to();
        machine.threads.remove(thread);
        return Ok(());
    }
    let task = machine.threads[thread].task.expect("it is of a task");
    match machine.tasks[task].called.clone() {
        Called::Function(lifted) => {
            machine.tasks[task].returned = true;
            canon_lift_returned(world, task, &lifted, results)?;
            exit(world);
        }
        Called::Destructor { at } => destroyed(world, task, at),
    }
    Ok(())
}

fn destroyed<W: World>(world: &mut W, task: Id<Task>, at: Stage) {
    world.watch().act(Act { kind: ActKind::Destructor, stage: at, stop: None });
    let machine = world.machine();
    match machine.tasks[task].caller {
        Caller::Host(call) => drop(machine.invocations.remove(call)),
        Caller::Guest { subtask, .. } => {
            machine.subtasks[subtask].flat_results = Some(Vec::new());
        }
    }
    exit(world);
    world.watch().set_stage(at);
}

/// A thread that waits never goes on, nor do those for whom it waits.
fn abandon_all<W: World>(world: &mut W, first: Option<Id<Thread>>, stop: Stop) {
    let mut next = first;
    while let Some(thread) = next {
        let machine = world.machine();
        let calls = machine.threads[thread].calls;
        next = waiting(machine, |caller| match caller {
            Caller::Guest { subtask, .. } => Some(subtask) == calls,
            Caller::Host(_) => false,
        });
        abandon(world, thread, stop);
    }
}

/// The thread that waits of a task that was called so.
fn waiting(machine: &Machine, is_called: impl Fn(Caller) -> bool) -> Option<Id<Thread>> {
    let task = |thread: &Id<Thread>| machine.tasks.get(machine.threads[*thread].task?);
    let called = |thread: &Id<Thread>| task(thread).is_some_and(|task| is_called(task.caller));
    machine.waiting.iter().copied().find(called)
}

/// A trap ends all that was begun on top of this. What it has entered nobody enters any more.
fn unwind<W: World>(world: &mut W, base: usize, stop: Stop) {
    while world.machine().running.len() > base {
        let running = world.machine().running.pop().expect("there is one more");
        abandon(world, running.thread, stop);
    }
}

/// A thread never goes on.
fn abandon<W: World>(world: &mut W, id: Id<Thread>, stop: Stop) {
    world.abandon(id);
    let machine = world.machine();
    machine.waiting.retain(|waiting| *waiting != id);
    let thread = machine.threads.remove(id).expect("it is there");
    if let Some(subtask) = thread.calls {
        machine.subtasks.remove(subtask);
    }
    if let Some(task) = thread.task.filter(|_| thread.is_implicit) {
        let task = machine.end(task);
        if let Caller::Host(call) = task.caller {
            machine.invocations.remove(call);
        }
        note_stop(world, &task, thread.runs, stop);
    }
}

/// Notes how a task ends before it is done, which its core code has met, if that runs.
fn note_stop<W: World>(world: &mut W, task: &Task, runs: bool, stop: Stop) {
    match (&task.called, task.caller) {
        (Called::Function(_), caller) if runs => {
            world.watch().reach(Rule::CalleeTraps.into(), Party::of(caller.opts()));
        }
        (Called::Function(_), _) => {}
        (Called::Destructor { at }, _) => {
            let (stage, stop) = (*at, Some(stop));
            world.watch().act(Act { kind: ActKind::Destructor, stage, stop });
        }
    }
}
