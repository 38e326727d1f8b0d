//! Handles: how they are lifted and lowered, and the built-ins on them.
//! Knows nothing of how a destructor is called or who may enter whom.

use super::check::trap_if;
use super::context::{Cx, Guest, handles, stage};
use super::deviations::handle as deviations;
use super::table::{Entry, Lender, ResourceHandle, ResourceType};
use super::unchecked;
use super::{Act, ActKind, BuiltIn, Miss, Party, Rule, Stop};
use crate::types::Resource;

/// Spec: `lift_own`.
pub fn lift_own(cx: &mut Cx, i: u32, resource: Resource) -> Result<u32, Stop> {
    let rules = [Rule::LiftOwnUnknown, Rule::LiftOwnOtherType];
    let Some(h) = get(cx.guest, Party::of(cx.peer), rules, i)? else { return Ok(i) };
    deviations::check_lent_first(cx.guest, h, resource)?;
    let rt = handles(cx.guest).resource(resource);
    cx.trap_if(Rule::LiftOwnOtherType, h.rt != rt)?;
    cx.trap_if(Rule::LiftOwnLent, h.num_lends != 0)?;
    cx.trap_if(Rule::LiftOwnBorrowed, h.borrow_scope.is_some())?;
    remove_lifted(cx, i);
    Ok(h.rep)
}

fn remove_lifted(cx: &mut Cx, i: u32) {
    if !deviations::keeps_lifted(cx) {
        handles(cx.guest).table.remove(i);
    }
}

/// Spec: `lift_borrow`.
pub fn lift_borrow(cx: &mut Cx, i: u32, resource: Resource) -> Result<u32, Stop> {
    let rules = [Rule::LiftBorrowUnknown, Rule::LiftBorrowOtherType];
    let Some(h) = get(cx.guest, Party::of(cx.peer), rules, i)? else { return Ok(i) };
    let rt = handles(cx.guest).resource(resource);
    cx.trap_if(Rule::LiftBorrowOtherType, h.rt != rt)?;
    let borrowed = h.borrow_scope.is_some();
    cx.reach(if borrowed { Rule::LiftBorrowOfBorrow } else { Rule::LiftBorrowOfOwn });
    add_lender(cx, i, borrowed)?;
    Ok(h.rep)
}

/// Spec: `Subtask.add_lender`.
fn add_lender(cx: &mut Cx, i: u32, borrowed: bool) -> Result<(), Stop> {
    let counted = deviations::counts_lent(cx, borrowed)?;
    let handles = handles(cx.guest);
    if counted {
        handles.table.lend(i);
    }
    let lenders = handles.lenders.expect("borrows are lifted only for a call");
    lenders.push(Lender { index: i, counted });
    Ok(())
}

/// Spec: `lower_own`.
pub fn lower_own(cx: &mut Cx, rep: u32, resource: Resource) -> Result<u32, Stop> {
    let Some(handles) = cx.guest.handles() else { return Ok(rep) };
    let rt = handles.resource(resource);
    let handle = ResourceHandle { rt, rep, borrow_scope: None, num_lends: 0 };
    add(cx.guest, Entry::Resource(handle), Party::of(cx.peer))
}

/// Spec: `lower_borrow`.
pub fn lower_borrow(cx: &mut Cx, rep: u32, resource: Resource) -> Result<u32, Stop> {
    let Some(of) = cx.guest.handles() else { return Ok(rep) };
    let rt = of.resource(resource);
    let own_resource = rt.implementer == Some(of.instance);
    if reach_lowered(cx, own_resource) {
        return Ok(rep);
    }
    let mut handles = handles(cx.guest);
    handles.task().expect("borrows are lowered only for a call").num_borrows += 1;
    let borrow_scope = handles.task;
    let handle = ResourceHandle { rt, rep, borrow_scope, num_lends: 0 };
    add(cx.guest, Entry::Resource(handle), Party::of(cx.peer))
}

