//! What `realloc` was scripted to do, and for which of the calls that lowering makes.
//! Knows how a block is asked for, and not how a script is counted off.

use crate::abi::{Block, Change, ReallocStep, Stage};
use crate::mix::passages::ProperCall;
use crate::mix::rows::{BEHAVIORS, reallocs};
use crate::mix::table::Table;

/// Why it is called: for a new block, or for a string that turns out longer or shorter.
const STEPS: [&str; 3] = ["new", "grown", "shrunk"];

const STAGES: [(Stage, &str); 2] = [(Stage::LowerParams, "params"), (Stage::LowerResult, "result")];

pub fn table() -> Table {
    let rows = BEHAVIORS.map(str::to_string).to_vec();
    let columns =
        STAGES.iter().flat_map(|(_, stage)| STEPS.map(|step| format!("{stage}, {step}"))).collect();
    Table::new("realloc", rows, columns, |_, _| None)
}

/// Counts each call of `realloc` for what the host passes.
pub fn count(table: &mut Table, call: &ProperCall) {
    let guests = call.call.scripts.iter().zip(&call.went.received);
    let steps = guests.flat_map(|(script, received)| reallocs(script, received));
    for (step, behavior) in steps.filter(|(step, _)| step.peer.is_none()) {
        if let Some(stage) = STAGES.iter().position(|(stage, _)| *stage == step.stage) {
            table.count(behavior, stage * STEPS.len() + kind(step));
        }
    }
}

fn kind(step: &ReallocStep) -> usize {
    match step.block {
        Block::List | Block::Tuple | Block::String { change: Change::New, .. } => 0,
        Block::String { change: Change::Grown, .. } => 1,
        Block::String { change: Change::Shrunk, .. } => 2,
    }
}
