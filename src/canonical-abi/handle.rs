//! Handles: the table of an instance, how handles are lifted and lowered, and the built-ins on them.
//! Knows nothing of how a destructor is called or who may enter whom.

use super::{Act, ActKind, Cx, Deviation, Guest, Party, Rule, Trap, trap_if};
use crate::types::Resource;

/// Spec: `Table`. Entry 0 is never used.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The entry of index 1 comes first.
    entries: Vec<Option<ResourceHandle>>,
    free: Vec<u32>,
}

/// Spec: `ResourceHandle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceHandle {
    pub rt: ResourceType,
    pub rep: u32,
    /// The task that a borrow belongs to; an owned handle has none.
    pub borrow_scope: Option<usize>,
    pub num_lends: u32,
}

/// The identity of a resource type among all that were made, and who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceType {
    pub id: usize,
    /// The instance that defines it; the host's have none.
    pub implementer: Option<usize>,
}

/// Spec: `Task`, of one thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Task {
    pub instance: usize,
    /// Whether its function's type is async, so that it may block.
    pub is_async: bool,
    /// Whether the host called it and waits for it. Only a slip asks.
    pub waited_for: bool,
    /// Whether its core code has returned. Only a slip asks.
    pub returned: bool,
    pub num_borrows: u32,
}

/// The instance that handles are lifted from or lowered into, and the calls that are under way.
pub struct Handles<'a> {
    pub instance: usize,
    pub table: &'a mut Table,
    /// What the numbers in the types mean.
    pub resources: &'a [Option<ResourceType>],
    /// The last one is the call for which something is lowered.
    pub tasks: &'a mut Vec<Task>,
    /// Spec: `Subtask.lenders`.
    pub lenders: &'a mut Vec<Lender>,
}

/// A handle that was lent for a call.
#[derive(Clone, Copy, Debug)]
pub struct Lender {
    /// Its index in the table.
    index: u32,
    /// Whether its table knows that it is lent. Only by a slip it does not.
    counted: bool,
}

impl Table {
    /// Spec: `Table.MAX_LENGTH`.
    const MAX_LENGTH: usize = (1 << 28) - 1;
    /// What we can bear: some hundreds of megabytes.
    const MAX_HANDLES: usize = 1 << 22;

    /// Spec: `Table.get`.
    pub fn get(&self, i: u32) -> Result<ResourceHandle, Trap> {
        let position = usize::try_from(i).ok().and_then(|i| i.checked_sub(1));
        let entry = position.and_then(|position| self.entries.get(position).copied().flatten());
        entry.ok_or(Trap::UnknownHandle)
    }

    /// Spec: `Table.add`. What was freed last is used first, unless `oldest_first`.
    fn add(&mut self, handle: ResourceHandle, oldest_first: bool) -> Result<u32, Trap> {
        let free = match self.free.len() {
            0 => None,
            _ if oldest_first => Some(self.free.remove(0)),
            _ => self.free.pop(),
        };
        if let Some(i) = free {
            *self.entry(i) = Some(handle);
            return Ok(i);
        }
        trap_if(self.entries.len() >= Table::MAX_LENGTH, Trap::TooManyHandles)?;
        trap_if(self.entries.len() >= Table::MAX_HANDLES, Trap::Exhausted)?;
        self.entries.push(Some(handle));
        Ok(u32::try_from(self.entries.len()).expect("it is not that long"))
    }

    /// Spec: `Table.remove`, after `get`.
    fn remove(&mut self, i: u32) {
        *self.entry(i) = None;
        self.free.push(i);
    }

    fn entry(&mut self, i: u32) -> &mut Option<ResourceHandle> {
        let i = usize::try_from(i).expect("an index in the table");
        &mut self.entries[i - 1]
    }

    /// Spec: `ResourceHandle.num_lends`, one more.
    fn lend(&mut self, i: u32) {
        self.entry(i).as_mut().expect("only what is there is lent").num_lends += 1;
    }

    /// The same, one less. Only by a slip was a handle that is lent removed, or removed and replaced.
    fn unlend(&mut self, i: u32) {
        if let Some(handle) = self.entry(i) {
            handle.num_lends = handle.num_lends.saturating_sub(1);
        }
    }
}

