//! A component and signatures by themselves: whether the release takes the one for the other.
//! Knows nothing of which answer is right, nor of how a case chooses.

use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use super::super::link::link_resources;
use super::super::state::State;
use super::super::wait::wait;
use super::super::{Configuration, config};
use super::{Signature, Way};
use crate::case::paths::Mode;
use crate::case::{Shape, Tuning, function_name};
use crate::encode::EXPORT;

/// A component of some shape, compiled.
pub struct Compiled {
    engine: Engine,
    component: Component,
    shape: Shape,
}

pub fn compile(tuning: Tuning, shape: &Shape, bytes: &[u8]) -> Result<Compiled, String> {
    let configuration = Configuration { tuning, awaits: true, asyncs: false };
    let engine = config::engine(configuration, None).map_err(said)?;
    let component = Component::from_binary(&engine, bytes).map_err(said)?;
    Ok(Compiled { engine, component, shape: shape.clone() })
}

/// Whether the export is of this signature; an error says why not.
pub fn exports(compiled: &Compiled, signature: &Signature) -> Result<(), String> {
    let mut store = Store::new(&compiled.engine, State::of(&compiled.shape).carried());
    let mut linker = Linker::new(&compiled.engine);
    link_resources(&mut linker, &compiled.shape, Mode::Sync).map_err(said)?;
    linker.define_unknown_imports_as_traps(&compiled.component).map_err(said)?;
    let instance = linker.instantiate_async(&mut store, &compiled.component);
    let instance = wait(instance).and_then(|instance| instance).map_err(said)?;
    let export = instance.get_func(&mut store, EXPORT).ok_or("there is no export")?;
    signature.matches(&export, &store).map_err(said)
}

/// Whether a function of this signature can be the import; an error says why not.
pub fn imports(compiled: &Compiled, signature: &Signature, way: Way) -> Result<(), String> {
    let mut linker = Linker::new(&compiled.engine);
    link_resources(&mut linker, &compiled.shape, Mode::Sync).map_err(said)?;
    let name = function_name(compiled.shape.guests.len());
    let root = &mut linker.root();
    match way {
        Way::Wrap => signature.wrap(root, name, Arc::new(|_, _| Ok(None))),
        Way::WrapAsync => {
            signature.wrap_async(root, name, Arc::new(|_, _| Box::pin(async { Ok(None) })))
        }
        Way::WrapConcurrent => {
            signature.wrap_concurrent(root, name, Arc::new(|_, _| Box::pin(async { Ok(None) })))
        }
        Way::Call | Way::CallAsync | Way::CallConcurrent => return Ok(()),
    }
    .map_err(said)?;
    linker.instantiate_pre(&compiled.component).map(drop).map_err(said)
}

fn said(error: wasmtime::Error) -> String {
    format!("{error:#}")
}
