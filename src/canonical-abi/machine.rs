//! All that a store of instances has in it: definitions, instances, and the calls that are under way.
//! Knows no memory and runs no core code; it is all data, so that it can be kept and gone back to.

use std::sync::Arc;

use super::arena::{Arena, Id};
use super::copy::{End, Shared};
use super::deviations::canon::{Lifting, Lowering};
pub use super::func::{Defined, Func, HostFunc, Lifted, Lowered, Options};
use super::table::{Handles, Lender, ResourceType, Table};
use super::thread::{Calls, Thread};
use super::waitable::{WaitableSet, Waits};
use super::{Core, LiftLowerOptions, Stage, Watch};
use crate::value::{Str, Value};

/// Spec: `Store`.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    pub instances: Vec<ComponentInstance>,
    /// Behind the `id` of each resource type.
    pub destructors: Vec<Destructor>,
    pub tasks: Arena<Task>,
    pub threads: Arena<Thread>,
    pub subtasks: Arena<Subtask>,
    /// The threads that run, each resumed by the one before it: the last one is the current one.
    pub running: Vec<Running>,
    /// Spec: `Store.waiting`: the threads that wait, in the order in which they began to.
    pub waiting: Vec<Id<Thread>>,
    pub sets: Arena<WaitableSet>,
    /// The ends of streams and futures, those that the host holds among them.
    pub ends: Arena<End>,
    /// Spec: `SharedStream` and `SharedFuture`: what the two ends of each have in common.
    pub shared: Arena<Shared>,
    /// The messages of all error contexts that were made: who passes one on passes its number.
    pub error_contexts: Vec<Str>,
    /// The calls that the host makes.
    pub invocations: Arena<Invocation>,
    pub host_calls: HostCalls,
}

/// Spec: `ComponentInstance`.
#[derive(Clone, Debug)]
pub struct ComponentInstance {
    pub parent: Option<usize>,
    pub handles: Table,
    pub threads: Table<Id<Thread>>,
    pub may_leave: bool,
    pub may_enter: bool,
    pub backpressure: u32,
    /// Spec: `exclusive_thread`, as how many tasks hold the lock: by a deviation there may be more than one.
    pub exclusive: usize,
}

/// A core function of whoever runs the machine, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreId(pub usize);

/// A core memory, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryId(pub usize);

/// A core table of functions, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableId(pub usize);

/// The resource types behind the numbers in some component's types, as far as they are defined.
pub type ResourceTypes = Arc<Vec<Option<ResourceType>>>;

/// What happens to an owned resource that is dropped.
#[derive(Clone, Debug)]
pub enum Destructor {
    /// The guest's, if it has one.
    Guest(Option<CoreId>),
    /// The resource is the host's, under the path of this import.
    Host(Arc<str>),
}

/// Spec: `Task`: a call of a function or destructor of an instance.
#[derive(Clone, Debug)]
pub struct Task {
    pub instance: usize,
    pub called: Called,
    pub caller: Caller,
    pub state: TaskState,
    /// Of a function whose core code runs.
    pub lifting: Option<Lifting>,
    /// Whether its function's type is async, so that it may block.
    pub is_async: bool,
    pub needs_exclusive: bool,
    /// Whether it holds the lock of its instance.
    pub holds_exclusive: bool,
    pub implicit_thread: Option<Id<Thread>>,
    /// Spec: `Task.threads`: those that are registered.
    pub threads: Vec<Id<Thread>>,
    /// How far it came.
    pub stage: Stage,
    /// How many calls from one guest to another lead to it.
    pub depth: usize,
    pub num_borrows: u32,
    /// Whether the host called it and waits for it. Only a deviation asks.
    pub waited_for: bool,
    /// Whether its core code has returned. Only a deviation asks.
    pub returned: bool,
    /// How long the memory was when its core code was called. Only a deviation asks.
    pub entry_size: usize,
    /// Whether a deviation takes the memory to be as long as that still.
    pub bounded: bool,
    /// Whose table its handles are in: only by a deviation another's than that of its instance.
    pub table: usize,
}

/// What a task is a call of.
#[derive(Clone, Debug)]
pub enum Called {
    Function(Arc<Lifted>),
    /// Of a resource that was dropped at this stage of whoever did.
    Destructor {
        at: Stage,
    },
    /// Of the start function of a core module, of an instance that comes to be.
    Start,
}

/// Who called: whose arguments are taken, and who gets the result.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    Host(Id<Invocation>),
    Guest {
        subtask: Id<Subtask>,
        instance: usize,
        /// Nothing where it called a destructor.
        opts: Option<LiftLowerOptions>,
    },
}

