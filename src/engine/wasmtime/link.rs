//! What the host provides: its function, by each way that the engine has, and its resources.
//! Knows nothing of how the export is called.

use std::sync::Arc;

use canonfuzz_typed::handles::host_type;
use canonfuzz_typed::{Called, Data};
use wasmtime::component::{Accessor, Linker, LinkerInstance, Val};
use wasmtime::{AsContextMut, Engine, Result, StoreContextMut};

use super::answer::{answer, answer_async, answer_concurrent};
use super::pass::{give, take};
use super::state::AsState;
use super::typed::Signature;
use super::wait::pending;
use super::{spoil, typed};
use crate::case::paths::{Mode, Path};
use crate::case::{Resource, Shape, function_name};
use crate::types::resource_name;
use crate::value::Value;

/// All that a component of this shape imports.
pub fn linker(engine: &Engine, shape: &Arc<Shape>, path: Path) -> Result<Linker<Data>> {
    let mut linker = Linker::<Data>::new(engine);
    link_resources(&mut linker, shape, path.mode)?;
    if shape.last().import.is_some() {
        link_function(&mut linker, shape, path)?;
    }
    Ok(linker)
}

fn link_function(linker: &mut Linker<Data>, shape: &Arc<Shape>, path: Path) -> Result<()> {
    let name = function_name(shape.guests.len());
    match typed::of_import(shape, path) {
        Some(signature) => link_typed(linker.root(), name, signature, path.mode),
        None => link_dynamic(linker.root(), name, shape.clone(), path.mode),
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
                store.data_mut().state_mut().host.destroyed(number, rep);
                Ok(())
            }),
            Mode::Async => root.resource_async(&name, ty, move |mut store, rep| {
                Box::new(async move {
                    pending(store.data().state().polls).await;
                    store.data_mut().state_mut().host.destroyed(number, rep);
                    Ok(())
                })
            }),
            Mode::Concurrent => root.resource_concurrent(&name, ty, move |accessor, rep| {
                Box::pin(async move {
                    pending(accessor.with(|mut access| access.data_mut().state_mut().polls)).await;
                    accessor.with(|mut access| {
                        access.data_mut().state_mut().host.destroyed(number, rep)
                    });
                    Ok(())
                })
            }),
        }?;
    }
    Ok(())
}

/// The function by values that say what they are.
fn link_dynamic(
    mut root: LinkerInstance<'_, Data>,
    name: &str,
    shape: Arc<Shape>,
    mode: Mode,
) -> Result<()> {
    match mode {
        Mode::Sync => root.func_new(name, move |mut store, _, params, results| {
            let args = args(&shape, &mut store, params)?;
            let value = answer(&mut store, args)?;
            reply(&shape, &mut store, value, results)
        }),
        Mode::Async => root.func_new_async(name, move |store, _, params, results| {
            Box::new(dynamic_async(shape.clone(), store, params, results))
        }),
        Mode::Concurrent => root.func_new_concurrent(name, move |accessor, _, params, results| {
            Box::pin(dynamic_concurrent(shape.clone(), accessor, params, results))
        }),
    }
}

async fn dynamic_async(
    shape: Arc<Shape>,
    mut store: StoreContextMut<'_, Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let args = args(&shape, &mut store, params)?;
    let value = answer_async(store.as_context_mut(), args).await?;
    reply(&shape, &mut store, value, results)
}

async fn dynamic_concurrent(
    shape: Arc<Shape>,
    accessor: &Accessor<Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let args = accessor.with(|mut access| args(&shape, &mut access.as_context_mut(), params))?;
    let value = answer_concurrent(accessor, args).await?;
    accessor.with(|mut access| reply(&shape, &mut access.as_context_mut(), value, results))
}

/// The function by static types.
fn link_typed(
    mut root: LinkerInstance<'_, Data>,
    name: &str,
    signature: &Signature,
    mode: Mode,
) -> Result<()> {
    match mode {
        Mode::Sync => {
            signature.wrap(&mut root, name, Arc::new(|mut store, args| answer(&mut store, args)))
        }
        Mode::Async => signature.wrap_async(&mut root, name, Arc::new(answer_boxed)),
        Mode::Concurrent => signature.wrap_concurrent(
            &mut root,
            name,
            Arc::new(|accessor, args| Box::pin(answer_concurrent(accessor, args))),
        ),
    }
}

fn answer_boxed(store: StoreContextMut<'_, Data>, args: Vec<Value>) -> Called<'_> {
    Box::pin(answer_async(store, args))
}

fn args(
    shape: &Shape,
    store: &mut StoreContextMut<'_, Data>,
    params: &[Val],
) -> Result<Vec<Value>> {
    let (types, _) = shape.last().types_of_import();
    params.iter().zip(types).map(|(val, ty)| take(store, val, ty)).collect()
}

fn reply(
    shape: &Shape,
    store: &mut StoreContextMut<'_, Data>,
    value: Option<Value>,
    results: &mut [Val],
) -> Result<()> {
    let (_, types) = shape.last().types_of_import();
    for ((result, value), ty) in results.iter_mut().zip(&value).zip(types) {
        *result = give(store, value, ty)?;
    }
    spoil::answer(store, shape, results)
}
