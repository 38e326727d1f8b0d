//! What lies in a guest's memory at the end of a call, field by field, and which core values lead there.
//! Knows layout and loading from `abi`, and decides nothing.

mod walk;

use std::ops::Range;

use super::timeline::put;
use crate::abi::{Core, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType};
use crate::case::{Case, Chunk, Guest, Script, function_name};
use crate::encode::Prepared;
use crate::encode::guest::{Side, core_import, initial_size};
use crate::encode::script::{GuestData, filled};
use crate::observation::{GuestEvent, GuestObservation, Observation};
use walk::Walk;

/// One guest's memory, with what is known of it.
#[derive(Clone, Debug)]
pub struct Picture {
    pub call: usize,
    pub guest: usize,
    pub ptr_type: PtrType,
    pub state: State,
    /// When the call began, what the guest hands over already laid into it.
    pub before: Vec<u8>,
    pub memory: Vec<u8>,
    /// The subject's, where both came back and it is another.
    pub other: Option<Vec<u8>>,
    /// What the guest hands over.
    pub data: Vec<Range<u64>>,
    /// What `realloc` gave away.
    pub blocks: Vec<Range<u64>>,
    pub roots: Vec<Root>,
}

/// Whose memory it is, and of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The reference's, after the call.
    Reference,
    /// The subject's, after a call that did not return on the reference.
    Subject,
    /// As the guest has it when it is called: nobody can look into it after a trap.
    HandedOver,
}

/// The values that are passed at one time.
#[derive(Clone, Debug)]
pub struct Root {
    /// What they are, and who passes them.
    pub title: String,
    /// Whether they do not fit in core values, so that a pointer to them is passed.
    pub spilled: bool,
    pub flat: Vec<FlatValue>,
    pub fields: Vec<Field>,
    /// Whether there are more fields than are told of.
    pub cut: bool,
}

/// A core value.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatValue {
    pub path: String,
    pub core: Core,
    /// Where it points to.
    pub to: Option<u64>,
    pub value: String,
    pub wrong: Option<String>,
    /// The subject's, where it is another.
    pub other: Option<Core>,
}

/// Some bytes of memory that mean something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub at: u64,
    pub size: u64,
    /// Its name, after those of what it is in: `p0.f1[2]`.
    pub path: String,
    pub kind: FieldKind,
    pub ty: &'static str,
    pub value: String,
    /// Why it cannot be lifted.
    pub wrong: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Value,
    Pointer {
        to: u64,
    },
    Length,
    Discriminant,
    /// The code units of a string.
    Text,
    Padding,
}

impl Field {
    pub fn range(&self) -> Range<u64> {
        self.at..self.at.saturating_add(self.size)
    }
}

impl FlatValue {
    /// Whether it is what the reader is looking for.
    pub fn is_marked(&self) -> bool {
        self.wrong.is_some() || self.other.is_some()
    }
}

impl Picture {
    /// Whether both memories are known and have other bytes there, or one of them none.
    pub fn differs(&self, address: usize) -> bool {
        self.other.as_ref().is_some_and(|other| other.get(address) != self.memory.get(address))
    }

    /// Whether the call changed the byte.
    pub fn written(&self, address: usize) -> bool {
        self.before.get(address) != self.memory.get(address)
    }

    /// Whether a field is what the reader is looking for.
    pub fn is_marked(&self, field: &Field) -> bool {
        let index = |address: u64| usize::try_from(address).unwrap_or(usize::MAX);
        let (start, end) = (index(field.at), index(field.range().end).min(self.memory.len()));
        field.wrong.is_some() || (start..end).any(|address| self.differs(address))
    }
}

/// The memory of a guest after a call: the reference's, or else the subject's, or else as the guest has
/// it when it is called.
pub fn picture(
    (case, prepared): (&Case, &Prepared),
    [expected, observed]: [&Observation; 2],
    call: usize,
    guest: usize,
) -> Picture {
    let [wanted, found] = [expected, observed].map(|side| seen(side, call, guest));
    let (state, side) = match (wanted, found) {
        (Some(_), _) => (State::Reference, expected),
        (None, Some(_)) => (State::Subject, observed),
        (None, None) => (State::HandedOver, expected),
    };
    let before = before(case, prepared, side, call, guest);
    let shown = wanted.or(found);
    let memory = shown.map_or_else(|| before.clone(), |seen| seen.memory.clone());
    let other = wanted.and(found).map(|found| found.memory.clone());
    let shape = &case.shape.guests[guest];
    let script = &case.calls[call].scripts[guest];
    let data = prepared.data(call, guest);
    let roots_of =
        |memory: &[u8], events: &[GuestEvent]| roots(shape, guest, memory, events, data, script);
    let events = shown.map_or(&[][..], |seen| &seen.events);
    let mut roots = roots_of(&memory, events);
    if let Some(found) = wanted.and(found) {
        compare(&mut roots, &roots_of(&found.memory, &found.events));
    }
    Picture {
        call,
        guest,
        ptr_type: shape.ptr_type,
        state,
        roots,
        other: other.filter(|other| *other != memory),
        data: data_of(prepared.chunks(call, guest)),
        blocks: blocks(events),
        before,
        memory,
    }
}

