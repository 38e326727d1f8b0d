//! What a guest does: whenever it is entered it takes a turn, which is acts and an end. One walk over all of it.
//! Knows nothing of types, of how a script is written down, or of what becomes of it.

use serde::{Deserialize, Serialize};

use crate::abi::BuiltIn;
use crate::types;
use crate::value::Value;

/// What a guest does during one call of the host's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Script {
    /// The turns of `realloc`, in order; then all are plain.
    pub realloc: Vec<Turn>,
    /// The function's turn. Only the first call acts; later calls only end as it does.
    pub function: Turn,
    /// The turn of each call of `post-return`.
    pub post_return: Turn,
    /// The turn of each call of a destructor of the guest's.
    pub destructor: Turn,
}

/// Where a guest is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Realloc,
    Function,
    PostReturn,
    Destructor,
}

/// What a guest does between being entered and returning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub acts: Vec<Act>,
    pub end: End,
}

/// Something that a guest does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Calls the import.
    Import(ImportCall),
    /// Calls the import with zeros, which it must not where it is entered by anything but its function.
    Leave,
    BuiltIn(BuiltInCall),
    /// Grows the memory by this many pages, if it can.
    Grow(u32),
}

/// How a turn ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// As it should, where nothing is to be said about it. `realloc` takes the next aligned address of the heap
    /// and copies the old block there; it traps where the memory ends.
    Plain,
    /// The function returns this.
    Return(Passed),
    /// `realloc` answers with this.
    Answer(Pointer),
    Trap,
}

/// What `realloc` answers with, if not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pointer {
    /// The next address of the heap, to which nothing is copied.
    Forget,
    /// This.
    At(u64),
    /// The last aligned address at which the block still fits, plus this.
    AtEnd(u64),
    /// The old pointer.
    Old,
    /// This much after the next address of the heap, to which the block is copied.
    Skew(u64),
}

/// A call of a canonical built-in. Handles are indices in the guest's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BuiltInCall {
    pub which: BuiltIn,
    /// The resource type that it is made for.
    pub of: types::Resource,
    pub operand: u32,
}

/// One call of the import.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImportCall {
    pub passed: Passed,
    pub answer: Answer,
}

/// What a guest hands over: core values, and memory behind them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Passed {
    /// These values, lowered by the rules (by the encoder, from the bottom of the guest's heap up),
    /// and then damaged.
    Lowered { values: Vec<Value>, patches: Vec<Patch> },
    /// Anything: one word for each core value, its low bits where the value is narrower.
    Raw { flat: Vec<u64>, memory: Vec<Chunk> },
}

/// Damage to well-formed data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Patch {
    /// Replaces the core value at `index`.
    Flat { index: u32, bits: u64 },
    /// Overwrites memory.
    Memory(Chunk),
}

/// Bytes at an address of the guest's memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chunk {
    pub at: u32,
    pub bytes: Vec<u8>,
}

/// What the import does when the guest calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is the next guest's, whose script says.
    Guest,
    /// Returns this; `None` where the function has no result.
    Return(Option<Value>),
    /// Fails.
    Error,
    /// Calls the export with the same arguments, if it still holds them, and fails if that fails; then
    /// returns this.
    Reenter(Option<Value>),
}

/// Whose values some are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The guest passes them to its import.
    Params,
    /// The host answers a call of the import with them.
    Answer,
    /// The guest's function returns them.
    Result,
}

impl Entry {
    /// As errors call it.
    pub fn name(self) -> &'static str {
        match self {
            Entry::Realloc => "realloc",
            Entry::Function => "the function",
            Entry::PostReturn => "post-return",
            Entry::Destructor => "a destructor",
        }
    }
}

impl Script {
    /// The script of which there is least.
    pub fn least() -> Script {
        Script::ending(End::Trap)
    }

    /// One whose function does nothing but end so.
    pub fn ending(end: End) -> Script {
        Script {
            realloc: Vec::new(),
            function: Turn { acts: Vec::new(), end },
            post_return: Turn::PLAIN,
            destructor: Turn::PLAIN,
        }
    }

    /// All turns, those of `realloc` first.
    pub fn turns(&self) -> impl Iterator<Item = (Entry, &Turn)> {
        let Script { realloc, function, post_return, destructor } = self;
        let realloc = realloc.iter().map(|turn| (Entry::Realloc, turn));
        let others = [
            (Entry::Function, function),
            (Entry::PostReturn, post_return),
            (Entry::Destructor, destructor),
        ];
        realloc.chain(others)
    }

