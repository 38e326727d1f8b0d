//! The wire: a core module that puts what is left to core code which nobody scripted into the puppet's table.
//! It exists because the puppet and the face come first: that code imports from them.

use wasm_encoder::{
    ConstExpr, ElementSection, Elements, EntityType, ImportSection, Module, TypeSection,
};

use super::core_names::TABLE;
use super::face::Wired;
use super::puppet::Puppet;
use super::puppet::emit::function_type;

/// The module name of the wire's imports.
pub const IMPORTS: &str = "wire";

/// The wire for these functions.
pub fn wire(wired: &[Wired], puppet: &Puppet) -> Module {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    let mut elements = ElementSection::new();
    for (index, one) in (0..).zip(wired) {
        function_type(types.ty(), &one.ty);
        imports.import(IMPORTS, &one.name(), EntityType::Function(index));
        let place = ConstExpr::i32_const(one.slot.cast_signed());
        elements.active(Some(0), &place, Elements::Functions([index].as_slice().into()));
    }
    imports.import(IMPORTS, TABLE, EntityType::Table(puppet.table()));
    let mut module = Module::new();
    module.section(&types);
    module.section(&imports);
    module.section(&elements);
    module
}
