//! How values become Rust's and Rust's become values, for a type that Rust has built in.
//! Knows nothing of functions.

use wasmtime::component::{Lift, Lower};
use wasmtime::{Result, StoreContextMut};

use super::Data;
use crate::types::Type;
use crate::value::Value;

/// A way to stand for a component type in Rust. Mostly the Rust type itself; a view is one type where
/// it is lowered and another where it is lifted.
pub trait Form: 'static {
    /// What is lowered.
    type Lower: Lower + 'static;
    /// What is lowered where a call can borrow its arguments.
    type Ref<'a>: Lower;
    /// What is lifted.
    type Lift: Lift + 'static;

    /// Whether it stands for nothing at all, as `()` does in a `Result`.
    const UNIT: bool = false;
    /// See `Signature`.
    const LAZY: bool = false;

    fn ty() -> Type;
    /// The value is of the type.
    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower>;
    fn lend(lower: &mut Option<Self::Lower>) -> Self::Ref<'_>;
    /// Adds the value to others: all that is unfinished is in one place, so there is little to clean up
    /// where this fails, and less to compile.
    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()>;
}

/// The store, for handles and for views.
pub type Cx<'a, 'b> = &'a mut StoreContextMut<'b, Data>;

/// The part of a `Form` that borrows nothing.
macro_rules! whole {
    () => {
        type Ref<'a> = Self::Lower;

        fn lend(lower: &mut Option<Self::Lower>) -> Self::Ref<'_> {
            lower.take().expect("it is lent once")
        }
    };
}
pub(super) use whole;

pub(super) fn misfit<T>(value: &Value, ty: &Type) -> T {
    unreachable!("a checked case has no {value:?} of type {ty:?}")
}

macro_rules! primitives {
    ($($rust:ty, $variant:ident, $value:ident, $from:expr, $into:expr;)*) => { $(
        impl Form for $rust {
            type Lower = $rust;
            type Lift = $rust;
            whole!();

            fn ty() -> Type {
                Type::$variant
            }

            fn from_value(_: Cx<'_, '_>, value: &Value) -> Result<$rust> {
                match value {
                    Value::$variant($value) => Ok($from),
                    other => misfit(other, &Self::ty()),
                }
            }

            fn put(_: Cx<'_, '_>, $value: $rust, values: &mut Vec<Value>) -> Result<()> {
                values.push(Value::$variant($into));
                Ok(())
            }
        }
    )* };
}

primitives! {
    bool, Bool, value, *value, value;
    i8, S8, value, *value, value;
    u8, U8, value, *value, value;
    i16, S16, value, *value, value;
    u16, U16, value, *value, value;
    i32, S32, value, *value, value;
    u32, U32, value, *value, value;
    i64, S64, value, *value, value;
    u64, U64, value, *value, value;
    f32, F32, value, f32::from_bits(*value), value.to_bits();
    f64, F64, value, f64::from_bits(*value), value.to_bits();
    char, Char, value, *value, value;
}

impl<F: Form> Form for Option<F> {
    type Lower = Option<F::Lower>;
    type Lift = Option<F::Lift>;
    whole!();

    const LAZY: bool = F::LAZY;

    fn ty() -> Type {
        Type::Option(Box::new(F::ty()))
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        match case_of(value) {
            (_, Some(payload)) => Ok(Some(F::from_value(cx, payload)?)),
            (_, None) => Ok(None),
        }
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        match lift {
            None => put_case(values, 0, false),
            Some(lift) => {
                F::put(cx, lift, values)?;
                put_case(values, 1, true);
            }
        }
        Ok(())
    }
}

impl<O: Form, E: Form> Form for std::result::Result<O, E> {
    type Lower = std::result::Result<O::Lower, E::Lower>;
    type Lift = std::result::Result<O::Lift, E::Lift>;
    whole!();

    const LAZY: bool = O::LAZY || E::LAZY;

    fn ty() -> Type {
        Type::Result(payload_type::<O>(), payload_type::<E>())
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        let (index, payload) = case_of(value);
        let payload = payload.unwrap_or(&NOTHING);
        Ok(match index {
            0 => Ok(O::from_value(cx, payload)?),
            _ => Err(E::from_value(cx, payload)?),
        })
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        let (index, payload) = match &lift {
            Ok(_) => (0, !O::UNIT),
            Err(_) => (1, !E::UNIT),
        };
        match lift {
            Ok(lift) if O::UNIT => drop::<O::Lift>(lift),
            Ok(lift) => O::put(cx, lift, values)?,
            Err(lift) if E::UNIT => drop::<E::Lift>(lift),
            Err(lift) => E::put(cx, lift, values)?,
        }
        put_case(values, index, payload);
        Ok(())
    }
}

/// The value of `()`.
static NOTHING: Value = Value::Record(Vec::new());

fn payload_type<F: Form>() -> Option<Box<Type>> {
    if F::UNIT { None } else { Some(Box::new(F::ty())) }
}

/// Which case a value is, and its payload.
pub(super) fn case_of(value: &Value) -> (u32, Option<&Value>) {
    let Value::Variant(index, payload) = value else {
        unreachable!("a checked case has no {value:?} where there are cases");
    };
    (*index, payload.as_deref())
}

/// Makes a case, with the last value for its payload if it has one.
pub(super) fn put_case(values: &mut Vec<Value>, index: u32, payload: bool) {
    let payload = if payload { values.pop().map(Box::new) } else { None };
    values.push(Value::Variant(index, payload));
}

/// Makes a record of the values from `start` on.
pub(super) fn put_record(values: &mut Vec<Value>, start: usize) {
    let parts = values.split_off(start);
    values.push(Value::Record(parts));
}

/// Makes a list of the values from `start` on.
pub(super) fn put_list(values: &mut Vec<Value>, start: usize) {
    let elements = values.split_off(start);
    values.push(Value::List(elements));
}
