//! The face: a core module of what depends on the core types of a guest's functions. It logs what is
//! passed and passes what the script says; what happens in between, the puppet does.
//! It comes after the puppet, since lowering needs the memory and `realloc` of an instance that exists
//! already, and puts the import and the built-ins into the puppet's table.

use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, InstructionSink, MemArg, MemArgTarget, Module,
    TypeSection, ValType,
};

use super::core_names;
use super::guest::{core_export, core_import};
use super::puppet::{Puppet, body, function_type, i32s, script_memory, val_type};
use super::script::{
    EVENT_CALLED, EVENT_IMPORT_RETURNED, EVENT_POST_RETURN, WORD, slot, step_words,
};
use crate::abi::{CoreFuncType, CoreType};
use crate::case::Guest;

/// The module names of what it imports: from the puppet, and from the component around it.
pub const PUPPET: &str = "puppet";
pub const COMPONENT: &str = "component";

/// A core function of the component's and the slot that it is for.
pub struct Wired {
    pub slot: u32,
    pub ty: CoreFuncType,
    /// Its index in the component.
    pub func: u32,
}

impl Wired {
    /// The name under which the face imports it.
    pub fn name(&self) -> String {
        self.slot.to_string()
    }
}

/// The puppet's functions come first, then those of the component.
const LOG_ROOM: u32 = 0;
const ACT: u32 = 1;
const CLEAN_UP: u32 = 2;
const WIRED: u32 = 3;

/// The face of a guest.
struct Face<'a> {
    puppet: &'a Puppet,
    wired: &'a [Wired],
    function: CoreFuncType,
    /// The type of the import, and its function among those that are wired.
    import: Option<(CoreFuncType, u32)>,
    /// The bytes of a step.
    step_bytes: u32,
}

/// The core module of the face of this guest, between its puppet and these functions of the component.
pub fn face(guest: &Guest, puppet: &Puppet, wired: &[Wired]) -> Module {
    let import = (WIRED..).zip(wired).find(|(_, wired)| wired.slot == slot::IMPORT);
    let face = Face {
        puppet,
        wired,
        function: core_export(guest),
        import: core_import(guest).zip(import.map(|(function, _)| function)),
        step_bytes: index(step_words(guest) * WORD),
    };
    face.module()
}

impl Face<'_> {
    fn module(&self) -> Module {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        self.types().iter().for_each(|ty| function_type(types.ty(), ty));
        module.section(&types);
        module.section(&self.imports());
        module.section(&self.declarations());
        let mut exports = ExportSection::new();
        exports.export(core_names::FUNCTION, ExportKind::Func, self.defined());
        exports.export(core_names::POST_RETURN, ExportKind::Func, self.defined() + 1);
        module.section(&exports);
        module.section(&self.elements());
        let mut code = CodeSection::new();
        code.function(&self.function());
        code.function(&self.post_return());
        if let Some((ty, function)) = &self.import {
            code.function(&call_import(ty, *function));
        }
        module.section(&code);
        module
    }

    /// The first function that is defined here.
    fn defined(&self) -> u32 {
        WIRED + index(self.wired.len())
    }

    /// One for each function, in their order.
    fn types(&self) -> Vec<CoreFuncType> {
        let post_return =
            CoreFuncType { params: self.function.results.clone(), results: Vec::new() };
        let mut types = vec![i32s(1, 1), i32s(1, 1), i32s(0, 0)];
        types.extend(self.wired.iter().map(|wired| wired.ty.clone()));
        types.extend([self.function.clone(), post_return]);
        types.extend(self.import.as_ref().map(|_| i32s(1, 0)));
        types
    }

    fn imports(&self) -> ImportSection {
        let mut imports = ImportSection::new();
        for (name, function) in [
            (core_names::LOG_ROOM, LOG_ROOM),
            (core_names::ACT, ACT),
            (core_names::CLEAN_UP, CLEAN_UP),
        ] {
            imports.import(PUPPET, name, EntityType::Function(function));
        }
        for (function, wired) in (WIRED..).zip(self.wired) {
            imports.import(COMPONENT, &wired.name(), EntityType::Function(function));
        }
        imports.import(PUPPET, core_names::SCRIPT_MEMORY, EntityType::Memory(script_memory()));
        imports.import(PUPPET, core_names::TABLE, EntityType::Table(self.puppet.table()));
        imports
    }

    fn declarations(&self) -> FunctionSection {
        let mut declarations = FunctionSection::new();
        let imported = self.defined();
        for function in imported..index(self.types().len()) {
            declarations.function(function);
        }
        declarations
    }

    fn elements(&self) -> ElementSection {
        let mut elements = ElementSection::new();
        for (function, wired) in (WIRED..).zip(self.wired) {
            // The import itself is called by the last function.
            let function = if wired.slot == slot::IMPORT { self.defined() + 2 } else { function };
            let place = ConstExpr::i32_const(wired.slot.cast_signed());
            elements.active(Some(0), &place, Elements::Functions([function].as_slice().into()));
        }
        elements
    }

    /// Logs its params, has the puppet act, and returns what the script says.
    fn function(&self) -> Function {
        let CoreFuncType { params, results } = &self.function;
        let address = index(params.len());
        body([(1, ValType::I32)], |sink| {
            log(sink, address, EVENT_CALLED, params);
            sink.i32_const(self.step_bytes.cast_signed()).call(ACT).local_set(address);
            load_words(sink, address, results);
        })
    }

    fn post_return(&self) -> Function {
        let results = &self.function.results;
        body([(1, ValType::I32)], |sink| {
            log(sink, index(results.len()), EVENT_POST_RETURN, results);
            sink.call(CLEAN_UP);
        })
    }
}

