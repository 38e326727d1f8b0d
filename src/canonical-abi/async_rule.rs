//! What the async part of the Canonical ABI checks: each rule, and what is met where it does not hold.
//! Knows neither who checks it nor when.

use std::fmt;

use super::Trap;
use super::point::named;

named! {
    /// The checks of async built-ins, of tasks, and of streams and futures.
    AsyncRule {
        TaskUnresolved = "Task.unregister_thread: traps, not resolved",
        ReturnedTwice = "Task.return_: traps, resolved already",
        CancelNotDelivered = "Task.cancel: traps, no cancellation delivered",
        CancelBorrowsRemain = "Task.cancel: traps, borrows remain",
        NothingThere = "Table.get: traps, nothing there",
        SetNotEmpty = "WaitableSet.drop: traps, not empty",
        SetWaitedFor = "WaitableSet.drop: traps, waited for",
        SubtaskUnresolved = "Subtask.drop: traps, not resolved",
        BufferTooLong = "BufferGuestImpl: traps, too long",
        BufferMisaligned = "BufferGuestImpl: traps, misaligned",
        BufferOutOfBounds = "BufferGuestImpl: traps, out of bounds",
        StreamReadWithinInstance = "SharedStreamImpl.read: traps, within one instance",
        StreamWriteWithinInstance = "SharedStreamImpl.write: traps, within one instance",
        FutureReadWithinInstance = "SharedFutureImpl.read: traps, within one instance",
        FutureWriteWithinInstance = "SharedFutureImpl.write: traps, within one instance",
        EndDroppedCopying = "CopyEnd.drop: traps, copying",
        FutureDroppedUnwritten = "WritableFutureEnd.drop: traps, not written",
        LiftErrorContextOtherKind = "lift_error_context: traps, other kind",
        LiftEndOtherKind = "lift_async_value: traps, other kind",
        LiftEndOtherType = "lift_async_value: traps, other type",
        LiftEndNotIdle = "lift_async_value: traps, not idle",
        LiftEndInSet = "lift_async_value: traps, in a set",
        CallbackNoSet = "canon_lift: traps, the callback waits for no set",
        CallbackCode = "unpack_callback_result: traps, no such code",
        BackpressureTooHigh = "canon_backpressure_inc: traps, too high",
        BackpressureTooLow = "canon_backpressure_dec: traps, too low",
        MayNotLeave = "async built-ins: traps, may not leave",
        ReturnNotAsync = "canon_task_return: traps, not lifted as async",
        ReturnOtherType = "canon_task_return: traps, other type",
        ReturnOtherOptions = "canon_task_return: traps, other options",
        CancelNotAsync = "canon_task_cancel: traps, not lifted as async",
        WaitNoSet = "canon_waitable_set_wait: traps, other kind",
        PollNoSet = "canon_waitable_set_poll: traps, other kind",
        DropNoSet = "canon_waitable_set_drop: traps, other kind",
        JoinNoWaitable = "canon_waitable_join: traps, no waitable",
        JoinSyncWaiter = "canon_waitable_join: traps, waited for",
        JoinNoSet = "canon_waitable_join: traps, no set",
        CancelNoSubtask = "canon_subtask_cancel: traps, other kind",
        CancelResolved = "canon_subtask_cancel: traps, resolved already",
        CancelTwice = "canon_subtask_cancel: traps, cancelled already",
        CancelInSet = "canon_subtask_cancel: traps, in a set",
        DropNoSubtask = "canon_subtask_drop: traps, other kind",
        StreamCopyNoEnd = "stream_copy: traps, other kind",
        StreamCopyOtherType = "stream_copy: traps, other type",
        StreamCopyNotIdle = "stream_copy: traps, not idle",
        StreamCopyInSet = "stream_copy: traps, in a set",
        FutureCopyNoEnd = "future_copy: traps, other kind",
        FutureCopyOtherType = "future_copy: traps, other type",
        FutureCopyNotIdle = "future_copy: traps, not idle",
        FutureCopyInSet = "future_copy: traps, in a set",
        CancelCopyNoEnd = "cancel_copy: traps, other kind",
        CancelCopyOtherType = "cancel_copy: traps, other type",
        CancelCopyNotCopying = "cancel_copy: traps, not copying",
        CancelCopyInSet = "cancel_copy: traps, in a set",
        DropNoEnd = "drop: traps, other kind",
        DropEndOtherType = "drop: traps, other type",
        NewThreadNoFunction = "canon_thread_new_indirect: traps, no function",
        NewThreadOtherType = "canon_thread_new_indirect: traps, other type",
        ResumeLaterNotSuspended = "canon_thread_resume_later: traps, not suspended",
        SuspendThenResumeNotSuspended = "canon_thread_suspend_then_resume: traps, not suspended",
        YieldThenResumeNotSuspended = "canon_thread_yield_then_resume: traps, not suspended",
        MessageNoErrorContext = "canon_error_context_debug_message: traps, other kind",
        DropNoErrorContext = "canon_error_context_drop: traps, other kind",
        EventMisaligned = "unpack_event: traps, misaligned",
        EventOutOfBounds = "unpack_event: traps, out of bounds",
        MessageMisaligned = "canon_error_context_debug_message: traps, misaligned",
        MessageOutOfBounds = "canon_error_context_debug_message: traps, out of bounds",
    }
}

