//! Smaller numbers and plainer characters, wherever a case has one.
//! Knows how plain each is, as `size` has it.

use super::one::Cut;
use crate::case::misuse::Misuse;
use crate::case::paths::{Api, Path};
use crate::case::{
    Act, Call, Case, Chunk, ImportCall, Manner, Passed, Patch, Pointer, Script, Turn,
};
use crate::generate::mutate::size::{OTHER_CHARS, PLAIN_CHARS, char_rank, float_rank, signed_rank};
use crate::value::Value;

/// Each number replaced by smaller ones: the smallest first, then without one of its bits.
pub fn numbers(case: &Case) -> Vec<Cut> {
    let mut ranks = Vec::new();
    let mut look = |rank| {
        ranks.push(rank);
        rank
    };
    Visit(&mut look).case(&mut case.clone());
    let mut cuts = Vec::new();
    for (wanted, rank) in ranks.into_iter().enumerate() {
        for smaller in smaller(rank) {
            cuts.push(Cut::new(move |case| {
                let mut number = 0;
                let mut change = |rank| {
                    number += 1;
                    if number == wanted + 1 { smaller } else { rank }
                };
                Visit(&mut change).case(case);
            }));
        }
    }
    cuts
}

fn smaller(rank: u64) -> Vec<u64> {
    let bits = (0..u64::BITS).rev().map(|bit| rank & !(1 << bit));
    let few = (0..4).chain([rank >> 8, rank >> 1]).chain(bits).chain(rank.checked_sub(1));
    let mut all: Vec<u64> = Vec::new();
    for smaller in few.filter(|smaller| *smaller < rank) {
        if !all.contains(&smaller) {
            all.push(smaller);
        }
    }
    all
}

/// Goes through all numbers in their order and replaces each, by its rank.
struct Visit<'a>(&'a mut dyn FnMut(u64) -> u64);

impl Visit<'_> {
    fn case(&mut self, case: &mut Case) {
        let paths = &mut case.paths;
        self.path(&mut paths.call);
        self.path(&mut paths.import);
        case.calls.iter_mut().for_each(|call| self.call(call));
    }

    fn path(&mut self, path: &mut Path) {
        match &mut path.api {
            Api::Dynamic => {}
            Api::Typed(form) => self.word(form),
        }
    }

    fn call(&mut self, call: &mut Call) {
        match &mut call.manner {
            Manner::Misused(
                Misuse::Arg { node: number, .. }
                | Misuse::Answer { node: number, .. }
                | Misuse::Signature(number),
            ) => self.word(number),
            Manner::Misused(
                Misuse::ArgMissing | Misuse::ArgExtra | Misuse::ResultMissing | Misuse::ResultExtra,
            )
            | Manner::Once
            | Manner::Twice => {}
        }
        call.args.iter_mut().for_each(|value| self.value(value));
        call.scripts.iter_mut().for_each(|script| self.script(script));
        call.host_drops.iter_mut().for_each(|number| self.word(number));
    }

    fn script(&mut self, script: &mut Script) {
        for (_, Turn { acts, end }) in script.turns_mut() {
            acts.iter_mut().for_each(|act| self.act(act));
            end.pointer_mut()
                .and_then(Pointer::number_mut)
                .into_iter()
                .for_each(|n| self.number(n));
            end.returned_mut().into_iter().for_each(|passed| self.passed(passed));
        }
    }

    fn act(&mut self, act: &mut Act) {
        act.numbers_mut().into_iter().for_each(|number| self.word(number));
        if let Some(ImportCall { passed, answer }) = act.import_mut() {
            self.passed(passed);
            answer.values_mut().iter_mut().for_each(|value| self.value(value));
        }
    }

    fn passed(&mut self, passed: &mut Passed) {
        match passed {
            Passed::Lowered { values, patches } => {
                values.iter_mut().for_each(|value| self.value(value));
                patches.iter_mut().for_each(|patch| self.patch(patch));
            }
            Passed::Raw { flat, memory } => {
                flat.iter_mut().for_each(|bits| self.number(bits));
                memory.iter_mut().for_each(|chunk| self.chunk(chunk));
            }
        }
    }

    fn patch(&mut self, patch: &mut Patch) {
        match patch {
            Patch::Flat { index, bits } => {
                self.word(index);
                self.number(bits);
            }
            Patch::Memory(chunk) => self.chunk(chunk),
        }
    }

    fn chunk(&mut self, chunk: &mut Chunk) {
        self.word(&mut chunk.at);
        chunk.bytes.iter_mut().for_each(|byte| self.narrow(byte));
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Bool(value) => *value = (self.0)(u64::from(*value)) != 0,
            Value::S8(value) => *value = self.signed(*value),
            Value::U8(value) => self.narrow(value),
            Value::S16(value) => *value = self.signed(*value),
            Value::U16(value) => self.narrow(value),
            Value::S32(value) => *value = self.signed(*value),
            Value::U32(value) | Value::Flags(value) | Value::Handle(value) => self.word(value),
            Value::S64(value) => *value = self.signed(*value),
            Value::U64(value) => self.number(value),
            Value::F32(bits) => {
                let one = u64::from(1f32.to_bits());
                let float = self.float(u64::from(*bits), one);
                *bits = u32::try_from(float).unwrap_or(*bits);
            }
            Value::F64(bits) => *bits = self.float(*bits, 1f64.to_bits()),
            Value::Char(value) => *value = self.char(*value),
            Value::String(text) => text.text = text.text.chars().map(|c| self.char(c)).collect(),
            Value::List(values) | Value::Record(values) => {
                values.iter_mut().for_each(|value| self.value(value));
            }
            Value::Bytes(bytes) => bytes.iter_mut().for_each(|byte| self.narrow(byte)),
            Value::Variant(index, payload) => {
                self.word(index);
                payload.iter_mut().for_each(|value| self.value(value));
            }
        }
    }

    fn number(&mut self, number: &mut u64) {
        *number = (self.0)(*number);
    }

    fn word(&mut self, word: &mut u32) {
        self.narrow(word);
    }

    fn narrow<T: Copy + Into<u64> + TryFrom<u64>>(&mut self, number: &mut T) {
        *number = T::try_from((self.0)((*number).into())).unwrap_or(*number);
    }

    fn signed<T: Copy + Into<i64> + TryFrom<i64>>(&mut self, number: T) -> T {
        let rank = (self.0)(signed_rank(number.into()));
        let half = (rank >> 1).cast_signed();
        T::try_from(if rank & 1 == 0 { half } else { !half }).unwrap_or(number)
    }

    fn float(&mut self, bits: u64, one: u64) -> u64 {
        match (self.0)(float_rank(bits, one)) {
            0 => 0,
            1 => one,
            rank if bits == u64::MAX => rank,
            rank => rank - 1,
        }
    }

    fn char(&mut self, c: char) -> char {
        let rank = (self.0)(u64::from(char_rank(c)));
        let plain = usize::try_from(rank).ok().and_then(|rank| PLAIN_CHARS.get(rank));
        let other = rank.checked_sub(u64::from(OTHER_CHARS));
        let other = other.and_then(|rank| u32::try_from(rank).ok()).and_then(char::from_u32);
        plain.copied().or(other).unwrap_or(c)
    }
}
