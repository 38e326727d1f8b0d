//! Whether a value is of a type: lowering presumes it, so whoever takes values from others asks first.
//! Knows nothing of what is done with values.

use std::fmt::{Display, Write};

use crate::types::{Handle, Type};
use crate::value::Value;

/// Why a value is not of its type, and the part concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its position in each value around it, innermost first.
    pub path: Vec<usize>,
    /// What follows the name of the part.
    pub why: String,
}

impl Misfit {
    /// Something about a part of this value.
    pub fn inside(mut self, position: usize) -> Misfit {
        self.path.push(position);
        self
    }

    /// All of it in words, about the value of this name.
    pub fn about(&self, name: &str) -> String {
        let path = self.path.iter().rev().fold(name.to_string(), |mut name, position| {
            write!(name, ".{position}").expect("a string takes all");
            name
        });
        path + &self.why
    }
}

/// Why a value is not of a type, if it is not.
pub fn fits(value: &Value, ty: &Type) -> Result<(), Misfit> {
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
        | (Type::F32, Value::F32(_))
        | (Type::F64, Value::F64(_))
        | (Type::Char, Value::Char(_))
        | (Type::String, Value::String(_)) => Ok(()),
        (Type::List(elem), Value::List(values)) => all_fit(values, |value| fits(value, elem)),
        (Type::List(elem), Value::Bytes(_)) if **elem == Type::U8 => Ok(()),
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
        (ty, _) => Err(misfit(format!(" is not of type {}", ty.kind()))),
    }
}

/// What is wrong with a whole value.
fn misfit(why: impl Into<String>) -> Misfit {
    Misfit { path: Vec::new(), why: why.into() }
}

fn all_fit(values: &[Value], fits: impl Fn(&Value) -> Result<(), Misfit>) -> Result<(), Misfit> {
    for (position, value) in values.iter().enumerate() {
        fits(value).map_err(|misfit| misfit.inside(position))?;
    }
    Ok(())
}

fn each_fits<'a>(
    values: &[Value],
    types: impl IntoIterator<Item = &'a Type, IntoIter: ExactSizeIterator>,
) -> Result<(), Misfit> {
    let types = types.into_iter();
    has(values.len(), types.len())?;
    for (position, (value, ty)) in values.iter().zip(types).enumerate() {
        fits(value, ty).map_err(|misfit| misfit.inside(position))?;
    }
    Ok(())
}

fn entry_fits(entry: &Value, key: &Type, value: &Type) -> Result<(), Misfit> {
    let Value::Record(values) = entry else {
        return Err(misfit(" is no entry of a map"));
    };
    each_fits(values, [key, value])
}

fn has(found: usize, expected: impl TryInto<usize> + Copy + Display) -> Result<(), Misfit> {
    match expected.try_into() {
        Ok(expected) if found == expected => Ok(()),
        _ => Err(misfit(format!(" has {found} of {expected} parts"))),
    }
}

fn case_fits(ty: Option<Option<&Type>>, payload: Option<&Value>) -> Result<(), Misfit> {
    match (ty, payload) {
        (Some(Some(ty)), Some(payload)) => fits(payload, ty).map_err(|misfit| misfit.inside(0)),
        (Some(None), None) => Ok(()),
        (Some(Some(_)), None) => Err(misfit(" lacks its payload")),
        (Some(None), Some(_)) => Err(misfit(" has a payload that its type lacks")),
        (None, _) => Err(misfit(" is of a case that its type lacks")),
    }
}

fn flags_fit(count: usize, bits: u32) -> Result<(), Misfit> {
    let used = usize::try_from(u32::BITS - bits.leading_zeros()).unwrap_or(usize::MAX);
    if used <= count { Ok(()) } else { Err(misfit(" has a flag that its type lacks")) }
}
