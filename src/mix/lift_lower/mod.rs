//! Tables of one guest and its host: what is lifted and lowered on each path, and what else happens.
//! Knows nothing of calls between guests.

mod acts;
mod reallocs;
mod texts;
mod traps;
mod types;

use std::collections::BTreeSet;

use super::passages::{PATHS, Passage, passages, proper_calls};
use super::table::Table;
use super::ways::{self, Apis};
use crate::case::Case;
use crate::case::check::Feature;
use crate::observation::Reading;

/// The tables of one run.
#[derive(Clone)]
pub struct LiftLower {
    types: [Table; 4],
    texts: Table,
    traps: Table,
    reallocs: Table,
    acts: Table,
    ways: Table,
}

impl LiftLower {
    /// Empty tables, for subjects with these features.
    pub fn new(features: &BTreeSet<Feature>) -> LiftLower {
        LiftLower {
            types: PATHS.map(|(stage, name)| types::table(stage, name, features)),
            texts: texts::table(),
            traps: traps::table(),
            reallocs: reallocs::table(),
            acts: acts::table(),
            ways: ways::table(Apis::Dynamic, features),
        }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        for call in proper_calls(case, reading) {
            for passage in passages(case, &call) {
                types::count(&mut self.types[passage.path()], &passage);
                texts::count(&mut self.texts, &passage);
            }
            reallocs::count(&mut self.reallocs, &call);
            acts::count(&mut self.acts, call.went);
        }
        traps::count(&mut self.traps, case, reading);
        ways::count(&mut self.ways, Apis::Dynamic, case, reading);
    }

    pub fn tables(&self) -> Vec<&Table> {
        let LiftLower { types, texts, traps, reallocs, acts, ways } = self;
        types.iter().chain([texts, traps, reallocs, acts, ways]).collect()
    }

    pub fn tables_mut(&mut self) -> Vec<&mut Table> {
        let LiftLower { types, texts, traps, reallocs, acts, ways } = self;
        types.iter_mut().chain([texts, traps, reallocs, acts, ways]).collect()
    }
}
