//! The puppet: a core module that does what its script says and logs what it sees.
//! Knows the script's layout, not what a case looks like.

mod memory;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, DataSegment, DataSegmentMode,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TableSection,
    TypeSection, ValType,
};

use self::memory::{fill, memory_bytes, narrow, realloc};
use super::guest::{core_export, core_import};
use super::script::{
    EVENT_BUILT_IN, EVENT_CALLED, EVENT_DESTRUCTOR, EVENT_IMPORT_RETURNED, EVENT_POST_RETURN,
    SCRIPT, SCRIPT_PAGES, WORD, ZERO_ARGS, fill_pattern, slot, step_kind, step_words, word,
};
use super::{Standing, core_names, standing, wire};
use crate::abi::{CoreFuncType, CoreType, PtrType};
use crate::case::{Guest, Shape};
use crate::types;

/// The memory under test.
const MEMORY: u32 = 0;
/// The memory of script and log.
const SCRIPT_MEMORY: u32 = 1;

const REALLOC: u32 = 0;
const SCRIPT_REALLOC: u32 = 1;
const FUNCTION: u32 = 2;
const POST_RETURN: u32 = 3;
const LOAD_SCRIPT: u32 = 4;
const OBSERVE: u32 = 5;
const CALL_IMPORT: u32 = 6;
const LOG_WORD: u32 = 7;
const MAKE_ROOM: u32 = 8;
const CALL_BUILT_IN: u32 = 9;
/// The destructors come last.
const DESTRUCTORS: u32 = 10;

/// The types of what is in the table come after those of the functions.
const ANSWERING_TYPE: u32 = 10;
const IMPORT_TYPE: u32 = 11;
/// Nothing but an `i32` is passed, and nothing answered.
const SILENT_TYPE: u32 = CALL_BUILT_IN;

/// Where the log ends.
const LOG_NEXT: u32 = 0;
/// The first address that `realloc` has not given away, in 64 bits.
const BUMP: u32 = 1;
/// Calls of `realloc` since the script was loaded.
const REALLOCS: u32 = 2;
/// Whether the function was called since the script was loaded: later calls make no calls of their own.
const WAS_CALLED: u32 = 3;
/// Where the log begins.
const LOG: u32 = 4;
const GLOBALS: u32 = 5;

/// The core module of the guest of this number.
pub fn puppet(shape: &Shape, number: usize) -> Module {
    let guest = &shape.guests[number];
    let functions = Functions::of(shape, number);
    let mut module = Module::new();
    module.section(&functions.types());
    module.section(&functions.declarations());
    let mut tables = TableSection::new();
    tables.table(wire::table(shape));
    module.section(&tables);
    module.section(&memories(guest));
    module.section(&globals());
    module.section(&exports(&functions));
    module.section(&DataCountSection { count: 1 });
    module.section(&functions.code());
    let mut data = DataSection::new();
    data.segment(DataSegment { mode: DataSegmentMode::Passive, data: fill_pattern() });
    module.section(&data);
    module
}

/// Adds a core function type.
pub fn function_type(types: &mut TypeSection, ty: &CoreFuncType) {
    let params: Vec<_> = ty.params.iter().copied().map(val_type).collect();
    let results: Vec<_> = ty.results.iter().copied().map(val_type).collect();
    types.ty().function(params, results);
}

fn val_type(ty: CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}

fn memories(guest: &Guest) -> MemorySection {
    let memory = |minimum, maximum, memory64| MemoryType {
        minimum,
        maximum,
        memory64,
        shared: false,
        page_size_log2: None,
    };
    let (initial, maximum) = (u64::from(guest.pages.initial), u64::from(guest.pages.maximum));
    let mut memories = MemorySection::new();
    memories.memory(memory(initial, Some(maximum), guest.ptr_type == PtrType::I64));
    memories.memory(memory(u64::from(SCRIPT_PAGES), None, false));
    memories
}

fn globals() -> GlobalSection {
    let mut globals = GlobalSection::new();
    let ty = |val_type| GlobalType { val_type, mutable: true, shared: false };
    for global in 0..GLOBALS {
        if global == BUMP {
            globals.global(ty(ValType::I64), &ConstExpr::i64_const(0));
        } else {
            globals.global(ty(ValType::I32), &ConstExpr::i32_const(0));
        }
    }
    globals
}

