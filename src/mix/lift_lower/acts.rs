//! Which built-ins on resources and which destructors ran where, and how they ended.
//! Knows where which of them may be called.

use crate::abi::{Act, ActKind, BuiltIn, Stage, Stop};
use crate::mix::table::Table;
use crate::observation::CallReading;

/// The built-ins, and then destructors.
fn kinds() -> impl Iterator<Item = ActKind> {
    BuiltIn::OF_RESOURCES.into_iter().map(ActKind::BuiltIn).chain([ActKind::Destructor])
}

fn name(kind: ActKind) -> &'static str {
    match kind {
        ActKind::BuiltIn(which) => which.name(),
        ActKind::Destructor => "destructor",
    }
}

/// What they are called in.
const PLACES: [&str; 5] = ["function", "destructor", "realloc", "post-return", "host"];

/// How they end, by the word for a trap.
const ENDS: [&str; 5] =
    ["returned", "UnknownHandle", "HandleOfOtherType", "CannotLeaveComponent", "Guest"];

const FUNCTION: usize = 0;
const DESTRUCTOR: usize = 1;
const REALLOC: usize = 2;
const POST_RETURN: usize = 3;
const HOST: usize = 4;

pub fn table() -> Table {
    let rows = kinds().flat_map(|kind| PLACES.map(|place| format!("{} in {place}", name(kind))));
    let kinds: Vec<ActKind> = kinds().collect();
    let columns = ENDS.map(str::to_string).to_vec();
    Table::new("built-ins", rows.collect(), columns, move |row, end| {
        impossible(kinds[row / PLACES.len()], row % PLACES.len(), ENDS[end])
    })
}

fn impossible(kind: ActKind, place: usize, end: &str) -> Option<&'static str> {
    match kind {
        ActKind::BuiltIn(_) if place == HOST => Some("the host has no built-ins"),
        ActKind::BuiltIn(which) => impossible_built_in(which, place, end),
        ActKind::Destructor => impossible_destructor(place, end),
    }
}

fn impossible_built_in(which: BuiltIn, place: usize, end: &str) -> Option<&'static str> {
    let stays = place == REALLOC || place == POST_RETURN;
    match (which.leaves(), end) {
        (_, "Guest") => Some("no guest code runs in a built-in itself"),
        (false, "CannotLeaveComponent") => Some("it may be called anywhere"),
        (true, "CannotLeaveComponent") => (!stays).then_some("may_leave is true here"),
        (true, _) if stays => Some("may_leave is false here"),
        (_, "UnknownHandle" | "HandleOfOtherType") if !which.row().takes_handle() => {
            Some("it takes no handle")
        }
        (_, _) => None,
    }
}

fn impossible_destructor(place: usize, end: &str) -> Option<&'static str> {
    match (place, end) {
        (REALLOC | POST_RETURN, _) => Some("nothing can be dropped here"),
        (_, "CannotLeaveComponent") => Some("may_leave is true here"),
        (DESTRUCTOR, "returned" | "HandleOfOtherType" | "Guest") => {
            Some("the same destructor drops the same again, which is gone")
        }
        (_, _) => None,
    }
}

/// Counts what was called in one call, and before the next.
pub fn count(table: &mut Table, went: &CallReading) {
    for act in &went.course.acts {
        let kind = kinds().position(|kind| kind == act.kind);
        let row = kind.expect("every kind is listed") * PLACES.len() + place(act);
        if let Some(end) = ENDS.iter().position(|word| *word == end(act.stop)) {
            table.count(row, end);
        }
    }
}

/// In a word; none for what is no trap of the spec's.
fn end(stop: Option<Stop>) -> String {
    match stop {
        None => "returned".to_string(),
        Some(stop) => stop.trap().map_or(String::new(), |trap| format!("{trap:?}")),
    }
}

fn place(act: &Act) -> usize {
    match (act.kind, act.stage) {
        (_, Stage::Callee) => FUNCTION,
        (_, Stage::Destructor) => DESTRUCTOR,
        // The host drops between calls.
        (ActKind::Destructor, _) => HOST,
        (_, Stage::PostReturn) => POST_RETURN,
        (_, Stage::LowerParams | Stage::LowerResult) => REALLOC,
        (_, Stage::LiftParams | Stage::Host | Stage::LiftResult) => HOST,
    }
}
