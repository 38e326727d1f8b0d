//! The case behind version 4.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::abi;
use crate::case;
use crate::case::Limits;
use crate::types::FuncType;

use super::paths;
use super::types::Builder;
use super::values::Reader;
use super::{Answer, BuiltIn, Call, CanonOpts, Chunk, Destructor, Finish, Flat, Guest, ImportCall};
use super::{Passed, Patch, PostReturn, PtrType, Realloc, Resource, Script, Step, StringEncoding};

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
    check_guests(&flat, limits)?;
    let mut builder = Builder::new(&flat.types, limits);
    let functions = flat.functions.iter().zip(bits(flat.asyncs));
    let functions = functions.map(|(ty, is_async)| builder.functype(ty, is_async));
    let guests = guests(flat.guests, &functions.collect::<Result<Vec<_>>>()?);
    let resources = flat.resources.into_iter().map(resource).collect();
    let shape = case::Shape { guests, resources };
    let mut values = Reader { rest: &flat.values };
    let calls = flat.calls.into_iter().map(|c| call(c, &shape, &mut values));
    let calls = calls.collect::<Result<_>>()?;
    ensure!(values.rest.is_empty(), "{} bytes follow the values", values.rest.len());
    let (tuning, paths) = (paths::read_tuning(flat.tuning), paths::read(flat.paths));
    Ok(case::Case { tuning, paths, shape, calls })
}

/// The lowest comes first.
fn bits(bits: u32) -> impl Iterator<Item = bool> {
    (0..u32::BITS).map(move |bit| bits & 1 << bit != 0)
}

fn resource(resource: Resource) -> case::Resource {
    match resource {
        Resource::Host => case::Resource::Host,
        Resource::Guest { by, destructor } => case::Resource::Guest { by, destructor },
    }
}

/// Each guest exports one of the functions, and imports the one after it. They are counted before
/// any is built, since a short one can stand for a large tree.
fn check_guests(flat: &Flat, limits: &Limits) -> Result<()> {
    let (guests, limit) = (flat.guests.len(), limits.guests);
    ensure!(u32::try_from(guests)? <= limit, "{guests} guests are more than {limit}");
    let imports = flat.guests.last().is_some_and(|guest| guest.import.is_some());
    let expected = guests + usize::from(imports);
    let found = flat.functions.len();
    ensure!(found == expected, "the guests have {expected} functions, and {found} have a type");
    Ok(())
}

fn guests(guests: Vec<Guest>, functions: &[FuncType]) -> Vec<case::Guest> {
    let guests = guests.into_iter().enumerate();
    guests.map(|(number, guest)| self::guest(guest, &functions[number..])).collect()
}

/// `functions` are those from its export on.
fn guest(guest: Guest, functions: &[FuncType]) -> case::Guest {
    let function =
        |opts: CanonOpts, ty: &FuncType| case::Function { ty: ty.clone(), opts: self::opts(opts) };
    let ptr_type = match guest.ptr_type {
        PtrType::I32 => abi::PtrType::I32,
        PtrType::I64 => abi::PtrType::I64,
    };
    case::Guest {
        export: function(guest.export, &functions[0]),
        import: guest.import.map(|import| function(import, &functions[1])),
        ptr_type,
        pages: case::Pages { initial: guest.initial, maximum: guest.maximum },
        noise: None,
    }
}

fn opts(opts: CanonOpts) -> case::CanonOpts {
    let string_encoding = match opts.string_encoding {
        StringEncoding::Utf8 => abi::StringEncoding::Utf8,
        StringEncoding::Utf16 => abi::StringEncoding::Utf16,
        StringEncoding::Latin1OrUtf16 => abi::StringEncoding::Latin1OrUtf16,
    };
    let CanonOpts { memory, realloc, post_return, .. } = opts;
    case::CanonOpts { string_encoding, memory, realloc, post_return }
}

/// Values are read in the order in which they were written.
fn call(call: Call, shape: &case::Shape, values: &mut Reader) -> Result<case::Call> {
    let first = shape.guests.first().context("there is no guest")?;
    let args = values.each(&first.export.ty.params)?;
    let scripts = call.scripts.into_iter().enumerate().map(|(number, script)| {
        let guest = shape.guests.get(number).context("a script has no guest")?;
        self::script(script, guest, values)
    });
    let scripts = scripts.collect::<Result<_>>()?;
    let manner = paths::read_manner(call.manner);
    Ok(case::Call { args, scripts, host_drops: call.host_drops, manner })
}

fn script(script: Script, guest: &case::Guest, values: &mut Reader) -> Result<case::Script> {
    let realloc = script.realloc.into_iter().map(realloc).collect();
    let ty = guest.import.as_ref().map_or(&NO_IMPORT, |import| &import.ty);
    let steps = script.steps.into_iter().map(|s| step(s, ty, values)).collect::<Result<_>>()?;
    let finish = match script.finish {
        Finish::Return(passed) => {
            case::Finish::Return(pass(passed, guest.export.ty.results(), values)?)
        }
        Finish::Trap => case::Finish::Trap,
    };
    let post_return = match script.post_return {
        PostReturn::Nothing => case::PostReturn::Nothing,
        PostReturn::Trap => case::PostReturn::Trap,
        PostReturn::Import => case::PostReturn::Import,
        PostReturn::BuiltIn(call) => case::PostReturn::BuiltIn(built_in(call)),
    };
    let destructor = match script.destructor {
        Destructor::Nothing => case::Destructor::Nothing,
        Destructor::Trap => case::Destructor::Trap,
        Destructor::BuiltIn(call) => case::Destructor::BuiltIn(built_in(call)),
    };
    Ok(case::Script { realloc, steps, finish, post_return, destructor })
}

fn step(step: Step, ty: &FuncType, values: &mut Reader) -> Result<case::Step> {
    match step {
        Step::Import(call) => import_call(call, ty, values).map(case::Step::Import),
        Step::Guest(passed) => {
            let passed = pass(passed, &ty.params, values)?;
            Ok(case::Step::Import(case::ImportCall { passed, answer: case::Answer::Guest }))
        }
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
static NO_IMPORT: FuncType = FuncType { params: Vec::new(), result: None, is_async: false };

fn realloc(action: Realloc) -> case::Realloc {
    match action {
        Realloc::Bump => case::Realloc::Bump,
        Realloc::Forget => case::Realloc::Forget,
        Realloc::At(at) => case::Realloc::At(at),
        Realloc::End(beyond) => case::Realloc::End(beyond),
        Realloc::Old => case::Realloc::Old,
        Realloc::Skew(by) => case::Realloc::Skew(by),
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
