//! Calls into and out of an instance, and what `abi` needs of wasmi for them.
//! Knows nothing of how the instance came to be.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use wasmi::{AsContextMut, StoreContextMut, TrapCode};

use super::instantiate::{Lifted, Options};
use crate::abi::canon::canon_lift;
use crate::abi::{self, Core, Deviation, Guest, Notes, Trap};
use crate::types::FuncType;
use crate::value::Value;

/// What is behind the imports of an instance.
pub trait Host: Sized + 'static {
    /// An import was called.
    fn call(
        context: &mut Context<'_, Self>,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Trap>;
}

/// A component instance.
pub struct Instance<T: 'static> {
    pub(super) store: wasmi::Store<State<T>>,
}

/// An instance from within a call of its host.
pub struct Context<'a, T: 'static> {
    pub(super) store: StoreContextMut<'a, State<T>>,
}

/// Why a call did not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Trap(Trap),
    /// A limit of wasmi's was met.
    Exhausted(String),
}

/// What the store of an instance carries.
pub struct State<T> {
    host: T,
    pub(super) exports: Arc<BTreeMap<String, Arc<Lifted>>>,
    notes: Notes,
    may_leave: bool,
    may_enter: bool,
    exhausted: Option<String>,
}

impl<T> State<T> {
    pub fn new(host: T, notes: Notes) -> State<T> {
        let exports = Arc::default();
        State { host, exports, notes, may_leave: true, may_enter: true, exhausted: None }
    }
}

impl<T: Host> Instance<T> {
    pub fn host(&mut self) -> &mut T {
        &mut self.store.data_mut().host
    }

    pub fn notes(&mut self) -> &mut Notes {
        &mut self.store.data_mut().notes
    }

    /// The type of an export.
    pub fn export(&self, name: &str) -> Option<&FuncType> {
        self.store.data().exports.get(name).map(|lifted| &lifted.ty)
    }

    /// Calls an export. The caller has checked that it is there and that the values fit.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Failure> {
        let called = Context { store: self.store.as_context_mut() }.call(export, args);
        called.map_err(|trap| self.failure(trap))
    }

    /// Calls the core function under an export, and answers with its results and the memory of
    /// its options: what a debugger would see, without lifting or lowering.
    pub fn inspect(
        &mut self,
        export: &str,
        args: &[Core],
    ) -> Result<(Vec<Core>, &mut [u8]), Failure> {
        let lifted = self.store.data().exports[export].clone();
        let mut instance = CoreInstance::of(self.store.as_context_mut(), &lifted);
        let results = abi::Instance::call(&mut instance, args);
        let results = results.map_err(|trap| self.failure(trap))?;
        Ok((results, self.memory(export)))
    }

    /// Calls the `realloc` of the options of an export for a new block.
    pub fn allocate(&mut self, export: &str, align: u32, size: u32) -> Result<u32, Failure> {
        let lifted = self.store.data().exports[export].clone();
        let mut instance = CoreInstance::of(self.store.as_context_mut(), &lifted);
        let ptr = instance.realloc(0, 0, u64::from(align), u64::from(size));
        ptr.map(abi::wrap).map_err(|trap| self.failure(trap))
    }

    /// The memory that the options of an export name.
    pub fn memory(&mut self, export: &str) -> &mut [u8] {
        match self.store.data().exports[export].opts.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    fn failure(&mut self, trap: Trap) -> Failure {
        let exhausted = self.store.data_mut().exhausted.take();
        exhausted.map_or(Failure::Trap(trap), Failure::Exhausted)
    }
}

impl<T: Host> Context<'_, T> {
    pub fn host(&mut self) -> &mut T {
        &mut self.store.data_mut().host
    }

    /// Calls an export, unless the instance may not be entered.
    pub fn call(&mut self, export: &str, args: &[Value]) -> Result<Option<Value>, Trap> {
        let state = self.store.data_mut();
        let entered = !state.may_enter && !state.notes.deviates(Deviation::HostReentry);
        abi::trap_if(entered, Trap::CannotEnterComponent)?;
        let lifted = state.exports[export].clone();
        let outer = std::mem::replace(&mut state.may_enter, false);
        let mut instance = CoreInstance::of(self.store.as_context_mut(), &lifted);
        let result = canon_lift(&mut instance, lifted.opts.lift_lower(), &lifted.ty, args)?;
        self.store.data_mut().may_enter = outer;
        Ok(result)
    }
}