/// Notes what a borrow is lowered to, and says whether that is the representation.
fn reach_lowered(cx: &mut Cx, own_resource: bool) -> bool {
    cx.reach(if own_resource { Rule::LowerBorrowRep } else { Rule::LowerBorrowHandle });
    own_resource && !deviations::own_borrow_is_handle(cx)
}

/// Lowers a handle of which only this is known any more, so that the table is as it would be.
pub(super) fn lower_unknown(cx: &mut Cx, rt: ResourceType, borrowed: bool) -> Result<(), Stop> {
    let Some(of) = cx.guest.handles() else { return Ok(()) };
    if borrowed && rt.implementer == Some(of.instance) {
        return Ok(());
    }
    let borrow_scope = of.task.filter(|_| borrowed);
    let handle = ResourceHandle { rt, rep: 0, borrow_scope, num_lends: 0 };
    add(cx.guest, Entry::Resource(handle), Party::Guest).map(|_| ())
}

/// Spec: `Subtask.deliver_resolve`: what was lent for a call is returned, by a guest or by the host.
pub fn deliver_resolve(guest: &mut dyn Guest, party: Party) {
    let lenders = guest.handles().and_then(|handles| handles.lenders.map(std::mem::take));
    let mut lenders = lenders.unwrap_or_default();
    lenders.retain(|lender| lender.counted);
    if lenders.is_empty() || !returns_lent(guest, party) {
        return;
    }
    let table = handles(guest).table;
    lenders.into_iter().for_each(|lender| table.unlend(lender.index));
}

/// Whether what was lent is returned, as it should be.
fn returns_lent(guest: &mut dyn Guest, party: Party) -> bool {
    let returns = !deviations::keeps_lent(guest, party);
    if returns {
        guest.watch().reach(Rule::LentReturned.into(), party);
    }
    returns
}

/// Spec: `Task.return_`: traps where whoever was called, by a guest or by the host, has not dropped all
/// that it borrowed.
pub fn return_(guest: &mut dyn Guest, party: Party) -> Result<(), Stop> {
    let remain = holds_borrows(guest);
    trap_if(guest.watch(), party, Rule::BorrowsRemain, remain)
}

/// Whether the call under way holds borrows at the moment.
pub fn holds_borrows(guest: &mut dyn Guest) -> bool {
    let handles = guest.handles();
    handles.is_some_and(|mut handles| handles.task().is_some_and(|task| task.num_borrows > 0))
}

/// Spec: `canon_resource_new`.
pub fn canon_resource_new(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    rep: u32,
) -> Result<u32, Stop> {
    let made = resource_new(guest, may_leave, resource, rep);
    note(guest, BuiltIn::ResourceNew, made)
}

fn resource_new(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    rep: u32,
) -> Result<u32, Stop> {
    trap_if(guest.watch(), Party::Itself, Rule::NewMayNotLeave, !may_leave)?;
    let rt = handles(guest).resource(resource);
    let h = ResourceHandle { rt, rep, borrow_scope: None, num_lends: 0 };
    let i = add(guest, Entry::Resource(h), Party::Itself)?;
    guest.watch().reach(Rule::New.into(), Party::Itself);
    Ok(i)
}

