//! The host of a case as Rust: its function, its resources, what it sees.
//! Knows what a case's host is asked and answers, and nothing of the calls that it makes.

use std::collections::BTreeSet;

use super::values::{all, compared, val};
use super::{Needs, code};
use crate::case::paths::Mode;
use crate::case::{Answer, Call, Case, function_name};
use crate::export::plan::Plan;
use crate::export::script::HOST_FAILED;
use crate::export::text::Lines;
use crate::observation::{CallObservation, HostEvent};
use crate::types::{Handle, Resource, Type, resource_name};

/// What the host is made of.
pub fn items(plan: &Plan, needs: &Needs) -> Lines {
    let mut lines = Vec::new();
    if !needs.host {
        return lines;
    }
    lines.extend(state(needs));
    for number in &needs.host_resources {
        lines.push(format!("/// What is behind handles of {}.", resource_name(*number)));
        lines.push(format!("struct R{number};"));
        lines.push(String::new());
    }
    if needs.answers {
        lines.extend(answers(plan.case));
    }
    if needs.handles {
        lines.extend(plain(plan, needs));
    }
    lines
}

fn state(needs: &Needs) -> Lines {
    let fields = [
        (true, "    /// What it has seen."),
        (true, "    seen: Vec<(&'static str, Vec<Val>)>,"),
        (needs.answers, "    /// What its function is to answer."),
        (needs.answers, "    answers: VecDeque<Answer>,"),
        (needs.held, "    /// The handles of guests' resources that it has received."),
        (needs.held, "    held: Vec<ResourceAny>,"),
        (needs.reenters, "    /// The function that it calls again, with what."),
        (needs.reenters, "    again: Option<(Func, Vec<Val>)>,"),
    ];
    let mut lines = code("/// The host.\n#[derive(Default)]\nstruct Host {");
    lines.extend(fields.into_iter().filter(|(there, _)| *there).map(|(_, line)| line.to_string()));
    lines.extend(code("}\n"));
    lines.push(String::new());
    lines
}

/// The kinds of answers, as far as there are any.
fn answers(case: &Case) -> Lines {
    let all: BTreeSet<&str> = all_answers(case)
        .map(|answer| match answer {
            Answer::Return(_) | Answer::Guest => "    Return(Vec<Val>),",
            Answer::Error => "    Fail,",
            Answer::Reenter(_) => "    CallAgain(Vec<Val>),",
        })
        .collect();
    let mut lines = code("enum Answer {");
    lines.extend(all.into_iter().map(str::to_string));
    lines.extend(code("}\n"));
    lines.push(String::new());
    lines
}

fn all_answers(case: &Case) -> impl Iterator<Item = &Answer> {
    case.calls.iter().flat_map(answers_in).map(|import| &import.answer)
}

fn answers_in(call: &Call) -> impl Iterator<Item = &crate::case::ImportCall> {
    call.scripts.last().into_iter().flat_map(|script| script.import_calls())
}

/// A function that has numbers for handles, so that values can be compared.
fn plain(plan: &Plan, needs: &Needs) -> Lines {
    let mut lines = code(
        "/// A value with numbers for handles: representations of the host's resources, positions in `held` for
/// others.
fn plain(mut store: impl AsContextMut<Data = Host>, val: Val) -> Result<Val> {
    let store = &mut store.as_context_mut();",
    );
    let arms: Lines = ARMS
        .into_iter()
        .filter(|(_, is_it)| holds_handles(plan, *is_it))
        .flat_map(|(arm, _)| code(arm))
        .collect();
    if !arms.is_empty() {
        lines.extend(code(
            "    let mut all = |vals: Vec<Val>| -> Result<Vec<Val>> {
        vals.into_iter().map(|val| plain(&mut *store, val)).collect()
    };",
        ));
    }
    lines.push("    Ok(match val {".to_string());
    lines.extend(arms);
    for number in &needs.host_resources {
        lines.push(format!(
            "        Val::Resource(handle) if handle.ty() == ResourceType::host::<R{number}>() => {{"
        ));
        lines.push(format!(
            "            Val::U32(handle.try_into_resource::<R{number}>(&mut *store)?.rep())"
        ));
        lines.push("        }".to_string());
    }
    if needs.held {
        lines.extend(code(
            "        Val::Resource(handle) => {
            store.data_mut().held.push(handle);
            Val::U32(store.data().held.len() as u32 - 1)
        }",
        ));
    }
    lines.extend(code("        val => val,\n    })\n}\n"));
    lines.push(String::new());
    lines
}

