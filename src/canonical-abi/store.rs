//! Values to memory: the half of lowering that writes a linear memory.
//! Knows nothing of core values.

use super::async_value::{lower_end, lower_error_context};
use super::context::Cx;
use super::despecialize::Despecialized;
use super::deviations::{memory as deviations, values};
use super::handle::{lower_borrow, lower_own};
use super::layout::{Layout, align_to};
use super::load::{range_of_bytes, unpack_flags_from_int};
use super::memory::{Checked, payload_offset, store_bytes, store_int, store_pair};
use super::point::Passage;
use super::string::store_string;
use super::{Block, NanMode, Place, Point, REALLOC_I32_MAX, Rule, Stop};
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value, is_nan32, is_nan64};

/// What is inside a value whose type is known.
macro_rules! inside {
    ($value:expr, $variant:path) => {{
        let $variant(inside) = $value else {
            panic!("{:?} is no {}", $value, stringify!($variant))
        };
        inside
    }};
}
pub(super) use inside;

/// Spec: `store`.
pub fn store(cx: &mut Cx, value: &Value, layout: &Layout, ptr: u64) -> Result<(), Stop> {
    begin_store(cx, ptr, layout)?;
    match &layout.shape {
        Despecialized::Bool => store_int(cx, u64::from(bool_bits(value)), ptr, 1),
        Despecialized::S8 => store_bytes(cx, &inside!(value, Value::S8).to_le_bytes(), ptr),
        Despecialized::U8 => store_bytes(cx, &inside!(value, Value::U8).to_le_bytes(), ptr),
        Despecialized::S16 => store_bytes(cx, &inside!(value, Value::S16).to_le_bytes(), ptr),
        Despecialized::U16 => store_bytes(cx, &inside!(value, Value::U16).to_le_bytes(), ptr),
        Despecialized::S32 => store_bytes(cx, &inside!(value, Value::S32).to_le_bytes(), ptr),
        Despecialized::U32 => store_bytes(cx, &inside!(value, Value::U32).to_le_bytes(), ptr),
        Despecialized::S64 => store_bytes(cx, &inside!(value, Value::S64).to_le_bytes(), ptr),
        Despecialized::U64 => store_bytes(cx, &inside!(value, Value::U64).to_le_bytes(), ptr),
        Despecialized::F32 => store_float32(cx, *inside!(value, Value::F32), ptr),
        Despecialized::F64 => store_float64(cx, *inside!(value, Value::F64), ptr),
        Despecialized::Char => {
            store_int(cx, u64::from(char_bits(value)), ptr, 4);
        }
        Despecialized::String => store_string(cx, inside!(value, Value::String), ptr)?,
        Despecialized::List(elem) => store_list(cx, Elems::of(value), ptr, elem)?,
        Despecialized::FixedLengthList(elem, length) => {
            let values = inside!(value, Value::List);
            assert_eq!(Ok(*length), u32::try_from(values.len()), "the length is in the type");
            store_list_into_valid_range(cx, Elems::Values(values), ptr, elem)?;
        }
        Despecialized::Record(fields) => {
            store_record(cx, inside!(value, Value::Record), ptr, fields)?;
        }
        Despecialized::Variant(cases) => {
            store_variant(cx, value, ptr, layout, cases)?;
        }
        Despecialized::Flags(count) => {
            store_flags(cx, *inside!(value, Value::Flags), ptr, layout, *count);
        }
        Despecialized::Own(resource) => {
            let i = lower_own(cx, *inside!(value, Value::Handle), *resource)?;
            store_bytes(cx, &i.to_le_bytes(), ptr);
        }
        Despecialized::Borrow(resource) => {
            let i = lower_borrow(cx, *inside!(value, Value::Handle), *resource)?;
            store_bytes(cx, &i.to_le_bytes(), ptr);
        }
        Despecialized::ErrorContext => {
            let i = lower_error_context(cx, *inside!(value, Value::Handle))?;
            store_bytes(cx, &i.to_le_bytes(), ptr);
        }
        Despecialized::Stream(_) | Despecialized::Future(_) => {
            let i = lower_end(cx, *inside!(value, Value::Handle))?;
            store_bytes(cx, &i.to_le_bytes(), ptr);
        }
    }
    Ok(())
}

/// What is looked at before any value is stored.
fn begin_store(cx: &mut Cx, ptr: u64, layout: &Layout) -> Result<(), Stop> {
    cx.check_part(ptr, layout, stored_first(layout))?;
    cx.reach(Point::value(Passage::Store, &layout.shape));
    Ok(())
}

