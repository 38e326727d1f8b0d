//! Numbers of one type as numbers of another.
//! Knows which values are numbers; not why one is to be another.

use crate::types::Type;
use crate::value::Value;

/// The same number as another type has it, as far as it has room; nothing where one of the two is no number.
pub fn recast(value: &Value, new: &Type) -> Option<Value> {
    let bits = integer(value)?;
    let [a, b, c, d, ..] = bits.to_le_bytes();
    let half = u16::from_le_bytes([a, b]);
    let low = u32::from_le_bytes([a, b, c, d]);
    match new {
        Type::Bool => Some(Value::Bool(bits != 0)),
        Type::S8 => Some(Value::S8(a.cast_signed())),
        Type::U8 => Some(Value::U8(a)),
        Type::S16 => Some(Value::S16(half.cast_signed())),
        Type::U16 => Some(Value::U16(half)),
        Type::S32 => Some(Value::S32(low.cast_signed())),
        Type::U32 => Some(Value::U32(low)),
        Type::S64 => Some(Value::S64(bits.cast_signed())),
        Type::U64 => Some(Value::U64(bits)),
        Type::F32 => Some(Value::F32(low)),
        Type::F64 => Some(Value::F64(bits)),
        Type::Char => char::from_u32(low).map(Value::Char),
        Type::String
        | Type::List(_)
        | Type::FixedLengthList(..)
        | Type::Record(_)
        | Type::Tuple(_)
        | Type::Variant(_)
        | Type::Enum(_)
        | Type::Option(_)
        | Type::Result(..)
        | Type::Flags(_)
        | Type::Map(..)
        | Type::Handle(_) => None,
    }
}

/// A number as 64 bits, extended by its sign.
fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::Bool(value) => Some(u64::from(*value)),
        Value::S8(value) => Some(i64::from(*value).cast_unsigned()),
        Value::U8(value) => Some(u64::from(*value)),
        Value::S16(value) => Some(i64::from(*value).cast_unsigned()),
        Value::U16(value) => Some(u64::from(*value)),
        Value::S32(value) => Some(i64::from(*value).cast_unsigned()),
        Value::U32(value) | Value::F32(value) => Some(u64::from(*value)),
        Value::S64(value) => Some(value.cast_unsigned()),
        Value::U64(value) | Value::F64(value) => Some(*value),
        Value::Char(value) => Some(u64::from(u32::from(*value))),
        Value::String(_)
        | Value::List(_)
        | Value::Bytes(_)
        | Value::Record(_)
        | Value::Variant(..)
        | Value::Flags(_)
        | Value::Handle(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, new: Type, becomes: Option<Value>) {
        assert_eq!(recast(&value, &new), becomes);
    }

    #[test]
    fn numbers_keep_their_low_bits_and_their_sign() {
        check(Value::S8(-1), Type::U16, Some(Value::U16(0xffff)));
        check(Value::U32(0x1_02ff), Type::U8, Some(Value::U8(0xff)));
        check(Value::U64(1 << 32), Type::Bool, Some(Value::Bool(true)));
        check(Value::F32(0x3f80_0000), Type::U32, Some(Value::U32(0x3f80_0000)));
        check(Value::Char('a'), Type::S64, Some(Value::S64(97)));
        check(Value::U16(97), Type::Char, Some(Value::Char('a')));
    }

    #[test]
    fn what_is_no_number_is_not_made_one() {
        check(Value::U32(0xd800), Type::Char, None);
        check(Value::U8(0), Type::String, None);
        check(Value::List(Vec::new()), Type::U8, None);
        check(Value::Flags(1), Type::U8, None);
    }
}
