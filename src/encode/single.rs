//! The component of one guest: the puppet, its face, and the functions lifted and lowered around them.
//! Knows nothing of values or scripts, nor of who gives it what it imports.

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType,
    ExportKind, ModuleArg, PrimitiveValType, ValType,
};

use super::face::{self, Wired, face};
use super::guest::core_import;
use super::names::{EXPORT, IMPORT, LOAD_SCRIPT, OBSERVE, PUPPET};
use super::puppet::{Puppet, Puppets, memory_alone};
use super::script::slot;
use super::standing::{Standing, standing};
use super::types::Types;
use super::{core_names, wire};
use crate::abi::built_in::OfResource;
use crate::abi::{BuiltIn, PtrType, StringEncoding};
use crate::case::{CanonOpts, Function, Guest, Shape, noise};
use crate::types::{self, Type};

/// A component, and the types that it imports, by their names.
pub struct Single<'a> {
    pub builder: ComponentBuilder,
    pub imported_types: Vec<(String, &'a Type)>,
    /// The lowered functions and built-ins, in the order in which they are defined.
    pub wired: Vec<Wired>,
    /// What core code that nobody scripted does in the puppet's place.
    pub left: Vec<Wired>,
}

/// The component of the guest of this number.
pub fn single(shape: &Shape, number: usize, puppets: Puppets) -> Single<'_> {
    let guest = &shape.guests[number];
    let mut encoder = Encoder { builder: ComponentBuilder::default(), types: Types::default() };
    encoder.import_resources(shape, number);
    let import = guest.import.as_ref().map(|function| (encoder.import(function), function));
    let (about, puppet) = encoder.puppet(shape, number, puppets);
    encoder.define_resources(puppet, shape, number);
    let mut wired = encoder.built_ins(shape, number);
    wired.extend(import.map(|(func, function)| encoder.lower(puppet, func, function, guest)));
    let module = encoder.builder.core_module(None, &face(shape, number, &about, &wired));
    let face = encoder.instantiate_face(puppet, module, &wired);
    let left = encoder.noise([puppet, face], shape, number, &about);
    encoder.lift_export(puppet, face, &guest.export);
    encoder.lift_control(puppet);
    Single { builder: encoder.builder, imported_types: encoder.types.imported, wired, left }
}

struct Encoder<'a> {
    builder: ComponentBuilder,
    types: Types<'a>,
}

impl<'a> Encoder<'a> {
    /// Before all else, for the import's type may mention them.
    fn import_resources(&mut self, shape: &Shape, guest: usize) {
        for (number, resource) in (0..).zip(&shape.resources) {
            if standing(*resource, guest) == Some(Standing::Imported) {
                self.types.import_resource(&mut self.builder, number);
            }
        }
    }

    fn import(&mut self, function: &'a Function) -> u32 {
        let ty = self.types.function(&mut self.builder, &function.ty);
        self.builder.import(IMPORT, ComponentTypeRef::Func(ty))
    }

    /// The puppet, and its instance.
    fn puppet(&mut self, shape: &Shape, number: usize, puppets: Puppets) -> (Puppet, u32) {
        let builder = &mut self.builder;
        match puppets {
            Puppets::Contained => {
                let puppet = Puppet::of(shape, number);
                let module = builder.core_module(None, &puppet.module());
                (puppet, builder.core_instantiate(None, module, []))
            }
            Puppets::Imported => {
                let puppet = Puppet::shared(shape, number);
                let module = puppet.import(builder, PUPPET);
                let memory = builder.core_module(None, &memory_alone(&shape.guests[number]));
                let memory = builder.core_instantiate(None, memory, []);
                let args = [(core_names::MEMORY, ModuleArg::Instance(memory))];
                (puppet, builder.core_instantiate(None, module, args))
            }
        }
    }

    /// After the puppet, which has the destructors.
    fn define_resources(&mut self, puppet: u32, shape: &Shape, guest: usize) {
        for (number, resource) in (0..).zip(&shape.resources) {
            let Some(Standing::Defined { destructor }) = standing(*resource, guest) else {
                continue;
            };
            let name = core_names::destructor(number);
            let destructor = destructor.then(|| self.alias(puppet, &name, ExportKind::Func));
            let defined = self.builder.type_resource(None, ValType::I32, destructor);
            self.types.export_resource(&mut self.builder, number, defined);
        }
    }

    /// The built-ins of all resources that the guest knows.
    fn built_ins(&mut self, shape: &Shape, guest: usize) -> Vec<Wired> {
        let built_ins = shape.built_ins(guest);
        let ptr_type = shape.guests[guest].ptr_type;
        built_ins.map(|(which, resource)| self.built_in(which, resource, ptr_type)).collect()
    }