fn exports(functions: &Functions) -> ExportSection {
    let mut exports = ExportSection::new();
    exports.export(core_names::MEMORY, ExportKind::Memory, MEMORY);
    exports.export(core_names::SCRIPT_MEMORY, ExportKind::Memory, SCRIPT_MEMORY);
    exports.export(core_names::TABLE, ExportKind::Table, 0);
    for (name, function) in [
        (core_names::REALLOC, REALLOC),
        (core_names::SCRIPT_REALLOC, SCRIPT_REALLOC),
        (core_names::FUNCTION, FUNCTION),
        (core_names::POST_RETURN, POST_RETURN),
        (core_names::LOAD_SCRIPT, LOAD_SCRIPT),
        (core_names::OBSERVE, OBSERVE),
    ] {
        exports.export(name, ExportKind::Func, function);
    }
    for (resource, function) in functions.destructors.iter().zip(DESTRUCTORS..) {
        exports.export(&core_names::destructor(*resource), ExportKind::Func, function);
    }
    exports
}

/// What depends on the shape.
struct Functions {
    /// Of the memory under test.
    ptr_type: PtrType,
    function: CoreFuncType,
    import: Option<CoreFuncType>,
    /// The words of a step.
    step_words: usize,
    /// The resources that have destructors.
    destructors: Vec<types::Resource>,
}

impl Functions {
    fn of(shape: &Shape, number: usize) -> Functions {
        let guest = &shape.guests[number];
        let with_destructor = Standing::Defined { destructor: true };
        let resources = (0..).zip(&shape.resources);
        let destructors = resources
            .filter(|(_, resource)| standing(**resource, number) == with_destructor)
            .map(|(resource, _)| resource);
        Functions {
            ptr_type: guest.ptr_type,
            function: core_export(guest),
            import: core_import(guest),
            step_words: step_words(guest),
            destructors: destructors.collect(),
        }
    }

    /// One type for each function, in the order of functions, and those of what is in the table.
    fn types(&self) -> TypeSection {
        let i32s = |params, results| CoreFuncType {
            params: vec![CoreType::I32; params],
            results: vec![CoreType::I32; results],
        };
        let ptr = self.ptr_type.core_type();
        let realloc = CoreFuncType { params: vec![ptr; 4], results: vec![ptr] };
        let post_return =
            CoreFuncType { params: self.function.results.clone(), results: Vec::new() };
        let mut types = TypeSection::new();
        function_type(&mut types, &realloc);
        function_type(&mut types, &i32s(4, 1));
        function_type(&mut types, &self.function);
        function_type(&mut types, &post_return);
        function_type(&mut types, &i32s(2, 0));
        function_type(&mut types, &i32s(0, 1));
        function_type(&mut types, &i32s(1, 0));
        types.ty().function([ValType::I64], []);
        function_type(&mut types, &i32s(1, 0));
        function_type(&mut types, &i32s(1, 0));
        function_type(&mut types, &i32s(1, 1));
        if let Some(import) = &self.import {
            function_type(&mut types, import);
        }
        types
    }

