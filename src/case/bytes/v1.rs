//! Version 1 of the bytes. Frozen: fuzzers keep such files, and a change here would misread them.
//! Knows how it becomes version 2, of which the parts that both have are as frozen.

use anyhow::Result;
use serde::Deserialize;

use crate::case::{Case, Limits};

use super::v2::{self, Function};
use super::v3;
use super::v4::{self, Finish, ImportCall, Label, Run, TypeRef};

/// The types are within `limits`; all else is the caller's to check.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Case> {
    let flat: Flat = v4::take_all(bytes)?;
    v4::build(v3::upgrade(v2::upgrade(upgrade(flat))), limits)
}

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Deserialize)]
struct Flat {
    optimize: bool,
    pooling: bool,
    moving_memory: bool,
    concurrency: bool,
    initial: u32,
    maximum: u32,
    types: Vec<TypeEntry>,
    export: Function,
    import: Option<Function>,
    calls: Vec<Call>,
    values: Vec<u8>,
}

#[derive(Deserialize)]
enum TypeEntry {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(TypeRef),
    FixedLengthList(TypeRef, u32),
    Record(Vec<Run>, Vec<Label>),
    Tuple(Vec<Run>),
    Variant(Vec<Run>, Vec<Label>),
    Enum(u32, Vec<Label>),
    Option(TypeRef),
    Result(Option<TypeRef>, Option<TypeRef>),
    Flags(u32, Vec<Label>),
    Map(TypeRef, TypeRef),
}

#[derive(Deserialize)]
struct Call {
    realloc: Vec<Realloc>,
    imports: Vec<ImportCall>,
    finish: Finish,
    post_return: PostReturn,
}

#[derive(Deserialize)]
enum Realloc {
    Bump,
    Forget,
    At(u32),
    Old,
    Skew(u32),
    Grow(u32),
    Trap,
    Import,
}

#[derive(Deserialize)]
enum PostReturn {
    Nothing,
    Trap,
    Import,
}

fn upgrade(flat: Flat) -> v2::Flat {
    v2::Flat {
        optimize: flat.optimize,
        pooling: flat.pooling,
        moving_memory: flat.moving_memory,
        concurrency: flat.concurrency,
        initial: flat.initial,
        maximum: flat.maximum,
        resources: Vec::new(),
        types: flat.types.into_iter().map(type_entry).collect(),
        export: flat.export,
        import: flat.import,
        calls: flat.calls.into_iter().map(call).collect(),
        values: flat.values,
    }
}

fn type_entry(entry: TypeEntry) -> v4::TypeEntry {
    match entry {
        TypeEntry::Bool => v4::TypeEntry::Bool,
        TypeEntry::S8 => v4::TypeEntry::S8,
        TypeEntry::U8 => v4::TypeEntry::U8,
        TypeEntry::S16 => v4::TypeEntry::S16,
        TypeEntry::U16 => v4::TypeEntry::U16,
        TypeEntry::S32 => v4::TypeEntry::S32,
        TypeEntry::U32 => v4::TypeEntry::U32,
        TypeEntry::S64 => v4::TypeEntry::S64,
        TypeEntry::U64 => v4::TypeEntry::U64,
        TypeEntry::F32 => v4::TypeEntry::F32,
        TypeEntry::F64 => v4::TypeEntry::F64,
        TypeEntry::Char => v4::TypeEntry::Char,
        TypeEntry::String => v4::TypeEntry::String,
        TypeEntry::List(elem) => v4::TypeEntry::List(elem),
        TypeEntry::FixedLengthList(elem, length) => v4::TypeEntry::FixedLengthList(elem, length),
        TypeEntry::Record(runs, labels) => v4::TypeEntry::Record(runs, labels),
        TypeEntry::Tuple(runs) => v4::TypeEntry::Tuple(runs),
        TypeEntry::Variant(runs, labels) => v4::TypeEntry::Variant(runs, labels),
        TypeEntry::Enum(count, labels) => v4::TypeEntry::Enum(count, labels),
        TypeEntry::Option(some) => v4::TypeEntry::Option(some),
        TypeEntry::Result(ok, error) => v4::TypeEntry::Result(ok, error),
        TypeEntry::Flags(count, labels) => v4::TypeEntry::Flags(count, labels),
        TypeEntry::Map(key, value) => v4::TypeEntry::Map(key, value),
    }
}

fn call(call: Call) -> v2::Call {
    v2::Call {
        realloc: call.realloc.into_iter().map(realloc).collect(),
        steps: call.imports.into_iter().map(v2::Step::Import).collect(),
        finish: call.finish,
        post_return: match call.post_return {
            PostReturn::Nothing => v4::PostReturn::Nothing,
            PostReturn::Trap => v4::PostReturn::Trap,
            PostReturn::Import => v4::PostReturn::Import,
        },
        destructor: v4::Destructor::Nothing,
        host_drops: Vec::new(),
    }
}

fn realloc(action: Realloc) -> v2::Realloc {
    match action {
        Realloc::Bump => v2::Realloc::Bump,
        Realloc::Forget => v2::Realloc::Forget,
        Realloc::At(at) => v2::Realloc::At(at),
        Realloc::Old => v2::Realloc::Old,
        Realloc::Skew(by) => v2::Realloc::Skew(by),
        Realloc::Grow(pages) => v2::Realloc::Grow(pages),
        Realloc::Trap => v2::Realloc::Trap,
        Realloc::Import => v2::Realloc::Import,
    }
}
