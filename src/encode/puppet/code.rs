//! What the puppet's functions do, but for `realloc` and what core code that nobody scripted may call.
//! Knows nothing of how they are put together.

use wasm_encoder::{BlockType, Function, ValType};

use super::emit::{
    BUMP, LOG, LOG_NEXT, MEMORY, Own, REALLOCS, SCRIPT_MEMORY, Ty, WAS_CALLED, body, in_script,
    pass_on, script_word, while_left,
};
use super::memory::{fill, memory_bytes, narrow};
use super::noise::Left;
use super::turn::{take, trap_if_it_ends_so};
use crate::abi::PtrType;
use crate::case::noise::Act;
use crate::encode::script::{EVENT_DESTRUCTOR, SCRIPT, word};
use crate::types;

/// `act()`: takes the function's turn, of which only the end is left if this is not the first call since the
/// script was loaded, and answers with the address of what is to be returned.
pub fn act() -> Function {
    body([], |sink| {
        sink.global_get(WAS_CALLED).i32_eqz().if_(BlockType::Empty);
        sink.i32_const(1).global_set(WAS_CALLED);
        script_word(sink, word::FUNCTION).call(Own::DoActs.index()).end();
        trap_if_it_ends_so(sink, word::FUNCTION);
        script_word(sink, word::RESULTS);
    })
}

/// What the script says for `post-return`.
pub fn clean_up() -> Function {
    body([], |sink| take(sink, word::POST_RETURN))
}

/// Logs its resource and its param, and does what the script says.
pub fn destructor(resource: types::Resource, left: Option<&Left>) -> Function {
    let rep = 0;
    body([], |sink| {
        sink.i64_const(EVENT_DESTRUCTOR).call(Own::LogWord.index());
        sink.i64_const(i64::from(resource)).call(Own::LogWord.index());
        sink.local_get(rep).i64_extend_i32_u().call(Own::LogWord.index());
        take(sink, word::DESTRUCTOR);
        if let Some(slot) = left.and_then(|left| left.slot(Act::Destructor(resource))) {
            pass_on(sink, 1, slot, Ty::Silent.index());
        }
    })
}

/// Scripts are written to one place, whose room grows.
pub fn script_realloc() -> Function {
    let new_size = 3;
    body([], |sink| {
        sink.local_get(new_size).i32_const(SCRIPT).i32_add().call(Own::MakeRoom.index());
        sink.i32_const(SCRIPT);
    })
}

/// Forgets the last call, fills the memory if asked, and puts the script's chunks into it.
pub fn load_script(ptr_type: PtrType, noise: Option<&Left>) -> Function {
    let [script, length, next, left, filled, count] = [0, 1, 2, 3, 4, 5];
    body([(2, ValType::I32), (2, ValType::I64)], |sink| {
        sink.local_get(script).local_get(length).i32_add().i32_const(7).i32_add();
        sink.i32_const(-8).i32_and().global_set(LOG);
        sink.global_get(LOG).global_set(LOG_NEXT);
        // Room for the log's length.
        sink.i64_const(0).call(Own::LogWord.index());
        sink.i32_const(0).global_set(REALLOCS);
        sink.i32_const(0).global_set(WAS_CALLED);
        sink.i32_const(SCRIPT).i64_load(in_script(word::HEAP * 8)).global_set(BUMP);
        script_word(sink, word::FILL).if_(BlockType::Empty);
        fill(sink, ptr_type, filled, count);
        sink.end();
        script_word(sink, word::CHUNKS).local_set(next);
        script_word(sink, word::CHUNK_COUNT).local_set(left);
        while_left(sink, left, |sink| {
            sink.local_get(next).i64_load(in_script(0));
            narrow(sink, ptr_type);
            for offset in [16, 8] {
                sink.local_get(next).i32_load(in_script(offset));
            }
            sink.memory_copy(MEMORY, SCRIPT_MEMORY);
            sink.local_get(next).i32_const(24).i32_add().local_set(next);
        });
        if let Some(noise) = noise {
            noise.begin(sink);
        }
    })
}

/// Appends the memory to the log, whose first word is its length, and answers with both.
pub fn observe(ptr_type: PtrType) -> Function {
    let size = 0;
    body([(1, ValType::I32)], |sink| {
        sink.global_get(LOG);
        sink.global_get(LOG_NEXT).global_get(LOG).i32_sub().i32_store(in_script(0));
        memory_bytes(sink, ptr_type);
        sink.i32_wrap_i64()
            .local_tee(size)
            .global_get(LOG_NEXT)
            .i32_add()
            .call(Own::MakeRoom.index());
        sink.global_get(LOG_NEXT).i64_const(0);
        narrow(sink, ptr_type).local_get(size).memory_copy(SCRIPT_MEMORY, MEMORY);
        sink.i32_const(0).global_get(LOG).i32_store(in_script(0));
        sink.i32_const(0).global_get(LOG_NEXT).global_get(LOG).i32_sub();
        sink.local_get(size).i32_add().i32_store(in_script(4));
        sink.i32_const(0);
    })
}

/// `log_room(bytes)`: appends so many bytes to the log, to be written at the address answered.
pub fn log_room() -> Function {
    let bytes = 0;
    body([], |sink| {
        sink.global_get(LOG_NEXT).local_get(bytes).i32_add().call(Own::MakeRoom.index());
        sink.global_get(LOG_NEXT);
        sink.global_get(LOG_NEXT).local_get(bytes).i32_add().global_set(LOG_NEXT);
    })
}

/// Appends its param to the log.
pub fn log_word() -> Function {
    let word = 0;
    body([], |sink| {
        sink.global_get(LOG_NEXT).i32_const(8).i32_add().call(Own::MakeRoom.index());
        sink.global_get(LOG_NEXT).local_get(word).i64_store(in_script(0));
        sink.global_get(LOG_NEXT).i32_const(8).i32_add().global_set(LOG_NEXT);
    })
}

/// Grows the second memory until its param is an address in it, and traps if it cannot.
pub fn make_room() -> Function {
    let [end, missing] = [0, 1];
    body([(1, ValType::I32)], |sink| {
        sink.local_get(end).memory_size(SCRIPT_MEMORY).i32_const(16).i32_shl();
        sink.i32_sub().local_tee(missing).i32_const(0).i32_gt_s().if_(BlockType::Empty);
        sink.local_get(missing).i32_const(0xffff).i32_add().i32_const(16).i32_shr_u();
        sink.memory_grow(SCRIPT_MEMORY).i32_const(-1).i32_eq();
        sink.if_(BlockType::Empty).unreachable().end().end();
    })
}