/// How many bytes are written before anything else is done for a value: a string or list is lowered
/// before it is known where it begins.
fn stored_first(layout: &Layout) -> u64 {
    match &layout.shape {
        Despecialized::String | Despecialized::List(_) => 0,
        Despecialized::Bool
        | Despecialized::S8
        | Despecialized::U8
        | Despecialized::S16
        | Despecialized::U16
        | Despecialized::S32
        | Despecialized::U32
        | Despecialized::S64
        | Despecialized::U64
        | Despecialized::F32
        | Despecialized::F64
        | Despecialized::Char
        | Despecialized::FixedLengthList(..)
        | Despecialized::Record(_)
        | Despecialized::Variant(_)
        | Despecialized::Flags(_)
        | Despecialized::Own(_)
        | Despecialized::Borrow(_)
        | Despecialized::ErrorContext
        | Despecialized::Stream(_)
        | Despecialized::Future(_) => layout.own_size(),
    }
}

/// A bool as it is lowered. Only by a deviation it is any number.
pub(super) fn bool_bits(value: &Value) -> u32 {
    if let Value::U32(int) = value {
        return *int;
    }
    u32::from(*inside!(value, Value::Bool))
}

/// A char as it is lowered. Only by a deviation it is a number that is none.
pub(super) fn char_bits(value: &Value) -> u32 {
    if let Value::U32(code_point) = value {
        return *code_point;
    }
    u32::from(*inside!(value, Value::Char))
}

fn store_float32(cx: &mut Cx, bits: u32, ptr: u64) {
    let bits = maybe_scramble_nan32(cx, bits, Place::Memory(ptr));
    store_bytes(cx, &bits.to_le_bytes(), ptr);
}

fn store_float64(cx: &mut Cx, bits: u64, ptr: u64) {
    let bits = maybe_scramble_nan64(cx, bits, Place::Memory(ptr));
    store_bytes(cx, &bits.to_le_bytes(), ptr);
}

/// Spec: `maybe_scramble_nan32`.
pub(super) fn maybe_scramble_nan32(cx: &mut Cx, bits: u32, place: Place) -> u32 {
    if !is_nan32(bits) {
        return bits;
    }
    // Differs from the spec: it draws the bits. We note where, so that any bits will do there.
    match note_nan(cx, Rule::LowerNan32, place, 4) {
        NanMode::Canonicalize => CANONICAL_FLOAT32_NAN,
        NanMode::Preserve => bits,
    }
}

/// Spec: `maybe_scramble_nan64`.
pub(super) fn maybe_scramble_nan64(cx: &mut Cx, bits: u64, place: Place) -> u64 {
    if !is_nan64(bits) {
        return bits;
    }
    match note_nan(cx, Rule::LowerNan64, place, 8) {
        NanMode::Canonicalize => CANONICAL_FLOAT64_NAN,
        NanMode::Preserve => bits,
    }
}

fn note_nan(cx: &mut Cx, rule: Rule, place: Place, width: u32) -> NanMode {
    cx.reach(rule);
    let instance = cx.guest.instance();
    cx.guest.watch().nan(instance, place, width);
    cx.guest.nan_mode()
}

