//! A guest's memory as a drawing: core values, bytes in rows of 16, what they mean, and pointers as arrows.
//! Knows a picture of memory and its plan; a table beside it says the same in words.

use std::ops::Range;

use super::sheet::{
    BAND, BYTES, CELL, CELL_HEIGHT, CHANNEL, FLAT_BYTES, HEADING, LEFT, Row, Sheet, Strip,
    addresses, sheet, small,
};
use super::write::Html;
use crate::abi::{Core, CoreType};
use crate::report::explain::{described, quoted, title};
use crate::report::memory::{Field, FieldKind, FlatValue, Picture};
use crate::report::timeline::{core, hex};

/// Arrows in one drawing: more are no help.
const ARROWS: usize = 12;
/// Between two arrows that run down beside the memory.
const LANE: u64 = 9;
/// The width of the whole.
const WIDTH: u64 = LEFT + BYTES * CELL + 24 + 12 * LANE;
/// The width of a letter of a label, in tenths.
const LETTER: u64 = 67;

/// A figure of one guest's memory in one call, open or to be opened.
pub(super) fn figure(html: &mut Html, picture: &Picture, open: bool) {
    let attributes: &[(&str, &str)] = if open { &[("open", "")] } else { &[] };
    html.element("details", attributes, |html| {
        html.leaf("summary", &[], &title(picture));
        let sheet = sheet(picture);
        if sheet.height == 0 {
            html.leaf("p", &[], "Nothing is passed, and nothing of the memory is written.");
            return;
        }
        let drawing = [("class", "scroll drawing"), ("tabindex", "0")];
        html.element("div", &drawing, |html| draw(html, picture, &sheet));
        legend(html, picture);
        table(html, picture);
    });
}

fn draw(html: &mut Html, picture: &Picture, sheet: &Sheet) {
    let height = sheet.height + 8;
    let view = format!("0 0 {WIDTH} {height}");
    let (width, height) = (WIDTH.to_string(), height.to_string());
    let label = title(picture);
    let attributes = [
        ("viewBox", view.as_str()),
        ("width", &width),
        ("height", &height),
        ("role", "img"),
        ("aria-label", &label),
    ];
    html.element("svg", &attributes, |html| {
        sheet.strips.iter().for_each(|strip| draw_strip(html, picture, strip));
        for gap in &sheet.gaps {
            let touched = match gap.touched {
                0 => String::new(),
                rows => format!(", {rows} rows of them used"),
            };
            let text = format!("⋯ {} bytes left out{touched}", gap.bytes);
            label_at(html, "gap", LEFT, gap.y, &text);
        }
        sheet.rows.iter().for_each(|row| draw_row(html, picture, row));
        arrows(html, picture, sheet);
    });
}

/// The core values that are passed.
fn draw_strip(html: &mut Html, picture: &Picture, strip: &Strip) {
    let root = &picture.roots[strip.root];
    let passing = if root.spilled { "spilled into memory" } else { "passed flat" };
    let heading = format!("{}: {passing}", root.title);
    label_at(html, "heading", 0, strip.y - CHANNEL - HEADING + 20, &heading);
    for (index, flat) in root.flat.iter().enumerate() {
        let (x, y) = strip.place(index);
        let width = FLAT_BYTES * CELL - 12;
        let class = if flat.is_marked() { "flat wrong" } else { "flat" };
        html.element("g", &[("class", class)], |html| {
            html.leaf("title", &[], &flat_words(index, flat));
            rect(html, "box", x, y, width, CELL_HEIGHT);
            let value = format!("{} {}", core_type(flat.core), core(flat.core));
            let both = flat.other.map(|other| format!("{value} ≠ {}", core(other)));
            label_at(html, "value", x + 6, y + 17, &fitting(width - 8, &[both.unwrap_or(value)]));
            let value = &flat.value;
            let mark = if flat.is_marked() { "! " } else { "" };
            let labels = [format!("{mark}{} = {value}", flat.path), format!("{mark}{}", flat.path)];
            label_at(html, "name", x + 2, y + CELL_HEIGHT + 13, &fitting(width + 8, &labels));
        });
    }
}

fn core_type(core: Core) -> &'static str {
    match core.ty() {
        CoreType::I32 => "i32",
        CoreType::I64 => "i64",
        CoreType::F32 => "f32",
        CoreType::F64 => "f64",
    }
}

fn flat_words(index: usize, flat: &FlatValue) -> String {
    let wrong = flat.wrong.as_ref().map_or(String::new(), |wrong| format!(": {wrong}"));
    let other = flat.other.map_or(String::new(), |other| format!(", subject {}", core(other)));
    format!("flat {index}: {} = {}{other}{wrong}", flat.path, flat.value)
}

