//! The canonical definitions: a core function as a component function, and the reverse, each as steps from
//! one state of the machine to the next. In between core code runs, or others do.
//! Knows neither components nor what runs the core code.

use std::sync::Arc;

use super::arena::Id;
use super::async_rule::AsyncRule;
use super::check::trap_if;
use super::context::{Cx, Instance, set_stage};
use super::deviations::adapter::in_adapter;
use super::deviations::calls::{self, check_call};
use super::deviations::canon::{self as deviations, Lifting, Lowering};
use super::explore;
use super::lift::CoreValues;
use super::machine::{Called, Caller, Destructor, Func, HostFunc, Invocation, Lifted, Lowered};
use super::machine::{Machine, Options, Resolution, Subtask, SubtaskState, Task, TaskState};
use super::passing::{Stopped, deliver_resolve, lift, lower, return_};
use super::table::Entry;
use super::task;
use super::thread::{Block, Condition, Then, wait_until};
use super::waitable::{Event, EventCode, PendingEvent, wait_for_event_of};
use super::world::{Happening, Outcome, World};
use super::{Core, CoreType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, Party, ResourceType, Rule, Stage};
use super::{Stop, Watch, built_ins, drive, wrap};
use crate::value::Value;

/// Spec: `CallbackCode`.
const EXIT: u32 = 0;
const YIELD: u32 = 1;
const WAIT: u32 = 2;

/// Spec: `canon_lift`, up to the call of the core function.
pub fn canon_lift<W: World>(world: &mut W, id: Id<Task>, lifted: &Lifted) -> Result<Outcome, Stop> {
    let args = start(world, id, lifted)?;
    let (peer, flat_ft) = (world.machine().tasks[id].caller.opts(), lifted.flat_ft());
    let mut guest = world.callee(id, Stage::LowerParams);
    let seen = Lifting::begin(&mut guest, lifted.opts.lift_lower, peer, &lifted.signature)?;
    let mut cx = Cx { opts: seen.param_opts, peer, guest: &mut guest };
    let (stage, types) = (Stage::LowerParams, &seen.types().params);
    let flat_args = lower(&mut cx, stage, MAX_FLAT_PARAMS, &args, types, None)?;
    let flat_args = seen.flat_args(flat_args, &flat_ft);
    assert!(types_match_values(&flat_ft.params, &flat_args), "we lower to the types we flatten to");
    set_stage(&mut guest, Stage::Callee);
    drop(guest);
    world.machine().tasks[id].lifting = Some(seen);
    Ok(Outcome::Enter(lifted.core, flat_args))
}

/// Spec: `Task.start`.
fn start<W: World>(world: &mut W, id: Id<Task>, lifted: &Lifted) -> Result<Vec<Value>, Stop> {
    let machine = world.machine();
    machine.tasks[id].state = TaskState::Started;
    match machine.tasks[id].caller {
        Caller::Host(call) => {
            let args = std::mem::take(&mut machine.invocations[call].args);
            world.happens(Happening::Taken(call));
            Ok(args)
        }
        Caller::Guest { subtask, .. } => {
            let args = on_start(world, subtask);
            args.map_err(|stopped| explore_params(world, id, lifted, stopped))
        }
    }
}

/// Spec: `canon_lift`, from where the core function, or its callback, has returned on.
pub fn canon_lift_returned<W: World>(
    world: &mut W,
    id: Id<Task>,
    lifted: &Lifted,
    flat_results: &[Core],
) -> Result<Outcome, Stop> {
    match lifted.opts {
        Options { is_async: true, callback: Some(_), .. } => {
            return unpack_callback_result(world, id, wrap(flat_results[0].bits()));
        }
        Options { is_async: true, callback: None, .. } => {}
        Options { is_async: false, .. } => return_flat(world, id, lifted, flat_results)?,
    }
    task::exit(world)?;
    Ok(Outcome::Ended)
}

