//! Values on their way between the host and the engine.
//! Knows who defines which resource, and what the host holds.

use canonfuzz_typed::Data;
use canonfuzz_typed::handles::{from_rep, to_rep};
use wasmtime::component::Val;
use wasmtime::{Result, StoreContextMut};

use super::val::{from_val, to_val};
use crate::types::{Handle, Type};
use crate::value::Value;

/// A value for the engine.
pub fn give(store: &mut StoreContextMut<'_, Data>, value: &Value, ty: &Type) -> Result<Val> {
    to_val(value, ty, &mut |handle, number| {
        let resource = resource(handle);
        let host = &store.data().0;
        if host.defines(resource) {
            return from_rep(resource, number, &mut *store);
        }
        Ok(host.held(number))
    })
}

/// A value from the engine.
pub fn take(store: &mut StoreContextMut<'_, Data>, val: &Val, ty: &Type) -> Result<Value> {
    from_val(val, ty, &mut |handle, any| {
        let resource = resource(handle);
        let host = &mut store.data_mut().0;
        if host.defines(resource) {
            return to_rep(resource, any, &mut *store);
        }
        Ok(host.receive(resource, any))
    })
}

fn resource(handle: &Handle) -> crate::types::Resource {
    handle.resource().expect("a checked case has no handles of async values")
}
