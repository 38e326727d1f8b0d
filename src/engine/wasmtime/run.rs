//! A case on an instance: its calls, and what they show.
//! Knows by which ways the host calls, and nothing of compilation.

use canonfuzz_typed::{Data, post_return, post_return_async};
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, ResourceAny, WasmList};
use wasmtime::{AsContextMut, Store, UpdateDeadline};

use super::fault::Fault;
use super::loaded::Loaded;
use super::state::{AsState, State};
use super::trap::{bounded, outcome, outcome_of_misuse};
use super::wait::wait;
use super::{call, typed};
use crate::case::check;
use crate::case::paths::{Mode, Paths};
use crate::case::{Call, Case, Guest, Manner, Shape, Tuning};
use crate::component::crash::catch;
use crate::encode::script::read_observed;
use crate::encode::{self, EXPORT, Prepared, PreparedScript};
use crate::engine::holdings::Held;
use crate::engine::host::HostScript;
use crate::observation::{
    CallObservation, GuestObservation, HostEvent, Observation, Outcome, Returned,
};
use crate::value::Value;

/// Fuel for all that a case does: nobody runs out of it.
const FUEL: u64 = 1 << 50;
/// After how much of it a call that is awaited lets others have their turn: some times in most calls.
const FUEL_PER_TURN: u64 = 500;

/// An instance in a store of its own, maybe with a neighbor.
pub struct Run {
    store: Store<Data>,
    instance: Instance,
    neighbor: Option<Neighbor>,
    mode: Mode,
}

/// Another instance in the same store, and its host, while it is not its turn.
struct Neighbor {
    instance: Instance,
    host: HostScript<ResourceAny>,
}

/// Makes an instance to run a case on, maybe with a fault in the way.
pub fn instantiate(loaded: &Loaded, case: &Case, fault: Option<Fault>) -> Result<Run, Outcome> {
    let started = catch(|| wait(Run::start(loaded, case, fault)));
    let started = started.map_err(Outcome::Crashed)?;
    started.map_err(|error| outcome(&error))?
}

impl Run {
    /// Runs a case.
    pub fn run(self, case: &Case, prepared: &Prepared) -> Observation {
        let mut calls = Vec::new();
        let ended = catch(|| wait(self.calls(case, prepared, &mut calls)));
        let outcome = match ended {
            Ok(Ok(Ok(()))) => Outcome::Returned,
            Ok(Ok(Err(ended))) => ended,
            Ok(Err(error)) => outcome(&error),
            Err(panic) => Outcome::Crashed(panic),
        };
        let outcome = if case.shape.is_noisy() { bounded(outcome) } else { outcome };
        Observation { calls, outcome }
    }

    async fn start(loaded: &Loaded, case: &Case, fault: Option<Fault>) -> Result<Run, Outcome> {
        let Case { tuning, paths, .. } = *case;
        let mut store = store(loaded, tuning, paths, fault).map_err(|error| outcome(&error))?;
        let mode = paths.call.mode;
        let neighbor = if paths.neighbor {
            let instance = instance(loaded, &mut store, mode).await?;
            Some(Neighbor { instance, host: HostScript::of(&loaded.shape) })
        } else {
            None
        };
        let instance = instance(loaded, &mut store, mode).await?;
        let mut run = Run { store, instance, neighbor, mode };
        run.take_turn()?;
        loaded.check_type(&run.store)?;
        Ok(run)
    }

    /// Has the calls that follow be of `self.instance`.
    fn take_turn(&mut self) -> Result<(), Outcome> {
        let export = self.instance.get_func(&mut self.store, EXPORT);
        let export =
            export.ok_or_else(|| Outcome::Refused("the component has no export".to_string()))?;
        self.store.data_mut().state_mut().export = Some(export);
        Ok(())
    }

    async fn calls(
        mut self,
        case: &Case,
        prepared: &Prepared,
        calls: &mut Vec<CallObservation>,
    ) -> Result<(), Outcome> {
        for (call, scripts) in case.calls.iter().zip(&prepared.calls) {
            let mut observed = CallObservation::default();
            let ended = self.call(case, call, scripts, &mut observed).await;
            calls.push(observed);
            ended?;
            self.neighbor_calls(case, call, scripts).await?;
        }
        Ok(())
    }

    async fn call(
        &mut self,
        case: &Case,
        call: &Call,
        scripts: &[PreparedScript],
        observed: &mut CallObservation,
    ) -> Result<(), Outcome> {
        for (guest, script) in scripts.iter().enumerate() {
            let name = encode::load_script(guest);
            let loaded: wasmtime::Result<()> = self.control(&name, (&script.bytes[..],)).await;
            loaded.map_err(|error| outcome(&error))?;
        }
        self.store.data_mut().state_mut().host.begin(call);
        self.store.engine().increment_epoch();
        let result = self.call_and_drop(case, call).await;
        observed.host = std::mem::take(&mut self.store.data_mut().state_mut().host.seen);
        let result = result?;
        let mut guests = Vec::new();
        for (number, guest) in case.shape.guests.iter().enumerate() {
            guests.push(self.observe(number, guest).await?);
        }
        observed.returned = Some(Returned { result, guests });
        Ok(())
    }

    /// The neighbor does the same. That it traps shows only in what this does to the store.
    async fn neighbor_calls(
        &mut self,
        case: &Case,
        call: &Call,
        scripts: &[PreparedScript],
    ) -> Result<(), Outcome> {
        if self.neighbor.is_none() {
            return Ok(());
        }
        self.swap()?;
        let _ = self.call(case, call, scripts, &mut CallObservation::default()).await;
        self.swap()
    }

