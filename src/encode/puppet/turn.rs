//! How the puppet takes a turn: the acts of its script, and whether it traps then.
//! Knows what each act is; not who enters the guest.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::emit::{MEMORY, Own, Ty, body, call_import, in_script, script_word, while_left};
use super::memory::narrow;
use crate::abi::PtrType;
use crate::encode::script::{EVENT_BUILT_IN, act_kind, end_kind, turn_word, word};

/// Takes the turn whose address is the script's word.
pub fn take(sink: &mut InstructionSink<'_>, turn: u64) {
    script_word(sink, turn).call(Own::DoActs.index());
    trap_if_it_ends_so(sink, turn);
}

/// Traps where this is how the turn ends whose address is the script's word.
pub fn trap_if_it_ends_so(sink: &mut InstructionSink<'_>, turn: u64) {
    script_word(sink, turn).i32_load(in_script(turn_word::END * 8));
    sink.i32_const(end_kind::TRAP).i32_eq().if_(BlockType::Empty).unreachable().end();
}

/// `do_acts(turn)`: does the acts of the turn at this address.
pub fn do_acts(ptr_type: PtrType) -> Function {
    let [turn, next, left] = [0, 1, 2];
    body([(2, ValType::I32)], |sink| {
        sink.local_get(turn).i32_load(in_script(turn_word::ACT_COUNT * 8)).local_set(left);
        first_act(sink, turn);
        sink.local_set(next);
        while_left(sink, left, |sink| {
            act(sink, ptr_type, next);
            sink.local_get(next);
            script_word(sink, word::ACT_BYTES).i32_add().local_set(next);
        });
    })
}

/// Pushes the address of the first act of the turn at the address in a local.
pub fn first_act(sink: &mut InstructionSink<'_>, turn: u32) {
    let bytes = i32::try_from(turn_word::COUNT * 8).expect("they are few");
    sink.local_get(turn).i32_const(bytes).i32_add();
}

/// Does the act at the address in a local.
pub fn act(sink: &mut InstructionSink<'_>, ptr_type: PtrType, address: u32) {
    if_is(sink, address, act_kind::IMPORT);
    call_import(sink.local_get(address).i32_const(8).i32_add()).else_();
    if_is(sink, address, act_kind::GROW);
    sink.local_get(address).i64_load(in_script(8));
    narrow(sink, ptr_type).memory_grow(MEMORY).drop().else_();
    sink.local_get(address).call(Own::CallBuiltIn.index()).end().end();
}

fn if_is(sink: &mut InstructionSink<'_>, address: u32, kind: i32) {
    sink.local_get(address).i32_load(in_script(0)).i32_const(kind).i32_eq().if_(BlockType::Empty);
}

/// Calls the built-in that the words at its param describe, and logs its answer.
pub fn call_built_in() -> Function {
    let [address, answer] = [0, 1];
    let log = Own::LogWord.index();
    body([(1, ValType::I32)], |sink| {
        sink.local_get(address).i32_load(in_script(8));
        sink.local_get(address).i32_load(in_script(16));
        sink.local_get(address).i32_load(in_script(0)).i32_const(act_kind::SILENT).i32_eq();
        sink.if_(BlockType::FunctionType(Ty::Pair.index()));
        sink.call_indirect(0, Ty::Silent.index()).else_();
        sink.call_indirect(0, Ty::Answers.index()).local_set(answer).end();
        sink.i64_const(EVENT_BUILT_IN).call(log);
        sink.local_get(address).i32_load(in_script(16)).i64_extend_i32_u().call(log);
        sink.local_get(answer).i64_extend_i32_u().call(log);
    })
}
