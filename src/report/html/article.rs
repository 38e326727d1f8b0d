//! One case on a page, from its verdict to the command that shows it again.
//! Knows the order in which a reader asks, and nothing of other cases.

use super::call::{call, called};
use super::drawing::figure;
use super::events::timelines;
use super::unequal::marked;
use super::write::Html;
use crate::abi::SPEC_COMMIT;
use crate::case::Case;
use crate::case::text::print;
use crate::observation::GuestEvent;
use crate::oracle::register::Divergence;
use crate::oracle::{Difference, Observed, Verdict};
use crate::report::disagreement::{place, side};
use crate::report::explain::Explained;
use crate::report::layout;
use crate::report::spec::NO_RULE;

/// Calls whose memories are drawn.
const CALLS: usize = 4;

/// Everything about one case, below a heading of this level.
pub(super) fn article(html: &mut Html, explained: &Explained, id: &str, heading: &str) {
    html.element("article", &[("id", id)], |html| {
        head(html, explained, heading);
        section(html, "First difference", |html| difference(html, explained));
        section(html, "The call", |html| call(html, &explained.file.case));
        section(html, "Event by event", |html| timelines(html, explained));
        section(html, "Guest memory", |html| memory(html, explained));
        section(html, "Layout and passing", |html| {
            let lines = layout::lines(&explained.file.case.shape).join("\n");
            html.code(lines.trim_start());
        });
        section(html, "Register", |html| register(html, explained));
        section(html, "Reproduce", |html| reproduce(html, explained));
    });
}

fn section(html: &mut Html, title: &str, inside: impl FnOnce(&mut Html)) {
    html.element("section", &[], |html| {
        html.leaf("h2", &[], title);
        inside(html);
    });
}

/// The class of a verdict's colours.
pub(super) fn tone(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Agree => "agree",
        Verdict::Accepted(_) => "accepted",
        Verdict::Inconclusive(_) | Verdict::Unsupported(_) => "undecided",
        Verdict::Disagree(_) => "disagree",
    }
}

/// The same of a verdict in words.
pub(super) fn tone_of(says: &str) -> &'static str {
    match says.split(' ').next() {
        Some("agree") => "agree",
        Some("accepted") => "accepted",
        Some("disagree") => "disagree",
        Some(_) | None => "undecided",
    }
}

fn head(html: &mut Html, explained: &Explained, heading: &str) {
    html.element("header", &[], |html| {
        let badge = format!("badge {}", tone(&explained.checked.verdict));
        html.leaf("p", &[("class", &badge)], &explained.verdict());
        explained.register.reasons.iter().for_each(|entry| reason(html, entry));
        html.leaf(heading, &[("class", "name")], &explained.title());
        html.element("p", &[("class", "path")], |html| {
            html.leaf("code", &[], explained.told_name());
        });
        if let Some(story) = &explained.file.story {
            // Lines end where the file's do: only an empty one ends a paragraph.
            let paragraphs = story.trim().split("\n\n");
            paragraphs.for_each(|text| html.leaf("p", &[("class", "story")], text));
        }
        html.element("p", &[("class", "facts")], |html| {
            html.text("Subject: ");
            html.leaf("strong", &[], &explained.subject());
        });
    });
}

/// Why a difference is accepted, and where it was reported.
pub(super) fn reason(html: &mut Html, entry: &Divergence) {
    html.element("p", &[("class", "reason")], |html| {
        html.text(&entry.reason);
        html.text(" ");
        match entry.link.as_str() {
            "unreported" => html.text("Not reported."),
            reported => link(html, reported),
        }
    });
}

fn link(html: &mut Html, link: &str) {
    if link.starts_with("https://") {
        html.leaf("a", &[("href", link)], link);
    } else {
        html.text(link);
    }
}

fn difference(html: &mut Html, explained: &Explained) {
    let Some(difference) = &explained.difference else {
        html.leaf("p", &[], &without(&explained.checked.verdict));
        return;
    };
    let case = &explained.file.case;
    html.element("p", &[], |html| {
        html.text(&format!("In call {}, ", difference.call));
        html.leaf("code", &[], &called(case, difference.call));
        html.text(", at ");
        html.leaf("strong", &[], &place(difference.at));
        html.text(":");
    });
    sides(html, case, difference);
    if let Some(there) = explained.there() {
        html.element("p", &[], |html| {
            html.text("There lies: ");
            html.leaf("code", &[], &there);
        });
    }
    specification(html, explained);
}