    fn built_in(&mut self, which: BuiltIn, resource: types::Resource, ptr_type: PtrType) -> Wired {
        let ty = self.types.resources[&resource];
        let func = match which.of_resource().expect("cases call no others") {
            OfResource::New => self.builder.resource_new(ty),
            OfResource::Rep => self.builder.resource_rep(ty),
            OfResource::Drop => self.builder.resource_drop(ty),
        };
        let slot = slot::built_in(which, resource);
        Wired { slot, ty: which.core_type(ptr_type, crate::abi::CoreType::I32), func }
    }

    fn lower(&mut self, puppet: u32, func: u32, function: &Function, guest: &Guest) -> Wired {
        let options = self.options(puppet, &function.opts);
        let func = self.builder.lower_func(None, func, options);
        let ty = core_import(guest).expect("it is what is lowered");
        Wired { slot: slot::IMPORT, ty, func }
    }

    fn instantiate_face(&mut self, puppet: u32, module: u32, wired: &[Wired]) -> u32 {
        let names: Vec<String> = wired.iter().map(Wired::name).collect();
        let items = names.iter().map(String::as_str).zip(wired);
        let items: Vec<_> = items.map(|(name, one)| (name, ExportKind::Func, one.func)).collect();
        let component = self.builder.core_instantiate_exports(None, items);
        let args = [(face::PUPPET, puppet), (face::COMPONENT, component)];
        let args = args.map(|(name, instance)| (name, ModuleArg::Instance(instance)));
        self.builder.core_instantiate(None, module, args)
    }

    /// Core code that nobody scripted: what it exports comes into the puppet's table.
    fn noise(
        &mut self,
        [puppet, face]: [u32; 2],
        shape: &Shape,
        number: usize,
        about: &Puppet,
    ) -> Vec<Wired> {
        let (Some(code), Some(left)) = (&shape.guests[number].noise, &about.left) else {
            return Vec::new();
        };
        let offers = noise::offers(shape, number).into_iter().map(|offer| {
            let func = self.alias(face, &core_names::offer(offer.of), ExportKind::Func);
            (offer.of.name(), ExportKind::Func, func)
        });
        let mut items: Vec<_> = offers.collect();
        let memory = self.alias(puppet, core_names::MEMORY, ExportKind::Memory);
        items.push((noise::MEMORY.to_string(), ExportKind::Memory, memory));
        let module = self.builder.core_module_raw(None, code);
        let instance = self.instantiate(module, noise::IMPORTS, &items);
        let acts = (left.first_slot..).zip(noise::exported(code, shape, number));
        let acts = acts.map(|(slot, act)| {
            let func = self.alias(instance, &act.of.name(), ExportKind::Func);
            Wired { slot, ty: act.ty, func }
        });
        let acts: Vec<_> = acts.collect();
        self.wire(puppet, &acts, about);
        acts
    }

    fn wire(&mut self, puppet: u32, acts: &[Wired], about: &Puppet) {
        let table = self.alias(puppet, core_names::TABLE, ExportKind::Table);
        let items = acts.iter().map(|one| (one.name(), ExportKind::Func, one.func));
        let table = (core_names::TABLE.to_string(), ExportKind::Table, table);
        let items: Vec<_> = items.chain([table]).collect();
        let module = self.builder.core_module(None, &wire::wire(acts, about));
        self.instantiate(module, wire::IMPORTS, &items);
    }

    /// Instantiates a module that imports all from one other.
    fn instantiate(&mut self, module: u32, name: &str, items: &[(String, ExportKind, u32)]) -> u32 {
        let items = items.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index));
        let arg = self.builder.core_instantiate_exports(None, items);
        self.builder.core_instantiate(None, module, [(name, ModuleArg::Instance(arg))])
    }

    fn lift_export(&mut self, puppet: u32, face: u32, export: &'a Function) {
        let ty = self.types.function(&mut self.builder, &export.ty);
        let mut options = self.options(puppet, &export.opts);
        if export.opts.post_return {
            let post_return = self.alias(face, core_names::POST_RETURN, ExportKind::Func);
            options.push(CanonicalOption::PostReturn(post_return));
        }
        self.lift(face, core_names::FUNCTION, ty, options, EXPORT);
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
        instance: u32,
        core_name: &str,
        ty: u32,
        options: Vec<CanonicalOption>,
        name: &str,
    ) {
        let core = self.alias(instance, core_name, ExportKind::Func);
        let func = self.builder.lift_func(None, core, ty, options);
        self.builder.export(name, ComponentExportKind::Func, func, None);
    }

    /// Those that `canon lift` and `canon lower` have in common.
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
        options
    }

    fn alias(&mut self, instance: u32, name: &str, kind: ExportKind) -> u32 {
        self.builder.core_alias_export(None, instance, name, kind)
    }
}
