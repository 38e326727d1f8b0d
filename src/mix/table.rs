//! A table of counts, some of whose cells cannot be other than empty.
//! Knows nothing of what is counted.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Rows and columns have names; so has the whole.
#[derive(Clone)]
pub struct Table {
    pub title: &'static str,
    rows: Vec<String>,
    columns: Vec<String>,
    /// Row by row.
    counts: Vec<u64>,
    impossible: Vec<Option<&'static str>>,
}

/// What there is to say of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Count(u64),
    /// Why nothing can be counted there.
    Impossible(&'static str),
}

impl Table {
    /// An empty table. `impossible` says of a row and a column why nothing can be counted there.
    pub fn new(
        title: &'static str,
        rows: Vec<String>,
        columns: Vec<String>,
        impossible: impl Fn(usize, usize) -> Option<&'static str>,
    ) -> Table {
        let cells = (0..rows.len()).flat_map(|row| (0..columns.len()).map(move |c| (row, c)));
        let impossible: Vec<_> = cells.map(|(row, column)| impossible(row, column)).collect();
        Table { title, rows, columns, counts: vec![0; impossible.len()], impossible }
    }

    /// Counts once. What was thought impossible is counted as well: then it is seen.
    pub fn count(&mut self, row: usize, column: usize) {
        self.counts[row * self.columns.len() + column] += 1;
    }

    /// Adds the counts of a table of the same form.
    pub fn merge(&mut self, other: &Table) {
        for (mine, others) in self.counts.iter_mut().zip(&other.counts) {
            *mine += others;
        }
    }

    /// How many cells are possible.
    pub fn possible(&self) -> usize {
        self.impossible.iter().filter(|reason| reason.is_none()).count()
    }

    /// How many of these are not empty.
    pub fn reached(&self) -> usize {
        let cells = self.counts.iter().zip(&self.impossible);
        cells.filter(|(count, reason)| **count > 0 && reason.is_none()).count()
    }

    /// The possible cells that are empty, by name.
    pub fn empty(&self) -> Vec<String> {
        self.names(|count, possible| count == 0 && possible)
    }

    /// The cells that were not empty although they have to be, by name.
    pub fn contradicted(&self) -> Vec<String> {
        self.names(|count, possible| count > 0 && !possible)
    }

    fn names(&self, wanted: impl Fn(u64, bool) -> bool) -> Vec<String> {
        let cells = self.counts.iter().zip(&self.impossible).enumerate();
        let cells = cells.filter(|(_, (count, reason))| wanted(**count, reason.is_none()));
        cells.map(|(cell, _)| self.name(cell)).collect()
    }

    fn name(&self, cell: usize) -> String {
        let (row, column) = (cell / self.columns.len(), cell % self.columns.len());
        format!("{}: {}: {}", self.title, self.rows[row], self.columns[column])
    }

    /// The whole for people: counts, and letters that are explained below where there are none.
    pub fn text(&self) -> String {
        let mut reasons: Vec<&str> = Vec::new();
        let head = self.rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let widths: Vec<usize> = self.columns.iter().map(|name| name.len().max(7)).collect();
        let mut text = format!("{}\n  {:head$}", self.title, "");
        for (name, width) in self.columns.iter().zip(&widths) {
            text += &format!("  {name:>width$}");
        }
        for (row, name) in self.rows.iter().enumerate() {
            text += &format!("\n  {name:head$}");
            for (column, width) in widths.iter().enumerate() {
                let cell = self.word(row * self.columns.len() + column, &mut reasons);
                text += &format!("  {cell:>width$}");
            }
        }
        for (letter, reason) in ('a'..).zip(&reasons) {
            text += &format!("\n  {letter}: {reason}");
        }
        text + "\n"
    }

    fn word<'a>(&'a self, cell: usize, reasons: &mut Vec<&'a str>) -> String {
        let count = self.counts[cell];
        match self.impossible[cell] {
            Some(reason) if count == 0 => letter(reason, reasons).to_string(),
            Some(_) | None => count.to_string(),
        }
    }

    pub fn rows(&self) -> &[String] {
        &self.rows
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    pub fn cell(&self, row: usize, column: usize) -> Cell {
        let cell = row * self.columns.len() + column;
        match self.impossible[cell] {
            Some(reason) if self.counts[cell] == 0 => Cell::Impossible(reason),
            Some(_) | None => Cell::Count(self.counts[cell]),
        }
    }
}

impl Serialize for Table {
    /// Counts by row and column, and apart from these why there can be none.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        let mut impossible: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for (row, name) in self.rows.iter().enumerate() {
            for (column, of) in self.columns.iter().enumerate() {
                match self.cell(row, column) {
                    Cell::Count(count) => {
                        counts.entry(name).or_default().insert(of, count);
                    }
                    Cell::Impossible(why) => {
                        impossible.entry(name).or_default().insert(of, why);
                    }
                }
            }
        }
        let mut table = serializer.serialize_struct("Table", 2)?;
        table.serialize_field("counts", &counts)?;
        table.serialize_field("impossible", &impossible)?;
        table.end()
    }
}

/// How many of the possible cells of some tables were reached, and how many there are.
pub fn cells(tables: &[&Table]) -> (u64, u64) {
    let sum = |count: fn(&Table) -> usize| tables.iter().map(|table| count(table)).sum::<usize>();
    let counts = [sum(Table::reached), sum(Table::possible)];
    counts.map(|count| u64::try_from(count).unwrap_or(u64::MAX)).into()
}

/// How many of the possible cells of some tables were reached, and which never. Words say what cells are, and
/// what one is that was not.
pub fn coverage(tables: &[&Table], cells: &str, not_reached: &str) -> String {
    let possible: usize = tables.iter().map(|table| table.possible()).sum();
    let empty: Vec<String> = tables.iter().flat_map(|table| table.empty()).collect();
    let reached = possible - empty.len();
    let mut text = format!("{reached} of {possible} {cells} were reached");
    empty.iter().for_each(|cell| text += &format!("\n  {not_reached}: {cell}"));
    text
}

/// The letter for a reason: the next one, if it is new.
fn letter<'a>(reason: &'a str, reasons: &mut Vec<&'a str>) -> char {
    let position = reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    ('a'..).nth(position).unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let names = |names: [&str; 2]| names.map(str::to_string).to_vec();
        let impossible = |row, column| (row == 1 && column == 0).then_some("so it is");
        Table::new("title", names(["one", "two"]), names(["x", "y"]), impossible)
    }

    #[test]
    fn empty_cells_are_named_but_for_those_that_have_to_be() {
        let mut table = table();
        table.count(0, 1);
        assert_eq!(table.possible(), 3);
        assert_eq!(table.empty(), ["title: one: x", "title: two: y"]);
        let mut other = table.clone();
        other.count(0, 0);
        table.merge(&other);
        let text = "title\n             x        y\n  one        1        2\n  two        a        0\n  \
            a: so it is\n";
        assert_eq!(table.text(), text);
        assert_eq!(cells(&[&table]), (2, 3));
        let json = serde_json::to_value(&table).unwrap();
        assert_eq!(json["counts"]["one"], serde_json::json!({ "x": 1, "y": 2 }));
        assert_eq!(json["impossible"], serde_json::json!({ "two": { "x": "so it is" } }));
    }

    #[test]
    fn what_was_thought_impossible_is_shown_where_it_happens() {
        let mut table = table();
        table.count(1, 0);
        assert_eq!(table.contradicted(), ["title: two: x"]);
        assert_eq!(table.cell(1, 0), Cell::Count(1));
        assert!(!table.text().contains("so it is"));
    }
}
