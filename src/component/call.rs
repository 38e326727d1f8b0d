//! Calls into, out of and between instances, and what `abi` needs of wasmi for them.
//! Knows nothing of how instances came to be.

use std::sync::Arc;

use canonical_abi::canon::{Subtask, canon_lift, canon_lower};
use canonical_abi::explore;
use canonical_abi::types::{FuncType, Resource, Type};
use canonical_abi::value::Value;
use canonical_abi::{
    Act, ActKind, Core, Cx, Deviation, Guest, Handles, Lender, Lowered, MAX_FLAT_PARAMS, Notes,
    PtrType, ResourceType, Stage, Trap,
};
use wasmi::{AsContextMut, StoreContextMut};

use super::core::{core_value, trap, val};
use super::definition::Decoded;
use super::recording::{Event, Recording, record};
use super::state::{CoreFunc, Destructor, Func, HostCalls, Lifted, Options, ResourceTypes, State};

/// What is behind the imports of an instance. Paths are those of imports: `name`, or
/// `instance#name` for what is in an imported instance.
pub trait Host: Sized + 'static {
    /// An import was called.
    fn call(
        context: &mut Context<'_, Self>,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Trap>;

    /// An owned resource of the host's was dropped.
    fn drop(context: &mut Context<'_, Self>, resource: &str, rep: u32) -> Result<(), Trap>;
}

/// An instance of a component that nobody contains.
pub struct Instance<T: 'static> {
    pub(super) store: wasmi::Store<State<T>>,
    pub(super) decoded: Arc<Decoded>,
    pub(super) fuel: Option<u64>,
}

/// An instance from within a call of its host.
pub struct Context<'a, T: 'static> {
    store: StoreContextMut<'a, State<T>>,
}

/// Why a call did not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Trap(Trap),
    /// A limit of wasmi's or of ours was met.
    Exhausted(String),
}

impl Failure {
    /// What a trap says that no limit explains.
    pub fn of(trap: Trap) -> Failure {
        match trap == Trap::Exhausted {
            true => Failure::Exhausted("more values than we can hold".to_string()),
            false => Failure::Trap(trap),
        }
    }
}

impl<T: Host> Instance<T> {
    pub fn host(&mut self) -> &mut T {
        &mut self.store.data_mut().host
    }

    pub fn notes(&mut self) -> &mut Notes {
        &mut self.store.data_mut().notes
    }

    /// How the host makes its calls.
    pub fn host_calls(&mut self) -> &mut HostCalls {
        &mut self.store.data_mut().host_calls
    }

    /// The type of an exported function.
    pub fn export(&self, path: &str) -> Option<&FuncType> {
        self.decoded.export(path)
    }

