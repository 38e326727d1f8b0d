//! The canonical built-ins: what each is called, what it is made for, what it takes and gives.
//! Knows nothing of what they do.

use super::core::{CoreFuncType, CoreType};
use super::options::PtrType;

use self::Immediate::{Element, Memory, Nothing, Result, Slot, Table};

const RESOURCE: Immediate = Immediate::Resource { defined: false };
const DEFINED: Immediate = Immediate::Resource { defined: true };

/// Makes the table: the name in the text format, the specification's definition, what it is made for, params,
/// result, and whether it may block.
macro_rules! built_ins {
    ($($variant:ident = $name:literal $definition:ident $of:ident ($($param:ident),*) $(-> $result:ident)? $(, blocks $blocks:ident)?;)*) => {
        /// A canonical built-in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum BuiltIn {
            $(#[doc = $name] $variant,)*
        }

        impl BuiltIn {
            pub const ALL: &[BuiltIn] = &[$(BuiltIn::$variant,)*];

            /// Its row of the table.
            pub const fn row(self) -> Row {
                match self {
                    $(BuiltIn::$variant => Row {
                        canon: concat!("canon ", $name),
                        definition: stringify!($definition),
                        of: $of,
                        params: &[$(Operand::$param),*],
                        result: result!($($result)?),
                        blocks: blocks!($($blocks)?),
                    },)*
                }
            }
        }
    };
}

macro_rules! result {
    () => {
        None
    };
    ($result:ident) => {
        Some(Operand::$result)
    };
}

macro_rules! blocks {
    () => {
        Blocks::Never
    };
    ($blocks:ident) => {
        Blocks::$blocks
    };
}

built_ins! {
    ResourceNew = "resource.new" canon_resource_new DEFINED (Rep) -> Handle;
    ResourceRep = "resource.rep" canon_resource_rep DEFINED (Handle) -> Rep;
    ResourceDrop = "resource.drop" canon_resource_drop RESOURCE (Handle);
    TaskReturn = "task.return" canon_task_return Result ();
    TaskCancel = "task.cancel" canon_task_cancel Nothing ();
    ContextGet = "context.get" canon_context_get Slot () -> Slot;
    ContextSet = "context.set" canon_context_set Slot (Slot);
    BackpressureInc = "backpressure.inc" canon_backpressure_inc Nothing ();
    BackpressureDec = "backpressure.dec" canon_backpressure_dec Nothing ();
    WaitableSetNew = "waitable-set.new" canon_waitable_set_new Nothing () -> Handle;
    WaitableSetWait = "waitable-set.wait" canon_waitable_set_wait Memory (Handle, Pointer) -> Code, blocks Always;
    WaitableSetPoll = "waitable-set.poll" canon_waitable_set_poll Memory (Handle, Pointer) -> Code;
    WaitableSetDrop = "waitable-set.drop" canon_waitable_set_drop Nothing (Handle);
    WaitableJoin = "waitable.join" canon_waitable_join Nothing (Handle, Handle);
    SubtaskCancel = "subtask.cancel" canon_subtask_cancel Nothing (Handle) -> Code, blocks IfSync;
    SubtaskDrop = "subtask.drop" canon_subtask_drop Nothing (Handle);
    StreamNew = "stream.new" canon_stream_new Element () -> Ends;
    StreamRead = "stream.read" canon_stream_read Element (Handle, Pointer, Count) -> Packed, blocks IfSync;
    StreamWrite = "stream.write" canon_stream_write Element (Handle, Pointer, Count) -> Packed, blocks IfSync;
    StreamCancelRead = "stream.cancel-read" canon_stream_cancel_read Element (Handle) -> Code, blocks IfSync;
    StreamCancelWrite = "stream.cancel-write" canon_stream_cancel_write Element (Handle) -> Code, blocks IfSync;
    StreamDropReadable = "stream.drop-readable" canon_stream_drop_readable Element (Handle);
    StreamDropWritable = "stream.drop-writable" canon_stream_drop_writable Element (Handle);
    FutureNew = "future.new" canon_future_new Element () -> Ends;
    FutureRead = "future.read" canon_future_read Element (Handle, Pointer) -> Code, blocks IfSync;
    FutureWrite = "future.write" canon_future_write Element (Handle, Pointer) -> Code, blocks IfSync;
    FutureCancelRead = "future.cancel-read" canon_future_cancel_read Element (Handle) -> Code, blocks IfSync;
    FutureCancelWrite = "future.cancel-write" canon_future_cancel_write Element (Handle) -> Code, blocks IfSync;
    FutureDropReadable = "future.drop-readable" canon_future_drop_readable Element (Handle);
    FutureDropWritable = "future.drop-writable" canon_future_drop_writable Element (Handle);
    ThreadIndex = "thread.index" canon_thread_index Nothing () -> Thread;
    ThreadNewIndirect = "thread.new-indirect" canon_thread_new_indirect Table (Entry, Slot) -> Thread;
    ThreadResumeLater = "thread.resume-later" canon_thread_resume_later Nothing (Thread);
    ThreadSuspend = "thread.suspend" canon_thread_suspend Nothing () -> Code, blocks Always;
    ThreadYield = "thread.yield" canon_thread_yield Nothing () -> Code;
    ThreadSuspendThenResume = "thread.suspend-then-resume" canon_thread_suspend_then_resume Nothing (Thread) -> Code;
    ThreadYieldThenResume = "thread.yield-then-resume" canon_thread_yield_then_resume Nothing (Thread) -> Code;
    ThreadSuspendThenPromote = "thread.suspend-then-promote" canon_thread_suspend_then_promote Nothing (Thread) -> Code, blocks Always;
    ThreadYieldThenPromote = "thread.yield-then-promote" canon_thread_yield_then_promote Nothing (Thread) -> Code;
    ErrorContextNew = "error-context.new" canon_error_context_new Memory (Pointer, Count) -> Handle;
    ErrorContextDebugMessage = "error-context.debug-message" canon_error_context_debug_message Memory (Handle, Pointer);
    ErrorContextDrop = "error-context.drop" canon_error_context_drop Nothing (Handle);
}

