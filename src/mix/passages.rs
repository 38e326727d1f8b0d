//! What passes between one guest and its host, call by call.
//! Knows which calls the host made, and nothing of how they are counted.

use crate::abi::flatten::flatten_within;
use crate::abi::{Course, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType, Stage};
use crate::case::{Answer, Call, Case, Function, Manner, Resource, Shape};
use crate::observation::{CallObservation, CallReading, Reading};
use crate::types::Type;
use crate::value::Value;

/// The stages at which values are lowered or lifted, and how they are called here.
pub const PATHS: [(Stage, &str); 4] = [
    (Stage::LowerParams, "export's params, lowered"),
    (Stage::LiftResult, "export's result, lifted"),
    (Stage::LiftParams, "import's params, lifted"),
    (Stage::LowerResult, "import's result, lowered"),
];

/// Values of one function that were lifted or lowered, all of them.
pub struct Passage<'a> {
    pub stage: Stage,
    pub function: &'a Function,
    pub resources: &'a [Resource],
    pub types: &'a [Type],
    pub values: &'a [Value],
}

impl Passage<'_> {
    /// The position of its path.
    pub fn path(&self) -> usize {
        let path = PATHS.iter().position(|(stage, _)| *stage == self.stage);
        path.expect("values pass on paths only")
    }

    /// Whether the values are passed as core values, and not in memory.
    pub fn is_flat(&self) -> bool {
        let max_flat = match self.stage {
            Stage::LowerParams | Stage::LiftParams => MAX_FLAT_PARAMS,
            Stage::LiftResult | Stage::LowerResult => MAX_FLAT_RESULTS,
            Stage::Callee | Stage::Host | Stage::PostReturn | Stage::Destructor => {
                unreachable!("no values pass there")
            }
        };
        flatten_within(self.types, PtrType::I32, max_flat).is_some()
    }
}

/// A call without misuse, and how it went.
pub struct ProperCall<'a> {
    pub call: &'a Call,
    pub observed: &'a CallObservation,
    pub went: &'a CallReading,
}

/// All of them: of a misused one nobody can say how far it went.
pub fn proper_calls<'a>(
    case: &'a Case,
    reading: &'a Reading,
) -> impl Iterator<Item = ProperCall<'a>> {
    let calls = case.calls.iter().zip(&reading.observation.calls).zip(&reading.calls);
    let calls = calls.map(|((call, observed), went)| ProperCall { call, observed, went });
    calls.filter(|proper| match proper.call.manner {
        Manner::Once | Manner::Twice => true,
        Manner::Misused(_) => false,
    })
}

/// The call in which the run ended before its time, if there is one and it is proper.
pub fn ended<'a>(case: &'a Case, reading: &'a Reading) -> Option<ProperCall<'a>> {
    proper_calls(case, reading).find(|call| call.observed.returned.is_none())
}

/// All values that one call lifted or lowered as a whole.
pub fn passages<'a>(case: &'a Case, call: &ProperCall<'a>) -> Vec<Passage<'a>> {
    let ProperCall { call, observed, went } = *call;
    if !observed.was_made() {
        return Vec::new();
    }
    let Shape { guests, resources } = &case.shape;
    let of = |stage, function, types, values| Passage { stage, function, resources, types, values };
    let mut passages = Vec::new();
    let export = &guests[0].export;
    if went.course.stage != Stage::LowerParams {
        passages.push(of(Stage::LowerParams, export, &export.ty.params[..], &call.args[..]));
    }
    if let Some(import) = &guests[0].import {
        let (params, results) = guests[0].types_of_import();
        let lifted = observed.import_calls();
        passages.extend(lifted.map(|values| of(Stage::LiftParams, import, params, values)));
        let lowered = answers(call, observed, &went.course).into_iter();
        passages.extend(lowered.map(|values| of(Stage::LowerResult, import, results, values)));
    }
    if let Some(returned) = &observed.returned {
        let values = returned.result.as_slice();
        passages.push(of(Stage::LiftResult, export, export.ty.results(), values));
    }
    passages
}

/// What the host answered, as far as it was lowered: the last answer only where the call went on.
fn answers<'a>(call: &'a Call, observed: &CallObservation, course: &Course) -> Vec<&'a [Value]> {
    let ended = matches!(course.stage, Stage::Host | Stage::LowerResult);
    let count = observed.import_calls().count() - usize::from(ended);
    let answers = call.scripts[0].import_calls().take(count).map(|call| &call.answer);
    answers.filter(|answer| answer.returns()).map(Answer::values).collect()
}
