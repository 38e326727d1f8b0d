//! Values as Rust expressions of Wasmtime's dynamic interface.
//! Knows that a handle is a number for who compares, and something else for who passes it.

use crate::types::{CASE, FIELD, FLAG, Handle, Label, Type};
use crate::value::Value;

/// How a handle is written.
pub type OfHandle<'a> = &'a dyn Fn(&Handle, u32) -> String;

/// A `Val` of a type.
pub fn val(value: &Value, ty: &Type, handle: OfHandle) -> String {
    match (ty, value) {
        (_, Value::Bool(value)) => format!("Val::Bool({value})"),
        (_, Value::S8(value)) => format!("Val::S8({value})"),
        (_, Value::U8(value)) => format!("Val::U8({value})"),
        (_, Value::S16(value)) => format!("Val::S16({value})"),
        (_, Value::U16(value)) => format!("Val::U16({value})"),
        (_, Value::S32(value)) => format!("Val::S32({value})"),
        (_, Value::U32(value)) => format!("Val::U32({value})"),
        (_, Value::S64(value)) => format!("Val::S64({value})"),
        (_, Value::U64(value)) => format!("Val::U64({value})"),
        (_, Value::F32(bits)) => format!("Val::Float32({})", float32(*bits)),
        (_, Value::F64(bits)) => format!("Val::Float64({})", float64(*bits)),
        (_, Value::Char(value)) => format!("Val::Char({value:?})"),
        (_, Value::String(value)) => format!("Val::String({:?}.into())", value.text),
        (Type::List(elem), Value::List(values)) => {
            format!("Val::List(vec![{}])", all(values.iter().map(|value| val(value, elem, handle))))
        }
        (_, Value::Bytes(bytes)) => {
            let bytes = bytes.iter().map(|byte| format!("Val::U8({byte})"));
            format!("Val::List(vec![{}])", all(bytes))
        }
        (Type::FixedLengthList(elem, _), Value::List(values)) => {
            let values = values.iter().map(|value| val(value, elem, handle));
            format!("Val::FixedLengthList(vec![{}])", all(values))
        }
        (Type::Map(key, of), Value::List(entries)) => {
            let entry = |entry: &Value| {
                let parts = entry.parts().iter().zip([&**key, &**of]);
                format!("({})", all(parts.map(|(part, ty)| val(part, ty, handle))))
            };
            format!("Val::Map(vec![{}])", all(entries.iter().map(entry)))
        }
        (Type::Record(fields), Value::Record(values)) => {
            let fields = fields.iter().zip(values).enumerate();
            let fields = fields.map(|(i, (field, value))| {
                format!(
                    "({:?}.into(), {})",
                    field.label.at(FIELD, i),
                    val(value, &field.ty, handle)
                )
            });
            format!("Val::Record(vec![{}])", all(fields))
        }
        (Type::Tuple(types), Value::Record(values)) => {
            let values = values.iter().zip(types).map(|(value, ty)| val(value, ty, handle));
            format!("Val::Tuple(vec![{}])", all(values))
        }
        (Type::Variant(cases), Value::Variant(index, payload)) => {
            let case = &cases[position(*index)];
            let name = case.label.at(CASE, position(*index));
            let payload = of_payload(payload.as_deref(), case.ty.as_ref(), handle);
            format!("Val::Variant({name:?}.into(), {payload})")
        }
        (Type::Enum(labels), Value::Variant(index, _)) => {
            format!("Val::Enum({:?}.into())", label(labels, CASE, *index))
        }
        (Type::Option(some), Value::Variant(_, payload)) => {
            format!("Val::Option({})", of_payload(payload.as_deref(), Some(some), handle))
        }
        (Type::Result(ok, _), Value::Variant(0, payload)) => {
            format!("Val::Result(Ok({}))", of_payload(payload.as_deref(), ok.as_deref(), handle))
        }
        (Type::Result(_, error), Value::Variant(_, payload)) => {
            format!(
                "Val::Result(Err({}))",
                of_payload(payload.as_deref(), error.as_deref(), handle)
            )
        }
        (Type::Flags(labels), Value::Flags(bits)) => {
            let count = u32::try_from(labels.len()).expect("flags are few");
            let set = (0..count).filter(|bit| bits >> bit & 1 == 1);
            let names = set.map(|bit| format!("{:?}.into()", label(labels, FLAG, bit)));
            format!("Val::Flags(vec![{}])", all(names))
        }
        (Type::Handle(of), Value::Handle(number)) => handle(of, *number),
        (ty, value) => unreachable!("a checked case has no {value:?} of type {ty:?}"),
    }
}

/// Values that are compared: for handles, their numbers.
pub fn compared(values: &[Value], types: &[Type]) -> String {
    let number = |_: &Handle, number: u32| format!("Val::U32({number})");
    all(values.iter().zip(types).map(|(value, ty)| val(value, ty, &number)))
}

pub fn all(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn of_payload(payload: Option<&Value>, ty: Option<&Type>, handle: OfHandle) -> String {
    match payload.zip(ty) {
        Some((payload, ty)) => format!("Some(Box::new({}))", val(payload, ty, handle)),
        None => "None".to_string(),
    }
}

fn float32(bits: u32) -> String {
    let float = f32::from_bits(bits);
    if float.is_finite() { format!("{float:?}") } else { format!("f32::from_bits(0x{bits:x})") }
}

fn float64(bits: u64) -> String {
    let float = f64::from_bits(bits);
    if float.is_finite() { format!("{float:?}") } else { format!("f64::from_bits(0x{bits:x})") }
}

fn label(labels: &[Label], kind: char, index: u32) -> String {
    labels[position(index)].at(kind, position(index)).into_owned()
}

fn position(index: u32) -> usize {
    usize::try_from(index).expect("an index fits")
}
