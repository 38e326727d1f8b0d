//! Threads: what they wait for, and how they suspend, wait, yield and resume one another.
//! Knows nothing of who called them, nor on what their core code runs.

use std::sync::Arc;

use super::arena::Id;
use super::deviations::moved;
use super::drive::go_on;
use super::machine::{CoreId, Defined, Machine, Subtask, Task, TaskState};
use super::task::pressed;
use super::waitable::{Waitable, WaitableSet};
use super::world::{Choice, Outcome, World};
use super::{Core, CoreType, Stop, Watch};

/// Spec: `Thread`.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Nothing where core code is run for itself: while something is looked into.
    pub task: Option<Id<Task>>,
    /// Whether it runs the function or destructor itself, rather than something on its way there or back.
    pub is_implicit: bool,
    /// Its index in the table of its instance, once it is registered there.
    pub index: Option<u32>,
    pub storage: [u64; 2],
    /// What it does when it goes on: nothing while it runs.
    pub then: Option<Then>,
    /// What it waits for, if it waits: else it is suspended, unless it runs.
    pub ready: Option<Condition>,
    /// Whether it may go on because its task is cancelled, since it was blocked last.
    pub cancellable: bool,
    /// What control has been given to, if it has, and is to come back from.
    pub calls: Option<Calls>,
    /// Whether there is core code of it that has not returned.
    pub runs: bool,
}

/// What a thread that runs has given control to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// A function or a destructor.
    Call(Id<Subtask>),
    /// Whoever is cancelled.
    Cancel { subtask: Id<Subtask>, is_async: bool },
}

/// What a thread may wait for. Whether it holds is found out each time that someone asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: it lets others go first.
    Always,
    /// Its task may enter the instance.
    NotPressed(Id<Task>),
    /// The call was answered.
    Resolved(Id<Subtask>),
    HasEvent(Waitable),
    /// No task of this instance holds its lock.
    NotExclusive(usize),
    /// Something in the set has an event.
    SetHasEvent(Id<WaitableSet>),
    /// Something in the set has one for the callback of this task, and no task of its instance holds the lock.
    CallbackEvent(Id<WaitableSet>, Id<Task>),
}

/// What a thread does when it goes on after it was blocked.
#[derive(Clone, Debug)]
pub enum Then {
    /// Its task enters the instance.
    Enter,
    /// A synchronous call returns.
    Lowered(Id<Subtask>),
    /// A built-in returns whether the task was cancelled.
    Cancelled,
    /// `waitable-set.wait` returns an event.
    Waited { set: Id<WaitableSet>, defined: Arc<Defined>, ptr: u64 },
    /// A built-in that waited for one event returns its payload, as a core value of this type.
    Event(Waitable, CoreType),
    /// The callback is called with no event, or with one of this set.
    Callback(Option<Id<WaitableSet>>),
    /// A thread begins.
    Start(CoreId, Vec<Core>),
}

/// How a thread blocks.
#[derive(Clone, Debug)]
pub struct Block {
    /// What it waits for. Else it is suspended.
    pub until: Option<Condition>,
    pub cancellable: bool,
    pub then: Then,
    /// The thread that is resumed next, if not the one that resumed this one.
    pub to: Option<Id<Thread>>,
}

impl Calls {
    pub fn subtask(self) -> Id<Subtask> {
        match self {
            Calls::Call(subtask) | Calls::Cancel { subtask, .. } => subtask,
        }
    }
}

impl Thread {
    /// One that has not begun.
    pub fn new(task: Option<Id<Task>>, is_implicit: bool) -> Thread {
        Thread {
            task,
            is_implicit,
            index: None,
            storage: [0; 2],
            then: None,
            ready: None,
            cancellable: false,
            calls: None,
            runs: false,
        }
    }

    /// Spec: `Thread.suspended`.
    pub fn is_suspended(&self) -> bool {
        self.then.is_some() && self.ready.is_none()
    }
}

impl Machine {
    /// Spec: `Thread.ready`.
    pub fn is_ready(&self, watch: &mut dyn Watch, thread: Id<Thread>) -> bool {
        self.threads[thread].ready.is_some_and(|condition| holds(self, watch, condition))
    }

    /// Spec: `Thread.stop_waiting`: it does not wait any more.
    pub fn end_waiting(&mut self, thread: Id<Thread>) {
        self.threads[thread].ready = None;
        self.waiting.retain(|waiting| *waiting != thread);
    }

    /// Spec: `Thread.start_waiting_until`.
    pub fn begin_waiting(&mut self, thread: Id<Thread>, until: Condition) {
        self.threads[thread].ready = Some(until);
        self.waiting.push(thread);
    }

    /// Keeps a thread that does not run any more.
    pub fn keep(&mut self, thread: Id<Thread>, block: Block) {
        let Block { until, cancellable, then, to: _ } = block;
        self.threads[thread].then = Some(then);
        self.threads[thread].cancellable = cancellable;
        if let Some(until) = until {
            self.begin_waiting(thread, until);
        }
    }
}

