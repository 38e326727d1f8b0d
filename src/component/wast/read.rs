//! The text of a script as directives.
//! Knows nothing of what a directive does.

use std::fmt;

use wast::parser::{self, ParseBuffer};
use wast::token::Span;
use wast::{Wast, WastDirective, Wat};

use crate::crash::catch;

/// A script's length: the longest of the reference tests has a thousandth of it.
pub const MAX_BYTES: u64 = 64 << 20;
/// The stack for reading and running scripts. The parser refuses beyond 100 nested parentheses in
/// most places, and bears the others with this.
pub const STACK_BYTES: usize = 256 << 20;
/// Nested parentheses: beyond this a text is refused before the parser, which recurses, sees it.
const MAX_NESTING: usize = 1_000;

/// Words that the text format had, and what is written now.
const OLDER: [(&str, &str); 14] = [
    ("thread.switch-to", "`thread.suspend-then-resume` now"),
    ("thread.suspend-to-suspended", "`thread.suspend-then-resume` now"),
    ("thread.suspend-to", "`thread.suspend-then-promote` now"),
    ("thread.unsuspend", "`thread.resume-later` now"),
    ("thread.yield-to-suspended", "`thread.yield-then-resume` now"),
    ("thread.yield-to", "`thread.yield-then-resume` now"),
    ("backpressure.set", "`backpressure.inc` and `backpressure.dec` now"),
    ("task.backpressure", "`backpressure.inc` and `backpressure.dec` now"),
    ("task.wait", "`waitable-set.wait` now"),
    ("task.poll", "`waitable-set.poll` now"),
    ("task.yield", "`thread.yield` now"),
    ("yield", "`thread.yield` now"),
    ("stream.close-readable", "`stream.drop-readable` now"),
    ("stream.close-writable", "`stream.drop-writable` now"),
];

/// Why a text is no script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoScript {
    /// Counted from 1.
    pub line: usize,
    pub column: usize,
    pub message: String,
    pub why: Why,
}

/// What is the matter with a text that is no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Malformed,
    /// It may well be a script for older tools.
    Older,
    /// It meets a limit of ours.
    Limit,
}

impl fmt::Display for NoScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Malformed | Why::Limit => "",
            Why::Older => "older text syntax, which is not read any more: ",
        };
        write!(f, "{}:{}: {why}{}", self.line, self.column, self.message)
    }
}

impl std::error::Error for NoScript {}

/// A script's text, taken apart into tokens.
pub struct Script<'a> {
    text: &'a str,
    tokens: ParseBuffer<'a>,
}

impl<'a> Script<'a> {
    pub fn parse(text: &'a str) -> Result<Script<'a>, NoScript> {
        check_nesting(text)?;
        let tokens = ParseBuffer::new(text).map_err(|error| no_script(text, &error))?;
        Ok(Script { text, tokens })
    }

    pub fn directives(&self) -> Result<Vec<WastDirective<'_>>, NoScript> {
        let parsed = catch(|| parser::parse::<Wast<'_>>(&self.tokens));
        let parsed = parsed.map_err(|message| at(1, 1, message))?;
        Ok(parsed.map_err(|error| no_script(self.text, &error))?.directives)
    }

    /// The line of a place, counted from 1.
    pub fn line(&self, span: Span) -> usize {
        span.linecol_in(self.text).0 + 1
    }
}

/// The bytes of a component, or a module, that is text.
pub fn component(text: &str) -> Result<Vec<u8>, NoScript> {
    check_nesting(text)?;
    let tokens = ParseBuffer::new(text).map_err(|error| no_script(text, &error))?;
    let parsed = catch(|| parser::parse::<Wat<'_>>(&tokens)?.encode());
    let parsed = parsed.map_err(|message| at(1, 1, message))?;
    parsed.map_err(|error| no_script(text, &error))
}

fn no_script(text: &str, error: &wast::Error) -> NoScript {
    let (line, column) = error.span().linecol_in(text);
    let message = error.message();
    // What the parser says to whoever could set a variable of its own is nothing for us.
    let message = message.split(" (or set ").next().unwrap_or(&message).to_string();
    let token = error.span().offset();
    let token = text[token..].split(|c: char| !matches!(c, 'a'..='z' | '-' | '.')).next();
    let older = OLDER.iter().find(|(older, _)| token == Some(older));
    if let Some((older, now)) = older {
        let message = format!("`{older}` is {now}");
        return NoScript { why: Why::Older, ..at(line + 1, column + 1, message) };
    }
    let older = ["no longer supported", "must be written inside a nested reference"];
    let older = older.iter().any(|says| message.contains(says));
    let why = if older { Why::Older } else { Why::Malformed };
    NoScript { why, ..at(line + 1, column + 1, message) }
}

fn at(line: usize, column: usize, message: String) -> NoScript {
    NoScript { line, column, message, why: Why::Malformed }
}

/// Counts parentheses, those in strings and comments too: more than any script has.
fn check_nesting(text: &str) -> Result<(), NoScript> {
    let mut depth = 0_usize;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            let (line, column) = Span::from_offset(offset).linecol_in(text);
            let message = format!("more than {MAX_NESTING} nested parentheses");
            return Err(NoScript { why: Why::Limit, ..at(line + 1, column + 1, message) });
        }
    }
    Ok(())
}
