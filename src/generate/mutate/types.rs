//! Changes to types. What no longer fits them is repaired afterwards.
//! Knows no values.

use arbitrary::{Result, Unstructured};

use super::bounds::Bounds;
use super::paths::change_signature;
use super::shape::{any_type, type_of};
use crate::case::{Case, Function, Limits};
use crate::generate::draw::position;
use crate::generate::options::{self, Role};
use crate::generate::shapes::fused;
use crate::generate::types::{Palette, Types, fixed_length, func_type, primitive, wrap};
use crate::generate::weights;
use crate::types::{Field, FuncType, Label, Type, VariantCase, scalar};

pub fn change(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    let chained = case.shape.guests.len() > 1;
    let (limits, allowed, handles) = (bounds.limits, bounds.allowed, bounds.handles);
    let limits = if chained { &fused(limits) } else { limits };
    let bounds = Bounds { allowed, limits, handles };
    if u.ratio(1, 12)? {
        if let Some(last) = case.shape.guests.last_mut() {
            last.import = other_import(u, last.import.take(), bounds)?;
        }
        return Ok(());
    }
    let number = any_type(u, &case.shape)?;
    if change_signature(u, case, number, allowed)? {
        return Ok(());
    }
    let ty = type_of(&mut case.shape, number);
    if u.ratio(1, 4)? {
        return change_params(u, ty, bounds);
    }
    match any_root(u, ty)? {
        Some(root) => {
            let mut index = u.choose_index(count(root))?;
            let Some(ty) = node(root, &mut index) else {
                return Ok(());
            };
            change_type(u, ty, bounds)
        }
        None => change_params(u, ty, bounds),
    }
}

fn other_import(
    u: &mut Unstructured,
    import: Option<Function>,
    bounds: Bounds,
) -> Result<Option<Function>> {
    if import.is_some() {
        return Ok(None);
    }
    let handles = Palette { params: bounds.handles.to_vec(), result: bounds.handles.to_vec() };
    let ty = func_type(u, &bounds.allowed.features, bounds.limits, &handles, weights::TYPE_PLANS)?;
    options::function(u, ty, Role::Import).map(Some)
}

/// A param or the result.
fn any_root<'a>(u: &mut Unstructured, ty: &'a mut FuncType) -> Result<Option<&'a mut Type>> {
    let mut roots: Vec<&mut Type> = ty.params.iter_mut().chain(&mut ty.result).collect();
    let index = position(u, roots.len())?;
    Ok(index.map(|index| roots.swap_remove(index)))
}

/// Adds, removes or moves a param, or changes whether there is a result.
fn change_params(u: &mut Unstructured, ty: &mut FuncType, bounds: Bounds) -> Result<()> {
    let more = some_type(u, bounds)?;
    match (position(u, ty.params.len())?, u.int_in_range(0..=4)?) {
        (Some(index), 0) => drop(ty.params.remove(index)),
        (Some(index), 1) => ty.params.swap(0, index),
        (Some(index), 2) => ty.params.insert(index, ty.params[index].clone()),
        (_, 3) => ty.result = if ty.result.is_some() { None } else { Some(more) },
        _ => ty.params.push(more),
    }
    Ok(())
}

fn some_type(u: &mut Unstructured, bounds: Bounds) -> Result<Type> {
    let mut types =
        Types::new(&bounds.allowed.features, bounds.limits, weights::SMALL_NODES, bounds.handles);
    types.ty(u, weights::SMALL_DEPTH)
}

fn count(ty: &Type) -> usize {
    1 + ty.children().into_iter().map(count).sum::<usize>()
}

/// The type of this number among a type and those inside, the type itself being 0.
fn node<'a>(ty: &'a mut Type, index: &mut usize) -> Option<&'a mut Type> {
    if *index == 0 {
        return Some(ty);
    }
    *index -= 1;
    ty.children_mut().into_iter().find_map(|child| node(child, index))
}

/// Replaces a type, puts one around it, takes one away around its part, or changes its members.
fn change_type(u: &mut Unstructured, ty: &mut Type, bounds: Bounds) -> Result<()> {
    match u.int_in_range(0..=7)? {
        0 => *ty = some_type(u, bounds)?,
        1 => *ty = primitive(u)?,
        2 => *ty = wrap(u, ty.clone())?,
        3 => unwrap(u, ty)?,
        _ => change_members(u, ty, bounds)?,
    }
    Ok(())
}

/// Puts one of the types inside in the place of the whole.
fn unwrap(u: &mut Unstructured, ty: &mut Type) -> Result<()> {
    let children = ty.children();
    if let Some(index) = position(u, children.len())? {
        *ty = children[index].clone();
    }
    Ok(())
}

fn change_members(u: &mut Unstructured, ty: &mut Type, bounds: Bounds) -> Result<()> {
    let inside = some_type(u, bounds)?;
    let limits = bounds.limits;
    match ty {
        scalar!() => *ty = primitive(u)?,
        Type::String => *ty = Type::List(Box::new(primitive(u)?)),
        Type::List(_) | Type::Option(_) | Type::Map(..) | Type::Handle(_) => *ty = inside,
        Type::FixedLengthList(elem, length) => {
            *length = fixed_length(elem, u.int_in_range(1..=20)?);
        }
        Type::Record(fields) => change_some(u, fields, Field::new(inside), limits)?,
        Type::Tuple(types) => change_some(u, types, inside, limits)?,
        Type::Variant(cases) => {
            let payload = if u.arbitrary()? { Some(inside) } else { None };
            change_some(u, cases, VariantCase::new(payload), limits)?;
        }
        Type::Enum(labels) => change_some(u, labels, Label::default(), limits)?,
        Type::Flags(labels) => {
            let limits = Limits { members: limits.members.min(32), ..*limits };
            change_some(u, labels, Label::default(), &limits)?;
        }
        Type::Result(ok, error) => {
            let side = if u.arbitrary()? { ok } else { error };
            *side = if side.is_some() { None } else { Some(Box::new(inside)) };
        }
    }
    Ok(())
}

/// Adds, removes or moves a member, or goes on to the next limit of one type's members.
fn change_some<T: Clone>(
    u: &mut Unstructured,
    members: &mut Vec<T>,
    member: T,
    limits: &Limits,
) -> Result<()> {
    let most = usize::try_from(limits.members).unwrap_or(usize::MAX);
    let index = u.choose_index(members.len())?;
    match u.int_in_range(0..=15)? {
        0..=4 if members.len() > 1 => drop(members.remove(index)),
        5..=6 => members.swap(0, index),
        7 => {
            let edges = [8, 16, 17, 32, 33, 256, 257, 1000];
            let next = edges.into_iter().find(|edge| *edge > members.len());
            members.resize(next.unwrap_or(0).min(most).max(1), member);
        }
        _ if members.len() < most => members.insert(index, member),
        _ => {}
    }
    Ok(())
}