fn sides(html: &mut Html, case: &Case, difference: &Difference) {
    html.element("div", &[("class", "sides")], |html| {
        for (name, label, expected) in
            [("reference", "Reference", true), ("subject", "Subject", false)]
        {
            html.element("div", &[("class", name)], |html| {
                html.leaf("h3", &[], label);
                let [this, other] = [expected, !expected].map(|one| side(case, difference, one));
                html.element("code", &[], |html| marked(html, &this, &other));
            });
        }
    });
    if let Observed::GuestEvent(GuestEvent::Realloc { .. }) = &difference.expected {
        let names = "realloc(old pointer, old size, alignment, new size)";
        html.element("p", &[("class", "note")], |html| html.leaf("code", &[], names));
    }
}

fn specification(html: &mut Html, explained: &Explained) {
    html.leaf("h3", &[], "The specification says");
    if explained.is_misuse() {
        html.leaf("p", &[], &format!("{}.", capitalized(NO_RULE)));
        return;
    }
    html.element("ul", &[("class", "spec")], |html| {
        explained.rules().iter().for_each(|rule| {
            html.element("li", &[], |html| {
                html.leaf("a", &[("href", &heading_link(rule.section))], rule.section);
                html.text(": ");
                html.leaf("code", &[], &rule.functions.join(", "));
            });
        });
    });
}

/// What there is to say where there is no difference to show.
fn without(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Agree => "None: both sides show the same.".to_string(),
        Verdict::Inconclusive(limit) => format!("None that says anything: {limit}."),
        Verdict::Unsupported(feature) => {
            format!("None: this release of the subject does not support {feature}.")
        }
        // A difference that only a deviating reference shows.
        Verdict::Accepted(_) | Verdict::Disagree(_) => "None that can be shown.".to_string(),
    }
}

/// Where a heading of the specification is, at the commit that is read.
fn heading_link(section: &str) -> String {
    let kept = section.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ');
    let anchor: String =
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
    let path = "WebAssembly/component-model/blob";
    format!("https://github.com/{path}/{SPEC_COMMIT}/design/mvp/CanonicalABI.md#{anchor}")
}

fn memory(html: &mut Html, explained: &Explained) {
    let calls = explained.file.case.calls.len();
    let first = explained.call();
    let others = (0..calls).filter(|call| *call != first);
    let shown: Vec<_> = std::iter::once(first).chain(others).take(CALLS).collect();
    for call in shown.iter().filter(|call| **call < calls) {
        for picture in explained.pictures(*call) {
            figure(html, &picture, *call == first);
        }
    }
    if calls > CALLS {
        let text = format!("Memories of {} further calls are not drawn.", calls - CALLS);
        html.leaf("p", &[("class", "note")], &text);
    }
    if calls == 0 {
        html.leaf("p", &[], "No call is made.");
    }
}

fn register(html: &mut Html, explained: &Explained) {
    let register = &explained.register;
    html.leaf("p", &[], &format!("{}.", capitalized(&register.says)));
    for Divergence { deviation, versions, reason, link, case, .. } in &register.entries {
        html.element("div", &[("class", "entry")], |html| {
            html.leaf("h3", &[], deviation.name());
            html.leaf("p", &[], reason);
            html.element("p", &[], |html| {
                html.text("Wasmtime ");
                html.leaf("code", &[], &versions.to_string());
                html.text(", ");
                self::link(html, link);
                html.text(", shown by ");
                html.leaf("code", &[], case);
            });
        });
    }
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}

fn reproduce(html: &mut Html, explained: &Explained) {
    let folder = explained.name.strip_suffix(explained.told_name()).unwrap_or_default();
    let told = |command: &str| match folder {
        "" => command.to_string(),
        folder => command.replace(folder, ""),
    };
    html.code(&format!("{}\n{}", told(&explained.replay), told(&explained.export)));
    for (name, text) in &explained.reproducers {
        html.element("details", &[], |html| {
            html.leaf("summary", &[], name);
            html.code(text.trim_end());
        });
    }
    html.element("details", &[("open", "")], |html| {
        html.leaf("summary", &[], "The case file");
        html.code(print(&explained.file).trim_end());
    });
}
