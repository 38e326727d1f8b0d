//! The async built-ins: what each does when core code calls it, in the order of the specification.
//! Knows nothing of how core code comes to call them.

mod copies;
mod error_contexts;
mod threads;

use std::sync::Arc;

use super::arena::Id;
use super::async_rule::AsyncRule;
use super::async_value::same_type;
use super::canon::{self, destroy};
use super::check::{check_there, trap_if};
use super::context::{Cx, Guest, set_stage};
use super::copy::{Kind, Side};
use super::deviations::moved;
use super::handle::{canon_resource_drop, canon_resource_new, canon_resource_rep, return_};
use super::lift::CoreValues;
use super::machine::{Called, Defined, Lifted, Subtask, Task, TaskState};
use super::memory::store_int;
use super::passing::lift;
use super::table::Entry;
use super::thread::Then;
use super::thread::{Calls, Condition};
use super::waitable::{
    Event, Waitable, WaitableSet, drop_set, take_event, take_event_of, wait_for_event,
    wait_for_event_of,
};
use super::world::{Outcome, World};
use super::wrap;
use super::{BuiltIn, LiftLowerOptions};
use super::{Core, CoreType, MAX_FLAT_PARAMS, Party, Stage, Stop, end_if, handle, task, thread};

/// Spec: `BLOCKED`.
const BLOCKED: u32 = 0xffff_ffff;

/// Core code of the current thread calls a built-in with these arguments.
pub fn call<W: World>(world: &mut W, d: &Arc<Defined>, args: &[Core]) -> Result<Outcome, Stop> {
    let may_leave = world.machine().instances[d.opts.instance].may_leave;
    let i = args.first().map_or(0, |arg| wrap(arg.bits()));
    check_leaves(world, d, may_leave)?;
    match d.which {
        BuiltIn::ResourceNew => resource_new(world, d, may_leave, i),
        BuiltIn::ResourceRep => resource_rep(world, d, may_leave, i),
        BuiltIn::ResourceDrop => resource_drop(world, d, may_leave, i),
        BuiltIn::TaskReturn => task_return(world, d, args),
        BuiltIn::TaskCancel => task_cancel(world),
        BuiltIn::ContextGet => Ok(context_get(world, d)),
        BuiltIn::ContextSet => Ok(context_set(world, d, args[0])),
        BuiltIn::BackpressureInc => backpressure_inc(world, d),
        BuiltIn::BackpressureDec => backpressure_dec(world, d),
        BuiltIn::WaitableSetNew => waitable_set_new(world, d),
        BuiltIn::WaitableSetWait => waitable_set_wait(world, d, i, args[1].bits()),
        BuiltIn::WaitableSetPoll => waitable_set_poll(world, d, i, args[1].bits()),
        BuiltIn::WaitableSetDrop => waitable_set_drop(world, d, i),
        BuiltIn::WaitableJoin => waitable_join(world, d, i, wrap(args[1].bits())),
        BuiltIn::SubtaskCancel => subtask_cancel(world, d, i),
        BuiltIn::SubtaskDrop => subtask_drop(world, d, i),
        BuiltIn::StreamNew => copies::new(world, d, Kind::Stream),
        BuiltIn::StreamRead => copies::copy(world, d, (Kind::Stream, Side::Readable), args),
        BuiltIn::StreamWrite => copies::copy(world, d, (Kind::Stream, Side::Writable), args),
        BuiltIn::StreamCancelRead => {
            copies::cancel_copy(world, d, (Kind::Stream, Side::Readable), i)
        }
        BuiltIn::StreamCancelWrite => {
            copies::cancel_copy(world, d, (Kind::Stream, Side::Writable), i)
        }
        BuiltIn::StreamDropReadable => copies::drop(world, d, (Kind::Stream, Side::Readable), i),
        BuiltIn::StreamDropWritable => copies::drop(world, d, (Kind::Stream, Side::Writable), i),
        BuiltIn::FutureNew => copies::new(world, d, Kind::Future),
        BuiltIn::FutureRead => copies::copy(world, d, (Kind::Future, Side::Readable), args),
        BuiltIn::FutureWrite => copies::copy(world, d, (Kind::Future, Side::Writable), args),
        BuiltIn::FutureCancelRead => {
            copies::cancel_copy(world, d, (Kind::Future, Side::Readable), i)
        }
        BuiltIn::FutureCancelWrite => {
            copies::cancel_copy(world, d, (Kind::Future, Side::Writable), i)
        }
        BuiltIn::FutureDropReadable => copies::drop(world, d, (Kind::Future, Side::Readable), i),
        BuiltIn::FutureDropWritable => copies::drop(world, d, (Kind::Future, Side::Writable), i),
        BuiltIn::ThreadIndex => threads::index(world),
        BuiltIn::ThreadNewIndirect => threads::new_indirect(world, d, args),
        BuiltIn::ThreadResumeLater => threads::resume_later(world, d, i),
        BuiltIn::ThreadSuspend => threads::suspend(world, d),
        BuiltIn::ThreadYield => threads::yield_(world, d),
        BuiltIn::ThreadSuspendThenResume => threads::suspend_then_resume(world, d, i),
        BuiltIn::ThreadYieldThenResume => threads::yield_then_resume(world, d, i),
        BuiltIn::ThreadSuspendThenPromote => threads::suspend_then_promote(world, d, i),
        BuiltIn::ThreadYieldThenPromote => threads::yield_then_promote(world, d, i),
        BuiltIn::ErrorContextNew => error_contexts::new(world, d, args),
        BuiltIn::ErrorContextDebugMessage => error_contexts::debug_message(world, d, args),
        BuiltIn::ErrorContextDrop => error_contexts::drop(world, d, i),
    }
}