/// Spec: `canon_lift`, where a function that is not async has returned.
fn return_flat<W: World>(
    world: &mut W,
    id: Id<Task>,
    lifted: &Lifted,
    flat_results: &[Core],
) -> Result<(), Stop> {
    let mut seen = world.machine().tasks[id].lifting.take().expect("it was called");
    let matching = types_match_values(&lifted.flat_ft().results, flat_results);
    assert!(matching, "the component was validated");
    let result = lift_result(&mut world.callee(id, Stage::LiftResult), &mut seen, flat_results);
    let result = result.map_err(|stopped| explore_result(world, id, stopped))?;
    resolve(world, id, result)?;
    seen.post_return(&mut world.callee(id, Stage::PostReturn), flat_results)
}

/// Spec: `unpack_callback_result`, and what `canon_lift` does of it.
fn unpack_callback_result<W: World>(
    world: &mut W,
    id: Id<Task>,
    packed: u32,
) -> Result<Outcome, Stop> {
    let (code, set) = (packed & 0xf, packed >> 4);
    trap_if(world.watch(), Party::Itself, AsyncRule::CallbackCode, code > WAIT)?;
    if code == EXIT {
        task::exit(world)?;
        return Ok(Outcome::Ended);
    }
    let instance = world.machine().tasks[id].instance;
    task::release_exclusive(world.machine(), id);
    if code == YIELD {
        let (free, then) = (Condition::NotExclusive(instance), Then::Callback(None));
        return wait_until(world, free, true, then);
    }
    let set = built_ins::get_as(world, instance, set, Entry::set, AsyncRule::CallbackNoSet)?;
    let until = Condition::CallbackEvent(set, id);
    wait_for_event_of(world, set, until, true, Then::Callback(Some(set)))
}

/// Spec: `canon_lift`, where it calls the callback.
pub fn callback<W: World>(world: &mut W, event: Event) -> Outcome {
    let machine = world.machine();
    let id = machine.task().expect("a task has a callback");
    task::take_exclusive(machine, id);
    let Called::Function(lifted) = &machine.tasks[id].called else {
        unreachable!("only functions have callbacks")
    };
    let callback = lifted.opts.callback.expect("it waits for its callback to be called");
    let Event { code, index, payload } = event;
    Outcome::Enter(callback, [code.code(), index, payload].map(Core::I32).to_vec())
}

/// Spec: `canon_lift`, where it lifts the result, and `Task.return_`.
fn lift_result(
    instance: &mut dyn Instance,
    seen: &mut Lifting,
    flat_results: &[Core],
) -> Result<Option<Value>, Stopped> {
    let seen_results = seen.flat_results(instance, flat_results)?;
    let mut cx = Cx { opts: seen.opts, peer: seen.peer, guest: &mut *instance };
    let (vi, types) = (&mut CoreValues::new(&seen_results), &seen.types().results);
    let result = lift(&mut cx, Stage::LiftResult, MAX_FLAT_RESULTS, vi, types)?.pop();
    return_(&mut cx, CoreValues::new(&seen_results), types)?;
    Ok(seen.result(instance, result, flat_results)?)
}

/// Spec: `Task.on_resolve`, with a value.
pub fn resolve<W: World>(world: &mut W, id: Id<Task>, result: Option<Value>) -> Result<(), Stop> {
    match world.machine().tasks[id].caller {
        Caller::Host(call) => resolve_for_host(world, call, Resolution::Returned(result)),
        Caller::Guest { subtask, .. } => on_resolve(world, subtask, result.as_ref())?,
    }
    world.machine().tasks[id].state = TaskState::Resolved;
    Ok(())
}

fn resolve_for_host<W: World>(world: &mut W, call: Id<Invocation>, with: Resolution) {
    world.machine().invocations[call].resolved = Some(with);
    world.happens(Happening::Resolved(call));
}

/// Spec: `Task.cancel`.
pub fn cancel<W: World>(world: &mut W, id: Id<Task>) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let Task { state, num_borrows, caller, .. } = machine.tasks[id];
    let undelivered = state != TaskState::CancelDelivered;
    trap_if(watch, Party::Itself, AsyncRule::CancelNotDelivered, undelivered)?;
    trap_if(watch, Party::Itself, AsyncRule::CancelBorrowsRemain, num_borrows > 0)?;
    match caller {
        Caller::Host(call) => resolve_for_host(world, call, Resolution::Cancelled),
        Caller::Guest { subtask, .. } => on_cancel(world.machine(), subtask),
    }
    world.machine().tasks[id].state = TaskState::Resolved;
    Ok(())
}