    /// Calls an export. The caller has checked that it is there and that the values fit.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Failure> {
        self.refuel();
        let called = Context { store: self.store.as_context_mut() }.call(export, args);
        called.map_err(|trap| self.failure(trap))
    }

    /// Drops an owned resource that the host holds, by its number in the types of the exports.
    pub fn drop_resource(&mut self, resource: Resource, rep: u32) -> Result<(), Failure> {
        let position = usize::try_from(resource).expect("an index fits");
        let rt = self.store.data().resources[position].expect("the root is instantiated");
        self.refuel();
        // Even a host that awaits its calls waits for destructors.
        let waits = std::mem::replace(&mut self.host_calls().waits, true);
        let dropped = destroy(self.store.as_context_mut(), None, rt, rep);
        self.host_calls().waits = waits;
        dropped.map_err(|trap| self.failure(trap))
    }

    /// Calls the core function under an export, and answers with its results and the memory of
    /// its options: what a debugger would see, without lifting or lowering.
    pub fn inspect(
        &mut self,
        export: &str,
        args: &[Core],
    ) -> Result<(Vec<Core>, &mut [u8]), Failure> {
        self.refill();
        let lifted = self.lifted(export);
        let mut guest = CoreInstance::lifted(self.store.as_context_mut(), &lifted);
        let results = canonical_abi::Instance::call(&mut guest, args);
        let results = results.map_err(|trap| self.failure(trap))?;
        Ok((results, self.memory(export)))
    }

    /// Has all written down that core code does from now on, of the instance that an export is a function of.
    pub fn record(&mut self, export: &str) {
        let instance = self.lifted(export).opts.instance;
        self.store.data_mut().recording = Some(Recording::of(instance));
    }

    /// What was written down.
    pub fn recorded(&mut self) -> Vec<Event> {
        self.store.data_mut().recording.take().map(|recording| recording.events).unwrap_or_default()
    }

    /// Calls the `realloc` of the options of an export for a new block.
    pub fn allocate(&mut self, export: &str, align: u32, size: u32) -> Result<u32, Failure> {
        let lifted = self.lifted(export);
        let mut guest = CoreInstance::lifted(self.store.as_context_mut(), &lifted);
        let ptr = guest.realloc(0, 0, u64::from(align), u64::from(size));
        ptr.map(canonical_abi::wrap).map_err(|trap| self.failure(trap))
    }

    /// The memory that the options of an export name.
    pub fn memory(&mut self, export: &str) -> &mut [u8] {
        match self.lifted(export).opts.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    /// What was lowered for the instance that an export is a function of.
    pub fn lowered(&mut self, export: &str) -> &mut Lowered {
        let instance = self.lifted(export).opts.instance;
        &mut self.store.data_mut().instances[instance].lowered
    }

    fn lifted(&self, export: &str) -> Arc<Lifted> {
        match &self.store.data().exports[export] {
            Func::Lifted(lifted) => lifted.clone(),
            Func::Host(_) => panic!("{export} is a function of the host's"),
        }
    }

    fn failure(&mut self, trap: Trap) -> Failure {
        let exhausted = self.store.data_mut().exhausted.take();
        exhausted.map_or(Failure::of(trap), Failure::Exhausted)
    }

    /// What the host begins next may take as many steps as what it began before. What it lifts is counted on:
    /// someone may keep all of it.
    pub(super) fn refuel(&mut self) {
        let notes = self.notes();
        notes.faults.clear();
        (notes.unexplored, notes.unlowered) = (false, None);
        self.refill();
    }

    fn refill(&mut self) {
        if let Some(fuel) = self.fuel {
            self.store.set_fuel(fuel).expect("fuel is configured");
        }
    }
}

impl<T: Host> Context<'_, T> {
    pub fn host(&mut self) -> &mut T {
        &mut self.store.data_mut().host
    }

    /// Blocks whoever called the host, unless they may not be blocked.
    pub fn block(&mut self) -> Result<(), Trap> {
        self.store.data_mut().block()
    }

    /// Calls an export, unless the instance may not be entered.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Trap> {
        match self.store.data().exports[export].clone() {
            Func::Host(func) => T::call(self, &func.path, args.to_vec()),
            Func::Lifted(lifted) => {
                let callee = lifted.opts.instance;
                self.store.data_mut().enter(callee, None, lifted.ty.is_async)?;
                let store = self.store.as_context_mut();
                let result = call_lifted(store, &lifted, args)?;
                self.store.data_mut().leave(callee, None);
                Ok(result)
            }
        }
    }
}

/// Calls, for the host, a function of a guest that was entered.
fn call_lifted<T: Host>(
    store: StoreContextMut<'_, State<T>>,
    lifted: &Lifted,
    args: &[Value],
) -> Result<Option<Value>, Trap> {
    let mut guest = CoreInstance::lifted(store, lifted);
    let opts = lifted.opts.lift_lower();
    canon_lift(&mut guest, opts, None, &lifted.ty, args, |_, result| Ok(result))
}

