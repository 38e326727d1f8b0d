//! The built-ins on threads.
//! Knows nothing of what a thread waits for.

use super::{nothing, one};
use crate::arena::Id;
use crate::async_rule::AsyncRule;
use crate::check::{check_there, trap_if};
use crate::deviations::moved::{check_promotes_itself, is_cancellable};
use crate::machine::Defined;
use crate::thread::{self, Condition, Then, Thread};
use crate::world::{Happening, Outcome, TableEntry, World};
use crate::{Core, Party, Stop, end_if, task};

/// Spec: `canon_thread_index`.
pub fn index<W: World>(world: &mut W) -> Result<Outcome, Stop> {
    let machine = world.machine();
    let thread = machine.thread().expect("core code calls");
    machine.threads[thread].index.map(one).ok_or(Stop::Crash)
}

/// Spec: `canon_thread_new_indirect`.
pub fn new_indirect<W: World>(world: &mut W, d: &Defined, args: &[Core]) -> Result<Outcome, Stop> {
    let table = d.table.expect("it is made for a table");
    let entry = world.table_entry(table, args[0].bits());
    let nothing = entry == TableEntry::Nothing;
    trap_if(world.watch(), Party::Itself, AsyncRule::NewThreadNoFunction, nothing)?;
    let TableEntry::Func(core, ty) = entry else { return Err(Stop::Crash) };
    let other_type = ty.params != [d.slot_type] || !ty.results.is_empty();
    trap_if(world.watch(), Party::Itself, AsyncRule::NewThreadOtherType, other_type)?;
    let machine = world.machine();
    end_if(machine.threads.len() >= task::MAX_THREADS, task::TOO_MANY_THREADS)?;
    let mut new = Thread::new(machine.task(), false);
    new.then = Some(Then::Start(core, vec![args[1]]));
    let id = machine.threads.add(new);
    world.happens(Happening::Thread(id));
    task::register(world, id)?;
    Ok(one(world.machine().threads[id].index.expect("it was registered")))
}

/// Spec: `Table.get`, of threads.
fn get<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Id<Thread>, Stop> {
    let (machine, watch) = world.parts();
    let threads = &machine.instances[d.opts.instance].threads;
    check_there(watch, Party::Itself, threads.miss(i))?;
    threads.get(i).ok_or(Stop::Crash)
}

/// The same, by the rule that it is suspended.
fn suspended<W: World>(
    world: &mut W,
    d: &Defined,
    i: u32,
    rule: AsyncRule,
) -> Result<Id<Thread>, Stop> {
    let thread = get(world, d, i)?;
    let (machine, watch) = world.parts();
    trap_if(watch, Party::Itself, rule, !machine.threads[thread].is_suspended())?;
    match machine.threads[thread].then {
        Some(_) => Ok(thread),
        None => Err(Stop::Crash),
    }
}

/// Spec: `canon_thread_resume_later`.
pub fn resume_later<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let thread = suspended(world, d, i, AsyncRule::ResumeLaterNotSuspended)?;
    world.machine().end_waiting(thread);
    world.machine().begin_waiting(thread, Condition::Always);
    Ok(nothing())
}

/// Spec: `canon_thread_suspend`.
pub fn suspend<W: World>(world: &mut W, d: &Defined) -> Result<Outcome, Stop> {
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::suspend(world, cancellable)
}

/// Spec: `canon_thread_yield`.
pub fn yield_<W: World>(world: &mut W, d: &Defined) -> Result<Outcome, Stop> {
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::yield_(world, cancellable)
}

/// Spec: `canon_thread_suspend_then_resume`.
pub fn suspend_then_resume<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let other = suspended(world, d, i, AsyncRule::SuspendThenResumeNotSuspended)?;
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::suspend_then_resume(world, cancellable, other)
}

/// Spec: `canon_thread_yield_then_resume`.
pub fn yield_then_resume<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let other = suspended(world, d, i, AsyncRule::YieldThenResumeNotSuspended)?;
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::yield_then_resume(world, cancellable, other)
}

fn promoted<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Id<Thread>, Stop> {
    let other = get(world, d, i)?;
    let (machine, watch) = world.parts();
    check_promotes_itself(machine, watch, other)?;
    Ok(other)
}

/// Spec: `canon_thread_suspend_then_promote`.
pub fn suspend_then_promote<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let other = promoted(world, d, i)?;
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::suspend_then_promote(world, cancellable, other)
}

/// Spec: `canon_thread_yield_then_promote`.
pub fn yield_then_promote<W: World>(world: &mut W, d: &Defined, i: u32) -> Result<Outcome, Stop> {
    let other = promoted(world, d, i)?;
    let cancellable = is_cancellable(world.watch(), d.cancellable);
    thread::yield_then_promote(world, cancellable, other)
}
