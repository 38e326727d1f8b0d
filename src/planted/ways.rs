//! Faults planted in the ways in and out of the subject, each of which calls by one way alone have.
//! Knows nothing of what a fault does: a case shows it where both sides agree without it only.

use anyhow::Result;

use super::{Found, Planted};
use crate::case::{CaseKind, Limits};
use crate::engine::wasmtime::{self, fault::Fault};
use crate::generate::Stream;
use crate::oracle::Verdict;
use crate::report;
use crate::session::Session;

/// The faults that cases of this kind are to show.
pub fn all(kind: CaseKind) -> Vec<Planted<Fault>> {
    let of_kind = |fault: &Fault| match kind {
        CaseKind::LiftLower => !fault.typed,
        CaseKind::Typed => fault.typed,
        CaseKind::Adapter | CaseKind::Misuse => false,
    };
    let faults = Fault::ALL.into_iter().filter(of_kind);
    faults.map(|fault| Planted { fault, found: None }).collect()
}

/// Generates cases until all are found, or `cases` of them. `tick` is told after each case how many
/// there were.
pub fn hunt(
    kind: CaseKind,
    seed: u64,
    cases: u64,
    tick: &mut dyn FnMut(u64, &[Planted<Fault>]),
) -> Result<Vec<Planted<Fault>>> {
    let mut session = Session::importing()?;
    let mut stream = Stream::new(seed, kind, wasmtime::allowed(), Limits::CASE);
    let mut planted = all(kind);
    for number in 1..=cases {
        if planted.iter().all(|planted| planted.found.is_some()) {
            break;
        }
        let case = stream.next_case();
        let open = planted.iter_mut().filter(|planted| planted.found.is_none());
        for planted in open.filter(|planted| planted.fault.applies(case.tuning, case.paths)) {
            session.plant(Some(planted.fault));
            let verdict = session.check(&case)?.verdict;
            session.plant(None);
            if let Verdict::Disagree(difference) = verdict
                && !matches!(session.check(&case)?.verdict, Verdict::Disagree(_))
            {
                let class = report::class(&difference);
                planted.found = Some(Found { number, class, case: case.clone() });
            }
        }
        tick(number, &planted);
    }
    Ok(planted)
}
