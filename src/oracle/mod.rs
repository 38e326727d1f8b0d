//! What two observations of one case say about the subject.
//! All tolerance is here and in the register; nothing is run but through a closure.

pub(crate) mod compare;
pub mod register;

pub use compare::{Difference, Observed, Where};

use crate::abi::{Deviation, Deviations};
use crate::observation::{Observation, Outcome, Reading};

/// What the oracle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody could tell the two apart.
    Agree,
    /// They differ exactly as these registered deviations make the reference differ.
    Accepted(Vec<Deviation>),
    /// A limit was met that the spec lacks.
    Inconclusive(String),
    /// This version of the subject lacks a feature, by name.
    Unsupported(String),
    Disagree(Box<Difference>),
}

/// Compares what is expected with what was observed; `deviating` runs the reference again, with
/// the deviations registered for this subject.
pub fn judge(
    expected: &Reading,
    observed: &Observation,
    deviating: impl FnOnce() -> Reading,
) -> Verdict {
    if let Outcome::Unsupported(feature) = &observed.outcome {
        return Verdict::Unsupported(feature.clone());
    }
    if let Outcome::Exhausted(limit) = &expected.observation.outcome {
        return Verdict::Inconclusive(format!("reference: {limit}"));
    }
    if let Outcome::Exhausted(limit) = &observed.outcome {
        return Verdict::Inconclusive(format!("subject: {limit}"));
    }
    match compare::first_difference(expected, observed) {
        None => Verdict::Agree,
        Some(difference) => accept(observed, &deviating())
            .map(Verdict::Accepted)
            .unwrap_or(Verdict::Disagree(Box::new(difference))),
    }
}

/// The deviations that explain an observation.
fn accept(observed: &Observation, deviating: &Reading) -> Option<Vec<Deviation>> {
    let explains = deviating.taken != Deviations::NONE
        && compare::first_difference(deviating, observed).is_none();
    explains.then(|| deviating.taken.iter().collect())
}
