//! A case file as text, in the one spelling that is canonical: what is plain is not said.

use crate::abi::{PtrType, StringEncoding};
use crate::case::paths::{Path, Paths};
use crate::case::{Act, Call, CanonOpts, Case, End, Entry, Function, Guest, ImportCall, Pages};
use crate::case::{Passed, Resource, Script, Shape, Tuning, Turn};
use crate::types::Type;
use crate::value::Value;

use super::{CaseFile, core, host, quote, script, wave, wit};

/// The text that `parse` reads as this file.
pub fn print(file: &CaseFile) -> String {
    let mut out = text("rule", &file.rule);
    out += &file.story.as_ref().map(|story| text("story", story)).unwrap_or_default();
    out += &format!("wit = {}\n", quote::lines(&wit::print(&file.case.shape)));
    out += &case(&file.case);
    if !file.expect.is_empty() {
        let lines = file.expect.iter().map(|line| quote::string(line));
        out += &format!("\n[expect]\n{}", quote::column("lines", &lines.collect::<Vec<_>>()));
    }
    out
}

fn text(key: &str, text: &str) -> String {
    let value = if text.contains('\n') { quote::lines(text) } else { quote::string(text) };
    format!("{key} = {value}\n")
}

fn case(case: &Case) -> String {
    let Shape { guests, resources } = &case.shape;
    let [first, further @ ..] = &guests[..] else {
        return subject(case.tuning) + &paths(case.paths);
    };
    let mut out = code(first) + &subject(case.tuning) + &paths(case.paths) + &memory("", first);
    out += &resources.iter().map(|defined| resource(*defined)).collect::<String>();
    out += &functions("", first);
    for guest in further {
        let memory = memory("guest.", guest);
        out += &format!("\n[[guest]]\n{}{memory}{}", code(guest), functions("guest.", guest));
    }
    case.calls.iter().fold(out, |out, c| out + &call(c, guests))
}

/// What nobody scripted.
fn code(guest: &Guest) -> String {
    let text = guest.noise.as_ref().map(|module| quote::lines(&core::print(module)));
    text.map(|text| format!("core = {text}\n")).unwrap_or_default()
}

fn subject(tuning: Tuning) -> String {
    let choices = tuning.unusual().map(|(name, on)| format!("{name} = {on}\n"));
    table("subject", &choices.collect::<String>())
}

/// A table, left out if it has no keys.
fn table(name: &str, keys: &str) -> String {
    if keys.is_empty() { String::new() } else { format!("\n[{name}]\n{keys}") }
}

/// A key that is there where it is true.
fn on(key: &str, given: bool) -> String {
    if given { format!("{key} = true\n") } else { String::new() }
}

fn paths(paths: Paths) -> String {
    let Paths { call, import, polls, neighbor } = paths;
    let mut out = String::new();
    if call != Path::PLAIN {
        out += &format!("call = \"{}\"\n", host::print_call_path(call));
    }
    if import != Path::PLAIN {
        out += &format!("import = \"{}\"\n", host::print_import_path(import));
    }
    if polls != 0 {
        out += &format!("polls = {polls}\n");
    }
    out += &on("neighbor", neighbor);
    table("paths", &out)
}

/// `within` is the path of the table around it.
fn memory(within: &str, guest: &Guest) -> String {
    let Pages { initial, maximum } = guest.pages;
    let mut out = String::new();
    if initial != Pages::ONE.initial {
        out += &format!("initial = {initial}\n");
    }
    if maximum != initial {
        out += &format!("maximum = {maximum}\n");
    }
    out += match guest.ptr_type {
        PtrType::I32 => "",
        PtrType::I64 => "addresses = 64\n",
    };
    table(&format!("{within}memory"), &out)
}

fn resource(resource: Resource) -> String {
    let destructor = match resource {
        Resource::Host => String::new(),
        Resource::Guest { destructor, .. } => on("destructor", destructor),
    };
    let definer = script::print_resource(resource);
    format!("\n[[resource]]\ndefined-by = \"{definer}\"\n{destructor}")
}

fn functions(within: &str, guest: &Guest) -> String {
    let export = opts(&format!("{within}export"), &guest.export);
    let import = guest.import.as_ref().map(|import| opts(&format!("{within}import"), import));
    export + &import.unwrap_or_default()
}

