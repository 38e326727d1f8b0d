//! Whether a value is of a type.

use std::fmt::{Display, Write};

use crate::types::{Handle, Type};
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, is_nan32, is_nan64};
use crate::value::{Str, StringSource, Value};

use super::kind;

/// Why a value is not of its type, and the part concerned: its position in each value around it,
/// innermost first.
struct Wrong {
    path: Vec<usize>,
    why: String,
}

/// Says what is wrong with the value called `name`, if anything is.
pub fn check_value(name: &str, value: &Value, ty: &Type) -> Result<(), String> {
    fits(value, ty).map_err(|Wrong { path, why }| {
        path.iter().rev().fold(name.to_string(), |mut name, position| {
            write!(name, ".{position}").expect("a string takes all");
            name
        }) + &why
    })
}

fn fits(value: &Value, ty: &Type) -> Result<(), Wrong> {
    match (ty, value) {
        (Type::Bool, Value::Bool(_))
        | (Type::S8, Value::S8(_))
        | (Type::U8, Value::U8(_))
        | (Type::S16, Value::S16(_))
        | (Type::U16, Value::U16(_))
        | (Type::S32, Value::S32(_))
        | (Type::U32, Value::U32(_))
        | (Type::S64, Value::S64(_))
        | (Type::U64, Value::U64(_))
        | (Type::Char, Value::Char(_)) => Ok(()),
        (Type::F32, Value::F32(bits)) => one_nan(is_nan32(*bits) && *bits != CANONICAL_FLOAT32_NAN),
        (Type::F64, Value::F64(bits)) => one_nan(is_nan64(*bits) && *bits != CANONICAL_FLOAT64_NAN),
        (Type::String, Value::String(text)) => made_by_host(text),
        (Type::List(elem), Value::List(values)) => all_fit(values, |value| fits(value, elem)),
        (Type::List(_), Value::Bytes(_)) => Err(wrong(" is a list that was lifted")),
        (Type::FixedLengthList(elem, length), Value::List(values)) => {
            has(values.len(), u64::from(*length))?;
            all_fit(values, |value| fits(value, elem))
        }
        (Type::Record(fields), Value::Record(values)) => {
            each_fits(values, fields.iter().map(|field| &field.ty))
        }
        (Type::Tuple(types), Value::Record(values)) => each_fits(values, types),
        (Type::Map(key, value), Value::List(entries)) => {
            all_fit(entries, |entry| entry_fits(entry, key, value))
        }
        (
            Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..),
            Value::Variant(index, payload),
        ) => case_fits(ty.payload(*index), payload.as_deref()),
        (Type::Flags(labels), Value::Flags(bits)) => flags_fit(labels.len(), *bits),
        (Type::Handle(Handle::Own(_) | Handle::Borrow(_)), Value::Handle(_)) => Ok(()),
        (ty, _) => Err(wrong(format!(" is not of type {}", kind(ty)))),
    }
}

fn wrong(why: impl Into<String>) -> Wrong {
    Wrong { path: Vec::new(), why: why.into() }
}

/// `other` means a NaN that text could not tell from the canonical one.
fn one_nan(other: bool) -> Result<(), Wrong> {
    if other { Err(wrong(" is a NaN other than the canonical one")) } else { Ok(()) }
}

fn made_by_host(text: &Str) -> Result<(), Wrong> {
    match text.source {
        StringSource::Utf8 => Ok(()),
        StringSource::Utf16 | StringSource::Latin1 | StringSource::TaggedUtf16 => {
            Err(wrong(" is a string that was lifted"))
        }
    }
}

fn all_fit(values: &[Value], fits: impl Fn(&Value) -> Result<(), Wrong>) -> Result<(), Wrong> {
    for (position, value) in values.iter().enumerate() {
        fits(value).map_err(|wrong| inside(wrong, position))?;
    }
    Ok(())
}

fn inside(mut wrong: Wrong, position: usize) -> Wrong {
    wrong.path.push(position);
    wrong
}

fn each_fits<'a>(
    values: &[Value],
    types: impl IntoIterator<Item = &'a Type, IntoIter: ExactSizeIterator>,
) -> Result<(), Wrong> {
    let types = types.into_iter();
    has(values.len(), types.len())?;
    for (position, (value, ty)) in values.iter().zip(types).enumerate() {
        fits(value, ty).map_err(|wrong| inside(wrong, position))?;
    }
    Ok(())
}

fn entry_fits(entry: &Value, key: &Type, value: &Type) -> Result<(), Wrong> {
    let Value::Record(values) = entry else {
        return Err(wrong(" is no entry of a map"));
    };
    each_fits(values, [key, value])
}

fn has(found: usize, expected: impl TryInto<usize> + Copy + Display) -> Result<(), Wrong> {
    match expected.try_into() {
        Ok(expected) if found == expected => Ok(()),
        _ => Err(wrong(format!(" has {found} of {expected} parts"))),
    }
}

fn case_fits(ty: Option<Option<&Type>>, payload: Option<&Value>) -> Result<(), Wrong> {
    match (ty, payload) {
        (Some(Some(ty)), Some(payload)) => fits(payload, ty).map_err(|wrong| inside(wrong, 0)),
        (Some(None), None) => Ok(()),
        (Some(Some(_)), None) => Err(wrong(" lacks its payload")),
        (Some(None), Some(_)) => Err(wrong(" has a payload that its type lacks")),
        (None, _) => Err(wrong(" is of a case that its type lacks")),
    }
}

fn flags_fit(count: usize, bits: u32) -> Result<(), Wrong> {
    let used = usize::try_from(u32::BITS - bits.leading_zeros()).unwrap_or(usize::MAX);
    if used <= count { Ok(()) } else { Err(wrong(" has a flag that its type lacks")) }
}
