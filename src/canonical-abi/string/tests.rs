use super::*;
use crate::bytes::valid_range;
use crate::bytes_guest::{ByteGuest, ReallocCall};
use crate::{Deviation, Deviations, LiftLowerOptions, PtrType, Recorder, Trap};
use StringSource::{Latin1, TaggedUtf16, Utf8, Utf16};

const TAG: u64 = 1 << 31;

fn opts(string_encoding: StringEncoding) -> LiftLowerOptions {
    LiftLowerOptions { string_encoding, ptr_type: PtrType::I32 }
}

/// A guest with this deviation.
fn deviating(memory: Vec<u8>, deviation: Deviation) -> ByteGuest<Recorder> {
    let deviations = Deviations::from_iter([deviation]);
    ByteGuest::watched(memory, 0, Recorder::deviating(deviations))
}

/// The calls of `realloc` (old_size, align, new_size), and the length that is lowered.
#[track_caller]
fn check(
    text: &str,
    source: StringSource,
    to: StringEncoding,
    calls: &[(u64, u64, u64)],
    length: u64,
) {
    let mut guest = ByteGuest::new(vec![0; 256], 0);
    let src = Str { text: text.into(), source };
    let cx = &mut Cx { opts: opts(to), peer: None, guest: &mut guest };
    let (ptr, tagged_code_units) = store_string_into_range(cx, &src).unwrap();
    assert_eq!(tagged_code_units, length);
    let lifted = load_string_from_range(cx, ptr, tagged_code_units).unwrap();
    assert_eq!(lifted.text, text);
    let call = |call: &ReallocCall| (call.old_size, call.align, call.new_size);
    assert_eq!(guest.calls.iter().map(call).collect::<Vec<_>>(), calls);
}

#[track_caller]
fn check_trap(encoding: StringEncoding, memory: &[u8], ptr: u64, length: u64, trap: Trap) {
    let mut guest = ByteGuest::new(memory.to_vec(), 0);
    let cx = &mut Cx { opts: opts(encoding), peer: None, guest: &mut guest };
    assert_eq!(load_string_from_range(cx, ptr, length), Err(trap.into()));
}

#[test]
fn transcoding_to_utf8_grows_at_the_first_non_ascii() {
    check("aé", Utf8, StringEncoding::Utf8, &[(0, 1, 3)], 3);
    check("ab", Utf16, StringEncoding::Utf8, &[(0, 1, 2)], 2);
    check("aé", Utf16, StringEncoding::Utf8, &[(0, 1, 2), (2, 1, 6), (6, 1, 3)], 3);
    check("éé", Latin1, StringEncoding::Utf8, &[(0, 1, 2), (2, 1, 4)], 4);
    check("☃", TaggedUtf16, StringEncoding::Utf8, &[(0, 1, 1), (1, 1, 3)], 3);
}

#[test]
fn transcoding_to_utf16_shrinks_at_the_end() {
    check("ab", Utf8, StringEncoding::Utf16, &[(0, 2, 4)], 2);
    check("aé", Utf8, StringEncoding::Utf16, &[(0, 2, 6), (6, 2, 4)], 2);
    check("aé", Latin1, StringEncoding::Utf16, &[(0, 2, 4)], 2);
    check("😀", TaggedUtf16, StringEncoding::Utf16, &[(0, 2, 4)], 2);
}

#[test]
fn transcoding_to_latin1_inflates_at_the_first_wider_char() {
    let to = StringEncoding::Latin1OrUtf16;
    check("aé", Utf8, to, &[(0, 2, 3), (3, 2, 2)], 2);
    check("aé", Utf16, to, &[(0, 2, 2)], 2);
    check("aé☃", Utf8, to, &[(0, 2, 6), (6, 2, 12), (12, 2, 6)], 3 | TAG);
    check("aé☃", Utf16, to, &[(0, 2, 3), (3, 2, 6)], 3 | TAG);
    check("aé", Latin1, to, &[(0, 2, 2)], 2);
}

#[test]
fn utf16_that_fits_latin1_is_compacted_with_alignment_1() {
    let to = StringEncoding::Latin1OrUtf16;
    check("aé", TaggedUtf16, to, &[(0, 2, 4), (4, 1, 2)], 2);
    check("a☃", TaggedUtf16, to, &[(0, 2, 4)], 2 | TAG);
}

#[test]
fn inflating_reads_what_realloc_kept() {
    let mut guest = ByteGuest::new(vec![b'x'; 64], 0);
    guest.overrides.insert(1, 32);
    let src = Str { text: "ab☃".into(), source: Utf16 };
    let cx = &mut Cx { opts: opts(StringEncoding::Latin1OrUtf16), peer: None, guest: &mut guest };
    let (ptr, length) = store_string_into_range(cx, &src).unwrap();
    assert_eq!(load_string_from_range(cx, ptr, length).unwrap().text, "xx☃");
}

