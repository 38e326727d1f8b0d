//! What one guest does during one call, as its puppet reads it, and the log that the puppet writes.
//! Knows the puppet's second memory byte by byte, and nothing of components.

use super::guest::{Lowering, Side, core_export, core_import, initial_size};
use crate::abi::layout::align_to;
use crate::abi::{Core, CoreFuncType, CoreType, wrap};
use crate::case::{
    Act, BuiltInCall, Chunk, End, Entry, GUEST_DATA, Guest, Passed, Patch, Pointer, Script, Turn,
};
use crate::observation::GuestEvent;

/// The unit of script and log, in bytes.
pub const WORD: usize = 8;
/// Where the script lies. The log follows it, and a copy of the memory under test follows the log.
/// The log's first word is its length in bytes, this word included.
pub const SCRIPT: i32 = 0x400;
/// The second memory's first size, enough for most; it grows as it has to.
pub const SCRIPT_PAGES: u32 = 2;
/// The longest script, in bytes: a memory of a few pages written once over, and much to do.
const MAX_SCRIPT: usize = 1 << 20;

/// Memory is filled with a pattern of this period before the first call: no power of two, so that
/// no misplaced block looks right.
pub const FILL_PERIOD: i32 = 251;

pub const EVENT_CALLED: i64 = 0;
pub const EVENT_REALLOC: i64 = 1;
pub const EVENT_REALLOCATED: i64 = 2;
pub const EVENT_IMPORT_RETURNED: i64 = 3;
pub const EVENT_POST_RETURN: i64 = 4;
/// The slot of a built-in that came back, and its answer, 0 where it has none.
pub const EVENT_BUILT_IN: i64 = 5;
/// The number of a resource, and a representation.
pub const EVENT_DESTRUCTOR: i64 = 6;

/// The words at the script's start.
pub mod word {
    pub const HEAP: u64 = 0;
    pub const FILL: u64 = 1;
    pub const CHUNKS: u64 = 2;
    pub const CHUNK_COUNT: u64 = 3;
    /// The addresses of the turns of `realloc`, a word each.
    pub const REALLOCS: u64 = 4;
    pub const REALLOC_COUNT: u64 = 5;
    /// The addresses of the other turns.
    pub const FUNCTION: u64 = 6;
    pub const POST_RETURN: u64 = 7;
    pub const DESTRUCTOR: u64 = 8;
    /// The address of the core results of the function.
    pub const RESULTS: u64 = 9;
    /// The bytes of each act.
    pub const ACT_BYTES: u64 = 10;
    pub const COUNT: usize = 11;
}

/// The words at the start of a turn. Its acts follow.
pub mod turn_word {
    pub const ACT_COUNT: u64 = 0;
    pub const END: u64 = 1;
    /// The number that belongs to the end.
    pub const OPERAND: u64 = 2;
    pub const COUNT: u64 = 3;
}

/// What an act begins with. The core params of the import follow, or the operand and the slot of a built-in.
pub mod act_kind {
    pub const IMPORT: i32 = 0;
    /// A built-in with an answer.
    pub const ANSWERS: i32 = 1;
    /// One without.
    pub const SILENT: i32 = 2;
    /// The pages follow.
    pub const GROW: i32 = 3;
}

/// How a turn ends.
pub mod end_kind {
    pub const PLAIN: i32 = 0;
    pub const FORGET: i32 = 1;
    pub const AT: i32 = 2;
    pub const OLD: i32 = 3;
    pub const SKEW: i32 = 4;
    pub const TRAP: i32 = 5;
    pub const AT_END: i32 = 6;
}

/// The slots of the puppet's table: the lowered import, and then for each resource those of the built-ins, in
/// their order. Those that a guest may not call are empty.
pub mod slot {
    use crate::abi::BuiltIn;
    use crate::types::Resource;

    pub const IMPORT: u32 = 0;
    const BUILT_INS: u32 = 1;

    fn per_resource() -> u32 {
        u32::try_from(BuiltIn::OF_RESOURCES.len()).expect("they are few")
    }

    pub fn built_in(which: BuiltIn, resource: Resource) -> u32 {
        let index = u32::try_from(which.index()).expect("they are few");
        after_built_ins(resource) + index
    }

