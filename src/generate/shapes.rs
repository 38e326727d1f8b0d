//! Shapes: a guest alone, or a chain of some.
//! Knows what the guests of a chain need of one another; nothing of calls.

use arbitrary::{Result, Unstructured};

use super::acts::defines;
use super::asyncs;
use super::draw::{chance, position, weighted};
use super::handles::{needed, needs_guests};
use super::noise;
use super::options::{self, Role};
use super::paths::{is_typed, signature};
use super::types::{Palette, callable, dispensable, func_type, spilling};
use super::weights;
use crate::abi::PtrType;
use crate::case::allowed::{Allowed, Side, Signature};
use crate::case::paths::Mode;
use crate::case::{CaseKind, Guest, Limits, Resource, Shape, is_host};
use crate::types::{FuncType, Handle, Type};

/// A shape of this kind. It may be beyond the limits.
pub fn shape(
    u: &mut Unstructured,
    kind: CaseKind,
    allowed: &Allowed,
    limits: &Limits,
) -> Result<Shape> {
    let mut shape = match kind {
        CaseKind::LiftLower | CaseKind::Misuse => one_guest(u, allowed, limits, [None, None])?,
        CaseKind::Adapter => adapter(u, allowed, limits)?,
        CaseKind::Typed => typed(u, allowed, limits)?,
        CaseKind::Noisy => return noisy(u, allowed, limits),
    };
    options::narrow(&mut shape.guests);
    match kind {
        CaseKind::LiftLower | CaseKind::Adapter => asyncs::asyncs(u, &mut shape, allowed)?,
        CaseKind::Typed => {
            let mut with_asyncs = shape.clone();
            asyncs::asyncs(u, &mut with_asyncs, allowed)?;
            // Most static types are for functions that nobody awaits.
            if is_typed(&with_asyncs, allowed).contains(&true) {
                shape = with_asyncs;
            }
        }
        // Misuse is not about them, and noise blocks nobody.
        CaseKind::Misuse | CaseKind::Noisy => {}
    }
    Ok(shape)
}

/// One guest or a chain. Noise is for memories of 32 bits.
fn noisy(u: &mut Unstructured, allowed: &Allowed, limits: &Limits) -> Result<Shape> {
    let mut shape = if chance(u, weights::noise::CHAIN)? {
        adapter(u, allowed, limits)?
    } else {
        one_guest(u, allowed, limits, [None, None])?
    };
    shape.guests.iter_mut().for_each(|guest| guest.ptr_type = PtrType::I32);
    noise::add(u, &mut shape, limits)?;
    Ok(shape)
}

/// Of each of the two functions the signature that it is to have, if it is to have one.
type Signatures<'a> = [Option<&'a Signature>; 2];

/// The export or the import has static types, or both have; where there are none, it is any shape.
fn typed(u: &mut Unstructured, allowed: &Allowed, limits: &Limits) -> Result<Shape> {
    let [export, import] = weighted(u, weights::TYPED_FUNCTIONS)?;
    let of_side = |side: Side| {
        let has = |signature: &&Signature| signature.modes(side).contains(&Mode::Sync);
        allowed.signatures.iter().filter(has).collect::<Vec<_>>()
    };
    let export = if export { signature(u, &of_side(Side::Call))? } else { None };
    let import = if import { signature(u, &of_side(Side::Import))? } else { None };
    one_guest(u, allowed, limits, [export, import])
}

fn one_guest(
    u: &mut Unstructured,
    allowed: &Allowed,
    limits: &Limits,
    signatures: Signatures,
) -> Result<Shape> {
    let resources = resources(u, limits, signatures)?;
    let [export, import] = signatures;
    let ty = |u: &mut Unstructured, function| {
        let palette = Palette::of(&resources, function, 1);
        func_type(u, &allowed.features, limits, &palette, weights::TYPE_PLANS)
    };
    let export = match export {
        Some(signature) => signature.ty.clone(),
        None => {
            let any = ty(u, 0)?;
            callable(u, any, &resources)?
        }
    };
    let export = options::function(u, export, Role::Export)?;
    let import = match import {
        Some(signature) => Some(signature.ty.clone()),
        None if chance(u, weights::IMPORT)? => {
            let any = ty(u, 1)?;
            Some(maybe_returning_string(u, any)?)
        }
        None => None,
    };
    let import = import.map(|ty| options::function(u, ty, Role::Import)).transpose()?;
    let pages = options::pages(u, limits)?;
    let ptr_type = options::ptr_type(u, &allowed.features, weights::WIDE)?;
    Ok(Shape { guests: vec![Guest { export, import, ptr_type, pages, noise: None }], resources })
}

