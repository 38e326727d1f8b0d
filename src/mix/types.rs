//! Which types were passed where: constructor by place, a table for each path.
//! Knows how values lie inside one another.

use std::collections::BTreeSet;

use super::Passage;
use super::table::Table;
use crate::abi::flatten::flatten_within;
use crate::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType, Stage};
use crate::case::check::{Feature, kind, payload_type};
use crate::case::{Resource, is_host};
use crate::types::Type;
use crate::value::Value;

const CONSTRUCTORS: [&str; 27] = [
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
    "borrow, the host's",
    "own, the guest's",
    "borrow, the guest's",
];

/// What is around a value.
#[derive(Clone, Copy)]
struct Place<'a> {
    passing: Passing,
    in_variant: bool,
    resources: &'a [Resource],
}

#[derive(Clone, Copy)]
enum Passing {
    Flat,
    Spilled,
    InList,
}

const COLUMNS: [&str; 6] = [
    "flat",
    "flat, in a variant",
    "spilled",
    "spilled, in a variant",
    "in a list",
    "in a list, in a variant",
];

impl Place<'_> {
    fn column(self) -> usize {
        let column = match self.passing {
            Passing::Flat => 0,
            Passing::Spilled => 2,
            Passing::InList => 4,
        };
        column + usize::from(self.in_variant)
    }
}

/// The empty table for one path.
pub fn table(stage: Stage, title: &'static str, features: &BTreeSet<Feature>) -> Table {
    let rows = CONSTRUCTORS.map(str::to_string).to_vec();
    let columns = COLUMNS.map(str::to_string).to_vec();
    let lacks = |row: usize| match CONSTRUCTORS[row] {
        "map" => !features.contains(&Feature::Map),
        "fixed-length list" => !features.contains(&Feature::FixedLengthList),
        _ => false,
    };
    Table::new(title, rows, columns, |row, column| {
        if lacks(row) { Some("this release lacks it") } else { impossible(stage, row, column) }
    })
}

fn impossible(stage: Stage, row: usize, column: usize) -> Option<&'static str> {
    let one_flat = matches!(stage, Stage::LiftResult | Stage::LowerResult);
    let name = CONSTRUCTORS[row];
    let guests = name.ends_with("the guest's");
    let two = ["string", "list", "option", "map"].contains(&CONSTRUCTORS[row]);
    match column {
        _ if one_flat && name.starts_with("borrow") => Some("a result cannot be borrowed"),
        _ if guests && matches!(stage, Stage::LiftParams | Stage::LowerResult) => {
            Some("an import cannot mention what the component defines")
        }
        0 | 2 if guests && stage == Stage::LowerParams => {
            Some("the host has none before the first call, which it cannot make then")
        }
        0 if one_flat && two => Some("it has two flat values, and a flat result has one"),
        1 if one_flat => Some("beside its discriminant a variant has no room in a flat result"),
        _ => None,
    }
}

/// Counts the types of these values.
pub fn count(table: &mut Table, passage: &Passage) {
    let max_flat = match passage.stage {
        Stage::LowerParams | Stage::LiftParams => MAX_FLAT_PARAMS,
        Stage::LiftResult | Stage::LowerResult => MAX_FLAT_RESULTS,
        Stage::Callee | Stage::Host | Stage::PostReturn | Stage::Destructor => {
            unreachable!("no values pass there")
        }
    };
    let flat = flatten_within(passage.types, PtrType::I32, max_flat).is_some();
    let passing = if flat { Passing::Flat } else { Passing::Spilled };
    for (value, ty) in passage.values.iter().zip(passage.types) {
        walk(table, value, ty, Place { passing, in_variant: false, resources: passage.resources });
    }
}

fn walk(table: &mut Table, value: &Value, ty: &Type, place: Place) {
    let name = name(ty, place.resources);
    let row = CONSTRUCTORS.iter().position(|known| *known == name);
    table.count(row.expect("every type has a row"), place.column());
    let in_list = Place { passing: Passing::InList, in_variant: false, ..place };
    match (value, ty) {
        (Value::List(values), Type::List(elem)) => {
            values.iter().for_each(|value| walk(table, value, elem, in_list));
        }
        (Value::List(values), Type::FixedLengthList(elem, _)) => {
            values.iter().for_each(|value| walk(table, value, elem, place));
        }
        (Value::List(entries), Type::Map(key, value)) => {
            let types = [&**key, &**value];
            entries.iter().for_each(|entry| walk_record(table, entry, types, in_list));
        }
        (Value::Record(_), Type::Record(fields)) => {
            walk_record(table, value, fields.iter().map(|field| &field.ty), place);
        }
        (Value::Record(_), Type::Tuple(types)) => walk_record(table, value, types, place),
        (Value::Variant(index, Some(payload)), ty) => {
            let payload_type = payload_type(ty, *index).flatten().expect("the case has a payload");
            walk(table, payload, payload_type, Place { in_variant: true, ..place });
        }
        _ => {}
    }
}

/// How a type is called here.
fn name(ty: &Type, resources: &[Resource]) -> String {
    if let Type::Handle(handle) = ty {
        let hosts = handle.resource().is_some_and(|resource| is_host(resources, resource));
        return format!("{}, the {}'s", kind(ty), if hosts { "host" } else { "guest" });
    }
    kind(ty).to_string()
}

fn walk_record<'a>(
    table: &mut Table,
    value: &Value,
    types: impl IntoIterator<Item = &'a Type>,
    place: Place,
) {
    let Value::Record(values) = value else { unreachable!("a record's value is a record") };
    values.iter().zip(types).for_each(|(value, ty)| walk(table, value, ty, place));
}
