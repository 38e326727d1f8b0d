//! A guest without code: a byte vector and a bump allocator whose answers can be overridden.
//! Knows no wasm; tests, the vectors and the encoder lower into it.

use std::collections::BTreeMap;

use super::{Guest, NanMode, Stop, Trap, Watch};

/// A memory with a `realloc` that always moves.
#[derive(Clone, Debug, Default)]
pub struct ByteGuest<W = ()> {
    pub memory: Vec<u8>,
    /// Where the next allocation starts, before alignment.
    pub bump: u64,
    /// Every call of `realloc` so far.
    pub calls: Vec<ReallocCall>,
    /// What the call of this number returns, with no copy and no bump.
    pub overrides: BTreeMap<usize, u64>,
    /// How much was lifted.
    pub lifted: u64,
    pub nan_mode: NanMode,
    pub watch: W,
}

/// One call of `realloc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReallocCall {
    pub old: u64,
    pub old_size: u64,
    pub align: u64,
    pub new_size: u64,
    /// Nothing where `realloc` trapped.
    pub returned: Option<u64>,
}

impl ByteGuest {
    /// One that nobody watches.
    pub fn new(memory: Vec<u8>, bump: u64) -> ByteGuest {
        ByteGuest::watched(memory, bump, ())
    }
}

impl<W> ByteGuest<W> {
    pub fn watched(memory: Vec<u8>, bump: u64, watch: W) -> ByteGuest<W> {
        let (calls, overrides) = (Vec::new(), BTreeMap::new());
        let (lifted, nan_mode) = (0, NanMode::default());
        ByteGuest { memory, bump, calls, overrides, lifted, nan_mode, watch }
    }

    /// Takes from what is left of the memory; nothing where that is too little.
    fn bump(&mut self, align: u64, new_size: u64) -> Option<u64> {
        let ptr = self.bump.checked_next_multiple_of(align)?;
        let end = ptr.checked_add(new_size)?;
        (usize::try_from(end).ok()? <= self.memory.len()).then(|| self.bump = end)?;
        Some(ptr)
    }

    /// Copies what is kept of an old allocation; nothing where one of the two is no place.
    fn keep(&mut self, old: u64, new: u64, byte_length: u64) -> Option<()> {
        let from = usize::try_from(old).ok()?;
        let end = usize::try_from(old.checked_add(byte_length)?).ok()?;
        let to = usize::try_from(new).ok()?;
        (end <= self.memory.len()).then(|| self.memory.copy_within(from..end, to))
    }

    fn answer(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Option<u64> {
        if let Some(ptr) = self.overrides.get(&self.calls.len()) {
            return Some(*ptr);
        }
        let ptr = self.bump(align, new_size)?;
        self.keep(old, ptr, old_size.min(new_size))?;
        Some(ptr)
    }
}

impl<W: Watch> Guest for ByteGuest<W> {
    fn memory(&self) -> &[u8] {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Stop> {
        let returned = self.answer(old, old_size, align, new_size);
        self.calls.push(ReallocCall { old, old_size, align, new_size, returned });
        returned.ok_or(Stop::Trap(Trap::Guest))
    }

    fn lifted(&mut self) -> &mut u64 {
        &mut self.lifted
    }

    fn watch(&mut self) -> &mut dyn Watch {
        &mut self.watch
    }

    fn nan_mode(&self) -> NanMode {
        self.nan_mode
    }
}
