//! Strings, in and out of a memory: three encodings, and transcoding between any two of them.
//! Knows no type but `string`.

#[cfg(test)]
mod tests;

use std::char::DecodeUtf16Error;

use super::load::{load_pair, valid_range};
use super::options::Checked;
use super::point::Answer;
use super::store::{store_bytes, store_pair};
use super::{Block, Change, Cx, Deviation, Point, PtrType, Rule, StringEncoding, Trap, trap_if};
use crate::value::{Str, StringSource};

/// Spec: `MAX_STRING_BYTE_LENGTH`.
pub const MAX_STRING_BYTE_LENGTH: u64 = (1 << 28) - 1;

/// Spec: `utf16_tag`.
pub fn utf16_tag(ptr: PtrType) -> u64 {
    1 << (ptr.size() * 8 - 1)
}

/// The tag in the memory of this guest.
fn tag(cx: &mut Cx) -> u64 {
    let wide = cx.opts.ptr_type == PtrType::I64;
    let narrowed = wide && cx.deviates_fused(Deviation::WideTagAtBit31);
    utf16_tag(if narrowed { PtrType::I32 } else { cx.opts.ptr_type })
}

/// Spec: `load_string`.
pub(super) fn load_string(cx: &mut Cx, ptr: u64) -> Result<Str, Trap> {
    let (begin, tagged_code_units) = load_pair(cx, ptr);
    load_string_from_range(cx, begin, tagged_code_units)
}

/// Spec: `load_string_from_range`.
pub fn load_string_from_range(cx: &mut Cx, ptr: u64, tagged_code_units: u64) -> Result<Str, Trap> {
    let (source, byte_length) = source_and_byte_length(cx, tagged_code_units);
    let too_long =
        byte_length > MAX_STRING_BYTE_LENGTH && !cx.deviates(Deviation::StringLengthUnlimited);
    cx.trap_if(too_long, Rule::StringTooLong, Trap::StringTooLong)?;
    let misaligned = is_misaligned(cx, source, ptr);
    cx.trap_if(misaligned, Rule::StringMisaligned, Trap::UnalignedPointer)?;
    if cx.out_of_bounds(ptr, byte_length) {
        cx.reach(Rule::StringOutOfBounds);
        return Err(out_of_bounds(cx, source, ptr, byte_length));
    }
    cx.reach_pointer(Rule::LoadWidePointer);
    cx.reach(loaded_as(source));
    cx.guest.notes().lift(byte_length / 16)?;
    let bytes = &cx.guest.memory()[valid_range(ptr, byte_length)];
    let decoded = decode(source, bytes);
    let slack = if decoded.is_err() { slack(source, bytes) } else { None };
    let text = match slack {
        Some((slip, text)) if cx.deviates(slip) => text,
        Some(_) | None => decoded.inspect_err(|_| cx.reach(malformed(source)))?,
    };
    Ok(Str { text, source })
}

fn loaded_as(source: StringSource) -> Rule {
    match source {
        StringSource::Utf8 => Rule::LoadUtf8,
        StringSource::Utf16 => Rule::LoadUtf16,
        StringSource::Latin1 => Rule::LoadLatin1,
        StringSource::TaggedUtf16 => Rule::LoadTaggedUtf16,
    }
}

/// Any bytes are Latin-1.
fn malformed(source: StringSource) -> Rule {
    match source {
        StringSource::Utf8 => Rule::InvalidUtf8,
        StringSource::Utf16 | StringSource::TaggedUtf16 | StringSource::Latin1 => {
            Rule::InvalidUtf16
        }
    }
}

