//! The puppet around core code that nobody scripted: what it leaves to that code, and what of the script it
//! has for it.
//! Knows nothing of what the code does, nor of the types of the guest's functions.

use wasm_encoder::{BlockType, CodeSection, Function, InstructionSink, ValType};

use super::emit::{
    CALLS_LEFT, STEPS_DONE, Ty, body, in_script, left_slot, pass_on, script_word, val_type,
};
use super::memory::{log, realloc};
use super::turn::{act, first_act, trap_if_it_ends_so};
use crate::abi::PtrType;
use crate::case::Shape;
use crate::case::noise::{self, Act};
use crate::encode::core_names;
use crate::encode::script::{EVENT_REALLOC, EVENT_REALLOCATED, turn_word, word};

/// Calls out of the component within one call of the host's, by one guest: each is logged, and the log
/// has to end.
const CALLS: i32 = 64;

/// What is left to core code that nobody scripted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Left {
    pub acts: Vec<Act>,
    /// The slot of the first act.
    pub first_slot: u32,
}

impl Left {
    /// What there is for such code: its face passes it on.
    pub const NAMES: [&str; 4] =
        [core_names::CHARGE, core_names::NEXT_STEP, core_names::RESULTS, core_names::ALLOCATE];
    /// The types of these.
    pub(super) const TYPES: [Ty; 4] = [Ty::Nothing, Ty::Nothing, Ty::Asked, Ty::Realloc];

    pub fn of(module: &[u8], shape: &Shape, number: usize) -> Left {
        let acts = noise::exported(module, shape, number);
        let resources = u32::try_from(shape.resources.len()).expect("resources are few");
        let acts = acts.into_iter().map(|act| act.of).collect();
        Left { acts, first_slot: left_slot(resources) }
    }

    /// Where to call an act, if it is left to the code.
    pub fn slot(&self, act: Act) -> Option<u32> {
        let mut slots = (self.first_slot..).zip(&self.acts);
        slots.find(|(_, known)| **known == act).map(|(slot, _)| slot)
    }

    /// `realloc`, if it is left to the code.
    pub(super) fn realloc(&self, ptr_type: PtrType) -> Option<Function> {
        let slot = self.slot(Act::Realloc)?;
        let [old, old_size, align, new_size, answer] = [0, 1, 2, 3, 4];
        Some(body([(1, val_type(ptr_type.core_type()))], |sink| {
            log(sink, ptr_type, EVENT_REALLOC, &[old, old_size, align, new_size]);
            pass_on(sink, 4, slot, Ty::Realloc.index());
            sink.local_set(answer);
            log(sink, ptr_type, EVENT_REALLOCATED, &[answer]);
            sink.local_get(answer);
        }))
    }

    /// Before a call of the host's: the code gets its fuel, and can call nobody meanwhile.
    pub(super) fn begin(&self, sink: &mut InstructionSink<'_>) {
        sink.i32_const(0).global_set(STEPS_DONE);
        if let Some(slot) = self.slot(Act::Refuel) {
            sink.i32_const(0).global_set(CALLS_LEFT);
            pass_on(sink, 0, slot, Ty::Nothing.index());
        }
        sink.i32_const(CALLS).global_set(CALLS_LEFT);
    }
}

/// What there is for such code, in the order of the names.
pub(super) fn code(code: &mut CodeSection, ptr_type: PtrType) {
    code.function(&body([], charge));
    code.function(&next_step(ptr_type));
    code.function(&results());
    code.function(&realloc(ptr_type, false));
}

/// Traps once it was run too often.
fn charge(sink: &mut InstructionSink<'_>) {
    sink.global_get(CALLS_LEFT).i32_eqz().if_(BlockType::Empty).unreachable().end();
    sink.global_get(CALLS_LEFT).i32_const(1).i32_sub().global_set(CALLS_LEFT);
}

/// Does the next act of the function's turn, if there is one.
fn next_step(ptr_type: PtrType) -> Function {
    let [turn, address] = [0, 1];
    body([(2, ValType::I32)], |sink| {
        charge(sink);
        script_word(sink, word::FUNCTION).local_set(turn);
        sink.global_get(STEPS_DONE);
        sink.local_get(turn).i32_load(in_script(turn_word::ACT_COUNT * 8)).i32_lt_u();
        sink.if_(BlockType::Empty);
        first_act(sink, turn);
        sink.global_get(STEPS_DONE);
        script_word(sink, word::ACT_BYTES).i32_mul().i32_add().local_set(address);
        sink.global_get(STEPS_DONE).i32_const(1).i32_add().global_set(STEPS_DONE);
        act(sink, ptr_type, address);
        sink.end();
    })
}

/// Answers with the address of what is to be returned.
fn results() -> Function {
    body([], |sink| {
        trap_if_it_ends_so(sink, word::FUNCTION);
        script_word(sink, word::RESULTS);
    })
}
