//! What a guest is to see, as core code that traps where it sees something else.
//! Knows the events that the reference has logged, and not how they come about.

use std::collections::BTreeMap;

use super::plan::{GuestCall, GuestPlan};
use super::text::{Lines, block, constant, name, number};
use crate::abi::{Core, CoreType, NanLeaf, Place};
use crate::encode::script::slot;
use crate::observation::GuestEvent;

/// Where a guest sees something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    Function,
    Realloc,
    Import,
    PostReturn,
    BuiltIn,
    Destructor,
}

/// One thing that is to be seen at a site.
struct Seen {
    /// Its number among all that the guest sees.
    number: usize,
    values: Vec<Core>,
    /// Which of the values are any NaN, and how wide that is.
    nans: Vec<(usize, u32)>,
}

impl Site {
    pub const ALL: [Site; 6] = [
        Site::Function,
        Site::Realloc,
        Site::Import,
        Site::PostReturn,
        Site::BuiltIn,
        Site::Destructor,
    ];

    /// The function that checks.
    pub fn check(self) -> &'static str {
        match self {
            Site::Function => "$check-f",
            Site::Realloc => "$check-realloc",
            Site::Import => "$check-g",
            Site::PostReturn => "$check-post-return",
            Site::BuiltIn => "$check-built-in",
            Site::Destructor => "$check-destructor",
        }
    }

    fn params(self, guest: &GuestPlan) -> Vec<(String, CoreType)> {
        let ptr = guest.guest.ptr_type.core_type();
        let named =
            |names: &[&str], ty| names.iter().map(|name| (format!("${name}"), ty)).collect();
        match self {
            Site::Function => numbered('p', &guest.function.params),
            Site::Realloc => named(&["old", "old-size", "align", "new-size"], ptr),
            Site::Import => {
                let import = guest.import.as_ref();
                import.map_or(Vec::new(), |import| numbered('r', &import.results))
            }
            Site::PostReturn => numbered('r', &guest.function.results),
            Site::BuiltIn => named(&["slot", "answer"], CoreType::I32),
            Site::Destructor => named(&["resource", "rep"], CoreType::I32),
        }
    }

    fn is_there(self, guest: &GuestPlan) -> bool {
        match self {
            Site::Function => true,
            Site::Realloc => guest.has_realloc(),
            Site::Import => guest.import.is_some(),
            Site::PostReturn => guest.has_post_return(),
            Site::BuiltIn => !guest.built_ins.is_empty(),
            Site::Destructor => !guest.destructors().is_empty(),
        }
    }
}

pub fn numbered(letter: char, types: &[CoreType]) -> Vec<(String, CoreType)> {
    types.iter().enumerate().map(|(i, ty)| (format!("${letter}{i}"), *ty)).collect()
}

/// ` (param $p0 i32) (param $p1 i64)`.
pub fn params(params: &[(String, CoreType)]) -> String {
    params.iter().map(|(param, ty)| format!(" (param {param} {})", name(*ty))).collect()
}

/// How much a guest sees until this call has come back.
pub fn seen_until(guest: &GuestPlan, call: usize) -> usize {
    guest.calls[..=call].iter().map(|call| events(call).count()).sum()
}

/// What is logged, but for answers of `realloc`, which follow from what it was asked.
fn events<'a>(call: &'a GuestCall) -> impl Iterator<Item = &'a GuestEvent> {
    let events = call.seen.iter().flat_map(|seen| &seen.events);
    events.filter(|event| !matches!(event, GuestEvent::Reallocated(_)))
}

/// The functions that check.
pub fn functions(guest: &GuestPlan) -> Lines {
    let mut lines = vec![
        ";; Traps (integer divide by zero) where something is not as it has to be.".to_string(),
        "(func $expect (param $so i32) (drop (i32.div_u (i32.const 1) (local.get $so))))"
            .to_string(),
        ";; Whether this is the next thing that has to happen. If so, the one after it is next."
            .to_string(),
    ];
    lines.extend(block(
        "func $next (param $number i32) (result i32)",
        vec![
            "(if (i32.ne (global.get $happened) (local.get $number)) (then (return (i32.const 0))))"
                .to_string(),
            "(global.set $happened (i32.add (local.get $number) (i32.const 1)))".to_string(),
            "(i32.const 1)".to_string(),
        ],
    ));
    let mut seen = all_seen(guest);
    for site in Site::ALL.into_iter().filter(|site| site.is_there(guest)) {
        let seen = seen.remove(&site).unwrap_or_default();
        lines.extend(function(guest, site, &seen));
    }
    lines
}

