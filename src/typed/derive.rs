//! Types that Rust does not have built in: macros that define one by Wasmtime's derive macros, and
//! make a `Form` of it.
//! Knows nothing of which there are.

pub(super) use super::form::case_of;
use super::form::{Cx, Form};
use crate::types::{CASE, FIELD, FLAG, Field, Label, Type, VariantCase};
use crate::value::Value;
use wasmtime::Result;

/// The name in the component: that of the Rust identifier, unless renamed.
macro_rules! label {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $label:literal) => {
        $label
    };
}

/// `record! { Name { field: Form, renamed: Form = "label" } }`
macro_rules! record {
    ($($name:ident { $($field:ident: $form:ty $(= $label:literal)?),* $(,)? })*) => { $(
        #[derive(wasmtime::component::ComponentType, wasmtime::component::Lift,
            wasmtime::component::Lower)]
        #[component(record)]
        pub struct $name {
            $($(#[component(name = $label)])? $field: <$form as Form>::Lift,)*
        }

        impl Form for $name {
            type Lower = $name;
            type Lift = $name;
            whole!();

            fn ty() -> Type {
                derive::record_type(vec![$((label!($field $($label)?), <$form as Form>::ty())),*])
            }

            fn from_value(cx: Cx<'_, '_>, value: &Value) -> wasmtime::Result<$name> {
                let mut parts = value.parts().iter();
                Ok($name { $($field: derive::next::<$form>(cx, &mut parts)?,)* })
            }

            fn put(
                cx: Cx<'_, '_>,
                lift: $name,
                values: &mut Vec<Value>,
            ) -> wasmtime::Result<()> {
                let start = values.len();
                $(<$form as Form>::put(cx, lift.$field, values)?;)*
                form::put_record(values, start);
                Ok(())
            }
        }
    )* };
}

/// `variant! { Name { 0 Case, 1 WithPayload(payload: Form), 2 Renamed = "label" } }`
macro_rules! variant {
    ($($name:ident { $(
        $index:literal $case:ident $(($payload:ident: $form:ty))? $(= $label:literal)?
    ),* $(,)? })*) => { $(
        #[derive(wasmtime::component::ComponentType, wasmtime::component::Lift,
            wasmtime::component::Lower)]
        #[component(variant)]
        pub enum $name {
            $($(#[component(name = $label)])? $case $((<$form as Form>::Lift))?,)*
        }

        impl Form for $name {
            type Lower = $name;
            type Lift = $name;
            whole!();

            fn ty() -> Type {
                derive::variant_type(vec![
                    $((label!($case $($label)?), None $(.or(Some(<$form as Form>::ty())))?)),*
                ])
            }

            fn from_value(_cx: Cx<'_, '_>, value: &Value) -> wasmtime::Result<$name> {
                let (index, _payload) = derive::case_of(value);
                Ok(match index {
                    $($index => $name::$case $((derive::payload::<$form>(_cx, _payload)?))?,)*
                    _ => derive::no_case(value),
                })
            }

            fn put(
                _cx: Cx<'_, '_>,
                lift: $name,
                values: &mut Vec<Value>,
            ) -> wasmtime::Result<()> {
                let before = values.len();
                let index = match lift {
                    $($name::$case $(($payload))? => {
                        $(<$form as Form>::put(_cx, $payload, values)?;)?
                        $index
                    })*
                };
                let payload = values.len() > before;
                form::put_case(values, index, payload);
                Ok(())
            }
        }
    )* };
}

