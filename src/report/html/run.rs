//! A whole run as one page: what was found, what is known, what was exercised and what was not.
//! Knows how the page looks; who ran says what is on it.

use super::article::{article, tone_of};
use super::document;
use super::plot::{Curve, curve};
use super::write::Html;
use crate::mix::{Cell, Table};
use crate::report::explain::Explained;

/// All that a page of a run tells.
pub struct Page<'a> {
    pub verdict: String,
    pub is_clean: bool,
    /// Names and what is to be said of each.
    pub facts: Vec<(&'static str, String)>,
    /// Findings first.
    pub kinds: Vec<Kind<'a>>,
    pub curves: Vec<Curve>,
    /// The tables of each shape, with how many of their cells were reached and can be.
    pub tables: Vec<(String, (u64, u64), Vec<&'a Table>)>,
}

/// Verdicts that say the same.
pub struct Kind<'a> {
    pub says: &'a str,
    pub count: u64,
    pub first: String,
    /// What the register says of them.
    pub reasons: Vec<String>,
    /// The smallest of them, in full.
    pub explained: Option<&'a Explained>,
    /// Where that is.
    pub case: Option<String>,
}

/// The page.
pub fn run(page: &Page) -> String {
    document(&format!("{} · canonfuzz", page.verdict), |html| {
        html.element("header", &[], |html| {
            let tone = if page.is_clean { "badge agree" } else { "badge disagree" };
            html.leaf(
                "p",
                &[("class", tone)],
                if page.is_clean { "no findings" } else { "findings" },
            );
            html.leaf("h1", &[("class", "name")], &page.verdict);
            html.element("dl", &[("class", "facts")], |html| {
                for (name, fact) in &page.facts {
                    html.leaf("dt", &[], name);
                    html.leaf("dd", &[], fact);
                }
            });
        });
        section(html, "What does not agree", |html| kinds(html, &page.kinds));
        section(html, "Over time", |html| {
            html.element("div", &[("class", "plots")], |html| {
                page.curves.iter().for_each(|one| curve(html, one));
            });
        });
        section(html, "What was exercised", |html| {
            legend(html);
            page.tables.iter().for_each(|(shape, cells, tables)| heat(html, shape, *cells, tables));
        });
        for (number, kind) in page.kinds.iter().enumerate() {
            if let Some(explained) = kind.explained {
                article(html, explained, &id(number), "h1");
            }
        }
    })
}

fn section(html: &mut Html, title: &str, inside: impl FnOnce(&mut Html)) {
    html.element("section", &[], |html| {
        html.leaf("h2", &[], title);
        inside(html);
    });
}

fn id(number: usize) -> String {
    format!("kind-{number}")
}

fn kinds(html: &mut Html, kinds: &[Kind]) {
    if kinds.is_empty() {
        html.leaf("p", &[], "Nothing: both sides agree in all cases.");
        return;
    }
    html.element("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.element("table", &[("class", "kinds")], |html| {
            html.element("tr", &[], |html| {
                for name in ["verdict", "cases", "first", "why, or where"] {
                    html.leaf("th", &[("scope", "col")], name);
                }
            });
            kinds.iter().enumerate().for_each(|(number, kind)| row(html, number, kind));
        });
    });
}

fn row(html: &mut Html, number: usize, kind: &Kind) {
    html.element("tr", &[], |html| {
        html.element("td", &[], |html| {
            html.leaf("span", &[("class", &format!("badge {}", tone_of(kind.says)))], kind.says);
        });
        html.leaf("td", &[("class", "number")], &kind.count.to_string());
        html.leaf("td", &[], &kind.first);
        html.element("td", &[], |html| {
            if kind.explained.is_some() {
                html.leaf("a", &[("href", &format!("#{}", id(number)))], "in full");
                html.text(" ");
            }
            kind.case.iter().for_each(|case| html.leaf("code", &[], case));
            kind.reasons.iter().for_each(|reason| html.leaf("p", &[], reason));
        });
    });
}

fn legend(html: &mut Html) {
    html.element("p", &[("class", "legend heat-legend")], |html| {
        for (class, says) in [
            ("hole", "never, though it can be"),
            ("n1", "1 to 9"),
            ("n2", "10 to 99"),
            ("n3", "100 to 999"),
            ("n4", "1,000 or more"),
            ("never", "cannot be"),
        ] {
            html.element("span", &[], |html| {
                html.leaf("i", &[("class", class)], "");
                html.text(says);
            });
        }
    });
}

fn heat(html: &mut Html, shape: &str, (reached, all): (u64, u64), tables: &[&Table]) {
    html.element("details", &[("open", "")], |html| {
        html.element("summary", &[], |html| {
            html.leaf("strong", &[], shape);
            html.text(&format!(": {reached} of {all} cells were reached"));
        });
        tables.iter().for_each(|table| map(html, table));
    });
}

fn map(html: &mut Html, table: &Table) {
    html.leaf("h3", &[], table.title);
    html.element("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.element("table", &[("class", "heat")], |html| {
            html.element("tr", &[], |html| {
                html.leaf("td", &[], "");
                for column in table.columns() {
                    html.element("th", &[("scope", "col")], |html| html.leaf("span", &[], column));
                }
            });
            for (row, name) in table.rows().iter().enumerate() {
                html.element("tr", &[], |html| {
                    html.leaf("th", &[("scope", "row")], name);
                    for (column, of) in table.columns().iter().enumerate() {
                        let cell = table.cell(row, column);
                        self::cell(html, &cell, &format!("{name}: {of}"));
                    }
                });
            }
        });
    });
}

fn cell(html: &mut Html, cell: &Cell, name: &str) {
    let (class, text, title) = match cell {
        Cell::Impossible(why) => ("never", String::new(), format!("{name}: {why}")),
        Cell::Count(count) => (heat_of(*count), short(*count), format!("{name}: {count}")),
    };
    html.leaf("td", &[("class", class), ("title", &title)], &text);
}

/// A count by its digits.
fn heat_of(count: u64) -> &'static str {
    match count {
        0 => "hole",
        1..10 => "n1",
        10..100 => "n2",
        100..1_000 => "n3",
        1_000.. => "n4",
    }
}

/// A count that fits into a small cell.
fn short(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        1_000_000.. => format!("{}M", count / 1_000_000),
    }
}
