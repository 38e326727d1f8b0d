//! By which of an engine's interfaces the host calls and is called, and how often.
//! Knows which ways go together, by asking the check; nothing of what is passed.

use arbitrary::{Result, Unstructured};

use super::draw::{chance, position, weighted, weighted_where};
use super::weights;
use crate::case::allowed::{Allowed, Signature};
use crate::case::check::{Feature, check_paths};
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::{Case, CaseKind, Limits, Manner, Shape};

/// Ways for a case that has everything else.
pub fn paths(
    u: &mut Unstructured,
    kind: CaseKind,
    case: &Case,
    allowed: &Allowed,
    limits: &Limits,
) -> Result<Paths> {
    let of_modes = |(call, import)| Paths {
        call: Path { mode: call, ..Path::PLAIN },
        import: Path { mode: import, ..Path::PLAIN },
        ..Paths::PLAIN
    };
    let possible = |modes| {
        let paths = of_modes(modes);
        may_be(paths, allowed) && check_paths(case, paths, limits).is_ok()
    };
    let mut paths = of_modes(weighted_where(u, weights::MODES, possible)?);
    paths.polls = polls(u, paths.import.mode, limits)?;
    paths.neighbor = chance(u, weights::NEIGHBOR)?;
    if kind == CaseKind::Typed {
        [paths.call.api, paths.import.api] = apis(u, case, allowed)?;
    }
    Ok(paths)
}

/// Whether a subject may have these.
pub fn may_be(paths: Paths, allowed: &Allowed) -> bool {
    let concurrent = allowed.features.contains(&Feature::ConcurrentImport);
    concurrent || paths.import.mode != Mode::Concurrent
}

/// How often a function of this mode is polled in vain.
pub fn polls(u: &mut Unstructured, mode: Mode, limits: &Limits) -> Result<u32> {
    match mode {
        Mode::Sync => Ok(0),
        Mode::Async | Mode::Concurrent => Ok(weighted(u, weights::POLLS)?.min(limits.polls)),
    }
}

/// One of the two is typed at least, where a type has static types.
fn apis(u: &mut Unstructured, case: &Case, allowed: &Allowed) -> Result<[Api; 2]> {
    let forms = allowed.forms_of_case(case);
    let mut typed = weighted(u, weights::TYPED_PATHS)?;
    if forms[0].is_empty() || forms[1].is_empty() {
        typed = [true, true];
    }
    let mut apis = [Api::Dynamic; 2];
    for side in [0, 1] {
        if typed[side] {
            apis[side] = api(u, &forms[side])?;
        }
    }
    Ok(apis)
}

/// One of these forms, if there is one.
pub fn api(u: &mut Unstructured, forms: &[&Signature]) -> Result<Api> {
    let form = position(u, forms.len())?;
    let number = form.map(|form| u32::try_from(form).expect("a type has few forms"));
    Ok(number.map_or(Api::Dynamic, Api::Typed))
}

/// One of the signatures, if there are any. Some families are large, and would be nearly all that is seen.
pub fn signature<'a>(
    u: &mut Unstructured,
    from: &[&'a Signature],
) -> Result<Option<&'a Signature>> {
    let mut families: Vec<&str> = from.iter().map(|signature| signature.family).collect();
    families.dedup();
    let Some(index) = position(u, families.len())? else {
        return Ok(None);
    };
    let any = chance(u, weights::ANY_SIGNATURE)?;
    let wanted = |signature: &&&Signature| any || signature.family == families[index];
    let from: Vec<&&Signature> = from.iter().filter(wanted).collect();
    Ok(position(u, from.len())?.map(|index| *from[index]))
}

/// How the host makes a call, if it makes no mistake.
pub fn manner(u: &mut Unstructured, shape: &Shape) -> Result<Manner> {
    let twice = may_be_twice(shape) && chance(u, weights::TWICE)?;
    Ok(if twice { Manner::Twice } else { Manner::Once })
}

/// Whether calls of this shape can be made twice.
pub fn may_be_twice(shape: &Shape) -> bool {
    shape.guests.len() == 1 && shape.resources.is_empty()
}
