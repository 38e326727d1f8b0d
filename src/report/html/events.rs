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

/// What is shown of a timeline.
enum Shown<'a> {
    Event(&'a Row),
    /// So many rows are left out.
    Gap(usize),
}

fn body(html: &mut Html, rows: &[Row]) {
    let shown = shown(rows);
    for (position, part) in shown.iter().enumerate() {
        match part {
            Shown::Event(row) => event(html, row, unseen(&shown, position)),
            Shown::Gap(left_out) => gap(html, *left_out),
        }
    }
}

fn shown(rows: &[Row]) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    let (mut left_out, mut events) = (0, 0);
    for (i, row) in rows.iter().enumerate() {
        if !is_kept(rows, i) || events >= ROWS && row.mark != Mark::First {
            left_out += 1;
            continue;
        }
        shown.extend((left_out > 0).then_some(Shown::Gap(left_out)));
        shown.push(Shown::Event(row));
        (left_out, events) = (0, events + 1);
    }
    shown.extend((left_out > 0).then_some(Shown::Gap(left_out)));
    shown
}

/// Over how many rows the cell of each side goes that is not seen: nothing, where it is part of the one above.
fn unseen(shown: &[Shown], position: usize) -> [Option<usize>; 2] {
    let sides: [fn(&Row) -> &Cell; 2] = [|row| &row.expected, |row| &row.observed];
    sides.map(|side| {
        let goes_on = |part: &Shown| match part {
            Shown::Event(row) => *side(row) == Cell::Unseen && row.mark != Mark::First,
            Shown::Gap(_) => false,
        };
        let is_unseen = |part: &Shown| match part {
            Shown::Event(row) => *side(row) == Cell::Unseen,
            Shown::Gap(_) => false,
        };
        let above = position.checked_sub(1).is_some_and(|above| is_unseen(&shown[above]));
        let is_part = above && goes_on(&shown[position]);
        let rows = 1 + shown[position + 1..].iter().take_while(|part| goes_on(part)).count();
        (!is_part).then_some(rows)
    })
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

fn gap(html: &mut Html, left_out: usize) {
    html.element("tr", &[("class", "gap")], |html| {
        html.leaf("td", &[("colspan", "3")], &format!("… {left_out} rows left out"));
    });
}

fn event(html: &mut Html, row: &Row, unseen: [Option<usize>; 2]) {
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
        side(html, "reference", [&row.expected, &row.observed], unseen[0]);
        side(html, "subject", [&row.observed, &row.expected], unseen[1]);
    });
}

fn side(html: &mut Html, name: &str, [cell, other]: [&Cell; 2], unseen: Option<usize>) {
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
        Cell::Unseen => {
            let Some(rows) = unseen else { return };
            let rows = rows.to_string();
            let attributes = [("data-side", name), ("class", "unseen"), ("rowspan", &rows)];
            html.leaf("td", &attributes, "not seen");
        }
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
