//! Values of a type.
//! Knows which numbers, code points and lengths are edges; no guest.

use arbitrary::{Result, Unstructured};

use super::draw::{chance, integer, low8, low16, pick, weighted};
use super::strings::{code_point, text};
use super::weights::{self, Habits};
use crate::abi::wrap;
use crate::types::Type;
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value, is_nan32, is_nan64};

const FLOATS32: [u32; 12] = [
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbf80_0000,
    CANONICAL_FLOAT32_NAN,
    0x7f80_0000,
    0xff80_0000,
    0x0000_0001,
    0x807f_ffff,
    0x0080_0000,
    0x7f7f_ffff,
    0x4b80_0001,
];

const FLOATS64: [u64; 12] = [
    0,
    0x8000_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000,
    CANONICAL_FLOAT64_NAN,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x0000_0000_0000_0001,
    0x800f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x4340_0000_0000_0001,
];

/// What values may still cost.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub nodes: u32,
    pub bytes: usize,
    pub habits: &'static Habits,
}

impl Room {
    /// For one value.
    pub fn draw(u: &mut Unstructured, habits: &'static Habits) -> Result<Room> {
        if chance(u, habits.large_value)? {
            return Ok(Room { nodes: weights::LARGE_VALUE_NODES, bytes: 4000, habits });
        }
        Ok(Room { nodes: weights::SMALL_VALUE_NODES, bytes: habits.small_bytes, habits })
    }
}

/// One value of each type.
pub fn values(u: &mut Unstructured, types: &[Type], room: &mut Room) -> Result<Vec<Value>> {
    types.iter().map(|ty| value(u, ty, room)).collect()
}

/// A value by itself.
pub fn fresh(u: &mut Unstructured, ty: &Type) -> Result<Value> {
    let mut room = Room::draw(u, &weights::ALONE)?;
    value(u, ty, &mut room)
}

/// The value of which there is least.
pub fn least(ty: &Type) -> Value {
    let mut room = Room { nodes: 0, bytes: 0, habits: &weights::ALONE };
    value(&mut Unstructured::new(&[]), ty, &mut room).expect("no choice is empty")
}

pub fn value(u: &mut Unstructured, ty: &Type, room: &mut Room) -> Result<Value> {
    room.nodes = room.nodes.saturating_sub(1);
    Ok(match ty {
        Type::Bool => Value::Bool(u.arbitrary()?),
        Type::S8 => Value::S8(low8(integer(u, 8)?).cast_signed()),
        Type::U8 => Value::U8(low8(integer(u, 8)?)),
        Type::S16 => Value::S16(low16(integer(u, 16)?).cast_signed()),
        Type::U16 => Value::U16(low16(integer(u, 16)?)),
        Type::S32 => Value::S32(wrap(integer(u, 32)?).cast_signed()),
        Type::U32 => Value::U32(wrap(integer(u, 32)?)),
        Type::S64 => Value::S64(integer(u, 64)?.cast_signed()),
        Type::U64 => Value::U64(integer(u, 64)?),
        Type::F32 => Value::F32(float32(u)?),
        Type::F64 => Value::F64(float64(u)?),
        Type::Char => Value::Char(code_point(u)?),
        Type::String => string(u, room)?,
        Type::List(elem) => list(u, elem, room)?,
        Type::FixedLengthList(elem, length) => fixed_length_list(u, elem, *length, room)?,
        Type::Record(fields) => record(u, fields.iter().map(|field| &field.ty), room)?,
        Type::Tuple(types) => record(u, types, room)?,
        Type::Variant(cases) => case(u, ty, cases.len(), room)?,
        Type::Enum(labels) => case(u, ty, labels.len(), room)?,
        Type::Option(_) | Type::Result(..) => case(u, ty, 2, room)?,
        Type::Flags(labels) => flags(u, labels.len())?,
        Type::Map(key, value) => map(u, key, value, room)?,
        // Which handle it is depends on what happened before: `Handles` says it.
        Type::Handle(_) => Value::Handle(u.int_in_range(1..=4)?),
    })
}

fn float32(u: &mut Unstructured) -> Result<u32> {
    let bits = if u.ratio(1, 4)? { u.arbitrary()? } else { pick(u, &FLOATS32)? };
    Ok(if is_nan32(bits) { CANONICAL_FLOAT32_NAN } else { bits })
}

fn float64(u: &mut Unstructured) -> Result<u64> {
    let bits = if u.ratio(1, 4)? { u.arbitrary()? } else { pick(u, &FLOATS64)? };
    Ok(if is_nan64(bits) { CANONICAL_FLOAT64_NAN } else { bits })
}

fn string(u: &mut Unstructured, room: &mut Room) -> Result<Value> {
    let text = text(u, room.bytes, room.habits)?;
    room.bytes -= text.len();
    Ok(Value::string(text))
}

/// A length for which there is room.
fn length(u: &mut Unstructured, room: &Room) -> Result<usize> {
    let most = usize::try_from(room.nodes).unwrap_or(usize::MAX);
    Ok(weighted(u, weights::LIST_LENGTHS)?.min(most))
}

fn list(u: &mut Unstructured, elem: &Type, room: &mut Room) -> Result<Value> {
    let length = length(u, room)?;
    let mut values = Vec::new();
    for _ in 0..length {
        if room.nodes == 0 {
            break;
        }
        values.push(value(u, elem, room)?);
    }
    Ok(Value::List(values))
}

fn fixed_length_list(
    u: &mut Unstructured,
    elem: &Type,
    length: u32,
    room: &mut Room,
) -> Result<Value> {
    (0..length).map(|_| value(u, elem, room)).collect::<Result<_>>().map(Value::List)
}

fn record<'a>(
    u: &mut Unstructured,
    types: impl IntoIterator<Item = &'a Type>,
    room: &mut Room,
) -> Result<Value> {
    types.into_iter().map(|ty| value(u, ty, room)).collect::<Result<_>>().map(Value::Record)
}

/// One of `count` cases; without room the first that needs none.
fn case(u: &mut Unstructured, ty: &Type, count: usize, room: &mut Room) -> Result<Value> {
    let last = u32::try_from(count - 1).expect("cases are few");
    let index = if room.nodes == 0 {
        (0..=last).find(|index| ty.payload(*index) == Some(None)).unwrap_or(0)
    } else if chance(u, weights::EDGE_CASE)? {
        pick(u, &[last, 0])?
    } else {
        u.int_in_range(0..=last)?
    };
    let payload = ty.payload(index).flatten();
    let payload = payload.map(|ty| value(u, ty, room)).transpose()?;
    Ok(Value::Variant(index, payload.map(Box::new)))
}

fn flags(u: &mut Unstructured, count: usize) -> Result<Value> {
    let count = u32::try_from(count).expect("flags are few");
    Ok(Value::Flags(wrap(integer(u, count)?)))
}

fn map(u: &mut Unstructured, key: &Type, value: &Type, room: &mut Room) -> Result<Value> {
    let mut entries: Vec<Value> = Vec::new();
    for _ in 0..length(u, room)? {
        if room.nodes == 0 {
            break;
        }
        let repeated = if chance(u, weights::REPEATED_KEY)? { entries.last() } else { None };
        let key = match repeated {
            Some(Value::Record(entry)) => entry[0].clone(),
            _ => self::value(u, key, room)?,
        };
        entries.push(Value::Record(vec![key, self::value(u, value, room)?]));
    }
    Ok(Value::List(entries))
}
