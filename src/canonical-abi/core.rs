//! Core types and core values: what crosses the boundary flat.
//! Knows nothing of component types.

/// A core value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CoreType {
    I32,
    I64,
    F32,
    F64,
}

/// A core value. Integers are unsigned; floats are bits, so that no NaN is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Core {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
}

/// A core function type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreFuncType {
    pub params: Vec<CoreType>,
    pub results: Vec<CoreType>,
}

impl Core {
    pub fn ty(self) -> CoreType {
        match self {
            Core::I32(_) => CoreType::I32,
            Core::I64(_) => CoreType::I64,
            Core::F32(_) => CoreType::F32,
            Core::F64(_) => CoreType::F64,
        }
    }

    /// The bits, zero-extended.
    pub fn bits(self) -> u64 {
        match self {
            Core::I32(bits) | Core::F32(bits) => u64::from(bits),
            Core::I64(bits) | Core::F64(bits) => bits,
        }
    }

    /// The value of type `ty` with these bits; those beyond its width are dropped.
    pub fn from_bits(ty: CoreType, bits: u64) -> Core {
        match ty {
            CoreType::I32 => Core::I32(wrap(bits)),
            CoreType::I64 => Core::I64(bits),
            CoreType::F32 => Core::F32(wrap(bits)),
            CoreType::F64 => Core::F64(bits),
        }
    }
}

/// The low 32 bits, as `i32.wrap_i64` gives them.
#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "that is the point")]
pub fn wrap(bits: u64) -> u32 {
    bits as u32
}
