//! Wasmtime's errors as the outcomes that the oracle knows.
//! Knows the wording of every release; an error that it cannot place stays a trap without a kind.

use std::fmt;

use crate::abi::AsyncTrap as A;
use crate::abi::Trap::{self, Async};
use crate::engine::machine;
use crate::observation::Outcome;

/// Why the host itself ended a call.
#[derive(Debug)]
pub enum Stopped {
    /// Its function was told to fail.
    HostFailed,
    /// There is no function of other static types to take an export for.
    NoSignature,
    /// No handle of another store was found that is equal to the one in whose place it should be.
    NoEqualHandle,
    /// It was told more than it can keep.
    ToldTooMuch,
    /// The engine gave it a value that is not of its type.
    WrongValue(String),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::HostFailed => f.write_str("the host's function failed, as its script says"),
            Stopped::NoSignature => f.write_str("a function of other static types"),
            Stopped::NoEqualHandle => f.write_str("handles of another store"),
            Stopped::ToldTooMuch => f.write_str("more values than the host can hold"),
            Stopped::WrongValue(wrong) => {
                write!(f, "the engine gave the host a value of another type: {wrong}")
            }
        }
    }
}

impl std::error::Error for Stopped {}

/// What an error says of a run.
pub fn outcome(error: &wasmtime::Error) -> Outcome {
    if let Some(stopped) = error.downcast_ref::<Stopped>() {
        let message = stopped.to_string();
        return match stopped {
            Stopped::HostFailed => Outcome::Trapped(Some(Trap::Host), message),
            Stopped::NoSignature => Outcome::Unsupported(message),
            Stopped::NoEqualHandle | Stopped::ToldTooMuch => Outcome::Exhausted(message),
            Stopped::WrongValue(_) => Outcome::Refused(message),
        };
    }
    let message = error.root_cause().to_string();
    if machine::gave_out(&message) {
        // What led to it says how much was asked for.
        return machine::told_apart(Outcome::Trapped(None, format!("{error:#}")));
    }
    // In later releases what the engine takes for its own mistake is no panic any more, but says so.
    if let Some(bug) = message.strip_prefix("BUG: ") {
        let first = bug.lines().next().unwrap_or_default();
        return Outcome::Crashed(format!("the engine says of itself: BUG: {first}"));
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        // A puppet recurses nowhere.
        Some(wasmtime::Trap::StackOverflow) => Outcome::Crashed(message),
        Some(_) if message.contains("deadlock detected") => Outcome::Deadlocked(message),
        Some(trap) => Outcome::Trapped(coded(*trap), message),
        None => said(message),
    }
}

/// What an outcome says of core code that nobody scripted: it may call itself, which a puppet does not.
pub fn bounded(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Crashed(message) if message == wasmtime::Trap::StackOverflow.to_string() => {
            Outcome::Exhausted(message)
        }
        other @ (Outcome::Returned
        | Outcome::Trapped(..)
        | Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Refused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_)) => other,
    }
}

/// What an error says of a run in which the host has made a mistake: that it was seen, unless it is a trap,
/// which has nothing to do with it.
pub fn outcome_of_misuse(error: &wasmtime::Error) -> Outcome {
    if let Some(Stopped::WrongValue(_)) = error.downcast_ref() {
        return outcome(error);
    }
    match outcome(error) {
        Outcome::Refused(message) | Outcome::Trapped(None, message) => Outcome::Misused(message),
        Outcome::Returned => unreachable!("an error is no success"),
        other @ (Outcome::Trapped(Some(_), _)
        | Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_)) => other,
    }
}

/// Traps that Wasmtime has a code for: core wasm's own are the guest's doing, the component model's
/// are placed by their words, since each release has others.
#[expect(clippy::wildcard_enum_match_arm, reason = "each release has others")]
fn coded(trap: wasmtime::Trap) -> Option<Trap> {
    match trap {
        wasmtime::Trap::StackOverflow
        | wasmtime::Trap::MemoryOutOfBounds
        | wasmtime::Trap::HeapMisaligned
        | wasmtime::Trap::TableOutOfBounds
        | wasmtime::Trap::IndirectCallToNull
        | wasmtime::Trap::BadSignature
        | wasmtime::Trap::IntegerOverflow
        | wasmtime::Trap::IntegerDivisionByZero
        | wasmtime::Trap::BadConversionToInteger
        | wasmtime::Trap::UnreachableCodeReached
        | wasmtime::Trap::AtomicWaitNonSharedMemory
        | wasmtime::Trap::NullReference
        | wasmtime::Trap::ArrayOutOfBounds
        | wasmtime::Trap::AllocationTooLarge
        | wasmtime::Trap::CastFailure => Some(Trap::Guest),
        wasmtime::Trap::CannotEnterComponent => Some(Trap::CannotEnterComponent),
        other => {
            let message = other.to_string();
            let placed = CODES.iter().chain(&ASYNC).find(|(text, _)| message.contains(text));
            placed.map(|(_, trap)| *trap)
        }
    }
}

/// Traps that have a code in some releases only.
const CODES: [(&str, Trap); 8] = [
    ("degenerate component adapter called", Trap::CannotEnterComponent),
    ("cannot leave component", Trap::CannotLeaveComponent),
    ("cannot block a synchronous task", Trap::CannotBlockSyncTask),
    ("invalid `char` bit pattern", Trap::InvalidChar),
    ("string content out-of-bounds", Trap::StringOutOfBounds),
    ("list content out-of-bounds", Trap::ListOutOfBounds),
    ("invalid variant discriminant", Trap::InvalidDiscriminant),
    ("unaligned pointer", Trap::UnalignedPointer),
];

