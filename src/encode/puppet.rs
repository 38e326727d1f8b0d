//! The puppet: a core module that does what its script says and logs what it sees.
//! Knows the script's layout; nothing of the functions of a case, for which it has a face.

mod memory;
mod noise;

use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentTypeRef, ConstExpr, CoreTypeEncoder,
    DataCountSection, DataSection, DataSegment, DataSegmentMode, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, ModuleType, RefType,
    TableSection, TableType, TypeSection, ValType,
};

use self::memory::{fill, memory_bytes, narrow, realloc};
pub use self::noise::Left;
use super::script::{
    EVENT_BUILT_IN, EVENT_DESTRUCTOR, SCRIPT, SCRIPT_PAGES, ZERO_ARGS, built_in_slot, fill_pattern,
    slot, step_kind, word,
};
use super::{Standing, core_names, standing};
use crate::abi::{CoreFuncType, CoreType, PtrType};
use crate::case::noise::Act;
use crate::case::{Guest, Limits, Pages, Shape};
use crate::types;

/// The memory under test.
const MEMORY: u32 = 0;
/// The memory of script and log.
const SCRIPT_MEMORY: u32 = 1;

const REALLOC: u32 = 0;
const SCRIPT_REALLOC: u32 = 1;
const ACT: u32 = 2;
const CLEAN_UP: u32 = 3;
const LOAD_SCRIPT: u32 = 4;
const OBSERVE: u32 = 5;
const LOG_ROOM: u32 = 6;
const LOG_WORD: u32 = 7;
const MAKE_ROOM: u32 = 8;
const CALL_BUILT_IN: u32 = 9;
/// The destructors come last.
const DESTRUCTORS: u32 = 10;

/// An `i32` is passed and one is answered.
const ANSWERING_TYPE: u32 = ACT;
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
/// Two more, for core code that nobody scripted: how many calls it may still make, and how many steps
/// of the script it has done.
const CALLS_LEFT: u32 = 5;
const STEPS_DONE: u32 = 6;

/// All that a puppet depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Puppet {
    /// Of the memory under test.
    pub ptr_type: PtrType,
    /// The memory's size. Nothing: it is another module's.
    pub pages: Option<Pages>,
    /// How many resources there are slots for.
    pub resources: u32,
    /// Those of them that have destructors.
    pub destructors: Vec<types::Resource>,
    /// What is left to core code that nobody scripted, if there is such code.
    pub left: Option<Left>,
}

impl Puppet {
    /// That of the guest of this number.
    pub fn of(shape: &Shape, number: usize) -> Puppet {
        let guest = &shape.guests[number];
        let with_destructor = Standing::Defined { destructor: true };
        let resources = (0..).zip(&shape.resources);
        let destructors = resources
            .filter(|(_, resource)| standing(**resource, number) == with_destructor)
            .map(|(resource, _)| resource);
        Puppet {
            ptr_type: guest.ptr_type,
            pages: Some(guest.pages),
            resources: u32::try_from(shape.resources.len()).expect("resources are few"),
            destructors: destructors.collect(),
            left: guest.noise.as_ref().map(|module| Left::of(module, shape, number)),
        }
    }

    /// One that does the same for as many guests as can be: it has all that any of them needs, and the memory,
    /// which no two have alike, is not its own.
    pub fn shared(shape: &Shape, number: usize) -> Puppet {
        let own = Puppet::of(shape, number);
        let resources = if own.resources == 0 { 0 } else { Limits::CASE.resources };
        let resources = resources.max(own.resources);
        Puppet { pages: None, resources, destructors: (0..resources).collect(), ..own }
    }

    /// Its core module.
    pub fn module(&self) -> Module {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        self.types().iter().for_each(|ty| function_type(types.ty(), ty));
        module.section(&types);
        if self.pages.is_none() {
            let mut imports = ImportSection::new();
            imports.import(core_names::MEMORY, core_names::MEMORY, self.memory());
            module.section(&imports);
        }
        module.section(&self.declarations());
        let mut tables = TableSection::new();
        tables.table(self.table());
        module.section(&tables);
        let mut memories = MemorySection::new();
        if self.pages.is_some() {
            memories.memory(self.memory());
        }
        memories.memory(script_memory());
        module.section(&memories);
        module.section(&globals(self.left.is_some()));
        let mut exports = ExportSection::new();
        for (name, kind, index) in self.exports() {
            exports.export(&name, kind, index);
        }
        module.section(&exports);
        module.section(&DataCountSection { count: 1 });
        module.section(&self.code());
        let mut data = DataSection::new();
        data.segment(DataSegment { mode: DataSegmentMode::Passive, data: fill_pattern() });
        module.section(&data);
        module
    }

