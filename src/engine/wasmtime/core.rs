//! The core code of one guest on the subject's core engine, with no component around it: it is called as it
//! was recorded, and what it does is held against the record.
//! Knows nothing of lifting and lowering: what these did is in the record.

use std::sync::Arc;

use wasmtime::{
    AsContext, AsContextMut, Caller, Config, Engine, Extern, Func, FuncType, Instance, Module,
    OptLevel, Store, StoreContextMut, Val, ValType,
};

use crate::abi::{Core, CoreFuncType, CoreType};
use crate::case::noise::MEMORY;
use crate::component::crash::catch;
use crate::component::recording::{Event, Memories};
use crate::encode::core::{PUPPET, Parts};

/// Many times what the code took that is in the record: whoever takes more does something else.
const FUEL: u64 = 1 << 32;

/// The record, and how far it was followed.
struct Replay {
    events: Arc<[Event]>,
    next: usize,
    /// The first thing that was not as recorded.
    wrong: Option<String>,
    /// The puppet, and once it is there its face: what is called.
    called: Vec<Instance>,
}

/// What a module imports from this module and under this name.
type Find<'a> = dyn FnMut(&mut Store<Replay>, &str, &str) -> Option<Extern> + 'a;

/// Does what was recorded again, and says in one sentence what came out otherwise, if anything did.
pub fn replay(parts: &Parts, events: Vec<Event>, optimize: bool) -> Option<String> {
    let replayed = catch(|| {
        let mut store = instantiate(parts, events, optimize)?;
        // What it returns is for those who called the host from core code.
        let _ = follow(&mut store.as_context_mut());
        Ok::<_, wasmtime::Error>(store.into_data())
    });
    match replayed {
        Ok(Ok(Replay { wrong: Some(wrong), .. })) => Some(wrong),
        Ok(Ok(Replay { events, next, .. })) => {
            (next < events.len()).then(|| format!("it ended before event {next}"))
        }
        Ok(Err(error)) => Some(format!("it cannot be instantiated: {error:#}")),
        Err(panic) => Some(format!("the engine panicked: {panic}")),
    }
}

fn instantiate(
    parts: &Parts,
    events: Vec<Event>,
    optimize: bool,
) -> wasmtime::Result<Store<Replay>> {
    let mut config = Config::new();
    config.wasm_multi_memory(true).wasm_memory64(true).consume_fuel(true);
    config.cranelift_opt_level(if optimize { OptLevel::Speed } else { OptLevel::None });
    let engine = Engine::new(&config)?;
    let replay = Replay { events: events.into(), next: 0, wrong: None, called: Vec::new() };
    let mut store = Store::new(&engine, replay);
    store.set_fuel(FUEL)?;
    let puppet = Instance::new(&mut store, &Module::new(&engine, &parts.puppet)?, &[])?;
    let mut add = |bytes: &[u8], find: &mut Find| {
        let module = Module::new(&engine, bytes)?;
        let imports = module.imports();
        let found = imports.filter_map(|import| find(&mut store, import.module(), import.name()));
        let found: Vec<Extern> = found.collect();
        Instance::new(&mut store, &module, &found)
    };
    let face = add(&parts.face, &mut |store, module, name| match module == PUPPET {
        true => puppet.get_export(store, name),
        false => out_named(parts, store, name),
    })?;
    let noise = add(&parts.noise, &mut |store, _, name| {
        let offer = parts.offers.iter().find(|(known, _)| known == name);
        match offer {
            Some((_, name)) => face.get_export(store, name),
            None if name == MEMORY => puppet.get_export(store, MEMORY),
            None => None,
        }
    })?;
    add(
        &parts.wire,
        &mut |store, _, name| match parts.acts.iter().find(|(slot, _)| slot == name) {
            Some((_, act)) => noise.get_export(store, act),
            None => puppet.get_export(store, name),
        },
    )?;
    store.data_mut().called = vec![puppet, face];
    Ok(store)
}