/// Why a string that is not all in memory traps. Only a slip comes so far as to read it.
fn out_of_bounds(cx: &mut Cx, source: StringSource, ptr: u64, byte_length: u64) -> Trap {
    let compacted =
        cx.peer.is_some_and(|peer| peer.string_encoding == StringEncoding::Latin1OrUtf16);
    let half_inside = source == StringSource::Utf16 && !cx.out_of_bounds(ptr, byte_length / 2);
    if !compacted || !half_inside || !cx.deviates(Deviation::SourceBoundsInCodeUnits) {
        return Trap::StringOutOfBounds;
    }
    let bytes = &cx.guest.memory()[valid_range(ptr, 0).start..];
    // A high surrogate at the very end is not known to be unpaired.
    let bad = utf16_chars(bytes).position(|char| char.is_err());
    let last = utf16_chars(bytes).count().saturating_sub(1);
    let high = bytes.last().is_some_and(|byte| (0xd8..0xdc).contains(byte));
    match bad.is_some_and(|bad| bad < last || !high) {
        true => Trap::InvalidUtf16,
        false => Trap::Crash,
    }
}

/// What a careless decoder makes of a string that is none.
fn slack(source: StringSource, bytes: &[u8]) -> Option<(Deviation, String)> {
    match source {
        StringSource::Utf8 => {
            let nul = bytes.windows(2).position(|pair| pair == [0xc0, 0x80])?;
            let bytes = [&bytes[..nul], &[0], &bytes[nul + 2..]].concat();
            Some((Deviation::OverlongNulAccepted, String::from_utf8(bytes).ok()?))
        }
        StringSource::Utf16 | StringSource::TaggedUtf16 => {
            let text = utf16_chars(bytes).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER));
            Some((Deviation::UnpairedSurrogateReplaced, text.collect()))
        }
        StringSource::Latin1 => None,
    }
}

pub(super) fn source_and_byte_length(cx: &mut Cx, tagged_code_units: u64) -> (StringSource, u64) {
    let compact = cx.opts.string_encoding == StringEncoding::Latin1OrUtf16;
    let maybe_tagged = compact && tagged_code_units >= utf16_tag(PtrType::I32);
    let tag = if maybe_tagged { tag(cx) } else { utf16_tag(cx.opts.ptr_type) };
    match cx.opts.string_encoding {
        StringEncoding::Utf8 => (StringSource::Utf8, tagged_code_units),
        StringEncoding::Utf16 => (StringSource::Utf16, tagged_code_units.saturating_mul(2)),
        StringEncoding::Latin1OrUtf16 if tagged_code_units & tag != 0 => {
            let code_units = tagged_code_units ^ tag;
            let in_bytes = code_units & 1 == 0 && cx.deviates(Deviation::TaggedLengthInBytes);
            let code_unit = if in_bytes { 1 } else { 2 };
            (StringSource::TaggedUtf16, code_units.saturating_mul(code_unit))
        }
        StringEncoding::Latin1OrUtf16 => (StringSource::Latin1, tagged_code_units),
    }
}

/// Whether a string may not begin there.
pub(super) fn is_misaligned(cx: &mut Cx, source: StringSource, ptr: u64) -> bool {
    let misaligned = !ptr.is_multiple_of(source_alignment(source));
    let tolerated = misaligned
        && (cx.peer.is_none() && cx.deviates(Deviation::StringAlignmentUnchecked)
            || source == StringSource::Latin1 && cx.deviates(Deviation::Latin1AlignedToOne));
    misaligned && !tolerated
}

fn source_alignment(source: StringSource) -> u64 {
    match source {
        StringSource::Utf8 => 1,
        StringSource::Utf16 | StringSource::Latin1 | StringSource::TaggedUtf16 => 2,
    }
}

fn decode(source: StringSource, bytes: &[u8]) -> Result<String, Trap> {
    match source {
        StringSource::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|_| Trap::InvalidUtf8),
        StringSource::Utf16 | StringSource::TaggedUtf16 => {
            utf16_chars(bytes).collect::<Result<_, _>>().map_err(|_| Trap::InvalidUtf16)
        }
        StringSource::Latin1 => Ok(bytes.iter().copied().map(char::from).collect()),
    }
}

