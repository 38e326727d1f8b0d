//! What the benchmarks share: a clock of CPU time, a component that sends values back, the round-trip driver that
//! canonfuzz is held against, and plots.
//! Nothing here is part of the program.

pub mod clock;
pub mod echo;
pub mod plot;
pub mod round_trip;

/// An error of the engine's as one of ours: it has a type of its own.
pub fn ours(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
