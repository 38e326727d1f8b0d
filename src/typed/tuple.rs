//! Tuples of forms: as a component's tuples, and as the params and results of functions.
//! Knows nothing of how a function is called.

use wasmtime::Result;
use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::derive::next;
use super::form::{Cx, Form, put_record, whole};
use crate::types::{FuncType, Type};
use crate::value::Value;

/// The params of a function, or its results.
pub(super) trait Params: 'static {
    type Lower: ComponentNamedList + Lower + 'static;
    type Ref<'a>: ComponentNamedList + Lower;
    type Lift: ComponentNamedList + Lift + 'static;
    /// What is lowered, to be lent or taken.
    type Slots: Send;

    const COUNT: usize;
    const LAZY: bool;

    fn types() -> Vec<Type>;
    /// The values are of the types.
    fn slots(cx: Cx<'_, '_>, values: &[Value]) -> Result<Self::Slots>;
    fn lend(slots: &mut Self::Slots) -> Self::Ref<'_>;
    fn into_lower(slots: Self::Slots) -> Self::Lower;
    fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()>;
}

pub(super) fn func_type<P: Params, R: Params>() -> FuncType {
    FuncType { params: P::types(), result: R::types().pop(), is_async: false }
}

macro_rules! tuples {
    ($(($($form:ident $part:ident)*))*) => { $(
        impl<$($form: Form),*> Params for ($($form,)*) {
            type Lower = ($($form::Lower,)*);
            type Ref<'a> = ($($form::Ref<'a>,)*);
            type Lift = ($($form::Lift,)*);
            type Slots = ($(Option<$form::Lower>,)*);

            const COUNT: usize = 0 $(+ { const _: &str = stringify!($part); 1 })*;
            const LAZY: bool = false $(|| $form::LAZY)*;

            fn types() -> Vec<Type> {
                vec![$($form::ty()),*]
            }

            fn slots(_cx: Cx<'_, '_>, values: &[Value]) -> Result<Self::Slots> {
                match values {
                    [$($part),*] => Ok(($(Some($form::from_value(_cx, $part)?),)*)),
                    _ => unreachable!("a checked case has as many values as the type says"),
                }
            }

            #[allow(clippy::unused_unit, reason = "what nothing is lent of")]
            fn lend(slots: &mut Self::Slots) -> Self::Ref<'_> {
                let ($($part,)*) = slots;
                ($($form::lend($part),)*)
            }

            #[allow(clippy::unused_unit, reason = "what nothing is lowered of")]
            fn into_lower(slots: Self::Slots) -> Self::Lower {
                let ($($part,)*) = slots;
                ($($part.expect("it was not lent"),)*)
            }

            fn put(_cx: Cx<'_, '_>, lift: Self::Lift, _values: &mut Vec<Value>) -> Result<()> {
                let ($($part,)*) = lift;
                $($form::put(_cx, $part, _values)?;)*
                Ok(())
            }
        }

        impl<$($form: Form),*> Form for ($($form,)*) {
            type Lower = ($($form::Lower,)*);
            type Lift = ($($form::Lift,)*);
            whole!();

            const UNIT: bool = <Self as Params>::COUNT == 0;
            const LAZY: bool = <Self as Params>::LAZY;

            fn ty() -> Type {
                Type::Tuple(<Self as Params>::types())
            }

            fn from_value(_cx: Cx<'_, '_>, value: &Value) -> Result<Self::Lower> {
                let mut _parts = value.parts().iter();
                Ok(($(next::<$form>(_cx, &mut _parts)?,)*))
            }

            fn put(cx: Cx<'_, '_>, lift: Self::Lift, values: &mut Vec<Value>) -> Result<()> {
                let start = values.len();
                <Self as Params>::put(cx, lift, values)?;
                put_record(values, start);
                Ok(())
            }
        }
    )* };
}

tuples! {
    ()
    (A a)
    (A a B b)
    (A a B b C c)
    (A a B b C c D d)
    (A a B b C c D d E e)
    (A a B b C c D d E e F f)
    (A a B b C c D d E e F f G g)
    (A a B b C c D d E e F f G g H h)
    (A a B b C c D d E e F f G g H h I i)
    (A a B b C c D d E e F f G g H h I i J j)
    (A a B b C c D d E e F f G g H h I i J j K k)
    (A a B b C c D d E e F f G g H h I i J j K k L l)
    (A a B b C c D d E e F f G g H h I i J j K k L l M m)
    (A a B b C c D d E e F f G g H h I i J j K k L l M m N n)
    (A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o)
    (A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o P p)
    (A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o P p Q q)
}