fn utf16_chars(bytes: &[u8]) -> impl Iterator<Item = Result<char, DecodeUtf16Error>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().copied().map(u16::from_le_bytes))
}

/// Spec: `store_string`.
pub(super) fn store_string(cx: &mut Cx, src: &Str, ptr: u64) -> Result<(), Trap> {
    let (begin, tagged_code_units) = store_string_into_range(cx, src)?;
    store_pair(cx, begin, tagged_code_units, ptr)
}

/// Spec: `store_string_into_range`. Where the string begins and its tagged code units.
pub fn store_string_into_range(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    use StringSource::{Latin1, TaggedUtf16, Utf8, Utf16};
    // Differs from the spec: it looks for the tag of the source where the destination has it,
    // which is another bit where the two memories have pointers of different widths.
    match (cx.opts.string_encoding, src.source) {
        (StringEncoding::Utf8, Utf8) => store_string_copy(cx, src, 1, utf8(src)),
        (StringEncoding::Utf8, Utf16 | TaggedUtf16) => store_utf16_to_utf8(cx, src),
        (StringEncoding::Utf8, Latin1) => store_latin1_to_utf8(cx, src),
        (StringEncoding::Utf16, Utf8) => store_utf8_to_utf16(cx, src),
        (StringEncoding::Utf16, Utf16 | Latin1 | TaggedUtf16) => {
            store_string_copy(cx, src, 2, utf16(src))
        }
        (StringEncoding::Latin1OrUtf16, Utf8 | Utf16) => store_string_to_latin1_or_utf16(cx, src),
        (StringEncoding::Latin1OrUtf16, Latin1) => {
            let byte_aligned = cx.deviates_fused(Deviation::Latin1CopiedByteAligned);
            store_string_copy(cx, src, if byte_aligned { 1 } else { 2 }, latin1(src))
        }
        (StringEncoding::Latin1OrUtf16, TaggedUtf16) => {
            store_probably_utf16_to_latin1_or_utf16(cx, src)
        }
    }
}

/// Spec: `store_string_copy`.
fn store_string_copy(
    cx: &mut Cx,
    src: &Str,
    dst_alignment: u64,
    encoded: Vec<u8>,
) -> Result<(u64, u64), Trap> {
    let ptr = allocate_string(cx, src.source, dst_alignment, len(&encoded))?;
    store_bytes(cx, &encoded, ptr);
    Ok((ptr, copied_code_units(cx, src)))
}

fn copied_code_units(cx: &mut Cx, src: &Str) -> u64 {
    let code_units = src.code_units();
    let pairs = src.source.code_unit() == 2 && chars(src) < code_units;
    if pairs && cx.deviates_fused(Deviation::SurrogatePairCountedOnce) {
        return chars(src);
    }
    let tagged = src.source == StringSource::TaggedUtf16;
    if tagged && cx.deviates_fused(Deviation::TagKeptInDestination) {
        return code_units | tag(cx);
    }
    code_units
}

/// Spec: `store_utf16_to_utf8`.
fn store_utf16_to_utf8(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    let non_ascii = !src.text.is_ascii();
    let twice = non_ascii && cx.deviates_fused(Deviation::Utf16GrowsToTwice);
    store_string_to_utf8(cx, src, if twice { 2 } else { 3 } * src.code_units())
}

/// Spec: `store_latin1_to_utf8`.
fn store_latin1_to_utf8(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    let worst_case_size = 2 * src.code_units();
    let tight = !src.text.is_ascii() && len(&utf8(src)) < worst_case_size;
    let fits = tight && cx.deviates_fused(Deviation::Latin1GrowsToFit);
    store_string_to_utf8(cx, src, if fits { len(&utf8(src)) } else { worst_case_size })
}

