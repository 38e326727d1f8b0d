//! A case as a file that stands on its own, for people who have never heard of this program.
//! Knows no engine: what is to be expected, the reference has said.

mod about;
mod plan;
mod text;

mod acts;
mod checks;
mod component;
mod guest;
mod memory;
mod types;

mod script;
mod values;

mod rust;

pub mod trial;

use crate::case::text::{CaseFile, print, wit};
use crate::case::{Case, bytes};
use crate::observation::Reading;
use about::NEWEST;

pub use about::{About, NotExported};
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

/// The component as text, as we read it ourselves.
pub fn component_text(case: &Case, reading: &Reading) -> Result<String, NotExported> {
    let case = without_unused_import(case);
    let prepared = plan::prepare(&case)?;
    let plan = plan::plan(&case, &prepared, reading)?;
    Ok(text::joined(&component::component(&plan, NEWEST)))
}

fn core_text(case: &Case, reading: &Reading, guest: usize) -> Result<String, NotExported> {
    let case = without_unused_import(case);
    let prepared = plan::prepare(&case)?;
    let plan = plan::plan(&case, &prepared, reading)?;
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
