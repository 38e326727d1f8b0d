//! What a machine is run in: memories, stacks of core code, and a host.
//! Knows what they are asked for, and none of them.

use std::sync::Arc;

use super::arena::Id;
use super::context::{Guest, Instance};
use super::copy::{CopyResult, End, Shared};
use super::machine::{CoreId, Defined, HostFunc, Invocation, Lowered, Machine, Options};
use super::machine::{ResourceTypes, Subtask, TableId, Task};
use super::thread::{Block, Condition, Thread};
use super::{Core, CoreFuncType, Stage, Stop, Watch};

/// The stacks on which core code runs, one for each thread that runs some.
pub trait Stacks {
    /// Calls a core function on a stack of its own.
    fn start(&mut self, thread: Id<Thread>, core: CoreId, args: &[Core]) -> Step;
    /// Goes on with a stack that has called something, which returns this.
    fn go_on(&mut self, thread: Id<Thread>, results: &[Core]) -> Step;
    /// Nobody will go on with the stack, if there is one.
    fn abandon(&mut self, thread: Id<Thread>);
}

/// What a stack comes to.
#[derive(Clone, Debug)]
pub enum Step {
    /// It has called what is not core code, and is kept until that returns.
    Call(Call),
    Returned(Vec<Core>),
    Stopped(Stop),
}

/// What core code may call.
#[derive(Clone, Debug)]
pub enum Call {
    Lowered(Arc<Lowered>, Vec<Core>),
    BuiltIn(Arc<Defined>, Vec<Core>),
}

/// What the current thread comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It goes on with these.
    Results(Vec<Core>),
    /// It runs this core function first.
    Enter(CoreId, Vec<Core>),
    Blocked(Block),
    /// It is no more.
    Ended,
}

/// Whatever the specification leaves open.
pub trait Choices {
    /// Which of these it is, of which there is at least one.
    fn choose(&mut self, among: Choice<'_>) -> usize;
}

/// What there is to choose.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// What a thread does that waits for this, which holds already: it is blocked and lets others go first, 0, or
    /// goes on at once, 1.
    Wait(Id<Thread>, Condition),
    /// Which of these goes on, of all that are ready.
    Tick(&'a [Id<Thread>]),
    /// Which of these goes on for a call that is not async and was blocked.
    Sync(&'a [Id<Thread>]),
    /// Which of these is told that its task is cancelled.
    Cancel(&'a [Id<Thread>]),
    /// Whose event is delivered of these waitables, by their indices.
    Event(&'a [u32]),
    /// What becomes of the message of a new error context: it is discarded, 0, or kept, 1.
    Message,
}

/// What happens that no core code sees, or not at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A thread was made.
    Thread(Id<Thread>),
    /// The arguments of a call that the host makes were taken.
    Taken(Id<Invocation>),
    /// It has resolved.
    Resolved(Id<Invocation>),
    /// Elements were copied from or to an end of the host's, whose copy goes on.
    Copied(Id<End>),
    /// A copy of the host's is over.
    Done(Id<End>, CopyResult),
    /// A guest cancels its copy, for which the host takes its time.
    Asked(Id<Shared>),
}

/// What a core table has at an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableEntry {
    /// Nothing, or it ends before.
    Nothing,
    Func(CoreId, CoreFuncType),
}

/// What a machine is run in.
pub trait World: Stacks + Sized {
    /// A guest as values are lifted from it and lowered into it.
    type Guest<'a>: Instance
    where
        Self: 'a;

    /// The machine, and who watches.
    fn parts(&mut self) -> (&mut Machine, &mut dyn Watch);
    /// Where the choices come from.
    fn choices(&mut self) -> &mut dyn Choices;
    /// The guest that makes a call of a function, at that stage of it: its params are lifted or its result
    /// is lowered.
    fn caller(&mut self, subtask: Id<Subtask>, stage: Stage) -> Self::Guest<'_>;
    /// The guest whose function was called, at that stage of the call.
    fn callee(&mut self, task: Id<Task>, stage: Stage) -> Self::Guest<'_>;
    /// The guest of these options and resources: it calls a built-in, or elements are copied from or to its memory.
    fn guest(&mut self, opts: &Options, resources: &ResourceTypes) -> Self::Guest<'_>;
    /// Explores with the guest of these options and resources: nothing that happens there is part of a call.
    fn explore(
        &mut self,
        opts: &Options,
        resources: &ResourceTypes,
        explore: &mut dyn FnMut(&mut dyn Guest),
    );
    /// A guest calls a function of the host's. Now or later the host [starts](super::canon::on_start) the call,
    /// which gives it the arguments, and then [resolves](super::canon::on_resolve) it.
    fn call_host(&mut self, subtask: Id<Subtask>, func: &HostFunc) -> Result<(), Stop>;
    /// A guest requests that the host cancels a call. It may do so, now or later, or resolve it all the same.
    fn cancel_host(&mut self, _: Id<Subtask>) -> Result<(), Stop> {
        Ok(())
    }
    /// An owned resource of the host's was dropped.
    fn drop_host(&mut self, path: &str, rep: u32) -> Result<(), Stop>;
    /// What a core table has at an index.
    fn table_entry(&mut self, table: TableId, i: u64) -> TableEntry;
    /// Something happens.
    fn happens(&mut self, _: Happening) {}
    /// Ends where so many calls may not be made within one another.
    fn check_depth(&mut self, calls: usize) -> Result<(), Stop>;

    fn machine(&mut self) -> &mut Machine {
        self.parts().0
    }

    fn watch(&mut self) -> &mut dyn Watch {
        self.parts().1
    }
}