#[test]
fn the_checks_come_in_the_order_length_alignment_bounds_encoding() {
    check_trap(StringEncoding::Utf16, &[0; 4], 1, 1 << 27, Trap::StringTooLong);
    check_trap(StringEncoding::Utf16, &[0; 4], 5, 0, Trap::UnalignedPointer);
    check_trap(StringEncoding::Latin1OrUtf16, &[0; 4], 1, 1, Trap::UnalignedPointer);
    check_trap(StringEncoding::Utf16, &[0; 4], 6, 0, Trap::StringOutOfBounds);
    check_trap(StringEncoding::Utf8, &[0xc0, 0x80], 0, 2, Trap::InvalidUtf8);
    check_trap(StringEncoding::Utf16, &[0, 0xd8], 0, 1, Trap::InvalidUtf16);
    check_trap(StringEncoding::Latin1OrUtf16, &[0, 0xdc], 0, 1 | TAG, Trap::InvalidUtf16);
}

#[test]
fn the_deviation_in_alignment_is_noted_only_for_an_odd_pointer() {
    let mut guest = deviating(b"xa\0".to_vec(), Deviation::StringAlignmentUnchecked);
    let cx = &mut Cx { opts: opts(StringEncoding::Utf16), peer: None, guest: &mut guest };
    assert!(load_string_from_range(cx, 0, 1).is_ok());
    assert!(guest.watch.taken.is_empty());
    let cx = &mut Cx { opts: opts(StringEncoding::Utf16), peer: None, guest: &mut guest };
    assert_eq!(load_string_from_range(cx, 1, 1).unwrap().text, "a");
    assert!(guest.watch.taken.contains(Deviation::StringAlignmentUnchecked));
}

/// What is lowered of a string from another guest, with a deviation, into a memory of 64 times `x`:
/// the calls of `realloc` (old_size, align, new_size), of which the last are answered with
/// `answers`, and at the end the bytes of the last block and the length.
#[track_caller]
fn check_deviation(
    deviation: Deviation,
    (text, source, to): (&str, StringSource, StringEncoding),
    answers: &[(usize, u64)],
    calls: &[(u64, u64, u64)],
    expected: Result<(&[u8], u64), Stop>,
) {
    let src = Str { text: text.into(), source };
    let deviates = |peer| {
        let mut guest = deviating(vec![b'x'; 64], deviation);
        guest.overrides.extend(answers.iter().copied());
        let cx = &mut Cx { opts: opts(to), peer, guest: &mut guest };
        let stored = store_string_into_range(cx, &src);
        (stored, guest)
    };
    let (_, guest) = deviates(None);
    assert!(guest.watch.taken.is_empty(), "the host is on the other side");
    let (stored, guest) = deviates(Some(opts(StringEncoding::Utf8)));
    assert!(guest.watch.taken.contains(deviation));
    let call = |call: &ReallocCall| (call.old_size, call.align, call.new_size);
    assert_eq!(guest.calls.iter().map(call).collect::<Vec<_>>(), calls);
    let (_, _, size) = *calls.last().unwrap();
    let bytes = |ptr: u64| {
        let end = (ptr + size).min(64);
        guest.memory[valid_range(ptr.min(end), end - ptr.min(end))].to_vec()
    };
    let stored = stored.map(|(ptr, length)| (bytes(ptr), length));
    assert_eq!(stored, expected.map(|(bytes, length)| (bytes.to_vec(), length)));
}

const UTF8: StringEncoding = StringEncoding::Utf8;
const UTF16: StringEncoding = StringEncoding::Utf16;
const COMPACT: StringEncoding = StringEncoding::Latin1OrUtf16;

#[test]
fn deviations_in_what_is_asked_for_between_guests() {
    let deviation = Deviation::Latin1CopiedByteAligned;
    check_deviation(deviation, ("a", Latin1, COMPACT), &[(0, 3)], &[(0, 1, 1)], Ok((b"a", 1)));
    let deviation = Deviation::CompactingAlignedToTwo;
    let what = ("aé", TaggedUtf16, COMPACT);
    let calls = [(0, 2, 4), (4, 2, 2)];
    check_deviation(deviation, what, &[], &calls, Ok((b"a\xe9", 2)));
    check_deviation(deviation, what, &[(1, 3)], &calls, Err(Trap::UnalignedPointer.into()));
    let deviation = Deviation::Latin1GrowsToFit;
    let calls = [(0, 1, 2), (2, 1, 3)];
    check_deviation(deviation, ("aé", Latin1, UTF8), &[], &calls, Ok(("aé".as_bytes(), 3)));
    let deviation = Deviation::FirstBlockInSourceBytes;
    let calls = [(0, 1, 4), (4, 1, 6), (6, 1, 3)];
    check_deviation(deviation, ("aé", Utf16, UTF8), &[], &calls, Ok(("aé".as_bytes(), 3)));
    let deviation = Deviation::Utf16GrowsToTwice;
    let calls = [(0, 1, 3), (3, 1, 6)];
    check_deviation(deviation, ("☃☃☃", Utf16, UTF8), &[], &calls, Ok(("☃☃".as_bytes(), 6)));
}

