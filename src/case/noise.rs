//! What a core module that nobody scripted imports and exports, and whether it does.
//! Knows nothing of how the module is wired, run or made.

use wasmparser::{
    ExternalKind, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures, types::EntityType,
    types::TypesRef,
};

use super::{Resource, Shape};
use crate::abi::flatten::{Context, flatten_functype};
use crate::abi::{BuiltIn, CoreFuncType, CoreType, PtrType};
use crate::types;

/// The module name of all that it imports.
pub const IMPORTS: &str = "eyes";
/// The memory under test.
pub const MEMORY: &str = "memory";

/// The tables that it may have, and what is in one at most.
const TABLES: usize = 1;
const TABLE_ELEMENTS: u64 = 1_000;

/// Something that it may import, besides the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Does the next step of the script, if there is one left.
    Step,
    /// Answers with what the script returns, or traps if the script does.
    Results,
    /// Does what the script says about the next call of `realloc`.
    Allocate,
    /// The guest's import, lowered.
    Import,
    BuiltIn(BuiltIn, types::Resource),
}

/// Something that it may export. For what it does not, the puppet acts by its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Function,
    Realloc,
    PostReturn,
    /// Called before each call of the host's, with no other purpose: whoever counts what it does begins
    /// again.
    Refuel,
    Destructor(types::Resource),
}

/// A core function that it may import or export, and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed<T> {
    pub of: T,
    pub ty: CoreFuncType,
}

impl Offer {
    pub fn name(self) -> String {
        match self {
            Offer::Step => "step".to_string(),
            Offer::Results => "results".to_string(),
            Offer::Allocate => "allocate".to_string(),
            Offer::Import => "import".to_string(),
            Offer::BuiltIn(which, resource) => format!("{}-{resource}", which.verb()),
        }
    }
}

impl Act {
    pub fn name(self) -> String {
        match self {
            Act::Function => "f".to_string(),
            Act::Realloc => "realloc".to_string(),
            Act::PostReturn => "post-return".to_string(),
            Act::Refuel => "refuel".to_string(),
            Act::Destructor(resource) => format!("destructor-{resource}"),
        }
    }
}

/// What the core code of the guest of this number may import.
pub fn offers(shape: &Shape, number: usize) -> Vec<Typed<Offer>> {
    let guest = &shape.guests[number];
    let function = flatten_functype(&guest.export.ty, guest.ptr_type, Context::Lift);
    let results = CoreFuncType { params: Vec::new(), results: function.results };
    let mut offers = vec![
        Typed { of: Offer::Step, ty: i32s(0, 0) },
        Typed { of: Offer::Results, ty: results },
        Typed { of: Offer::Allocate, ty: realloc(guest.ptr_type) },
    ];
    offers.extend(guest.import.as_ref().map(|import| {
        let ty = flatten_functype(&import.ty, guest.ptr_type, Context::Lower);
        Typed { of: Offer::Import, ty }
    }));
    offers.extend(shape.built_ins(number).map(|(which, resource)| Typed {
        of: Offer::BuiltIn(which, resource),
        ty: which.core_type(guest.ptr_type, CoreType::I32),
    }));
    offers
}

/// What the core code of the guest of this number may export.
pub fn acts(shape: &Shape, number: usize) -> Vec<Typed<Act>> {
    let guest = &shape.guests[number];
    let function = flatten_functype(&guest.export.ty, guest.ptr_type, Context::Lift);
    let post_return = CoreFuncType { params: function.results.clone(), results: Vec::new() };
    let mut acts = vec![
        Typed { of: Act::Function, ty: function },
        Typed { of: Act::Realloc, ty: realloc(guest.ptr_type) },
        Typed { of: Act::PostReturn, ty: post_return },
        Typed { of: Act::Refuel, ty: i32s(0, 0) },
    ];
    for (resource, defined) in (0..).zip(&shape.resources) {
        let destructor = match defined {
            Resource::Host => false,
            Resource::Guest { destructor, .. } => *destructor,
        };
        if destructor && shape.definer(resource) == Some(number) {
            acts.push(Typed { of: Act::Destructor(resource), ty: i32s(1, 0) });
        }
    }
    acts
}

/// Those of `acts` that a valid module exports.
pub fn exported(module: &[u8], shape: &Shape, number: usize) -> Vec<Typed<Act>> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Ok(Payload::ExportSection(section)) = payload {
            names.extend(section.into_iter().flatten().map(|export| export.name.to_string()));
        }
    }
    let mut acts = acts(shape, number);
    acts.retain(|act| names.contains(&act.of.name()));
    acts
}