/// Traps where a built-in of the async part may not be called. Those on resources have rules of their own for that.
fn check_leaves<W: World>(world: &mut W, d: &Defined, may_leave: bool) -> Result<(), Stop> {
    let own_rule = BuiltIn::OF_RESOURCES.contains(&d.which);
    let stays = !own_rule && d.which.leaves() && !may_leave;
    let (machine, watch) = world.parts();
    trap_if(watch, Party::Itself, AsyncRule::MayNotLeave, stays)?;
    moved::check_blocks(machine, watch, d)
}

fn nothing() -> Outcome {
    Outcome::Results(Vec::new())
}

fn one(i: u32) -> Outcome {
    Outcome::Results(vec![Core::I32(i)])
}

fn resource_new<W: World>(
    world: &mut W,
    d: &Defined,
    may_leave: bool,
    rep: u32,
) -> Result<Outcome, Stop> {
    let mut guest = world.guest(&d.opts, &d.resources);
    canon_resource_new(&mut guest, may_leave, d.resource, rep).map(one)
}

fn resource_rep<W: World>(
    world: &mut W,
    d: &Defined,
    may_leave: bool,
    i: u32,
) -> Result<Outcome, Stop> {
    let mut guest = world.guest(&d.opts, &d.resources);
    canon_resource_rep(&mut guest, may_leave, d.resource, i).map(one)
}

fn resource_drop<W: World>(
    world: &mut W,
    d: &Defined,
    may_leave: bool,
    i: u32,
) -> Result<Outcome, Stop> {
    let mut guest = world.guest(&d.opts, &d.resources);
    let dropped = canon_resource_drop(&mut guest, may_leave, d.resource, i)?;
    std::mem::drop(guest);
    let Some((rt, rep)) = dropped else { return Ok(nothing()) };
    let destroyed = destroy(world, Some(d.opts.instance), rt, rep)?;
    Ok(destroyed.unwrap_or_else(nothing))
}

/// Spec: `Table.get`.
pub(crate) fn get<W: World>(world: &mut W, instance: usize, i: u32) -> Result<Entry, Stop> {
    let (machine, watch) = world.parts();
    let handles = &machine.instances[instance].handles;
    check_there(watch, Party::Itself, handles.miss(i))?;
    handles.get(i).ok_or(Stop::Crash)
}

