//! Whether a case is valid: what everyone who reads one may rely on.
//! Knows nothing of how a case is written down, made or run.

mod script;
mod types;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::abi::PtrType;
use crate::abi::flatten::flatten_within;
use crate::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::{FuncType, Handle, Type};

use super::{Case, Function, Limits, Pages, Shape};

pub(crate) use types::kind;
pub(crate) use values::payload_type;

/// What not every release of a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    Map,
    FixedLengthList,
}

impl Feature {
    pub fn name(self) -> &'static str {
        match self {
            Feature::Map => "map",
            Feature::FixedLengthList => "fixed-length-list",
        }
    }
}

/// Says in one sentence what is wrong with `case`, and where.
pub fn check(case: &Case, limits: &Limits) -> Result<(), String> {
    let shape = &case.shape;
    let label_bytes = check_shape(shape, limits)?;
    at_most("calls", case.calls.len(), limits.calls)?;
    for (index, call) in case.calls.iter().enumerate() {
        script::check_call(shape, call, limits).map_err(|why| format!("call {index}{why}"))?;
    }
    let total = script::total(case);
    at_most("values", total.nodes, limits.value_nodes)?;
    at_most("bytes of labels, strings and memory", total.bytes + label_bytes, limits.payload_bytes)
}

/// What the types of `case` need of a subject.
pub fn features(case: &Case) -> BTreeSet<Feature> {
    let mut features = BTreeSet::new();
    for ty in functions(&case.shape).into_iter().flat_map(|(_, function)| types_of(&function.ty)) {
        ty.any(&mut |ty| {
            features.extend(feature(ty));
            false
        });
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

fn functions(shape: &Shape) -> Vec<(&'static str, &Function)> {
    let export = [("export", &shape.guests[0].export)].into_iter();
    export.chain(shape.guests[0].import.iter().map(|import| ("import", import))).collect()
}

fn types_of(ty: &FuncType) -> impl Iterator<Item = &Type> {
    ty.params.iter().chain(&ty.result)
}

/// Returns the bytes of all labels.
fn check_shape(shape: &Shape, limits: &Limits) -> Result<usize, String> {
    check_pages(shape.guests[0].pages, limits)?;
    at_most("resources", shape.resources.len(), limits.resources)?;
    let mut label_bytes = 0;
    for (name, function) in functions(shape) {
        label_bytes +=
            types::check_functype(&function.ty, limits).map_err(|why| format!("{name}: {why}"))?;
        check_handles(shape, &function.ty).map_err(|why| format!("{name}: {why}"))?;
    }
    shape.guests[0].import.as_ref().map_or(Ok(()), |import| check_imported(shape, &import.ty))?;
    check_lift(&shape.guests[0].export).map_err(|why| format!("export: {why}"))?;
    shape.guests[0]
        .import
        .as_ref()
        .map_or(Ok(()), check_lower)
        .map_err(|why| format!("import: {why}"))?;
    Ok(label_bytes)
}

/// Whether the handles in the types are of resources that there are, and may be where they are.
fn check_handles(shape: &Shape, ty: &FuncType) -> Result<(), String> {
    for handle in types_of(ty).flat_map(Type::handles) {
        match handle {
            Handle::Own(resource) | Handle::Borrow(resource) => {
                let defined = usize::try_from(*resource).is_ok_and(|n| n < shape.resources.len());
                refuse_if(!defined, &format!("there is no resource {resource}"))?;
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

/// A component's imports cannot mention what the component defines.
fn check_imported(shape: &Shape, ty: &FuncType) -> Result<(), String> {
    let guests = |resource| !shape.is_host(resource);
    let any = types_of(ty).flat_map(Type::handles).filter_map(Handle::resource).any(guests);
    refuse_if(any, "import: it mentions a resource that the guest defines")
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
pub fn lift_needs(FuncType { params, result }: &FuncType) -> Needs {
    let realloc = any_pointer(params) || spills(params, MAX_FLAT_PARAMS);
    let result = result.as_slice();
    let reads = any_pointer(result) || spills(result, MAX_FLAT_RESULTS);
    Needs { memory: realloc || reads, realloc }
}

/// What validation demands of the options of `canon lower`.
pub fn lower_needs(FuncType { params, result }: &FuncType) -> Needs {
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

fn spills(types: &[Type], max_flat: usize) -> bool {
    flatten_within(types, PtrType::I32, max_flat).is_none()
}

fn refuse_if(wrong: bool, why: &str) -> Result<(), String> {
    if wrong { Err(why.to_string()) } else { Ok(()) }
}

/// A count that is no number of 64 bits is refused like any that is too large.
fn at_most(what: &str, count: impl TryInto<u64>, limit: u32) -> Result<(), String> {
    match count.try_into() {
        Ok(count) if count <= u64::from(limit) => Ok(()),
        Ok(count) => Err(format!("{count} {what} are more than {limit}")),
        Err(_) => Err(format!("too many {what}")),
    }
}
