//! The puppet's code on the memory under test, whose addresses have 32 or 64 bits: `realloc` and the fill.
//! Reckons in 64 bits and knows nothing of what lies in the memory.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::emit::{BUMP, MEMORY, Own, REALLOCS, body, in_script, script_word, val_type};
use crate::abi::PtrType;
use crate::encode::script::{
    EVENT_REALLOC, EVENT_REALLOCATED, FILL_PERIOD, end_kind, turn_word, word,
};

/// `realloc(old, old_size, align, new_size)`: the script's turn for this call, or a plain one. Addresses
/// are reckoned in 64 bits. Who calls it in the name of another `realloc` does the logging.
pub fn realloc(ptr_type: PtrType, logs: bool) -> Function {
    let [old, old_size, align, new_size, kind, turn, operand, block, answer] =
        [0, 1, 2, 3, 4, 5, 6, 7, 8];
    let ptr = ptr_type.core_type();
    body([(2, ValType::I32), (2, ValType::I64), (1, val_type(ptr))], |sink| {
        if logs {
            log(sink, ptr_type, EVENT_REALLOC, &[old, old_size, align, new_size]);
        }
        next_turn(sink, kind, turn, operand);
        if_kind(sink, kind, end_kind::TRAP).unreachable().end();
        if_kind(sink, kind, end_kind::AT).local_get(operand).local_set(block).else_();
        if_kind(sink, kind, end_kind::OLD);
        wide(sink, ptr_type, old).local_set(block).else_();
        if_kind(sink, kind, end_kind::AT_END);
        last_that_fits(sink, ptr_type, align, new_size);
        sink.local_get(operand).i64_add().local_set(block).else_();
        bump(sink, ptr_type, align, new_size, block);
        sink.local_get(kind).i32_const(end_kind::FORGET).i32_ne().if_(BlockType::Empty);
        sink.local_get(block);
        narrow(sink, ptr_type).local_get(old);
        minimum(sink, ptr_type, old_size, new_size);
        narrow(sink, ptr_type).memory_copy(MEMORY, MEMORY).end();
        if_kind(sink, kind, end_kind::SKEW);
        sink.local_get(block).local_get(operand).i64_add().local_set(block).end();
        sink.end().end().end();

        sink.local_get(block);
        narrow(sink, ptr_type).local_set(answer);
        if logs {
            log(sink, ptr_type, EVENT_REALLOCATED, &[answer]);
        }
        sink.local_get(answer);
    })
}

/// Appends an event to the log: its number and some pointers or sizes.
pub fn log(sink: &mut InstructionSink<'_>, ptr_type: PtrType, event: i64, values: &[u32]) {
    sink.i64_const(event).call(Own::LogWord.index());
    for local in values {
        wide(sink, ptr_type, *local).call(Own::LogWord.index());
    }
}

/// Counts a call of `realloc` and does the acts of its turn, if the script has one for it, of which the end is left.
fn next_turn(sink: &mut InstructionSink<'_>, kind: u32, turn: u32, operand: u32) {
    sink.global_get(REALLOCS);
    script_word(sink, word::REALLOC_COUNT).i32_lt_u().if_(BlockType::Empty);
    script_word(sink, word::REALLOCS);
    sink.global_get(REALLOCS).i32_const(3).i32_shl().i32_add();
    sink.i32_load(in_script(0)).local_set(turn).end();
    sink.global_get(REALLOCS).i32_const(1).i32_add().global_set(REALLOCS);
    sink.local_get(turn).if_(BlockType::Empty);
    sink.local_get(turn).call(Own::DoActs.index());
    sink.local_get(turn).i32_load(in_script(turn_word::END * 8)).local_set(kind);
    sink.local_get(turn).i64_load(in_script(turn_word::OPERAND * 8)).local_set(operand).end();
}

/// Pushes the last aligned address at which a block fits into the memory, 0 where it is too large.
fn last_that_fits(sink: &mut InstructionSink<'_>, ptr_type: PtrType, align: u32, new_size: u32) {
    memory_bytes(sink, ptr_type);
    wide(sink, ptr_type, new_size).i64_sub();
    align_mask(sink, ptr_type, align).i64_and().i64_const(0);
    wide(sink, ptr_type, new_size);
    memory_bytes(sink, ptr_type);
    sink.i64_le_u().select();
}

