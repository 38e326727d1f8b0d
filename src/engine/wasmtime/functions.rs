//! Compiled functions: what the trampolines of one component are, many others have as well.
//! Knows keys and bytes; what they stand for, Cranelift knows.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use wasmtime::CacheStore;

/// Bytes of functions that are kept: some ten thousand trampolines.
const BYTES: usize = 32 << 20;

/// The functions that were asked for last, for all engines of a subject.
#[derive(Default)]
pub struct Functions(Mutex<Kept>);

struct Kept {
    functions: LruCache<Box<[u8]>, Vec<u8>>,
    bytes: usize,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { functions: LruCache::unbounded(), bytes: 0 }
    }
}

impl Functions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Who panicked meanwhile was the subject, and what is kept is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").field("bytes", &self.kept().bytes).finish_non_exhaustive()
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.kept().functions.get(key).map(|function| Cow::Owned(function.clone()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let Kept { functions, bytes } = &mut *self.kept();
        *bytes += value.len();
        let replaced = functions.put(key.into(), value);
        *bytes -= replaced.map_or(0, |function| function.len());
        while *bytes > BYTES
            && let Some((_, oldest)) = functions.pop_lru()
        {
            *bytes -= oldest.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_is_kept() {
        let functions = Functions::default();
        let large = vec![0; BYTES / 2];
        for key in [b"a", b"b"] {
            assert!(functions.insert(key, large.clone()));
        }
        assert!(functions.get(b"a").is_some());
        functions.insert(b"c", vec![7]);
        assert_eq!(functions.get(b"a").as_deref(), Some(&large[..]));
        assert_eq!(functions.get(b"b"), None);
        assert_eq!(functions.get(b"c").as_deref(), Some(&[7][..]));
        functions.insert(b"c", vec![8, 9]);
        assert_eq!(functions.kept().bytes, large.len() + 2);
    }
}