/// A call that the host makes.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// They are taken when the task starts.
    pub args: Vec<Value>,
    /// The task, until it is over.
    pub task: Option<Id<Task>>,
    pub resolved: Option<Resolution>,
}

/// What a call resolved with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    Returned(Option<Value>),
    Cancelled,
}

/// Spec: `Task.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    Initial,
    Started,
    PendingCancel,
    CancelDelivered,
    Resolved,
}

/// A thread that runs, and what was entered for that: it is left when that is over.
#[derive(Clone, Debug)]
pub struct Running {
    pub thread: Id<Thread>,
    pub entered: Vec<usize>,
}

/// Spec: `Subtask`: a call that a guest makes.
#[derive(Clone, Debug)]
pub struct Subtask {
    /// Nothing for the call of a destructor.
    pub func: Option<Lowering>,
    /// Who makes it.
    pub thread: Id<Thread>,
    /// The task of the guest that was called, until that is over.
    pub task: Option<Id<Task>>,
    pub state: SubtaskState,
    pub lenders: Vec<Lender>,
    /// Whether who called has been told what became of it.
    pub delivered: bool,
    pub cancellation_requested: bool,
    pub waits: Waits,
    /// What it returns to the core code that made it, once that is known.
    pub flat_results: Option<Vec<Core>>,
}

/// Spec: `Subtask.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubtaskState {
    Starting = 0,
    Started = 1,
    Returned = 2,
    CancelledBeforeStarted = 3,
    CancelledBeforeReturned = 4,
}

impl SubtaskState {
    /// Spec: `Subtask.resolved`.
    pub fn is_resolved(self) -> bool {
        self.code() >= 2
    }

    /// As core code sees it.
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub fn code(self) -> u32 {
        self as u32
    }
}

impl Subtask {
    /// Whether it was made by a function that `canon lower` made with `async`.
    pub fn is_async(&self) -> bool {
        self.func.as_ref().is_some_and(|func| func.lowered.opts.is_async)
    }
}

/// How the host makes its calls. Only deviations ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCalls {
    /// Whether it waits for what it calls, rather than awaits it.
    pub waits: bool,
    /// Whether another call of the same instance is ready to begin.
    pub another_ready: bool,
}

impl Caller {
    /// The instance of the guest that called.
    pub fn instance(self) -> Option<usize> {
        match self {
            Caller::Host(_) => None,
            Caller::Guest { instance, .. } => Some(instance),
        }
    }

    /// The options of the guest that called a function.
    pub fn opts(self) -> Option<LiftLowerOptions> {
        match self {
            Caller::Host(_) => None,
            Caller::Guest { opts, .. } => opts,
        }
    }
}

impl Task {
    /// One that has not begun.
    pub fn new(instance: usize, called: Called, caller: Caller) -> Task {
        let (is_async, needs_exclusive, stage) = match &called {
            Called::Function(lifted) => {
                let is_async = lifted.signature.ty().is_async;
                (is_async, lifted.needs_exclusive(), Stage::default())
            }
            Called::Destructor { .. } => (false, false, Stage::Destructor),
            Called::Start => (false, false, Stage::default()),
        };
        Task {
            instance,
            called,
            caller,
            state: TaskState::Initial,
            lifting: None,
            is_async,
            needs_exclusive,
            holds_exclusive: false,
            implicit_thread: None,
            threads: Vec::new(),
            stage,
            depth: 0,
            num_borrows: 0,
            waited_for: false,
            returned: false,
            entry_size: 0,
            bounded: false,
            table: instance,
        }
    }
}

impl Machine {
    /// Adds an instance.
    pub fn begin_instance(&mut self, parent: Option<usize>) -> usize {
        self.instances.push(ComponentInstance {
            parent,
            handles: Table::default(),
            threads: Table::default(),
            may_leave: true,
            may_enter: true,
            backpressure: 0,
            exclusive: 0,
        });
        self.instances.len() - 1
    }

    /// Makes a resource type. Each is another one.
    pub fn resource_type(
        &mut self,
        implementer: Option<usize>,
        destructor: Destructor,
    ) -> ResourceType {
        self.destructors.push(destructor);
        ResourceType { id: self.destructors.len() - 1, implementer }
    }

    /// The thread that runs.
    pub fn thread(&self) -> Option<Id<Thread>> {
        self.running.last().map(|running| running.thread)
    }

    /// Spec: `current_task`.
    pub fn task(&self) -> Option<Id<Task>> {
        self.threads[self.thread()?].task
    }

