//! A component that only counts: whether an engine's dispatch bears a long core loop.
//! Knows nothing of cases. wasmi's default dispatch overflows the native stack in some builds.

use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentExportKind, ComponentValType, ExportKind,
    ExportSection, Function, FunctionSection, Module, PrimitiveValType, TypeSection, ValType,
};

use super::names::EXPORT;

/// A component that exports `f: func() -> u32`, which counts to `iterations` and returns it.
pub fn looping(iterations: i32) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    let module = builder.core_module(None, &counter(iterations));
    let instance = builder.core_instantiate(None, module, []);
    let core = builder.core_alias_export(None, instance, EXPORT, ExportKind::Func);
    let (ty, mut encoder) = builder.type_function(None);
    encoder
        .params::<[(&str, ComponentValType); 0], _>([])
        .result(Some(ComponentValType::Primitive(PrimitiveValType::U32)));
    let func = builder.lift_func(None, core, ty, []);
    builder.export(EXPORT, ComponentExportKind::Func, func, None);
    builder.finish()
}

fn counter(iterations: i32) -> Module {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    module.section(&types);
    let mut functions = FunctionSection::new();
    functions.function(0);
    module.section(&functions);
    let mut exports = ExportSection::new();
    exports.export(EXPORT, ExportKind::Func, 0);
    module.section(&exports);
    let mut code = CodeSection::new();
    let mut body = Function::new([(1, ValType::I32)]);
    let mut sink = body.instructions();
    sink.loop_(BlockType::Empty);
    sink.local_get(0).i32_const(1).i32_add().local_tee(0);
    sink.i32_const(iterations).i32_lt_s().br_if(0).end();
    sink.local_get(0).end();
    code.function(&body);
    module.section(&code);
    module
}
