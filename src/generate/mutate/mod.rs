//! Changes to a case, weighted; each leaves a valid case.
//! Knows when a case is smaller than another, and nothing of what either shows.

mod bounds;
mod calls;
pub mod cut;
mod data;
mod guests;
mod paths;
mod repair;
mod resources;
mod shape;
mod size;
mod types;
mod values;

use arbitrary::{Result, Unstructured};

use super::choices::Mutation;
use super::draw::{entropy, weighted_where};
use super::types::Palette;
use super::{noise, weights};
use crate::case::allowed::Allowed;
use crate::case::{Case, Limits};
use bounds::{Bounds, valid};
use cut::PASSES;
use repair::repair;
pub use size::{Size, size};

/// Changes a case. False: nothing was found that could be done, and the case is as it was.
pub fn mutate(case: &mut Case, seed: u64, allowed: &Allowed, limits: &Limits) -> bool {
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..weights::ATTEMPTS {
        let bytes = entropy(&mut rng, weights::MUTATION_ENTROPY);
        let mut next = case.clone();
        // An error is an empty choice: the change is not possible here.
        let changed = change(&mut Unstructured::new(&bytes), &mut next, allowed, limits).is_ok();
        if changed && next != *case && valid(&next, limits) {
            *case = next;
            return true;
        }
    }
    false
}

/// Makes a case smaller by one cut, drawn among those of all passes. False: none was found, and the case
/// is as it was.
pub fn shrink(case: &mut Case, seed: u64, allowed: &Allowed, limits: &Limits) -> bool {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut passes = PASSES;
    rng.shuffle(&mut passes);
    let smaller = passes.into_iter().find_map(|pass| {
        let mut cuts = pass.cuts(case, allowed);
        rng.shuffle(&mut cuts);
        cuts.iter().take(weights::CUTS_TRIED).find_map(|cut| cut.of(case, allowed, limits))
    });
    let Some(smaller) = smaller else {
        return false;
    };
    *case = smaller;
    true
}

/// Something of each case: the shape of one with calls of the other, or functions of each; or
/// `a` again, where nothing fits together.
pub fn crossover(a: &Case, b: &Case, allowed: &Allowed, seed: u64) -> Case {
    let limits = Limits::CASE;
    let bytes = entropy(&mut fastrand::Rng::with_seed(seed), weights::MUTATION_ENTROPY);
    let mut u = Unstructured::new(&bytes);
    let mut case = a.clone();
    let crossed = cross(&mut u, &mut case, b);
    let repaired = crossed.and_then(|()| repair(&mut u, &mut case, allowed, &limits)).is_ok();
    if repaired && valid(&case, &limits) { case } else { a.clone() }
}

fn cross(u: &mut Unstructured, case: &mut Case, b: &Case) -> Result<()> {
    if case.shape.resources.len() < b.shape.resources.len() {
        case.shape.resources.clone_from(&b.shape.resources);
    }
    match u.int_in_range(0..=5)? {
        0 => case.calls.extend(b.calls.iter().cloned()),
        1 => case.calls.clone_from(&b.calls),
        2 => {
            let import = b.shape.guests.last().and_then(|last| last.import.clone());
            if let Some(last) = case.shape.guests.last_mut() {
                last.import = import;
            }
        }
        3 => {
            let mine = u.choose_index(case.shape.guests.len())?;
            let other = u.choose(&b.shape.guests)?;
            case.shape.guests[mine].export.clone_from(&other.export);
        }
        4 => (case.tuning, case.paths) = (b.tuning, b.paths),
        _ => {
            let (mine, other) = (u.choose_index(case.calls.len())?, u.choose(&b.calls)?);
            case.calls[mine].clone_from(other);
        }
    }
    Ok(())
}

/// Makes one change, drawn by its weight. It may leave a case that is not valid: `mutate` looks.
fn change(u: &mut Unstructured, case: &mut Case, allowed: &Allowed, limits: &Limits) -> Result<()> {
    let handles = Palette::of(&case.shape.resources, 0, 1).params;
    let bounds = Bounds { allowed, limits, handles: &handles };
    let noisy = case.shape.is_noisy();
    let change = weighted_where(u, weights::CHANGES, |change| change != Mutation::Noise || noisy)?;
    make(u, change, case, bounds)?;
    repair(u, case, allowed, limits)
}

fn make(u: &mut Unstructured, change: Mutation, case: &mut Case, bounds: Bounds) -> Result<()> {
    match change {
        Mutation::Value => values::change(u, case),
        Mutation::Data => data::change(u, case),
        Mutation::Realloc => calls::change_realloc(u, case),
        Mutation::ImportCall => calls::change_import_calls(u, case),
        Mutation::Answer => calls::change_answer(u, case),
        Mutation::Ending => calls::change_ending(u, case),
        Mutation::Call => calls::change_calls(u, case, bounds.limits),
        Mutation::Type => types::change(u, case, bounds),
        Mutation::Options => shape::change_options(u, case, bounds),
        Mutation::Tuning => shape::change_tuning(u, case),
        Mutation::Pages => shape::change_pages(u, case, bounds),
        Mutation::BuiltIn => resources::change_built_ins(u, case),
        Mutation::Resource => resources::change_resources(u, case),
        Mutation::HostDrop => resources::change_host_drops(u, case),
        Mutation::Guest => guests::change(u, case, bounds.limits),
        Mutation::Paths => paths::change_paths(u, case, bounds),
        Mutation::Manner => paths::change_manner(u, case, bounds),
        Mutation::Noise => noise::change(u, &mut case.shape),
    }
}