    /// What handles of an instance are lifted from and lowered into, for a call that it makes or for the current
    /// task. These are the resource types that they are of.
    pub fn handles<'a>(
        &'a mut self,
        instance: usize,
        table: usize,
        resources: &'a [Option<ResourceType>],
        subtask: Option<Id<Subtask>>,
    ) -> Handles<'a> {
        let task = self.task();
        let subtask = subtask.and_then(|id| self.subtasks.get_mut(id));
        Handles {
            instance,
            table: &mut self.instances[table].handles,
            resources,
            tasks: &mut self.tasks,
            task,
            lenders: subtask.map(|subtask| &mut subtask.lenders),
            ends: &mut self.ends,
            shared: &mut self.shared,
        }
    }

    /// The stage of the current task; where there is none, whoever watches knows it.
    pub fn stage(&self, watch: &dyn Watch) -> Stage {
        self.task().map_or_else(|| watch.stage(), |task| self.tasks[task].stage)
    }

    /// The tasks of those who run, each called by the one before it or by the host.
    pub fn running_tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        let threads = self.running.iter().map(|running| &self.threads[running.thread]);
        let implicit = threads.filter(|thread| thread.is_implicit);
        implicit.filter_map(|thread| Some(&self.tasks[thread.task?]))
    }

    /// A task is over, and whoever waits for it may enter.
    pub(crate) fn end(&mut self, id: Id<Task>) -> Task {
        let task = self.tasks.remove(id).expect("it is there");
        if task.holds_exclusive {
            self.instances[task.instance].exclusive -= 1;
        }
        self.forget(&task, id);
        task
    }

    /// Whoever called a task that is over does not know it any more.
    fn forget(&mut self, task: &Task, id: Id<Task>) {
        let known = match task.caller {
            Caller::Host(call) => self.invocations.get_mut(call).map(|call| &mut call.task),
            Caller::Guest { subtask, .. } => {
                self.subtasks.get_mut(subtask).map(|subtask| &mut subtask.task)
            }
        };
        if let Some(known) = known.filter(|known| **known == Some(id)) {
            *known = None;
        }
    }

    /// A call that the current thread makes.
    pub fn add_call(&mut self, func: Option<Lowering>) -> Id<Subtask> {
        let thread = self.thread().expect("core code calls");
        let id = self.subtasks.add(Subtask {
            func,
            thread,
            task: None,
            state: SubtaskState::Starting,
            lenders: Vec::new(),
            delivered: false,
            cancellation_requested: false,
            waits: Waits::default(),
            flat_results: None,
        });
        self.threads[thread].calls = Some(Calls::Call(id));
        id
    }

    /// The function that a call is of, as it was lowered.
    pub fn lowered(&self, id: Id<Subtask>) -> &Arc<Lowered> {
        &self.subtasks[id].func.as_ref().expect("it is a call of a function").lowered
    }

    /// A call of a function as whoever lifts and lowers sees it.
    pub(crate) fn lowering(&mut self, id: Id<Subtask>) -> &mut Lowering {
        self.subtasks[id].func.as_mut().expect("it is a call of a function")
    }

    /// Spec: `ComponentInstance.self_and_ancestors`.
    pub fn self_and_ancestors(&self, instance: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(instance), |i| self.instances[*i].parent)
    }

    /// Spec: `ComponentInstance.entering_set`.
    pub fn entering_set(&self, callee: usize, caller: Option<usize>) -> Vec<usize> {
        let around = |i: &usize| {
            caller.is_some_and(|caller| self.self_and_ancestors(caller).any(|around| around == *i))
        };
        self.self_and_ancestors(callee).filter(|i| !around(i)).collect()
    }

    /// Spec: `ComponentInstance.may_enter_from`.
    pub fn may_enter_from(&self, callee: usize, caller: Option<usize>) -> bool {
        self.entering_set(callee, caller).iter().all(|i| self.instances[*i].may_enter)
    }

    /// Spec: `ComponentInstance.enter_from`: the thread runs.
    pub fn enter_from(&mut self, thread: Id<Thread>, entered: Vec<usize>) {
        entered.iter().for_each(|i| self.instances[*i].may_enter = false);
        self.running.push(Running { thread, entered });
    }

    /// Spec: `ComponentInstance.leave_to`: it does not run any more.
    pub fn leave_to(&mut self) -> Id<Thread> {
        let Running { thread, entered } = self.running.pop().expect("what was entered is left");
        self.leave_all(&entered);
        thread
    }

    /// What a thread has entered may be entered again.
    pub(crate) fn leave_all(&mut self, entered: &[usize]) {
        entered.iter().for_each(|i| self.instances[*i].may_enter = true);
    }
}
