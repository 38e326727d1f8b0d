//! Each signature by each of its ways: a guest hands on what it is given to its import, and back.

use std::sync::Arc;

use canonfuzz_typed::{Data, post_return, post_return_async};
use wasmtime::component::{Accessor, Component, Linker};
use wasmtime::{AsContextMut, Engine, Result, Store, StoreContextMut};

use super::super::config::{self, Configuration};
use super::super::state::{AsState, State};
use super::super::trap::Stopped;
use super::super::wait::wait;
use super::super::{call, link};
use super::*;
use crate::abi::{BuiltIn, PtrType, Recorder, StringEncoding};
use crate::case::check::Feature;
use crate::case::paths::{Api, Path, Paths};
use crate::case::{
    Act, Answer, BuiltInCall, Call, CanonOpts, Case, End, Function, Guest, ImportCall, Manner,
    Pages, Passed, Script, Shape, Tuning, Turn, function_name,
};
use crate::component::Compiled;
use crate::encode::{self, EXPORT, Prepared, Puppets};
use crate::engine::host::change_handles;
use crate::engine::reference;
use crate::observation::{HostEvent, Outcome};
use crate::types::{self, Type};
use crate::value::Value;

/// What a call shows to the host.
#[derive(Debug, PartialEq)]
struct Shown {
    events: Vec<HostEvent>,
    result: Option<Value>,
}

/// Values that differ from one another, and from one draw to the next.
struct Samples {
    next: u32,
    /// How many elements a list has.
    length: u32,
}

impl Samples {
    fn number(&mut self) -> u32 {
        self.next = self.next.wrapping_mul(0x9e37_79b1).wrapping_add(0x7f4a_7c15);
        self.next
    }

    fn all(&mut self, types: &[Type]) -> Vec<Value> {
        types.iter().map(|ty| self.value(ty)).collect()
    }

    fn list(&mut self, elem: &Type, length: u32) -> Value {
        Value::List((0..length).map(|_| self.value(elem)).collect())
    }

    fn case(&mut self, cases: &[Option<&Type>]) -> Value {
        let count = u32::try_from(cases.len()).unwrap();
        let index = self.number() / 7 % count;
        let ty = cases[usize::try_from(index).unwrap()];
        Value::Variant(index, ty.map(|ty| Box::new(self.value(ty))))
    }

    fn value(&mut self, ty: &Type) -> Value {
        let bytes = self.number().to_le_bytes();
        let wide = u64::from(self.number()) << 32 | u64::from(self.number());
        match ty {
            Type::Bool => Value::Bool(bytes[3] & 1 == 1),
            Type::S8 => Value::S8(bytes[3].cast_signed()),
            Type::U8 => Value::U8(bytes[3]),
            Type::S16 => Value::S16(i16::from_le_bytes([bytes[2], bytes[3]])),
            Type::U16 => Value::U16(u16::from_le_bytes([bytes[2], bytes[3]])),
            Type::S32 => Value::S32(i32::from_le_bytes(bytes)),
            Type::U32 => Value::U32(u32::from_le_bytes(bytes)),
            Type::S64 => Value::S64(wide.cast_signed()),
            Type::U64 => Value::U64(wide),
            Type::F32 => Value::F32(f32::from(bytes[3]).to_bits()),
            Type::F64 => Value::F64((f64::from(bytes[3]) / 3.0).to_bits()),
            Type::Char => Value::Char(char::from_u32(0x1_0300 + u32::from(bytes[3])).unwrap()),
            Type::String => Value::string("a☃".repeat(usize::from(bytes[3] % 4))),
            Type::List(elem) => self.list(elem, self.length),
            Type::FixedLengthList(elem, length) => self.list(elem, *length),
            Type::Record(fields) => {
                Value::Record(fields.iter().map(|field| self.value(&field.ty)).collect())
            }
            Type::Tuple(types) => Value::Record(self.all(types)),
            Type::Variant(cases) => {
                self.case(&cases.iter().map(|case| case.ty.as_ref()).collect::<Vec<_>>())
            }
            Type::Enum(labels) => self.case(&vec![None; labels.len()]),
            Type::Option(some) => self.case(&[None, Some(some)]),
            Type::Result(ok, error) => self.case(&[ok.as_deref(), error.as_deref()]),
            Type::Flags(labels) => Value::Flags(
                u32::from_le_bytes(bytes) >> (32 - u32::try_from(labels.len()).unwrap()),
            ),
            Type::Map(..) => unreachable!("no signature has a map"),
            Type::Handle(_) => Value::Handle(self.number() >> 8),
        }
    }
}

/// What the guest's table does to handles: they are numbered as they come, holes first.
#[derive(Default)]
struct Table {
    used: u32,
    holes: Vec<u32>,
    borrows: Vec<(types::Resource, u32)>,
}

