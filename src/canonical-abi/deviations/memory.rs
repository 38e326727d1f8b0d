//! What deviations make of blocks and of what lies in memory.
//! Knows nothing of strings and handles.

use crate::bytes::valid_range;
use crate::context::Cx;
use crate::layout::{Layout, end_of_fields};
use crate::{Deviation, Stop, Trap, end_if};

/// Ends where the host fails at a `realloc` of this width.
pub(crate) fn before_realloc(cx: &mut Cx) -> Result<(), Stop> {
    let wide = cx.peer.is_none() && cx.guest.is_wide();
    end_if(wide && cx.deviates(Deviation::HostReallocOf64BitsCrashes), Stop::Crash)
}

/// Traps where what is spilled ends with the memory and may not.
pub(crate) fn check_end(cx: &mut Cx, ptr: u64, tuple: &Layout) -> Result<(), Stop> {
    let forbidden_end = cx.out_of_bounds(ptr, tuple.elem_size + 1)
        && cx.deviates(Deviation::SpilledMayNotEndWithMemory);
    end_if(forbidden_end, Trap::MemoryOutOfBounds)
}

/// The alignment and size of the block that is asked for.
pub(crate) fn spilled_block(cx: &mut Cx, tuple: &Layout) -> (u64, u64) {
    let fields = tuple.fields();
    let Layout { mut alignment, mut elem_size, .. } = *tuple;
    if alignment > 1 && cx.deviates(Deviation::SpilledParamsByteAligned) {
        alignment = 1;
    }
    if end_of_fields(fields) < elem_size && cx.deviates(Deviation::SpilledParamsUnpadded) {
        elem_size = end_of_fields(fields);
    }
    (alignment, elem_size)
}

/// Whether no block is asked for, since the list is empty.
pub(crate) fn leaves_unallocated(cx: &mut Cx, length: u64) -> bool {
    length == 0 && cx.deviates(Deviation::EmptyListNotAllocated)
}

/// The alignment and size of the block that is asked for.
pub(crate) fn list_block(cx: &mut Cx, length: u64, elem: &Layout) -> (u64, u64) {
    let byte_length = length.saturating_mul(elem.elem_size);
    let byte_aligned = elem.alignment > 1 && cx.deviates(Deviation::ListAllocatedByteAligned);
    let by_length = byte_length > length && cx.deviates_fused(Deviation::ListAllocatedByLength);
    let alignment = if byte_aligned { 1 } else { elem.alignment };
    (alignment, if by_length { length } else { byte_length })
}

/// The pointer of a list as it is checked, and the traps of who checks more, or in another order.
pub(crate) fn list_pointer(cx: &mut Cx, ptr: u64, length: u64, elem: &Layout) -> Result<u64, Stop> {
    let byte_length = length.saturating_mul(elem.elem_size);
    let misaligned = !ptr.is_multiple_of(elem.alignment);
    let outside = cx.out_of_bounds(ptr, byte_length);
    if length == 0 && (misaligned || outside) && cx.deviates(Deviation::EmptyListUnchecked) {
        return Ok(0);
    }
    let bounds_first = misaligned && outside && cx.peer.is_none();
    let bounds_first = bounds_first && cx.deviates(Deviation::ListBoundsBeforeAlignment);
    end_if(bounds_first, Trap::ListOutOfBounds)?;
    let between = !misaligned && elem.elem_size > 0 && !ptr.is_multiple_of(elem.elem_size);
    let by_size = between && cx.deviates(Deviation::ListAlignedToElementSize);
    end_if(by_size, Trap::UnalignedPointer)?;
    let at_end = !misaligned && !outside && cx.out_of_bounds(ptr, byte_length + 1);
    end_if(at_end && cx.deviates(Deviation::ListMayNotEndWithMemory), Trap::ListOutOfBounds)?;
    Ok(ptr)
}

/// Whether a bool in memory is taken for its lowest bit, where that is another.
pub(crate) fn bool_is_low_bit(cx: &mut Cx, byte: u32) -> bool {
    byte > 1 && byte & 1 == 0 && cx.deviates(Deviation::BoolInMemoryIsItsLowBit)
}

/// The flags of an integer in memory, where bits beyond their labels are kept.
pub(crate) fn flags_kept(cx: &mut Cx, int: u32, flags: u32) -> u32 {
    let kept = int != flags && cx.deviates(Deviation::FlagsInMemoryKeepUpperBits);
    if kept { int } else { flags }
}

/// Fills the padding between two fields.
pub(crate) fn fill_padding(cx: &mut Cx, start: u64, end: u64) {
    if end > start && !cx.out_of_bounds(end, 0) && cx.deviates(Deviation::PaddingZeroed) {
        store_zeros(cx, start, end);
    }
}

/// Fills the place of payloads, where a case has none.
pub(crate) fn fill_absent_payload(cx: &mut Cx, ptr: u64, layout: &Layout) {
    let (start, end) = (ptr + layout.payload_offset(), ptr + layout.elem_size);
    let there = start < end && !cx.out_of_bounds(end, 0);
    if there && cx.deviates(Deviation::AbsentPayloadZeroed) {
        store_zeros(cx, start, end);
    }
}

fn store_zeros(cx: &mut Cx, start: u64, end: u64) {
    cx.guest.memory_mut()[valid_range(start, end - start)].fill(0);
}
