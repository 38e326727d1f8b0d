//! Tasks: who may enter whom, who waits before it begins, how a task is cancelled and how it ends.
//! Knows nothing of what is passed.

use std::sync::Arc;

use super::arena::Id;
use super::async_rule::AsyncRule;
use super::check::trap_if;
use super::deviations::{calls as deviations, moved};
use super::drive;
use super::machine::{Called, Caller, Lifted, Machine, Task, TaskState};
use super::thread::{Block, Condition, Then, Thread};
use super::world::{Choice, Happening, Outcome, World};
use super::{Party, Rule, Stop, Watch, canon, end_if};

/// What we can bear of tasks and threads that are not over.
const MAX_TASKS: usize = 1 << 16;
const TOO_MANY_TASKS: Stop = Stop::Exhausted("more tasks than we can hold");
pub(crate) const MAX_THREADS: usize = 1 << 17;
pub(crate) const TOO_MANY_THREADS: Stop = Stop::Exhausted("more threads than we can hold");

/// Calls a function: nothing, if it waits before it begins.
pub fn call_function<W: World>(
    world: &mut W,
    lifted: &Arc<Lifted>,
    caller: Caller,
) -> Result<Option<Id<Task>>, Stop> {
    let instance = lifted.opts.instance;
    check_enter(world, instance, caller.instance())?;
    call(world, instance, Called::Function(lifted.clone()), caller)
}

/// Spec: `ComponentInstance.may_enter_from`.
pub fn check_enter<W: World>(
    world: &mut W,
    callee: usize,
    caller: Option<usize>,
) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let refused = !machine.may_enter_from(callee, caller);
    trap_if(watch, Party::caller(caller.is_some()), Rule::MayNotEnter, refused)?;
    let calls = machine.running_tasks().count();
    world.check_depth(calls)
}

/// Makes a task that may be entered, with its thread, which runs unless it has to wait.
pub fn call<W: World>(
    world: &mut W,
    instance: usize,
    called: Called,
    caller: Caller,
) -> Result<Option<Id<Task>>, Stop> {
    let (tasks, threads) = (world.machine().tasks.len(), world.machine().threads.len());
    end_if(tasks >= MAX_TASKS, TOO_MANY_TASKS)?;
    end_if(threads >= MAX_THREADS, TOO_MANY_THREADS)?;
    let (task, thread) = new_task(world, instance, called, caller);
    if world.machine().tasks[task].is_async && waits(world, task, thread) {
        let until = Some(Condition::NotPressed(task));
        let gate = Block { until, cancellable: true, then: Then::Enter, to: None };
        world.machine().keep(thread, gate);
        return Ok(None);
    }
    enter(world, thread, caller.instance());
    register_implicit(world, thread)?;
    Ok(Some(task))
}

fn new_task<W: World>(
    world: &mut W,
    instance: usize,
    called: Called,
    caller: Caller,
) -> (Id<Task>, Id<Thread>) {
    let machine = world.machine();
    let around = machine.task().map_or(0, |task| machine.tasks[task].depth);
    let crosses = match called {
        Called::Function(_) => caller.instance().is_some(),
        Called::Destructor { .. } => caller.instance().is_some_and(|caller| caller != instance),
        Called::Start => false,
    };
    let waited_for = caller.instance().is_none() && machine.host_calls.waits;
    let depth = around + usize::from(crosses);
    let task = Task { depth, waited_for, ..Task::new(instance, called, caller) };
    let task = machine.tasks.add(task);
    let thread = machine.threads.add(Thread::new(Some(task), true));
    machine.tasks[task].implicit_thread = Some(thread);
    match caller {
        Caller::Host(call) => machine.invocations[call].task = Some(task),
        Caller::Guest { subtask, .. } => machine.subtasks[subtask].task = Some(task),
    }
    world.happens(Happening::Thread(thread));
    (task, thread)
}

/// Spec: `Task.enter_implicit_thread`, whether it waits.
fn waits<W: World>(world: &mut W, task: Id<Task>, thread: Id<Thread>) -> bool {
    let (machine, watch) = world.parts();
    if pressed(machine, watch, task) {
        return true;
    }
    let instance = machine.tasks[task].instance;
    let others = machine.waiting.iter().any(|thread| {
        let Some(Condition::NotPressed(other)) = machine.threads[*thread].ready else {
            return false;
        };
        machine.tasks[other].instance == instance
    });
    let until = Condition::NotPressed(task);
    others && world.choices().choose(Choice::Wait(thread, until)) == 0
}

