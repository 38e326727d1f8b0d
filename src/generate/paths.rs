//! By which of an engine's interfaces the host calls and is called, and how often.
//! Knows which ways go together, by asking the check; nothing of what is passed.

use arbitrary::{Result, Unstructured};

use super::draw::{chance, position, weighted, weighted_where};
use super::weights;
use crate::case::allowed::{Allowed, Side, Signature};
use crate::case::check::check_paths;
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
    let typed = if kind == CaseKind::Typed { typed(u, &case.shape, allowed)? } else { [false; 2] };
    let of_modes = |(call, import)| Paths {
        call: Path { api: any_form(typed[0]), mode: call },
        import: Path { api: any_form(typed[1]), mode: import },
        ..Paths::PLAIN
    };
    let possible = |modes| may_be(case, of_modes(modes), allowed, limits);
    let mut paths = of_modes(weighted_where(u, weights::MODES, possible)?);
    paths.polls = polls(u, paths.import.mode, limits)?;
    paths.neighbor = chance(u, weights::NEIGHBOR)?;
    paths.call.api = api(u, &case.shape, Side::Call, paths.call, allowed)?;
    paths.import.api = api(u, &case.shape, Side::Import, paths.import, allowed)?;
    Ok(paths)
}

/// Whether a case may have these, with all else that it has.
pub fn may_be(case: &Case, paths: Paths, allowed: &Allowed, limits: &Limits) -> bool {
    check_paths(case, paths, limits).is_ok() && allowed.has(&case.shape, paths)
}

fn any_form(typed: bool) -> Api {
    if typed { Api::Typed(0) } else { Api::Dynamic }
}

/// Which of the two functions are to have static types: one at least, where there are some.
fn typed(u: &mut Unstructured, shape: &Shape, allowed: &Allowed) -> Result<[bool; 2]> {
    match is_typed(shape, allowed) {
        [true, true] => weighted(u, weights::TYPED_PATHS),
        some => Ok(some),
    }
}

/// For which of the two functions there are static types, on the plainest paths that a case of this shape
/// can have.
pub fn is_typed(shape: &Shape, allowed: &Allowed) -> [bool; 2] {
    let (call, import) = match shape.awaits_import() {
        true => (Mode::Async, Mode::Concurrent),
        false => (Mode::Sync, Mode::Sync),
    };
    let has = |side, mode| !allowed.forms_of(shape, side, mode).is_empty();
    [has(Side::Call, call), has(Side::Import, import)]
}

/// One of the forms that there are on this path, if it is to have static types.
pub fn api(
    u: &mut Unstructured,
    shape: &Shape,
    side: Side,
    path: Path,
    allowed: &Allowed,
) -> Result<Api> {
    if !path.api.is_typed() {
        return Ok(Api::Dynamic);
    }
    let form = position(u, allowed.forms_of(shape, side, path.mode).len())?;
    let number = form.map(|form| u32::try_from(form).expect("a type has few forms"));
    Ok(number.map_or(Api::Dynamic, Api::Typed))
}

/// How often a function of this mode is polled in vain.
pub fn polls(u: &mut Unstructured, mode: Mode, limits: &Limits) -> Result<u32> {
    match mode {
        Mode::Sync => Ok(0),
        Mode::Async | Mode::Concurrent => Ok(weighted(u, weights::POLLS)?.min(limits.polls)),
    }
}

/// One of the signatures, if there are any. Some families are large, and would be nearly all that is seen;
/// so would be those that only wait.
pub fn signature<'a>(
    u: &mut Unstructured,
    from: &[&'a Signature],
) -> Result<Option<&'a Signature>> {
    let mut families: Vec<&str> = Vec::new();
    for signature in from {
        if !families.contains(&signature.family) {
            families.push(signature.family);
        }
    }
    let Some(index) = position(u, families.len())? else {
        return Ok(None);
    };
    let any = chance(u, weights::ANY_SIGNATURE)?;
    let awaited = chance(u, weights::AWAITED_SIGNATURE)?;
    let awaits = |signature: &Signature| signature.calls.len().max(signature.imports.len()) > 1;
    let of_family = |signature: &&&Signature| any || signature.family == families[index];
    let from: Vec<&&Signature> = from.iter().filter(of_family).collect();
    let best: Vec<&&Signature> = from.iter().filter(|one| awaits(one)).copied().collect();
    let from = if awaited && !best.is_empty() { best } else { from };
    Ok(position(u, from.len())?.map(|index| *from[index]))
}

/// How the host makes a call, if it makes no mistake.
pub fn manner(u: &mut Unstructured, shape: &Shape) -> Result<Manner> {
    let twice = may_be_twice(shape) && chance(u, weights::TWICE)?;
    Ok(if twice { Manner::Twice } else { Manner::Once })
}

/// Whether calls of this shape can be made twice.
pub fn may_be_twice(shape: &Shape) -> bool {
    shape.guests.len() == 1 && shape.resources.is_empty() && !shape.is_noisy()
}