impl Handles<'_> {
    pub(super) fn resource(&self, resource: Resource) -> ResourceType {
        let position = usize::try_from(resource).expect("an index fits");
        self.resources[position].expect("a resource type is defined before it is used")
    }
}

/// Spec: `lift_own`.
pub fn lift_own(cx: &mut Cx, i: u32, resource: Resource) -> Result<u32, Trap> {
    // A guest that is no instance has no table: what it hands over is as it should be already.
    let handle = get(cx.guest, i).inspect_err(|_| cx.reach(Rule::LiftOwnUnknown))?;
    let Some(handle) = handle else { return Ok(i) };
    check_lent_first(cx.guest, handle, resource)?;
    let fits = check_type(cx.guest, handle, resource, Deviation::LiftedTypeUnchecked);
    fits.inspect_err(|_| cx.reach(Rule::LiftOwnOtherType))?;
    let lent = handle.num_lends != 0 && !cx.deviates(Deviation::LentOwnLifted);
    cx.trap_if(lent, Rule::LiftOwnLent, Trap::HandleLent)?;
    let borrowed = handle.borrow_scope.is_some() && !cx.deviates(Deviation::BorrowLiftedAsOwn);
    cx.trap_if(borrowed, Rule::LiftOwnBorrowed, Trap::HandleNotOwned)?;
    if !cx.deviates(Deviation::LiftedOwnKept) {
        handles(cx.guest).table.remove(i);
    }
    Ok(handle.rep)
}

/// Spec: `lift_borrow`.
pub fn lift_borrow(cx: &mut Cx, i: u32, resource: Resource) -> Result<u32, Trap> {
    let handle = get(cx.guest, i).inspect_err(|_| cx.reach(Rule::LiftBorrowUnknown))?;
    let Some(handle) = handle else { return Ok(i) };
    let fits = check_type(cx.guest, handle, resource, Deviation::LiftedTypeUnchecked);
    fits.inspect_err(|_| cx.reach(Rule::LiftBorrowOtherType))?;
    let borrowed = handle.borrow_scope.is_some();
    cx.reach(if borrowed { Rule::LiftBorrowOfBorrow } else { Rule::LiftBorrowOfOwn });
    let counted = !(borrowed && cx.deviates(Deviation::BorrowedNotLentOn)
        || cx.deviates(Deviation::BorrowNotLent));
    let second = cx.peer.is_none() && !borrowed && !handles(cx.guest).lenders.is_empty();
    trap_if(second && cx.deviates(Deviation::SecondLoanCrashes), Trap::Crash)?;
    let handles = handles(cx.guest);
    if counted {
        handles.table.lend(i);
    }
    handles.lenders.push(Lender { index: i, counted });
    Ok(handle.rep)
}

/// Spec: `lower_own`.
pub fn lower_own(cx: &mut Cx, rep: u32, resource: Resource) -> Result<u32, Trap> {
    let Some(handles) = cx.guest.handles() else { return Ok(rep) };
    let rt = handles.resource(resource);
    let handle = ResourceHandle { rt, rep, borrow_scope: None, num_lends: 0 };
    add(cx.guest, handle, Party::of(cx.peer))
}

/// Spec: `lower_borrow`.
pub fn lower_borrow(cx: &mut Cx, rep: u32, resource: Resource) -> Result<u32, Trap> {
    let Some(of) = cx.guest.handles() else { return Ok(rep) };
    let rt = of.resource(resource);
    let own_resource = rt.implementer == Some(of.instance);
    cx.reach(if own_resource { Rule::LowerBorrowRep } else { Rule::LowerBorrowHandle });
    if own_resource && !cx.deviates(Deviation::BorrowOfOwnResourceIsHandle) {
        return Ok(rep);
    }
    let tasks = handles(cx.guest).tasks;
    let task = tasks.last_mut().expect("borrows are lowered only for a call");
    task.num_borrows += 1;
    let borrow_scope = Some(tasks.len() - 1);
    add(cx.guest, ResourceHandle { rt, rep, borrow_scope, num_lends: 0 }, Party::of(cx.peer))
}

