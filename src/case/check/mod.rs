//! Whether a case is valid: what everyone who reads one may rely on.
//! Knows nothing of how a case is written down, made or run.

mod host;
mod script;
mod types;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::abi::PtrType;
use crate::abi::flatten::flatten_within;
use crate::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, Handle, Type};

use super::noise;
use super::paths::Mode;
use super::{Case, Function, Guest, Limits, Pages, Resource, Shape};

pub use host::{check_manner, check_paths, ends, last_answer};

/// What not every release of a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    Map,
    FixedLengthList,
    Memory64,
    /// An import that a host defines as one that may be called by several at the same time, although its
    /// type does not say so.
    ConcurrentImport,
    AsyncFunction,
}

impl Feature {
    pub fn name(self) -> &'static str {
        match self {
            Feature::Map => "map",
            Feature::FixedLengthList => "fixed-length-list",
            Feature::Memory64 => "memory64",
            Feature::ConcurrentImport => "concurrent-import",
            Feature::AsyncFunction => "async-function",
        }
    }
}

/// Says in one sentence what is wrong with `case`, and where.
pub fn check(case: &Case, limits: &Limits) -> Result<(), String> {
    let shape = &case.shape;
    let label_bytes = check_shape(shape, limits)?;
    host::check_paths(case, case.paths, limits).map_err(|why| format!("paths: {why}"))?;
    at_most("calls", case.calls.len(), limits.calls)?;
    for (index, call) in case.calls.iter().enumerate() {
        script::check_call(shape, call, limits).map_err(|why| format!("call {index}{why}"))?;
        host::check_manner(case, index).map_err(|why| format!("call {index}: manner: {why}"))?;
    }
    let total = script::total(case);
    at_most("values", total.nodes, limits.value_nodes)?;
    at_most("bytes of labels, strings and memory", total.bytes + label_bytes, limits.payload_bytes)
}

/// What the types, memories and paths of `case` need of a subject.
pub fn features(case: &Case) -> BTreeSet<Feature> {
    let guests = &case.shape.guests;
    let wide = guests.iter().any(|guest| guest.ptr_type == PtrType::I64);
    let mut features: BTreeSet<Feature> = wide.then_some(Feature::Memory64).into_iter().collect();
    let concurrent = case.paths.import.mode == Mode::Concurrent && !case.shape.awaits_import();
    features.extend(concurrent.then_some(Feature::ConcurrentImport));
    features.extend(case.shape.any_async().then_some(Feature::AsyncFunction));
    for (_, function) in guests.iter().flat_map(Guest::functions) {
        for ty in types_of(&function.ty) {
            ty.any(&mut |ty| {
                features.extend(feature(ty));
                false
            });
        }
    }
    features
}

fn feature(ty: &Type) -> Option<Feature> {
    if matches!(ty, Type::Map(..)) {
        Some(Feature::Map)
    } else if matches!(ty, Type::FixedLengthList(..)) {
        Some(Feature::FixedLengthList)
    } else {
        None
    }
}

fn types_of(ty: &FuncType) -> impl Iterator<Item = &Type> {
    ty.params.iter().chain(&ty.result)
}

/// Returns the bytes of all labels.
fn check_shape(shape: &Shape, limits: &Limits) -> Result<usize, String> {
    refuse_if(shape.guests.is_empty(), "there is no guest")?;
    at_most("guests", shape.guests.len(), limits.guests)?;
    check_resources(shape, limits)?;
    let noise = shape.guests.iter().filter_map(|guest| guest.noise.as_ref());
    at_most("bytes of core code", noise.map(Vec::len).sum::<usize>(), limits.noise_bytes)?;
    let mut label_bytes = 0;
    for number in 0..shape.guests.len() {
        label_bytes += check_guest(shape, number, limits).map_err(|why| match number {
            0 => why,
            _ => format!("guest {number}: {why}"),
        })?;
    }
    Ok(label_bytes)
}

fn check_resources(shape: &Shape, limits: &Limits) -> Result<(), String> {
    at_most("resources", shape.resources.len(), limits.resources)?;
    shape.resources.iter().enumerate().try_for_each(|(number, resource)| match resource {
        Resource::Host => Ok(()),
        Resource::Guest { by, .. } => {
            let defined = usize::try_from(*by).is_ok_and(|by| by < shape.guests.len());
            refuse_if(!defined, format_args!("resource {number}: there is no guest {by}"))
        }
    })
}

/// Returns the bytes of the labels in its functions.
fn check_guest(shape: &Shape, number: usize, limits: &Limits) -> Result<usize, String> {
    let guest = &shape.guests[number];
    check_pages(guest.pages, limits)?;
    check_callee(shape, number)?;
    let mut label_bytes = 0;
    for (name, function) in guest.functions() {
        let bytes = types::check_functype(&function.ty, guest.ptr_type, limits);
        label_bytes += bytes.map_err(|why| format!("{name}: {why}"))?;
        check_handles(shape, &function.ty).map_err(|why| format!("{name}: {why}"))?;
    }
    check_ends(shape, number)?;
    check_lift(&guest.export).map_err(|why| format!("export: {why}"))?;
    let lower = guest.import.as_ref().map_or(Ok(()), check_lower);
    lower.map_err(|why| format!("import: {why}"))?;
    let noise = guest.noise.as_ref().map_or(Ok(()), |code| noise::check(code, shape, number));
    noise.map_err(|why| format!("core: {why}"))?;
    Ok(label_bytes)
}

