//! What deviations make of strings: of where they may lie, how they are decoded and how they are transcoded.
//! Knows nothing of who calls `realloc`.

use crate::bytes::{chars, len, utf8, utf16_chars, valid_range};
use crate::context::Cx;
use crate::options::{StringEncoding, utf16_tag};
use crate::value::{Str, StringSource};
use crate::{Deviation, PtrType, Stop, Trap, end_if};

/// The tag of UTF-16 in the memory of this guest.
pub(crate) fn tag(cx: &mut Cx) -> u64 {
    let wide = cx.opts.ptr_type == PtrType::I64;
    let narrowed = wide && cx.deviates_fused(Deviation::WideTagAtBit31);
    utf16_tag(if narrowed { PtrType::I32 } else { cx.opts.ptr_type })
}

/// The tag, as far as these code units can tell.
pub(crate) fn tag_of(cx: &mut Cx, tagged_code_units: u64) -> u64 {
    let maybe_tagged = tagged_code_units >= utf16_tag(PtrType::I32);
    if maybe_tagged { tag(cx) } else { utf16_tag(cx.opts.ptr_type) }
}

/// The tag of a string that was inflated.
pub(crate) fn tag_of_inflated(cx: &mut Cx) -> u64 {
    if cx.deviates(Deviation::Utf16TagMissing) { 0 } else { tag(cx) }
}

/// How many bytes of a tagged string a code unit takes.
pub(crate) fn tagged_code_unit(cx: &mut Cx, code_units: u64) -> u64 {
    let in_bytes = code_units & 1 == 0 && cx.deviates(Deviation::TaggedLengthInBytes);
    if in_bytes { 1 } else { 2 }
}

/// What a string that begins here has to be aligned to.
pub(crate) fn alignment(cx: &mut Cx, source: StringSource, ptr: u64) -> u64 {
    let alignment = match source {
        StringSource::Utf8 => 1,
        StringSource::Utf16 | StringSource::Latin1 | StringSource::TaggedUtf16 => 2,
    };
    let odd = source == StringSource::Latin1 && !ptr.is_multiple_of(alignment);
    if odd && cx.deviates(Deviation::Latin1AlignedToOne) { 1 } else { alignment }
}

/// Ends as who checks a string for half its length, and then reads past the end of the memory.
pub(crate) fn read_past_end(
    cx: &mut Cx,
    source: StringSource,
    ptr: u64,
    byte_length: u64,
) -> Result<(), Stop> {
    let compacted =
        cx.peer.is_some_and(|peer| peer.string_encoding == StringEncoding::Latin1OrUtf16);
    let outside = compacted && cx.out_of_bounds(ptr, byte_length);
    let half_inside = source == StringSource::Utf16 && !cx.out_of_bounds(ptr, byte_length / 2);
    if !outside || !half_inside || !cx.deviates(Deviation::SourceBoundsInCodeUnits) {
        return Ok(());
    }
    let bytes = &cx.guest.memory()[valid_range(ptr, 0).start..];
    // A high surrogate at the very end is not known to be unpaired.
    let bad = utf16_chars(bytes).position(|char| char.is_err());
    let last = utf16_chars(bytes).count().saturating_sub(1);
    let high = bytes.last().is_some_and(|byte| (0xd8..0xdc).contains(byte));
    match bad.is_some_and(|bad| bad < last || !high) {
        true => Err(Trap::InvalidUtf16.into()),
        false => Err(Stop::Crash),
    }
}

/// A string that is none but for a NUL of two bytes.
pub(crate) fn overlong_nul(cx: &mut Cx, source: StringSource, bytes: &[u8]) -> Option<String> {
    let utf8 = source == StringSource::Utf8;
    let nul = bytes.windows(2).position(|pair| pair == [0xc0, 0x80]).filter(|_| utf8)?;
    let bytes = [&bytes[..nul], &[0], &bytes[nul + 2..]].concat();
    let text = String::from_utf8(bytes).ok()?;
    cx.deviates(Deviation::OverlongNulAccepted).then_some(text)
}

/// What the block of Latin-1 that stays as it is has to be aligned to.
pub(crate) fn latin1_alignment(cx: &mut Cx) -> u64 {
    if cx.deviates_fused(Deviation::Latin1CopiedByteAligned) { 1 } else { 2 }
}

/// How long a string is that was copied.
pub(crate) fn copied_code_units(cx: &mut Cx, src: &Str) -> u64 {
    let (code_units, chars) = (src.code_units(), chars(src));
    let pairs = src.source.code_unit() == 2 && chars < code_units;
    if pairs && cx.deviates_fused(Deviation::SurrogatePairCountedOnce) {
        return chars;
    }
    let tagged = src.source == StringSource::TaggedUtf16;
    if tagged && cx.deviates_fused(Deviation::TagKeptInDestination) {
        return code_units | tag(cx);
    }
    code_units
}

/// How many bytes of UTF-8 a code unit of UTF-16 may take.
pub(crate) fn utf16_growth(cx: &mut Cx, src: &Str) -> u64 {
    let twice = !src.text.is_ascii() && cx.deviates_fused(Deviation::Utf16GrowsToTwice);
    if twice { 2 } else { 3 }
}

