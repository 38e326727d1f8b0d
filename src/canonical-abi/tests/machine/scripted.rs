//! A world in which all core code is script, for machines to run in.

use std::collections::BTreeMap;
use std::sync::Arc;

use canonical_abi::arena::Id;
use canonical_abi::bytes_guest::ByteGuest;
use canonical_abi::canon::{on_resolve, on_start};
use canonical_abi::drive;
use canonical_abi::machine::{
    Called, CoreId, Defined, Func, HostFunc, Invocation, Lifted, Lowered, Machine, Options,
    Resolution, ResourceTypes, Subtask, TableId, Task,
};
use canonical_abi::thread::Thread;
use canonical_abi::types::{FuncType, Type};
use canonical_abi::value::Value;
use canonical_abi::world::{Call, Choice, Choices, Stacks, Step, TableEntry, World};
use canonical_abi::{
    Core, Guest, Handles, Instance, LiftLowerOptions, PtrType, Recorder, Stage, Stop,
    StringEncoding, Trap, Watch,
};

/// What core code does next.
#[derive(Clone)]
pub enum Do {
    Import(Arc<Lowered>, Vec<Core>),
    BuiltIn(Arc<Defined>, Vec<Core>),
    Return(Vec<Core>),
    Trap,
}

/// What a function of the host's does.
#[derive(Clone)]
pub enum Answer {
    Returned(Option<Value>),
    /// It returns later.
    Later,
}

/// A world in which all core code is script. It can be kept as it is, and gone back to.
#[derive(Clone, Default)]
pub struct Scripted {
    pub machine: Machine,
    pub watch: Recorder,
    pub choices: Chosen,
    /// The memories of the instances.
    pub memories: Vec<ByteGuest>,
    /// What core functions do.
    pub scripts: Vec<Vec<Do>>,
    /// How far they came.
    pub stacks: BTreeMap<Id<Thread>, (CoreId, usize)>,
    /// What the host's functions do, if not to return nothing.
    pub host: BTreeMap<String, Answer>,
    pub waiting_for_host: Vec<Id<Subtask>>,
    pub log: Vec<String>,
}

/// What is chosen, one after another, and then the first.
#[derive(Clone, Default)]
pub struct Chosen(pub Vec<usize>);

impl Choices for Chosen {
    fn choose(&mut self, among: Choice<'_>) -> usize {
        let candidates = match among {
            Choice::Wait(..) | Choice::Message => 2,
            Choice::Tick(threads) | Choice::Sync(threads) | Choice::Cancel(threads) => {
                threads.len()
            }
            Choice::Event(indices) => indices.len(),
        };
        let chosen = if self.0.is_empty() { 0 } else { self.0.remove(0) };
        chosen.min(candidates - 1)
    }
}

impl Stacks for Scripted {
    fn start(&mut self, thread: Id<Thread>, core: CoreId, args: &[Core]) -> Step {
        self.log.push(format!("{} called with {}", core.0, numbers(args)));
        self.stacks.insert(thread, (core, 0));
        self.step(thread)
    }

    fn go_on(&mut self, thread: Id<Thread>, results: &[Core]) -> Step {
        let (core, _) = self.stacks[&thread];
        self.log.push(format!("{} goes on with {}", core.0, numbers(results)));
        self.step(thread)
    }

    fn abandon(&mut self, thread: Id<Thread>) {
        self.stacks.remove(&thread);
    }
}

fn numbers(cores: &[Core]) -> String {
    format!("{:?}", cores.iter().map(|core| core.bits()).collect::<Vec<_>>())
}

impl Scripted {
    fn step(&mut self, thread: Id<Thread>) -> Step {
        let (core, position) = self.stacks.get_mut(&thread).unwrap();
        let next = self.scripts[core.0][*position].clone();
        *position += 1;
        match next {
            Do::Import(lowered, args) => Step::Call(Call::Lowered(lowered, args)),
            Do::BuiltIn(defined, args) => Step::Call(Call::BuiltIn(defined, args)),
            Do::Return(results) => {
                self.stacks.remove(&thread);
                Step::Returned(results)
            }
            Do::Trap => Step::Stopped(Trap::Guest.into()),
        }
    }

