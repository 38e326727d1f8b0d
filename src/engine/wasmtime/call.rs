//! Calls of the export, by each way that the engine has.
//! Knows nothing of what the calls show.

use canonfuzz_typed::{Data, post_return, post_return_async};
use wasmtime::component::{Accessor, Func, Val};
use wasmtime::{AsContextMut, Result, StoreContextMut};

use super::fault::Leg;
use super::pass::{give, take};
use super::spoil;
use super::state::AsState;
use super::typed::Signature;
use super::val::compact;
use super::wait::both;
use crate::case::paths::Mode;
use crate::value::Value;

/// What one call needs.
enum Prepared {
    /// The host does not hold what it would pass.
    Nothing,
    Dynamic {
        func: Func,
        args: Vec<Val>,
        results: Vec<Val>,
    },
    Typed {
        func: Func,
        signature: &'static Signature,
        args: Vec<Value>,
    },
}

/// Calls the export and waits, if the host can, and answers with its result.
pub fn call_sync(store: &mut StoreContextMut<'_, Data>) -> Result<Option<Value>> {
    match prepare(store)? {
        Prepared::Nothing => Ok(None),
        Prepared::Dynamic { func, args, mut results } => {
            func.call(&mut *store, &args, &mut results)?;
            post_return(&func, &mut *store)?;
            result(store, &results)
        }
        Prepared::Typed { func, signature, args } => {
            let result = signature.call(func, store.as_context_mut(), &args)?;
            Ok(passed(store, result))
        }
    }
}

/// Calls the export in this mode, and answers with its result.
pub async fn call(store: &mut StoreContextMut<'_, Data>, mode: Mode) -> Result<Option<Value>> {
    match mode {
        Mode::Sync => call_sync(store),
        Mode::Async => call_async(store).await,
        Mode::Concurrent => {
            let run = async |accessor: &Accessor<Data>| call_concurrent(accessor).await;
            store.as_context_mut().run_concurrent(run).await?
        }
    }
}

/// Two calls, where they may be so at the same time, and the results of both.
pub async fn call_twice(
    store: &mut StoreContextMut<'_, Data>,
    mode: Mode,
) -> Result<[Option<Value>; 2]> {
    match mode {
        Mode::Sync | Mode::Async => Ok([call(store, mode).await?, call(store, mode).await?]),
        Mode::Concurrent => {
            let run = async |accessor: &Accessor<Data>| {
                let (first, second) =
                    both(call_concurrent(accessor), call_concurrent(accessor)).await;
                Ok([first?, second?])
            };
            store.as_context_mut().run_concurrent(run).await?
        }
    }
}

async fn call_async(store: &mut StoreContextMut<'_, Data>) -> Result<Option<Value>> {
    match prepare(store)? {
        Prepared::Nothing => Ok(None),
        Prepared::Dynamic { func, args, mut results } => {
            func.call_async(&mut *store, &args, &mut results).await?;
            post_return_async(&func, &mut *store).await?;
            result(store, &results)
        }
        Prepared::Typed { func, signature, args } => {
            let result = signature.call_async(func, store.as_context_mut(), args).await?;
            Ok(passed(store, result))
        }
    }
}

async fn call_concurrent(accessor: &Accessor<Data>) -> Result<Option<Value>> {
    match accessor.with(|mut access| prepare(&mut access.as_context_mut()))? {
        Prepared::Nothing => Ok(None),
        Prepared::Dynamic { func, args, mut results } => {
            wait_for_exit(func.call_concurrent(accessor, &args, &mut results).await?, accessor)
                .await;
            accessor.with(|mut access| result(&mut access.as_context_mut(), &results))
        }
        Prepared::Typed { func, signature, args } => {
            let result = signature.call_concurrent(func, accessor, args).await?;
            Ok(accessor.with(|mut access| passed(&mut access.as_context_mut(), result)))
        }
    }
}

/// The arguments, if the host has them.
fn prepare(store: &mut StoreContextMut<'_, Data>) -> Result<Prepared> {
    let Some(mut args) = store.data_mut().state_mut().host.args() else {
        return Ok(Prepared::Nothing);
    };
    store.data().state().pass(Leg::Args, &mut args);
    let func = store.data().state().export.expect("set before the first call");
    spoil::signature(store, func)?;
    match store.data().state().typed {
        Some(signature) => Ok(Prepared::Typed { func, signature, args }),
        None => dynamic(store, func, &args),
    }
}

fn dynamic(store: &mut StoreContextMut<'_, Data>, func: Func, args: &[Value]) -> Result<Prepared> {
    let ty = store.data().state().host.export.clone();
    let mut vals = Vec::new();
    for (value, ty) in args.iter().zip(&ty.params) {
        vals.push(give(store, value, ty)?);
    }
    spoil::args(store, &mut vals)?;
    store.data_mut().state_mut().host.give();
    let slots = spoil::slots(store.data().state().host.misuse, ty.results().len());
    Ok(Prepared::Dynamic { func, args: vals, results: vec![Val::Bool(false); slots] })
}

fn result(store: &mut StoreContextMut<'_, Data>, results: &[Val]) -> Result<Option<Value>> {
    let ty = store.data().state().host.export.clone();
    let result = results.first().zip(ty.result.as_ref());
    let result = result.map(|(val, ty)| take(store, val, ty)).transpose()?;
    Ok(passed(store, result))
}

fn passed(store: &mut StoreContextMut<'_, Data>, mut result: Option<Value>) -> Option<Value> {
    store.data().state().pass(Leg::Result, result.as_mut_slice());
    result.iter_mut().for_each(compact);
    result
}

#[cfg(wasmtime_43)]
async fn wait_for_exit((): (), _: &Accessor<Data>) {}

/// Until 42, a call that had its result could still be about to end.
#[cfg(not(wasmtime_43))]
async fn wait_for_exit(exit: wasmtime::component::TaskExit, accessor: &Accessor<Data>) {
    exit.block(accessor).await;
}
