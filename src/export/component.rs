//! The component of a case as text: one guest, or several as siblings.
//! Knows nothing of what is in a guest's core module.

use super::guest::{module, table_size};
use super::plan::{GuestPlan, Plan, is_spoken_of};
use super::text::{Lines, block, signature};
use super::types::Types;
use crate::abi::{CoreFuncType, StringEncoding};
use crate::case::{CanonOpts, Resource, function_name};
use crate::encode::Standing;
use crate::encode::script::slot;
use crate::types::{self, resource_name};

/// The name under which the whole component exports what is asked after a call.
pub fn check_name(guest: usize) -> String {
    if guest == 0 { "check".to_string() } else { format!("check{guest}") }
}

/// The first release whose text format takes a destructor for a core function without being told.
const DESTRUCTORS_ARE_CORE: u32 = 48;

/// The component, without a name, for a reader of the release with this first number.
pub fn component(plan: &Plan, release: u32) -> Lines {
    match &plan.guests[..] {
        [guest] => single("component", guest, release).lines,
        _ => chain(plan, release),
    }
}

struct Single<'a> {
    lines: Lines,
    imported_types: Vec<(String, &'a types::Type)>,
}

/// The component of one guest.
fn single<'a>(head: &str, guest: &'a GuestPlan, release: u32) -> Single<'a> {
    let mut types = Types::default();
    for (number, standing) in &guest.resources {
        if *standing == Standing::Imported {
            types.import_resource(*number);
        }
    }
    let mut lines = types.take_lines();
    if let Some(function) = &guest.guest.import {
        let signature = types.signature(&function.ty);
        lines.extend(types.take_lines());
        lines.push(format!("(import \"g\" (func $g{signature}))"));
    }
    lines.extend(module("core module $guest-code", guest));
    lines.push("(core instance $guest (instantiate $guest-code))".to_string());
    lines.extend(aliases(guest));
    for (number, standing) in &guest.resources {
        if let Standing::Defined { destructor } = standing {
            lines.push(resource(*number, *destructor, release));
            types.export_resource(*number);
            lines.extend(types.take_lines());
        }
    }
    if guest.has_table() {
        lines.extend(wire(guest));
    }
    let signature = types.signature(&guest.guest.export.ty);
    lines.extend(types.take_lines());
    let options = options(&guest.guest.export.opts);
    lines.extend(block(
        &format!("func (export \"f\"){signature}"),
        vec![format!("(canon lift (core func $guest \"f\"){options})")],
    ));
    if guest.is_asked() {
        lines.push(
            "(func (export \"check\") (canon lift (core func $guest \"check\")))".to_string(),
        );
    }
    Single { lines: block(head, lines), imported_types: types.imported }
}

fn resource(number: types::Resource, destructor: bool, release: u32) -> String {
    let name = resource_name(number);
    let destructor = match destructor {
        true if release < DESTRUCTORS_ARE_CORE => format!(" (dtor (func $destructor-{number}))"),
        true => format!(" (dtor $destructor-{number})"),
        false => String::new(),
    };
    format!("(type ${name}' (resource (rep i32){destructor}))")
}

fn options(opts: &CanonOpts) -> String {
    let mut text = match opts.string_encoding {
        StringEncoding::Utf8 => String::new(),
        other @ (StringEncoding::Utf16 | StringEncoding::Latin1OrUtf16) => {
            format!(" string-encoding={}", other.name())
        }
    };
    if opts.memory {
        text += " (memory $memory)";
    }
    if opts.realloc {
        text += " (realloc $realloc)";
    }
    if opts.post_return {
        text += " (post-return $post-return)";
    }
    text
}

/// What options refer to. Every version of the text format has names for it.
fn aliases(guest: &GuestPlan) -> Lines {
    let there = [
        ("memory", "memory", guest.has_memory()),
        ("func", "realloc", guest.has_realloc()),
        ("func", "post-return", guest.has_post_return()),
        ("table", "imports", guest.has_table()),
    ];
    let there = there.into_iter().filter(|(.., there)| *there);
    let alias = |kind: &str, name: &str| {
        format!("(alias core export $guest \"{name}\" (core {kind} ${name}))")
    };
    let destructors = guest.destructors().into_iter();
    let destructors = destructors.map(|number| alias("func", &format!("destructor-{number}")));
    there.map(|(kind, name, _)| alias(kind, name)).chain(destructors).collect()
}

/// A core function that the guest finds in its table.
struct Wired {
    slot: u32,
    name: String,
    ty: CoreFuncType,
}

