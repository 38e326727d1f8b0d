//! Values as WAVE: `wasm-wave` reads the notation, types are put to it here.
//! Knows nothing of the document around them.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::parse;
pub use write::print;

/// The bit of the flag at `position`.
fn flag(position: usize) -> u32 {
    u32::try_from(position).ok().and_then(|position| 1_u32.checked_shl(position)).unwrap_or(0)
}
