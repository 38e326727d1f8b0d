//! Whether a value is of a type, and such that text can say it.

use crate::abi::fits::{Misfit, fits};
use crate::types::Type;
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, is_nan32, is_nan64};
use crate::value::{StringSource, Value};

/// Says what is wrong with a value, if anything is.
pub fn check_value(value: &Value, ty: &Type) -> Result<(), Misfit> {
    fits(value, ty).and_then(|()| is_plain(value))
}

const NAN: &str = " is a NaN other than the canonical one";

/// Why text could not tell a value from another, if it could not.
fn is_plain(value: &Value) -> Result<(), Misfit> {
    let (is_other, why) = match value {
        Value::F32(bits) => (is_nan32(*bits) && *bits != CANONICAL_FLOAT32_NAN, NAN),
        Value::F64(bits) => (is_nan64(*bits) && *bits != CANONICAL_FLOAT64_NAN, NAN),
        Value::String(text) => (text.source != StringSource::Utf8, " is a string that was lifted"),
        Value::Bytes(_) => (true, " is a list that was lifted"),
        Value::Bool(_)
        | Value::S8(_)
        | Value::U8(_)
        | Value::S16(_)
        | Value::U16(_)
        | Value::S32(_)
        | Value::U32(_)
        | Value::S64(_)
        | Value::U64(_)
        | Value::Char(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::Variant(..)
        | Value::Flags(_)
        | Value::Handle(_) => (false, ""),
    };
    if is_other {
        return Err(Misfit { path: Vec::new(), why: why.to_string() });
    }
    let mut parts = value.parts().iter().enumerate();
    parts.try_for_each(|(position, part)| is_plain(part).map_err(|misfit| misfit.inside(position)))
}