/// Calls a lowered function from core code.
pub fn call_lowered<T: Host>(
    store: StoreContextMut<'_, State<T>>,
    opts: &Options,
    func: &Func,
    flat_args: &[Core],
) -> Result<Vec<Core>, Trap> {
    let mut caller = CoreInstance::new(store, opts, func.resources());
    let notes = &mut caller.store.data_mut().notes;
    let destroys = notes.course.stage == Stage::Destructor;
    if destroys && notes.deviates(Deviation::DestructorMayNotImport) {
        return Err(Trap::CannotLeaveComponent);
    }
    if let Func::Lifted(lifted) = func {
        check_kinship_first(&mut caller, lifted.opts.instance)?;
    }
    canon_lower(
        &mut caller,
        opts.lift_lower(),
        func.lift_lower(),
        func.ty(),
        flat_args,
        |caller, subtask| match func {
            Func::Host(func) => {
                caller.as_of_entry();
                let args = subtask.on_start(caller)?;
                caller.as_of = AsOf::Now;
                caller.notes().course.stage = Stage::Host;
                let mut context = Context { store: caller.store.as_context_mut() };
                let result = T::call(&mut context, &func.path, args)?;
                subtask.on_resolve(caller, result.as_ref())
            }
            Func::Lifted(lifted) => call_guest(caller, subtask, lifted),
        },
    )
}

/// Only a slip looks who calls whom before it looks whether anything may be called.
fn check_kinship_first<T>(caller: &mut CoreInstance<'_, T>, callee: usize) -> Result<(), Trap> {
    let instance = caller.opts.instance;
    if canonical_abi::Instance::may_leave(caller) {
        return Ok(());
    }
    let state = caller.store.data_mut();
    let slip = state.kinship(callee, instance);
    let refused = slip.is_some_and(|slip| state.notes.deviations.contains(slip));
    match refused && state.notes.deviates(Deviation::KinshipBeforeMayLeave) {
        true => state.check_kinship(callee, instance),
        false => Ok(()),
    }
}

/// Spec: `Store.lift`, called by another guest. The arguments are lifted only where the callee may be
/// entered, and the result is lowered before the callee cleans up.
fn call_guest<T: Host>(
    caller: &mut CoreInstance<'_, T>,
    subtask: &mut Subtask,
    lifted: &Lifted,
) -> Result<Vec<Core>, Trap> {
    let (opts, resources, callee) = (caller.opts, caller.resources, lifted.opts.instance);
    let state = caller.store.data_mut();
    state.check_kinship(callee, opts.instance)?;
    state.check_awaited(lifted.ty.is_async)?;
    let entered = state.enter(callee, Some(opts.instance), lifted.ty.is_async);
    entered.map_err(|trap| state.notes.in_adapter(trap))?;
    state.notes.course.depth += 1;
    let args = start(caller, subtask, lifted)?;
    let peer = Some(opts.lift_lower());
    let mut guest = CoreInstance::lifted(caller.store.as_context_mut(), lifted);
    guest.mistake_for(opts, &lifted.ty);
    let on_resolve = |callee: &mut CoreInstance<'_, T>, result: Option<Value>| {
        let mut caller = CoreInstance::new(callee.store.as_context_mut(), opts, resources);
        let slip = Deviation::ResultStoredInCallee;
        caller.memory = caller.mistaken_memory(&lifted.opts, slip);
        subtask.on_resolve(&mut caller, result.as_ref())
    };
    let callee_opts = lifted.opts.lift_lower();
    let flat_results = canon_lift(&mut guest, callee_opts, peer, &lifted.ty, &args, on_resolve);
    let flat_results =
        flat_results.inspect_err(|_| apart(caller, |caller| subtask.explore_result(caller)))?;
    let state = caller.store.data_mut();
    state.notes.course.depth -= 1;
    state.leave(callee, Some(opts.instance));
    Ok(flat_results)
}

