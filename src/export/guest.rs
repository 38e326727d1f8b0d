//! A guest's core module as text: its script as code that a person would write.
//! Knows what the puppet does with a script, and nothing of components.

use super::acts::acts;
use super::checks::{self, Site, numbered};
use super::memory;
use super::plan::{GuestCall, GuestPlan};
use super::text::{Lines, TRAP, block, constant, name, signature};
use crate::abi::{Core, CoreType, PtrType};
use crate::case::{End, Entry};
use crate::encode::script::slot;
use crate::types;

/// The module, after a word such as `module` or `core module $name`.
pub fn module(head: &str, guest: &GuestPlan) -> Lines {
    let mut inside = types(guest);
    inside.extend(table(guest));
    if guest.has_memory() {
        inside.push(memory(guest));
        inside.extend(memory::segments(guest));
        inside.extend(memory::begin(guest));
    }
    inside.extend(globals(guest));
    if guest.has_realloc() {
        inside.extend(memory::realloc(guest));
    }
    inside.extend(function(guest));
    if guest.has_post_return() {
        inside.extend(post_return(guest));
    }
    for resource in guest.destructors() {
        inside.extend(destructor(guest, resource));
    }
    if guest.is_checked() {
        inside.extend(checks::functions(guest));
    }
    if guest.is_asked() {
        inside.extend(check(guest));
    }
    block(head, inside)
}

fn memory(guest: &GuestPlan) -> String {
    let index = match guest.guest.ptr_type {
        PtrType::I32 => "",
        PtrType::I64 => "i64 ",
    };
    let pages = guest.guest.pages;
    format!("(memory (export \"memory\") {index}{} {})", pages.initial, pages.maximum)
}

/// Of what is in the table.
fn types(guest: &GuestPlan) -> Lines {
    let import = guest.import.iter().map(|ty| format!("(type $g (func{}))", signature(ty)));
    let is = |answers: bool| {
        guest.built_ins.iter().any(|(one, _)| one.row().result.is_some() == answers)
    };
    let answers = is(true).then(|| "(type $answers (func (param i32) (result i32)))".to_string());
    let drops = is(false).then(|| "(type $drops (func (param i32)))".to_string());
    import.chain(answers).chain(drops).collect()
}

fn table(guest: &GuestPlan) -> Lines {
    if !guest.has_table() {
        return Vec::new();
    }
    let import = guest.import.iter().map(|_| format!("g at {}", slot::IMPORT));
    let built_ins = guest.built_ins.iter().map(|(which, resource)| {
        let (name, at) = (which.name(), slot::built_in(*which, *resource));
        format!("{name} of {} at {at}", types::resource_name(*resource))
    });
    let what: Vec<_> = import.chain(built_ins).collect();
    vec![
        format!(";; What it calls: {}.", what.join(", ")),
        format!("(table (export \"imports\") {} funcref)", table_size(guest)),
    ]
}

pub fn table_size(guest: &GuestPlan) -> u32 {
    let slots = guest.built_ins.iter().map(|(which, resource)| slot::built_in(*which, *resource));
    slots.max().unwrap_or(slot::IMPORT) + 1
}

fn globals(guest: &GuestPlan) -> Lines {
    let there = [
        ("$call", guest.calls.len() > 1),
        ("$was-called", guest.again),
        ("$happened", guest.is_checked()),
    ];
    let there = there.into_iter().filter(|(_, there)| *there);
    there.map(|(name, _)| format!("(global {name} (mut i32) (i32.const 0))")).collect()
}

/// A call of the function that checks what is seen at a site, with these operands.
fn checked(guest: &GuestPlan, site: Site, operands: &str) -> Option<String> {
    let space = if operands.is_empty() { "" } else { " " };
    guest.is_checked().then(|| format!("(call {}{space}{operands})", site.check()))
}

/// `(local.get $p0) (local.get $p1)`.
fn gets(params: &[(String, CoreType)]) -> String {
    let gets: Vec<_> = params.iter().map(|(param, _)| format!("(local.get {param})")).collect();
    gets.join(" ")
}

fn function(guest: &GuestPlan) -> Lines {
    let params = numbered('p', &guest.function.params);
    let results: String =
        guest.function.results.iter().map(|ty| format!(" (result {})", name(*ty))).collect();
    let mut inside: Lines = checked(guest, Site::Function, &gets(&params)).into_iter().collect();
    inside.extend(by_call(guest, |call| {
        let mut lines = steps(guest, call);
        if call.script.returned().is_some() {
            let results = guest.function.results.iter().zip(&call.data.results);
            let constants = results.map(|(ty, bits)| constant(Core::from_bits(*ty, *bits)));
            let constants: Vec<_> = constants.collect();
            let space = if constants.is_empty() { "" } else { " " };
            lines.push(format!("(return{space}{})", constants.join(" ")));
        } else {
            lines.push(TRAP.to_string());
        }
        lines
    }));
    if guest.calls.len() > 1 {
        inside.push(TRAP.to_string());
    }
    let params = checks::params(&params);
    block(&format!("func (export \"f\"){params}{results}"), inside)
}

