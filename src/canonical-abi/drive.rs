//! Drives a machine: threads run, call one another, wait and go on, until nobody can.
//! Knows nothing of what is passed, nor on what core code runs.

use std::sync::Arc;

use super::arena::Id;
use super::canon::{callback, canon_lift, canon_lift_returned, canon_lower, canon_lower_returned};
use super::canon::{destroy, destroyed};
use super::machine::{
    Called, Caller, CoreId, Invocation, Lifted, Machine, Resolution, Running, Task,
};
use super::task::{self, exit, next_for_sync};
use super::thread::{Block, Calls, Then, Thread};
use super::waitable::{Event, take_event, waited};
use super::world::{Call, Choice, Outcome, Step, World};
use super::{Act, ActKind, Core, Party, ResourceType, Rule, Stop, built_ins, end_if};
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
        match resolved(world.machine(), call) {
            Some(Resolution::Returned(result)) => return Ok(result),
            Some(Resolution::Cancelled) => unreachable!("nobody has cancelled it"),
            None => {}
        }
        if let Err(stop) = go_on_waiting(world) {
            give_up(world, call, stop);
            return Err(stop);
        }
    }
}

/// The host waits for a call that has not resolved, and somebody else goes on.
fn go_on_waiting<W: World>(world: &mut W) -> Result<(), Stop> {
    if !world.machine().running.is_empty() {
        task::block(world)?;
        return Err(Stop::Deadlock);
    }
    end_if(!tick(world)?, Stop::Deadlock)
}

/// What a call has resolved with, if it has: then it is over for the host.
pub fn resolved(machine: &mut Machine, call: Id<Invocation>) -> Option<Resolution> {
    let result = machine.invocations.get_mut(call)?.resolved.take()?;
    if machine.invocations[call].task.is_none() {
        machine.invocations.remove(call);
    }
    Some(result)
}

/// Spec: `Store.invoke`: calls a function for the host, until it has returned or waits.
pub fn invoke<W: World>(
    world: &mut W,
    lifted: &Arc<Lifted>,
    args: Vec<Value>,
) -> Result<Id<Invocation>, Stop> {
    let call = world.machine().invocations.add(Invocation { args, ..Invocation::default() });
    let begun = from_here(world, |world| begin(world, lifted, call));
    match begun.and_then(|_| finish_sync(world, call)) {
        Ok(()) => Ok(call),
        Err(stop) => {
            world.machine().invocations.remove(call);
            Err(stop)
        }
    }
}

fn begin<W: World>(
    world: &mut W,
    lifted: &Arc<Lifted>,
    call: Id<Invocation>,
) -> Result<Option<Outcome>, Stop> {
    match task::call_function(world, lifted, Caller::Host(call))? {
        Some(task) => canon_lift(world, task, lifted).map(Some),
        None => Ok(None),
    }
}

/// Spec: `canon_lift`, its end, for a call that the host makes.
fn finish_sync<W: World>(world: &mut W, call: Id<Invocation>) -> Result<(), Stop> {
    loop {
        let task = world.machine().invocations.get(call).and_then(|call| call.task);
        let Some(next) = next_for_sync(world, task)? else { return Ok(()) };
        from_here(world, |world| resume(world, next, None, false).map(Some))?;
    }
}

/// Requests that a call is cancelled that the host makes, and that has not resolved.
pub fn request_cancellation<W: World>(world: &mut W, call: Id<Invocation>) -> Result<(), Stop> {
    let Some(task) = world.machine().invocations[call].task else { return Ok(()) };
    from_here(world, |world| task::request_cancellation(world, task, None))?;
    Ok(())
}

/// Drops an owned resource that the host holds.
pub fn drop_resource<W: World>(world: &mut W, rt: ResourceType, rep: u32) -> Result<(), Stop> {
    let mut call = None;
    from_here(world, |world| {
        let outcome = destroy(world, None, rt, rep)?;
        call = world.machine().task();
        Ok(outcome)
    })?;
    while let Some(next) = next_for_sync(world, call)? {
        from_here(world, |world| resume(world, next, None, false).map(Some))?;
    }
    Ok(())
}

