//! A guest's memory as core code: what is in it, how `realloc` gives it away, what has to be in it.
//! Knows addresses and bytes, and nothing of what they mean.

use super::acts::acts;
use super::checks::is_nan;
use super::plan::GuestPlan;
use super::text::{Lines, TRAP, address, block, bytes, pointer};
use crate::abi::{NanLeaf, Place, PtrType};
use crate::case::{Act, End, Pointer, Turn};
use crate::encode::guest::initial_size;
use crate::encode::script::{FILL_PERIOD, filled};
use crate::observation::GuestObservation;
use crate::value::{is_nan32, is_nan64};

/// Equal bytes that are worth no new run.
const GAP: usize = 8;

/// The name of a data segment.
fn segment(call: usize, chunk: usize) -> String {
    format!("$given-{call}-{chunk}")
}

/// What the guest has in its memory for each call.
pub fn segments(guest: &GuestPlan) -> Lines {
    let calls = guest.calls.iter().enumerate();
    calls
        .flat_map(|(number, call)| {
            let chunks = call.data.memory.iter().enumerate();
            chunks.map(move |(i, chunk)| {
                format!("(data {} {})", segment(number, i), bytes(&chunk.bytes))
            })
        })
        .collect()
}

/// Puts it there.
pub fn given(guest: &GuestPlan, call: usize) -> Lines {
    let chunks = guest.calls[call].data.memory.iter().enumerate();
    chunks
        .map(|(i, chunk)| {
            let at = address(guest.guest.ptr_type, u64::from(chunk.at));
            let (segment, length) = (segment(call, i), chunk.bytes.len());
            format!("(memory.init {segment} {at} (i32.const 0) (i32.const {length}))")
        })
        .collect()
}

/// What is done before the first call.
pub fn begin(guest: &GuestPlan) -> Lines {
    let ptr_type = guest.guest.ptr_type;
    let ptr = pointer(ptr_type);
    let size = length64(initial_size(guest.guest.pages));
    let mut inside = block(
        "loop $fill",
        vec![
            format!("({ptr}.store8 (local.get $at) {})", pattern(ptr_type)),
            format!("(local.set $at ({ptr}.add (local.get $at) ({ptr}.const 1)))"),
            format!("(br_if $fill ({ptr}.lt_u (local.get $at) {}))", address(ptr_type, size)),
        ],
    );
    inside.extend(given(guest, 0));
    let mut lines = vec![
        ";; A pattern all over, so that nobody reads or writes where it is not to without being seen."
            .to_string(),
    ];
    lines.extend(block(&format!("func $begin (local $at {ptr})"), inside));
    lines.push("(start $begin)".to_string());
    lines
}

/// The byte of the pattern at `$at`.
fn pattern(ptr_type: PtrType) -> String {
    let ptr = pointer(ptr_type);
    format!("({ptr}.add ({ptr}.rem_u (local.get $at) ({ptr}.const {FILL_PERIOD})) ({ptr}.const 1))")
}

/// `$allocate` and `$realloc`.
pub fn realloc(guest: &GuestPlan) -> Lines {
    let ptr = pointer(guest.guest.ptr_type);
    let mut lines = vec![format!("(global $heap (mut {ptr}) {})", heap(guest, 0))];
    let scripted = scripted(guest);
    if !scripted.is_empty() {
        lines.push("(global $reallocs (mut i32) (i32.const 0))".to_string());
    }
    lines.extend(allocate(ptr, guest.guest.ptr_type));
    let mut inside = vec![format!("(local $block {ptr})")];
    if !scripted.is_empty() {
        inside.push("(local $number i32)".to_string());
    }
    if guest.is_checked() {
        inside.push(format!("(call {} {ARGS})", super::checks::Site::Realloc.check()));
    }
    inside.extend(scripted);
    inside.push(
        "(local.set $block (call $allocate (local.get $align) (local.get $new-size)))".into(),
    );
    inside.extend(block(
        "memory.copy (local.get $block) (local.get $old)",
        vec![format!(
            "(select (local.get $old-size) (local.get $new-size) ({ptr}.lt_u (local.get $old-size) (local.get $new-size)))"
        )],
    ));
    inside.push("(local.get $block)".to_string());
    let params: String = ["old", "old-size", "align", "new-size"]
        .iter()
        .map(|param| format!(" (param ${param} {ptr})"))
        .collect();
    let head = format!("func $realloc (export \"realloc\"){params} (result {ptr})");
    lines.extend(block(&head, inside));
    lines
}

const ARGS: &str =
    "(local.get $old) (local.get $old-size) (local.get $align) (local.get $new-size)";

/// Where the heap begins in a call.
pub fn heap(guest: &GuestPlan, call: usize) -> String {
    address(guest.guest.ptr_type, u64::from(guest.calls[call].data.heap))
}

