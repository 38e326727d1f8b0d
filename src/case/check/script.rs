//! Whether what happens in a call is valid, and what it comes to.

use crate::abi::CoreType;
use crate::abi::PtrType;
use crate::abi::flatten::{Context, flatten_functype};
use crate::types::Type;
use crate::value::Value;

use super::super::{Answer, BuiltIn, Call, Case, Chunk, Destructor, Finish, Function, ImportCall};
use super::super::{Limits, Passed, Patch, PostReturn, Realloc, Resource, Shape, Step};
use super::values::check_value;
use super::{at_most, refuse_if};

/// The size of a page of memory.
const PAGE: u64 = 65_536;

/// What a guest hands over on one side: of which types, in which core values, in how much memory.
struct Side<'a> {
    types: &'a [Type],
    core: Vec<CoreType>,
    memory: u64,
}

/// The error starts with the place within the call.
pub fn check_call(shape: &Shape, call: &Call, limits: &Limits) -> Result<(), String> {
    check_values("arg", &call.args, &shape.guests[0].export.ty.params)
        .map_err(|why| format!(": {why}"))?;
    check_scripts(shape, call, limits).map_err(|why| format!(": {why}"))?;
    for (index, step) in call.scripts[0].steps.iter().enumerate() {
        check_step(shape, step).map_err(|why| format!(", step {index}: {why}"))?;
    }
    match &call.scripts[0].finish {
        Finish::Return(passed) => {
            check_passed(passed, &results(shape)).map_err(|why| format!(", return: {why}"))
        }
        Finish::Trap => Ok(()),
    }
}

/// Whether the shape has what the scripts speak of.
fn check_scripts(shape: &Shape, call: &Call, limits: &Limits) -> Result<(), String> {
    at_most("calls of realloc", call.scripts[0].realloc.len(), limits.reallocs)?;
    at_most("steps", call.scripts[0].steps.len(), limits.steps)?;
    at_most("handles to drop", call.host_drops.len(), limits.host_drops)?;
    let realloc = functions(shape).any(|function| function.opts.realloc);
    refuse_if(!realloc && !call.scripts[0].realloc.is_empty(), "no function has realloc")?;
    let silent = call.scripts[0].post_return == PostReturn::Nothing;
    refuse_if(
        !shape.guests[0].export.opts.post_return && !silent,
        "the export has no post-return",
    )?;
    let calls_import = call.scripts[0].import_calls().next().is_some()
        || call.scripts[0].realloc.contains(&Realloc::Import)
        || call.scripts[0].post_return == PostReturn::Import;
    refuse_if(shape.guests[0].import.is_none() && calls_import, "there is no import to call")?;
    check_resources(shape, call)
}

fn check_resources(shape: &Shape, call: &Call) -> Result<(), String> {
    let guest = shape.resources.iter().any(|resource| *resource != Resource::Host);
    refuse_if(!guest && !call.host_drops.is_empty(), "the guest defines no resource")?;
    let destructor = shape.resources.contains(&Resource::Guest { by: 0, destructor: true });
    let silent = call.scripts[0].destructor == Destructor::Nothing;
    refuse_if(!destructor && !silent, "no resource has a destructor")?;
    hidden_built_ins(call).try_for_each(|built_in| check_built_in(shape, built_in))
}

/// The built-ins that are no steps.
fn hidden_built_ins(call: &Call) -> impl Iterator<Item = BuiltIn> {
    let realloc = call.scripts[0].realloc.iter().filter_map(|action| match action {
        Realloc::BuiltIn(built_in) => Some(*built_in),
        Realloc::Bump
        | Realloc::Forget
        | Realloc::At(_)
        | Realloc::End(_)
        | Realloc::Old
        | Realloc::Skew(_)
        | Realloc::Grow(_)
        | Realloc::Trap
        | Realloc::Import => None,
    });
    let post_return = match call.scripts[0].post_return {
        PostReturn::BuiltIn(built_in) => Some(built_in),
        PostReturn::Nothing | PostReturn::Trap | PostReturn::Import => None,
    };
    let destructor = match call.scripts[0].destructor {
        Destructor::BuiltIn(built_in) => Some(built_in),
        Destructor::Nothing | Destructor::Trap => None,
    };
    realloc.chain(post_return).chain(destructor)
}

/// Validation lets only those who define a resource make its handles and look into them.
fn check_built_in(shape: &Shape, built_in: BuiltIn) -> Result<(), String> {
    let resource = built_in.resource();
    let defined = usize::try_from(resource).is_ok_and(|n| n < shape.resources.len());
    refuse_if(!defined, &format!("there is no resource {resource}"))?;
    match built_in {
        BuiltIn::New { .. } | BuiltIn::Rep { .. } => {
            let why = format!("resource {resource} is not the guest's");
            refuse_if(shape.is_host(resource), &why)
        }
        BuiltIn::Drop { .. } => Ok(()),
    }
}

fn functions(shape: &Shape) -> impl Iterator<Item = &Function> {
    [&shape.guests[0].export].into_iter().chain(&shape.guests[0].import)
}

fn check_step(shape: &Shape, step: &Step) -> Result<(), String> {
    match step {
        Step::Import(call) => check_import(shape, call),
        Step::BuiltIn(built_in) => check_built_in(shape, *built_in),
    }
}