/// Spec: `canon_lower`, up to where its callee has returned or waits.
pub fn canon_lower<W: World>(
    world: &mut W,
    lowered: &Arc<Lowered>,
    flat_args: Vec<Core>,
) -> Result<Outcome, Stop> {
    let (machine, watch) = world.parts();
    check_call(machine, watch, lowered)?;
    check_may_leave(machine, watch, lowered)?;
    let matching = types_match_values(&lowered.flat_ft().params, &flat_args);
    assert!(matching, "the component was validated");
    let seen = Lowering::begin(machine, watch, lowered, flat_args)?;
    let subtask = machine.add_call(Some(seen));
    match &lowered.callee {
        Func::Host(func) => call_host(world, subtask, func),
        Func::Lifted(lifted) => call_guest(world, subtask, lifted),
    }
}

/// Spec: `canon_lower`, its beginning.
fn check_may_leave(
    machine: &Machine,
    watch: &mut dyn Watch,
    lowered: &Lowered,
) -> Result<(), Stop> {
    let party = Party::of(lowered.callee.lift_lower());
    let stays = !may_leave(machine, watch, lowered);
    let left = trap_if(watch, party, Rule::LowerMayNotLeave, stays);
    left.map_err(|stop| in_adapter(watch, party, stop))
}

fn may_leave(machine: &Machine, watch: &mut dyn Watch, lowered: &Lowered) -> bool {
    let (peer, ft) = (lowered.callee.lift_lower(), lowered.callee.signature().ty());
    machine.instances[lowered.opts.instance].may_leave || deviations::leaves_anyway(watch, peer, ft)
}

fn call_host<W: World>(
    world: &mut W,
    subtask: Id<Subtask>,
    func: &HostFunc,
) -> Result<Outcome, Stop> {
    world.call_host(subtask, func)?;
    canon_lower_returned(world, subtask)
}

/// Spec: `Store.lift`, called by another guest.
fn call_guest<W: World>(
    world: &mut W,
    subtask: Id<Subtask>,
    lifted: &Arc<Lifted>,
) -> Result<Outcome, Stop> {
    let machine = world.machine();
    let lowered = &machine.lowering(subtask).lowered;
    let (instance, opts) = (lowered.opts.instance, Some(lowered.opts.lift_lower));
    let caller = Caller::Guest { subtask, instance, opts };
    let (machine, watch) = world.parts();
    let (callee, is_async) = (lifted.opts.instance, lifted.signature.ty().is_async);
    calls::check_enter(machine, watch, callee, instance, is_async)?;
    let task = task::call_function(world, lifted, caller);
    match task.map_err(|stop| in_adapter(world.watch(), Party::Guest, stop))? {
        Some(task) => canon_lift(world, task, lifted),
        None => canon_lower_returned(world, subtask),
    }
}

/// Spec: `canon_lower`, `on_start`: the arguments. The host calls it for a function of its own.
pub fn on_start<W: World>(world: &mut W, id: Id<Subtask>) -> Result<Vec<Value>, Stopped> {
    progress(world.machine(), id, SubtaskState::Started);
    let call = world.machine().lowering(id);
    let (opts, param_opts, lowered) = (call.opts, call.param_opts, call.lowered.clone());
    let flat_args = std::mem::take(&mut call.flat_args);
    let types = lowered.callee.signature().layout(opts.ptr_type);
    let mut guest = world.caller(id, Stage::LiftParams);
    let mut cx = Cx { opts: param_opts, peer: lowered.callee.lift_lower(), guest: &mut guest };
    let vi = &mut CoreValues::new(&flat_args);
    let args = lift(&mut cx, Stage::LiftParams, lowered.max_flat_params(), vi, &types.params)?;
    deviations::check_out_param(&mut cx, opts, types, vi)?;
    let out_param = (!vi.done()).then(|| vi.next(opts.ptr_type.core_type()));
    drop(guest);
    world.machine().lowering(id).out_param = out_param;
    Ok(args)
}

