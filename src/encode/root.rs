//! The component of a shape: that of its guest, or of several guests, each importing the next one's
//! function.
//! Knows nothing of what a guest's component is made of.

use wasm_encoder::{ComponentBuilder, ComponentExportKind, ComponentTypeRef};

use super::names::{
    EXPORT, IMPORT, LOAD_SCRIPT, OBSERVE, PUPPET, load_script, observe, puppet_name,
};
use super::puppet::{Puppet, Puppets};
use super::single::{Single, single};
use super::standing::{Standing, standing};
use super::types::Types;
use crate::case::{Resource, Shape, function_name};
use crate::types::resource_name;

/// The bytes of the component that this shape describes, which has its puppets from there.
pub fn component(shape: &Shape, puppets: Puppets) -> Vec<u8> {
    match shape.guests.len() {
        1 => single(shape, 0, puppets).builder.finish(),
        _ => chain(shape, puppets),
    }
}

/// The guests as siblings. The last comes first, for the one before it imports from it.
fn chain(shape: &Shape, puppets: Puppets) -> Vec<u8> {
    let (builder, types) = (ComponentBuilder::default(), Types::default());
    let mut root = Root { shape, builder, types, puppets: Vec::new() };
    root.import_resources();
    match puppets {
        Puppets::Contained => {}
        Puppets::Imported => root.import_puppets(),
    }
    let mut function = root.import();
    for guest in (0..shape.guests.len()).rev() {
        let instance = root.instantiate(guest, function);
        root.export_resources(guest, instance);
        root.export_control(guest, instance);
        function = Some(root.builder.alias_export(instance, EXPORT, ComponentExportKind::Func));
    }
    root.export(function.expect("there is a guest"));
    root.builder.finish()
}

struct Root<'a> {
    shape: &'a Shape,
    builder: ComponentBuilder,
    types: Types<'a>,
    /// Those of all guests, if they are imported.
    puppets: Vec<u32>,
}

impl Root<'_> {
    fn import_resources(&mut self) {
        for (number, resource) in (0..).zip(&self.shape.resources) {
            if *resource == Resource::Host {
                self.types.import_resource(&mut self.builder, number);
            }
        }
    }

    fn import_puppets(&mut self) {
        for guest in 0..self.shape.guests.len() {
            let puppet = Puppet::shared(self.shape, guest);
            self.puppets.push(puppet.import(&mut self.builder, &puppet_name(guest)));
        }
    }

    /// What the last guest imports.
    fn import(&mut self) -> Option<u32> {
        let import = self.shape.guests.last()?.import.as_ref()?;
        let ty = self.types.function(&mut self.builder, &import.ty);
        let name = function_name(self.shape.guests.len());
        Some(self.builder.import(name, ComponentTypeRef::Func(ty)))
    }

    /// A guest whose import is the function given.
    fn instantiate(&mut self, guest: usize, function: Option<u32>) -> u32 {
        let puppet = self.puppets.get(guest).copied();
        let puppets = if puppet.is_some() { Puppets::Imported } else { Puppets::Contained };
        let Single { builder, imported_types, .. } = single(self.shape, guest, puppets);
        let component = self.builder.component(None, builder);
        let mut args = Vec::new();
        args.extend(puppet.map(|index| (PUPPET.to_string(), ComponentExportKind::Module, index)));
        for (number, resource) in (0..).zip(&self.shape.resources) {
            if standing(*resource, guest) == Some(Standing::Imported) {
                let index = self.types.resources[&number];
                args.push((resource_name(number), ComponentExportKind::Type, index));
            }
        }
        for (name, ty) in imported_types {
            let index = self.types.index(&mut self.builder, ty);
            args.push((name, ComponentExportKind::Type, index));
        }
        args.extend(function.map(|func| (IMPORT.to_string(), ComponentExportKind::Func, func)));
        self.builder.instantiate(None, component, args)
    }

    fn export_resources(&mut self, guest: usize, instance: u32) {
        for (number, resource) in (0..).zip(&self.shape.resources) {
            match standing(*resource, guest) {
                Some(Standing::Defined { .. }) => {
                    let name = resource_name(number);
                    let kind = ComponentExportKind::Type;
                    let index = self.builder.alias_export(instance, &name, kind);
                    self.types.export_resource(&mut self.builder, number, index);
                }
                Some(Standing::Imported) | None => {}
            }
        }
    }

    fn export_control(&mut self, guest: usize, instance: u32) {
        let kind = ComponentExportKind::Func;
        for (name, exported) in [(LOAD_SCRIPT, load_script(guest)), (OBSERVE, observe(guest))] {
            let func = self.builder.alias_export(instance, name, kind);
            self.builder.export(&exported, kind, func, None);
        }
    }

    /// Exports the first guest's function with a type of the names that are here.
    fn export(&mut self, func: u32) {
        let ty = self.types.function(&mut self.builder, &self.shape.guests[0].export.ty);
        let ty = Some(ComponentTypeRef::Func(ty));
        self.builder.export(EXPORT, ComponentExportKind::Func, func, ty);
    }
}
