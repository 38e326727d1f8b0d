//! How large a case is.
//! Knows what there is in one, and what costs a reader more than what.

use crate::abi::{PtrType, StringEncoding};
use crate::case::misuse::Misuse;
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::{
    Act, Answer, Call, CanonOpts, Case, Chunk, End, Function, Guest, ImportCall, Manner, Passed,
    Patch, Resource, Script, Shape, Tuning,
};
use crate::types::{FuncType, Handle, Label, PRIMITIVES, Type};
use crate::value::Value;

/// How large a case is. The fields are in their order of weight: whoever has less in an earlier one is
/// smaller, whatever is in those after it.
///
/// What a reader has to learn first comes first: who takes part, of which types, in how many calls, what
/// the guests do that is not plain, how many values there are, and how it is all configured. Among cases that
/// are equal in all this, numbers, characters and types decide: smaller ones, and those that `Type` declares
/// earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Guests and resources.
    pub parties: u64,
    /// Types of functions, each counted as often as it occurs; that between two guests once.
    pub types: u64,
    /// Imports, members without a type, and letters of names.
    pub members: u64,
    /// Calls of the export.
    pub calls: u64,
    /// What a guest or the host does beside passing values by the rules: steps, actions of `realloc`, traps,
    /// raw data, patches, and drops.
    pub acts: u64,
    /// Values, characters and bytes.
    pub values: u64,
    /// Options, paths and choices of the configuration that are not the plainest.
    pub options: u64,
    /// The sum of all numbers.
    pub numbers: u128,
}

/// How large a case is.
pub fn size(case: &Case) -> Size {
    let mut size = Size::default();
    size.paths(case.paths);
    size.shape(&case.shape);
    case.calls.iter().for_each(|call| size.call(call));
    size.tuning(case.tuning);
    size
}

/// How large the type of a function is.
pub fn size_of_type(ty: &FuncType) -> Size {
    let mut size = Size::default();
    size.function_type(ty);
    size
}

/// A character by how plain it is.
pub fn char_rank(c: char) -> u32 {
    match PLAIN_CHARS.iter().position(|plain| *plain == c) {
        Some(position) => u32::try_from(position).expect("they are few"),
        None => u32::from(c) + OTHER_CHARS,
    }
}

/// Those that readers tell apart at once: of one to four bytes in UTF-8, two of them in Latin-1.
pub const PLAIN_CHARS: [char; 4] = ['a', 'é', '☃', '😀'];
/// Any other has this added.
pub const OTHER_CHARS: u32 = 4;

/// A signed number by its distance from zero.
pub fn signed_rank(number: i64) -> u64 {
    number.cast_unsigned().rotate_left(1) ^ if number < 0 { u64::MAX << 1 } else { 0 }
}

/// The bits of a float by how plain they are: one is plainer than all but zero.
pub fn float_rank(bits: u64, one: u64) -> u64 {
    if bits == one { 1 } else { bits.saturating_add(u64::from(bits != 0)) }
}

/// The place of a type among those without parts.
pub fn primitive_rank(ty: &Type) -> Option<u64> {
    let position = PRIMITIVES.iter().position(|primitive| primitive == ty)?;
    Some(u64::try_from(position).expect("they are few"))
}

impl Size {
    fn count(count: usize) -> u64 {
        u64::try_from(count).expect("a count fits in 64 bits")
    }

    fn number(&mut self, number: impl Into<u128>) {
        self.numbers += number.into();
    }

    fn option(&mut self, given: bool) {
        self.options += u64::from(given);
    }

    fn tuning(&mut self, tuning: Tuning) {
        tuning.unusual().for_each(|_| self.option(true));
    }

    fn paths(&mut self, paths: Paths) {
        [paths.call, paths.import].into_iter().for_each(|path| self.path(path));
        self.options += u64::from(paths.polls);
        self.option(paths.neighbor);
    }

    fn path(&mut self, path: Path) {
        self.options += match path.mode {
            Mode::Sync => 0,
            Mode::Async => 1,
            Mode::Concurrent => 2,
        };
        match path.api {
            Api::Dynamic => {}
            Api::Typed(form) => {
                self.options += 1;
                self.number(form);
            }
        }
    }

    fn manner(&mut self, manner: Manner) {
        match manner {
            Manner::Once => {}
            Manner::Twice => self.acts += 1,
            Manner::Misused(misuse) => {
                self.acts += 2;
                self.misuse(misuse);
            }
        }
    }

    fn misuse(&mut self, misuse: Misuse) {
        match misuse {
            Misuse::ArgMissing | Misuse::ArgExtra | Misuse::ResultMissing | Misuse::ResultExtra => {
            }
            Misuse::Arg { node: number, .. }
            | Misuse::Answer { node: number, .. }
            | Misuse::Signature(number) => self.number(number),
        }
    }

    fn shape(&mut self, shape: &Shape) {
        self.parties += Size::count(shape.guests.len() - 1 + shape.resources.len());
        shape.resources.iter().for_each(|resource| match resource {
            Resource::Host => {}
            Resource::Guest { by, destructor } => {
                self.option(*destructor);
                self.number(by + 1);
            }
        });
        for (number, guest) in shape.guests.iter().enumerate() {
            self.guest(guest);
            self.function_type(&guest.export.ty);
            let import = guest.import.iter().filter(|_| !shape.calls_guest(number));
            import.for_each(|import| self.function_type(&import.ty));
        }
    }

    fn guest(&mut self, guest: &Guest) {
        self.function(&guest.export);
        guest.import.iter().for_each(|import| {
            self.members += 1;
            self.function(import);
        });
        self.values += guest.noise.as_ref().map_or(0, |noise| Size::count(noise.len()));
        self.option(guest.ptr_type != PtrType::I32);
        self.options += u64::from(guest.pages.initial - 1);
        self.options += u64::from(guest.pages.maximum - 1);
    }