/// Spec: `Task.enter_implicit_thread`: whether a task may not enter its instance.
pub fn pressed(machine: &Machine, watch: &mut dyn Watch, task: Id<Task>) -> bool {
    let Task { instance, needs_exclusive, .. } = machine.tasks[task];
    let instance = &machine.instances[instance];
    let excluded = needs_exclusive && instance.exclusive > 0;
    instance.backpressure > 0 || excluded && !deviations::enters_anyway(machine, watch, task)
}

/// Spec: `Task.enter_implicit_thread`, its end.
fn register_implicit<W: World>(world: &mut W, thread: Id<Thread>) -> Result<(), Stop> {
    let machine = world.machine();
    let task = machine.threads[thread].task.expect("it is of a task");
    if machine.tasks[task].needs_exclusive {
        take_exclusive(machine, task);
    }
    register(world, thread)
}

/// Spec: `Task.register_thread`.
pub fn register<W: World>(world: &mut W, thread: Id<Thread>) -> Result<(), Stop> {
    let machine = world.machine();
    let task = machine.threads[thread].task.expect("it is of a task");
    let instance = machine.tasks[task].instance;
    let index = machine.instances[instance].threads.add(thread, false)?;
    machine.tasks[task].threads.push(thread);
    machine.threads[thread].index = Some(index);
    Ok(())
}

/// Spec: `exclusive_thread`, which is this task's now.
pub fn take_exclusive(machine: &mut Machine, task: Id<Task>) {
    let task = &mut machine.tasks[task];
    task.holds_exclusive = true;
    machine.instances[task.instance].exclusive += 1;
}

/// Spec: `exclusive_thread`, which is nobody's now.
pub fn release_exclusive(machine: &mut Machine, task: Id<Task>) {
    let task = &mut machine.tasks[task];
    if std::mem::take(&mut task.holds_exclusive) {
        machine.instances[task.instance].exclusive -= 1;
    }
}

/// Spec: `Task.enter_implicit_thread`, from where a task has waited on: it begins, or is cancelled.
pub fn entered<W: World>(world: &mut W, cancelled: bool) -> Result<Outcome, Stop> {
    let machine = world.machine();
    let thread = machine.thread().expect("it runs");
    let task = machine.threads[thread].task.expect("it is of a task");
    if cancelled {
        canon::cancel(world, task)?;
        leave(world);
        return Ok(Outcome::Ended);
    }
    register_implicit(world, thread)?;
    match world.machine().tasks[task].called.clone() {
        Called::Function(lifted) => canon::canon_lift(world, task, &lifted),
        Called::Destructor { .. } | Called::Start => unreachable!("these wait for nobody"),
    }
}

/// Ends where a function of the host's blocks, with its native stack, and a task that is not async has called it:
/// nobody else goes on meanwhile.
pub fn block<W: World>(world: &mut W) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let refused = deviations::may_not_block(machine, watch)?;
    trap_if(watch, Party::Host, Rule::MayNotBlock, refused)
}

/// Spec: `canon_lift`, its end: while a call that is not async has not resolved, others of its instance go on:
/// this one. Nothing where it has resolved, or may block.
pub fn next_for_sync<W: World>(
    world: &mut W,
    task: Option<Id<Task>>,
) -> Result<Option<Id<Thread>>, Stop> {
    let (machine, watch) = world.parts();
    let unresolved = |task: &&Task| !task.is_async && task.state != TaskState::Resolved;
    let Some(task) = task.and_then(|id| machine.tasks.get(id)).filter(unresolved) else {
        return Ok(None);
    };
    let (candidates, thread) = (candidates(machine, watch, task.instance), task.implicit_thread);
    if candidates.is_empty() {
        let refused = !deviations::blocks_anyway(machine, watch);
        trap_if(watch, Party::Host, Rule::MayNotBlock, refused)
            .inspect_err(|stop| drive::abandon_all(world, thread, *stop))?;
        return Ok(None);
    }
    let chosen = world.choices().choose(Choice::Sync(&candidates));
    Ok(Some(candidates[chosen]))
}

