//! What a machine is run in: memories, stacks of core code, and a host.
//! Knows what they are asked for, and none of them.

use std::sync::Arc;

use super::arena::Id;
use super::context::{Guest, Instance};
use super::machine::{CoreId, HostFunc, Lowered, Machine, Options, ResourceTypes, Subtask};
use super::machine::{Task, Thread};
use super::table::ResourceType;
use super::{Core, Stage, Stop, Watch};
use crate::value::Value;

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
    /// What is left of `resource.drop`: the destructor of what this instance has dropped.
    Destroy {
        instance: usize,
        rt: ResourceType,
        rep: u32,
    },
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The thread goes on with these.
    Results(Vec<Core>),
    /// The thread waits.
    Blocked(super::machine::Condition),
    /// Another thread runs first: with this core function.
    Enter(CoreId, Vec<Core>),
}

/// Whatever the specification leaves open.
pub trait Choices {
    /// Which of these it is, of which there is at least one.
    fn choose(&mut self, among: Choice<'_>) -> usize;
}

/// What there is to choose.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Whether a thread goes on at once where it need not wait: 0, or lets others go on first: 1.
    Wait(Id<Thread>),
    /// Which of these goes on.
    Thread(&'a [Id<Thread>]),
}

/// What a function of the host's does.
#[derive(Clone, Debug)]
pub enum Answer {
    Returned(Option<Value>),
    /// It returns later, when it is [resolved](super::canon::on_resolve): whoever called waits until then.
    Later,
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
    /// Explores with the guest of these options and resources: nothing that happens there is part of a call.
    fn explore(
        &mut self,
        opts: &Options,
        resources: &ResourceTypes,
        explore: &mut dyn FnMut(&mut dyn Guest),
    );
    /// Calls a function of the host's, for this call of a guest's.
    fn call_host(
        &mut self,
        subtask: Id<Subtask>,
        func: &HostFunc,
        args: Vec<Value>,
    ) -> Result<Answer, Stop>;
    /// An owned resource of the host's was dropped.
    fn drop_host(&mut self, path: &str, rep: u32) -> Result<(), Stop>;
    /// Ends where so many calls may not be made within one another.
    fn check_depth(&mut self, calls: usize) -> Result<(), Stop>;

    fn machine(&mut self) -> &mut Machine {
        self.parts().0
    }

    fn watch(&mut self) -> &mut dyn Watch {
        self.parts().1
    }
}
