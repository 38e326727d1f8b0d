//! The table of an instance, what is in it, and the calls under way.
//! Knows nothing of how handles are passed.

use super::arena::{Arena, Id};
use super::copy::{End, Shared};
use super::machine::{Subtask, Task};
use super::waitable::{Waitable, WaitableSet};
use super::{Miss, Stop, end_if};
use crate::types::Resource;

/// Spec: `Table`. Entry 0 is never used.
#[derive(Clone, Debug)]
pub struct Table<T = Entry> {
    /// The entry of index 1 comes first.
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

/// What is in the table of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Resource(ResourceHandle),
    Subtask(Id<Subtask>),
    /// An end of a stream or future.
    End(Id<End>),
    Set(Id<WaitableSet>),
    /// An error context, by its number among all.
    ErrorContext(u32),
}

/// Spec: `ResourceHandle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceHandle {
    pub rt: ResourceType,
    pub rep: u32,
    /// The task that a borrow belongs to; an owned handle has none.
    pub borrow_scope: Option<Id<Task>>,
    pub num_lends: u32,
}

/// The identity of a resource type among all that were made, and who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceType {
    pub id: usize,
    /// The instance that defines it; the host's have none.
    pub implementer: Option<usize>,
}

/// The instance that handles are lifted from or lowered into, and the calls that are under way.
pub struct Handles<'a> {
    pub instance: usize,
    pub table: &'a mut Table,
    /// What the numbers in the types mean.
    pub resources: &'a [Option<ResourceType>],
    pub tasks: &'a mut Arena<Task>,
    /// The task that runs, if one does: the call for which something is lowered.
    pub task: Option<Id<Task>>,
    /// Spec: `Subtask.lenders`, where params are lifted for a call or it returns.
    pub lenders: Option<&'a mut Vec<Lender>>,
    /// The ends of streams and futures, and what each two of them share.
    pub ends: &'a mut Arena<End>,
    pub shared: &'a mut Arena<Shared>,
}

/// A handle that was lent for a call.
#[derive(Clone, Copy, Debug)]
pub struct Lender {
    /// Its index in the table.
    pub(super) index: u32,
    /// Whether its table knows that it is lent. Only by a deviation it does not.
    pub(super) counted: bool,
}

impl Entry {
    pub fn resource(self) -> Option<ResourceHandle> {
        if let Entry::Resource(handle) = self { Some(handle) } else { None }
    }

    pub fn subtask(self) -> Option<Id<Subtask>> {
        if let Entry::Subtask(subtask) = self { Some(subtask) } else { None }
    }

    pub fn end(self) -> Option<Id<End>> {
        if let Entry::End(end) = self { Some(end) } else { None }
    }

    pub fn set(self) -> Option<Id<WaitableSet>> {
        if let Entry::Set(set) = self { Some(set) } else { None }
    }

    pub fn error_context(self) -> Option<u32> {
        if let Entry::ErrorContext(number) = self { Some(number) } else { None }
    }

    /// Spec: `Waitable`, if it is one.
    pub fn waitable(self) -> Option<Waitable> {
        let subtask = self.subtask().map(Waitable::Subtask);
        subtask.or_else(|| self.end().map(Waitable::End))
    }
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { entries: Vec::new(), free: Vec::new() }
    }
}

impl Table {
    /// The resource handle of this index, if it is one.
    pub fn handle(&self, i: u32) -> Option<ResourceHandle> {
        self.get(i)?.resource()
    }

    fn handle_mut(&mut self, i: u32) -> Option<&mut ResourceHandle> {
        let Some(Entry::Resource(handle)) = self.entry(i) else { return None };
        Some(handle)
    }

    /// Spec: `ResourceHandle.num_lends`, one more.
    pub(super) fn lend(&mut self, i: u32) {
        self.handle_mut(i).expect("only what is there is lent").num_lends += 1;
    }

    /// The same, one less. Only by a deviation was a handle that is lent removed, or removed and replaced.
    pub(super) fn unlend(&mut self, i: u32) {
        if let Some(handle) = self.handle_mut(i) {
            handle.num_lends = handle.num_lends.saturating_sub(1);
        }
    }
}

impl<T: Copy> Table<T> {
    /// Spec: `Table.MAX_LENGTH`.
    const MAX_LENGTH: usize = (1 << 28) - 1;
    /// What we can bear: some hundreds of megabytes.
    const MAX_HANDLES: usize = 1 << 22;
    const TOO_MANY_HANDLES: Stop = Stop::Exhausted("more handles than we can hold");

    /// Spec: `Table.get`.
    pub fn get(&self, i: u32) -> Option<T> {
        let position = usize::try_from(i).ok()?.checked_sub(1)?;
        self.entries.get(position).copied().flatten()
    }

    /// Why there is nothing at an index, if there is nothing.
    pub(super) fn miss(&self, i: u32) -> Option<Miss> {
        let beyond = usize::try_from(i).is_ok_and(|i| i > self.entries.len());
        match self.get(i) {
            Some(_) => None,
            None => Some(if beyond { Miss::BeyondEnd } else { Miss::Empty }),
        }
    }

    /// Spec: `Table.add`. What was freed last is used first, unless `oldest_first`.
    pub(super) fn add(&mut self, entry: T, oldest_first: bool) -> Result<u32, Stop> {
        let free = match self.free.len() {
            0 => None,
            _ if oldest_first => Some(self.free.remove(0)),
            _ => self.free.pop(),
        };
        if let Some(i) = free {
            *self.entry(i) = Some(entry);
            return Ok(i);
        }
        end_if(self.entries.len() >= Self::MAX_HANDLES, Self::TOO_MANY_HANDLES)?;
        self.entries.push(Some(entry));
        Ok(u32::try_from(self.entries.len()).expect("it is not that long"))
    }

    /// Spec: `Table.add`, its check.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.entries.len() >= Self::MAX_LENGTH
    }

    /// How many indices are free again.
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Spec: `Table.remove`, after `get`.
    pub(super) fn remove(&mut self, i: u32) {
        *self.entry(i) = None;
        self.free.push(i);
    }

    fn entry(&mut self, i: u32) -> &mut Option<T> {
        let i = usize::try_from(i).expect("an index in the table");
        &mut self.entries[i - 1]
    }

    /// What is in it, by index.
    pub fn iter(&self) -> impl Iterator<Item = (u32, T)> {
        (1..).zip(&self.entries).filter_map(|(i, entry)| Some((i, (*entry)?)))
    }
}

impl Handles<'_> {
    pub(super) fn task(&mut self) -> Option<&mut Task> {
        self.tasks.get_mut(self.task?)
    }

    pub(super) fn resource(&self, resource: Resource) -> ResourceType {
        let position = usize::try_from(resource).expect("an index fits");
        self.resources[position].expect("a resource type is defined before it is used")
    }
}
