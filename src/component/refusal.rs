//! Why a component is not run, in one line.
//! Knows nothing of what was refused but its name.

use std::fmt;

/// Why a component is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not a valid component.
    Invalid(String),
    /// It needs what the reference does not have, by name.
    Unsupported(String),
    /// It meets a limit that the spec lacks: this one.
    Exhausted(String),
}

impl Refusal {
    pub fn invalid(what: impl Into<String>) -> Refusal {
        Refusal::Invalid(what.into())
    }

    pub fn unsupported(what: impl Into<String>) -> Refusal {
        Refusal::Unsupported(what.into())
    }

    pub fn exhausted(limit: impl Into<String>) -> Refusal {
        Refusal::Exhausted(limit.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Invalid(what) => write!(f, "invalid component: {what}"),
            Refusal::Unsupported(what) => write!(f, "not supported by the reference yet: {what}"),
            Refusal::Exhausted(limit) => write!(f, "it meets a limit: {limit}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<wasmparser::BinaryReaderError> for Refusal {
    fn from(error: wasmparser::BinaryReaderError) -> Refusal {
        Refusal::Invalid(error.to_string())
    }
}

/// The entry of an index space.
pub fn at<'a, T>(space: &'a [T], index: u32, what: &str) -> Result<&'a T, Refusal> {
    let position = usize::try_from(index).expect("an index fits");
    space.get(position).ok_or_else(|| Refusal::invalid(format!("{what} index {index}")))
}
