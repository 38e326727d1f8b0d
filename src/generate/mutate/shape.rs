//! Changes to options, memory and tuning.
//! Knows nothing of types.

use arbitrary::{Result, Unstructured};

use crate::case::{Case, Function, Limits, Shape};
use crate::generate::draw::pick;
use crate::generate::{options, weights};

pub fn change_options(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let opts = &mut any_function(u, &mut case.shape)?.opts;
    match u.int_in_range(0..=5)? {
        0..=2 => opts.string_encoding = pick(u, weights::ENCODINGS)?,
        3 => opts.memory = !opts.memory,
        4 => opts.realloc = !opts.realloc,
        _ => opts.post_return = !opts.post_return,
    }
    Ok(())
}

pub fn any_function<'a>(u: &mut Unstructured, shape: &'a mut Shape) -> Result<&'a mut Function> {
    let guest = &mut shape.guests[0];
    match &mut guest.import {
        Some(import) if u.arbitrary()? => Ok(import),
        _ => Ok(&mut guest.export),
    }
}

pub fn change_tuning(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let tuning = &mut case.tuning;
    let all = [
        &mut tuning.optimize,
        &mut tuning.pooling,
        &mut tuning.moving_memory,
        &mut tuning.concurrency,
        &mut tuning.signals,
        &mut tuning.guards,
    ];
    let index = u.choose_index(all.len())?;
    for choice in all.into_iter().skip(index).take(1) {
        *choice = !*choice;
    }
    Ok(())
}

pub fn change_pages(u: &mut Unstructured, case: &mut Case, limits: &Limits) -> Result<()> {
    case.shape.guests[0].pages = options::pages(u, limits)?;
    Ok(())
}