fn draw_row(html: &mut Html, picture: &Picture, row: &Row) {
    label_at(html, "address", 0, row.y + 17, &format!("{:#06x}", row.at));
    bytes(html, picture, row, row.y, &picture.memory, false);
    if let Some(other) = picture.other.as_ref().filter(|_| row.differs) {
        label_at(html, "address subject", 0, row.y + CELL_HEIGHT + 17, "subject ≠");
        bytes(html, picture, row, row.y + CELL_HEIGHT, other, true);
    }
    for block in &picture.blocks {
        let range = within(block, &row.range());
        if !range.is_empty() {
            let (x, width) = span(row, &range);
            let height = row.bands() - row.y;
            rect(html, "block", x, row.y, width, height);
        }
    }
    row.fields.iter().for_each(|(field, band)| draw_field(html, picture, row, field, *band));
}

/// The bytes of one side. Of the subject's, only those that are others.
fn bytes(html: &mut Html, picture: &Picture, row: &Row, y: u64, memory: &[u8], other: bool) {
    for address in addresses(row.range()) {
        let Some(byte) = memory.get(address) else { continue };
        if other && !picture.differs(address) {
            continue;
        }
        let at = small(address);
        let class = if picture.differs(address) {
            "cell differs"
        } else if picture.data.iter().any(|data| data.contains(&at)) && !picture.written(address) {
            "cell data"
        } else if picture.written(address) {
            "cell written"
        } else {
            "cell"
        };
        html.element("g", &[("class", class)], |html| {
            let x = LEFT + (at - row.at) * CELL;
            rect(html, "byte", x, y, CELL, CELL_HEIGHT);
            label_at(html, "hex", x + CELL / 2, y + 18, &format!("{byte:02x}"));
        });
    }
}

fn draw_field(html: &mut Html, picture: &Picture, row: &Row, field: &Field, band: u64) {
    let range = within(&field.range(), &row.range());
    let (x, width) = span(row, &range);
    let y = row.bands() + band * BAND + 2;
    let kind = match field.kind {
        FieldKind::Value => "value",
        FieldKind::Pointer { .. } => "pointer",
        FieldKind::Length => "length",
        FieldKind::Discriminant => "discriminant",
        FieldKind::Text => "text",
        FieldKind::Padding => "padding",
    };
    let marked = if picture.is_marked(field) { " wrong" } else { "" };
    html.element("g", &[("class", &format!("field {kind}{marked}"))], |html| {
        html.leaf("title", &[], &words(field));
        rect(html, "bar", x + 1, y, width - 2, BAND - 4);
        let mark = if marked.is_empty() { "" } else { "! " };
        let labels = if range.start == field.at { labels(field) } else { vec!["…".to_string()] };
        let labels: Vec<_> = labels.iter().map(|label| format!("{mark}{label}")).collect();
        label_at(html, "name", x + 4, y + 12, &fitting(width - 6, &labels));
    });
}

/// What a field may be labelled with, the longest first.
fn labels(field: &Field) -> Vec<String> {
    let Field { path, ty, value, .. } = field;
    let last = path.rsplit('.').next().unwrap_or(path);
    match field.kind {
        FieldKind::Value => vec![
            format!("{last}: {ty} = {value}"),
            format!("{last}: {ty}"),
            last.to_string(),
            ty.to_string(),
        ],
        FieldKind::Pointer { to } => {
            let to = format!("{to:#06x}");
            vec![format!("{last}: {ty} → {to}"), format!("{last} → {to}"), format!("→ {to}")]
        }
        FieldKind::Length => vec![
            format!("{last}: length {value}"),
            format!("length {value}"),
            format!("len {value}"),
        ],
        FieldKind::Discriminant => vec![
            format!("{last}: {ty}, case {value}"),
            format!("case {value}"),
            value.split(' ').next().unwrap_or_default().to_string(),
        ],
        FieldKind::Text => vec![format!("{last} = {value}"), value.clone()],
        FieldKind::Padding => vec!["padding".to_string(), String::new()],
    }
}

fn words(field: &Field) -> String {
    let wrong = field.wrong.as_ref().map_or(String::new(), |wrong| format!(": {wrong}"));
    format!("{:#06x}, {} bytes: {}{wrong}", field.at, field.size, described(field))
}

/// The first label that fits into this width, or what fits of the last.
fn fitting(width: u64, labels: &[String]) -> String {
    let letters = usize::try_from(width * 10 / LETTER).expect("a few letters");
    let fits = |label: &&String| label.chars().count() <= letters;
    labels.iter().find(fits).cloned().unwrap_or_else(|| {
        let last = labels.last().map(String::as_str).unwrap_or_default();
        let kept: String = last.chars().take(letters.saturating_sub(1)).collect();
        if kept.is_empty() { kept } else { kept + "…" }
    })
}

