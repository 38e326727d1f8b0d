//! Faults planted in one way in or out of a component: what a run must be able to see.
//! Knows values, and by which way they pass; the engine itself is left as it is.

use crate::case::Tuning;
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::value::{Str, Value};

/// A fault that only calls by one way have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub name: &'static str,
    /// Where it is.
    pub place: Place,
    pub typed: bool,
    pub mode: Mode,
    /// What else it takes.
    only: Only,
    change: Change,
}

/// Where values pass between the host and an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the host passes to the export.
    Args,
    /// What the export returns.
    Result,
    /// What the guest passes to the import.
    Params,
    /// What the host's function returns.
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    Always,
    /// The host's function was polled in vain.
    Polled,
    /// There is another instance in the store.
    Neighbor,
    Fuel,
}

/// What becomes of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The last of several is as the first, where both are of one kind.
    LastAsFirst,
    /// Flags lose the eighth and all above.
    FlagsOfAByte,
    /// Lists end after three.
    ShortLists,
    /// Characters are of 16 bits.
    NarrowStrings,
    /// Floats of 64 bits are as exact as those of 32.
    NarrowFloats,
    /// Integers of 64 bits are of 32.
    NarrowIntegers,
    /// Discriminants are of 3 bits.
    FewCases,
    /// Options of options lose the inner one.
    FlatOptions,
}

impl Fault {
    /// All that are planted.
    pub const ALL: [Fault; 12] = [
        Fault::of("call-async-narrows-strings", Place::Args, CALL_ASYNC, Change::NarrowStrings),
        Fault::of("call-concurrent-loses-flags", Place::Result, CONCURRENT, Change::FlagsOfAByte),
        Fault::of("typed-call-narrows-integers", Place::Args, TYPED, Change::NarrowIntegers),
        Fault::of("typed-call-has-few-cases", Place::Result, TYPED, Change::FewCases),
        Fault::of("typed-call-async-swaps", Place::Args, TYPED_ASYNC, Change::LastAsFirst),
        Fault::of(
            "typed-call-concurrent-shortens-lists",
            Place::Result,
            TYPED_CONCURRENT,
            Change::ShortLists,
        ),
        Fault::of("func-new-async-narrows-floats", Place::Params, CALL_ASYNC, Change::NarrowFloats)
            .only(Only::Polled),
        Fault::of("func-new-concurrent-swaps", Place::Params, CONCURRENT, Change::LastAsFirst),
        Fault::of("func-wrap-flattens-options", Place::Params, TYPED, Change::FlatOptions),
        Fault::of("func-wrap-async-shortens-lists", Place::Answer, TYPED_ASYNC, Change::ShortLists),
        Fault::of("fuel-narrows-integers", Place::Result, PLAIN, Change::NarrowIntegers)
            .only(Only::Fuel),
        Fault::of("neighbors-narrow-floats", Place::Args, CALL_ASYNC, Change::NarrowFloats)
            .only(Only::Neighbor),
    ];

    const fn of(name: &'static str, place: Place, way: (bool, Mode), change: Change) -> Fault {
        let (typed, mode) = way;
        Fault { name, place, typed, mode, only: Only::Always, change }
    }

    const fn only(self, only: Only) -> Fault {
        Fault { only, ..self }
    }

    /// Whether a case that is called like this has it.
    pub fn applies(&self, tuning: Tuning, paths: Paths) -> bool {
        let path = match self.place {
            Place::Args | Place::Result => paths.call,
            Place::Params | Place::Answer => paths.import,
        };
        let only = match self.only {
            Only::Always => true,
            Only::Polled => paths.polls > 0,
            Only::Neighbor => paths.neighbor,
            Only::Fuel => tuning.fuel,
        };
        let Path { api, mode } = path;
        only && mode == self.mode && self.typed == (api != Api::Dynamic)
    }

    /// What becomes of values that pass there.
    pub fn change(&self, values: &mut [Value]) {
        if self.change == Change::LastAsFirst
            && let [first, .., last] = values
            && std::mem::discriminant(first) == std::mem::discriminant(last)
            && first.parts().is_empty()
        {
            last.clone_from(first);
        }
        values.iter_mut().for_each(|value| self.change_one(value));
    }

    fn change_one(&self, value: &mut Value) {
        match (self.change, &mut *value) {
            (Change::FlagsOfAByte, Value::Flags(bits)) => *bits &= 0x7f,
            (Change::ShortLists, Value::List(values)) => values.truncate(3),
            (Change::NarrowStrings, Value::String(Str { text, .. })) => {
                *text = text.chars().map(narrow).collect();
            }
            (Change::NarrowFloats, Value::F64(bits)) => *bits &= !0xffff,
            (Change::NarrowIntegers, Value::S64(value)) => *value &= 0xffff_ffff,
            (Change::NarrowIntegers, Value::U64(value)) => *value &= 0xffff_ffff,
            (Change::FewCases, Value::Variant(index, None)) => *index &= 7,
            (Change::FlatOptions, Value::Variant(1, payload))
                if matches!(payload.as_deref(), Some(Value::Variant(0, None))) =>
            {
                *value = Value::Variant(0, None);
            }
            (_, _) => {}
        }
        value.parts_mut().iter_mut().for_each(|part| self.change_one(part));
    }
}

const PLAIN: (bool, Mode) = (false, Mode::Sync);
const CALL_ASYNC: (bool, Mode) = (false, Mode::Async);
const CONCURRENT: (bool, Mode) = (false, Mode::Concurrent);
const TYPED: (bool, Mode) = (true, Mode::Sync);
const TYPED_ASYNC: (bool, Mode) = (true, Mode::Async);
const TYPED_CONCURRENT: (bool, Mode) = (true, Mode::Concurrent);

fn narrow(c: char) -> char {
    if u32::from(c) > 0xffff { char::REPLACEMENT_CHARACTER } else { c }
}
