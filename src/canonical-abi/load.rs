//! Memory to values: the half of lifting that reads a linear memory.
//! Knows nothing of core values and calls no guest code.

use std::ops::Range;

use super::async_value::{lift_error_context, lift_future, lift_stream};
use super::bytes::valid_range;
use super::context::Cx;
use super::core::wrap;
use super::despecialize::Despecialized;
use super::deviations::{self, adapter, values};
use super::handle::{lift_borrow, lift_own};
use super::layout::{Layout, align_to};
use super::memory::{load_bytes, load_int, load_pair, payload_offset};
use super::point::Passage;
use super::string::load_string;
use super::unchecked;
use super::{NanMode, Point, Rule, Stop};
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value, is_nan32, is_nan64};

/// Spec: `MAX_LIST_BYTE_LENGTH`.
pub const MAX_LIST_BYTE_LENGTH: u64 = (1 << 28) - 1;

/// Spec: `load`.
pub fn load(cx: &mut Cx, ptr: u64, layout: &Layout) -> Result<Value, Stop> {
    begin_load(cx, ptr, layout)?;
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
        Despecialized::ErrorContext => {
            let i = u32::from_le_bytes(load_bytes(cx, ptr));
            Value::Handle(lift_error_context(cx, i)?)
        }
        Despecialized::Stream(elem) => {
            let i = u32::from_le_bytes(load_bytes(cx, ptr));
            Value::Handle(lift_stream(cx, i, elem.as_deref())?)
        }
        Despecialized::Future(elem) => {
            let i = u32::from_le_bytes(load_bytes(cx, ptr));
            Value::Handle(lift_future(cx, i, elem.as_deref())?)
        }
    })
}

/// What is looked at before any value is loaded.
fn begin_load(cx: &mut Cx, ptr: u64, layout: &Layout) -> Result<(), Stop> {
    cx.lift(1)?;
    adapter::check_members(cx, &layout.shape)?;
    cx.check_part(ptr, layout, layout.own_size())?;
    cx.reach(Point::value(Passage::Load, &layout.shape));
    Ok(())
}

fn load_bool(cx: &mut Cx, ptr: u64) -> Value {
    let byte = wrap(load_int(cx, ptr, 1));
    if deviations::memory::bool_is_low_bit(cx, byte) {
        return Value::Bool(false);
    }
    lift_bool(cx, byte)
}

/// A bool; only by a deviation a number.
pub(super) fn lift_bool(cx: &mut Cx, int: u32) -> Value {
    if int > 1 {
        cx.reach(Rule::BoolAboveOne);
    }
    values::raw_bool(cx, int).unwrap_or_else(|| Value::Bool(convert_int_to_bool(int)))
}

/// Spec: `convert_int_to_bool`.
fn convert_int_to_bool(int: u32) -> bool {
    int != 0
}

fn load_char(cx: &mut Cx, ptr: u64) -> Result<Value, Stop> {
    let code_point = wrap(load_int(cx, ptr, 4));
    lift_char(cx, code_point)
}

/// A char; only by a deviation a number that is none.
pub(super) fn lift_char(cx: &mut Cx, code_point: u32) -> Result<Value, Stop> {
    if let Some(raw) = values::raw_char(cx, code_point)? {
        return Ok(raw);
    }
    let char = convert_i32_to_char(cx, code_point)?;
    let below = char < '\u{e000}';
    cx.reach(if below { Rule::CharBelowSurrogates } else { Rule::CharAboveSurrogates });
    Ok(Value::Char(char))
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
    if !is_nan32(bits) {
        return bits;
    }
    cx.reach(Rule::LiftNan32);
    match cx.guest.nan_mode() {
        NanMode::Canonicalize => CANONICAL_FLOAT32_NAN,
        // Differs from the spec, for lowering may choose the same bits again.
        NanMode::Preserve => bits,
    }
}

/// Spec: `canonicalize_nan64`.
pub(super) fn canonicalize_nan64(cx: &mut Cx, bits: u64) -> u64 {
    if !is_nan64(bits) {
        return bits;
    }
    cx.reach(Rule::LiftNan64);
    match cx.guest.nan_mode() {
        NanMode::Canonicalize => CANONICAL_FLOAT64_NAN,
        NanMode::Preserve => bits,
    }
}

/// Spec: `convert_i32_to_char`.
fn convert_i32_to_char(cx: &mut Cx, code_point: u32) -> Result<char, Stop> {
    cx.trap_if(Rule::CodePointTooLarge, code_point >= 0x11_0000)?;
    cx.trap_if(Rule::Surrogate, (0xd800..=0xdfff).contains(&code_point))?;
    Ok(unchecked::char(code_point))
}

