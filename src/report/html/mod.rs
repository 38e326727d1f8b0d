//! A checked case, or a folder of them, as one page that needs nothing but itself.
//! Knows how the page looks; what it says others have found out.

mod article;
mod call;
mod drawing;
mod events;
mod index;
mod plot;
mod run;
mod sheet;
mod unequal;
mod write;

pub use index::{Entry, entry, index};
pub use plot::Curve;
pub use run::{Kind, Page, run};

use super::explain::Explained;
use write::Html;

/// The page of one case.
pub fn page(explained: &Explained) -> String {
    let title = format!("{} · {}", explained.verdict(), explained.told_name());
    document(&title, |html| article::article(html, explained, "case", "h1"))
}

/// A whole document with this inside its body.
fn document(title: &str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], |html| {
            html.void("meta", &[("charset", "utf-8")]);
            html.void(
                "meta",
                &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
            );
            html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            html.leaf("title", &[], title);
            html.style(include_str!("style.css"));
        });
        html.element("body", &[], |html| {
            hatching(html);
            html.element("main", &[], body);
            html.element("footer", &[], |html| {
                html.text("Made by canonfuzz ");
                html.text(env!("CARGO_PKG_VERSION"));
                html.text(". The specification is read at commit ");
                html.leaf("code", &[], crate::abi::SPEC_COMMIT);
                html.text(".");
            });
        });
    });
    html.finish()
}

/// The pattern of padding, which all drawings of a page share.
fn hatching(html: &mut Html) {
    let attributes =
        [("class", "shared"), ("width", "0"), ("height", "0"), ("aria-hidden", "true")];
    html.element("svg", &attributes, |html| {
        let pattern = [
            ("id", "hatch"),
            ("width", "5"),
            ("height", "5"),
            ("patternUnits", "userSpaceOnUse"),
            ("patternTransform", "rotate(45)"),
        ];
        html.element("pattern", &pattern, |html| {
            html.void("line", &[("class", "hatch"), ("y2", "5")]);
        });
    });
}
