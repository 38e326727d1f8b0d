//! A verdict for its reader: what was called, where the two sides part, and how to see it again.
//! Knows nothing of files but the name that it is given.

use super::spec;
use super::timeline::{guest_event, hex, host_event, mistake, outcome, params, timeline, values};
use crate::abi::StringEncoding;
use crate::abi::built_in::Operand;
use crate::case::paths::Path;
use crate::case::text::host;
use crate::case::{Case, function_name};
use crate::encode::{EXPORT, Puppets};
use crate::engine::wasmtime::{ASSERTIONS, VERSION};
use crate::observation::{GuestEvent, HostEvent, Outcome};
use crate::oracle::{Difference, Observed, Verdict, Where};
use crate::session::Checked;

/// A command of this program, as it is started with the same subject.
pub fn command(arguments: &str) -> String {
    format!("{} {arguments}", env!("CANONFUZZ_COMMAND"))
}

/// The command that replays a case with the same subject.
pub fn replay_command(case: &str) -> String {
    command(&format!("replay {case}"))
}

/// The command that makes a script of it, which any Wasmtime can run.
pub(super) fn export_command(case: &str) -> String {
    command(&format!("export {case} --format wast"))
}

/// A verdict in a few words.
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Agree => "agree".to_string(),
        Verdict::Accepted(deviations) => {
            let names: Vec<_> = deviations.iter().map(ToString::to_string).collect();
            format!("accepted ({})", names.join(", "))
        }
        Verdict::Inconclusive(limit) => format!("inconclusive ({limit})"),
        Verdict::Unsupported(feature) => format!("unsupported ({feature})"),
        Verdict::Disagree(difference) => format!("disagree ({})", class(difference)),
    }
}

/// What kind of difference it is: two findings of one class are likely the same.
pub fn class(difference: &Difference) -> String {
    if difference.core.is_some() {
        return "core engines differ".to_string();
    }
    match difference.at {
        // Whatever was expected of it.
        Where::Outcome if is_failure(&difference.observed) => failure(&difference.observed),
        Where::Outcome => {
            format!("{} / {}", ending(&difference.expected), ending(&difference.observed))
        }
        Where::HostEvent(_) => {
            format!(
                "{} / {}",
                host_event_kind(&difference.expected),
                host_event_kind(&difference.observed)
            )
        }
        Where::GuestEvent { .. } => {
            format!("{} / {}", event(&difference.expected), event(&difference.observed))
        }
        Where::Result => "result".to_string(),
        Where::MemorySize { .. } => "memory size".to_string(),
        Where::Memory { .. } => "memory".to_string(),
    }
}

/// The report of a disagreement. `replay` is the command that shows it again.
pub fn disagreement(
    name: &str,
    case: &Case,
    checked: &Checked,
    difference: &Difference,
    replay: &str,
) -> String {
    let mut lines = vec![format!("disagree  {name}")];
    lines.extend(parting(case, difference).into_iter().map(|line| format!("  {line}")));
    let core = difference.core.iter();
    lines
        .extend(core.map(|what| format!("  core      {what}, on the subject's core engine alone")));
    lines.push(format!("  subject   {}", subject(case)));
    let rule = match spec::is_misused(case, difference.call) {
        true => spec::NO_RULE,
        false => spec::functions(difference),
    };
    lines.push(format!("  spec      {rule}"));
    let imported = match checked.puppets {
        Puppets::Contained => "",
        Puppets::Imported => " --import-puppets",
    };
    lines.push(format!("  replay    {replay}{imported}"));
    for (side, observation) in
        [("reference", &checked.expected.observation), ("subject", &checked.observed)]
    {
        lines.push(format!("  {side} saw"));
        lines.extend(
            timeline(case, &checked.prepared, observation)
                .into_iter()
                .map(|line| format!("    {line}")),
        );
    }
    lines.join("\n")
}

/// What was called, and what each side shows there first that the other does not.
pub fn parting(case: &Case, difference: &Difference) -> [String; 3] {
    let Difference { call, at, .. } = difference;
    [
        format!("call      {}", called(case, *call)),
        format!("{:<9} reference   {}", place(*at), side(case, difference, true)),
        format!("          {:<11} {}", "subject", side(case, difference, false)),
    ]
}

