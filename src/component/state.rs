//! What the store of an instance carries: component instances, resource types and calls under way.
//! Knows who may enter whom, and calls nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use canonical_abi::{LiftLowerOptions, PtrType, Signature, Stop, end_if, trap_if};
use canonical_abi::{Party, ResourceType, Rule, StringEncoding, Table, Task, Watch};
use wasmi_core::LimiterError;

use super::deviations::calls as deviations;
use super::limits;
use super::recording::Recording;

/// What the store of an instance carries.
pub struct State<T> {
    pub host: T,
    /// Who watches what is done.
    pub watch: Box<dyn Watch>,
    /// How much was lifted since the instance was made.
    pub lifted: u64,
    /// The functions that the root exports, by their paths.
    pub exports: Arc<BTreeMap<String, Func>>,
    /// The resource types behind the numbers in the types of the root.
    pub resources: ResourceTypes,
    /// The root comes first.
    pub instances: Vec<ComponentInstance>,
    /// Behind the `id` of each resource type.
    pub destructors: Vec<Destructor>,
    /// The calls under way, of whatever instance.
    pub tasks: Vec<Task>,
    pub host_calls: HostCalls,
    pub limits: Limiter,
    /// What one instance's core code does, if someone wants to know.
    pub recording: Option<Recording>,
}

/// How the host makes its calls. Only deviations ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCalls {
    /// Whether it waits for what it calls, rather than awaits it.
    pub waits: bool,
    /// Whether another call of the same instance is ready to begin.
    pub another_ready: bool,
}

/// A core function, and the name under which core code exports it: none, if it is lowered or built in.
#[derive(Clone)]
pub struct CoreFunc {
    pub func: wasmi::Func,
    pub name: Arc<str>,
}

/// The resource types behind the numbers in some component's types, as far as they are defined.
pub type ResourceTypes = Arc<Vec<Option<ResourceType>>>;

/// Spec: `ComponentInstance`.
pub struct ComponentInstance {
    pub parent: Option<usize>,
    pub handles: Table,
    pub may_leave: bool,
    pub may_enter: bool,
    /// The memory when its function was entered, for deviations that remember it.
    pub entered: Option<Vec<u8>>,
    /// Its core memories, by the names under which they are exported.
    pub memories: BTreeMap<Arc<str>, wasmi::Memory>,
}

/// What happens to an owned resource that is dropped.
#[derive(Clone)]
pub enum Destructor {
    /// The guest's, if it has one.
    Guest(Option<CoreFunc>),
    /// The resource is the host's, under the path of this import.
    Host(Arc<str>),
}

/// A component function.
#[derive(Clone)]
pub enum Func {
    Host(Arc<HostFunc>),
    Lifted(Arc<Lifted>),
}

/// A function of the host's.
pub struct HostFunc {
    /// The path of the import.
    pub path: String,
    pub signature: Arc<Signature>,
    pub resources: ResourceTypes,
}

/// A function under `canon lift`.
pub struct Lifted {
    pub core: CoreFunc,
    pub signature: Arc<Signature>,
    pub opts: Options,
    pub resources: ResourceTypes,
}

/// Canonical options, and the instance that they are of.
#[derive(Clone)]
pub struct Options {
    pub instance: usize,
    pub string_encoding: StringEncoding,
    pub ptr_type: PtrType,
    pub memory: Option<wasmi::Memory>,
    pub realloc: Option<CoreFunc>,
    pub post_return: Option<CoreFunc>,
}