/// A built-in that is made for a resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfResource {
    New,
    Rep,
    Drop,
}

/// What there is to know of a built-in before it is called.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As the text format and the specification's heading have it.
    pub canon: &'static str,
    /// The specification's definition of it.
    pub definition: &'static str,
    /// What it is made for.
    pub of: Immediate,
    pub params: &'static [Operand],
    pub result: Option<Operand>,
    pub blocks: Blocks,
}

/// Whether a thread that calls a built-in may have to wait. One that only lets others go first does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    Never,
    /// Unless the built-in is made with `async`.
    IfSync,
    Always,
}

/// What a built-in is made for: with each it is another core function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immediate {
    Nothing,
    /// A resource type: any that the component knows, or only one that it defines.
    Resource {
        defined: bool,
    },
    /// The result of the function whose task returns: the flat values of it are the params.
    Result,
    /// A slot of a thread's storage, and the core type of what is in it.
    Slot,
    /// The element type of a stream or future, if it has one.
    Element,
    /// A memory.
    Memory,
    /// A table of core functions, and the core type of the param of those that it takes from there.
    Table,
}

/// What a core value means that a built-in takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An index in the table of handles.
    Handle,
    /// A resource's representation.
    Rep,
    /// What lies in a slot of a thread's storage, or is passed to a new thread.
    Slot,
    /// Where something lies in memory.
    Pointer,
    /// How many elements or code units lie there.
    Count,
    /// The code of an event, the state of a subtask, what became of a copy, or whether a task was cancelled.
    Code,
    /// What became of a copy, and how many elements were copied.
    Packed,
    /// The indices of both ends, that of the readable one in the lower half.
    Ends,
    /// An index in the table of threads.
    Thread,
    /// An index in a table of core functions.
    Entry,
}

impl BuiltIn {
    /// Those that are made for resource types.
    pub const OF_RESOURCES: [BuiltIn; 3] =
        [BuiltIn::ResourceNew, BuiltIn::ResourceRep, BuiltIn::ResourceDrop];

    /// Which of those that are made for resource types it is, if it is one.
    pub fn of_resource(self) -> Option<OfResource> {
        let all = [OfResource::New, OfResource::Rep, OfResource::Drop];
        let same = |(which, _): &(BuiltIn, OfResource)| *which == self;
        BuiltIn::OF_RESOURCES.into_iter().zip(all).find(same).map(|(_, of)| of)
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        BuiltIn::ALL.iter().take_while(|other| **other != self).count()
    }

    /// What follows `canon` in the text format.
    pub fn name(self) -> &'static str {
        let canon = self.row().canon;
        canon.strip_prefix("canon ").unwrap_or(canon)
    }

    /// The last word of its name.
    pub fn verb(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, verb)| verb)
    }

    /// The built-in of this name, if there is one.
    pub fn named(name: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.iter().copied().find(|built_in| built_in.name() == name)
    }

    /// Whether it traps where `may_leave` is false.
    pub fn leaves(self) -> bool {
        const STAY: [BuiltIn; 5] = [
            BuiltIn::ResourceRep,
            BuiltIn::ContextGet,
            BuiltIn::ContextSet,
            BuiltIn::BackpressureInc,
            BuiltIn::BackpressureDec,
        ];
        !STAY.contains(&self)
    }

    /// Its core type where pointers, into the memory or the table, are so wide, and what is in a slot is of that
    /// type. The flat params of `task.return` are those of its result.
    pub fn core_type(self, ptr_type: PtrType, slot: CoreType) -> CoreFuncType {
        let Row { params, result, .. } = self.row();
        let core_type = |operand: &Operand| operand.core_type(ptr_type, slot);
        CoreFuncType {
            params: params.iter().map(core_type).collect(),
            results: result.iter().map(core_type).collect(),
        }
    }
}

impl Row {
    /// Whether one of its params is an index in the table of handles.
    pub fn takes_handle(&self) -> bool {
        self.params.contains(&Operand::Handle)
    }
}

impl Operand {
    /// Its core type where pointers are so wide, and what is in a slot is of that type.
    pub fn core_type(self, ptr_type: PtrType, slot: CoreType) -> CoreType {
        match self {
            Operand::Handle | Operand::Rep | Operand::Code | Operand::Thread => CoreType::I32,
            Operand::Ends => CoreType::I64,
            Operand::Pointer | Operand::Count | Operand::Packed | Operand::Entry => {
                ptr_type.core_type()
            }
            Operand::Slot => slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<(BuiltIn, usize)>) {
        let found = BuiltIn::named(name);
        let typed =
            found.map(|one| (one, one.core_type(PtrType::I64, CoreType::I32).results.len()));
        assert_eq!(typed, expected);
    }

    #[test]
    fn a_built_in_is_found_by_its_name_in_the_text_format() {
        check("resource.new", Some((BuiltIn::ResourceNew, 1)));
        check("resource.drop", Some((BuiltIn::ResourceDrop, 0)));
        check("resource.", None);
    }
}