    fn guest_of(&mut self, opts: &Options, resources: &ResourceTypes) -> ScriptedGuest<'_> {
        let (opts, resources) = (opts.clone(), resources.clone());
        ScriptedGuest { world: self, opts, resources, subtask: None }
    }
}

/// An instance of it.
pub struct ScriptedGuest<'a> {
    world: &'a mut Scripted,
    opts: Options,
    resources: ResourceTypes,
    subtask: Option<Id<Subtask>>,
}

impl Guest for ScriptedGuest<'_> {
    fn memory(&self) -> &[u8] {
        &self.world.memories[self.opts.instance].memory
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.world.memories[self.opts.instance].memory
    }

    fn realloc(&mut self, _: u64, _: u64, _: u64, new_size: u64) -> Result<u64, Stop> {
        let args = vec![Core::I64(new_size)];
        let returned = drive::run_core(self.world, self.opts.realloc.unwrap(), args)?;
        Ok(returned[0].bits())
    }

    fn lifted(&mut self) -> &mut u64 {
        &mut self.world.memories[self.opts.instance].lifted
    }

    fn watch(&mut self) -> &mut dyn Watch {
        &mut self.world.watch
    }

    fn is_wide(&self) -> bool {
        self.opts.lift_lower.ptr_type == PtrType::I64
    }

    fn handles(&mut self) -> Option<Handles<'_>> {
        let (machine, instance) = (&mut self.world.machine, self.opts.instance);
        Some(machine.handles(instance, instance, &self.resources, self.subtask))
    }
}

impl Instance for ScriptedGuest<'_> {
    fn post_return(&mut self, results: &[Core]) -> Result<(), Stop> {
        if let Some(post_return) = self.opts.post_return {
            let may_leave = self.may_leave();
            self.world.log.push(format!("post-return, may leave: {may_leave}"));
            drive::run_core(self.world, post_return, results.to_vec())?;
        }
        Ok(())
    }

    fn may_leave(&self) -> bool {
        self.world.machine.instances[self.opts.instance].may_leave
    }

    fn set_may_leave(&mut self, may_leave: bool) {
        self.world.machine.instances[self.opts.instance].may_leave = may_leave;
    }
}

impl World for Scripted {
    type Guest<'a> = ScriptedGuest<'a>;

    fn parts(&mut self) -> (&mut Machine, &mut dyn Watch) {
        (&mut self.machine, &mut self.watch)
    }

    fn choices(&mut self) -> &mut dyn Choices {
        &mut self.choices
    }

    fn caller(&mut self, subtask: Id<Subtask>, _: Stage) -> ScriptedGuest<'_> {
        let lowered = self.machine.lowered(subtask).clone();
        let guest = self.guest_of(&lowered.opts, lowered.callee.resources());
        ScriptedGuest { subtask: Some(subtask), ..guest }
    }

    fn callee(&mut self, task: Id<Task>, _: Stage) -> ScriptedGuest<'_> {
        match self.machine.tasks[task].called.clone() {
            Called::Function(lifted) => self.guest_of(&lifted.opts, &lifted.resources),
            Called::Destructor { .. } | Called::Start => panic!("nothing is passed to it"),
        }
    }

    fn guest(&mut self, opts: &Options, resources: &ResourceTypes) -> ScriptedGuest<'_> {
        self.guest_of(opts, resources)
    }

    fn table_entry(&mut self, _: TableId, _: u64) -> TableEntry {
        TableEntry::Nothing
    }

    fn explore(
        &mut self,
        opts: &Options,
        resources: &ResourceTypes,
        explore: &mut dyn FnMut(&mut dyn Guest),
    ) {
        explore(&mut self.guest_of(opts, resources));
    }

    fn call_host(&mut self, subtask: Id<Subtask>, func: &HostFunc) -> Result<(), Stop> {
        let args = on_start(self, subtask).map_err(|stopped| stopped.stop)?;
        self.log.push(format!("host: {} with {} values", func.path, args.len()));
        match self.host.get(&func.path).cloned().unwrap_or(Answer::Returned(None)) {
            Answer::Returned(result) => on_resolve(self, subtask, result.as_ref()),
            Answer::Later => {
                self.waiting_for_host.push(subtask);
                Ok(())
            }
        }
    }

    fn drop_host(&mut self, path: &str, rep: u32) -> Result<(), Stop> {
        self.log.push(format!("host: {path} {rep} dropped"));
        Ok(())
    }

    fn check_depth(&mut self, calls: usize) -> Result<(), Stop> {
        canonical_abi::end_if(calls >= 8, Stop::Exhausted("eight calls"))
    }
}

