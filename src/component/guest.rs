//! Guests as `abi` lifts from them and lowers into them, and the world that their machine is run in.
//! Knows nothing of how instances came to be.

use canonical_abi::arena::Id;
use canonical_abi::canon::{on_resolve, on_start};
use canonical_abi::context::set_stage;
use canonical_abi::deviations::calls as deviations;
use canonical_abi::drive::{run_core, run_post_return};
use canonical_abi::machine::{
    Called, Caller, CoreId, HostFunc, Machine, Options, ResourceTypes, Subtask, TableId, Task,
};
use canonical_abi::world::{Choices, TableEntry, World};
use canonical_abi::{Core, Guest, Handles, PtrType, Stage, Stop, Watch, end_if};
use wasmi::{AsContextMut, Nullable, Ref, StoreContextMut};

use super::call::{Context, Host, Reply};
use super::core::core_func_type;
use super::deviations::guest::AsOf;
use super::limits;
use super::state::{CoreFunc, State};

/// A store, in which the machine of its guests is run.
pub struct OnWasmi<'a, T: 'static> {
    pub store: StoreContextMut<'a, State<T>>,
}

/// A guest: a store, some canonical options and what the types mean.
pub struct CoreInstance<'a, T: 'static> {
    pub(super) store: StoreContextMut<'a, State<T>>,
    pub(super) instance: usize,
    pub(super) ptr_type: PtrType,
    /// Those of the options and of their instance, but for deviations that mistake one guest for another.
    pub(super) memory: Option<wasmi::Memory>,
    pub(super) realloc: Option<CoreId>,
    post_return: Option<CoreId>,
    pub(super) table: usize,
    resources: ResourceTypes,
    /// The call that values are lifted for or its result is lowered for, if it is one that this guest makes.
    subtask: Option<Id<Subtask>>,
    /// What the memory is taken for: only deviations know of another than there is.
    pub(super) as_of: AsOf,
}

impl<'a, T> CoreInstance<'a, T> {
    pub fn new(
        store: StoreContextMut<'a, State<T>>,
        opts: &Options,
        resources: &ResourceTypes,
    ) -> CoreInstance<'a, T> {
        let memory = opts.memory.map(|memory| store.data().memories[memory.0]);
        CoreInstance {
            store,
            instance: opts.instance,
            ptr_type: opts.lift_lower.ptr_type,
            memory,
            realloc: opts.realloc,
            post_return: opts.post_return,
            table: opts.instance,
            resources: resources.clone(),
            subtask: None,
            as_of: AsOf::Now,
        }
    }

    /// Runs core code of the guest.
    fn run(&mut self, core: CoreId, args: Vec<Core>) -> Result<Vec<Core>, Stop>
    where
        T: Host,
    {
        run_core(&mut OnWasmi { store: self.store.as_context_mut() }, core, args)
    }
}

impl<T: Host> Guest for CoreInstance<'_, T> {
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
        let args = [old, old_size, align, new_size].map(|arg| match self.ptr_type {
            PtrType::I32 => Core::I32(canonical_abi::wrap(arg)),
            PtrType::I64 => Core::I64(arg),
        });
        let may_leave = deviations::realloc_may_leave(self.watch());
        let instance = &mut self.store.data_mut().machine.instances[self.instance];
        let outer = std::mem::replace(&mut instance.may_leave, may_leave);
        let kept = self.kept_from_realloc(old_size);
        let results = self.run(realloc, args.to_vec())?;
        self.store.data_mut().machine.instances[self.instance].may_leave = outer;
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
        self.instance
    }

    fn is_wide(&self) -> bool {
        self.ptr_type == PtrType::I64
    }

    fn handles(&mut self) -> Option<Handles<'_>> {
        let machine = &mut self.store.data_mut().machine;
        Some(machine.handles(self.instance, self.table, &self.resources, self.subtask))
    }
}

impl<T: Host> canonical_abi::Instance for CoreInstance<'_, T> {
    fn post_return(&mut self, results: &[Core]) -> Result<(), Stop> {
        let Some(post_return) = self.post_return else { return Ok(()) };
        let kept = self.kept_from_post_return();
        let world = &mut OnWasmi { store: self.store.as_context_mut() };
        run_post_return(world, post_return, results.to_vec())?;
        self.put_back(kept, 0..0);
        Ok(())
    }

    fn may_leave(&self) -> bool {
        self.store.data().machine.instances[self.instance].may_leave
    }

    fn set_may_leave(&mut self, may_leave: bool) {
        self.store.data_mut().machine.instances[self.instance].may_leave = may_leave;
    }
}

