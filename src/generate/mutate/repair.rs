//! Making a case valid again after a change to its shape.
//! Knows what to keep: as much as still fits.

use arbitrary::{Result, Unstructured};

use super::paths::{repair_manners, repair_paths};
use crate::abi::{Core, CoreType};
use crate::case::allowed::Allowed;
use crate::case::{Act, Answer, BuiltInCall, Call, Case, Function, Guest, Limits, Passed, Patch};
use crate::case::{Resource, Script, Shape, Turn};
use crate::encode::guest::Side;
use crate::generate::asyncs::settle;
use crate::generate::options::{Role, narrow, with_needed};
use crate::generate::types::Palette;
use crate::generate::values::fresh;
use crate::generate::{acts, guest, noise, realloc, weights};
use crate::types::{Handle, Type};
use crate::value::Value;

/// Gives the shape the options that it needs, and all calls values that fit it.
pub fn repair(
    u: &mut Unstructured,
    case: &mut Case,
    allowed: &Allowed,
    limits: &Limits,
) -> Result<()> {
    let Case { shape, calls, .. } = case;
    shape.guests.truncate(most(limits.guests).max(1));
    shape.resources.truncate(most(limits.resources));
    repair_definers(shape);
    repair_handles(shape);
    repair_fused(shape);
    for guest in &mut shape.guests {
        guest.export = with_needed(guest.export.clone(), Role::Export);
        guest.import = guest.import.take().map(|import| with_needed(import, Role::Import));
    }
    narrow(&mut shape.guests);
    noise::repair(u, shape)?;
    calls.truncate(most(limits.calls));
    calls.iter_mut().try_for_each(|call| repair_call(u, shape, call, limits))?;
    settle(case);
    repair_paths(case, allowed, limits);
    repair_manners(case);
    Ok(())
}

/// What a guest defines that is not there is the last one's.
fn repair_definers(shape: &mut Shape) {
    let last = u32::try_from(shape.guests.len() - 1).expect("guests are few");
    for resource in &mut shape.resources {
        match resource {
            Resource::Guest { by, .. } => *by = last.min(*by),
            Resource::Host => {}
        }
    }
}

/// Makes handles of what there is no handle of something else.
fn repair_handles(shape: &mut Shape) {
    let Shape { guests, resources } = shape;
    let count = guests.len();
    let last = guests.len() - 1;
    for (number, guest) in guests.iter_mut().enumerate() {
        let export = Palette::of(resources, number, count);
        repair_handles_of(&mut guest.export, &export);
        let import = Palette::of(resources, count, count);
        guest.import.iter_mut().filter(|_| number == last).for_each(|function| {
            repair_handles_of(function, &import);
        });
    }
}

fn repair_handles_of(function: &mut Function, palette: &Palette) {
    function.ty.params.iter_mut().for_each(|ty| repair_handle(ty, &palette.params));
    function.ty.result.iter_mut().for_each(|ty| repair_handle(ty, &palette.result));
}

/// What a guest imports is what the next one exports, of types that are not too large.
fn repair_fused(shape: &mut Shape) {
    for number in 1..shape.guests.len() {
        let export = &mut shape.guests[number].export;
        export.ty.params.iter_mut().chain(&mut export.ty.result).for_each(repair_members);
        let export = export.clone();
        let import = shape.guests[number - 1].import.get_or_insert_with(|| export.clone());
        import.ty = export.ty;
        import.opts.post_return = false;
    }
}

fn repair_members(ty: &mut Type) {
    let most = most(weights::chain::FUSED_MEMBERS);
    if let Type::Record(fields) = ty {
        fields.truncate(most);
    } else if let Type::Tuple(types) = ty {
        types.truncate(most);
    } else if let Type::Variant(cases) = ty {
        cases.truncate(most);
    } else if let Type::Enum(labels) | Type::Flags(labels) = ty {
        labels.truncate(most);
    } else if let Type::FixedLengthList(_, length) = ty {
        *length = weights::chain::FUSED_MEMBERS.min(*length);
    }
    ty.children_mut().into_iter().for_each(repair_members);
}