/// Spec: `canon_lower`, `on_resolve`: the core results. The host calls it for a function of its own.
pub fn on_resolve<W: World>(
    world: &mut W,
    id: Id<Subtask>,
    result: Option<&Value>,
) -> Result<(), Stop> {
    progress(world.machine(), id, SubtaskState::Returned);
    let call = world.machine().lowering(id);
    let (opts, out_param, lowered) = (call.result_opts, call.out_param, call.lowered.clone());
    let types = &lowered.callee.signature().layout(call.opts.ptr_type).results;
    let results = result.map_or(&[][..], std::slice::from_ref);
    let mut guest = world.caller(id, Stage::LowerResult);
    let mut cx = Cx { opts, peer: lowered.callee.lift_lower(), guest: &mut guest };
    let (stage, max_flat) = (Stage::LowerResult, lowered.max_flat_results());
    let flat_results = lower(&mut cx, stage, max_flat, results, types, out_param)?;
    drop(guest);
    world.machine().subtasks[id].flat_results = Some(flat_results);
    Ok(())
}

/// Spec: `canon_lower`, `on_resolve`, where the call was cancelled. The host calls it for a function of its own.
pub fn on_cancel(machine: &mut Machine, id: Id<Subtask>) {
    let starting = machine.subtasks[id].state == SubtaskState::Starting;
    let state = match starting {
        true => SubtaskState::CancelledBeforeStarted,
        false => SubtaskState::CancelledBeforeReturned,
    };
    progress(machine, id, state);
}

/// Spec: `canon_lower`, `on_progress`: whoever called is told, once the call has returned to it.
fn progress(machine: &mut Machine, id: Id<Subtask>, state: SubtaskState) {
    let subtask = &mut machine.subtasks[id];
    subtask.state = state;
    if subtask.waits.index.is_some() {
        subtask.waits.event = Some(PendingEvent::Subtask);
    }
}

/// Spec: `subtask_event`.
pub fn subtask_event<W: World>(world: &mut W, id: Id<Subtask>) -> Event {
    let Subtask { state, ref waits, .. } = world.machine().subtasks[id];
    let index = waits.index.expect("it is in a table");
    if state.is_resolved() {
        deliver(world, id);
    }
    Event { code: EventCode::Subtask, index, payload: state.code() }
}

/// Spec: `Subtask.deliver_resolve`.
fn deliver<W: World>(world: &mut W, id: Id<Subtask>) {
    world.machine().subtasks[id].delivered = true;
    if world.machine().subtasks[id].func.is_some() {
        let peer = world.machine().lowering(id).lowered.callee.lift_lower();
        deliver_resolve(&mut world.caller(id, Stage::Callee), peer);
    }
}

/// Spec: `canon_lower`, from where its callee has returned or waits on: it goes on where the callee has resolved or
/// need not have, and else waits until it has.
pub fn canon_lower_returned<W: World>(world: &mut W, id: Id<Subtask>) -> Result<Outcome, Stop> {
    let Subtask { task, thread, .. } = world.machine().subtasks[id];
    if let Some(next) = task::next_for_sync(world, task)? {
        let caller = task.and_then(|task| world.machine().tasks[task].caller.instance());
        return drive::resume(world, next, caller, false);
    }
    let machine = world.machine();
    let call = &machine.subtasks[id];
    match (call.is_async(), call.state.is_resolved()) {
        (false, false) => {
            let until = Some(Condition::Resolved(id));
            let then = Then::Lowered(id);
            return Ok(Outcome::Blocked(Block { until, cancellable: false, then, to: None }));
        }
        (true, false) => return add_subtask(world, id),
        (true, true) | (false, true) => {}
    }
    deliver(world, id);
    let machine = world.machine();
    let subtask = machine.subtasks.remove(id).expect("it is there");
    machine.threads[thread].calls = None;
    let Some(seen) = subtask.func else { return Ok(Outcome::Results(Vec::new())) };
    let lowered = seen.lowered.clone();
    if lowered.opts.is_async {
        return Ok(Outcome::Results(vec![Core::I32(subtask.state.code())]));
    }
    let flat_ft = lowered.flat_ft();
    let flat_results = subtask.flat_results.expect("it has returned");
    let flat_results = seen.flat_results(flat_results, &flat_ft);
    assert!(types_match_values(&flat_ft.results, &flat_results), "we lower to what we flatten to");
    Ok(Outcome::Results(flat_results))
}

