//! How the time of a call grows with what is passed: on either side, a value goes to a guest and through it to the
//! host, and back. Prints the exponent that fits the larger sizes, and draws all into a folder.
//! Asserts nothing: time is no test.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use canonfuzz::abi::Stop;
use canonfuzz::component::instantiate::Compiled;
use canonfuzz::component::{Context, Failure, Host};
use canonfuzz::engine::wasmtime::val::to_val;
use canonfuzz::types::{Field, Label, Type};
use canonfuzz::value::Value;
use canonfuzz_benches::clock::time;
use canonfuzz_benches::echo::{self, EXPORT, IMPORT};
use canonfuzz_benches::plot::{self, Curve, Plot};
use canonfuzz_benches::{ours, round_trip};
use wasmtime::component::{Component, Instance, Linker, Val};
use wasmtime::{Engine, Store};

/// Times that each size is measured; the shortest counts, for nothing makes a call shorter than it is.
const ROUNDS: usize = 7;

/// What grows: values by a size, up to some power of two.
struct Series {
    name: &'static str,
    /// What the size counts.
    unit: &'static str,
    file: &'static str,
    exponents: std::ops::RangeInclusive<u32>,
    value: fn(usize) -> (Type, Value),
    /// How the subject is called.
    call: Call,
}

/// Calls the export of a component with a value.
type Call = fn(&Engine, &[u8], &(Type, Value)) -> wasmtime::Result<Duration>;

const SERIES: [Series; 6] = [
    Series {
        name: "string",
        unit: "bytes",
        file: "string",
        exponents: 10..=24,
        value: |size| (Type::String, Value::string("a".repeat(size))),
        call: dynamic,
    },
    Series {
        name: "list<u8>, by Val",
        unit: "bytes",
        file: "bytes-by-val",
        exponents: 10..=20,
        value: bytes,
        call: dynamic,
    },
    Series {
        name: "list<u8>, by static types",
        unit: "bytes",
        file: "bytes-by-static-types",
        exponents: 10..=24,
        value: bytes,
        call: typed,
    },
    Series {
        name: "list of records",
        unit: "records",
        file: "records",
        exponents: 4..=15,
        value: records,
        call: dynamic,
    },
    Series {
        name: "record by its fields",
        unit: "fields",
        file: "fields",
        exponents: 2..=10,
        value: fields,
        call: dynamic,
    },
    Series {
        name: "tuples within one another",
        unit: "tuples",
        file: "depth",
        exponents: 0..=6,
        value: nested,
        call: dynamic,
    },
];

fn bytes(size: usize) -> (Type, Value) {
    (Type::List(Box::new(Type::U8)), Value::Bytes(vec![7; size]))
}

fn records(size: usize) -> (Type, Value) {
    let field = |ty| Field { label: Label::default(), ty };
    let ty = Type::Record(vec![field(Type::U8), field(Type::F64), field(Type::String)]);
    let value = [Value::U8(1), Value::F64(0), Value::string("text".to_string())];
    (Type::List(Box::new(ty)), Value::List(vec![Value::Record(value.to_vec()); size]))
}

fn fields(size: usize) -> (Type, Value) {
    let field = |ty| Field { label: Label::default(), ty };
    let types = [Type::U8, Type::F64].into_iter().cycle().take(size);
    let values = [Value::U8(1), Value::F64(0)].into_iter().cycle().take(size);
    (Type::Record(types.map(field).collect()), Value::Record(values.collect()))
}

fn nested(size: usize) -> (Type, Value) {
    (0..size).fold((Type::U32, Value::U32(5)), |(ty, value), _| {
        (Type::Tuple(vec![Type::U8, ty]), Value::Record(vec![Value::U8(1), value]))
    })
}

fn main() -> Result<()> {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let engine = round_trip::engine().map_err(ours)?;
    println!("{:<28} {:>9} {:>9} {:>12}", "", "reference", "subject", "worst ratio");
    for series in &SERIES {
        let [reference, subject] = measure(&engine, series).context(series.name)?;
        let ratios = reference.points.iter().zip(&subject.points);
        let worst = ratios.map(|((_, a), (_, b))| a / b).fold(0.0, f64::max);
        println!(
            "{:<28} {:>9.2} {:>9.2} {worst:>12.1}",
            series.name,
            plot::exponent(&reference),
            plot::exponent(&subject)
        );
        if let Some(folder) = &folder {
            let (title, x) = (series.name, series.unit);
            let plot = Plot { title, x, y: "microseconds", curves: &[reference, subject] };
            let file = Path::new(folder).join(format!("scaling-{}.svg", series.file));
            plot::draw(&plot, &file)?;
        }
    }
    Ok(())
}

