//! What deviations make of who may call whom, and when.
//! Knows nothing of what is passed.

use canonical_abi::deviations::adapter::in_adapter;
use canonical_abi::{Deviation, Party, Rule, Stage, Stop, Trap, end_if};

use crate::state::{CoreFunc, Func, State};

/// Traps where a call by core code of an instance is refused before anything else is looked at.
pub fn check_call<T>(state: &mut State<T>, caller: usize, func: &Func) -> Result<(), Stop> {
    let destroys = state.watch.stage() == Stage::Destructor;
    let refused = destroys && state.watch.deviates(Deviation::DestructorMayNotImport);
    end_if(refused, Trap::CannotLeaveComponent)?;
    match func {
        Func::Host(_) => Ok(()),
        Func::Lifted(lifted) => check_kinship_first(state, lifted.opts.instance, caller),
    }
}

/// Looks who calls whom before it is looked at whether anything may be called.
fn check_kinship_first<T>(state: &mut State<T>, callee: usize, caller: usize) -> Result<(), Stop> {
    if state.instances[caller].may_leave {
        return Ok(());
    }
    let refused =
        kinship(state, callee, caller).is_some_and(|deviation| state.watch.has(deviation));
    match refused && state.watch.deviates(Deviation::KinshipBeforeMayLeave) {
        true => check_kinship(state, callee, caller),
        false => Ok(()),
    }
}

/// Has one guest enter another, unless what the two are to each other forbids it: the rule until May
/// 2026.
pub fn enter<T>(
    state: &mut State<T>,
    callee: usize,
    caller: usize,
    is_async: bool,
) -> Result<(), Stop> {
    check_kinship(state, callee, caller)?;
    check_awaited(state, is_async)?;
    let entered = state.enter(callee, Some(caller), is_async);
    entered.map_err(|stop| in_adapter(&mut *state.watch, Party::Guest, stop))
}

fn check_kinship<T>(state: &mut State<T>, callee: usize, caller: usize) -> Result<(), Stop> {
    let refuses = kinship(state, callee, caller);
    let refused = refuses.is_some_and(|deviation| state.watch.deviates(deviation));
    end_if(refused, Trap::CannotEnterComponent)
}

/// Ends where nobody runs an async function for a guest that calls it while the host waits.
fn check_awaited<T>(state: &mut State<T>, is_async: bool) -> Result<(), Stop> {
    let waited_for = is_async && state.host_calls.waits;
    end_if(waited_for && state.watch.deviates(Deviation::UnawaitedAdapterCrashes), Stop::Crash)
}

/// Whether an async function of an instance waits for others of it that are under way.
pub fn waits_for_others<T>(state: &mut State<T>, callee: usize, waited_for: bool) -> bool {
    let busy = |returned| {
        let mut others = state.tasks.iter().filter(|task| task.returned == returned);
        others.any(|task| task.is_async && task.instance == callee)
    };
    let (running, returned) = (busy(false), busy(true));
    let watch = &mut state.watch;
    let waits = running || returned && !watch.deviates(Deviation::ExclusiveUntilReturned);
    waits && !(waited_for && watch.deviates(Deviation::WaitedForEntersAtOnce))
}

/// Ends where a call that may not block lets another of the instance go on. Which of the two goes on when is
/// not for us to say.
fn check_another<T>(state: &mut State<T>, refused: bool) -> Result<(), Stop> {
    let watch = &mut *state.watch;
    let traps = refused && !watch.waives(Rule::MayNotBlock.into(), Party::Host);
    let another = traps && state.host_calls.another_ready;
    let switches = another && watch.deviates(Deviation::BlockedCallsSwitch);
    end_if(switches, Stop::Exhausted("a call that may not block lets another go on"))
}

/// The deviation that refuses calls from the one to the other.
pub fn kinship<T>(state: &State<T>, callee: usize, caller: usize) -> Option<Deviation> {
    let related = state.self_and_ancestors(callee).contains(&caller)
        || state.self_and_ancestors(caller).contains(&callee);
    related.then_some(match callee == caller {
        true => Deviation::SelfCallsRefused,
        false => Deviation::FamilyCallsRefused,
    })
}

/// Whether one of the tasks may not block, unless the first decides for all. Ends where that lets another call
/// of the instance go on.
pub fn may_not_block<T>(state: &mut State<T>) -> Result<bool, Stop> {
    let refused = state.tasks.iter().any(|task| !task.is_async);
    let by_the_first = state.tasks.first().is_some_and(|task| !task.is_async);
    let refused =
        refused && (by_the_first || !state.watch.deviates(Deviation::FusedCallsHaveNoTask));
    check_another(state, refused)?;
    Ok(refused)
}

/// The destructor that is called.
pub fn destructor<T>(state: &mut State<T>, destructor: Option<CoreFunc>) -> Option<CoreFunc> {
    destructor.filter(|_| !state.watch.deviates(Deviation::DestructorSkipped))
}

/// Whether a `realloc` may call imports.
pub fn realloc_may_leave<T>(state: &mut State<T>) -> bool {
    state.watch.deviates(Deviation::ReallocMayLeave)
}