/// What is in a list, one value for each or bytes.
#[derive(Clone, Copy)]
pub enum Elems<'a> {
    Values(&'a [Value]),
    Bytes(&'a [u8]),
}

impl<'a> Elems<'a> {
    /// Of a list.
    pub fn of(value: &'a Value) -> Elems<'a> {
        if let Value::Bytes(bytes) = value {
            return Elems::Bytes(bytes);
        }
        Elems::Values(inside!(value, Value::List))
    }

    fn len(self) -> u64 {
        let length = match self {
            Elems::Values(values) => values.len(),
            Elems::Bytes(bytes) => bytes.len(),
        };
        u64::try_from(length).expect("a length fits in 64 bits")
    }
}

/// Spec: `store_list`.
fn store_list(cx: &mut Cx, elems: Elems, ptr: u64, elem: &Layout) -> Result<(), Stop> {
    let (begin, length) = store_list_into_range(cx, elems, elem)?;
    store_pair(cx, begin, length, ptr)
}

pub(super) const LIST_BLOCK: Checked =
    Checked::stored(Rule::ListBlockMisaligned, Rule::ListBlockOutOfBounds);

/// Spec: `store_list_into_range`. Where the list begins and its length.
pub fn store_list_into_range(cx: &mut Cx, elems: Elems, elem: &Layout) -> Result<(u64, u64), Stop> {
    let length = elems.len();
    let byte_length = length.saturating_mul(elem.elem_size);
    // Differs from the spec: it asserts this. No list of a guest is so long, but a host's may be.
    cx.trap_if(Rule::ListUnallocatable, byte_length > REALLOC_I32_MAX)?;
    let Some(ptr) = allocate_list(cx, length, elem)? else { return Ok((elem.alignment, 0)) };
    cx.check_range(ptr, elem.alignment, byte_length, LIST_BLOCK)?;
    store_list_into_valid_range(cx, elems, ptr, elem)?;
    Ok((ptr, length))
}

/// The block for a list; nothing where none is asked for, as it should be.
fn allocate_list(cx: &mut Cx, length: u64, elem: &Layout) -> Result<Option<u64>, Stop> {
    if length == 0 {
        cx.reach(Rule::ListStoredEmpty);
    }
    if deviations::leaves_unallocated(cx, length) {
        return Ok(None);
    }
    let (alignment, size) = deviations::list_block(cx, length, elem);
    cx.allocate(Block::List, alignment, size).map(Some)
}

/// Spec: `store_list_into_valid_range`.
fn store_list_into_valid_range(
    cx: &mut Cx,
    elems: Elems,
    mut ptr: u64,
    elem: &Layout,
) -> Result<(), Stop> {
    if let Some(range) = range_of_bytes(cx, Passage::Store, ptr, elems.len(), elem) {
        let memory = &mut cx.guest.memory_mut()[range];
        match elems {
            Elems::Bytes(bytes) => memory.copy_from_slice(bytes),
            Elems::Values(values) => {
                for (byte, value) in memory.iter_mut().zip(values) {
                    *byte = *inside!(value, Value::U8);
                }
            }
        }
        return Ok(());
    }
    let mut store_next = |value: &Value| {
        store(cx, value, elem, ptr)?;
        ptr += elem.elem_size;
        Ok(())
    };
    match elems {
        Elems::Bytes(bytes) => bytes.iter().try_for_each(|byte| store_next(&Value::U8(*byte))),
        Elems::Values(values) => values.iter().try_for_each(store_next),
    }
}

/// Spec: `store_record`.
pub(super) fn store_record(
    cx: &mut Cx,
    values: &[Value],
    mut ptr: u64,
    fields: &[Layout],
) -> Result<(), Stop> {
    assert_eq!(values.len(), fields.len(), "the value is of the type");
    for (value, field) in values.iter().zip(fields) {
        let start = align_to(ptr, field.alignment);
        deviations::fill_padding(cx, ptr, start);
        ptr = start;
        store(cx, value, field, ptr)?;
        ptr += field.elem_size;
    }
    Ok(())
}

/// Spec: `store_variant`.
fn store_variant(
    cx: &mut Cx,
    value: &Value,
    ptr: u64,
    layout: &Layout,
    cases: &[Option<Layout>],
) -> Result<(), Stop> {
    let (case_index, payload) = match_case(value, cases);
    store_case_index(cx, case_index, ptr, cases.len())?;
    let Some((value, case)) = payload else {
        store_no_payload(cx, ptr, layout);
        return Ok(());
    };
    cx.reach(Rule::StorePayload);
    let ptr = ptr + payload_offset(cx, layout, case);
    store(cx, value, case, ptr)
}

/// Leaves the place of payloads alone, as it should.
fn store_no_payload(cx: &mut Cx, ptr: u64, layout: &Layout) {
    cx.reach(Rule::StoreNoPayload);
    deviations::fill_absent_payload(cx, ptr, layout);
}

/// Spec: `store_variant`, its discriminant.
fn store_case_index(cx: &mut Cx, case_index: u32, ptr: u64, cases: usize) -> Result<(), Stop> {
    let nbytes = cx.discriminant_size(cases);
    cx.access(ptr, nbytes)?;
    let widths = [Rule::StoreDiscriminant1, Rule::StoreDiscriminant2, Rule::StoreDiscriminant4];
    cx.reach_width(nbytes, widths);
    store_int(cx, u64::from(case_index), ptr, nbytes);
    Ok(())
}

/// Spec: `match_case`. The index of the case, its payload and the payload's type.
pub(super) fn match_case<'a, T>(
    value: &'a Value,
    cases: &'a [Option<T>],
) -> (u32, Option<(&'a Value, &'a T)>) {
    let Value::Variant(case_index, payload) = value else { panic!("{value:?} is no variant") };
    // Only `EnumOneBeyondPasses` has one case more than there are.
    let index = usize::try_from(*case_index).expect("no memory is larger than a usize");
    let case = match index == cases.len() && cases.iter().all(Option::is_none) {
        true => None,
        false => cases[index].as_ref(),
    };
    assert_eq!(case.is_some(), payload.is_some(), "the value is of the type");
    (*case_index, payload.as_deref().zip(case))
}

/// Spec: `store_flags`.
fn store_flags(cx: &mut Cx, flags: u32, ptr: u64, layout: &Layout, count: usize) {
    let widths = [Rule::StoreFlags1, Rule::StoreFlags2, Rule::StoreFlags4];
    cx.reach_width(layout.elem_size, widths);
    let int = pack_flags_into_int(cx, flags, count);
    store_int(cx, u64::from(int), ptr, layout.elem_size);
}

/// Spec: `pack_flags_into_int`.
pub(super) fn pack_flags_into_int(cx: &mut Cx, flags: u32, count: usize) -> u32 {
    let fits = flags == unpack_flags_from_int(flags, count);
    assert!(fits || values::may_have_bits_beyond(cx), "the value is of the type");
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::Type;
    use crate::{LiftLowerOptions, NanLeaf, PtrType, Recorder, StringEncoding, Trap};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    /// The memory after storing to its start; allocations begin at 8.
    #[track_caller]
    fn check(ty: Type, value: &Value, expected: &[u8]) {
        let mut guest = ByteGuest::new(vec![0xaa; expected.len()], 8);
        let mut cx = Cx { opts: OPTS, peer: None, guest: &mut guest };
        store(&mut cx, value, &Layout::of(&ty, OPTS.ptr_type), 0).unwrap();
        assert_eq!(guest.memory, expected);
    }

    #[test]
    fn padding_and_the_rest_of_a_payload_are_left_alone() {
        let option = Type::Option(Box::new(Type::U32));
        check(
            option.clone(),
            &Value::Variant(0, None),
            &[0, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa],
        );
        check(option, &Value::case(1, Value::U32(5)), &[1, 0xaa, 0xaa, 0xaa, 5, 0, 0, 0]);
    }

    #[test]
    fn a_list_is_allocated_before_its_elements() {
        let list = Type::List(Box::new(Type::String));
        let expected = [8, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, b'h', b'i'];
        check(list, &Value::List(vec![Value::string("hi")]), &expected);
    }

    #[test]
    fn bytes_are_stored_like_their_list() {
        let expected = [8, 0, 0, 0, 2, 0, 0, 0, 7, 0xff];
        let values = Value::List(vec![Value::U8(7), Value::U8(0xff)]);
        for value in [Value::Bytes(vec![7, 0xff]), values] {
            check(Type::List(Box::new(Type::U8)), &value, &expected);
        }
    }

    #[test]
    fn a_bad_answer_to_an_empty_allocation_traps() {
        let mut guest = ByteGuest::new(vec![0; 16], 8);
        guest.overrides.extend([(0, 1), (1, 18)]);
        let elem = Layout::of(&Type::U16, PtrType::I32);
        let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
        let mut store = || store_list_into_range(cx, Elems::Values(&[]), &elem);
        assert_eq!(store(), Err(Trap::UnalignedPointer.into()));
        assert_eq!(store(), Err(Trap::ListOutOfBounds.into()));
    }

    #[test]
    fn a_nan_is_noted_and_keeps_its_bits_if_asked_to() {
        for (nan_mode, bits) in
            [(NanMode::Preserve, 0xffc0_0001_u32), (NanMode::Canonicalize, CANONICAL_FLOAT32_NAN)]
        {
            let mut guest = ByteGuest::watched(vec![0; 8], 8, Recorder::default());
            guest.nan_mode = nan_mode;
            let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
            let layout = Layout::of(&Type::F32, OPTS.ptr_type);
            store(cx, &Value::F32(0xffc0_0001), &layout, 4).unwrap();
            assert_eq!(guest.memory[4..], bits.to_le_bytes());
            let nan = NanLeaf { lowering: 0, place: Place::Memory(4), width: 4 };
            assert_eq!(guest.watch.lowered(0).nans, [nan]);
        }
    }
}
