//! Names of members.
//! Knows what kebab-case allows, and that the order of names need not be that of positions.

use arbitrary::{Result, Unstructured};

use super::draw::{chance, pick};
use super::weights;
use crate::types::Label;

/// Words that sort otherwise than they are likely to be drawn; none ends in a digit.
const WORDS: [&str; 10] =
    ["zulu", "a", "kilo-metre", "URL", "x-Y", "m-n-o", "alpha", "Z", "is-it", "b-B"];

/// Names that text has to quote: WIT and WAVE have other uses for them.
const KEYWORDS: [&str; 12] = [
    "list", "record", "type", "string", "none", "some", "ok", "err", "true", "nan", "inf", "static",
];

/// Labels of that many members: named after their positions, or all with names of their own.
pub fn labels(u: &mut Unstructured, count: usize) -> Result<Vec<Label>> {
    if count > WORDS.len() || !chance(u, weights::NAMED)? {
        return Ok(vec![Label::default(); count]);
    }
    (0..count).map(|position| label(u, position)).collect()
}

fn label(u: &mut Unstructured, position: usize) -> Result<Label> {
    // The first alone may be a keyword: all others end in their position.
    let name = if position == 0 && u.arbitrary()? {
        pick(u, &KEYWORDS)?.to_string()
    } else {
        format!("{}{position}", pick(u, &WORDS)?)
    };
    Ok(Label(Some(name.into())))
}