/// Lowers a handle of which only this is known any more, so that the table is as it would be.
pub(super) fn lower_unknown(cx: &mut Cx, rt: ResourceType, borrowed: bool) -> Result<(), Trap> {
    let Some(of) = cx.guest.handles() else { return Ok(()) };
    if borrowed && rt.implementer == Some(of.instance) {
        return Ok(());
    }
    let borrow_scope = borrowed.then_some(of.tasks.len());
    let handle = ResourceHandle { rt, rep: 0, borrow_scope, num_lends: 0 };
    add(cx.guest, handle, Party::Guest).map(|_| ())
}

/// Only a slip: gives the thread of the call that begins an index among the handles, where there may be any.
pub fn add_thread(guest: &mut dyn Guest) -> Result<Option<u32>, Trap> {
    let has_resources = guest.handles().is_some_and(|handles| !handles.resources.is_empty());
    if !has_resources || !guest.notes().deviates(Deviation::ThreadAmongHandles) {
        return Ok(None);
    }
    // Of a type that nobody has.
    let rt = ResourceType { id: usize::MAX, implementer: None };
    let handle = ResourceHandle { rt, rep: 0, borrow_scope: None, num_lends: 0 };
    add(guest, handle, Party::Host).map(Some)
}

/// Takes it away again.
pub fn remove_thread(guest: &mut dyn Guest, thread: Option<u32>) {
    if let Some(i) = thread {
        handles(guest).table.remove(i);
    }
}

/// Spec: `Subtask.deliver_resolve`: what was lent for a call is returned, by a guest or by the host.
pub fn return_lent(guest: &mut dyn Guest, by_guest: bool) {
    let lenders = guest.handles().map(|handles| std::mem::take(handles.lenders));
    let mut lenders = lenders.unwrap_or_default();
    lenders.retain(|lender| lender.counted);
    let notes = guest.notes();
    if lenders.is_empty()
        || notes.deviates(Deviation::LentForever)
        || by_guest && notes.deviates(Deviation::FusedLoansKept)
    {
        return;
    }
    notes.reach(Rule::LentReturned, Party::caller(by_guest));
    let table = handles(guest).table;
    lenders.into_iter().for_each(|lender| table.unlend(lender.index));
}

/// Whether the task under way may block. Only a slip asks, and others mistake some.
pub fn may_block(guest: &mut dyn Guest) -> bool {
    let tasks = guest
        .handles()
        .map(|handles| (handles.tasks.first().copied(), handles.tasks.last().copied()));
    let Some((Some(first), Some(last))) = tasks else { return false };
    let differ = first.is_async != last.is_async;
    let slips = differ && guest.notes().deviates(Deviation::FusedCallsHaveNoTask);
    let task = Some(if slips { first } else { last }).filter(|task| task.is_async);
    task.is_some_and(|task| !task.waited_for || !guest.notes().deviates(Deviation::WaitedForIsSync))
}

/// Spec: `Task.return_`: whether whoever was called, by a guest or by the host, has not dropped all
/// that it borrowed.
pub fn borrows_remain(guest: &mut dyn Guest, by_guest: bool) -> bool {
    holds_borrows(guest)
        && !guest.notes().deviates(Deviation::BorrowsMayRemain)
        && !(by_guest && guest.notes().deviates(Deviation::FusedBorrowsMayRemain))
}

/// Whether the call under way holds borrows at the moment.
pub fn holds_borrows(guest: &mut dyn Guest) -> bool {
    let task = guest.handles().and_then(|handles| handles.tasks.last().copied());
    task.is_some_and(|task| task.num_borrows > 0)
}

/// Spec: `canon_resource_new`.
pub fn canon_resource_new(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    rep: u32,
) -> Result<u32, Trap> {
    let made = check_may_leave(guest, may_leave).and_then(|()| {
        let rt = handles(guest).resource(resource);
        let handle = ResourceHandle { rt, rep, borrow_scope: None, num_lends: 0 };
        add(guest, handle, Party::Itself)
    });
    note(guest, ActKind::New, made)
}

