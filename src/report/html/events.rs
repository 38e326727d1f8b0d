//! Both sides' timelines as one table: a row for each event, the first difference marked.
//! Knows rows as they were aligned, and how many a reader bears.

use super::unequal::marked;
use super::write::Html;
use crate::report::align::{Cell, Mark, Row};
use crate::report::explain::Explained;

/// Timelines of more rows than this leave out what is the same.
const WHOLE: usize = 80;
/// Rows around a difference that are kept.
const AROUND: usize = 12;
/// No more rows than this are shown.
const ROWS: usize = 400;
/// Characters of one event that are.
const QUOTED: usize = 4_000;

pub(super) fn timelines(html: &mut Html, explained: &Explained) {
    let rows = explained.rows();
    html.element("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.element("table", &[("class", "events")], |html| {
            html.element("thead", &[], head);
            html.element("tbody", &[], |html| body(html, &rows));
        });
    });
    if rows.iter().any(|row| row.expected == Cell::Unseen || row.observed == Cell::Unseen) {
        let why = "Hatched: not seen. After a trap or a crash nobody can look into a guest, and what only \
            one side came to is no difference of its own.";
        html.leaf("p", &[("class", "note")], why);
    }
}

fn head(html: &mut Html) {
    html.element("tr", &[], |html| {
        for name in ["who", "reference", "subject"] {
            html.leaf("th", &[("scope", "col"), ("class", name)], name);
        }
    });
}

fn body(html: &mut Html, rows: &[Row]) {
    let mut left_out = 0;
    let mut shown = 0;
    for (i, row) in rows.iter().enumerate() {
        if !is_kept(rows, i) || shown >= ROWS && row.mark != Mark::First {
            left_out += 1;
            continue;
        }
        gap(html, &mut left_out);
        event(html, row);
        shown += 1;
    }
    gap(html, &mut left_out);
}

/// Whether a row is shown: all of a short timeline are; of a long one what differs, and what is near it.
fn is_kept(rows: &[Row], at: usize) -> bool {
    let near = at.saturating_sub(AROUND)..rows.len().min(at + AROUND + 1);
    let differs = |row: &Row| match row.mark {
        Mark::First | Mark::Other => true,
        Mark::Call | Mark::Same => false,
    };
    rows.len() <= WHOLE
        || rows[at].mark == Mark::Call
        || at < AROUND
        || at + AROUND >= rows.len()
        || rows[near].iter().any(differs)
}

fn gap(html: &mut Html, left_out: &mut usize) {
    if *left_out > 0 {
        html.element("tr", &[("class", "gap")], |html| {
            let text = format!("… {left_out} rows left out");
            html.leaf("td", &[("colspan", "3")], &text);
        });
    }
    *left_out = 0;
}

fn event(html: &mut Html, row: &Row) {
    let class = match row.mark {
        Mark::Call => "call",
        Mark::Same => "same",
        Mark::First => "first",
        Mark::Other => "other",
    };
    html.element("tr", &[("class", class)], |html| {
        html.element("th", &[("scope", "row")], |html| {
            html.text(&row.lane);
            match row.mark {
                Mark::First => html.leaf("span", &[("class", "flag")], "≠ first difference"),
                Mark::Other => html.leaf("span", &[("class", "flag")], "≠"),
                Mark::Call | Mark::Same => {}
            }
        });
        side(html, "reference", &row.expected, &row.observed);
        side(html, "subject", &row.observed, &row.expected);
    });
}

fn side(html: &mut Html, name: &str, cell: &Cell, other: &Cell) {
    match cell {
        Cell::Saw(text) => html.element("td", &[("data-side", name)], |html| {
            html.element("code", &[], |html| match other {
                Cell::Saw(other) => marked(html, &cut(text), &cut(other)),
                Cell::Bytes(_) | Cell::Nothing | Cell::Unseen => html.text(&cut(text)),
            });
        }),
        Cell::Bytes(bytes) => html.element("td", &[("data-side", name)], |html| {
            html.element("code", &[("class", "bytes")], |html| {
                bytes.iter().for_each(|(byte, differs)| self::byte(html, *byte, *differs));
            });
        }),
        Cell::Nothing => html.leaf("td", &[("data-side", name), ("class", "nothing")], "nothing"),
        Cell::Unseen => html.leaf("td", &[("data-side", name), ("class", "unseen")], "not seen"),
    }
}

fn byte(html: &mut Html, byte: u8, differs: bool) {
    let text = format!("{byte:02x}");
    let class = if differs { "differs" } else { "byte" };
    html.leaf("span", &[("class", class)], &text);
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} … ({} bytes in all)", &text[..end], text.len()),
        None => text.to_string(),
    }
}
