//! All that a store of instances has in it: definitions, instances, and the calls that are under way.
//! Knows no memory and runs no core code; it is all data, so that it can be kept and gone back to.

use std::sync::Arc;

use super::arena::{Arena, Id};
use super::deviations::canon::{Lifting, Lowering};
use super::signature::Signature;
use super::table::{Handles, Lender, ResourceType, Table};
use super::{Core, CoreFuncType, LiftLowerOptions, Stage, Watch};
use crate::value::Value;

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
    /// The threads that wait, in the order in which they began to.
    pub waiting: Vec<Id<Thread>>,
    /// The calls that the host makes.
    pub invocations: Arena<Invocation>,
    pub host_calls: HostCalls,
}

/// Spec: `ComponentInstance`.
#[derive(Clone, Debug)]
pub struct ComponentInstance {
    pub parent: Option<usize>,
    pub handles: Table,
    pub may_leave: bool,
    pub may_enter: bool,
    /// Spec: `exclusive_thread`, as a number: by a deviation there may be more.
    pub exclusive: usize,
}

/// A core function of whoever runs the machine, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreId(pub usize);

/// A core memory, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryId(pub usize);

/// The resource types behind the numbers in some component's types, as far as they are defined.
pub type ResourceTypes = Arc<Vec<Option<ResourceType>>>;

/// Canonical options, and the instance that they are of.
#[derive(Clone, Debug)]
pub struct Options {
    pub instance: usize,
    pub lift_lower: LiftLowerOptions,
    pub memory: Option<MemoryId>,
    pub realloc: Option<CoreId>,
    pub post_return: Option<CoreId>,
}

/// What happens to an owned resource that is dropped.
#[derive(Clone, Debug)]
pub enum Destructor {
    /// The guest's, if it has one.
    Guest(Option<CoreId>),
    /// The resource is the host's, under the path of this import.
    Host(Arc<str>),
}

/// A component function.
#[derive(Clone, Debug)]
pub enum Func {
    Host(Arc<HostFunc>),
    Lifted(Arc<Lifted>),
}

/// A function of the host's.
#[derive(Debug)]
pub struct HostFunc {
    /// The path of the import.
    pub path: String,
    pub signature: Arc<Signature>,
    pub resources: ResourceTypes,
}

/// A function under `canon lift`.
#[derive(Debug)]
pub struct Lifted {
    pub core: CoreId,
    pub signature: Arc<Signature>,
    pub opts: Options,
    pub resources: ResourceTypes,
}

/// A function under `canon lower`.
#[derive(Debug)]
pub struct Lowered {
    pub opts: Options,
    pub callee: Func,
}

impl Lifted {
    /// Spec: `flatten_functype`, of the core function.
    pub fn flat_ft(&self) -> &CoreFuncType {
        &self.signature.layout(self.opts.lift_lower.ptr_type).lifted
    }
}

impl Lowered {
    /// Spec: `flatten_functype`, of the core function.
    pub fn flat_ft(&self) -> &CoreFuncType {
        &self.callee.signature().layout(self.opts.lift_lower.ptr_type).lowered
    }
}

impl Func {
    pub fn signature(&self) -> &Signature {
        match self {
            Func::Host(func) => &func.signature,
            Func::Lifted(func) => &func.signature,
        }
    }

    /// The options that a guest's function is lifted with.
    pub fn lift_lower(&self) -> Option<LiftLowerOptions> {
        match self {
            Func::Host(_) => None,
            Func::Lifted(func) => Some(func.opts.lift_lower),
        }
    }

    /// What the numbers in its type mean.
    pub fn resources(&self) -> &ResourceTypes {
        match self {
            Func::Host(func) => &func.resources,
            Func::Lifted(func) => &func.resources,
        }
    }
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
    /// What the task resolved with, once it has.
    pub resolved: Option<Option<Value>>,
}

/// Spec: `Task.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    Initial,
    Started,
    Resolved,
}

/// Spec: `Thread`.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Nothing where core code is run for itself: while something is instantiated or looked into.
    pub task: Option<Id<Task>>,
    /// Whether it runs the function or destructor itself, rather than something on its way there or back.
    pub is_implicit: bool,
    /// What it waits for, if it waits.
    pub ready: Option<Condition>,
    /// The call that it makes, if it makes one.
    pub calls: Option<Id<Subtask>>,
    /// Whether there is core code of it that has not returned.
    pub runs: bool,
}

/// A thread that runs, and what was entered for that: it is left when that is over.
#[derive(Clone, Debug)]
pub struct Running {
    pub thread: Id<Thread>,
    pub entered: Vec<usize>,
}

/// What a thread may wait for. Whether it holds is found out each time that someone asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its task may enter the instance: none that excludes others is under way there.
    NotPressed(Id<Task>),
    /// The call was answered.
    Resolved(Id<Subtask>),
}

/// Spec: `Subtask`: a call that a guest makes.
#[derive(Clone, Debug)]
pub struct Subtask {
    /// Nothing for the call of a destructor.
    pub func: Option<Lowering>,
    /// Who makes it.
    pub thread: Id<Thread>,
    pub lenders: Vec<Lender>,
    /// What it returns to the core code that made it, once that is known.
    pub flat_results: Option<Vec<Core>>,
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

impl Thread {
    /// One that has not begun.
    pub fn new(task: Option<Id<Task>>, is_implicit: bool) -> Thread {
        Thread { task, is_implicit, ready: None, calls: None, runs: false }
    }
}

impl Task {
    /// One that has not begun.
    pub fn new(instance: usize, called: Called, caller: Caller) -> Task {
        let (is_async, stage) = match &called {
            Called::Function(lifted) => (lifted.signature.ty().is_async, Stage::default()),
            Called::Destructor { .. } => (false, Stage::Destructor),
        };
        Task {
            instance,
            called,
            caller,
            state: TaskState::Initial,
            lifting: None,
            is_async,
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

    /// Whether other async functions of an instance wait for it.
    pub fn excludes(&self, instance: usize) -> bool {
        self.is_async && self.instance == instance && self.state != TaskState::Initial
    }
}

impl Machine {
    /// Adds an instance.
    pub fn begin_instance(&mut self, parent: Option<usize>) -> usize {
        let handles = Table::default();
        let (may_leave, may_enter) = (true, true);
        let instance = ComponentInstance { parent, handles, may_leave, may_enter, exclusive: 0 };
        self.instances.push(instance);
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
    pub(crate) fn end(&mut self, task: Id<Task>) -> Task {
        let task = self.tasks.remove(task).expect("it is there");
        if task.excludes(task.instance) {
            self.instances[task.instance].exclusive -= 1;
        }
        task
    }

    /// A call that the current thread makes.
    pub fn add_call(&mut self, func: Option<Lowering>) -> Id<Subtask> {
        let thread = self.thread().expect("core code calls");
        let subtask = Subtask { func, thread, lenders: Vec::new(), flat_results: None };
        let id = self.subtasks.add(subtask);
        self.threads[thread].calls = Some(id);
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

    /// Spec: `ComponentInstance.enter_from`: the thread runs.
    pub fn enter_from(&mut self, thread: Id<Thread>, entered: Vec<usize>) {
        entered.iter().for_each(|i| self.instances[*i].may_enter = false);
        self.running.push(Running { thread, entered });
    }

    /// Spec: `ComponentInstance.leave_to`: it does not run any more.
    pub fn leave_to(&mut self) -> Id<Thread> {
        let Running { thread, entered } = self.running.pop().expect("what was entered is left");
        entered.into_iter().for_each(|i| self.instances[i].may_enter = true);
        thread
    }
}
