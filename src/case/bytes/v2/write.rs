//! A case as version 2.

use crate::abi;
use crate::case;
use crate::value::Value;

use super::types::Table;
use super::{Answer, BuiltIn, Call, Chunk, Destructor, Finish, Flat, Function, ImportCall, Passed};
use super::{Patch, PostReturn, Realloc, Resource, Step, StringEncoding, values};

pub fn encode(case: &case::Case) -> Vec<u8> {
    let mut types = Table::default();
    let mut values = Vec::new();
    let case::Tuning { optimize, pooling, moving_memory, concurrency, .. } = case.tuning;
    let guest = &case.shape.guests[0];
    let case::Pages { initial, maximum } = guest.pages;
    let export = function(&guest.export, &mut types);
    let import = guest.import.as_ref().map(|import| function(import, &mut types));
    let calls = case.calls.iter().map(|c| call(c, &mut values)).collect();
    let types = types.into_entries();
    let flat = Flat {
        optimize,
        pooling,
        moving_memory,
        concurrency,
        initial,
        maximum,
        resources: case.shape.resources.iter().map(|defined| resource(*defined)).collect(),
        types,
        export,
        import,
        calls,
        values,
    };
    postcard::to_stdvec(&flat).expect("postcard can write all that is in a case")
}

fn resource(resource: case::Resource) -> Resource {
    match resource {
        case::Resource::Host => Resource::Host,
        case::Resource::Guest { destructor, .. } => Resource::Guest { destructor },
    }
}

fn function(function: &case::Function, types: &mut Table) -> Function {
    let case::CanonOpts { string_encoding, memory, realloc, post_return } = function.opts;
    Function {
        params: types.runs(function.ty.params.iter().map(Some)),
        result: function.ty.result.as_ref().map(|ty| types.add(ty)),
        string_encoding: match string_encoding {
            abi::StringEncoding::Utf8 => StringEncoding::Utf8,
            abi::StringEncoding::Utf16 => StringEncoding::Utf16,
            abi::StringEncoding::Latin1OrUtf16 => StringEncoding::Latin1OrUtf16,
        },
        memory,
        realloc,
        post_return,
    }
}

fn call(call: &case::Call, out: &mut Vec<u8>) -> Call {
    put(&call.args, out);
    let script = &call.scripts[0];
    Call {
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
        host_drops: call.host_drops.clone(),
    }
}

fn step(step: &case::Step, out: &mut Vec<u8>) -> Step {
    match step {
        case::Step::Import(call) => Step::Import(import_call(call, out)),
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
        case::Realloc::At(at) | case::Realloc::End(at) => Realloc::At(abi::wrap(at)),
        case::Realloc::Old => Realloc::Old,
        case::Realloc::Skew(by) => Realloc::Skew(abi::wrap(by)),
        case::Realloc::Grow(pages) => Realloc::Grow(pages),
        case::Realloc::Trap => Realloc::Trap,
        case::Realloc::Import => Realloc::Import,
        case::Realloc::BuiltIn(call) => Realloc::BuiltIn(built_in(call)),
    }
}

fn import_call(call: &case::ImportCall, out: &mut Vec<u8>) -> ImportCall {
    let passed = pass(&call.passed, out);
    let answer = match &call.answer {
        case::Answer::Return(value) => {
            put(value.as_slice(), out);
            Answer::Return
        }
        case::Answer::Guest | case::Answer::Error => Answer::Error,
        case::Answer::Reenter(value) => {
            put(value.as_slice(), out);
            Answer::Reenter
        }
    };
    ImportCall { passed, answer }
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
