//! A folder of cases as one page: findings by kind, and each of them in full.
//! Knows what of a case is listed; how one looks is `article`'s.

use std::collections::BTreeMap;

use super::article::{article, reason, tone};
use super::document;
use super::write::Html;
use crate::oracle::Verdict;
use crate::oracle::register::Divergence;
use crate::report::explain::Explained;

/// A case in an index.
pub struct Entry {
    name: String,
    rule: String,
    kind: String,
    tone: &'static str,
    /// What comes first.
    rank: u32,
    id: String,
    /// Why it is accepted, if it is.
    reasons: Vec<Divergence>,
    /// The case in full, where there is more to it than that both sides agree.
    article: Option<Html>,
}

/// What the index says of the case with this number; `whole` has it follow in full if it does not agree.
pub fn entry(explained: &Explained, number: usize, whole: bool) -> Entry {
    let verdict = &explained.checked.verdict;
    let id = format!("case-{number}");
    let article = (whole && *verdict != Verdict::Agree).then(|| {
        let mut html = Html::default();
        article(&mut html, explained, &id, "h1");
        html
    });
    Entry {
        name: explained.told_name().to_string(),
        rule: explained.title(),
        kind: explained.kind(),
        tone: tone(verdict),
        rank: rank(verdict),
        id,
        reasons: explained.register.reasons.clone(),
        article,
    }
}

impl Entry {
    /// Whether the case follows in full.
    pub fn is_whole(&self) -> bool {
        self.article.is_some()
    }
}

fn rank(verdict: &Verdict) -> u32 {
    match verdict {
        Verdict::Disagree(_) => 0,
        Verdict::Accepted(_) => 1,
        Verdict::Inconclusive(_) => 2,
        Verdict::Unsupported(_) => 3,
        Verdict::Agree => 4,
    }
}

/// The page of a folder. What could not be read of it is listed as well.
pub fn index(folder: &str, subject: &str, entries: Vec<Entry>, unreadable: &[String]) -> String {
    let mut kinds: BTreeMap<(u32, String), Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        kinds.entry((entry.rank, entry.kind.clone())).or_default().push(entry);
    }
    document(&format!("canonfuzz · {folder}"), |html| {
        html.element("header", &[], |html| {
            html.leaf("h1", &[("class", "name")], folder);
            html.element("p", &[("class", "facts")], |html| {
                html.text("Subject: ");
                html.leaf("strong", &[], subject);
            });
            html.element("p", &[], |html| html.text(&counts(&kinds)));
            unreadable.iter().for_each(|why| html.leaf("p", &[("class", "unreadable")], why));
        });
        html.element("nav", &[("aria-label", "Cases by kind")], |html| groups(html, &kinds));
        let articles = kinds.into_values().flatten().filter_map(|entry| entry.article);
        articles.for_each(|article| html.append(article));
    })
}

fn counts(kinds: &BTreeMap<(u32, String), Vec<Entry>>) -> String {
    let mut counts: BTreeMap<u32, (&str, usize)> = BTreeMap::new();
    for entry in kinds.values().flatten() {
        counts.entry(entry.rank).or_insert((entry.tone, 0)).1 += 1;
    }
    let all: usize = counts.values().map(|(_, count)| count).sum();
    let said = counts.values().map(|(tone, count)| format!("{count} {tone}"));
    format!("{all} cases: {}.", said.collect::<Vec<_>>().join(", "))
}

/// A row for each kind, findings first; what agrees is folded below.
fn groups(html: &mut Html, kinds: &BTreeMap<(u32, String), Vec<Entry>>) {
    let (agree, others): (Vec<_>, Vec<_>) =
        kinds.iter().partition(|((one, _), _)| *one == rank(&Verdict::Agree));
    if !others.is_empty() {
        html.element("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
            html.element("table", &[("class", "kinds")], |html| {
                html.element("tr", &[], |html| {
                    for name in ["verdict", "cases", "which", "why it is accepted"] {
                        html.leaf("th", &[("scope", "col")], name);
                    }
                });
                others.iter().for_each(|((_, kind), entries)| group(html, kind, entries));
            });
        });
    }
    for ((_, kind), entries) in agree {
        html.element("details", &[], |html| {
            html.element("summary", &[], |html| {
                html.leaf("span", &[("class", "badge agree")], kind);
                html.text(&format!(" {} cases", entries.len()));
            });
            list(html, entries);
        });
    }
}

fn group(html: &mut Html, kind: &str, entries: &[Entry]) {
    let tone = entries.first().map_or("agree", |entry| entry.tone);
    html.element("tr", &[], |html| {
        html.element("td", &[], |html| {
            html.leaf("span", &[("class", &format!("badge {tone}"))], kind);
        });
        html.leaf("td", &[("class", "number")], &entries.len().to_string());
        html.element("td", &[], |html| list(html, entries));
        html.element("td", &[], |html| {
            let reasons = entries.first().map_or(&[][..], |entry| &entry.reasons);
            reasons.iter().for_each(|entry| reason(html, entry));
        });
    });
}

fn list(html: &mut Html, entries: &[Entry]) {
    html.element("ul", &[("class", "cases")], |html| {
        entries.iter().for_each(|entry| {
            html.element("li", &[], |html| listed(html, entry));
        });
    });
}

fn listed(html: &mut Html, entry: &Entry) {
    if entry.is_whole() {
        html.leaf("a", &[("href", &format!("#{}", entry.id))], &entry.name);
    } else {
        html.leaf("code", &[], &entry.name);
    }
    html.element("p", &[], |html| html.text(&entry.rule));
}
