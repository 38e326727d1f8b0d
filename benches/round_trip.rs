//! A plain round-trip fuzzer of the kind that there was before: a component for each case, a guest that hands
//! on what it is passed and returns what it gets, a host that answers with its argument, and a look at whether
//! the value came back.
//! Knows nothing of the reference; its types and values are those of generated cases.

use canonfuzz::case::Case;
use canonfuzz::engine::wasmtime::val::to_val;
use canonfuzz::types::Type;
use canonfuzz::value::Value;
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Result, Store, ensure};

use crate::echo::{self, EXPORT, IMPORT};

/// An engine, configured to compile quickly.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_map(true).wasm_component_model_fixed_length_lists(true);
    config.generate_address_map(false);
    config.cranelift_opt_level(OptLevel::None);
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    Engine::new(&config)
}

/// Sends the arguments of each of the case's calls to a guest and back. How many calls that made: none,
/// where the types are not for a plain fuzzer.
pub fn check(engine: &Engine, case: &Case) -> Result<usize> {
    let ty = Type::Tuple(case.shape.guests[0].export.ty.params.clone());
    let Some(component) = echo::component(&ty) else {
        return Ok(0);
    };
    let component = Component::from_binary(engine, &component)?;
    let mut linker = Linker::<()>::new(engine);
    linker.root().func_new(IMPORT, |_, _, params, results| {
        results.clone_from_slice(params);
        Ok(())
    })?;
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &component)?;
    let echo = instance.get_func(&mut store, EXPORT).expect("the component exports it");
    for call in &case.calls {
        let value = Value::Record(call.args.clone());
        let sent = [to_val(&value, &ty, &mut |_, _| unreachable!("there are no handles"))?];
        let mut returned = [Val::Bool(false)];
        echo.call(&mut store, &sent, &mut returned)?;
        ensure!(same(&returned[0], &sent[0]), "{sent:?} came back as {returned:?}");
    }
    Ok(case.calls.len())
}

/// Equal, if one looks at how they are printed: any NaN is as good as another.
fn same(a: &Val, b: &Val) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}
