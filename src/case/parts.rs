//! The values directly inside a value, each with its type: by reference, and to change it.
//! Knows nothing of how values are passed or written down.

use crate::types::{Type, scalar};
use crate::value::Value;

/// A value and its type.
pub type Typed<'a> = (&'a Value, &'a Type);
pub type TypedMut<'a> = (&'a mut Value, &'a Type);

/// What is inside a value of some type.
enum Inside<'a> {
    /// Any number of this type.
    Elems(&'a Type),
    /// Any number of entries, which have no type: their keys and values have.
    Entries([&'a Type; 2]),
    /// One of each.
    Members(Vec<&'a Type>),
}

/// The values directly inside this one; of an entry of a map its key and its value. What is held as bytes has none.
pub fn parts<'a>(value: &'a Value, ty: &'a Type) -> Vec<Typed<'a>> {
    let parts = value.parts().iter();
    match inside(value, ty) {
        Inside::Elems(elem) => parts.map(|part| (part, elem)).collect(),
        Inside::Entries(types) => parts.flat_map(|entry| entry.parts().iter().zip(types)).collect(),
        Inside::Members(types) => parts.zip(types).collect(),
    }
}

/// The same, to change them.
pub fn parts_mut<'a>(value: &'a mut Value, ty: &'a Type) -> Vec<TypedMut<'a>> {
    let inside = inside(value, ty);
    let parts = value.parts_mut().iter_mut();
    match inside {
        Inside::Elems(elem) => parts.map(|part| (part, elem)).collect(),
        Inside::Entries(types) => {
            parts.flat_map(|entry| entry.parts_mut().iter_mut().zip(types)).collect()
        }
        Inside::Members(types) => parts.zip(types).collect(),
    }
}

fn inside<'a>(value: &Value, ty: &'a Type) -> Inside<'a> {
    match ty {
        Type::List(elem) | Type::FixedLengthList(elem, _) => Inside::Elems(elem),
        Type::Map(key, value) => Inside::Entries([key, value]),
        Type::Record(fields) => Inside::Members(fields.iter().map(|field| &field.ty).collect()),
        Type::Tuple(types) => Inside::Members(types.iter().collect()),
        Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..) => {
            let case = if let Value::Variant(case, _) = value { Some(*case) } else { None };
            let payload = case.and_then(|case| ty.payload(case)).flatten();
            Inside::Members(payload.into_iter().collect())
        }
        scalar!() | Type::String | Type::Flags(_) | Type::Handle(_) => Inside::Members(Vec::new()),
    }
}