impl Table {
    fn receive(&mut self, values: &[Value], types: &[Type]) -> Vec<Value> {
        self.change(values, types, |table, handle, _| {
            let index = table.holes.pop().unwrap_or_else(|| {
                table.used += 1;
                table.used
            });
            if let Handle::Borrow(resource) = handle {
                table.borrows.push((*resource, index));
            }
            index
        })
    }

    /// Leaves holes where handles were given away.
    fn pass(&mut self, values: &[Value], types: &[Type]) {
        self.change(values, types, |table, handle, index| {
            if matches!(handle, Handle::Own(_)) {
                table.holes.push(index);
            }
            index
        });
    }

    fn change(
        &mut self,
        values: &[Value],
        types: &[Type],
        mut change: impl FnMut(&mut Table, &Handle, u32) -> u32,
    ) -> Vec<Value> {
        let values = values.iter().zip(types);
        let mut change = |handle: &Handle, number| change(self, handle, number);
        values.map(|(value, ty)| change_handles(value, ty, &mut change)).collect()
    }
}

/// A guest that calls its import with what it is called with, and returns what that returns.
fn echo(ty: &FuncType, mut samples: Samples) -> Case {
    let args = samples.all(&ty.params);
    let result = samples.all(ty.results());
    let mut table = Table::default();
    let passed = table.receive(&args, &ty.params);
    table.pass(&passed, &ty.params);
    let returned = table.receive(&result, ty.results());
    let import = ImportCall {
        passed: Passed::lowered(passed),
        answer: Answer::Return(result.first().cloned()),
    };
    let drops = table.borrows.iter();
    let drops = drops.map(|(resource, handle)| BuiltInCall {
        which: BuiltIn::ResourceDrop,
        of: *resource,
        operand: *handle,
    });
    let acts = [Act::Import(import)].into_iter().chain(drops.map(Act::BuiltIn)).collect();
    let function = Turn { acts, end: End::Return(Passed::lowered(returned)) };
    let script = Script { function, ..Script::least() };
    let call = Call { args, scripts: vec![script], host_drops: Vec::new(), manner: Manner::Once };
    Case { tuning: Tuning::PLAIN, paths: Paths::PLAIN, shape: shape(ty), calls: vec![call] }
}

fn shape(ty: &FuncType) -> Shape {
    let opts = CanonOpts {
        string_encoding: StringEncoding::Utf8,
        memory: true,
        realloc: true,
        post_return: false,
    };
    let import = Some(Function { ty: ty.clone(), opts });
    let export = Function { ty: ty.clone(), opts: CanonOpts { post_return: true, ..opts } };
    let pages = Pages { initial: 2, maximum: 2 };
    Shape {
        guests: vec![Guest { export, import, ptr_type: PtrType::I32, pages, noise: None }],
        resources: vec![Resource::Host; 2],
    }
}

fn by_reference(case: &Case, bytes: &[u8]) -> Shown {
    let compiled = Compiled::new(bytes).unwrap_or_else(|refusal| panic!("{refusal}"));
    let run = reference::instantiate(&compiled, &case.shape, Recorder::default());
    let Ok(run) = run else { panic!("it does not start") };
    let reading = run.run(case, &Prepared::of(case).unwrap());
    let mut observation = reading.observation;
    assert_eq!(observation.outcome, Outcome::Returned, "{case:#?}");
    let call = observation.calls.remove(0);
    shown(call.host, call.returned.unwrap().result)
}

fn shown(mut events: Vec<HostEvent>, mut result: Option<Value>) -> Shown {
    for event in &mut events {
        if let HostEvent::Called(args) = event {
            args.iter_mut().for_each(list_bytes);
        }
    }
    result.iter_mut().for_each(list_bytes);
    Shown { events, result }
}

/// Has bytes held in one way, whoever holds them.
fn list_bytes(value: &mut Value) {
    if let Value::Bytes(bytes) = value {
        *value = Value::List(bytes.iter().copied().map(Value::U8).collect());
    }
    value.parts_mut().iter_mut().for_each(list_bytes);
}

/// A host whose answers are the script's, whatever the way.
fn called(store: &mut StoreContextMut<'_, Data>, args: Vec<Value>) -> Result<Option<Value>> {
    match store.data_mut().state_mut().host.called(args) {
        Answer::Return(value) => Ok(value),
        Answer::Error | Answer::Guest | Answer::Reenter(_) => {
            Err(wasmtime::Error::new(Stopped::HostFailed))
        }
    }
}