fn allocate(ptr: &str, ptr_type: PtrType) -> Lines {
    let size = size(ptr_type);
    block(
        &format!("func $allocate (param $align {ptr}) (param $size {ptr}) (result {ptr})"),
        vec![
            format!("(local $block {ptr})"),
            format!(
                "(local.set $block ({ptr}.and ({ptr}.add (global.get $heap) ({ptr}.sub (local.get $align) ({ptr}.const 1))) ({ptr}.sub ({ptr}.const 0) (local.get $align))))"
            ),
            format!("(if ({ptr}.gt_u (local.get $block) {size}) (then (unreachable)))"),
            format!(
                "(if ({ptr}.gt_u (local.get $size) ({ptr}.sub {size} (local.get $block))) (then (unreachable)))"
            ),
            format!("(global.set $heap ({ptr}.add (local.get $block) (local.get $size)))"),
            "(local.get $block)".to_string(),
        ],
    )
}

/// The size of the memory in bytes.
fn size(ptr_type: PtrType) -> String {
    let ptr = pointer(ptr_type);
    format!("({ptr}.shl (memory.size) ({ptr}.const 16))")
}

/// Whether a script has more to say about `realloc` than that it does its work.
pub fn is_scripted(guest: &GuestPlan) -> bool {
    guest.calls.iter().any(|call| call.script.realloc.iter().any(|turn| !turn.is_plain()))
}

/// What calls of `realloc` do that are not like the others.
fn scripted(guest: &GuestPlan) -> Lines {
    if !is_scripted(guest) {
        return Vec::new();
    }
    let mut lines = vec![
        "(local.set $number (global.get $reallocs))".to_string(),
        "(global.set $reallocs (i32.add (local.get $number) (i32.const 1)))".to_string(),
    ];
    for (number, call) in guest.calls.iter().enumerate() {
        for (i, (turn, words)) in call.script.realloc.iter().zip(&call.data.turns).enumerate() {
            let action = action(guest, turn, words);
            if action.is_empty() {
                continue;
            }
            let mut condition = format!("(i32.eq (local.get $number) (i32.const {i}))");
            if guest.calls.len() > 1 {
                let in_call = format!("(i32.eq (global.get $call) (i32.const {number}))");
                condition = format!("(i32.and {in_call} {condition})");
            }
            lines.extend(block(&format!("if {condition}"), block("then", action)));
        }
    }
    lines
}

/// What such a call does before it does its work, or instead.
fn action(guest: &GuestPlan, turn: &Turn, words: &[Vec<u64>]) -> Lines {
    let mut lines = acts(guest, turn, words);
    match &turn.end {
        End::Plain | End::Return(_) => {}
        End::Answer(pointer) => lines.extend(answer(guest.guest.ptr_type, *pointer)),
        End::Trap => lines.push(TRAP.to_string()),
    }
    lines
}

fn answer(ptr_type: PtrType, answered: Pointer) -> Lines {
    let ptr = pointer(ptr_type);
    let narrow = |value: u64| match ptr_type {
        PtrType::I32 => address(ptr_type, u64::from(crate::abi::wrap(value))),
        PtrType::I64 => address(ptr_type, value),
    };
    let allocate = "(call $allocate (local.get $align) (local.get $new-size))";
    match answered {
        Pointer::Forget => vec![format!("(return {allocate})")],
        Pointer::At(at) => vec![format!("(return {})", narrow(at))],
        Pointer::Old => vec!["(return (local.get $old))".to_string()],
        Pointer::AtEnd(beyond) => {
            let size = size(ptr_type);
            let last = format!(
                "({ptr}.and ({ptr}.sub {size} (local.get $new-size)) ({ptr}.sub ({ptr}.const 0) (local.get $align)))"
            );
            let fits = format!("({ptr}.le_u (local.get $new-size) {size})");
            let last = format!("(select {last} {} {fits})", address(ptr_type, 0));
            vec![format!("(return ({ptr}.add {last} {}))", narrow(beyond))]
        }
        Pointer::Skew(distance) => vec![
            format!("(local.set $block {allocate})"),
            format!(
                "(memory.copy (local.get $block) (local.get $old) (select (local.get $old-size) (local.get $new-size) ({ptr}.lt_u (local.get $old-size) (local.get $new-size))))"
            ),
            format!("(return ({ptr}.add (local.get $block) {}))", narrow(distance)),
        ],
    }
}

/// Functions that hold the memory against what has to be in it.
pub fn check_functions(guest: &GuestPlan) -> Lines {
    let ptr_type = guest.guest.ptr_type;
    let ptr = pointer(ptr_type);
    let mut lines = range_check("$untouched", ptr, &pattern(ptr_type));
    if grows(guest) {
        lines.extend(range_check("$zero", ptr, &format!("({ptr}.const 0)")));
    }
    lines
}