/// Whether a type is one of some kind.
type IsKind = fn(&Type) -> bool;

/// Values that may hold handles, and the types that they are of.
const ARMS: [(&str, IsKind); 8] = [
    ("        Val::List(vals) => Val::List(all(vals)?),", |ty| matches!(ty, Type::List(_))),
    ("        Val::Tuple(vals) => Val::Tuple(all(vals)?),", |ty| matches!(ty, Type::Tuple(_))),
    ("        Val::FixedLengthList(vals) => Val::FixedLengthList(all(vals)?),", |ty| {
        matches!(ty, Type::FixedLengthList(..))
    }),
    (
        "        Val::Map(entries) => {
            let (keys, vals): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            Val::Map(keys.into_iter().zip(all(vals)?).collect())
        }",
        |ty| matches!(ty, Type::Map(..)),
    ),
    (
        "        Val::Record(fields) => {
            let (names, vals): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
            Val::Record(names.into_iter().zip(all(vals)?).collect())
        }",
        |ty| matches!(ty, Type::Record(_)),
    ),
    (
        "        Val::Variant(name, Some(val)) => {
            Val::Variant(name, Some(Box::new(all(vec![*val])?.remove(0))))
        }",
        |ty| matches!(ty, Type::Variant(_)),
    ),
    (
        "        Val::Option(Some(val)) => Val::Option(Some(Box::new(all(vec![*val])?.remove(0)))),",
        |ty| matches!(ty, Type::Option(_)),
    ),
    (
        "        Val::Result(Ok(Some(val))) => {
            Val::Result(Ok(Some(Box::new(all(vec![*val])?.remove(0)))))
        }
        Val::Result(Err(Some(val))) => {
            Val::Result(Err(Some(Box::new(all(vec![*val])?.remove(0)))))
        }",
        |ty| matches!(ty, Type::Result(..)),
    ),
];

fn holds_handles(plan: &Plan, is_it: IsKind) -> bool {
    let mut wanted = |ty: &Type| is_it(ty) && !ty.handles().is_empty();
    super::seen_types(plan).any(|ty| ty.any(&mut wanted))
}

/// What is defined for the component to import.
pub fn linked(plan: &Plan, needs: &Needs) -> Lines {
    let mut lines = Vec::new();
    let mode = plan.case.paths.import.mode;
    for number in &needs.host_resources {
        lines.extend(resource(*number, mode));
    }
    if plan.guests.last().is_some_and(|last| last.guest.import.is_some()) {
        lines.extend(function(plan, mode));
    }
    lines
}

fn resource(number: Resource, mode: Mode) -> Lines {
    let name = resource_name(number);
    let seen =
        format!("store.data_mut().seen.push((\"destructor of {name}\", vec![Val::U32(rep)]));");
    let head = |function: &str| {
        format!("linker.root().{function}(\"{name}\", ResourceType::host::<R{number}>(), ")
    };
    match mode {
        Mode::Sync => {
            code(&format!("{}|mut store, rep| {{\n    {seen}\n    Ok(())\n}})?;", head("resource")))
        }
        Mode::Async => code(&format!(
            "{}|mut store, rep| {{\n    Box::new(async move {{\n        {seen}\n        Ok(())\n    }})\n}})?;",
            head("resource_async")
        )),
        Mode::Concurrent => code(&format!(
            "{}|accessor, rep| {{\n    Box::pin(async move {{\n        accessor.with(|mut store| {{\n            let store = &mut store.as_context_mut();\n            {seen}\n        }});\n        Ok(())\n    }})\n}})?;",
            head("resource_concurrent")
        )),
    }
}

fn function(plan: &Plan, mode: Mode) -> Lines {
    // One guest imports it by the name that it has for itself.
    let name = function_name(plan.guests.len());
    let answer = "answer(&mut store, params, results)";
    let pending =
        (0..plan.case.paths.polls).map(|_| "        pending().await;\n").collect::<String>();
    let body = match mode {
        Mode::Sync => format!(
            "linker.root().func_new(\"{name}\", |mut store, _, params, results| {answer})?;"
        ),
        Mode::Async => format!(
            "linker.root().func_new_async(\"{name}\", |mut store, _, params, results| {{\n    Box::new(async move {{\n{pending}        {answer}\n    }})\n}})?;"
        ),
        Mode::Concurrent => format!(
            "linker.root().func_new_concurrent(\"{name}\", |accessor, _, params, results| {{\n    Box::pin(async move {{\n{pending}        accessor.with(|mut access| answer(&mut access.as_context_mut(), params, results))\n    }})\n}})?;"
        ),
    };
    code(&body)
}

