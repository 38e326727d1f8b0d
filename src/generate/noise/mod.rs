//! Core code that nobody scripted: what wasm-smith makes of bytes, steered towards what lifts and lowers.
//! Knows what the code may import and export, and nothing of scripts.

mod outline;
mod smaller;
mod steer;

use arbitrary::{Result, Unstructured};

use super::draw::{chance, entropy, position, weighted};
use super::weights;
use crate::case::noise::{Act, acts, check, offers};
use crate::case::text::{parse_wat, wat};
use crate::case::{Limits, Shape};
use outline::outline;
pub use smaller::{Leave, all};
use steer::steer;

/// Gives at least one guest core code of its own.
pub fn add(u: &mut Unstructured, shape: &mut Shape, limits: &Limits) -> Result<()> {
    let first = u.choose_index(shape.guests.len())?;
    let mut room = usize::try_from(limits.noise_bytes).unwrap_or(usize::MAX);
    for number in 0..shape.guests.len() {
        if number == first || chance(u, weights::noise::OTHERS)? {
            let module = module(u, shape, number)?;
            let module = if module.len() <= room { module } else { least() };
            room = room.saturating_sub(module.len());
            shape.guests[number].noise = Some(module);
        }
    }
    Ok(())
}

/// The module that leaves everything to the puppet.
pub fn least() -> Vec<u8> {
    wasm_encoder::Module::new().finish()
}

/// Core code for the guest of this number.
pub fn module(u: &mut Unstructured, shape: &Shape, number: usize) -> Result<Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(u.arbitrary()?);
    let bytes = entropy(&mut rng, weighted(u, weights::noise::BYTES)?);
    let steering = entropy(&mut rng, weights::noise::STEERING);
    let mut acts = acts(shape, number);
    let mut own = Vec::new();
    for act in acts.drain(..) {
        if is_own(u, shape, number, act.of)? {
            own.push(act);
        }
    }
    if own.is_empty() {
        return Ok(least());
    }
    let outline = outline(&offers(shape, number), &own);
    let tame = chance(u, weights::noise::TAME)?;
    let drawn = smith(&bytes, outline, own.len(), tame);
    let steered = drawn.and_then(|(module, fuel)| steer(&steering, &module, fuel, shape, number));
    let module = steered.and_then(|module| normal(&module)).unwrap_or_else(least);
    // What wasm-smith has that the check refuses would make no case.
    Ok(if check(&module, shape, number).is_ok() { module } else { least() })
}

/// Whether it does this itself. What nobody calls is no use.
fn is_own(u: &mut Unstructured, shape: &Shape, number: usize, act: Act) -> Result<bool> {
    let guest = &shape.guests[number];
    let reallocs = guest.functions().any(|(_, function)| function.opts.realloc);
    match act {
        Act::Function => chance(u, weights::noise::OWN_FUNCTION),
        Act::Realloc => Ok(reallocs && chance(u, weights::noise::OWN_REALLOC)?),
        Act::PostReturn => {
            Ok(guest.export.opts.post_return && chance(u, weights::noise::OWN_POST_RETURN)?)
        }
        // It is added to all that there is.
        Act::Refuel => Ok(false),
        Act::Destructor(_) => chance(u, weights::noise::OWN_DESTRUCTOR),
    }
}

/// A module of this outline that terminates, and the global that holds its fuel.
fn smith(bytes: &[u8], outline: Vec<u8>, acts: usize, tame: bool) -> Option<(Vec<u8>, u32)> {
    let config = config(outline, acts, tame);
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    let fuel = module.ensure_termination(weights::noise::FUEL).ok()?;
    Some((module.to_bytes(), fuel))
}

/// What both core engines do alike, in sizes that cost little.
fn config(outline: Vec<u8>, acts: usize, tame: bool) -> wasm_smith::Config {
    wasm_smith::Config {
        module_shape: Some(outline),
        allow_start_export: false,
        canonicalize_nans: true,
        disallow_traps: tame,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        max_data_segments: 0,
        max_element_segments: 2,
        max_elements: 8,
        max_funcs: acts + weights::noise::FUNCTIONS,
        max_globals: 4,
        max_instructions: weights::noise::INSTRUCTIONS,
        max_memories: 1,
        max_table_elements: 16,
        max_tables: 1,
        max_types: 16,
        memory64_enabled: false,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        simd_enabled: false,
        table_max_size_required: true,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    }
}

/// The module as its text says it, so that text and bytes are of the same case.
fn normal(module: &[u8]) -> Option<Vec<u8>> {
    parse_wat(&wat(module)).ok()
}

/// Gives one guest that has core code of its own other code.
pub fn change(u: &mut Unstructured, shape: &mut Shape) -> Result<()> {
    if let Some(number) = any(u, shape)? {
        shape.guests[number].noise = Some(module(u, shape, number)?);
    }
    Ok(())
}

/// Core code without this; nothing where the rest is not valid.
pub fn without(code: &[u8], leave: Leave) -> Option<Vec<u8>> {
    normal(&smaller::without(code, leave)?)
}

/// A guest with core code of its own, if there is one.
fn any(u: &mut Unstructured, shape: &Shape) -> Result<Option<usize>> {
    let noisy = |number: &usize| shape.guests[*number].noise.is_some();
    let numbers: Vec<usize> = (0..shape.guests.len()).filter(noisy).collect();
    Ok(position(u, numbers.len())?.map(|position| numbers[position]))
}

/// Puts other code where what there is does not fit its guest any more.
pub fn repair(u: &mut Unstructured, shape: &mut Shape) -> Result<()> {
    for number in 0..shape.guests.len() {
        let misfit = |code: &Vec<u8>| check(code, shape, number).is_err();
        if shape.guests[number].noise.as_ref().is_some_and(misfit) {
            let module = if u.is_empty() { least() } else { module(u, shape, number)? };
            shape.guests[number].noise = Some(module);
        }
    }
    Ok(())
}
