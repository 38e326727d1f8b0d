//! The ways of a call through a signature: three to call a guest, three to be called by one.
//! Knows nothing of any type; all that depends on one is a call of `Params`.

use std::pin::Pin;

use wasmtime::component::{Accessor, Func, LinkerInstance, TypedFunc};
use wasmtime::{AsContextMut, Error, Result, StoreContext, StoreContextMut};

use super::Data;
use super::form::Cx;
use super::tuple::Params;
use super::{AsyncHost, ConcurrentHost, SyncHost, Way};
use crate::value::Value;

/// A call that is under way.
pub type Called<'a> = Pin<Box<dyn Future<Output = Result<Option<Value>>> + Send + 'a>>;

type Linker<'a, 'b> = &'a mut LinkerInstance<'b, Data>;

type Call = fn(Func, StoreContextMut<'_, Data>, &[Value]) -> Result<Option<Value>>;
type CallAsync = fn(Func, StoreContextMut<'_, Data>, Vec<Value>) -> Called<'_>;
type CallConcurrent = fn(Func, &Accessor<Data>, Vec<Value>) -> Called<'_>;
type Wrap<H> = fn(Linker<'_, '_>, &str, H) -> Result<()>;

/// The functions that are made for a signature.
pub(super) struct Paths {
    pub matches: fn(&Func, StoreContext<'_, Data>) -> Result<()>,
    pub call: Option<Call>,
    pub call_async: Option<CallAsync>,
    pub call_concurrent: Option<CallConcurrent>,
    pub wrap: Option<Wrap<SyncHost>>,
    pub wrap_async: Option<Wrap<AsyncHost>>,
    pub wrap_concurrent: Option<Wrap<ConcurrentHost>>,
}

impl Paths {
    /// Only the functions for these ways are compiled: the others are never mentioned.
    pub const fn of<P: Params, R: Params>(ways: &[Way]) -> Paths {
        let mut paths = Paths { matches: matches::<P, R>, ..NONE };
        let mut i = 0;
        while i < ways.len() {
            match ways[i] {
                Way::Call => paths.call = Some(call::<P, R>),
                Way::CallAsync => paths.call_async = Some(call_async::<P, R>),
                Way::CallConcurrent => paths.call_concurrent = Some(call_concurrent::<P, R>),
                Way::Wrap => paths.wrap = Some(wrap::<P, R>),
                Way::WrapAsync => paths.wrap_async = Some(wrap_async::<P, R>),
                Way::WrapConcurrent => paths.wrap_concurrent = Some(wrap_concurrent::<P, R>),
            }
            i += 1;
        }
        paths
    }
}

const NONE: Paths = Paths {
    matches: matches::<(), ()>,
    call: None,
    call_async: None,
    call_concurrent: None,
    wrap: None,
    wrap_async: None,
    wrap_concurrent: None,
};

fn matches<P: Params, R: Params>(func: &Func, store: StoreContext<'_, Data>) -> Result<()> {
    let _: TypedFunc<P::Lower, R::Lift> = func.typed(store)?;
    Ok(())
}

/// The arguments, about to be given.
fn slots<P: Params>(cx: Cx<'_, '_>, args: &[Value]) -> Result<P::Slots> {
    let slots = P::slots(cx, args)?;
    cx.data_mut().0.give();
    Ok(slots)
}

/// The result of a function that has one.
fn result<R: Params>(cx: Cx<'_, '_>, lift: R::Lift) -> Result<Option<Value>> {
    Ok(values::<R>(cx, lift)?.pop())
}

/// What was lifted, as values.
fn values<P: Params>(cx: Cx<'_, '_>, lift: P::Lift) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    P::put(cx, lift, &mut values)?;
    Ok(values)
}

fn lower<R: Params>(cx: Cx<'_, '_>, value: Option<Value>) -> Result<R::Lower> {
    Ok(R::into_lower(R::slots(cx, value.as_slice())?))
}

fn call<P: Params, R: Params>(
    func: Func,
    mut store: StoreContextMut<'_, Data>,
    args: &[Value],
) -> Result<Option<Value>> {
    let mut slots = slots::<P>(&mut store, args)?;
    let typed: TypedFunc<P::Ref<'_>, R::Lift> = func.typed(&store)?;
    let lift = typed.call(&mut store, P::lend(&mut slots))?;
    let value = result::<R>(&mut store, lift)?;
    post_return(&func, store)?;
    Ok(value)
}

fn call_async<P: Params, R: Params>(
    func: Func,
    mut store: StoreContextMut<'_, Data>,
    args: Vec<Value>,
) -> Called<'_> {
    Box::pin(async move {
        let mut slots = slots::<P>(&mut store, &args)?;
        let typed: TypedFunc<P::Ref<'_>, R::Lift> = func.typed(&store)?;
        let lift = typed.call_async(&mut store, P::lend(&mut slots)).await?;
        let value = result::<R>(&mut store, lift)?;
        post_return_async(&func, &mut store).await?;
        Ok(value)
    })
}

fn call_concurrent<P: Params, R: Params>(
    func: Func,
    accessor: &Accessor<Data>,
    args: Vec<Value>,
) -> Called<'_> {
    Box::pin(async move {
        let (typed, lower) = accessor.with(|mut access| {
            let mut store = access.as_context_mut();
            let typed: TypedFunc<P::Lower, R::Lift> = func.typed(&store)?;
            Ok::<_, Error>((typed, P::into_lower(slots::<P>(&mut store, &args)?)))
        })?;
        let lift = ended(typed.call_concurrent(accessor, lower).await?, accessor).await;
        accessor.with(|mut access| result::<R>(&mut access.as_context_mut(), lift))
    })
}

