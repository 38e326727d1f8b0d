//! The wire: a core module that puts the lowered import and the built-ins into the puppet's table.
//! It exists because lowering needs the memory and `realloc` of an instance that exists already, and
//! a resource type its destructor.

use wasm_encoder::{
    ConstExpr, ElementSection, Elements, EntityType, ImportSection, Module, RefType, TableType,
    TypeSection,
};

use super::core_names::TABLE;
use super::puppet;
use super::script::{built_in_slot, slot};
use crate::abi::CoreFuncType;
use crate::case::Shape;

/// The module name of the wire's imports.
pub const WIRE_IMPORTS: &str = "wire";

/// A core function and the slot that it is for.
pub struct Wired {
    pub slot: u32,
    pub ty: CoreFuncType,
    /// Its index in the component.
    pub func: u32,
}

impl Wired {
    /// The name under which the wire imports it.
    pub fn name(&self) -> String {
        self.slot.to_string()
    }
}

/// The wire for these functions.
pub fn wire(wired: &[Wired], shape: &Shape) -> Module {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    let mut elements = ElementSection::new();
    for (index, one) in (0..).zip(wired) {
        puppet::function_type(&mut types, &one.ty);
        imports.import(WIRE_IMPORTS, &one.name(), EntityType::Function(index));
        let place = ConstExpr::i32_const(one.slot.cast_signed());
        elements.active(Some(0), &place, Elements::Functions([index].as_slice().into()));
    }
    imports.import(WIRE_IMPORTS, TABLE, EntityType::Table(table(shape)));
    let mut module = Module::new();
    module.section(&types);
    module.section(&imports);
    module.section(&elements);
    module
}

/// The table that the wire fills.
pub fn table(shape: &Shape) -> TableType {
    let resources = u32::try_from(shape.resources.len()).expect("resources are few");
    let size = u64::from(built_in_slot(slot::NEW, resources));
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: size,
        maximum: Some(size),
        shared: false,
    }
}
