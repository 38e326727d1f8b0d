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

/// Why a text is no script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoScript {
    /// Counted from 1.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl fmt::Display for NoScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
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
        let parsed = parsed.map_err(|message| NoScript { line: 1, column: 1, message })?;
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
    let parsed = parsed.map_err(|message| NoScript { line: 1, column: 1, message })?;
    parsed.map_err(|error| no_script(text, &error))
}

fn no_script(text: &str, error: &wast::Error) -> NoScript {
    let (line, column) = error.span().linecol_in(text);
    NoScript { line: line + 1, column: column + 1, message: error.message() }
}

/// Counts parentheses, those in strings and comments too: more than any script has.
fn check_nesting(text: &str) -> Result<(), NoScript> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            let (line, column) = Span::from_offset(at).linecol_in(text);
            let message = format!("more than {MAX_NESTING} nested parentheses");
            return Err(NoScript { line: line + 1, column: column + 1, message });
        }
    }
    Ok(())
}
