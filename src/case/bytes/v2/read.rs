//! The case behind version 2.

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::abi;
use crate::case;
use crate::case::Limits;
use crate::types::FuncType;

use super::types::Builder;
use super::values::Reader;
use super::{Answer, BuiltIn, Call, Chunk, Destructor, Finish, Flat, Function, ImportCall, Passed};
use super::{Patch, PostReturn, Realloc, Resource, Step, StringEncoding};

/// The types are within `limits`; all else is the caller's to check.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<case::Case> {
    build(take_all(bytes)?, limits)
}

/// All of the bytes as one thing.
pub fn take_all<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    let (flat, rest) = postcard::take_from_bytes(bytes)?;
    ensure!(rest.is_empty(), "{} bytes follow the case", rest.len());
    Ok(flat)
}

/// The same as `decode`, from what was decoded already.
pub fn build(flat: Flat, limits: &Limits) -> Result<case::Case> {
    let mut builder = Builder::new(&flat.types, limits);
    let export = function(flat.export, &mut builder)?;
    let import = flat.import.map(|import| function(import, &mut builder)).transpose()?;
    let pages = case::Pages { initial: flat.initial, maximum: flat.maximum };
    let resources = flat.resources.into_iter().map(resource).collect();
    let guest = case::Guest { export, import, ptr_type: abi::PtrType::I32, pages };
    let shape = case::Shape { guests: vec![guest], resources };
    let mut values = Reader { rest: &flat.values };
    let calls = flat.calls.into_iter().map(|c| call(c, &shape, &mut values));
    let calls = calls.collect::<Result<_>>()?;
    ensure!(values.rest.is_empty(), "{} bytes follow the values", values.rest.len());
    let tuning = case::Tuning {
        optimize: flat.optimize,
        pooling: flat.pooling,
        moving_memory: flat.moving_memory,
        concurrency: flat.concurrency,
        signals: true,
        guards: true,
    };
    Ok(case::Case { tuning, shape, calls })
}

fn resource(resource: Resource) -> case::Resource {
    match resource {
        Resource::Host => case::Resource::Host,
        Resource::Guest { destructor } => case::Resource::Guest { by: 0, destructor },
    }
}

fn function(function: Function, types: &mut Builder) -> Result<case::Function> {
    let ty = types.functype(&function.params, function.result)?;
    let string_encoding = match function.string_encoding {
        StringEncoding::Utf8 => abi::StringEncoding::Utf8,
        StringEncoding::Utf16 => abi::StringEncoding::Utf16,
        StringEncoding::Latin1OrUtf16 => abi::StringEncoding::Latin1OrUtf16,
    };
    let Function { memory, realloc, post_return, .. } = function;
    let opts = case::CanonOpts { string_encoding, memory, realloc, post_return };
    Ok(case::Function { ty, opts })
}

/// Values are read in the order in which they were written.
fn call(call: Call, shape: &case::Shape, values: &mut Reader) -> Result<case::Call> {
    let guest = &shape.guests[0];
    let args = values.each(&guest.export.ty.params)?;
    let realloc = call.realloc.into_iter().map(realloc).collect();
    let ty = guest.import.as_ref().map_or(&NO_IMPORT, |import| &import.ty);
    let steps = call.steps.into_iter().map(|s| step(s, ty, values)).collect::<Result<_>>()?;
    let finish = match call.finish {
        Finish::Return(passed) => {
            case::Finish::Return(pass(passed, guest.export.ty.results(), values)?)
        }
        Finish::Trap => case::Finish::Trap,
    };
    let post_return = match call.post_return {
        PostReturn::Nothing => case::PostReturn::Nothing,
        PostReturn::Trap => case::PostReturn::Trap,
        PostReturn::Import => case::PostReturn::Import,
        PostReturn::BuiltIn(call) => case::PostReturn::BuiltIn(built_in(call)),
    };
    let destructor = match call.destructor {
        Destructor::Nothing => case::Destructor::Nothing,
        Destructor::Trap => case::Destructor::Trap,
        Destructor::BuiltIn(call) => case::Destructor::BuiltIn(built_in(call)),
    };
    let host_drops = call.host_drops;
    let script = case::Script { realloc, steps, finish, post_return, destructor };
    Ok(case::Call { args, scripts: vec![script], host_drops })
}

fn step(step: Step, ty: &FuncType, values: &mut Reader) -> Result<case::Step> {
    match step {
        Step::Import(call) => import_call(call, ty, values).map(case::Step::Import),
        Step::BuiltIn(call) => Ok(case::Step::BuiltIn(built_in(call))),
    }
}

fn built_in(call: BuiltIn) -> case::BuiltIn {
    match call {
        BuiltIn::New { resource, rep } => case::BuiltIn::New { resource, rep },
        BuiltIn::Rep { resource, handle } => case::BuiltIn::Rep { resource, handle },
        BuiltIn::Drop { resource, handle } => case::BuiltIn::Drop { resource, handle },
    }
}

/// For calls of an import that is not there, which are refused once they are read.
static NO_IMPORT: FuncType = FuncType { params: Vec::new(), result: None };

fn realloc(action: Realloc) -> case::Realloc {
    match action {
        Realloc::Bump => case::Realloc::Bump,
        Realloc::Forget => case::Realloc::Forget,
        Realloc::At(at) => case::Realloc::At(at.into()),
        Realloc::Old => case::Realloc::Old,
        Realloc::Skew(by) => case::Realloc::Skew(by.into()),
        Realloc::Grow(pages) => case::Realloc::Grow(pages),
        Realloc::Trap => case::Realloc::Trap,
        Realloc::Import => case::Realloc::Import,
        Realloc::BuiltIn(call) => case::Realloc::BuiltIn(built_in(call)),
    }
}

fn import_call(call: ImportCall, ty: &FuncType, values: &mut Reader) -> Result<case::ImportCall> {
    let passed = pass(call.passed, &ty.params, values)?;
    let mut result = || values.each(ty.results()).map(|results| results.into_iter().next());
    let answer = match call.answer {
        Answer::Return => case::Answer::Return(result()?),
        Answer::Error => case::Answer::Error,
        Answer::Reenter => case::Answer::Reenter(result()?),
    };
    Ok(case::ImportCall { passed, answer })
}

fn pass(passed: Passed, types: &[crate::types::Type], values: &mut Reader) -> Result<case::Passed> {
    Ok(match passed {
        Passed::Lowered { patches } => case::Passed::Lowered {
            values: values.each(types)?,
            patches: patches.into_iter().map(patch).collect(),
        },
        Passed::Raw { flat, memory } => {
            case::Passed::Raw { flat, memory: memory.into_iter().map(chunk).collect() }
        }
    })
}

fn patch(patch: Patch) -> case::Patch {
    match patch {
        Patch::Flat { index, bits } => case::Patch::Flat { index, bits },
        Patch::Memory(bytes) => case::Patch::Memory(chunk(bytes)),
    }
}

fn chunk(chunk: Chunk) -> case::Chunk {
    case::Chunk { at: chunk.at, bytes: chunk.bytes }
}