fn within(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

/// Where a part of a row is, and how wide.
fn span(row: &Row, range: &Range<u64>) -> (u64, u64) {
    (LEFT + (range.start - row.at) * CELL, (range.end - range.start) * CELL)
}

fn rect(html: &mut Html, class: &str, x: u64, y: u64, width: u64, height: u64) {
    let [x, y, width, height] = [x, y, width, height].map(|number| number.to_string());
    let attributes =
        [("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    html.void("rect", &attributes);
}

fn label_at(html: &mut Html, class: &str, x: u64, y: u64, text: &str) {
    if !text.is_empty() {
        let [x, y] = [x, y].map(|number| number.to_string());
        html.leaf("text", &[("class", class), ("x", &x), ("y", &y)], text);
    }
}

/// From each pointer up, along the right side, and down into what it points to.
fn arrows(html: &mut Html, picture: &Picture, sheet: &Sheet) {
    let flat = sheet.strips.iter().flat_map(|strip| {
        let values = picture.roots[strip.root].flat.iter().enumerate();
        values.filter_map(|(index, flat)| {
            let (x, y) = strip.place(index);
            Some((x + FLAT_BYTES * CELL / 2, y, flat.to?))
        })
    });
    let fields = sheet.rows.iter().flat_map(|row| {
        row.fields.iter().filter_map(|(field, _)| {
            let FieldKind::Pointer { to } = field.kind else { return None };
            let (x, width) = span(row, &within(&field.range(), &row.range()));
            (field.at >= row.at).then_some((x + width / 2, row.y, to))
        })
    });
    let drawn = flat.chain(fields).filter_map(|(x, y, to)| {
        let row = sheet.find(to)?;
        Some([(x, y), (LEFT + (to - row.at) * CELL + 7, row.y)])
    });
    for (number, ends) in drawn.take(ARROWS).enumerate() {
        arrow(html, small(number), ends);
    }
}

fn arrow(html: &mut Html, number: u64, [(x, y), (to_x, to_y)]: [(u64, u64); 2]) {
    let lane = LEFT + BYTES * CELL + 12 + number * LANE;
    let lift = 5 + (number % 4) * 3;
    let path = format!("M{x} {y}V{}H{lane}V{}H{to_x}V{}", y - lift, to_y - lift, to_y - 1);
    let head = format!("{},{} {},{} {to_x},{}", to_x - 4, to_y - 5, to_x + 4, to_y - 5, to_y + 1);
    let class = if number.is_multiple_of(2) { "arrow" } else { "arrow dashed" };
    html.element("g", &[("class", class)], |html| {
        html.void("path", &[("d", &path)]);
        html.void("polygon", &[("points", &head)]);
        let [x, y] = [x, y].map(|number| number.to_string());
        html.void("circle", &[("cx", &x), ("cy", &y), ("r", "2.5")]);
    });
}

/// What the looks of a byte mean, as far as they occur.
fn legend(html: &mut Html, picture: &Picture) {
    let all = || 0..picture.memory.len();
    let is_data = |address: usize| picture.data.iter().any(|data| data.contains(&small(address)));
    let padded = picture.roots.iter().flat_map(|root| &root.fields);
    let kinds = [
        ("written", "written during the call", all().any(|address| picture.written(address))),
        ("data", "handed over by the guest", all().any(is_data)),
        ("differs", "not the same on both sides", all().any(|address| picture.differs(address))),
        ("block", "given away by realloc", !picture.blocks.is_empty()),
        ("padding", "padding", padded.into_iter().any(|f| f.kind == FieldKind::Padding)),
    ];
    html.element("p", &[("class", "legend")], |html| {
        for (class, text, _) in kinds.iter().filter(|(.., there)| *there) {
            html.element("span", &[], |html| {
                html.leaf("i", &[("class", class)], "");
                html.text(text);
            });
        }
    });
}

/// A picture in words, for those who do not see the drawing.
fn table(html: &mut Html, picture: &Picture) {
    let fields: Vec<_> = picture.roots.iter().flat_map(|root| &root.fields).collect();
    let cut = picture.roots.iter().any(|root| root.cut);
    if fields.is_empty() {
        return;
    }
    html.element("details", &[("class", "fields")], |html| {
        html.leaf("summary", &[], &format!("Fields as a table: {}", fields.len()));
        html.element("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
            html.element("table", &[], |html| {
                html.element("tr", &[], |html| {
                    for name in ["address", "bytes", "subject", "what it is", "why it is marked"] {
                        html.leaf("th", &[("scope", "col")], name);
                    }
                });
                fields.iter().for_each(|field| table_row(html, picture, field));
            });
        });
        if cut {
            html.leaf("p", &[("class", "note")], "Not all fields are told of.");
        }
    });
}

fn table_row(html: &mut Html, picture: &Picture, field: &Field) {
    let bytes = hex(quoted(&picture.memory, field));
    let other = picture.other.as_ref().map(|other| hex(quoted(other, field)));
    let other = other.filter(|other| *other != bytes);
    let why = match (&field.wrong, &other) {
        (Some(wrong), _) => wrong.as_str(),
        (None, Some(_)) => "not the same on both sides",
        (None, None) => "",
    };
    let class = if picture.is_marked(field) { "first" } else { "same" };
    html.element("tr", &[("class", class)], |html| {
        let cells = [
            format!("{:#06x}", field.at),
            bytes.clone(),
            other.clone().unwrap_or_default(),
            described(field),
        ];
        for cell in &cells {
            html.element("td", &[], |html| html.leaf("code", &[], cell));
        }
        html.leaf("td", &[], why);
    });
}
