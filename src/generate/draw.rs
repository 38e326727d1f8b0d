//! Drawing from bytes: chances, tables, numbers that sit on edges.
//! Knows nothing of cases.

use arbitrary::{Result, Unstructured};

/// How often, in percent.
#[derive(Clone, Copy, Debug)]
pub struct Percent(pub u8);

/// What to choose from, each with its share. Where the bytes are used up the first is chosen, so
/// it is one that ends.
pub type Shares<T> = [(u32, T)];

pub fn chance(u: &mut Unstructured, percent: Percent) -> Result<bool> {
    // Where the bytes are used up the answer is no.
    Ok(u.int_in_range(0..=99)? >= 100 - percent.0)
}

pub fn pick<T: Copy>(u: &mut Unstructured, from: &[T]) -> Result<T> {
    u.choose(from).copied()
}

pub fn weighted<T: Copy>(u: &mut Unstructured, table: &Shares<T>) -> Result<T> {
    weighted_where(u, table, |_| true)
}

/// Chooses among those that are `possible`; there is at least one.
pub fn weighted_where<T: Copy>(
    u: &mut Unstructured,
    table: &Shares<T>,
    possible: impl Fn(T) -> bool,
) -> Result<T> {
    let rows = || table.iter().filter(|(_, item)| possible(*item));
    let total: u32 = rows().map(|(weight, _)| weight).sum();
    if total == 0 {
        return Err(arbitrary::Error::EmptyChoose);
    }
    let mut left = u.int_in_range(0..=total - 1)?;
    for (weight, item) in rows() {
        if left < *weight {
            return Ok(*item);
        }
        left -= weight;
    }
    unreachable!("what was drawn is less than the sum")
}

/// A number from `low` to `high`.
pub fn between(u: &mut Unstructured, low: usize, high: usize) -> Result<usize> {
    u.int_in_range(low..=high.max(low))
}

/// A position among `count`, if there is one.
pub fn position(u: &mut Unstructured, count: usize) -> Result<Option<usize>> {
    if count == 0 { Ok(None) } else { u.choose_index(count).map(Some) }
}

/// An integer of `width` bits: often one at which something changes.
pub fn integer(u: &mut Unstructured, width: u32) -> Result<u64> {
    let mask = u64::MAX >> (64 - width);
    let power = |u: &mut Unstructured| Ok(1u64 << u.int_in_range(0..=width - 1)?);
    let bits = match u.int_in_range(0..=9)? {
        0 => 0,
        1 => 1,
        2 => mask,
        3 => power(u)?,
        4 => power(u)? - 1,
        5 => power(u)? + 1,
        6 => !power(u)?,
        7 => u64::from(u.arbitrary::<u8>()?),
        _ => u.arbitrary()?,
    };
    Ok(bits & mask)
}

/// Bytes to draw from, in the order that all machines have in common.
pub fn entropy(rng: &mut fastrand::Rng, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    for word in bytes.chunks_exact_mut(8) {
        word.copy_from_slice(&rng.u64(..).to_le_bytes());
    }
    bytes
}

/// The low bits.
pub fn low8(bits: u64) -> u8 {
    bits.to_le_bytes()[0]
}

/// The low bits.
pub fn low16(bits: u64) -> u16 {
    let [low, high, ..] = bits.to_le_bytes();
    u16::from_le_bytes([low, high])
}
