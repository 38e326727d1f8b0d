#![doc = include_str!("README.md")]

pub mod limits;

pub mod definition;
pub mod recording;
pub mod refusal;

mod built_in;
pub mod decode;
mod types;

mod core;
mod state;

mod deviations;

mod guest;
mod stacks;

mod module;
mod outs;
mod thing;

pub mod call;
pub mod instantiate;

pub mod embed;

#[cfg(feature = "wast")]
pub mod crash;
#[cfg(feature = "wast")]
pub mod wast;

pub use call::{Context, Failure, Host, HostCall, Instance, Reply};
pub use embed::{Embedded, Error, Linked, Linker};
pub use instantiate::{Compiled, NotInstantiated};
pub use module::CoreModule;
pub use refusal::Refusal;