/// Which release the subject is, how it was built, configured and called.
pub(super) fn subject(case: &Case) -> String {
    format!("{} ({})", build(), configuration(case))
}

/// Which release the subject is, and how it was built.
pub fn build() -> String {
    let asserting = if ASSERTIONS { " with debug assertions" } else { "" };
    format!("wasmtime {VERSION}{asserting}")
}

/// How the subject was configured and called: what is on or called otherwise, and what is off that mostly is on.
fn configuration(case: &Case) -> String {
    let Case { tuning, paths, .. } = case;
    let on = |on: bool, name: &str| on.then(|| name.to_string());
    let path = |path: Path, name: String| (path != Path::PLAIN).then_some(name);
    let names: Vec<_> = [
        on(tuning.optimize, "optimize"),
        on(tuning.pooling, "pooling"),
        on(tuning.moving_memory, "moving-memory"),
        on(tuning.concurrency, "concurrency"),
        on(!tuning.signals, "no signals"),
        on(!tuning.guards, "no guards"),
        on(tuning.fuel, "fuel"),
        on(tuning.epochs, "epochs"),
        path(paths.call, host::print_call_path(paths.call)),
        path(paths.import, host::print_import_path(paths.import)),
        on(paths.polls != 0, &format!("polls {}", paths.polls)),
        on(paths.neighbor, "neighbor"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if names.is_empty() { "no options".to_string() } else { names.join(", ") }
}

/// The call itself, without what comes of it.
pub(super) fn call_itself(case: &Case, call: usize) -> Option<String> {
    let args = &case.calls.get(call)?.args;
    Some(format!("{EXPORT}({})", values(args, params(case))))
}

/// What stands for the call where there was none.
pub(super) const NOT_CALLED: &str = "none: the component was not accepted";

pub(super) fn called(case: &Case, call: usize) -> String {
    let Some(made) = call_itself(case, call) else {
        return NOT_CALLED.to_string();
    };
    let opts = case.shape.guests[0].export.opts;
    let mut text = format!("{call}: {made}  {}", encoding(opts.string_encoding));
    mistake(case, call).iter().for_each(|mistake| text += &format!("; {mistake}"));
    for (number, guest) in case.shape.guests.iter().enumerate() {
        if let Some(import) = &guest.import {
            let name = function_name(number + 1);
            text += &format!("; {name} {}", encoding(import.opts.string_encoding));
        }
        if let Some(next) = case.shape.guests.get(number + 1) {
            text += &format!(" to {}", encoding(next.export.opts.string_encoding));
        }
    }
    text
}

fn encoding(encoding: StringEncoding) -> String {
    format!("string-encoding={}", encoding.name())
}

pub(super) fn place(at: Where) -> String {
    match at {
        Where::Outcome => "end".to_string(),
        Where::HostEvent(i) => format!("host {i}"),
        Where::GuestEvent { guest: 0, number } => format!("event {number}"),
        Where::GuestEvent { guest, number } => format!("event {number} of guest {guest}"),
        Where::Result => "result".to_string(),
        Where::MemorySize { guest: 0 } => "size".to_string(),
        Where::MemorySize { guest } => format!("size of guest {guest}"),
        Where::Memory { guest: 0, address } => format!("{address:#x}"),
        Where::Memory { guest, address } => format!("{address:#x} of guest {guest}"),
    }
}

pub(super) fn side(case: &Case, difference: &Difference, expected: bool) -> String {
    let observed = if expected { &difference.expected } else { &difference.observed };
    match observed {
        Observed::Outcome(end) => outcome(end),
        Observed::HostEvent(event) => host_event(case, event),
        Observed::GuestEvent(event) => guest_event(guest_of(difference.at), event),
        Observed::Result(result) => {
            let result = values(result.as_slice(), case.shape.guests[0].export.ty.results());
            format!("returned {result}").trim_end().to_string()
        }
        Observed::MemorySize(size) => format!("{size} bytes of memory"),
        Observed::Memory(bytes) => hex(bytes),
        Observed::Nothing => "nothing".to_string(),
    }
}

/// The guest whose part differs; the first, where none does.
fn guest_of(at: Where) -> usize {
    match at {
        Where::GuestEvent { guest, .. }
        | Where::MemorySize { guest }
        | Where::Memory { guest, .. } => guest,
        Where::Outcome | Where::HostEvent(_) | Where::Result => 0,
    }
}

/// Whether the subject failed as a whole.
fn is_failure(observed: &Observed) -> bool {
    matches!(observed, Observed::Outcome(Outcome::Refused(_) | Outcome::Crashed(_)))
}

/// A crash is told apart by its place, or else by what comes first in its message.
fn failure(observed: &Observed) -> String {
    let ending = ending(observed);
    let Observed::Outcome(Outcome::Crashed(message)) = observed else {
        return ending;
    };
    match message.rsplit_once(" at ") {
        Some((_, place)) => format!("{ending} at {place}"),
        None => format!("{ending}: {}", message.split([':', ',']).next().unwrap_or_default()),
    }
}

fn ending(observed: &Observed) -> String {
    match observed {
        Observed::Outcome(outcome) => ended(outcome),
        Observed::HostEvent(_)
        | Observed::GuestEvent(_)
        | Observed::Result(_)
        | Observed::MemorySize(_)
        | Observed::Memory(_)
        | Observed::Nothing => "an event".to_string(),
    }
}

/// The kind of an outcome, without its message.
pub fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Returned => "returned".to_string(),
        Outcome::Trapped(Some(trap), _) => format!("trapped {trap:?}"),
        Outcome::Trapped(None, _) => "trapped".to_string(),
        Outcome::Deadlocked(_) => "trapped Deadlock".to_string(),
        Outcome::Misused(_) => "misused".to_string(),
        Outcome::Refused(_) => "refused".to_string(),
        Outcome::Unsupported(_) => "unsupported".to_string(),
        Outcome::Exhausted(_) => "exhausted".to_string(),
        Outcome::Crashed(_) => "crashed".to_string(),
        Outcome::NotObserved(_) => "not observed".to_string(),
    }
}