fn linker(engine: &Engine, case: &Case, signature: &Signature, back: Mode) -> Result<Linker<Data>> {
    let way = super::back(back);
    if !signature.ways.contains(&way) {
        let path = Path { api: Api::Dynamic, mode: back };
        return link::linker(engine, &Arc::new(case.shape.clone()), path);
    }
    let mut linker = Linker::<Data>::new(engine);
    link::link_resources(&mut linker, &case.shape, back)?;
    let name = function_name(1);
    match back {
        Mode::Sync => signature.wrap(
            &mut linker.root(),
            name,
            Arc::new(|mut store, args| called(&mut store, args)),
        ),
        Mode::Async => signature.wrap_async(
            &mut linker.root(),
            name,
            Arc::new(|mut store, args| Box::pin(async move { called(&mut store, args) })),
        ),
        Mode::Concurrent => signature.wrap_concurrent(
            &mut linker.root(),
            name,
            Arc::new(|accessor, args| {
                Box::pin(async move {
                    accessor.with(|mut access| called(&mut access.as_context_mut(), args))
                })
            }),
        ),
    }?;
    Ok(linker)
}

async fn outward(
    store: &mut Store<Data>,
    signature: &Signature,
    out: Mode,
) -> Result<Option<Value>> {
    if !signature.ways.contains(&super::out(out)) {
        return call::call(&mut store.as_context_mut(), out).await;
    }
    let func = store.data().state().export.unwrap();
    let args = store.data_mut().state_mut().host.args().unwrap();
    match out {
        Mode::Sync => signature.call(func, store.as_context_mut(), &args),
        Mode::Async => signature.call_async(func, store.as_context_mut(), args).await,
        Mode::Concurrent => {
            let run = async |accessor: &Accessor<Data>| {
                signature.call_concurrent(func, accessor, args).await
            };
            store.run_concurrent(run).await?
        }
    }
}

async fn by_subject(
    case: &Case,
    bytes: &[u8],
    signature: &Signature,
    [out, back]: [Mode; 2],
    concurrency: bool,
) -> Result<Shown> {
    let awaits = out != Mode::Sync;
    let tuning = Tuning { concurrency, ..Tuning::PLAIN };
    let engine = config::engine(Configuration { tuning, awaits, asyncs: false }, None)?;
    let linker = linker(&engine, case, signature, back)?;
    let pre = linker.instantiate_pre(&Component::from_binary(&engine, bytes)?)?;
    let mut store = Store::new(&engine, State::of(&case.shape).carried());
    let name = encode::load_script(0);
    let script = &Prepared::of(case).unwrap().calls[0][0].bytes;
    let instance = if awaits {
        let instance = pre.instantiate_async(&mut store).await?;
        let load = instance.get_typed_func::<(&[u8],), ()>(&mut store, &name)?;
        load.call_async(&mut store, (script,)).await?;
        post_return_async(load.func(), &mut store).await?;
        instance
    } else {
        let instance = pre.instantiate(&mut store)?;
        let load = instance.get_typed_func::<(&[u8],), ()>(&mut store, &name)?;
        load.call(&mut store, (script,))?;
        post_return(load.func(), &mut store)?;
        instance
    };
    store.data_mut().state_mut().host.begin(&case.calls[0]);
    store.data_mut().state_mut().export = instance.get_func(&mut store, EXPORT);
    let result = outward(&mut store, signature, out).await?;
    Ok(shown(std::mem::take(&mut store.data_mut().state_mut().host.seen), result))
}

/// Modes that go together, for at least one of which the signature has a way. Where it lacks the
/// other, that one is dynamic.
fn pairs(signature: &Signature) -> Vec<[Mode; 2]> {
    let pairs = Mode::ALL.into_iter().flat_map(|out| Mode::ALL.map(|back| [out, back]));
    let together = |[out, back]: &[Mode; 2]| *out != Mode::Sync || *back == Mode::Sync;
    let typed = |[out, back]: &[Mode; 2]| {
        signature.ways.contains(&super::out(*out)) || signature.ways.contains(&super::back(*back))
    };
    let possible = |[_, back]: &[Mode; 2]| {
        *back != Mode::Concurrent || super::super::supports(Feature::ConcurrentImport)
    };
    pairs.filter(|pair| together(pair) && typed(pair) && possible(pair)).collect()
}

#[track_caller]
fn check(signature: &Signature, length: u32) {
    let case = echo(&signature.ty(), Samples { next: length, length });
    let bytes = encode::component(&case.shape, Puppets::Contained);
    let expected = by_reference(&case, &bytes);
    for pair in pairs(signature) {
        for concurrency in [pair.contains(&Mode::Concurrent), true] {
            let shown = wait(by_subject(&case, &bytes, signature, pair, concurrency));
            let shown = shown.and_then(|shown| shown);
            let shown =
                shown.unwrap_or_else(|error| panic!("{pair:?} {:?}: {error:?}", signature.ty()));
            assert_eq!(shown, expected, "{pair:?} {:?}", signature.ty());
        }
    }
}

#[test]
fn what_goes_through_a_signature_arrives_as_the_reference_says() {
    for signature in signatures() {
        for length in [0, 1, 3] {
            check(signature, length);
        }
    }
}
