//! What a guest calls, as core code: its import and its built-ins.
//! Knows nothing of when.

use super::checks::Site;
use super::plan::GuestPlan;
use super::text::{Lines, constant};
use crate::abi::Core;
use crate::case::BuiltInCall;
use crate::encode::script::slot;

/// A call of the import that passes these words.
pub fn import_call(guest: &GuestPlan, words: &[u64]) -> Lines {
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

/// A call of the import that no script foresaw passes zeros.
pub fn zero_import_call(guest: &GuestPlan) -> Lines {
    let count = guest.import.as_ref().map_or(0, |import| import.params.len());
    import_call(guest, &vec![0; count])
}

pub fn built_in(guest: &GuestPlan, BuiltInCall { which, of, operand }: BuiltInCall) -> Lines {
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
