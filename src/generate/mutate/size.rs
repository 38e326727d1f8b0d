//! How large a case is.
//! Knows what there is in one, and what costs a reader more than what.

use crate::abi::{PtrType, StringEncoding};
use crate::case::misuse::Misuse;
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::{Answer, BuiltIn, Call, Case, Chunk, Destructor, Finish, Function, Guest};
use crate::case::{ImportCall, Manner, Passed, Patch, PostReturn, Realloc, Script, Shape, Step};
use crate::types::{Label, Type};
use crate::value::Value;

/// How large a case is: what there is of things, then how large their numbers are.
pub fn size(case: &Case) -> (u64, u64) {
    let mut size = Size::default();
    size.paths(case.paths);
    size.shape(&case.shape);
    case.calls.iter().for_each(|call| size.call(call));
    let tuning = case.tuning;
    let tuned = [tuning.optimize, tuning.pooling, tuning.moving_memory, tuning.concurrency];
    let metered = [tuning.fuel, tuning.epochs];
    let plain = [tuning.signals, tuning.guards];
    size.bits += tuned.map(u64::from).iter().sum::<u64>();
    size.bits += metered.map(u64::from).iter().sum::<u64>();
    size.bits += plain.map(|plain| u64::from(!plain)).iter().sum::<u64>();
    (size.things, size.bits)
}

#[derive(Default)]
struct Size {
    things: u64,
    bits: u64,
}

impl Size {
    fn things(&mut self, count: usize) {
        self.things += u64::try_from(count).expect("a count fits in 64 bits");
    }

    fn number(&mut self, number: u64) {
        self.bits += u64::from(u64::BITS - number.leading_zeros());
    }

    fn paths(&mut self, paths: Paths) {
        [paths.call, paths.import].into_iter().for_each(|path| self.path(path));
        self.number(u64::from(paths.polls));
        self.bits += u64::from(paths.neighbor);
    }

    fn path(&mut self, path: Path) {
        self.bits += match path.mode {
            Mode::Sync => 0,
            Mode::Async => 1,
            Mode::Concurrent => 2,
        };
        match path.api {
            Api::Dynamic => {}
            Api::Typed(form) => {
                self.bits += 1;
                self.number(u64::from(form));
            }
        }
    }

    fn manner(&mut self, manner: Manner) {
        match manner {
            Manner::Once => {}
            Manner::Twice => self.bits += 1,
            Manner::Misused(misuse) => {
                self.bits += 2;
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
            | Misuse::Signature(number) => self.number(u64::from(number)),
        }
    }

    fn shape(&mut self, shape: &Shape) {
        self.things(shape.guests.len() - 1);
        shape.guests.iter().for_each(|guest| self.guest(guest));
        self.things(shape.resources.len());
    }

    fn guest(&mut self, guest: &Guest) {
        self.function(&guest.export);
        guest.import.iter().for_each(|import| {
            self.things(1);
            self.function(import);
        });
        self.bits += u64::from(guest.ptr_type != PtrType::I32);
        self.number(u64::from(guest.pages.initial - 1));
        self.number(u64::from(guest.pages.maximum - 1));
    }

    fn function(&mut self, function: &Function) {
        function.ty.params.iter().chain(&function.ty.result).for_each(|ty| self.ty(ty));
        let opts = function.opts;
        self.bits +=
            [opts.memory, opts.realloc, opts.post_return].map(u64::from).iter().sum::<u64>();
        self.bits += u64::from(opts.string_encoding != StringEncoding::Utf8);
        self.bits += u64::from(function.ty.is_async);
    }

    fn ty(&mut self, ty: &Type) {
        self.things(1 + labels(ty).len());
        self.things(
            labels(ty).iter().filter_map(|label| label.0.as_ref()).map(|name| name.len()).sum(),
        );
        if let Type::FixedLengthList(_, length) = ty {
            self.number(u64::from(*length));
        }
        ty.children().into_iter().for_each(|child| self.ty(child));
    }

    fn call(&mut self, call: &Call) {
        self.things(1 + call.host_drops.len());
        self.manner(call.manner);
        call.args.iter().for_each(|value| self.value(value));
        call.scripts.iter().for_each(|script| self.script(script));
        call.host_drops.iter().for_each(|number| self.number(u64::from(*number)));
    }

    fn script(&mut self, script: &Script) {
        self.things(script.realloc.len() + script.steps.len());
        script.realloc.iter().for_each(|action| self.realloc(*action));
        script.steps.iter().for_each(|step| self.step(step));
        match &script.finish {
            Finish::Return(passed) => self.passed(passed),
            Finish::Trap => {}
        }
        self.post_return(script.post_return);
        self.destructor(script.destructor);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Import(call) => self.import_call(call),
            Step::BuiltIn(built_in) => self.built_in(*built_in),
        }
    }