/// Spec: `canon_lower`, where it returns before its callee has resolved.
fn add_subtask<W: World>(world: &mut W, id: Id<Subtask>) -> Result<Outcome, Stop> {
    let index = built_ins::add(&mut world.caller(id, Stage::Callee), Entry::Subtask(id))?;
    let machine = world.machine();
    let subtask = &mut machine.subtasks[id];
    subtask.waits.index = Some(index);
    machine.threads[subtask.thread].calls = None;
    Ok(Outcome::Results(vec![Core::I32(subtask.state.code() | index << 4)]))
}

/// Spec: `canon_resource_drop`, its end: calls the destructor as a function of whoever defines the
/// resource, for a guest or for the host. Nothing where there is none to call.
pub fn destroy<W: World>(
    world: &mut W,
    caller: Option<usize>,
    rt: ResourceType,
    rep: u32,
) -> Result<Option<Outcome>, Stop> {
    let core = match world.machine().destructors[rt.id].clone() {
        Destructor::Host(path) => return world.drop_host(&path, rep).map(|()| None),
        Destructor::Guest(core) => core,
    };
    let callee = rt.implementer.expect("a guest's destructor is that of an instance");
    task::check_enter(world, callee, caller)?;
    let (machine, watch) = world.parts();
    let core = calls::destructor(watch, core);
    let called = Called::Destructor { at: machine.stage(watch) };
    let caller = match caller {
        None => Caller::Host(machine.invocations.add(Invocation::default())),
        Some(instance) => Caller::Guest { subtask: machine.add_call(None), instance, opts: None },
    };
    task::call(world, callee, called, caller)?;
    match core {
        Some(core) => Ok(Some(Outcome::Enter(core, vec![Core::I32(rep)]))),
        None => destroyed(world).map(Some),
    }
}

/// Spec: `canon_lift`, where a destructor has returned.
pub fn destroyed<W: World>(world: &mut W) -> Result<Outcome, Stop> {
    let machine = world.machine();
    let task = machine.task().expect("a destructor is called by one");
    let Task { caller, ref called, .. } = machine.tasks[task];
    let stage = if let Called::Destructor { at } = *called { Some(at) } else { None };
    machine.tasks[task].state = TaskState::Resolved;
    match caller {
        Caller::Host(call) => drop(machine.invocations.remove(call)),
        Caller::Guest { subtask, .. } => machine.subtasks[subtask].state = SubtaskState::Returned,
    }
    task::exit(world)?;
    if let Some(stage) = stage {
        world.watch().set_stage(stage);
    }
    Ok(Outcome::Ended)
}

/// Has explored what lowering the params would meet, where lifting them trapped.
fn explore_params<W: World>(
    world: &mut W,
    id: Id<Task>,
    lifted: &Lifted,
    stopped: Stopped,
) -> Stop {
    let peer = world.machine().tasks[id].caller.opts();
    if let Some(unlowered) = stopped.unlowered {
        world.explore(&lifted.opts, &lifted.resources, &mut |guest| {
            let mut cx = Cx { opts: lifted.opts.lift_lower, peer, guest };
            let types = lifted.signature.layout(cx.opts.ptr_type);
            explore::lower(&mut cx, MAX_FLAT_PARAMS, &types.params, None, &unlowered);
        });
    }
    stopped.stop
}

/// Has explored what lowering the result would meet, where lifting it trapped.
fn explore_result<W: World>(world: &mut W, id: Id<Task>, stopped: Stopped) -> Stop {
    let caller = world.machine().tasks[id].caller;
    if let (Some(unlowered), Caller::Guest { subtask, .. }) = (stopped.unlowered, caller) {
        let call = world.machine().lowering(subtask);
        let (opts, out_param, lowered) = (call.opts, call.out_param, call.lowered.clone());
        let peer = lowered.callee.lift_lower();
        let types = &lowered.callee.signature().layout(opts.ptr_type).results;
        world.explore(&lowered.opts, lowered.callee.resources(), &mut |guest| {
            let mut cx = Cx { opts, peer, guest };
            explore::lower(&mut cx, MAX_FLAT_RESULTS, types, out_param, &unlowered);
        });
    }
    stopped.stop
}

/// Spec: `types_match_values`.
fn types_match_values(types: &[CoreType], values: &[Core]) -> bool {
    types.iter().copied().eq(values.iter().map(|value| value.ty()))
}
