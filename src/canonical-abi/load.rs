//! Memory to values: the half of lifting that reads a linear memory.
//! Knows nothing of core values and calls no guest code.

use std::ops::Range;

use super::core::wrap;
use super::despecialize::Despecialized;
use super::handle::{lift_borrow, lift_own};
use super::layout::{Layout, align_to, discriminant_size, never};
use super::point::Passage;
use super::string::load_string;
use super::{Cx, Deviation, NanMode, Rule, Trap, trap_if};
use crate::types::Type;
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value, is_nan32, is_nan64};

/// Spec: `MAX_LIST_BYTE_LENGTH`.
pub const MAX_LIST_BYTE_LENGTH: u64 = (1 << 28) - 1;

/// Spec: `load`.
pub fn load(cx: &mut Cx, ptr: u64, ty: &Type) -> Result<Value, Trap> {
    let layout = cx.layout(ty);
    load_shape(cx, ptr, &layout)
}

/// Spec: `load`.
pub fn load_shape(cx: &mut Cx, ptr: u64, layout: &Layout) -> Result<Value, Trap> {
    cx.guest.notes().lift(1)?;
    cx.check_members(&layout.shape)?;
    cx.check_part(ptr, layout, layout.own_size())?;
    cx.reach_value(Passage::Load, &layout.shape);
    Ok(match &layout.shape {
        Despecialized::Bool => load_bool(cx, ptr),
        Despecialized::S8 => Value::S8(i8::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::U8 => Value::U8(u8::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::S16 => Value::S16(i16::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::U16 => Value::U16(u16::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::S32 => Value::S32(i32::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::U32 => Value::U32(u32::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::S64 => Value::S64(i64::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::U64 => Value::U64(u64::from_le_bytes(load_bytes(cx, ptr))),
        Despecialized::F32 => Value::F32(load_float32(cx, ptr)),
        Despecialized::F64 => Value::F64(load_float64(cx, ptr)),
        Despecialized::Char => load_char(cx, ptr)?,
        Despecialized::String => Value::String(load_string(cx, ptr)?),
        Despecialized::List(elem) => load_list(cx, ptr, elem)?,
        Despecialized::FixedLengthList(elem, length) => {
            Value::List(load_elems(cx, ptr, u64::from(*length), elem)?)
        }
        Despecialized::Record(fields) => Value::Record(load_record(cx, ptr, fields)?),
        Despecialized::Variant(cases) => load_variant(cx, ptr, layout, cases)?,
        Despecialized::Flags(count) => Value::Flags(load_flags(cx, ptr, layout, *count)?),
        Despecialized::Own(resource) => {
            let i = u32::from_le_bytes(load_bytes(cx, ptr));
            Value::Handle(lift_own(cx, i, *resource)?)
        }
        Despecialized::Borrow(resource) => {
            let i = u32::from_le_bytes(load_bytes(cx, ptr));
            Value::Handle(lift_borrow(cx, i, *resource)?)
        }
        Despecialized::Async => unreachable!("components with async values are refused"),
    })
}

/// Spec: `load_int`.
pub(super) fn load_int(cx: &Cx, ptr: u64, nbytes: u64) -> u64 {
    let bytes = &cx.guest.memory()[valid_range(ptr, nbytes)];
    bytes.iter().rev().fold(0, |int, byte| (int << 8) | u64::from(*byte))
}

/// Spec: `load_int`.
fn load_bytes<const NBYTES: usize>(cx: &Cx, ptr: u64) -> [u8; NBYTES] {
    let start = valid_range(ptr, 0).start;
    *cx.guest.memory()[start..].first_chunk().expect("the caller checked the range")
}

/// The pair that a string or list is in memory: where it begins and how long it is.
pub(super) fn load_pair(cx: &Cx, ptr: u64) -> (u64, u64) {
    let ptr_size = cx.opts.ptr_type.size();
    (load_int(cx, ptr, ptr_size), load_int(cx, ptr + ptr_size, ptr_size))
}

/// A range of the memory as an index.
pub(super) fn valid_range(ptr: u64, byte_length: u64) -> Range<usize> {
    let index = |offset| usize::try_from(offset).expect("the caller checked the range");
    index(ptr)..index(ptr + byte_length)
}

fn load_bool(cx: &mut Cx, ptr: u64) -> Value {
    let byte = wrap(load_int(cx, ptr, 1));
    if byte > 1 && byte & 1 == 0 && cx.deviates(Deviation::BoolInMemoryIsItsLowBit) {
        return Value::Bool(false);
    }
    lift_bool(cx, byte)
}

/// Spec: `convert_int_to_bool`.
pub(super) fn lift_bool(cx: &mut Cx, int: u32) -> Value {
    if int > 1 {
        cx.reach(Rule::BoolAboveOne);
    }
    if int > 1 && cx.deviates_fused(Deviation::FusedBoolRaw) {
        return Value::U32(int);
    }
    Value::Bool(int != 0)
}

fn load_char(cx: &mut Cx, ptr: u64) -> Result<Value, Trap> {
    let code_point = wrap(load_int(cx, ptr, 4));
    lift_char(cx, code_point)
}

/// A char; only by a slip a number that is none.
pub(super) fn lift_char(cx: &mut Cx, code_point: u32) -> Result<Value, Trap> {
    let converted = convert_i32_to_char(cx, code_point);
    if converted.is_err() && cx.deviates_fused(Deviation::FusedCharUnchecked) {
        return Ok(Value::U32(code_point));
    }
    converted.map(Value::Char)
}

fn load_float32(cx: &mut Cx, ptr: u64) -> u32 {
    let bits = u32::from_le_bytes(load_bytes(cx, ptr));
    canonicalize_nan32(cx, bits)
}

fn load_float64(cx: &mut Cx, ptr: u64) -> u64 {
    let bits = u64::from_le_bytes(load_bytes(cx, ptr));
    canonicalize_nan64(cx, bits)
}

/// Spec: `canonicalize_nan32`.
pub(super) fn canonicalize_nan32(cx: &mut Cx, bits: u32) -> u32 {
    // Differs from the spec: `NanMode::Preserve`, for lowering may choose the same bits again.
    if is_nan32(bits) {
        cx.reach(Rule::LiftNan32);
    }
    match cx.guest.notes().nan_mode {
        NanMode::Canonicalize if is_nan32(bits) => CANONICAL_FLOAT32_NAN,
        NanMode::Canonicalize | NanMode::Preserve => bits,
    }
}

/// Spec: `canonicalize_nan64`.
pub(super) fn canonicalize_nan64(cx: &mut Cx, bits: u64) -> u64 {
    if is_nan64(bits) {
        cx.reach(Rule::LiftNan64);
    }
    match cx.guest.notes().nan_mode {
        NanMode::Canonicalize if is_nan64(bits) => CANONICAL_FLOAT64_NAN,
        NanMode::Canonicalize | NanMode::Preserve => bits,
    }
}

/// Spec: `convert_i32_to_char`.
fn convert_i32_to_char(cx: &mut Cx, code_point: u32) -> Result<char, Trap> {
    cx.reach(match code_point {
        0..=0xd7ff => Rule::CharBelowSurrogates,
        0xd800..=0xdfff => Rule::Surrogate,
        0xe000..=0x10_ffff => Rule::CharAboveSurrogates,
        0x11_0000.. => Rule::CodePointTooLarge,
    });
    match code_point {
        0x10_ffff if cx.deviates(Deviation::LastCodePointRefused) => Err(Trap::InvalidChar),
        0xd800..=0xdfff if cx.deviates(Deviation::SurrogateReplaced) => {
            Ok(char::REPLACEMENT_CHARACTER)
        }
        _ => char::from_u32(code_point).ok_or(Trap::InvalidChar),
    }
}

/// Spec: `load_list`.
fn load_list(cx: &mut Cx, ptr: u64, elem: &Layout) -> Result<Value, Trap> {
    let (begin, length) = load_pair(cx, ptr);
    load_list_from_range(cx, begin, length, elem)
}

/// Spec: `load_list_from_range`.
pub fn load_list_from_range(
    cx: &mut Cx,
    ptr: u64,
    length: u64,
    elem: &Layout,
) -> Result<Value, Trap> {
    let byte_length = length.saturating_mul(elem.elem_size);
    cx.trap_if(byte_length > MAX_LIST_BYTE_LENGTH, Rule::ListTooLong, Trap::ListTooLong)?;
    let misaligned = !ptr.is_multiple_of(list_alignment(cx, elem));
    let out_of_bounds = cx.out_of_bounds(ptr, byte_length) || forbidden_end(cx, ptr, byte_length);
    if length == 0 && (misaligned || out_of_bounds) && cx.deviates(Deviation::EmptyListUnchecked) {
        return Ok(Value::List(Vec::new()));
    }
    let by_host = misaligned && out_of_bounds && cx.peer.is_none();
    if by_host && cx.deviates(Deviation::ListBoundsBeforeAlignment) {
        return Err(Trap::ListOutOfBounds);
    }
    cx.trap_if(misaligned, Rule::ListMisaligned, Trap::UnalignedPointer)?;
    cx.trap_if(out_of_bounds, Rule::ListOutOfBounds, Trap::ListOutOfBounds)?;
    cx.reach_pointer(Rule::LoadWidePointer);
    if length == 0 {
        cx.reach(Rule::ListLoadedEmpty);
    }
    load_list_from_valid_range(cx, ptr, length, elem)
}

fn list_alignment(cx: &mut Cx, elem: &Layout) -> u64 {
    if elem.elem_size > elem.alignment && cx.deviates(Deviation::ListAlignedToElementSize) {
        return elem.elem_size;
    }
    elem.alignment
}

fn forbidden_end(cx: &mut Cx, ptr: u64, byte_length: u64) -> bool {
    cx.out_of_bounds(ptr, byte_length + 1) && cx.deviates(Deviation::ListMayNotEndWithMemory)
}

/// How many bytes of a list take as much as one element of another.
const BYTES_OF_AN_ELEMENT: u64 = 32;

/// Spec: `load_list_from_valid_range`.
fn load_list_from_valid_range(
    cx: &mut Cx,
    ptr: u64,
    length: u64,
    elem: &Layout,
) -> Result<Value, Trap> {
    if let Some(range) = range_of_bytes(cx, Passage::Load, ptr, length, elem) {
        cx.guest.notes().lift(length.div_ceil(BYTES_OF_AN_ELEMENT))?;
        return Ok(Value::Bytes(cx.guest.memory()[range].to_vec()));
    }
    load_elems(cx, ptr, length, elem).map(Value::List)
}

/// Spec: `load_list_from_valid_range`, one element after the other.
fn load_elems(cx: &mut Cx, ptr: u64, length: u64, elem: &Layout) -> Result<Vec<Value>, Trap> {
    (0..length).map(|i| load_shape(cx, ptr + i * elem.elem_size, elem)).collect()
}

/// Where a list lies whose elements are bytes: all at once is only faster. Nothing where they are no bytes, or
/// by a slip not all in memory.
pub(super) fn range_of_bytes(
    cx: &mut Cx,
    passage: Passage,
    ptr: u64,
    length: u64,
    elem: &Layout,
) -> Option<Range<usize>> {
    if elem.shape != Despecialized::U8 || cx.out_of_bounds(ptr, length) {
        return None;
    }
    if length > 0 {
        cx.reach_value(passage, &elem.shape);
    }
    Some(valid_range(ptr, length))
}

/// Spec: `load_record`.
pub(super) fn load_record(
    cx: &mut Cx,
    mut ptr: u64,
    fields: &[Layout],
) -> Result<Vec<Value>, Trap> {
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        ptr = align_to(ptr, field.alignment);
        values.push(load_shape(cx, ptr, field)?);
        ptr += field.elem_size;
    }
    Ok(values)
}

/// Spec: `load_variant`.
fn load_variant(
    cx: &mut Cx,
    ptr: u64,
    layout: &Layout,
    cases: &[Option<Layout>],
) -> Result<Value, Trap> {
    let case_index = load_case_index(cx, ptr, cases.len());
    let payload = payload_of(cx, cases, layout.is_enum, case_index);
    let Some(case) = payload.inspect_err(|_| cx.reach(Rule::LoadNoCase))? else {
        cx.reach(Rule::LoadNoPayload);
        return Ok(Value::Variant(case_index, None));
    };
    cx.reach(Rule::LoadPayload);
    let ptr = ptr + payload_offset(cx, layout, case);
    Ok(Value::case(case_index, load_shape(cx, ptr, case)?))
}

/// Spec: `load_variant`, its discriminant.
pub(super) fn load_case_index(cx: &mut Cx, ptr: u64, cases: usize) -> u32 {
    let nbytes = discriminant_size(cases, &mut |slip| cx.deviates(slip));
    let widths = [Rule::LoadDiscriminant1, Rule::LoadDiscriminant2, Rule::LoadDiscriminant4];
    cx.reach_width(nbytes, widths);
    let case_index = wrap(load_int(cx, ptr, nbytes));
    let last = u32::try_from(cases).expect("so many are refused by validation") - 1;
    if case_index > last && cx.deviates(Deviation::DiscriminantInMemoryUnchecked) {
        return last;
    }
    case_index
}

/// Where in a variant of this layout the payload of one of its cases lies.
pub(super) fn payload_offset(cx: &mut Cx, variant: &Layout, case: &Layout) -> u64 {
    let offset = variant.payload_offset();
    if case.alignment < offset && cx.deviates(Deviation::PayloadAtItsOwnAlignment) {
        let Despecialized::Variant(cases) = &variant.shape else { unreachable!("it has cases") };
        return align_to(discriminant_size(cases.len(), &mut never), case.alignment);
    }
    offset
}

/// The case that a discriminant, which may be the guest's, stands for.
pub(super) fn case_at<T>(cases: &[T], case_index: u32) -> Result<&T, Trap> {
    let index = usize::try_from(case_index).expect("no memory is larger than a usize");
    cases.get(index).ok_or(Trap::InvalidDiscriminant)
}

/// The type of a case's payload.
pub(super) fn payload_of<'a, T>(
    cx: &mut Cx,
    cases: &'a [Option<T>],
    is_enum: bool,
    case_index: u32,
) -> Result<Option<&'a T>, Trap> {
    let beyond = usize::try_from(case_index) == Ok(cases.len());
    if beyond && is_enum && cx.deviates_fused(Deviation::EnumOneBeyondPasses) {
        return Ok(None);
    }
    case_at(cases, case_index).map(Option::as_ref)
}

/// Spec: `load_flags`.
fn load_flags(cx: &mut Cx, ptr: u64, layout: &Layout, count: usize) -> Result<u32, Trap> {
    let widths = [Rule::LoadFlags1, Rule::LoadFlags2, Rule::LoadFlags4];
    cx.reach_width(layout.elem_size, widths);
    let int = wrap(load_int(cx, ptr, layout.elem_size));
    let flags = lift_flags(cx, int, count)?;
    let kept = int != flags && cx.deviates(Deviation::FlagsInMemoryKeepUpperBits);
    Ok(if kept { int } else { flags })
}

/// The flags in an integer of the guest's, which may have more bits set than there are labels.
pub(super) fn lift_flags(cx: &mut Cx, int: u32, count: usize) -> Result<u32, Trap> {
    let flags = unpack_flags_from_int(int, count);
    if int != flags {
        cx.reach(Rule::FlagsBeyondLabels);
    }
    let notes = cx.guest.notes();
    let named = int != flags && !notes.static_lifts.contains(&notes.course.stage);
    let by_name = cx.peer.is_none() && named;
    trap_if(by_name && cx.deviates(Deviation::FlagsBeyondLabelsCrash), Trap::Crash)?;
    let kept = int != flags && cx.deviates_fused(Deviation::FusedFlagsUnmasked);
    Ok(if kept { int } else { flags })
}

/// Spec: `unpack_flags_from_int`.
pub(super) fn unpack_flags_from_int(int: u32, count: usize) -> u32 {
    let beyond = u32::MAX.checked_shl(u32::try_from(count).expect("at most 32")).unwrap_or(0);
    int & !beyond
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::Label;
    use crate::{LiftLowerOptions, PtrType, StringEncoding};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    #[track_caller]
    fn check(ty: Type, memory: &[u8], expected: Result<Value, Trap>) {
        let mut guest = ByteGuest::new(memory.to_vec(), 0);
        assert_eq!(load(&mut Cx { opts: OPTS, peer: None, guest: &mut guest }, 0, &ty), expected);
    }

    fn list(elem: Type) -> Type {
        Type::List(Box::new(elem))
    }

    #[test]
    fn any_byte_but_zero_is_true() {
        check(Type::Bool, &[0], Ok(Value::Bool(false)));
        check(Type::Bool, &[0x80], Ok(Value::Bool(true)));
    }

    #[test]
    fn integers_are_little_endian() {
        check(Type::S16, &[0xfe, 0xff], Ok(Value::S16(-2)));
        check(Type::U32, &[1, 2, 3, 4], Ok(Value::U32(0x0403_0201)));
    }

    #[test]
    fn a_char_is_tested_in_all_32_bits() {
        check(Type::Char, &[0x41, 0, 0, 1], Err(Trap::InvalidChar));
        check(Type::Char, &[0, 0xd8, 0, 0], Err(Trap::InvalidChar));
        check(Type::Char, &[0xff, 0xff, 0x10, 0], Ok(Value::Char('\u{10ffff}')));
    }

    #[test]
    fn bits_beyond_the_flags_are_ignored() {
        check(Type::Flags(vec![Label::default(); 3]), &[0xff], Ok(Value::Flags(7)));
    }

    #[test]
    fn a_discriminant_beyond_the_cases_traps() {
        let option = Type::Option(Box::new(Type::U16));
        check(option.clone(), &[1, 0xaa, 5, 0], Ok(Value::case(1, Value::U16(5))));
        check(option, &[2, 0, 0, 0], Err(Trap::InvalidDiscriminant));
    }

    #[test]
    fn bytes_are_lifted_all_at_once() {
        let memory = [8, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0xff];
        check(list(Type::U8), &memory, Ok(Value::Bytes(vec![7, 0, 0xff])));
        let fixed = Type::FixedLengthList(Box::new(Type::U8), 2);
        check(fixed, &memory, Ok(Value::List(vec![Value::U8(8), Value::U8(0)])));
    }

    #[test]
    fn a_map_keeps_equal_keys() {
        let entry = |value| Value::Record(vec![Value::U8(7), Value::U8(value)]);
        let map = Type::Map(Box::new(Type::U8), Box::new(Type::U8));
        let memory = [8, 0, 0, 0, 2, 0, 0, 0, 7, 1, 7, 2];
        check(map, &memory, Ok(Value::List(vec![entry(1), entry(2)])));
    }

    #[test]
    fn an_empty_list_is_checked_too() {
        check(list(Type::U16), &[8, 0, 0, 0, 0, 0, 0, 0], Ok(Value::List(vec![])));
        check(list(Type::U16), &[10, 0, 0, 0, 0, 0, 0, 0], Err(Trap::ListOutOfBounds));
        check(list(Type::U16), &[7, 0, 0, 0, 0, 0, 0, 0], Err(Trap::UnalignedPointer));
    }

    #[test]
    fn the_length_of_a_list_is_checked_before_its_pointer() {
        check(list(Type::U64), &[1, 0, 0, 0, 0, 0, 0, 2], Err(Trap::ListTooLong));
    }

    #[test]
    fn the_slip_in_the_order_of_checks_is_noted_only_where_it_matters() {
        let mut guest = ByteGuest::new(vec![0; 16], 0);
        guest.notes.deviations.insert(Deviation::ListBoundsBeforeAlignment);
        let elem = Layout::of(&Type::U16, PtrType::I32);
        let mut load = |ptr, length| {
            let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
            let trap = load_list_from_range(cx, ptr, length, &elem).unwrap_err();
            (trap, guest.notes.taken.is_empty())
        };
        assert_eq!(load(1, 1), (Trap::UnalignedPointer, true));
        assert_eq!(load(2, 9), (Trap::ListOutOfBounds, true));
        assert_eq!(load(1, 9), (Trap::ListOutOfBounds, false));
    }
}
