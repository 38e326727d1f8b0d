//! What `realloc` does while a string is transcoded from one guest's encoding to another's.
//! Knows which blocks each pair of encodings asks for.

use super::Step;
use crate::abi::point::{CHANGES, SOURCES};
use crate::abi::{Block, Change, StringEncoding};
use crate::mix::rows::BEHAVIORS;
use crate::mix::table::Table;
use crate::value::StringSource;

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Row {
    source: StringSource,
    to: StringEncoding,
    change: Change,
}

/// An empty table.
pub fn table(title: &'static str) -> Table {
    let named = rows().map(|(row, [from, to, change])| (row, format!("{from} to {to}, {change}")));
    let (rows, names): (Vec<_>, Vec<_>) = named.unzip();
    let columns = BEHAVIORS.map(str::to_string).to_vec();
    Table::new(title, names, columns, |row, _| {
        let Row { source, to, change } = rows[row];
        no_such_block(source, to, change)
    })
}

/// All rows, each with what it is called after.
fn rows() -> impl Iterator<Item = (Row, [&'static str; 3])> {
    SOURCES.into_iter().flat_map(|(source, from)| {
        StringEncoding::ALL.into_iter().flat_map(move |to| {
            CHANGES
                .into_iter()
                .map(move |(change, name)| (Row { source, to, change }, [from, to.name(), name]))
        })
    })
}

/// Why no such block is asked for where a string is transcoded so.
pub fn no_such_block(
    source: StringSource,
    to: StringEncoding,
    change: Change,
) -> Option<&'static str> {
    use StringEncoding as To;
    use StringSource as From;
    let exact = Some("the first block has the right size");
    let worst = Some("the first block has room for the worst case");
    match (source, to, change) {
        (_, _, Change::New) => None,
        (From::Utf8, To::Utf8, Change::Grown | Change::Shrunk)
        | (From::Utf16 | From::Latin1 | From::TaggedUtf16, To::Utf16, _)
        | (From::Latin1, To::Latin1OrUtf16, _) => exact,
        (From::Utf8, To::Utf16, Change::Grown)
        | (From::TaggedUtf16, To::Latin1OrUtf16, Change::Grown) => worst,
        (From::Utf16, To::Latin1OrUtf16, Change::Shrunk) => {
            Some("a code unit becomes one byte in the first block and two in the second")
        }
        (From::Utf16 | From::Latin1 | From::TaggedUtf16, To::Utf8, Change::Grown)
        | (From::Utf16 | From::Latin1 | From::TaggedUtf16, To::Utf8, Change::Shrunk)
        | (From::Utf8, To::Utf16, Change::Shrunk)
        | (From::Utf8 | From::Utf16, To::Latin1OrUtf16, Change::Grown)
        | (From::Utf8 | From::TaggedUtf16, To::Latin1OrUtf16, Change::Shrunk) => None,
    }
}

/// Counts the call, if it is for a string.
pub fn count(table: &mut Table, step: &Step) {
    let Block::String { source, change } = step.block else { return };
    let wanted = Row { source, to: step.encoding, change };
    let row = rows().position(|(row, _)| row == wanted);
    table.count(row.expect("every pair of encodings has rows"), step.behavior);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::StringEncoding::{Latin1OrUtf16, Utf8, Utf16};

    #[test]
    fn a_string_that_grows_is_counted_by_its_form_and_what_realloc_did() {
        let mut table = table("strings");
        let block = Block::String { source: StringSource::TaggedUtf16, change: Change::Grown };
        count(&mut table, &Step { stage: 0, block, encoding: Utf8, behavior: 3 });
        count(&mut table, &Step { stage: 0, block: Block::List, encoding: Utf8, behavior: 3 });
        assert!(table.contradicted().is_empty());
        assert_eq!(table.possible() - table.empty().len(), 1);
        let name = "strings: tagged utf16 to utf8, grown: end".to_string();
        assert!(!table.empty().contains(&name));
    }

    #[test]
    fn strings_that_are_copied_neither_grow_nor_shrink() {
        use StringSource as From;
        let changes =
            |source, to| CHANGES.map(|(change, _)| no_such_block(source, to, change).is_none());
        assert_eq!(changes(From::Utf8, Utf8), [true, false, false]);
        assert_eq!(changes(From::Latin1, Utf16), [true, false, false]);
        assert_eq!(changes(From::Utf8, Utf16), [true, false, true]);
        assert_eq!(changes(From::Utf16, Latin1OrUtf16), [true, true, false]);
        assert_eq!(changes(From::TaggedUtf16, Latin1OrUtf16), [true, false, true]);
        assert_eq!(changes(From::Latin1, Utf8), [true, true, true]);
    }
}
