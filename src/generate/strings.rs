//! Texts, by what transcoding them has to go through.
//! Knows nothing of types.

use arbitrary::{Result, Unstructured};

use super::choices::StringKind;
use super::draw::{between, pick, weighted};
use super::weights::Habits;

const BOUNDARIES: [char; 20] = [
    '\0',
    '\u{7f}',
    '\u{80}',
    '\u{81}',
    '\u{9f}',
    '\u{a0}',
    '\u{ff}',
    '\u{100}',
    '\u{7ff}',
    '\u{800}',
    '\u{fff}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{feff}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{10000}',
    '\u{1f600}',
    '\u{10ffff}',
];

/// A period of a long text; it costs bytes to draw.
const PERIOD: usize = 12;

/// A text of at most `most` bytes.
pub fn text(u: &mut Unstructured, most: usize, habits: &Habits) -> Result<String> {
    let kind = weighted(u, habits.string_kinds)?;
    let length = weighted(u, habits.string_lengths)?;
    let mut text = of_kind(u, kind, length)?;
    truncate(&mut text, most);
    Ok(text)
}

/// A code point, often at a boundary.
pub fn code_point(u: &mut Unstructured) -> Result<char> {
    match u.int_in_range(0..=3)? {
        0 => ascii(u),
        1 | 2 => pick(u, &BOUNDARIES),
        _ => any(u, 0, 0x10_ffff),
    }
}

fn truncate(text: &mut String, most: usize) {
    let most = most.min(text.len());
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
}

fn of_kind(u: &mut Unstructured, kind: StringKind, length: usize) -> Result<String> {
    match kind {
        StringKind::Empty => Ok(String::new()),
        StringKind::Ascii => periodic(u, length, ascii),
        StringKind::Latin1 => periodic(u, length, latin1),
        StringKind::AsciiThenLatin1 => turning(u, length, ascii, latin1),
        StringKind::AsciiThenWide => turning(u, length, ascii, wide),
        StringKind::NarrowThenWide => turning(u, length, latin1, wide),
        StringKind::Bmp => periodic(u, length, bmp),
        StringKind::Supplementary => periodic(u, length, supplementary),
        StringKind::Boundary => periodic(u, length, |u| pick(u, &BOUNDARIES)),
    }
}

type Draw = fn(&mut Unstructured) -> Result<char>;

fn periodic(u: &mut Unstructured, length: usize, draw: Draw) -> Result<String> {
    let period = (0..length.min(PERIOD)).map(|_| draw(u)).collect::<Result<Vec<char>>>()?;
    Ok(period.into_iter().cycle().take(length).collect())
}

/// A text that changes at some point, often with its last code point, and perhaps back again.
fn turning(u: &mut Unstructured, length: usize, before: Draw, after: Draw) -> Result<String> {
    let turn = if u.arbitrary()? { length - 1 } else { between(u, 0, length - 1)? };
    let mut text = periodic(u, turn, before)?;
    text.push(after(u)?);
    let rest = length - turn - 1;
    let draw = if u.arbitrary()? { after } else { before };
    text.push_str(&periodic(u, rest, draw)?);
    Ok(text)
}

fn ascii(u: &mut Unstructured) -> Result<char> {
    any(u, 0x20, 0x7e)
}

fn latin1(u: &mut Unstructured) -> Result<char> {
    if u.ratio(1, 4)? { ascii(u) } else { any(u, 0x80, 0xff) }
}

fn wide(u: &mut Unstructured) -> Result<char> {
    if u.ratio(1, 3)? { supplementary(u) } else { bmp(u) }
}

fn bmp(u: &mut Unstructured) -> Result<char> {
    any(u, 0x100, 0xffff)
}

fn supplementary(u: &mut Unstructured) -> Result<char> {
    any(u, 0x1_0000, 0x10_ffff)
}

/// A code point in this range, or the replacement character in place of a surrogate.
fn any(u: &mut Unstructured, low: u32, high: u32) -> Result<char> {
    Ok(char::from_u32(u.int_in_range(low..=high)?).unwrap_or(char::REPLACEMENT_CHARACTER))
}
