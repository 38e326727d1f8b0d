//! Strings, in and out of a memory: three encodings, and transcoding between any two of them.
//! Knows no type but `string`.

#[cfg(test)]
mod tests;

use super::bytes::{chars, latin1, len, utf8, utf16, utf16_chars};
use super::context::Cx;
use super::deviations::string::{self as deviations, Passes};
use super::memory::{Checked, load_pair, store_pair};
use super::point::Answer;
use super::unchecked;
use super::{Block, Change, Point, Rule, Stop, StringEncoding};
use crate::value::{Str, StringSource};

pub use super::options::utf16_tag;

/// Spec: `MAX_STRING_BYTE_LENGTH`.
pub const MAX_STRING_BYTE_LENGTH: u64 = (1 << 28) - 1;

/// Spec: `load_string`.
pub(super) fn load_string(cx: &mut Cx, ptr: u64) -> Result<Str, Stop> {
    let (begin, tagged_code_units) = load_pair(cx, ptr);
    load_string_from_range(cx, begin, tagged_code_units)
}

/// Spec: `load_string_from_range`.
pub fn load_string_from_range(cx: &mut Cx, ptr: u64, tagged_code_units: u64) -> Result<Str, Stop> {
    let (source, byte_length) = source_and_byte_length(cx, tagged_code_units);
    let alignment = deviations::alignment(cx, source, ptr);
    cx.trap_if(Rule::StringTooLong, byte_length > MAX_STRING_BYTE_LENGTH)?;
    cx.trap_if(Rule::StringMisaligned, !ptr.is_multiple_of(alignment))?;
    deviations::read_past_end(cx, source, ptr, byte_length)?;
    cx.trap_if(Rule::StringOutOfBounds, cx.out_of_bounds(ptr, byte_length))?;
    let text = decode_range(cx, source, ptr, byte_length)?;
    Ok(Str { text, source })
}

/// Spec: `load_string_from_range`, its end: the text of bytes that are in the memory.
fn decode_range(
    cx: &mut Cx,
    source: StringSource,
    ptr: u64,
    byte_length: u64,
) -> Result<String, Stop> {
    cx.access(ptr, byte_length)?;
    reach_loaded(cx, source);
    cx.lift(byte_length / 16)?;
    let bytes = cx.read(ptr, byte_length)?;
    if let Some(text) = decode(source, bytes) {
        return Ok(text);
    }
    let bytes = bytes.to_vec();
    if let Some(text) = deviations::overlong_nul(cx, source, &bytes) {
        return Ok(text);
    }
    cx.trap_if(malformed(source), true)?;
    Ok(unchecked::text(source, &bytes))
}

fn reach_loaded(cx: &mut Cx, source: StringSource) {
    cx.reach_pointer(Rule::LoadWidePointer);
    cx.reach(loaded_as(source));
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

/// Spec: `load_string_from_range`, its beginning: what the options and the tag say.
pub(super) fn source_and_byte_length(cx: &mut Cx, tagged_code_units: u64) -> (StringSource, u64) {
    match cx.opts.string_encoding {
        StringEncoding::Utf8 => (StringSource::Utf8, tagged_code_units),
        StringEncoding::Utf16 => (StringSource::Utf16, tagged_code_units.saturating_mul(2)),
        StringEncoding::Latin1OrUtf16 => {
            let tag = deviations::tag_of(cx, tagged_code_units);
            if tagged_code_units & tag == 0 {
                return (StringSource::Latin1, tagged_code_units);
            }
            let code_units = tagged_code_units ^ tag;
            let code_unit = deviations::tagged_code_unit(cx, code_units);
            (StringSource::TaggedUtf16, code_units.saturating_mul(code_unit))
        }
    }
}

/// Whether a string may not begin there.
pub(super) fn is_misaligned(cx: &mut Cx, source: StringSource, ptr: u64) -> bool {
    let alignment = deviations::alignment(cx, source, ptr);
    !ptr.is_multiple_of(alignment) && !cx.waives(Rule::StringMisaligned)
}

fn decode(source: StringSource, bytes: &[u8]) -> Option<String> {
    match source {
        StringSource::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
        StringSource::Utf16 | StringSource::TaggedUtf16 => {
            utf16_chars(bytes).collect::<Result<_, _>>().ok()
        }
        StringSource::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Spec: `store_string`.
pub(super) fn store_string(cx: &mut Cx, src: &Str, ptr: u64) -> Result<(), Stop> {
    let (begin, tagged_code_units) = store_string_into_range(cx, src)?;
    store_pair(cx, begin, tagged_code_units, ptr)
}

/// Spec: `store_string_into_range`. Where the string begins and its tagged code units.
pub fn store_string_into_range(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
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
            let alignment = deviations::latin1_alignment(cx);
            store_string_copy(cx, src, alignment, latin1(src))
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
) -> Result<(u64, u64), Stop> {
    let ptr = allocate_string(cx, src.source, dst_alignment, len(&encoded))?;
    cx.write(&encoded, ptr)?;
    Ok((ptr, deviations::copied_code_units(cx, src)))
}

/// Spec: `store_utf16_to_utf8`.
fn store_utf16_to_utf8(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
    let worst_case_size = src.code_units() * deviations::utf16_growth(cx, src);
    store_string_to_utf8(cx, src, worst_case_size)
}

/// Spec: `store_latin1_to_utf8`.
fn store_latin1_to_utf8(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
    let worst_case_size = deviations::latin1_worst_case(cx, src);
    store_string_to_utf8(cx, src, worst_case_size)
}

/// Spec: `store_string_to_utf8`.
fn store_string_to_utf8(cx: &mut Cx, src: &Str, worst_case_size: u64) -> Result<(u64, u64), Stop> {
    let Passes { first_size, first, rest } = deviations::passes(cx, src, worst_case_size);
    let mut ptr = allocate_string(cx, src.source, 1, first_size)?;
    cx.write(&first, ptr)?;
    if rest.is_empty() {
        return Ok((ptr, src.code_units()));
    }
    ptr = grow_string(cx, src.source, (ptr, first_size), 1, worst_case_size)?;
    cx.write(&rest, ptr + len(&first))?;
    let byte_length = len(&first) + len(&rest);
    if worst_case_size > byte_length {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 1, byte_length)?;
    }
    Ok((ptr, byte_length))
}

/// Spec: `store_utf8_to_utf16`.
fn store_utf8_to_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
    let worst_case_size = 2 * src.code_units();
    let encoded = utf16(src);
    let mut ptr = allocate_string(cx, src.source, 2, worst_case_size)?;
    cx.write(&encoded, ptr)?;
    if len(&encoded) < worst_case_size && !deviations::keeps_worst_case(cx) {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 2, len(&encoded))?;
    }
    Ok((ptr, len(&encoded) / 2))
}