impl Options {
    pub fn lift_lower(&self) -> LiftLowerOptions {
        LiftLowerOptions { string_encoding: self.string_encoding, ptr_type: self.ptr_type }
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
            Func::Lifted(func) => Some(func.opts.lift_lower()),
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

impl<T> State<T> {
    pub fn new(host: T, watch: impl Watch) -> State<T> {
        State {
            host,
            watch: Box::new(watch),
            lifted: 0,
            exports: Arc::default(),
            resources: Arc::default(),
            instances: Vec::new(),
            destructors: Vec::new(),
            tasks: Vec::new(),
            host_calls: HostCalls::default(),
            limits: Limiter(limits::Left::ALL),
            recording: None,
        }
    }

    /// Adds an instance.
    pub fn begin_instance(&mut self, parent: Option<usize>) -> usize {
        let handles = Table::default();
        self.instances.push(ComponentInstance {
            parent,
            handles,
            may_leave: true,
            may_enter: true,
            entered: None,
            memories: BTreeMap::new(),
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

    /// Spec: `ComponentInstance.enter_from`, if `may_enter_from`.
    pub fn enter(
        &mut self,
        callee: usize,
        caller: Option<usize>,
        is_async: bool,
    ) -> Result<(), Stop> {
        let entered = self.entering_set(callee, caller);
        let refused = entered.iter().any(|i| !self.instances[*i].may_enter);
        let party = Party::caller(caller.is_some());
        trap_if(&mut *self.watch, party, Rule::MayNotEnter, refused)?;
        end_if(self.tasks.len() >= limits::CALLS, limits::TOO_MANY_CALLS)?;
        let waited_for = caller.is_none() && self.host_calls.waits;
        self.check_exclusive(callee, is_async, waited_for)?;
        entered.into_iter().for_each(|i| self.instances[i].may_enter = false);
        self.tasks.push(Task { instance: callee, is_async, waited_for, ..Task::default() });
        Ok(())
    }

    /// Spec: `Task.enter_implicit_thread`: async functions of one instance wait for one another. One
    /// that is called from within another waits for ever.
    fn check_exclusive(
        &mut self,
        callee: usize,
        is_async: bool,
        waited_for: bool,
    ) -> Result<(), Stop> {
        if !is_async || !deviations::waits_for_others(self, callee, waited_for) {
            return Ok(());
        }
        self.block()?;
        Err(Stop::Deadlock)
    }

    /// Spec: `canon_lift`, its end: a task that is not async traps if it blocks.
    pub fn block(&mut self) -> Result<(), Stop> {
        let refused = deviations::may_not_block(self)?;
        trap_if(&mut *self.watch, Party::Host, Rule::MayNotBlock, refused)
    }

    /// Notes that the core function has returned which was called as a function of this instance.
    pub fn core_returned(&mut self, instance: usize) {
        self.instances[instance].entered = None;
        // Who looks into an instance has no task.
        if let Some(task) = self.tasks.last_mut() {
            task.returned = true;
        }
    }

    /// Spec: `ComponentInstance.leave_to`.
    pub fn leave(&mut self, callee: usize, caller: Option<usize>) {
        self.tasks.pop();
        let left = self.entering_set(callee, caller);
        left.into_iter().for_each(|i| self.instances[i].may_enter = true);
    }

    /// Spec: `ComponentInstance.entering_set`.
    fn entering_set(&self, callee: usize, caller: Option<usize>) -> Vec<usize> {
        let around = caller.map(|caller| self.self_and_ancestors(caller)).unwrap_or_default();
        let mut entered = self.self_and_ancestors(callee);
        entered.retain(|i| !around.contains(i));
        entered
    }

    /// How many instances are around an instance, itself included.
    pub fn depth(&self, instance: usize) -> usize {
        self.self_and_ancestors(instance).len()
    }

    /// Spec: `ComponentInstance.self_and_ancestors`.
    pub fn self_and_ancestors(&self, instance: usize) -> Vec<usize> {
        std::iter::successors(Some(instance), |i| self.instances[*i].parent).collect()
    }
}

/// What core instances may take.
pub struct Limiter(limits::Left);

impl wasmi::ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.0.memory(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.0.table(current, desired))
    }

    fn instances(&self) -> usize {
        limits::COUNT
    }

    fn tables(&self) -> usize {
        limits::COUNT
    }

    fn memories(&self) -> usize {
        limits::COUNT
    }
}
