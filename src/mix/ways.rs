//! By which ways calls went, and what happened on each.
//! Knows which ways there are; nothing of what is passed but whether it is flat.

use std::collections::BTreeSet;

use super::passages::{Passage, ProperCall, passages, proper_calls};
use super::table::Table;
use crate::abi::Stage;
use crate::case::check::Feature;
use crate::case::paths::{Api, Mode, Path, Paths};
use crate::case::text::host::{print_call_path, print_import_path};
use crate::case::{Case, Manner, Tuning};
use crate::observation::Reading;

/// Which interfaces there are rows for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apis {
    /// Values that say what they are, on both sides.
    Dynamic,
    /// Static types on one side at least.
    Typed,
}

/// One way, or something that there is on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// How the export is called and how the import is defined, if there is one.
    Way(Path, Option<Path>),
    /// What else there is when the export is called so.
    Beside(Path, Beside),
    /// The function of the import was polled in vain.
    Polled(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Neighbor,
    Twice,
    Fuel,
    Epochs,
}

impl Beside {
    const ALL: [Beside; 4] = [Beside::Neighbor, Beside::Twice, Beside::Fuel, Beside::Epochs];

    fn name(self) -> &'static str {
        match self {
            Beside::Neighbor => "a neighbor",
            Beside::Twice => "twice",
            Beside::Fuel => "fuel",
            Beside::Epochs => "epochs",
        }
    }
}

const COLUMNS: [&str; 10] = [
    "params flat",
    "params spilled",
    "result flat",
    "result spilled",
    "import's params flat",
    "import's params spilled",
    "import's result flat",
    "import's result spilled",
    "trapped",
    "returned",
];
const IMPORT: std::ops::Range<usize> = 4..8;
const TRAPPED: usize = 8;
const RETURNED: usize = 9;

impl Apis {
    /// Those of the call and of the import. The number of the static types makes no other way.
    fn pairs(self) -> &'static [(Api, Api)] {
        match self {
            Apis::Dynamic => &[(Api::Dynamic, Api::Dynamic)],
            Apis::Typed => &[
                (Api::Typed(0), Api::Typed(0)),
                (Api::Typed(0), Api::Dynamic),
                (Api::Dynamic, Api::Typed(0)),
            ],
        }
    }

    fn main(self) -> Api {
        match self {
            Apis::Dynamic => Api::Dynamic,
            Apis::Typed => Api::Typed(0),
        }
    }
}

fn rows(apis: Apis) -> Vec<Row> {
    let path = |api| move |mode| Path { api, mode };
    let calls = Mode::ALL.map(path(apis.main()));
    let mut rows: Vec<Row> = calls.iter().map(|call| Row::Way(*call, None)).collect();
    for (call, import) in apis.pairs() {
        let imports = Mode::ALL.map(path(*import));
        let ways = Mode::ALL.map(path(*call)).into_iter().flat_map(|call| {
            imports
                .iter()
                .filter(move |import| go_together(call, **import))
                .map(move |import| Row::Way(call, Some(*import)))
        });
        rows.extend(ways);
    }
    for beside in Beside::ALL {
        rows.extend(calls.map(|call| Row::Beside(call, beside)));
    }
    rows.extend([Mode::Async, Mode::Concurrent].map(path(apis.main())).map(Row::Polled));
    rows
}

fn go_together(call: Path, import: Path) -> bool {
    let tuning = Tuning { concurrency: true, ..Tuning::PLAIN };
    Paths { call, import, ..Paths::PLAIN }.wrong(tuning).is_none()
}

fn name(row: Row) -> String {
    match row {
        Row::Way(call, None) => format!("{}, no import", print_call_path(call)),
        Row::Way(call, Some(import)) => {
            format!("{}, {}", print_call_path(call), print_import_path(import))
        }
        Row::Beside(call, beside) => format!("{}, {}", print_call_path(call), beside.name()),
        Row::Polled(import) => format!("{}, polled", print_import_path(import)),
    }
}

pub fn table(apis: Apis, features: &BTreeSet<Feature>) -> Table {
    let rows = rows(apis);
    let names = rows.iter().map(|row| name(*row)).collect();
    let columns = COLUMNS.map(str::to_string).to_vec();
    Table::new("call paths", names, columns, |row, column| match rows[row] {
        Row::Way(_, Some(import)) | Row::Polled(import) if lacks(import, features) => {
            Some("this release has no async functions")
        }
        Row::Way(_, None) if IMPORT.contains(&column) => Some("there is no import"),
        Row::Way(..) | Row::Beside(..) | Row::Polled(_) => None,
    })
}

fn lacks(import: Path, features: &BTreeSet<Feature>) -> bool {
    import.mode == Mode::Concurrent && !features.contains(&Feature::AsyncFunction)
}

/// Counts the calls that were made.
pub fn count(table: &mut Table, apis: Apis, case: &Case, reading: &Reading) {
    let rows = rows(apis);
    for call in proper_calls(case, reading).filter(|call| call.observed.was_made()) {
        let columns = columns(&passages(case, &call), &call);
        for row in ways(case, &call) {
            let Some(row) = rows.iter().position(|known| *known == row) else {
                continue;
            };
            columns.iter().for_each(|column| table.count(row, *column));
        }
    }
}

/// All rows that a call is counted in, and some that no table has.
fn ways(case: &Case, call: &ProperCall) -> Vec<Row> {
    let Paths { call: by, import, polls, neighbor } = case.paths;
    let (by, import) = (plain(by), plain(import));
    let imports = case.shape.guests[0].import.is_some();
    let mut ways = vec![Row::Way(by, imports.then_some(import))];
    let beside = |beside| match beside {
        Beside::Neighbor => neighbor,
        Beside::Twice => call.call.manner == Manner::Twice,
        Beside::Fuel => case.tuning.fuel,
        Beside::Epochs => case.tuning.epochs,
    };
    let beside = Beside::ALL.into_iter().filter(|what| beside(*what));
    ways.extend(beside.map(|what| Row::Beside(by, what)));
    let polled = polls > 0 && call.observed.import_calls().next().is_some();
    ways.extend(polled.then_some(Row::Polled(import)));
    ways
}

/// The path whose static types are the first.
fn plain(path: Path) -> Path {
    let api = match path.api {
        Api::Dynamic => Api::Dynamic,
        Api::Typed(_) => Api::Typed(0),
    };
    Path { api, ..path }
}

fn columns(passages: &[Passage], call: &ProperCall) -> Vec<usize> {
    let some = passages.iter().filter(|passage| !passage.types.is_empty());
    let mut columns: Vec<usize> = some.map(column).collect();
    columns.push(if call.observed.returned.is_some() { RETURNED } else { TRAPPED });
    columns
}

fn column(passage: &Passage) -> usize {
    let flat = match passage.stage {
        Stage::LowerParams => 0,
        Stage::LiftResult => 2,
        Stage::LiftParams => 4,
        Stage::LowerResult => 6,
        Stage::Callee | Stage::Host | Stage::PostReturn | Stage::Destructor => {
            unreachable!("no values pass there")
        }
    };
    flat + usize::from(!passage.is_flat())
}