    /// The table that the face and the wire fill.
    pub fn table(&self) -> TableType {
        let left = self.left.as_ref().map_or(0, |left| left.acts.len());
        let left = u64::try_from(left).expect("a length fits in 64 bits");
        let size = u64::from(left_slot(self.resources)) + left;
        TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: size,
            maximum: Some(size),
            shared: false,
        }
    }

    /// Imports it into a component, under this name, instead of defining it there.
    pub fn import(&self, builder: &mut ComponentBuilder, name: &str) -> u32 {
        let mut module = ModuleType::new();
        self.types().iter().for_each(|ty| function_type(module.ty(), ty));
        if self.pages.is_none() {
            module.import(core_names::MEMORY, core_names::MEMORY, self.memory().into());
        }
        for (name, kind, index) in self.exports() {
            module.export(&name, self.entity(kind, index));
        }
        let (ty, encoder) = builder.core_type(None);
        encoder.module(&module);
        builder.import(name, ComponentTypeRef::Module(ty))
    }

    fn entity(&self, kind: ExportKind, index: u32) -> EntityType {
        match kind {
            ExportKind::Func => EntityType::Function(self.type_of(index)),
            ExportKind::Table => EntityType::Table(self.table()),
            ExportKind::Memory if index == MEMORY => EntityType::Memory(self.memory()),
            ExportKind::Memory => EntityType::Memory(script_memory()),
            ExportKind::Global | ExportKind::Tag => {
                unreachable!("a puppet exports none")
            }
        }
    }

    /// The type of a function.
    fn type_of(&self, function: u32) -> u32 {
        let after = self.first_offer();
        match function {
            // Each of these has one of its own.
            REALLOC..=CALL_BUILT_IN => function,
            _ if function < after => SILENT_TYPE,
            _ => Left::TYPES[usize::try_from(function - after).expect("functions are few")],
        }
    }

    /// The first function for core code that nobody scripted: they come after all others.
    fn first_offer(&self) -> u32 {
        DESTRUCTORS + index(self.destructors.len())
    }

    /// The memory under test: any, where it is another module's.
    fn memory(&self) -> MemoryType {
        match self.pages {
            Some(pages) => memory_under_test(pages, self.ptr_type),
            None => memory(0, None, self.ptr_type == PtrType::I64),
        }
    }

    fn exports(&self) -> Vec<(String, ExportKind, u32)> {
        let functions = [
            (core_names::REALLOC, REALLOC),
            (core_names::SCRIPT_REALLOC, SCRIPT_REALLOC),
            (core_names::ACT, ACT),
            (core_names::CLEAN_UP, CLEAN_UP),
            (core_names::LOAD_SCRIPT, LOAD_SCRIPT),
            (core_names::OBSERVE, OBSERVE),
            (core_names::LOG_ROOM, LOG_ROOM),
        ];
        let functions = functions.map(|(name, function)| (name, ExportKind::Func, function));
        let others = [
            (core_names::MEMORY, ExportKind::Memory, MEMORY),
            (core_names::SCRIPT_MEMORY, ExportKind::Memory, SCRIPT_MEMORY),
            (core_names::TABLE, ExportKind::Table, 0),
        ];
        let fixed = others.into_iter().chain(functions);
        let fixed = fixed.map(|(name, kind, index)| (name.to_string(), kind, index));
        let destructors = self.destructors.iter().zip(DESTRUCTORS..).map(|(resource, function)| {
            (core_names::destructor(*resource), ExportKind::Func, function)
        });
        let offers = self.left.iter().flat_map(|_| Left::NAMES).zip(self.first_offer()..);
        let offers = offers.map(|(name, function)| (name.to_string(), ExportKind::Func, function));
        fixed.chain(destructors).chain(offers).collect()
    }

    /// One for each function but the destructors, in the order of functions.
    fn types(&self) -> Vec<CoreFuncType> {
        let log_word = CoreFuncType { params: vec![CoreType::I64], results: Vec::new() };
        vec![
            realloc_type(self.ptr_type),
            i32s(4, 1),
            i32s(1, 1),
            i32s(0, 0),
            i32s(2, 0),
            i32s(0, 1),
            i32s(1, 1),
            log_word,
            i32s(1, 0),
            i32s(1, 0),
        ]
    }

    fn declarations(&self) -> FunctionSection {
        let mut declarations = FunctionSection::new();
        let offers = if self.left.is_some() { Left::NAMES.len() } else { 0 };
        for function in REALLOC..self.first_offer() + index(offers) {
            declarations.function(self.type_of(function));
        }
        declarations
    }

    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();
        let left = self.left.as_ref();
        let realloc_left = left.and_then(|left| left.realloc(self.ptr_type));
        code.function(&realloc_left.unwrap_or_else(|| realloc(self.ptr_type, true)));
        code.function(&script_realloc());
        code.function(&act());
        code.function(&clean_up());
        code.function(&load_script(self.ptr_type, left));
        code.function(&observe(self.ptr_type));
        code.function(&log_room());
        code.function(&log_word());
        code.function(&make_room());
        code.function(&call_built_in());
        for resource in &self.destructors {
            code.function(&destructor(*resource, left));
        }
        if left.is_some() {
            noise::code(&mut code, self.ptr_type);
        }
        code
    }
}

