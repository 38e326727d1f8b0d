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
use super::puppet::emit::{
    body, function_type, i32s, pass_on, realloc_type, script_memory, val_type,
};
use super::puppet::{Left, Puppet};
use super::script::{
    EVENT_BUILT_IN, EVENT_CALLED, EVENT_IMPORT_RETURNED, EVENT_POST_RETURN, WORD, slot,
};
use crate::abi::{BuiltIn, CoreFuncType, CoreType};
use crate::case::noise::{self, Act, Offer, Typed};
use crate::case::{Guest, Shape};
use crate::types::Resource;

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

/// The puppet's functions come first, then those that it has for core code that nobody scripted, and
/// those of the component.
const LOG_ROOM: u32 = 0;
const ACT: u32 = 1;
const CLEAN_UP: u32 = 2;
const CHARGE: u32 = 3;
const NEXT_STEP: u32 = 4;
const RESULTS: u32 = 5;
const ALLOCATE: u32 = 6;

/// The face of a guest.
struct Face<'a> {
    puppet: &'a Puppet,
    wired: &'a [Wired],
    function: CoreFuncType,
    /// Whether there is a `post-return`: most have none, and it would be compiled for nothing.
    post_returns: bool,
    /// The type of the import, and its function among those that are wired.
    import: Option<(CoreFuncType, u32)>,
    /// What core code that nobody scripted may import.
    offers: Vec<Typed<Offer>>,
}

