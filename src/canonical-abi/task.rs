//! Tasks: who may enter whom, who waits before it begins, and how a task ends.
//! Knows nothing of what is passed.

use std::sync::Arc;

use super::arena::Id;
use super::check::trap_if;
use super::deviations::calls as deviations;
use super::machine::{Called, Caller, Condition, Lifted, Machine, Task, TaskState, Thread};
use super::world::{Choice, World};
use super::{Party, Rule, Stop, Watch};

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
    let entered = machine.entering_set(callee, caller);
    let refused = entered.iter().any(|i| !machine.instances[*i].may_enter);
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
    let machine = world.machine();
    let task = new_task(machine, instance, called, caller);
    let is_async = task.is_async;
    let task = machine.tasks.add(task);
    let thread = machine.threads.add(Thread::new(Some(task), true));
    if is_async && waits(world, task, thread) {
        block(world).inspect_err(|_| {
            world.machine().threads.remove(thread);
            world.machine().end(task);
        })?;
        wait(world.machine(), thread, Condition::NotPressed(task));
        return Ok(None);
    }
    enter(world, thread, caller.instance());
    Ok(Some(task))
}

fn new_task(machine: &Machine, instance: usize, called: Called, caller: Caller) -> Task {
    let around = machine.task().map_or(0, |task| machine.tasks[task].depth);
    let crosses = match called {
        Called::Function(_) => caller.instance().is_some(),
        Called::Destructor { .. } => caller.instance().is_some_and(|caller| caller != instance),
    };
    let waited_for = caller.instance().is_none() && machine.host_calls.waits;
    let depth = around + usize::from(crosses);
    Task { depth, waited_for, ..Task::new(instance, called, caller) }
}

/// Spec: `Task.enter_implicit_thread`, whether it waits: async functions of one instance exclude one another.
fn waits<W: World>(world: &mut W, task: Id<Task>, thread: Id<Thread>) -> bool {
    let (machine, watch) = world.parts();
    if pressed(machine, watch, task) {
        return true;
    }
    let instance = machine.tasks[task].instance;
    let others = machine.waiting.iter().any(|thread| match machine.threads[*thread].ready {
        Some(Condition::NotPressed(other)) => machine.tasks[other].instance == instance,
        Some(Condition::Resolved(_)) | None => false,
    });
    others && world.choices().choose(Choice::Wait(thread)) == 1
}

fn pressed(machine: &Machine, watch: &mut dyn Watch, task: Id<Task>) -> bool {
    let excluded = machine.instances[machine.tasks[task].instance].exclusive > 0;
    excluded && !deviations::enters_anyway(machine, watch, task)
}

/// Whether what a thread waits for holds now.
pub fn holds(machine: &Machine, watch: &mut dyn Watch, condition: Condition) -> bool {
    match condition {
        Condition::NotPressed(task) => !pressed(machine, watch, task),
        Condition::Resolved(subtask) => machine.subtasks[subtask].flat_results.is_some(),
    }
}

/// Spec: `Thread.wait_until`: it does not run any more.
pub fn wait(machine: &mut Machine, thread: Id<Thread>, until: Condition) {
    machine.threads[thread].ready = Some(until);
    machine.waiting.push(thread);
}

/// Spec: `canon_lift`, its end: a task that is not async traps if it blocks.
pub fn block<W: World>(world: &mut W) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let refused = deviations::may_not_block(machine, watch)?;
    trap_if(watch, Party::Host, Rule::MayNotBlock, refused)
}

/// Spec: `ComponentInstance.enter_from`: the thread runs.
pub fn enter<W: World>(world: &mut W, thread: Id<Thread>, caller: Option<usize>) {
    let machine = world.machine();
    let task = machine.threads[thread].task.expect("what enters is a task");
    let Task { instance, is_async, state, .. } = machine.tasks[task];
    let entered = machine.entering_set(instance, caller);
    machine.enter_from(thread, entered);
    if is_async && state == TaskState::Initial {
        machine.instances[instance].exclusive += 1;
    }
    tell(world);
}

/// Spec: `Task.exit_implicit_thread`. After a trap nothing ends, for there is nothing more to see.
pub fn exit<W: World>(world: &mut W) {
    let machine = world.machine();
    let thread = machine.leave_to();
    let thread = machine.threads.remove(thread).expect("it ran");
    machine.end(thread.task.expect("it is of a task"));
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