/// A core module that has nothing but the memory under test.
pub fn memory_alone(guest: &Guest) -> Module {
    let mut module = Module::new();
    let mut memories = MemorySection::new();
    memories.memory(memory_under_test(guest.pages, guest.ptr_type));
    module.section(&memories);
    let mut exports = ExportSection::new();
    exports.export(core_names::MEMORY, ExportKind::Memory, MEMORY);
    module.section(&exports);
    module
}

fn memory_under_test(pages: Pages, ptr_type: PtrType) -> MemoryType {
    let (initial, maximum) = (u64::from(pages.initial), u64::from(pages.maximum));
    memory(initial, Some(maximum), ptr_type == PtrType::I64)
}

/// The first slot after those of the built-ins of so many resources: there lies what is left to core
/// code that nobody scripted.
pub fn left_slot(resources: u32) -> u32 {
    built_in_slot(slot::NEW, resources)
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

fn memory(minimum: u64, maximum: Option<u64>, memory64: bool) -> MemoryType {
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

fn globals(noisy: bool) -> GlobalSection {
    let mut globals = GlobalSection::new();
    let ty = |val_type| GlobalType { val_type, mutable: true, shared: false };
    let count = if noisy { GLOBALS + 2 } else { GLOBALS };
    for global in 0..count {
        if global == BUMP {
            globals.global(ty(ValType::I64), &ConstExpr::i64_const(0));
        } else {
            globals.global(ty(ValType::I32), &ConstExpr::i32_const(0));
        }
    }
    globals
}

/// `act(step_bytes)`: does the scripted steps, each of so many bytes, if this is the first call since the
/// script was loaded, and answers with the address of what is to be returned.
fn act() -> Function {
    let [step_bytes, next, left] = [0, 1, 2];
    body([(2, ValType::I32)], |sink| {
        sink.global_get(WAS_CALLED).i32_eqz().if_(BlockType::Empty);
        sink.i32_const(1).global_set(WAS_CALLED);
        script_word(sink, word::STEPS).local_set(next);
        script_word(sink, word::STEP_COUNT).local_set(left);
        while_left(sink, left, |sink| {
            step(sink, next);
            sink.local_get(next).local_get(step_bytes).i32_add().local_set(next);
        });
        sink.end();
        script_word(sink, word::TRAPS).if_(BlockType::Empty).unreachable().end();
        script_word(sink, word::RESULTS);
    })
}

/// What the script says for `post-return`.
fn clean_up() -> Function {
    body([], |sink| {
        script_word(sink, word::POST_RETURN_TRAPS).if_(BlockType::Empty).unreachable().end();
        script_word(sink, word::POST_RETURN_LEAVES).if_(BlockType::Empty);
        call_import(sink.i32_const(ZERO_ARGS));
        sink.end();
        built_in_if_any(sink, word::POST_RETURN_BUILT_IN);
    })
}

/// Has the face call the import with the words at the address on the stack.
fn call_import<'a, 'b>(sink: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
    sink.i32_const(slot::IMPORT.cast_signed()).call_indirect(0, SILENT_TYPE)
}

/// Does the step at the address in a local.
fn step(sink: &mut InstructionSink<'_>, address: u32) {
    sink.local_get(address).i32_load(in_script(0)).i32_const(step_kind::IMPORT).i32_eq();
    sink.if_(BlockType::Empty);
    call_import(sink.local_get(address).i32_const(8).i32_add()).else_();
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
fn destructor(resource: types::Resource, left: Option<&Left>) -> Function {
    let rep = 0;
    body([], |sink| {
        sink.i64_const(EVENT_DESTRUCTOR).call(LOG_WORD);
        sink.i64_const(i64::from(resource)).call(LOG_WORD);
        sink.local_get(rep).i64_extend_i32_u().call(LOG_WORD);
        script_word(sink, word::DESTRUCTOR_TRAPS).if_(BlockType::Empty).unreachable().end();
        built_in_if_any(sink, word::DESTRUCTOR_BUILT_IN);
        if let Some(slot) = left.and_then(|left| left.slot(Act::Destructor(resource))) {
            pass_on(sink, 1, slot, SILENT_TYPE);
        }
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
fn load_script(ptr_type: PtrType, noise: Option<&Left>) -> Function {
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
        if let Some(noise) = noise {
            noise.begin(sink);
        }
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

/// `log_room(bytes)`: appends so many bytes to the log, to be written at the address answered.
fn log_room() -> Function {
    let bytes = 0;
    body([], |sink| {
        sink.global_get(LOG_NEXT).local_get(bytes).i32_add().call(MAKE_ROOM);
        sink.global_get(LOG_NEXT);
        sink.global_get(LOG_NEXT).local_get(bytes).i32_add().global_set(LOG_NEXT);
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

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("functions are few")
}