/// What a guest hands over.
fn data_of(chunks: &[Chunk]) -> Vec<Range<u64>> {
    chunks.iter().map(|chunk| range(chunk.at.into(), len(&chunk.bytes))).collect()
}

/// Notes core values that are others on the other side, as far as the same was passed there.
fn compare(roots: &mut [Root], others: &[Root]) {
    for (root, other) in roots.iter_mut().zip(others) {
        if root.title == other.title {
            let pairs = root.flat.iter_mut().zip(&other.flat);
            pairs.for_each(|(flat, other)| {
                flat.other = (flat.core != other.core).then_some(other.core);
            });
        }
    }
}

fn seen(side: &Observation, call: usize, guest: usize) -> Option<&GuestObservation> {
    side.calls.get(call)?.returned.as_ref()?.guests.get(guest)
}

fn before(
    case: &Case,
    prepared: &Prepared,
    side: &Observation,
    call: usize,
    guest: usize,
) -> Vec<u8> {
    let last = call.checked_sub(1).and_then(|last| seen(side, last, guest));
    let pages = case.shape.guests[guest].pages;
    let mut memory = last.map_or_else(|| filled(initial_size(pages)), |last| last.memory.clone());
    put(&mut memory, prepared.chunks(call, guest));
    memory
}

fn blocks(events: &[GuestEvent]) -> Vec<Range<u64>> {
    let pairs = events.windows(2).filter_map(|pair| {
        if let [GuestEvent::Realloc { new_size, .. }, GuestEvent::Reallocated(ptr)] = pair {
            Some(range(*ptr, *new_size))
        } else {
            None
        }
    });
    pairs.filter(|block| !block.is_empty()).collect()
}

fn range(at: u64, size: u64) -> Range<u64> {
    at..at.saturating_add(size)
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits in 64 bits")
}

/// What passes through a guest during a call: its params, those of the calls that it makes and what they
/// return, its result.
fn roots(
    guest: &Guest,
    number: usize,
    memory: &[u8],
    events: &[GuestEvent],
    data: &GuestData,
    script: &Script,
) -> Vec<Root> {
    let name = function_name(number);
    let export = &guest.export;
    let walk = || Walk::new(memory, export.opts.string_encoding, guest.ptr_type);
    let called = events
        .iter()
        .find_map(|event| if let GuestEvent::Called(flat) = event { Some(flat) } else { None });
    let params = called.map(|flat| {
        walk().params(
            format!("params of {name}, received"),
            &export.ty.params,
            flat,
            MAX_FLAT_PARAMS,
        )
    });
    let side = Side::results(export, guest.ptr_type);
    let flat = typed(&side, &data.results);
    let title = format!("result of {name}, handed over");
    let result = walk().result(title, side.types, &flat, MAX_FLAT_RESULTS);
    let imports = imports(guest, number, memory, events, data, script);
    params.into_iter().chain(imports).chain([result]).filter(|root| !root.flat.is_empty()).collect()
}

/// Words as the core values that this side hands over.
fn typed(side: &Side, words: &[u64]) -> Vec<Core> {
    side.core().iter().zip(words).map(|(ty, bits)| Core::from_bits(*ty, *bits)).collect()
}

fn imports(
    guest: &Guest,
    number: usize,
    memory: &[u8],
    events: &[GuestEvent],
    data: &GuestData,
    script: &Script,
) -> Vec<Root> {
    let Some(import) = &guest.import else {
        return Vec::new();
    };
    let name = function_name(number + 1);
    let walk = || Walk::new(memory, import.opts.string_encoding, guest.ptr_type);
    let side = Side::params(import, guest.ptr_type);
    let returned = events.iter().filter_map(|event| {
        if let GuestEvent::ImportReturned(flat) = event { Some(flat) } else { None }
    });
    let returned: Vec<_> = returned.collect();
    let acts = data.function(script).iter().zip(&script.function.acts);
    let calls = acts.filter(|(_, act)| act.import().is_some());
    let mut roots = Vec::new();
    for (i, (words, _)) in calls.enumerate() {
        let mut flat = typed(&side, words.get(1..).unwrap_or_default());
        let out = side.out.and_then(|_| flat.pop());
        let title = format!("params of {name}, handed over");
        roots.push(walk().params(title, side.types, &flat, MAX_FLAT_PARAMS));
        let result =
            returned.get(i).filter(|_| core_import(guest).is_some()).map(|flat| match out {
                Some(out) => vec![out],
                None => (*flat).clone(),
            });
        let result = result.map(|flat| {
            let title = format!("result of {name}, received");
            walk().result(title, import.ty.results(), &flat, MAX_FLAT_RESULTS)
        });
        roots.extend(result);
    }
    roots
}