/// What the host's function does.
pub fn answer(plan: &Plan, needs: &Needs) -> Lines {
    if !needs.answers {
        return Vec::new();
    }
    let name = function_name(plan.guests.len());
    let mut lines = code(
        "/// What the host's function does: it notes what it is passed, and answers as it was told.
fn answer(store: &mut StoreContextMut<'_, Host>, params: &[Val], results: &mut [Val]) -> Result<()> {",
    );
    let params = if needs.handles {
        lines.extend(code(
            "    let mut plain_params = Vec::new();
    for param in params {
        plain_params.push(plain(&mut *store, param.clone())?);
    }",
        ));
        "plain_params"
    } else {
        "params.to_vec()"
    };
    lines.push(format!("    store.data_mut().seen.push((\"{name}\", {params}));"));
    let arms = arms(plan.case, needs);
    lines.extend(code("    match store.data_mut().answers.pop_front() {"));
    lines.extend(arms);
    lines.extend(code("    }\n    Ok(())\n}\n"));
    lines.push(String::new());
    lines
}

fn arms(case: &Case, needs: &Needs) -> Lines {
    let has = |wanted: fn(&Answer) -> bool| all_answers(case).any(wanted);
    let mut lines = Vec::new();
    if has(|answer| matches!(answer, Answer::Return(_) | Answer::Guest)) {
        lines
            .extend(code("        Some(Answer::Return(vals)) => results.clone_from_slice(&vals),"));
    }
    if needs.reenters {
        lines.extend(code(
            "        Some(Answer::CallAgain(vals)) => {
            let (f, args) = store.data().again.clone().expect(\"the export was called\");
            call(&mut *store, f, &args)?;
            results.clone_from_slice(&vals);
        }",
        ));
    }
    lines.push(format!("        _ => return Err(wasmtime::Error::msg({HOST_FAILED:?})),"));
    lines
}

/// The answers that the host is to give during a call.
pub fn told(plan: &Plan, call: &Call) -> String {
    let (_, types) = plan.case.shape.guests.last().expect("there is one").types_of_import();
    let answer = |answer: &Answer| match answer {
        Answer::Return(value) => {
            let vals = value.iter().zip(types).map(|(value, ty)| val(value, ty, &passed(plan)));
            format!("Answer::Return(vec![{}])", all(vals))
        }
        Answer::Reenter(value) => {
            let vals = value.iter().zip(types).map(|(value, ty)| val(value, ty, &passed(plan)));
            format!("Answer::CallAgain(vec![{}])", all(vals))
        }
        Answer::Error => "Answer::Fail".to_string(),
        Answer::Guest => unreachable!("a checked case has the host answer what it is asked"),
    };
    all(answers_in(call).map(|import| answer(&import.answer)))
}

/// A handle that the host passes.
pub fn passed(plan: &Plan) -> impl Fn(&Handle, u32) -> String {
    let hosts: Vec<bool> = (0..)
        .zip(&plan.case.shape.resources)
        .map(|(number, _)| plan.case.shape.is_host(number))
        .collect();
    move |handle, number| {
        let resource = handle.resource().expect("a checked case has no handles of async values");
        let position = usize::try_from(resource).expect("resources are few");
        if hosts[position] {
            format!(
                "Val::Resource(Resource::<R{resource}>::new_own({number}).try_into_resource_any(&mut store)?)"
            )
        } else {
            format!("Val::Resource(store.data().held[{number}])")
        }
    }
}

/// What the host is to have seen in a call.
pub fn seen(plan: &Plan, observed: &CallObservation) -> Vec<String> {
    let (types, _) = plan.case.shape.guests.last().expect("there is one").types_of_import();
    let name = function_name(plan.guests.len());
    let event = |event: &HostEvent| match event {
        HostEvent::Called(args) => Some(format!("(\"{name}\", vec![{}])", compared(args, types))),
        HostEvent::Destructor { resource, rep } => {
            let name = resource_name(*resource);
            Some(format!("(\"destructor of {name}\", vec![Val::U32({rep})])"))
        }
        HostEvent::NotCalled(_)
        | HostEvent::NotDropped(_)
        | HostEvent::FirstReturned(_)
        | HostEvent::Misused => None,
    };
    observed.host.iter().filter_map(event).collect()
}