/// A borrow becomes an own of the same, where that may be.
fn repair_handle(ty: &mut Type, allowed: &[Type]) {
    if matches!(ty, Type::Handle(_)) && !allowed.contains(ty) {
        let owned = if let Type::Handle(Handle::Borrow(resource)) = ty {
            Some(Type::Handle(Handle::Own(*resource))).filter(|owned| allowed.contains(owned))
        } else {
            None
        };
        *ty = owned.or_else(|| allowed.first().cloned()).unwrap_or(Type::Bool);
    }
    let inside = if matches!(ty, Type::Map(..)) { &[] } else { allowed };
    ty.children_mut().into_iter().for_each(|ty| repair_handle(ty, inside));
}

fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn repair_call(
    u: &mut Unstructured,
    shape: &Shape,
    call: &mut Call,
    limits: &Limits,
) -> Result<()> {
    repair_values(u, &mut call.args, &shape.guests[0].export.ty.params)?;
    call.host_drops.truncate(if acts::any_defined(shape) { most(limits.host_drops) } else { 0 });
    call.scripts.resize(shape.guests.len(), Script::least());
    for (number, script) in call.scripts.iter_mut().enumerate() {
        drop_impossible(shape, number, script, limits);
        repair_script(u, shape, number, script)?;
    }
    Ok(())
}

fn repair_script(
    u: &mut Unstructured,
    shape: &Shape,
    number: usize,
    script: &mut Script,
) -> Result<()> {
    let guest = &shape.guests[number];
    let is_last = number + 1 == shape.guests.len();
    if let Some(import) = &guest.import {
        let result = import.ty.result.as_ref();
        for call in script.import_calls_mut() {
            let side = guest::params(guest).expect("there is an import");
            repair_passed(u, guest, side, &mut call.passed)?;
            repair_answer(u, &mut call.answer, is_last, result)?;
        }
    }
    match script.returned_mut() {
        Some(passed) => repair_passed(u, guest, guest::results(guest), passed),
        None => Ok(()),
    }
}

/// Only the host answers by itself.
fn repair_answer(
    u: &mut Unstructured,
    answer: &mut Answer,
    is_hosts: bool,
    result: Option<&Type>,
) -> Result<()> {
    match answer {
        Answer::Return(_) | Answer::Reenter(_) | Answer::Error if !is_hosts => {
            *answer = Answer::Guest;
        }
        Answer::Guest if is_hosts => {
            *answer = Answer::Return(result.map(|ty| fresh(u, ty)).transpose()?);
        }
        Answer::Return(value) | Answer::Reenter(value) => repair_result(u, value, result)?,
        Answer::Guest | Answer::Error => {}
    }
    Ok(())
}

/// Drops what the guest has nothing for.
fn drop_impossible(shape: &Shape, number: usize, script: &mut Script, limits: &Limits) {
    let guest = &shape.guests[number];
    script.realloc.truncate(if realloc::has(guest) { most(limits.reallocs) } else { 0 });
    if !guest.export.opts.post_return {
        script.post_return = Turn::PLAIN;
    }
    if !acts::destroys(shape, number) {
        script.destructor = Turn::PLAIN;
    }
    let may_call = |one: &BuiltInCall| shape.may_call(number, one.which, one.of);
    let possible = |act: &Act| {
        let can_leave = guest.import.is_some() || !act.calls_import();
        let can_grow = guest.has_memory() || !act.grows();
        can_leave && can_grow && act.built_in().is_none_or(may_call)
    };
    for (_, turn) in script.turns_mut() {
        turn.acts.retain(possible);
        turn.acts.truncate(most(limits.steps));
    }
}

fn repair_result(
    u: &mut Unstructured,
    result: &mut Option<Value>,
    ty: Option<&Type>,
) -> Result<()> {
    let mut values: Vec<Value> = result.take().into_iter().collect();
    repair_parts(u, &mut values, ty.as_slice().iter().copied())?;
    *result = values.pop();
    Ok(())
}

fn repair_values(u: &mut Unstructured, values: &mut Vec<Value>, types: &[Type]) -> Result<()> {
    repair_parts(u, values, types.iter())
}

/// One value for each type: those that are there, as far as they fit.
fn repair_parts<'a>(
    u: &mut Unstructured,
    values: &mut Vec<Value>,
    types: impl ExactSizeIterator<Item = &'a Type>,
) -> Result<()> {
    values.truncate(types.len());
    for (index, ty) in types.enumerate() {
        match values.get_mut(index) {
            Some(value) => repair_value(u, value, ty)?,
            None => values.push(fresh(u, ty)?),
        }
    }
    Ok(())
}

