//! Lists: owned, shared, of fixed length, and as views.
//! Knows nothing of what their elements are.

use std::marker::PhantomData;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::WasmList;

use super::form::{Cx, Form, put_list, whole};
use crate::types::Type;
use crate::value::Value;

fn list_type<F: Form>() -> Type {
    Type::List(Box::new(F::ty()))
}

fn elements<F: Form>(cx: Cx<'_, '_>, value: &Value) -> Result<Vec<F::Lower>> {
    let mut elements = Vec::new();
    for value in value.parts() {
        elements.push(F::from_value(cx, value)?);
    }
    Ok(elements)
}

fn put<F: Form>(
    cx: Cx<'_, '_>,
    elements: impl IntoIterator<Item = F::Lift>,
    values: &mut Vec<Value>,
) -> Result<()> {
    let start = values.len();
    for lift in elements {
        F::put(cx, lift, values)?;
    }
    put_list(values, start);
    Ok(())
}

impl<F: Form> Form for Vec<F> {
    type Lower = Vec<F::Lower>;
    type Lift = Vec<F::Lift>;
    whole!();

    const LAZY: bool = F::LAZY;

    fn ty() -> Type {
        list_type::<F>()
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        elements::<F>(cx, value)
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        put::<F>(cx, lift, values)
    }
}

impl<F: Form> Form for Box<[F]> {
    type Lower = Box<[F::Lower]>;
    type Lift = Box<[F::Lift]>;
    whole!();

    const LAZY: bool = F::LAZY;

    fn ty() -> Type {
        list_type::<F>()
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        Ok(elements::<F>(cx, value)?.into())
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        put::<F>(cx, lift, values)
    }
}

#[cfg(wasmtime_48)]
impl<F: Form, const N: usize> Form for [F; N] {
    type Lower = [F::Lower; N];
    type Lift = [F::Lift; N];
    whole!();

    const LAZY: bool = F::LAZY;

    fn ty() -> Type {
        Type::FixedLengthList(Box::new(F::ty()), u32::try_from(N).expect("it is short"))
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        let elements = elements::<F>(cx, value)?;
        let wrong = |_| unreachable!("a checked case has as many elements as the type says");
        Ok(elements.try_into().unwrap_or_else(wrong))
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        put::<F>(cx, lift, values)
    }
}

/// `&[T]` where it is lowered and can be borrowed, `WasmList<T>` where it is lifted, read in one way.
pub(super) struct View<F, W>(PhantomData<(F, W)>);

/// A way to read a `WasmList`.
pub(super) trait Read<F: Form>: 'static {
    fn read(cx: Cx<'_, '_>, list: &WasmList<F::Lift>) -> Result<Vec<F::Lift>>;
}

/// By `iter`.
pub(super) struct Iter;
/// By `get`.
pub(super) struct Get;
/// By `as_le_slice`, which integers have.
pub(super) struct LeSlice;

impl<F: Form, W: Read<F>> Form for View<F, W> {
    type Lower = Arc<[F::Lower]>;
    type Ref<'a> = &'a [F::Lower];
    type Lift = WasmList<F::Lift>;

    const LAZY: bool = true;

    fn ty() -> Type {
        list_type::<F>()
    }

    fn from_value(cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
        Ok(elements::<F>(cx, value)?.into())
    }

    fn lend(lower: &mut Option<Self::Lower>) -> Self::Ref<'_> {
        lower.as_deref().expect("it was made")
    }

    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
        let elements = W::read(cx, &lift)?;
        put::<F>(cx, elements, values)
    }
}

impl<F: Form> Read<F> for Iter {
    fn read(cx: Cx<'_, '_>, list: &WasmList<F::Lift>) -> Result<Vec<F::Lift>> {
        #[cfg(wasmtime_47)]
        return list.iter(&mut *cx)?.collect();
        #[cfg(not(wasmtime_47))]
        list.iter(&mut *cx).collect()
    }
}

impl<F: Form> Read<F> for Get {
    fn read(cx: Cx<'_, '_>, list: &WasmList<F::Lift>) -> Result<Vec<F::Lift>> {
        let element = |index| list.get(&mut *cx, index).expect("it is within the length");
        (0..list.len()).map(element).collect()
    }
}

macro_rules! le_slices {
    ($($rust:ident),*) => { $(
        impl Read<$rust> for LeSlice {
            fn read(cx: Cx<'_, '_>, list: &WasmList<$rust>) -> Result<Vec<$rust>> {
                let elements = list.as_le_slice(&*cx).iter();
                Ok(elements.map(|element| $rust::from_le(*element)).collect())
            }
        }
    )* };
}

le_slices!(i8, u8, i16, u16, i32, u32, i64, u64);
