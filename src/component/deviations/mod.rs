//! What becomes of calls where a deviation is in force: for each place that asks, a function.
//! The places themselves say only that it may be so, in one line.

pub mod adapter;
pub mod guest;
