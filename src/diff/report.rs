//! What was called and what differed, in words.
//! Knows both sides' stories; who is right it does not.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Act, Diff, Episode, Verdict};
use crate::abi::Deviation;
use crate::case::text::wave;
use crate::engine::any::Imports;
use crate::engine::wasmtime;
use crate::observation::{Outcome, Seen, Told};
use crate::report;
use crate::types::Type;
use crate::value::Value;

/// Values longer than this are cut in reports.
const QUOTED: usize = 2_000;

/// The whole report. `again` is the command that shows it once more.
pub fn text(diff: &Diff, again: &str) -> String {
    let mut text = String::new();
    for (number, episode) in diff.episodes.iter().enumerate() {
        if let Verdict::Disagree(act) = episode.verdict {
            disagreement(&mut text, diff, number, episode, act);
            let _ = writeln!(text, "  again     {again}\n");
        }
    }
    for path in &diff.skipped {
        let _ = writeln!(text, "not called {path}: {}", reason(diff));
    }
    if let Some(rounds) = diff.cut {
        let _ = writeln!(text, "only {rounds} rounds: more values than we can hold");
    }
    let _ = write!(text, "{}", summary(diff));
    text
}

/// Why some export was not called.
fn reason(diff: &Diff) -> &'static str {
    let first = diff.episodes.first().and_then(|episode| episode.expected.first());
    let starts = first.is_some_and(|told| told.outcome == Outcome::Returned);
    if starts { "the host held no resource to pass to it" } else { "the component does not start" }
}

fn summary(diff: &Diff) -> String {
    let acts = || diff.episodes.iter().flat_map(|e| e.acts.iter().zip(&e.expected));
    let calls = acts().filter(|(act, _)| matches!(act, Act::Call { .. })).count();
    let returned = acts()
        .filter(|(act, told)| matches!(act, Act::Call { .. }) && told.outcome == Outcome::Returned)
        .count();
    let imports: usize = acts().map(|(_, told)| told.seen.len()).sum();
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for episode in &diff.episodes {
        *verdicts.entry(verdict(&episode.verdict)).or_default() += 1;
    }
    let verdicts: Vec<_> = verdicts.into_iter().map(|(name, n)| format!("{n} {name}")).collect();
    format!(
        "wasmtime {}: {calls} calls of {} exports, {returned} returned, the host saw {imports} events; \
         instances: {}",
        wasmtime::VERSION,
        diff.exports.len(),
        verdicts.join(", "),
    )
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Agree => "agree".to_string(),
        Verdict::Inconclusive(limit) => format!("inconclusive ({limit})"),
        Verdict::Accepted(deviations) => {
            let names: Vec<&str> = deviations.iter().map(Deviation::name).collect();
            format!("accepted ({})", names.join(", "))
        }
        Verdict::Disagree(_) => "disagree".to_string(),
    }
}

fn disagreement(text: &mut String, diff: &Diff, number: usize, episode: &Episode, act: usize) {
    let _ = writeln!(text, "disagree   instance {number}, step {act}");
    for (before, told) in episode.acts[..act].iter().zip(&episode.expected) {
        let _ = writeln!(text, "  before    {} {}", done(diff, before), outcome(&told.outcome));
    }
    if let Some(act) = episode.acts.get(act) {
        let _ = writeln!(text, "  step      {}", done(diff, act));
    }
    side(text, "reference", diff, episode.acts.get(act), episode.expected.get(act));
    side(text, "wasmtime", diff, episode.acts.get(act), episode.observed.get(act));
    let told = episode.expected.get(act);
    if let Some(Told { outcome: Outcome::Trapped(Some(trap), _), .. }) = told {
        let _ = writeln!(text, "  spec      {}", report::trap_rule(*trap));
    }
}

fn done(diff: &Diff, act: &Act) -> String {
    match act {
        Act::Compile => "compile".to_string(),
        Act::Start => "instantiate".to_string(),
        Act::Call { export, args } => {
            let (path, ty) = &diff.exports[*export];
            format!("{path}({})", values(args, &ty.params))
        }
        Act::Drop(number) => format!("drop the guest's resource {number}"),
    }
}

fn result_type<'a>(diff: &'a Diff, act: &Act) -> Option<&'a Type> {
    match act {
        Act::Call { export, .. } => diff.exports[*export].1.result.as_ref(),
        Act::Compile | Act::Start | Act::Drop(_) => None,
    }
}

fn side(text: &mut String, name: &str, diff: &Diff, act: Option<&Act>, told: Option<&Told>) {
    let Some(told) = told else {
        let _ = writeln!(text, "  {name:9} did not get here");
        return;
    };
    for seen in &told.seen {
        let _ = writeln!(text, "  {name:9} {}", event(&diff.imports, seen));
    }
    let ty = act.and_then(|act| result_type(diff, act));
    let result = told.result.as_ref().zip(ty).map(|(value, ty)| quoted(value, ty));
    let outcome = match (act, &told.outcome) {
        (Some(Act::Compile), Outcome::Returned) => "accepted it".to_string(),
        (_, told) => outcome(told),
    };
    let _ = writeln!(text, "  {name:9} {outcome} {}", result.unwrap_or_default());
}

fn event(imports: &Imports, seen: &Seen) -> String {
    match seen {
        Seen::Called { import, args } => {
            format!("calls {import}({})", values(args, &imports.funcs[import].params))
        }
        Seen::Dropped { resource, rep } => {
            format!("drops {} {rep}", imports.resources[resource])
        }
    }
}

fn outcome(outcome: &Outcome) -> String {
    report::outcome(outcome)
}

fn values(values: &[Value], types: &[Type]) -> String {
    let values: Vec<_> = values.iter().zip(types).map(|(value, ty)| quoted(value, ty)).collect();
    values.join(", ")
}

fn quoted(value: &Value, ty: &Type) -> String {
    let text = wave(value, ty);
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
