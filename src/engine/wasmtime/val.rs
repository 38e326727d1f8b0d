//! Values as Wasmtime's dynamic interface has them, both ways.
//! Knows which release has which kind of value.

use wasmtime::Result;
use wasmtime::component::{ResourceAny, Val};

use super::trap::Stopped;
use crate::types::{CASE, FIELD, FLAG, Handle, Label, Type, VariantCase};
use crate::value::Value;

/// Makes the engine's handle for a number.
pub type Give<'a> = &'a mut dyn FnMut(&Handle, u32) -> Result<ResourceAny>;
/// Makes a number for the engine's handle.
pub type Take<'a> = &'a mut dyn FnMut(&Handle, ResourceAny) -> Result<u32>;

/// A value for the engine. The value is of the type.
pub fn to_val(value: &Value, ty: &Type, give: Give) -> Result<Val> {
    Ok(match (ty, value) {
        (Type::Bool, Value::Bool(value)) => Val::Bool(*value),
        (Type::S8, Value::S8(value)) => Val::S8(*value),
        (Type::U8, Value::U8(value)) => Val::U8(*value),
        (Type::S16, Value::S16(value)) => Val::S16(*value),
        (Type::U16, Value::U16(value)) => Val::U16(*value),
        (Type::S32, Value::S32(value)) => Val::S32(*value),
        (Type::U32, Value::U32(value)) => Val::U32(*value),
        (Type::S64, Value::S64(value)) => Val::S64(*value),
        (Type::U64, Value::U64(value)) => Val::U64(*value),
        (Type::F32, Value::F32(bits)) => Val::Float32(f32::from_bits(*bits)),
        (Type::F64, Value::F64(bits)) => Val::Float64(f64::from_bits(*bits)),
        (Type::Char, Value::Char(value)) => Val::Char(*value),
        (Type::String, Value::String(string)) => Val::String(string.text.clone()),
        (Type::List(elem), Value::List(values)) => Val::List(all_to_val(values, elem, give)?),
        (Type::List(_), Value::Bytes(bytes)) => {
            Val::List(bytes.iter().copied().map(Val::U8).collect())
        }
        (Type::FixedLengthList(elem, _), Value::List(values)) => {
            fixed_length_list(all_to_val(values, elem, give)?)
        }
        (Type::Record(fields), Value::Record(values)) => Val::Record(
            (fields.iter().zip(values).enumerate())
                .map(|(i, (field, value))| {
                    Ok((field.label.at(FIELD, i).into_owned(), to_val(value, &field.ty, give)?))
                })
                .collect::<Result<_>>()?,
        ),
        (Type::Tuple(types), Value::Record(values)) => {
            let parts = types.iter().zip(values).map(|(ty, value)| to_val(value, ty, give));
            Val::Tuple(parts.collect::<Result<_>>()?)
        }
        (Type::Variant(cases), Value::Variant(index, payload)) => {
            let VariantCase { label, ty } = &cases[position(*index)];
            let name = label.at(CASE, position(*index)).into_owned();
            Val::Variant(name, payload_to_val(payload, ty.as_ref(), give)?)
        }
        (Type::Enum(labels), Value::Variant(index, _)) => {
            Val::Enum(labels[position(*index)].at(CASE, position(*index)).into_owned())
        }
        (Type::Option(some), Value::Variant(_, payload)) => {
            Val::Option(payload_to_val(payload, Some(some), give)?)
        }
        (Type::Result(ok, _), Value::Variant(0, payload)) => {
            Val::Result(Ok(payload_to_val(payload, ok.as_deref(), give)?))
        }
        (Type::Result(_, error), Value::Variant(_, payload)) => {
            Val::Result(Err(payload_to_val(payload, error.as_deref(), give)?))
        }
        (Type::Flags(labels), Value::Flags(bits)) => Val::Flags(
            (labels.iter().enumerate())
                .filter(|(i, _)| bits >> i & 1 == 1)
                .map(|(i, label)| label.at(FLAG, i).into_owned())
                .collect(),
        ),
        (Type::Map(key, value), Value::List(entries)) => map(entries, key, value, give)?,
        (Type::Handle(handle), Value::Handle(number)) => Val::Resource(give(handle, *number)?),
        (ty, value) => unreachable!("a checked case has no {value:?} of type {ty:?}"),
    })
}

fn all_to_val(values: &[Value], ty: &Type, give: Give) -> Result<Vec<Val>> {
    values.iter().map(|value| to_val(value, ty, give)).collect()
}

fn payload_to_val(
    payload: &Option<Box<Value>>,
    ty: Option<&Type>,
    give: Give,
) -> Result<Option<Box<Val>>> {
    let payload = payload.as_ref().zip(ty);
    payload.map(|(value, ty)| Ok(Box::new(to_val(value, ty, give)?))).transpose()
}

#[cfg(wasmtime_48)]
fn fixed_length_list(values: Vec<Val>) -> Val {
    Val::FixedLengthList(values)
}

#[cfg(not(wasmtime_48))]
fn fixed_length_list(_: Vec<Val>) -> Val {
    unreachable!("a case with a fixed-length list is not run on this version")
}

#[cfg(wasmtime_44)]
fn map(entries: &[Value], key: &Type, value: &Type, give: Give) -> Result<Val> {
    let entry = |entry: &Value| {
        let Value::Record(pair) = entry else {
            unreachable!("a map's entry is a record, not {entry:?}");
        };
        Ok((to_val(&pair[0], key, give)?, to_val(&pair[1], value, give)?))
    };
    Ok(Val::Map(entries.iter().map(entry).collect::<Result<_>>()?))
}

#[cfg(not(wasmtime_44))]
fn map(_: &[Value], _: &Type, _: &Type, _: Give) -> Result<Val> {
    unreachable!("a case with a map is not run on this version")
}

