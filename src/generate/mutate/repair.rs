//! Making a case valid again after a change to its shape.
//! Knows what to keep: as much as still fits.

use arbitrary::{Result, Unstructured};

use crate::abi::{Core, CoreType};
use crate::case::check::payload_type;
use crate::case::{Answer, BuiltIn, Call, Case, Destructor, Finish, Function, Limits, Passed};
use crate::case::{Patch, PostReturn, Realloc, Shape, Step, import_calls_mut};
use crate::encode::guest::Side;
use crate::generate::options::{Role, with_needed};
use crate::generate::types::Palette;
use crate::generate::values::fresh;
use crate::generate::{acts, realloc};
use crate::types::{Handle, Type};
use crate::value::Value;

/// Gives the shape the options that it needs, and all calls values that fit it.
pub fn repair(u: &mut Unstructured, case: &mut Case, limits: &Limits) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let keep = |function: &Function, role| with_needed(function.clone(), role);
    shape.resources.truncate(most(limits.resources));
    repair_handles(shape);
    shape.guests[0].export = keep(&shape.guests[0].export, Role::Export);
    shape.guests[0].import =
        shape.guests[0].import.as_ref().map(|import| keep(import, Role::Import));
    calls.truncate(most(limits.calls));
    calls.iter_mut().try_for_each(|call| repair_call(u, shape, call, limits))
}

/// Makes handles of what there is no handle of something else.
fn repair_handles(shape: &mut Shape) {
    let export = Palette::of(&shape.resources, Role::Export);
    let import = Palette::of(&shape.resources, Role::Import);
    let guest = &mut shape.guests[0];
    let functions = [(&mut guest.export, export)].into_iter();
    let functions = functions.chain(guest.import.iter_mut().zip([import]));
    for (function, palette) in functions {
        function.ty.params.iter_mut().for_each(|ty| repair_handle(ty, &palette.params));
        function.ty.result.iter_mut().for_each(|ty| repair_handle(ty, &palette.result));
    }
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
    repair_scripts(shape, call, limits);
    if let Some(import) = &shape.guests[0].import {
        for step in import_calls_mut(&mut call.scripts[0].steps) {
            repair_passed(
                u,
                shape,
                Side::params(import, shape.guests[0].ptr_type),
                &mut step.passed,
            )?;
            if let Answer::Return(value) | Answer::Reenter(value) = &mut step.answer {
                repair_result(u, value, import.ty.result.as_ref())?;
            }
        }
    }
    match &mut call.scripts[0].finish {
        Finish::Return(passed) => repair_passed(
            u,
            shape,
            Side::results(&shape.guests[0].export, shape.guests[0].ptr_type),
            passed,
        ),
        Finish::Trap => Ok(()),
    }
}

/// Drops what the shape has nothing for.
fn repair_scripts(shape: &Shape, call: &mut Call, limits: &Limits) {
    call.scripts[0].realloc.truncate(if realloc::has(shape) { most(limits.reallocs) } else { 0 });
    call.scripts[0].steps.retain(|step| match step {
        Step::Import(_) => shape.guests[0].import.is_some(),
        Step::BuiltIn(built_in) => may_call(shape, *built_in),
    });
    call.scripts[0].steps.truncate(most(limits.steps));
    let leaves = call.scripts[0].post_return == PostReturn::Import;
    if !shape.guests[0].export.opts.post_return || (leaves && shape.guests[0].import.is_none()) {
        call.scripts[0].post_return = PostReturn::Nothing;
    }
    let impossible = |action: &Realloc| match action {
        Realloc::Import => shape.guests[0].import.is_none(),
        Realloc::BuiltIn(built_in) => !may_call(shape, *built_in),
        Realloc::Bump
        | Realloc::Forget
        | Realloc::At(_)
        | Realloc::End(_)
        | Realloc::Old
        | Realloc::Skew(_)
        | Realloc::Grow(_)
        | Realloc::Trap => false,
    };
    call.scripts[0].realloc.iter_mut().filter(|action| impossible(action)).for_each(|action| {
        *action = Realloc::Bump;
    });
    repair_destruction(shape, call, limits);
}

fn repair_destruction(shape: &Shape, call: &mut Call, limits: &Limits) {
    if matches!(call.scripts[0].post_return, PostReturn::BuiltIn(built_in) if !may_call(shape, built_in))
    {
        call.scripts[0].post_return = PostReturn::Nothing;
    }
    let impossible = matches!(call.scripts[0].destructor, Destructor::BuiltIn(built_in) if !may_call(shape, built_in));
    if impossible || !acts::destroys(shape) {
        call.scripts[0].destructor = Destructor::Nothing;
    }
    call.host_drops.truncate(if acts::defines(shape) { most(limits.host_drops) } else { 0 });
}

/// Whether the guest has this built-in.
fn may_call(shape: &Shape, built_in: BuiltIn) -> bool {
    let resource = built_in.resource();
    let defined = usize::try_from(resource).is_ok_and(|n| n < shape.resources.len());
    defined && (matches!(built_in, BuiltIn::Drop { .. }) || !shape.is_host(resource))
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
        (Value::Variant(index, payload), ty) => match payload_type(ty, *index) {
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
    shape: &Shape,
    side: Side,
    passed: &mut Passed,
) -> Result<()> {
    let core = side.core();
    let opts = side.function.opts;
    let memory = if opts.memory { u64::from(shape.guests[0].pages.initial) << 16 } else { 0 };
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
