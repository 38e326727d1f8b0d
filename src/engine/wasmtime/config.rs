//! How the subject is configured.
//! Knows the interface of `wasmtime::Config` in every release, and a case's tuning.

use std::sync::Arc;

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm, Result,
};

use super::functions::Functions;
use crate::case::paths::{Mode, Path};
use crate::case::{Case, Tuning};

/// Instances that live at once in one engine: one and its neighbor, and room for both to go away late.
const INSTANCES: u32 = 4;
/// Two calls may be under way, each with its own, and the engine keeps one to run them.
const STACKS: u32 = 8;
/// For each guest the puppet, the wire and maybe code that nobody scripted; between two guests an adapter,
/// which may have some helpers.
const CORE_INSTANCES: u32 = 24;
/// The puppet of each guest has two, and an adapter lends itself what it works on.
const MEMORIES: u32 = 8;
/// The puppet has one, and so may what nobody scripted.
const TABLES: u32 = 16;
/// The puppet's second memory holds a script, a log and a copy of the first.
const MEMORY_SIZE: usize = 4 << 20;
/// The room of a slot that is no larger than what is in it.
const RESERVATION: u64 = 4 << 20;
/// The memories of most cases.
const KEEP_RESIDENT: usize = 256 << 10;

/// What decides the code that is made for a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Configuration {
    pub tuning: Tuning,
    /// Whether calls are awaited. Until 41, an engine was either for such calls or for others.
    pub awaits: bool,
    /// Whether functions may be async.
    pub asyncs: bool,
}

/// What of a case a loaded component depends on, besides its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    pub configuration: Configuration,
    pub import: Path,
}

impl Setup {
    pub fn of(case: &Case) -> Setup {
        let awaits = !cfg!(wasmtime_42) && case.paths.call.mode != Mode::Sync;
        let configuration =
            Configuration { tuning: case.tuning, awaits, asyncs: case.shape.any_async() };
        Setup { configuration, import: case.paths.import }
    }
}

/// An engine for cases of this configuration, which may have compiled functions from there.
pub(super) fn engine(
    configuration: Configuration,
    functions: Option<Arc<Functions>>,
) -> Result<Engine> {
    // Whether the process handles signals, any engine of it decides. What a case shows must not depend on
    // which others came before it, so there is one that has them handled.
    if !configuration.tuning.signals {
        Engine::new(&Config::new())?;
    }
    let mut config = config(configuration);
    if let Some(functions) = functions {
        config.enable_incremental_compilation(functions)?;
    }
    Engine::new(&config)
}

fn config(configuration: Configuration) -> Config {
    let tuning = configuration.tuning;
    let mut config = Config::new();
    config.wasm_component_model(true).wasm_multi_memory(true);
    #[cfg(wasmtime_44)]
    config.wasm_component_model_map(true);
    #[cfg(wasmtime_48)]
    config.wasm_component_model_fixed_length_lists(true);
    #[cfg(wasmtime_48)]
    config.wasm_memory64(true).wasm_component_model_memory64(true);
    #[cfg(wasmtime_42)]
    config.concurrency_support(tuning.concurrency);
    config.consume_fuel(tuning.fuel).epoch_interruption(tuning.epochs);
    config.wasm_component_model_async(configuration.asyncs);
    until_41(&mut config, configuration);
    // Only backtraces need it, and nobody reads them.
    config.generate_address_map(false);
    if tuning.optimize {
        config.cranelift_opt_level(OptLevel::Speed);
    } else {
        config.cranelift_opt_level(OptLevel::None);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    config.memory_may_move(tuning.moving_memory).signals_based_traps(tuning.signals);
    if !tuning.guards {
        config.memory_reservation(RESERVATION).memory_guard_size(0);
    }
    if tuning.pooling {
        // A slot of the pool is its memory's reservation; what is in the pool never moves.
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    } else if tuning.moving_memory {
        // Nothing reserved: growing has to move.
        config.memory_reservation(0).memory_reservation_for_growth(0);
    }
    config
}

/// The configuration for components that nobody here wrote: every feature that this release has.
pub fn everything() -> Config {
    let mut config = Config::new();
    config.wasm_multi_memory(true).wasm_memory64(true).consume_fuel(true);
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.wasm_component_model_async_stackful(true);
    config.wasm_component_model_threading(true);
    config.wasm_component_model_error_context(true);
    #[cfg(not(wasmtime_42))]
    config.async_support(true);
    #[cfg(wasmtime_44)]
    config.wasm_component_model_map(true);
    #[cfg(not(wasmtime_45))]
    config.wasm_component_model_async_builtins(true);
    #[cfg(wasmtime_45)]
    config.wasm_component_model_more_async_builtins(true);
    #[cfg(wasmtime_46)]
    config.wasm_component_model_implements(true);
    #[cfg(wasmtime_48)]
    config.wasm_component_model_fixed_length_lists(true).wasm_component_model_memory64(true);
    config.generate_address_map(false);
    config.cranelift_opt_level(OptLevel::None);
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    config
}

#[cfg(wasmtime_42)]
fn until_41(_: &mut Config, _: Configuration) {}

/// Calls that are awaited, and those at the same time, were something that an engine had or had not.
#[cfg(not(wasmtime_42))]
fn until_41(config: &mut Config, Configuration { tuning, awaits, .. }: Configuration) {
    config.async_support(awaits).wasm_component_model_async(awaits && tuning.concurrency);
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(INSTANCES * MEMORIES)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(2)
        .max_memory_size(MEMORY_SIZE)
        // Clearing what a case touched is cheaper than giving it back and faulting it in again.
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .total_tables(INSTANCES * TABLES)
        .max_tables_per_component(TABLES)
        .total_stacks(STACKS);
    pool
}
