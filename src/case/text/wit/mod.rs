//! The functions of a case as one WIT world.
//! Knows nothing of values or options.

mod read;
mod write;

pub use read::parse;
pub use write::print;