/// Resources for one guest: any, or those that the signatures mention, of whom they want them.
fn resources(
    u: &mut Unstructured,
    limits: &Limits,
    [export, import]: Signatures,
) -> Result<Vec<Resource>> {
    let mentioned = |signature: Option<&Signature>| {
        let numbers = signature.into_iter().flat_map(Signature::resources);
        numbers.map(|number| number + 1).max().unwrap_or(0)
    };
    let count = mentioned(export).max(mentioned(import));
    if count == 0 {
        return options::resources(u, limits, 1);
    }
    let hosts = vec![Resource::Host; usize::try_from(count).unwrap_or(0)];
    if mentioned(import) > 0 || export.is_none_or(|export| !export.anybodys) {
        return Ok(hosts);
    }
    let any = hosts.iter().map(|_| options::resource(u, 1)).collect::<Result<Vec<_>>>()?;
    let params = export.map(|export| &export.ty.params[..]).unwrap_or_default();
    let callable = !params.iter().any(|param| needs_guests(&any, param));
    Ok(if callable || !chance(u, weights::CALLABLE)? { any } else { hosts })
}

fn maybe_returning_string(u: &mut Unstructured, mut ty: FuncType) -> Result<FuncType> {
    if chance(u, weights::RESULT_STRING)? {
        return_string(&mut ty);
    }
    Ok(ty)
}

fn adapter(u: &mut Unstructured, allowed: &Allowed, limits: &Limits) -> Result<Shape> {
    let most = usize::try_from(limits.guests).unwrap_or(usize::MAX);
    let count = weighted(u, weights::chain::GUESTS)?.min(most).max(1);
    let mut resources = options::resources(u, limits, count)?;
    if count > 2 {
        defined_last(&mut resources, count);
    }
    let limits = &fused(limits);
    let mut types = Vec::new();
    for function in 0..count {
        let plans =
            if function == 0 { weights::chain::ENTRY_PLANS } else { weights::chain::FUSED_PLANS };
        let palette = Palette::of(&resources, function, count);
        let ty = func_type(u, &allowed.features, limits, &palette, plans)?;
        types.push(if function == 0 { ty } else { with_string(u, ty)? });
    }
    types.iter_mut().skip(1).try_for_each(|ty| circulate(u, &resources, ty))?;
    supply(u, &resources, &mut types)?;
    relay(u, &resources, &mut types)?;
    types[0] = callable(u, std::mem::take(&mut types[0]), &resources)?;
    if chance(u, weights::chain::LAST_IMPORT)? {
        let palette = Palette::of(&resources, count, count);
        types.push(func_type(u, &allowed.features, limits, &palette, weights::chain::ENTRY_PLANS)?);
    }
    let mut guests: Vec<Guest> = Vec::new();
    for number in 0..count {
        let wide = guests.last().is_some_and(|last| last.ptr_type == PtrType::I64);
        let wide = if wide { weights::chain::WIDE_AFTER_WIDE } else { weights::chain::WIDE };
        let ptr_type = options::ptr_type(u, &allowed.features, wide)?;
        guests.push(guest(u, number, &types, limits, ptr_type)?);
    }
    Ok(Shape { guests, resources })
}

/// What a function between guests may have at most.
pub fn fused(limits: &Limits) -> Limits {
    Limits { members: limits.members.min(weights::chain::FUSED_MEMBERS), ..*limits }
}

/// The guest that exports the function of its own number and imports the next, if there is one.
fn guest(
    u: &mut Unstructured,
    number: usize,
    types: &[FuncType],
    limits: &Limits,
    ptr_type: PtrType,
) -> Result<Guest> {
    let export = options::function(u, types[number].clone(), Role::Export)?;
    let import = types.get(number + 1).cloned();
    let import = import.map(|ty| options::function(u, ty, Role::Import)).transpose()?;
    let pages = options::pages(u, limits)?;
    Ok(Guest { export, import, ptr_type, pages, noise: None })
}

/// With one string more, mostly, if it has none.
fn with_string(u: &mut Unstructured, mut ty: FuncType) -> Result<FuncType> {
    let is_string = |ty: &Type| matches!(ty, Type::String);
    let has = |types: &[Type]| types.iter().any(|ty| ty.any(&mut |ty| is_string(ty)));
    if has(ty.results()) {
        return Ok(ty);
    }
    if has(&ty.params) {
        if chance(u, weights::chain::STRING_RETURNED)? {
            return_string(&mut ty);
        }
        return Ok(ty);
    }
    if !chance(u, weights::chain::STRING_ADDED)? {
        return Ok(ty);
    }
    if ty.result.is_none() || u.ratio(1, 4)? {
        ty.result = Some(Type::String);
    } else {
        ty.params.push(Type::String);
    }
    Ok(ty)
}

/// With one string more in what it returns.
fn return_string(ty: &mut FuncType) {
    let others = ty.result.take().into_iter();
    ty.result = Some(Type::Tuple(others.chain([Type::String]).collect()));
}

