//! Canonical options, memory, resources and tuning: all that a shape has besides types.
//! Knows which options validation demands, by asking it.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};

use super::draw::{Percent, chance, weighted};
use super::weights;
use crate::abi::PtrType;
use crate::case::check::{Feature, lift_needs, lower_needs};
use crate::case::{CanonOpts, Function, Guest, Limits, Pages, Resource, Tuning};
use crate::types::{FuncType, Type};

/// Which side of a component a function is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Export,
    Import,
}

/// A function with options that it needs and some that it does not.
pub fn function(u: &mut Unstructured, ty: FuncType, role: Role) -> Result<Function> {
    let opts = CanonOpts {
        string_encoding: weighted(u, weights::ENCODINGS)?,
        memory: chance(u, weights::NEEDLESS_OPTION)?,
        realloc: chance(u, weights::NEEDLESS_OPTION)?,
        post_return: chance(u, weights::POST_RETURN)?,
    };
    Ok(with_needed(Function { ty, opts }, role))
}

/// The function with what its options lack, and without what they may not have.
pub fn with_needed(function: Function, role: Role) -> Function {
    let needs = match role {
        Role::Export => lift_needs(&function.ty),
        Role::Import => lower_needs(&function.ty),
    };
    let CanonOpts { string_encoding, memory, realloc, post_return } = function.opts;
    let realloc = realloc || needs.realloc;
    let memory = memory || realloc || needs.memory;
    let post_return = post_return && role == Role::Export;
    let opts = CanonOpts { string_encoding, memory, realloc, post_return };
    Function { ty: function.ty, opts }
}

pub fn pages(u: &mut Unstructured, limits: &Limits) -> Result<Pages> {
    let initial = if chance(u, weights::SECOND_PAGE)? { 2 } else { 1 };
    let initial = limits.pages.min(initial);
    let maximum = if chance(u, weights::GROWABLE)? {
        u.int_in_range(initial..=limits.pages)?
    } else {
        initial
    };
    Ok(Pages { initial, maximum })
}

/// How wide addresses are: 64 bits this often, where that is allowed.
pub fn ptr_type(
    u: &mut Unstructured,
    allowed: &BTreeSet<Feature>,
    wide: Percent,
) -> Result<PtrType> {
    let wide = allowed.contains(&Feature::Memory64) && chance(u, wide)?;
    Ok(if wide { PtrType::I64 } else { PtrType::I32 })
}

/// Keeps addresses of 64 bits from where every release so far fails: between host and guest it reads
/// wrong or panics (`known/host-and-64-bit-*.toml`), and between guests it makes no valid code for
/// lists of fixed length (`known/adapter-fixed-length-list-from-64-bits.toml`).
pub fn narrow(guests: &mut [Guest]) {
    let fixed = |ty: &Type| ty.any(&mut |ty| matches!(ty, Type::FixedLengthList(..)));
    let functions = guests.iter().flat_map(Guest::functions).map(|(_, function)| &function.ty);
    let any_fixed = functions.flat_map(|ty| ty.params.iter().chain(&ty.result)).any(fixed);
    let last = guests.len() - 1;
    for (number, guest) in guests.iter_mut().enumerate() {
        let called = number == 0 && lift_needs(&guest.export.ty).memory;
        let calls = guest.import.as_ref().filter(|_| number == last);
        let calls = calls.is_some_and(|import| lower_needs(&import.ty).memory);
        if any_fixed || called || calls {
            guest.ptr_type = PtrType::I32;
        }
    }
}

/// The resource types of that many guests, mostly none.
pub fn resources(u: &mut Unstructured, limits: &Limits, guests: usize) -> Result<Vec<Resource>> {
    let share = if guests > 1 { weights::chain::RESOURCES } else { weights::RESOURCES };
    if !chance(u, share)? {
        return Ok(Vec::new());
    }
    let most = usize::try_from(limits.resources).unwrap_or(usize::MAX);
    let count = weighted(u, weights::RESOURCE_COUNTS)?.min(most);
    let mut resources: Vec<Resource> = Vec::new();
    for _ in 0..count {
        let drawn = resource(u, guests)?;
        let same = resources.last().filter(|last| **last != Resource::Host).copied();
        let same = if chance(u, weights::chain::SAME_DEFINER)? { same } else { None };
        resources.push(same.unwrap_or(drawn));
    }
    Ok(resources)
}

/// A resource of the host's or of one of that many guests.
pub fn resource(u: &mut Unstructured, guests: usize) -> Result<Resource> {
    Ok(match weighted(u, weights::RESOURCE_KINDS)? {
        Resource::Host => Resource::Host,
        Resource::Guest { destructor, .. } => {
            // What the first one defines is met between it and the host only.
            let first = usize::from(guests > 1 && !chance(u, weights::chain::FIRST_DEFINES)?);
            let by = first + u.choose_index(guests - first)?;
            let by = u32::try_from(by).expect("guests are few");
            Resource::Guest { by, destructor }
        }
    })
}

pub fn tuning(u: &mut Unstructured) -> Result<Tuning> {
    Ok(Tuning {
        optimize: chance(u, weights::OPTIMIZE)?,
        pooling: chance(u, weights::POOLING)?,
        moving_memory: u.arbitrary()?,
        concurrency: u.arbitrary()?,
        signals: !chance(u, weights::NO_SIGNALS)?,
        guards: !chance(u, weights::NO_GUARDS)?,
        fuel: chance(u, weights::FUEL)?,
        epochs: chance(u, weights::EPOCHS)?,
    })
}