    /// All turns to change them, in the same order.
    pub fn turns_mut(&mut self) -> impl Iterator<Item = (Entry, &mut Turn)> {
        let Script { realloc, function, post_return, destructor } = self;
        let realloc = realloc.iter_mut().map(|turn| (Entry::Realloc, turn));
        let others = [
            (Entry::Function, function),
            (Entry::PostReturn, post_return),
            (Entry::Destructor, destructor),
        ];
        realloc.chain(others)
    }

    /// All acts, turn by turn.
    pub fn acts(&self) -> impl Iterator<Item = &Act> {
        self.turns().flat_map(|(_, turn)| &turn.acts)
    }

    pub fn acts_mut(&mut self) -> impl Iterator<Item = &mut Act> {
        self.turns_mut().flat_map(|(_, turn)| &mut turn.acts)
    }

    /// All calls of built-ins.
    pub fn built_ins(&self) -> impl Iterator<Item = BuiltInCall> {
        self.acts().filter_map(|act| act.built_in().copied())
    }

    pub fn built_ins_mut(&mut self) -> impl Iterator<Item = &mut BuiltInCall> {
        self.acts_mut().filter_map(Act::built_in_mut)
    }

    /// All calls of the import that pass something.
    pub fn import_calls(&self) -> impl Iterator<Item = &ImportCall> {
        self.acts().filter_map(Act::import)
    }

    pub fn import_calls_mut(&mut self) -> impl Iterator<Item = &mut ImportCall> {
        self.acts_mut().filter_map(Act::import_mut)
    }

    /// Whether the import is called at all.
    pub fn calls_import(&self) -> bool {
        self.acts().any(Act::calls_import)
    }

    /// What the function returns.
    pub fn returned(&self) -> Option<&Passed> {
        self.function.end.returned()
    }

    pub fn returned_mut(&mut self) -> Option<&mut Passed> {
        self.function.end.returned_mut()
    }

    /// All that the guest hands over, in the order in which it is lowered, and whether it is the result.
    pub fn passed(&self) -> impl Iterator<Item = (Part, &Passed)> {
        let params = self.import_calls().map(|call| (Part::Params, &call.passed));
        params.chain(self.returned().map(|passed| (Part::Result, passed)))
    }

    pub fn passed_mut(&mut self) -> impl Iterator<Item = (Part, &mut Passed)> {
        self.turns_mut().flat_map(|(_, Turn { acts, end })| {
            let params = acts.iter_mut().filter_map(Act::import_mut);
            let params = params.map(|call| (Part::Params, &mut call.passed));
            params.chain(end.returned_mut().map(|passed| (Part::Result, passed)))
        })
    }

    /// All values that are passed, and those that the host answers.
    pub fn values(&self) -> impl Iterator<Item = (Part, &[Value])> {
        let calls = self.import_calls().flat_map(|call| {
            [(Part::Params, call.passed.values()), (Part::Answer, call.answer.values())]
        });
        calls.chain(self.returned().map(|passed| (Part::Result, passed.values())))
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = (Part, &mut [Value])> {
        self.turns_mut().flat_map(|(_, Turn { acts, end })| {
            let calls = acts.iter_mut().filter_map(Act::import_mut).flat_map(|call| {
                let ImportCall { passed, answer } = call;
                [(Part::Params, passed.values_mut()), (Part::Answer, answer.values_mut())]
            });
            let result = end.returned_mut().map(|passed| (Part::Result, passed.values_mut()));
            calls.chain(result)
        })
    }
}

impl Turn {
    /// One as it should be.
    pub const PLAIN: Turn = Turn { acts: Vec::new(), end: End::Plain };

    /// One that does nothing but end so.
    pub const fn ending(end: End) -> Turn {
        Turn { acts: Vec::new(), end }
    }

    /// One that is plain but for this act.
    pub fn of(act: Act) -> Turn {
        Turn { acts: vec![act], end: End::Plain }
    }

    pub fn is_plain(&self) -> bool {
        *self == Turn::PLAIN
    }
}

impl Act {
    pub fn import(&self) -> Option<&ImportCall> {
        if let Act::Import(call) = self { Some(call) } else { None }
    }

    pub fn import_mut(&mut self) -> Option<&mut ImportCall> {
        if let Act::Import(call) = self { Some(call) } else { None }
    }

