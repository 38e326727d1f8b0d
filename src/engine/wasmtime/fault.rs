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
    pub leg: Leg,
    pub typed: bool,
    pub mode: Mode,
    /// What else it takes.
    only: Only,
    change: Distortion,
}

/// Where values pass between the host and an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
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
enum Distortion {
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
        Fault::of("call-async-narrows-strings", Leg::Args, CALL_ASYNC, Distortion::NarrowStrings),
        Fault::of("call-concurrent-loses-flags", Leg::Result, CONCURRENT, Distortion::FlagsOfAByte),
        Fault::of("typed-call-narrows-integers", Leg::Args, TYPED, Distortion::NarrowIntegers),
        Fault::of("typed-call-has-few-cases", Leg::Result, TYPED, Distortion::FewCases),
        Fault::of("typed-call-async-swaps", Leg::Args, TYPED_ASYNC, Distortion::LastAsFirst),
        Fault::of(
            "typed-call-concurrent-shortens-lists",
            Leg::Result,
            TYPED_CONCURRENT,
            Distortion::ShortLists,
        ),
        Fault::of(
            "func-new-async-narrows-floats",
            Leg::Params,
            CALL_ASYNC,
            Distortion::NarrowFloats,
        )
        .only(Only::Polled),
        Fault::of("func-new-concurrent-swaps", Leg::Params, CONCURRENT, Distortion::LastAsFirst),
        Fault::of("func-wrap-flattens-options", Leg::Params, TYPED, Distortion::FlatOptions),
        Fault::of(
            "func-wrap-async-shortens-lists",
            Leg::Answer,
            TYPED_ASYNC,
            Distortion::ShortLists,
        ),
        Fault::of("fuel-narrows-integers", Leg::Result, PLAIN, Distortion::NarrowIntegers)
            .only(Only::Fuel),
        Fault::of("neighbors-narrow-floats", Leg::Args, CALL_ASYNC, Distortion::NarrowFloats)
            .only(Only::Neighbor),
    ];

    const fn of(name: &'static str, leg: Leg, way: (bool, Mode), change: Distortion) -> Fault {
        let (typed, mode) = way;
        Fault { name, leg, typed, mode, only: Only::Always, change }
    }

    const fn only(self, only: Only) -> Fault {
        Fault { only, ..self }
    }

    /// Whether a case that is called like this has it.
    pub fn applies(&self, tuning: Tuning, paths: Paths) -> bool {
        let path = match self.leg {
            Leg::Args | Leg::Result => paths.call,
            Leg::Params | Leg::Answer => paths.import,
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
        if self.change == Distortion::LastAsFirst
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
            (Distortion::FlagsOfAByte, Value::Flags(bits)) => *bits &= 0x7f,
            (Distortion::ShortLists, Value::List(values)) => values.truncate(3),
            (Distortion::NarrowStrings, Value::String(Str { text, .. })) => {
                *text = text.chars().map(narrow).collect();
            }
            (Distortion::NarrowFloats, Value::F64(bits)) => *bits &= !0xffff,
            (Distortion::NarrowIntegers, Value::S64(value)) => *value &= 0xffff_ffff,
            (Distortion::NarrowIntegers, Value::U64(value)) => *value &= 0xffff_ffff,
            (Distortion::FewCases, Value::Variant(index, None)) => *index &= 7,
            (Distortion::FlatOptions, Value::Variant(1, payload))
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
