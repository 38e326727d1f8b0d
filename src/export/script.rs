//! A case as a script of the reference tests' language, which any runner of such scripts can run.
//! Knows the runner of Wasmtime for what it cannot do, and no engine.

use super::about::{About, NotExported};
use super::component::{check_name, component};
use super::plan::{Plan, first_returned, is_spoken_of, plan, prepare, without_unused_import};
use super::text::{Lines, comment, joined, string};
use super::values::value;
use crate::abi::{SPEC_COMMIT, Trap};
use crate::case::check::{Feature, features};
use crate::case::paths::Mode;
use crate::case::text::CaseFile;
use crate::case::{Case, Manner, Tuning};
use crate::observation::{CallObservation, HostEvent, Outcome, Reading};
use crate::report::{host_event, timeline};
use crate::types::Type;
use crate::value::Value;

/// What a host's function says that fails as it is told.
pub const HOST_FAILED: &str = "the host's function fails, as it is told";

/// The script, and what a person has to know before reading it.
pub fn script(file: &CaseFile, reading: &Reading, about: &About) -> Result<String, NotExported> {
    let case = without_unused_import(&file.case);
    let prepared = prepare(&case)?;
    let plan = plan(&case, &prepared, reading)?;
    let mut lines = header(file, &plan, about);
    let obstacle = obstacle(&plan);
    let mut component = component(&plan, about.major());
    if obstacle.is_some() {
        component[0] = component[0].replacen("(component", "(component definition $case", 1);
    }
    lines.extend(component);
    lines.push(String::new());
    let directives = directives(&plan, about);
    match obstacle {
        None => lines.extend(directives),
        Some(why) => {
            lines.extend(comment(&format!(
                "This is as far as a script can go: {why}. A host has to do what follows; `canonfuzz export --format rust` is one that does."
            )));
            lines.extend(directives.into_iter().map(|line| format!(";;   {line}")));
        }
    }
    Ok(joined(&lines))
}

/// Why a script cannot do what the host does.
fn obstacle(plan: &Plan) -> Option<&'static str> {
    let case = plan.case;
    let last = case.shape.guests.last()?;
    let export = &case.shape.guests[0].export.ty;
    let mut types = export.params.iter().chain(&export.result);
    let hosts = (0..).zip(&case.shape.resources);
    let mut hosts = hosts.filter(|(number, _)| case.shape.is_host(*number));
    let is_float = |ty: &Type| matches!(ty, Type::F32 | Type::F64);
    if last.import.is_some() {
        Some(
            "a guest calls the host, and a component in its place would be called by other code of the engine",
        )
    } else if types.clone().any(|ty| !ty.handles().is_empty()) {
        Some("the host passes or receives handles, for which scripts have no constants")
    } else if hosts.any(|(number, _)| is_spoken_of(case, number)) {
        Some("a resource is the host's")
    } else if types.clone().any(|ty| ty.any(&mut lacks_constants)) {
        Some("runners have no constants of maps and of lists of fixed length")
    } else if types.any(is_float) {
        Some("runners take a float that stands on its own for one of core wasm")
    } else if twice_and_trapped(plan) {
        Some("which of two calls traps is not said")
    } else {
        None
    }
}

/// Whether scripts as runners read them cannot write a value of this type down.
fn lacks_constants(ty: &Type) -> bool {
    matches!(ty, Type::Map(..) | Type::FixedLengthList(..))
}

fn twice_and_trapped(plan: &Plan) -> bool {
    let last = plan.reading.observation.calls.len().checked_sub(1);
    let twice = last.is_some_and(|last| plan.case.calls[last].manner == Manner::Twice);
    twice && plan.reading.observation.outcome != Outcome::Returned
}

