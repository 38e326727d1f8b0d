//! Handles as Wasmtime has them.
//! Knows the host's resources as types of its own, and nothing of values around a handle.

use wasmtime::component::{Resource, ResourceAny, ResourceType};
use wasmtime::{AsContextMut, Engine, Result, Store};

use crate::types;

/// What the host's resource of this number is to Wasmtime: a type that has no values.
pub(crate) enum Marker<const N: u32> {}

/// The number of a resource that no case has.
const UNKNOWN: u32 = 4;

/// The type of the host's resource of this number.
pub fn host_type(resource: types::Resource) -> ResourceType {
    match resource {
        0 => ResourceType::host::<Marker<0>>(),
        1 => ResourceType::host::<Marker<1>>(),
        2 => ResourceType::host::<Marker<2>>(),
        3 => ResourceType::host::<Marker<3>>(),
        _ => unreachable!("a checked case has at most four resources"),
    }
}

/// A handle for a resource of the host's. Owned, even to be lent: outside of a call nothing can be
/// borrowed.
pub fn from_rep(
    resource: types::Resource,
    rep: u32,
    store: impl AsContextMut,
) -> Result<ResourceAny> {
    match resource {
        0 => Resource::<Marker<0>>::new_own(rep).try_into_resource_any(store),
        1 => Resource::<Marker<1>>::new_own(rep).try_into_resource_any(store),
        2 => Resource::<Marker<2>>::new_own(rep).try_into_resource_any(store),
        3 => Resource::<Marker<3>>::new_own(rep).try_into_resource_any(store),
        _ => unreachable!("a checked case has at most four resources"),
    }
}

/// A handle for a resource of the host's that no component knows.
pub fn unknown(store: impl AsContextMut) -> Result<ResourceAny> {
    Resource::<Marker<UNKNOWN>>::new_own(0).try_into_resource_any(store)
}

/// A handle of another store for a resource of the host's: one that is equal to this handle, as hosts have
/// them that do the same in two stores. Nothing, if that store does not soon give such a one.
pub fn foreign(
    engine: &Engine,
    handle: ResourceAny,
    resource: types::Resource,
) -> Result<Option<ResourceAny>> {
    const HANDLES: u32 = 64;
    const GENERATIONS: u32 = 128;
    for others in 0..HANDLES {
        let mut store = Store::new(engine, ());
        for rep in 0..others {
            from_rep(resource, rep, &mut store)?;
        }
        for rep in 0..GENERATIONS {
            // None that is alive has this number.
            let next = from_rep(resource, u32::MAX - rep, &mut store)?;
            if next == handle {
                return Ok(Some(next));
            }
            to_rep(resource, next, &mut store)?;
        }
    }
    Ok(None)
}

/// What a handle that the host was given stands for. If it was lent, this returns it.
pub fn to_rep(
    resource: types::Resource,
    handle: ResourceAny,
    store: impl AsContextMut,
) -> Result<u32> {
    match resource {
        0 => handle.try_into_resource::<Marker<0>>(store).map(|resource| resource.rep()),
        1 => handle.try_into_resource::<Marker<1>>(store).map(|resource| resource.rep()),
        2 => handle.try_into_resource::<Marker<2>>(store).map(|resource| resource.rep()),
        3 => handle.try_into_resource::<Marker<3>>(store).map(|resource| resource.rep()),
        _ => unreachable!("a checked case has at most four resources"),
    }
}
