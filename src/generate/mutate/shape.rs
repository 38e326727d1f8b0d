//! Changes to options, memory and tuning.
//! Knows nothing of types.

use arbitrary::{Result, Unstructured};

use super::bounds::Bounds;
use crate::abi::PtrType;
use crate::case::check::Feature;
use crate::case::{Case, Function, Shape};
use crate::generate::draw::weighted;
use crate::generate::{options, weights};
use crate::types::FuncType;

pub fn change_options(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    if bounds.allowed.features.contains(&Feature::AsyncFunction) && u.ratio(1, 6)? {
        let number = any_type(u, &case.shape)?;
        let ty = type_of(&mut case.shape, number);
        ty.is_async = !ty.is_async;
        return Ok(());
    }
    let opts = &mut any_function(u, &mut case.shape)?.opts;
    match u.int_in_range(0..=5)? {
        0..=2 => opts.string_encoding = weighted(u, weights::ENCODINGS)?,
        3 => opts.memory = !opts.memory,
        4 => opts.realloc = !opts.realloc,
        _ => opts.post_return = !opts.post_return,
    }
    Ok(())
}

/// One end of a function.
fn any_function<'a>(u: &mut Unstructured, shape: &'a mut Shape) -> Result<&'a mut Function> {
    let guest = u.choose_index(shape.guests.len())?;
    let guest = &mut shape.guests[guest];
    match &mut guest.import {
        Some(import) if u.arbitrary()? => Ok(import),
        _ => Ok(&mut guest.export),
    }
}

/// The number of a function, whose type is to change: what a guest imports of the next is repaired after
/// what that exports.
pub fn any_type(u: &mut Unstructured, shape: &Shape) -> Result<usize> {
    let last = shape.guests.last().is_some_and(|guest| guest.import.is_some());
    u.choose_index(shape.guests.len() + usize::from(last))
}

/// The type of the function of this number.
pub fn type_of(shape: &mut Shape, number: usize) -> &mut FuncType {
    let exported = number < shape.guests.len();
    let guest = &mut shape.guests[if exported { number } else { number - 1 }];
    match &mut guest.import {
        Some(import) if !exported => &mut import.ty,
        Some(_) | None => &mut guest.export.ty,
    }
}

pub fn change_tuning(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    case.tuning = *u.choose(&case.tuning.flipped())?;
    Ok(())
}

/// Changes how large a memory is, or how wide its addresses are.
pub fn change_pages(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    let guest = u.choose_index(case.shape.guests.len())?;
    let guest = &mut case.shape.guests[guest];
    if bounds.allowed.features.contains(&Feature::Memory64) && u.ratio(1, 3)? {
        guest.ptr_type = match guest.ptr_type {
            PtrType::I32 => PtrType::I64,
            PtrType::I64 => PtrType::I32,
        };
        return Ok(());
    }
    guest.pages = options::pages(u, bounds.limits)?;
    Ok(())
}