/// Spec: `load_list`.
fn load_list(cx: &mut Cx, ptr: u64, elem: &Layout) -> Result<Value, Stop> {
    let (begin, length) = load_pair(cx, ptr);
    load_list_from_range(cx, begin, length, elem)
}

/// Spec: `load_list_from_range`.
pub fn load_list_from_range(
    cx: &mut Cx,
    ptr: u64,
    length: u64,
    elem: &Layout,
) -> Result<Value, Stop> {
    let byte_length = length.saturating_mul(elem.elem_size);
    cx.trap_if(Rule::ListTooLong, byte_length > MAX_LIST_BYTE_LENGTH)?;
    let checked = deviations::memory::list_pointer(cx, ptr, length, elem)?;
    cx.trap_if(Rule::ListMisaligned, !checked.is_multiple_of(elem.alignment))?;
    cx.trap_if(Rule::ListOutOfBounds, cx.out_of_bounds(checked, byte_length))?;
    load_list_from_valid_range(cx, ptr, length, elem)
}

fn reach_loaded(cx: &mut Cx, length: u64) {
    cx.reach_pointer(Rule::LoadWidePointer);
    if length == 0 {
        cx.reach(Rule::ListLoadedEmpty);
    }
}

/// How many bytes of a list take as much as one element of another.
const BYTES_OF_AN_ELEMENT: u64 = 32;

/// Spec: `load_list_from_valid_range`.
fn load_list_from_valid_range(
    cx: &mut Cx,
    ptr: u64,
    length: u64,
    elem: &Layout,
) -> Result<Value, Stop> {
    reach_loaded(cx, length);
    if let Some(range) = range_of_bytes(cx, Passage::Load, ptr, length, elem) {
        cx.lift(length.div_ceil(BYTES_OF_AN_ELEMENT))?;
        return Ok(Value::Bytes(cx.guest.memory()[range].to_vec()));
    }
    load_elems(cx, ptr, length, elem).map(Value::List)
}

/// Spec: `load_list_from_valid_range`, one element after the other.
fn load_elems(cx: &mut Cx, ptr: u64, length: u64, elem: &Layout) -> Result<Vec<Value>, Stop> {
    (0..length).map(|i| load(cx, ptr + i * elem.elem_size, elem)).collect()
}

/// Where a list lies whose elements are bytes: all at once is only faster. Nothing where they are no bytes, or
/// by a deviation not all in memory.
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
        cx.reach(Point::value(passage, &elem.shape));
    }
    Some(valid_range(ptr, length))
}

/// Spec: `load_record`.
pub(super) fn load_record(
    cx: &mut Cx,
    mut ptr: u64,
    fields: &[Layout],
) -> Result<Vec<Value>, Stop> {
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        ptr = align_to(ptr, field.alignment);
        values.push(load(cx, ptr, field)?);
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
) -> Result<Value, Stop> {
    let (case_index, case) = load_case(cx, ptr, layout, cases)?;
    cx.reach(if case.is_some() { Rule::LoadPayload } else { Rule::LoadNoPayload });
    let Some(case) = case else { return Ok(Value::Variant(case_index, None)) };
    let ptr = ptr + payload_offset(cx, layout, case);
    Ok(Value::case(case_index, load(cx, ptr, case)?))
}

/// Spec: `load_variant`, its discriminant.
pub(super) fn load_case<'a>(
    cx: &mut Cx,
    ptr: u64,
    layout: &Layout,
    cases: &'a [Option<Layout>],
) -> Result<(u32, Option<&'a Layout>), Stop> {
    let nbytes = cx.discriminant_size(cases.len());
    cx.access(ptr, nbytes)?;
    let case_index = wrap(load_int(cx, ptr, nbytes));
    let widths = [Rule::LoadDiscriminant1, Rule::LoadDiscriminant2, Rule::LoadDiscriminant4];
    cx.reach_width(nbytes, widths);
    find_case(cx, Rule::LoadNoCase, cases, layout.is_enum, case_index)
}