    /// The built-in of this slot, and of which resource.
    pub fn built_in_at(slot: u32) -> Option<(BuiltIn, Resource)> {
        let place = slot.checked_sub(BUILT_INS)?;
        let index = usize::try_from(place % per_resource()).ok()?;
        Some((BuiltIn::OF_RESOURCES[index], place / per_resource()))
    }

    /// The first slot after those of the built-ins of so many resources.
    pub fn after_built_ins(resources: u32) -> u32 {
        BUILT_INS + resources * per_resource()
    }
}

/// The words of a built-in.
const BUILT_IN: usize = 3;

/// The words of each act of a turn, as many for each.
pub type ActWords = Vec<Vec<u64>>;

/// What the guest hands over in one call, as core values and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestData {
    /// Laid over the memory, in this order.
    pub memory: Vec<Chunk>,
    /// The words of the acts of each turn, as `Script::turns` has them.
    pub turns: Vec<ActWords>,
    /// The core results of the function.
    pub results: Vec<u64>,
    /// Where the heap of `realloc` begins.
    pub heap: u32,
}

/// The memory's contents before the first call.
pub fn filled(size: usize) -> Vec<u8> {
    let mut memory = Vec::with_capacity(size);
    memory.extend(fill_pattern());
    while memory.len() < size {
        let count = memory.len().min(size - memory.len());
        memory.extend_from_within(..count);
    }
    memory
}

/// One period of it.
pub fn fill_pattern() -> impl ExactSizeIterator<Item = u8> {
    let period = u8::try_from(FILL_PERIOD).expect("a byte tells them all apart");
    (1..period).chain([period]).collect::<Vec<_>>().into_iter()
}

/// Lowers what the guest hands over during this call. An error says what does not fit.
pub(super) fn guest_data(guest: &Guest, script: &Script) -> Result<GuestData, String> {
    let mut writer = Writer::new(guest);
    let turns = script.turns().map(|(_, turn)| writer.acts(guest, turn));
    let turns = turns.collect::<Result<_, _>>()?;
    let results = match script.returned() {
        Some(passed) => writer
            .flat(Side::results(&guest.export, guest.ptr_type), passed)
            .map_err(|error| format!("return: {error}"))?,
        None => Vec::new(),
    };
    Ok(writer.finish(turns, results))
}

impl GuestData {
    /// The words of the acts of the function's turn: those of `realloc` are before it.
    pub fn function(&self, script: &Script) -> &[Vec<u64>] {
        &self.turns[script.realloc.len()]
    }
}

/// How many words an act takes.
fn act_words(guest: &Guest) -> usize {
    let params = core_import(guest).map_or(0, |import| import.params.len());
    BUILT_IN.max(1 + params)
}

/// The script for these actions; the `first` one on an instance fills the memory.
pub(super) fn script(
    guest: &Guest,
    actions: &Script,
    data: &GuestData,
    first: bool,
) -> Result<Vec<u8>, String> {
    let mut script = Words { words: vec![0; word::COUNT] };
    script.set(word::HEAP, u64::from(data.heap));
    script.set(word::FILL, u64::from(first));
    script.set(word::ACT_BYTES, len64(act_words(guest) * WORD));
    let mut reallocs = Vec::new();
    for ((entry, turn), acts) in actions.turns().zip(&data.turns) {
        let address = script.turn(turn, acts);
        match entry {
            Entry::Realloc => reallocs.push(address),
            Entry::Function => script.set(word::FUNCTION, address),
            Entry::PostReturn => script.set(word::POST_RETURN, address),
            Entry::Destructor => script.set(word::DESTRUCTOR, address),
        }
    }
    script.set(word::REALLOC_COUNT, len64(reallocs.len()));
    script.append(word::REALLOCS, reallocs.into_iter());
    script.append(word::RESULTS, data.results.iter().copied());
    let script = script.with_chunks(&data.memory);
    if script.len() > MAX_SCRIPT {
        return Err(format!("its script of {} bytes is longer than {MAX_SCRIPT}", script.len()));
    }
    Ok(script)
}

/// What the puppet observed: the events in its log, and the memory after it.
pub fn read_observed<'a>(
    bytes: &'a [u8],
    guest: &Guest,
) -> Result<(Vec<GuestEvent>, &'a [u8]), String> {
    let length = bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
    let length = length.and_then(|length| usize::try_from(length & 0xffff_ffff).ok());
    let log = length.and_then(|length| bytes.get(WORD..length)).ok_or("the log has no length")?;
    let length = WORD + log.len();
    let words: Vec<u64> =
        log.as_chunks().0.iter().map(|word: &[u8; WORD]| u64::from_le_bytes(*word)).collect();
    Ok((events(&words, guest)?, &bytes[length..]))
}