/// What is wrong where calls are async, or streams and futures are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AsyncTrap {
    /// A task's last thread ends, and it has neither returned nor been cancelled.
    TaskUnresolved,
    /// A task returns that has returned, or been cancelled.
    TaskResolved,
    /// A task says that it is cancelled, which it was never told to be.
    TaskNotCancelled,
    /// A waitable set is dropped with waitables in it.
    SetNotEmpty,
    /// A waitable set is dropped that somebody waits for.
    SetWaitedFor,
    /// A subtask is dropped before whoever called was told that it has resolved.
    SubtaskUnresolved,
    /// More elements are to be copied than `Buffer.MAX_LENGTH`.
    BufferTooLong,
    /// Both ends of a copy are those of one instance, and its elements are no numbers.
    CopyWithinInstance,
    /// An end is dropped while it copies.
    EndCopying,
    /// The writable end of a future is dropped before it was written.
    FutureUnwritten,
    /// An end is to copy or to be passed on that copies, or is done.
    EndNotIdle,
    /// A copy is cancelled that is not under way, or is waited for.
    EndNotCopying,
    /// An end is passed on that is in a waitable set.
    EndInSet,
    /// Something is waited for synchronously that is in a waitable set.
    WaitableInSet,
    /// Something joins a waitable set that is waited for synchronously.
    WaitableWaitedFor,
    /// A callback returns a code that is none.
    CallbackCode,
    /// Core code throws an exception that nobody catches.
    Exception,
    /// The counter of backpressure leaves its range.
    Backpressure,
    /// A task that was not lifted as async returns, or is cancelled, by a built-in.
    NotAsync,
    /// A task returns by a built-in that was made for another type or other options.
    ReturnOfOtherType,
    /// A subtask is cancelled whose end was told.
    SubtaskResolved,
    /// A subtask is cancelled for the second time.
    SubtaskCancelled,
    /// A thread is to run what is no function: the table has none there.
    NoFunction,
    /// A thread is to run a function of another type.
    ThreadOfOtherType,
    /// A thread is resumed that is not suspended.
    ThreadNotSuspended,
}

/// What each check traps with.
const TRAPS: &[(Trap, &[AsyncRule])] = &[
    (Trap::Async(AsyncTrap::TaskUnresolved), &[AsyncRule::TaskUnresolved]),
    (Trap::Async(AsyncTrap::TaskResolved), &[AsyncRule::ReturnedTwice]),
    (Trap::Async(AsyncTrap::TaskNotCancelled), &[AsyncRule::CancelNotDelivered]),
    (Trap::BorrowsRemain, &[AsyncRule::CancelBorrowsRemain]),
    (Trap::UnknownHandle, &[AsyncRule::NothingThere]),
    (Trap::Async(AsyncTrap::SetNotEmpty), &[AsyncRule::SetNotEmpty]),
    (Trap::Async(AsyncTrap::SetWaitedFor), &[AsyncRule::SetWaitedFor]),
    (Trap::Async(AsyncTrap::SubtaskUnresolved), &[AsyncRule::SubtaskUnresolved]),
    (Trap::Async(AsyncTrap::BufferTooLong), &[AsyncRule::BufferTooLong]),
    (
        Trap::UnalignedPointer,
        &[AsyncRule::BufferMisaligned, AsyncRule::EventMisaligned, AsyncRule::MessageMisaligned],
    ),
    (
        Trap::MemoryOutOfBounds,
        &[AsyncRule::BufferOutOfBounds, AsyncRule::EventOutOfBounds, AsyncRule::MessageOutOfBounds],
    ),
    (
        Trap::Async(AsyncTrap::CopyWithinInstance),
        &[
            AsyncRule::StreamReadWithinInstance,
            AsyncRule::StreamWriteWithinInstance,
            AsyncRule::FutureReadWithinInstance,
            AsyncRule::FutureWriteWithinInstance,
        ],
    ),
    (Trap::Async(AsyncTrap::EndCopying), &[AsyncRule::EndDroppedCopying]),
    (Trap::Async(AsyncTrap::FutureUnwritten), &[AsyncRule::FutureDroppedUnwritten]),
    (
        Trap::HandleOfOtherType,
        &[
            AsyncRule::LiftErrorContextOtherKind,
            AsyncRule::LiftEndOtherKind,
            AsyncRule::LiftEndOtherType,
            AsyncRule::CallbackNoSet,
            AsyncRule::WaitNoSet,
            AsyncRule::PollNoSet,
            AsyncRule::DropNoSet,
            AsyncRule::JoinNoWaitable,
            AsyncRule::JoinNoSet,
            AsyncRule::CancelNoSubtask,
            AsyncRule::DropNoSubtask,
            AsyncRule::StreamCopyNoEnd,
            AsyncRule::StreamCopyOtherType,
            AsyncRule::FutureCopyNoEnd,
            AsyncRule::FutureCopyOtherType,
            AsyncRule::CancelCopyNoEnd,
            AsyncRule::CancelCopyOtherType,
            AsyncRule::DropNoEnd,
            AsyncRule::DropEndOtherType,
            AsyncRule::MessageNoErrorContext,
            AsyncRule::DropNoErrorContext,
        ],
    ),
    (
        Trap::Async(AsyncTrap::EndNotIdle),
        &[AsyncRule::LiftEndNotIdle, AsyncRule::StreamCopyNotIdle, AsyncRule::FutureCopyNotIdle],
    ),
    (Trap::Async(AsyncTrap::EndInSet), &[AsyncRule::LiftEndInSet]),
    (Trap::Async(AsyncTrap::CallbackCode), &[AsyncRule::CallbackCode]),
    (
        Trap::Async(AsyncTrap::Backpressure),
        &[AsyncRule::BackpressureTooHigh, AsyncRule::BackpressureTooLow],
    ),
    (Trap::CannotLeaveComponent, &[AsyncRule::MayNotLeave]),
    (Trap::Async(AsyncTrap::NotAsync), &[AsyncRule::ReturnNotAsync, AsyncRule::CancelNotAsync]),
    (
        Trap::Async(AsyncTrap::ReturnOfOtherType),
        &[AsyncRule::ReturnOtherType, AsyncRule::ReturnOtherOptions],
    ),
    (Trap::Async(AsyncTrap::WaitableWaitedFor), &[AsyncRule::JoinSyncWaiter]),
    (Trap::Async(AsyncTrap::SubtaskResolved), &[AsyncRule::CancelResolved]),
    (Trap::Async(AsyncTrap::SubtaskCancelled), &[AsyncRule::CancelTwice]),
    (
        Trap::Async(AsyncTrap::WaitableInSet),
        &[
            AsyncRule::CancelInSet,
            AsyncRule::StreamCopyInSet,
            AsyncRule::FutureCopyInSet,
            AsyncRule::CancelCopyInSet,
        ],
    ),
    (Trap::Async(AsyncTrap::EndNotCopying), &[AsyncRule::CancelCopyNotCopying]),
    (Trap::Async(AsyncTrap::NoFunction), &[AsyncRule::NewThreadNoFunction]),
    (Trap::Async(AsyncTrap::ThreadOfOtherType), &[AsyncRule::NewThreadOtherType]),
    (
        Trap::Async(AsyncTrap::ThreadNotSuspended),
        &[
            AsyncRule::ResumeLaterNotSuspended,
            AsyncRule::SuspendThenResumeNotSuspended,
            AsyncRule::YieldThenResumeNotSuspended,
        ],
    ),
];