    fn declarations(&self) -> FunctionSection {
        let mut declarations = FunctionSection::new();
        for function in REALLOC..=CALL_BUILT_IN {
            declarations.function(function);
        }
        for _ in &self.destructors {
            declarations.function(SILENT_TYPE);
        }
        declarations
    }

    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();
        code.function(&realloc(self.ptr_type));
        code.function(&script_realloc());
        code.function(&self.function());
        code.function(&self.post_return());
        code.function(&load_script(self.ptr_type));
        code.function(&observe(self.ptr_type));
        code.function(&self.call_import());
        code.function(&log_word());
        code.function(&make_room());
        code.function(&call_built_in());
        for resource in &self.destructors {
            code.function(&destructor(*resource));
        }
        code
    }

    /// Logs its params, does the scripted steps if this is the first call, and returns what the script
    /// says.
    fn function(&self) -> Function {
        let params = &self.function.params;
        let next = index(params.len());
        let left = next + 1;
        body([(2, ValType::I32)], |sink| {
            log(sink, EVENT_CALLED, &locals(params));
            sink.global_get(WAS_CALLED).i32_eqz().if_(BlockType::Empty);
            sink.i32_const(1).global_set(WAS_CALLED);
            script_word(sink, word::STEPS).local_set(next);
            script_word(sink, word::STEP_COUNT).local_set(left);
            while_left(sink, left, |sink| {
                step(sink, next);
                sink.local_get(next).i32_const(self.step_bytes()).i32_add().local_set(next);
            });
            sink.end();
            script_word(sink, word::TRAPS).if_(BlockType::Empty).unreachable().end();
            script_word(sink, word::RESULTS).local_set(next);
            load_words(sink, next, &self.function.results);
        })
    }

    fn step_bytes(&self) -> i32 {
        i32::try_from(self.step_words * WORD).expect("a function has few core params")
    }

    fn post_return(&self) -> Function {
        body([], |sink| {
            log(sink, EVENT_POST_RETURN, &locals(&self.function.results));
            script_word(sink, word::POST_RETURN_TRAPS).if_(BlockType::Empty).unreachable().end();
            script_word(sink, word::POST_RETURN_LEAVES).if_(BlockType::Empty);
            sink.i32_const(ZERO_ARGS).call(CALL_IMPORT).end();
            built_in_if_any(sink, word::POST_RETURN_BUILT_IN);
        })
    }

    /// Calls the import with the words at its param, and logs the result.
    fn call_import(&self) -> Function {
        let Some(import) = &self.import else {
            return body([], |sink| {
                sink.unreachable();
            });
        };
        let result_type = import.results.first().copied();
        let result = 1;
        body(result_type.map(|ty| (1, val_type(ty))), |sink| {
            load_words(sink, 0, &import.params);
            sink.i32_const(slot::IMPORT.cast_signed()).call_indirect(0, IMPORT_TYPE);
            match result_type {
                Some(ty) => {
                    sink.local_set(result);
                    log(sink, EVENT_IMPORT_RETURNED, &[(result, ty)]);
                }
                None => log(sink, EVENT_IMPORT_RETURNED, &[]),
            }
        })
    }
}

/// Does the step at the address in a local.
fn step(sink: &mut InstructionSink<'_>, address: u32) {
    sink.local_get(address).i32_load(in_script(0)).i32_const(step_kind::IMPORT).i32_eq();
    sink.if_(BlockType::Empty);
    sink.local_get(address).i32_const(8).i32_add().call(CALL_IMPORT).else_();
    sink.local_get(address).call(CALL_BUILT_IN).end();
}

/// Calls the built-in whose address the script's word is.
fn built_in_if_any(sink: &mut InstructionSink<'_>, word: u64) {
    script_word(sink, word).if_(BlockType::Empty);
    script_word(sink, word).call(CALL_BUILT_IN).end();
}

/// Calls the built-in that the words at its param describe, and logs its answer.
fn call_built_in() -> Function {
    let [address, answer] = [0, 1];
    body([(1, ValType::I32)], |sink| {
        sink.local_get(address).i32_load(in_script(8));
        sink.local_get(address).i32_load(in_script(16));
        sink.local_get(address).i32_load(in_script(0)).i32_const(step_kind::DROPS).i32_eq();
        // A block that takes two words, like `LOAD_SCRIPT`.
        sink.if_(BlockType::FunctionType(LOAD_SCRIPT)).call_indirect(0, SILENT_TYPE).else_();
        sink.call_indirect(0, ANSWERING_TYPE).local_set(answer).end();
        sink.i64_const(EVENT_BUILT_IN).call(LOG_WORD);
        sink.local_get(address).i32_load(in_script(16)).i64_extend_i32_u().call(LOG_WORD);
        sink.local_get(answer).i64_extend_i32_u().call(LOG_WORD);
    })
}

/// Logs its resource and its param, and does what the script says.
fn destructor(resource: types::Resource) -> Function {
    let rep = 0;
    body([], |sink| {
        sink.i64_const(EVENT_DESTRUCTOR).call(LOG_WORD);
        sink.i64_const(i64::from(resource)).call(LOG_WORD);
        sink.local_get(rep).i64_extend_i32_u().call(LOG_WORD);
        script_word(sink, word::DESTRUCTOR_TRAPS).if_(BlockType::Empty).unreachable().end();
        built_in_if_any(sink, word::DESTRUCTOR_BUILT_IN);
    })
}

/// Scripts are written to one place, whose room grows.
fn script_realloc() -> Function {
    let new_size = 3;
    body([], |sink| {
        sink.local_get(new_size).i32_const(SCRIPT).i32_add().call(MAKE_ROOM);
        sink.i32_const(SCRIPT);
    })
}

