//! Components that nobody here wrote: compiled, instantiated in a store of their own, called.
//! Knows nothing of what is expected of them, nor of scripts.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use wasmtime::component::{
    Component, Func, Instance, Linker, LinkerInstance, ResourceAny, ResourceDynamic, ResourceType,
    Val,
};
use wasmtime::{AsContextMut, Engine, ResourceLimiter, Store, StoreContextMut};

use super::config;
use super::reflect::{self, Resources, SEPARATOR};
use super::script::World;
use super::state;
use super::trap::{Stopped, outcome};
use super::val::{from_val, to_val};
use crate::component::crash::catch;
use crate::component::limits;
use crate::engine::any::{Answers, AnyHost, Imports};
use crate::engine::machine;
use crate::observation::{Outcome, Told};
use crate::types::{FuncType, Handle, Resource, Type};
use crate::value::Value;

/// Bytes that may be copied between the host and a guest in one call: values take more room here
/// than there.
#[cfg(wasmtime_hostcall_fuel)]
const HOSTCALL_FUEL: usize = 1 << 30;

/// A subject for components from anywhere.
pub struct Subject {
    engine: Engine,
}

/// A component, compiled.
pub struct Compiled {
    engine: Engine,
    component: Component,
}

/// Why there is no instance.
pub enum NotInstantiated {
    /// An import that nobody offers.
    Unlinkable(String),
    Ended(Outcome),
}

/// An instance in a store of its own.
pub struct Running {
    pub(super) store: Store<Data>,
    pub(super) component: Component,
    pub(super) instance: Instance,
    exports: BTreeMap<String, Export>,
}

/// What a store carries.
pub(super) struct Data {
    /// Functions of the host's that were called and never return.
    pub(super) never: Arc<AtomicUsize>,
    limits: Limiter,
    host: AnyHost<ResourceAny>,
}

impl Data {
    fn new(memory: usize, host: AnyHost<ResourceAny>) -> Data {
        Data { never: Arc::default(), limits: Limiter(limits::Left::of(memory)), host }
    }
}

/// What core instances may take.
struct Limiter(limits::Left);

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.0.memory(current, desired))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        state::unless_machine(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.0.table(current, desired))
    }
}

struct Export {
    func: Func,
    /// Or the name of a type that we have none for.
    ty: Result<FuncType, String>,
}

impl Subject {
    pub fn new() -> anyhow::Result<Subject> {
        let engine = Engine::new(&config::everything());
        // Until 41, the engine's errors are anyhow's, later its own.
        Ok(Subject { engine: engine.map_err(|error| anyhow::anyhow!("{error:#}"))? })
    }

    /// What the components of a script may import.
    pub fn world(&self) -> anyhow::Result<World> {
        World::new(&self.engine).map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    /// Compiles a component, or says why not: refused or crashed.
    pub fn compile(&self, bytes: &[u8]) -> Result<Compiled, Outcome> {
        let failed = match catch(|| Component::from_binary(&self.engine, bytes)) {
            Ok(Ok(component)) => return Ok(Compiled { engine: self.engine.clone(), component }),
            Ok(Err(error)) => Outcome::Refused(format!("{error:#}")),
            Err(panic) => Outcome::Crashed(panic),
        };
        Err(machine::told_apart(failed))
    }
}

impl Compiled {
    /// Makes an instance that imports from a script's world, and gives it so many bytes for its memories. Answers
    /// also with the limit for which it could not grow one while it started.
    pub fn instantiate(
        &self,
        world: &World,
        memory: usize,
    ) -> (Result<Running, NotInstantiated>, Option<&'static str>) {
        let data = Data::new(memory, AnyHost::nobody());
        match self.instantiate_with(data, |_| Ok(world.linker.clone())) {
            Ok(mut running) => {
                let denied = running.denied();
                (Ok(running), denied)
            }
            Err((why, mut data)) => (Err(why), data.limits.0.denied()),
        }
    }

