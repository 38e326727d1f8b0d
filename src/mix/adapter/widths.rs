//! What is passed between memories of 32 and of 64 bits, as far as pointers are concerned.
//! Knows what has pointers.

use std::collections::BTreeSet;

use super::passing::{is_flat, walk};
use super::{PARAMS, Passage, STAGES};
use crate::abi::PtrType;
use crate::case::check::Feature;
use crate::mix::table::Table;
use crate::types::{Type, scalar};

/// From and to.
const WIDTHS: [(PtrType, PtrType, &str); 4] = [
    (PtrType::I32, PtrType::I32, "32 to 32 bits"),
    (PtrType::I32, PtrType::I64, "32 to 64 bits"),
    (PtrType::I64, PtrType::I32, "64 to 32 bits"),
    (PtrType::I64, PtrType::I64, "64 to 64 bits"),
];

const COLUMNS: [&str; 4] = ["flat", "spilled", "string", "list"];
const STRING: usize = 2;
const LIST: usize = 3;

pub fn table(features: &BTreeSet<Feature>) -> Table {
    let rows = WIDTHS.map(|(_, _, name)| name.to_string()).to_vec();
    let columns = STAGES.iter().flat_map(|(_, stage)| COLUMNS.map(|of| format!("{stage}, {of}")));
    Table::new("pointers between guests", rows, columns.collect(), |row, _| {
        let (from, to, _) = WIDTHS[row];
        let wide = [from, to].contains(&PtrType::I64);
        (wide && !features.contains(&Feature::Memory64)).then_some("this release lacks it")
    })
}

/// Counts how values were passed, and each string and list in them.
pub fn count(table: &mut Table, passage: &Passage) {
    let callee = passage.shape.guests[passage.callee].ptr_type;
    let caller = passage.shape.guests[passage.callee - 1].ptr_type;
    let (from, to) = if passage.stage == PARAMS { (caller, callee) } else { (callee, caller) };
    let row = WIDTHS.iter().position(|(a, b, _)| (*a, *b) == (from, to));
    let row = row.expect("every pair of widths has a row");
    let first = passage.stage * COLUMNS.len();
    if !passage.types.is_empty() {
        table.count(row, first + usize::from(!is_flat(passage)));
    }
    walk(passage, &mut |ty| match ty {
        Type::String => table.count(row, first + STRING),
        Type::List(_) | Type::Map(..) => table.count(row, first + LIST),
        scalar!()
        | Type::FixedLengthList(..)
        | Type::Record(_)
        | Type::Tuple(_)
        | Type::Variant(_)
        | Type::Enum(_)
        | Type::Option(_)
        | Type::Result(..)
        | Type::Flags(_)
        | Type::Handle(_) => {}
    });
}