/// Lifts the params. Where that traps, what lowering them may meet is explored.
fn start<T: Host>(
    caller: &mut CoreInstance<'_, T>,
    subtask: &mut Subtask,
    lifted: &Lifted,
) -> Result<Vec<Value>, Trap> {
    caller.memory = caller.mistaken_memory(&lifted.opts, Deviation::ParamsReadFromCallee);
    caller.as_of_entry();
    let args = subtask.on_start(caller);
    caller.as_of = AsOf::Now;
    caller.memory = caller.opts.memory;
    args.inspect_err(|_| apart(caller, |caller| explore_params(caller, lifted)))
}

/// A limit that exploring meets is none that the call met, and its fuel is not the call's.
fn apart<T>(caller: &mut CoreInstance<'_, T>, explore: impl FnOnce(&mut CoreInstance<'_, T>)) {
    let fuel = caller.store.get_fuel();
    let exhausted = caller.store.data_mut().exhausted.take();
    explore(caller);
    caller.store.data_mut().exhausted = exhausted;
    // There is none where none is configured.
    if let Ok(fuel) = fuel {
        caller.store.set_fuel(fuel).expect("fuel is configured");
    }
}

/// Explores what lowering the params may meet, if lifting them trapped.
fn explore_params<T: Host>(caller: &mut CoreInstance<'_, T>, lifted: &Lifted) {
    let peer = Some(caller.opts.lift_lower());
    let mut callee = CoreInstance::lifted(caller.store.as_context_mut(), lifted);
    let mut cx = Cx { opts: lifted.opts.lift_lower(), peer, guest: &mut callee };
    explore::lower(&mut cx, MAX_FLAT_PARAMS, &lifted.ty.params, None);
}

/// Spec: `canon_resource_drop`, its end: calls the destructor as a function of whoever defines the
/// resource.
pub fn destroy<T: Host>(
    mut store: StoreContextMut<'_, State<T>>,
    caller: Option<usize>,
    rt: ResourceType,
    rep: u32,
) -> Result<(), Trap> {
    let state = store.data_mut();
    let destructor = match (state.destructors[rt.id].clone(), rt.implementer) {
        (Destructor::Host(path), _) => return T::drop(&mut Context { store }, &path, rep),
        (Destructor::Guest(destructor), _) => destructor,
    };
    let callee = rt.implementer.expect("a guest's destructor is that of an instance");
    state.enter(callee, caller, false)?;
    let crossed = usize::from(caller.is_some_and(|caller| caller != callee));
    state.notes.course.depth += crossed;
    let destructor = destructor.filter(|_| !state.notes.deviates(Deviation::DestructorSkipped));
    if let Some(destructor) = destructor {
        let stage = std::mem::replace(&mut store.data_mut().notes.course.stage, Stage::Destructor);
        let destroyed = call_core(&mut store, callee, &destructor, &[Core::I32(rep)]);
        let course = &mut store.data_mut().notes.course;
        let trap = destroyed.as_ref().err().copied();
        course.acts.push(Act { kind: ActKind::Destructor, stage, trap });
        destroyed?;
        course.stage = stage;
    }
    let state = store.data_mut();
    state.notes.course.depth -= crossed;
    state.leave(callee, caller);
    Ok(())
}

/// Calls core code of an instance.
fn call_core<T>(
    store: &mut StoreContextMut<'_, State<T>>,
    instance: usize,
    func: &CoreFunc,
    args: &[Core],
) -> Result<Vec<Core>, Trap> {
    if store.data().recording.is_none() {
        return call_wasmi(store, func.func, args);
    }
    let name = func.name.to_string();
    record(store, instance, |memories| Event::Called { name, args: args.to_vec(), memories });
    let returned = call_wasmi(store, func.func, args);
    let results = returned.as_ref().ok().cloned();
    record(store, instance, |memories| Event::Returned { results, memories });
    returned
}