pub const OPTS: LiftLowerOptions =
    LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

pub fn i32s(values: &[u32]) -> Vec<Core> {
    values.iter().copied().map(Core::I32).collect()
}

pub fn ty(params: &[Type], result: Option<Type>) -> FuncType {
    FuncType { params: params.to_vec(), result, is_async: false }
}

pub fn is_async(ty: FuncType) -> FuncType {
    FuncType { is_async: true, ..ty }
}

/// Makes definitions.
impl Scripted {
    /// Some instances with memories of 64 bytes. The first core function is the `realloc` of all: it answers 32.
    pub fn of(instances: usize) -> Scripted {
        let mut world = Scripted::default();
        for _ in 0..instances {
            world.machine.begin_instance(None);
            world.memories.push(ByteGuest::new(vec![0; 64], 32));
        }
        world.core(&[Do::Return(i32s(&[32]))]);
        world
    }

    pub fn core(&mut self, script: &[Do]) -> CoreId {
        self.scripts.push(script.to_vec());
        CoreId(self.scripts.len() - 1)
    }

    pub fn opts(&self, instance: usize) -> Options {
        Options { realloc: Some(CoreId(0)), ..Options::none(instance) }
    }

    /// A function of an instance that does this.
    pub fn lift(&mut self, instance: usize, ty: FuncType, script: &[Do]) -> Arc<Lifted> {
        let core = self.core(script);
        let (opts, resources) = (self.opts(instance), ResourceTypes::default());
        Arc::new(Lifted { core, signature: Arc::new(ty.into()), opts, resources })
    }

    /// A guest's function, as another instance imports it.
    pub fn lower(&self, instance: usize, lifted: &Arc<Lifted>) -> Arc<Lowered> {
        let callee = Func::Lifted(lifted.clone());
        Arc::new(Lowered { opts: self.opts(instance), callee })
    }

    /// A function of the host's, as an instance imports it.
    pub fn host(&mut self, instance: usize, ty: FuncType, answer: Answer) -> Arc<Lowered> {
        self.host.insert("f".to_string(), answer);
        let (path, resources) = ("f".to_string(), ResourceTypes::default());
        let signature = Arc::new(ty.into());
        let callee = Func::Host(Arc::new(HostFunc { path, signature, resources }));
        Arc::new(Lowered { opts: self.opts(instance), callee })
    }

    pub fn call(&mut self, lifted: &Arc<Lifted>, args: &[Value]) -> Result<Option<Value>, Stop> {
        drive::call(self, lifted, args.to_vec())
    }

    pub fn resolved(&mut self, call: Id<Invocation>) -> Option<Option<Value>> {
        match drive::resolved(&mut self.machine, call)? {
            Resolution::Returned(result) => Some(result),
            Resolution::Cancelled => panic!("nobody cancels"),
        }
    }

    /// The host's function answers the call that has waited for it the longest.
    pub fn answer(&mut self, value: Value) {
        let subtask = self.waiting_for_host.remove(0);
        on_resolve(self, subtask, Some(&value)).unwrap();
    }

    /// All calls are over.
    #[track_caller]
    pub fn check_over(&self) {
        let machine = &self.machine;
        assert!(machine.running.is_empty() && machine.waiting.is_empty());
        assert!(machine.tasks.is_empty() && machine.threads.is_empty());
        assert!(machine.subtasks.is_empty() && machine.invocations.is_empty());
        assert!(self.stacks.is_empty());
    }
}
