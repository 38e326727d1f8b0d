//! The root component: the puppet, the wire, and the functions lifted and lowered around them.
//! Knows nothing of values or scripts.

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType,
    ExportKind, ModuleArg, PrimitiveValType,
};

use super::types::Types;
use super::wire::{WIRE_IMPORTS, wire};
use super::{EXPORT, IMPORT, LOAD_SCRIPT, OBSERVE, core_names, puppet};
use crate::abi::PtrType;
use crate::abi::StringEncoding;
use crate::abi::flatten::{Context, flatten_functype};
use crate::case::{CanonOpts, Function, Shape};

/// The bytes of the component that this shape describes.
pub fn component(shape: &Shape) -> Vec<u8> {
    let mut root = Root { builder: ComponentBuilder::default(), types: Types::default() };
    let import = shape.import.as_ref().map(|function| (root.import(function), function));
    let export_type = root.types.function(&mut root.builder, &shape.export.ty);
    let module = root.builder.core_module(None, &puppet::puppet(shape));
    let puppet = root.builder.core_instantiate(None, module, []);
    if let Some((func, function)) = import {
        root.wire(puppet, func, function);
    }
    root.lift_export(puppet, export_type, &shape.export.opts);
    root.lift_control(puppet);
    root.builder.finish()
}

struct Root<'a> {
    builder: ComponentBuilder,
    types: Types<'a>,
}

impl<'a> Root<'a> {
    fn import(&mut self, function: &'a Function) -> u32 {
        let ty = self.types.function(&mut self.builder, &function.ty);
        self.builder.import(IMPORT, ComponentTypeRef::Func(ty))
    }

    fn wire(&mut self, puppet: u32, func: u32, function: &Function) {
        let options = self.options(puppet, &function.opts);
        let lowered = self.builder.lower_func(None, func, options);
        let table = self.alias(puppet, core_names::TABLE, ExportKind::Table);
        let items =
            [(IMPORT, ExportKind::Func, lowered), (core_names::TABLE, ExportKind::Table, table)];
        let arg = self.builder.core_instantiate_exports(None, items);
        let lowered = flatten_functype(&function.ty, PtrType::I32, Context::Lower);
        let module = self.builder.core_module(None, &wire(&lowered));
        self.builder.core_instantiate(None, module, [(WIRE_IMPORTS, ModuleArg::Instance(arg))]);
    }

    fn lift_export(&mut self, puppet: u32, ty: u32, opts: &CanonOpts) {
        let options = self.options(puppet, opts);
        self.lift(puppet, core_names::FUNCTION, ty, options, EXPORT);
    }

    fn lift_control(&mut self, puppet: u32) {
        let memory = self.alias(puppet, core_names::SCRIPT_MEMORY, ExportKind::Memory);
        let realloc = self.alias(puppet, core_names::SCRIPT_REALLOC, ExportKind::Func);
        let (bytes, encoder) = self.builder.type_defined(None);
        encoder.list(ComponentValType::Primitive(PrimitiveValType::U8));
        let bytes = ComponentValType::Type(bytes);

        let (load, mut encoder) = self.builder.type_function(None);
        encoder.params([("script", bytes)]).result(None);
        let options = vec![CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
        self.lift(puppet, core_names::LOAD_SCRIPT, load, options, LOAD_SCRIPT);

        let (observe, mut encoder) = self.builder.type_function(None);
        encoder.params::<[(&str, ComponentValType); 0], _>([]).result(Some(bytes));
        let options = vec![CanonicalOption::Memory(memory)];
        self.lift(puppet, core_names::OBSERVE, observe, options, OBSERVE);
    }

    fn lift(
        &mut self,
        puppet: u32,
        core_name: &str,
        ty: u32,
        options: Vec<CanonicalOption>,
        name: &str,
    ) {
        let core = self.alias(puppet, core_name, ExportKind::Func);
        let func = self.builder.lift_func(None, core, ty, options);
        self.builder.export(name, ComponentExportKind::Func, func, None);
    }

    fn options(&mut self, puppet: u32, opts: &CanonOpts) -> Vec<CanonicalOption> {
        let mut options = vec![match opts.string_encoding {
            StringEncoding::Utf8 => CanonicalOption::UTF8,
            StringEncoding::Utf16 => CanonicalOption::UTF16,
            StringEncoding::Latin1OrUtf16 => CanonicalOption::CompactUTF16,
        }];
        if opts.memory {
            let memory = self.alias(puppet, core_names::MEMORY, ExportKind::Memory);
            options.push(CanonicalOption::Memory(memory));
        }
        if opts.realloc {
            let realloc = self.alias(puppet, core_names::REALLOC, ExportKind::Func);
            options.push(CanonicalOption::Realloc(realloc));
        }
        if opts.post_return {
            let post_return = self.alias(puppet, core_names::POST_RETURN, ExportKind::Func);
            options.push(CanonicalOption::PostReturn(post_return));
        }
        options
    }

    fn alias(&mut self, instance: u32, name: &str, kind: ExportKind) -> u32 {
        self.builder.core_alias_export(None, instance, name, kind)
    }
}