/// Spec: `load_variant` and `lift_flat_variant`, where they look for the case. The type of its payload.
pub(super) fn find_case<'a, T>(
    cx: &mut Cx,
    rule: Rule,
    cases: &'a [Option<T>],
    is_enum: bool,
    case_index: u32,
) -> Result<(u32, Option<&'a T>), Stop> {
    let index = usize::try_from(case_index).expect("no memory is larger than a usize");
    if values::passes_beyond(cx, cases.len(), is_enum, index) {
        return Ok((case_index, None));
    }
    cx.trap_if(rule, index >= cases.len())?;
    let index = unchecked::case(cases, index);
    let case_index = u32::try_from(index).expect("it is no larger than it was");
    Ok((case_index, cases[index].as_ref()))
}

/// Spec: `load_flags`.
fn load_flags(cx: &mut Cx, ptr: u64, layout: &Layout, count: usize) -> Result<u32, Stop> {
    let int = wrap(load_int(cx, ptr, layout.elem_size));
    let flags = lift_flags(cx, int, count)?;
    Ok(reach_flags(cx, layout.elem_size, int, flags))
}

/// Notes how wide flags are. What they are, if bits beyond their labels are kept.
fn reach_flags(cx: &mut Cx, nbytes: u64, int: u32, flags: u32) -> u32 {
    let widths = [Rule::LoadFlags1, Rule::LoadFlags2, Rule::LoadFlags4];
    cx.reach_width(nbytes, widths);
    deviations::memory::flags_kept(cx, int, flags)
}

/// The flags in an integer of the guest's, which may have more bits set than there are labels.
pub(super) fn lift_flags(cx: &mut Cx, int: u32, count: usize) -> Result<u32, Stop> {
    let flags = unpack_flags_from_int(int, count);
    if int != flags {
        cx.reach(Rule::FlagsBeyondLabels);
    }
    values::flags_beyond(cx, int, flags)
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
    use crate::types::{Label, Type};
    use crate::{Deviation, Deviations, LiftLowerOptions, PtrType, Recorder, StringEncoding, Trap};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    #[track_caller]
    fn check(ty: Type, memory: &[u8], expected: Result<Value, Stop>) {
        let mut guest = ByteGuest::new(memory.to_vec(), 0);
        let mut cx = Cx { opts: OPTS, peer: None, guest: &mut guest };
        assert_eq!(load(&mut cx, 0, &Layout::of(&ty, OPTS.ptr_type)), expected);
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
        check(Type::Char, &[0x41, 0, 0, 1], Err(Trap::InvalidChar.into()));
        check(Type::Char, &[0, 0xd8, 0, 0], Err(Trap::InvalidChar.into()));
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
        check(option, &[2, 0, 0, 0], Err(Trap::InvalidDiscriminant.into()));
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
        check(list(Type::U16), &[10, 0, 0, 0, 0, 0, 0, 0], Err(Trap::ListOutOfBounds.into()));
        check(list(Type::U16), &[7, 0, 0, 0, 0, 0, 0, 0], Err(Trap::UnalignedPointer.into()));
    }

    #[test]
    fn the_length_of_a_list_is_checked_before_its_pointer() {
        check(list(Type::U64), &[1, 0, 0, 0, 0, 0, 0, 2], Err(Trap::ListTooLong.into()));
    }

    #[test]
    fn the_deviation_in_the_order_of_checks_is_noted_only_where_it_matters() {
        let deviations = Deviations::from_iter([Deviation::ListBoundsBeforeAlignment]);
        let mut guest = ByteGuest::watched(vec![0; 16], 0, Recorder::deviating(deviations));
        let elem = Layout::of(&Type::U16, PtrType::I32);
        let mut load = |ptr, length| {
            let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
            let stop = load_list_from_range(cx, ptr, length, &elem).unwrap_err();
            (stop.trap().unwrap(), guest.watch.taken.is_empty())
        };
        assert_eq!(load(1, 1), (Trap::UnalignedPointer, true));
        assert_eq!(load(2, 9), (Trap::ListOutOfBounds, true));
        assert_eq!(load(1, 9), (Trap::ListOutOfBounds, false));
    }

    #[test]
    fn a_wider_discriminant_may_end_beyond_a_memory_that_nobody_checked() {
        let deviation = Deviation::DiscriminantGrowsEarly;
        let mut guest =
            ByteGuest::watched(vec![0], 0, Recorder::deviating([deviation].into_iter().collect()));
        let variant = Type::Enum(vec![Label::default(); 0x100]);
        let cx = &mut Cx { opts: OPTS, peer: Some(OPTS), guest: &mut guest };
        let outside = Err(Trap::MemoryOutOfBounds.into());
        assert_eq!(load(cx, 0, &Layout::of(&variant, OPTS.ptr_type)), outside);
    }
}
