//! The outline of a module: what it imports and exports, for wasm-smith to fill.
//! Knows nothing of what is filled in.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    MemoryType, Module, TypeSection, ValType,
};

use crate::abi::{CoreFuncType, CoreType};
use crate::case::noise::{Act, IMPORTS, MEMORY, Offer, Typed};

/// A module that imports all that is offered, and exports these.
pub fn outline(offers: &[Typed<Offer>], acts: &[Typed<Act>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    for (index, offer) in (0..).zip(offers) {
        add_type(&mut types, &offer.ty);
        imports.import(IMPORTS, &offer.of.name(), EntityType::Function(index));
    }
    let memory = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    imports.import(IMPORTS, MEMORY, EntityType::Memory(memory));
    let (mut functions, mut exports) = (FunctionSection::new(), ExportSection::new());
    let mut code = CodeSection::new();
    let first = u32::try_from(offers.len()).expect("offers are few");
    for (index, act) in (first..).zip(acts) {
        add_type(&mut types, &act.ty);
        functions.function(index);
        exports.export(&act.of.name(), ExportKind::Func, index);
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

fn add_type(types: &mut TypeSection, ty: &CoreFuncType) {
    let all = |types: &[CoreType]| types.iter().copied().map(val_type).collect::<Vec<_>>();
    types.ty().function(all(&ty.params), all(&ty.results));
}

pub fn val_type(ty: CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}