/// The core module of the face of this guest, between its puppet and these functions of the component.
pub fn face(shape: &Shape, number: usize, puppet: &Puppet, wired: &[Wired]) -> Module {
    let guest: &Guest = &shape.guests[number];
    let noisy = puppet.left.is_some();
    let mut face = Face {
        puppet,
        wired,
        function: core_export(guest),
        post_returns: guest.export.opts.post_return,
        import: None,
        offers: if noisy { noise::offers(shape, number) } else { Vec::new() },
    };
    face.import = core_import(guest).map(|ty| (ty, face.wired_at(slot::IMPORT)));
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
        if self.post_returns {
            exports.export(core_names::POST_RETURN, ExportKind::Func, self.post_return_index());
        }
        for (offer, function) in self.offers.iter().zip(self.first_offer()..) {
            exports.export(&core_names::offer(offer.of), ExportKind::Func, function);
        }
        module.section(&exports);
        module.section(&self.elements());
        let mut code = CodeSection::new();
        code.function(&self.function());
        if let Some((ty, function)) = &self.import {
            code.function(&call_import(ty, *function));
        }
        if self.post_returns {
            code.function(&self.post_return());
        }
        for offer in &self.offers {
            code.function(&self.offer(offer));
        }
        module.section(&code);
        module
    }

    /// The first function of the component's.
    fn first_wired(&self) -> u32 {
        if self.puppet.left.is_some() { ALLOCATE + 1 } else { CLEAN_UP + 1 }
    }

    /// The function of the component's that is for this slot.
    fn wired_at(&self, slot: u32) -> u32 {
        let mut wired = (self.first_wired()..).zip(self.wired);
        wired.find(|(_, wired)| wired.slot == slot).expect("the component has it").0
    }

    /// The first function that is defined here.
    fn defined(&self) -> u32 {
        self.first_wired() + index(self.wired.len())
    }

    /// `post-return`, if there is one: it comes after what calls the import.
    fn post_return_index(&self) -> u32 {
        self.defined() + 1 + u32::from(self.import.is_some())
    }

    /// The first function for core code that nobody scripted.
    fn first_offer(&self) -> u32 {
        self.post_return_index() + u32::from(self.post_returns)
    }

    /// One for each function, in their order.
    fn types(&self) -> Vec<CoreFuncType> {
        let post_return =
            CoreFuncType { params: self.function.results.clone(), results: Vec::new() };
        let mut types = vec![i32s(1, 1), i32s(0, 1), i32s(0, 0)];
        if self.puppet.left.is_some() {
            types.extend([i32s(0, 0), i32s(0, 0), i32s(0, 1), realloc_type(self.puppet.ptr_type)]);
        }
        types.extend(self.wired.iter().map(|wired| wired.ty.clone()));
        types.push(self.function.clone());
        types.extend(self.import.as_ref().map(|_| i32s(1, 0)));
        types.extend(self.post_returns.then_some(post_return));
        types.extend(self.offers.iter().map(|offer| offer.ty.clone()));
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
        for (function, name) in (CHARGE..self.first_wired()).zip(Left::NAMES) {
            imports.import(PUPPET, name, EntityType::Function(function));
        }
        for (function, wired) in (self.first_wired()..).zip(self.wired) {
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
        for (function, wired) in (self.first_wired()..).zip(self.wired) {
            // The import itself is called by a function of this module.
            let function = if wired.slot == slot::IMPORT { self.defined() + 1 } else { function };
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
            if let Some(slot) = self.left(Act::Function) {
                return pass_on(sink, params.len(), slot, self.defined());
            }
            sink.call(ACT).local_set(address);
            load_words(sink, address, results);
        })
    }

    fn post_return(&self) -> Function {
        let results = &self.function.results;
        body([(1, ValType::I32)], |sink| {
            log(sink, index(results.len()), EVENT_POST_RETURN, results);
            sink.call(CLEAN_UP);
            if let Some(slot) = self.left(Act::PostReturn) {
                pass_on(sink, results.len(), slot, self.post_return_index());
            }
        })
    }

    /// The slot of an act, if it is left to core code that nobody scripted.
    fn left(&self, act: Act) -> Option<u32> {
        self.puppet.left.as_ref()?.slot(act)
    }

    /// What such code may import. Its calls out of the component are counted, and logged as all are.
    fn offer(&self, Typed { of, ty }: &Typed<Offer>) -> Function {
        match *of {
            Offer::Step => body([], |sink| {
                sink.call(NEXT_STEP);
            }),
            Offer::Results => body([(1, ValType::I32)], |sink| {
                sink.call(RESULTS).local_set(0);
                load_words(sink, 0, &ty.results);
            }),
            Offer::Allocate => body([], |sink| {
                all_params(sink, ty).call(ALLOCATE);
            }),
            Offer::Import => offered_import(ty, self.wired_at(slot::IMPORT)),
            Offer::BuiltIn(which, resource) => self.offered_built_in(which, resource),
        }
    }

    /// Calls a built-in with its own param, and logs its answer, 0 where it has none.
    fn offered_built_in(&self, which: BuiltIn, resource: Resource) -> Function {
        let [param, answer, address] = [0, 1, 2];
        let (slot, answers) = (slot::built_in(which, resource), which.row().result.is_some());
        body([(2, ValType::I32)], |sink| {
            sink.call(CHARGE).local_get(param).call(self.wired_at(slot));
            if answers {
                sink.local_set(answer);
            }
            sink.i32_const(index(3 * WORD).cast_signed()).call(LOG_ROOM).local_tee(address);
            sink.i64_const(EVENT_BUILT_IN).i64_store(word(0));
            sink.local_get(address).i64_const(i64::from(slot)).i64_store(word(1));
            sink.local_get(address).local_get(answer).i64_extend_i32_u().i64_store(word(2));
            if answers {
                sink.local_get(answer);
            }
        })
    }
}

/// Calls the import with its own params, and logs the result.
fn offered_import(ty: &CoreFuncType, function: u32) -> Function {
    let (result, address) = (index(ty.params.len()), index(ty.params.len()) + 1);
    body([(1, result_local(ty)), (1, ValType::I32)], |sink| {
        all_params(sink.call(CHARGE), ty).call(function);
        if !ty.results.is_empty() {
            sink.local_set(result);
        }
        log_from(sink, (result, address), EVENT_IMPORT_RETURNED, &ty.results);
        if !ty.results.is_empty() {
            sink.local_get(result);
        }
    })
}

fn all_params<'a, 'b>(
    sink: &'a mut InstructionSink<'b>,
    ty: &CoreFuncType,
) -> &'a mut InstructionSink<'b> {
    (0..index(ty.params.len())).for_each(|param| {
        sink.local_get(param);
    });
    sink
}

/// The type of a local for a result: that of the result, or any where there is none.
fn result_local(ty: &CoreFuncType) -> ValType {
    ty.results.first().map_or(ValType::I32, |ty| val_type(*ty))
}

/// Calls the import with the words at its param, and logs the result.
fn call_import(import: &CoreFuncType, function: u32) -> Function {
    let [words, result, address] = [0, 1, 2];
    body([(1, result_local(import)), (1, ValType::I32)], |sink| {
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

/// Appends an event to the log: its number and the locals from the first one on, a word each.
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
