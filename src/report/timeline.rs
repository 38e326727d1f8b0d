//! An observation, one line for each thing that somebody saw.
//! Knows the case for its types and names.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::abi::Core;
use crate::case::check::last_answer;
use crate::case::misuse::{Misuse, nodes};
use crate::case::text::host::print_misuse;
use crate::case::text::wave;
use crate::case::{Case, Chunk, Manner, function_name};
use crate::encode::guest::initial_size;
use crate::encode::script::filled;
use crate::encode::{EXPORT, Prepared};
use crate::observation::{CallObservation, GuestEvent, HostEvent, Observation, Outcome, Returned};
use crate::types::{Type, resource_name};
use crate::value::Value;

/// Bytes of one run of memory that are written out.
const QUOTED: usize = 48;

/// The whole observation. Between the lines of the host and those of the guests there is no order;
/// memory is what the call changed.
pub fn timeline(case: &Case, prepared: &Prepared, observation: &Observation) -> Vec<String> {
    let mut lines = Vec::new();
    let mut memories: Vec<_> =
        case.shape.guests.iter().map(|guest| filled(initial_size(guest.pages))).collect();
    for (i, call) in observation.calls.iter().enumerate() {
        for (guest, memory) in memories.iter_mut().enumerate() {
            put(memory, prepared.chunks(i, guest));
        }
        let args = values(&case.calls[i].args, params(case));
        let mistake = mistake(case, i).map_or(String::new(), |mistake| format!("  {mistake}"));
        lines.push(format!("call {i}: {EXPORT}({args}){mistake}"));
        lines.extend(call_lines(case, call).map(|line| format!("  {line}")));
        let guests = call.returned.iter().flat_map(|returned| &returned.guests);
        for (number, (guest, memory)) in guests.zip(&mut memories).enumerate() {
            let lines_of = changes(number, memory, &guest.memory);
            lines.extend(lines_of.map(|line| format!("  {line}")));
            memory.clone_from(&guest.memory);
        }
    }
    if observation.outcome != Outcome::Returned {
        lines.push(outcome(&observation.outcome));
    }
    lines
}

/// How a run ended, in words.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Returned => "returned".to_string(),
        Outcome::Trapped(Some(trap), message) => trapped(&format!("{trap:?}"), message),
        Outcome::Trapped(None, message) => format!("trapped ({message})"),
        Outcome::Deadlocked(message) => trapped("Deadlock", message),
        Outcome::Misused(message) => format!("refused the host's mistake ({message})"),
        Outcome::Refused(message) => format!("refused ({message})"),
        Outcome::Unsupported(feature) => format!("does not support {feature}"),
        Outcome::Exhausted(limit) => format!("met a limit ({limit})"),
        Outcome::NotObserved(why) => format!("not observed ({why})"),
        Outcome::Crashed(message) => format!("crashed ({message})"),
    }
}

fn trapped(name: &str, message: &str) -> String {
    if name == message { format!("trapped {name}") } else { format!("trapped {name} ({message})") }
}

/// Something that the guest of this number saw, in words.
pub fn guest_event(guest: usize, event: &GuestEvent) -> String {
    let (export, import) = (function_name(guest), function_name(guest + 1));
    match event {
        GuestEvent::Called(flat) => format!("{export}({})", cores(flat)),
        GuestEvent::Realloc { old, old_size, align, new_size } => {
            format!("realloc({}, {old_size}, {align}, {new_size})", word(*old))
        }
        GuestEvent::Reallocated(ptr) => format!("realloc -> {}", word(*ptr)),
        GuestEvent::ImportReturned(flat) => format!("{import} -> ({})", cores(flat)),
        GuestEvent::PostReturn(flat) => format!("post-return({})", cores(flat)),
        GuestEvent::BuiltIn { which, of, answer } => {
            let answer = answer.map(|answer| format!(" -> {answer}")).unwrap_or_default();
            format!("{} {}{answer}", which.name(), resource_name(*of))
        }
        GuestEvent::Destructor { resource, rep } => {
            format!("destructor of {}({rep})", resource_name(*resource))
        }
    }
}

/// Something that the host saw or did, in words.
pub fn host_event(case: &Case, event: &HostEvent) -> String {
    match event {
        HostEvent::Called(args) => {
            let (params, _) = case.shape.guests.last().expect("there is one").types_of_import();
            format!("{}({})", function_name(case.shape.guests.len()), values(args, params))
        }
        HostEvent::Destructor { resource, rep } => {
            format!("destructor of {}({rep})", resource_name(*resource))
        }
        HostEvent::NotCalled(number) => format!("does not call: it does not hold {number}"),
        HostEvent::NotDropped(number) => format!("does not drop: it does not hold {number}"),
        HostEvent::FirstReturned(result) => {
            let results = case.shape.guests[0].export.ty.results();
            format!("the first of both returned ({})", values(result.as_slice(), results))
        }
        HostEvent::Misused => "is told of its mistake: the call is not made".to_string(),
    }
}