fn header(file: &CaseFile, plan: &Plan, about: &About) -> Lines {
    let mut lines: Lines =
        flags(plan.case).into_iter().map(|(key, _)| format!(";;! {key} = true")).collect();
    lines.extend(comment(&file.rule));
    if let Some(story) = &file.story {
        lines.push(";;".to_string());
        lines.extend(comment(story));
    }
    lines.push(";;".to_string());
    lines.extend(comment(&format!(
        "Run it: wasmtime wast{} FILE (Wasmtime {}). It fails where the engine does something else than:",
        arguments(plan.case),
        about.release,
    )));
    lines.push(";;".to_string());
    let says = timeline(plan.case, plan.prepared, &plan.reading.observation);
    lines.extend(says.into_iter().map(|line| format!(";;   {line}")));
    lines.push(";;".to_string());
    lines.extend(comment(&format!(
        "So says the specification, WebAssembly/component-model at {}.",
        &SPEC_COMMIT[..12]
    )));
    lines.extend(remarks(plan));
    lines.push(String::new());
    lines
}

/// What the command line has to say before the file.
fn arguments(case: &Case) -> String {
    let waits = if waits_for_async(case) { " --async=false" } else { "" };
    let flags = flags(case).into_iter().map(|(_, flag)| format!(" -W {flag}"));
    waits.to_string() + &flags.collect::<String>()
}

/// Whether the host waits for what it could await, and a runner does unless it is told not to.
fn waits_for_async(case: &Case) -> bool {
    case.paths.call.mode == Mode::Sync && case.shape.any_async()
}

/// What a runner has to switch on: the key in the header of a test, the flag of the command line.
fn flags(case: &Case) -> Vec<(&'static str, &'static str)> {
    let mut flags: Vec<_> = features(case)
        .into_iter()
        .flat_map(|feature| match feature {
            Feature::Map => vec![("component_model_map", "component-model-map=y")],
            Feature::FixedLengthList => {
                vec![("component_model_fixed_length_lists", "component-model-fixed-length-lists=y")]
            }
            Feature::Memory64 => vec![
                ("memory64", "memory64=y"),
                ("component_model_memory64", "component-model-memory64=y"),
            ],
            Feature::ConcurrentImport => Vec::new(),
            Feature::AsyncFunction => vec![("component_model_async", "component-model-async=y")],
        })
        .collect();
    flags.dedup();
    flags
}

/// How the case differs from what a runner does.
fn remarks(plan: &Plan) -> Lines {
    let Case { paths, tuning, .. } = plan.case;
    let mut remarks = Vec::new();
    if waits_for_async(plan.case) {
        remarks.push("The case waits for an async function, which a runner may await instead.");
    }
    if paths.call.api.is_typed() || paths.call.mode == Mode::Concurrent || paths.neighbor {
        remarks.push(
            "The case calls by static types, concurrently, or next to another instance; a runner does not.",
        );
    }
    let usual = Tuning { concurrency: tuning.concurrency, ..Tuning::PLAIN };
    if *tuning != usual {
        remarks.push("The case wants an engine that is configured otherwise; see --format rust.");
    }
    if !tuning.concurrency {
        remarks.push(
            "The case has an engine without concurrency support, on which `wasmtime wast` does not run in \
             every release; --format rust has it.",
        );
    }
    remarks.into_iter().flat_map(comment).collect()
}

/// The calls and what is to come of them.
fn directives(plan: &Plan, about: &About) -> Lines {
    let case = plan.case;
    let mut lines = Vec::new();
    for (call, observed) in case.calls.iter().zip(&plan.reading.observation.calls) {
        let types = &case.shape.guests[0].export.ty.params;
        let args =
            call.args.iter().zip(types).map(|(arg, ty)| format!(" {}", script_value(arg, ty)));
        let invoke = format!("(invoke \"f\"{})", args.collect::<String>());
        let results = case.shape.guests[0].export.ty.results();
        let returned = |result: &Option<Value>| {
            let values = result.iter().zip(results);
            let values = values.map(|(value, ty)| format!(" {}", script_value(value, ty)));
            format!("(assert_return {invoke}{})", values.collect::<String>())
        };
        lines.extend(host(plan, observed));
        if !observed.was_made() {
            lines.push(
                ";; The host does not make the next call: it does not hold what it would pass."
                    .into(),
            );
        }
        match &observed.returned {
            Some(of) => {
                lines.extend(first_returned(observed).map(returned));
                if observed.was_made() {
                    lines.push(returned(&of.result));
                }
                lines.extend(host_drops(&call.host_drops));
                lines.extend(checks(plan));
            }
            None => lines.extend(trap(plan, &invoke, about)),
        }
    }
    lines
}