/// What of the component's is imported by this name.
fn out_named(parts: &Parts, store: &mut Store<Replay>, name: &str) -> Option<Extern> {
    let number = parts.outs.iter().position(|(slot, _)| slot == name)?;
    Some(out(store, number, &parts.outs[number].1).into())
}

/// The lowered function or built-in of this number: what it did is in the record.
fn out(store: &mut Store<Replay>, number: usize, ty: &CoreFuncType) -> Func {
    let types = |types: &[CoreType]| types.iter().map(|ty| val_type(*ty)).collect::<Vec<_>>();
    let ty = FuncType::new(store.engine(), types(&ty.params), types(&ty.results));
    Func::new(store, ty, move |mut caller: Caller<'_, Replay>, args, results| {
        let mut store = caller.as_context_mut();
        let args: Vec<Core> = args.iter().map(core).collect();
        match take(&mut store) {
            Some(Event::Out { number: recorded, args: wanted })
                if recorded == number && wanted == args => {}
            other => {
                return Err(wrong(
                    &mut store,
                    format!("it called out {number} with {args:?}"),
                    other,
                ));
            }
        }
        follow(&mut store)?;
        match take(&mut store) {
            Some(Event::Back { results: back, memories }) => {
                write(&mut store, &memories);
                let back = back.ok_or_else(|| trap("as it was recorded"))?;
                results.iter_mut().zip(back).for_each(|(result, core)| *result = val(core));
                Ok(())
            }
            other => Err(wrong(&mut store, format!("out {number} came back"), other)),
        }
    })
}

/// Makes the calls that come next in the record, one after the other.
fn follow(store: &mut StoreContextMut<'_, Replay>) -> wasmtime::Result<()> {
    while let Some(Event::Called { name, args, memories }) = peek(store) {
        store.data_mut().next += 1;
        write(store, &memories);
        let called = store.data().called.clone();
        let func = called.iter().find_map(|instance| instance.get_func(&mut *store, &name));
        let func = func.ok_or_else(|| trap("the record is of another module"))?;
        let args: Vec<Val> = args.into_iter().map(val).collect();
        let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
        let returned = func.call(&mut *store, &args, &mut results);
        if store.data().wrong.is_some() {
            return Err(trap("it went wrong"));
        }
        let results = returned.is_ok().then(|| results.iter().map(core).collect::<Vec<_>>());
        compare(store, &name, results)?;
    }
    Ok(())
}

/// Whether a call ended as it was recorded.
fn compare(
    store: &mut StoreContextMut<'_, Replay>,
    name: &str,
    results: Option<Vec<Core>>,
) -> wasmtime::Result<()> {
    let (wanted, memories) = match take(store) {
        Some(Event::Returned { results, memories }) => (results, memories),
        other => return Err(wrong(store, format!("{name} ended with {results:?}"), other)),
    };
    if wanted != results {
        let what = format!("{name} ended with {results:?}, not {wanted:?}");
        return Err(wrong(store, what, None));
    }
    let differs =
        memories.iter().find(|(name, memory)| read(store, name) != Some(memory.as_slice()));
    match differs.map(|(memory, _)| format!("{name} left another {memory}")) {
        Some(what) => Err(wrong(store, what, None)),
        None => Ok(()),
    }
}

fn peek(store: &impl AsContext<Data = Replay>) -> Option<Event> {
    let store = store.as_context();
    let replay = store.data();
    replay.events.get(replay.next).cloned()
}

fn take(store: &mut StoreContextMut<'_, Replay>) -> Option<Event> {
    let event = peek(store);
    store.data_mut().next += usize::from(event.is_some());
    event
}

/// Notes what went wrong, if nothing did before.
fn wrong(
    store: &mut StoreContextMut<'_, Replay>,
    what: String,
    recorded: Option<Event>,
) -> wasmtime::Error {
    let recorded = recorded.map(|event| match event {
        Event::Called { name, .. } => format!(", where {name} was called"),
        Event::Returned { results, .. } => format!(", where it ended with {results:?}"),
        Event::Out { number, args } => format!(", where it called out {number} with {args:?}"),
        Event::Back { .. } => ", where what it called came back".to_string(),
    });
    let at = store.data().next;
    let what = format!("event {at}: {what}{}", recorded.unwrap_or_default());
    store.data_mut().wrong.get_or_insert(what);
    trap("it went wrong")
}