    pub fn built_in(&self) -> Option<&BuiltInCall> {
        if let Act::BuiltIn(call) = self { Some(call) } else { None }
    }

    pub fn built_in_mut(&mut self) -> Option<&mut BuiltInCall> {
        if let Act::BuiltIn(call) = self { Some(call) } else { None }
    }

    pub fn calls_import(&self) -> bool {
        match self {
            Act::Import(_) | Act::Leave => true,
            Act::BuiltIn(_) | Act::Grow(_) => false,
        }
    }

    pub fn grows(&self) -> bool {
        match self {
            Act::Grow(_) => true,
            Act::Import(_) | Act::Leave | Act::BuiltIn(_) => false,
        }
    }

    /// The numbers of an act beside what it passes.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let numbers = match self {
            Act::Import(_) | Act::Leave => [None; 2],
            Act::BuiltIn(BuiltInCall { which: _, of, operand }) => [Some(*of), Some(*operand)],
            Act::Grow(pages) => [Some(*pages), None],
        };
        numbers.into_iter().flatten()
    }

    pub fn numbers_mut(&mut self) -> Vec<&mut u32> {
        match self {
            Act::Import(_) | Act::Leave => Vec::new(),
            Act::BuiltIn(BuiltInCall { which: _, of, operand }) => vec![of, operand],
            Act::Grow(pages) => vec![pages],
        }
    }
}

impl End {
    pub fn returned(&self) -> Option<&Passed> {
        if let End::Return(passed) = self { Some(passed) } else { None }
    }

    pub fn returned_mut(&mut self) -> Option<&mut Passed> {
        if let End::Return(passed) = self { Some(passed) } else { None }
    }

    pub fn pointer(&self) -> Option<Pointer> {
        if let End::Answer(pointer) = self { Some(*pointer) } else { None }
    }

    pub fn pointer_mut(&mut self) -> Option<&mut Pointer> {
        if let End::Answer(pointer) = self { Some(pointer) } else { None }
    }
}

impl Pointer {
    /// The number that is in it.
    pub fn number(self) -> Option<u64> {
        match self {
            Pointer::At(number) | Pointer::AtEnd(number) | Pointer::Skew(number) => Some(number),
            Pointer::Forget | Pointer::Old => None,
        }
    }

    pub fn number_mut(&mut self) -> Option<&mut u64> {
        match self {
            Pointer::At(number) | Pointer::AtEnd(number) | Pointer::Skew(number) => Some(number),
            Pointer::Forget | Pointer::Old => None,
        }
    }
}

impl Passed {
    /// These values, with nothing damaged.
    pub fn lowered(values: Vec<Value>) -> Passed {
        Passed::Lowered { values, patches: Vec::new() }
    }

    /// The values, as far as it is known that there are any.
    pub fn values(&self) -> &[Value] {
        match self {
            Passed::Lowered { values, .. } => values,
            Passed::Raw { .. } => &[],
        }
    }

    pub fn values_mut(&mut self) -> &mut [Value] {
        match self {
            Passed::Lowered { values, .. } => values,
            Passed::Raw { .. } => &mut [],
        }
    }

    /// The bytes that are put into memory as they are.
    pub fn chunks_mut(&mut self) -> Vec<&mut Chunk> {
        match self {
            Passed::Lowered { patches, .. } => {
                patches.iter_mut().filter_map(Patch::chunk_mut).collect()
            }
            Passed::Raw { memory, .. } => memory.iter_mut().collect(),
        }
    }
}

impl Patch {
    pub fn chunk_mut(&mut self) -> Option<&mut Chunk> {
        if let Patch::Memory(chunk) = self { Some(chunk) } else { None }
    }
}

impl Answer {
    /// What is returned, if something is.
    pub fn values(&self) -> &[Value] {
        match self {
            Answer::Return(value) | Answer::Reenter(value) => value.as_slice(),
            Answer::Guest | Answer::Error => &[],
        }
    }

    pub fn values_mut(&mut self) -> &mut [Value] {
        match self {
            Answer::Return(value) | Answer::Reenter(value) => value.as_mut_slice(),
            Answer::Guest | Answer::Error => &mut [],
        }
    }

    /// Whether the guest goes on with what it is answered.
    pub fn returns(&self) -> bool {
        match self {
            Answer::Return(_) | Answer::Reenter(_) => true,
            Answer::Guest | Answer::Error => false,
        }
    }

    pub fn reenters(&self) -> bool {
        matches!(self, Answer::Reenter(_))
    }
}