fn measure(engine: &Engine, series: &Series) -> Result<[Curve; 2]> {
    let mut curves = ["reference", "subject"].map(|name| Curve { name, points: Vec::new() });
    for exponent in series.exponents.clone() {
        let size = 1 << exponent;
        let value = (series.value)(size);
        let component = echo::component(&value.0).context("a component")?;
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            times[0].extend(reference(&component, &value.1)?);
            times[1].push((series.call)(engine, &component, &value).map_err(ours)?);
        }
        for (curve, times) in curves.iter_mut().zip(times) {
            let best = times.into_iter().min().map(|best| best.as_secs_f64() * 1e6);
            let size = f64::from(u32::try_from(size)?);
            curve.points.extend(best.map(|best| (size, best)));
        }
    }
    Ok(curves)
}

/// A host that answers with what it is asked.
struct Echo;

impl Host for Echo {
    fn call(
        _: &mut Context<'_, Echo>,
        _: &str,
        mut args: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        Ok(args.pop())
    }

    fn drop(_: &mut Context<'_, Echo>, _: &str, _: u32) -> Result<(), Stop> {
        unreachable!("there are no resources")
    }
}

/// Nothing, where it is more than the reference holds.
fn reference(component: &[u8], value: &Value) -> Result<Option<Duration>> {
    let compiled = Compiled::new(component).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let instance = compiled.instantiate(Echo, ());
    let mut instance = instance.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let args = [value.clone()];
    let (time, result) = time(|| instance.call(EXPORT, &args));
    match result {
        Err(Failure::Exhausted(_)) => return Ok(None),
        Err(failure) => anyhow::bail!("the reference: {failure}"),
        Ok(result) => {
            anyhow::ensure!(result.as_ref() == Some(value), "the value did not come back")
        }
    }
    Ok(Some(time))
}

fn instance(
    engine: &Engine,
    component: &[u8],
    link: impl FnOnce(&mut Linker<()>) -> wasmtime::Result<()>,
) -> wasmtime::Result<(Store<()>, Instance)> {
    let component = Component::from_binary(engine, component)?;
    let mut linker = Linker::new(engine);
    link(&mut linker)?;
    let mut store = Store::new(engine, ());
    store.set_hostcall_fuel(usize::MAX);
    let instance = linker.instantiate(&mut store, &component)?;
    Ok((store, instance))
}

/// By values that say what they are.
fn dynamic(
    engine: &Engine,
    component: &[u8],
    (ty, value): &(Type, Value),
) -> wasmtime::Result<Duration> {
    let (mut store, instance) = instance(engine, component, |linker| {
        linker.root().func_new(IMPORT, |_, _, params, results| {
            results.clone_from_slice(params);
            Ok(())
        })
    })?;
    let echo = instance.get_func(&mut store, EXPORT).expect("the component exports it");
    let args = [to_val(value, ty, &mut |_, _| unreachable!("there are no handles"))?];
    let mut results = [Val::Bool(false)];
    let (time, called) = time(|| echo.call(&mut store, &args, &mut results));
    called?;
    wasmtime::ensure!(results == args, "the value did not come back");
    Ok(time)
}

/// By static types, for bytes.
fn typed(
    engine: &Engine,
    component: &[u8],
    (_, value): &(Type, Value),
) -> wasmtime::Result<Duration> {
    let (mut store, instance) = instance(engine, component, |linker| {
        linker.root().func_wrap(IMPORT, |_, (bytes,): (Vec<u8>,)| Ok((bytes,)))
    })?;
    let echo = instance.get_typed_func::<(&[u8],), (Vec<u8>,)>(&mut store, EXPORT)?;
    let Value::Bytes(bytes) = value else { unreachable!("the values of this series are bytes") };
    let (time, returned) = time(|| echo.call(&mut store, (bytes,)));
    wasmtime::ensure!(returned?.0 == *bytes, "the value did not come back");
    Ok(time)
}
