#![doc = include_str!("README.md")]

pub mod limits;

pub mod definition;
pub mod recording;
pub mod refusal;

pub mod decode;
mod types;

mod core;
mod state;
mod thing;

mod deviations;

pub mod instantiate;

pub mod call;

pub mod embed;

#[cfg(feature = "wast")]
pub mod crash;
#[cfg(feature = "wast")]
pub mod wast;

pub use call::{Context, Failure, Host, Instance};
pub use embed::{Embedded, Error, Linked, Linker};
pub use instantiate::{Compiled, NotInstantiated};
pub use refusal::Refusal;
