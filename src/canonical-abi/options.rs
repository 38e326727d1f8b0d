//! Canonical options, as far as lifting and lowering need them.
//! Knows nothing of guests and values.

use super::CoreType;

/// The type of a pointer into a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PtrType {
    I32,
    I64,
}

/// The `string-encoding` option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StringEncoding {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

impl StringEncoding {
    pub const ALL: [StringEncoding; 3] =
        [StringEncoding::Utf8, StringEncoding::Utf16, StringEncoding::Latin1OrUtf16];

    /// What comes after `string-encoding=`.
    pub fn name(self) -> &'static str {
        match self {
            StringEncoding::Utf8 => "utf8",
            StringEncoding::Utf16 => "utf16",
            StringEncoding::Latin1OrUtf16 => "latin1+utf16",
        }
    }
}

/// Spec: `LiftLowerOptions`, with the memory and the `realloc` behind [`Guest`](super::Guest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LiftLowerOptions {
    pub string_encoding: StringEncoding,
    pub ptr_type: PtrType,
}

/// Which bits a NaN has when it is lifted and lowered; the spec permits both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NanMode {
    /// The spec's deterministic profile.
    Canonicalize,
    #[default]
    Preserve,
}

impl PtrType {
    /// Spec: `ptr_size`.
    pub fn size(self) -> u64 {
        match self {
            PtrType::I32 => 4,
            PtrType::I64 => 8,
        }
    }

    /// The core type of such a pointer.
    pub fn core_type(self) -> CoreType {
        match self {
            PtrType::I32 => CoreType::I32,
            PtrType::I64 => CoreType::I64,
        }
    }
}

/// Spec: `utf16_tag`.
pub fn utf16_tag(ptr: PtrType) -> u64 {
    1 << (ptr.size() * 8 - 1)
}
