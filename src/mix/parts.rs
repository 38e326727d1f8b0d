//! How values lie inside one another.
//! Knows nothing of how they are passed.

use crate::types::Type;
use crate::value::Value;

/// What a value is directly inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// What lies in a block of its own.
    List,
    /// What lies where the value around it lies.
    Record,
    Variant,
}

/// Stands for any of the bytes that are held together: which it is, nobody asks here.
static BYTE: Value = Value::U8(0);

/// The values directly inside this one, with their types.
pub fn parts<'a>(value: &'a Value, ty: &'a Type) -> Vec<(&'a Value, &'a Type, Inside)> {
    match (value, ty) {
        (Value::List(values), Type::List(elem)) => elems(values, elem, Inside::List),
        (Value::Bytes(bytes), Type::List(elem)) => {
            vec![(&BYTE, &**elem, Inside::List); bytes.len()]
        }
        (Value::List(values), Type::FixedLengthList(elem, _)) => {
            elems(values, elem, Inside::Record)
        }
        (Value::List(entries), Type::Map(key, value)) => {
            let fields = entries.iter().flat_map(|entry| entry.parts());
            let types = [&**key, &**value].into_iter().cycle();
            fields.zip(types).map(|(value, ty)| (value, ty, Inside::List)).collect()
        }
        (Value::Record(values), Type::Record(fields)) => {
            members(values, fields.iter().map(|field| &field.ty))
        }
        (Value::Record(values), Type::Tuple(types)) => members(values, types),
        (Value::Variant(index, Some(payload)), ty) => {
            let payload_type = ty.payload(*index).flatten().expect("the case has a payload");
            vec![(&**payload, payload_type, Inside::Variant)]
        }
        _ => Vec::new(),
    }
}

fn elems<'a>(
    values: &'a [Value],
    elem: &'a Type,
    inside: Inside,
) -> Vec<(&'a Value, &'a Type, Inside)> {
    values.iter().map(|value| (value, elem, inside)).collect()
}

fn members<'a>(
    values: &'a [Value],
    types: impl IntoIterator<Item = &'a Type>,
) -> Vec<(&'a Value, &'a Type, Inside)> {
    values.iter().zip(types).map(|(value, ty)| (value, ty, Inside::Record)).collect()
}
