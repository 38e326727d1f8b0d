//! What scripts say of traps, in the words of engines, as kinds.
//! Knows no engine; a phrase that is not here fits nothing.

use canonical_abi::AsyncTrap as A;
use canonical_abi::Trap::{self, Async};

use super::engine::Engine;

/// Phrases with the kind of trap that each means. The first that the script's message contains counts.
const PHRASES: [(&str, Trap); 76] = [
    ("cannot enter component instance", Trap::CannotEnterComponent),
    ("cannot leave component instance", Trap::CannotLeaveComponent),
    ("cannot block a synchronous task before returning", Trap::CannotBlockSyncTask),
    ("realloc return: result not aligned", Trap::UnalignedPointer),
    ("realloc return: beyond end of memory", Trap::MemoryOutOfBounds),
    ("unaligned pointer", Trap::UnalignedPointer),
    ("pointer not aligned", Trap::UnalignedPointer),
    ("pointer is not aligned", Trap::UnalignedPointer),
    ("string content out-of-bounds", Trap::StringOutOfBounds),
    ("string pointer/length out of bounds of memory", Trap::StringOutOfBounds),
    ("list content out-of-bounds", Trap::ListOutOfBounds),
    ("list pointer/length out of bounds of memory", Trap::ListOutOfBounds),
    ("pointer out of bounds", Trap::MemoryOutOfBounds),
    ("invalid utf-8", Trap::InvalidUtf8),
    ("invalid utf8", Trap::InvalidUtf8),
    ("incomplete utf-8 byte sequence", Trap::InvalidUtf8),
    ("invalid utf16", Trap::InvalidUtf16),
    ("unpaired surrogate", Trap::InvalidUtf16),
    ("invalid `char` bit pattern", Trap::InvalidChar),
    ("converted integer out of range for `char`", Trap::InvalidChar),
    ("invalid variant discriminant", Trap::InvalidDiscriminant),
    ("discriminant", Trap::InvalidDiscriminant),
    ("unknown handle index", Trap::UnknownHandle),
    ("used with the wrong type", Trap::HandleOfOtherType),
    ("is not a resource", Trap::HandleOfOtherType),
    ("cannot remove owned resource while borrowed", Trap::HandleLent),
    ("cannot lift own resource from a borrow", Trap::HandleNotOwned),
    ("cannot allocate another handle", Trap::TooManyHandles),
    ("borrow handles still remain at the end of the call", Trap::BorrowsRemain),
    ("unreachable", Trap::Guest),
    ("out of bounds memory access", Trap::Guest),
    ("out of bounds table access", Trap::Guest),
    ("undefined element", Trap::Guest),
    ("uninitialized element", Trap::Guest),
    ("indirect call type mismatch", Trap::Guest),
    ("integer divide by zero", Trap::Guest),
    ("integer overflow", Trap::Guest),
    ("invalid conversion to integer", Trap::Guest),
    ("waitable cannot be used synchronously", Async(A::WaitableInSet)),
    ("unsupported callback code", Async(A::CallbackCode)),
    ("cannot drop busy", Async(A::EndCopying)),
    ("cannot remove busy", Async(A::EndCopying)),
    ("while busy", Async(A::EndNotIdle)),
    ("cannot drop future write end without first writing a value", Async(A::FutureUnwritten)),
    ("cannot write to future after", Async(A::EndNotIdle)),
    ("cannot read from future after", Async(A::EndNotIdle)),
    ("cannot lift future after", Async(A::EndNotIdle)),
    ("cannot lift stream after", Async(A::EndNotIdle)),
    ("cannot write to stream after", Async(A::EndNotIdle)),
    ("cannot read from stream after", Async(A::EndNotIdle)),
    ("cannot write after", Async(A::EndNotIdle)),
    ("cannot read after", Async(A::EndNotIdle)),
    ("cannot have concurrent operations active on a future/stream", Async(A::EndNotIdle)),
    ("cancelled when no read/write is pending", Async(A::EndNotCopying)),
    ("cannot read from and write to intra-component", Async(A::CopyWithinInstance)),
    ("while it's in a waitable set", Async(A::EndInSet)),
    ("cannot drop waitable set with waiters", Async(A::SetWaitedFor)),
    ("resource has children", Async(A::SetNotEmpty)),
    ("cannot drop a subtask which has not yet resolved", Async(A::SubtaskUnresolved)),
    ("`subtask.cancel` called after terminal status delivered", Async(A::SubtaskResolved)),
    ("async-lifted export failed to produce a result", Async(A::TaskUnresolved)),
    ("`task.return` or `task.cancel` called more than once", Async(A::TaskResolved)),
    ("`task.cancel` called by task which has not been cancelled", Async(A::TaskNotCancelled)),
    ("invalid `task.return` signature", Async(A::ReturnOfOtherType)),
    ("backpressure counter overflow", Async(A::Backpressure)),
    ("stream read/write count too large", Async(A::BufferTooLong)),
    ("start function does not match expected type", Async(A::ThreadOfOtherType)),
    ("points to an uninitialized function", Async(A::NoFunction)),
    ("cannot resume thread which is not suspended", Async(A::ThreadNotSuspended)),
    ("thrown Wasm exception", Async(A::Exception)),
    ("uncaught exception", Async(A::Exception)),
    ("handle index", Trap::HandleOfOtherType),
    ("handle is not a", Trap::HandleOfOtherType),
    ("invalid debug message pointer", Trap::MemoryOutOfBounds),
    ("out of bounds", Trap::MemoryOutOfBounds),
    // Nobody of its instance can go on for a call that is not async.
    ("deadlock detected", Trap::CannotBlockSyncTask),
];

/// Whether a message speaks of a deadlock, which is no trap.
pub fn is_deadlock(message: &str) -> bool {
    message.contains("deadlock detected") || message.contains("cannot make further progress")
}

/// Whether a trap is the one that a script's message speaks of; if not, what is wrong.
pub fn fits(
    message: &str,
    engine: &dyn Engine,
    trap: Option<Trap>,
    words: &str,
) -> Result<(), String> {
    let phrase = PHRASES.iter().find(|(phrase, _)| message.contains(phrase));
    let (_, expected) = phrase.ok_or_else(|| format!("unknown phrase: {message}"))?;
    let fits = engine.is_trap(*expected, trap, words);
    if fits { Ok(()) } else { Err(format!("trapped with `{words}`, expected `{message}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wast::reference::Reference;

    #[track_caller]
    fn check(message: &str, trap: Option<Trap>, words: &str, fitting: bool) {
        assert_eq!(fits(message, &Reference::default(), trap, words).is_ok(), fitting, "{message}");
    }

    #[test]
    fn kinds_are_compared_and_not_words() {
        check("wasm trap: unaligned pointer", Some(Trap::UnalignedPointer), "", true);
        check("string content out-of-bounds", Some(Trap::ListTooLong), "", true);
        check("unknown handle index 5", Some(Trap::HandleOfOtherType), "", false);
        check("unreachable", None, "unreachable", false);
    }

    #[test]
    fn a_deadlock_is_told_from_traps() {
        assert!(is_deadlock(
            "wasm trap: deadlock detected: event loop cannot make further progress"
        ));
        assert!(!is_deadlock("unsupported callback code"));
    }

    #[test]
    fn an_unknown_phrase_fits_nothing() {
        let unknown =
            fits("a new reason", &Reference::default(), Some(Trap::Guest), "a new reason");
        assert_eq!(unknown, Err("unknown phrase: a new reason".to_string()));
    }
}