/// What is at an index, by the rule that it is of the kind that is wanted.
pub(crate) fn get_as<W: World, T>(
    world: &mut W,
    instance: usize,
    i: u32,
    wanted: impl FnOnce(Entry) -> Option<T>,
    rule: AsyncRule,
) -> Result<T, Stop> {
    let entry = wanted(get(world, instance, i)?);
    trap_if(world.watch(), Party::Itself, rule, entry.is_none())?;
    entry.ok_or(Stop::Crash)
}

/// Spec: `Table.add`.
pub(crate) fn add(guest: &mut dyn Guest, entry: Entry) -> Result<u32, Stop> {
    handle::add(guest, entry, Party::Itself)
}

fn remove<W: World>(world: &mut W, instance: usize, i: u32) {
    world.machine().instances[instance].handles.remove(i);
}

/// Spec: `canon_task_return`.
fn task_return<W: World>(world: &mut W, d: &Defined, args: &[Core]) -> Result<Outcome, Stop> {
    let (task, lifted) = async_task(world, AsyncRule::ReturnNotAsync)?;
    let (machine, watch) = world.parts();
    let (a, b) = (lifted.signature.ty().result.as_ref(), d.signature.ty().result.as_ref());
    let other_type = !same_type(a, &lifted.resources, b, &d.resources);
    trap_if(watch, Party::Itself, AsyncRule::ReturnOtherType, other_type)?;
    let encoding = |opts: LiftLowerOptions| opts.string_encoding;
    let other_options = encoding(lifted.opts.lift_lower) != encoding(d.opts.lift_lower)
        || moved::other_memory(watch, &lifted.opts, &d.opts);
    trap_if(watch, Party::Itself, AsyncRule::ReturnOtherOptions, other_options)?;
    let peer = machine.tasks[task].caller.opts();
    let mut guest = world.guest(&d.opts, &d.resources);
    let mut cx = Cx { opts: d.opts.lift_lower, peer, guest: &mut guest };
    let types = &d.signature.layout(cx.opts.ptr_type).results;
    let vi = &mut CoreValues::new(args);
    let result = lift(&mut cx, Stage::LiftResult, MAX_FLAT_PARAMS, vi, types);
    let result = result.map_err(|stopped| stopped.stop)?.pop();
    std::mem::drop(guest);
    let (machine, watch) = world.parts();
    let again = machine.tasks[task].state == TaskState::Resolved;
    trap_if(watch, Party::Itself, AsyncRule::ReturnedTwice, again)?;
    return_(&mut world.guest(&d.opts, &d.resources), Party::of(peer))?;
    canon::resolve(world, task, result)?;
    set_stage(&mut world.guest(&d.opts, &d.resources), Stage::Callee);
    Ok(nothing())
}

/// The current task and its function, by the rule that this was lifted as async.
fn async_task<W: World>(world: &mut W, rule: AsyncRule) -> Result<(Id<Task>, Arc<Lifted>), Stop> {
    let (machine, watch) = world.parts();
    let called = machine.task().and_then(|id| Some((id, lifted(&machine.tasks[id])?)));
    let called = called.filter(|(_, lifted)| lifted.opts.is_async);
    trap_if(watch, Party::Itself, rule, called.is_none())?;
    called.ok_or(Stop::Crash)
}

/// The function that a task is a call of, if it is one of a function.
fn lifted(task: &Task) -> Option<Arc<Lifted>> {
    match &task.called {
        Called::Function(lifted) => Some(lifted.clone()),
        Called::Destructor { .. } | Called::Start => None,
    }
}

/// Spec: `canon_task_cancel`.
fn task_cancel<W: World>(world: &mut W) -> Result<Outcome, Stop> {
    let (task, _) = async_task(world, AsyncRule::CancelNotAsync)?;
    canon::cancel(world, task)?;
    Ok(nothing())
}

/// Spec: `canon_context_get`.
fn context_get<W: World>(world: &mut W, d: &Defined) -> Outcome {
    let machine = world.machine();
    let thread = machine.thread().expect("core code calls");
    let stored = machine.threads[thread].storage[d.slot];
    Outcome::Results(vec![Core::from_bits(d.slot_type, stored)])
}

/// Spec: `canon_context_set`.
fn context_set<W: World>(world: &mut W, d: &Defined, value: Core) -> Outcome {
    let machine = world.machine();
    let thread = machine.thread().expect("core code calls");
    machine.threads[thread].storage[d.slot] = value.bits();
    nothing()
}

