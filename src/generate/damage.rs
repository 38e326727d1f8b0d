//! Damage to guest data: for each kind of place the values that some check has to tell apart.
//! Knows nothing of values and types.

use arbitrary::{Result, Unstructured};

use super::choices::{PlaceKind, TextKind};
use super::draw::{integer, pick, weighted};
use super::places::{Place, Spot};
use super::weights;
use crate::abi::string::utf16_tag;
use crate::abi::{PtrType, wrap};
use crate::case::{Chunk, Patch};

/// Code points and what are none.
const CHARS: [u64; 9] =
    [0x11_0000, 0xd800, 0xdfff, 0xd7ff, 0xe000, 0x10_ffff, 0xffff_ffff, 0x8000_0041, 0x1_0041];

/// Sequences that are no UTF-8: a lone continuation, overlong forms (that of NUL, which modified
/// UTF-8 has, more than once), surrogates, beyond the last code point, bytes that never occur, and
/// beginnings without their end.
const NO_UTF8: [&[u8]; 22] = [
    &[0x80],
    &[0xbf],
    &[0xc0, 0x80],
    &[0xc0, 0x80],
    &[0xc0, 0x80],
    &[0xc1, 0xbf],
    &[0xe0, 0x80, 0x80],
    &[0xe0, 0x9f, 0xbf],
    &[0xf0, 0x80, 0x80, 0x80],
    &[0xf0, 0x8f, 0xbf, 0xbf],
    &[0xed, 0xa0, 0x80],
    &[0xed, 0xbf, 0xbf],
    &[0xf4, 0x90, 0x80, 0x80],
    &[0xf5, 0x80, 0x80, 0x80],
    &[0xf8, 0x88, 0x80, 0x80, 0x80],
    &[0xff],
    &[0xfe],
    &[0xc3],
    &[0xe2, 0x82],
    &[0xf0, 0x9f, 0x98],
    &[0xe2],
    &[0xf0],
];

/// Lone surrogates, and a pair the wrong way round.
const NO_UTF16: [&[u8]; 6] = [
    &[0x00, 0xd8],
    &[0xff, 0xdb],
    &[0x00, 0xdc],
    &[0xff, 0xdf],
    &[0x00, 0xdc, 0x00, 0xd8],
    &[0x00, 0xd8, 0x00, 0xd8],
];

/// Any bytes are Latin-1: what would be wrong elsewhere.
const ODD_LATIN1: [&[u8]; 4] = [&[0x80], &[0xff], &[0xc3, 0xa9], &[0x00]];

/// Float bits that no value has: NaNs, quiet and signaling, of both signs.
const NANS32: [u64; 5] = [0x7fc0_0001, 0x7f80_0001, 0xffc0_0000, 0xffff_ffff, 0x7fa0_0000];
const NANS64: [u64; 5] = [
    0x7ff8_0000_0000_0001,
    0x7ff0_0000_0000_0001,
    0xfff8_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
    0x7ff4_0000_0000_0000,
];

/// Damages one of the places in data that was lowered into `memory`. How many there are of a kind
/// plays no part.
pub fn damage(u: &mut Unstructured, places: &[Place], memory: &[u8]) -> Result<Option<Patch>> {
    let Some(kind) = any_kind(u, places)? else {
        return Ok(None);
    };
    let of_kind = |place: &&Place| discriminant_of(place) == kind;
    let places: Vec<&Place> = places.iter().filter(of_kind).collect();
    let place = **u.choose(&places)?;
    if let PlaceKind::Text { bytes, encoding } = place.kind {
        return text(u, place.spot, bytes, encoding, memory).map(Some);
    }
    let size = u64::try_from(memory.len()).expect("a length fits in 64 bits");
    let bits = bits(u, place, size)?;
    Ok(Some(patch(place.spot, bits)))
}

/// Tells kinds apart without what is in them.
type KindOf = std::mem::Discriminant<PlaceKind>;

fn discriminant_of(place: &Place) -> KindOf {
    std::mem::discriminant(&place.kind)
}