fn trap(why: &'static str) -> wasmtime::Error {
    wasmtime::Error::msg(why)
}

fn memory(store: &mut StoreContextMut<'_, Replay>, name: &str) -> Option<wasmtime::Memory> {
    let called = store.data().called.clone();
    called.iter().find_map(|instance| instance.get_memory(&mut *store, name))
}

fn read<'a>(store: &'a mut StoreContextMut<'_, Replay>, name: &str) -> Option<&'a [u8]> {
    let memory = memory(store, name)?;
    Some(memory.data(&*store))
}

/// Memories grow by core code alone, so that what is written fits, or something was wrong before.
fn write(store: &mut StoreContextMut<'_, Replay>, memories: &Memories) {
    for (name, bytes) in memories {
        if let Some(memory) = memory(store, name) {
            let there = memory.data_mut(&mut *store);
            let both = there.len().min(bytes.len());
            there[..both].copy_from_slice(&bytes[..both]);
        }
    }
}

fn val_type(ty: CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}

fn val(core: Core) -> Val {
    match core {
        Core::I32(bits) => Val::I32(bits.cast_signed()),
        Core::I64(bits) => Val::I64(bits.cast_signed()),
        Core::F32(bits) => Val::F32(bits),
        Core::F64(bits) => Val::F64(bits),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "each release has others")]
fn core(val: &Val) -> Core {
    match val {
        Val::I32(value) => Core::I32(value.cast_unsigned()),
        Val::I64(value) => Core::I64(value.cast_unsigned()),
        Val::F32(bits) => Core::F32(*bits),
        Val::F64(bits) => Core::F64(*bits),
        _ => unreachable!("the canonical ABI passes numbers only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::text;
    use crate::component::instantiate::Compiled;
    use crate::encode::core::parts;
    use crate::encode::{self, Prepared, Puppets};
    use crate::engine::reference;

    /// What core code does that passes what it is given to the host, and what is recorded of it.
    fn recorded() -> (Parts, Vec<Event>) {
        let file = include_str!("../../../corpus/noise/traps-in-the-second-call.toml");
        let case = text::parse(file).unwrap().case;
        let compiled = Compiled::new(&encode::component(&case.shape, Puppets::Contained)).unwrap();
        let run = reference::instantiate(&compiled, &case.shape, Default::default());
        let events = run.ok().unwrap().record(&case, &Prepared::of(&case).unwrap(), 0);
        (parts(&case.shape, 0).unwrap(), events)
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Event), wrong: Option<&str>) {
        let (parts, mut events) = recorded();
        events.iter_mut().for_each(change);
        let replayed = replay(&parts, events, false);
        match wrong {
            None => assert_eq!(replayed, None),
            Some(wrong) => {
                let said = replayed.unwrap();
                assert!(said.contains(wrong), "{said}");
            }
        }
    }

    #[test]
    fn what_is_not_as_it_was_recorded_is_told() {
        check(|_| {}, None);
        let other_args = |event: &mut Event| {
            if let Event::Out { args, .. } = event {
                *args = vec![Core::I32(99)];
            }
        };
        check(
            other_args,
            Some("it called out 0 with [I32(1)], where it called out 0 with [I32(99)]"),
        );
        let other_results = |event: &mut Event| {
            if let Event::Returned { results, .. } = event {
                *results = results.is_none().then(Vec::new);
            }
        };
        check(other_results, Some("ended with"));
        let other_memory = |event: &mut Event| {
            if let Event::Returned { memories, .. } = event {
                for memory in memories.values_mut() {
                    Arc::make_mut(memory)[0] ^= 1;
                }
            }
        };
        check(other_memory, Some("left another"));
    }
}