    /// Which encoding it is counts as a number: any is an option.
    fn function(&mut self, function: &Function) {
        let CanonOpts { string_encoding, memory, realloc, post_return } = function.opts;
        [memory, realloc, post_return].into_iter().for_each(|given| self.option(given));
        let encoding: u64 = match string_encoding {
            StringEncoding::Utf8 => 0,
            StringEncoding::Utf16 => 1,
            StringEncoding::Latin1OrUtf16 => 2,
        };
        self.option(encoding != 0);
        self.number(encoding);
    }

    fn function_type(&mut self, ty: &FuncType) {
        ty.params.iter().chain(&ty.result).for_each(|ty| self.ty(ty));
        self.option(ty.is_async);
    }

    fn ty(&mut self, ty: &Type) {
        self.types += 1;
        let labels = labels(ty);
        self.members += Size::count(labels.len());
        let names = labels.iter().filter_map(|label| label.0.as_ref());
        self.members += names.map(|name| Size::count(name.len())).sum::<u64>();
        self.number(primitive_rank(ty).unwrap_or_default());
        if let Type::FixedLengthList(_, length) = ty {
            self.number(*length);
        } else if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
            self.number(*resource);
        }
        ty.children().into_iter().for_each(|child| self.ty(child));
    }

    fn call(&mut self, call: &Call) {
        self.calls += 1;
        self.acts += Size::count(call.host_drops.len());
        self.manner(call.manner);
        call.args.iter().for_each(|value| self.value(value));
        call.scripts.iter().for_each(|script| self.script(script));
        call.host_drops.iter().for_each(|number| self.number(*number));
    }

    /// Any turn of `realloc` is an act, and what it does is one more.
    fn script(&mut self, script: &Script) {
        self.acts += Size::count(script.realloc.len());
        for (_, turn) in script.turns() {
            self.acts += Size::count(turn.acts.len());
            turn.acts.iter().for_each(|act| self.act(act));
            self.end(&turn.end);
        }
    }

    fn act(&mut self, act: &Act) {
        act.numbers().for_each(|number| self.number(number));
        act.import().into_iter().for_each(|call| self.import_call(call));
    }

    fn end(&mut self, end: &End) {
        match end {
            End::Plain => {}
            End::Return(passed) => self.passed(passed),
            End::Answer(pointer) => {
                self.acts += 1;
                self.number(pointer.number().unwrap_or(0));
            }
            End::Trap => self.acts += 1,
        }
    }

    fn import_call(&mut self, call: &ImportCall) {
        self.passed(&call.passed);
        call.answer.values().iter().for_each(|value| self.value(value));
        match &call.answer {
            Answer::Guest | Answer::Return(_) => {}
            Answer::Error | Answer::Reenter(_) => self.acts += 1,
        }
    }

    /// Raw data is an act more than the same as patches of what is lowered by the rules.
    fn passed(&mut self, passed: &Passed) {
        match passed {
            Passed::Lowered { values, patches } => {
                values.iter().for_each(|value| self.value(value));
                patches.iter().for_each(|patch| self.patch(patch));
            }
            Passed::Raw { flat, memory } => {
                self.acts += 1 + Size::count(flat.len());
                flat.iter().for_each(|bits| self.number(*bits));
                memory.iter().for_each(|chunk| self.chunk(chunk));
            }
        }
    }

    fn patch(&mut self, patch: &Patch) {
        match patch {
            Patch::Flat { index, bits } => {
                self.acts += 1;
                self.number(*index);
                self.number(*bits);
            }
            Patch::Memory(chunk) => self.chunk(chunk),
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.acts += 1;
        self.values += Size::count(chunk.bytes.len());
        self.number(chunk.at);
        chunk.bytes.iter().for_each(|byte| self.number(*byte));
    }

    fn value(&mut self, value: &Value) {
        self.values += 1;
        match value {
            Value::Bool(value) => self.number(u64::from(*value)),
            Value::S8(value) => self.number(signed_rank(i64::from(*value))),
            Value::U8(value) => self.number(*value),
            Value::S16(value) => self.number(signed_rank(i64::from(*value))),
            Value::U16(value) => self.number(*value),
            Value::S32(value) => self.number(signed_rank(i64::from(*value))),
            Value::U32(value) | Value::Flags(value) | Value::Handle(value) => self.number(*value),
            Value::S64(value) => self.number(signed_rank(*value)),
            Value::U64(value) => self.number(*value),
            Value::F32(bits) => {
                self.number(float_rank(u64::from(*bits), u64::from(1f32.to_bits())))
            }
            Value::F64(bits) => self.number(float_rank(*bits, 1f64.to_bits())),
            Value::Char(value) => self.number(char_rank(*value)),
            Value::String(text) => {
                self.values += Size::count(text.text.chars().count());
                text.text.chars().for_each(|c| self.number(char_rank(c)));
            }
            Value::List(values) | Value::Record(values) => {
                values.iter().for_each(|value| self.value(value));
            }
            Value::Bytes(bytes) => {
                self.values += Size::count(bytes.len());
                bytes.iter().for_each(|byte| self.number(*byte));
            }
            Value::Variant(index, payload) => {
                self.number(*index);
                payload.iter().for_each(|value| self.value(value));
            }
        }
    }
}

fn labels(ty: &Type) -> Vec<&Label> {
    if let Type::Record(fields) = ty {
        fields.iter().map(|field| &field.label).collect()
    } else if let Type::Variant(cases) = ty {
        cases.iter().map(|case| &case.label).collect()
    } else if let Type::Enum(labels) | Type::Flags(labels) = ty {
        labels.iter().collect()
    } else {
        Vec::new()
    }
}
