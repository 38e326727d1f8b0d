//! Changes to values, wherever a case has one.
//! Knows the type of each; a changed value is of the same.

use arbitrary::{Result, Unstructured};

use crate::abi::wrap;
use crate::case::parts::{TypedMut, parts_mut};
use crate::case::{Call, Case, Guest, Part, Script, Shape};
use crate::generate::draw::{low8, low16, position};
use crate::generate::strings::code_point;
use crate::generate::values::fresh;
use crate::types::Type;
use crate::value::{Str, Value, is_nan32, is_nan64};

pub fn change(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Some((value, ty)) = any_node(u, case)? else {
        return Ok(());
    };
    change_node(u, value, ty)
}

/// Any part of any value.
fn any_node<'a>(u: &mut Unstructured, case: &'a mut Case) -> Result<Option<TypedMut<'a>>> {
    let mut sites = sites(&case.shape, &mut case.calls);
    let Some(index) = position(u, sites.len())? else {
        return Ok(None);
    };
    let (value, ty) = sites.swap_remove(index);
    let mut index = u.choose_index(count(value))?;
    Ok(node(value, ty, &mut index))
}

/// All values that stand for themselves.
pub fn sites<'a>(shape: &'a Shape, calls: &'a mut [Call]) -> Vec<TypedMut<'a>> {
    let mut sites: Vec<TypedMut> = Vec::new();
    for call in calls {
        sites.extend(call.args.iter_mut().zip(&shape.guests[0].export.ty.params));
        let scripts = shape.guests.iter().zip(&mut call.scripts);
        scripts.for_each(|(guest, script)| add_script(guest, script, &mut sites));
    }
    sites
}

/// What is returned comes first.
fn add_script<'a>(guest: &'a Guest, script: &'a mut Script, sites: &mut Vec<TypedMut<'a>>) {
    let (params, answers) = guest.types_of_import();
    let (returned, others): (Vec<_>, Vec<_>) =
        script.values_mut().partition(|(part, _)| *part == Part::Result);
    for (part, values) in returned.into_iter().chain(others) {
        let types = match part {
            Part::Params => params,
            Part::Answer => answers,
            Part::Result => guest.export.ty.results(),
        };
        sites.extend(values.iter_mut().zip(types));
    }
}

pub fn count(value: &Value) -> usize {
    1 + value.parts().iter().map(count).sum::<usize>()
}

/// The part of this number, the value itself being 0. Nothing for an entry of a map, which has no
/// type: its key and its value have.
pub fn node<'a>(value: &'a mut Value, ty: &'a Type, index: &mut usize) -> Option<TypedMut<'a>> {
    if *index == 0 {
        return Some((value, ty));
    }
    *index -= 1;
    parts_mut(value, ty).into_iter().find_map(|(value, ty)| node(value, ty, index))
}

fn change_node(u: &mut Unstructured, value: &mut Value, ty: &Type) -> Result<()> {
    if u.ratio(1, 3)? {
        return redraw(u, value, ty);
    }
    let bit = 1u64 << u.int_in_range(0..=63)?;
    let near = *u.choose(&[1, u64::MAX, bit])?;
    match (value, ty) {
        (Value::Bool(value), _) => *value = !*value,
        (Value::S8(value), _) => *value = value.wrapping_add(low8(near).cast_signed()),
        (Value::U8(value), _) => *value = value.wrapping_add(low8(near)),
        (Value::S16(value), _) => *value = value.wrapping_add(low16(near).cast_signed()),
        (Value::U16(value), _) => *value = value.wrapping_add(low16(near)),
        (Value::S32(value), _) => *value = value.wrapping_add(wrap(near).cast_signed()),
        (Value::U32(value), _) => *value = value.wrapping_add(wrap(near)),
        (Value::S64(value), _) => *value = value.wrapping_add(near.cast_signed()),
        (Value::U64(value), _) => *value = value.wrapping_add(near),
        (Value::F32(bits), _) => change_if(bits, *bits ^ wrap(bit), |bits| !is_nan32(*bits)),
        (Value::F64(bits), _) => change_if(bits, *bits ^ bit, |bits| !is_nan64(*bits)),
        (Value::String(text), _) => change_text(u, text)?,
        (Value::List(values), Type::List(elem)) => {
            change_list(u, values, |u| fresh(u, elem))?;
        }
        (Value::List(entries), Type::Map(..)) => {
            change_list(u, entries, |_| Ok(Value::Record(Vec::new())))?
        }
        (Value::Handle(number), _) => *number = number.wrapping_add(wrap(near)),
        (Value::Flags(bits), Type::Flags(labels)) => {
            *bits ^= 1 << u.choose_index(labels.len())?;
        }
        (value, ty) => redraw(u, value, ty)?,
    }
    Ok(())
}

fn redraw(u: &mut Unstructured, value: &mut Value, ty: &Type) -> Result<()> {
    *value = fresh(u, ty)?;
    Ok(())
}

fn change_if<T>(old: &mut T, new: T, good: impl Fn(&T) -> bool) {
    if good(&new) {
        *old = new;
    }
}

/// Removes, repeats, swaps or adds an element.
fn change_list(
    u: &mut Unstructured,
    values: &mut Vec<Value>,
    draw: impl Fn(&mut Unstructured) -> Result<Value>,
) -> Result<()> {
    let Some(index) = position(u, values.len())? else {
        values.push(draw(u)?);
        return Ok(());
    };
    match u.int_in_range(0..=3)? {
        0 => drop(values.remove(index)),
        1 => values.insert(index, values[index].clone()),
        2 => values.swap(0, index),
        _ => values.insert(index, draw(u)?),
    }
    Ok(())
}

fn change_text(u: &mut Unstructured, text: &mut Str) -> Result<()> {
    let mut chars: Vec<char> = text.text.chars().collect();
    match (position(u, chars.len())?, u.int_in_range(0..=4)?) {
        (Some(index), 0) => drop(chars.remove(index)),
        (Some(index), 1) => chars[index] = code_point(u)?,
        (Some(index), 2) => chars.insert(index, code_point(u)?),
        (Some(index), 3) => chars.extend_from_within(index..),
        _ => chars.push(code_point(u)?),
    }
    text.text = chars.into_iter().collect();
    Ok(())
}