fn any_kind(u: &mut Unstructured, places: &[Place]) -> Result<Option<KindOf>> {
    let mut kinds: Vec<(u32, KindOf)> = Vec::new();
    for place in places {
        let kind = discriminant_of(place);
        if !kinds.iter().any(|(_, other)| *other == kind) {
            kinds.push((weights::damage(place.kind), kind));
        }
    }
    if kinds.is_empty() {
        return Ok(None);
    }
    weighted(u, &kinds).map(Some)
}

/// Puts bits at a place, as many as there is room for.
pub fn patch(spot: Spot, bits: u64) -> Patch {
    match spot {
        Spot::Flat { index, ty } => {
            let bits = crate::abi::Core::from_bits(ty, bits).bits();
            Patch::Flat { index: u32::try_from(index).expect("core values are few"), bits }
        }
        Spot::Memory { at, width } => {
            let width = usize::try_from(width).expect("at most 8");
            Patch::Memory(Chunk { at: wrap(at), bytes: bits.to_le_bytes()[..width].to_vec() })
        }
    }
}

fn bits(u: &mut Unstructured, place: Place, memory: u64) -> Result<u64> {
    let now = place.bits;
    match place.kind {
        PlaceKind::Discriminant { cases } => discriminant(u, u64::try_from(cases).unwrap_or(0)),
        PlaceKind::Pointer { align, bytes, ptr_type } => {
            if ptr_type == PtrType::I64 && u.ratio(1, 3)? {
                return wide_pointer(u, now, align, bytes, memory);
            }
            pointer(u, now, align, bytes, memory)
        }
        PlaceKind::Length { elem_size, ptr, tagged, ptr_type } => {
            if ptr_type == PtrType::I64 && u.ratio(1, 3)? {
                return wide_length(u, now, elem_size);
            }
            let tag = tagged.then(|| utf16_tag(ptr_type));
            length(u, now, elem_size, ptr, tag, memory)
        }
        PlaceKind::Text { .. } | PlaceKind::Unused => integer(u, 64),
        PlaceKind::Char => pick(u, &CHARS),
        PlaceKind::Bool => pick(u, &[2, 255, 256, 0x80, 0xffff_ff00, 0x1_0000_0000, 0xffff_ffff]),
        PlaceKind::Flags { count } => {
            let beyond = u64::MAX.checked_shl(u32::try_from(count).unwrap_or(64)).unwrap_or(0);
            pick(u, &[now | beyond, now | (beyond & beyond.wrapping_neg()), beyond, u64::MAX])
        }
        PlaceKind::Narrow { width } => {
            let upper = u64::MAX << width;
            let sign = 1 << (width - 1);
            pick(u, &[now ^ upper, now | upper, now ^ (1 << width), now ^ sign, now | 0x8000_0000])
        }
        PlaceKind::Float { width: 32 } => pick(u, &NANS32),
        PlaceKind::Float { .. } => pick(u, &NANS64),
        PlaceKind::UpperHalf => {
            let upper = pick(u, &[0xffff_ffff, 1, 0x8000_0000, 0x7ff8_0000])?;
            Ok(now | (upper << 32))
        }
        PlaceKind::Padding => pick(u, &[0xff, 1, 0]),
        PlaceKind::Handle => {
            let around = [now.wrapping_add(1), now.wrapping_sub(1), 1, 2, 3];
            let none = [0, 1 << 28, (1 << 28) - 1, 0x8000_0000, 0xffff_ffff, now | 0x1000_0000];
            if u.ratio(2, 3)? { pick(u, &around) } else { pick(u, &none) }
        }
    }
}

fn discriminant(u: &mut Unstructured, cases: u64) -> Result<u64> {
    let around = [cases, cases - 1, cases + 1, cases | 0x100, cases | 0x1_0000];
    let fixed = [0, 255, 256, 0xffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000];
    if u.ratio(2, 3)? { pick(u, &around) } else { pick(u, &fixed) }
}

fn pointer(u: &mut Unstructured, now: u64, align: u64, bytes: u64, memory: u64) -> Result<u64> {
    let last = memory.saturating_sub(bytes);
    let aligned = last / align * align;
    match u.int_in_range(0..=3)? {
        0 => pick(u, &[now + 1, now.wrapping_sub(1), now ^ (align / 2).max(1), now + align]),
        1 => pick(u, &[aligned, aligned + align, last, last + 1, last.wrapping_sub(1)]),
        2 => pick(u, &[memory, memory - align, memory - 1, memory + 1, memory + align]),
        _ => {
            let top = 0x1_0000_0000 - align;
            let wraps = 0x1_0000_0000u64.wrapping_sub(bytes) / align * align;
            pick(u, &[0, 1, 0x8000_0000, 0x7fff_ffff, 0xffff_ffff, top, wraps])
        }
    }
}

