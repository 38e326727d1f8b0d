//! A case as a test in Rust that depends on Wasmtime alone and calls as the case does.
//! Knows Wasmtime's interface by its names only: nothing here calls it.

mod calls;
mod config;
mod host;
mod values;

use self::config::CALLS_ARE_WHOLE;
use super::about::{About, NEWEST, NotExported};
use super::component::component;
use super::plan::{Plan, is_spoken_of, plan, prepare, without_unused_import};
use super::text::joined;
use super::text::{Lines, comment};
use crate::abi::SPEC_COMMIT;
use crate::case::Manner;
use crate::case::paths::Mode;
use crate::case::text::CaseFile;
use crate::observation::Reading;
use crate::report::timeline;
use crate::types::{self, Type};

/// What of a host a case has use for.
struct Needs {
    /// Whether it sees anything at all.
    host: bool,
    answers: bool,
    handles: bool,
    /// Whether some of them are of guests' resources.
    held: bool,
    reenters: bool,
    host_resources: Vec<types::Resource>,
}

/// The test.
pub fn test(file: &CaseFile, reading: &Reading, about: &About) -> Result<String, NotExported> {
    let case = without_unused_import(&file.case);
    let prepared = prepare(&case)?;
    let plan = plan(&case, &prepared, reading)?;
    if let Some(why) = obstacle(&plan) {
        return Err(NotExported(why.to_string()));
    }
    let needs = needs(&plan);
    let mut lines = header(file, &plan, about);
    lines.extend(imports(&plan, &needs));
    lines.extend(text_of_component(&plan));
    lines.extend(host::items(&plan, &needs));
    lines.extend(host::answer(&plan, &needs));
    lines.extend(call_function(&plan, &needs, about));
    lines.extend(waiting(&plan));
    lines.extend(body(&plan, &needs, about));
    Ok(joined(&lines))
}

/// Why a case has no such test.
fn obstacle(plan: &Plan) -> Option<&'static str> {
    let paths = plan.case.paths;
    let twice = plan.case.calls.iter().any(|call| call.manner == Manner::Twice);
    let reenters = needs(plan).reenters;
    let export = &plan.case.shape.guests[0].export.ty;
    if paths.call.api.is_typed() || paths.import.api.is_typed() {
        Some("a host with static types is exported as a script, as text or bytes only")
    } else if twice && paths.call.mode == Mode::Concurrent {
        Some("two calls at the same time are exported as text or bytes only")
    } else if reenters && export.params.iter().any(|ty| !ty.handles().is_empty()) {
        Some("a host that calls again with handles is exported as text or bytes only")
    } else {
        None
    }
}

fn needs(plan: &Plan) -> Needs {
    let case = plan.case;
    let imports = case.shape.guests.last().is_some_and(|last| last.import.is_some());
    let scripts = case.calls.iter().flat_map(|call| &call.scripts);
    let mut calls = scripts.flat_map(|script| script.import_calls());
    let host_resources: Vec<_> = (0..)
        .zip(&case.shape.resources)
        .map(|(number, _)| number)
        .filter(|number| case.shape.is_host(*number) && is_spoken_of(case, *number))
        .collect();
    let handles: Vec<_> = seen_types(plan).flat_map(Type::handles).collect();
    let is_guests = |resource: types::Resource| !case.shape.is_host(resource);
    Needs {
        host: imports || !host_resources.is_empty() || !handles.is_empty(),
        answers: imports,
        handles: !handles.is_empty(),
        held: handles.iter().filter_map(|handle| handle.resource()).any(is_guests),
        reenters: calls.any(|call| call.answer.reenters()),
        host_resources,
    }
}

/// The types of what the host passes and is passed.
fn seen_types<'a>(plan: &'a Plan) -> impl Iterator<Item = &'a Type> {
    let guests = &plan.case.shape.guests;
    let import = guests.last().and_then(|last| last.import.as_ref()).map(|import| &import.ty);
    let functions = [&guests[0].export.ty].into_iter().chain(import);
    functions.flat_map(|ty| ty.params.iter().chain(&ty.result))
}

/// Lines of code as they are written here.
fn code(text: &str) -> Lines {
    text.lines().map(str::to_string).collect()
}

fn header(file: &CaseFile, plan: &Plan, about: &About) -> Lines {
    let mut lines = comment(&file.rule);
    if let Some(story) = &file.story {
        lines.push(";;".to_string());
        lines.extend(comment(story));
    }
    lines.push(";;".to_string());
    lines.extend(comment(&format!(
        "A test for a crate that depends on wasmtime {} with its default features. It fails where the engine does something else than:",
        about.release
    )));
    lines.push(";;".to_string());
    let says = timeline(plan.case, plan.prepared, &plan.reading.observation);
    lines.extend(says.into_iter().map(|line| format!(";;   {line}")));
    lines.push(";;".to_string());
    lines.extend(comment(&format!(
        "So says the specification, WebAssembly/component-model at {}. Where a guest sees something else, it traps (integer divide by zero).",
        &SPEC_COMMIT[..12]
    )));
    if plan.case.paths.neighbor {
        lines.extend(comment(
            "The case has another instance in the same store, which is left out here.",
        ));
    }
    lines.into_iter().map(|line| line.replacen(";;", "//", 1)).collect()
}