#[cfg(wasmtime_43)]
async fn ended<R>(lift: R, _: &Accessor<Data>) -> R {
    lift
}

/// Until 42, a call that had its result could still be about to end.
#[cfg(not(wasmtime_43))]
async fn ended<R>(
    (lift, exit): (R, wasmtime::component::TaskExit),
    accessor: &Accessor<Data>,
) -> R {
    exit.block(accessor).await;
    lift
}

/// The engine's own doing.
#[cfg(wasmtime_42)]
pub fn post_return(_: &Func, _: impl AsContextMut) -> Result<()> {
    Ok(())
}

/// Until 41, the host called it.
#[cfg(not(wasmtime_42))]
pub fn post_return(func: &Func, store: impl AsContextMut) -> Result<()> {
    func.post_return(store)
}

/// The engine's own doing.
#[cfg(wasmtime_42)]
pub async fn post_return_async(_: &Func, _: impl AsContextMut) -> Result<()> {
    Ok(())
}

/// Until 41, the host called it.
#[cfg(not(wasmtime_42))]
pub async fn post_return_async(func: &Func, store: impl AsContextMut<Data: Send>) -> Result<()> {
    func.post_return_async(store).await
}

fn wrap<P: Params, R: Params>(linker: Linker<'_, '_>, name: &str, host: SyncHost) -> Result<()> {
    linker.func_wrap(name, move |mut store: StoreContextMut<'_, Data>, params: P::Lift| {
        let args = values::<P>(&mut store, params)?;
        let value = host(store.as_context_mut(), args)?;
        lower::<R>(&mut store, value)
    })
}

fn wrap_async<P: Params, R: Params>(
    linker: Linker<'_, '_>,
    name: &str,
    host: AsyncHost,
) -> Result<()> {
    linker.func_wrap_async(name, move |mut store: StoreContextMut<'_, Data>, params: P::Lift| {
        let host = host.clone();
        Box::new(async move {
            let args = values::<P>(&mut store, params)?;
            let value = host(store.as_context_mut(), args).await?;
            lower::<R>(&mut store, value)
        })
    })
}

fn wrap_concurrent<P: Params, R: Params>(
    linker: Linker<'_, '_>,
    name: &str,
    host: ConcurrentHost,
) -> Result<()> {
    linker.func_wrap_concurrent(name, move |accessor: &Accessor<Data>, params: P::Lift| {
        let host = host.clone();
        Box::pin(async move {
            let args =
                accessor.with(|mut access| values::<P>(&mut access.as_context_mut(), params))?;
            let value = host(accessor, args).await?;
            accessor.with(|mut access| lower::<R>(&mut access.as_context_mut(), value))
        })
    })
}