/// A guest as `abi` sees it: a wasmi store and some canonical options.
pub struct CoreInstance<'a, T: 'static> {
    pub store: StoreContextMut<'a, State<T>>,
    /// The function under `canon lift`.
    pub core: Option<wasmi::Func>,
    pub opts: &'a Options,
}

impl<'a, T> CoreInstance<'a, T> {
    fn of(store: StoreContextMut<'a, State<T>>, lifted: &'a Lifted) -> CoreInstance<'a, T> {
        CoreInstance { store, core: Some(lifted.core), opts: &lifted.opts }
    }

    fn call_core(&mut self, func: wasmi::Func, args: &[Core]) -> Result<Vec<Core>, Trap> {
        let args: Vec<_> = args.iter().copied().map(val).collect();
        let ty = func.ty(&self.store);
        let mut results: Vec<_> =
            ty.results().iter().map(|ty| wasmi::Val::default_for_ty(*ty)).collect();
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(core_value).collect()),
            Err(error) => Err(self.trap(&error)),
        }
    }

    fn trap(&mut self, error: &wasmi::Error) -> Trap {
        if let Some(TrapError(trap)) = error.downcast_ref() {
            return *trap;
        }
        let limit = match error.as_trap_code() {
            Some(
                TrapCode::StackOverflow
                | TrapCode::OutOfFuel
                | TrapCode::GrowthOperationLimited
                | TrapCode::OutOfSystemMemory,
            )
            | None => Some(error.to_string()),
            Some(_) => None,
        };
        self.store.data_mut().exhausted = limit;
        Trap::Guest
    }
}

impl<T> Guest for CoreInstance<'_, T> {
    fn memory(&self) -> &[u8] {
        self.opts.memory.as_ref().map_or(&[], |memory| memory.data(&self.store))
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        match &self.opts.memory {
            Some(memory) => memory.data_mut(&mut self.store),
            None => &mut [],
        }
    }

    /// Spec: `reallocate`.
    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Trap> {
        let realloc = self.opts.realloc.expect("validation demands realloc where it is needed");
        let args = [old, old_size, align, new_size].map(|arg| Core::I32(abi::wrap(arg)));
        let state = self.store.data_mut();
        let may_leave = state.notes.deviates(Deviation::ReallocMayLeave);
        let outer = std::mem::replace(&mut state.may_leave, may_leave);
        let results = self.call_core(realloc, &args)?;
        self.store.data_mut().may_leave = outer;
        Ok(results[0].bits())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.store.data_mut().notes
    }
}

impl<T> abi::Instance for CoreInstance<'_, T> {
    fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Trap> {
        let core = self.core.expect("only a lifted function is called");
        self.call_core(core, args)
    }

    fn post_return(&mut self, results: &[Core]) -> Result<(), Trap> {
        match self.opts.post_return {
            Some(post_return) => self.call_core(post_return, results).map(|_| ()),
            None => Ok(()),
        }
    }

    fn may_leave(&self) -> bool {
        self.store.data().may_leave
    }

    fn set_may_leave(&mut self, may_leave: bool) {
        self.store.data_mut().may_leave = may_leave;
    }
}

/// A trap on its way through wasmi.
#[derive(Debug)]
struct TrapError(Trap);

impl fmt::Display for TrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl wasmi::errors::HostError for TrapError {}

/// A trap as wasmi's error.
pub fn error(trap: Trap) -> wasmi::Error {
    wasmi::Error::host(TrapError(trap))
}

/// A core value as wasmi's.
pub fn val(core: Core) -> wasmi::Val {
    match core {
        Core::I32(bits) => wasmi::Val::I32(bits.cast_signed()),
        Core::I64(bits) => wasmi::Val::I64(bits.cast_signed()),
        Core::F32(bits) => wasmi::Val::F32(wasmi::F32::from_bits(bits)),
        Core::F64(bits) => wasmi::Val::F64(wasmi::F64::from_bits(bits)),
    }
}

/// wasmi's value as a core value.
#[expect(clippy::wildcard_enum_match_arm, reason = "wasmi has more, by feature")]
pub fn core_value(val: &wasmi::Val) -> Core {
    match val {
        wasmi::Val::I32(value) => Core::I32(value.cast_unsigned()),
        wasmi::Val::I64(value) => Core::I64(value.cast_unsigned()),
        wasmi::Val::F32(value) => Core::F32(value.to_bits()),
        wasmi::Val::F64(value) => Core::F64(value.to_bits()),
        _ => unreachable!("the canonical ABI passes numbers only"),
    }
}
