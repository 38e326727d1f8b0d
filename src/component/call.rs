//! An instance as its host has it: calls into it, and out of it.
//! Knows nothing of how instances came to be.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use canonical_abi::arena::Id;
use canonical_abi::fits::fits;
use canonical_abi::machine::{Func, HostCalls, Lifted, Resolution, Subtask};
use canonical_abi::types::{FuncType, Resource};
use canonical_abi::value::Value;
use canonical_abi::world::World;
use canonical_abi::{Core, Guest, ResourceType, Stop, Trap, Watch, canon, drive, task};
use wasmi::{AsContextMut, StoreContextMut};

use super::definition::Decoded;
use super::guest::{CoreInstance, OnWasmi};
use super::limits;
use super::module::CoreModule;
use super::recording::{Event, Recording};
use super::state::State;
use super::thing::Thing;

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

    /// An import was called, and may be answered later, with [`Context::answer`]. Who answers all at once has
    /// nothing to write here.
    fn reply(
        context: &mut Context<'_, Self>,
        _: HostCall,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Reply, Stop> {
        Self::call(context, import, args).map(Reply::Now)
    }

    /// A guest asks that a call is cancelled which has not been answered. The host may do so, now or later, with
    /// [`Context::cancel`], or answer it all the same.
    fn cancel(_: &mut Context<'_, Self>, _: HostCall) -> Result<(), Stop> {
        Ok(())
    }

    /// No guest can go on. Says whether the host has done something, so that one may.
    fn idle(_: &mut Context<'_, Self>) -> Result<bool, Stop> {
        Ok(false)
    }
}

/// A call of an import.
pub type HostCall = Id<Subtask>;

/// What becomes of a call of an import.
#[derive(Clone, Debug)]
pub enum Reply {
    Now(Option<Value>),
    /// It is answered by [`Context::answer`]: when another import is called, or when no guest can go on.
    Later,
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
    pub(super) store: StoreContextMut<'a, State<T>>,
}

/// What core code has returned, and the memory of the options that it was lifted with.
pub type Inspected<'a> = (Vec<Core>, &'a mut [u8]);

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
            Failure::Deadlock => f.write_str("a call waits for what never comes"),
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
        &mut self.store.data_mut().machine.host_calls
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
        let dropped = drive::drop_resource(&mut self.world(), rt, rep);
        self.host_calls().waits = waits;
        dropped.map_err(|stop| self.failure(stop))
    }

    /// Calls the core function under an export: what a debugger would see, without lifting or lowering.
    pub fn inspect(
        &mut self,
        export: &str,
        args: &[Core],
    ) -> Result<Inspected<'_>, Failure<W::Deviated>> {
        self.refill();
        let lifted = self.lifted(export);
        let results = drive::run_core(&mut self.world(), lifted.core, args.to_vec());
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
        let (store, resources) = (self.store.as_context_mut(), &lifted.resources);
        let mut guest = CoreInstance::new(store, &lifted.opts, resources);
        let ptr = guest.realloc(0, 0, u64::from(align), u64::from(size));
        ptr.map(canonical_abi::wrap).map_err(|stop| self.failure(stop))
    }

    /// The memory that the options of an export name.
    pub fn memory(&mut self, export: &str) -> &mut [u8] {
        match self.lifted(export).opts.memory {
            Some(memory) => {
                let memory = self.store.data().memories[memory.0];
                memory.data_mut(&mut self.store)
            }
            None => &mut [],
        }
    }

    /// Has all memories together take so many bytes at most, besides those that there are already.
    pub fn allow_memory(&mut self, bytes: usize) {
        self.store.data_mut().limits.0 = limits::Left::of(bytes);
    }

    /// The limit for which a memory or a table could not grow, since this was last asked. Core code may go on then.
    pub fn denied(&mut self) -> Option<&'static str> {
        self.store.data_mut().limits.0.denied()
    }

    /// The core modules that the root exports itself, with their names.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &CoreModule)> {
        self.store.data().things.iter().filter_map(|(name, thing)| match thing {
            Thing::Module(module) => Some((name.as_str(), module)),
            Thing::Func(_) | Thing::Component(_) | Thing::Instance(_) => None,
            Thing::Resource(_) | Thing::Type => None,
        })
    }

    /// The resource types that the root exports itself, with their names.
    pub fn resource_types(&self) -> impl Iterator<Item = (&str, ResourceType)> {
        self.store.data().things.iter().filter_map(|(name, thing)| match thing {
            Thing::Resource(rt) => Some((name.as_str(), *rt)),
            Thing::Func(_) | Thing::Module(_) | Thing::Component(_) => None,
            Thing::Instance(_) | Thing::Type => None,
        })
    }

    /// How much was lifted since the instance was made.
    pub fn lifted_values(&self) -> u64 {
        self.store.data().lifted
    }

    /// The number of the instance that an export is a function of, as whoever watches is told it.
    pub fn number(&self, export: &str) -> usize {
        self.lifted(export).opts.instance
    }

    /// The machine, where it is run.
    pub(super) fn world(&mut self) -> OnWasmi<'_, T> {
        OnWasmi { store: self.store.as_context_mut() }
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
        self.store.data_mut().turns = 0;
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
        task::block(&mut self.world())
    }

    /// Calls an export, unless the instance may not be entered. Only here a call stands on the native stack
    /// of another: that of the function of the host's which makes it.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        match self.store.data().exports[export].clone() {
            Func::Host(func) => T::call(self, &func.path, args.to_vec()),
            Func::Lifted(lifted) => self.call_lifted(&lifted, args),
        }
    }

    fn call_lifted(&mut self, lifted: &Arc<Lifted>, args: &[Value]) -> Result<Option<Value>, Stop> {
        let call = drive::invoke(&mut self.world(), lifted, args.to_vec())?;
        loop {
            match drive::resolved(self.world().machine(), call) {
                Some(Resolution::Returned(result)) => return Ok(result),
                Some(Resolution::Cancelled) => unreachable!("the host cancels none of its calls"),
                None => {}
            }
            if !self.go_on()? {
                drive::give_up(&mut self.world(), call, Stop::Deadlock);
                return Err(Stop::Deadlock);
            }
        }
    }

    /// Somebody goes on: a guest that can, or else the host. Nobody does while a function of the host's runs.
    fn go_on(&mut self) -> Result<bool, Stop> {
        let idle = self.world().machine().running.is_empty();
        Ok(idle && (drive::tick(&mut self.world())? || T::idle(self)?))
    }

    /// Answers a call of an import that was to be answered later.
    pub fn answer(&mut self, call: HostCall, result: Option<Value>) -> Result<(), Stop> {
        let mut world = self.world();
        let ty = &world.machine().lowered(call).callee.signature().ty().result;
        let fitting = match (&result, ty) {
            (None, None) => true,
            (Some(value), Some(ty)) => fits(value, ty).is_ok(),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !fitting {
            return Err(Trap::Host.into());
        }
        canon::on_resolve(&mut world, call, result.as_ref())
    }

    /// Says that a call of an import was cancelled, as a guest has asked.
    pub fn cancel(&mut self, call: HostCall) {
        canon::on_cancel(self.world().machine(), call);
    }

    fn world(&mut self) -> OnWasmi<'_, T> {
        OnWasmi { store: self.store.as_context_mut() }
    }
}