/// A pointer of which the low 32 bits may be good, or where what it points to would wrap around.
fn wide_pointer(
    u: &mut Unstructured,
    now: u64,
    align: u64,
    bytes: u64,
    memory: u64,
) -> Result<u64> {
    let last = memory.saturating_sub(bytes) / align * align;
    let wraps = 0u64.wrapping_sub(bytes) / align * align;
    let top = 0u64.wrapping_sub(align);
    pick(u, &[now | 1 << 32, now | 1 << 33, now | 1 << 63, last | 1 << 32, wraps, top, u64::MAX])
}

/// A length of which the low 32 bits may be good, or so many elements that their bytes wrap around.
fn wide_length(u: &mut Unstructured, now: u64, elem_size: u64) -> Result<u64> {
    let wraps = u64::MAX / elem_size.max(1);
    let low = (1 << 32) / elem_size.max(1);
    let high = now | 1 << 32;
    pick(u, &[high, now | 1 << 62, now ^ 1 << 63, 1 << 63, wraps, wraps.wrapping_add(1), low])
}

fn length(
    u: &mut Unstructured,
    now: u64,
    elem_size: u64,
    ptr: u64,
    tag: Option<u64>,
    memory: u64,
) -> Result<u64> {
    let most = memory.saturating_sub(ptr) / elem_size;
    let wraps = 0x1_0000_0000 / elem_size;
    let limit = ((1 << 28) - 1) / elem_size;
    if let Some(tag) = tag
        && u.ratio(1, 3)?
    {
        return pick(u, &[now ^ tag, tag, (most / 2) | tag]);
    }
    match u.int_in_range(0..=2)? {
        0 => pick(u, &[now + 1, now.wrapping_sub(1), now.wrapping_mul(2), now / 2, 0]),
        1 => pick(u, &[most, most + 1, wraps, wraps + 1, limit, limit + 1]),
        _ => pick(u, &[0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0x4000_0000, now ^ 0x8000_0000]),
    }
}

/// Breaks a string at its start, at its end or in between.
fn text(
    u: &mut Unstructured,
    spot: Spot,
    bytes: u64,
    encoding: TextKind,
    memory: &[u8],
) -> Result<Patch> {
    let Spot::Memory { at, .. } = spot else { unreachable!("a string is in memory") };
    let (sequences, unit): (&[&[u8]], u64) = match encoding {
        TextKind::Utf8 => (&NO_UTF8, 1),
        TextKind::Utf16 => (&NO_UTF16, 2),
        TextKind::Latin1 => (&ODD_LATIN1, 1),
    };
    let sequence = pick(u, sequences)?;
    let length = u64::try_from(sequence.len()).expect("a few bytes").min(bytes);
    let last = (bytes - length) / unit;
    let offset = match u.int_in_range(0..=2)? {
        0 => 0,
        1 => last,
        _ => u.int_in_range(0..=last)?,
    };
    // Whole code points are replaced where there are such, for what is left of one is another
    // mistake, and may be noticed in place of this one.
    let whole = |offset: &u64| {
        encoding != TextKind::Utf8
            || is_boundary(memory, at + offset, at + bytes)
                && is_boundary(memory, at + offset + length, at + bytes)
    };
    let offset = (offset..=last).chain(0..offset).find(whole).unwrap_or(offset);
    let sequence = &sequence[..usize::try_from(length).expect("a few bytes")];
    Ok(Patch::Memory(Chunk { at: wrap(at + offset * unit), bytes: sequence.to_vec() }))
}

/// Whether a code point of UTF-8 begins here, or the string ends.
fn is_boundary(memory: &[u8], at: u64, end: u64) -> bool {
    let byte = usize::try_from(at).ok().and_then(|at| memory.get(at));
    at == end || byte.is_none_or(|byte| byte & 0xc0 != 0x80)
}
