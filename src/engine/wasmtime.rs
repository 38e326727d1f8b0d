//! The subject: a Wasmtime release, driven through its dynamic interface.
//! Records what it shows; knows of `abi` only the names of traps. All that differs between
//! releases is in here.

pub mod any;
mod config;
mod handles;
mod reflect;
mod trap;
mod val;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::component::{Component, Func, InstancePre, Linker, ResourceAny, Val};
use wasmtime::{AsContextMut, Engine, Store, StoreContextMut};

use self::handles::{from_rep, host_type, to_rep};
use self::trap::{HostFailed, outcome};
use self::val::{from_val, to_val};
use crate::case::check::{self, Feature};
use crate::case::{Answer, Call, Case, Guest, Resource, Shape, Tuning, function_name};
use crate::encode::script::read_observed;
use crate::encode::{self, EXPORT};
use crate::engine::crash::catch;
use crate::engine::holdings::Held;
use crate::engine::host::HostScript;
use crate::observation::{CallObservation, GuestObservation, Observation, Outcome, Returned};
use crate::types::{Handle, Type, resource_name};
use crate::value::Value;

/// The version that this program was built with.
pub const VERSION: &str = env!("CANONFUZZ_WASMTIME");

/// The engines of a subject, one for each configuration that was asked for.
#[derive(Default)]
pub struct Subject {
    engines: BTreeMap<Tuning, Engine>,
}

/// A component, compiled and linked.
pub struct Loaded {
    engine: Engine,
    pre: InstancePre<Data>,
    shape: Arc<Shape>,
}

/// Why a component could not be loaded.
pub type NotLoaded = Outcome;

/// What a store carries.
struct Data {
    host: HostScript<ResourceAny>,
    export: Option<Func>,
}

/// Whether this version has a feature.
pub fn supports(feature: Feature) -> bool {
    match feature {
        Feature::Map => cfg!(wasmtime_44),
        Feature::FixedLengthList => cfg!(wasmtime_48),
        Feature::Memory64 => cfg!(wasmtime_48),
    }
}

/// The features that this version has.
pub fn features() -> BTreeSet<Feature> {
    let all = [Feature::Map, Feature::FixedLengthList, Feature::Memory64];
    all.into_iter().filter(|feature| supports(*feature)).collect()
}

impl Subject {
    /// Compiles and links a component.
    pub fn load(&mut self, case: &Case, bytes: &[u8]) -> Result<Loaded, NotLoaded> {
        let missing = check::features(case).into_iter().find(|feature| !supports(*feature));
        if let Some(feature) = missing {
            return Err(Outcome::Unsupported(feature.name().to_string()));
        }
        let engine = self.engine(case.tuning)?;
        let shape = Arc::new(case.shape.clone());
        match catch(|| load(&engine, &shape, bytes)) {
            Ok(Ok(pre)) => Ok(Loaded { engine, pre, shape }),
            Ok(Err(error)) => Err(Outcome::Refused(format!("{error:#}"))),
            Err(panic) => Err(Outcome::Crashed(panic)),
        }
    }

    fn engine(&mut self, tuning: Tuning) -> Result<Engine, NotLoaded> {
        if let Some(engine) = self.engines.get(&tuning) {
            return Ok(engine.clone());
        }
        let engine = Engine::new(&config::config(tuning));
        let engine = engine.map_err(|error| Outcome::Refused(format!("{error:#}")))?;
        self.engines.insert(tuning, engine.clone());
        Ok(engine)
    }
}

/// Makes an instance to run one case on.
pub fn instantiate(loaded: &Loaded) -> Result<Run, Outcome> {
    catch(|| Run::start(loaded)).unwrap_or_else(|panic| Err(Outcome::Crashed(panic)))
}

