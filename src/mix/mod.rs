//! What a run has exercised, in tables: a cell for everything that may happen somewhere.
//! Counts what the reference saw happen, not what a case was meant to do; judges nothing.

mod reallocs;
mod table;
mod texts;
mod traps;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::abi::Stage;
use crate::case::check::Feature;
use crate::case::{Answer, Case};
use crate::observation::Reading;
use crate::types::Type;
use crate::value::Value;
use table::Table;

/// The stages at which values are lowered or lifted, and how they are called here.
const PATHS: [(Stage, &str); 4] = [
    (Stage::LowerParams, "export's params, lowered"),
    (Stage::LiftResult, "export's result, lifted"),
    (Stage::LiftParams, "import's params, lifted"),
    (Stage::LowerResult, "import's result, lowered"),
];

/// The tables of one run.
#[derive(Clone)]
pub struct Mix {
    types: [Table; 4],
    texts: Table,
    traps: Table,
    reallocs: Table,
}

/// Values of one function that were lifted or lowered, all of them.
struct Passage<'a> {
    stage: Stage,
    types: &'a [Type],
    values: &'a [Value],
}

impl Mix {
    /// Empty tables, for subjects with these features.
    pub fn new(features: &BTreeSet<Feature>) -> Mix {
        Mix {
            types: PATHS.map(|(stage, name)| types::table(stage, name, features)),
            texts: texts::table(),
            traps: traps::table(),
            reallocs: reallocs::table(),
        }
    }

    /// Counts what happened when the reference ran this case.
    pub fn add(&mut self, case: &Case, reading: &Reading) {
        for passage in passages(case, reading) {
            let position = PATHS.iter().position(|(stage, _)| *stage == passage.stage);
            let table = &mut self.types[position.expect("values pass on paths only")];
            types::count(table, &passage);
            texts::count(&mut self.texts, &passage, case);
        }
        traps::count(&mut self.traps, reading);
        reallocs::count(&mut self.reallocs, case, reading);
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Mix) {
        for (mine, others) in self.tables_mut().into_iter().zip(other.tables()) {
            mine.merge(others);
        }
    }

    /// The tables for people, and which cells are empty that need not be.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for table in self.tables() {
            text += &table.text();
            text += "\n";
        }
        text += &self.coverage();
        text
    }

    /// How many of the possible cells were reached.
    fn coverage(&self) -> String {
        let cells: usize = self.tables().iter().map(|table| table.possible()).sum();
        let empty = self.empty();
        let reached = cells - empty.len();
        let mut text = format!("{reached} of {cells} possible cells were reached");
        empty.iter().for_each(|cell| text += &format!("\n  empty: {cell}"));
        text
    }

    /// The cells that could have been reached and were not, by name.
    pub fn empty(&self) -> Vec<String> {
        self.tables().into_iter().flat_map(Table::empty).collect()
    }

    /// The cells that were said to be impossible and were reached, by name.
    pub fn contradicted(&self) -> Vec<String> {
        self.tables().into_iter().flat_map(Table::contradicted).collect()
    }

    fn tables(&self) -> Vec<&Table> {
        self.types.iter().chain([&self.texts, &self.traps, &self.reallocs]).collect()
    }

    fn tables_mut(&mut self) -> Vec<&mut Table> {
        let others = [&mut self.texts, &mut self.traps, &mut self.reallocs];
        self.types.iter_mut().chain(others).collect()
    }
}

impl Serialize for Mix {
    /// Table, row, column: a count, or why there can be none.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tables: BTreeMap<_, _> =
            self.tables().into_iter().map(|table| (table.title, table.cells())).collect();
        tables.serialize(serializer)
    }
}

/// All values that were lifted or lowered as a whole.
fn passages<'a>(case: &'a Case, reading: &'a Reading) -> Vec<Passage<'a>> {
    let mut passages = Vec::new();
    let export = &case.shape.export.ty;
    let courses = reading.courses.iter();
    for ((call, observed), course) in case.calls.iter().zip(&reading.observation.calls).zip(courses)
    {
        let mut pass = |stage, types, values| passages.push(Passage { stage, types, values });
        if course.stage != Stage::LowerParams {
            pass(Stage::LowerParams, &export.params[..], &call.args[..]);
        }
        if let Some(import) = &case.shape.import {
            for args in &observed.host {
                pass(Stage::LiftParams, &import.ty.params, args);
            }
            // The last answer was lowered only where the call went on.
            let ended = matches!(course.stage, Stage::Host | Stage::LowerResult);
            let answered = observed.host.len() - usize::from(ended);
            for step in call.imports.iter().take(answered) {
                if let Answer::Return(value) | Answer::Reenter(value) = &step.answer {
                    pass(Stage::LowerResult, import.ty.results(), value.as_slice());
                }
            }
        }
        if let Some(returned) = &observed.returned {
            pass(Stage::LiftResult, export.results(), returned.result.as_slice());
        }
    }
    passages
}
