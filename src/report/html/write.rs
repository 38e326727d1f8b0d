//! HTML, element by element: what is opened is closed, and all text and attributes are escaped here.
//! Knows no page.

use crate::plain::is_hidden;

/// Elements that have nothing inside and no end.
const VOID: [&str; 2] = ["meta", "br"];

/// Elements after which a line ends, so that a page can be read and compared as text.
const LINES: [&str; 22] = [
    "article", "body", "details", "div", "dl", "figure", "footer", "g", "h1", "h2", "h3", "head",
    "header", "li", "nav", "p", "section", "style", "summary", "svg", "table", "tr",
];

/// A page, or a part of one, as it is written.
#[derive(Default)]
pub struct Html {
    out: String,
}

/// Attributes and their values.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Html {
    /// An element with what `inside` writes.
    pub fn element(&mut self, tag: &str, attributes: Attributes, inside: impl FnOnce(&mut Html)) {
        self.open(tag, attributes);
        inside(self);
        self.out += &format!("</{tag}>");
        if LINES.contains(&tag) {
            self.out.push('\n');
        }
    }

    /// An element with nothing but text.
    pub fn leaf(&mut self, tag: &str, attributes: Attributes, text: &str) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// Lines as they are.
    pub fn code(&mut self, text: &str) {
        // Who has no mouse can still scroll it.
        self.element("pre", &[("tabindex", "0")], |html| html.leaf("code", &[], text));
    }

    /// An element that has no end, or, inside a drawing, nothing inside.
    pub fn void(&mut self, tag: &str, attributes: Attributes) {
        self.open(tag, attributes);
        if !VOID.contains(&tag) {
            self.out += &format!("</{tag}>");
        }
    }

    pub fn text(&mut self, text: &str) {
        escape(text, &mut self.out);
    }

    /// A style sheet of our own: nothing in it is escaped, for nothing in it may need to be.
    pub fn style(&mut self, css: &'static str) {
        assert!(!css.contains(['<', '&']), "a style sheet that ends early");
        self.element("style", &[], |html| html.out += css);
    }

    /// What was written elsewhere.
    pub fn append(&mut self, part: Html) {
        self.out += &part.out;
    }

    /// The document.
    pub fn finish(self) -> String {
        format!("<!DOCTYPE html>\n{}", self.out)
    }

    fn open(&mut self, tag: &str, attributes: Attributes) {
        self.out += &format!("<{tag}");
        for (name, value) in attributes {
            self.out += &format!(" {name}=\"");
            escape(value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }
}

/// Text that shows as what it is: no markup, no control characters, and nothing that turns the order of
/// the letters around it.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut html = Html::default();
        html.leaf("td", &[("title", text)], text);
        assert_eq!(html.out, format!("<td title=\"{expected}\">{expected}</td>"));
    }

    #[test]
    fn text_and_attributes_are_no_markup() {
        check("a < b && c > \"d\" 'e'", "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
        check("</td><script>alert(1)</script>", "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
        check("\" onload=\"x", "&quot; onload=&quot;x");
        check("&amp;", "&amp;amp;");
        check("aé☃\u{1f320}", "aé☃\u{1f320}");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        check("a\0b\u{1b}[31m\u{7f}", "a\\u{0}b\\u{1b}[31m\\u{7f}");
        check("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}");
        check("a\nb\tc", "a\nb\tc");
    }

    #[test]
    fn what_is_opened_is_closed() {
        let mut html = Html::default();
        html.element("p", &[], |html| {
            html.text("a");
            html.void("br", &[]);
            html.element("b", &[], |html| html.void("rect", &[("x", "1")]));
        });
        assert_eq!(html.out, "<p>a<br><b><rect x=\"1\"></rect></b></p>\n");
        assert_eq!(Html::default().finish(), "<!DOCTYPE html>\n");
    }
}
