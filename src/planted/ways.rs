//! Faults planted in the ways in and out of the subject, each of which calls by one way alone have.
//! Knows nothing of what a fault does: a case shows it where both sides agree without it only.

use anyhow::Result;

use super::{Found, Planted, disagreement, each_case};
use crate::case::{Case, CaseKind};
use crate::engine::wasmtime::fault::Fault;
use crate::session::Session;

/// The faults that cases of this kind are to show.
pub fn all(kind: CaseKind) -> Vec<Planted<Fault>> {
    let of_kind = |fault: &Fault| match kind {
        CaseKind::LiftLower => !fault.typed,
        CaseKind::Typed => fault.typed,
        CaseKind::Adapter | CaseKind::Misuse | CaseKind::Noisy => false,
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
    let mut planted = all(kind);
    each_case(kind, seed, cases, &mut |session, case, number| {
        let open = planted.iter_mut().filter(|planted| planted.found.is_none());
        for planted in open.filter(|planted| planted.fault.applies(case.tuning, case.paths)) {
            let class = shows(session, case, planted.fault)?;
            planted.found = class.map(|class| Found { number, class, case: case.clone() });
        }
        tick(number, &planted);
        Ok(planted.iter().any(|planted| planted.found.is_none()))
    })?;
    Ok(planted)
}

/// How a fault shows in a case on which both sides agree without it, if it does.
pub fn shows(session: &mut Session, case: &Case, fault: Fault) -> Result<Option<String>> {
    if !fault.applies(case.tuning, case.paths) {
        return Ok(None);
    }
    session.plant(Some(fault));
    let faulty = session.check(case);
    session.plant(None);
    let class = disagreement(&faulty?.verdict);
    let alone = class.is_some() && disagreement(&session.check(case)?.verdict).is_none();
    Ok(class.filter(|_| alone))
}
