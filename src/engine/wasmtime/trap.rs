//! Wasmtime's errors as the outcomes that the oracle knows.
//! Knows the wording of every release; an error that it cannot place stays a trap without a kind.

use std::fmt;

use crate::abi::Trap;
use crate::observation::Outcome;

/// The error of a host's function that was told to fail.
#[derive(Debug)]
pub struct HostFailed;

impl fmt::Display for HostFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host's function failed, as its script says")
    }
}

impl std::error::Error for HostFailed {}

/// A value of the engine's that is not of its type.
#[derive(Debug)]
pub struct WrongValue(pub String);

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the engine gave the host a value of another type: {}", self.0)
    }
}

impl std::error::Error for WrongValue {}

/// What an error says of a run.
pub fn outcome(error: &wasmtime::Error) -> Outcome {
    let message = error.root_cause().to_string();
    if let Some(wrong) = error.downcast_ref::<WrongValue>() {
        return Outcome::Refused(wrong.to_string());
    }
    if error.downcast_ref::<HostFailed>().is_some() {
        return Outcome::Trapped(Some(Trap::Host), message);
    }
    match error.downcast_ref::<wasmtime::Trap>() {
        // A puppet recurses nowhere.
        Some(wasmtime::Trap::StackOverflow) => Outcome::Crashed(message),
        Some(trap) => Outcome::Trapped(Some(core_trap(*trap)), message),
        None => said(message),
    }
}

/// Traps that Wasmtime has a code for. All but two are core wasm's own: the guest's doing.
#[expect(clippy::wildcard_enum_match_arm, reason = "each release has others")]
fn core_trap(trap: wasmtime::Trap) -> Trap {
    match trap {
        wasmtime::Trap::CannotEnterComponent => Trap::CannotEnterComponent,
        // Has a code since 41.
        _ if trap.to_string().contains("cannot leave component") => Trap::CannotLeaveComponent,
        _ => Trap::Guest,
    }
}

/// Errors that are text. The first that is contained in the message counts.
const TEXTS: [(&str, Option<Trap>); 24] = [
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
    ("type mismatch", None),
    ("expected ", None),
];

fn said(message: String) -> Outcome {
    match TEXTS.iter().find(|(text, _)| message.contains(text)) {
        Some((_, Some(trap))) => Outcome::Trapped(Some(*trap), message),
        // The interface was misused, by us.
        Some((_, None)) => Outcome::Refused(message),
        None if message.contains("fuel") => Outcome::Exhausted(message),
        None => Outcome::Trapped(None, message),
    }
}
