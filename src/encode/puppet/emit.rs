//! What the puppet's functions are written with: their numbers and types, its memories and globals, and pieces of
//! code that several have.
//! Knows the script's layout, and no function as a whole.

use wasm_encoder::{
    BlockType, CoreTypeEncoder, Function, InstructionSink, MemArg, MemArgTarget, MemoryType,
    ValType,
};

use crate::abi::{CoreFuncType, CoreType, PtrType};
use crate::encode::script::{SCRIPT, SCRIPT_PAGES, slot};

/// The memory under test.
pub const MEMORY: u32 = 0;
/// The memory of script and log.
pub const SCRIPT_MEMORY: u32 = 1;

/// The puppet's functions, in their order. Its destructors come after them, and then what it has for core code that
/// nobody scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    Realloc,
    ScriptRealloc,
    Act,
    CleanUp,
    LoadScript,
    Observe,
    LogRoom,
    LogWord,
    MakeRoom,
    DoActs,
    CallBuiltIn,
}

impl Own {
    pub const ALL: [Own; 11] = [
        Own::Realloc,
        Own::ScriptRealloc,
        Own::Act,
        Own::CleanUp,
        Own::LoadScript,
        Own::Observe,
        Own::LogRoom,
        Own::LogWord,
        Own::MakeRoom,
        Own::DoActs,
        Own::CallBuiltIn,
    ];

    pub fn index(self) -> u32 {
        place(&Own::ALL, self)
    }

    pub fn ty(self) -> Ty {
        match self {
            Own::Realloc => Ty::Realloc,
            Own::ScriptRealloc => Ty::ScriptRealloc,
            Own::Act => Ty::Asked,
            Own::CleanUp => Ty::Nothing,
            Own::LoadScript => Ty::Pair,
            Own::Observe => Ty::Asked,
            Own::LogRoom => Ty::Answers,
            Own::LogWord => Ty::Word,
            Own::MakeRoom | Own::DoActs | Own::CallBuiltIn => Ty::Silent,
        }
    }
}

/// The types of its functions, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// That of the guest's `realloc`.
    Realloc,
    ScriptRealloc,
    /// An `i32` is passed and one is answered.
    Answers,
    /// An `i32` is passed.
    Silent,
    Nothing,
    /// Two `i32` are passed.
    Pair,
    /// An `i32` is answered.
    Asked,
    /// An `i64` is passed.
    Word,
}

impl Ty {
    pub const ALL: [Ty; 8] = [
        Ty::Realloc,
        Ty::ScriptRealloc,
        Ty::Answers,
        Ty::Silent,
        Ty::Nothing,
        Ty::Pair,
        Ty::Asked,
        Ty::Word,
    ];

    pub fn index(self) -> u32 {
        place(&Ty::ALL, self)
    }

    pub fn core(self, ptr_type: PtrType) -> CoreFuncType {
        match self {
            Ty::Realloc => realloc_type(ptr_type),
            Ty::ScriptRealloc => i32s(4, 1),
            Ty::Answers => i32s(1, 1),
            Ty::Silent => i32s(1, 0),
            Ty::Nothing => i32s(0, 0),
            Ty::Pair => i32s(2, 0),
            Ty::Asked => i32s(0, 1),
            Ty::Word => CoreFuncType { params: vec![CoreType::I64], results: Vec::new() },
        }
    }
}

fn place<T: PartialEq>(all: &[T], one: T) -> u32 {
    index(all.iter().position(|other| *other == one).expect("all are listed"))
}

/// Where the log ends.
pub const LOG_NEXT: u32 = 0;
/// The first address that `realloc` has not given away, in 64 bits.
pub const BUMP: u32 = 1;
/// Calls of `realloc` since the script was loaded.
pub const REALLOCS: u32 = 2;
/// Whether the function was called since the script was loaded: later calls make no calls of their own.
pub const WAS_CALLED: u32 = 3;
/// Where the log begins.
pub const LOG: u32 = 4;
pub const GLOBALS: u32 = 5;
/// Two more, for core code that nobody scripted: how many calls it may still make, and how many steps
/// of the script it has done.
pub const CALLS_LEFT: u32 = 5;
pub const STEPS_DONE: u32 = 6;

/// The first slot after those of the built-ins of so many resources: there lies what is left to core
/// code that nobody scripted.
pub fn left_slot(resources: u32) -> u32 {
    slot::after_built_ins(resources)
}

/// The type of `realloc`.
pub fn realloc_type(ptr_type: PtrType) -> CoreFuncType {
    let ptr = ptr_type.core_type();
    CoreFuncType { params: vec![ptr; 4], results: vec![ptr] }
}

/// The type of functions that pass and answer nothing but so many `i32`.
pub fn i32s(params: usize, results: usize) -> CoreFuncType {
    CoreFuncType { params: vec![CoreType::I32; params], results: vec![CoreType::I32; results] }
}

/// The type of the memory of script and log.
pub fn script_memory() -> MemoryType {
    memory(u64::from(SCRIPT_PAGES), None, false)
}

pub fn memory(minimum: u64, maximum: Option<u64>, memory64: bool) -> MemoryType {
    MemoryType { minimum, maximum, memory64, shared: false, page_size_log2: None }
}

/// Adds a core function type.
pub fn function_type(encoder: CoreTypeEncoder<'_>, ty: &CoreFuncType) {
    let params: Vec<_> = ty.params.iter().copied().map(val_type).collect();
    let results: Vec<_> = ty.results.iter().copied().map(val_type).collect();
    encoder.function(params, results);
}

pub fn val_type(ty: CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}

/// Has the face call the import with the words at the address on the stack.
pub fn call_import<'a, 'b>(sink: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
    sink.i32_const(slot::IMPORT.cast_signed()).call_indirect(0, Ty::Silent.index())
}

/// The body of a function with these locals besides its params.
pub fn body<L>(locals: L, write: impl FnOnce(&mut InstructionSink<'_>)) -> Function
where
    L: IntoIterator<Item = (u32, ValType)>,
{
    let locals: Vec<_> = locals.into_iter().collect();
    let mut function = Function::new(locals);
    let mut sink = function.instructions();
    write(&mut sink);
    sink.end();
    function
}

/// Calls what is in a slot with all params.
pub fn pass_on(sink: &mut InstructionSink<'_>, params: usize, slot: u32, ty: u32) {
    (0..index(params)).for_each(|param| {
        sink.local_get(param);
    });
    sink.i32_const(slot.cast_signed()).call_indirect(0, ty);
}

/// Runs `write` as often as the local says, counting it down.
pub fn while_left(
    sink: &mut InstructionSink<'_>,
    left: u32,
    write: impl FnOnce(&mut InstructionSink<'_>),
) {
    sink.block(BlockType::Empty).loop_(BlockType::Empty);
    sink.local_get(left).i32_eqz().br_if(1);
    write(sink);
    sink.local_get(left).i32_const(1).i32_sub().local_set(left);
    sink.br(0).end().end();
}

pub fn script_word<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    word: u64,
) -> &'a mut InstructionSink<'b> {
    sink.i32_const(SCRIPT).i32_load(in_script(word * 8))
}

pub fn in_script(offset: u64) -> MemArg {
    MemArg { offset, align: 0, target: MemArgTarget::Memory(SCRIPT_MEMORY), ordering: None }
}

pub fn index(position: usize) -> u32 {
    u32::try_from(position).expect("functions are few")
}