/// What is done in each of the calls: nothing is asked where there is but one.
fn by_call(guest: &GuestPlan, of: impl Fn(&GuestCall) -> Lines) -> Lines {
    if let [call] = &guest.calls[..] {
        return of(call);
    }
    let mut lines = Vec::new();
    for (number, call) in guest.calls.iter().enumerate() {
        let then = of(call);
        if !then.is_empty() {
            let head = format!("if (i32.eq (global.get $call) (i32.const {number}))");
            lines.extend(block(&head, block("then", then)));
        }
    }
    lines
}

fn steps(guest: &GuestPlan, call: &GuestCall) -> Lines {
    let lines = acts(guest, &call.script.function, call.data.function(call.script));
    if !guest.again || lines.is_empty() {
        return lines;
    }
    let mut once = vec!["(global.set $was-called (i32.const 1))".to_string()];
    once.extend(lines);
    block("if (i32.eqz (global.get $was-called))", block("then", once))
}

/// What is done where the guest is entered so, and nothing is returned.
fn silent_turn(guest: &GuestPlan, call: &GuestCall, wanted: Entry) -> Lines {
    let turns = call.script.turns().zip(&call.data.turns);
    let wanted = turns.filter(|((entry, _), _)| *entry == wanted);
    let lines = wanted.flat_map(|((_, turn), words)| {
        let traps = (turn.end == End::Trap).then(|| TRAP.to_string());
        acts(guest, turn, words).into_iter().chain(traps)
    });
    lines.collect()
}

fn post_return(guest: &GuestPlan) -> Lines {
    let params = numbered('r', &guest.function.results);
    let mut inside: Lines = checked(guest, Site::PostReturn, &gets(&params)).into_iter().collect();
    inside.extend(by_call(guest, |call| silent_turn(guest, call, Entry::PostReturn)));
    block(&format!("func (export \"post-return\"){}", checks::params(&params)), inside)
}

fn destructor(guest: &GuestPlan, resource: types::Resource) -> Lines {
    let operands = format!("(i32.const {resource}) (local.get $rep)");
    let mut inside: Lines = checked(guest, Site::Destructor, &operands).into_iter().collect();
    inside.extend(by_call(guest, |call| silent_turn(guest, call, Entry::Destructor)));
    block(&format!("func (export \"destructor-{resource}\") (param $rep i32)"), inside)
}

/// What is asked after each call: was all as it has to be? Then it gets ready for the next.
fn check(guest: &GuestPlan) -> Lines {
    let mut lines = Vec::new();
    let in_memory = guest.has_memory() && guest.is_checked();
    if in_memory {
        lines.extend(memory::check_functions(guest));
    }
    let mut inside = Vec::new();
    for (number, call) in guest.calls.iter().enumerate() {
        let Some(seen) = call.seen else { continue };
        let happened = checks::seen_until(guest, number);
        let mut then =
            vec![format!("(call $expect (i32.eq (global.get $happened) (i32.const {happened})))")];
        if in_memory {
            then.extend(memory::check(guest, seen, call.nans));
        }
        if guest.calls.len() == 1 {
            inside = then;
            break;
        }
        then.extend(get_ready(guest, number + 1));
        let head = format!("if (i32.eq (global.get $call) (i32.const {number}))");
        inside.extend(block(&head, block("then", then)));
    }
    lines.push(";; Asked after a call: has all that had to happen, and nothing else?".to_string());
    lines.extend(block("func (export \"check\")", inside));
    lines
}

fn get_ready(guest: &GuestPlan, call: usize) -> Lines {
    let mut lines = vec![format!("(global.set $call (i32.const {call}))")];
    if call == guest.calls.len() {
        return vec!["(return)".to_string()];
    }
    if guest.again {
        lines.push("(global.set $was-called (i32.const 0))".to_string());
    }
    if guest.has_realloc() {
        lines.push(format!("(global.set $heap {})", memory::heap(guest, call)));
        if memory::is_scripted(guest) {
            lines.push("(global.set $reallocs (i32.const 0))".to_string());
        }
    }
    if guest.has_memory() {
        lines.extend(memory::given(guest, call));
    }
    lines.push("(return)".to_string());
    lines
}