impl<T: Host> World for OnWasmi<'_, T> {
    type Guest<'a>
        = CoreInstance<'a, T>
    where
        Self: 'a;

    fn parts(&mut self) -> (&mut Machine, &mut dyn Watch) {
        let state = self.store.data_mut();
        (&mut state.machine, &mut *state.watch)
    }

    fn choices(&mut self) -> &mut dyn Choices {
        &mut self.store.data_mut().choices
    }

    fn caller(&mut self, subtask: Id<Subtask>, stage: Stage) -> CoreInstance<'_, T> {
        let lowered = self.machine().lowered(subtask).clone();
        let (opts, resources) = (&lowered.opts, lowered.callee.resources());
        let mut caller = CoreInstance::new(self.store.as_context_mut(), opts, resources);
        caller.subtask = Some(subtask);
        if stage == Stage::LiftParams {
            caller.read_params_from(&lowered.callee);
            caller.read_as_of_entry();
        }
        if stage == Stage::LowerResult {
            caller.store_result_in(&lowered.callee);
        }
        caller
    }

    fn callee(&mut self, id: Id<Task>, stage: Stage) -> CoreInstance<'_, T> {
        let task = &self.machine().tasks[id];
        let Called::Function(lifted) = task.called.clone() else {
            unreachable!("nothing is passed to destructors but a representation")
        };
        let Task { caller, table, bounded, entry_size, .. } = *task;
        let mut callee =
            CoreInstance::new(self.store.as_context_mut(), &lifted.opts, &lifted.resources);
        callee.table = table;
        if let (Stage::LowerParams, Caller::Guest { subtask, .. }) = (stage, caller) {
            let caller = callee.store.data().machine.lowered(subtask).clone();
            callee.mistake_for(&caller.opts, lifted.signature.ty());
            let table = callee.table;
            callee.store.data_mut().machine.tasks[id].table = table;
        }
        if bounded {
            callee.as_of = AsOf::Size(entry_size);
        }
        callee
    }

    /// Its fuel is not the call's.
    fn explore(
        &mut self,
        opts: &Options,
        resources: &ResourceTypes,
        explore: &mut dyn FnMut(&mut dyn Guest),
    ) {
        let fuel = self.store.get_fuel();
        explore(&mut CoreInstance::new(self.store.as_context_mut(), opts, resources));
        // There is none where none is configured.
        if let Ok(fuel) = fuel {
            self.store.set_fuel(fuel).expect("fuel is configured");
        }
    }

    fn guest(&mut self, opts: &Options, resources: &ResourceTypes) -> CoreInstance<'_, T> {
        CoreInstance::new(self.store.as_context_mut(), opts, resources)
    }

    fn call_host(&mut self, subtask: Id<Subtask>, func: &HostFunc) -> Result<(), Stop> {
        let args = on_start(self, subtask).map_err(|stopped| stopped.stop)?;
        set_stage(&mut self.caller(subtask, Stage::Host), Stage::Host);
        let mut context = Context { store: self.store.as_context_mut() };
        match T::reply(&mut context, subtask, &func.path, args)? {
            Reply::Now(result) => on_resolve(self, subtask, result.as_ref()),
            Reply::Later => Ok(()),
        }
    }

    fn cancel_host(&mut self, subtask: Id<Subtask>) -> Result<(), Stop> {
        T::cancel(&mut Context { store: self.store.as_context_mut() }, subtask)
    }

    fn table_entry(&mut self, table: TableId, i: u64) -> TableEntry {
        let (table, instance) = self.store.data().tables[table.0];
        let Some(Ref::Func(Nullable::Val(func))) = table.get(&self.store, i) else {
            return TableEntry::Nothing;
        };
        let ty = core_func_type(&func.ty(&self.store));
        let cores = &mut self.store.data_mut().cores;
        cores.push(CoreFunc::unnamed(func, instance));
        TableEntry::Func(CoreId(cores.len() - 1), ty)
    }

    fn drop_host(&mut self, path: &str, rep: u32) -> Result<(), Stop> {
        T::drop(&mut Context { store: self.store.as_context_mut() }, path, rep)
    }

    fn check_depth(&mut self, calls: usize) -> Result<(), Stop> {
        end_if(calls >= limits::CALLS, limits::TOO_MANY_CALLS)
    }
}