/// A value; a handle has no constant, and is only written where nobody runs it.
fn script_value(value: &Value, ty: &Type) -> String {
    if ty.handles().is_empty() {
        self::value(value, ty)
    } else {
        crate::case::text::wave(value, ty)
    }
}

/// What the host is to see and to answer.
fn host(plan: &Plan, observed: &CallObservation) -> Lines {
    let events = observed
        .host
        .iter()
        .filter(|event| matches!(event, HostEvent::Called(_) | HostEvent::Destructor { .. }));
    let says = events.map(|event| {
        let event = host_event(plan.case, event);
        format!(";; In the next call the host sees: {event}")
    });
    says.collect()
}

fn host_drops(drops: &[u32]) -> Option<String> {
    let drops: Vec<String> = drops.iter().map(u32::to_string).collect();
    let says =
        format!(";; The host drops the handles that it received as number {}.", drops.join(", "));
    (!drops.is_empty()).then_some(says)
}

fn checks(plan: &Plan) -> Lines {
    let asked = plan.guests.iter().filter(|guest| guest.is_asked());
    let names = asked.map(|guest| check_name(guest.number));
    names.map(|name| format!("(assert_return (invoke \"{name}\"))")).collect()
}

fn trap(plan: &Plan, invoke: &str, about: &About) -> Lines {
    let Outcome::Trapped(Some(trap), _) = &plan.reading.observation.outcome else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let others = plan.reading.faults.traps.iter().filter(|fault| *fault != trap);
    let faults: Vec<_> = others.map(|fault| format!("{fault:?}")).collect();
    if !faults.is_empty() {
        lines.extend(comment(&format!("This would do as well: {}.", faults.join(", "))));
    }
    let words = trap_words(plan, *trap, about);
    lines.push(format!("(assert_trap {invoke} {})", string(&words)));
    lines
}

/// What an engine's message of the trap has to contain: what the subject says, if it is right, but for what
/// differs between engines.
pub fn trap_words(plan: &Plan, trap: Trap, about: &About) -> String {
    const BOUNDS: &str = "out of bounds";
    match (trap, about.words.as_deref()) {
        (Trap::Host, _) | (_, None) => phrase(trap).to_string(),
        (Trap::Guest, Some(_)) if plan.reading.faults.traps.len() <= 1 => phrase(trap).to_string(),
        (_, Some(words)) if words.contains(BOUNDS) => BOUNDS.to_string(),
        (_, Some(words)) => words.trim_start_matches("wasm trap: ").to_string(),
    }
}

/// What Wasmtime says of a trap, as far as its wordings have it in common.
fn phrase(trap: Trap) -> &'static str {
    match trap {
        Trap::UnalignedPointer => "pointer not aligned",
        Trap::MemoryOutOfBounds => "pointer out of bounds",
        Trap::StringTooLong | Trap::StringOutOfBounds => "string content out-of-bounds",
        Trap::ListTooLong | Trap::ListOutOfBounds => "list pointer/length out of bounds of memory",
        Trap::InvalidUtf8 => "invalid utf-8",
        Trap::InvalidUtf16 => "unpaired surrogate",
        Trap::InvalidChar => "converted integer out of range for `char`",
        Trap::InvalidDiscriminant => "discriminant",
        Trap::UnknownHandle => "unknown handle index",
        Trap::HandleOfOtherType => "used with the wrong type",
        Trap::HandleLent => "cannot remove owned resource while borrowed",
        Trap::HandleNotOwned => "cannot lift own resource from a borrow",
        Trap::TooManyHandles => "cannot allocate another handle",
        Trap::BorrowsRemain => "borrow handles still remain at the end of the call",
        Trap::CannotEnterComponent => "cannot enter component instance",
        Trap::CannotLeaveComponent => "cannot leave component instance",
        Trap::CannotBlockSyncTask => "cannot block a synchronous task before returning",
        Trap::Guest => "unreachable",
        Trap::Host => HOST_FAILED,
        Trap::Async(trap) => trap.kind(),
    }
}
