//! Core values to values.
//! Knows nothing of functions.

use super::async_value::{lift_error_context, lift_future, lift_stream};
use super::context::Cx;
use super::core::wrap;
use super::despecialize::Despecialized;
use super::deviations::{adapter, values};
use super::handle::{lift_borrow, lift_own};
use super::layout::Layout;
use super::load::{canonicalize_nan32, canonicalize_nan64, find_case, lift_bool, lift_char};
use super::load::{lift_flags, load_list_from_range, load_record};
use super::point::Passage;
use super::spill::find_spilled;
use super::string::load_string_from_range;
use super::{Core, CoreType, Point, Rule, Stop};
use crate::value::{Str, Value};

/// Spec: `CoreValueIter`. Inside a variant it is the spec's `CoerceValueIter` as well.
#[derive(Clone)]
pub struct CoreValues<'a> {
    values: &'a [Core],
    /// The index of the next one.
    at: usize,
}

impl CoreValues<'_> {
    pub fn new(values: &[Core]) -> CoreValues<'_> {
        CoreValues { values, at: 0 }
    }

    /// The bits of the next core value, which is taken out of a joined one where need be.
    pub fn next(&mut self, want: CoreType) -> u64 {
        let have = self.values[self.at];
        assert!(holds(have.ty(), want), "{have:?} holds no {want:?}");
        self.at += 1;
        Core::from_bits(want, have.bits()).bits()
    }

    /// What is left after so many.
    pub(super) fn after(&self, count: usize) -> Self {
        CoreValues { values: self.values, at: self.at + count }
    }

    /// Spec: `done`.
    pub fn done(&self) -> bool {
        self.at == self.values.len()
    }
}

/// Whether `join` may have made the one of the other.
fn holds(have: CoreType, want: CoreType) -> bool {
    match have {
        CoreType::I32 => matches!(want, CoreType::I32 | CoreType::F32),
        CoreType::I64 => true,
        CoreType::F32 => want == CoreType::F32,
        CoreType::F64 => want == CoreType::F64,
    }
}

/// Spec: `lift_flat`.
pub fn lift_flat(cx: &mut Cx, vi: &mut CoreValues, layout: &Layout) -> Result<Value, Stop> {
    begin_lift(cx, layout)?;
    Ok(match &layout.shape {
        Despecialized::Bool => lift_flat_bool(cx, vi),
        Despecialized::S8 => {
            Value::S8(i8::from_le_bytes(lift_flat_narrow(cx, vi, Rule::NarrowSigned)?))
        }
        Despecialized::U8 => {
            Value::U8(u8::from_le_bytes(lift_flat_narrow(cx, vi, Rule::NarrowUnsigned)?))
        }
        Despecialized::S16 => {
            Value::S16(i16::from_le_bytes(lift_flat_narrow(cx, vi, Rule::NarrowSigned)?))
        }
        Despecialized::U16 => {
            Value::U16(u16::from_le_bytes(lift_flat_narrow(cx, vi, Rule::NarrowUnsigned)?))
        }
        Despecialized::S32 => Value::S32(wrap(vi.next(CoreType::I32)).cast_signed()),
        Despecialized::U32 => Value::U32(wrap(vi.next(CoreType::I32))),
        Despecialized::S64 => Value::S64(vi.next(CoreType::I64).cast_signed()),
        Despecialized::U64 => Value::U64(vi.next(CoreType::I64)),
        Despecialized::F32 => Value::F32(canonicalize_nan32(cx, wrap(vi.next(CoreType::F32)))),
        Despecialized::F64 => Value::F64(canonicalize_nan64(cx, vi.next(CoreType::F64))),
        Despecialized::Char => lift_char(cx, wrap(vi.next(CoreType::I32)))?,
        Despecialized::String => Value::String(lift_flat_string(cx, vi)?),
        Despecialized::List(elem) => lift_flat_list(cx, vi, elem)?,
        Despecialized::FixedLengthList(elem, length) => {
            Value::List((0..*length).map(|_| lift_flat(cx, vi, elem)).collect::<Result<_, _>>()?)
        }
        Despecialized::Record(fields) => Value::Record(lift_flat_record(cx, vi, fields)?),
        Despecialized::Variant(cases) => lift_flat_variant(cx, vi, layout, cases)?,
        Despecialized::Flags(count) => Value::Flags(lift_flat_flags(cx, vi, *count)?),
        Despecialized::Own(resource) => {
            Value::Handle(lift_own(cx, wrap(vi.next(CoreType::I32)), *resource)?)
        }
        Despecialized::Borrow(resource) => {
            Value::Handle(lift_borrow(cx, wrap(vi.next(CoreType::I32)), *resource)?)
        }
        Despecialized::ErrorContext => {
            Value::Handle(lift_error_context(cx, wrap(vi.next(CoreType::I32)))?)
        }
        Despecialized::Stream(elem) => {
            Value::Handle(lift_stream(cx, wrap(vi.next(CoreType::I32)), elem.as_deref())?)
        }
        Despecialized::Future(elem) => {
            Value::Handle(lift_future(cx, wrap(vi.next(CoreType::I32)), elem.as_deref())?)
        }
    })
}