fn event(observed: &Observed) -> &'static str {
    match observed {
        Observed::GuestEvent(GuestEvent::Called(_)) => "core params",
        Observed::GuestEvent(GuestEvent::Realloc { .. }) => "realloc's arguments",
        Observed::GuestEvent(GuestEvent::Reallocated(_)) => "realloc's answer",
        Observed::GuestEvent(GuestEvent::ImportReturned(_)) => "core results of the import",
        Observed::GuestEvent(GuestEvent::PostReturn(_)) => "post-return's arguments",
        Observed::GuestEvent(GuestEvent::BuiltIn { which, .. }) => match which.row().result {
            Some(Operand::Handle) => "a handle that was made",
            Some(Operand::Rep) => "a representation",
            None => "a handle that was dropped",
            Some(_) => "the answer of a built-in",
        },
        Observed::GuestEvent(GuestEvent::Destructor { .. }) => "destructor's argument",
        Observed::Outcome(_)
        | Observed::HostEvent(_)
        | Observed::Result(_)
        | Observed::MemorySize(_)
        | Observed::Memory(_)
        | Observed::Nothing => "no event",
    }
}

fn host_event_kind(observed: &Observed) -> &'static str {
    match observed {
        Observed::HostEvent(HostEvent::Called(_)) => "params of the import",
        Observed::HostEvent(HostEvent::Destructor { .. }) => "the host's destructor",
        Observed::HostEvent(HostEvent::NotCalled(_) | HostEvent::NotDropped(_)) => {
            "a handle that the host does not hold"
        }
        Observed::HostEvent(HostEvent::FirstReturned(_)) => "result of the first of two calls",
        Observed::HostEvent(HostEvent::Misused) => "a mistake of the host's",
        Observed::Outcome(_)
        | Observed::GuestEvent(_)
        | Observed::Result(_)
        | Observed::MemorySize(_)
        | Observed::Memory(_)
        | Observed::Nothing => "no event",
    }
}
