//! The built-ins on streams and futures.
//! Knows nothing of how elements come from one buffer to another.

use std::sync::Arc;

use super::{BLOCKED, add, cx, get, nothing, remove};
use crate::arena::Id;
use crate::async_rule::AsyncRule;
use crate::async_value::has_element;
use crate::check::trap_if;
use crate::context::Cx;
use crate::copy::{self, Buffer, BufferPlace, CopyState, End, Kind, Side};
use crate::deviations::moved;
use crate::machine::Defined;
use crate::table::Entry;
use crate::waitable::{Waitable, take_event, wait_for_event};
use crate::world::{Outcome, World};
use crate::{Core, CoreType, Deviation, Party, Stop, wrap};

/// Spec: `canon_stream_new` and `canon_future_new`.
pub fn new<W: World>(world: &mut W, d: &Defined, kind: Kind) -> Result<Outcome, Stop> {
    let shared = world.machine().new_shared(kind, d.signature.clone(), d.resources.clone());
    let mut index_of = |side| {
        let end = world.machine().new_end(shared, side, Some(d.opts.instance));
        let i = add(&mut world.guest(&d.opts, &d.resources), Entry::End(end))?;
        world.machine().ends[end].waits.index = Some(i);
        Ok::<_, Stop>(u64::from(i))
    };
    let readable = index_of(Side::Readable)?;
    let writable = index_of(Side::Writable)?;
    Ok(Outcome::Results(vec![Core::I64(readable | writable << 32)]))
}

/// What the checks of a copy are called.
struct Rules {
    no_end: AsyncRule,
    other_type: AsyncRule,
    state: AsyncRule,
    in_set: AsyncRule,
}

const STREAM: Rules = Rules {
    no_end: AsyncRule::StreamCopyNoEnd,
    other_type: AsyncRule::StreamCopyOtherType,
    state: AsyncRule::StreamCopyNotIdle,
    in_set: AsyncRule::StreamCopyInSet,
};
const FUTURE: Rules = Rules {
    no_end: AsyncRule::FutureCopyNoEnd,
    other_type: AsyncRule::FutureCopyOtherType,
    state: AsyncRule::FutureCopyNotIdle,
    in_set: AsyncRule::FutureCopyInSet,
};
const CANCEL: Rules = Rules {
    no_end: AsyncRule::CancelCopyNoEnd,
    other_type: AsyncRule::CancelCopyOtherType,
    state: AsyncRule::CancelCopyNotCopying,
    in_set: AsyncRule::CancelCopyInSet,
};

/// Spec: `stream_copy`.
pub fn stream_copy<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    side: Side,
    args: &[Core],
) -> Result<Outcome, Stop> {
    let i = wrap(args[0].bits());
    let (ptr, length) = (args[1].bits(), args[2].bits());
    let end = idle_end(world, d, (Kind::Stream, side), i, &STREAM);
    let end = end.map_err(|stop| buffer_first(world, d, (ptr, length), stop))?;
    let buffer = buffer(world, d, ptr, length)?;
    copy::copy(world, end, buffer)?;
    copied(world, d, end)
}

/// Spec: `future_copy`.
pub fn future_copy<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    side: Side,
    args: &[Core],
) -> Result<Outcome, Stop> {
    let i = wrap(args[0].bits());
    let ptr = args[1].bits();
    let end = idle_end(world, d, (Kind::Future, side), i, &FUTURE);
    let end = end.map_err(|stop| buffer_first(world, d, (ptr, 1), stop))?;
    let buffer = buffer(world, d, ptr, 1)?;
    copy::copy(world, end, buffer)?;
    copied(world, d, end)
}

/// An end that may begin to copy.
fn idle_end<W: World>(
    world: &mut W,
    d: &Defined,
    which: (Kind, Side),
    i: u32,
    rules: &Rules,
) -> Result<Id<End>, Stop> {
    let id = end(world, d, which, i, [rules.no_end, rules.other_type])?;
    let (machine, watch) = world.parts();
    let End { state, ref waits, .. } = machine.ends[id];
    let in_set = waits.set.is_some() && !d.opts.is_async;
    trap_if(watch, Party::Itself, rules.state, state != CopyState::Idle)?;
    trap_if(watch, Party::Itself, rules.in_set, in_set)?;
    Ok(id)
}

