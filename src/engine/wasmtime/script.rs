//! What a script's components may import: from a host like that of the reference tests' own runner, and from
//! instances of the script.
//! Knows nothing of what a script asks for. The host's types are static, so that the engine checks them.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Poll;

use wasmtime::component::{Accessor, Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{AsContextMut, Engine, Module, Result};

use super::any::{Data, Running};
use super::trap::Stopped;
use crate::component::wast::host::module;

/// The host's resource types.
struct Resource1;
struct Resource2;

/// How many of the first were dropped, and the representation of the last one.
#[derive(Default)]
struct Drops {
    count: AtomicU32,
    last: AtomicU32,
}

/// All that may be imported.
pub struct World {
    pub(super) linker: Linker<Data>,
}

impl World {
    pub fn new(engine: &Engine) -> Result<World> {
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        let mut root = linker.root();
        root.func_wrap("host-return-two", |_, ()| Ok((2_u32,)))?;
        root.func_wrap_concurrent("host-echo-u32", |_, (value,): (u32,)| {
            Box::pin(async move { Ok((value,)) })
        })?;
        let mut host = linker.instance("host")?;
        host.func_wrap("return-three", |_, ()| Ok((3_u32,)))?;
        host.func_wrap("return-hi", |_, ()| Ok(("hi".to_string(),)))?;
        host.module("simple-module", &Module::new(engine, module())?)?;
        resources(&mut host)?;
        slow(&mut host)?;
        host.instance("nested")?.func_wrap("return-four", |_, ()| Ok((4_u32,)))?;
        Ok(World { linker })
    }

    /// Core modules and resource types that an instance exports may be imported under this name.
    pub fn register(&mut self, name: &str, running: &mut Running) -> Result<()> {
        let Running { store, component, instance, .. } = running;
        let (mut linker, engine) = (self.linker.instance(name)?, store.engine().clone());
        for (name, _) in component.component_type().exports(&engine) {
            if let Some(module) = instance.get_module(&mut *store, name) {
                linker.module(name, &module)?;
            } else if let Some(resource) = instance.get_resource(&mut *store, name) {
                linker.resource(name, resource, |_, _| Ok(()))?;
            }
        }
        Ok(())
    }
}

fn resources(host: &mut LinkerInstance<'_, Data>) -> Result<()> {
    let ty = ResourceType::host::<Resource1>;
    let drops = Arc::new(Drops::default());
    for name in ["resource1", "resource1-again"] {
        let drops = drops.clone();
        host.resource(name, ty(), move |_, rep| {
            drops.count.fetch_add(1, Ordering::Relaxed);
            drops.last.store(rep, Ordering::Relaxed);
            Ok(())
        })?;
    }
    host.resource("resource2", ResourceType::host::<Resource2>(), |_, _| Ok(()))?;
    host.func_wrap("[constructor]resource1", |_, (rep,): (u32,)| {
        Ok((Resource::<Resource1>::new_own(rep),))
    })?;
    for name in ["[static]resource1.assert", "[method]resource1.simple"] {
        let owned = name.starts_with("[static]");
        host.func_wrap(name, move |_, (resource, rep): (Resource<Resource1>, u32)| {
            same(resource.rep() == rep && resource.owned() == owned)
        })?;
    }
    let last = drops.clone();
    host.func_wrap("[static]resource1.last-drop", move |_, ()| {
        Ok((last.last.load(Ordering::Relaxed),))
    })?;
    host.func_wrap("[static]resource1.drops", move |_, ()| {
        Ok((drops.count.load(Ordering::Relaxed),))
    })?;
    for (name, owned) in [("take-borrow", false), ("take-own", true)] {
        let name = format!("[method]resource1.{name}");
        host.func_wrap(&name, move |_, (a, b): (Resource<Resource1>, Resource<Resource1>)| {
            same(!a.owned() && b.owned() == owned)
        })?;
    }
    Ok(())
}

/// Functions that answer late, or never.
fn slow(host: &mut LinkerInstance<'_, Data>) -> Result<()> {
    host.func_wrap_concurrent("never-return", |accessor, ()| Box::pin(never(accessor)))?;
    let method = "[method]resource1.never-return";
    host.func_wrap_concurrent(method, |accessor, _: (Resource<Resource1>,)| {
        Box::pin(never(accessor))
    })?;
    host.func_wrap_concurrent("return-two-slowly", |_, ()| Box::pin(slowly((2_i32,))))?;
    host.func_wrap_concurrent("echo-slowly", |_, value: (u32,)| Box::pin(slowly(value)))
}

/// Never returns, and is counted until it is cancelled.
async fn never(accessor: &Accessor<Data>) -> Result<()> {
    let calls = accessor.with(|mut access| access.as_context_mut().data_mut().never.clone());
    calls.fetch_add(1, Ordering::Relaxed);
    let _call = Call(calls);
    pending().await
}

/// A call that is under way until this is dropped.
struct Call(Arc<AtomicUsize>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets others go first once.
async fn slowly<R>(result: R) -> Result<R> {
    let mut polled = false;
    poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    Ok(result)
}

/// The host fails where what it is passed is not what a script says that it is.
fn same(same: bool) -> Result<()> {
    if same { Ok(()) } else { Err(wasmtime::Error::new(Stopped::HostFailed)) }
}