/// Runs core code that is no function of a component's, to its end. It cannot wait.
pub fn run_core<W: World>(world: &mut W, core: CoreId, args: Vec<Core>) -> Result<Vec<Core>, Stop> {
    let new = Thread::new(world.machine().task(), false);
    run_on(world, new, core, args)
}

/// Runs `post-return`, which finds what the thread has stored that has returned.
pub fn run_post_return<W: World>(
    world: &mut W,
    core: CoreId,
    args: Vec<Core>,
) -> Result<Vec<Core>, Stop> {
    let machine = world.machine();
    let mut new = Thread::new(machine.task(), false);
    if let Some(returned) = machine.thread() {
        new.storage = machine.threads[returned].storage;
    }
    run_on(world, new, core, args)
}

fn run_on<W: World>(
    world: &mut W,
    new: Thread,
    core: CoreId,
    args: Vec<Core>,
) -> Result<Vec<Core>, Stop> {
    let thread = world.machine().threads.add(new);
    let results = from_here(world, |world| {
        world.machine().enter_from(thread, Vec::new());
        Ok(Some(Outcome::Enter(core, args)))
    })?;
    results.ok_or_else(|| {
        abandon_all(world, Some(thread), Stop::Deadlock);
        Stop::Deadlock
    })
}

/// Runs the start function of a core module of an instance, as a function that is not async.
pub fn run_start<W: World>(world: &mut W, instance: usize, core: CoreId) -> Result<(), Stop> {
    let call = world.machine().invocations.add(Invocation::default());
    let run = from_here(world, |world| {
        task::call(world, instance, Called::Start, Caller::Host(call))?;
        Ok(Some(Outcome::Enter(core, Vec::new())))
    });
    run.and_then(|_| finish_sync(world, call))
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
    ready.retain(|thread| machine.is_ready(watch, *thread));
    if ready.is_empty() {
        return Ok(false);
    }
    let chosen = world.choices().choose(Choice::Tick(&ready));
    from_here(world, |world| resume(world, ready[chosen], None, false).map(Some))?;
    Ok(true)
}

/// Spec: `Thread.resume`: a thread that was blocked runs, for whoever runs now or for the host.
pub fn resume<W: World>(
    world: &mut W,
    thread: Id<Thread>,
    caller: Option<usize>,
    cancelled: bool,
) -> Result<Outcome, Stop> {
    task::enter(world, thread, caller);
    wake(world, thread, cancelled)
}

/// What a thread does that runs again.
fn wake<W: World>(world: &mut W, thread: Id<Thread>, cancelled: bool) -> Result<Outcome, Stop> {
    world.machine().end_waiting(thread);
    let then = world.machine().threads[thread].then.take().expect("it was blocked");
    go_on(world, then, cancelled)
}

/// What the current thread does after it was blocked, or would have been.
pub fn go_on<W: World>(world: &mut W, then: Then, cancelled: bool) -> Result<Outcome, Stop> {
    match then {
        Then::Enter => task::entered(world, cancelled),
        Then::Lowered(subtask) => canon_lower_returned(world, subtask),
        Then::Cancelled => Ok(Outcome::Results(vec![Core::I32(u32::from(cancelled))])),
        Then::Waited { set, defined, ptr } => {
            let event = waited(world, set, cancelled);
            built_ins::unpack_event(world, &defined, ptr, event)
        }
        Then::Event(waitable, ty) => {
            world.machine().waits_mut(waitable).has_sync_waiter = false;
            let Event { payload, .. } = take_event(world, waitable);
            Ok(Outcome::Results(vec![Core::from_bits(ty, u64::from(payload))]))
        }
        Then::Callback(None) if cancelled => Ok(callback(world, Event::TASK_CANCELLED)),
        Then::Callback(None) => Ok(callback(world, Event::NONE)),
        Then::Callback(Some(set)) => {
            let event = waited(world, set, cancelled);
            Ok(callback(world, event))
        }
        Then::Start(core, args) => Ok(Outcome::Enter(core, args)),
    }
}