/// Says what is wrong with a module as the core code of the guest of this number.
pub fn check(module: &[u8], shape: &Shape, number: usize) -> Result<(), String> {
    let wide = shape.guests[number].ptr_type == PtrType::I64;
    let mut validator = Validator::new_with_features(features(wide));
    let known = validator.validate_all(module).map_err(one_line)?;
    for payload in Parser::new(0).parse_all(module) {
        check_part(payload.map_err(one_line)?, known.as_ref(), shape, number)?;
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all else was validated")]
fn check_part(part: Payload, known: TypesRef, shape: &Shape, number: usize) -> Result<(), String> {
    match part {
        Payload::ImportSection(section) => {
            let wide = shape.guests[number].ptr_type == PtrType::I64;
            let offers = offers(shape, number);
            let mut imports = section.into_imports();
            imports.try_for_each(|import| {
                check_import(&import.map_err(one_line)?, &offers, known, wide)
            })
        }
        Payload::ExportSection(section) => {
            let acts = acts(shape, number);
            let mut exports = section.into_iter().flatten();
            exports.try_for_each(|export| check_export(&export, &acts, known))
        }
        Payload::MemorySection(_) => Err("it defines a memory, and may import one".to_string()),
        Payload::TableSection(section) => check_tables(section),
        Payload::StartSection { .. } => Err("it has a start function".to_string()),
        _ => Ok(()),
    }
}

/// What both sides have, in every release: subjects are built without garbage collection, which values of
/// `externref` want.
fn features(wide: bool) -> WasmFeatures {
    let absent = WasmFeatures::SIMD | WasmFeatures::REFERENCE_TYPES | WasmFeatures::GC_TYPES;
    let mut features = WasmFeatures::WASM2.difference(absent);
    features.set(WasmFeatures::MEMORY64, wide);
    features
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is offered")]
fn check_import(
    import: &wasmparser::Import,
    offers: &[Typed<Offer>],
    known: TypesRef,
    wide: bool,
) -> Result<(), String> {
    let name = import.name;
    if import.module != IMPORTS {
        return Err(format!("it imports from {}, not from {IMPORTS}", import.module));
    }
    match import.ty {
        TypeRef::Memory(memory) if name == MEMORY => {
            let loose = memory.initial <= 1 && memory.maximum.is_none();
            match loose && memory.memory64 == wide {
                true => Ok(()),
                false => Err("it imports a memory of another type".to_string()),
            }
        }
        TypeRef::Func(index) => {
            let ty = func_type(known, known.core_type_at_in_module(index));
            let found = offers.iter().find(|offer| offer.of.name() == name);
            let found = found.ok_or_else(|| format!("there is no {name} to import"))?;
            same(name, ty, &found.ty)
        }
        _ => Err(format!("there is no {name} to import")),
    }
}

fn check_export(
    export: &wasmparser::Export,
    acts: &[Typed<Act>],
    known: TypesRef,
) -> Result<(), String> {
    let name = export.name;
    let Some(wanted) = acts.iter().find(|act| act.of.name() == name) else {
        return Ok(());
    };
    match (export.kind, known.entity_type_from_export(export)) {
        (ExternalKind::Func, Some(EntityType::Func(id))) => {
            same(name, func_type(known, id), &wanted.ty)
        }
        _ => Err(format!("its {name} is no function")),
    }
}

fn check_tables(section: wasmparser::TableSectionReader) -> Result<(), String> {
    let tables: Vec<_> = section.into_iter().flatten().collect();
    let large = |table: &wasmparser::Table| {
        table.ty.maximum.unwrap_or(u64::MAX).max(table.ty.initial) > TABLE_ELEMENTS
    };
    if tables.len() > TABLES || tables.iter().any(large) {
        return Err(format!("it has more than {TABLES} tables of {TABLE_ELEMENTS} elements"));
    }
    Ok(())
}

/// The function type behind an index, where it passes nothing but numbers.
fn func_type(known: TypesRef, id: wasmparser::types::CoreTypeId) -> Option<CoreFuncType> {
    let ty = known.get(id)?.composite_type.inner.clone();
    let wasmparser::CompositeInnerType::Func(ty) = ty else {
        return None;
    };
    let all = |types: &[ValType]| types.iter().copied().map(core_type).collect::<Option<Vec<_>>>();
    Some(CoreFuncType { params: all(ty.params())?, results: all(ty.results())? })
}

fn core_type(ty: ValType) -> Option<CoreType> {
    match ty {
        ValType::I32 => Some(CoreType::I32),
        ValType::I64 => Some(CoreType::I64),
        ValType::F32 => Some(CoreType::F32),
        ValType::F64 => Some(CoreType::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

fn same(name: &str, found: Option<CoreFuncType>, wanted: &CoreFuncType) -> Result<(), String> {
    match found.as_ref() == Some(wanted) {
        true => Ok(()),
        false => Err(format!("the type of {name} is not {}", described(wanted))),
    }
}

/// As the text format has it.
fn described(ty: &CoreFuncType) -> String {
    let words = |types: &[CoreType]| {
        let words = types.iter().map(|ty| match ty {
            CoreType::I32 => " i32",
            CoreType::I64 => " i64",
            CoreType::F32 => " f32",
            CoreType::F64 => " f64",
        });
        words.collect::<String>()
    };
    format!("(func (param{}) (result{}))", words(&ty.params), words(&ty.results))
}

fn i32s(params: usize, results: usize) -> CoreFuncType {
    let i32s = |count| vec![CoreType::I32; count];
    CoreFuncType { params: i32s(params), results: i32s(results) }
}

fn realloc(ptr_type: PtrType) -> CoreFuncType {
    let ptr = ptr_type.core_type();
    CoreFuncType { params: vec![ptr; 4], results: vec![ptr] }
}

fn one_line(error: impl ToString) -> String {
    error.to_string().replace(char::is_control, " ")
}
