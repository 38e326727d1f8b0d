//! A case as text, for people: one TOML document, with types as WIT and values as WAVE.
//! Knows nothing of bytes, of files or of what an observation says.

mod document;
mod read;
mod write;

mod core;
pub(crate) mod host;
mod script;
mod wave;
mod wit;

mod quote;

#[cfg(test)]
mod tests;

use crate::types::Type;
use crate::value::Value;

use super::{Case, Shape};

pub use read::parse;
pub use write::print;

/// What a file of the corpus says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// The rule that the case shows, in one sentence.
    pub rule: String,
    /// Of a regression: what was generated, which assumption broke, where.
    pub story: Option<String>,
    pub case: Case,
    /// The reference's observation, line by line.
    pub expect: Vec<String>,
}

/// The rule of a case that nobody has explained yet.
pub const UNREVIEWED: &str = "Not reviewed yet.";

/// The functions of a case as one WIT world.
pub fn wit(shape: &Shape) -> String {
    wit::print(shape)
}

/// Whether a core module is the same after it was written as text.
pub(super) fn core_survives(module: &[u8]) -> bool {
    core::survives(module)
}

/// A core module as text.
pub fn wat(module: &[u8]) -> String {
    core::print(module)
}

/// The core module that the text spells; the error is one line.
pub fn parse_wat(text: &str) -> Result<Vec<u8>, String> {
    core::parse(text).map_err(|(line, why)| format!("line {}: {why}", line + 1))
}

/// The value of a type that WAVE text spells; the error is one line.
pub fn parse_wave(text: &str, ty: &Type) -> Result<Value, String> {
    wave::parse(text, ty)
}

/// A value as WAVE. Any part that is not of its type is shown as `?`, for reports that need it.
pub fn wave(value: &Value, ty: &Type) -> String {
    wave::print(value, ty)
}
