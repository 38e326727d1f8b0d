//! The traps of the specification, by name.
//! Knows no engine's wording for them.

use std::fmt;

use super::AsyncTrap;

/// Why a call trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Trap {
    /// A pointer is not aligned for what it points to.
    UnalignedPointer,
    /// Spilled params, spilled results or an out-pointer reach beyond the memory.
    MemoryOutOfBounds,
    /// A string is longer than `MAX_STRING_BYTE_LENGTH`.
    StringTooLong,
    StringOutOfBounds,
    /// A list is longer than `MAX_LIST_BYTE_LENGTH`.
    ListTooLong,
    ListOutOfBounds,
    InvalidUtf8,
    InvalidUtf16,
    InvalidChar,
    InvalidDiscriminant,
    /// An index is that of no handle.
    UnknownHandle,
    /// A handle is to a resource of another type.
    HandleOfOtherType,
    /// A handle is dropped or given away while it is lent.
    HandleLent,
    /// A borrow is given away as if it were owned.
    HandleNotOwned,
    /// A table is full.
    TooManyHandles,
    /// A call returns while it holds borrows.
    BorrowsRemain,
    /// The instance was entered while it may not be.
    CannotEnterComponent,
    /// An import was called while `may_leave` was false.
    CannotLeaveComponent,
    /// A call blocks within a function that may not: its type is not async.
    CannotBlockSyncTask,
    /// Core code trapped: the function, `realloc` or `post-return`.
    Guest,
    /// The host's import returned an error.
    Host,
    /// Something is wrong with a task, a waitable, a stream or a future.
    Async(AsyncTrap),
}

impl Trap {
    /// Whether core code that lifts and lowers could check for it on its own: without the tables of
    /// handles, and without decoding a string.
    pub fn is_of_values(self) -> bool {
        match self {
            Trap::UnalignedPointer
            | Trap::MemoryOutOfBounds
            | Trap::StringTooLong
            | Trap::StringOutOfBounds
            | Trap::ListTooLong
            | Trap::ListOutOfBounds
            | Trap::InvalidChar
            | Trap::InvalidDiscriminant => true,
            Trap::InvalidUtf8
            | Trap::InvalidUtf16
            | Trap::UnknownHandle
            | Trap::HandleOfOtherType
            | Trap::HandleLent
            | Trap::HandleNotOwned
            | Trap::TooManyHandles
            | Trap::BorrowsRemain
            | Trap::CannotEnterComponent
            | Trap::CannotLeaveComponent
            | Trap::CannotBlockSyncTask
            | Trap::Guest
            | Trap::Host
            | Trap::Async(_) => false,
        }
    }

    /// What an engine's message tells of a trap: the least that every engine tells.
    pub fn kind(self) -> &'static str {
        match self {
            Trap::UnalignedPointer => "unaligned pointer",
            // An engine may have a narrower limit than `MAX_STRING_BYTE_LENGTH`: its memory.
            Trap::MemoryOutOfBounds
            | Trap::StringTooLong
            | Trap::StringOutOfBounds
            | Trap::ListTooLong
            | Trap::ListOutOfBounds => "out of bounds",
            Trap::InvalidUtf8 => "invalid utf8",
            Trap::InvalidUtf16 => "invalid utf16",
            Trap::InvalidChar => "invalid char",
            Trap::InvalidDiscriminant => "invalid discriminant",
            Trap::UnknownHandle => "unknown handle",
            Trap::HandleOfOtherType => "handle of another type",
            Trap::HandleLent => "handle lent",
            Trap::HandleNotOwned => "handle not owned",
            Trap::TooManyHandles => "too many handles",
            Trap::BorrowsRemain => "borrows remain",
            Trap::CannotEnterComponent => "cannot enter component",
            Trap::CannotLeaveComponent => "cannot leave component",
            Trap::CannotBlockSyncTask => "cannot block",
            Trap::Guest => "guest code",
            Trap::Host => "host function",
            Trap::Async(trap) => trap.kind(),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl std::error::Error for Trap {}