fn load(engine: &Engine, shape: &Arc<Shape>, bytes: &[u8]) -> wasmtime::Result<InstancePre<Data>> {
    let component = Component::from_binary(engine, bytes)?;
    let mut linker = Linker::<Data>::new(engine);
    link_resources(&mut linker, shape)?;
    if last(shape).import.is_some() {
        let shape = shape.clone();
        linker.root().func_new(
            function_name(shape.guests.len()),
            move |mut store, _, params, results| {
                import(&shape, store.as_context_mut(), params, results)
            },
        )?;
    }
    linker.instantiate_pre(&component)
}

/// The guest that calls the host.
fn last(shape: &Shape) -> &Guest {
    shape.guests.last().expect("a shape has a guest")
}

fn link_resources(linker: &mut Linker<Data>, shape: &Shape) -> wasmtime::Result<()> {
    for (number, resource) in (0..).zip(&shape.resources) {
        if *resource == Resource::Host {
            let name = resource_name(number);
            linker.root().resource(&name, host_type(number), move |mut store, rep| {
                store.data_mut().host.destroyed(number, rep);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// The host's function.
fn import(
    shape: &Shape,
    mut store: StoreContextMut<'_, Data>,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let function = last(shape).import.as_ref().expect("only linked where there is one");
    let mut args = Vec::new();
    for (val, ty) in params.iter().zip(&function.ty.params) {
        args.push(take(&mut store, val, ty)?);
    }
    let value = match store.data_mut().host.called(args) {
        Answer::Return(value) => value,
        Answer::Error => return Err(wasmtime::Error::new(HostFailed)),
        Answer::Guest => unreachable!("a checked case has the host answer what it is asked"),
        Answer::Reenter(value) => {
            call_export(&mut store)?;
            value
        }
    };
    for ((result, value), ty) in results.iter_mut().zip(&value).zip(&function.ty.result) {
        *result = give(&mut store, value, ty)?;
    }
    Ok(())
}

/// Calls the export, if the host can, and answers with its result.
fn call_export(store: &mut StoreContextMut<'_, Data>) -> wasmtime::Result<Option<Value>> {
    let Some(args) = store.data_mut().host.args() else {
        return Ok(None);
    };
    let ty = store.data().host.export.clone();
    let mut vals = Vec::new();
    for (value, ty) in args.iter().zip(&ty.params) {
        vals.push(give(store, value, ty)?);
    }
    store.data_mut().host.give();
    let mut results = vec![Val::Bool(false); ty.results().len()];
    let export = store.data().export.expect("set before the first call");
    export.call(&mut *store, &vals, &mut results)?;
    post_return(&export, &mut *store)?;
    let result = results.first().zip(ty.result.as_ref());
    result.map(|(val, ty)| take(store, val, ty)).transpose()
}

/// A value for the engine.
fn give(store: &mut StoreContextMut<'_, Data>, value: &Value, ty: &Type) -> wasmtime::Result<Val> {
    to_val(value, ty, &mut |handle, number| {
        let resource = resource(handle);
        if store.data().host.defines(resource) {
            return from_rep(resource, number, &mut *store);
        }
        Ok(store.data().host.holdings.held(number).expect("nothing is missing").handle)
    })
}

/// A value from the engine.
fn take(store: &mut StoreContextMut<'_, Data>, val: &Val, ty: &Type) -> wasmtime::Result<Value> {
    from_val(val, ty, &mut |handle, any| {
        let resource = resource(handle);
        if store.data().host.defines(resource) {
            return to_rep(resource, any, &mut *store);
        }
        Ok(store.data_mut().host.holdings.receive(resource, any))
    })
}

fn resource(handle: &Handle) -> crate::types::Resource {
    handle.resource().expect("a checked case has no handles of async values")
}

#[cfg(wasmtime_42)]
fn post_return(_: &Func, _: impl AsContextMut) -> wasmtime::Result<()> {
    Ok(())
}

/// Until 41, the host called it.
#[cfg(not(wasmtime_42))]
fn post_return(func: &Func, store: impl AsContextMut) -> wasmtime::Result<()> {
    func.post_return(store)
}

/// An instance in a store of its own.
pub struct Run {
    store: Store<Data>,
    instance: wasmtime::component::Instance,
}

impl Run {
    /// Runs a case. The scripts are those of the case's calls, one for each guest.
    pub fn run(self, case: &Case, scripts: &[Vec<Vec<u8>>]) -> Observation {
        let mut calls = Vec::new();
        let outcome = match catch(|| self.calls(case, scripts, &mut calls)) {
            Ok(Ok(())) => Outcome::Returned,
            Ok(Err(ended)) => ended,
            Err(panic) => Outcome::Crashed(panic),
        };
        Observation { calls, outcome }
    }

    fn start(loaded: &Loaded) -> Result<Run, Outcome> {
        let data = Data { host: HostScript::of(&loaded.shape), export: None };
        let mut store = Store::new(&loaded.engine, data);
        #[cfg(wasmtime_42)]
        store.set_hostcall_fuel(usize::MAX);
        let instance = loaded.pre.instantiate(&mut store).map_err(|error| outcome(&error))?;
        let export = instance.get_func(&mut store, EXPORT);
        let export =
            export.ok_or_else(|| Outcome::Refused("the component has no export".to_string()))?;
        store.data_mut().export = Some(export);
        Ok(Run { store, instance })
    }

    fn calls(
        mut self,
        case: &Case,
        scripts: &[Vec<Vec<u8>>],
        calls: &mut Vec<CallObservation>,
    ) -> Result<(), Outcome> {
        for (i, scripts) in scripts.iter().enumerate() {
            for (guest, script) in scripts.iter().enumerate() {
                self.load_script(guest, script).map_err(|error| outcome(&error))?;
            }
            self.store.data_mut().host.begin(&case.calls[i]);
            calls.push(CallObservation::default());
            let result = self.call_and_drop(&case.calls[i]);
            calls[i].host = std::mem::take(&mut self.store.data_mut().host.seen);
            let result = result.map_err(|error| outcome(&error))?;
            let guests = case.shape.guests.iter().enumerate();
            let guests = guests.map(|(number, guest)| self.observe(number, guest));
            let guests = guests.collect::<Result<_, _>>()?;
            calls[i].returned = Some(Returned { result, guests });
        }
        Ok(())
    }

    /// Makes the call, if the host can, and drops what the host is to drop after it.
    fn call_and_drop(&mut self, call: &Call) -> wasmtime::Result<Option<Value>> {
        let result = call_export(&mut self.store.as_context_mut())?;
        for number in &call.host_drops {
            let held = self.store.data_mut().host.take_to_drop(*number);
            if let Some(Held { handle, .. }) = held {
                handle.resource_drop(&mut self.store)?;
            }
        }
        Ok(result)
    }

    fn load_script(&mut self, guest: usize, script: &[u8]) -> wasmtime::Result<()> {
        let name = encode::load_script(guest);
        let load = self.instance.get_typed_func::<(&[u8],), ()>(&mut self.store, &name)?;
        load.call(&mut self.store, (script,))?;
        #[cfg(not(wasmtime_42))]
        load.post_return(&mut self.store)?;
        Ok(())
    }

    fn observe(&mut self, number: usize, guest: &Guest) -> Result<GuestObservation, Outcome> {
        let observed = self.observed(number).map_err(|error| outcome(&error))?;
        let (events, memory) = read_observed(&observed, guest).map_err(Outcome::Refused)?;
        Ok(GuestObservation { events, memory: memory.to_vec(), nans: Vec::new() })
    }

    fn observed(&mut self, guest: usize) -> wasmtime::Result<Vec<u8>> {
        let name = encode::observe(guest);
        let observe = self.instance.get_typed_func::<(), (Vec<u8>,)>(&mut self.store, &name)?;
        let (observed,) = observe.call(&mut self.store, ())?;
        #[cfg(not(wasmtime_42))]
        observe.post_return(&mut self.store)?;
        Ok(observed)
    }
}
