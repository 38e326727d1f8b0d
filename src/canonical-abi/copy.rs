//! Streams and futures: their ends, what the two ends of one share, and how elements are copied from one
//! buffer to another.
//! Knows nothing of the built-ins by which guests do that.

use std::sync::Arc;

use super::arena::Id;
use super::check::trap_if;
use super::context::Cx;
use super::deviations::moved;
use super::layout::Layout;
use super::load::load;
use super::machine::{Defined, Machine, ResourceTypes};
use super::point::{AsyncRule, Party};
use super::signature::Signature;
use super::store::store;
use super::waitable::{Event, EventCode, PendingEvent, Waitable, Waits};
use super::world::{Happening, World};
use super::{LiftLowerOptions, Stop, end_if};
use crate::types::Type;
use crate::value::Value;

/// A stream or a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Future,
}

/// Which of its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Readable,
    Writable,
}

/// Spec: `CopyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    Idle,
    Copying,
    Cancelling,
    Done,
}

/// Spec: `CopyResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyResult {
    Completed = 0,
    Dropped = 1,
    Cancelled = 2,
}

/// Spec: `CopyEnd`: `ReadableStreamEnd`, `WritableStreamEnd`, `ReadableFutureEnd` or `WritableFutureEnd`.
#[derive(Clone, Debug)]
pub struct End {
    pub kind: Kind,
    pub side: Side,
    /// The instance in whose table it is; the host's ends have none.
    pub owner: Option<usize>,
    pub shared: Id<Shared>,
    pub state: CopyState,
    pub waits: Waits,
    /// That of the copy under way, or of the one that was last.
    pub buffer: Option<Buffer>,
}

/// Spec: `SharedStreamImpl` or `SharedFutureImpl`.
#[derive(Clone, Debug)]
pub struct Shared {
    pub kind: Kind,
    /// Of a function whose result is of the element type.
    pub element: Arc<Signature>,
    pub resources: ResourceTypes,
    pub dropped: bool,
    /// The end whose copy is pending.
    pub pending: Option<Id<End>>,
    /// Whether the host, which has one of its ends, takes its time to cancel a copy.
    pub is_slow: bool,
    /// The ends that the host has used: the readable one and the writable one.
    pub host: [Option<Id<End>>; 2],
    /// How many of the two ends were not dropped.
    pub ends: usize,
}

/// Spec: `Buffer`.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub place: BufferPlace,
    pub length: u64,
    pub progress: u64,
}

/// Where the elements of a buffer are.
#[derive(Clone, Debug)]
pub enum BufferPlace {
    /// In a guest's memory: the built-in that it called, and where they begin.
    Guest(Arc<Defined>, u64),
    /// The host's: those that are left to write, or were read.
    Host(Vec<Value>),
}

impl CopyResult {
    /// As core code sees it.
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub fn code(self) -> u32 {
        self as u32
    }
}

impl End {
    /// Spec: `CopyEnd.copying`.
    pub fn is_copying(&self) -> bool {
        match self.state {
            CopyState::Idle | CopyState::Done => false,
            CopyState::Copying | CopyState::Cancelling => true,
        }
    }

    fn event_code(&self) -> EventCode {
        match (self.kind, self.side) {
            (Kind::Stream, Side::Readable) => EventCode::StreamRead,
            (Kind::Stream, Side::Writable) => EventCode::StreamWrite,
            (Kind::Future, Side::Readable) => EventCode::FutureRead,
            (Kind::Future, Side::Writable) => EventCode::FutureWrite,
        }
    }

    /// The options that its elements are lifted or lowered with: the host's end has none.
    fn opts(&self) -> Option<LiftLowerOptions> {
        match &self.buffer.as_ref()?.place {
            BufferPlace::Guest(defined, _) => Some(defined.opts.lift_lower),
            BufferPlace::Host(_) => None,
        }
    }

    fn buffer(&self) -> &Buffer {
        self.buffer.as_ref().expect("it copies")
    }

    fn buffer_mut(&mut self) -> &mut Buffer {
        self.buffer.as_mut().expect("it copies")
    }
}

impl Buffer {
    /// Spec: `Buffer.MAX_LENGTH`.
    pub const MAX_LENGTH: u64 = (1 << 28) - 1;

    /// The host's, with elements to write.
    pub fn of_host(values: Vec<Value>, length: u64) -> Buffer {
        Buffer { place: BufferPlace::Host(values), length, progress: 0 }
    }

