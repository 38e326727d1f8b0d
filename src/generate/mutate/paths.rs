//! Changes to how the host calls and is called, and what has to follow from other changes.
//! Knows nothing of what is passed.

use arbitrary::{Result, Unstructured};

use super::bounds::Bounds;
use super::shape::type_of;
use crate::case::allowed::{Allowed, Side, Signature};
use crate::case::check::{Feature, check_manner, ends};
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::{Call, Case, Limits, Manner, Shape, is_host};
use crate::generate::draw::pick;
use crate::generate::misuses::misuse;
use crate::generate::paths::{api, may_be, may_be_twice, polls, signature};
use crate::types::FuncType;

/// Changes a mode, how often a function is polled, whether there is a neighbor or, in a case that is about
/// static types, for which of them. (Any other becomes no such case: it would be of another kind.)
pub fn change_paths(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    let paths = case.paths;
    match u.int_in_range(0..=7)? {
        0 => case.paths.neighbor = !paths.neighbor,
        1 => case.paths.polls = polls(u, paths.import.mode, bounds.limits)?,
        2 | 3 => change_apis(u, case, bounds.allowed)?,
        _ => {
            let mut others = paths.others(case.tuning);
            let imports = Mode::ALL.map(|mode| Path { mode, ..paths.import });
            others.extend(imports.map(|import| Paths { import, ..paths }));
            others.retain(|paths| may_be(case, *paths, bounds.allowed, bounds.limits));
            case.paths = pick(u, &others)?;
        }
    }
    Ok(())
}

fn change_apis(u: &mut Unstructured, case: &mut Case, allowed: &Allowed) -> Result<()> {
    let Case { shape, paths: Paths { call, import, .. }, .. } = case;
    let (side, path, other) =
        if u.arbitrary()? { (Side::Call, call, import) } else { (Side::Import, import, call) };
    if !other.api.is_typed() && !path.api.is_typed() {
        return Ok(());
    }
    if other.api.is_typed() && path.api.is_typed() && u.arbitrary()? {
        path.api = Api::Dynamic;
        return Ok(());
    }
    let typed = Path { api: Api::Typed(0), ..*path };
    path.api = api(u, shape, side, typed, allowed)?;
    Ok(())
}

/// Gives the function of this number another type of those that have static types, if it is called or
/// defined by one.
pub fn change_signature(
    u: &mut Unstructured,
    case: &mut Case,
    number: usize,
    allowed: &Allowed,
) -> Result<bool> {
    let exported = number < case.shape.guests.len();
    let side = if exported { Side::Call } else { Side::Import };
    let path = side.path(case.paths);
    if !path.api.is_typed() || case.shape.guests.len() > 1 {
        return Ok(false);
    }
    let from = signatures_for(&case.shape, side, path.mode, allowed);
    let Some(signature) = signature(u, &from)? else {
        return Ok(false);
    };
    let ty = type_of(&mut case.shape, number);
    *ty = FuncType { is_async: ty.is_async, ..signature.ty.clone() };
    Ok(true)
}

/// The signatures that a function of this shape could have instead, with the resources that there are.
pub fn signatures_for<'a>(
    shape: &Shape,
    side: Side,
    mode: Mode,
    allowed: &'a Allowed,
) -> Vec<&'a Signature> {
    let resources = &shape.resources;
    let known = |signature: &&Signature| {
        signature.resources().all(|number| match usize::try_from(number) {
            Ok(number) if side == Side::Call && signature.anybodys => number < resources.len(),
            Ok(_) | Err(_) => is_host(resources, number),
        })
    };
    let from = allowed.signatures.iter().filter(known);
    from.filter(|one| one.modes(side).contains(&mode)).collect()
}

/// Makes a call once or twice; in a case that is about misuse, moves that or makes another mistake.
pub fn change_manner(u: &mut Unstructured, case: &mut Case, bounds: Bounds) -> Result<()> {
    let number = u.choose_index(case.calls.len())?;
    match case.calls[number].manner {
        Manner::Once if may_be_twice(&case.shape) => case.calls[number].manner = Manner::Twice,
        Manner::Once | Manner::Twice => case.calls[number].manner = Manner::Once,
        Manner::Misused(_) => misuse(u, case, bounds.allowed)?,
    }
    Ok(())
}

/// Of each path what there is for this case, and no more.
pub fn repair_paths(case: &mut Case, allowed: &Allowed, limits: &Limits) {
    let reenters = case.calls.iter().any(reenters);
    let imports = case.shape.guests.last().is_some_and(|last| last.import.is_some());
    let Paths { call, import, polls, .. } = &mut case.paths;
    if !case.tuning.concurrency && call.mode == Mode::Concurrent {
        call.mode = Mode::Async;
    }
    let concurrent = allowed.features.contains(&Feature::ConcurrentImport);
    let concurrent = concurrent || case.shape.awaits_import();
    if !(case.tuning.concurrency && concurrent) && import.mode == Mode::Concurrent {
        import.mode = Mode::Async;
    }
    if reenters {
        call.mode = Mode::Sync;
    }
    if !imports {
        *import = Path::PLAIN;
    } else if call.mode == Mode::Sync {
        import.mode = Mode::Sync;
    }
    *polls = if import.mode == Mode::Sync { 0 } else { limits.polls.min(*polls) };
    call.api = repair_api(*call, allowed.forms_of(&case.shape, Side::Call, call.mode).len());
    let forms = allowed.forms_of(&case.shape, Side::Import, import.mode).len();
    import.api = repair_api(*import, forms);
}

fn repair_api(path: Path, forms: usize) -> Api {
    match path.api {
        Api::Dynamic => Api::Dynamic,
        Api::Typed(form) => {
            let forms = u32::try_from(forms).expect("a type has few forms");
            form.checked_rem(forms).map_or(Api::Dynamic, Api::Typed)
        }
    }
}

fn reenters(call: &Call) -> bool {
    let mut imports = call.scripts.iter().flat_map(|script| script.import_calls());
    imports.any(|import| import.answer.reenters())
}

/// Calls are made as they can be; what cannot follow a misuse goes.
pub fn repair_manners(case: &mut Case) {
    let ending = case.calls.iter().position(|call| match call.manner {
        Manner::Misused(misuse) => ends(&case.shape, misuse),
        Manner::Once | Manner::Twice => false,
    });
    if let Some(last) = ending {
        case.calls.truncate(last + 1);
    }
    for number in 0..case.calls.len() {
        if check_manner(case, number).is_err() {
            case.calls[number].manner = Manner::Once;
        }
    }
}
