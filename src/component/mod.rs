//! The reference's component runtime: any component without async runs on wasmi, by `abi`.
//! Knows nothing of cases, puppets or subjects.

pub mod limits;

pub mod definition;
pub mod recording;
pub mod refusal;

pub mod decode;
mod types;

mod core;
mod state;
mod thing;

mod adapter;

pub mod instantiate;

pub mod call;

pub use call::{Context, Failure, Host, Instance};
pub use instantiate::{Compiled, NotInstantiated};
pub use refusal::Refusal;