/// Spec: `store_string_to_utf8`.
fn store_string_to_utf8(cx: &mut Cx, src: &Str, worst_case_size: u64) -> Result<(u64, u64), Trap> {
    let first_size = first_block(cx, src);
    let mut encoded = utf8(src);
    // Only by a slip does it not fit.
    encoded.truncate(fitting(&src.text, worst_case_size));
    let (first, mut rest) = encoded.split_at(first_pass(cx, src, first_size));
    let mut ptr = allocate_string(cx, src.source, 1, first_size)?;
    store_bytes(cx, first, ptr);
    if rest.is_empty() {
        return Ok((ptr, src.code_units()));
    }
    ptr = grow_string(cx, src.source, (ptr, first_size), 1, worst_case_size)?;
    if !first.is_empty() && cx.deviates_fused(Deviation::SecondPassFromStart) {
        rest = &encoded[..rest.len()];
    }
    store_bytes(cx, rest, ptr + len(first));
    if worst_case_size > len(&encoded) {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 1, len(&encoded))?;
    }
    Ok((ptr, len(&encoded)))
}

/// How much is asked for at first.
fn first_block(cx: &mut Cx, src: &Str) -> u64 {
    let (code_units, code_unit) = (src.code_units(), src.source.code_unit());
    let wide = code_units > 0 && code_unit > 1;
    let in_bytes = wide && cx.deviates_fused(Deviation::FirstBlockInSourceBytes);
    if in_bytes { code_units * code_unit } else { code_units }
}

/// How many bytes are stored before the block is known to be too small.
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

/// Spec: `store_utf8_to_utf16`.
fn store_utf8_to_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    let worst_case_size = 2 * src.code_units();
    let encoded = utf16(src);
    let mut ptr = allocate_string(cx, src.source, 2, worst_case_size)?;
    store_bytes(cx, &encoded, ptr);
    if len(&encoded) < worst_case_size && !cx.deviates(Deviation::Utf16NotShrunk) {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 2, len(&encoded))?;
    }
    Ok((ptr, len(&encoded) / 2))
}

/// Spec: `store_string_to_latin1_or_utf16`.
fn store_string_to_latin1_or_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    let src_code_units = src.code_units();
    let prefix = latin1_prefix(cx, src);
    let mut ptr = allocate_string(cx, src.source, 2, src_code_units)?;
    store_bytes(cx, &prefix, ptr);
    if len(&prefix) < chars(src) {
        return inflate_latin1_to_utf16(cx, src, ptr, len(&prefix));
    }
    if len(&prefix) < src_code_units {
        ptr = shrink_string(cx, src.source, (ptr, src_code_units), 2, len(&prefix))?;
    }
    Ok((ptr, len(&prefix)))
}

/// Spec: `store_string_to_latin1_or_utf16`, from the first code point beyond Latin-1 on.
fn inflate_latin1_to_utf16(
    cx: &mut Cx,
    src: &Str,
    old: u64,
    prefix_length: u64,
) -> Result<(u64, u64), Trap> {
    let worst_case_size = 2 * src.code_units();
    let encoded = utf16(src);
    let old_size = match src.code_units() {
        size if size > 0 && cx.deviates(Deviation::GrowthForgetsOldSize) => 0,
        size => size,
    };
    let block = Block::String { source: src.source, change: Change::Grown };
    let mut ptr = reallocate_string(cx, block, (old, old_size), 2, worst_case_size)?;
    check_inflated(cx, block, ptr, worst_case_size, len(&encoded))?;
    // What `realloc` kept, which need not be what was stored.
    let kept = &cx.guest.memory()[valid_range(ptr, prefix_length)];
    let mut inflated: Vec<u8> = kept.iter().flat_map(|byte| [*byte, 0]).collect();
    let meant = &encoded[..inflated.len()];
    if inflated != meant && cx.deviates(Deviation::InflatedFromSource) {
        inflated = meant.to_vec();
    }
    store_bytes(cx, &inflated, ptr);
    store_bytes(cx, &encoded[inflated.len()..], ptr + len(&inflated));
    if worst_case_size > len(&encoded) {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 2, len(&encoded))?;
    }
    let untagged = cx.deviates(Deviation::Utf16TagMissing);
    let tag = if untagged { 0 } else { tag(cx) };
    Ok((ptr, (len(&encoded) / 2) | tag))
}