/// The threads of an instance that are ready, but for one whose task holds the lock.
fn candidates(machine: &Machine, watch: &mut dyn Watch, instance: usize) -> Vec<Id<Thread>> {
    let threads = machine.instances[instance].threads.iter().map(|(_, thread)| thread);
    let mut goes_on = |thread: &Id<Thread>| match holds_exclusive(machine, *thread) {
        false => machine.is_ready(watch, *thread),
        true => moved::lock_holder_goes_on(machine, watch, *thread),
    };
    threads.filter(&mut goes_on).collect()
}

/// Spec: whether this is the `exclusive_thread`.
fn holds_exclusive(machine: &Machine, thread: Id<Thread>) -> bool {
    let thread = &machine.threads[thread];
    thread.is_implicit && thread.task.is_some_and(|task| machine.tasks[task].holds_exclusive)
}

/// Spec: `Task.request_cancellation`: a thread that goes on for that, if one can.
pub fn request_cancellation<W: World>(
    world: &mut W,
    id: Id<Task>,
    caller: Option<usize>,
) -> Result<Option<Outcome>, Stop> {
    let machine = world.machine();
    let task = &mut machine.tasks[id];
    if task.state == TaskState::Initial {
        task.state = TaskState::CancelDelivered;
        let thread = task.implicit_thread.expect("it waits to begin");
        return drive::resume(world, thread, caller, true).map(Some);
    }
    let candidates = cancellable(machine, id);
    let enters = machine.may_enter_from(machine.tasks[id].instance, caller);
    if candidates.is_empty() || !enters {
        machine.tasks[id].state = TaskState::PendingCancel;
        return Ok(None);
    }
    machine.tasks[id].state = TaskState::CancelDelivered;
    let chosen = world.choices().choose(Choice::Cancel(&candidates));
    drive::resume(world, candidates[chosen], caller, true).map(Some)
}

/// The threads of a task that may be told that it is cancelled.
fn cancellable(machine: &Machine, id: Id<Task>) -> Vec<Id<Thread>> {
    let task = &machine.tasks[id];
    let excluded = task.needs_exclusive
        && !task.holds_exclusive
        && machine.instances[task.instance].exclusive > 0;
    let may = |thread: &Id<Thread>| {
        let Thread { cancellable, ref then, is_implicit, .. } = machine.threads[*thread];
        cancellable && then.is_some() && !(is_implicit && excluded)
    };
    task.threads.iter().copied().filter(may).collect()
}

/// Spec: `ComponentInstance.enter_from`: the thread runs.
pub fn enter<W: World>(world: &mut W, thread: Id<Thread>, caller: Option<usize>) {
    let machine = world.machine();
    let task = machine.threads[thread].task.expect("what enters is a task");
    let entered = machine.entering_set(machine.tasks[task].instance, caller);
    machine.enter_from(thread, entered);
    tell(world);
}

/// Spec: `Task.exit_implicit_thread`, or the end of a thread that another one made. After a trap nothing ends, for
/// there is nothing more to see.
pub fn exit<W: World>(world: &mut W) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let id = machine.thread().expect("it ran");
    let thread = &machine.threads[id];
    let (index, task) = (thread.index, thread.task.expect("it is of a task"));
    let implicit = thread.is_implicit;
    machine.tasks[task].threads.retain(|other| *other != id);
    let last = machine.tasks[task].threads.is_empty();
    let unresolved = last && machine.tasks[task].state != TaskState::Resolved;
    trap_if(watch, Party::Itself, AsyncRule::TaskUnresolved, unresolved)?;
    let instance = machine.tasks[task].instance;
    machine.instances[instance].threads.remove(index.expect("it was registered"));
    if implicit {
        release_exclusive(machine, task);
    }
    leave(world);
    Ok(())
}

/// The current thread is no more, and with the last one its task.
fn leave<W: World>(world: &mut W) {
    let machine = world.machine();
    let thread = machine.leave_to();
    let thread = machine.threads.remove(thread).expect("it ran");
    let task = thread.task.expect("it is of a task");
    if machine.tasks[task].threads.is_empty() {
        machine.end(task);
    }
    tell(world);
}

/// Tells whoever watches which call is under way now.
pub fn tell<W: World>(world: &mut W) {
    let (machine, watch) = world.parts();
    let Some(task) = machine.task() else { return watch.set_depth(0) };
    let Task { stage, depth, .. } = machine.tasks[task];
    watch.set_stage(stage);
    watch.set_depth(depth);
}
