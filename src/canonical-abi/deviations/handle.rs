//! What deviations make of handles: what is checked of them, and what is lent.
//! Knows nothing of how they are passed.

use crate::context::{Cx, Guest, handles};
use crate::table::{Entry, ResourceHandle, ResourceType};
use crate::types::Resource;
use crate::{Deviation, Party, Stop, Trap, end_if};

/// Traps where whoever looks at the lends before the type sees some.
pub(crate) fn check_lent_first(
    guest: &mut dyn Guest,
    handle: ResourceHandle,
    resource: Resource,
) -> Result<(), Stop> {
    let other = handle.rt != handles(guest).resource(resource);
    let lent = other && handle.num_lends != 0;
    end_if(lent && guest.watch().deviates(Deviation::LendsBeforeType), Trap::HandleLent)
}

/// Whether a handle that was given away stays in the table.
pub(crate) fn keeps_lifted(cx: &mut Cx) -> bool {
    cx.deviates(Deviation::LiftedOwnKept)
}

/// Whether a table knows of a handle that is lent. Ends as who bears only one loan.
pub(crate) fn counts_lent(cx: &mut Cx, borrowed: bool) -> Result<bool, Stop> {
    let uncounted = borrowed && cx.deviates(Deviation::BorrowedNotLentOn)
        || cx.deviates(Deviation::BorrowNotLent);
    let second = cx.peer.is_none()
        && !borrowed
        && handles(cx.guest).lenders.is_some_and(|lenders| !lenders.is_empty());
    end_if(second && cx.deviates(Deviation::SecondLoanCrashes), Stop::Crash)?;
    Ok(!uncounted)
}

/// Whether whoever defines a resource gets a handle to a borrow.
pub(crate) fn own_borrow_is_handle(cx: &mut Cx) -> bool {
    cx.deviates(Deviation::BorrowOfOwnResourceIsHandle)
}

/// Whether what was lent for a call stays lent.
pub(crate) fn keeps_lent(guest: &mut dyn Guest, party: Party) -> bool {
    let watch = guest.watch();
    watch.deviates(Deviation::LentForever)
        || party == Party::Guest && watch.deviates(Deviation::FusedLoansKept)
}

/// Traps where `resource.rep` may not be called.
pub(crate) fn check_rep_leaves(guest: &mut dyn Guest, may_leave: bool) -> Result<(), Stop> {
    let left = !may_leave && guest.watch().deviates(Deviation::ResourceRepLeaves);
    end_if(left, Trap::CannotLeaveComponent)
}

/// Whether a borrow that was dropped counts as held.
pub(crate) fn counts_dropped(guest: &mut dyn Guest) -> bool {
    guest.watch().deviates(Deviation::DroppedBorrowCounted)
}

/// Whether of so many free indices that is used which was freed first.
pub(crate) fn oldest_first(guest: &mut dyn Guest, free: usize) -> bool {
    free > 1 && guest.watch().deviates(Deviation::OldestIndexFirst)
}

/// Gives the thread of the call that begins an index among the handles, where there may be any.
pub(crate) fn add_thread(guest: &mut dyn Guest) -> Result<Option<u32>, Stop> {
    let has_resources = guest.handles().is_some_and(|handles| !handles.resources.is_empty());
    if !has_resources || !guest.watch().deviates(Deviation::ThreadAmongHandles) {
        return Ok(None);
    }
    // Of a type that nobody has.
    let rt = ResourceType { id: usize::MAX, implementer: None };
    let handle = ResourceHandle { rt, rep: 0, borrow_scope: None, num_lends: 0 };
    handles(guest).table.add(Entry::Resource(handle), false).map(Some)
}

/// Takes it away again.
pub(crate) fn remove_thread(guest: &mut dyn Guest, thread: Option<u32>) {
    if let Some(i) = thread {
        handles(guest).table.remove(i);
    }
}
