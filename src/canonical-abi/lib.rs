#![doc = include_str!("README.md")]

pub mod types;
pub mod value;

pub mod arena;

pub mod async_rule;

pub mod fits;

pub mod built_in;
mod bytes;
pub mod core;
pub mod options;
pub mod stop;
pub mod trap;

pub mod deviation;
pub mod point;
pub mod recorder;
pub mod watch;

pub mod table;

pub mod copy;
pub mod func;
pub mod machine;
pub mod thread;
pub mod waitable;

pub mod context;

pub mod deviations;

mod check;
pub mod despecialize;
pub mod flatten;
pub mod layout;
mod memory;
pub mod signature;
mod spill;
mod unchecked;

pub mod handle;

mod async_value;

pub mod load;
pub mod store;
pub mod string;

pub mod lift;
pub mod lower;

pub mod explore;

pub mod passing;

pub mod world;

pub mod task;

pub mod built_ins;

pub mod canon;

pub mod drive;

pub mod bytes_guest;

#[cfg(feature = "vectors")]
pub mod vectors;

pub use self::core::{Core, CoreFuncType, CoreType, wrap};
pub use async_rule::{AsyncRule, AsyncTrap};
pub use built_in::BuiltIn;
pub use check::trap_if;
pub use context::{Cx, Guest, Instance, MAX_LIFTED};
pub use deviation::{Deviation, Deviations};
pub use machine::{Machine, Task};
pub use options::{LiftLowerOptions, NanMode, PtrType, StringEncoding};
pub use passing::Stopped;
pub use point::{Change, Party, Point, Points, Rule};
pub use recorder::{
    Course, Crossing, Deviated, Faults, Lowered, NanLeaf, ReallocStep, Received, Recorder,
};
pub use signature::{FuncLayout, Signature};
pub use stop::{Stop, end_if};
pub use table::{Handles, Lender, ResourceType, Table};
pub use trap::Trap;
pub use watch::{Act, ActKind, Block, Miss, Place, Stage, Watch};

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