impl AsyncRule {
    /// What its check traps with.
    pub fn trap(self) -> Trap {
        let of_this = TRAPS.iter().find(|(_, rules)| rules.contains(&self));
        of_this.map(|(trap, _)| *trap).expect("each has one")
    }
}

impl AsyncTrap {
    /// What an engine's message tells of it.
    pub fn kind(self) -> &'static str {
        match self {
            AsyncTrap::TaskUnresolved => "task not resolved",
            AsyncTrap::TaskResolved => "task resolved already",
            AsyncTrap::TaskNotCancelled => "task not cancelled",
            AsyncTrap::SetNotEmpty => "waitable set not empty",
            AsyncTrap::SetWaitedFor => "waitable set waited for",
            AsyncTrap::SubtaskUnresolved => "subtask not resolved",
            AsyncTrap::BufferTooLong => "buffer too long",
            AsyncTrap::CopyWithinInstance => "copy within one instance",
            AsyncTrap::EndCopying => "end copying",
            AsyncTrap::FutureUnwritten => "future not written",
            AsyncTrap::EndNotIdle => "end not idle",
            AsyncTrap::EndNotCopying => "end not copying",
            AsyncTrap::EndInSet => "end in a waitable set",
            AsyncTrap::WaitableInSet | AsyncTrap::WaitableWaitedFor => {
                "waitable waited for synchronously and in a waitable set"
            }
            AsyncTrap::CallbackCode => "callback code",
            AsyncTrap::Exception => "uncaught exception",
            AsyncTrap::Backpressure => "backpressure",
            AsyncTrap::NotAsync => "task not async",
            AsyncTrap::ReturnOfOtherType => "task.return of another type",
            AsyncTrap::SubtaskResolved => "subtask resolved already",
            AsyncTrap::SubtaskCancelled => "subtask cancelled already",
            AsyncTrap::NoFunction => "no function in the table",
            AsyncTrap::ThreadOfOtherType => "thread of another type",
            AsyncTrap::ThreadNotSuspended => "thread not suspended",
        }
    }
}

impl fmt::Display for AsyncTrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl From<AsyncTrap> for Trap {
    fn from(trap: AsyncTrap) -> Trap {
        Trap::Async(trap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_traps_with_something() {
        let named: usize = TRAPS.iter().map(|(_, rules)| rules.len()).sum();
        assert_eq!(named, AsyncRule::ALL.len());
        assert!(
            AsyncRule::ALL.iter().all(|rule| TRAPS.iter().any(|(trap, _)| *trap == rule.trap()))
        );
    }
}
