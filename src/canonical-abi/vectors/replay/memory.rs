//! The memories of guests: as they are, and as the trace has it.
//! Knows nothing of who writes them.

use super::Replay;
use super::script::Ended;
use crate::vectors::event::Patch;
use crate::vectors::first_difference;

/// A memory.
pub struct Image {
    pub bytes: Vec<u8>,
    expected: Vec<u8>,
}

impl Image {
    pub fn new(size: usize, fill: u8) -> Image {
        Image { bytes: vec![fill; size], expected: vec![fill; size] }
    }
}

/// Puts bytes into a memory; nothing where they are not all within.
fn put(memory: &mut [u8], offset: usize, bytes: &[u8]) -> Option<()> {
    memory.get_mut(offset..offset.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}

impl Replay<'_> {
    /// Core code writes its memory.
    pub fn poke(&mut self, mem: usize, offset: usize, bytes: &[u8]) -> Result<(), Ended> {
        let write = |image: &mut Image| {
            put(&mut image.bytes, offset, bytes)?;
            put(&mut image.expected, offset, bytes)
        };
        let written = self.memories.get_mut(mem).and_then(write);
        written.ok_or_else(|| self.script.malformed("there is no such memory"))
    }

    /// The memories of an instance are as they were, but for this.
    pub fn check_memories(&mut self, instance: usize, patches: &[Patch]) -> Result<(), Ended> {
        let of_it = |(mem, of): (usize, &usize)| (*of == instance).then_some(mem);
        let owned: Vec<usize> =
            self.definitions.memories.iter().enumerate().filter_map(of_it).collect();
        for patch in patches {
            let mem = patch.mem.or(owned.first().copied()).filter(|mem| owned.contains(mem));
            let image = mem.and_then(|mem| self.memories.get_mut(mem));
            image
                .and_then(|image| put(&mut image.expected, patch.offset, &patch.bytes))
                .ok_or_else(|| self.script.malformed("there is no such memory"))?;
        }
        owned.into_iter().try_for_each(|mem| self.check_memory(mem))
    }

    fn check_memory(&self, mem: usize) -> Result<(), Ended> {
        let Image { bytes, expected } = &self.memories[mem];
        match first_difference(expected, bytes) {
            None => Ok(()),
            Some((expected, observed)) => {
                Err(self.script.part_differs(&format!("memory {mem}"), expected, observed))
            }
        }
    }
}
