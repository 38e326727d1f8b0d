//! The outline of a module: what it imports and exports, for wasm-smith to fill.
//! Knows nothing of what is filled in.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    MemoryType, Module, TypeSection,
};

use crate::case::noise::{Act, IMPORTS, MEMORY, Offer, Typed};
use crate::encode::function_type;

/// A module that imports all that is offered, and exports these.
pub fn outline(offers: &[Typed<Offer>], acts: &[Typed<Act>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    for (index, offer) in (0..).zip(offers) {
        function_type(types.ty(), &offer.ty);
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
        function_type(types.ty(), &act.ty);
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
