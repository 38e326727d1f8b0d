//! What deviations make of numbers, chars, flags and cases.
//! Knows no memory.

use crate::context::Cx;
use crate::value::Value;
use crate::{Core, CoreType, Deviation, Stop, Trap, end_if};

/// Whether a flat bool is taken for its low byte, where that is 0 and it is not.
pub(crate) fn bool_is_low_byte(cx: &mut Cx, int: u32) -> bool {
    int != 0 && int & 0xff == 0 && cx.deviates(Deviation::FlatBoolLowByteOnly)
}

/// A bool that is passed on as the integer that it was.
pub(crate) fn raw_bool(cx: &mut Cx, int: u32) -> Option<Value> {
    (int > 1 && cx.deviates_fused(Deviation::FusedBoolRaw)).then_some(Value::U32(int))
}

/// A char that is passed on unchecked, and the trap of who refuses the last one.
pub(crate) fn raw_char(cx: &mut Cx, code_point: u32) -> Result<Option<Value>, Stop> {
    let refused = code_point == 0x10_ffff && cx.deviates(Deviation::LastCodePointRefused);
    end_if(refused, Trap::InvalidChar)?;
    let bad = char::from_u32(code_point).is_none();
    let unchecked = bad && cx.deviates_fused(Deviation::FusedCharUnchecked);
    Ok(unchecked.then_some(Value::U32(code_point)))
}

/// Traps where a narrow integer has bits that whoever checks does not expect.
pub(crate) fn check_narrow(cx: &mut Cx) -> Result<(), Stop> {
    end_if(cx.deviates(Deviation::NarrowIntegersChecked), Trap::Guest)
}

/// A narrow signed integer as it is lowered.
pub(crate) fn narrow_signed(cx: &mut Cx, extended: u32, width: u32) -> u32 {
    let negative = extended >> width != 0;
    let zero_extended = negative && cx.deviates(Deviation::NarrowSignedZeroExtended);
    if zero_extended { extended & (u32::MAX >> (32 - width)) } else { extended }
}

/// A flat discriminant as it is lifted.
pub(crate) fn flat_discriminant(cx: &mut Cx, case_index: u32) -> u32 {
    let low = case_index > 0xff && cx.deviates(Deviation::FlatDiscriminantLowByteOnly);
    if low { case_index & 0xff } else { case_index }
}

/// Whether the number that follows the last case of an enum passes.
pub(crate) fn passes_beyond(cx: &mut Cx, cases: usize, is_enum: bool, index: usize) -> bool {
    index == cases && is_enum && cx.deviates_fused(Deviation::EnumOneBeyondPasses)
}

/// The flags of an integer with bits beyond their labels.
pub(crate) fn flags_beyond(cx: &mut Cx, int: u32, flags: u32) -> Result<u32, Stop> {
    let beyond = int != flags;
    let by_name = beyond && cx.peer.is_none() && !cx.guest.watch().lifts_statically();
    end_if(by_name && cx.deviates(Deviation::FlagsBeyondLabelsCrash), Stop::Crash)?;
    let kept = beyond && cx.deviates_fused(Deviation::FusedFlagsUnmasked);
    Ok(if kept { int } else { flags })
}

/// Whether flags may have bits beyond their labels when they are lowered.
pub(crate) fn may_have_bits_beyond(cx: &mut Cx) -> bool {
    let watch = cx.guest.watch();
    watch.has(Deviation::FusedFlagsUnmasked) || watch.has(Deviation::FlagsInMemoryKeepUpperBits)
}

/// What is in slots that a case does not use.
pub(crate) fn unused_slot(cx: &mut Cx, unused: bool, discriminant: Core) -> Core {
    let repeats = unused && cx.deviates(Deviation::UnusedSlotsNotZeroed);
    if repeats { discriminant } else { Core::I64(0) }
}

/// The bits of a core value in a slot of type `want`.
pub(crate) fn joined_bits(cx: &mut Cx, have: Core, want: CoreType) -> u64 {
    match (have, want) {
        (Core::I32(bits), CoreType::I64)
            if bits >> 31 == 1 && cx.deviates(Deviation::JoinedIntegersSignExtended) =>
        {
            i64::from(bits.cast_signed()).cast_unsigned()
        }
        (Core::F32(bits), CoreType::I64) if cx.deviates(Deviation::JoinedFloat32Promoted) => {
            f64::from(f32::from_bits(bits)).to_bits()
        }
        (Core::I32(_) | Core::I64(_) | Core::F32(_) | Core::F64(_), _) => have.bits(),
    }
}