/// Spec: `canon_backpressure_inc`.
fn backpressure_inc<W: World>(world: &mut W, d: &Defined) -> Result<Outcome, Stop> {
    let (machine, watch) = world.parts();
    let counter = &mut machine.instances[d.opts.instance].backpressure;
    *counter += 1;
    trap_if(watch, Party::Itself, AsyncRule::BackpressureTooHigh, *counter == 1 << 16)?;
    Ok(nothing())
}

/// Spec: `canon_backpressure_dec`.
fn backpressure_dec<W: World>(world: &mut W, d: &Defined) -> Result<Outcome, Stop> {
    let (machine, watch) = world.parts();
    let counter = &mut machine.instances[d.opts.instance].backpressure;
    trap_if(watch, Party::Itself, AsyncRule::BackpressureTooLow, *counter == 0)?;
    *counter = counter.saturating_sub(1);
    Ok(nothing())
}

/// Spec: `canon_waitable_set_new`.
fn waitable_set_new<W: World>(world: &mut W, d: &Defined) -> Result<Outcome, Stop> {
    let set = world.machine().sets.add(WaitableSet::default());
    add(&mut world.guest(&d.opts, &d.resources), Entry::Set(set)).map(one)
}

/// Spec: `canon_waitable_set_wait`.
fn waitable_set_wait<W: World>(
    world: &mut W,
    d: &Arc<Defined>,
    si: u32,
    ptr: u64,
) -> Result<Outcome, Stop> {
    let set = get_as(world, d.opts.instance, si, Entry::set, AsyncRule::WaitNoSet)?;
    let cancellable = moved::is_cancellable(world.watch(), d.cancellable);
    let then = Then::Waited { set, defined: d.clone(), ptr };
    wait_for_event_of(world, set, Condition::SetHasEvent(set), cancellable, then)
}

/// Spec: `canon_waitable_set_poll`.
fn waitable_set_poll<W: World>(
    world: &mut W,
    d: &Defined,
    si: u32,
    ptr: u64,
) -> Result<Outcome, Stop> {
    let set = get_as(world, d.opts.instance, si, Entry::set, AsyncRule::PollNoSet)?;
    let cancellable = moved::is_cancellable(world.watch(), d.cancellable);
    let cancelled = thread::deliver_pending_cancel(world, cancellable);
    let event = match (cancelled, world.machine().has_event(set)) {
        (true, _) => Event::TASK_CANCELLED,
        (false, true) => take_event_of(world, set),
        (false, false) => Event::NONE,
    };
    unpack_event(world, d, ptr, event)
}

/// Spec: `unpack_event`. Differs from the spec: that only asserts where the event is to lie.
pub(crate) fn unpack_event<W: World>(
    world: &mut W,
    d: &Defined,
    ptr: u64,
    event: Event,
) -> Result<Outcome, Stop> {
    let mut guest = world.guest(&d.opts, &d.resources);
    let cx = &mut cx(d, &mut guest);
    check_place(cx, (ptr, 4, 8), [AsyncRule::EventMisaligned, AsyncRule::EventOutOfBounds])?;
    store_int(cx, u64::from(event.index), ptr, 4);
    store_int(cx, u64::from(event.payload), ptr + 4, 4);
    Ok(one(event.code.code()))
}

/// What a built-in lifts and lowers with that concerns nobody else.
fn cx<'a>(d: &Defined, guest: &'a mut dyn Guest) -> Cx<'a> {
    Cx { opts: d.opts.lift_lower, peer: None, guest }
}

/// Traps where so many bytes, aligned so, do not lie in memory at this place.
fn check_place(
    cx: &mut Cx,
    (ptr, alignment, size): (u64, u64, u64),
    [misaligned, out_of_bounds]: [AsyncRule; 2],
) -> Result<(), Stop> {
    let (aligned, outside) = (ptr.is_multiple_of(alignment), cx.out_of_bounds(ptr, size));
    trap_if(cx.guest.watch(), Party::Itself, misaligned, !aligned)?;
    trap_if(cx.guest.watch(), Party::Itself, out_of_bounds, outside)?;
    cx.access(ptr, size)
}

