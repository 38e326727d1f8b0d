//! Tables of one guest and its host: what is lifted and lowered on each path, and what else happens.
//! Knows nothing of calls between guests.

mod acts;
mod reallocs;
mod texts;
mod traps;
mod types;

use std::collections::BTreeSet;

use super::table::Table;
use crate::abi::{Course, Stage};
use crate::case::check::Feature;
use crate::case::{Answer, Call, Case, Function, ImportCall, Resource};
use crate::observation::{CallObservation, Reading};
use crate::types::Type;
use crate::value::Value;

/// The stages at which values are lowered or lifted, and how they are called here.
const PATHS: [(Stage, &str); 4] = [
    (Stage::LowerParams, "export's params, lowered"),
    (Stage::LiftResult, "export's result, lifted"),
    (Stage::LiftParams, "import's params, lifted"),
    (Stage::LowerResult, "import's result, lowered"),
];

/// The tables of one run.
#[derive(Clone)]
pub struct LiftLower {
    types: [Table; 4],
    texts: Table,
    traps: Table,
    reallocs: Table,
    acts: Table,
}

/// Values of one function that were lifted or lowered, all of them.
struct Passage<'a> {
    stage: Stage,
    function: &'a Function,
    resources: &'a [Resource],
    types: &'a [Type],
    values: &'a [Value],
}

impl Passage<'_> {
    /// The position of its path.
    fn path(&self) -> usize {
        let path = PATHS.iter().position(|(stage, _)| *stage == self.stage);
        path.expect("values pass on paths only")
    }
}

impl LiftLower {
    /// Empty tables, for subjects with these features.
    pub fn new(features: &BTreeSet<Feature>) -> LiftLower {
        LiftLower {
            types: PATHS.map(|(stage, name)| types::table(stage, name, features)),
            texts: texts::table(),
            traps: traps::table(),
            reallocs: reallocs::table(),
            acts: acts::table(),
        }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        for passage in passages(case, reading) {
            types::count(&mut self.types[passage.path()], &passage);
            texts::count(&mut self.texts, &passage);
        }
        traps::count(&mut self.traps, reading);
        reallocs::count(&mut self.reallocs, case, reading);
        acts::count(&mut self.acts, reading);
    }

    pub fn tables(&self) -> Vec<&Table> {
        self.types.iter().chain([&self.texts, &self.traps, &self.reallocs, &self.acts]).collect()
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        let others = [&mut self.texts, &mut self.traps, &mut self.reallocs, &mut self.acts];
        self.types.iter_mut().chain(others).collect()
    }
}

/// All values that were lifted or lowered as a whole.
fn passages<'a>(case: &'a Case, reading: &'a Reading) -> Vec<Passage<'a>> {
    let calls = case.calls.iter().zip(&reading.observation.calls).zip(&reading.calls);
    calls
        .flat_map(|((call, observed), went)| call_passages(case, call, observed, &went.course))
        .collect()
}

fn call_passages<'a>(
    case: &'a Case,
    call: &'a Call,
    observed: &'a CallObservation,
    course: &Course,
) -> Vec<Passage<'a>> {
    let mut passages = Vec::new();
    if !observed.was_made() {
        return passages;
    }
    let export = &case.shape.guests[0].export;
    let resources = &case.shape.resources[..];
    if course.stage != Stage::LowerParams {
        let (types, values) = (&export.ty.params[..], &call.args[..]);
        passages.push(Passage {
            stage: Stage::LowerParams,
            function: export,
            resources,
            types,
            values,
        });
    }
    if let Some(function) = &case.shape.guests[0].import {
        let types = &function.ty.params[..];
        let lifted = observed.import_calls();
        passages.extend(lifted.map(|values| Passage {
            stage: Stage::LiftParams,
            function,
            resources,
            types,
            values,
        }));
        let types = function.ty.results();
        let lowered = answers(call, observed, course).into_iter();
        passages.extend(lowered.map(|values| Passage {
            stage: Stage::LowerResult,
            function,
            resources,
            types,
            values,
        }));
    }
    if let Some(returned) = &observed.returned {
        let (types, values) = (export.ty.results(), returned.result.as_slice());
        passages.push(Passage {
            stage: Stage::LiftResult,
            function: export,
            resources,
            types,
            values,
        });
    }
    passages
}

/// What the host answered, as far as it was lowered: the last answer only where the call went on.
fn answers<'a>(call: &'a Call, observed: &CallObservation, course: &Course) -> Vec<&'a [Value]> {
    let ended = matches!(course.stage, Stage::Host | Stage::LowerResult);
    let count = observed.import_calls().count() - usize::from(ended);
    let answer = |step: &'a ImportCall| match &step.answer {
        Answer::Return(value) | Answer::Reenter(value) => Some(value.as_slice()),
        Answer::Guest | Answer::Error => None,
    };
    call.scripts[0].import_calls().take(count).filter_map(answer).collect()
}