fn check_import(shape: &Shape, call: &ImportCall) -> Result<(), String> {
    let Some(import) = &shape.guests[0].import else {
        return Ok(());
    };
    check_passed(&call.passed, &params(shape, import))?;
    match &call.answer {
        Answer::Return(value) | Answer::Reenter(value) => {
            check_values("answer", value.as_slice(), import.ty.results())
        }
        Answer::Guest | Answer::Error => Ok(()),
    }
}

fn results(shape: &Shape) -> Side<'_> {
    let core = flatten_functype(&shape.guests[0].export.ty, PtrType::I32, Context::Lift).results;
    Side {
        types: shape.guests[0].export.ty.results(),
        core,
        memory: memory(shape, &shape.guests[0].export),
    }
}

fn params<'a>(shape: &Shape, import: &'a Function) -> Side<'a> {
    let core = flatten_functype(&import.ty, PtrType::I32, Context::Lower).params;
    Side { types: &import.ty.params, core, memory: memory(shape, import) }
}

fn memory(shape: &Shape, function: &Function) -> u64 {
    if function.opts.memory { u64::from(shape.guests[0].pages.initial) * PAGE } else { 0 }
}

fn check_values(name: &str, values: &[Value], types: &[Type]) -> Result<(), String> {
    let (found, expected) = (values.len(), types.len());
    refuse_if(found != expected, &format!("{found} of {expected} {name}s are given"))?;
    for (index, (value, ty)) in values.iter().zip(types).enumerate() {
        check_value(&format!("{name} {index}"), value, ty)?;
    }
    Ok(())
}

fn check_passed(passed: &Passed, side: &Side) -> Result<(), String> {
    match passed {
        Passed::Lowered { values, patches } => {
            check_values("value", values, side.types)?;
            patches.iter().try_for_each(|patch| check_patch(patch, side))
        }
        Passed::Raw { flat, memory } => {
            check_flat(flat, &side.core)?;
            memory.iter().try_for_each(|chunk| check_chunk(chunk, side.memory))
        }
    }
}

fn check_flat(flat: &[u64], core: &[CoreType]) -> Result<(), String> {
    let (found, expected) = (flat.len(), core.len());
    refuse_if(found != expected, &format!("{found} of {expected} core values are given"))?;
    flat.iter().zip(core).try_for_each(|(bits, ty)| check_word(*bits, *ty))
}

fn check_patch(patch: &Patch, side: &Side) -> Result<(), String> {
    match patch {
        Patch::Flat { index, bits } => {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            let ty = side.core.get(index).ok_or_else(|| format!("there is no flat {index}"))?;
            check_word(*bits, *ty)
        }
        Patch::Memory(chunk) => check_chunk(chunk, side.memory),
    }
}

fn check_word(bits: u64, ty: CoreType) -> Result<(), String> {
    let narrow = matches!(ty, CoreType::I32 | CoreType::F32);
    refuse_if(narrow && bits > u64::from(u32::MAX), &format!("{bits:#x} exceeds 32 bits"))
}

fn check_chunk(chunk: &Chunk, memory: u64) -> Result<(), String> {
    let at = chunk.at;
    refuse_if(memory == 0, &format!("memory {at:#x}: the function has no memory"))?;
    refuse_if(chunk.bytes.is_empty(), &format!("memory {at:#x}: there are no bytes"))?;
    let end = u64::try_from(chunk.bytes.len()).map_or(u64::MAX, |len| u64::from(at) + len);
    refuse_if(end > memory, &format!("memory {at:#x}: the bytes exceed the initial memory"))
}

/// What a case comes to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    pub nodes: usize,
    pub bytes: usize,
}

pub fn total(case: &Case) -> Total {
    let mut total = Total::default();
    for call in &case.calls {
        call.args.iter().for_each(|value| total.add_value(value));
        for import in call.scripts[0].import_calls() {
            total.add_passed(&import.passed);
            match &import.answer {
                Answer::Return(value) | Answer::Reenter(value) => {
                    value.iter().for_each(|value| total.add_value(value));
                }
                Answer::Guest | Answer::Error => {}
            }
        }
        match &call.scripts[0].finish {
            Finish::Return(passed) => total.add_passed(passed),
            Finish::Trap => {}
        }
    }
    total
}

impl Total {
    fn add_value(&mut self, value: &Value) {
        self.nodes += 1;
        if let Value::String(text) = value {
            self.bytes += text.text.len();
        }
        value.parts().iter().for_each(|value| self.add_value(value));
    }

    fn add_passed(&mut self, passed: &Passed) {
        match passed {
            Passed::Lowered { values, patches } => {
                values.iter().for_each(|value| self.add_value(value));
                patches.iter().for_each(|patch| self.add_patch(patch));
            }
            Passed::Raw { memory, .. } => memory.iter().for_each(|chunk| self.add_chunk(chunk)),
        }
    }

    fn add_patch(&mut self, patch: &Patch) {
        match patch {
            Patch::Flat { .. } => self.nodes += 1,
            Patch::Memory(chunk) => self.add_chunk(chunk),
        }
    }

    fn add_chunk(&mut self, chunk: &Chunk) {
        self.nodes += 1;
        self.bytes += chunk.bytes.len();
    }
}
