//! Which kinds of text were passed in which encoding.
//! Knows what a transcoder tells apart.

use super::{PATHS, Passage};
use crate::abi::{Stage, StringEncoding};
use crate::mix::table::Table;
use crate::value::{Str, StringSource, Value};

/// By the widest code point; and two kinds that a transcoder has to change its mind about.
const KINDS: [&str; 7] =
    ["empty", "ASCII", "Latin-1", "BMP", "supplementary", "wide after narrow", "tagged Latin-1"];
const TAGGED_LATIN1: usize = 6;

pub fn table() -> Table {
    let rows = StringEncoding::ALL
        .iter()
        .flat_map(|encoding| KINDS.map(|kind| format!("{}, {kind}", encoding.name())))
        .collect();
    let columns = PATHS.map(|(_, name)| name.to_string()).to_vec();
    Table::new("texts", rows, columns, |row, column| {
        let encoding = StringEncoding::ALL[row / KINDS.len()];
        let lowered = matches!(PATHS[column].0, Stage::LowerParams | Stage::LowerResult);
        match row % KINDS.len() {
            TAGGED_LATIN1 if encoding != StringEncoding::Latin1OrUtf16 => {
                Some("only latin1+utf16 has a tag")
            }
            TAGGED_LATIN1 if lowered => Some("a tag is lowered only where Latin-1 is not enough"),
            _ => None,
        }
    })
}

/// Counts the strings in these values.
pub fn count(table: &mut Table, passage: &Passage) {
    let wanted = passage.function.opts.string_encoding;
    let encoding = StringEncoding::ALL.iter().position(|encoding| *encoding == wanted);
    let encoding = encoding.expect("every encoding has rows");
    for text in passage.values.iter().flat_map(strings) {
        table.count(encoding * KINDS.len() + kind(text), passage.path());
    }
}

fn strings(value: &Value) -> Vec<&Str> {
    if let Value::String(text) = value {
        return vec![text];
    }
    value.parts().iter().flat_map(strings).collect()
}

/// The position of its kind.
fn kind(Str { text, source }: &Str) -> usize {
    let narrow = |char: char| char <= '\u{ff}';
    match text.chars().max() {
        None => 0,
        Some(_) if *source == StringSource::TaggedUtf16 && text.chars().all(narrow) => {
            TAGGED_LATIN1
        }
        Some(..='\u{7f}') => 1,
        Some(..='\u{ff}') => 2,
        Some(_) if text.starts_with(narrow) => 5,
        Some(..='\u{ffff}') => 3,
        Some(_) => 4,
    }
}
