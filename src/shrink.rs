//! A smaller case that still gives the same kind of verdict.
//! Knows how to make cases smaller only by asking `generate`, and verdicts only by their kind.

use anyhow::{Result, bail};

use crate::case::{Case, Limits};
use crate::engine::wasmtime;
use crate::generate;
use crate::oracle::Verdict;
use crate::report;
use crate::session::Session;

/// So many candidates in a row that are no good, and it is small enough.
const PATIENCE: u64 = 1_500;

/// How far it has come.
pub struct Shrunk {
    pub case: Case,
    /// The kind of the verdict, in words.
    pub kind: String,
    /// The candidates that were run.
    pub tried: u64,
    /// Those that were smaller and of the same kind.
    pub taken: u64,
}

/// Shrinks a case that does not agree, until nothing smaller is found or `go_on` says no. The same
/// case gives the same result.
pub fn shrink(
    session: &mut Session,
    case: &Case,
    go_on: &mut dyn FnMut(&Shrunk) -> bool,
) -> Result<Shrunk> {
    let verdict = session.check(case)?.verdict;
    if verdict == Verdict::Agree {
        bail!("reference and subject agree: there is nothing to shrink");
    }
    let kind = report::verdict(&verdict);
    let mut shrunk = Shrunk { case: case.clone(), kind, tried: 0, taken: 0 };
    let mut failures = 0;
    while failures < PATIENCE && go_on(&shrunk) {
        let mut smaller = shrunk.case.clone();
        shrunk.tried += 1;
        let seed = shrunk.tried;
        let made = generate::mutate(&mut smaller, seed, &wasmtime::allowed(), &Limits::CASE, true);
        if made && report::verdict(&session.check(&smaller)?.verdict) == shrunk.kind {
            shrunk.case = smaller;
            shrunk.taken += 1;
            failures = 0;
        } else {
            failures += 1;
        }
    }
    Ok(shrunk)
}