    /// Makes an instance behind this host, and tells what its start did; there is none where that
    /// fails.
    pub fn start(&self, imports: Arc<Imports>, answers: Answers) -> (Option<Running>, Told) {
        let host = AnyHost::new(imports.clone(), answers);
        let data = Data::new(limits::MEMORY_SIZE, host);
        let linker = |engine: &Engine| {
            let mut linker = Linker::new(engine);
            link(&mut linker.root(), "", &Links::of(&imports))?;
            Ok(linker)
        };
        match self.instantiate_with(data, linker) {
            Ok(mut running) => {
                let told = running.told(Ok(None));
                (Some(running), told)
            }
            Err((why, mut data)) => {
                let outcome = match why {
                    NotInstantiated::Unlinkable(why) => Outcome::Refused(why),
                    NotInstantiated::Ended(outcome) => outcome,
                };
                (None, Told::of(data.host.seen(), Err(outcome)))
            }
        }
    }

    fn instantiate_with(
        &self,
        data: Data,
        linker: impl FnOnce(&Engine) -> wasmtime::Result<Linker<Data>>,
    ) -> Result<Running, (NotInstantiated, Box<Data>)> {
        let mut store = Store::new(&self.engine, data);
        store.limiter(|data| &mut data.limits);
        #[cfg(wasmtime_hostcall_fuel)]
        store.set_hostcall_fuel(HOSTCALL_FUEL);
        refuel(&mut store);
        let instance = catch(|| self.link_and_start(&mut store, linker));
        let instance =
            instance.unwrap_or_else(|panic| Err(NotInstantiated::Ended(Outcome::Crashed(panic))));
        match instance {
            Ok(instance) => {
                let exports = self.exports(&mut store, &instance);
                Ok(Running { store, component: self.component.clone(), instance, exports })
            }
            Err(stopped) => Err((stopped, Box::new(store.into_data()))),
        }
    }

    fn link_and_start(
        &self,
        store: &mut Store<Data>,
        linker: impl FnOnce(&Engine) -> wasmtime::Result<Linker<Data>>,
    ) -> Result<Instance, NotInstantiated> {
        let unlinkable = |error: wasmtime::Error| NotInstantiated::Unlinkable(format!("{error:#}"));
        let pre = linker(&self.engine)
            .map_err(unlinkable)?
            .instantiate_pre(&self.component)
            .map_err(unlinkable)?;
        finish(pre.instantiate_async(store)).map_err(NotInstantiated::Ended)
    }

    fn exports(&self, store: &mut Store<Data>, instance: &Instance) -> BTreeMap<String, Export> {
        let mut resources = Resources::default();
        let mut exports = BTreeMap::new();
        for path in reflect::functions(&self.engine, &self.component) {
            if let Some(func) = find(store, instance, &path) {
                let ty = reflect::func_type(&mut resources, &func.ty(&*store));
                exports.insert(path.join(&SEPARATOR.to_string()), Export { func, ty });
            }
        }
        exports
    }
}

/// Imports by their paths below some instance, or the root.
#[derive(Default)]
struct Links<'a> {
    funcs: BTreeMap<&'a str, &'a FuncType>,
    resources: BTreeMap<&'a str, Resource>,
    instances: BTreeMap<&'a str, Links<'a>>,
}

impl<'a> Links<'a> {
    fn of(imports: &'a Imports) -> Links<'a> {
        let mut links = Links::default();
        for (path, ty) in &imports.funcs {
            let (links, name) = links.below(path);
            links.funcs.insert(name, ty);
        }
        for (path, resource) in &imports.resource_paths {
            let (links, name) = links.below(path);
            links.resources.insert(name, *resource);
        }
        links
    }

    fn below(&mut self, path: &'a str) -> (&mut Links<'a>, &'a str) {
        match path.split_once(SEPARATOR) {
            Some((instance, rest)) => self.instances.entry(instance).or_default().below(rest),
            None => (self, path),
        }
    }
}

/// Offers what the host has for an instance, or for the root.
fn link(
    linker: &mut LinkerInstance<'_, Data>,
    prefix: &str,
    links: &Links<'_>,
) -> wasmtime::Result<()> {
    for (name, resource) in &links.resources {
        let ty = ResourceType::host_dynamic(*resource);
        let resource = *resource;
        linker.resource(name, ty, move |mut store, rep| {
            store.data_mut().host.dropped(resource, rep);
            Ok(())
        })?;
    }
    for (name, ty) in &links.funcs {
        let (path, ty) = (format!("{prefix}{name}"), FuncType::clone(ty));
        match ty.is_async {
            false => linker.func_new(name, move |mut store, _, params, results| {
                called(&mut store.as_context_mut(), &path, &ty, params, results)
            }),
            // It may block, and never does.
            true => linker.func_new_concurrent(name, move |accessor, _, params, results| {
                let mut called = |mut store: StoreContextMut<'_, Data>| {
                    called(&mut store, &path, &ty, params, results)
                };
                let called = accessor.with(|mut access| called(access.as_context_mut()));
                Box::pin(async move { called })
            }),
        }?;
    }
    for (name, links) in &links.instances {
        link(&mut linker.instance(name)?, &format!("{prefix}{name}{SEPARATOR}"), links)?;
    }
    Ok(())
}