fn events(words: &[u64], guest: &Guest) -> Result<Vec<GuestEvent>, String> {
    let function = core_export(guest);
    let import = core_import(guest).unwrap_or_default();
    let mut log = Log { words };
    let mut events = Vec::new();
    while let Some(event) = log.next() {
        events.push(log.event(event, &function, &import)?);
    }
    Ok(events)
}

struct Log<'a> {
    words: &'a [u64],
}

impl Log<'_> {
    fn next(&mut self) -> Option<u64> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    fn word(&mut self) -> Result<u64, String> {
        self.next().ok_or_else(|| "the log ends within an event".to_string())
    }

    fn values(&mut self, types: &[CoreType]) -> Result<Vec<Core>, String> {
        types.iter().map(|ty| Ok(Core::from_bits(*ty, self.word()?))).collect()
    }

    fn event(
        &mut self,
        event: u64,
        function: &CoreFuncType,
        import: &CoreFuncType,
    ) -> Result<GuestEvent, String> {
        match i64::try_from(event) {
            Ok(EVENT_CALLED) => Ok(GuestEvent::Called(self.values(&function.params)?)),
            Ok(EVENT_REALLOC) => Ok(GuestEvent::Realloc {
                old: self.word()?,
                old_size: self.word()?,
                align: self.word()?,
                new_size: self.word()?,
            }),
            Ok(EVENT_REALLOCATED) => Ok(GuestEvent::Reallocated(self.word()?)),
            Ok(EVENT_IMPORT_RETURNED) => {
                Ok(GuestEvent::ImportReturned(self.values(&import.results)?))
            }
            Ok(EVENT_POST_RETURN) => Ok(GuestEvent::PostReturn(self.values(&function.results)?)),
            Ok(EVENT_BUILT_IN) => built_in_event(wrap(self.word()?), wrap(self.word()?)),
            Ok(EVENT_DESTRUCTOR) => {
                Ok(GuestEvent::Destructor { resource: wrap(self.word()?), rep: wrap(self.word()?) })
            }
            _ => Err(format!("the log has an event number {event}")),
        }
    }
}

fn built_in_event(slot: u32, answer: u32) -> Result<GuestEvent, String> {
    let (which, of) = slot::built_in_at(slot).ok_or("the import is no built-in")?;
    let answer = which.row().result.map(|_| answer);
    Ok(GuestEvent::BuiltIn { which, of, answer })
}

/// Collects guest data and the damage to it.
struct Writer {
    lowering: Lowering,
    chunks: Vec<Chunk>,
}

impl Writer {
    fn new(guest: &Guest) -> Writer {
        let lowering = Lowering::new(filled(initial_size(guest.pages)));
        Writer { lowering, chunks: Vec::new() }
    }

    /// The words of each act of a turn, as many for each.
    fn acts(&mut self, guest: &Guest, turn: &Turn) -> Result<ActWords, String> {
        let acts = turn.acts.iter().enumerate();
        let words = acts.map(|(index, act)| {
            let words = self.act(guest, act);
            let mut words = words.map_err(|error| format!("step {index}: {error}"))?;
            words.resize(act_words(guest), 0);
            Ok(words)
        });
        words.collect()
    }

    /// All words of an act but for zeros at its end.
    fn act(&mut self, guest: &Guest, act: &Act) -> Result<Vec<u64>, String> {
        let (kind, operands) = match act {
            Act::Import(call) => {
                let import = guest.import.as_ref();
                let import = import.ok_or("the guest calls an import that is not there")?;
                let params = self.flat(Side::params(import, guest.ptr_type), &call.passed)?;
                (act_kind::IMPORT, params)
            }
            Act::Leave => (act_kind::IMPORT, Vec::new()),
            Act::BuiltIn(built_in) => built_in_words(*built_in),
            Act::Grow(pages) => (act_kind::GROW, vec![u64::from(*pages)]),
        };
        Ok([kind_word(kind)].into_iter().chain(operands).collect())
    }