/// What is looked at before any value is lifted.
fn begin_lift(cx: &mut Cx, layout: &Layout) -> Result<(), Stop> {
    cx.lift(1)?;
    adapter::check_members(cx, &layout.shape)?;
    cx.reach(Point::value(Passage::LiftFlat, &layout.shape));
    Ok(())
}

fn lift_flat_bool(cx: &mut Cx, vi: &mut CoreValues) -> Value {
    let int = wrap(vi.next(CoreType::I32));
    if values::bool_is_low_byte(cx, int) {
        return Value::Bool(false);
    }
    lift_bool(cx, int)
}

/// Spec: `lift_flat_signed`, `lift_flat_unsigned`, of fewer than 32 bits.
fn lift_flat_narrow<const NBYTES: usize>(
    cx: &mut Cx,
    vi: &mut CoreValues,
    ignored: Rule,
) -> Result<[u8; NBYTES], Stop> {
    let bytes = wrap(vi.next(CoreType::I32)).to_le_bytes();
    let (low, high) = bytes.split_first_chunk().expect("no narrow integer has more than 4 bytes");
    reach_ignored(cx, high, ignored)?;
    Ok(*low)
}

fn reach_ignored(cx: &mut Cx, high: &[u8], ignored: Rule) -> Result<(), Stop> {
    let extended = [0, 0xff].iter().any(|extension| high.iter().all(|byte| byte == extension));
    if extended {
        return Ok(());
    }
    cx.reach(ignored);
    values::check_narrow(cx)
}

/// Spec: `lift_flat_string`.
fn lift_flat_string(cx: &mut Cx, vi: &mut CoreValues) -> Result<Str, Stop> {
    let ptr = vi.next(cx.opts.ptr_type.core_type());
    let tagged_code_units = vi.next(cx.opts.ptr_type.core_type());
    load_string_from_range(cx, ptr, tagged_code_units)
}

/// Spec: `lift_flat_list`.
fn lift_flat_list(cx: &mut Cx, vi: &mut CoreValues, elem: &Layout) -> Result<Value, Stop> {
    let ptr = vi.next(cx.opts.ptr_type.core_type());
    let length = vi.next(cx.opts.ptr_type.core_type());
    let elem = cx.layout(elem);
    load_list_from_range(cx, ptr, length, &elem)
}

/// Spec: `lift_flat_record`.
fn lift_flat_record(
    cx: &mut Cx,
    vi: &mut CoreValues,
    fields: &[Layout],
) -> Result<Vec<Value>, Stop> {
    fields.iter().map(|field| lift_flat(cx, vi, field)).collect()
}

/// Spec: `lift_flat_variant`.
fn lift_flat_variant(
    cx: &mut Cx,
    vi: &mut CoreValues,
    layout: &Layout,
    cases: &[Option<Layout>],
) -> Result<Value, Stop> {
    let joined = layout.flat_types();
    let end = vi.after(joined.len());
    let (case_index, case) = lift_flat_case(cx, vi, layout, cases)?;
    reach_joins(cx, joined, case);
    let payload = case.map(|case| lift_flat(cx, vi, case));
    let payload = payload.transpose()?.map(Box::new);
    *vi = end;
    Ok(Value::Variant(case_index, payload))
}

/// Notes what becomes of core values that cases of different types share.
fn reach_joins(cx: &mut Cx, joined: &[CoreType], payload: Option<&Layout>) {
    cx.reach(if payload.is_some() { Rule::LiftPayload } else { Rule::LiftNoPayload });
    let wanted = payload.map(Layout::flat_types).unwrap_or_default();
    let payloads = &joined[1..];
    if wanted.len() < payloads.len() {
        cx.reach(Rule::LiftUnused);
    }
    let rules = [Rule::LiftI32OfI64, Rule::LiftF32OfI32, Rule::LiftF32OfI64, Rule::LiftF64OfI64];
    for (slot, ty) in payloads.iter().zip(wanted) {
        cx.reach_join(*ty, *slot, rules);
    }
}

