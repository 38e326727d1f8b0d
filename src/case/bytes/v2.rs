//! Version 2 of the bytes: resources. Frozen like those before it, which become it.
//! Knows how it becomes version 3; the parts that both have are version 4's, and as frozen.

use anyhow::Result;
use serde::Deserialize;

use crate::case::{Case, Limits};

use super::v3::{self, Tuning};
use super::v4::{self, BuiltIn, CanonOpts, Destructor, Finish, FuncType, Guest, ImportCall};
use super::v4::{PostReturn, PtrType, Run, StringEncoding, TypeEntry, TypeRef};

/// The types are within `limits`; all else is the caller's to check.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Case> {
    let flat: Flat = v4::take_all(bytes)?;
    v4::build(v3::upgrade(upgrade(flat)), limits)
}

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Deserialize)]
pub struct Flat {
    pub optimize: bool,
    pub pooling: bool,
    pub moving_memory: bool,
    pub concurrency: bool,
    pub initial: u32,
    pub maximum: u32,
    pub resources: Vec<Resource>,
    pub types: Vec<TypeEntry>,
    pub export: Function,
    pub import: Option<Function>,
    pub calls: Vec<Call>,
    pub values: Vec<u8>,
}

#[derive(Deserialize)]
pub enum Resource {
    Host,
    Guest { destructor: bool },
}

#[derive(Deserialize)]
pub struct Function {
    pub params: Vec<Run>,
    pub result: Option<TypeRef>,
    pub string_encoding: StringEncoding,
    pub memory: bool,
    pub realloc: bool,
    pub post_return: bool,
}

#[derive(Deserialize)]
pub struct Call {
    pub realloc: Vec<Realloc>,
    pub steps: Vec<Step>,
    pub finish: Finish,
    pub post_return: PostReturn,
    pub destructor: Destructor,
    pub host_drops: Vec<u32>,
}

#[derive(Deserialize)]
pub enum Step {
    Import(ImportCall),
    BuiltIn(BuiltIn),
}

#[derive(Deserialize)]
pub enum Realloc {
    Bump,
    Forget,
    At(u32),
    Old,
    Skew(u32),
    Grow(u32),
    Trap,
    Import,
    BuiltIn(BuiltIn),
}

pub fn upgrade(flat: Flat) -> v3::Flat {
    let (export_type, export) = function(flat.export);
    let (import_type, import) = flat.import.map(function).unzip();
    let guest = Guest {
        ptr_type: PtrType::I32,
        initial: flat.initial,
        maximum: flat.maximum,
        export,
        import,
    };
    v3::Flat {
        tuning: Tuning {
            optimize: flat.optimize,
            pooling: flat.pooling,
            moving_memory: flat.moving_memory,
            concurrency: flat.concurrency,
            signals: true,
            guards: true,
        },
        resources: flat.resources.into_iter().map(resource).collect(),
        types: flat.types,
        functions: [export_type].into_iter().chain(import_type).collect(),
        guests: vec![guest],
        calls: flat.calls.into_iter().map(call).collect(),
        values: flat.values,
    }
}

fn resource(resource: Resource) -> v4::Resource {
    match resource {
        Resource::Host => v4::Resource::Host,
        Resource::Guest { destructor } => v4::Resource::Guest { by: 0, destructor },
    }
}

fn function(function: Function) -> (FuncType, CanonOpts) {
    let Function { params, result, string_encoding, memory, realloc, post_return } = function;
    let opts = CanonOpts { string_encoding, memory, realloc, post_return };
    (FuncType { params, result }, opts)
}

fn call(call: Call) -> v3::Call {
    let script = v4::Script {
        realloc: call.realloc.into_iter().map(realloc).collect(),
        steps: call.steps.into_iter().map(step).collect(),
        finish: call.finish,
        post_return: call.post_return,
        destructor: call.destructor,
    };
    v3::Call { scripts: vec![script], host_drops: call.host_drops }
}

fn step(step: Step) -> v4::Step {
    match step {
        Step::Import(call) => v4::Step::Import(call),
        Step::BuiltIn(call) => v4::Step::BuiltIn(call),
    }
}

fn realloc(action: Realloc) -> v4::Realloc {
    match action {
        Realloc::Bump => v4::Realloc::Bump,
        Realloc::Forget => v4::Realloc::Forget,
        Realloc::At(at) => v4::Realloc::At(at.into()),
        Realloc::Old => v4::Realloc::Old,
        Realloc::Skew(by) => v4::Realloc::Skew(by.into()),
        Realloc::Grow(pages) => v4::Realloc::Grow(pages),
        Realloc::Trap => v4::Realloc::Trap,
        Realloc::Import => v4::Realloc::Import,
        Realloc::BuiltIn(call) => v4::Realloc::BuiltIn(call),
    }
}
