//! Which types were passed where: constructor by place, a table for each path.
//! Knows what each path can pass.

use std::collections::BTreeSet;

use super::Passage;
use crate::abi::Stage;
use crate::case::check::Feature;
use crate::case::{Resource, is_host};
use crate::mix::parts::{Inside, parts};
use crate::mix::rows::lacks;
use crate::mix::table::Table;
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
struct Surroundings<'a> {
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

impl Surroundings<'_> {
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
    Table::new(title, rows, columns, |row, column| {
        if lacks(CONSTRUCTORS[row], features) {
            Some("this release lacks it")
        } else {
            impossible(stage, row, column)
        }
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
    let passing = if passage.is_flat() { Passing::Flat } else { Passing::Spilled };
    for (value, ty) in passage.values.iter().zip(passage.types) {
        walk(
            table,
            value,
            ty,
            Surroundings { passing, in_variant: false, resources: passage.resources },
        );
    }
}

fn walk(table: &mut Table, value: &Value, ty: &Type, around: Surroundings) {
    let name = name(ty, around.resources);
    let row = CONSTRUCTORS.iter().position(|known| *known == name);
    table.count(row.expect("every type has a row"), around.column());
    for (value, ty, inside) in parts(value, ty) {
        let around = match inside {
            Inside::List => Surroundings { passing: Passing::InList, in_variant: false, ..around },
            Inside::Record => around,
            Inside::Variant => Surroundings { in_variant: true, ..around },
        };
        walk(table, value, ty, around);
    }
}

/// How a type is called here.
fn name(ty: &Type, resources: &[Resource]) -> String {
    if let Type::Handle(handle) = ty {
        let hosts = handle.resource().is_some_and(|resource| is_host(resources, resource));
        return format!("{}, the {}'s", ty.kind(), if hosts { "host" } else { "guest" });
    }
    ty.kind().to_string()
}
