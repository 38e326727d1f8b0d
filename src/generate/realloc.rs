//! Scripts for the guest's `realloc`.
//! Knows which pointers are edges of a memory.

use arbitrary::{Result, Unstructured};

use super::draw::{chance, pick, weighted};
use super::handles::Handles;
use super::weights;
use crate::abi::wrap;
use crate::case::{BuiltIn, Limits, Realloc, Shape};

/// Whether any function has a `realloc` to script.
pub fn has(shape: &Shape) -> bool {
    shape.guests[0].export.opts.realloc
        || shape.guests[0].import.as_ref().is_some_and(|import| import.opts.realloc)
}

/// What each call of `realloc` does; nothing scripted is all well.
pub fn script(
    u: &mut Unstructured,
    shape: &Shape,
    limits: &Limits,
    slips: bool,
    handles: &Handles,
) -> Result<Vec<Realloc>> {
    if !has(shape) || limits.reallocs == 0 || !(slips || chance(u, weights::ODD_REALLOC)?) {
        return Ok(Vec::new());
    }
    let most = usize::try_from(limits.reallocs).unwrap_or(usize::MAX) - 1;
    let index = weighted(u, weights::REALLOC_INDICES)?.min(most);
    let mut script = vec![Realloc::Bump; index];
    let action = if slips { action(u, shape, handles)? } else { harmless(u, handles)? };
    let count = pick(u, weights::REALLOC_REPEATS)?.min(most + 1 - index);
    script.extend(std::iter::repeat_n(action, count));
    Ok(script)
}

/// What keeps the promises of `realloc`, or breaks only that of keeping contents.
fn harmless(u: &mut Unstructured, handles: &Handles) -> Result<Realloc> {
    if let Some(rep) = hidden_rep(u, handles)? {
        return Ok(Realloc::BuiltIn(rep));
    }
    let skew = Realloc::Skew(pick(u, &[8, 16, 64])?);
    pick(u, &[Realloc::Forget, Realloc::Forget, Realloc::Grow(1), Realloc::Grow(2), skew])
}

/// Any of the things that `realloc` can do.
pub fn action(u: &mut Unstructured, shape: &Shape, handles: &Handles) -> Result<Realloc> {
    if !shape.resources.is_empty() && u.ratio(1, 3)? {
        return handles.any_built_in(u).map(Realloc::BuiltIn);
    }
    Ok(match u.int_in_range(0..=15)? {
        0..=3 => Realloc::At(pointer(u, shape)?.into()),
        4..=6 => Realloc::Skew(skew(u)?.into()),
        7 | 8 => Realloc::Old,
        9 => Realloc::Grow(u.int_in_range(1..=8)?),
        10 => Realloc::Forget,
        11 | 12 if shape.guests[0].import.is_some() => Realloc::Import,
        11..=14 => Realloc::Trap,
        _ => Realloc::Bump,
    })
}

/// `resource.rep` of something that is there, sometimes.
pub fn hidden_rep(u: &mut Unstructured, handles: &Handles) -> Result<Option<BuiltIn>> {
    match handles.rep_of_any(u)? {
        Some(rep) if chance(u, weights::HIDDEN_REP)? => Ok(Some(rep)),
        Some(_) | None => Ok(None),
    }
}

fn skew(u: &mut Unstructured) -> Result<u32> {
    if u.ratio(1, 8)? {
        pick(u, &[65_536, 0x7fff_ffff, 0xffff_ffff])
    } else {
        u.int_in_range(1..=8)
    }
}

fn pointer(u: &mut Unstructured, shape: &Shape) -> Result<u32> {
    let initial = u64::from(shape.guests[0].pages.initial) << 16;
    let maximum = u64::from(shape.guests[0].pages.maximum) << 16;
    let base = match u.int_in_range(0..=4)? {
        0 => pick(u, &[0x8000, 0x4000, 0x7ff8])?,
        1 => 0,
        2 => initial,
        3 => maximum,
        _ => pick(u, &[0x8000_0000, 0xffff_fff0, 0x1_0000_0000, 0x7fff_fff8])?,
    };
    let down = pick(u, &[0, 0, 1, 2, 4, 8, 16, 64])?;
    let up = pick(u, &[0, 0, 0, 0, 1, 2, 4])?;
    Ok(wrap((base + up).wrapping_sub(down)))
}
