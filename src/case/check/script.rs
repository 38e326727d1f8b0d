//! Whether what happens in a call is valid, and what it comes to.

use crate::abi::CoreType;
use crate::abi::built_in::Immediate;
use crate::abi::fits::Misfit;
use crate::abi::flatten::{Context, flatten_functype};
use crate::types::Type;
use crate::value::Value;

use super::super::{Act, Answer, BuiltInCall, Call, Case, Chunk, End, Entry, Function, Guest};
use super::super::{ImportCall, Limits, Passed, Patch, Resource, Script, Shape, Turn};
use super::values::check_value;
use super::{at_most, refuse_if};

/// The size of a page of memory.
const PAGE: u64 = 65_536;

/// A guest among those of a shape.
#[derive(Clone, Copy)]
struct Actor<'a> {
    shape: &'a Shape,
    number: usize,
    guest: &'a Guest,
}

/// What a guest hands over on one side: of which types, in which core values, in how much memory.
struct Handed<'a> {
    types: &'a [Type],
    core: Vec<CoreType>,
    memory: u64,
}

/// The error starts with the place within the call.
pub fn check_call(shape: &Shape, call: &Call, limits: &Limits) -> Result<(), String> {
    check_host(shape, call, limits).map_err(|why| format!(": {why}"))?;
    for (number, (guest, script)) in shape.guests.iter().zip(&call.scripts).enumerate() {
        check_script(Actor { shape, number, guest }, script, limits).map_err(|why| {
            let place = if number == 0 { String::new() } else { format!(", guest {number}") };
            place + &why
        })?;
    }
    Ok(())
}

/// What the host does itself, and whether each guest has something to do.
fn check_host(shape: &Shape, call: &Call, limits: &Limits) -> Result<(), String> {
    check_values("arg", &call.args, &shape.guests[0].export.ty.params)?;
    check_count("script", call.scripts.len(), shape.guests.len())?;
    at_most("handles to drop", call.host_drops.len(), limits.host_drops)?;
    let guest = shape.resources.iter().any(|resource| *resource != Resource::Host);
    refuse_if(!guest && !call.host_drops.is_empty(), "no guest defines a resource")
}

/// The error starts with the place within what the guest does.
fn check_script(actor: Actor, script: &Script, limits: &Limits) -> Result<(), String> {
    check_entries(actor, script, limits).map_err(|why| format!(": {why}"))?;
    for (entry, turn) in script.turns() {
        check_turn(actor, entry, turn, limits)?;
    }
    Ok(())
}

/// Whether the guest is entered where the script says something.
fn check_entries(actor: Actor, script: &Script, limits: &Limits) -> Result<(), String> {
    let guest = actor.guest;
    at_most("calls of realloc", script.realloc.len(), limits.reallocs)?;
    let realloc = guest.functions().any(|(_, function)| function.opts.realloc);
    refuse_if(!realloc && !script.realloc.is_empty(), "no function has realloc")?;
    let post_returns = guest.export.opts.post_return || script.post_return.is_plain();
    refuse_if(!post_returns, "the export has no post-return")?;
    refuse_if(guest.import.is_none() && script.calls_import(), "there is no import to call")?;
    let destructor = actor.shape.resources.iter().any(|resource| match resource {
        Resource::Host => false,
        Resource::Guest { by, destructor } => {
            *destructor && usize::try_from(*by) == Ok(actor.number)
        }
    });
    let destroys = destructor || script.destructor.is_plain();
    refuse_if(!destroys, "no resource of the guest has a destructor")
}

/// The error starts with the place within what the guest does: the function's acts are steps of their own.
fn check_turn(actor: Actor, entry: Entry, turn: &Turn, limits: &Limits) -> Result<(), String> {
    at_most("steps", turn.acts.len(), limits.steps).map_err(|why| format!(": {why}"))?;
    for (index, act) in turn.acts.iter().enumerate() {
        check_act(actor, entry, act).map_err(|why| match entry {
            Entry::Function => format!(", step {index}: {why}"),
            Entry::Realloc | Entry::PostReturn | Entry::Destructor => format!(": {why}"),
        })?;
    }
    check_end(actor, entry, &turn.end)
}

fn check_act(actor: Actor, entry: Entry, act: &Act) -> Result<(), String> {
    let is_function = entry == Entry::Function;
    match act {
        Act::Import(call) => {
            refuse_if(!is_function, format_args!("{} passes nothing on", entry.name()))?;
            check_import(actor, call)
        }
        Act::Leave => refuse_if(is_function, "the function says what it passes to the import"),
        Act::BuiltIn(built_in) => check_built_in(actor, *built_in),
        Act::Grow(_) => {
            refuse_if(!actor.guest.has_memory(), "the guest has no memory that could grow")
        }
    }
}

