//! What two observations of one case say about the subject.
//! All tolerance is here and in the register; nothing is run but through a closure.

pub(crate) mod compare;
pub mod register;

pub use compare::{Difference, Observed, Where, first_difference};

use crate::abi::{Deviation, Deviations};
use crate::observation::{Observation, Outcome, Reading, Unexplored};

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

/// Compares what is expected with what was observed; `deviating` runs the reference again, with some
/// of the deviations that are `registered` for this subject.
pub fn judge(
    expected: &Reading,
    observed: &Observation,
    registered: Deviations,
    mut deviating: impl FnMut(Deviations) -> Reading,
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
    if let Outcome::NotObserved(why) = &observed.outcome {
        return Verdict::Inconclusive(format!("subject: not observed, {why}"));
    }
    match compare::first_difference(expected, observed) {
        None => Verdict::Agree,
        Some(difference) => {
            if let Some(why) = unexplored(expected, &difference) {
                return Verdict::Inconclusive(why.to_string());
            }
            let reading = deviating(registered);
            if let Outcome::Exhausted(limit) = &reading.observation.outcome
                && !compare::is_failure(&observed.outcome)
            {
                return Verdict::Inconclusive(format!("reference, as registered: {limit}"));
            }
            accept(observed, reading, &mut deviating)
                .map(Verdict::Accepted)
                .unwrap_or(Verdict::Disagree(Box::new(difference)))
        }
    }
}

/// Why the subject may have trapped for a fault that the reference did not come to.
fn unexplored(expected: &Reading, difference: &Difference) -> Option<&'static str> {
    let trapped = |side: &Observed| matches!(side, Observed::Outcome(Outcome::Trapped(..)));
    let unexplored = expected.unexplored?;
    let both = trapped(&difference.expected) && trapped(&difference.observed);
    both.then_some(match unexplored {
        Unexplored::Limit => {
            "reference: of several faults in one call any may be met first, and there is too much to \
             look for all"
        }
        Unexplored::Views => {
            "subject: of two faults in one call the other may be met first, for the host reads \
             WasmStr and WasmList last"
        }
    })
}

/// The deviations that explain an observation, none of which it is explained without. `reading` has all that
/// are registered in force.
fn accept(
    observed: &Observation,
    reading: Reading,
    deviating: &mut impl FnMut(Deviations) -> Reading,
) -> Option<Vec<Deviation>> {
    let explains = |reading: &Reading| compare::first_difference(reading, observed).is_none();
    let mut needed = reading.taken;
    if needed.is_empty() || !explains(&reading) {
        return None;
    }
    for deviation in needed.iter() {
        let fewer = needed.iter().filter(|other| *other != deviation).collect();
        if explains(&deviating(fewer)) {
            needed = fewer;
        }
    }
    Some(needed.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{Faults, Points, Trap};
    use crate::observation::{CallObservation, HostEvent};

    fn trapped(host: Vec<HostEvent>, trap: Trap) -> Observation {
        let calls = vec![CallObservation { host, returned: None }];
        Observation { calls, outcome: Outcome::Trapped(Some(trap), String::new()) }
    }

    fn judged(unexplored: Option<Unexplored>, observed: &Observation) -> Verdict {
        let expected = Reading {
            observation: trapped(Vec::new(), Trap::InvalidChar),
            taken: Deviations::NONE,
            calls: Vec::new(),
            faults: Faults::from_iter([Trap::InvalidChar, Trap::Guest]),
            unexplored,
            points: Points::default(),
        };
        judge(&expected, observed, Deviations::NONE, |_| expected.clone())
    }

    #[test]
    fn what_nobody_looked_at_agrees_with_nothing() {
        let outcome = Outcome::NotObserved("a reason".to_string());
        let verdict = judged(None, &Observation { calls: Vec::new(), outcome });
        assert_eq!(verdict, Verdict::Inconclusive("subject: not observed, a reason".to_string()));
    }

    #[test]
    fn a_trap_may_be_one_that_was_not_explored() {
        let inconclusive = |verdict| matches!(verdict, Verdict::Inconclusive(_));
        for found in [Trap::InvalidChar, Trap::Guest] {
            assert_eq!(
                judged(Some(Unexplored::Views), &trapped(Vec::new(), found)),
                Verdict::Agree
            );
        }
        let other = trapped(Vec::new(), Trap::UnalignedPointer);
        assert!(inconclusive(judged(Some(Unexplored::Views), &other)));
        assert!(!inconclusive(judged(None, &other)));
        let crashed = Observation { outcome: Outcome::Crashed(String::new()), ..other };
        assert!(!inconclusive(judged(Some(Unexplored::Views), &crashed)));
        let saw = vec![HostEvent::Called(Vec::new())];
        let returned = Observation { outcome: Outcome::Returned, ..trapped(saw, Trap::Guest) };
        assert!(!inconclusive(judged(Some(Unexplored::Views), &returned)));
    }
}
