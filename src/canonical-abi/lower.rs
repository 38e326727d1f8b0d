//! Values to core values.
//! Knows nothing of functions.

use super::async_value::{lower_end, lower_error_context};
use super::context::Cx;
use super::despecialize::Despecialized;
use super::deviations::values;
use super::handle::{lower_borrow, lower_own};
use super::layout::Layout;
use super::point::Passage;
use super::spill::place_spilled;
use super::store::{
    Elems, bool_bits, char_bits, inside, match_case, maybe_scramble_nan32, maybe_scramble_nan64,
};
use super::store::{pack_flags_into_int, store_list_into_range, store_record};
use super::string::store_string_into_range;
use super::{Core, CoreType, Place, Point, Rule, Stop};
use crate::value::{Str, Value};

/// Spec: `lower_flat`.
pub fn lower_flat(
    cx: &mut Cx,
    value: &Value,
    layout: &Layout,
    flat: &mut Vec<Core>,
) -> Result<(), Stop> {
    cx.reach(Point::value(Passage::LowerFlat, &layout.shape));
    match &layout.shape {
        Despecialized::Bool => flat.push(Core::I32(bool_bits(value))),
        Despecialized::S8 => flat.push(lower_flat_narrow(cx, *inside!(value, Value::S8), 8)),
        Despecialized::U8 => flat.push(Core::I32(u32::from(*inside!(value, Value::U8)))),
        Despecialized::S16 => flat.push(lower_flat_narrow(cx, *inside!(value, Value::S16), 16)),
        Despecialized::U16 => flat.push(Core::I32(u32::from(*inside!(value, Value::U16)))),
        Despecialized::S32 => flat.push(Core::I32(inside!(value, Value::S32).cast_unsigned())),
        Despecialized::U32 => flat.push(Core::I32(*inside!(value, Value::U32))),
        Despecialized::S64 => flat.push(Core::I64(inside!(value, Value::S64).cast_unsigned())),
        Despecialized::U64 => flat.push(Core::I64(*inside!(value, Value::U64))),
        Despecialized::F32 => lower_flat_float32(cx, *inside!(value, Value::F32), flat),
        Despecialized::F64 => lower_flat_float64(cx, *inside!(value, Value::F64), flat),
        Despecialized::Char => flat.push(Core::I32(char_bits(value))),
        Despecialized::String => lower_flat_string(cx, inside!(value, Value::String), flat)?,
        Despecialized::List(elem) => {
            lower_flat_list(cx, Elems::of(value), elem, flat)?;
        }
        Despecialized::FixedLengthList(elem, length) => {
            lower_flat_elems(cx, inside!(value, Value::List), elem, *length, flat)?;
        }
        Despecialized::Record(fields) => {
            lower_flat_record(cx, inside!(value, Value::Record), fields, flat)?;
        }
        Despecialized::Variant(cases) => lower_flat_variant(cx, value, layout, cases, flat)?,
        Despecialized::Flags(count) => {
            lower_flat_flags(cx, *inside!(value, Value::Flags), *count, flat);
        }
        Despecialized::Own(resource) => {
            flat.push(Core::I32(lower_own(cx, *inside!(value, Value::Handle), *resource)?));
        }
        Despecialized::Borrow(resource) => {
            flat.push(Core::I32(lower_borrow(cx, *inside!(value, Value::Handle), *resource)?));
        }
        Despecialized::ErrorContext => {
            flat.push(Core::I32(lower_error_context(cx, *inside!(value, Value::Handle))?));
        }
        Despecialized::Stream(_) | Despecialized::Future(_) => {
            flat.push(Core::I32(lower_end(cx, *inside!(value, Value::Handle))?));
        }
    }
    Ok(())
}

/// Spec: `lower_flat_signed`, of fewer than 32 bits.
fn lower_flat_narrow(cx: &mut Cx, int: impl Into<i32>, width: u32) -> Core {
    Core::I32(reach_narrow(cx, int.into().cast_unsigned(), width))
}

/// Notes that a narrow integer is negative. What it is, if it is not extended as it should be.
fn reach_narrow(cx: &mut Cx, extended: u32, width: u32) -> u32 {
    if extended >> width != 0 {
        cx.reach(Rule::LowerNegative);
    }
    values::narrow_signed(cx, extended, width)
}