fn call_wasmi<T>(
    store: &mut StoreContextMut<'_, State<T>>,
    func: wasmi::Func,
    args: &[Core],
) -> Result<Vec<Core>, Trap> {
    let args: Vec<_> = args.iter().copied().map(val).collect();
    let ty = func.ty(&*store);
    let mut results: Vec<_> =
        ty.results().iter().map(|ty| wasmi::Val::default_for_ty(*ty)).collect();
    match func.call(&mut *store, &args, &mut results) {
        Ok(()) => Ok(results.iter().map(core_value).collect()),
        Err(error) => {
            let (trap, limit) = trap(&error);
            let exhausted = &mut store.data_mut().exhausted;
            *exhausted = limit.or(exhausted.take());
            Err(trap)
        }
    }
}

/// A guest as `abi` sees it: a wasmi store, some canonical options and what the types mean.
pub struct CoreInstance<'a, T: 'static> {
    store: StoreContextMut<'a, State<T>>,
    opts: &'a Options,
    resources: &'a ResourceTypes,
    /// The function under `canon lift`.
    core: Option<&'a CoreFunc>,
    lenders: Vec<Lender>,
    /// Those of the options and of their instance, but for slips that mistake one guest for another.
    memory: Option<wasmi::Memory>,
    realloc: Option<&'a CoreFunc>,
    table: usize,
    /// What the memory is taken for: only slips know of another than there is.
    as_of: AsOf,
}

/// Which memory is read.
enum AsOf {
    Now,
    /// As much of it as there was then.
    Size(usize),
    Then(Vec<u8>),
}

impl<'a, T> CoreInstance<'a, T> {
    pub fn new(
        store: StoreContextMut<'a, State<T>>,
        opts: &'a Options,
        resources: &'a ResourceTypes,
    ) -> CoreInstance<'a, T> {
        let (memory, realloc, table) = (opts.memory, opts.realloc.as_ref(), opts.instance);
        let lenders = Vec::new();
        let (core, as_of) = (None, AsOf::Now);
        CoreInstance { store, opts, resources, core, lenders, memory, realloc, table, as_of }
    }

    fn lifted(store: StoreContextMut<'a, State<T>>, lifted: &'a Lifted) -> CoreInstance<'a, T> {
        let core = Some(&lifted.core);
        CoreInstance { core, ..CoreInstance::new(store, &lifted.opts, &lifted.resources) }
    }

    /// Only slips take what is the caller's for what is the callee's.
    fn mistake_for(&mut self, caller: &'a Options, ty: &FuncType) {
        let notes = &mut self.store.data_mut().notes;
        let reallocs = self.realloc.is_some() && caller.realloc.is_some();
        if reallocs && notes.deviates(Deviation::CallersReallocForParams) {
            self.realloc = caller.realloc.as_ref();
        }
        let mut handles = ty.params.iter().flat_map(Type::handles);
        if handles.next().is_some() && notes.deviates(Deviation::HandlesLandInCaller) {
            self.table = caller.instance;
        }
    }

    /// The memory as it is, to be put back later, where a slip does that.
    fn kept(&mut self, slip: Deviation) -> Option<Vec<u8>> {
        let memory = self.memory.filter(|_| self.store.data_mut().notes.deviates(slip))?;
        Some(memory.data(&self.store).to_vec())
    }

    /// Puts back what was kept, but for these bytes.
    fn put_back(&mut self, kept: Option<Vec<u8>>, but: std::ops::Range<u64>) {
        let Some((memory, kept)) = self.memory.zip(kept) else {
            return;
        };
        let there = memory.data_mut(&mut self.store);
        for ((address, byte), old) in (0..).zip(there.iter_mut()).zip(kept) {
            if !but.contains(&address) {
                *byte = old;
            }
        }
    }

    /// Only by a slip anyone remembers what the memory was when the function was entered.
    fn entered(&mut self) {
        let memory = self.kept(Deviation::ParamsReadAsOfEntry);
        self.store.data_mut().instances[self.opts.instance].entered = memory;
    }

    /// Reads from the memory as it was then, where a slip does that.
    fn as_of_entry(&mut self) {
        let state = self.store.data_mut();
        if let Some(entered) = state.instances[self.opts.instance].entered.take() {
            self.as_of = AsOf::Then(entered);
        }
    }

    /// The memory to use, which only by a slip is that of the other side.
    fn mistaken_memory(&mut self, other: &Options, slip: Deviation) -> Option<wasmi::Memory> {
        let memories = self.memory.is_some() && other.memory.is_some();
        let alike = memories && self.opts.ptr_type == other.ptr_type;
        let mistaken = alike && self.store.data_mut().notes.deviates(slip);
        if mistaken { other.memory } else { self.memory }
    }
}

