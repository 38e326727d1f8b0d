//! The proof that a run can see: planted faults, and how soon cases show them.
//! Knows of the subject only what it lacks: for faults in the reference, that is compared with itself, by
//! the oracle that judges subjects; those in the ways in and out of the subject are in `ways`.

pub mod small;
pub mod unchecked;
pub mod ways;

use crate::abi::{Deviation, Deviations, Recorder};
use crate::case::{Case, CaseKind, Limits};
use crate::engine::wasmtime;
use crate::generate::Stream;
use crate::observation::{Outcome, Reading};
use crate::oracle::{self, Verdict};
use crate::report;
use crate::session::{BadCase, Session};

/// A planted fault, and whether it was found.
pub struct Planted<F> {
    pub fault: F,
    pub found: Option<Found>,
}

/// One that is planted in the reference.
pub type InReference = Planted<Deviation>;

/// The first case that shows a fault.
pub struct Found {
    /// Which case it is, counted from 1.
    pub number: u64,
    /// How it shows.
    pub class: String,
    pub case: Case,
}

/// Plants the faults of this kind and generates cases until all are found, or `cases` of them. `tick` is told
/// after each case how many there were.
pub fn hunt(
    kind: CaseKind,
    seed: u64,
    cases: u64,
    tick: &mut dyn FnMut(u64, &[InReference]),
) -> anyhow::Result<Vec<InReference>> {
    let mut planted = all(kind);
    each_case(kind, seed, cases, &mut |session, case, number| {
        look(session, case, number, &mut planted)?;
        tick(number, &planted);
        Ok(planted.iter().any(|planted| planted.found.is_none()))
    })?;
    Ok(planted)
}

/// Generates cases of this kind, `cases` of them, and looks at each, which has this number, until that says that it
/// is enough.
fn each_case(
    kind: CaseKind,
    seed: u64,
    cases: u64,
    look: &mut dyn FnMut(&mut Session, &Case, u64) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut session = Session::importing()?;
    let mut stream = Stream::new(seed, kind, wasmtime::allowed(), Limits::CASE);
    for number in 1..=cases {
        if !look(&mut session, &stream.next_case(), number)? {
            break;
        }
    }
    Ok(())
}

/// Every fault that cases of this kind are to show, not found yet.
pub fn all(kind: CaseKind) -> Vec<InReference> {
    let fault = |deviation: &Deviation| Planted { fault: *deviation, found: None };
    let planted = match kind {
        CaseKind::LiftLower => Deviation::PLANTED,
        CaseKind::Adapter => Deviation::PLANTED_FUSED,
        // The Canonical ABI knows nothing of static types, nor of a host's mistakes.
        CaseKind::Typed | CaseKind::Misuse => &[],
        CaseKind::Noisy => Deviation::PLANTED_NOISY,
    };
    planted.iter().map(fault).collect()
}

/// Looks which of the faults that are not found yet one more case shows.
pub fn look(
    session: &mut Session,
    case: &Case,
    number: u64,
    planted: &mut [InReference],
) -> Result<(), BadCase> {
    let expected = expected(session, case)?;
    for fault in planted.iter_mut().filter(|fault| fault.found.is_none()) {
        let class = differs(session, case, &expected, &deviating(fault.fault))?;
        fault.found = class.map(|class| Found { number, class, case: case.clone() });
    }
    Ok(())
}

/// How a fault shows in a case, if it does.
pub fn shows(
    session: &mut Session,
    case: &Case,
    fault: Deviation,
) -> Result<Option<String>, BadCase> {
    let expected = expected(session, case)?;
    differs(session, case, &expected, &deviating(fault))
}

fn expected(session: &mut Session, case: &Case) -> Result<Reading, BadCase> {
    let expected = session.read(case, Deviations::NONE)?;
    // Two refusals are never equal, and would pass for a fault that was found.
    match &expected.observation.outcome {
        Outcome::Refused(message) => {
            Err(BadCase(format!("the reference refuses its component: {message}")))
        }
        Outcome::Returned
        | Outcome::Trapped(..)
        | Outcome::Deadlocked(_)
        | Outcome::Misused(_)
        | Outcome::Unsupported(_)
        | Outcome::Exhausted(_)
        | Outcome::Crashed(_)
        | Outcome::NotObserved(_) => Ok(expected),
    }
}

fn deviating(fault: Deviation) -> Recorder {
    Recorder::deviating(Deviations::from_iter([fault]))
}

fn differs(
    session: &mut Session,
    case: &Case,
    expected: &Reading,
    faulty: &Recorder,
) -> Result<Option<String>, BadCase> {
    let observed = session.read_watched(case, faulty)?;
    let again = |_| expected.clone();
    let verdict = oracle::judge(expected, &observed.observation, Deviations::NONE, again);
    Ok(disagreement(&verdict))
}

fn disagreement(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Disagree(difference) => Some(report::class(difference)),
        Verdict::Agree
        | Verdict::Accepted(_)
        | Verdict::Inconclusive(_)
        | Verdict::Unsupported(_) => None,
    }
}