/// Spec: `store_probably_utf16_to_latin1_or_utf16`.
fn store_probably_utf16_to_latin1_or_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Trap> {
    let encoded = utf16(src);
    let ptr = allocate_string(cx, src.source, 2, len(&encoded))?;
    store_bytes(cx, &encoded, ptr);
    let compact = latin1(src);
    if len(&compact) < src.code_units() {
        return Ok((ptr, src.code_units() | tag(cx)));
    }
    store_bytes(cx, &compact, ptr);
    // The alignment is 1 here, though the allocation was made with 2.
    let alignment = if cx.deviates_fused(Deviation::CompactingAlignedToTwo) { 2 } else { 1 };
    let ptr = shrink_string(cx, src.source, (ptr, len(&encoded)), alignment, len(&compact))?;
    let in_bytes = !compact.is_empty() && cx.deviates_fused(Deviation::CompactedLengthInBytes);
    Ok((ptr, len(if in_bytes { &encoded } else { &compact })))
}

/// What an engine asks of `realloc` that decodes only while it transcodes, up to where the source
/// turns out to be no string: at once where it cannot be read at all.
pub(super) fn transcode_partly(
    cx: &mut Cx,
    source: StringSource,
    code_units: u64,
    readable: bool,
) -> Result<(), Trap> {
    use StringSource::{Latin1, TaggedUtf16, Utf8, Utf16};
    let (alignment, first, growth) = match (cx.opts.string_encoding, source) {
        (StringEncoding::Utf8, Utf8) => (1, 1, None),
        (StringEncoding::Utf8, Utf16 | TaggedUtf16) => (1, 1, Some(3)),
        (StringEncoding::Utf8, Latin1) => (1, 1, Some(2)),
        (StringEncoding::Utf16, Utf8 | Utf16 | Latin1 | TaggedUtf16) => (2, 2, None),
        (StringEncoding::Latin1OrUtf16, Utf8 | Utf16) => (2, 1, Some(2)),
        (StringEncoding::Latin1OrUtf16, Latin1) => (2, 1, None),
        (StringEncoding::Latin1OrUtf16, TaggedUtf16) => (2, 2, None),
    };
    let first = code_units.saturating_mul(first);
    let ptr = allocate_string(cx, source, alignment, first)?;
    let Some(growth) = growth.filter(|_| readable) else { return Ok(()) };
    let worst_case_size = code_units.saturating_mul(growth);
    if alignment == 1 {
        return grow_string(cx, source, (ptr, first), alignment, worst_case_size).map(|_| ());
    }
    let block = Block::String { source, change: Change::Grown };
    let ptr = reallocate_string(cx, block, (ptr, first), alignment, worst_case_size)?;
    check_inflated(cx, block, ptr, worst_case_size, worst_case_size)
}

/// The first call of `realloc` for a string.
fn allocate_string(
    cx: &mut Cx,
    source: StringSource,
    alignment: u64,
    size: u64,
) -> Result<u64, Trap> {
    let block = Block::String { source, change: Change::New };
    let ptr = reallocate_string(cx, block, (0, 0), alignment, size)?;
    check_block(cx, block, ptr, alignment, size)?;
    Ok(ptr)
}

/// A call of `realloc` that asks for more.
fn grow_string(
    cx: &mut Cx,
    source: StringSource,
    old: (u64, u64),
    alignment: u64,
    new_size: u64,
) -> Result<u64, Trap> {
    let block = Block::String { source, change: Change::Grown };
    let ptr = reallocate_string(cx, block, old, alignment, new_size)?;
    check_block(cx, block, ptr, alignment, new_size)?;
    Ok(ptr)
}