fn check_end(actor: Actor, entry: Entry, end: &End) -> Result<(), String> {
    match (entry, end) {
        (Entry::Function, End::Return(passed)) => {
            check_passed(passed, &results(actor.guest)).map_err(|why| format!(", return: {why}"))
        }
        (Entry::Realloc, End::Answer(pointer)) => {
            let ty = actor.guest.ptr_type.core_type();
            check_word(pointer.number().unwrap_or(0), ty).map_err(|why| format!(": {why}"))
        }
        (Entry::Realloc | Entry::PostReturn | Entry::Destructor, End::Plain) | (_, End::Trap) => {
            Ok(())
        }
        (_, End::Plain | End::Return(_) | End::Answer(_)) => {
            Err(format!(": {} does not end so", entry.name()))
        }
    }
}

fn check_built_in(actor: Actor, built_in: BuiltInCall) -> Result<(), String> {
    let Actor { shape, number, .. } = actor;
    let BuiltInCall { which, of: resource, .. } = built_in;
    let defined = usize::try_from(resource).is_ok_and(|n| n < shape.resources.len());
    refuse_if(!defined, format_args!("there is no resource {resource}"))?;
    let may_not = !shape.may_call(number, which, resource);
    let Immediate::Resource { defined } = which.row().of else {
        return Err(format!("cases do not call {} yet", which.name()));
    };
    match defined {
        true => refuse_if(may_not, format_args!("resource {resource} is not the guest's")),
        false => refuse_if(may_not, format_args!("the guest does not know resource {resource}")),
    }
}

fn check_import(Actor { shape, number, guest }: Actor, call: &ImportCall) -> Result<(), String> {
    let Some(import) = &guest.import else {
        return Ok(());
    };
    check_passed(&call.passed, &params(guest, import))?;
    let calls_guest = shape.calls_guest(number);
    match &call.answer {
        Answer::Guest => refuse_if(!calls_guest, "there is no next guest to answer"),
        Answer::Return(_) | Answer::Error | Answer::Reenter(_) if calls_guest => {
            Err("the host answers what the next guest has to".to_string())
        }
        Answer::Return(value) | Answer::Reenter(value) => {
            check_values("answer", value.as_slice(), import.ty.results())
        }
        Answer::Error => Ok(()),
    }
}

fn results(guest: &Guest) -> Handed<'_> {
    let export = &guest.export;
    let core = flatten_functype(&export.ty, guest.ptr_type, Context::Lift).results;
    Handed { types: export.ty.results(), core, memory: memory(guest, export) }
}

fn params<'a>(guest: &Guest, import: &'a Function) -> Handed<'a> {
    let core = flatten_functype(&import.ty, guest.ptr_type, Context::Lower).params;
    Handed { types: &import.ty.params, core, memory: memory(guest, import) }
}

fn memory(guest: &Guest, function: &Function) -> u64 {
    if function.opts.memory { u64::from(guest.pages.initial) * PAGE } else { 0 }
}

fn check_values(name: &str, values: &[Value], types: &[Type]) -> Result<(), String> {
    check_count(name, values.len(), types.len())?;
    for (index, (value, ty)) in values.iter().zip(types).enumerate() {
        let misfit = |misfit: Misfit| misfit.about(&format!("{name} {index}"));
        check_value(value, ty).map_err(misfit)?;
    }
    Ok(())
}

fn check_count(name: &str, found: usize, expected: usize) -> Result<(), String> {
    refuse_if(found != expected, format_args!("{found} of {expected} {name}s are given"))
}

fn check_passed(passed: &Passed, side: &Handed) -> Result<(), String> {
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
    check_count("core value", flat.len(), core.len())?;
    flat.iter().zip(core).try_for_each(|(bits, ty)| check_word(*bits, *ty))
}

fn check_patch(patch: &Patch, side: &Handed) -> Result<(), String> {
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
    refuse_if(narrow && bits > u64::from(u32::MAX), format_args!("{bits:#x} exceeds 32 bits"))
}

fn check_chunk(chunk: &Chunk, memory: u64) -> Result<(), String> {
    let at = chunk.at;
    refuse_if(memory == 0, format_args!("memory {at:#x}: the function has no memory"))?;
    refuse_if(chunk.bytes.is_empty(), format_args!("memory {at:#x}: there are no bytes"))?;
    let end = u64::try_from(chunk.bytes.len()).map_or(u64::MAX, |len| u64::from(at) + len);
    refuse_if(end > memory, format_args!("memory {at:#x}: the bytes exceed the initial memory"))
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
        call.scripts.iter().for_each(|script| total.add_script(script));
    }
    total
}

impl Total {
    fn add_script(&mut self, script: &Script) {
        script.values().flat_map(|(_, values)| values).for_each(|value| self.add_value(value));
        script.passed().for_each(|(_, passed)| self.add_damage(passed));
    }

    fn add_value(&mut self, value: &Value) {
        self.nodes += 1;
        if let Value::String(text) = value {
            self.bytes += text.text.len();
        }
        value.parts().iter().for_each(|value| self.add_value(value));
    }

    fn add_damage(&mut self, passed: &Passed) {
        match passed {
            Passed::Lowered { patches, .. } => {
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