/// What the host does wrong in the call of this number, in words: with the value that it is about.
pub fn mistake(case: &Case, call: usize) -> Option<String> {
    let call = &case.calls[call];
    let Manner::Misused(misuse) = call.manner else {
        return None;
    };
    let (types, values, number) = match misuse {
        Misuse::Arg { node, .. } => (params(case), call.args.clone(), node),
        Misuse::Answer { node, .. } => {
            let (_, results) = case.shape.guests.last()?.types_of_import();
            (results, last_answer(call).into_iter().collect(), node)
        }
        Misuse::ArgMissing
        | Misuse::ArgExtra
        | Misuse::ResultMissing
        | Misuse::ResultExtra
        | Misuse::Signature(_) => return Some(format!("misused: {}", print_misuse(misuse))),
    };
    let nodes = nodes(types, &values);
    let node = nodes.get(usize::try_from(number).ok()?)?;
    let value = wave(node.value, node.ty);
    Some(format!("misused: {} instead of {value}", print_misuse(misuse)))
}

/// What a guest is called. The first needs no number, for most cases have no other.
pub fn guest_name(guest: usize) -> String {
    if guest == 0 { "guest".to_string() } else { format!("guest {guest}") }
}

pub(super) fn memory_name(guest: usize) -> String {
    if guest == 0 { "memory".to_string() } else { format!("memory of guest {guest}") }
}

/// Values of these types, as WAVE.
pub fn values(values: &[Value], types: &[Type]) -> String {
    values.iter().zip(types).map(|(value, ty)| wave(value, ty)).collect::<Vec<_>>().join(", ")
}

/// Bytes as hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub(super) fn params(case: &Case) -> &[Type] {
    &case.shape.guests[0].export.ty.params
}

fn call_lines(case: &Case, call: &CallObservation) -> impl Iterator<Item = String> {
    let host: Vec<_> =
        call.host.iter().map(|event| format!("host  {}", host_event(case, event))).collect();
    let returned = call.returned.as_ref();
    let guests = returned.into_iter().flat_map(|returned| returned.guests.iter().enumerate());
    let guest = guests.flat_map(|(number, guest)| guest_lines(number, &guest.events));
    let result = returned.filter(|_| call.was_made()).map(|returned| result_line(case, returned));
    host.into_iter().chain(guest).chain(result)
}

/// Each call of `realloc` on one line with its answer.
fn guest_lines(guest: usize, events: &[GuestEvent]) -> Vec<String> {
    let name = guest_name(guest);
    let realloc = format!("{name} realloc(");
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        if let GuestEvent::Reallocated(ptr) = event
            && let Some(line) = lines.last_mut().filter(|line| line.starts_with(&realloc))
        {
            let _ = write!(line, " -> {}", word(*ptr));
        } else {
            lines.push(format!("{name} {}", guest_event(guest, event)));
        }
    }
    lines
}

pub(super) fn result_line(case: &Case, returned: &Returned) -> String {
    let types = case.shape.guests[0].export.ty.results();
    match values(returned.result.as_slice(), types).as_str() {
        "" => "host  returned".to_string(),
        value => format!("host  returned {value}"),
    }
}

pub(super) fn cores(flat: &[Core]) -> String {
    flat.iter().map(|core| self::core(*core)).collect::<Vec<_>>().join(", ")
}

pub(super) fn core(core: Core) -> String {
    match core {
        Core::I32(bits) => word(u64::from(bits)),
        Core::I64(bits) => word(bits),
        Core::F32(bits) => format!("f32:{bits:08x}"),
        Core::F64(bits) => format!("f64:{bits:016x}"),
    }
}

/// Small numbers are lengths and are read in decimal, large ones in hex.
pub(super) fn word(bits: u64) -> String {
    if bits < 0x1_0000 { bits.to_string() } else { format!("{bits:#x}") }
}

pub(super) fn put(memory: &mut [u8], chunks: &[Chunk]) {
    for chunk in chunks {
        let start = usize::try_from(chunk.at).expect("an address fits");
        if let Some(place) = memory.get_mut(start..start + chunk.bytes.len()) {
            place.copy_from_slice(&chunk.bytes);
        }
    }
}

/// The runs of bytes that differ, as lines.
fn changes<'a>(
    guest: usize,
    before: &'a [u8],
    after: &'a [u8],
) -> impl Iterator<Item = String> + 'a {
    let memory = memory_name(guest);
    let changed = |i: usize| before.get(i) != after.get(i);
    let grown =
        (after.len() > before.len()).then(|| format!("{memory} grew to {} bytes", after.len()));
    let common = before.len().min(after.len());
    let starts: BTreeSet<usize> =
        (0..common).filter(|i| changed(*i) && (*i == 0 || !changed(*i - 1))).collect();
    let runs = starts.into_iter().map(move |start| {
        let end = (start..common).find(|i| !changed(*i)).unwrap_or(common);
        let quoted = hex(&after[start..end.min(start + QUOTED)]);
        let more = if end - start > QUOTED { " …" } else { "" };
        format!("{memory} {start:#06x} = {quoted}{more}")
    });
    grown.into_iter().chain(runs)
}
