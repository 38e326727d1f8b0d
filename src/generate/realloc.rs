//! Scripts for a guest's `realloc`.
//! Knows which pointers are edges of a memory.

use arbitrary::{Result, Unstructured};

use super::choices::OddRealloc;
use super::draw::{chance, pick, weighted, weighted_where};
use super::handles::Handles;
use super::weights;
use crate::abi::{PtrType, wrap};
use crate::case::{Act, BuiltInCall, End, GUEST_DATA, Guest, Limits, Pointer, Turn};

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
) -> Result<Vec<Turn>> {
    if !has(guest) || limits.reallocs == 0 || !(errs || chance(u, weights::ODD_REALLOC)?) {
        return Ok(Vec::new());
    }
    let most = most(limits) - 1;
    let index = weighted(u, weights::REALLOC_INDICES)?.min(most);
    let mut script = vec![Turn::PLAIN; index];
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
) -> Result<Vec<Turn>> {
    if !has(guest) || !(errs || chance(u, weights::chain::ODD_REALLOC)?) {
        return Ok(Vec::new());
    }
    let mut script = vec![Turn::PLAIN; weighted(u, weights::chain::ODD_REALLOC_INDICES)?];
    let kept = chance(u, weights::chain::ODD_REALLOC_KEPT)?;
    for _ in 0..weighted(u, weights::chain::ODD_REALLOCS_ON_END)? {
        script.push(match script.last() {
            Some(last) if kept && !last.is_plain() => last.clone(),
            _ if errs => odd(u, guest, heap, handles)?,
            _ => tame(u, handles)?,
        });
    }
    script.truncate(most(limits));
    Ok(script)
}

/// A turn that only answers with this.
fn answer(pointer: Pointer) -> Turn {
    Turn::ending(End::Answer(pointer))
}

/// What keeps the promises of `realloc`, or breaks only that of keeping contents.
fn harmless(u: &mut Unstructured, handles: &Handles) -> Result<Turn> {
    if let Some(rep) = hidden_rep(u, handles)? {
        return Ok(Turn::of(Act::BuiltIn(rep)));
    }
    let skew = pick(u, &[8, 16, 64])?;
    Ok(match u.choose_index(6)? {
        0 | 1 => answer(Pointer::Forget),
        2 => Turn::of(Act::Grow(1)),
        3 => Turn::of(Act::Grow(2)),
        4 => answer(Pointer::Skew(skew)),
        _ => answer(Pointer::AtEnd(0)),
    })
}

/// Something that harms nobody, or a block where the memory ends or where it was.
fn tame(u: &mut Unstructured, handles: &Handles) -> Result<Turn> {
    if u.arbitrary()? {
        return harmless(u, handles);
    }
    pick(u, &[Pointer::AtEnd(0), Pointer::Old]).map(answer)
}

/// Any of the things that `realloc` can do.
pub fn action(u: &mut Unstructured, guest: &Guest, handles: &Handles) -> Result<Turn> {
    if !handles.known().is_empty() && u.ratio(1, 3)? {
        return Ok(Turn::of(Act::BuiltIn(handles.any_built_in(u)?)));
    }
    if guest.ptr_type == PtrType::I64 && u.ratio(1, 4)? {
        return wide(u, u64::from(GUEST_DATA));
    }
    Ok(match u.int_in_range(0..=22)? {
        0..=4 => answer(Pointer::At(edge(u, guest)?.into())),
        5..=7 => answer(Pointer::Skew(skew(u)?.into())),
        8..=10 => answer(Pointer::Old),
        11 => Turn::of(Act::Grow(u.int_in_range(1..=8)?)),
        12 => answer(Pointer::Forget),
        13..=16 if guest.import.is_some() => Turn::of(Act::Leave),
        13..=19 => Turn::ending(End::Trap),
        20 | 21 => answer(Pointer::AtEnd(pick(u, &BEYOND_END)?)),
        _ => Turn::PLAIN,
    })
}

/// Something odd.
pub fn odd(u: &mut Unstructured, guest: &Guest, heap: u64, handles: &Handles) -> Result<Turn> {
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
        OddRealloc::Misaligned => answer(Pointer::Skew(pick(u, &[1, 1, 1, 2, 3, 4, 5, 7])?)),
        OddRealloc::AtEnd => answer(Pointer::AtEnd(0)),
        OddRealloc::BeyondEnd => answer(Pointer::AtEnd(pick(u, &BEYOND_END)?)),
        OddRealloc::Edge => answer(Pointer::At(edge(u, guest)?.into())),
        OddRealloc::NearHeap => {
            answer(Pointer::At(heap + pick(u, &[0, 0, 1, 2, 4, 8, 16, 24, 32, 64])?))
        }
        OddRealloc::Old => answer(Pointer::Old),
        OddRealloc::Forget => answer(Pointer::Forget),
        OddRealloc::Trap => Turn::ending(End::Trap),
        OddRealloc::Grow => Turn::of(Act::Grow(u.int_in_range(1..=8)?)),
        OddRealloc::Import => Turn::of(Act::Leave),
        OddRealloc::BuiltIn => Turn::of(Act::BuiltIn(handles.any_built_in(u)?)),
        OddRealloc::Wide => wide(u, heap)?,
    })
}

fn wide(u: &mut Unstructured, heap: u64) -> Result<Turn> {
    let beyond = 1u64 << pick(u, &[32, 32, 32, 33, 47, 63])?;
    Ok(match u.int_in_range(0..=2)? {
        0 => answer(Pointer::At(beyond + heap + 64 * u.int_in_range(0..=16)?)),
        1 => answer(Pointer::Skew(beyond)),
        _ => answer(Pointer::AtEnd(beyond)),
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