/// How many bytes of UTF-8 are asked for where Latin-1 does not fit.
pub(crate) fn latin1_worst_case(cx: &mut Cx, src: &Str) -> u64 {
    let worst_case_size = 2 * src.code_units();
    let fitting = len(&utf8(src));
    let tight = !src.text.is_ascii() && fitting < worst_case_size;
    let fits = tight && cx.deviates_fused(Deviation::Latin1GrowsToFit);
    if fits { fitting } else { worst_case_size }
}

/// The two passes in which a string becomes UTF-8.
pub(crate) struct Passes {
    /// How much is asked for at first.
    pub first_size: u64,
    /// How much is stored before the block is known to be too small: what is ASCII.
    pub first: Vec<u8>,
    /// All that is stored then.
    pub rest: Vec<u8>,
}

/// How a string becomes UTF-8 that is to fit into so many bytes.
pub(crate) fn passes(cx: &mut Cx, src: &Str, worst_case_size: u64) -> Passes {
    let first_size = first_block(cx, src);
    let encoded = &src.text.as_bytes()[..fitting(&src.text, worst_case_size)];
    let (first, mut rest) = encoded.split_at(first_pass(cx, src, first_size));
    let again = !first.is_empty() && !rest.is_empty();
    if again && cx.deviates_fused(Deviation::SecondPassFromStart) {
        rest = &encoded[..rest.len()];
    }
    Passes { first_size, first: first.to_vec(), rest: rest.to_vec() }
}

fn first_block(cx: &mut Cx, src: &Str) -> u64 {
    let (code_units, code_unit) = (src.code_units(), src.source.code_unit());
    let wide = code_units > 0 && code_unit > 1;
    let in_bytes = wide && cx.deviates_fused(Deviation::FirstBlockInSourceBytes);
    if in_bytes { code_units * code_unit } else { code_units }
}

fn first_pass(cx: &mut Cx, src: &Str, first_size: u64) -> usize {
    let ascii = src.text.bytes().take_while(u8::is_ascii).count();
    let fitting = fitting(&src.text, first_size);
    match fitting > ascii && cx.deviates_fused(Deviation::FirstPassFillsBlock) {
        true => fitting,
        false => ascii,
    }
}

/// How many bytes of a text are whole code points that fit into a block.
fn fitting(text: &str, size: u64) -> usize {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    text.floor_char_boundary(size)
}

/// Whether a block keeps the room of the worst case.
pub(crate) fn keeps_worst_case(cx: &mut Cx) -> bool {
    cx.deviates(Deviation::Utf16NotShrunk)
}

/// As much of a text as is lowered as Latin-1 at first.
pub(crate) fn latin1_prefix(cx: &mut Cx, mut latin1: Vec<u8>) -> Vec<u8> {
    if !latin1.is_ascii() && cx.deviates(Deviation::Latin1LimitIsAscii) {
        latin1.truncate(latin1.iter().take_while(|byte| byte.is_ascii()).count());
    }
    latin1
}

/// How large `realloc` is told that a block was.
pub(crate) fn old_size(cx: &mut Cx, size: u64) -> u64 {
    if size > 0 && cx.deviates(Deviation::GrowthForgetsOldSize) { 0 } else { size }
}

/// What Latin-1 is inflated to, of what was kept and of the source.
pub(crate) fn inflated(cx: &mut Cx, kept: Vec<u8>, encoded: &[u8]) -> Vec<u8> {
    let meant = &encoded[..kept.len()];
    let from_source = kept != meant && cx.deviates(Deviation::InflatedFromSource);
    if from_source { meant.to_vec() } else { kept }
}

/// What the block of UTF-16 that turned out to be Latin-1 has to be aligned to.
pub(crate) fn compacted_alignment(cx: &mut Cx) -> u64 {
    if cx.deviates_fused(Deviation::CompactingAlignedToTwo) { 2 } else { 1 }
}

/// How long UTF-16 is that turned out to be Latin-1.
pub(crate) fn compacted_length(cx: &mut Cx, encoded: &[u8], compact: &[u8]) -> u64 {
    let in_bytes = !compact.is_empty() && cx.deviates_fused(Deviation::CompactedLengthInBytes);
    len(if in_bytes { encoded } else { compact })
}

/// Whether it is not looked at where a block is that has shrunk.
pub(crate) fn shrinks_unchecked(cx: &mut Cx, old_size: u64, new_size: u64) -> bool {
    new_size < old_size && cx.deviates(Deviation::ShrinkUnchecked)
}

/// Whether Latin-1 is inflated wherever `realloc` says; so much will be written. Ends as that may.
pub(crate) fn inflates_unchecked(
    cx: &mut Cx,
    ptr: u64,
    worst_case_size: u64,
    written: u64,
) -> Result<bool, Stop> {
    let misaligned = !ptr.is_multiple_of(2);
    let crashes = misaligned && cx.deviates_fused(Deviation::InflationAlignmentUnchecked);
    end_if(crashes, Stop::Crash)?;
    let outside = !misaligned && cx.out_of_bounds(ptr, worst_case_size);
    let unchecked = outside && cx.deviates_fused(Deviation::InflationBoundsUnchecked);
    end_if(unchecked && cx.out_of_bounds(ptr, written), Stop::Crash)?;
    Ok(unchecked)
}
