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
use crate::{Core, Deviation, Party, Stop, wrap};

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

/// Spec: `stream_copy` and `future_copy`: a future has one element.
pub fn copy<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    (kind, side): (Kind, Side),
    args: &[Core],
) -> Result<Outcome, Stop> {
    let (i, ptr) = (wrap(args[0].bits()), args[1].bits());
    let (length, rules) = match kind {
        Kind::Stream => (args[2].bits(), &STREAM),
        Kind::Future => (1, &FUTURE),
    };
    let is_idle = |end: &End| end.state == CopyState::Idle;
    let end = end_in_state(world, d, (kind, side), i, rules, is_idle);
    let end = end.map_err(|stop| buffer_first(world, d, (ptr, length), stop))?;
    let buffer = buffer(world, d, ptr, length)?;
    copy::copy(world, end, buffer)?;
    copied(world, d, end)
}

/// The end of this index, by all these rules: it is in the state that is asked for, and nobody waits in vain.
fn end_in_state<W: World>(
    world: &mut W,
    d: &Defined,
    which: (Kind, Side),
    i: u32,
    rules: &Rules,
    is_ready: impl FnOnce(&End) -> bool,
) -> Result<Id<End>, Stop> {
    let id = end(world, d, which, i, [rules.no_end, rules.other_type])?;
    let (machine, watch) = world.parts();
    let end = &machine.ends[id];
    trap_if(watch, Party::Itself, rules.state, !is_ready(end))?;
    let in_set = end.waits.set.is_some() && !d.opts.is_async;
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
    let such = |id: &Id<End>| (machine.ends[*id].kind, machine.ends[*id].side) == (kind, side);
    let id = entry.end().filter(such);
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
    let ty = d.result_type().expect("a copy says what became of it");
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
    let copies = |end: &End| end.state == CopyState::Copying && !end.waits.has_sync_waiter;
    let id = end_in_state(world, d, which, i, &CANCEL, copies)?;
    let (machine, watch) = world.parts();
    let event = machine.ends[id].waits.event;
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
