//! The root component: the puppet, the wire, and the functions lifted and lowered around them.
//! Knows nothing of values or scripts.

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType,
    ExportKind, ModuleArg, PrimitiveValType, TypeBounds, ValType,
};

use super::script::{built_in_slot, slot};
use super::types::Types;
use super::wire::{WIRE_IMPORTS, Wired, wire};
use super::{EXPORT, IMPORT, LOAD_SCRIPT, OBSERVE, core_names, puppet};
use crate::abi::flatten::{Context, flatten_functype};
use crate::abi::{CoreFuncType, CoreType, PtrType, StringEncoding};
use crate::case::{CanonOpts, Function, Resource, Shape};
use crate::types::{self, resource_name};

/// The bytes of the component that this shape describes.
pub fn component(shape: &Shape) -> Vec<u8> {
    let mut root = Root { builder: ComponentBuilder::default(), types: Types::new(shape) };
    root.import_resources(shape);
    let import = shape.guests[0].import.as_ref().map(|function| (root.import(function), function));
    let module = root.builder.core_module(None, &puppet::puppet(shape, 0));
    let puppet = root.builder.core_instantiate(None, module, []);
    root.define_resources(puppet, shape);
    let mut wired = root.built_ins(shape);
    wired.extend(import.map(|(func, function)| root.lower(puppet, func, function)));
    if !wired.is_empty() {
        root.wire(puppet, &wired, shape);
    }
    root.lift_export(puppet, &shape.guests[0].export);
    root.lift_control(puppet);
    root.builder.finish()
}

struct Root<'a> {
    builder: ComponentBuilder,
    types: Types<'a>,
}

impl<'a> Root<'a> {
    /// Before all else, for the import's type may mention them.
    fn import_resources(&mut self, shape: &Shape) {
        for (number, resource) in (0..).zip(&shape.resources) {
            if *resource == Resource::Host {
                let ty = ComponentTypeRef::Type(TypeBounds::SubResource);
                let index = self.builder.import(resource_name(number), ty);
                self.types.resources.insert(number, index);
            }
        }
    }

    fn import(&mut self, function: &'a Function) -> u32 {
        let ty = self.types.function(&mut self.builder, &function.ty);
        self.builder.import(IMPORT, ComponentTypeRef::Func(ty))
    }

    /// After the puppet, which has the destructors.
    fn define_resources(&mut self, puppet: u32, shape: &Shape) {
        for (number, resource) in (0..).zip(&shape.resources) {
            let Resource::Guest { destructor, .. } = *resource else { continue };
            let name = core_names::destructor(number);
            let destructor = destructor.then(|| self.alias(puppet, &name, ExportKind::Func));
            let defined = self.builder.type_resource(None, ValType::I32, destructor);
            let name = resource_name(number);
            let exported = self.builder.export(&name, ComponentExportKind::Type, defined, None);
            self.types.resources.insert(number, exported);
        }
    }

    /// The built-ins of all resources.
    fn built_ins(&mut self, shape: &Shape) -> Vec<Wired> {
        let resources = (0..).zip(&shape.resources);
        resources
            .flat_map(|(number, resource)| match resource {
                Resource::Host => vec![self.built_in(slot::DROP, number)],
                Resource::Guest { .. } => [slot::NEW, slot::REP, slot::DROP]
                    .map(|built_in| self.built_in(built_in, number))
                    .into(),
            })
            .collect()
    }

    fn built_in(&mut self, built_in: u32, resource: types::Resource) -> Wired {
        let ty = self.types.resources[&resource];
        let func = match built_in {
            slot::NEW => self.builder.resource_new(ty),
            slot::REP => self.builder.resource_rep(ty),
            _ => self.builder.resource_drop(ty),
        };
        let answers = built_in != slot::DROP;
        let results = if answers { vec![CoreType::I32] } else { Vec::new() };
        let ty = CoreFuncType { params: vec![CoreType::I32], results };
        Wired { slot: built_in_slot(built_in, resource), ty, func }
    }

    fn lower(&mut self, puppet: u32, func: u32, function: &Function) -> Wired {
        let options = self.options(puppet, &function.opts);
        let func = self.builder.lower_func(None, func, options);
        let ty = flatten_functype(&function.ty, PtrType::I32, Context::Lower);
        Wired { slot: slot::IMPORT, ty, func }
    }

    fn wire(&mut self, puppet: u32, wired: &[Wired], shape: &Shape) {
        let table = self.alias(puppet, core_names::TABLE, ExportKind::Table);
        let names: Vec<String> = wired.iter().map(Wired::name).collect();
        let items = names.iter().map(String::as_str).zip(wired);
        let items = items.map(|(name, wired)| (name, ExportKind::Func, wired.func));
        let items = items.chain([(core_names::TABLE, ExportKind::Table, table)]);
        let items: Vec<_> = items.collect();
        let arg = self.builder.core_instantiate_exports(None, items);
        let module = self.builder.core_module(None, &wire(wired, shape));
        self.builder.core_instantiate(None, module, [(WIRE_IMPORTS, ModuleArg::Instance(arg))]);
    }

    fn lift_export(&mut self, puppet: u32, export: &'a Function) {
        let ty = self.types.function(&mut self.builder, &export.ty);
        let options = self.options(puppet, &export.opts);
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