    /// Spec: `Buffer.remain`.
    pub fn remain(&self) -> u64 {
        self.length - self.progress
    }
}

impl Machine {
    /// Spec: `SharedStreamImpl` or `SharedFutureImpl`, a new one.
    pub fn new_shared(
        &mut self,
        kind: Kind,
        element: Arc<Signature>,
        resources: ResourceTypes,
    ) -> Id<Shared> {
        self.shared.add(Shared {
            kind,
            element,
            resources,
            dropped: false,
            pending: None,
            is_slow: false,
            host: [None; 2],
            ends: 2,
        })
    }

    /// A new end that copies nothing.
    pub fn new_end(&mut self, shared: Id<Shared>, side: Side, owner: Option<usize>) -> Id<End> {
        self.ends.add(End::new(self.shared[shared].kind, shared, side, owner))
    }

    /// The end that the host has of a stream or future.
    pub fn host_end(&mut self, shared: Id<Shared>, side: Side) -> Id<End> {
        let position = usize::from(side == Side::Writable);
        if let Some(end) = self.shared[shared].host[position] {
            return end;
        }
        let end = self.new_end(shared, side, None);
        self.shared[shared].host[position] = Some(end);
        end
    }
}

impl End {
    /// One that copies nothing.
    pub fn new(kind: Kind, shared: Id<Shared>, side: Side, owner: Option<usize>) -> End {
        let (state, waits) = (CopyState::Idle, Waits::default());
        End { kind, side, owner, shared, state, waits, buffer: None }
    }
}

/// Spec: `ReadableStreamEnd.copy` and its like: a copy begins, of what is in this buffer.
pub fn copy<W: World>(world: &mut W, end: Id<End>, buffer: Buffer) -> Result<(), Stop> {
    let machine = world.machine();
    machine.ends[end].state = CopyState::Copying;
    machine.ends[end].buffer = Some(buffer);
    let shared = machine.ends[end].shared;
    let Shared { dropped, pending, kind, .. } = machine.shared[shared];
    if dropped {
        done(world, end, CopyResult::Dropped);
        return Ok(());
    }
    let Some(other) = pending else {
        machine.shared[shared].pending = Some(end);
        return Ok(());
    };
    check_same_instance(world, end, other)?;
    match kind {
        Kind::Stream => meet_in_stream(world, end, other),
        Kind::Future => meet_in_future(world, end, other),
    }
}

/// Spec: `SharedStreamImpl.read` and `write`, `SharedFutureImpl.read` and `write`, their temporary check.
fn check_same_instance<W: World>(world: &mut W, end: Id<End>, other: Id<End>) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let End { owner, shared, side, kind, .. } = machine.ends[end];
    let same = owner == machine.ends[other].owner;
    let element = machine.shared[shared].element.ty().result.as_ref();
    let refused = same && !element.is_none_or(is_number);
    let rule = match (kind, side) {
        (Kind::Stream, Side::Readable) => AsyncRule::StreamReadWithinInstance,
        (Kind::Stream, Side::Writable) => AsyncRule::StreamWriteWithinInstance,
        (Kind::Future, Side::Readable) => AsyncRule::FutureReadWithinInstance,
        (Kind::Future, Side::Writable) => AsyncRule::FutureWriteWithinInstance,
    };
    trap_if(watch, Party::Itself, rule, refused)
}

/// Spec: `none_or_number_type`.
fn is_number(ty: &Type) -> bool {
    matches!(
        ty,
        Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::S8
            | Type::S16
            | Type::S32
            | Type::S64
            | Type::F32
            | Type::F64
    )
}

/// Spec: `SharedStreamImpl.read` and `write`, where the other end's copy is pending.
fn meet_in_stream<W: World>(world: &mut W, end: Id<End>, other: Id<End>) -> Result<(), Stop> {
    let machine = world.machine();
    let (mine, pending) = (machine.ends[end].buffer(), machine.ends[other].buffer());
    let (remain, pending_remain) = (mine.remain(), pending.remain());
    // A write of nothing completes where a read of nothing waits, so that one of the two goes on.
    let both_empty =
        machine.ends[end].side == Side::Writable && mine.length == 0 && pending.length == 0;
    if pending_remain > 0 && remain > 0 {
        transfer(world, end, other, remain.min(pending_remain))?;
        copied(world, other);
    }
    if pending_remain > 0 || both_empty {
        done(world, end, CopyResult::Completed);
        return Ok(());
    }
    let shared = world.machine().ends[end].shared;
    done_pending(world, shared, CopyResult::Completed);
    world.machine().shared[shared].pending = Some(end);
    Ok(())
}

