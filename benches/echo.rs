//! The component of one guest that hands on what it is passed and returns what it gets, of any type.
//! Knows no engine.

use canonfuzz::abi::PtrType;
use canonfuzz::abi::flatten::{Context, flatten_functype};
use canonfuzz::abi::layout::{alignment, elem_size};
use canonfuzz::abi::{CoreFuncType, CoreType, StringEncoding};
use canonfuzz::case::{CanonOpts, Guest, Pages, Shape, text};
use canonfuzz::encode::function_type;
use canonfuzz::types::{FuncType, Type};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, embed_component_metadata};
use wit_parser::Resolve;

/// The names of its function, and of the host's.
pub const EXPORT: &str = "f";
pub const IMPORT: &str = "g";

/// The functions of the core module: those of the world are called as WIT calls them.
const IMPORTED: u32 = 0;
const EXPORTED: u32 = 1;
const REALLOC: u32 = 2;
/// The only global: where the next block may begin.
const NEXT: u32 = 0;

/// The component that hands a value of this type on, and back: as ordinary tools make it.
pub fn component(ty: &Type) -> Option<Vec<u8>> {
    let func = FuncType { params: vec![ty.clone()], result: Some(ty.clone()), is_async: false };
    let world = text::wit(&world(&func));
    let mut resolve = Resolve::default();
    let package = resolve.push_str("echo.wit", &format!("package plain:echo;\n{world}")).ok()?;
    let world = resolve.select_world(&[package], None).ok()?;
    let mut module = module(&func).finish();
    let encoding = wit_component::StringEncoding::UTF8;
    embed_component_metadata(&mut module, &resolve, world, encoding, false).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

/// A shape whose one guest imports and exports the function; only for its world.
fn world(func: &FuncType) -> Shape {
    let (ptr_type, pages) = (PtrType::I32, Pages::ONE);
    let opts = CanonOpts {
        string_encoding: StringEncoding::Utf8,
        memory: true,
        realloc: true,
        post_return: false,
    };
    let function = canonfuzz::case::Function { ty: func.clone(), opts };
    let import = Some(function.clone());
    let guest = Guest { export: function, import, ptr_type, pages, noise: None };
    Shape { guests: vec![guest], resources: Vec::new() }
}

fn module(func: &FuncType) -> Module {
    let imported = flatten_functype(func, PtrType::I32, Context::Lower);
    let exported = flatten_functype(func, PtrType::I32, Context::Lift);
    let mut module = Module::new();
    let mut types = TypeSection::new();
    let realloc = CoreFuncType { params: vec![CoreType::I32; 4], results: vec![CoreType::I32] };
    for ty in [&imported, &exported, &realloc] {
        function_type(types.ty(), ty);
    }
    module.section(&types);
    let mut imports = ImportSection::new();
    imports.import("$root", IMPORT, EntityType::Function(IMPORTED));
    module.section(&imports);
    let mut functions = FunctionSection::new();
    functions.function(EXPORTED).function(REALLOC);
    module.section(&functions);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);
    let mut globals = GlobalSection::new();
    let next = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(next, &ConstExpr::i32_const(16));
    module.section(&globals);
    let mut exports = ExportSection::new();
    exports.export(EXPORT, ExportKind::Func, EXPORTED);
    exports.export("cabi_realloc", ExportKind::Func, REALLOC);
    exports.export("memory", ExportKind::Memory, 0);
    module.section(&exports);
    let mut code = CodeSection::new();
    code.function(&hand_on(func, &imported, &exported)).function(&realloc_body());
    module.section(&code);
    module
}

/// Calls the import with its own params, and returns what that returns, or where it is.
fn hand_on(func: &FuncType, imported: &CoreFuncType, exported: &CoreFuncType) -> Function {
    let mut function = Function::new([(1, ValType::I32)]);
    let mut sink = function.instructions();
    let params = u32::try_from(exported.params.len()).expect("a function has few params");
    let spilled = imported.results.is_empty() && !exported.results.is_empty();
    if spilled {
        let result = func.result.as_ref().expect("it has one");
        let size = |of: fn(&Type, PtrType) -> u64| {
            i32::try_from(of(result, PtrType::I32)).expect("generated types are small")
        };
        sink.i32_const(0).i32_const(0).i32_const(size(alignment)).i32_const(size(elem_size));
        sink.call(REALLOC).local_set(params);
    }
    (0..params).for_each(|param| {
        sink.local_get(param);
    });
    if spilled {
        sink.local_get(params).call(IMPORTED).local_get(params);
    } else {
        sink.call(IMPORTED);
    }
    sink.end();
    function
}

/// A block at the next aligned address, in as much memory as it takes.
fn realloc_body() -> Function {
    let [align, size, block] = [2, 3, 4];
    let mut function = Function::new([(1, ValType::I32)]);
    let mut sink = function.instructions();
    sink.global_get(NEXT).local_get(align).i32_add().i32_const(1).i32_sub();
    sink.i32_const(0).local_get(align).i32_sub().i32_and().local_tee(block);
    sink.local_get(size).i32_add().global_set(NEXT);
    pages(&mut sink);
    sink.memory_size(0).i32_gt_u().if_(BlockType::Empty);
    pages(&mut sink);
    sink.memory_size(0).i32_sub().memory_grow(0).drop().end();
    sink.local_get(block).end();
    function
}

/// Pushes how many pages all blocks take.
fn pages(sink: &mut InstructionSink<'_>) {
    sink.global_get(NEXT).i32_const(0xffff).i32_add().i32_const(16).i32_shr_u();
}