fn lower_flat_float32(cx: &mut Cx, bits: u32, flat: &mut Vec<Core>) {
    let bits = maybe_scramble_nan32(cx, bits, Place::Flat(flat.len()));
    flat.push(Core::F32(bits));
}

fn lower_flat_float64(cx: &mut Cx, bits: u64, flat: &mut Vec<Core>) {
    let bits = maybe_scramble_nan64(cx, bits, Place::Flat(flat.len()));
    flat.push(Core::F64(bits));
}

/// Spec: `lower_flat_string`.
fn lower_flat_string(cx: &mut Cx, src: &Str, flat: &mut Vec<Core>) -> Result<(), Stop> {
    let (ptr, tagged_code_units) = store_string_into_range(cx, src)?;
    flat.extend([core_ptr(cx, ptr), core_ptr(cx, tagged_code_units)]);
    Ok(())
}

/// Spec: `lower_flat_list`.
fn lower_flat_list(
    cx: &mut Cx,
    elems: Elems,
    elem: &Layout,
    flat: &mut Vec<Core>,
) -> Result<(), Stop> {
    let elem = cx.layout(elem);
    let (ptr, length) = store_list_into_range(cx, elems, &elem)?;
    flat.extend([core_ptr(cx, ptr), core_ptr(cx, length)]);
    Ok(())
}

/// Spec: `lower_flat_list`, of a fixed length.
fn lower_flat_elems(
    cx: &mut Cx,
    values: &[Value],
    elem: &Layout,
    length: u32,
    flat: &mut Vec<Core>,
) -> Result<(), Stop> {
    assert_eq!(Ok(length), u32::try_from(values.len()), "the length is in the type");
    values.iter().try_for_each(|value| lower_flat(cx, value, elem, flat))
}

/// A pointer or length as a core value.
fn core_ptr(cx: &Cx, bits: u64) -> Core {
    Core::from_bits(cx.opts.ptr_type.core_type(), bits)
}

/// Spec: `lower_flat_record`.
fn lower_flat_record(
    cx: &mut Cx,
    values: &[Value],
    fields: &[Layout],
    flat: &mut Vec<Core>,
) -> Result<(), Stop> {
    assert_eq!(values.len(), fields.len(), "the value is of the type");
    values.iter().zip(fields).try_for_each(|(value, field)| lower_flat(cx, value, field, flat))
}

/// Spec: `lower_flat_variant`.
fn lower_flat_variant(
    cx: &mut Cx,
    value: &Value,
    layout: &Layout,
    cases: &[Option<Layout>],
    flat: &mut Vec<Core>,
) -> Result<(), Stop> {
    let start = flat.len();
    let (case_index, payload) = match_case(value, cases);
    flat.push(Core::I32(case_index));
    cx.reach(if payload.is_some() { Rule::LowerPayload } else { Rule::LowerNoPayload });
    if let Some((value, case)) = payload {
        lower_flat(cx, value, case, flat)?;
    }
    coerce(cx, flat, start, layout.flat_types());
    Ok(())
}

/// Makes what was lowered from `start` on into core values of the types `want`.
fn coerce(cx: &mut Cx, flat: &mut Vec<Core>, start: usize, want: &[CoreType]) {
    let used = flat.len() - start;
    if used < want.len() {
        cx.reach(Rule::LowerUnused);
    }
    let unused = values::unused_slot(cx, used < want.len(), flat[start]);
    // Differs from the spec: it fills unused slots with the integer 0, also those of floats.
    flat.resize(start + want.len(), unused);
    let rules =
        [Rule::LowerI32AsI64, Rule::LowerF32AsI32, Rule::LowerF32AsI64, Rule::LowerF64AsI64];
    for (core, want) in flat[start..].iter_mut().zip(want) {
        cx.reach_join(core.ty(), *want, rules);
        *core = Core::from_bits(*want, values::joined_bits(cx, *core, *want));
    }
}

/// Spec: `lower_flat_flags`.
fn lower_flat_flags(cx: &mut Cx, flags: u32, count: usize, flat: &mut Vec<Core>) {
    flat.push(Core::I32(pack_flags_into_int(cx, flags, count)));
}

