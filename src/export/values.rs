//! Values as scripts of the WebAssembly text format have them.
//! Knows nothing of where they are passed.

use super::text::{float32, float64, string};
use crate::types::{CASE, FIELD, FLAG, Label, Type};
use crate::value::Value;

/// A value of a type, as `(u8.const 7)`. There are no handles in scripts.
pub fn value(value: &Value, ty: &Type) -> String {
    format!("({})", inside(value, ty))
}

fn inside(value: &Value, ty: &Type) -> String {
    match (ty, value) {
        (_, Value::Bool(value)) => format!("bool.const {value}"),
        (_, Value::S8(value)) => format!("s8.const {value}"),
        (_, Value::U8(value)) => format!("u8.const {value}"),
        (_, Value::S16(value)) => format!("s16.const {value}"),
        (_, Value::U16(value)) => format!("u16.const {value}"),
        (_, Value::S32(value)) => format!("s32.const {value}"),
        (_, Value::U32(value)) => format!("u32.const {value}"),
        (_, Value::S64(value)) => format!("s64.const {value}"),
        (_, Value::U64(value)) => format!("u64.const {value}"),
        (_, Value::F32(bits)) => format!("f32.const {}", float32(*bits)),
        (_, Value::F64(bits)) => format!("f64.const {}", float64(*bits)),
        (_, Value::Char(value)) => format!("char.const {}", string(&value.to_string())),
        (_, Value::String(value)) => format!("str.const {}", string(&value.text)),
        (Type::List(elem) | Type::FixedLengthList(elem, _), Value::List(values)) => {
            all("list.const", values.iter().map(|value| self::value(value, elem)))
        }
        (_, Value::Bytes(bytes)) => {
            all("list.const", bytes.iter().map(|byte| format!("(u8.const {byte})")))
        }
        (Type::Map(key, of), Value::List(entries)) => {
            let entry = |entry: &Value| {
                let parts = entry.parts().iter().zip([&**key, &**of]);
                let parts: Vec<_> = parts.map(|(part, ty)| self::value(part, ty)).collect();
                format!("(entry {})", parts.join(" "))
            };
            all("map.const", entries.iter().map(entry))
        }
        (Type::Record(fields), Value::Record(values)) => {
            let fields = fields.iter().zip(values).enumerate();
            all(
                "record.const",
                fields.map(|(i, (field, value))| {
                    let name = field.label.at(FIELD, i);
                    // Only here a value has no parentheses.
                    format!("(field \"{name}\" {})", inside(value, &field.ty))
                }),
            )
        }
        (Type::Tuple(types), Value::Record(values)) => {
            let values = values.iter().zip(types);
            all("tuple.const", values.map(|(value, ty)| self::value(value, ty)))
        }
        (Type::Variant(cases), Value::Variant(index, payload)) => {
            let case = &cases[position(*index)];
            let name = case.label.at(CASE, position(*index));
            let payload = payload.as_deref().zip(case.ty.as_ref());
            all(&format!("variant.const \"{name}\""), of_payload(payload))
        }
        (Type::Enum(labels), Value::Variant(index, _)) => {
            format!("enum.const {}", quoted(labels, CASE, *index))
        }
        (Type::Option(_), Value::Variant(0, _)) => "option.none".to_string(),
        (Type::Option(some), Value::Variant(_, payload)) => {
            all("option.some", of_payload(payload.as_deref().zip(Some(&**some))))
        }
        (Type::Result(ok, _), Value::Variant(0, payload)) => {
            all("result.ok", of_payload(payload.as_deref().zip(ok.as_deref())))
        }
        (Type::Result(_, error), Value::Variant(_, payload)) => {
            all("result.err", of_payload(payload.as_deref().zip(error.as_deref())))
        }
        (Type::Flags(labels), Value::Flags(bits)) => {
            let count = u32::try_from(labels.len()).expect("flags are few");
            let set = (0..count).filter(|bit| bits >> bit & 1 == 1);
            all("flags.const", set.map(|bit| quoted(labels, FLAG, bit)))
        }
        (ty, value) => unreachable!("a checked case has no {value:?} of type {ty:?} here"),
    }
}

fn all(head: &str, parts: impl IntoIterator<Item = String>) -> String {
    let parts = parts.into_iter().map(|part| format!(" {part}"));
    format!("{head}{}", parts.collect::<String>())
}

fn of_payload(payload: Option<(&Value, &Type)>) -> Option<String> {
    payload.map(|(payload, ty)| value(payload, ty))
}

fn quoted(labels: &[Label], kind: char, index: u32) -> String {
    format!("\"{}\"", labels[position(index)].at(kind, position(index)))
}

fn position(index: u32) -> usize {
    usize::try_from(index).expect("an index fits")
}