/// Whether what a thread waits for holds now.
pub fn holds(machine: &Machine, watch: &mut dyn Watch, condition: Condition) -> bool {
    match condition {
        Condition::Always => true,
        Condition::NotPressed(task) => !pressed(machine, watch, task),
        Condition::Resolved(subtask) => machine.subtasks[subtask].state.is_resolved(),
        Condition::HasEvent(waitable) => machine.waits(waitable).event.is_some(),
        Condition::NotExclusive(instance) => machine.instances[instance].exclusive == 0,
        Condition::SetHasEvent(set) => machine.has_event(set),
        Condition::CallbackEvent(set, task) => {
            let free = machine.instances[machine.tasks[task].instance].exclusive == 0;
            free && (machine.has_event(set) || moved::wakes_for_cancellation(machine, watch, task))
        }
    }
}

/// Spec: `Task.deliver_pending_cancel`, for the task of the current thread.
pub fn deliver_pending_cancel<W: World>(world: &mut W, cancellable: bool) -> bool {
    let machine = world.machine();
    let Some(task) = machine.task().filter(|_| cancellable) else { return false };
    let state = &mut machine.tasks[task].state;
    let pending = *state == TaskState::PendingCancel;
    if pending {
        *state = TaskState::CancelDelivered;
    }
    pending
}

/// Spec: `Thread.wait_until`: what the current thread does then, or that it is blocked.
pub fn wait_until<W: World>(
    world: &mut W,
    until: Condition,
    cancellable: bool,
    then: Then,
) -> Result<Outcome, Stop> {
    if deliver_pending_cancel(world, cancellable) {
        return go_on(world, then, true);
    }
    let (machine, watch) = world.parts();
    let thread = machine.thread().expect("one runs");
    if holds(machine, watch, until) && world.choices().choose(Choice::Wait(thread, until)) == 1 {
        return go_on(world, then, false);
    }
    Ok(Outcome::Blocked(Block { until: Some(until), cancellable, then, to: None }))
}

/// Spec: `Thread.suspend`.
pub fn suspend<W: World>(world: &mut W, cancellable: bool) -> Result<Outcome, Stop> {
    switch(world, None, cancellable, None)
}

/// Spec: `Thread.yield_`.
pub fn yield_<W: World>(world: &mut W, cancellable: bool) -> Result<Outcome, Stop> {
    wait_until(world, Condition::Always, cancellable, Then::Cancelled)
}

/// Spec: `Thread.suspend_then_resume`.
pub fn suspend_then_resume<W: World>(
    world: &mut W,
    cancellable: bool,
    other: Id<Thread>,
) -> Result<Outcome, Stop> {
    switch(world, None, cancellable, Some(other))
}

/// Spec: `Thread.yield_then_resume`.
pub fn yield_then_resume<W: World>(
    world: &mut W,
    cancellable: bool,
    other: Id<Thread>,
) -> Result<Outcome, Stop> {
    switch(world, Some(Condition::Always), cancellable, Some(other))
}

/// Spec: `Thread.suspend_then_promote`.
pub fn suspend_then_promote<W: World>(
    world: &mut W,
    cancellable: bool,
    other: Id<Thread>,
) -> Result<Outcome, Stop> {
    match promote(world, cancellable, other) {
        true => suspend_then_resume(world, cancellable, other),
        false => suspend(world, cancellable),
    }
}

/// Spec: `Thread.yield_then_promote`.
pub fn yield_then_promote<W: World>(
    world: &mut W,
    cancellable: bool,
    other: Id<Thread>,
) -> Result<Outcome, Stop> {
    match promote(world, cancellable, other) {
        true => yield_then_resume(world, cancellable, other),
        false => yield_(world, cancellable),
    }
}

/// Whether another thread is ready, which then waits no longer. It stays as it is where a cancellation is
/// delivered first.
fn promote<W: World>(world: &mut W, cancellable: bool, other: Id<Thread>) -> bool {
    let (machine, watch) = world.parts();
    let task = machine.task().filter(|_| cancellable);
    let pending = task.is_some_and(|task| machine.tasks[task].state == TaskState::PendingCancel);
    let promoted = !pending && machine.is_ready(watch, other);
    if promoted {
        machine.end_waiting(other);
    }
    promoted
}

/// The current thread gives control to another one, or back. Then it returns whether it was cancelled.
fn switch<W: World>(
    world: &mut W,
    until: Option<Condition>,
    cancellable: bool,
    to: Option<Id<Thread>>,
) -> Result<Outcome, Stop> {
    if deliver_pending_cancel(world, cancellable) {
        return go_on(world, Then::Cancelled, true);
    }
    Ok(Outcome::Blocked(Block { until, cancellable, then: Then::Cancelled, to }))
}