/// A function of the host's.
fn called(
    store: &mut StoreContextMut<'_, Data>,
    path: &str,
    ty: &FuncType,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let mut args = Vec::new();
    for (val, ty) in params.iter().zip(&ty.params) {
        args.push(take(store, val, ty)?);
    }
    if !store.data_mut().host.bears(&args) {
        return Err(wasmtime::Error::new(Stopped::ToldTooMuch));
    }
    let value = store.data_mut().host.called(path, args);
    for ((result, value), ty) in results.iter_mut().zip(&value).zip(&ty.result) {
        *result = give(store, value, ty)?;
    }
    Ok(())
}

/// A value for the engine.
fn give(store: &mut StoreContextMut<'_, Data>, value: &Value, ty: &Type) -> wasmtime::Result<Val> {
    to_val(value, ty, &mut |handle, number| match handle {
        Handle::Own(resource) | Handle::Borrow(resource)
            if store.data().host.defines(*resource) =>
        {
            ResourceDynamic::new_own(number, *resource).try_into_resource_any(&mut *store)
        }
        Handle::Own(_) => {
            Ok(store.data_mut().host.holdings.take(number).expect("it is held").handle)
        }
        Handle::Borrow(_) => {
            Ok(store.data().host.holdings.held(number).expect("it is held").handle)
        }
        Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => {
            unreachable!("the host holds no async values")
        }
    })
}

/// A value from the engine.
fn take(store: &mut StoreContextMut<'_, Data>, val: &Val, ty: &Type) -> wasmtime::Result<Value> {
    from_val(val, ty, &mut |handle, any| match handle.resource() {
        Some(resource) if !store.data().host.defines(resource) => {
            Ok(store.data_mut().host.holdings.receive(resource, any))
        }
        Some(_) | None => Ok(any.try_into_resource_dynamic(&mut *store)?.rep()),
    })
}

fn refuel(store: &mut Store<Data>) {
    store.set_fuel(limits::FUEL).expect("fuel is consumed, as configured");
}

/// The function that a path leads to.
fn find(store: &mut Store<Data>, instance: &Instance, path: &[String]) -> Option<Func> {
    let mut index = None;
    for name in path {
        index = Some(instance.get_export_index(&mut *store, index.as_ref(), name)?);
    }
    instance.get_func(store, index?)
}