/// Spec: `canon_waitable_set_drop`.
fn waitable_set_drop<W: World>(world: &mut W, d: &Defined, si: u32) -> Result<Outcome, Stop> {
    let set = get_as(world, d.opts.instance, si, Entry::set, AsyncRule::DropNoSet)?;
    remove(world, d.opts.instance, si);
    drop_set(world, set)?;
    Ok(nothing())
}

/// Spec: `canon_waitable_join`.
fn waitable_join<W: World>(world: &mut W, d: &Defined, wi: u32, si: u32) -> Result<Outcome, Stop> {
    let rule = AsyncRule::JoinNoWaitable;
    let waitable = get_as(world, d.opts.instance, wi, Entry::waitable, rule)?;
    let (machine, watch) = world.parts();
    let waited_for = machine.waits(waitable).has_sync_waiter;
    trap_if(watch, Party::Itself, AsyncRule::JoinSyncWaiter, waited_for)?;
    let set = match si {
        0 => None,
        si => Some(get_as(world, d.opts.instance, si, Entry::set, AsyncRule::JoinNoSet)?),
    };
    world.machine().join(waitable, set);
    Ok(nothing())
}

/// Spec: `canon_subtask_cancel`.
fn subtask_cancel<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let subtask = get_as(world, d.opts.instance, i, Entry::subtask, AsyncRule::CancelNoSubtask)?;
    let is_async = d.opts.is_async;
    let (machine, watch) = world.parts();
    let Subtask { delivered, cancellation_requested, state, task, ref waits, .. } =
        machine.subtasks[subtask];
    let in_set = moved::refuses_in_set(watch, waits.set.is_some(), is_async);
    trap_if(watch, Party::Itself, AsyncRule::CancelResolved, delivered)?;
    trap_if(watch, Party::Itself, AsyncRule::CancelTwice, cancellation_requested)?;
    trap_if(watch, Party::Itself, AsyncRule::CancelInSet, in_set)?;
    if state.is_resolved() {
        return cancel_requested(world, subtask, is_async);
    }
    let thread = machine.thread().expect("core code calls");
    machine.subtasks[subtask].cancellation_requested = true;
    machine.threads[thread].calls = Some(Calls::Cancel { subtask, is_async });
    let resumed = match task {
        Some(task) => task::request_cancellation(world, task, Some(d.opts.instance))?,
        None => world.cancel_host(subtask).map(|()| None)?,
    };
    match resumed {
        Some(outcome) => Ok(outcome),
        None => cancel_requested(world, subtask, is_async),
    }
}

/// Spec: `canon_subtask_cancel`, from where the callee has been asked on.
pub(crate) fn cancel_requested<W: World>(
    world: &mut W,
    subtask: Id<Subtask>,
    is_async: bool,
) -> Result<Outcome, Stop> {
    let machine = world.machine();
    let thread = machine.thread().expect("core code calls");
    machine.threads[thread].calls = None;
    let waitable = Waitable::Subtask(subtask);
    let Subtask { state, delivered, .. } = machine.subtasks[subtask];
    // It was not, unless a check was left out.
    end_if(delivered, Stop::Crash)?;
    match (state.is_resolved(), is_async) {
        (true, _) => Ok(one(take_event(world, waitable).payload)),
        (false, true) => Ok(one(BLOCKED)),
        (false, false) => wait_for_event(world, waitable, CoreType::I32),
    }
}

/// Spec: `canon_subtask_drop` and `Subtask.drop`.
fn subtask_drop<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let subtask = get_as(world, d.opts.instance, i, Entry::subtask, AsyncRule::DropNoSubtask)?;
    remove(world, d.opts.instance, i);
    let (machine, watch) = world.parts();
    let undelivered = !machine.subtasks[subtask].delivered;
    trap_if(watch, Party::Itself, AsyncRule::SubtaskUnresolved, undelivered)?;
    machine.join(Waitable::Subtask(subtask), None);
    machine.subtasks.remove(subtask);
    Ok(nothing())
}
