//! Which rows of a memory are drawn, and where: the plan of a drawing.
//! Knows sizes and positions, and nothing of elements.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::report::memory::{Field, FieldKind, Picture};

/// Bytes in one row.
pub const BYTES: u64 = 16;
/// The width of a byte.
pub const CELL: u64 = 42;
pub const CELL_HEIGHT: u64 = 26;
/// Room left of the bytes, for addresses.
pub const LEFT: u64 = 74;
/// Room above a row, where arrows come and go.
pub const CHANNEL: u64 = 16;
/// The height of a row of labels.
pub const BAND: u64 = 20;
/// The height of a heading, and of a gap.
pub const HEADING: u64 = 30;
pub const GAP: u64 = 24;
/// Core values in one row, and the bytes that each is as wide as.
pub const FLAT: usize = 3;
pub const FLAT_BYTES: u64 = 5;
/// Rows of memory that are drawn.
const ROWS: usize = 40;
/// Rows that differ, of those.
const DIFFERING: usize = 12;

/// A drawing's plan, from top to bottom.
pub struct Sheet<'a> {
    pub strips: Vec<Strip>,
    pub rows: Vec<Row<'a>>,
    pub gaps: Vec<Gap>,
    pub height: u64,
}

/// The core values of one root.
pub struct Strip {
    pub root: usize,
    pub y: u64,
}

/// A row of memory.
pub struct Row<'a> {
    pub at: u64,
    /// Of its bytes.
    pub y: u64,
    /// Whether the subject's bytes are drawn below.
    pub differs: bool,
    /// What lies here, each with the band that it is named in.
    pub fields: Vec<(&'a Field, u64)>,
}

/// Memory that is left out.
pub struct Gap {
    pub y: u64,
    pub bytes: u64,
    /// Rows that mean something nevertheless.
    pub touched: usize,
}

impl Row<'_> {
    pub fn range(&self) -> Range<u64> {
        self.at..self.at + BYTES
    }

    /// Where the labels begin.
    pub fn bands(&self) -> u64 {
        self.y + CELL_HEIGHT * if self.differs { 2 } else { 1 }
    }
}

impl Strip {
    /// Where the core value of this index is.
    pub fn place(&self, index: usize) -> (u64, u64) {
        let (column, line) = (small(index % FLAT), small(index / FLAT));
        (LEFT + column * FLAT_BYTES * CELL, self.y + line * (CHANNEL + CELL_HEIGHT + BAND))
    }
}

/// A number of few things.
pub fn small(count: usize) -> u64 {
    u64::try_from(count).expect("few fit in 64 bits")
}

/// Plans the drawing of a memory.
pub fn sheet(picture: &Picture) -> Sheet<'_> {
    let mut sheet = Sheet { strips: Vec::new(), rows: Vec::new(), gaps: Vec::new(), height: 0 };
    for (root, values) in picture.roots.iter().enumerate() {
        let y = sheet.height + HEADING + CHANNEL;
        sheet.strips.push(Strip { root, y });
        let lines = small(values.flat.len().div_ceil(FLAT));
        sheet.height = y - CHANNEL + lines * (CHANNEL + CELL_HEIGHT + BAND);
    }
    let (drawn, touched) = rows(picture);
    let mut next = 0;
    for number in drawn {
        sheet.leave_out(next..number, &touched);
        sheet.row(picture, number);
        next = number + 1;
    }
    let all = small(picture.memory.len()).div_ceil(BYTES);
    if !sheet.rows.is_empty() {
        sheet.leave_out(next..all, &touched);
    }
    sheet
}

impl<'a> Sheet<'a> {
    /// The row that has this address, if it is drawn.
    pub fn find(&self, address: u64) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.range().contains(&address))
    }

    fn leave_out(&mut self, rows: Range<u64>, touched: &BTreeSet<u64>) {
        if rows.is_empty() {
            return;
        }
        let (y, bytes) = (self.height + GAP - 6, (rows.end - rows.start) * BYTES);
        self.gaps.push(Gap { y, bytes, touched: touched.range(rows).count() });
        self.height += GAP;
    }

    fn row(&mut self, picture: &'a Picture, number: u64) {
        let at = number * BYTES;
        let differs = addresses(at..at + BYTES).any(|address| picture.differs(address));
        let fields = named(picture, at..at + BYTES);
        let bands = fields.iter().map(|(_, band)| band + 1).max().unwrap_or(0);
        let row = Row { at, y: self.height + CHANNEL, differs, fields };
        self.height = row.bands() + bands * BAND + 4;
        self.rows.push(row);
    }
}

/// Positions of addresses.
pub fn addresses(range: Range<u64>) -> impl Iterator<Item = usize> {
    range.filter_map(|address| usize::try_from(address).ok())
}

/// The fields in a row, each once, and none over another.
fn named(picture: &Picture, row: Range<u64>) -> Vec<(&Field, u64)> {
    let mut named: Vec<(&Field, u64)> = Vec::new();
    let fields = picture.roots.iter().flat_map(|root| &root.fields);
    for field in fields.filter(|field| meet(&field.range(), &row)) {
        if named.iter().any(|(other, _)| same_place(other, field)) {
            continue;
        }
        let taken = |band: u64| {
            named.iter().any(|(other, of)| *of == band && meet(&other.range(), &field.range()))
        };
        let band = (0..).find(|band| !taken(*band)).expect("there is one for each");
        named.push((field, band));
    }
    named
}

fn same_place(a: &Field, b: &Field) -> bool {
    a.range() == b.range() && a.kind == b.kind && a.path == b.path
}

fn meet(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// The rows to draw, and all in which something lies or happened. What the reader looks for comes first.
fn rows(picture: &Picture) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let all = 0..picture.memory.len();
    let row = |address: usize| small(address) / BYTES;
    let differing: BTreeSet<u64> =
        all.clone().filter(|address| picture.differs(*address)).map(row).collect();
    let mut wanted: Vec<u64> = differing.iter().copied().take(DIFFERING).collect();
    let fields = || picture.roots.iter().flat_map(|root| &root.fields);
    let ends = |range: Range<u64>| [range.start / BYTES, range.end.saturating_sub(1) / BYTES];
    wanted.extend(fields().filter(|field| field.wrong.is_some()).flat_map(|f| ends(f.range())));
    let pointed = picture.roots.iter().flat_map(|root| root.flat.iter().filter_map(|flat| flat.to));
    wanted.extend(pointed.map(|to| to / BYTES));
    let meaning = fields().filter(|field| field.kind != FieldKind::Padding);
    wanted.extend(meaning.flat_map(|field| field.at / BYTES..=(field.range().end - 1) / BYTES));
    wanted.extend(picture.blocks.iter().cloned().flat_map(ends));
    wanted.extend(differing);
    wanted.extend(picture.data.iter().cloned().flat_map(ends));
    wanted.extend(all.filter(|address| picture.written(*address)).map(row));
    let end = small(picture.memory.len()).div_ceil(BYTES);
    let mut drawn = BTreeSet::new();
    let mut touched = BTreeSet::new();
    for row in wanted.into_iter().filter(|row| *row < end) {
        touched.insert(row);
        if drawn.len() < ROWS {
            drawn.insert(row);
        }
    }
    (drawn, touched)
}
