//! Where two engines differ on one script.
//! Knows that one is right by the spec; what may differ, the oracle says.

use crate::component::wast::engine::NoResult;
use crate::component::wast::run::{Shown, Step};
use crate::oracle::compare;
use crate::value::Value;

/// One directive that shows different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its place among the script's directives.
    pub step: usize,
    pub line: usize,
    pub expected: String,
    pub observed: String,
    /// Whether the register explains it.
    pub accepted: bool,
}

/// The directives on which the engines differ. What one of them cannot run is no difference.
pub fn differences(expected: &[Step], observed: &[Step]) -> Vec<Difference> {
    let pairs = expected.iter().zip(observed).enumerate();
    pairs
        .filter(|(_, (expected, observed))| !same(&expected.shown, &observed.shown))
        .map(|(step, (expected, observed))| Difference {
            step,
            line: expected.line,
            expected: text(&expected.shown),
            observed: text(&observed.shown),
            accepted: false,
        })
        .collect()
}

fn same(expected: &Shown, observed: &Shown) -> bool {
    match (expected, observed) {
        (Shown::Nothing, _) | (_, Shown::Nothing) => true,
        (Shown::Returned(a), Shown::Returned(b)) => same_result(a.as_ref(), b.as_ref()),
        (Shown::Stopped(a), Shown::Stopped(b)) => same_stop(a, b),
        (Shown::Returned(_), Shown::Stopped(stop)) | (Shown::Stopped(stop), Shown::Returned(_)) => {
            says_nothing(stop)
        }
    }
}

fn same_result(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn same_stop(expected: &NoResult, observed: &NoResult) -> bool {
    match (expected, observed) {
        (a, b) if says_nothing(a) || says_nothing(b) => true,
        (NoResult::Invalid(_), NoResult::Invalid(_))
        | (NoResult::Unlinkable(_), NoResult::Unlinkable(_))
        | (NoResult::Deadlocked(_), NoResult::Deadlocked(_)) => true,
        (NoResult::Trapped(Some(expected), _), NoResult::Trapped(observed, words)) => {
            compare::same_trap(*expected, *observed, words)
        }
        (
            NoResult::Invalid(_)
            | NoResult::Unlinkable(_)
            | NoResult::Unsupported(_)
            | NoResult::Trapped(..)
            | NoResult::Deadlocked(_)
            | NoResult::Exhausted(_)
            | NoResult::Crashed(_),
            _,
        ) => false,
    }
}

/// A feature that is missing and a limit that the spec lacks tell nothing of the other engine.
fn says_nothing(stop: &NoResult) -> bool {
    matches!(stop, NoResult::Unsupported(_) | NoResult::Exhausted(_))
}

fn text(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => "nothing".to_string(),
        Shown::Returned(None) => "returned".to_string(),
        Shown::Returned(Some(value)) => format!("returned {value:?}"),
        Shown::Stopped(stop) => stop.to_string(),
    }
}