/// `enumeration! { u8 Name { case, renamed = "label" } }`, with the type of its discriminant.
macro_rules! enumeration {
    ($($repr:ident $name:ident { $($case:ident $(= $label:literal)?),* $(,)? })*) => { $(
        #[derive(Clone, Copy, PartialEq, wasmtime::component::ComponentType,
            wasmtime::component::Lift, wasmtime::component::Lower)]
        #[component(enum)]
        #[repr($repr)]
        pub enum $name {
            $($(#[component(name = $label)])? $case,)*
        }

        impl $name {
            const ALL: &[$name] = &[$($name::$case),*];
        }

        impl Form for $name {
            type Lower = $name;
            type Lift = $name;
            whole!();

            fn ty() -> Type {
                derive::enum_type(&[$(label!($case $($label)?)),*])
            }

            fn from_value(_: Cx<'_, '_>, value: &Value) -> wasmtime::Result<$name> {
                let (index, _) = derive::case_of(value);
                Ok($name::ALL[usize::try_from(index).expect("an index fits")])
            }

            fn put(
                _: Cx<'_, '_>,
                lift: $name,
                values: &mut Vec<Value>,
            ) -> wasmtime::Result<()> {
                let index = (0..).zip($name::ALL).find(|(_, case)| **case == lift);
                let (index, _) = index.expect("all cases are listed");
                values.push(Value::Variant(index, None));
                Ok(())
            }
        }
    )* };
}

/// `flag_set! { Name { flag, renamed = "label" } }`
macro_rules! flag_set {
    ($($name:ident { $($flag:ident $(= $label:literal)?),* $(,)? })*) => { $(
        wasmtime::component::flags! {
            $name {
                $($(#[component(name = $label)])? const $flag;)*
            }
        }

        impl $name {
            const EACH: &[$name] = &[$($name::$flag),*];
        }

        impl Form for $name {
            type Lower = $name;
            type Lift = $name;
            whole!();

            fn ty() -> Type {
                derive::flags_type(&[$(label!($flag $($label)?)),*])
            }

            fn from_value(_: Cx<'_, '_>, value: &Value) -> wasmtime::Result<$name> {
                let mut flags = $name::empty();
                for (i, flag) in $name::EACH.iter().enumerate() {
                    if derive::is_set(value, i) {
                        flags |= *flag;
                    }
                }
                Ok(flags)
            }

            fn put(
                _: Cx<'_, '_>,
                lift: $name,
                values: &mut Vec<Value>,
            ) -> wasmtime::Result<()> {
                values.push(derive::flags(&|i| lift.contains($name::EACH[i]), $name::EACH.len()));
                Ok(())
            }
        }
    )* };
}

pub(super) fn record_type(fields: Vec<(&str, Type)>) -> Type {
    let fields = fields.into_iter().enumerate();
    let field = |(i, (label, ty))| Field { label: Label::named(label, FIELD, i), ty };
    Type::Record(fields.map(field).collect())
}

pub(super) fn variant_type(cases: Vec<(&str, Option<Type>)>) -> Type {
    let cases = cases.into_iter().enumerate();
    let case = |(i, (label, ty))| VariantCase { label: Label::named(label, CASE, i), ty };
    Type::Variant(cases.map(case).collect())
}

pub(super) fn enum_type(labels: &[&str]) -> Type {
    Type::Enum(named(labels, CASE))
}

pub(super) fn flags_type(labels: &[&str]) -> Type {
    Type::Flags(named(labels, FLAG))
}

fn named(labels: &[&str], kind: char) -> Vec<Label> {
    labels.iter().enumerate().map(|(i, label)| Label::named(label, kind, i)).collect()
}

/// The next part of a record.
pub(super) fn next<F: Form>(
    cx: Cx<'_, '_>,
    parts: &mut std::slice::Iter<'_, Value>,
) -> Result<F::Lower> {
    F::from_value(cx, parts.next().expect("a checked case has a value for each field"))
}

/// The payload of a case that has one.
pub(super) fn payload<F: Form>(cx: Cx<'_, '_>, payload: Option<&Value>) -> Result<F::Lower> {
    F::from_value(cx, payload.expect("a checked case has a payload where there is one"))
}

pub(super) fn no_case<T>(value: &Value) -> T {
    unreachable!("a checked case has no case {value:?}")
}

pub(super) fn is_set(value: &Value, flag: usize) -> bool {
    let Value::Flags(bits) = *value else { no_case(value) };
    bits >> flag & 1 == 1
}

/// The flags of which is said whether they are set.
pub(super) fn flags(set: &dyn Fn(usize) -> bool, count: usize) -> Value {
    Value::Flags((0..count).fold(0, |bits, i| bits | u32::from(set(i)) << i))
}