fn opts(name: &str, function: &Function) -> String {
    let CanonOpts { string_encoding, memory, realloc, post_return } = function.opts;
    let mut out = String::new();
    if string_encoding != StringEncoding::Utf8 {
        out += &format!("string-encoding = \"{}\"\n", string_encoding.name());
    }
    let given = [("memory", memory), ("realloc", realloc), ("post-return", post_return)];
    out += &given.map(|(key, given)| on(key, given)).concat();
    table(name, &out)
}

fn call(call: &Call, guests: &[Guest]) -> String {
    let mut out = "\n[[call]]\n".to_string();
    let manner = host::print_manner(call.manner);
    out += &manner.map(|words| format!("manner = \"{words}\"\n")).unwrap_or_default();
    let params = guests.first().map_or(&[][..], |guest| &guest.export.ty.params);
    out += &list("args", values(&call.args, params));
    for (number, (guest, script)) in guests.iter().zip(&call.scripts).enumerate() {
        let within = if number == 0 { "call." } else { "call.guest." };
        out += if number == 0 { "" } else { "\n[[call.guest]]\n" };
        out += &actions(script);
        out += &if number == 0 { host_drops(&call.host_drops) } else { String::new() };
        out += &script.function.acts.iter().map(|act| step(within, act, guest)).collect::<String>();
        out += &finish(within, script.returned(), guest.export.ty.results());
    }
    out
}

/// The keys of a script that are no tables.
fn actions(script: &Script) -> String {
    let mut out = String::new();
    if !script.realloc.is_empty() {
        let turns = script.realloc.iter().map(|turn| script::print_turn(Entry::Realloc, turn));
        out += &quote::words("realloc", &strings(turns));
    }
    if script.function.end == End::Trap {
        out += "finish = \"trap\"\n";
    }
    out += &turn("post-return", Entry::PostReturn, &script.post_return);
    out + &turn("destructor", Entry::Destructor, &script.destructor)
}

fn turn(key: &str, entry: Entry, turn: &Turn) -> String {
    let words = || format!("{key} = \"{}\"\n", script::print_turn(entry, turn));
    if turn.is_plain() { String::new() } else { words() }
}

fn host_drops(handles: &[u32]) -> String {
    let numbers: Vec<String> = handles.iter().map(u32::to_string).collect();
    if numbers.is_empty() { String::new() } else { quote::words("host-drops", &numbers) }
}

fn step(within: &str, act: &Act, guest: &Guest) -> String {
    let keys = match act.import() {
        Some(call) => import_call(call, guest.import.as_ref()),
        None => {
            let word = script::print_act(act);
            word.map(|word| format!("act = \"{word}\"\n")).unwrap_or_default()
        }
    };
    format!("\n[[{within}step]]\n{keys}")
}

fn import_call(call: &ImportCall, import: Option<&Function>) -> String {
    let types = import.map_or(&[][..], |import| &import.ty.params);
    let result = import.and_then(|import| import.ty.result.as_ref());
    let answer = script::print_answer(&call.answer, result);
    let answer = answer.map(|answer| format!("answer = {}\n", quote::string(&answer)));
    passed(&call.passed, types) + &answer.unwrap_or_default()
}

/// A function that returns nothing, as it should, needs no words.
fn finish(within: &str, returned: Option<&Passed>, types: &[Type]) -> String {
    let keys = returned.map(|what| passed(what, types)).unwrap_or_default();
    if keys.is_empty() { keys } else { format!("\n[{within}return]\n{keys}") }
}

fn passed(passed: &Passed, types: &[Type]) -> String {
    match passed {
        Passed::Lowered { values: lowered, patches } => {
            list("values", values(lowered, types))
                + &list("patches", patches.iter().map(script::print_patch))
        }
        // Even an empty list, since it says that the guest passes raw data.
        Passed::Raw { flat, memory } => {
            let flat = strings(flat.iter().map(|bits| script::print_word(*bits)));
            quote::words("flat", &flat) + &list("memory", memory.iter().map(script::print_chunk))
        }
    }
}

fn values(values: &[Value], types: &[Type]) -> impl Iterator<Item = String> {
    values.iter().zip(types).map(|(value, ty)| wave::print(value, ty))
}

/// An array of strings, left out if it is empty.
fn list(key: &str, items: impl Iterator<Item = String>) -> String {
    let items = strings(items);
    if items.is_empty() { String::new() } else { quote::array(key, &items) }
}

fn strings(items: impl Iterator<Item = String>) -> Vec<String> {
    items.map(|item| quote::block(&item)).collect()
}
