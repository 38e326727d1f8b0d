//! Which types were passed between guests, flat or spilled, and whose the resources were.
//! Knows what the two ends of a call can pass.

use std::collections::BTreeSet;

use super::{PARAMS, Passage, STAGES};
use crate::abi::flatten::flatten_within;
use crate::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};
use crate::case::check::Feature;
use crate::mix::parts::parts;
use crate::mix::rows::lacks;
use crate::mix::table::Table;
use crate::types::Type;
use crate::value::Value;

const CONSTRUCTORS: [&str; 31] = [
    "bool",
    "s8",
    "u8",
    "s16",
    "u16",
    "s32",
    "u32",
    "s64",
    "u64",
    "f32",
    "f64",
    "char",
    "string",
    "list",
    "fixed-length list",
    "record",
    "tuple",
    "variant",
    "enum",
    "option",
    "result",
    "flags",
    "map",
    "own, the host's",
    "own, the caller's",
    "own, the callee's",
    "own, a later guest's",
    "borrow, the host's",
    "borrow, the caller's",
    "borrow, the callee's",
    "borrow, a later guest's",
];

const COLUMNS: [&str; 2] = ["flat", "spilled"];

pub fn table(features: &BTreeSet<Feature>) -> Table {
    let rows = CONSTRUCTORS.map(str::to_string).to_vec();
    let columns = STAGES.iter().flat_map(|(_, stage)| COLUMNS.map(|how| format!("{stage}, {how}")));
    Table::new("passed between guests", rows, columns.collect(), |row, column| {
        let name = CONSTRUCTORS[row];
        match lacks(name, features) {
            true => Some("this release lacks it"),
            false => impossible(name, column / COLUMNS.len(), column % COLUMNS.len() == 0),
        }
    })
}

fn impossible(name: &str, stage: usize, flat: bool) -> Option<&'static str> {
    let result = stage != PARAMS;
    let two = ["string", "list", "option", "map"].contains(&name);
    if name.ends_with("the caller's") {
        return Some("the callee does not know what its caller defines");
    }
    if result && name.starts_with("borrow") {
        return Some("a result cannot be borrowed");
    }
    (result && flat && two).then_some("it has two flat values, and a flat result has one")
}

/// Counts the types of these values, by how all of them together are passed.
pub fn count(table: &mut Table, passage: &Passage) {
    let column = passage.stage * COLUMNS.len() + usize::from(!is_flat(passage));
    walk(passage, &mut |ty| {
        let name = name(passage, ty);
        let row = CONSTRUCTORS.iter().position(|known| *known == name);
        table.count(row.expect("every type has a row"), column);
    });
}

pub fn is_flat(passage: &Passage) -> bool {
    let max_flat = if passage.stage == PARAMS { MAX_FLAT_PARAMS } else { MAX_FLAT_RESULTS };
    flatten_within(passage.types, PtrType::I32, max_flat).is_some()
}

/// Visits the type of each value that was passed.
pub fn walk(passage: &Passage, visit: &mut impl FnMut(&Type)) {
    let values = passage.values.iter().zip(passage.types);
    values.for_each(|(value, ty)| walk_value(value, ty, visit));
}

fn walk_value(value: &Value, ty: &Type, visit: &mut impl FnMut(&Type)) {
    visit(ty);
    let parts = parts(value, ty).into_iter();
    parts.for_each(|(value, ty, _)| walk_value(value, ty, visit));
}

/// How a type is called here.
fn name(passage: &Passage, ty: &Type) -> String {
    let Type::Handle(handle) = ty else { return ty.kind().to_string() };
    let definer = handle.resource().and_then(|resource| passage.shape.definer(resource));
    let whose = match definer {
        None => "the host's",
        Some(definer) if definer < passage.callee => "the caller's",
        Some(definer) if definer == passage.callee => "the callee's",
        Some(_) => "a later guest's",
    };
    format!("{}, {whose}", ty.kind())
}
