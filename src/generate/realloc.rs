//! Scripts for a guest's `realloc`.
//! Knows which pointers are edges of a memory.

use arbitrary::{Result, Unstructured};

use super::choices::OddRealloc;
use super::draw::{chance, pick, weighted, weighted_where};
use super::handles::Handles;
use super::weights;
use crate::abi::{PtrType, wrap};
use crate::case::{BuiltInCall, GUEST_DATA, Guest, Limits, Realloc};

/// How much of a block is beyond the memory.
const BEYOND_END: [u64; 8] = [1, 1, 2, 2, 3, 4, 8, 16];

/// Whether any function has a `realloc` to script.
pub fn has(guest: &Guest) -> bool {
    guest.export.opts.realloc || guest.import.as_ref().is_some_and(|import| import.opts.realloc)
}

/// What each call of `realloc` does; nothing scripted is all well.
pub fn script(
    u: &mut Unstructured,
    guest: &Guest,
    limits: &Limits,
    errs: bool,
    handles: &Handles,
) -> Result<Vec<Realloc>> {
    if !has(guest) || limits.reallocs == 0 || !(errs || chance(u, weights::ODD_REALLOC)?) {
        return Ok(Vec::new());
    }
    let most = most(limits) - 1;
    let index = weighted(u, weights::REALLOC_INDICES)?.min(most);
    let mut script = vec![Realloc::Bump; index];
    let action = if errs { action(u, guest, handles)? } else { harmless(u, handles)? };
    let count = pick(u, weights::REALLOC_REPEATS)?.min(most + 1 - index);
    script.extend(std::iter::repeat_n(action, count));
    Ok(script)
}

fn most(limits: &Limits) -> usize {
    usize::try_from(limits.reallocs).unwrap_or(usize::MAX)
}

/// What `realloc` does in one call, for a guest in a chain, whose heap begins at this address.
pub fn chain_script(
    u: &mut Unstructured,
    guest: &Guest,
    limits: &Limits,
    errs: bool,
    heap: u64,
    handles: &Handles,
) -> Result<Vec<Realloc>> {
    if !has(guest) || !(errs || chance(u, weights::chain::ODD_REALLOC)?) {
        return Ok(Vec::new());
    }
    let mut script = vec![Realloc::Bump; weighted(u, weights::chain::ODD_REALLOC_INDICES)?];
    let kept = chance(u, weights::chain::ODD_REALLOC_KEPT)?;
    for _ in 0..weighted(u, weights::chain::ODD_REALLOCS_ON_END)? {
        script.push(match script.last() {
            Some(last) if kept && *last != Realloc::Bump => *last,
            _ if errs => odd(u, guest, heap, handles)?,
            _ => tame(u, handles)?,
        });
    }
    script.truncate(most(limits));
    Ok(script)
}

/// What keeps the promises of `realloc`, or breaks only that of keeping contents.
fn harmless(u: &mut Unstructured, handles: &Handles) -> Result<Realloc> {
    if let Some(rep) = hidden_rep(u, handles)? {
        return Ok(Realloc::BuiltIn(rep));
    }
    let skew = Realloc::Skew(pick(u, &[8, 16, 64])?);
    let forget = Realloc::Forget;
    pick(u, &[forget, forget, Realloc::Grow(1), Realloc::Grow(2), skew, Realloc::End(0)])
}

/// Something that harms nobody, or a block where the memory ends or where it was.
fn tame(u: &mut Unstructured, handles: &Handles) -> Result<Realloc> {
    if u.arbitrary()? { harmless(u, handles) } else { pick(u, &[Realloc::End(0), Realloc::Old]) }
}

/// Any of the things that `realloc` can do.
pub fn action(u: &mut Unstructured, guest: &Guest, handles: &Handles) -> Result<Realloc> {
    if !handles.known().is_empty() && u.ratio(1, 3)? {
        return handles.any_built_in(u).map(Realloc::BuiltIn);
    }
    if guest.ptr_type == PtrType::I64 && u.ratio(1, 4)? {
        return wide(u, u64::from(GUEST_DATA));
    }
    Ok(match u.int_in_range(0..=22)? {
        0..=4 => Realloc::At(edge(u, guest)?.into()),
        5..=7 => Realloc::Skew(skew(u)?.into()),
        8..=10 => Realloc::Old,
        11 => Realloc::Grow(u.int_in_range(1..=8)?),
        12 => Realloc::Forget,
        13..=16 if guest.import.is_some() => Realloc::Import,
        13..=19 => Realloc::Trap,
        20 | 21 => Realloc::End(pick(u, &BEYOND_END)?),
        _ => Realloc::Bump,
    })
}

/// Something odd.
pub fn odd(u: &mut Unstructured, guest: &Guest, heap: u64, handles: &Handles) -> Result<Realloc> {
    let possible = |odd| match odd {
        OddRealloc::Import => guest.import.is_some(),
        OddRealloc::BuiltIn => !handles.known().is_empty(),
        OddRealloc::Wide => guest.ptr_type == PtrType::I64,
        OddRealloc::Misaligned
        | OddRealloc::AtEnd
        | OddRealloc::BeyondEnd
        | OddRealloc::Edge
        | OddRealloc::NearHeap
        | OddRealloc::Old
        | OddRealloc::Forget
        | OddRealloc::Trap
        | OddRealloc::Grow => true,
    };
    Ok(match weighted_where(u, weights::chain::ODD_REALLOCS, possible)? {
        OddRealloc::Misaligned => Realloc::Skew(pick(u, &[1, 1, 1, 2, 3, 4, 5, 7])?),
        OddRealloc::AtEnd => Realloc::End(0),
        OddRealloc::BeyondEnd => Realloc::End(pick(u, &BEYOND_END)?),
        OddRealloc::Edge => Realloc::At(edge(u, guest)?.into()),
        OddRealloc::NearHeap => Realloc::At(heap + pick(u, &[0, 0, 1, 2, 4, 8, 16, 24, 32, 64])?),
        OddRealloc::Old => Realloc::Old,
        OddRealloc::Forget => Realloc::Forget,
        OddRealloc::Trap => Realloc::Trap,
        OddRealloc::Grow => Realloc::Grow(u.int_in_range(1..=8)?),
        OddRealloc::Import => Realloc::Import,
        OddRealloc::BuiltIn => Realloc::BuiltIn(handles.any_built_in(u)?),
        OddRealloc::Wide => wide(u, heap)?,
    })
}

fn wide(u: &mut Unstructured, heap: u64) -> Result<Realloc> {
    let beyond = 1u64 << pick(u, &[32, 32, 32, 33, 47, 63])?;
    Ok(match u.int_in_range(0..=2)? {
        0 => Realloc::At(beyond + heap + 64 * u.int_in_range(0..=16)?),
        1 => Realloc::Skew(beyond),
        _ => Realloc::End(beyond),
    })
}

/// `resource.rep` of something that is there, sometimes.
pub fn hidden_rep(u: &mut Unstructured, handles: &Handles) -> Result<Option<BuiltInCall>> {
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

/// A pointer at or near an edge.
fn edge(u: &mut Unstructured, guest: &Guest) -> Result<u32> {
    let initial = u64::from(guest.pages.initial) << 16;
    let maximum = u64::from(guest.pages.maximum) << 16;
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