/// Calls the import with the words at its param, and logs the result.
fn call_import(import: &CoreFuncType, function: u32) -> Function {
    let [words, result, address] = [0, 1, 2];
    // A result of the type that there is, or a local that nothing uses.
    let ty = import.results.first().map_or(ValType::I32, |ty| val_type(*ty));
    body([(1, ty), (1, ValType::I32)], |sink| {
        load_words(sink, words, &import.params);
        sink.call(function);
        if !import.results.is_empty() {
            sink.local_set(result);
        }
        log_from(sink, (result, address), EVENT_IMPORT_RETURNED, &import.results);
    })
}

/// Appends an event to the log: its number and its params, a word each.
fn log(sink: &mut InstructionSink<'_>, address: u32, event: i64, params: &[CoreType]) {
    log_from(sink, (0, address), event, params);
}

/// The same, of the locals from the first one on.
fn log_from(
    sink: &mut InstructionSink<'_>,
    (first, address): (u32, u32),
    event: i64,
    types: &[CoreType],
) {
    let bytes = index((1 + types.len()) * WORD);
    sink.i32_const(bytes.cast_signed()).call(LOG_ROOM).local_tee(address);
    sink.i64_const(event).i64_store(word(0));
    for (i, ty) in types.iter().enumerate() {
        let place = word(1 + i);
        sink.local_get(address).local_get(first + index(i));
        // What is stored is 64 bits wide, whatever was there before.
        match ty {
            CoreType::I32 => sink.i64_extend_i32_u().i64_store(place),
            CoreType::I64 => sink.i64_store(place),
            CoreType::F32 => sink.i32_reinterpret_f32().i64_extend_i32_u().i64_store(place),
            CoreType::F64 => sink.f64_store(place),
        };
    }
}

/// Pushes words at the address in a local, as values of these types.
fn load_words(sink: &mut InstructionSink<'_>, address: u32, types: &[CoreType]) {
    for (i, ty) in types.iter().enumerate() {
        sink.local_get(address);
        match ty {
            CoreType::I32 => sink.i32_load(word(i)),
            CoreType::I64 => sink.i64_load(word(i)),
            CoreType::F32 => sink.f32_load(word(i)),
            CoreType::F64 => sink.f64_load(word(i)),
        };
    }
}

/// A word of the memory of script and log, the only one here.
fn word(number: usize) -> MemArg {
    let offset = u64::from(index(number * WORD));
    MemArg { offset, align: 0, target: MemArgTarget::Memory(0), ordering: None }
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("a function has few core values")
}
