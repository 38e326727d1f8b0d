//! A case as version 4.

use crate::abi;
use crate::case;
use crate::value::Value;

use super::types::Table;
use super::{Answer, BuiltIn, Call, CanonOpts, Chunk, Destructor, Finish, Flat, Guest, ImportCall};
use super::{Passed, Patch, PostReturn, PtrType, Realloc, Resource, Script, Step, StringEncoding};
use super::{paths, values};

pub fn encode(case: &case::Case) -> Vec<u8> {
    let mut types = Table::default();
    let mut values = Vec::new();
    let guests = &case.shape.guests;
    let exports = guests.iter().map(|guest| &guest.export);
    let import = guests.last().and_then(|guest| guest.import.as_ref());
    let functions: Vec<_> = exports.chain(import).map(|function| &function.ty).collect();
    let asyncs = functions.iter().rev().fold(0, |bits, ty| bits << 1 | u32::from(ty.is_async));
    let functions = functions.into_iter().map(|ty| types.functype(ty)).collect();
    let calls = case.calls.iter().map(|c| call(c, &mut values)).collect();
    let flat = Flat {
        tuning: paths::write_tuning(case.tuning),
        paths: paths::write(case.paths),
        resources: case.shape.resources.iter().map(|defined| resource(*defined)).collect(),
        types: types.into_entries(),
        functions,
        asyncs,
        guests: guests.iter().map(guest).collect(),
        calls,
        values,
    };
    postcard::to_stdvec(&flat).expect("postcard can write all that is in a case")
}

fn resource(resource: case::Resource) -> Resource {
    match resource {
        case::Resource::Host => Resource::Host,
        case::Resource::Guest { by, destructor } => Resource::Guest { by, destructor },
    }
}

fn guest(guest: &case::Guest) -> Guest {
    Guest {
        ptr_type: match guest.ptr_type {
            abi::PtrType::I32 => PtrType::I32,
            abi::PtrType::I64 => PtrType::I64,
        },
        initial: guest.pages.initial,
        maximum: guest.pages.maximum,
        export: opts(guest.export.opts),
        import: guest.import.as_ref().map(|import| opts(import.opts)),
    }
}

fn opts(opts: case::CanonOpts) -> CanonOpts {
    let case::CanonOpts { string_encoding, memory, realloc, post_return } = opts;
    let string_encoding = match string_encoding {
        abi::StringEncoding::Utf8 => StringEncoding::Utf8,
        abi::StringEncoding::Utf16 => StringEncoding::Utf16,
        abi::StringEncoding::Latin1OrUtf16 => StringEncoding::Latin1OrUtf16,
    };
    CanonOpts { string_encoding, memory, realloc, post_return }
}

fn call(call: &case::Call, out: &mut Vec<u8>) -> Call {
    put(&call.args, out);
    let scripts = call.scripts.iter().map(|s| script(s, out)).collect();
    let manner = paths::write_manner(call.manner);
    Call { scripts, host_drops: call.host_drops.clone(), manner }
}

fn script(script: &case::Script, out: &mut Vec<u8>) -> Script {
    Script {
        realloc: script.realloc.iter().map(|action| realloc(*action)).collect(),
        steps: script.steps.iter().map(|s| step(s, out)).collect(),
        finish: match &script.finish {
            case::Finish::Return(passed) => Finish::Return(pass(passed, out)),
            case::Finish::Trap => Finish::Trap,
        },
        post_return: match script.post_return {
            case::PostReturn::Nothing => PostReturn::Nothing,
            case::PostReturn::Trap => PostReturn::Trap,
            case::PostReturn::Import => PostReturn::Import,
            case::PostReturn::BuiltIn(call) => PostReturn::BuiltIn(built_in(call)),
        },
        destructor: match script.destructor {
            case::Destructor::Nothing => Destructor::Nothing,
            case::Destructor::Trap => Destructor::Trap,
            case::Destructor::BuiltIn(call) => Destructor::BuiltIn(built_in(call)),
        },
    }
}

fn step(step: &case::Step, out: &mut Vec<u8>) -> Step {
    match step {
        case::Step::Import(call) => import_call(call, out),
        case::Step::BuiltIn(call) => Step::BuiltIn(built_in(*call)),
    }
}

fn built_in(call: case::BuiltIn) -> BuiltIn {
    match call {
        case::BuiltIn::New { resource, rep } => BuiltIn::New { resource, rep },
        case::BuiltIn::Rep { resource, handle } => BuiltIn::Rep { resource, handle },
        case::BuiltIn::Drop { resource, handle } => BuiltIn::Drop { resource, handle },
    }
}

fn put(values: &[Value], out: &mut Vec<u8>) {
    values.iter().for_each(|value| values::write(value, out));
}

fn realloc(action: case::Realloc) -> Realloc {
    match action {
        case::Realloc::Bump => Realloc::Bump,
        case::Realloc::Forget => Realloc::Forget,
        case::Realloc::At(at) => Realloc::At(at),
        case::Realloc::End(beyond) => Realloc::End(beyond),
        case::Realloc::Old => Realloc::Old,
        case::Realloc::Skew(by) => Realloc::Skew(by),
        case::Realloc::Grow(pages) => Realloc::Grow(pages),
        case::Realloc::Trap => Realloc::Trap,
        case::Realloc::Import => Realloc::Import,
        case::Realloc::BuiltIn(call) => Realloc::BuiltIn(built_in(call)),
    }
}

fn import_call(call: &case::ImportCall, out: &mut Vec<u8>) -> Step {
    let passed = pass(&call.passed, out);
    let answer = match &call.answer {
        case::Answer::Guest => return Step::Guest(passed),
        case::Answer::Return(value) => {
            put(value.as_slice(), out);
            Answer::Return
        }
        case::Answer::Error => Answer::Error,
        case::Answer::Reenter(value) => {
            put(value.as_slice(), out);
            Answer::Reenter
        }
    };
    Step::Import(ImportCall { passed, answer })
}

fn pass(passed: &case::Passed, out: &mut Vec<u8>) -> Passed {
    match passed {
        case::Passed::Lowered { values, patches } => {
            put(values, out);
            Passed::Lowered { patches: patches.iter().map(patch).collect() }
        }
        case::Passed::Raw { flat, memory } => {
            Passed::Raw { flat: flat.clone(), memory: memory.iter().map(chunk).collect() }
        }
    }
}

fn patch(patch: &case::Patch) -> Patch {
    match patch {
        case::Patch::Flat { index, bits } => Patch::Flat { index: *index, bits: *bits },
        case::Patch::Memory(bytes) => Patch::Memory(chunk(bytes)),
    }
}

fn chunk(chunk: &case::Chunk) -> Chunk {
    Chunk { at: chunk.at, bytes: chunk.bytes.clone() }
}
