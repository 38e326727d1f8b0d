//! What deviations make of who may call whom, and when.
//! Knows nothing of what is passed.

use crate::arena::Id;
use crate::machine::{CoreId, Func, Lowered, Machine, Task};
use crate::{Deviation, Party, Rule, Stage, Stop, Trap, Watch, end_if};

/// Traps where a call by core code of an instance is refused before anything else is looked at.
pub(crate) fn check_call(
    machine: &Machine,
    watch: &mut dyn Watch,
    lowered: &Lowered,
) -> Result<(), Stop> {
    let destroys = machine.stage(watch) == Stage::Destructor;
    let refused = destroys && watch.deviates(Deviation::DestructorMayNotImport);
    end_if(refused, Trap::CannotLeaveComponent)?;
    match &lowered.callee {
        Func::Host(_) => Ok(()),
        Func::Lifted(lifted) => {
            check_kinship_first(machine, watch, lifted.opts.instance, lowered.opts.instance)
        }
    }
}

/// Looks who calls whom before it is looked at whether anything may be called.
fn check_kinship_first(
    machine: &Machine,
    watch: &mut dyn Watch,
    callee: usize,
    caller: usize,
) -> Result<(), Stop> {
    if machine.instances[caller].may_leave {
        return Ok(());
    }
    let refused = kinship(machine, callee, caller).is_some_and(|deviation| watch.has(deviation));
    match refused && watch.deviates(Deviation::KinshipBeforeMayLeave) {
        true => check_kinship(machine, watch, callee, caller),
        false => Ok(()),
    }
}

/// Ends where one guest may not enter another: because of what the two are to each other, the rule until May
/// 2026, or since the host waits.
pub(crate) fn check_enter(
    machine: &Machine,
    watch: &mut dyn Watch,
    callee: usize,
    caller: usize,
    is_async: bool,
) -> Result<(), Stop> {
    check_kinship(machine, watch, callee, caller)?;
    check_awaited(machine, watch, is_async)
}

fn check_kinship(
    machine: &Machine,
    watch: &mut dyn Watch,
    callee: usize,
    caller: usize,
) -> Result<(), Stop> {
    let refuses = kinship(machine, callee, caller);
    let refused = refuses.is_some_and(|deviation| watch.deviates(deviation));
    end_if(refused, Trap::CannotEnterComponent)
}

/// Ends where nobody runs an async function for a guest that calls it while the host waits.
fn check_awaited(machine: &Machine, watch: &mut dyn Watch, is_async: bool) -> Result<(), Stop> {
    let waited_for = is_async && machine.host_calls.waits;
    end_if(waited_for && watch.deviates(Deviation::UnawaitedAdapterCrashes), Stop::Crash)
}

/// Whether a task that has to wait for others of its instance enters in spite of them.
pub(crate) fn enters_anyway(machine: &Machine, watch: &mut dyn Watch, task: Id<Task>) -> bool {
    let Task { instance, waited_for, .. } = machine.tasks[task];
    let mut others = machine.tasks.iter().map(|(_, task)| task);
    let early = watch.has(Deviation::ExclusiveUntilReturned)
        && others.all(|other| !excludes(other, instance) || other.returned);
    early && watch.deviates(Deviation::ExclusiveUntilReturned)
        || waited_for && watch.deviates(Deviation::WaitedForEntersAtOnce)
}

/// Whether others wait for a task to leave this instance.
fn excludes(task: &Task, instance: usize) -> bool {
    task.holds_exclusive && task.instance == instance
}

/// Whether a task that is not async may block, since only the first of all that run decides.
pub(crate) fn blocks_anyway(machine: &Machine, watch: &mut dyn Watch) -> bool {
    let by_the_first = machine.running_tasks().next().is_some_and(|task| task.is_async);
    by_the_first && watch.deviates(Deviation::FusedCallsHaveNoTask)
}

/// The deviation that refuses calls from the one to the other.
pub fn kinship(machine: &Machine, callee: usize, caller: usize) -> Option<Deviation> {
    let related = machine.self_and_ancestors(callee).any(|i| i == caller)
        || machine.self_and_ancestors(caller).any(|i| i == callee);
    related.then_some(match callee == caller {
        true => Deviation::SelfCallsRefused,
        false => Deviation::FamilyCallsRefused,
    })
}

/// Whether one of the tasks may not block, unless the first decides for all. Ends where that lets another call
/// of the instance go on.
pub(crate) fn may_not_block(machine: &Machine, watch: &mut dyn Watch) -> Result<bool, Stop> {
    let refused = machine.running_tasks().any(|task| !task.is_async);
    let by_the_first = machine.running_tasks().next().is_some_and(|task| !task.is_async);
    let refused = refused && (by_the_first || !watch.deviates(Deviation::FusedCallsHaveNoTask));
    check_another(machine, watch, refused)?;
    Ok(refused)
}

/// Ends where a call that may not block lets another of the instance go on. Which of the two goes on when is
/// not for us to say.
fn check_another(machine: &Machine, watch: &mut dyn Watch, refused: bool) -> Result<(), Stop> {
    let traps = refused && !watch.waives(Rule::MayNotBlock.into(), Party::Host);
    let another = traps && machine.host_calls.another_ready;
    let switches = another && watch.deviates(Deviation::BlockedCallsSwitch);
    end_if(switches, Stop::Exhausted("a call that may not block lets another go on"))
}

/// Whether the task under way may block: some are mistaken.
pub(crate) fn may_block(machine: &Machine, watch: &mut dyn Watch) -> bool {
    let mut tasks = machine.running_tasks();
    let (Some(first), last) = (tasks.next(), tasks.next_back()) else { return false };
    let last = last.unwrap_or(first);
    let differ = first.is_async != last.is_async;
    let first_decides = differ && watch.deviates(Deviation::FusedCallsHaveNoTask);
    let task = Some(if first_decides { first } else { last }).filter(|task| task.is_async);
    task.is_some_and(|task| !task.waited_for || !watch.deviates(Deviation::WaitedForIsSync))
}

/// The destructor that is called.
pub(crate) fn destructor(watch: &mut dyn Watch, destructor: Option<CoreId>) -> Option<CoreId> {
    destructor.filter(|_| !watch.deviates(Deviation::DestructorSkipped))
}

/// Whether a `realloc` may call imports.
pub fn realloc_may_leave(watch: &mut dyn Watch) -> bool {
    watch.deviates(Deviation::ReallocMayLeave)
}