/// Lets a guest have what it is to pass: only from the one that defines a resource can it have any.
fn circulate(u: &mut Unstructured, resources: &[Resource], ty: &mut FuncType) -> Result<()> {
    let numbers = |types: &[Type]| -> Vec<u32> {
        types.iter().flat_map(Type::handles).filter_map(Handle::resource).collect()
    };
    let of_guest = |number: &u32| !is_host(resources, *number);
    let mut passed: Vec<u32> = numbers(&ty.params).into_iter().filter(of_guest).collect();
    passed.retain(|number| !numbers(ty.results()).contains(number));
    if passed.is_empty() || !chance(u, weights::chain::CIRCULATED)? {
        return Ok(());
    }
    let own = Type::Handle(Handle::Own(*u.choose(&passed)?));
    ty.result = Some(match ty.result.take() {
        Some(result) if u.arbitrary()? => Type::Tuple(vec![result, own]),
        Some(_) | None => own,
    });
    Ok(())
}

/// Sees to it that each guest can make its first call of the next and return: what it would need to
/// have it gets from its own caller, or it can do without.
fn supply(u: &mut Unstructured, resources: &[Resource], types: &mut [FuncType]) -> Result<()> {
    if resources.is_empty() {
        return Ok(());
    }
    for number in (1..types.len()).rev() {
        let (callers, callees) = types.split_at_mut(number);
        for param in &mut callees[0].params {
            let needed = needed(param);
            let of_host =
                !needs_guests(resources, param) && needed.len() <= weights::chain::SUPPLIES;
            if of_host && chance(u, weights::chain::SUPPLIED)? {
                callers[number - 1].params.extend(needed.into_iter().map(Type::Handle));
            } else if !needed.is_empty() && chance(u, weights::CALLABLE)? {
                *param = dispensable(u, param)?;
            }
        }
    }
    for (number, ty) in types.iter_mut().enumerate() {
        let Some(result) = &mut ty.result else {
            continue;
        };
        let makes = |resource| defines(resources, resource, number);
        let given = needed(result).iter().filter_map(Handle::resource).any(|r| !makes(r));
        if given && chance(u, weights::CALLABLE)? {
            *result = dispensable(u, result)?;
        }
    }
    Ok(())
}

/// Lets a resource go through several hands: what a later guest defines comes to the first and goes
/// back in the next call, what the host defines goes as far as it is passed and is returned.
fn relay(u: &mut Unstructured, resources: &[Resource], types: &mut [FuncType]) -> Result<()> {
    let last = types.len() - 1;
    let hands = |resource: &Resource| match resource {
        Resource::Host => last,
        Resource::Guest { by, .. } => usize::try_from(*by).expect("guests are few"),
    };
    let numbers = |far: &dyn Fn(&Resource) -> bool| -> Vec<(u32, &Resource)> {
        (0..).zip(resources).filter(|(_, resource)| far(resource)).collect()
    };
    let mut relayed = numbers(&|resource| hands(resource) > 1 && *resource != Resource::Host);
    if relayed.is_empty() {
        relayed = numbers(&|resource| *resource == Resource::Host);
    }
    let Some(chosen) = position(u, relayed.len())? else {
        return Ok(());
    };
    let (number, resource) = relayed[chosen];
    let of_host = *resource == Resource::Host;
    if !chance(u, if of_host { weights::chain::HOSTS_RELAYED } else { weights::chain::RELAYED })? {
        return Ok(());
    }
    let own = Type::Handle(Handle::Own(number));
    for ty in types.iter_mut().take(hands(resource) + 1).skip(usize::from(!of_host)) {
        ty.params.push(if of_host { own.clone() } else { handed_back(u, number)? });
        if of_host && u.arbitrary()? {
            ty.params.push(Type::Handle(Handle::Borrow(number)));
        }
        if u.ratio(2, 5)? {
            ty.params.extend(spilling(u)?);
        }
    }
    for ty in types.iter_mut().take(hands(resource) + 1).skip(1) {
        ty.result = Some(own.clone());
    }
    Ok(())
}

/// Lets the last guest define a resource, if there are resources.
fn defined_last(resources: &mut [Resource], count: usize) {
    let by = u32::try_from(count - 1).expect("guests are few");
    let is_last =
        |resource: &Resource| matches!(resource, Resource::Guest { by: b, .. } if *b == by);
    if !resources.iter().any(is_last)
        && let Some(last) = resources.last_mut()
    {
        *last = Resource::Guest { by, destructor: true };
    }
}

/// What a guest passes of what it may have.
fn handed_back(u: &mut Unstructured, number: u32) -> Result<Type> {
    let handle = if u.arbitrary()? { Handle::Own(number) } else { Handle::Borrow(number) };
    dispensable(u, &Type::Handle(handle))
}
