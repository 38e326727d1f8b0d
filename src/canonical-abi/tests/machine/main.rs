//! Calls as values, on stacks that are scripts: no core code runs.

mod scripted;

mod calls;
mod waits;
