//! Component types and values as trees: all that `canonfuzz` and its static types share.
//! Knows nothing of what is done with them.

pub mod types;
pub mod value;
