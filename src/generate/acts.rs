//! What is done with handles beside passing them: built-ins, destructors, what the host drops.
//! Knows where which of it is allowed, and leaves to `handles` what there is.

use arbitrary::{Result, Unstructured};

use super::draw::{between, chance, pick, position, weighted};
use super::handles::Handles;
use super::weights;
use crate::case::{Act, BuiltInCall, End, Guest, Limits, Resource, Shape, Turn};
use crate::types::{self, Handle, Type};

/// Whether any guest defines a resource.
pub fn any_defined(shape: &Shape) -> bool {
    shape.resources.iter().any(|resource| *resource != Resource::Host)
}

/// Whether this guest defines a resource.
pub fn defines(resources: &[Resource], resource: types::Resource, guest: usize) -> bool {
    let position = usize::try_from(resource).ok();
    match position.and_then(|position| resources.get(position)) {
        Some(Resource::Guest { by, .. }) => usize::try_from(*by) == Ok(guest),
        Some(Resource::Host) | None => false,
    }
}

/// Whether a resource of this guest's has a destructor.
pub fn destroys(shape: &Shape, guest: usize) -> bool {
    let by = u32::try_from(guest).expect("guests are few");
    shape.resources.contains(&Resource::Guest { by, destructor: true })
}

/// Whether the caller can lend this guest something that it has to drop.
pub fn borrows(shape: &Shape, guest: usize) -> bool {
    let handles = shape.guests[guest].export.ty.params.iter().flat_map(Type::handles);
    let mut lent = handles.filter_map(|handle| match handle {
        Handle::Borrow(resource) => Some(*resource),
        Handle::Own(_) | Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => None,
    });
    lent.any(|resource| !defines(&shape.resources, resource, guest))
}

/// How many built-ins are called.
pub fn built_in_count(
    u: &mut Unstructured,
    guest: usize,
    errs: bool,
    handles: &Handles,
) -> Result<usize> {
    if handles.known().is_empty() {
        return Ok(0);
    }
    let counts = if guest == 0 { weights::BUILT_INS } else { weights::chain::CALLEE_BUILT_INS };
    Ok(weighted(u, counts)?.max(usize::from(errs)))
}

/// A call of a built-in, if there is anything to call one with.
pub fn built_in(
    u: &mut Unstructured,
    wrong: bool,
    handles: &mut Handles,
) -> Result<Option<BuiltInCall>> {
    let built_in = if wrong { Some(handles.wrong_built_in(u)?) } else { handles.built_in(u)? };
    built_in.into_iter().for_each(|built_in| handles.apply(built_in));
    Ok(built_in)
}

/// Drops what is borrowed, but for one where that is to be kept.
pub fn drop_borrows(
    u: &mut Unstructured,
    keeps: bool,
    handles: &mut Handles,
) -> Result<Vec<BuiltInCall>> {
    let mut drops = handles.drops_of_borrows();
    let kept = position(u, drops.len())?.filter(|_| keeps);
    if let Some(index) = kept {
        drops.remove(index);
    }
    drops.iter().for_each(|built_in| handles.apply(*built_in));
    Ok(drops)
}

/// A turn that only calls this.
fn calling(built_in: BuiltInCall) -> Turn {
    Turn::of(Act::BuiltIn(built_in))
}

/// What `post-return` does.
pub fn post_return(
    u: &mut Unstructured,
    guest: &Guest,
    errs: bool,
    handles: &Handles,
) -> Result<Turn> {
    let leaves = guest.import.is_some() && u.arbitrary()?;
    if !guest.export.opts.post_return {
        return Ok(Turn::PLAIN);
    }
    if errs && !handles.known().is_empty() && u.ratio(2, 3)? {
        return handles.any_built_in(u).map(calling);
    }
    Ok(match (errs, leaves) {
        (false, _) => {
            let rep = super::realloc::hidden_rep(u, handles)?;
            rep.map_or(Turn::PLAIN, calling)
        }
        (true, true) => Turn::of(Act::Leave),
        (true, false) => Turn::ending(End::Trap),
    })
}

/// What destructors do.
pub fn destructor(
    u: &mut Unstructured,
    shape: &Shape,
    guest: usize,
    errs: bool,
    handles: &Handles,
) -> Result<Turn> {
    if !destroys(shape, guest) {
        return Ok(Turn::PLAIN);
    }
    if errs {
        let traps = u.ratio(1, 3)?;
        return if traps { Ok(Turn::ending(End::Trap)) } else { wrong_in_destructor(u, handles) };
    }
    if !chance(u, weights::BUSY_DESTRUCTOR)? {
        return Ok(Turn::PLAIN);
    }
    // In a chain it may run while another guest does, whose table is not looked at here.
    let alone = shape.guests.len() == 1;
    let built_in = if alone { handles.built_in(u)? } else { handles.rep_of_any(u)? };
    Ok(built_in.map_or(Turn::PLAIN, calling))
}

fn wrong_in_destructor(u: &mut Unstructured, handles: &Handles) -> Result<Turn> {
    let mistakes = u.arbitrary()?;
    let built_in = if mistakes { handles.mistake(u) } else { handles.any_built_in(u) };
    built_in.map(calling)
}

/// What the host drops after the call: something it does not hold where it errs, and something in
/// any case where a destructor is to fail.
pub fn host_drops(
    u: &mut Unstructured,
    limits: &Limits,
    (errs, destroys): (bool, bool),
    handles: &mut Handles,
) -> Result<Vec<u32>> {
    let mut drops = Vec::new();
    if errs && u.arbitrary()? {
        drops.push(handles.not_held(u)?);
    }
    let held = handles.held(|_| true);
    if !held.is_empty() && (destroys || chance(u, weights::HOST_DROPS)?) {
        for _ in 0..between(u, 1, 2)? {
            drops.push(pick(u, &held)?);
        }
    }
    drops.truncate(usize::try_from(limits.host_drops).unwrap_or(usize::MAX));
    drops.iter().for_each(|number| handles.host_drop(*number));
    Ok(drops)
}
