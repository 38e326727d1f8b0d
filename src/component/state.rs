//! What the store of an instance carries: a machine, and all that it has by numbers only.
//! Knows nothing of what becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use canonical_abi::Watch;
use canonical_abi::machine::{Func, Machine, ResourceTypes};
use canonical_abi::thread::Condition;
use canonical_abi::world::{Choice, Choices};
use wasmi_core::LimiterError;

use super::limits;
use super::recording::Recording;
use super::stacks::{Suspended, Wanted};
use super::thing::Exports;

/// What the store of an instance carries.
pub struct State<T> {
    pub host: T,
    /// Who watches what is done.
    pub watch: Box<dyn Watch>,
    /// How much was lifted since the instance was made.
    pub lifted: u64,
    /// The functions that the root exports, by their paths.
    pub exports: Arc<BTreeMap<String, Func>>,
    /// All that it exports.
    pub things: Arc<Exports>,
    /// The resource types behind the numbers in the types of the root.
    pub resources: ResourceTypes,
    /// The instances, and the calls that are under way.
    pub machine: Machine,
    /// What is left open.
    pub choices: Usual,
    /// What the machine has by its number: core functions,
    pub cores: Vec<CoreFunc>,
    /// memories,
    pub memories: Vec<wasmi::Memory>,
    /// and tables of core functions, each with the instance that takes them from there.
    pub tables: Vec<(wasmi::Table, usize)>,
    /// Of the instances of the machine.
    pub guests: Vec<GuestMemories>,
    /// The stacks that have called something, by the numbers of their threads.
    pub stacks: Vec<Option<Suspended>>,
    /// How often stacks have begun or gone on since the host began what it does.
    pub turns: u64,
    /// What the one calls that stops just now.
    pub wanted: Option<Wanted>,
    /// Whether some of the core code makes tail calls.
    pub tail_calls: bool,
    pub limits: Limiter,
    /// What one instance's core code does, if someone wants to know.
    pub recording: Option<Recording>,
}

/// What engines do where it is left open: the first of many, but `waitable-set.wait` goes on at once where there is an
/// event, and messages are kept.
pub struct Usual;

impl Choices for Usual {
    fn choose(&mut self, among: Choice<'_>) -> usize {
        match among {
            Choice::Wait(_, Condition::SetHasEvent(_)) | Choice::Message => 1,
            Choice::Wait(..) | Choice::Tick(_) | Choice::Sync(_) => 0,
            Choice::Cancel(_) | Choice::Event(_) => 0,
        }
    }
}

/// A core function, and the instance that it is called as a function of.
#[derive(Clone)]
pub struct CoreFunc {
    pub func: wasmi::Func,
    /// The name under which core code exports it: none, if it is lowered or built in.
    pub name: Arc<str>,
    pub instance: usize,
}

impl CoreFunc {
    /// One that core code does not export.
    pub fn unnamed(func: wasmi::Func, instance: usize) -> CoreFunc {
        CoreFunc { func, name: Arc::default(), instance }
    }
}

/// The core memories of an instance.
#[derive(Default)]
pub struct GuestMemories {
    /// By the names under which they are exported.
    pub memories: BTreeMap<Arc<str>, wasmi::Memory>,
    /// The memory when its function was entered, for deviations that remember it.
    pub entered: Option<Vec<u8>>,
}

impl<T> State<T> {
    pub fn new(host: T, watch: impl Watch) -> State<T> {
        State {
            host,
            watch: Box::new(watch),
            lifted: 0,
            exports: Arc::default(),
            things: Arc::default(),
            resources: Arc::default(),
            machine: Machine::default(),
            choices: Usual,
            cores: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            guests: Vec::new(),
            stacks: Vec::new(),
            turns: 0,
            wanted: None,
            tail_calls: false,
            limits: Limiter(limits::Left::ALL),
            recording: None,
        }
    }

    /// Adds an instance.
    pub fn begin_instance(&mut self, parent: Option<usize>) -> usize {
        self.guests.push(GuestMemories::default());
        self.machine.begin_instance(parent)
    }
}

/// What core instances may take.
pub struct Limiter(pub limits::Left);

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
