//! Texts and ranges as bytes.
//! Knows no memory.

use std::char::DecodeUtf16Error;
use std::ops::Range;

use crate::value::Str;

/// A range of the memory as an index.
pub(super) fn valid_range(ptr: u64, byte_length: u64) -> Range<usize> {
    let index = |offset| usize::try_from(offset).expect("the caller checked the range");
    index(ptr)..index(ptr + byte_length)
}

/// The chars of UTF-16, as far as it is some.
pub(super) fn utf16_chars(bytes: &[u8]) -> impl Iterator<Item = Result<char, DecodeUtf16Error>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().copied().map(u16::from_le_bytes))
}

/// How many code points a string has.
pub(super) fn chars(src: &Str) -> u64 {
    u64::try_from(src.text.chars().count()).expect("a length fits in 64 bits")
}

/// In UTF-8.
pub(super) fn utf8(src: &Str) -> Vec<u8> {
    src.text.as_bytes().to_vec()
}

/// In UTF-16.
pub(super) fn utf16(src: &Str) -> Vec<u8> {
    src.text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// As much from the start as Latin-1 can say.
pub(super) fn latin1(src: &Str) -> Vec<u8> {
    src.text.chars().map_while(|char| u8::try_from(char).ok()).collect()
}

/// How many.
pub(super) fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits in 64 bits")
}
