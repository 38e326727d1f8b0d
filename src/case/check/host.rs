//! Whether the host can call, and be called, as a case says.
//! Knows nothing of what guests do.

use crate::types::Type;
use crate::value::Value;

use super::super::misuse::{Mistake, Misuse, nodes};
use super::super::paths::{Api, Mode, Path, Paths};
use super::super::{Answer, Call, Case, Limits, Manner, Shape};
use super::{any_pointer, at_most, lift_needs, refuse_if};

/// Says what is wrong with these paths for `case`, whichever it has.
pub fn check_paths(case: &Case, paths: Paths, limits: &Limits) -> Result<(), String> {
    at_most("polls", paths.polls, limits.polls)?;
    paths.wrong(case.tuning).map_or(Ok(()), |why| Err(why.to_string()))?;
    check_async(case, paths)?;
    let imports = case.shape.guests.last().is_some_and(|last| last.import.is_some());
    refuse_if(!imports && paths.import != Path::PLAIN, "there is no import to define")?;
    let reenters = case.calls.iter().any(reenters);
    refuse_if(reenters && paths.call.mode != Mode::Sync, "only a host that waits can call again")
}

/// Async functions need a subject that runs concurrent calls, and one of the host's has to be defined as
/// such.
fn check_async(case: &Case, paths: Paths) -> Result<(), String> {
    let alone = case.shape.any_async() && !case.tuning.concurrency;
    refuse_if(alone, "async functions need `concurrency`")?;
    let concurrent = paths.import.mode == Mode::Concurrent;
    let awaits = case.shape.awaits_import();
    refuse_if(awaits && !concurrent, "the import is async, so that it has to be `concurrent`")
}

fn reenters(call: &Call) -> bool {
    let mut imports = call.scripts.iter().flat_map(|script| script.import_calls());
    imports.any(|import| import.answer.reenters())
}

/// Says what is wrong with how the call of this number is made.
pub fn check_manner(case: &Case, index: usize) -> Result<(), String> {
    let call = &case.calls[index];
    let plain = call.manner == Manner::Once || !case.shape.is_noisy();
    refuse_if(!plain, "core code that nobody scripted is called once")?;
    let misuse = match call.manner {
        Manner::Once => return Ok(()),
        Manner::Twice => {
            let alone = case.shape.guests.len() == 1 && case.shape.resources.is_empty();
            return refuse_if(!alone, "only one guest without resources is called twice");
        }
        Manner::Misused(misuse) => misuse,
    };
    check_misuse(case, call, misuse)?;
    let last = index + 1 == case.calls.len();
    refuse_if(!last && ends(&case.shape, misuse), "nothing can follow this misuse")
}

/// Whether nobody can say what the guests did before the engine saw the mistake.
pub fn ends(shape: &Shape, misuse: Misuse) -> bool {
    match misuse {
        Misuse::ArgMissing
        | Misuse::ArgExtra
        | Misuse::ResultMissing
        | Misuse::ResultExtra
        | Misuse::Signature(_) => false,
        Misuse::Arg { .. } => {
            let params = &shape.guests[0].export.ty.params;
            let handles = params.iter().any(|ty| !ty.handles().is_empty());
            handles || lift_needs(&shape.guests[0].export.ty).realloc || any_pointer(params)
        }
        Misuse::Answer { .. } => true,
    }
}

fn check_misuse(case: &Case, call: &Call, misuse: Misuse) -> Result<(), String> {
    let export = &case.shape.guests[0].export.ty;
    let dynamic = |path: Path| refuse_if(path.api != Api::Dynamic, "static types have no mistakes");
    match misuse {
        Misuse::ArgMissing => refuse_if(export.params.is_empty(), "there is no argument to miss")?,
        Misuse::ResultMissing => refuse_if(export.result.is_none(), "there is no result to miss")?,
        Misuse::ArgExtra | Misuse::ResultExtra => {}
        Misuse::Arg { node, mistake } => check_node(&export.params, &call.args, node, mistake)?,
        Misuse::Answer { node, mistake } => {
            let last = case.shape.guests.last().and_then(|last| last.import.as_ref());
            let ty = last.ok_or("there is no import to answer")?.ty.results();
            check_node(ty, last_answer(call).as_slice(), node, mistake)?;
            return dynamic(case.paths.import);
        }
        Misuse::Signature(_) => return Ok(()),
    }
    dynamic(case.paths.call)
}

/// What the host's function returns when it is called for the last time.
pub fn last_answer(call: &Call) -> Option<Value> {
    let last = call.scripts.last()?.import_calls().last()?;
    match &last.answer {
        Answer::Return(value) => value.clone(),
        Answer::Guest | Answer::Error | Answer::Reenter(_) => None,
    }
}

fn check_node(types: &[Type], values: &[Value], node: u32, mistake: Mistake) -> Result<(), String> {
    let nodes = nodes(types, values);
    let found = usize::try_from(node).ok().and_then(|node| nodes.get(node));
    let found = found.ok_or_else(|| format!("there is no value {node} to be wrong"))?;
    refuse_if(!mistake.fits(found), format_args!("value {node} cannot be `{}`", mistake.name()))
}
