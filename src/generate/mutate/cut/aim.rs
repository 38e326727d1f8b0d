//! Patches of memory that hit what they hit before, after the data around it has changed.
//! Knows where data lies by asking `guest`; not what the damage is for.

use std::mem::discriminant;

use crate::case::{Case, Passed, Patch, Script, Shape};
use crate::generate::choices::PlaceKind;
use crate::generate::guest::{Giver, handed_over};
use crate::generate::places::{Place, Spot};

/// Where patches of memory go when data moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nowhere.
    Stay,
    /// To what is of the same sort, counted from the first.
    FromFirst,
    /// To what is of the same sort, counted from the last.
    FromLast,
}

/// Whether there is a patch of memory that could go anywhere.
pub fn any_patch(case: &Case) -> bool {
    let scripts = case.calls.iter().flat_map(|call| &call.scripts);
    scripts.flat_map(Script::passed).any(|(_, passed)| match passed {
        Passed::Lowered { patches, .. } => {
            patches.iter().any(|patch| matches!(patch, Patch::Memory(_)))
        }
        Passed::Raw { .. } => false,
    })
}

/// Moves the patches of a case that was `before`.
pub fn move_patches(before: &Case, case: &mut Case, aim: Aim) {
    let Case { shape, calls, .. } = case;
    for (old, new) in before.calls.iter().zip(calls) {
        for (number, (old, new)) in old.scripts.iter().zip(&mut new.scripts).enumerate() {
            let old_places = places(&before.shape, number, old);
            let new_places = places(shape, number, new);
            let both = old_places.iter().zip(&new_places);
            for ((old, new), (_, passed)) in both.zip(new.passed_mut()) {
                move_in(passed, old, new, aim);
            }
        }
    }
}

/// The places in all that a guest hands over in one call; none for what does not fit.
fn places(shape: &Shape, number: usize, script: &Script) -> Vec<Vec<Place>> {
    let Some(guest) = shape.guests.get(number) else { return Vec::new() };
    let mut data = Giver::new(shape, number);
    let all = handed_over(guest, script);
    all.map(|(side, passed)| data.advance(side, passed).unwrap_or_default()).collect()
}

fn move_in(passed: &mut Passed, old: &[Place], new: &[Place], aim: Aim) {
    match passed {
        Passed::Lowered { patches, .. } => {
            for patch in patches {
                match patch {
                    Patch::Memory(chunk) => {
                        let to = target(u64::from(chunk.at), old, new, aim);
                        let to = to.and_then(|to| u32::try_from(to).ok());
                        chunk.at = to.unwrap_or(chunk.at);
                    }
                    Patch::Flat { .. } => {}
                }
            }
        }
        Passed::Raw { .. } => {}
    }
}

/// The new address of what was at this one.
fn target(at: u64, old: &[Place], new: &[Place], aim: Aim) -> Option<u64> {
    let hit = old
        .iter()
        .find(|place| range(place).is_some_and(|(start, end)| start <= at && at < end))?;
    let alike = |places: &[Place]| -> Vec<Place> {
        let same = |place: &&Place| discriminant(&place.kind) == discriminant(&hit.kind);
        places.iter().filter(same).copied().collect()
    };
    let (old, new) = (alike(old), alike(new));
    let index = old.iter().position(|place| place == hit)?;
    let index = match aim {
        Aim::Stay => return None,
        Aim::FromFirst => index,
        Aim::FromLast => (index + new.len()).checked_sub(old.len())?,
    };
    let (start, end) = range(new.get(index)?)?;
    let within = at - range(hit)?.0;
    Some((start + within).min(end.saturating_sub(1)))
}

/// The bytes that are of a place in memory.
fn range(place: &Place) -> Option<(u64, u64)> {
    match place.spot {
        Spot::Flat { .. } => None,
        Spot::Memory { at, width } => {
            let width = if let PlaceKind::Text { bytes, .. } = place.kind { bytes } else { width };
            Some((at, at + width))
        }
    }
}