/// The end of this index, by the rules that it is such a one and of the type that the built-in is made for.
fn end<W: World>(
    world: &mut W,
    d: &Defined,
    (kind, side): (Kind, Side),
    i: u32,
    [no_end, other_type]: [AsyncRule; 2],
) -> Result<Id<End>, Stop> {
    let entry = get(world, d.opts.instance, i)?;
    let (machine, watch) = world.parts();
    let id = match entry {
        Entry::End(id) => Some(id),
        Entry::Resource(_) | Entry::Subtask(_) | Entry::Set(_) | Entry::ErrorContext(_) => None,
    };
    let such = |id: &Id<End>| (machine.ends[*id].kind, machine.ends[*id].side) == (kind, side);
    let id = id.filter(such);
    trap_if(watch, Party::Itself, no_end, id.is_none())?;
    let id = id.ok_or(Stop::Crash)?;
    let shared = &machine.shared[machine.ends[id].shared];
    let element = d.signature.ty().result.as_ref();
    let differs = !has_element(shared, element, &d.resources);
    trap_if(watch, Party::Itself, other_type, differs)?;
    Ok(id)
}

/// Spec: `BufferGuestImpl`.
fn buffer<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    ptr: u64,
    length: u64,
) -> Result<Buffer, Stop> {
    let too_long = length > Buffer::MAX_LENGTH;
    trap_if(world.watch(), Party::Itself, AsyncRule::BufferTooLong, too_long)?;
    let mut guest = world.guest(&d.opts, &d.resources);
    let cx = &mut cx(d, &mut guest);
    if let Some(elem) = copy::element(&d.signature, cx.opts).filter(|_| length > 0) {
        let (aligned, size) =
            (ptr.is_multiple_of(elem.alignment), length.saturating_mul(elem.elem_size));
        check_buffer(cx, ptr, aligned, size)?;
    }
    let place = BufferPlace::Guest(d.clone(), ptr);
    Ok(Buffer { place, length, progress: 0 })
}

/// What a copy ends in that may not begin with this end, where its buffer is looked at first.
fn buffer_first<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    (ptr, length): (u64, u64),
    stop: Stop,
) -> Stop {
    if !world.watch().has(Deviation::CopyBufferBeforeEnd) {
        return stop;
    }
    let first = buffer(world, d, ptr, length).err().filter(|first| *first != stop);
    let deviates = first.is_some() && world.watch().deviates(Deviation::CopyBufferBeforeEnd);
    first.filter(|_| deviates).unwrap_or(stop)
}

fn check_buffer(cx: &mut Cx, ptr: u64, aligned: bool, size: u64) -> Result<(), Stop> {
    let outside = cx.out_of_bounds(ptr, size);
    trap_if(cx.guest.watch(), Party::Itself, AsyncRule::BufferMisaligned, !aligned)?;
    trap_if(cx.guest.watch(), Party::Itself, AsyncRule::BufferOutOfBounds, outside)
}

/// Spec: `stream_copy`, `future_copy` and `cancel_copy`, their ends: what is returned is known, waited for, or comes as
/// an event.
fn copied<W: World>(world: &mut W, d: &Defined, end: Id<End>) -> Result<Outcome, Stop> {
    let waitable = Waitable::End(end);
    let ty = d.flat_ft().results.first().copied().unwrap_or(CoreType::I32);
    let has_event = world.machine().waits(waitable).event.is_some();
    match (has_event, d.opts.is_async) {
        (true, _) => {
            let payload = take_event(world, waitable).payload;
            Ok(Outcome::Results(vec![Core::from_bits(ty, u64::from(payload))]))
        }
        (false, true) => Ok(Outcome::Results(vec![Core::from_bits(ty, u64::from(BLOCKED))])),
        (false, false) => wait_for_event(world, waitable, ty),
    }
}

/// Spec: `cancel_copy`.
pub fn cancel_copy<W: World>(
    world: &mut W,
    d: &Defined,
    which: (Kind, Side),
    i: u32,
) -> Result<Outcome, Stop> {
    let id = end(world, d, which, i, [CANCEL.no_end, CANCEL.other_type])?;
    let (machine, watch) = world.parts();
    let End { state, ref waits, .. } = machine.ends[id];
    let in_set = waits.set.is_some() && !d.opts.is_async;
    let not_copying = state != CopyState::Copying || waits.has_sync_waiter;
    let event = waits.event;
    trap_if(watch, Party::Itself, CANCEL.state, not_copying)?;
    trap_if(watch, Party::Itself, CANCEL.in_set, in_set)?;
    if event.is_none() || moved::cancels_copied(watch, event) {
        copy::cancel(world, id)?;
    }
    copied(world, d, id)
}

/// Spec: `drop`, of an end.
pub fn drop<W: World>(
    world: &mut W,
    d: &Defined,
    which: (Kind, Side),
    i: u32,
) -> Result<Outcome, Stop> {
    let rules = [AsyncRule::DropNoEnd, AsyncRule::DropEndOtherType];
    let id = end(world, d, which, i, rules)?;
    remove(world, d.opts.instance, i);
    copy::drop_end(world, id)?;
    Ok(nothing())
}
