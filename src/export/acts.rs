//! What a guest does, as core code: it calls its import and its built-ins.
//! Knows nothing of when.

use super::checks::Site;
use super::plan::GuestPlan;
use super::text::{Lines, address, constant};
use crate::abi::Core;
use crate::case::{Act, BuiltInCall, Turn};
use crate::encode::script::slot;

/// The acts of a turn, each with its words.
pub fn acts(guest: &GuestPlan, turn: &Turn, words: &[Vec<u64>]) -> Lines {
    turn.acts.iter().zip(words).flat_map(|(one, words)| act(guest, one, words)).collect()
}

/// The first word says what it is.
fn act(guest: &GuestPlan, act: &Act, words: &[u64]) -> Lines {
    match act {
        Act::Import(_) | Act::Leave => import_call(guest, &words[1..]),
        Act::BuiltIn(one) => built_in(guest, *one),
        Act::Grow(pages) => {
            let pages = address(guest.guest.ptr_type, u64::from(*pages));
            vec![format!("(drop (memory.grow {pages}))")]
        }
    }
}

/// A call of the import that passes these words.
fn import_call(guest: &GuestPlan, words: &[u64]) -> Lines {
    let import = guest.import.as_ref().expect("a checked case has what it calls");
    let params = import.params.iter().zip(words);
    let params: String =
        params.map(|(ty, bits)| constant(Core::from_bits(*ty, *bits)) + " ").collect();
    let call = format!("(call_indirect (type $g) {params}(i32.const {}))", slot::IMPORT);
    match (import.results.is_empty(), guest.is_checked()) {
        (true, true) => vec![call, format!("(call {})", Site::Import.check())],
        (true, false) => vec![call],
        (false, true) => vec![format!("(call {} {call})", Site::Import.check())],
        (false, false) => vec![format!("(drop {call})")],
    }
}

fn built_in(guest: &GuestPlan, BuiltInCall { which, of, operand }: BuiltInCall) -> Lines {
    let answers = which.row().result.is_some();
    let ty = if answers { "$answers" } else { "$drops" };
    let slot = slot::built_in(which, of);
    let operand = constant(Core::I32(operand));
    let call = format!("(call_indirect (type {ty}) {operand} (i32.const {slot}))");
    let check = Site::BuiltIn.check();
    match (answers, guest.is_checked()) {
        (true, true) => vec![format!("(call {check} (i32.const {slot}) {call})")],
        (true, false) => vec![format!("(drop {call})")],
        (false, true) => {
            vec![call, format!("(call {check} (i32.const {slot}) (i32.const 0))")]
        }
        (false, false) => vec![call],
    }
}
