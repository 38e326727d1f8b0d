//! The reference's component runtime: any component it can decode runs on wasmi, by `abi`.
//! Knows nothing of cases, puppets or subjects.

pub mod decode;
mod types;

pub mod instantiate;

pub mod call;

pub use call::{Context, Failure, Host, Instance};
pub use decode::Component;