/// Spec: `lift_flat_variant`, its discriminant.
pub(super) fn lift_flat_case<'a>(
    cx: &mut Cx,
    vi: &mut CoreValues,
    layout: &Layout,
    cases: &'a [Option<Layout>],
) -> Result<(u32, Option<&'a Layout>), Stop> {
    let case_index = values::flat_discriminant(cx, wrap(vi.next(CoreType::I32)));
    find_case(cx, Rule::LiftNoCase, cases, layout.is_enum, case_index)
}

/// Spec: `lift_flat_flags`.
fn lift_flat_flags(cx: &mut Cx, vi: &mut CoreValues, count: usize) -> Result<u32, Stop> {
    lift_flags(cx, wrap(vi.next(CoreType::I32)), count)
}

/// Spec: `lift_flat_values`. The types come as their tuple, which is how more than `max_flat` are passed.
pub fn lift_flat_values(
    cx: &mut Cx,
    max_flat: usize,
    vi: &mut CoreValues,
    types: &Layout,
) -> Result<Vec<Value>, Stop> {
    let is_flat = types.is_flat(max_flat);
    cx.reach(if is_flat { Rule::LiftFlat } else { Rule::LiftSpilled });
    if is_flat {
        return lift_flat_record(cx, vi, types.fields());
    }
    let ptr = vi.next(cx.opts.ptr_type.core_type());
    let tuple = find_spilled(cx, ptr, types)?;
    load_record(cx, ptr, tuple.fields())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes_guest::ByteGuest;
    use crate::types::{Type, VariantCase};
    use crate::{LiftLowerOptions, PtrType, StringEncoding, Trap};

    /// Lifts params, which are spilled beyond 16, out of a memory of zeros.
    #[track_caller]
    fn check(types: &[Type], flat: &[Core], expected: Result<&[Value], Stop>) {
        let mut guest = ByteGuest::new(vec![0; 256], 0);
        let opts =
            LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };
        let mut vi = CoreValues::new(flat);
        let mut cx = Cx { opts, peer: None, guest: &mut guest };
        let types = Layout::of_tuple(types, opts.ptr_type);
        let lifted = lift_flat_values(&mut cx, 16, &mut vi, &types);
        assert_eq!(lifted.as_deref().map_err(|trap| *trap), expected);
        assert!(lifted.is_err() || vi.done());
    }

    fn joined() -> Type {
        let cases = [Type::F32, Type::S8, Type::F64].map(|ty| VariantCase::new(Some(ty)));
        Type::Variant(cases.to_vec())
    }

    #[test]
    fn wide_core_integers_are_truncated_then_sign_extended() {
        check(&[Type::S8], &[Core::I32(0xffff_ff7f)], Ok(&[Value::S8(127)]));
        check(&[Type::S8], &[Core::I32(0x80)], Ok(&[Value::S8(-128)]));
        check(&[Type::U16], &[Core::I32(0x0001_0002)], Ok(&[Value::U16(2)]));
    }

    #[test]
    fn a_flat_discriminant_is_not_truncated() {
        let result = Type::Result(None, None);
        check(&[result], &[Core::I32(0x100)], Err(Trap::InvalidDiscriminant.into()));
    }

    #[test]
    fn a_joined_value_is_taken_apart_and_its_high_bits_are_ignored() {
        let float = Value::case(0, Value::F32(0x3f80_0000));
        check(&[joined()], &[Core::I32(0), Core::I64(0xdead_0000_3f80_0000)], Ok(&[float]));
        let int = Value::case(1, Value::S8(-1));
        check(&[joined()], &[Core::I32(1), Core::I64(0xdead_0000_0000_00ff)], Ok(&[int]));
    }

    #[test]
    fn what_a_case_does_not_use_is_consumed() {
        let option = Type::Option(Box::new(Type::String));
        let flat = [Core::I32(0), Core::I32(u32::MAX), Core::I32(u32::MAX), Core::I32(5)];
        check(&[option, Type::U8], &flat, Ok(&[Value::Variant(0, None), Value::U8(5)]));
    }

    #[test]
    fn spilled_params_are_checked_as_one_tuple() {
        let types = vec![Type::U64; 17];
        check(&types, &[Core::I32(120)], Ok(&vec![Value::U64(0); 17]));
        check(&types, &[Core::I32(124)], Err(Trap::UnalignedPointer.into()));
        check(&types, &[Core::I32(128)], Err(Trap::MemoryOutOfBounds.into()));
    }
}