impl<T> Guest for CoreInstance<'_, T> {
    fn memory(&self) -> &[u8] {
        let memory = self.memory.as_ref().map_or(&[][..], |memory| memory.data(&self.store));
        match &self.as_of {
            AsOf::Now => memory,
            AsOf::Size(size) => &memory[..(*size).min(memory.len())],
            AsOf::Then(then) => then,
        }
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        match &self.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    /// Spec: `reallocate`.
    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Trap> {
        let realloc = self.realloc.expect("validation demands realloc where it is needed");
        let args = [old, old_size, align, new_size].map(|arg| match self.opts.ptr_type {
            PtrType::I32 => Core::I32(canonical_abi::wrap(arg)),
            PtrType::I64 => Core::I64(arg),
        });
        let state = self.store.data_mut();
        let may_leave = state.notes.deviates(Deviation::ReallocMayLeave);
        let instance = &mut state.instances[self.opts.instance];
        let outer = std::mem::replace(&mut instance.may_leave, may_leave);
        let kept = (old_size == 0).then(|| self.kept(Deviation::ReallocWritesLost)).flatten();
        let results = call_core(&mut self.store, self.opts.instance, realloc, &args)?;
        self.store.data_mut().instances[self.opts.instance].may_leave = outer;
        let ptr = results[0].bits();
        self.put_back(kept, ptr..ptr.saturating_add(new_size));
        Ok(ptr)
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.store.data_mut().notes
    }

    fn lowered(&mut self) -> &mut Lowered {
        &mut self.store.data_mut().instances[self.opts.instance].lowered
    }

    fn is_wide(&self) -> bool {
        self.opts.ptr_type == PtrType::I64
    }

    fn handles(&mut self) -> Option<Handles<'_>> {
        let instance = self.opts.instance;
        let state = self.store.data_mut();
        Some(Handles {
            instance,
            table: &mut state.instances[self.table].handles,
            resources: self.resources,
            tasks: &mut state.tasks,
            lenders: &mut self.lenders,
        })
    }
}

impl<T> canonical_abi::Instance for CoreInstance<'_, T> {
    fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Trap> {
        let core = self.core.expect("only a lifted function is called");
        self.entered();
        let size = self.memory().len();
        let results = call_core(&mut self.store, self.opts.instance, core, args)?;
        self.store.data_mut().core_returned(self.opts.instance);
        let grown = self.memory().len() > size;
        if grown && self.store.data_mut().notes.deviates(Deviation::BoundsAsOfEntry) {
            self.as_of = AsOf::Size(size);
        }
        Ok(results)
    }

    fn post_return(&mut self, results: &[Core]) -> Result<(), Trap> {
        match &self.opts.post_return {
            Some(post_return) => {
                let kept = self.kept(Deviation::PostReturnWritesLost);
                call_core(&mut self.store, self.opts.instance, post_return, results)?;
                self.put_back(kept, 0..0);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn may_leave(&self) -> bool {
        self.store.data().instances[self.opts.instance].may_leave
    }

    fn set_may_leave(&mut self, may_leave: bool) {
        self.store.data_mut().instances[self.opts.instance].may_leave = may_leave;
    }
}
