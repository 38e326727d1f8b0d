//! What the host provides: its function, by each way that the engine has, and its resources.
//! Knows nothing of how the export is called.

use std::sync::Arc;

use wasmtime::component::{Accessor, Linker, Val};
use wasmtime::{AsContextMut, Engine, Result, StoreContextMut};

use super::fault::Place;
use super::handles::host_type;
use super::trap::HostFailed;
use super::wait::pending;
use super::{Data, call, give, last, spoil, take};
use crate::case::paths::{Mode, Path};
use crate::case::{Answer, Resource, Shape, function_name};
use crate::types::resource_name;
use crate::value::Value;

/// All that a component of this shape imports.
pub fn linker(engine: &Engine, shape: &Arc<Shape>, path: Path) -> Result<Linker<Data>> {
    let mut linker = Linker::<Data>::new(engine);
    link_resources(&mut linker, shape, path.mode)?;
    if last(shape).import.is_some() {
        link_function(&mut linker, shape.clone(), path.mode)?;
    }
    Ok(linker)
}

fn link_function(linker: &mut Linker<Data>, shape: Arc<Shape>, mode: Mode) -> Result<()> {
    let name = function_name(shape.guests.len());
    let mut root = linker.root();
    match mode {
        Mode::Sync => root.func_new(name, move |mut store, _, params, results| {
            import(&shape, &mut store, params, results)
        }),
        Mode::Async => root.func_new_async(name, move |store, _, params, results| {
            Box::new(import_async(shape.clone(), store, params, results))
        }),
        Mode::Concurrent => root.func_new_concurrent(name, move |accessor, _, params, results| {
            Box::pin(import_concurrent(shape.clone(), accessor, params, results))
        }),
    }
}

/// Destructors are as the function is.
pub fn link_resources(linker: &mut Linker<Data>, shape: &Shape, mode: Mode) -> Result<()> {
    for (number, resource) in (0..).zip(&shape.resources) {
        if *resource != Resource::Host {
            continue;
        }
        let (name, ty) = (resource_name(number), host_type(number));
        let mut root = linker.root();
        match mode {
            Mode::Sync => root.resource(&name, ty, move |mut store, rep| {
                store.data_mut().host.destroyed(number, rep);
                Ok(())
            }),
            Mode::Async => root.resource_async(&name, ty, move |mut store, rep| {
                Box::new(async move {
                    pending(store.data().polls).await;
                    store.data_mut().host.destroyed(number, rep);
                    Ok(())
                })
            }),
            Mode::Concurrent => root.resource_concurrent(&name, ty, move |accessor, rep| {
                Box::pin(async move {
                    pending(accessor.with(|mut access| access.data_mut().polls)).await;
                    accessor.with(|mut access| access.data_mut().host.destroyed(number, rep));
                    Ok(())
                })
            }),
        }?;
    }
    Ok(())
}

/// The host's function.
fn import(
    shape: &Shape,
    store: &mut StoreContextMut<'_, Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let answer = called(shape, store, params)?;
    let value = match answer {
        Answer::Reenter(value) => {
            call::call_sync(store)?;
            value
        }
        Answer::Return(value) => value,
        Answer::Error | Answer::Guest => unreachable!("`called` has dealt with these"),
    };
    reply(shape, store, value, results)
}

async fn import_async(
    shape: Arc<Shape>,
    mut store: StoreContextMut<'_, Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let answer = called(&shape, &mut store, params)?;
    pending(store.data().polls).await;
    reply(&shape, &mut store, returned(answer), results)
}

async fn import_concurrent(
    shape: Arc<Shape>,
    accessor: &Accessor<Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let (answer, polls) = accessor.with(|mut access| {
        let mut store = access.as_context_mut();
        called(&shape, &mut store, params).map(|answer| (answer, store.data().polls))
    })?;
    pending(polls).await;
    accessor
        .with(|mut access| reply(&shape, &mut access.as_context_mut(), returned(answer), results))
}

/// What to answer: an error where the script says so.
fn called(shape: &Shape, store: &mut StoreContextMut<'_, Data>, params: &[Val]) -> Result<Answer> {
    let function = last(shape).import.as_ref().expect("only linked where there is one");
    store.engine().increment_epoch();
    let mut args = Vec::new();
    for (val, ty) in params.iter().zip(&function.ty.params) {
        args.push(take(store, val, ty)?);
    }
    store.data().pass(Place::Params, &mut args);
    match store.data_mut().host.called(args) {
        Answer::Error => Err(wasmtime::Error::new(HostFailed)),
        Answer::Guest => unreachable!("a checked case has the host answer what it is asked"),
        answer @ (Answer::Return(_) | Answer::Reenter(_)) => Ok(answer),
    }
}

fn returned(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Return(value) => value,
        Answer::Guest | Answer::Error | Answer::Reenter(_) => {
            unreachable!("a checked case has a host that awaits do nothing but return")
        }
    }
}

fn reply(
    shape: &Shape,
    store: &mut StoreContextMut<'_, Data>,
    mut value: Option<Value>,
    results: &mut [Val],
) -> Result<()> {
    let function = last(shape).import.as_ref().expect("only linked where there is one");
    store.data().pass(Place::Answer, value.as_mut_slice());
    for ((result, value), ty) in results.iter_mut().zip(&value).zip(&function.ty.result) {
        *result = give(store, value, ty)?;
    }
    spoil::answer(store, shape, results)
}
