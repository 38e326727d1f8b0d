//! How values lie inside one another.
//! Knows nothing of how they are passed.

use crate::case;
use crate::types::{Type, scalar};
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
    if let (Value::Bytes(bytes), Type::List(elem)) = (value, ty) {
        return vec![(&BYTE, &**elem, Inside::List); bytes.len()];
    }
    let inside = inside(ty);
    let parts = case::parts::parts(value, ty).into_iter();
    parts.map(|(value, ty)| (value, ty, inside)).collect()
}

/// What the parts of a value of this type are in.
fn inside(ty: &Type) -> Inside {
    match ty {
        Type::List(_) | Type::Map(..) => Inside::List,
        Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..) => Inside::Variant,
        scalar!()
        | Type::String
        | Type::FixedLengthList(..)
        | Type::Record(_)
        | Type::Tuple(_)
        | Type::Flags(_)
        | Type::Handle(_) => Inside::Record,
    }
}