impl Running {
    /// The limit for which a memory or a table could not grow, since this was last asked.
    pub fn denied(&mut self) -> Option<&'static str> {
        self.store.data_mut().limits.0.denied()
    }

    /// The type of an exported function, if there is one.
    pub fn export(&self, path: &str) -> Option<Result<&FuncType, &str>> {
        let export = self.exports.get(path)?;
        Some(export.ty.as_ref().map_err(String::as_str))
    }

    /// Calls an export. The caller has checked that it is there and that the values fit.
    pub fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Outcome> {
        let Export { func, ty } = &self.exports[path];
        let ty = ty.as_ref().map_err(|name| Outcome::Unsupported(name.clone()))?;
        let (func, store) = (*func, &mut self.store);
        catch(|| call(store, func, ty, args)).unwrap_or_else(|panic| Err(Outcome::Crashed(panic)))
    }

    /// Calls an export, if it is there, and tells what the host saw. In the type, resources have the host's numbers.
    pub fn call_as(&mut self, path: &str, ty: &FuncType, args: &[Value]) -> Told {
        let Some(Export { func, .. }) = self.exports.get(path) else {
            return self.told(Err(Outcome::Refused(format!("it exports no `{path}`"))));
        };
        let (func, store) = (*func, &mut self.store);
        let result = catch(|| call(store, func, ty, args));
        self.told(result.unwrap_or_else(|panic| Err(Outcome::Crashed(panic))))
    }

    /// Drops what the host holds under a number.
    pub fn drop_held(&mut self, number: u32) -> Told {
        let Some(held) = self.store.data_mut().host.holdings.take(number) else {
            return self.told(Err(Outcome::Refused(format!("the host holds no handle {number}"))));
        };
        refuel(&mut self.store);
        let store = &mut self.store;
        let dropped = catch(|| drop_resource(store, held.handle));
        self.told(dropped.unwrap_or_else(|panic| Err(Outcome::Crashed(panic))).map(|()| None))
    }

    fn told(&mut self, result: Result<Option<Value>, Outcome>) -> Told {
        Told::of(self.store.data_mut().host.seen(), result)
    }
}

#[cfg(wasmtime_41)]
fn drop_resource(store: &mut Store<Data>, handle: ResourceAny) -> Result<(), Outcome> {
    finish(handle.resource_drop_async(store))
}

/// Until 40, a type parameter was left that nothing decides.
#[cfg(not(wasmtime_41))]
fn drop_resource(store: &mut Store<Data>, handle: ResourceAny) -> Result<(), Outcome> {
    finish(handle.resource_drop_async::<()>(store))
}

fn call(
    store: &mut Store<Data>,
    func: Func,
    ty: &FuncType,
    args: &[Value],
) -> Result<Option<Value>, Outcome> {
    refuel(store);
    let mut vals = Vec::new();
    for (value, ty) in args.iter().zip(&ty.params) {
        vals.push(give(&mut store.as_context_mut(), value, ty).map_err(|error| ended(&error))?);
    }
    let mut results = vec![Val::Bool(false); ty.results().len()];
    let called = finish(func.call_async(&mut *store, &vals, &mut results));
    called.map_err(|outcome| waiting(store, outcome))?;
    // Until 41, the host called it.
    #[cfg(not(wasmtime_42))]
    finish(func.post_return_async(&mut *store))?;
    if ty.passes_async_values() {
        return Err(Outcome::Unsupported("async values that the host holds".to_string()));
    }
    let result = results.first().zip(ty.result.as_ref());
    let result = result.map(|(val, ty)| take(&mut store.as_context_mut(), val, ty)).transpose();
    result.map_err(|wrong| Outcome::Refused(wrong.to_string()))
}

/// What an end says where the host has a call that never returns: it may be all that is waited for.
fn waiting(store: &Store<Data>, outcome: Outcome) -> Outcome {
    let never = store.data().never.load(Ordering::Relaxed) > 0;
    match never && outcome == Outcome::Crashed(NOBODY_WAKES.to_string()) {
        true => Outcome::Deadlocked(NOBODY_WAKES.to_string()),
        false => outcome,
    }
}

const NOBODY_WAKES: &str = "a future that nobody will wake";

/// Notes that a future wants to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future of the engine's to its end. Nothing that it could wait for is outside the store, but for calls that
/// never return.
fn finish<T>(future: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Outcome> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    while woken.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done.map_err(|error| ended(&error));
        }
    }
    Err(Outcome::Crashed(NOBODY_WAKES.to_string()))
}

/// What an error says of a call. Other than the puppet, such guests may meet any limit.
fn ended(error: &wasmtime::Error) -> Outcome {
    let limit = error.downcast_ref::<wasmtime::Trap>().is_some_and(|trap| {
        matches!(trap, wasmtime::Trap::StackOverflow | wasmtime::Trap::OutOfFuel)
    });
    let message = error.root_cause().to_string();
    let limits = ["exceeds memory limits", "exceeds table limits", "too much data is being copied"];
    if limit || limits.iter().any(|words| message.contains(words)) {
        return Outcome::Exhausted(limits::name(&message).map_or(message, str::to_string));
    }
    outcome(error)
}
