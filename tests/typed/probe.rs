//! A component and signatures by themselves: whether the release takes the one for the other.
//! Knows nothing of which answer is right, nor of how a case chooses.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use canonfuzz::case::{Resource, Shape, function_name};
use canonfuzz::encode::EXPORT;
use canonfuzz::types::{self, resource_name};
use canonfuzz_typed::handles::host_type;
use canonfuzz_typed::{Data, Host, Signature, Way};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store};

/// A component of some shape, compiled.
pub struct Compiled {
    engine: Engine,
    component: Component,
    shape: Shape,
}

/// A host that nothing reaches: all functions are asked for, and none is called.
struct NeverReached;

const UNREACHED: &str = "no function is called";

impl Host for NeverReached {
    fn defines(&self, _: types::Resource) -> bool {
        unreachable!("{UNREACHED}")
    }

    fn held(&self, _: u32) -> ResourceAny {
        unreachable!("{UNREACHED}")
    }

    fn receive(&mut self, _: types::Resource, _: ResourceAny) -> u32 {
        unreachable!("{UNREACHED}")
    }

    fn give(&mut self) {
        unreachable!("{UNREACHED}")
    }
}

pub fn compile(shape: &Shape, bytes: &[u8]) -> Result<Compiled, String> {
    let engine = Engine::new(&config()).map_err(said)?;
    let component = Component::from_binary(&engine, bytes).map_err(said)?;
    Ok(Compiled { engine, component, shape: shape.clone() })
}

/// All that a signature may need, whatever the release calls it.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true).wasm_multi_memory(true);
    #[cfg(wasmtime_44)]
    config.wasm_component_model_map(true);
    #[cfg(wasmtime_48)]
    config.wasm_component_model_fixed_length_lists(true);
    #[cfg(wasmtime_42)]
    config.concurrency_support(true);
    #[cfg(not(wasmtime_42))]
    config.async_support(true).wasm_component_model_async(true);
    config.cranelift_opt_level(wasmtime::OptLevel::None);
    config.cranelift_regalloc_algorithm(wasmtime::RegallocAlgorithm::SinglePass);
    config
}

/// Whether the export is of this signature; an error says why not.
pub fn exports(compiled: &Compiled, signature: &Signature) -> Result<(), String> {
    let mut store = Store::new(&compiled.engine, Data(Box::new(NeverReached)));
    let mut linker = linker(compiled)?;
    linker.define_unknown_imports_as_traps(&compiled.component).map_err(said)?;
    let instance = at_once(linker.instantiate_async(&mut store, &compiled.component));
    let instance = instance.map_err(said)?;
    let export = instance.get_func(&mut store, EXPORT).ok_or("there is no export")?;
    signature.matches(&export, &store).map_err(said)
}

/// Whether a function of this signature can be the import; an error says why not.
pub fn imports(compiled: &Compiled, signature: &Signature, way: Way) -> Result<(), String> {
    let mut linker = linker(compiled)?;
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

/// The host's resources, and no function yet.
fn linker(compiled: &Compiled) -> Result<Linker<Data>, String> {
    let mut linker = Linker::new(&compiled.engine);
    for (number, resource) in (0..).zip(&compiled.shape.resources) {
        if *resource == Resource::Host {
            let (name, ty) = (resource_name(number), host_type(number));
            linker.root().resource(&name, ty, |_, _| Ok(())).map_err(said)?;
        }
    }
    Ok(linker)
}

/// What nothing has to be awaited for.
fn at_once<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nothing waits"),
    }
}

fn said(error: wasmtime::Error) -> String {
    format!("{error:#}")
}
