//! What is done with handles beside passing them: built-ins, destructors, what the host drops.
//! Knows where which of it is allowed, and leaves to `handles` what there is.

use arbitrary::{Result, Unstructured};

use super::draw::{between, chance, pick, position, weighted};
use super::handles::Handles;
use super::weights;
use crate::case::{BuiltIn, Destructor, Limits, PostReturn, Resource, Shape};
use crate::types::{Handle, Type};

/// Whether the guest defines a resource.
pub fn defines(shape: &Shape) -> bool {
    shape.resources.iter().any(|resource| *resource != Resource::Host)
}

/// Whether a resource has a destructor.
pub fn destroys(shape: &Shape) -> bool {
    shape.resources.contains(&Resource::Guest { by: 0, destructor: true })
}

/// Whether the host can lend the guest something that it has to drop.
pub fn borrows(shape: &Shape) -> bool {
    let handles = shape.guests[0].export.ty.params.iter().flat_map(Type::handles);
    let mut lent = handles.filter_map(|handle| match handle {
        Handle::Borrow(resource) => Some(*resource),
        Handle::Own(_) | Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => None,
    });
    lent.any(|resource| shape.is_host(resource))
}

/// How many built-ins are called.
pub fn built_in_count(u: &mut Unstructured, shape: &Shape, slips: bool) -> Result<usize> {
    if shape.resources.is_empty() {
        return Ok(0);
    }
    Ok(weighted(u, weights::BUILT_INS)?.max(usize::from(slips)))
}

/// A call of a built-in, if there is anything to call one with.
pub fn built_in(
    u: &mut Unstructured,
    wrong: bool,
    handles: &mut Handles,
) -> Result<Option<BuiltIn>> {
    let built_in = if wrong { Some(handles.wrong_built_in(u)?) } else { handles.built_in(u)? };
    built_in.into_iter().for_each(|built_in| handles.apply(built_in));
    Ok(built_in)
}

/// Drops what is borrowed, but for one where that is to be kept.
pub fn drop_borrows(
    u: &mut Unstructured,
    keeps: bool,
    handles: &mut Handles,
) -> Result<Vec<BuiltIn>> {
    let mut drops = handles.drops_of_borrows();
    let kept = position(u, drops.len())?.filter(|_| keeps);
    if let Some(index) = kept {
        drops.remove(index);
    }
    drops.iter().for_each(|built_in| handles.apply(*built_in));
    Ok(drops)
}

/// What `post-return` does.
pub fn post_return(
    u: &mut Unstructured,
    shape: &Shape,
    slips: bool,
    handles: &Handles,
) -> Result<PostReturn> {
    let leaves = shape.guests[0].import.is_some() && u.arbitrary()?;
    if !shape.guests[0].export.opts.post_return {
        return Ok(PostReturn::Nothing);
    }
    if slips && !shape.resources.is_empty() && u.ratio(2, 3)? {
        return handles.any_built_in(u).map(PostReturn::BuiltIn);
    }
    Ok(match (slips, leaves) {
        (false, _) => {
            let rep = super::realloc::hidden_rep(u, handles)?;
            rep.map_or(PostReturn::Nothing, PostReturn::BuiltIn)
        }
        (true, true) => PostReturn::Import,
        (true, false) => PostReturn::Trap,
    })
}

/// What destructors do.
pub fn destructor(
    u: &mut Unstructured,
    shape: &Shape,
    slips: bool,
    handles: &Handles,
) -> Result<Destructor> {
    if !destroys(shape) {
        return Ok(Destructor::Nothing);
    }
    if slips {
        let traps = u.arbitrary()?;
        return if traps { Ok(Destructor::Trap) } else { wrong_in_destructor(u, handles) };
    }
    if !chance(u, weights::BUSY_DESTRUCTOR)? {
        return Ok(Destructor::Nothing);
    }
    Ok(match handles.built_in(u)? {
        Some(built_in) => Destructor::BuiltIn(built_in),
        None => Destructor::Nothing,
    })
}

fn wrong_in_destructor(u: &mut Unstructured, handles: &Handles) -> Result<Destructor> {
    handles.any_built_in(u).map(Destructor::BuiltIn)
}

/// What the host drops after the call.
pub fn host_drops(
    u: &mut Unstructured,
    limits: &Limits,
    slips: bool,
    handles: &mut Handles,
) -> Result<Vec<u32>> {
    let mut drops = Vec::new();
    if slips && u.arbitrary()? {
        drops.push(handles.not_held(u)?);
    }
    let held = handles.held(|_| true);
    if !held.is_empty() && chance(u, weights::HOST_DROPS)? {
        for _ in 0..between(u, 1, 2)? {
            drops.push(pick(u, &held)?);
        }
    }
    drops.truncate(usize::try_from(limits.host_drops).unwrap_or(usize::MAX));
    drops.iter().for_each(|number| handles.host_drop(*number));
    Ok(drops)
}
