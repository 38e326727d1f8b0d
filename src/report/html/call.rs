//! What is called and passed, as whoever wrote the case would say it.
//! Knows scripts; nothing of what became of them.

use super::write::Html;
use crate::case::text::wit;
use crate::case::{Answer, Case, ImportCall, Passed, function_name};
use crate::encode::EXPORT;
use crate::report::disagreement::{NOT_CALLED, call_itself};
use crate::report::timeline::{guest_name, mistake, values, word};
use crate::types::{FuncType, Type};
use crate::value::Value;

pub(super) fn call(html: &mut Html, case: &Case) {
    html.leaf("h3", &[], "Types, as WIT");
    html.code(wit(&case.shape).trim_end());
    html.leaf("h3", &[], "Values, as WAVE");
    let lines: Vec<_> = (0..case.calls.len()).flat_map(|call| lines(case, call)).collect();
    html.code(&lines.join("\n"));
    html.leaf("p", &[("class", "note")], &chain(case));
    if let Some(encodings) = encodings(case) {
        html.leaf("p", &[("class", "note")], &encodings);
    }
}

/// The call itself, or that there was none.
pub(super) fn called(case: &Case, call: usize) -> String {
    call_itself(case, call).unwrap_or_else(|| NOT_CALLED.to_string())
}

/// A line for the host's call, and below it one for each thing that a guest passes.
fn lines(case: &Case, call: usize) -> Vec<String> {
    let mistake = mistake(case, call).map_or(String::new(), |mistake| format!("; {mistake}"));
    let drops = match case.calls[call].host_drops.as_slice() {
        [] => String::new(),
        drops => format!("; then the host drops {drops:?}"),
    };
    let mut lines = vec![format!("call {call}: {}{mistake}{drops}", called(case, call))];
    for (guest, script) in case.calls[call].scripts.iter().enumerate() {
        let Some(shape) = case.shape.guests.get(guest) else { continue };
        let name = guest_name(guest);
        if let Some(import) = &shape.import {
            let calls = script.import_calls();
            lines.extend(calls.map(|call| import_line(&name, guest, &import.ty, call)));
        }
        match (script.returned(), &shape.export.ty.result) {
            (Some(passed), Some(ty)) => {
                let what = handed_over(passed, std::slice::from_ref(ty), ["", ""]);
                lines.push(format!("  {name} returns {what}"));
            }
            (Some(_), None) => {}
            (None, _) => lines.push(format!("  {name} traps")),
        }
    }
    lines
}

fn import_line(name: &str, guest: usize, ty: &FuncType, call: &ImportCall) -> String {
    let passed = handed_over(&call.passed, &ty.params, ["(", ")"]);
    let answer = match &call.answer {
        Answer::Guest => String::new(),
        Answer::Return(value) => answer(value.as_ref(), ty, "returns"),
        Answer::Reenter(value) => answer(value.as_ref(), ty, &format!("calls {EXPORT}, returns")),
        Answer::Error => "; the host fails".to_string(),
    };
    format!("  {name} calls {}{passed}{answer}", function_name(guest + 1))
}

fn answer(value: Option<&Value>, ty: &FuncType, does: &str) -> String {
    let value = values(value.map(std::slice::from_ref).unwrap_or_default(), ty.results());
    format!("; the host {does} {value}").trim_end().to_string()
}

/// What a guest hands over: as values where it does so by the rules, but for some damage.
fn handed_over(passed: &Passed, types: &[Type], [open, close]: [&str; 2]) -> String {
    match passed {
        Passed::Lowered { values: lowered, patches } => {
            let damage = match patches.len() {
                0 => "",
                1 => ", damaged in one place",
                _ => ", damaged in several places",
            };
            format!("{open}{}{close}{damage}", values(lowered, types))
        }
        Passed::Raw { flat, memory } => {
            let with = if open.is_empty() { "" } else { " with " };
            let flat: Vec<_> = flat.iter().map(|bits| word(*bits)).collect();
            let bytes: usize = memory.iter().map(|chunk| chunk.bytes.len()).sum();
            let memory =
                if bytes == 0 { String::new() } else { format!(" and {bytes} bytes of its own") };
            format!("{with}the core values ({}){memory}", flat.join(", "))
        }
    }
}

/// Who calls whom.
fn chain(case: &Case) -> String {
    let guests = &case.shape.guests;
    let mut text = format!("The host calls {EXPORT} of the guest");
    for (number, guest) in guests.iter().enumerate() {
        if guest.import.is_some() {
            let whose = if number + 1 < guests.len() {
                format!("guest {}", number + 1)
            } else {
                "the host".to_string()
            };
            text += &format!(", which may call {} of {whose}", function_name(number + 1));
        }
    }
    text + "."
}

/// Which encoding each end of each function that passes strings has.
fn encodings(case: &Case) -> Option<String> {
    let mut ends = Vec::new();
    for (number, guest) in case.shape.guests.iter().enumerate() {
        let import = guest.import.iter().map(|import| (number + 1, "lowered", import));
        for (name, does, function) in [(number, "lifted", &guest.export)].into_iter().chain(import)
        {
            if passes_strings(&function.ty) {
                let (name, guest) = (function_name(name), guest_name(number));
                let encoding = function.opts.string_encoding.name();
                ends.push(format!("{name} {does} by {guest}: {encoding}"));
            }
        }
    }
    (!ends.is_empty()).then(|| format!("String encodings: {}.", ends.join(", ")))
}

fn passes_strings(ty: &FuncType) -> bool {
    let mut types = ty.params.iter().chain(&ty.result);
    types.any(|ty| ty.any(&mut |ty| *ty == Type::String))
}