fn repair_value(u: &mut Unstructured, value: &mut Value, ty: &Type) -> Result<()> {
    match (&mut *value, ty) {
        (Value::Bool(_), Type::Bool)
        | (Value::S8(_), Type::S8)
        | (Value::U8(_), Type::U8)
        | (Value::S16(_), Type::S16)
        | (Value::U16(_), Type::U16)
        | (Value::S32(_), Type::S32)
        | (Value::U32(_), Type::U32)
        | (Value::S64(_), Type::S64)
        | (Value::U64(_), Type::U64)
        | (Value::F32(_), Type::F32)
        | (Value::F64(_), Type::F64)
        | (Value::Char(_), Type::Char)
        | (Value::String(_), Type::String) => Ok(()),
        (Value::List(values), Type::List(elem)) => {
            values.iter_mut().try_for_each(|value| repair_value(u, value, elem))
        }
        (Value::List(values), Type::FixedLengthList(elem, length)) => {
            repair_parts(u, values, (0..most(*length)).map(|_| &**elem))
        }
        (Value::List(entries), Type::Map(key, value)) => {
            entries.iter_mut().try_for_each(|entry| repair_entry(u, entry, key, value))
        }
        (Value::Record(values), Type::Record(fields)) => {
            repair_parts(u, values, fields.iter().map(|field| &field.ty))
        }
        (Value::Record(values), Type::Tuple(types)) => repair_parts(u, values, types.iter()),
        (Value::Handle(_), Type::Handle(Handle::Own(_) | Handle::Borrow(_))) => Ok(()),
        (Value::Flags(bits), Type::Flags(labels)) => {
            *bits &= u32::MAX >> (32 - labels.len().clamp(1, 32));
            Ok(())
        }
        (Value::Variant(index, payload), ty) => match ty.payload(*index) {
            Some(case) => {
                let mut whole = payload.take().map(|payload| *payload);
                repair_result(u, &mut whole, case)?;
                *payload = whole.map(Box::new);
                Ok(())
            }
            None => redraw(u, value, ty),
        },
        _ => redraw(u, value, ty),
    }
}

fn redraw(u: &mut Unstructured, value: &mut Value, ty: &Type) -> Result<()> {
    *value = fresh(u, ty)?;
    Ok(())
}

fn repair_entry(u: &mut Unstructured, entry: &mut Value, key: &Type, value: &Type) -> Result<()> {
    if !matches!(entry, Value::Record(_)) {
        *entry = Value::Record(Vec::new());
    }
    let Value::Record(parts) = entry else { unreachable!("just made one") };
    repair_parts(u, parts, [key, value].into_iter())
}

fn repair_passed(
    u: &mut Unstructured,
    guest: &Guest,
    side: Side,
    passed: &mut Passed,
) -> Result<()> {
    let core = side.core();
    let opts = side.function.opts;
    let memory = if opts.memory { u64::from(guest.pages.initial) << 16 } else { 0 };
    match passed {
        Passed::Lowered { values, patches } => {
            patches.retain_mut(|patch| repair_patch(patch, &core, memory));
            repair_values(u, values, side.types)
        }
        Passed::Raw { flat, memory: chunks } => {
            flat.resize(core.len(), 0);
            flat.iter_mut().zip(&core).for_each(|(bits, ty)| *bits = fit(*bits, *ty));
            chunks.retain(|chunk| fits(chunk.at, &chunk.bytes, memory));
            Ok(())
        }
    }
}

/// Whether the patch still has a place.
fn repair_patch(patch: &mut Patch, core: &[CoreType], memory: u64) -> bool {
    match patch {
        Patch::Flat { index, bits } => match core.get(most(*index)) {
            Some(ty) => {
                *bits = fit(*bits, *ty);
                true
            }
            None => false,
        },
        Patch::Memory(chunk) => fits(chunk.at, &chunk.bytes, memory),
    }
}

fn fit(bits: u64, ty: CoreType) -> u64 {
    Core::from_bits(ty, bits).bits()
}

fn fits(at: u32, bytes: &[u8], memory: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| u64::from(at) + length <= memory)
}
