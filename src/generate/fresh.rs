//! Fresh cases: a shape with calls that are within the limits.
//! Knows that what was drawn may be too much, and what is least then.

use arbitrary::{Result, Unstructured};

use super::{asyncs, calls, misuses, noise, options, paths, shapes, values, weights};
use crate::case::allowed::Allowed;
use crate::case::check::check;
use crate::case::paths::Paths;
use crate::case::{Call, Case, CaseKind, Function, Guest, Limits, Manner, Script, Shape, Tuning};

/// A fresh case.
pub fn case(
    u: &mut Unstructured,
    kind: CaseKind,
    allowed: &Allowed,
    limits: &Limits,
) -> Result<Case> {
    let shape = shape(u, kind, allowed, limits)?;
    let tuning = options::tuning(u)?;
    case_of(u, kind, (&shape, tuning), allowed, limits)
}

/// A case with this shape and tuning.
pub fn case_of(
    u: &mut Unstructured,
    kind: CaseKind,
    (shape, tuning): (&Shape, Tuning),
    allowed: &Allowed,
    limits: &Limits,
) -> Result<Case> {
    let calls = calls(u, shape, limits)?;
    let mut case = Case { tuning, paths: Paths::PLAIN, shape: shape.clone(), calls };
    asyncs::settle(&mut case);
    case.paths = paths::paths(u, kind, &case, allowed, limits)?;
    if kind == CaseKind::Misuse {
        misuses::misuse(u, &mut case, allowed)?;
    }
    Ok(case)
}

/// A component for which there are calls within the limits.
pub fn shape(
    u: &mut Unstructured,
    kind: CaseKind,
    allowed: &Allowed,
    limits: &Limits,
) -> Result<Shape> {
    for _ in 0..weights::ATTEMPTS {
        let shape = shapes::shape(u, kind, allowed, limits)?;
        if check(&untuned(&shape, vec![least_call(&shape)]), limits).is_ok() {
            return Ok(shape);
        }
    }
    Ok(no_shape(kind, limits))
}

/// Calls that are within the limits: fewer, or the least, where those drawn are not.
fn calls(u: &mut Unstructured, shape: &Shape, limits: &Limits) -> Result<Vec<Call>> {
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
    let paths = Paths::PLAIN;
    let mut case = Case { tuning: Tuning::PLAIN, paths, shape: shape.clone(), calls };
    asyncs::settle(&mut case);
    case
}

/// The component that does nothing.
pub fn no_shape(kind: CaseKind, limits: &Limits) -> Shape {
    let last = Guest::empty();
    let caller = Guest { import: Some(Function::empty()), ..last.clone() };
    let guests = match kind {
        CaseKind::Adapter if limits.guests > 1 => vec![caller, last],
        CaseKind::Noisy => vec![Guest { noise: Some(noise::least()), ..last }],
        CaseKind::Adapter | CaseKind::LiftLower | CaseKind::Typed | CaseKind::Misuse => vec![last],
    };
    Shape { guests, resources: Vec::new() }
}

/// The call of which there is least.
fn least_call(shape: &Shape) -> Call {
    Call {
        args: shape.guests[0].export.ty.params.iter().map(values::least).collect(),
        scripts: vec![Script::least(); shape.guests.len()],
        host_drops: Vec::new(),
        manner: Manner::Once,
    }
}
