//! What scripts say of traps, in the words of engines, as kinds.
//! Knows no engine; a phrase that is not here fits nothing.

use canonical_abi::Trap;

use super::engine::Engine;

/// What a phrase means.
#[derive(Clone, Copy)]
enum Meaning {
    Kind(Trap),
    /// A trap of async, which has no kind here: the engine's own words have to contain the script's.
    Words,
}

use Meaning::{Kind, Words};

/// Phrases with what they mean. The first that the script's message contains counts.
const PHRASES: [(&str, Meaning); 63] = [
    ("cannot enter component instance", Kind(Trap::CannotEnterComponent)),
    ("cannot leave component instance", Kind(Trap::CannotLeaveComponent)),
    ("cannot block a synchronous task before returning", Kind(Trap::CannotBlockSyncTask)),
    ("realloc return: result not aligned", Kind(Trap::UnalignedPointer)),
    ("realloc return: beyond end of memory", Kind(Trap::MemoryOutOfBounds)),
    ("unaligned pointer", Kind(Trap::UnalignedPointer)),
    ("pointer not aligned", Kind(Trap::UnalignedPointer)),
    ("pointer is not aligned", Kind(Trap::UnalignedPointer)),
    ("string content out-of-bounds", Kind(Trap::StringOutOfBounds)),
    ("string pointer/length out of bounds of memory", Kind(Trap::StringOutOfBounds)),
    ("list content out-of-bounds", Kind(Trap::ListOutOfBounds)),
    ("list pointer/length out of bounds of memory", Kind(Trap::ListOutOfBounds)),
    ("pointer out of bounds", Kind(Trap::MemoryOutOfBounds)),
    ("invalid utf-8", Kind(Trap::InvalidUtf8)),
    ("invalid utf8", Kind(Trap::InvalidUtf8)),
    ("incomplete utf-8 byte sequence", Kind(Trap::InvalidUtf8)),
    ("invalid utf16", Kind(Trap::InvalidUtf16)),
    ("unpaired surrogate", Kind(Trap::InvalidUtf16)),
    ("invalid `char` bit pattern", Kind(Trap::InvalidChar)),
    ("converted integer out of range for `char`", Kind(Trap::InvalidChar)),
    ("invalid variant discriminant", Kind(Trap::InvalidDiscriminant)),
    ("discriminant", Kind(Trap::InvalidDiscriminant)),
    ("unknown handle index", Kind(Trap::UnknownHandle)),
    ("used with the wrong type", Kind(Trap::HandleOfOtherType)),
    ("is not a resource", Kind(Trap::HandleOfOtherType)),
    ("cannot remove owned resource while borrowed", Kind(Trap::HandleLent)),
    ("cannot lift own resource from a borrow", Kind(Trap::HandleNotOwned)),
    ("cannot allocate another handle", Kind(Trap::TooManyHandles)),
    ("borrow handles still remain at the end of the call", Kind(Trap::BorrowsRemain)),
    ("unreachable", Kind(Trap::Guest)),
    ("out of bounds memory access", Kind(Trap::Guest)),
    ("out of bounds table access", Kind(Trap::Guest)),
    ("undefined element", Kind(Trap::Guest)),
    ("uninitialized element", Kind(Trap::Guest)),
    ("indirect call type mismatch", Kind(Trap::Guest)),
    ("integer divide by zero", Kind(Trap::Guest)),
    ("integer overflow", Kind(Trap::Guest)),
    ("invalid conversion to integer", Kind(Trap::Guest)),
    ("waitable cannot be used synchronously while added to a waitable set", Words),
    ("unsupported callback code", Words),
    ("deadlock detected", Words),
    ("cannot drop busy stream", Words),
    ("cannot drop busy future", Words),
    ("cannot remove busy stream", Words),
    ("cannot remove busy future", Words),
    ("cannot drop future write end without first writing a value", Words),
    ("cannot write to future after previous write succeeded", Words),
    ("cannot read from future after previous read succeeded", Words),
    ("cannot lift future after previous read succeeded", Words),
    ("cannot write to stream after being notified that the readable end dropped", Words),
    ("cannot read from stream after being notified that the writable end dropped", Words),
    ("cannot lift stream after being notified that the writable end dropped", Words),
    ("cannot drop a subtask which has not yet resolved", Words),
    ("cannot read from and write to intra-component future", Words),
    ("cannot read from and write to intra-component stream", Words),
    ("cannot have concurrent operations active on a future/stream", Words),
    ("cannot drop waitable set with waiters", Words),
    ("cannot lift future while it's in a waitable set", Words),
    ("cannot lift stream while it's in a waitable set", Words),
    ("async-lifted export failed to produce a result", Words),
    ("`task.return` or `task.cancel` called more than once", Words),
    ("`subtask.cancel` called after terminal status delivered", Words),
    ("out of bounds", Kind(Trap::MemoryOutOfBounds)),
];

/// Whether a trap is the one that a script's message speaks of; if not, what is wrong.
pub fn fits(
    message: &str,
    engine: &dyn Engine,
    trap: Option<Trap>,
    words: &str,
) -> Result<(), String> {
    let phrase = PHRASES.iter().find(|(phrase, _)| message.contains(phrase));
    let (_, meaning) = phrase.ok_or_else(|| format!("unknown phrase: {message}"))?;
    let fits = match meaning {
        Kind(expected) => engine.is_trap(*expected, trap, words),
        Words => words.contains(message.trim_start_matches("wasm trap: ")),
    };
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
    fn what_has_no_kind_is_compared_by_words() {
        check("deadlock detected", None, "wasm trap: deadlock detected: no progress", true);
        check("deadlock detected", None, "unsupported callback code", false);
    }

    #[test]
    fn an_unknown_phrase_fits_nothing() {
        let unknown =
            fits("a new reason", &Reference::default(), Some(Trap::Guest), "a new reason");
        assert_eq!(unknown, Err("unknown phrase: a new reason".to_string()));
    }
}