fn range_check(name: &str, ptr: &str, byte: &str) -> Lines {
    let inside = block(
        "loop $check",
        vec![
            format!("(if ({ptr}.ge_u (local.get $at) (local.get $end)) (then (return)))"),
            format!("(call $expect ({ptr}.eq ({ptr}.load8_u (local.get $at)) {byte}))"),
            format!("(local.set $at ({ptr}.add (local.get $at) ({ptr}.const 1)))"),
            "(br $check)".to_string(),
        ],
    );
    block(&format!("func {name} (param $at {ptr}) (param $end {ptr})"), inside)
}

fn grows(guest: &GuestPlan) -> bool {
    let mut acts = guest.calls.iter().flat_map(|call| call.script.acts());
    acts.any(Act::grows)
}

/// Holds the memory against what is in it after a call.
pub fn check(guest: &GuestPlan, seen: &GuestObservation, nans: &[NanLeaf]) -> Lines {
    let ptr_type = guest.guest.ptr_type;
    let mut expected = filled(initial_size(guest.guest.pages));
    expected.truncate(seen.memory.len());
    let initial = expected.len();
    expected.resize(seen.memory.len(), 0);
    let mut lines = Vec::new();
    if grows(guest) {
        let pages = address(ptr_type, length64(seen.memory.len() >> 16));
        lines.push(format!("(call $expect ({}.eq (memory.size) {pages}))", pointer(ptr_type)));
    }
    let mut at = 0;
    for (start, end) in runs(&expected, &seen.memory) {
        lines.extend(untouched(ptr_type, at, start, initial));
        lines.extend(bytes_checks(ptr_type, (&seen.memory, nans), start, end));
        at = end;
    }
    lines.extend(untouched(ptr_type, at, seen.memory.len(), initial));
    lines
}

/// Checks a range that nobody was to write to, which may reach beyond the memory's first size.
fn untouched(ptr_type: PtrType, start: usize, end: usize, initial: usize) -> Lines {
    let parts = [("$untouched", start, end.min(initial)), ("$zero", start.max(initial), end)];
    let parts = parts.into_iter().filter(|(_, start, end)| start < end);
    parts
        .map(|(check, start, end)| {
            let [start, end] = [start, end].map(|at| address(ptr_type, length64(at)));
            format!("(call {check} {start} {end})")
        })
        .collect()
}

/// Where the two differ, with what lies closely between.
fn runs(a: &[u8], b: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        if a == b {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if i - *end < GAP => *end = i + 1,
            Some(_) | None => runs.push((i, i + 1)),
        }
    }
    runs
}

/// Checks bytes, as many at once as a number has.
fn bytes_checks(
    ptr_type: PtrType,
    (memory, nans): (&[u8], &[NanLeaf]),
    start: usize,
    end: usize,
) -> Lines {
    let mut lines = Vec::new();
    let mut at = start;
    while at < end {
        let place = address(ptr_type, length64(at));
        if let Some(width) = nan_at(memory, nans, at) {
            let ty = if width == 4 { "f32" } else { "f64" };
            let so = is_nan(ty, &format!("({ty}.load {place})"));
            lines.push(format!("(call $expect {so})"));
            at += width;
            continue;
        }
        let next = (at..end).find(|at| nan_at(memory, nans, *at).is_some()).unwrap_or(end);
        let (width, load, ty) = match next - at {
            1 => (1, "load8_u", "i32"),
            2 | 3 => (2, "load16_u", "i32"),
            4..=7 => (4, "load", "i32"),
            _ => (8, "load", "i64"),
        };
        let bits = memory[at..at + width]
            .iter()
            .rev()
            .fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
        let digits = 2 * width;
        lines.push(format!(
            "(call $expect ({ty}.eq ({ty}.{load} {place}) ({ty}.const 0x{bits:0digits$x})))"
        ));
        at += width;
    }
    lines
}

/// How wide the float at an address is that may be any NaN.
fn nan_at(memory: &[u8], nans: &[NanLeaf], at: usize) -> Option<usize> {
    let at_address = |leaf: &&NanLeaf| leaf.place == Place::Memory(length64(at));
    let leaf = nans.iter().find(at_address)?;
    let width = usize::try_from(leaf.width).ok()?;
    let bytes = memory.get(at..at + width)?;
    let bits = bytes.iter().rev().fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
    let is_nan = match u32::try_from(bits) {
        Ok(bits) if width == 4 => is_nan32(bits),
        Ok(_) | Err(_) => is_nan64(bits),
    };
    is_nan.then_some(width)
}

fn length64(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits in 64 bits")
}
