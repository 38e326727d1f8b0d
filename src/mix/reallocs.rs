//! What `realloc` was scripted to do, and for which of the calls that lowering makes.
//! Knows how a script is counted off.

use super::table::Table;
use crate::abi::{ReallocStep, Stage};
use crate::case::{Case, Realloc};
use crate::observation::Reading;

const BEHAVIORS: [&str; 8] = ["bump", "forget", "at", "old", "skew", "grow", "trap", "import"];

/// Why it is called: for a new block, or for a string that turns out longer or shorter.
const STEPS: [&str; 3] = ["new", "grown", "shrunk"];

const STAGES: [(Stage, &str); 2] = [(Stage::LowerParams, "params"), (Stage::LowerResult, "result")];

pub fn table() -> Table {
    let rows = BEHAVIORS.map(str::to_string).to_vec();
    let columns =
        STAGES.iter().flat_map(|(_, stage)| STEPS.map(|step| format!("{stage}, {step}"))).collect();
    Table::new("realloc", rows, columns, |_, _| None)
}

/// Counts each call of `realloc`.
pub fn count(table: &mut Table, case: &Case, reading: &Reading) {
    for (call, course) in case.calls.iter().zip(&reading.courses) {
        for (index, step) in course.reallocs.iter().enumerate() {
            let action = call.scripts[0].realloc.get(index).copied().unwrap_or(Realloc::Bump);
            if let Some(stage) = STAGES.iter().position(|(stage, _)| *stage == step.stage) {
                table.count(behavior(action), stage * STEPS.len() + kind(step));
            }
        }
    }
}

fn behavior(action: Realloc) -> usize {
    match action {
        Realloc::Bump => 0,
        Realloc::Forget => 1,
        Realloc::At(_) | Realloc::End(_) => 2,
        Realloc::Old => 3,
        Realloc::Skew(_) => 4,
        Realloc::Grow(_) => 5,
        Realloc::Trap => 6,
        Realloc::Import | Realloc::BuiltIn(_) => 7,
    }
}

fn kind(step: &ReallocStep) -> usize {
    match step {
        ReallocStep { old_size: 0, .. } => 0,
        ReallocStep { old_size, new_size, .. } if new_size > old_size => 1,
        ReallocStep { .. } => 2,
    }
}