/// Does what begins something, and goes on until whoever runs now has control again: with the results of the
/// core code that was begun, if it was run for itself. A trap ends all that ran on top.
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
        let step = match outcome {
            Outcome::Enter(core, args) => start(world, core, &args),
            Outcome::Results(results) => go_on_with(world, &results),
            Outcome::Blocked(block) => match leave(world, block, base)? {
                Some(next) => {
                    outcome = next;
                    continue;
                }
                None => return Ok(None),
            },
            Outcome::Ended => match control_returns(world, base)? {
                Some(next) => {
                    outcome = next;
                    continue;
                }
                None => return Ok(None),
            },
        };
        outcome = match step {
            Step::Call(call) => called(world, call)?,
            Step::Returned(results) => match returned(world, &results)? {
                Some(next) => next,
                None => return Ok(Some(results)),
            },
            Step::Stopped(stop) => return Err(stop),
        };
    }
}

fn start<W: World>(world: &mut W, core: CoreId, args: &[Core]) -> Step {
    let thread = world.machine().thread().expect("one runs");
    world.machine().threads[thread].runs = true;
    world.start(thread, core, args)
}

fn go_on_with<W: World>(world: &mut W, results: &[Core]) -> Step {
    let thread = world.machine().thread().expect("one runs");
    world.go_on(thread, results)
}

/// The current thread does not run any more: the one to which it gives control does, or the one that resumed it.
fn leave<W: World>(world: &mut W, block: Block, base: usize) -> Result<Option<Outcome>, Stop> {
    let machine = world.machine();
    let to = block.to;
    let Running { thread, entered } = machine.running.pop().expect("one runs");
    machine.keep(thread, block);
    machine.leave_all(&entered);
    let Some(to) = to else { return control_returns(world, base) };
    machine.enter_from(to, entered);
    task::tell(world);
    wake(world, to, false).map(Some)
}

/// Who has given control to others has it again; nothing where that is whoever drives the machine.
fn control_returns<W: World>(world: &mut W, base: usize) -> Result<Option<Outcome>, Stop> {
    let machine = world.machine();
    if machine.running.len() == base {
        return Ok(None);
    }
    let thread = machine.thread().expect("more run than before");
    match machine.threads[thread].calls.expect("it has given control away") {
        Calls::Call(subtask) => canon_lower_returned(world, subtask).map(Some),
        Calls::Cancel { subtask, is_async } => {
            built_ins::cancel_requested(world, subtask, is_async).map(Some)
        }
    }
}

/// Core code of the current thread has called what is no core code.
fn called<W: World>(world: &mut W, call: Call) -> Result<Outcome, Stop> {
    match call {
        Call::Lowered(lowered, args) => canon_lower(world, &lowered, args),
        Call::BuiltIn(defined, args) => built_ins::call(world, &defined, &args),
    }
}

/// The core code of the current thread has returned. Nothing, if it was run for itself.
fn returned<W: World>(world: &mut W, results: &[Core]) -> Result<Option<Outcome>, Stop> {
    let machine = world.machine();
    let id = machine.thread().expect("one runs");
    machine.threads[id].runs = false;
    let Thread { task, is_implicit, index, .. } = machine.threads[id];
    if index.is_none() {
        machine.leave_to();
        machine.threads.remove(id);
        return Ok(None);
    }
    let task = task.expect("it is of a task");
    if !is_implicit {
        exit(world)?;
        return Ok(Some(Outcome::Ended));
    }
    match machine.tasks[task].called.clone() {
        Called::Function(lifted) => {
            machine.tasks[task].returned = true;
            canon_lift_returned(world, task, &lifted, results).map(Some)
        }
        Called::Destructor { at } => {
            world.watch().act(Act { kind: ActKind::Destructor, stage: at, stop: None });
            destroyed(world).map(Some)
        }
        Called::Start => destroyed(world).map(Some),
    }
}

/// A thread that waits never goes on, nor do those for whom it waits.
pub(crate) fn abandon_all<W: World>(world: &mut W, first: Option<Id<Thread>>, stop: Stop) {
    let mut next = first;
    while let Some(thread) = next {
        let machine = world.machine();
        let calls = machine.threads[thread].calls.map(Calls::subtask);
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
    if let Some(Calls::Call(subtask)) = thread.calls {
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
        (Called::Function(_) | Called::Start, _) => {}
        (Called::Destructor { at }, _) => {
            let (stage, stop) = (*at, Some(stop));
            world.watch().act(Act { kind: ActKind::Destructor, stage, stop });
        }
    }
}