    /// The core values that are handed over.
    fn flat(&mut self, side: Side, passed: &Passed) -> Result<Vec<u64>, String> {
        match passed {
            Passed::Lowered { values, patches } => {
                let flat = self.lowering.lower(side, &side.layout(), values);
                let flat = flat.ok_or("the data does not fit into the guest's memory")?;
                let mut flat: Vec<u64> = flat.into_iter().map(Core::bits).collect();
                self.patch(&mut flat, patches);
                Ok(flat)
            }
            Passed::Raw { flat, memory } => {
                self.chunks.extend_from_slice(memory);
                Ok(flat.clone())
            }
        }
    }

    fn patch(&mut self, flat: &mut [u64], patches: &[Patch]) {
        for patch in patches {
            match patch {
                Patch::Flat { index, bits } => {
                    let index = usize::try_from(*index).expect("core values are few");
                    flat[index] = *bits;
                }
                Patch::Memory(chunk) => self.chunks.push(chunk.clone()),
            }
        }
    }

    fn finish(self, turns: Vec<ActWords>, results: Vec<u64>) -> GuestData {
        let guest = self.lowering.guest;
        let start = usize::try_from(GUEST_DATA).expect("a small address");
        let end = usize::try_from(guest.bump).expect("an address").min(guest.memory.len());
        let mut memory = Vec::new();
        if end > start {
            memory.push(Chunk { at: GUEST_DATA, bytes: guest.memory[start..end].to_vec() });
        }
        memory.extend(self.chunks);
        GuestData { memory, turns, results, heap: wrap(align_to(guest.bump, 16)) }
    }
}

/// A script as it is written.
struct Words {
    words: Vec<u64>,
}

impl Words {
    fn set(&mut self, word: u64, value: u64) {
        self.words[usize::try_from(word).expect("a small index")] = value;
    }

    /// Appends words and says in `word` where they are.
    fn append(&mut self, word: u64, words: impl Iterator<Item = u64>) {
        self.set(word, address(self.words.len()));
        self.words.extend(words);
    }

    /// Appends a turn and answers where it is.
    fn turn(&mut self, turn: &Turn, acts: &ActWords) -> u64 {
        let start = address(self.words.len());
        let (kind, operand) = end_words(&turn.end);
        self.words.extend([len64(acts.len()), kind_word(kind), operand]);
        self.words.extend(acts.iter().flatten());
        start
    }

    fn with_chunks(mut self, chunks: &[Chunk]) -> Vec<u8> {
        let mut source = address(self.words.len() + 3 * chunks.len());
        let table: Vec<u64> = (chunks.iter())
            .flat_map(|chunk| {
                let length = len64(chunk.bytes.len());
                let entry = [u64::from(chunk.at), length, source];
                source += length;
                entry
            })
            .collect();
        self.set(word::CHUNK_COUNT, len64(chunks.len()));
        self.append(word::CHUNKS, table.into_iter());
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        chunks.iter().for_each(|chunk| bytes.extend_from_slice(&chunk.bytes));
        bytes
    }
}

/// The address of the script's word at `position`.
fn address(position: usize) -> u64 {
    u64::from(SCRIPT.unsigned_abs()) + len64(position * WORD)
}

fn len64(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits in 64 bits")
}

fn kind_word(kind: i32) -> u64 {
    u64::from(kind.unsigned_abs())
}

fn built_in_words(BuiltInCall { which, of, operand }: BuiltInCall) -> (i32, Vec<u64>) {
    let answers = which.row().result.is_some();
    let kind = if answers { act_kind::ANSWERS } else { act_kind::SILENT };
    (kind, vec![u64::from(operand), u64::from(slot::built_in(which, of))])
}

/// What is returned is elsewhere.
fn end_words(end: &End) -> (i32, u64) {
    match end {
        End::Plain | End::Return(_) => (end_kind::PLAIN, 0),
        End::Answer(pointer) => {
            let kind = match pointer {
                Pointer::Forget => end_kind::FORGET,
                Pointer::At(_) => end_kind::AT,
                Pointer::AtEnd(_) => end_kind::AT_END,
                Pointer::Old => end_kind::OLD,
                Pointer::Skew(_) => end_kind::SKEW,
            };
            (kind, pointer.number().unwrap_or(0))
        }
        End::Trap => (end_kind::TRAP, 0),
    }
}
