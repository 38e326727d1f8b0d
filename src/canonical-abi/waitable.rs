//! Waitables and the sets of them: events that are pending, who waits for them, and how one is delivered.
//! Knows nothing of what the events are about but their codes.

use super::arena::Id;
use super::check::trap_if;
use super::copy::{self, CopyResult, End};
use super::machine::{Machine, Subtask};
use super::point::{AsyncRule, Party};
use super::thread::{Condition, Then, deliver_pending_cancel, wait_until};
use super::world::{Choice, Outcome, World};
use super::{Stop, canon};

/// Spec: `Waitable`: what has events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waitable {
    Subtask(Id<Subtask>),
    End(Id<End>),
}

/// Spec: `Waitable`: what all of them have.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// Its index in the table of its instance, if it is there.
    pub index: Option<u32>,
    pub event: Option<PendingEvent>,
    pub set: Option<Id<WaitableSet>>,
    pub has_sync_waiter: bool,
}

/// An event that is not delivered yet. It tells how things are when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingEvent {
    /// A call came to another state.
    Subtask,
    /// Elements were copied. There is room for more, until it is delivered.
    Copied,
    /// A copy is over.
    Done(CopyResult),
}

/// Spec: `WaitableSet`.
#[derive(Clone, Debug, Default)]
pub struct WaitableSet {
    /// In the order in which they joined.
    pub elems: Vec<Waitable>,
    pub num_waiting: u32,
}

/// Spec: `EventTuple`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub code: EventCode,
    pub index: u32,
    pub payload: u32,
}

/// Spec: `EventCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventCode {
    None = 0,
    Subtask = 1,
    StreamRead = 2,
    StreamWrite = 3,
    FutureRead = 4,
    FutureWrite = 5,
    TaskCancelled = 6,
}

impl EventCode {
    /// As core code sees it.
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub fn code(self) -> u32 {
        self as u32
    }
}

impl Event {
    pub const NONE: Event = Event { code: EventCode::None, index: 0, payload: 0 };
    pub const TASK_CANCELLED: Event =
        Event { code: EventCode::TaskCancelled, index: 0, payload: 0 };
}

impl Machine {
    pub fn waits(&self, waitable: Waitable) -> &Waits {
        match waitable {
            Waitable::Subtask(subtask) => &self.subtasks[subtask].waits,
            Waitable::End(end) => &self.ends[end].waits,
        }
    }

    pub fn waits_mut(&mut self, waitable: Waitable) -> &mut Waits {
        match waitable {
            Waitable::Subtask(subtask) => &mut self.subtasks[subtask].waits,
            Waitable::End(end) => &mut self.ends[end].waits,
        }
    }

    /// Spec: `Waitable.join`.
    pub fn join(&mut self, waitable: Waitable, set: Option<Id<WaitableSet>>) {
        if let Some(left) = self.waits(waitable).set {
            self.sets[left].elems.retain(|elem| *elem != waitable);
        }
        self.waits_mut(waitable).set = set;
        if let Some(joined) = set {
            self.sets[joined].elems.push(waitable);
        }
    }

    /// Spec: `WaitableSet.has_pending_event`.
    pub fn has_event(&self, set: Id<WaitableSet>) -> bool {
        self.sets[set].elems.iter().any(|elem| self.waits(*elem).event.is_some())
    }
}

/// Spec: `Waitable.get_pending_event`: the event is delivered.
pub fn take_event<W: World>(world: &mut W, waitable: Waitable) -> Event {
    let event = world.machine().waits_mut(waitable).event.take().expect("it has one");
    match (waitable, event) {
        (Waitable::Subtask(subtask), PendingEvent::Subtask) => canon::subtask_event(world, subtask),
        (Waitable::End(end), PendingEvent::Copied) => {
            copy::reclaim(world.machine(), end);
            copy::copy_event(world.machine(), end, CopyResult::Completed)
        }
        (Waitable::End(end), PendingEvent::Done(result)) => {
            copy::copy_event(world.machine(), end, result)
        }
        (Waitable::End(_), PendingEvent::Subtask)
        | (Waitable::Subtask(_), PendingEvent::Copied | PendingEvent::Done(_)) => {
            unreachable!("each has events of its own")
        }
    }
}

/// Spec: `Waitable.wait_for_pending_event`, and what a built-in returns then: the payload.
pub fn wait_for_event<W: World>(
    world: &mut W,
    waitable: Waitable,
    ty: super::CoreType,
) -> Result<Outcome, Stop> {
    world.machine().waits_mut(waitable).has_sync_waiter = true;
    wait_until(world, Condition::HasEvent(waitable), false, Then::Event(waitable, ty))
}

/// Spec: `WaitableSet.wait_for_event_and`.
pub fn wait_for_event_of<W: World>(
    world: &mut W,
    set: Id<WaitableSet>,
    until: Condition,
    cancellable: bool,
    then: Then,
) -> Result<Outcome, Stop> {
    world.machine().sets[set].num_waiting += 1;
    wait_until(world, until, cancellable, then)
}

/// Spec: `WaitableSet.wait_for_event_and`, its end.
pub fn waited<W: World>(world: &mut W, set: Id<WaitableSet>, cancelled: bool) -> Event {
    let cancelled =
        cancelled || !world.machine().has_event(set) && deliver_pending_cancel(world, true);
    let event = if cancelled { Event::TASK_CANCELLED } else { take_event_of(world, set) };
    world.machine().sets[set].num_waiting -= 1;
    event
}

/// Spec: `WaitableSet.get_pending_event`.
pub fn take_event_of<W: World>(world: &mut W, set: Id<WaitableSet>) -> Event {
    let machine = world.machine();
    let mut elems = machine.sets[set].elems.clone();
    elems.retain(|elem| machine.waits(*elem).event.is_some());
    let index = |elem: &Waitable| machine.waits(*elem).index.expect("it is in a table");
    let indices: Vec<u32> = elems.iter().map(index).collect();
    let chosen = match elems.len() {
        1 => 0,
        _ => world.choices().choose(Choice::Event(&indices)),
    };
    take_event(world, elems[chosen])
}

/// Spec: `WaitableSet.drop`.
pub fn drop_set<W: World>(world: &mut W, set: Id<WaitableSet>) -> Result<(), Stop> {
    let (machine, watch) = world.parts();
    let WaitableSet { elems, num_waiting } = &machine.sets[set];
    let (full, awaited) = (!elems.is_empty(), *num_waiting > 0);
    trap_if(watch, Party::Itself, AsyncRule::SetNotEmpty, full)?;
    trap_if(watch, Party::Itself, AsyncRule::SetWaitedFor, awaited)?;
    for elem in std::mem::take(&mut machine.sets[set].elems) {
        machine.waits_mut(elem).set = None;
    }
    if !awaited {
        machine.sets.remove(set);
    }
    Ok(())
}