#[test]
fn deviations_in_what_is_written_between_guests() {
    let calls = [(0, 1, 3), (3, 1, 9), (9, 1, 4)];
    let (what, deviation) = (("aéb", Utf16, UTF8), Deviation::FirstPassFillsBlock);
    check_deviation(deviation, what, &[], &calls, Ok(("aéb".as_bytes(), 4)));
    check_deviation(deviation, what, &[(1, 20)], &calls, Ok((b"xxxb", 4)));
    let calls = [(0, 1, 3), (3, 1, 6), (6, 1, 4)];
    check_deviation(deviation, ("aéb", Latin1, UTF8), &[(1, 20)], &calls, Ok((b"xxxb", 4)));
    let deviation = Deviation::SecondPassFromStart;
    check_deviation(deviation, ("aéb", Latin1, UTF8), &[], &calls, Ok((b"aa\xc3\xa9", 4)));
    let deviation = Deviation::SurrogatePairCountedOnce;
    let pair = [0x3d, 0xd8, 0, 0xde];
    check_deviation(deviation, ("😀", Utf16, UTF16), &[], &[(0, 2, 4)], Ok((&pair, 1)));
    let deviation = Deviation::TagKeptInDestination;
    check_deviation(deviation, ("a", TaggedUtf16, UTF16), &[], &[(0, 2, 2)], Ok((b"a\0", 1 | TAG)));
    let deviation = Deviation::CompactedLengthInBytes;
    let calls = [(0, 2, 4), (4, 1, 2)];
    check_deviation(deviation, ("ab", TaggedUtf16, COMPACT), &[], &calls, Ok((b"ab", 4)));
}

#[test]
fn deviations_in_what_is_checked_between_guests() {
    let (what, calls) = (("aé", Utf8, UTF16), [(0, 2, 6), (6, 2, 4)]);
    let deviation = Deviation::FusedShrinkAlignmentUnchecked;
    check_deviation(deviation, what, &[(1, 1)], &calls, Ok((b"\0\xe9\0x", 2)));
    check_deviation(deviation, what, &[(1, 61)], &calls, Err(Trap::StringOutOfBounds.into()));
    let deviation = Deviation::FusedShrinkBoundsUnchecked;
    check_deviation(deviation, what, &[(1, 1000)], &calls, Ok((b"", 2)));
    check_deviation(deviation, what, &[(1, 1001)], &calls, Err(Trap::UnalignedPointer.into()));
    let (what, calls) = (("a☃", Utf16, COMPACT), [(0, 2, 2), (2, 2, 4)]);
    let deviation = Deviation::InflationAlignmentUnchecked;
    check_deviation(deviation, what, &[(1, 1)], &calls, Err(Stop::Crash));
    let deviation = Deviation::InflationBoundsUnchecked;
    check_deviation(deviation, what, &[(1, 62)], &calls, Err(Stop::Crash));
    let (what, calls) = (("a☃", Utf8, COMPACT), [(0, 2, 4), (4, 2, 8), (8, 2, 4)]);
    let kept = [b'x', 0, 3, 0x26];
    check_deviation(deviation, what, &[(1, 58), (2, 58)], &calls, Ok((&kept, 2 | TAG)));
}

#[test]
fn a_source_that_is_checked_for_half_its_length_is_read_beyond_the_memory() {
    let check = |tail: &[u16], to, expected: Stop| {
        let mut memory = vec![0; 8];
        memory.extend(tail.iter().flat_map(|unit| unit.to_le_bytes()));
        let mut guest = deviating(memory, Deviation::SourceBoundsInCodeUnits);
        let cx = &mut Cx { opts: opts(UTF16), peer: Some(opts(to)), guest: &mut guest };
        let code_units = u64::try_from(tail.len() + 1).unwrap();
        assert_eq!(load_string_from_range(cx, 8, code_units), Err(expected));
    };
    check(&[0x61, 0x2603], COMPACT, Stop::Crash);
    check(&[0x61, 0x2603], UTF8, Trap::StringOutOfBounds.into());
    check(&[0x61, 0xd800], COMPACT, Stop::Crash);
    check(&[0x61, 0xdc00], COMPACT, Trap::InvalidUtf16.into());
    check(&[0xd800, 0x61], COMPACT, Trap::InvalidUtf16.into());
    check(&[], COMPACT, Trap::StringOutOfBounds.into());
}

#[test]
fn strings_of_guests_are_aligned_even_where_the_hosts_need_not_be() {
    let mut guest = deviating(b"xa\0".to_vec(), Deviation::StringAlignmentUnchecked);
    let cx = &mut Cx { opts: opts(UTF16), peer: Some(opts(UTF8)), guest: &mut guest };
    assert_eq!(load_string_from_range(cx, 1, 1), Err(Trap::UnalignedPointer.into()));
    assert!(guest.watch.taken.is_empty());
}