/// Spec: `canon_resource_rep`.
pub fn canon_resource_rep(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<u32, Trap> {
    let rep = resource_rep(guest, may_leave, resource, i);
    note(guest, ActKind::Rep, rep)
}

fn resource_rep(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<u32, Trap> {
    let left = !may_leave && guest.notes().deviates(Deviation::ResourceRepLeaves);
    trap_if(left, Trap::CannotLeaveComponent)?;
    let handle = get(guest, i)?.expect("built-ins are an instance's");
    check_type(guest, handle, resource, Deviation::RepTypeUnchecked)?;
    Ok(handle.rep)
}

/// Spec: `canon_resource_drop`, up to the call of the destructor: whose representation it is to
/// destroy, if it was owned.
pub fn canon_resource_drop(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<Option<(ResourceType, u32)>, Trap> {
    let dropped = resource_drop(guest, may_leave, resource, i);
    note(guest, ActKind::Drop, dropped)
}

fn resource_drop(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<Option<(ResourceType, u32)>, Trap> {
    check_may_leave(guest, may_leave)?;
    let handle = get(guest, i)?.expect("built-ins are an instance's");
    check_lent_first(guest, handle, resource)?;
    check_type(guest, handle, resource, Deviation::DroppedTypeUnchecked)?;
    trap_if(handle.num_lends != 0, Trap::HandleLent)?;
    handles(guest).table.remove(i);
    let owned = handle.borrow_scope.is_none();
    guest.notes().reach(if owned { Rule::DropOwn } else { Rule::DropBorrow }, Party::Itself);
    let Some(task) = handle.borrow_scope else { return Ok(Some((handle.rt, handle.rep))) };
    if !guest.notes().deviates(Deviation::DroppedBorrowCounted) {
        // Only by a slip does a borrow outlive its call, and is then dropped in another.
        let task = &mut handles(guest).tasks[task];
        task.num_borrows = task.num_borrows.saturating_sub(1);
    }
    Ok(None)
}

fn note<T>(guest: &mut dyn Guest, kind: ActKind, result: Result<T, Trap>) -> Result<T, Trap> {
    let trap = result.as_ref().err().copied();
    let notes = guest.notes();
    notes.course.acts.push(Act { kind, stage: notes.course.stage, trap });
    if let Some(rule) = rule_of(kind, trap) {
        notes.reach(rule, Party::Itself);
    }
    result
}

/// What a built-in came to. Whether what was dropped was owned is said elsewhere.
fn rule_of(kind: ActKind, trap: Option<Trap>) -> Option<Rule> {
    match (kind, trap) {
        (ActKind::New, None) => Some(Rule::New),
        (ActKind::New, Some(Trap::CannotLeaveComponent)) => Some(Rule::NewMayNotLeave),
        (ActKind::Rep, None) => Some(Rule::Rep),
        (ActKind::Rep, Some(Trap::UnknownHandle)) => Some(Rule::RepUnknown),
        (ActKind::Rep, Some(Trap::HandleOfOtherType)) => Some(Rule::RepOtherType),
        (ActKind::Drop, Some(Trap::CannotLeaveComponent)) => Some(Rule::DropMayNotLeave),
        (ActKind::Drop, Some(Trap::UnknownHandle)) => Some(Rule::DropUnknown),
        (ActKind::Drop, Some(Trap::HandleOfOtherType)) => Some(Rule::DropOtherType),
        (ActKind::Drop, Some(Trap::HandleLent)) => Some(Rule::DropLent),
        (ActKind::New | ActKind::Rep | ActKind::Drop | ActKind::Destructor, _) => None,
    }
}

fn check_may_leave(guest: &mut dyn Guest, may_leave: bool) -> Result<(), Trap> {
    let stays = !may_leave && !guest.notes().deviates(Deviation::ResourceBuiltInsMayLeave);
    trap_if(stays, Trap::CannotLeaveComponent)
}

fn check_type(
    guest: &mut dyn Guest,
    handle: ResourceHandle,
    resource: Resource,
    slip: Deviation,
) -> Result<(), Trap> {
    let other = handle.rt != handles(guest).resource(resource);
    trap_if(other && !guest.notes().deviates(slip), Trap::HandleOfOtherType)
}

/// Only a slip looks at the lends before it looks at the type.
fn check_lent_first(
    guest: &mut dyn Guest,
    handle: ResourceHandle,
    resource: Resource,
) -> Result<(), Trap> {
    let other = handle.rt != handles(guest).resource(resource);
    let lent = other && handle.num_lends != 0 && guest.notes().deviates(Deviation::LendsBeforeType);
    trap_if(lent, Trap::HandleLent)
}

/// The handle of this index; nothing where the guest is no instance and has no table.
fn get(guest: &mut dyn Guest, i: u32) -> Result<Option<ResourceHandle>, Trap> {
    guest.handles().map(|handles| handles.table.get(i)).transpose()
}

fn add(guest: &mut dyn Guest, handle: ResourceHandle, party: Party) -> Result<u32, Trap> {
    let free = handles(guest).table.free.len();
    let oldest_first = free > 1 && guest.notes().deviates(Deviation::OldestIndexFirst);
    let added = handles(guest).table.add(handle, oldest_first);
    let rule = match added {
        Ok(_) if free > 0 => Rule::TableReuses,
        Ok(_) => Rule::TableGrows,
        Err(_) => Rule::TableFull,
    };
    guest.notes().reach(rule, party);
    added
}

fn handles(guest: &mut dyn Guest) -> Handles<'_> {
    guest.handles().expect("it was there just now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::{LiftLowerOptions, Lowered, Notes, PtrType, StringEncoding};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };
    /// The number of a resource of instance 0, whose guest is tested.
    const OWN: Resource = 0;
    /// The number of one of the host's.
    const FOREIGN: Resource = 1;

    /// A guest that is instance 0, with one call under way.
    struct TableGuest {
        bytes: ByteGuest,
        table: Table,
        tasks: Vec<Task>,
        lenders: Vec<Lender>,
    }

    const RESOURCES: [Option<ResourceType>; 2] = [
        Some(ResourceType { id: 0, implementer: Some(0) }),
        Some(ResourceType { id: 1, implementer: None }),
    ];

    impl Guest for TableGuest {
        fn memory(&self) -> &[u8] {
            self.bytes.memory()
        }

        fn memory_mut(&mut self) -> &mut [u8] {
            self.bytes.memory_mut()
        }

        fn realloc(&mut self, old: u64, size: u64, align: u64, new: u64) -> Result<u64, Trap> {
            self.bytes.realloc(old, size, align, new)
        }

        fn notes(&mut self) -> &mut Notes {
            self.bytes.notes()
        }

        fn lowered(&mut self) -> &mut Lowered {
            self.bytes.lowered()
        }

        fn handles(&mut self) -> Option<Handles<'_>> {
            let TableGuest { table, tasks, lenders, .. } = self;
            Some(Handles { instance: 0, table, resources: &RESOURCES, tasks, lenders })
        }
    }

    /// What is done in turn, each with what it answers.
    enum Do {
        New(u32, u32),
        Rep(Resource, u32, Result<u32, Trap>),
        Drop(Resource, u32, Result<Option<u32>, Trap>),
        LiftOwn(Resource, u32, Result<u32, Trap>),
        LiftBorrow(Resource, u32, Result<u32, Trap>),
        LowerOwn(Resource, u32, u32),
        LowerBorrow(Resource, u32, u32),
        ReturnLent,
        BorrowsRemain(bool),
    }
    use Do::*;

    #[track_caller]
    fn check(steps: &[Do]) {
        let tasks = vec![Task::default()];
        let (bytes, table) = (ByteGuest::default(), Table::default());
        let mut guest = TableGuest { bytes, table, tasks, lenders: Vec::new() };
        for step in steps {
            let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
            match step {
                New(rep, i) => {
                    assert_eq!(canon_resource_new(cx.guest, true, OWN, *rep), Ok(*i));
                }
                Rep(resource, i, expected) => {
                    assert_eq!(canon_resource_rep(cx.guest, false, *resource, *i), *expected);
                }
                Drop(resource, i, expected) => {
                    let dropped = canon_resource_drop(cx.guest, true, *resource, *i);
                    assert_eq!(dropped.map(|dropped| dropped.map(|(_, rep)| rep)), *expected);
                }
                LiftOwn(resource, i, expected) => {
                    assert_eq!(lift_own(cx, *i, *resource), *expected);
                }
                LiftBorrow(resource, i, expected) => {
                    assert_eq!(lift_borrow(cx, *i, *resource), *expected);
                }
                LowerOwn(resource, rep, i) => assert_eq!(lower_own(cx, *rep, *resource), Ok(*i)),
                LowerBorrow(resource, rep, i) => {
                    assert_eq!(lower_borrow(cx, *rep, *resource), Ok(*i));
                }
                ReturnLent => return_lent(cx.guest, false),
                BorrowsRemain(expected) => assert_eq!(borrows_remain(cx.guest, false), *expected),
            }
        }
    }

    #[test]
    fn index_0_is_never_used_and_what_was_freed_last_is_used_first() {
        let dropped = |i, rep| Drop(OWN, i, Ok(Some(rep)));
        check(&[New(7, 1), New(8, 2), New(9, 3), dropped(1, 7), dropped(3, 9)]);
        check(&[
            New(7, 1),
            New(8, 2),
            dropped(1, 7),
            dropped(2, 8),
            New(5, 2),
            New(6, 1),
            New(4, 3),
        ]);
        check(&[
            Rep(OWN, 0, Err(Trap::UnknownHandle)),
            Rep(OWN, u32::MAX, Err(Trap::UnknownHandle)),
        ]);
    }

    #[test]
    fn what_is_given_away_or_dropped_is_gone() {
        check(&[New(7, 1), LiftOwn(OWN, 1, Ok(7)), LiftOwn(OWN, 1, Err(Trap::UnknownHandle))]);
        check(&[New(7, 1), Drop(OWN, 1, Ok(Some(7))), Drop(OWN, 1, Err(Trap::UnknownHandle))]);
    }

    #[test]
    fn a_handle_is_of_one_type() {
        let wrong = Trap::HandleOfOtherType;
        check(&[LowerOwn(FOREIGN, 7, 1), Rep(OWN, 1, Err(wrong)), Drop(OWN, 1, Err(wrong))]);
        check(&[New(7, 1), LiftOwn(FOREIGN, 1, Err(wrong)), LiftBorrow(FOREIGN, 1, Err(wrong))]);
    }

    #[test]
    fn what_is_lent_stays_until_it_is_returned() {
        let lent = Trap::HandleLent;
        check(&[New(7, 1), LiftBorrow(OWN, 1, Ok(7)), LiftOwn(OWN, 1, Err(lent))]);
        check(&[New(7, 1), LiftBorrow(OWN, 1, Ok(7)), Drop(OWN, 1, Err(lent)), ReturnLent]);
        let twice = || LiftBorrow(OWN, 1, Ok(7));
        check(&[New(7, 1), twice(), twice(), ReturnLent, LiftOwn(OWN, 1, Ok(7))]);
    }

    #[test]
    fn a_borrow_can_be_lent_on_but_not_given_away() {
        let borrowed = || LowerBorrow(FOREIGN, 7, 1);
        check(&[borrowed(), LiftOwn(FOREIGN, 1, Err(Trap::HandleNotOwned))]);
        let lent = || LiftBorrow(FOREIGN, 1, Ok(7));
        check(&[borrowed(), lent(), Drop(FOREIGN, 1, Err(Trap::HandleLent))]);
        check(&[borrowed(), lent(), ReturnLent, Drop(FOREIGN, 1, Ok(None)), BorrowsRemain(false)]);
    }

    #[test]
    fn borrows_are_dropped_before_the_call_returns() {
        check(&[LowerBorrow(FOREIGN, 7, 1), BorrowsRemain(true)]);
        let (first, second) = (Drop(FOREIGN, 1, Ok(None)), Drop(FOREIGN, 2, Ok(None)));
        let lowered = |i| LowerBorrow(FOREIGN, 7, i);
        check(&[lowered(1), lowered(2), first, BorrowsRemain(true), second]);
    }

    #[test]
    fn whoever_defines_a_resource_borrows_its_representation() {
        check(&[LowerBorrow(OWN, 7, 7), BorrowsRemain(false), New(8, 1)]);
    }
}