/// Spec: `lower_flat_values`. The types come as their tuple, which is how more than `max_flat` are passed.
pub fn lower_flat_values(
    cx: &mut Cx,
    max_flat: usize,
    values: &[Value],
    types: &Layout,
    out_param: Option<u64>,
) -> Result<Vec<Core>, Stop> {
    let is_flat = types.is_flat(max_flat);
    begin_lower(cx, is_flat);
    let mut flat = Vec::new();
    if is_flat {
        lower_flat_record(cx, values, types.fields(), &mut flat)?;
        return Ok(flat);
    }
    let (ptr, tuple) = place_spilled(cx, types, out_param)?;
    store_record(cx, values, ptr, tuple.fields())?;
    if out_param.is_none() {
        flat.push(core_ptr(cx, ptr));
    }
    Ok(flat)
}

/// Notes that values are lowered.
fn begin_lower(cx: &mut Cx, is_flat: bool) {
    let instance = cx.guest.instance();
    cx.guest.watch().lower(instance);
    if is_flat {
        cx.reach(Rule::LowerFlat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::{Type, VariantCase};
    use crate::{LiftLowerOptions, NanLeaf, PtrType, Recorder, StringEncoding, Trap};

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    #[track_caller]
    fn check(types: &[Type], values: &[Value], expected: &[Core]) {
        let mut guest = ByteGuest::new(vec![0; 256], 64);
        let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
        let types = &Layout::of_tuple(types, OPTS.ptr_type);
        assert_eq!(lower_flat_values(cx, 16, values, types, None).unwrap(), expected);
    }

    fn variant(types: &[Type]) -> Type {
        Type::Variant(types.iter().map(|ty| VariantCase::new(Some(ty.clone()))).collect())
    }

    #[test]
    fn signed_integers_are_sign_extended_to_32_bits() {
        check(&[Type::S8], &[Value::S8(-1)], &[Core::I32(u32::MAX)]);
        check(&[Type::U8], &[Value::U8(255)], &[Core::I32(255)]);
    }

    #[test]
    fn a_32_bit_payload_is_zero_extended_in_a_joined_slot() {
        let value = Value::case(0, Value::S32(-1));
        let flat = [Core::I32(0), Core::I64(0xffff_ffff)];
        check(&[variant(&[Type::S32, Type::F64])], &[value], &flat);
    }

    #[test]
    fn unused_slots_are_zeros_of_their_own_type() {
        let option = Type::Option(Box::new(Type::F32));
        check(&[option], &[Value::Variant(0, None)], &[Core::I32(0), Core::F32(0)]);
    }

    #[test]
    fn spilled_params_are_allocated_first() {
        let mut types = vec![Type::U8; 16];
        types.push(Type::String);
        let mut values = vec![Value::U8(1); 16];
        values.push(Value::string("hi"));
        check(&types, &values, &[Core::I32(64)]);
    }

    #[test]
    fn a_result_goes_where_the_caller_wants_it() {
        let mut guest = ByteGuest::new(vec![0; 16], 8);
        let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
        let types = Layout::of_tuple(&[Type::String], OPTS.ptr_type);
        let mut lower =
            |out_ptr| lower_flat_values(cx, 1, &[Value::string("")], &types, Some(out_ptr));
        assert_eq!(lower(0), Ok(Vec::new()));
        assert_eq!(lower(2), Err(Trap::UnalignedPointer.into()));
        assert_eq!(lower(12), Err(Trap::MemoryOutOfBounds.into()));
    }

    #[test]
    fn a_nan_is_noted_by_its_place_among_the_core_values() {
        let mut guest = ByteGuest::watched(Vec::new(), 0, Recorder::default());
        let cx = &mut Cx { opts: OPTS, peer: None, guest: &mut guest };
        let types = [Type::U8, variant(&[Type::F32, Type::U64])];
        let types = Layout::of_tuple(&types, OPTS.ptr_type);
        let values = [Value::U8(0), Value::case(0, Value::F32(0x7fc0_0001))];
        let flat = lower_flat_values(cx, 16, &values, &types, None).unwrap();
        assert_eq!(flat[2], Core::I64(0x7fc0_0001));
        let nan = NanLeaf { lowering: 1, place: Place::Flat(2), width: 4 };
        assert_eq!(guest.watch.lowered(0).nans, [nan]);
    }
}
