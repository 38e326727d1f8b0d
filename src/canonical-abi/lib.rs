#![doc = include_str!("README.md")]

pub mod types;
pub mod value;

pub mod fits;

pub mod core;
pub mod options;
pub mod trap;

pub mod point;

pub mod despecialize;
pub mod layout;

pub mod handle;

pub mod load;
pub mod store;
pub mod string;

pub mod flatten;
pub mod lift;
pub mod lower;

pub mod explore;

pub mod canon;

pub mod deviation;

pub mod bytes_guest;

#[cfg(feature = "vectors")]
pub mod vectors;

pub use self::core::{Core, CoreFuncType, CoreType, wrap};
pub use deviation::{Deviation, Deviations};
pub use handle::{Handles, Lender, ResourceType, Table, Task};
pub use options::{Act, ActKind, Block, Change, Course, Crossing, ReallocStep, Received, Stage};
pub use options::{Cx, Guest, Instance, LiftLowerOptions, Lowered, NanLeaf, NanMode, Notes};
pub use options::{Place, PtrType, StringEncoding};
pub use point::{Party, Point, Points, Rule};
pub use trap::{Trap, trap_if};

/// The commit of WebAssembly/component-model that this reading follows.
pub const SPEC_COMMIT: &str = "6d281648bd89caf885a7adcc412962dbd2425ab7";

/// No request to `realloc` is larger.
pub const REALLOC_I32_MAX: u64 = (1 << 32) - 1;

/// More flat params than this are passed in memory.
pub const MAX_FLAT_PARAMS: usize = 16;
/// More flat results than this are passed in memory.
pub const MAX_FLAT_RESULTS: usize = 1;
/// More flat params than this are passed in memory by an async-lowered caller.
pub const MAX_FLAT_ASYNC_PARAMS: usize = 4;
