//! What a run has exercised, in tables: a cell for everything that may happen somewhere.
//! Counts what the reference saw happen, not what a case was meant to do; judges nothing.

mod adapter;
mod lift_lower;
mod misuse;
mod noisy;
mod parts;
mod passages;
mod rows;
pub mod spec;
mod table;
mod typed;
mod ways;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::case::allowed::Allowed;
use crate::case::{Case, CaseKind};
use crate::observation::Reading;
use adapter::Adapter;
use lift_lower::LiftLower;
use misuse::Misuses;
use noisy::Noisy;
use table::{cells, coverage};
use typed::Typed;

pub use spec::SpecCoverage;
pub use table::{Cell, Table};

/// The tables of one run.
#[derive(Clone)]
pub struct Mix {
    tables: Tables,
}

#[derive(Clone)]
enum Tables {
    LiftLower(Box<LiftLower>),
    Adapter(Box<Adapter>),
    Typed(Typed),
    Misuse(Misuses),
    Noisy(Noisy),
}

impl Mix {
    /// Empty tables for cases of this kind, which have no more than this.
    pub fn new(kind: CaseKind, allowed: &Allowed) -> Mix {
        let features = &allowed.features;
        let tables = match kind {
            CaseKind::LiftLower => Tables::LiftLower(Box::new(LiftLower::new(features))),
            CaseKind::Misuse => {
                Tables::Misuse(Misuses::new(features, !allowed.signatures.is_empty()))
            }
            CaseKind::Adapter => Tables::Adapter(Box::new(Adapter::new(features))),
            CaseKind::Typed => Tables::Typed(Typed::new(allowed)),
            CaseKind::Noisy => Tables::Noisy(Noisy::new()),
        };
        Mix { tables }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        match &mut self.tables {
            Tables::LiftLower(tables) => tables.add(case, reading),
            Tables::Adapter(tables) => tables.add(case, reading),
            Tables::Typed(tables) => tables.add(case, reading),
            Tables::Misuse(tables) => tables.add(case, reading),
            Tables::Noisy(tables) => tables.add(case, reading),
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Mix) {
        for (mine, others) in self.tables_mut().into_iter().zip(other.tables()) {
            mine.merge(others);
        }
        if let (Tables::Noisy(mine), Tables::Noisy(others)) = (&mut self.tables, &other.tables) {
            mine.merge_shares(others);
        }
    }

    /// The tables for people, and which cells are empty that need not be.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for table in self.tables() {
            text += &table.text();
            text += "\n";
        }
        text += &coverage(&self.tables(), "possible cells", "empty");
        if let Tables::Noisy(tables) = &self.tables {
            text += &tables.shares();
        }
        text
    }

    /// How many of the cells that can be reached were, and how many there are.
    pub fn cells(&self) -> (u64, u64) {
        cells(&self.tables())
    }

    /// The cells that could have been reached and were not, by name.
    pub fn empty(&self) -> Vec<String> {
        self.tables().into_iter().flat_map(Table::empty).collect()
    }

    /// The cells that were said to be impossible and were reached, by name.
    pub fn contradicted(&self) -> Vec<String> {
        self.tables().into_iter().flat_map(Table::contradicted).collect()
    }

    pub fn tables(&self) -> Vec<&Table> {
        match &self.tables {
            Tables::LiftLower(tables) => tables.tables(),
            Tables::Adapter(tables) => tables.tables(),
            Tables::Typed(tables) => tables.tables(),
            Tables::Misuse(tables) => tables.tables(),
            Tables::Noisy(tables) => tables.tables(),
        }
    }

    fn tables_mut(&mut self) -> Vec<&mut Table> {
        match &mut self.tables {
            Tables::LiftLower(tables) => tables.tables_mut(),
            Tables::Adapter(tables) => tables.tables_mut(),
            Tables::Typed(tables) => tables.tables_mut(),
            Tables::Misuse(tables) => tables.tables_mut(),
            Tables::Noisy(tables) => tables.tables_mut(),
        }
    }
}

impl Serialize for Mix {
    /// Each table by its title.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tables = self.tables().into_iter().map(|table| (table.title, table));
        tables.collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}