/// Traps of async, with a code or as text, by release.
const ASYNC: [(&str, Trap); 34] = [
    ("failed to produce a result", Async(A::TaskUnresolved)),
    ("called by task which has not been cancelled", Async(A::TaskNotCancelled)),
    ("called more than once for current task", Async(A::TaskResolved)),
    ("invalid `task.return` signature", Async(A::ReturnOfOtherType)),
    ("called after terminal status delivered", Async(A::SubtaskResolved)),
    ("subtask which has not yet resolved", Async(A::SubtaskUnresolved)),
    ("cannot drop waitable set with waiters", Async(A::SetWaitedFor)),
    ("resource has children", Async(A::SetNotEmpty)),
    ("start function does not match expected type", Async(A::ThreadOfOtherType)),
    ("points to an uninitialized function", Async(A::NoFunction)),
    ("cannot resume thread which is not suspended", Async(A::ThreadNotSuspended)),
    ("backpressure counter", Async(A::Backpressure)),
    ("unsupported callback code", Async(A::CallbackCode)),
    ("cannot have concurrent operations active", Async(A::EndNotIdle)),
    ("stream read/write count too large", Async(A::BufferTooLong)),
    ("cannot be used synchronously while added", Async(A::WaitableInSet)),
    ("uncaught exception", Async(A::Exception)),
    ("cannot write to", Async(A::EndNotIdle)),
    ("cannot read from future after", Async(A::EndNotIdle)),
    ("cannot read from stream after", Async(A::EndNotIdle)),
    ("cannot read after", Async(A::EndNotIdle)),
    ("cannot write after", Async(A::EndNotIdle)),
    ("cannot read from and write to intra-component", Async(A::CopyWithinInstance)),
    ("while it's in a waitable set", Async(A::EndInSet)),
    ("while busy", Async(A::EndNotIdle)),
    ("cannot lift future after", Async(A::EndNotIdle)),
    ("cannot lift stream after", Async(A::EndNotIdle)),
    ("cannot remove busy", Async(A::EndCopying)),
    ("cannot drop busy", Async(A::EndCopying)),
    ("without first writing a value", Async(A::FutureUnwritten)),
    ("when no read/write is pending", Async(A::EndNotCopying)),
    ("invalid debug message pointer", Trap::MemoryOutOfBounds),
    ("of a different type", Trap::HandleOfOtherType),
    ("handle is not a", Trap::HandleOfOtherType),
];

/// Errors that are text. The first that is contained in the message counts.
const TEXTS: [(&str, Option<Trap>); 36] = [
    ("cannot enter component instance", Some(Trap::CannotEnterComponent)),
    ("cannot leave component instance", Some(Trap::CannotLeaveComponent)),
    ("realloc return: result not aligned", Some(Trap::UnalignedPointer)),
    ("realloc return: beyond end of memory", Some(Trap::MemoryOutOfBounds)),
    ("list pointer is not aligned", Some(Trap::UnalignedPointer)),
    ("list pointer/length out of bounds", Some(Trap::ListOutOfBounds)),
    ("map pointer is not aligned", Some(Trap::UnalignedPointer)),
    ("map pointer/length out of bounds", Some(Trap::ListOutOfBounds)),
    ("string pointer not aligned", Some(Trap::UnalignedPointer)),
    ("string pointer/length out of bounds", Some(Trap::StringOutOfBounds)),
    ("pointer not aligned", Some(Trap::UnalignedPointer)),
    ("pointer size overflow", Some(Trap::MemoryOutOfBounds)),
    ("pointer out of bounds", Some(Trap::MemoryOutOfBounds)),
    ("invalid utf-8 sequence", Some(Trap::InvalidUtf8)),
    ("incomplete utf-8 byte sequence", Some(Trap::InvalidUtf8)),
    ("unpaired surrogate found", Some(Trap::InvalidUtf16)),
    ("converted integer out of range for `char`", Some(Trap::InvalidChar)),
    ("invalid option discriminant", Some(Trap::InvalidDiscriminant)),
    ("invalid expected discriminant", Some(Trap::InvalidDiscriminant)),
    ("unexpected discriminant", Some(Trap::InvalidDiscriminant)),
    ("discriminant ", Some(Trap::InvalidDiscriminant)),
    ("too large to copy into wasm", Some(Trap::StringTooLong)),
    ("invalid utf8 encoding", Some(Trap::InvalidUtf8)),
    ("invalid utf16 encoding", Some(Trap::InvalidUtf16)),
    ("unknown handle index", Some(Trap::UnknownHandle)),
    // An entry of another sort, such as a waitable.
    ("is not a resource", Some(Trap::HandleOfOtherType)),
    ("not an own resource", Some(Trap::HandleOfOtherType)),
    ("used with the wrong type", Some(Trap::HandleOfOtherType)),
    ("cannot remove owned resource while borrowed", Some(Trap::HandleLent)),
    ("cannot lift own resource from a borrow", Some(Trap::HandleNotOwned)),
    ("cannot allocate another handle", Some(Trap::TooManyHandles)),
    ("borrow handles still remain", Some(Trap::BorrowsRemain)),
    // The interface was misused, by us.
    ("mismatched resource types", None),
    ("host resource already consumed", None),
    ("type mismatch", None),
    ("expected ", None),
];

fn said(message: String) -> Outcome {
    match TEXTS.iter().find(|(text, _)| message.contains(text)) {
        Some((_, Some(trap))) => Outcome::Trapped(Some(*trap), message),
        // The interface was misused, by us.
        Some((_, None)) => Outcome::Refused(message),
        // That of calls of the host, too, where a guest passes too much.
        None if message.contains("fuel") => Outcome::Exhausted(message),
        None => {
            let placed = ASYNC.iter().find(|(text, _)| message.contains(text));
            Outcome::Trapped(placed.map(|(_, trap)| *trap), message)
        }
    }
}