/// Spec: `canon_resource_rep`.
pub fn canon_resource_rep(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<u32, Stop> {
    let rep = resource_rep(guest, may_leave, resource, i);
    note(guest, BuiltIn::ResourceRep, rep)
}

fn resource_rep(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<u32, Stop> {
    deviations::check_rep_leaves(guest, may_leave)?;
    let h = get(guest, Party::Itself, [Rule::RepUnknown, Rule::RepOtherType], i)?;
    let h = h.expect("built-ins are an instance's");
    let rt = handles(guest).resource(resource);
    trap_if(guest.watch(), Party::Itself, Rule::RepOtherType, h.rt != rt)?;
    guest.watch().reach(Rule::Rep.into(), Party::Itself);
    Ok(h.rep)
}

/// Spec: `canon_resource_drop`, up to the call of the destructor: whose representation it is to
/// destroy, if it was owned.
pub fn canon_resource_drop(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<Option<(ResourceType, u32)>, Stop> {
    let dropped = resource_drop(guest, may_leave, resource, i);
    note(guest, BuiltIn::ResourceDrop, dropped)
}

fn resource_drop(
    guest: &mut dyn Guest,
    may_leave: bool,
    resource: Resource,
    i: u32,
) -> Result<Option<(ResourceType, u32)>, Stop> {
    trap_if(guest.watch(), Party::Itself, Rule::DropMayNotLeave, !may_leave)?;
    let h = get(guest, Party::Itself, [Rule::DropUnknown, Rule::DropOtherType], i)?;
    let h = h.expect("built-ins are an instance's");
    deviations::check_lent_first(guest, h, resource)?;
    let rt = handles(guest).resource(resource);
    trap_if(guest.watch(), Party::Itself, Rule::DropOtherType, h.rt != rt)?;
    trap_if(guest.watch(), Party::Itself, Rule::DropLent, h.num_lends != 0)?;
    handles(guest).table.remove(i);
    let owned = h.borrow_scope.is_none();
    guest.watch().reach(if owned { Rule::DropOwn } else { Rule::DropBorrow }.into(), Party::Itself);
    let Some(task) = h.borrow_scope else { return Ok(Some((h.rt, h.rep))) };
    if !deviations::counts_dropped(guest) {
        // Unless whether borrows remain is checked a borrow may outlive its call, and is then dropped in another.
        if let Some(task) = handles(guest).tasks.get_mut(task) {
            task.num_borrows = task.num_borrows.saturating_sub(1);
        }
    }
    Ok(None)
}

/// Notes that a built-in has ended.
fn note<T>(guest: &mut dyn Guest, which: BuiltIn, result: Result<T, Stop>) -> Result<T, Stop> {
    let (stage, stop) = (stage(guest), result.as_ref().err().copied());
    guest.watch().act(Act { kind: ActKind::BuiltIn(which), stage, stop });
    result
}

/// The handle of this index, by the rules that it is there and of a type; nothing where the guest is no
/// instance and has no table: what it hands over is as it should be already.
fn get(
    guest: &mut dyn Guest,
    party: Party,
    [unknown, other_type]: [Rule; 2],
    i: u32,
) -> Result<Option<ResourceHandle>, Stop> {
    let Some(handles) = guest.handles() else { return Ok(None) };
    let (handle, miss) = (handles.table.handle(i), handles.table.miss(i));
    if handle.is_none() {
        guest.watch().misses(miss.unwrap_or(Miss::OtherKind));
    }
    trap_if(guest.watch(), party, unknown, miss.is_some())?;
    match handle {
        Some(handle) => Ok(Some(handle)),
        None => Err(unchecked::no_handle(guest.watch(), party, other_type)),
    }
}

/// Spec: `Table.add`, in the table of a guest's instance.
pub(super) fn add(guest: &mut dyn Guest, entry: Entry, party: Party) -> Result<u32, Stop> {
    let table = handles(guest).table;
    let (free, full) = (table.free(), table.is_full());
    let oldest_first = deviations::oldest_first(guest, free);
    trap_if(guest.watch(), party, Rule::TableFull, full)?;
    let i = handles(guest).table.add(entry, oldest_first)?;
    let rule = if free > 0 { Rule::TableReuses } else { Rule::TableGrows };
    guest.watch().reach(rule.into(), party);
    Ok(i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::{Arena, Id};
    use crate::bytes_guest::ByteGuest;
    use crate::copy::{End, Shared};
    use crate::machine::{Called, Caller, Invocation, Task};
    use crate::table::{Handles, Table};
    use crate::{LiftLowerOptions, PtrType, Stage, StringEncoding, Trap, Watch};

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
        tasks: Arena<Task>,
        task: Id<Task>,
        lenders: Vec<Lender>,
        ends: Arena<End>,
        shared: Arena<Shared>,
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

        fn realloc(&mut self, old: u64, size: u64, align: u64, new: u64) -> Result<u64, Stop> {
            self.bytes.realloc(old, size, align, new)
        }

        fn lifted(&mut self) -> &mut u64 {
            self.bytes.lifted()
        }

        fn watch(&mut self) -> &mut dyn Watch {
            self.bytes.watch()
        }

        fn handles(&mut self) -> Option<Handles<'_>> {
            let TableGuest { table, tasks, task, lenders, .. } = self;
            let (task, lenders, resources) = (Some(*task), Some(lenders), &RESOURCES);
            let (ends, shared) = (&mut self.ends, &mut self.shared);
            Some(Handles { instance: 0, table, resources, tasks, task, lenders, ends, shared })
        }
    }

    /// What is done in turn, each with what it answers.
    enum Do {
        New(u32, u32),
        Rep(Resource, u32, Result<u32, Stop>),
        Drop(Resource, u32, Result<Option<u32>, Stop>),
        LiftOwn(Resource, u32, Result<u32, Stop>),
        LiftBorrow(Resource, u32, Result<u32, Stop>),
        LowerOwn(Resource, u32, u32),
        LowerBorrow(Resource, u32, u32),
        ReturnLent,
        BorrowsRemain(bool),
    }
    use Do::*;

    #[track_caller]
    fn check(steps: &[Do]) {
        let (bytes, table) = (ByteGuest::default(), Table::default());
        let mut tasks = Arena::default();
        let caller = Caller::Host(Arena::default().add(Invocation::default()));
        let called = Called::Destructor { at: Stage::default() };
        let task = tasks.add(Task::new(0, called, caller));
        let (ends, shared) = (Arena::default(), Arena::default());
        let mut guest = TableGuest { bytes, table, tasks, task, lenders: Vec::new(), ends, shared };
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
                ReturnLent => deliver_resolve(cx.guest, Party::Host),
                BorrowsRemain(expected) => assert_eq!(holds_borrows(cx.guest), *expected),
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
            Rep(OWN, 0, Err(Trap::UnknownHandle.into())),
            Rep(OWN, u32::MAX, Err(Trap::UnknownHandle.into())),
        ]);
    }

    #[test]
    fn what_is_given_away_or_dropped_is_gone() {
        check(&[
            New(7, 1),
            LiftOwn(OWN, 1, Ok(7)),
            LiftOwn(OWN, 1, Err(Trap::UnknownHandle.into())),
        ]);
        check(&[
            New(7, 1),
            Drop(OWN, 1, Ok(Some(7))),
            Drop(OWN, 1, Err(Trap::UnknownHandle.into())),
        ]);
    }

    #[test]
    fn a_handle_is_of_one_type() {
        let wrong = Stop::Trap(Trap::HandleOfOtherType);
        check(&[LowerOwn(FOREIGN, 7, 1), Rep(OWN, 1, Err(wrong)), Drop(OWN, 1, Err(wrong))]);
        check(&[New(7, 1), LiftOwn(FOREIGN, 1, Err(wrong)), LiftBorrow(FOREIGN, 1, Err(wrong))]);
    }

    #[test]
    fn what_is_lent_stays_until_it_is_returned() {
        let lent = Stop::Trap(Trap::HandleLent);
        check(&[New(7, 1), LiftBorrow(OWN, 1, Ok(7)), LiftOwn(OWN, 1, Err(lent))]);
        check(&[New(7, 1), LiftBorrow(OWN, 1, Ok(7)), Drop(OWN, 1, Err(lent)), ReturnLent]);
        let twice = || LiftBorrow(OWN, 1, Ok(7));
        check(&[New(7, 1), twice(), twice(), ReturnLent, LiftOwn(OWN, 1, Ok(7))]);
    }

    #[test]
    fn a_borrow_can_be_lent_on_but_not_given_away() {
        let borrowed = || LowerBorrow(FOREIGN, 7, 1);
        check(&[borrowed(), LiftOwn(FOREIGN, 1, Err(Trap::HandleNotOwned.into()))]);
        let lent = || LiftBorrow(FOREIGN, 1, Ok(7));
        check(&[borrowed(), lent(), Drop(FOREIGN, 1, Err(Trap::HandleLent.into()))]);
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