/// Spec: `store_string_to_latin1_or_utf16`.
fn store_string_to_latin1_or_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
    let src_code_units = src.code_units();
    let prefix = deviations::latin1_prefix(cx, latin1(src));
    let mut ptr = allocate_string(cx, src.source, 2, src_code_units)?;
    cx.write(&prefix, ptr)?;
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
) -> Result<(u64, u64), Stop> {
    let worst_case_size = 2 * src.code_units();
    let encoded = utf16(src);
    let old_size = deviations::old_size(cx, src.code_units());
    let block = Block::String { source: src.source, change: Change::Grown };
    let mut ptr = reallocate_string(cx, block, (old, old_size), 2, worst_case_size)?;
    check_inflated(cx, block, ptr, worst_case_size, len(&encoded))?;
    // What `realloc` kept, which need not be what was stored.
    let kept = cx.read(ptr, prefix_length)?;
    let inflated: Vec<u8> = kept.iter().flat_map(|byte| [*byte, 0]).collect();
    let inflated = deviations::inflated(cx, inflated, &encoded);
    cx.write(&inflated, ptr)?;
    cx.write(&encoded[inflated.len()..], ptr + len(&inflated))?;
    if worst_case_size > len(&encoded) {
        ptr = shrink_string(cx, src.source, (ptr, worst_case_size), 2, len(&encoded))?;
    }
    Ok((ptr, (len(&encoded) / 2) | deviations::tag_of_inflated(cx)))
}

/// Spec: `store_probably_utf16_to_latin1_or_utf16`.
fn store_probably_utf16_to_latin1_or_utf16(cx: &mut Cx, src: &Str) -> Result<(u64, u64), Stop> {
    let encoded = utf16(src);
    let ptr = allocate_string(cx, src.source, 2, len(&encoded))?;
    cx.write(&encoded, ptr)?;
    let compact = latin1(src);
    if len(&compact) < src.code_units() {
        return Ok((ptr, src.code_units() | deviations::tag(cx)));
    }
    cx.write(&compact, ptr)?;
    // The alignment is 1 here, though the allocation was made with 2.
    let alignment = deviations::compacted_alignment(cx);
    let ptr = shrink_string(cx, src.source, (ptr, len(&encoded)), alignment, len(&compact))?;
    Ok((ptr, deviations::compacted_length(cx, &encoded, &compact)))
}

/// What an engine asks of `realloc` that decodes only while it transcodes, up to where the source
/// turns out to be no string: at once where it cannot be read at all.
pub(super) fn transcode_partly(
    cx: &mut Cx,
    source: StringSource,
    code_units: u64,
    readable: bool,
) -> Result<(), Stop> {
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
) -> Result<u64, Stop> {
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
) -> Result<u64, Stop> {
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
    alignment: u64,
    new_size: u64,
) -> Result<u64, Stop> {
    let block = Block::String { source, change: Change::Shrunk };
    let ptr = reallocate_string(cx, block, old, alignment, new_size)?;
    let (_, old_size) = old;
    if !deviations::shrinks_unchecked(cx, old_size, new_size) {
        check_block(cx, block, ptr, alignment, new_size)?;
    }
    Ok(ptr)
}

/// Checks where `realloc` says that a block is.
fn check_block(cx: &mut Cx, block: Block, ptr: u64, alignment: u64, size: u64) -> Result<(), Stop> {
    let Block::String { source, change } = block else { unreachable!("it is for a string") };
    let to = cx.opts.string_encoding;
    let point = |answer| Point::Block { source, to, change, answer };
    let what = Checked {
        misaligned: point(Answer::Misaligned),
        out_of_bounds: point(Answer::OutOfBounds),
        wide: Rule::StoreWidePointer,
    };
    cx.check_range(ptr, alignment, size, what)?;
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
) -> Result<(), Stop> {
    if deviations::inflates_unchecked(cx, ptr, worst_case_size, written)? {
        return Ok(());
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
) -> Result<u64, Stop> {
    // Differs from the spec: it asserts this. No string of a guest is so long, but a host's may be.
    cx.trap_if(Rule::StringUnallocatable, new_size > super::REALLOC_I32_MAX)?;
    cx.reallocate(block, old, alignment, new_size)
}
