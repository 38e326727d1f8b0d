//! An exported script on the reference: whether it passes there, and fails where a fault is planted.
//! Knows how scripts run; nothing of how they are made.

use super::{About, Format, export};
use crate::abi::Deviations;
use crate::case::text::CaseFile;
use crate::component::limits::MEMORY_SIZE;
use crate::component::wast::reference::Reference;
use crate::component::wast::run::Verdict;
use crate::component::wast::{Side, play};
use crate::observation::Reading;

/// What the script of a case does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It passes where nothing is wrong, and fails where something is.
    Shows,
    /// It passes, whatever is wrong.
    Misses,
    /// It fails where nothing is wrong, for this reason.
    Fails(String),
    /// There is none that can run without a host, for this reason.
    NeedsHost(String),
}

impl Trial {
    pub fn name(&self) -> &'static str {
        match self {
            Trial::Shows => "shows it",
            Trial::Misses => "misses it",
            Trial::Fails(_) => "wrong",
            Trial::NeedsHost(_) => "needs a host",
        }
    }
}

/// Exports a case, of which the reference says this, and runs the script with and without these faults.
pub fn trial(file: &CaseFile, expected: &Reading, about: &About, faults: Deviations) -> Trial {
    let script = match export(file, expected, Format::Wast, about) {
        Ok(script) => String::from_utf8(script).expect("a script is text"),
        Err(why) => return Trial::NeedsHost(why.to_string()),
    };
    if script.contains("(component definition") {
        return Trial::NeedsHost("a script cannot play it".to_string());
    }
    let failed = |deviations| match play(&script, &mut Reference::new(deviations, MEMORY_SIZE)) {
        Ok(side) => failure(&side),
        Err(why) => Some(why.to_string()),
    };
    match (failed(Deviations::NONE), failed(faults)) {
        (Some(why), _) => Trial::Fails(why),
        (None, Some(_)) => Trial::Shows,
        (None, None) => Trial::Misses,
    }
}

/// The first directive that did not pass.
fn failure(side: &Side) -> Option<String> {
    let step = side.steps.iter().find(|step| step.verdict != Verdict::Passed)?;
    Some(format!("line {}: {:?}", step.line, step.verdict))
}