    fn import_call(&mut self, call: &ImportCall) {
        self.passed(&call.passed);
        match &call.answer {
            Answer::Return(value) => value.iter().for_each(|value| self.value(value)),
            Answer::Reenter(value) => {
                self.number(1);
                value.iter().for_each(|value| self.value(value));
            }
            Answer::Guest => {}
            Answer::Error => self.number(1),
        }
    }

    fn built_in(&mut self, built_in: BuiltIn) {
        let (BuiltIn::New { resource, rep: operand }
        | BuiltIn::Rep { resource, handle: operand }
        | BuiltIn::Drop { resource, handle: operand }) = built_in;
        self.number(1);
        self.number(u64::from(resource));
        self.number(u64::from(operand));
    }

    fn post_return(&mut self, action: PostReturn) {
        match action {
            PostReturn::Nothing => {}
            PostReturn::Trap | PostReturn::Import => self.number(1),
            PostReturn::BuiltIn(built_in) => self.built_in(built_in),
        }
    }

    fn destructor(&mut self, action: Destructor) {
        match action {
            Destructor::Nothing => {}
            Destructor::Trap => self.number(1),
            Destructor::BuiltIn(built_in) => self.built_in(built_in),
        }
    }

    fn realloc(&mut self, action: Realloc) {
        match action {
            Realloc::Bump => {}
            Realloc::At(number) | Realloc::End(number) | Realloc::Skew(number) => {
                self.number(number);
                self.number(1);
            }
            Realloc::Grow(pages) => {
                self.number(u64::from(pages));
                self.number(1);
            }
            Realloc::Forget | Realloc::Old | Realloc::Trap | Realloc::Import => self.number(1),
            Realloc::BuiltIn(built_in) => self.built_in(built_in),
        }
    }

    fn passed(&mut self, passed: &Passed) {
        match passed {
            Passed::Lowered { values, patches } => {
                values.iter().for_each(|value| self.value(value));
                patches.iter().for_each(|patch| self.patch(patch));
            }
            Passed::Raw { flat, memory } => {
                self.things(flat.len());
                flat.iter().for_each(|bits| self.number(*bits));
                memory.iter().for_each(|chunk| self.chunk(chunk));
            }
        }
    }

    fn patch(&mut self, patch: &Patch) {
        match patch {
            Patch::Flat { bits, .. } => {
                self.things(1);
                self.number(*bits);
            }
            Patch::Memory(chunk) => self.chunk(chunk),
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.things(1 + chunk.bytes.len());
        chunk.bytes.iter().for_each(|byte| self.number(u64::from(*byte)));
    }

    fn value(&mut self, value: &Value) {
        self.things(1);
        match value {
            Value::Bool(value) => self.number(u64::from(*value)),
            Value::S8(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U8(value) => self.number(u64::from(*value)),
            Value::S16(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U16(value) => self.number(u64::from(*value)),
            Value::S32(value) => self.number(u64::from(value.cast_unsigned())),
            Value::U32(value) | Value::F32(value) | Value::Flags(value) | Value::Handle(value) => {
                self.number(u64::from(*value))
            }
            Value::S64(value) => self.number(value.cast_unsigned()),
            Value::U64(value) | Value::F64(value) => self.number(*value),
            Value::Char(value) => self.number(u64::from(u32::from(*value))),
            Value::String(text) => self.things(text.text.len()),
            Value::List(values) | Value::Record(values) => {
                values.iter().for_each(|value| self.value(value));
            }
            Value::Variant(index, payload) => {
                self.number(u64::from(*index));
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