fn function(guest: &GuestPlan, site: Site, seen: &[Seen]) -> Lines {
    let params = site.params(guest);
    let mut inside = Vec::new();
    let open = guest.calls.iter().position(|call| call.seen.is_none());
    if let Some(call) = open.filter(|_| guest.calls.len() > 1) {
        // What is seen on the way to a trap is not fixed.
        inside.push(format!("(if (i32.eq (global.get $call) (i32.const {call})) (then (return)))"));
    }
    let last = seen.len().checked_sub(1);
    for (i, one) in seen.iter().enumerate() {
        let mut checks = checks(&params, one);
        if last == Some(i) {
            // Nothing else is left that it could be.
            inside.push(format!("(call $expect (call $next (i32.const {})))", one.number));
            inside.extend(checks);
        } else {
            checks.push("(return)".to_string());
            let head = format!("if (call $next (i32.const {}))", one.number);
            inside.extend(block(&head, block("then", checks)));
        }
    }
    if seen.is_empty() {
        inside.push("(call $expect (i32.const 0))".to_string());
    }
    block(&format!("func {}{}", site.check(), self::params(&params)), inside)
}

fn checks(params: &[(String, CoreType)], seen: &Seen) -> Lines {
    let pairs = params.iter().zip(&seen.values).enumerate();
    let checks = pairs.flat_map(|(i, ((param, _), value))| {
        let nan = seen.nans.iter().find(|(index, _)| *index == i).map(|(_, width)| *width);
        equal(param, *value, nan)
    });
    checks.map(|so| format!("(call $expect {so})")).collect()
}

/// What has to be so of a value.
fn equal(param: &str, value: Core, nan: Option<u32>) -> Vec<String> {
    let get = format!("(local.get {param})");
    match (value, nan) {
        (Core::I32(_) | Core::I64(_), None) => {
            vec![format!("({}.eq {get} {})", name(value.ty()), constant(value))]
        }
        (Core::F32(bits), None) => {
            vec![format!("(i32.eq (i32.reinterpret_f32 {get}) (i32.const 0x{bits:x}))")]
        }
        (Core::F64(bits), None) => {
            vec![format!("(i64.eq (i64.reinterpret_f64 {get}) (i64.const 0x{bits:x}))")]
        }
        (Core::F32(_), Some(_)) => vec![is_nan("f32", &get)],
        (Core::F64(_), Some(_)) => vec![is_nan("f64", &get)],
        (Core::I32(_), Some(_)) => vec![is_nan("f32", &format!("(f32.reinterpret_i32 {get})"))],
        (Core::I64(_), Some(4)) => vec![
            format!("(i64.eqz (i64.shr_u {get} (i64.const 32)))"),
            is_nan("f32", &format!("(f32.reinterpret_i32 (i32.wrap_i64 {get}))")),
        ],
        (Core::I64(_), Some(_)) => vec![is_nan("f64", &format!("(f64.reinterpret_i64 {get})"))],
    }
}

/// Only a NaN is not equal to itself.
pub fn is_nan(ty: &str, value: &str) -> String {
    format!("({ty}.ne {value} {value})")
}

/// What a guest is to see, by where.
fn all_seen(guest: &GuestPlan) -> BTreeMap<Site, Vec<Seen>> {
    let mut all: BTreeMap<Site, Vec<Seen>> = BTreeMap::new();
    let mut number = 0;
    for call in &guest.calls {
        let mut lowering = 0;
        for event in events(call) {
            let (site, values) = site(event, guest);
            let mut nans = Vec::new();
            if matches!(site, Site::Function | Site::Import) {
                lowering += 1;
                nans = call.nans.iter().filter_map(|leaf| flat_nan(leaf, lowering)).collect();
            }
            all.entry(site).or_default().push(Seen { number, values, nans });
            number += 1;
        }
    }
    all
}

fn flat_nan(leaf: &NanLeaf, lowering: usize) -> Option<(usize, u32)> {
    match leaf.place {
        Place::Flat(index) if leaf.lowering == lowering => Some((index, leaf.width)),
        Place::Flat(_) | Place::Memory(_) => None,
    }
}

fn site(event: &GuestEvent, guest: &GuestPlan) -> (Site, Vec<Core>) {
    let ptr = |value: &u64| Core::from_bits(guest.guest.ptr_type.core_type(), *value);
    match event {
        GuestEvent::Called(flat) => (Site::Function, flat.clone()),
        GuestEvent::Realloc { old, old_size, align, new_size } => {
            (Site::Realloc, [old, old_size, align, new_size].map(ptr).to_vec())
        }
        GuestEvent::Reallocated(ptr) => unreachable!("{} was filtered out", number(*ptr)),
        GuestEvent::ImportReturned(flat) => (Site::Import, flat.clone()),
        GuestEvent::PostReturn(flat) => (Site::PostReturn, flat.clone()),
        GuestEvent::BuiltIn { which, of, answer } => {
            let slot = Core::I32(slot::built_in(*which, *of));
            (Site::BuiltIn, vec![slot, Core::I32(answer.unwrap_or_default())])
        }
        GuestEvent::Destructor { resource, rep } => {
            (Site::Destructor, vec![Core::I32(*resource), Core::I32(*rep)])
        }
    }
}