/// What the guest may call is made with its memory, so it comes to it by a table.
fn wire(guest: &GuestPlan) -> Lines {
    let mut lines = Vec::new();
    let mut wired = Vec::new();
    if let (Some(function), Some(ty)) = (&guest.guest.import, &guest.import) {
        let options = options(&function.opts);
        lines.push(format!("(core func $core-g (canon lower (func $g){options}))"));
        let name = "core-g".to_string();
        wired.push(Wired { slot: slot::IMPORT, name, ty: ty.clone() });
    }
    for (which, number) in &guest.built_ins {
        let resource = resource_name(*number);
        let name = format!("{resource}-{}", which.verb());
        let canon = which.name();
        lines.push(format!("(core func ${name} (canon {canon} ${resource}))"));
        let ty = which.core_type(guest.guest.ptr_type, crate::abi::CoreType::I32);
        wired.push(Wired { slot: slot::built_in(*which, *number), name, ty });
    }
    lines.extend(wire_module(guest, &wired));
    let mut exports = vec!["(export \"imports\" (table $imports))".to_string()];
    exports.extend(
        wired.iter().map(|Wired { name, .. }| format!("(export \"{name}\" (func ${name}))")),
    );
    let with = block("with \"\"", block("instance", exports));
    lines.extend(block("core instance", block("instantiate $wire", with)));
    lines
}

fn wire_module(guest: &GuestPlan, wired: &[Wired]) -> Lines {
    let mut inside =
        vec![format!("(import \"\" \"imports\" (table {} funcref))", table_size(guest))];
    for Wired { name, ty, .. } in wired {
        inside.push(format!("(import \"\" \"{name}\" (func ${name}{}))", signature(ty)));
    }
    for Wired { slot, name, .. } in wired {
        inside.push(format!("(elem (i32.const {slot}) func ${name})"));
    }
    block("core module $wire", inside)
}

/// The guests as siblings. The last comes first, for the one before it imports from it.
fn chain(plan: &Plan, release: u32) -> Lines {
    let case = plan.case;
    let mut types = Types::default();
    for (number, resource) in (0..).zip(&case.shape.resources) {
        if *resource == Resource::Host && is_spoken_of(case, number) {
            types.import_resource(number);
        }
    }
    let mut lines = types.take_lines();
    let mut function = None;
    if let Some(import) = plan.guests.last().and_then(|last| last.guest.import.as_ref()) {
        let name = function_name(plan.guests.len());
        let signature = types.signature(&import.ty);
        lines.extend(types.take_lines());
        lines.push(format!("(import \"{name}\" (func $host{signature}))"));
        function = Some("(func $host)".to_string());
    }
    for guest in plan.guests.iter().rev() {
        lines.extend(sibling(guest, function.as_deref(), &mut types, release));
        function = Some(format!("(func $guest{} \"f\")", guest.number));
    }
    let signature = types.signature(&case.shape.guests[0].export.ty);
    lines.extend(types.take_lines());
    lines.push(format!("(export \"f\" (func $guest0 \"f\") (func{signature}))"));
    block("component", lines)
}

fn sibling<'a>(
    guest: &'a GuestPlan,
    function: Option<&str>,
    types: &mut Types<'a>,
    release: u32,
) -> Lines {
    let number = guest.number;
    let Single { mut lines, imported_types } =
        single(&format!("component $guest{number}-code"), guest, release);
    let mut with = Vec::new();
    for (number, standing) in &guest.resources {
        if *standing == Standing::Imported {
            let name = resource_name(*number);
            with.push(format!("(with \"{name}\" (type ${name}))"));
        }
    }
    for (name, ty) in imported_types {
        let here = types.ty(ty);
        with.push(format!("(with \"{name}\" (type {here}))"));
    }
    with.extend(function.map(|function| format!("(with \"g\" {function})")));
    lines.extend(types.take_lines());
    let instantiate = block(&format!("instantiate $guest{number}-code"), with);
    lines.extend(block(&format!("instance $guest{number}"), instantiate));
    for (resource, standing) in &guest.resources {
        if let Standing::Defined { .. } = standing {
            let name = resource_name(*resource);
            lines.push(format!("(alias export $guest{number} \"{name}\" (type ${name}'))"));
            types.export_resource(*resource);
            lines.extend(types.take_lines());
        }
    }
    if guest.is_asked() {
        lines.push(format!("(export \"{}\" (func $guest{number} \"check\"))", check_name(number)));
    }
    lines
}
