//! Changes to what a guest hands over besides values: patches and raw words and bytes.
//! Knows where data lies by lowering it as the encoder does.

use arbitrary::{Result, Unstructured};

use crate::abi::{Core, CoreType};
use crate::case::{Call, Case, Passed, Patch, Shape};
use crate::encode::guest::Side;
use crate::generate::draw::{integer, position};
use crate::generate::guest::{Giver, handed_over, side};
use crate::generate::handles::{Handles, after};

pub fn change(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let number = u.choose_index(calls.len())?;
    let guest = u.choose_index(shape.guests.len())?;
    let handles = after(shape, &calls[..number]).swap_remove(guest);
    let call = &mut calls[number];
    let Some(index) = position(u, call.scripts[guest].passed().count())? else {
        return Ok(());
    };
    let mut data = before(shape, guest, handles, call, index);
    let passed = call.scripts[guest].passed_mut().nth(index);
    match passed.and_then(|(part, passed)| Some((side(&shape.guests[guest], part)?, passed))) {
        Some((side, passed)) => change_passed(u, &mut data, side, passed),
        None => Ok(()),
    }
}

/// The guest when all that is handed over earlier in this call has been lowered.
fn before<'a>(
    shape: &'a Shape,
    guest: usize,
    mut handles: Handles<'a>,
    call: &Call,
    index: usize,
) -> Giver<'a> {
    if guest == 0 {
        handles.lower(&call.args, &shape.guests[0].export.ty.params);
    }
    let mut data = Giver::with(shape, guest, handles);
    for (side, passed) in handed_over(&shape.guests[guest], &call.scripts[guest]).take(index) {
        data.advance(side, passed);
    }
    data
}

fn change_passed(
    u: &mut Unstructured,
    data: &mut Giver,
    side: Side,
    passed: &mut Passed,
) -> Result<()> {
    if u.ratio(1, 8)? {
        *passed = if u.arbitrary()? { data.truth(u, side)? } else { data.lie(u, side)? };
        return Ok(());
    }
    let patch = data.patch(u, side, passed)?;
    match passed {
        Passed::Lowered { patches, .. } => change_patches(u, patches, patch),
        Passed::Raw { .. } => change_raw(u, data, side, passed),
    }
}

/// Adds, replaces or removes a patch.
fn change_patches(
    u: &mut Unstructured,
    patches: &mut Vec<Patch>,
    patch: Option<Patch>,
) -> Result<()> {
    match (position(u, patches.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => drop(patches.remove(index)),
        (Some(index), 1) => {
            patches.remove(index);
            patches.extend(patch);
        }
        (Some(index), 2) => change_patch(u, &mut patches[index])?,
        _ => patches.extend(patch),
    }
    Ok(())
}

/// Flips a bit.
fn change_patch(u: &mut Unstructured, patch: &mut Patch) -> Result<()> {
    match patch {
        Patch::Flat { bits, .. } => *bits ^= 1 << u.int_in_range(0..=31)?,
        Patch::Memory(chunk) => change_bytes(u, &mut chunk.bytes)?,
    }
    Ok(())
}

fn change_bytes(u: &mut Unstructured, bytes: &mut [u8]) -> Result<()> {
    let index = u.choose_index(bytes.len())?;
    bytes[index] ^= 1 << u.int_in_range(0..=7)?;
    Ok(())
}

fn change_raw(
    u: &mut Unstructured,
    data: &mut Giver,
    side: Side,
    passed: &mut Passed,
) -> Result<()> {
    let Passed::Raw { flat, memory } = passed else {
        return Ok(());
    };
    match (position(u, memory.len())?, u.int_in_range(0..=4)?) {
        (Some(index), 0) => drop(memory.remove(index)),
        (Some(index), 1) => change_bytes(u, &mut memory[index].bytes)?,
        (_, 2) if side.function.opts.memory => memory.push(data.chunk(u, flat)?),
        _ => change_word(u, flat, &side.core())?,
    }
    Ok(())
}

fn change_word(u: &mut Unstructured, flat: &mut [u64], core: &[CoreType]) -> Result<()> {
    let Some(index) = position(u, flat.len())? else {
        return Ok(());
    };
    let bits = if u.arbitrary()? { flat[index].wrapping_add(1) } else { integer(u, 64)? };
    flat[index] = Core::from_bits(core[index], bits).bits();
    Ok(())
}
