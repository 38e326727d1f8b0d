//! What `realloc` does for what another guest passes, by what the block is for.
//! Knows that a result that spills has its place already.

use super::{PARAMS, STAGES, Step};
use crate::abi::Block;
use crate::mix::rows::BEHAVIORS;
use crate::mix::table::Table;

const BLOCKS: [&str; 3] = ["list", "tuple", "string"];
const TUPLE: usize = 1;

pub fn table() -> Table {
    let rows = BEHAVIORS.map(str::to_string).to_vec();
    let columns = STAGES.iter().flat_map(|(_, stage)| BLOCKS.map(|of| format!("{stage}, {of}")));
    Table::new("realloc between guests", rows, columns.collect(), |_, column| {
        let result = column / BLOCKS.len() != PARAMS;
        (result && column % BLOCKS.len() == TUPLE)
            .then_some("the caller says where a result that spills goes")
    })
}

/// Counts the call.
pub fn count(table: &mut Table, step: &Step) {
    let block = match step.block {
        Block::List => 0,
        Block::Tuple => TUPLE,
        Block::String { .. } => 2,
    };
    table.count(step.behavior, step.stage * BLOCKS.len() + block);
}
