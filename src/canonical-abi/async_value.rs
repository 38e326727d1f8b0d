//! Streams, futures and error contexts as values: how they are lifted and lowered.
//! Knows nothing of what is copied through them.

use super::arena::Arena;
use super::async_rule::AsyncRule;
use super::check::check_there;
use super::context::{Cx, handles};
use super::copy::{CopyState, End, Kind, Shared, Side};
use super::handle::add;
use super::machine::ResourceTypes;
use super::table::Entry;
use super::waitable::Waits;
use super::{Party, ResourceType, Stop};
use crate::types::Type;

/// Spec: `lift_error_context`: the number of the error context among all.
pub fn lift_error_context(cx: &mut Cx, i: u32) -> Result<u32, Stop> {
    let Some(entry) = get(cx, i)? else { return Ok(i) };
    let errctx = entry.error_context();
    cx.trap_if(AsyncRule::LiftErrorContextOtherKind, errctx.is_none())?;
    errctx.ok_or(Stop::Crash)
}

/// Spec: `lower_error_context`.
pub fn lower_error_context(cx: &mut Cx, errctx: u32) -> Result<u32, Stop> {
    if cx.guest.handles().is_none() {
        return Ok(errctx);
    }
    add(cx.guest, Entry::ErrorContext(errctx), Party::of(cx.peer))
}

/// Spec: `lift_stream`: the number of what its ends share.
pub fn lift_stream(cx: &mut Cx, i: u32, elem: Option<&Type>) -> Result<u32, Stop> {
    lift_async_value(cx, i, Kind::Stream, elem)
}

/// Spec: `lift_future`, likewise.
pub fn lift_future(cx: &mut Cx, i: u32, elem: Option<&Type>) -> Result<u32, Stop> {
    lift_async_value(cx, i, Kind::Future, elem)
}

/// Spec: `lift_async_value`.
fn lift_async_value(cx: &mut Cx, i: u32, kind: Kind, elem: Option<&Type>) -> Result<u32, Stop> {
    let Some(entry) = get(cx, i)? else { return Ok(i) };
    let super::Handles { ends, shared, resources, .. } = handles(cx.guest);
    let end = end_of(entry, (kind, Side::Readable), ends);
    let other_type = end.is_some_and(|end| !has_element(&shared[end.shared], elem, resources));
    let busy = end.is_some_and(|end| end.state != CopyState::Idle);
    let (other_kind, in_set) = (end.is_none(), end.is_some_and(|end| end.waits.set.is_some()));
    cx.trap_if(AsyncRule::LiftEndOtherKind, other_kind)?;
    cx.trap_if(AsyncRule::LiftEndOtherType, other_type)?;
    cx.trap_if(AsyncRule::LiftEndNotIdle, busy)?;
    cx.trap_if(AsyncRule::LiftEndInSet, in_set)?;
    remove(cx, i, entry)
}

/// Takes an end out of its table, and gives the number of what it shares with the other one.
fn remove(cx: &mut Cx, i: u32, entry: Entry) -> Result<u32, Stop> {
    let Entry::End(id) = entry else { return Err(Stop::Crash) };
    let handles = handles(cx.guest);
    handles.table.remove(i);
    let end = handles.ends.remove(id).ok_or(Stop::Crash)?;
    Ok(u32::try_from(end.shared.position()).expect("there are not that many"))
}

/// Spec: `lower_stream` and `lower_future`: a new readable end.
pub fn lower_end(cx: &mut Cx, shared: u32) -> Result<u32, Stop> {
    let Some(handles) = cx.guest.handles() else { return Ok(shared) };
    let position = usize::try_from(shared).expect("an index fits");
    let shared = handles.shared.at(position).expect("it has an end still");
    let kind = handles.shared[shared].kind;
    let end = End::new(kind, shared, Side::Readable, Some(handles.instance));
    let id = handles.ends.add(end);
    let i = add(cx.guest, Entry::End(id), Party::of(cx.peer))?;
    super::context::handles(cx.guest).ends[id].waits = Waits { index: Some(i), ..Waits::default() };
    Ok(i)
}

/// The end behind an entry, if it is such a one.
pub(crate) fn end_of(entry: Entry, which: (Kind, Side), ends: &Arena<End>) -> Option<&End> {
    ends.get(entry.end()?).filter(|end| (end.kind, end.side) == which)
}

/// Whether a stream or future is of elements of this type.
pub(crate) fn has_element(
    shared: &Shared,
    elem: Option<&Type>,
    resources: &[Option<ResourceType>],
) -> bool {
    same_type(shared.element.ty().result.as_ref(), &shared.resources, elem, resources)
}

/// Whether two types are one, whatever numbers their resource types have.
pub(crate) fn same_type(
    a: Option<&Type>,
    of_a: &ResourceTypes,
    b: Option<&Type>,
    of_b: &[Option<ResourceType>],
) -> bool {
    let identified = |ty: Option<&Type>, resources: &[Option<ResourceType>]| {
        ty.map(|ty| {
            ty.renumbered(&mut |resource| {
                let position = usize::try_from(resource).expect("an index fits");
                let id = resources[position].expect("it is defined before it is used").id;
                u32::try_from(id).expect("there are not that many")
            })
        })
    };
    identified(a, of_a) == identified(b, of_b)
}

/// The entry of this index; nothing where the guest is no instance.
fn get(cx: &mut Cx, i: u32) -> Result<Option<Entry>, Stop> {
    let Some(handles) = cx.guest.handles() else { return Ok(None) };
    let (entry, miss) = (handles.table.get(i), handles.table.miss(i));
    check_there(cx.guest.watch(), Party::of(cx.peer), miss)?;
    entry.map(Some).ok_or(Stop::Crash)
}
