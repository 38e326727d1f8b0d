//! A case as a file that stands on its own, for people who have never heard of this program.
//! Knows no engine: what is to be expected, the reference has said.

mod plan;
mod text;

mod checks;
mod component;
mod guest;
mod memory;
mod types;

mod script;
mod values;

mod rust;

pub mod trial;

use std::fmt;

use crate::case::text::{CaseFile, print, wit};
use crate::case::{Case, Manner, bytes};
use crate::observation::{Outcome, Reading};

pub use plan::without_unused_import;

/// What a case can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Wast,
    Rust,
    Component,
    Core,
    Wit,
    Bytes,
    Text,
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

impl Format {
    pub const ALL: [Format; 7] = [
        Format::Wast,
        Format::Rust,
        Format::Component,
        Format::Core,
        Format::Wit,
        Format::Bytes,
        Format::Text,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Format::Wast => "wast",
            Format::Rust => "rust",
            Format::Component => "component",
            Format::Core => "core",
            Format::Wit => "wit",
            Format::Bytes => "bytes",
            Format::Text => "text",
        }
    }

    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether what comes out is for people rather than for programs.
    pub fn is_text(self) -> bool {
        match self {
            Format::Wast | Format::Rust | Format::Wit | Format::Text => true,
            Format::Component | Format::Core | Format::Bytes => false,
        }
    }
}

/// The file, with what the reference says of its case: of `without_unused_import`, to be exact.
pub fn export(
    file: &CaseFile,
    reading: &Reading,
    format: Format,
    about: &About,
) -> Result<Vec<u8>, NotExported> {
    match format {
        Format::Text | Format::Bytes | Format::Wit => Ok(unrun(file, format).expect("one of them")),
        Format::Wast => script::script(file, reading, about).map(String::into_bytes),
        Format::Rust => rust::test(file, reading, about).map(String::into_bytes),
        Format::Component => binary(&component_text(&file.case, reading)?),
        Format::Core => binary(&core_text(&file.case, reading, about.guest)?),
    }
}

/// The file, in a format for which nobody has to run the case.
pub fn unrun(file: &CaseFile, format: Format) -> Option<Vec<u8>> {
    match format {
        Format::Text => Some(print(file).into_bytes()),
        Format::Bytes => Some(bytes::encode(&file.case)),
        Format::Wit => Some(wit(&file.case.shape).into_bytes()),
        Format::Wast | Format::Rust | Format::Component | Format::Core => None,
    }
}

/// The first number of a release that has all that any has.
const NEWEST: u32 = u32::MAX;

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
    fn major(&self) -> u32 {
        let major = self.release.split('.').next();
        major.and_then(|major| major.parse().ok()).unwrap_or(NEWEST)
    }
}

/// The component as text, as we read it ourselves.
pub fn component_text(case: &Case, reading: &Reading) -> Result<String, NotExported> {
    let case = without_unused_import(case);
    let plan = plan::plan(&case, reading)?;
    Ok(text::joined(&component::component(&plan, NEWEST)))
}

fn core_text(case: &Case, reading: &Reading, guest: usize) -> Result<String, NotExported> {
    let case = without_unused_import(case);
    let plan = plan::plan(&case, reading)?;
    let Some(guest) = plan.guests.get(guest) else {
        let count = plan.guests.len();
        return Err(NotExported(format!("there is no guest {guest}: the case has {count}")));
    };
    Ok(text::joined(&guest::module("module", guest)))
}

fn binary(text: &str) -> Result<Vec<u8>, NotExported> {
    crate::component::wast::read::component(text)
        .map_err(|why| NotExported(format!("its text: {why}")))
}

/// Whether the reference ran the case to an end that an engine can be held to.
fn runs(case: &Case, reading: &Reading) -> Result<(), NotExported> {
    let refused = |why: &str| Err(NotExported(why.to_string()));
    match &reading.observation.outcome {
        Outcome::Returned | Outcome::Trapped(Some(_), _) | Outcome::Misused(_) => {}
        Outcome::Trapped(None, why)
        | Outcome::Refused(why)
        | Outcome::Unsupported(why)
        | Outcome::Exhausted(why)
        | Outcome::Crashed(why) => {
            return refused(&format!("the reference does not run it: {why}"));
        }
    }
    if case.shape.is_noisy() {
        return refused("core code that nobody scripted is exported as text or bytes only");
    }
    if case.calls.iter().any(|call| matches!(call.manner, Manner::Misused(_))) {
        return refused("a host that makes a mistake is exported as text or bytes only");
    }
    Ok(())
}