/// Spec: `SharedFutureImpl.read` and `write`, likewise.
fn meet_in_future<W: World>(world: &mut W, end: Id<End>, other: Id<End>) -> Result<(), Stop> {
    transfer(world, end, other, 1)?;
    let shared = world.machine().ends[end].shared;
    done_pending(world, shared, CopyResult::Completed);
    done(world, end, CopyResult::Completed);
    Ok(())
}

/// Copies that many elements between two ends, whichever of them is read: all are lifted, then all lowered.
fn transfer<W: World>(world: &mut W, end: Id<End>, other: Id<End>, n: u64) -> Result<(), Stop> {
    let (from, to) = match world.machine().ends[end].side {
        Side::Readable => (other, end),
        Side::Writable => (end, other),
    };
    let machine = world.machine();
    let (reader, writer) = (machine.ends[to].opts(), machine.ends[from].opts());
    let values = read(world, from, n, reader)?;
    write(world, to, n, values, writer)
}

/// Spec: `ReadableBufferGuestImpl.read`.
fn read<W: World>(
    world: &mut W,
    end: Id<End>,
    n: u64,
    peer: Option<LiftLowerOptions>,
) -> Result<Vec<Value>, Stop> {
    let Buffer { place, progress, .. } = world.machine().ends[end].buffer_mut();
    let values = match place {
        BufferPlace::Host(values) => {
            let count = usize::try_from(n).expect("so many are there").min(values.len());
            values.drain(..count).collect()
        }
        BufferPlace::Guest(defined, ptr) => {
            let (defined, ptr, progress) = (defined.clone(), *ptr, *progress);
            load_elements(world, &defined, (ptr, progress), n, peer)?
        }
    };
    world.machine().ends[end].buffer_mut().progress += n;
    Ok(values)
}

fn load_elements<W: World>(
    world: &mut W,
    defined: &Defined,
    (ptr, progress): (u64, u64),
    n: u64,
    peer: Option<LiftLowerOptions>,
) -> Result<Vec<Value>, Stop> {
    let mut guest = world.guest(&defined.opts, &defined.resources);
    let cx = &mut Cx { opts: defined.opts.lift_lower, peer, guest: &mut guest };
    let Some(elem) = element(&defined.signature, cx.opts) else { return Ok(Vec::new()) };
    (progress..progress + n).map(|i| load(cx, ptr + i * elem.elem_size, elem)).collect()
}

/// Spec: `WritableBufferGuestImpl.write`.
fn write<W: World>(
    world: &mut W,
    end: Id<End>,
    n: u64,
    values: Vec<Value>,
    peer: Option<LiftLowerOptions>,
) -> Result<(), Stop> {
    let Buffer { place, progress, .. } = world.machine().ends[end].buffer_mut();
    match place {
        BufferPlace::Host(read) => read.extend(values),
        BufferPlace::Guest(defined, ptr) => {
            let (defined, ptr, progress) = (defined.clone(), *ptr, *progress);
            store_elements(world, &defined, (ptr, progress), &values, peer)?;
        }
    }
    world.machine().ends[end].buffer_mut().progress += n;
    Ok(())
}

fn store_elements<W: World>(
    world: &mut W,
    defined: &Defined,
    (ptr, progress): (u64, u64),
    values: &[Value],
    peer: Option<LiftLowerOptions>,
) -> Result<(), Stop> {
    let mut guest = world.guest(&defined.opts, &defined.resources);
    let cx = &mut Cx { opts: defined.opts.lift_lower, peer, guest: &mut guest };
    let Some(elem) = element(&defined.signature, cx.opts) else { return Ok(()) };
    let mut places = (progress..).map(|i| ptr + i * elem.elem_size).zip(values);
    places.try_for_each(|(ptr, value)| store(cx, value, elem, ptr))
}

/// The layout of an element, if there is one: that of the only result.
pub(crate) fn element(signature: &Signature, opts: LiftLowerOptions) -> Option<&Layout> {
    signature.layout(opts.ptr_type).results.fields().first()
}

