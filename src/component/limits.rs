//! What a component that nobody here wrote may use, on either engine. The spec has no such limits:
//! whoever meets one has shown nothing.

/// Steps of core code that instantiation may take, and each call: an endless loop ends within
/// seconds.
pub const FUEL: u64 = 500_000_000;
/// Bytes of one memory.
pub const MEMORY_SIZE: usize = 1 << 30;
/// Elements of one table.
pub const TABLE_ELEMENTS: usize = 10_000_000;
/// Core instances, and memories and tables each.
pub const COUNT: usize = 10_000;
/// Component instances: components that instantiate others twice each double them at every level.
pub const INSTANCES: usize = 10_000;
/// Component instances within one another: instantiation recurses on it.
pub const INSTANCE_DEPTH: usize = 500;
/// Calls of component functions that are under way: each is on the native stack.
pub const CALLS: usize = 128;
