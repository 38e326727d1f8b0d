//! Calls into, out of and between instances, and what `abi` needs of wasmi for them.
//! Knows nothing of how instances came to be.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use canonical_abi::canon::{Subtask, canon_lift, canon_lower};
use canonical_abi::explore::{self, Step};
use canonical_abi::types::{FuncType, Resource};
use canonical_abi::value::Value;
use canonical_abi::{
    Act, ActKind, Core, Cx, Guest, Handles, Lender, MAX_FLAT_PARAMS, PtrType, ResourceType, Stage,
    Stop, Stopped, Trap, Watch,
};
use wasmi::{AsContextMut, StoreContextMut};

use super::core::{core_value, stop, val};
use super::definition::Decoded;
use super::deviations::calls as deviations;
use super::deviations::guest::AsOf;
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
    ) -> Result<Option<Value>, Stop>;

    /// An owned resource of the host's was dropped.
    fn drop(context: &mut Context<'_, Self>, resource: &str, rep: u32) -> Result<(), Stop>;
}

/// An instance of a component that nobody contains, and who watches it.
pub struct Instance<T: 'static, W = ()> {
    pub(super) store: wasmi::Store<State<T>>,
    pub(super) decoded: Arc<Decoded>,
    pub(super) fuel: Option<u64>,
    pub(super) watch: PhantomData<W>,
}

/// An instance from within a call of its host.
pub struct Context<'a, T: 'static> {
    store: StoreContextMut<'a, State<T>>,
}

/// Why a call did not come back. It crashes for nobody who does not deviate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<D = Infallible> {
    Trap(Trap),
    /// A limit of wasmi's or of ours was met: this one.
    Exhausted(&'static str),
    /// The call waits for what never comes.
    Deadlock,
    Crash(D),
}

impl<D> Failure<D> {
    /// The end of a call as whoever watches is told it.
    pub fn of<W: Watch<Deviated = D>>(stop: Stop, watch: &W) -> Failure<D> {
        match stop {
            Stop::Trap(trap) => Failure::Trap(trap),
            Stop::Exhausted(limit) => Failure::Exhausted(limit),
            Stop::Deadlock => Failure::Deadlock,
            Stop::Crash => Failure::Crash(watch.deviated()),
        }
    }
}

impl<D> fmt::Display for Failure<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Trap(trap) => write!(f, "trapped: {trap}"),
            Failure::Exhausted(limit) => write!(f, "met a limit: {limit}"),
            Failure::Deadlock => f.write_str("a call waits for one that waits for it"),
            Failure::Crash(_) => f.write_str("crashed as a deviation has it"),
        }
    }
}

impl<T: Host, W: Watch> Instance<T, W> {
    pub fn host(&mut self) -> &mut T {
        &mut self.store.data_mut().host
    }

