//! Fresh cases, and changes to cases: all chance is here.
//! Knows no engine and no outcome; what it makes is valid, not what it will show.

mod weights;

mod acts;
mod calls;
mod damage;
mod guest;
mod handles;
mod labels;
mod options;
mod places;
mod realloc;
mod strings;
mod types;
mod values;

mod mutate;
mod stream;

mod draw;
mod draws;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};

use crate::abi::PtrType;
use crate::case::check::{Feature, check};
use crate::case::{Call, Case, Guest, Limits, Script, Shape};

pub use draws::Draws;
pub use mutate::{crossover, mutate};
pub use stream::Stream;

/// A fresh case.
pub fn case(u: &mut Unstructured, allowed: &BTreeSet<Feature>, limits: &Limits) -> Result<Case> {
    let shape = shape(u, allowed, limits)?;
    let tuning = options::tuning(u)?;
    let calls = calls(u, &shape, limits)?;
    Ok(Case { tuning, shape, calls })
}

/// A component for which there are calls within the limits.
pub fn shape(u: &mut Unstructured, allowed: &BTreeSet<Feature>, limits: &Limits) -> Result<Shape> {
    for _ in 0..weights::ATTEMPTS {
        let shape = any_shape(u, allowed, limits)?;
        if check(&untuned(&shape, vec![least_call(&shape)]), limits).is_ok() {
            return Ok(shape);
        }
    }
    Ok(no_shape())
}

/// Calls that are within the limits: fewer, or the least, where those drawn are not.
pub fn calls(u: &mut Unstructured, shape: &Shape, limits: &Limits) -> Result<Vec<Call>> {
    let calls = calls::calls(u, shape, limits)?;
    let mut case = untuned(shape, calls);
    while !case.calls.is_empty() {
        if check(&case, limits).is_ok() {
            return Ok(case.calls);
        }
        case.calls.pop();
    }
    Ok(vec![least_call(shape)])
}

fn untuned(shape: &Shape, calls: Vec<Call>) -> Case {
    Case { tuning: options::PLAIN, shape: shape.clone(), calls }
}

fn any_shape(u: &mut Unstructured, allowed: &BTreeSet<Feature>, limits: &Limits) -> Result<Shape> {
    let resources = options::resources(u, limits)?;
    let palette = |role| types::Palette::of(&resources, role);
    let export = types::func_type(u, allowed, limits, &palette(options::Role::Export))?;
    let export = types::callable(u, export, &resources)?;
    let export = options::function(u, export, options::Role::Export)?;
    let import = if draw::chance(u, weights::IMPORT)? {
        let import = types::func_type(u, allowed, limits, &palette(options::Role::Import))?;
        Some(options::function(u, import, options::Role::Import)?)
    } else {
        None
    };
    let pages = options::pages(u, limits)?;
    let guest = Guest { export, import, ptr_type: PtrType::I32, pages };
    Ok(Shape { guests: vec![guest], resources })
}

/// The component that does nothing.
fn no_shape() -> Shape {
    let (export, pages) = (options::empty(), options::ONE_PAGE);
    let guest = Guest { export, import: None, ptr_type: PtrType::I32, pages };
    Shape { guests: vec![guest], resources: Vec::new() }
}

/// The call of which there is least.
fn least_call(shape: &Shape) -> Call {
    Call {
        args: shape.guests[0].export.ty.params.iter().map(values::least).collect(),
        scripts: vec![Script::least()],
        host_drops: Vec::new(),
    }
}
