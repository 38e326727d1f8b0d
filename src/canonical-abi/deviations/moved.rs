//! What deviations make of the async part where the text has moved: each is a rule of earlier or later text.
//! Knows nothing of which engine follows which.

use crate::arena::Id;
use crate::built_in::Blocks;
use crate::copy::{CopyResult, CopyState, End, Kind, Shared};
use crate::machine::{Defined, Machine, Options, Task, TaskState};
use crate::thread::Thread;
use crate::waitable::PendingEvent;
use crate::{AsyncRule, Deviation, Stop, Trap, Watch, end_if};

/// Ends where a built-in may block and the task that calls it is not async, whether or not it does block.
pub(crate) fn check_blocks(
    machine: &Machine,
    watch: &mut dyn Watch,
    d: &Defined,
) -> Result<(), Stop> {
    let refused = may_block(d)
        && machine.task().is_some_and(|task| {
            let task = &machine.tasks[task];
            !task.is_async && task.state != TaskState::Resolved
        });
    end_if(refused && watch.deviates(Deviation::BlocksEagerly), Trap::CannotBlockSyncTask)
}

fn may_block(d: &Defined) -> bool {
    match d.which.row().blocks {
        Blocks::Never => false,
        Blocks::IfSync => !d.opts.is_async,
        Blocks::Always => true,
    }
}

/// Whether `task.return` was made for another memory than the function was lifted with.
pub(crate) fn other_memory(watch: &mut dyn Watch, lifted: &Options, returned: &Options) -> bool {
    let absent = returned.memory.is_none();
    lifted.memory != returned.memory
        && !(absent && watch.deviates(Deviation::TaskReturnWithoutMemory))
}

/// Whether the thread whose task holds the lock of its instance goes on for one that is not async.
pub(crate) fn lock_holder_goes_on(
    machine: &Machine,
    watch: &mut dyn Watch,
    thread: Id<Thread>,
) -> bool {
    machine.is_ready(watch, thread) && watch.deviates(Deviation::LockHolderGoesOn)
}

/// Ends where a thread is to promote itself.
pub(crate) fn check_promotes_itself(
    machine: &Machine,
    watch: &mut dyn Watch,
    other: Id<Thread>,
) -> Result<(), Stop> {
    let itself = machine.thread() == Some(other);
    let traps = itself && watch.deviates(Deviation::SelfPromotionTraps);
    end_if(traps, AsyncRule::SuspendThenResumeNotSuspended.trap())
}

/// Whether a built-in that was defined so is told that its task is cancelled.
pub(crate) fn is_cancellable(watch: &mut dyn Watch, cancellable: bool) -> bool {
    cancellable && !watch.deviates(Deviation::OnlyCallbacksCancelled)
}

/// Whether a subtask may not be cancelled because of the waitable set that it is in.
pub(crate) fn refuses_in_set(watch: &mut dyn Watch, in_set: bool, is_async: bool) -> bool {
    in_set && (!is_async || watch.deviates(Deviation::NoCancellingInSets))
}

/// Whether a copy that is cancelled is so although elements were copied.
pub(crate) fn cancels_copied(watch: &mut dyn Watch, event: Option<PendingEvent>) -> bool {
    event == Some(PendingEvent::Copied) && watch.deviates(Deviation::LastResultWins)
}

/// The one end of a stream was dropped: what the other one is told, if it has an event or copies nothing.
pub(crate) fn tell_of_drop(machine: &mut Machine, watch: &mut dyn Watch, shared: Id<Shared>) {
    let others = machine.ends.iter().filter(|(_, end)| end.shared == shared);
    let others: Vec<Id<End>> = others.map(|(id, _)| id).collect();
    for other in others {
        let End { kind, ref waits, state, .. } = machine.ends[other];
        let completed = waits.event == Some(PendingEvent::Done(CopyResult::Completed));
        let completed = completed && kind == Kind::Stream;
        let idle = state == CopyState::Idle && waits.set.is_some();
        if completed && watch.deviates(Deviation::LastResultWins) {
            machine.ends[other].waits.event = Some(PendingEvent::Done(CopyResult::Dropped));
        } else if idle && watch.deviates(Deviation::IdleEndsToldOfDrops) {
            machine.ends[other].state = CopyState::Copying;
            machine.ends[other].buffer = None;
            machine.ends[other].waits.event = Some(PendingEvent::Done(CopyResult::Dropped));
        }
    }
}

/// Whether a callback that waits goes on since its task is to be cancelled.
pub(crate) fn wakes_for_cancellation(
    machine: &Machine,
    watch: &mut dyn Watch,
    task: Id<Task>,
) -> bool {
    let pending = machine.tasks[task].state == TaskState::PendingCancel;
    pending && watch.deviates(Deviation::PendingCancelWakes)
}
