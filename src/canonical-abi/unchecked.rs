//! What follows where whoever watches has a check left out: what an engine does that lacks it.
//! Knows nothing of who does so, nor why.

use super::bytes::{len, utf16_chars, valid_range};
use super::check::trap_if;
use super::context::Cx;
use super::{Party, Rule, Stop, Trap, Watch, end_if};
use crate::value::StringSource;

impl Cx<'_> {
    /// Ends where so many bytes are not all in memory: between guests it is core code that lifts and lowers, which
    /// traps for that, and a host reads and writes what is not its own.
    pub fn access(&self, ptr: u64, byte_length: u64) -> Result<(), Stop> {
        let outside = byte_length > 0 && self.out_of_bounds(ptr, byte_length);
        let fused = self.peer.is_some();
        end_if(outside, if fused { Trap::MemoryOutOfBounds.into() } else { Stop::Crash })
    }

    /// Bytes of the memory.
    pub fn read(&self, ptr: u64, byte_length: u64) -> Result<&[u8], Stop> {
        self.access(ptr, byte_length)?;
        Ok(if byte_length == 0 { &[] } else { &self.guest.memory()[valid_range(ptr, byte_length)] })
    }

    /// Copies into the memory.
    pub fn write(&mut self, bytes: &[u8], ptr: u64) -> Result<(), Stop> {
        self.access(ptr, len(bytes))?;
        if !bytes.is_empty() {
            self.guest.memory_mut()[valid_range(ptr, len(bytes))].copy_from_slice(bytes);
        }
        Ok(())
    }
}

/// The text of bytes that are none: what is wrong in them is replaced.
pub(super) fn text(source: StringSource, bytes: &[u8]) -> String {
    match source {
        StringSource::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        StringSource::Utf16 | StringSource::TaggedUtf16 => {
            utf16_chars(bytes).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        StringSource::Latin1 => unreachable!("any bytes are Latin-1"),
    }
}

/// The char of a number that may be none.
pub(super) fn char(code_point: u32) -> char {
    char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The case of an index that may be beyond the last: that one.
pub(super) fn case<T>(cases: &[T], index: usize) -> usize {
    index.min(cases.len() - 1)
}

/// The end of who finds nothing in the table: nothing has the right type, and who does not look at that either
/// has nothing to go on with.
pub(super) fn no_handle(watch: &mut dyn Watch, party: Party, other_type: Rule) -> Stop {
    trap_if(watch, party, other_type, true).err().unwrap_or(Stop::Crash)
}