/// Spec: `SharedBase.reset_and_notify_pending`.
fn done_pending<W: World>(world: &mut W, shared: Id<Shared>, result: CopyResult) {
    let pending = world.machine().shared[shared].pending.take().expect("one is pending");
    done(world, pending, result);
}

/// Spec: `on_copy`: elements were copied, and more may be.
fn copied<W: World>(world: &mut W, end: Id<End>) {
    match world.machine().ends[end].owner {
        Some(_) => world.machine().ends[end].waits.event = Some(PendingEvent::Copied),
        None => world.happens(Happening::Copied(end)),
    }
}

/// Spec: `on_copy_done`.
fn done<W: World>(world: &mut W, end: Id<End>, result: CopyResult) {
    match world.machine().ends[end].owner {
        Some(_) => world.machine().ends[end].waits.event = Some(PendingEvent::Done(result)),
        None => {
            settle(world.machine(), end, result);
            world.happens(Happening::Done(end, result));
        }
    }
}

/// Spec: `SharedBase.reset_pending`, by whom the event is delivered to, or by the host at any time.
pub fn reclaim(machine: &mut Machine, end: Id<End>) {
    let shared = machine.ends[end].shared;
    machine.shared[shared].pending = None;
    if machine.ends[end].owner.is_none() {
        machine.ends[end].state = CopyState::Idle;
    }
}

/// Spec: `stream_event` and `future_event`.
pub fn copy_event(machine: &mut Machine, end: Id<End>, result: CopyResult) -> Event {
    settle(machine, end, result);
    let end = &machine.ends[end];
    // Only by a deviation an end has an event that has copied nothing.
    let progress = end.buffer.as_ref().map_or(0, |buffer| buffer.progress);
    let progress = u32::try_from(progress).expect("it is below 2^28");
    let payload = match end.kind {
        Kind::Stream => result.code() | progress << 4,
        Kind::Future => result.code(),
    };
    let index = end.waits.index.expect("it is in a table");
    Event { code: end.event_code(), index, payload }
}

fn settle(machine: &mut Machine, end: Id<End>, result: CopyResult) {
    let end = &mut machine.ends[end];
    assert!(end.is_copying(), "it has an event");
    end.state = match (end.kind, result) {
        (_, CopyResult::Dropped) | (Kind::Future, CopyResult::Completed) => CopyState::Done,
        (_, CopyResult::Cancelled) | (Kind::Stream, CopyResult::Completed) => CopyState::Idle,
    };
}

/// Spec: `SharedStreamImpl.cancel` and `SharedFutureImpl.cancel`.
pub fn cancel<W: World>(world: &mut W, end: Id<End>) -> Result<(), Stop> {
    let machine = world.machine();
    machine.ends[end].state = CopyState::Cancelling;
    let End { shared, owner, .. } = machine.ends[end];
    let Shared { pending, is_slow, .. } = machine.shared[shared];
    // It is, unless a check was left out.
    end_if(pending != Some(end), Stop::Crash)?;
    match is_slow && owner.is_some() {
        true => world.happens(Happening::Asked(shared)),
        false => done_pending(world, shared, CopyResult::Cancelled),
    }
    Ok(())
}

/// The host ends a copy that it was asked to cancel.
pub fn release<W: World>(world: &mut W, shared: Id<Shared>) {
    done_pending(world, shared, CopyResult::Cancelled);
}

/// Spec: `CopyEnd.drop` and `WritableFutureEnd.drop`.
pub fn drop_end<W: World>(world: &mut W, end: Id<End>) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let End { kind, side, state, shared, .. } = machine.ends[end];
    let unwritten = (kind, side) == (Kind::Future, Side::Writable) && state != CopyState::Done;
    trap_if(watch, Party::Itself, AsyncRule::FutureDroppedUnwritten, unwritten)?;
    trap_if(watch, Party::Itself, AsyncRule::EndDroppedCopying, machine.ends[end].is_copying())?;
    machine.join(Waitable::End(end), None);
    machine.ends.remove(end);
    machine.shared[shared].ends -= 1;
    machine.shared[shared].dropped = true;
    if machine.shared[shared].pending == Some(end) {
        machine.shared[shared].pending = None;
    }
    moved::tell_of_drop(machine, watch, shared);
    if machine.shared[shared].pending.is_some() {
        done_pending(world, shared, CopyResult::Dropped);
    }
    let machine = world.machine();
    if machine.shared[shared].ends == 0 {
        machine.shared.remove(shared);
    }
    Ok(())
}