    /// Lets the neighbor have its turn, or takes it back.
    fn swap(&mut self) -> Result<(), Outcome> {
        if let Some(neighbor) = &mut self.neighbor {
            std::mem::swap(&mut neighbor.instance, &mut self.instance);
            std::mem::swap(&mut neighbor.host, &mut self.store.data_mut().state_mut().host);
        }
        self.take_turn()
    }

    /// Makes the call, if the host can, and drops what the host is to drop after it.
    async fn call_and_drop(&mut self, case: &Case, call: &Call) -> Result<Option<Value>, Outcome> {
        let result = self.make_call(call).await;
        let result = result.or_else(|error| self.told(&case.shape, &error))?;
        for number in &call.host_drops {
            let held = self.store.data_mut().state_mut().host.take_to_drop(*number);
            if let Some(Held { handle, .. }) = held {
                self.drop(handle).await.map_err(|error| outcome(&error))?;
            }
        }
        Ok(result)
    }

    async fn make_call(&mut self, call: &Call) -> wasmtime::Result<Option<Value>> {
        let mut store = self.store.as_context_mut();
        match call.manner {
            Manner::Once | Manner::Misused(_) => call::call(&mut store, self.mode).await,
            Manner::Twice => {
                let [first, second] = call::call_twice(&mut store, self.mode).await?;
                store.data_mut().state_mut().host.seen.push(HostEvent::FirstReturned(first));
                Ok(second)
            }
        }
    }

    /// What an error says of a call. Where the host has made a mistake, that may be all that it says.
    fn told(&mut self, shape: &Shape, error: &wasmtime::Error) -> Result<Option<Value>, Outcome> {
        let host = &mut self.store.data_mut().state_mut().host;
        let Some(misuse) = host.misuse.filter(|_| host.due.is_some()) else {
            return Err(outcome(error));
        };
        let outcome = outcome_of_misuse(error);
        if !matches!(outcome, Outcome::Misused(_)) || check::ends(shape, misuse) {
            return Err(outcome);
        }
        host.seen.push(HostEvent::Misused);
        Ok(None)
    }

    async fn drop(&mut self, handle: ResourceAny) -> wasmtime::Result<()> {
        if self.mode == Mode::Sync {
            return handle.resource_drop(&mut self.store);
        }
        #[cfg(wasmtime_41)]
        return handle.resource_drop_async(&mut self.store).await;
        #[cfg(not(wasmtime_41))]
        return handle.resource_drop_async::<Data>(&mut self.store).await;
    }

    async fn observe(&mut self, number: usize, guest: &Guest) -> Result<GuestObservation, Outcome> {
        let observed: wasmtime::Result<(WasmList<u8>,)> =
            self.control(&encode::observe(number), ()).await;
        let (observed,) = observed.map_err(|error| outcome(&error))?;
        // Nothing has run since, so the list is still there, and need not be lifted byte by byte.
        let observed = observed.as_le_slice(&self.store);
        let (events, memory) = read_observed(observed, guest).map_err(Outcome::Refused)?;
        Ok(GuestObservation { events, memory: memory.to_vec() })
    }

    /// Calls one of the puppet's own functions.
    async fn control<P, R>(&mut self, name: &str, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let func = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        if self.mode == Mode::Sync {
            let result = func.call(&mut self.store, params)?;
            post_return(func.func(), &mut self.store)?;
            return Ok(result);
        }
        let result = func.call_async(&mut self.store, params).await?;
        post_return_async(func.func(), &mut self.store).await?;
        Ok(result)
    }
}

fn store(
    loaded: &Loaded,
    tuning: Tuning,
    paths: Paths,
    fault: Option<Fault>,
) -> wasmtime::Result<Store<Data>> {
    let fault = fault.filter(|fault| fault.applies(tuning, paths));
    let typed = typed::of_call(&loaded.shape, paths.call);
    let state = State { typed, polls: paths.polls, fault, ..State::of(&loaded.shape) };
    let mut store = Store::new(&loaded.engine, state.carried());
    #[cfg(wasmtime_hostcall_fuel)]
    store.set_hostcall_fuel(hostcall_fuel(paths));
    store.limiter(|data| &mut data.state_mut().growth);
    let awaits = paths.call.mode != Mode::Sync;
    if tuning.fuel {
        store.set_fuel(FUEL)?;
        if awaits {
            store.fuel_async_yield_interval(Some(FUEL_PER_TURN))?;
        }
    }
    if tuning.epochs {
        store.set_epoch_deadline(1);
        if awaits {
            store.epoch_deadline_async_yield_and_update(1);
        } else {
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        }
    }
    Ok(store)
}

/// How much may be lifted at once. The dynamic interface is charged for values as it holds them, the other for
/// what is in memory, of which each byte may become a value.
#[cfg(wasmtime_hostcall_fuel)]
fn hostcall_fuel(paths: Paths) -> usize {
    let typed = paths.call.api.is_typed() || paths.import.api.is_typed();
    if typed { 8 << 20 } else { 256 << 20 }
}

async fn instance(
    loaded: &Loaded,
    store: &mut Store<Data>,
    mode: Mode,
) -> Result<Instance, Outcome> {
    let instance = match mode {
        Mode::Sync => loaded.pre.instantiate(store),
        Mode::Async | Mode::Concurrent => loaded.pre.instantiate_async(store).await,
    };
    instance.map_err(|error| outcome(&error))
}
