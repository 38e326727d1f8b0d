//! Tables of calls from guest to guest.
//! Knows nothing of what the host passes.

mod passing;
mod reallocs;
mod runs;
mod strings;
mod traps;
mod widths;

pub use strings::no_such_block;

use std::collections::BTreeSet;

use super::rows;
use super::table::Table;
use crate::abi::{Block, Crossing, Stage, StringEncoding};
use crate::case::check::Feature;
use crate::case::{Case, Function, Shape};
use crate::observation::Reading;
use crate::types::Type;
use crate::value::Value;

/// The stages at which a guest receives something from another one, and how they are called here.
const STAGES: [(Stage, &str); 2] = [(Stage::LowerParams, "params"), (Stage::LowerResult, "result")];
const PARAMS: usize = 0;

/// The tables of one run.
#[derive(Clone)]
pub struct Adapter {
    passing: Table,
    widths: Table,
    /// Those for params and those for results.
    strings: [Table; 2],
    reallocs: Table,
    traps: Table,
    runs: Table,
}

/// Values that one guest passed to another, all of them.
struct Passage<'a> {
    shape: &'a Shape,
    /// The position of its stage.
    stage: usize,
    /// The guest that is called.
    callee: usize,
    types: &'a [Type],
    values: &'a [Value],
}

/// A call of `realloc` for what another guest passes.
struct Step {
    /// The position of its stage.
    stage: usize,
    block: Block,
    /// That of the guest whose `realloc` it is.
    encoding: StringEncoding,
    /// The position of what `realloc` did.
    behavior: usize,
}

impl Adapter {
    /// Empty tables, for subjects with these features.
    pub fn new(features: &BTreeSet<Feature>) -> Adapter {
        Adapter {
            passing: passing::table(features),
            widths: widths::table(features),
            strings: ["strings between guests, params", "strings between guests, result"]
                .map(strings::table),
            reallocs: reallocs::table(),
            traps: traps::table(),
            runs: runs::table(),
        }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        for passage in passages(case, reading) {
            passing::count(&mut self.passing, &passage);
            widths::count(&mut self.widths, &passage);
        }
        for step in steps(case, reading) {
            strings::count(&mut self.strings[step.stage], &step);
            reallocs::count(&mut self.reallocs, &step);
        }
        traps::count(&mut self.traps, reading);
        runs::count(&mut self.runs, case, reading);
    }

    pub fn tables(&self) -> Vec<&Table> {
        let Adapter { passing, widths, strings: [params, result], reallocs, traps, runs } = self;
        vec![passing, widths, params, result, reallocs, traps, runs]
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        let Adapter { passing, widths, strings: [params, result], reallocs, traps, runs } = self;
        vec![passing, widths, params, result, reallocs, traps, runs]
    }
}

fn stage_position(stage: Stage) -> usize {
    let position = STAGES.iter().position(|(known, _)| *known == stage);
    position.expect("a guest receives something only where it is lowered")
}

/// All that guests passed to guests, as far as it arrived.
fn passages<'a>(case: &'a Case, reading: &'a Reading) -> Vec<Passage<'a>> {
    let guests = reading.calls.iter().flat_map(|call| call.received.iter().enumerate());
    let crossings = guests.flat_map(|(guest, received)| {
        received.crossings.iter().map(move |crossing| passage(&case.shape, guest, crossing))
    });
    crossings.collect()
}

fn passage<'a>(shape: &'a Shape, guest: usize, crossing: &'a Crossing) -> Passage<'a> {
    let stage = stage_position(crossing.stage);
    let ty = &function(shape, guest, stage).ty;
    let (types, callee) = match stage {
        PARAMS => (&ty.params[..], guest),
        _ => (ty.results(), guest + 1),
    };
    Passage { shape, stage, callee, types, values: &crossing.values }
}

/// The function with whose options this guest receives something.
fn function(shape: &Shape, guest: usize, stage: usize) -> &Function {
    let guest = &shape.guests[guest];
    match stage {
        PARAMS => &guest.export,
        _ => guest.import.as_ref().expect("only an import has results to receive"),
    }
}

/// All calls of `realloc` for what guests passed to guests.
fn steps(case: &Case, reading: &Reading) -> Vec<Step> {
    let mut steps = Vec::new();
    for (call, went) in case.calls.iter().zip(&reading.calls) {
        for (guest, (script, received)) in call.scripts.iter().zip(&went.received).enumerate() {
            let reallocs = rows::reallocs(script, received);
            let between_guests = reallocs.filter(|(step, _)| step.peer.is_some());
            steps.extend(between_guests.map(|(step, behavior)| {
                let stage = stage_position(step.stage);
                let encoding = function(&case.shape, guest, stage).opts.string_encoding;
                Step { stage, block: step.block, encoding, behavior }
            }));
        }
    }
    steps
}
