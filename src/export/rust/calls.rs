//! The calls of a case in Rust, and what has to come of them.
//! Knows nothing of how a call is made.

use super::config::CALLS_ARE_WHOLE;
use super::values::{all, compared, val};
use super::{Needs, code, host, indented, waits};
use crate::case::{Call, Manner};
use crate::export::about::About;
use crate::export::component::check_name;
use crate::export::plan::{Plan, first_returned};
use crate::export::script::trap_words;
use crate::export::text::Lines;
use crate::observation::{CallObservation, HostEvent, Outcome, Returned};
use crate::value::Value;

/// One call, and all that is asserted of it.
pub fn one_call(
    plan: &Plan,
    needs: &Needs,
    call: &Call,
    observed: &CallObservation,
    about: &About,
) -> Lines {
    let mut lines = Vec::new();
    if needs.answers {
        let told = host::told(plan, call);
        lines.push(format!("store.data_mut().answers = VecDeque::from([{told}]);"));
    }
    if observed.was_made() {
        lines.extend(args(plan, needs, call));
    } else {
        lines
            .push("// The host does not hold what it would pass, so it does not call.".to_string());
    }
    match &observed.returned {
        Some(returned) => {
            lines.extend(all_returned(plan, observed, returned));
            lines.extend(drops(plan, call, observed));
            lines.extend(seen(plan, needs, observed));
            lines.extend(checks(plan, about));
        }
        None => {
            lines.extend(trapped(plan, call, observed, about));
            lines.extend(seen(plan, needs, observed));
        }
    }
    lines
}

fn args(plan: &Plan, needs: &Needs, call: &Call) -> Lines {
    let types = &plan.case.shape.guests[0].export.ty.params;
    let args = call.args.iter().zip(types).map(|(arg, ty)| val(arg, ty, &host::passed(plan)));
    let mut lines = vec![format!("let args = [{}];", all(args))];
    if needs.reenters {
        lines.push("store.data_mut().again = Some((f, args.to_vec()));".to_string());
    }
    lines
}

/// What an expression needs that may be awaited.
fn wait(plan: &Plan) -> &'static str {
    if waits(plan) { "" } else { ".await" }
}

fn call_expression(plan: &Plan) -> String {
    format!("call(&mut store, f, &args){}?", wait(plan))
}

fn all_returned(plan: &Plan, observed: &CallObservation, returned: &Returned) -> Lines {
    if !observed.was_made() {
        return Vec::new();
    }
    let results = first_returned(observed).into_iter().chain([&returned.result]);
    results.flat_map(|result| one_returned(plan, result)).collect()
}

fn one_returned(plan: &Plan, result: &Option<Value>) -> Lines {
    let types = plan.case.shape.guests[0].export.ty.results();
    let (call, expected) = (call_expression(plan), compared(result.as_slice(), types));
    if returns_handles(plan) {
        vec![
            format!("let result = {call}.remove(0);"),
            format!("assert_eq!(plain(&mut store, result)?, {expected});"),
        ]
    } else if types.is_empty() {
        vec![format!("{call};")]
    } else {
        vec![format!("assert_eq!({call}, [{expected}]);")]
    }
}

fn returns_handles(plan: &Plan) -> bool {
    let results = plan.case.shape.guests[0].export.ty.results();
    results.iter().any(|ty| !ty.handles().is_empty())
}

/// What the host drops after the call, as far as it holds it.
fn drops(plan: &Plan, call: &Call, observed: &CallObservation) -> Lines {
    let missing = |number: u32| observed.host.contains(&HostEvent::NotDropped(number));
    let dropped = call.host_drops.iter().filter(|number| !missing(**number));
    let drop = if waits(plan) { "resource_drop" } else { "resource_drop_async" };
    let wait = wait(plan);
    dropped
        .flat_map(|number| {
            [
                format!("let handle = store.data().held[{number}];"),
                format!("handle.{drop}(&mut store){wait}?;"),
            ]
        })
        .collect()
}

fn seen(plan: &Plan, needs: &Needs, observed: &CallObservation) -> Option<String> {
    let seen = host::seen(plan, observed).join(", ");
    let taken = "std::mem::take(&mut store.data_mut().seen)";
    needs.host.then(|| format!("assert_eq!({taken}, [{seen}]);"))
}

/// Asks each guest whether it has seen what it was to see.
fn checks(plan: &Plan, about: &About) -> Lines {
    let old = about.major() < CALLS_ARE_WHOLE;
    let asked = plan.guests.iter().filter(|guest| guest.is_asked());
    asked
        .flat_map(|guest| {
            let name = check_name(guest.number);
            let mut lines = vec![format!(
                "let check = instance.get_typed_func::<(), ()>(&mut store, \"{name}\")?;"
            )];
            lines.extend(code(match (waits(plan), old) {
                (true, false) => "check.call(&mut store, ())?;",
                (true, true) => "check.call(&mut store, ())?;\ncheck.post_return(&mut store)?;",
                (false, false) => "check.call_async(&mut store, ()).await?;",
                (false, true) => {
                    "check.call_async(&mut store, ()).await?;\ncheck.post_return_async(&mut store).await?;"
                }
            }));
            lines
        })
        .collect()
}

fn trapped(plan: &Plan, call: &Call, observed: &CallObservation, about: &About) -> Lines {
    let Outcome::Trapped(Some(trap), _) = &plan.reading.observation.outcome else {
        return Vec::new();
    };
    let mut lines = attempt(plan, call, observed);
    let faults = plan.reading.faults.traps.iter().filter(|fault| *fault != trap);
    let faults: Vec<String> = faults.map(|fault| format!("{fault:?}")).collect();
    if !faults.is_empty() {
        lines.push(format!("// This would do as well: {}.", faults.join(", ")));
    }
    let words = trap_words(plan, *trap, about);
    lines.extend(code("let error = format!(\"{:?}\", trapped.expect_err(\"it has to trap\"));"));
    lines.push(format!("assert!(error.contains({words:?}), \"{{error}}\");"));
    lines
}

/// What traps: the call, or the second one, or what the host drops after it.
fn attempt(plan: &Plan, call: &Call, observed: &CallObservation) -> Lines {
    let dropping = drops(plan, call, observed);
    let calls = match call.manner {
        Manner::Twice => 2,
        Manner::Once | Manner::Misused(_) => 1,
    };
    if dropping.is_empty() && calls == 1 {
        return vec![format!("let trapped = {};", call_expression(plan).trim_end_matches('?'))];
    }
    let mut inside = Vec::new();
    for _ in 0..calls {
        let call = call_expression(plan);
        if returns_handles(plan) {
            inside.push(format!("let result = {call}.remove(0);"));
            inside.push("plain(&mut store, result)?;".to_string());
        } else {
            inside.push(format!("{call};"));
        }
    }
    inside.extend(dropping);
    let (open, end, close) = if waits(plan) {
        ("(|| -> Result<()> {", "Ok(())", "})();")
    } else {
        ("async {", "Result::<()>::Ok(())", "}.await;")
    };
    inside.push(end.to_string());
    let mut lines = vec![format!("let trapped = {open}")];
    lines.extend(indented(inside));
    lines.push(close.to_string());
    lines
}
