//! Handles: of the host's resources by a Rust type for each, or of anybody's by one for all.
//! Knows who holds what; nothing of values around a handle.

use wasmtime::Result;
use wasmtime::component::{Resource, ResourceAny};

use super::form::{Cx, Form, misfit, whole};
use super::handles::{Marker, from_rep, to_rep};
use crate::types::{self, Handle, Type};
use crate::value::Value;

fn number(value: &Value, ty: &Type) -> u32 {
    if let Value::Handle(number) = value { *number } else { misfit(value, ty) }
}

macro_rules! of_host {
    ($($(#[$doc:meta])* $name:ident, $handle:ident, $new:ident;)*) => { $(
        $(#[$doc])*
        pub(super) struct $name<const N: u32>;

        impl<const N: u32> Form for $name<N> {
            type Lower = Resource<Marker<N>>;
            type Lift = Resource<Marker<N>>;
            whole!();

            fn ty() -> Type {
                Type::Handle(Handle::$handle(N))
            }

            fn from_value(_: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
                Ok(Resource::$new(number(value, &Self::ty())))
            }

            fn put(_: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
                values.push(Value::Handle(lift.rep()));
                Ok(())
            }
        }
    )* };
}

of_host! {
    /// `Resource`, given away.
    Own, Own, new_own;
    /// `Resource`, lent by what the host borrowed itself.
    Borrow, Borrow, new_borrow;
    /// `Resource`, lent by its owner, which the engine notes.
    Lent, Borrow, new_own;
}

macro_rules! of_anybody {
    ($($(#[$doc:meta])* $name:ident, $handle:ident;)*) => { $(
        $(#[$doc])*
        pub(super) struct $name<const N: u32>;

        impl<const N: u32> Form for $name<N> {
            type Lower = ResourceAny;
            type Lift = ResourceAny;
            whole!();

            fn ty() -> Type {
                Type::Handle(Handle::$handle(N))
            }

            fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<ResourceAny> {
                give(cx, N, number(value, &Self::ty()))
            }

            fn put(cx: Cx<'_, '_>, lift: ResourceAny, values: &mut Vec<Value>) -> Result<()> {
                values.push(Value::Handle(take(cx, N, lift)?));
                Ok(())
            }
        }
    )* };
}

of_anybody! {
    /// `ResourceAny`, given away.
    AnyOwn, Own;
    /// `ResourceAny`, lent.
    AnyBorrow, Borrow;
}

fn give(cx: Cx<'_, '_>, resource: types::Resource, number: u32) -> Result<ResourceAny> {
    if cx.data().0.defines(resource) {
        return from_rep(resource, number, cx);
    }
    Ok(cx.data().0.held(number))
}

fn take(cx: Cx<'_, '_>, resource: types::Resource, any: ResourceAny) -> Result<u32> {
    if cx.data().0.defines(resource) {
        return to_rep(resource, any, cx);
    }
    Ok(cx.data_mut().0.receive(resource, any))
}