fn imports(plan: &Plan, needs: &Needs) -> Lines {
    let named = [
        ("Component", true),
        ("Func", true),
        ("Linker", true),
        ("Resource", !needs.host_resources.is_empty()),
        ("ResourceAny", needs.held),
        ("ResourceType", !needs.host_resources.is_empty()),
        ("Val", true),
    ];
    let named: Vec<_> =
        named.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    let mut lines = vec![String::new()];
    if needs.answers {
        lines.push("use std::collections::VecDeque;".to_string());
    }
    lines.push(format!("use wasmtime::component::{{{}}};", named.join(", ")));
    let context = if needs.answers { ", StoreContextMut" } else { "" };
    let as_context =
        if waits(plan) || needs.handles || needs.answers { "AsContextMut, " } else { "" };
    lines.push(format!("use wasmtime::{{{as_context}Config, Engine, Result, Store{context}}};"));
    lines.push(String::new());
    lines
}

fn text_of_component(plan: &Plan) -> Lines {
    // What reads it is the newest `wat` that cargo finds, whatever the release.
    let text = joined(&component(plan, NEWEST));
    let mut hashes = "#".to_string();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    let mut lines = vec![format!("const COMPONENT: &str = r{hashes}\"")];
    lines.extend(text.lines().map(str::to_string));
    lines.push(format!("\"{hashes};"));
    lines.push(String::new());
    lines
}

fn data(needs: &Needs) -> &'static str {
    if needs.host { "Host" } else { "()" }
}

/// A function that calls the export, as the case does.
fn call_function(plan: &Plan, needs: &Needs, about: &About) -> Lines {
    let count = plan.case.shape.guests[0].export.ty.results().len();
    let data = data(needs);
    let head = if waits(plan) {
        format!("fn call(mut store: impl AsContextMut<Data = {data}>")
    } else {
        format!("async fn call(store: &mut Store<{data}>")
    };
    let mut lines = vec![
        format!("{head}, f: Func, args: &[Val]) -> Result<Vec<Val>> {{"),
        format!("    let mut results = vec![Val::Bool(false); {count}];"),
    ];
    lines.extend(called(plan.case.paths.call.mode, about.major() < CALLS_ARE_WHOLE));
    lines.extend(code("    Ok(results)\n}\n\n"));
    lines
}

/// The call itself, and what it takes to end one in an old release.
fn called(mode: Mode, old: bool) -> Lines {
    match (mode, old) {
        (Mode::Sync, false) => code("    f.call(&mut store, args, &mut results)?;"),
        (Mode::Sync, true) => code(
            "    f.call(&mut store, args, &mut results)?;
    f.post_return(&mut store)?;",
        ),
        (Mode::Async, false) => code("    f.call_async(&mut *store, args, &mut results).await?;"),
        (Mode::Async, true) => code(
            "    f.call_async(&mut *store, args, &mut results).await?;
    f.post_return_async(&mut *store).await?;",
        ),
        (Mode::Concurrent, _) => code(
            "    let call = async |store: &wasmtime::component::Accessor<_>| {
        f.call_concurrent(store, args, &mut results).await.map(|_| ())
    };
    store.run_concurrent(call).await??;",
        ),
    }
}

/// What it takes to await something, where something is awaited.
fn waiting(plan: &Plan) -> Lines {
    let mut lines = Vec::new();
    if !waits(plan) {
        lines.extend(code(BLOCK_ON));
    }
    if plan.case.paths.polls > 0 {
        lines.extend(code(PENDING));
    }
    lines
}

const BLOCK_ON: &str = "\
/// Waits on this thread; what nobody would ever wake is given up.
fn block_on<R>(future: impl std::future::Future<Output = R>) -> R {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..10_000 {
        if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
    panic!(\"a call is pending, and nothing will wake it\");
}

";

const PENDING: &str = "\
/// Is pending once.
async fn pending() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await
}

";

fn body(plan: &Plan, needs: &Needs, about: &About) -> Lines {
    let mut inside = started(plan, needs, about);
    for (call, observed) in plan.case.calls.iter().zip(&plan.reading.observation.calls) {
        inside.push(String::new());
        inside.extend(calls::one_call(plan, needs, call, observed, about));
    }
    inside.push("Ok(())".to_string());
    let mut lines = vec!["#[test]".to_string(), format!("fn {}() -> Result<()> {{", about.name)];
    if !waits(plan) {
        lines.extend(code("    block_on(run())\n}\n\nasync fn run() -> Result<()> {"));
    }
    lines.extend(indented(inside));
    lines.push("}".to_string());
    lines
}

/// Whether the host waits for its calls.
fn waits(plan: &Plan) -> bool {
    plan.case.paths.call.mode == Mode::Sync
}

/// Up to an instance.
fn started(plan: &Plan, needs: &Needs, about: &About) -> Lines {
    let mut lines = code("let mut config = Config::new();");
    lines.extend(config::config(plan.case, about));
    lines.extend(code(
        "let engine = Engine::new(&config)?;
let component = Component::new(&engine, COMPONENT)?;",
    ));
    let linked = host::linked(plan, needs);
    let mutable = if linked.is_empty() { "" } else { "mut " };
    let data = data(needs);
    lines.push(format!("let {mutable}linker = Linker::<{data}>::new(&engine);"));
    lines.extend(linked);
    let value = if needs.host { "Host::default()" } else { "()" };
    lines.push(format!("let mut store = Store::new(&engine, {value});"));
    lines.extend(config::store(plan.case.tuning));
    lines.extend(code(if waits(plan) {
        "let instance = linker.instantiate(&mut store, &component)?;"
    } else {
        "let instance = linker.instantiate_async(&mut store, &component).await?;"
    }));
    lines.extend(code("let f = instance.get_func(&mut store, \"f\").expect(\"it is exported\");"));
    lines
}

/// Lines one step to the right.
fn indented(lines: Lines) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| if line.is_empty() { line } else { format!("    {line}") })
}