/// Forgets the last call, fills the memory if asked, and puts the script's chunks into it.
fn load_script(ptr_type: PtrType) -> Function {
    let [script, length, next, left, filled, count] = [0, 1, 2, 3, 4, 5];
    body([(2, ValType::I32), (2, ValType::I64)], |sink| {
        sink.local_get(script).local_get(length).i32_add().i32_const(7).i32_add();
        sink.i32_const(-8).i32_and().global_set(LOG);
        sink.global_get(LOG).global_set(LOG_NEXT);
        // Room for the log's length.
        sink.i64_const(0).call(LOG_WORD);
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
    })
}

/// Appends the memory to the log, whose first word is its length, and answers with both.
fn observe(ptr_type: PtrType) -> Function {
    let size = 0;
    body([(1, ValType::I32)], |sink| {
        sink.global_get(LOG);
        sink.global_get(LOG_NEXT).global_get(LOG).i32_sub().i32_store(in_script(0));
        memory_bytes(sink, ptr_type);
        sink.i32_wrap_i64().local_tee(size).global_get(LOG_NEXT).i32_add().call(MAKE_ROOM);
        sink.global_get(LOG_NEXT).i64_const(0);
        narrow(sink, ptr_type).local_get(size).memory_copy(SCRIPT_MEMORY, MEMORY);
        sink.i32_const(0).global_get(LOG).i32_store(in_script(0));
        sink.i32_const(0).global_get(LOG_NEXT).global_get(LOG).i32_sub();
        sink.local_get(size).i32_add().i32_store(in_script(4));
        sink.i32_const(0);
    })
}

/// Appends its param to the log.
fn log_word() -> Function {
    let word = 0;
    body([], |sink| {
        sink.global_get(LOG_NEXT).i32_const(8).i32_add().call(MAKE_ROOM);
        sink.global_get(LOG_NEXT).local_get(word).i64_store(in_script(0));
        sink.global_get(LOG_NEXT).i32_const(8).i32_add().global_set(LOG_NEXT);
    })
}

/// Grows the second memory until its param is an address in it, and traps if it cannot.
fn make_room() -> Function {
    let [end, missing] = [0, 1];
    body([(1, ValType::I32)], |sink| {
        sink.local_get(end).memory_size(SCRIPT_MEMORY).i32_const(16).i32_shl();
        sink.i32_sub().local_tee(missing).i32_const(0).i32_gt_s().if_(BlockType::Empty);
        sink.local_get(missing).i32_const(0xffff).i32_add().i32_const(16).i32_shr_u();
        sink.memory_grow(SCRIPT_MEMORY).i32_const(-1).i32_eq();
        sink.if_(BlockType::Empty).unreachable().end().end();
    })
}

fn body<L>(locals: L, write: impl FnOnce(&mut InstructionSink<'_>)) -> Function
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

/// Appends an event to the log: its number and the values of some locals, a word each.
fn log(sink: &mut InstructionSink<'_>, event: i64, values: &[(u32, CoreType)]) {
    sink.i64_const(event).call(LOG_WORD);
    for (local, ty) in values {
        sink.local_get(*local);
        match ty {
            CoreType::I32 => sink.i64_extend_i32_u(),
            CoreType::I64 => sink,
            CoreType::F32 => sink.i32_reinterpret_f32().i64_extend_i32_u(),
            CoreType::F64 => sink.i64_reinterpret_f64(),
        }
        .call(LOG_WORD);
    }
}

/// Pushes words at the address in a local, as values of these types.
fn load_words(sink: &mut InstructionSink<'_>, address: u32, types: &[CoreType]) {
    for (i, ty) in types.iter().enumerate() {
        let place = in_script(u64::from(index(i)) * 8);
        sink.local_get(address);
        match ty {
            CoreType::I32 => sink.i32_load(place),
            CoreType::I64 => sink.i64_load(place),
            CoreType::F32 => sink.f32_load(place),
            CoreType::F64 => sink.f64_load(place),
        };
    }
}

/// Runs `write` as often as the local says, counting it down.
fn while_left(
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

fn script_word<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    word: u64,
) -> &'a mut InstructionSink<'b> {
    sink.i32_const(SCRIPT).i32_load(in_script(word * 8))
}

fn in_script(offset: u64) -> MemArg {
    MemArg { offset, align: 0, target: MemArgTarget::Memory(SCRIPT_MEMORY), ordering: None }
}

fn locals(types: &[CoreType]) -> Vec<(u32, CoreType)> {
    types.iter().enumerate().map(|(i, ty)| (index(i), *ty)).collect()
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("a function has few core values")
}
