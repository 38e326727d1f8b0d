//! A case's configuration of the engine as Rust.
//! Knows from which release on there is what to choose, and nothing of calls.

use super::super::about::About;
use super::super::text::Lines;
use crate::case::check::{Feature, features};
use crate::case::paths::Mode;
use crate::case::{Case, Tuning};

/// The first release whose calls run `post-return` on their own and may be awaited on any engine, and which
/// can do without support for concurrent calls.
pub const CALLS_ARE_WHOLE: u32 = 42;

/// The statements after `let mut config = Config::new();`.
pub fn config(case: &Case, about: &About) -> Lines {
    let Tuning { optimize, pooling, moving_memory, concurrency, .. } = case.tuning;
    let Tuning { signals, guards, fuel, epochs, .. } = case.tuning;
    let async_only = case.paths.call.mode != Mode::Sync && about.major() < CALLS_ARE_WHOLE;
    let chosen = [
        (async_only, "async_support(true)".to_string()),
        (about.major() >= CALLS_ARE_WHOLE, format!("concurrency_support({concurrency})")),
        (!optimize, "cranelift_opt_level(wasmtime::OptLevel::None)".to_string()),
        (!signals, "signals_based_traps(false)".to_string()),
        (!guards, "memory_reservation(4 << 20).memory_guard_size(0)".to_string()),
        (
            moving_memory && !pooling,
            "memory_reservation(0).memory_reservation_for_growth(0)".to_string(),
        ),
        (fuel, "consume_fuel(true)".to_string()),
        (epochs, "epoch_interruption(true)".to_string()),
    ];
    let chosen = chosen.into_iter().filter(|(chosen, _)| *chosen).map(|(_, call)| call);
    let features = features(case).into_iter().filter_map(feature).map(str::to_string);
    let mut lines: Lines = features.chain(chosen).map(|call| format!("config.{call};")).collect();
    if pooling {
        lines.extend(POOL.map(str::to_string));
    }
    lines
}

fn feature(feature: Feature) -> Option<&'static str> {
    match feature {
        Feature::Map => Some("wasm_component_model_map(true)"),
        Feature::FixedLengthList => Some("wasm_component_model_fixed_length_lists(true)"),
        Feature::Memory64 => Some("wasm_memory64(true).wasm_component_model_memory64(true)"),
        Feature::ConcurrentImport => None,
        Feature::AsyncFunction => Some("wasm_component_model_async(true)"),
    }
}

const POOL: [&str; 4] = [
    "let mut pool = wasmtime::PoolingAllocationConfig::new();",
    "pool.total_memories(16).max_memories_per_component(16).max_memory_size(4 << 20);",
    "pool.total_tables(16).max_tables_per_component(16).total_core_instances(64);",
    "config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool));",
];

/// What a store needs so that nothing runs out.
pub fn store(tuning: Tuning) -> Lines {
    let mut lines = Vec::new();
    if tuning.fuel {
        lines.push("store.set_fuel(u64::MAX)?;".to_string());
    }
    if tuning.epochs {
        lines.push("store.set_epoch_deadline(1);".to_string());
    }
    lines
}
