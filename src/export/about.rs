//! What an export says of itself, and why there may be none.
//! Knows no format.

use std::fmt;

/// The first number of a release that has all that any has.
pub const NEWEST: u32 = u32::MAX;

/// What an export says of where it comes from, and which part of the case is asked for.
#[derive(Clone, Debug)]
pub struct About {
    /// What the case is called.
    pub name: String,
    /// The guest whose core module is exported.
    pub guest: usize,
    /// The subject's release.
    pub release: &'static str,
    /// What that says of the trap that the case ends in, if it is the right one.
    pub words: Option<String>,
}

impl About {
    /// What is exported of a case of this name, and what a checked one says. Of a name remains what a
    /// function can be called.
    pub fn new(name: &str, guest: usize, release: &'static str, words: Option<String>) -> About {
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut name: String = name.chars().map(word).collect();
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            name.insert_str(0, "case_");
        }
        About { name, guest, release, words }
    }

    /// The release's first number; the newest where it has none.
    pub fn major(&self) -> u32 {
        let major = self.release.split('.').next();
        major.and_then(|major| major.parse().ok()).unwrap_or(NEWEST)
    }
}

/// Why a case cannot be exported in a format, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotExported(pub String);

impl fmt::Display for NotExported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotExported {}