    /// Whoever watches.
    pub fn watch(&mut self) -> &mut W {
        let watch: &mut dyn Any = &mut *self.store.data_mut().watch;
        watch.downcast_mut().expect("the type is that of whom it was made with")
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
    pub fn call(
        &mut self,
        export: &str,
        args: &[Value],
    ) -> Result<Option<Value>, Failure<W::Deviated>> {
        self.refuel();
        let called = Context { store: self.store.as_context_mut() }.call(export, args);
        called.map_err(|stop| self.failure(stop))
    }

    /// Drops an owned resource that the host holds, by its number in the types of the exports.
    pub fn drop_resource(
        &mut self,
        resource: Resource,
        rep: u32,
    ) -> Result<(), Failure<W::Deviated>> {
        let position = usize::try_from(resource).expect("an index fits");
        let rt = self.store.data().resources[position].expect("the root is instantiated");
        self.refuel();
        // Even a host that awaits its calls waits for destructors.
        let waits = std::mem::replace(&mut self.host_calls().waits, true);
        let dropped = destroy(self.store.as_context_mut(), None, rt, rep);
        self.host_calls().waits = waits;
        dropped.map_err(|stop| self.failure(stop))
    }

    /// Calls the core function under an export, and answers with its results and the memory of
    /// its options: what a debugger would see, without lifting or lowering.
    pub fn inspect(
        &mut self,
        export: &str,
        args: &[Core],
    ) -> Result<(Vec<Core>, &mut [u8]), Failure<W::Deviated>> {
        self.refill();
        let lifted = self.lifted(export);
        let mut guest = CoreInstance::lifted(self.store.as_context_mut(), &lifted);
        let results = canonical_abi::Instance::call(&mut guest, args);
        let results = results.map_err(|stop| self.failure(stop))?;
        Ok((results, self.memory(export)))
    }

    /// Has all written down that core code does from now on, of the instance that an export is a function of.
    pub fn record(&mut self, export: &str) {
        let instance = self.number(export);
        self.store.data_mut().recording = Some(Recording::of(instance));
    }

    /// What was written down.
    pub fn recorded(&mut self) -> Vec<Event> {
        self.store.data_mut().recording.take().map(|recording| recording.events).unwrap_or_default()
    }

    /// Calls the `realloc` of the options of an export for a new block.
    pub fn allocate(
        &mut self,
        export: &str,
        align: u32,
        size: u32,
    ) -> Result<u32, Failure<W::Deviated>> {
        let lifted = self.lifted(export);
        let mut guest = CoreInstance::lifted(self.store.as_context_mut(), &lifted);
        let ptr = guest.realloc(0, 0, u64::from(align), u64::from(size));
        ptr.map(canonical_abi::wrap).map_err(|stop| self.failure(stop))
    }

    /// The memory that the options of an export name.
    pub fn memory(&mut self, export: &str) -> &mut [u8] {
        match self.lifted(export).opts.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    /// How much was lifted since the instance was made.
    pub fn lifted_values(&self) -> u64 {
        self.store.data().lifted
    }

    /// The number of the instance that an export is a function of, as whoever watches is told it.
    pub fn number(&self, export: &str) -> usize {
        self.lifted(export).opts.instance
    }

    fn lifted(&self, export: &str) -> Arc<Lifted> {
        match &self.store.data().exports[export] {
            Func::Lifted(lifted) => lifted.clone(),
            Func::Host(_) => panic!("{export} is a function of the host's"),
        }
    }

    pub(super) fn failure(&mut self, stop: Stop) -> Failure<W::Deviated> {
        Failure::of(stop, self.watch())
    }

    /// What the host begins next may take as many steps as what it began before. What it lifts is counted on:
    /// someone may keep all of it.
    pub(super) fn refuel(&mut self) {
        self.store.data_mut().watch.begin();
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
    pub fn block(&mut self) -> Result<(), Stop> {
        self.store.data_mut().block()
    }

    /// Calls an export, unless the instance may not be entered.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        match self.store.data().exports[export].clone() {
            Func::Host(func) => T::call(self, &func.path, args.to_vec()),
            Func::Lifted(lifted) => {
                let callee = lifted.opts.instance;
                self.store.data_mut().enter(callee, None, lifted.signature.ty().is_async)?;
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
) -> Result<Option<Value>, Stop> {
    let mut guest = CoreInstance::lifted(store, lifted);
    let opts = lifted.opts.lift_lower();
    let ft = &lifted.signature;
    let called = canon_lift(&mut guest, opts, None, ft, args, |_, result| Ok(result));
    called.map_err(|stopped| stopped.stop)
}

/// Calls a lowered function from core code.
pub fn call_lowered<T: Host>(
    store: StoreContextMut<'_, State<T>>,
    opts: &Options,
    func: &Func,
    flat_args: &[Core],
) -> Result<Vec<Core>, Stop> {
    let mut caller = CoreInstance::new(store, opts, func.resources());
    deviations::check_call(caller.store.data_mut(), opts.instance, func)?;
    canon_lower(
        &mut caller,
        opts.lift_lower(),
        func.lift_lower(),
        func.signature(),
        flat_args,
        |caller, subtask| match func {
            Func::Host(func) => {
                let args = caller.as_of_entry(|caller| subtask.on_start(caller));
                let args = args.map_err(|stopped| stopped.stop)?;
                caller.watch().set_stage(Stage::Host);
                let mut context = Context { store: caller.store.as_context_mut() };
                let result = T::call(&mut context, &func.path, args)?;
                subtask.on_resolve(caller, result.as_ref())
            }
            Func::Lifted(lifted) => call_guest(caller, subtask, lifted),
        },
    )
}

/// Spec: `Store.lift`, called by another guest. The arguments are lifted only where the callee may be
/// entered, and the result is lowered before the callee cleans up.
fn call_guest<T: Host>(
    caller: &mut CoreInstance<'_, T>,
    subtask: &mut Subtask,
    lifted: &Lifted,
) -> Result<Vec<Core>, Stop> {
    let (opts, resources) = (caller.opts, caller.resources);
    enter(caller, lifted)?;
    let args = start(caller, subtask, lifted)?;
    let peer = Some(opts.lift_lower());
    let mut guest = CoreInstance::lifted(caller.store.as_context_mut(), lifted);
    guest.mistake_for(opts, lifted.signature.ty());
    let on_resolve = |callee: &mut CoreInstance<'_, T>, result: Option<Value>| {
        let mut caller = CoreInstance::new(callee.store.as_context_mut(), opts, resources);
        caller.store_result_in(&lifted.opts);
        subtask.on_resolve(&mut caller, result.as_ref())
    };
    let (callee_opts, ft) = (lifted.opts.lift_lower(), &lifted.signature);
    let flat_results = canon_lift(&mut guest, callee_opts, peer, ft, &args, on_resolve);
    let flat_results = flat_results.map_err(|stopped| {
        explored(caller, stopped, |caller, unlowered| subtask.explore_result(caller, unlowered))
    })?;
    leave(caller, lifted);
    Ok(flat_results)
}

fn enter<T>(caller: &mut CoreInstance<'_, T>, lifted: &Lifted) -> Result<(), Stop> {
    let (state, caller) = (caller.store.data_mut(), caller.opts.instance);
    deviations::enter(state, lifted.opts.instance, caller, lifted.signature.ty().is_async)?;
    state.watch.cross();
    Ok(())
}

fn leave<T>(caller: &mut CoreInstance<'_, T>, lifted: &Lifted) {
    let (state, caller) = (caller.store.data_mut(), caller.opts.instance);
    state.watch.cross_back();
    state.leave(lifted.opts.instance, Some(caller));
}

/// Lifts the params. Where that traps, what lowering them may meet is explored.
fn start<T: Host>(
    caller: &mut CoreInstance<'_, T>,
    subtask: &mut Subtask,
    lifted: &Lifted,
) -> Result<Vec<Value>, Stop> {
    let args = caller.reading_params_from(&lifted.opts, |caller| {
        caller.as_of_entry(|caller| subtask.on_start(caller))
    });
    args.map_err(|stopped| {
        explored(caller, stopped, |caller, unlowered| explore_params(caller, lifted, unlowered))
    })
}

/// The end of a call, after what it left was explored, if something is to be.
fn explored<T>(
    caller: &mut CoreInstance<'_, T>,
    stopped: Stopped,
    explore: impl FnOnce(&mut CoreInstance<'_, T>, &[Step]),
) -> Stop {
    let Stopped { stop, unlowered } = stopped;
    if let Some(unlowered) = unlowered {
        apart(caller, |caller| explore(caller, &unlowered));
    }
    stop
}

/// The fuel of exploring is not the call's.
fn apart<T>(caller: &mut CoreInstance<'_, T>, explore: impl FnOnce(&mut CoreInstance<'_, T>)) {
    let fuel = caller.store.get_fuel();
    explore(caller);
    // There is none where none is configured.
    if let Ok(fuel) = fuel {
        caller.store.set_fuel(fuel).expect("fuel is configured");
    }
}

/// Explores what lowering the params may meet, where lifting them left this.
fn explore_params<T: Host>(caller: &mut CoreInstance<'_, T>, lifted: &Lifted, unlowered: &[Step]) {
    let peer = Some(caller.opts.lift_lower());
    let mut callee = CoreInstance::lifted(caller.store.as_context_mut(), lifted);
    let mut cx = Cx { opts: lifted.opts.lift_lower(), peer, guest: &mut callee };
    let types = lifted.signature.layout(lifted.opts.ptr_type);
    explore::lower(&mut cx, MAX_FLAT_PARAMS, &types.params, None, unlowered);
}

/// Spec: `canon_resource_drop`, its end: calls the destructor as a function of whoever defines the
/// resource.
pub fn destroy<T: Host>(
    mut store: StoreContextMut<'_, State<T>>,
    caller: Option<usize>,
    rt: ResourceType,
    rep: u32,
) -> Result<(), Stop> {
    let state = store.data_mut();
    let destructor = match (state.destructors[rt.id].clone(), rt.implementer) {
        (Destructor::Host(path), _) => return T::drop(&mut Context { store }, &path, rep),
        (Destructor::Guest(destructor), _) => destructor,
    };
    let callee = rt.implementer.expect("a guest's destructor is that of an instance");
    state.enter(callee, caller, false)?;
    let crosses = caller.is_some_and(|caller| caller != callee);
    if crosses {
        state.watch.cross();
    }
    if let Some(destructor) = deviations::destructor(state, destructor) {
        call_destructor(&mut store, callee, &destructor, rep)?;
    }
    let state = store.data_mut();
    if crosses {
        state.watch.cross_back();
    }
    state.leave(callee, caller);
    Ok(())
}

fn call_destructor<T>(
    store: &mut StoreContextMut<'_, State<T>>,
    callee: usize,
    destructor: &CoreFunc,
    rep: u32,
) -> Result<(), Stop> {
    let stage = store.data().watch.stage();
    store.data_mut().watch.set_stage(Stage::Destructor);
    let destroyed = call_core(store, callee, destructor, &[Core::I32(rep)]);
    let watch = &mut store.data_mut().watch;
    let stop = destroyed.as_ref().err().copied();
    watch.act(Act { kind: ActKind::Destructor, stage, stop });
    destroyed?;
    watch.set_stage(stage);
    Ok(())
}

/// Calls core code of an instance.
fn call_core<T>(
    store: &mut StoreContextMut<'_, State<T>>,
    instance: usize,
    func: &CoreFunc,
    args: &[Core],
) -> Result<Vec<Core>, Stop> {
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
) -> Result<Vec<Core>, Stop> {
    let args: Vec<_> = args.iter().copied().map(val).collect();
    let ty = func.ty(&*store);
    let mut results: Vec<_> =
        ty.results().iter().map(|ty| wasmi::Val::default_for_ty(*ty)).collect();
    func.call(&mut *store, &args, &mut results).map_err(|error| stop(&error))?;
    Ok(results.iter().map(core_value).collect())
}

/// A guest as `abi` sees it: a wasmi store, some canonical options and what the types mean.
pub struct CoreInstance<'a, T: 'static> {
    pub(super) store: StoreContextMut<'a, State<T>>,
    pub(super) opts: &'a Options,
    resources: &'a ResourceTypes,
    /// The function under `canon lift`.
    core: Option<&'a CoreFunc>,
    lenders: Vec<Lender>,
    /// Those of the options and of their instance, but for deviations that mistake one guest for another.
    pub(super) memory: Option<wasmi::Memory>,
    pub(super) realloc: Option<&'a CoreFunc>,
    pub(super) table: usize,
    /// What the memory is taken for: only deviations know of another than there is.
    pub(super) as_of: AsOf,
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
}

impl<T> Guest for CoreInstance<'_, T> {
    fn memory(&self) -> &[u8] {
        let memory = self.memory.as_ref().map_or(&[][..], |memory| memory.data(&self.store));
        self.as_of.of(memory)
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        match &self.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    /// Spec: `reallocate`.
    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Stop> {
        let realloc = self.realloc.expect("validation demands realloc where it is needed");
        let args = [old, old_size, align, new_size].map(|arg| match self.opts.ptr_type {
            PtrType::I32 => Core::I32(canonical_abi::wrap(arg)),
            PtrType::I64 => Core::I64(arg),
        });
        let may_leave = deviations::realloc_may_leave(self.store.data_mut());
        let instance = &mut self.store.data_mut().instances[self.opts.instance];
        let outer = std::mem::replace(&mut instance.may_leave, may_leave);
        let kept = self.kept_from_realloc(old_size);
        let results = call_core(&mut self.store, self.opts.instance, realloc, &args)?;
        self.store.data_mut().instances[self.opts.instance].may_leave = outer;
        let ptr = results[0].bits();
        self.put_back(kept, ptr..ptr.saturating_add(new_size));
        Ok(ptr)
    }

    fn lifted(&mut self) -> &mut u64 {
        &mut self.store.data_mut().lifted
    }

    fn watch(&mut self) -> &mut dyn Watch {
        &mut *self.store.data_mut().watch
    }

    fn instance(&self) -> usize {
        self.opts.instance
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
    fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Stop> {
        let core = self.core.expect("only a lifted function is called");
        let entered = self.entered();
        let results = call_core(&mut self.store, self.opts.instance, core, args)?;
        self.store.data_mut().core_returned(self.opts.instance);
        self.left(entered);
        Ok(results)
    }

    fn post_return(&mut self, results: &[Core]) -> Result<(), Stop> {
        match &self.opts.post_return {
            Some(post_return) => {
                let kept = self.kept_from_post_return();
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
