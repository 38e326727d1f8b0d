//! The wire: a core module that puts the lowered import into the puppet's table.
//! It exists because lowering needs the memory and `realloc` of an instance that exists already.

use wasm_encoder::{
    ConstExpr, ElementSection, Elements, EntityType, ImportSection, Module, RefType, TableType,
    TypeSection,
};

use super::core_names::TABLE;
use super::{IMPORT, puppet};
use crate::abi::CoreFuncType;

/// The module name of the wire's imports.
pub const WIRE_IMPORTS: &str = "wire";

/// The wire for a lowered function of this type.
pub fn wire(lowered: &CoreFuncType) -> Module {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    puppet::function_type(&mut types, lowered);
    module.section(&types);
    let mut imports = ImportSection::new();
    imports.import(WIRE_IMPORTS, IMPORT, EntityType::Function(0));
    imports.import(WIRE_IMPORTS, TABLE, EntityType::Table(table()));
    module.section(&imports);
    let mut elements = ElementSection::new();
    elements.active(Some(0), &ConstExpr::i32_const(0), Elements::Functions([0].as_slice().into()));
    module.section(&elements);
    module
}

/// The table that the wire fills.
pub fn table() -> TableType {
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: Some(1),
        shared: false,
    }
}