/// Sets `block` to the next aligned address, and traps where the block would not fit.
fn bump(sink: &mut InstructionSink<'_>, ptr_type: PtrType, align: u32, new_size: u32, block: u32) {
    sink.global_get(BUMP);
    wide(sink, ptr_type, align).i64_add().i64_const(1).i64_sub();
    align_mask(sink, ptr_type, align).i64_and().local_set(block);
    // A block that is larger than the memory could make the sum wrap.
    wide(sink, ptr_type, new_size);
    memory_bytes(sink, ptr_type);
    sink.i64_gt_u().local_get(block);
    wide(sink, ptr_type, new_size).i64_add();
    memory_bytes(sink, ptr_type);
    sink.i64_gt_u().i32_or().if_(BlockType::Empty).unreachable().end();
    sink.local_get(block);
    wide(sink, ptr_type, new_size).i64_add().global_set(BUMP);
}

/// Pushes what clears the bits of an address that is not aligned.
fn align_mask<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    ptr_type: PtrType,
    align: u32,
) -> &'a mut InstructionSink<'b> {
    sink.i64_const(0);
    wide(sink, ptr_type, align).i64_sub()
}

/// Fills the memory with the pattern: once from the data segment, then by doubling.
pub fn fill(sink: &mut InstructionSink<'_>, ptr_type: PtrType, filled: u32, count: u32) {
    sink.i64_const(0);
    narrow(sink, ptr_type).i32_const(0).i32_const(FILL_PERIOD).memory_init(MEMORY, 0);
    sink.i64_const(i64::from(FILL_PERIOD)).local_set(filled);
    sink.loop_(BlockType::Empty);
    memory_bytes(sink, ptr_type);
    sink.local_get(filled).i64_sub().local_set(count);
    minimum(sink, PtrType::I64, filled, count);
    sink.local_set(count).local_get(filled);
    narrow(sink, ptr_type).i64_const(0);
    narrow(sink, ptr_type).local_get(count);
    narrow(sink, ptr_type).memory_copy(MEMORY, MEMORY);
    sink.local_get(filled).local_get(count).i64_add().local_tee(filled);
    memory_bytes(sink, ptr_type);
    sink.i64_lt_u().br_if(0).end();
}

fn if_kind<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    kind: u32,
    wanted: i32,
) -> &'a mut InstructionSink<'b> {
    sink.local_get(kind).i32_const(wanted).i32_eq().if_(BlockType::Empty)
}

/// Pushes the smaller of two locals as 64 bits.
fn minimum(sink: &mut InstructionSink<'_>, ptr_type: PtrType, a: u32, b: u32) {
    for local in [a, b, a, b] {
        wide(sink, ptr_type, local);
    }
    sink.i64_lt_u().select();
}

/// Pushes the size of the memory under test as 64 bits.
pub fn memory_bytes(sink: &mut InstructionSink<'_>, ptr_type: PtrType) {
    sink.memory_size(MEMORY);
    widen(sink, ptr_type).i64_const(16).i64_shl();
}

/// Pushes a local that holds a pointer or a size as 64 bits.
fn wide<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    ptr_type: PtrType,
    local: u32,
) -> &'a mut InstructionSink<'b> {
    sink.local_get(local);
    widen(sink, ptr_type)
}

/// Makes 64 bits of a pointer.
fn widen<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    ptr_type: PtrType,
) -> &'a mut InstructionSink<'b> {
    match ptr_type {
        PtrType::I32 => sink.i64_extend_i32_u(),
        PtrType::I64 => sink,
    }
}

/// Makes a pointer of 64 bits.
pub fn narrow<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    ptr_type: PtrType,
) -> &'a mut InstructionSink<'b> {
    match ptr_type {
        PtrType::I32 => sink.i32_wrap_i64(),
        PtrType::I64 => sink,
    }
}