/// A value from the engine, which may be wrong.
pub fn from_val(val: &Val, ty: &Type, take: Take) -> Result<Value> {
    let wrong = || wasmtime::Error::new(Stopped::WrongValue(format!("{val:?} for {ty:?}")));
    Ok(match (ty, val) {
        (Type::Bool, Val::Bool(value)) => Value::Bool(*value),
        (Type::S8, Val::S8(value)) => Value::S8(*value),
        (Type::U8, Val::U8(value)) => Value::U8(*value),
        (Type::S16, Val::S16(value)) => Value::S16(*value),
        (Type::U16, Val::U16(value)) => Value::U16(*value),
        (Type::S32, Val::S32(value)) => Value::S32(*value),
        (Type::U32, Val::U32(value)) => Value::U32(*value),
        (Type::S64, Val::S64(value)) => Value::S64(*value),
        (Type::U64, Val::U64(value)) => Value::U64(*value),
        (Type::F32, Val::Float32(value)) => Value::F32(value.to_bits()),
        (Type::F64, Val::Float64(value)) => Value::F64(value.to_bits()),
        (Type::Char, Val::Char(value)) => Value::Char(*value),
        (Type::String, Val::String(text)) => Value::string(text.as_str()),
        (Type::List(elem), Val::List(vals)) => all_from_val(vals, elem, take)?,
        #[cfg(wasmtime_48)]
        (Type::FixedLengthList(elem, _), Val::FixedLengthList(vals)) => {
            all_from_val(vals, elem, take)?
        }
        (Type::Record(fields), Val::Record(vals)) if fields.len() == vals.len() => {
            let mut values = Vec::with_capacity(vals.len());
            for (i, (field, (name, val))) in fields.iter().zip(vals).enumerate() {
                if !field.label.is(name, FIELD, i) {
                    return Err(wrong());
                }
                values.push(from_val(val, &field.ty, take)?);
            }
            Value::Record(values)
        }
        (Type::Tuple(types), Val::Tuple(vals)) if types.len() == vals.len() => {
            let values = types.iter().zip(vals).map(|(ty, val)| from_val(val, ty, take));
            Value::Record(values.collect::<Result<_>>()?)
        }
        (Type::Variant(cases), Val::Variant(name, payload)) => {
            let labels = cases.iter().map(|case| &case.label);
            let index = index_of(labels, CASE, name).ok_or_else(wrong)?;
            payload_from_val(index, payload, cases[index].ty.as_ref(), take).ok_or_else(wrong)??
        }
        (Type::Enum(labels), Val::Enum(name)) => {
            let index = index_of(labels, CASE, name).ok_or_else(wrong)?;
            payload_from_val(index, &None, None, take).ok_or_else(wrong)??
        }
        (Type::Option(_), Val::Option(None)) => Value::Variant(0, None),
        (Type::Option(some), Val::Option(Some(val))) => Value::case(1, from_val(val, some, take)?),
        (Type::Result(ok, _), Val::Result(Ok(payload))) => {
            payload_from_val(0, payload, ok.as_deref(), take).ok_or_else(wrong)??
        }
        (Type::Result(_, error), Val::Result(Err(payload))) => {
            payload_from_val(1, payload, error.as_deref(), take).ok_or_else(wrong)??
        }
        (Type::Flags(labels), Val::Flags(names)) => {
            let mut bits = 0;
            for name in names {
                bits |= 1 << index_of(labels, FLAG, name).ok_or_else(wrong)?;
            }
            Value::Flags(bits)
        }
        #[cfg(wasmtime_44)]
        (Type::Map(key, value), Val::Map(entries)) => Value::List(
            (entries.iter())
                .map(|(k, v)| {
                    Ok(Value::Record(vec![from_val(k, key, take)?, from_val(v, value, take)?]))
                })
                .collect::<Result<_>>()?,
        ),
        (Type::Handle(handle), Val::Resource(resource)) => Value::Handle(take(handle, *resource)?),
        _ => return Err(wrong()),
    })
}

/// The same value with bytes as bytes, for a value that somebody keeps.
pub fn compact(value: &mut Value) {
    let byte = |value: &Value| if let Value::U8(byte) = value { Some(*byte) } else { None };
    let is_list = matches!(value, Value::List(values) if !values.is_empty());
    let bytes: Option<Vec<u8>> =
        if is_list { value.parts().iter().map(byte).collect() } else { None };
    match bytes {
        Some(bytes) => *value = Value::Bytes(bytes),
        None => value.parts_mut().iter_mut().for_each(compact),
    }
}

fn all_from_val(vals: &[Val], ty: &Type, take: Take) -> Result<Value> {
    Ok(Value::List(vals.iter().map(|val| from_val(val, ty, take)).collect::<Result<_>>()?))
}

/// The case at `index`; `None` where a payload is missing or too many.
fn payload_from_val(
    index: usize,
    payload: &Option<Box<Val>>,
    ty: Option<&Type>,
    take: Take,
) -> Option<Result<Value>> {
    let index = u32::try_from(index).ok()?;
    match (payload, ty) {
        (None, None) => Some(Ok(Value::Variant(index, None))),
        (Some(val), Some(ty)) => {
            Some(from_val(val, ty, take).map(|value| Value::case(index, value)))
        }
        (None, Some(_)) | (Some(_), None) => None,
    }
}

fn index_of<'a>(
    labels: impl IntoIterator<Item = &'a Label>,
    kind: char,
    name: &str,
) -> Option<usize> {
    labels.into_iter().enumerate().position(|(i, label)| label.is(name, kind, i))
}

fn position(index: u32) -> usize {
    usize::try_from(index).expect("an index fits")
}