/// What a guest imports is the next one's export, where there is a next one.
fn check_callee(shape: &Shape, number: usize) -> Result<(), String> {
    let next = number + 1;
    let Some(callee) = shape.guests.get(next) else {
        return Ok(());
    };
    let import = shape.guests[number].import.as_ref();
    let import = import.ok_or_else(|| format!("import: it is missing, guest {next} exports it"))?;
    let same = import.ty == callee.export.ty;
    refuse_if(!same, format_args!("import: its type is not that of what guest {next} exports"))
}

/// A function can mention only resources that those at both of its ends know.
fn check_ends(shape: &Shape, number: usize) -> Result<(), String> {
    let guest = &shape.guests[number];
    check_known(shape, &guest.export.ty, |resource| shape.knows(number, resource))
        .map_err(|why| format!("export: {why}"))?;
    match &guest.import {
        // What it imports from the next guest is looked at as that one's export.
        Some(import) if !shape.calls_guest(number) => {
            check_known(shape, &import.ty, |resource| shape.is_host(resource))
                .map_err(|why| format!("import: {why}"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_known(shape: &Shape, ty: &FuncType, known: impl Fn(u32) -> bool) -> Result<(), String> {
    let mut resources = types_of(ty).flat_map(Type::handles).filter_map(Handle::resource);
    let unknown = resources.find_map(|resource| {
        let definer = shape.definer(resource).filter(|_| !known(resource));
        definer.map(|by| format!("it mentions resource {resource}, which guest {by} defines"))
    });
    unknown.map_or(Ok(()), Err)
}

/// Whether the handles in the types are of resources that there are, and may be where they are.
fn check_handles(shape: &Shape, ty: &FuncType) -> Result<(), String> {
    for handle in types_of(ty).flat_map(Type::handles) {
        match handle {
            Handle::Own(resource) | Handle::Borrow(resource) => {
                let defined = usize::try_from(*resource).is_ok_and(|n| n < shape.resources.len());
                refuse_if(!defined, format_args!("there is no resource {resource}"))?;
            }
            Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => {
                return Err("handles of async values are not supported".to_string());
            }
        }
    }
    let lent =
        ty.result.iter().flat_map(Type::handles).any(|handle| matches!(handle, Handle::Borrow(_)));
    refuse_if(lent, "a result cannot be borrowed")
}

fn check_pages(pages: Pages, limits: &Limits) -> Result<(), String> {
    refuse_if(pages.initial == 0, "memory: initial is 0")?;
    refuse_if(pages.initial > pages.maximum, "memory: initial is more than maximum")?;
    at_most("pages of memory", pages.maximum, limits.pages)
}

/// The options that validation demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub memory: bool,
    pub realloc: bool,
}

/// What validation demands of the options of `canon lift`.
pub fn lift_needs(FuncType { params, result, .. }: &FuncType) -> Needs {
    let realloc = any_pointer(params) || spills(params, MAX_FLAT_PARAMS);
    let result = result.as_slice();
    let reads = any_pointer(result) || spills(result, MAX_FLAT_RESULTS);
    Needs { memory: realloc || reads, realloc }
}

/// What validation demands of the options of `canon lower`.
pub fn lower_needs(FuncType { params, result, .. }: &FuncType) -> Needs {
    let reads = any_pointer(params) || spills(params, MAX_FLAT_PARAMS);
    let result = result.as_slice();
    let writes = any_pointer(result) || spills(result, MAX_FLAT_RESULTS);
    Needs { memory: reads || writes, realloc: any_pointer(result) }
}

fn check_lift(function: &Function) -> Result<(), String> {
    check_needs(function, lift_needs(&function.ty))
}

fn check_lower(function: &Function) -> Result<(), String> {
    refuse_if(function.opts.post_return, "post-return is not an option of an import")?;
    check_needs(function, lower_needs(&function.ty))
}

fn check_needs(function: &Function, needs: Needs) -> Result<(), String> {
    let opts = function.opts;
    refuse_if(opts.realloc && !opts.memory, "realloc needs memory")?;
    refuse_if(needs.memory && !opts.memory, "the type needs memory")?;
    refuse_if(needs.realloc && !opts.realloc, "the type needs realloc")
}

fn any_pointer(types: &[Type]) -> bool {
    let pointer = |ty: &Type| matches!(ty, Type::String | Type::List(_) | Type::Map(..));
    types.iter().any(|ty| ty.any(&mut |ty| pointer(ty)))
}

/// Flat values are as many, whatever a pointer is.
fn spills(types: &[Type], max_flat: usize) -> bool {
    flatten_within(types, PtrType::I32, max_flat).is_none()
}

fn refuse_if(wrong: bool, why: impl Display) -> Result<(), String> {
    if wrong { Err(why.to_string()) } else { Ok(()) }
}

/// A count that is no number of 64 bits is refused like any that is too large.
pub(crate) fn at_most(what: &str, count: impl TryInto<u64>, limit: u32) -> Result<(), String> {
    match count.try_into() {
        Ok(count) if count <= u64::from(limit) => Ok(()),
        Ok(count) => Err(format!("{count} {what} are more than {limit}")),
        Err(_) => Err(format!("too many {what}")),
    }
}
