//! What deviations make of who may call whom, and when.
//! Knows nothing of what is passed.

use canonical_abi::deviations::adapter::in_adapter;
use canonical_abi::{Deviation, Party, Stage, Task, Trap, Watch, end_if};

use crate::state::{CoreFunc, Func, State};

/// Traps where a call by core code of an instance is refused before anything else is looked at.
pub fn check_call<T>(state: &mut State<T>, caller: usize, func: &Func) -> Result<(), Trap> {
    let destroys = state.watch.stage() == Stage::Destructor;
    let refused = destroys && state.watch.deviates(Deviation::DestructorMayNotImport);
    end_if(refused, Trap::CannotLeaveComponent)?;
    match func {
        Func::Host(_) => Ok(()),
        Func::Lifted(lifted) => check_kinship_first(state, lifted.opts.instance, caller),
    }
}

/// Looks who calls whom before it is looked at whether anything may be called.
fn check_kinship_first<T>(state: &mut State<T>, callee: usize, caller: usize) -> Result<(), Trap> {
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
) -> Result<(), Trap> {
    check_kinship(state, callee, caller)?;
    let entered = state.enter(callee, Some(caller), is_async);
    entered.map_err(|trap| in_adapter(&mut *state.watch, Party::Guest, trap))
}

fn check_kinship<T>(state: &mut State<T>, callee: usize, caller: usize) -> Result<(), Trap> {
    let refuses = kinship(state, callee, caller);
    let refused = refuses.is_some_and(|deviation| state.watch.deviates(deviation));
    end_if(refused, Trap::CannotEnterComponent)
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

/// Whether one of the tasks may not block, unless the first decides for all.
pub fn may_not_block(watch: &mut dyn Watch, tasks: &[Task]) -> bool {
    let refused = tasks.iter().any(|task| !task.is_async);
    let by_the_first = tasks.first().is_some_and(|task| !task.is_async);
    refused && (by_the_first || !watch.deviates(Deviation::FusedCallsHaveNoTask))
}

/// The destructor that is called.
pub fn destructor<T>(state: &mut State<T>, destructor: Option<CoreFunc>) -> Option<CoreFunc> {
    destructor.filter(|_| !state.watch.deviates(Deviation::DestructorSkipped))
}

/// Whether a `realloc` may call imports.
pub fn realloc_may_leave<T>(state: &mut State<T>) -> bool {
    state.watch.deviates(Deviation::ReallocMayLeave)
}