/// The last call of `realloc`, after which nothing more is written.
fn shrink_string(
    cx: &mut Cx,
    source: StringSource,
    old: (u64, u64),
    mut alignment: u64,
    new_size: u64,
) -> Result<u64, Trap> {
    let block = Block::String { source, change: Change::Shrunk };
    let ptr = reallocate_string(cx, block, old, alignment, new_size)?;
    let (_, old_size) = old;
    if new_size < old_size && cx.deviates(Deviation::ShrinkUnchecked) {
        return Ok(ptr);
    }
    let misaligned = !ptr.is_multiple_of(alignment);
    if misaligned && cx.deviates_fused(Deviation::FusedShrinkAlignmentUnchecked) {
        alignment = 1;
    }
    let outside = cx.out_of_bounds(ptr, new_size);
    if outside && cx.deviates_fused(Deviation::FusedShrinkBoundsUnchecked) {
        trap_if(!ptr.is_multiple_of(alignment), Trap::UnalignedPointer)?;
        return Ok(ptr);
    }
    check_block(cx, block, ptr, alignment, new_size)?;
    Ok(ptr)
}

/// Checks where `realloc` says that a block is.
fn check_block(cx: &mut Cx, block: Block, ptr: u64, alignment: u64, size: u64) -> Result<(), Trap> {
    let Block::String { source, change } = block else { unreachable!("it is for a string") };
    let to = cx.opts.string_encoding;
    let point = |answer| Point::Block { source, to, change, answer };
    let what = Checked {
        trap: Trap::StringOutOfBounds,
        misaligned: point(Answer::Misaligned),
        out_of_bounds: point(Answer::OutOfBounds),
    };
    cx.check_range(ptr, alignment, size, what)?;
    cx.reach_pointer(Rule::StoreWidePointer);
    cx.reach(point(Answer::Fits));
    Ok(())
}

/// Checks what `realloc` answers before Latin-1 is inflated; so much will be written.
fn check_inflated(
    cx: &mut Cx,
    block: Block,
    ptr: u64,
    worst_case_size: u64,
    written: u64,
) -> Result<(), Trap> {
    let misaligned = !ptr.is_multiple_of(2);
    let crashes = misaligned && cx.deviates_fused(Deviation::InflationAlignmentUnchecked);
    trap_if(crashes, Trap::Crash)?;
    let outside = !misaligned && cx.out_of_bounds(ptr, worst_case_size);
    if outside && cx.deviates_fused(Deviation::InflationBoundsUnchecked) {
        return trap_if(cx.out_of_bounds(ptr, written), Trap::Crash);
    }
    check_block(cx, block, ptr, 2, worst_case_size)
}

/// One call of `realloc` for a string.
fn reallocate_string(
    cx: &mut Cx,
    block: Block,
    old: (u64, u64),
    alignment: u64,
    new_size: u64,
) -> Result<u64, Trap> {
    // Differs from the spec: it asserts this. No string of a guest is so long, but a host's may be.
    let too_long = new_size > super::REALLOC_I32_MAX;
    cx.trap_if(too_long, Rule::StringUnallocatable, Trap::StringTooLong)?;
    cx.reallocate(block, old, alignment, new_size)
}

fn chars(src: &Str) -> u64 {
    u64::try_from(src.text.chars().count()).expect("a length fits in 64 bits")
}

fn utf8(src: &Str) -> Vec<u8> {
    src.text.as_bytes().to_vec()
}

fn utf16(src: &Str) -> Vec<u8> {
    src.text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// As much from the start as is lowered as Latin-1 at first.
fn latin1_prefix(cx: &mut Cx, src: &Str) -> Vec<u8> {
    let mut prefix = latin1(src);
    if !prefix.is_ascii() && cx.deviates(Deviation::Latin1LimitIsAscii) {
        prefix.truncate(prefix.iter().take_while(|byte| byte.is_ascii()).count());
    }
    prefix
}

/// As much from the start as Latin-1 can say.
fn latin1(src: &Str) -> Vec<u8> {
    src.text.chars().map_while(|char| u8::try_from(char).ok()).collect()
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits in 64 bits")
}
