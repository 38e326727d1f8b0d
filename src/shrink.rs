//! A smaller case that still gives the same kind of verdict.
//! Knows how to make cases smaller only by asking `generate`, and verdicts only by their kind.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Result, bail};

use crate::case::allowed::Allowed;
use crate::case::{Case, Limits};
use crate::engine::wasmtime;
use crate::generate::{self, Cut, PASSES, Pass};
use crate::oracle::Verdict;
use crate::report;
use crate::session::{BadCase, Session};

/// So many candidates are run, whatever the case: what is left then is small enough.
const MOST_CANDIDATES: u64 = 20_000;

/// How far it has come.
pub struct Shrunk {
    /// The smallest case so far.
    pub case: Case,
    /// The kind of the verdict, in words.
    pub kind: String,
    /// The candidates that were run.
    pub tried: u64,
    /// Those that were of the same kind.
    pub taken: u64,
    /// Whether no cut is left that keeps the kind.
    pub is_done: bool,
}

/// What kind of thing a case shows, in words; nothing where that is not what is wanted.
pub type KindOf<'a> = dyn FnMut(&Case) -> Result<Option<String>> + 'a;

/// Whether to go on, asked before each candidate.
pub type GoOn<'a> = dyn FnMut(&Shrunk) -> bool + 'a;

/// Shrinks a case on which the two sides differ, until no cut is left or `go_on` says no. The same
/// case gives the same result.
pub fn shrink(session: &mut Session, case: &Case, go_on: &mut GoOn) -> Result<Shrunk> {
    let verdict = session.check(case)?.verdict;
    if !differs(&verdict) {
        bail!("nothing to shrink: the verdict is `{}`", report::verdict(&verdict));
    }
    let mut kind = |case: &Case| kind(session, case);
    shrink_by(case, report::verdict(&verdict), &mut kind, go_on)
}

fn kind(session: &mut Session, case: &Case) -> Result<Option<String>> {
    match session.check(case) {
        Ok(checked) => Ok(differs(&checked.verdict).then(|| report::verdict(&checked.verdict))),
        Err(error) if error.is::<BadCase>() => Ok(None),
        Err(error) => Err(error),
    }
}

fn differs(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Disagree(_) | Verdict::Accepted(_) => true,
        Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Unsupported(_) => false,
    }
}

/// Shrinks a case of which `kind` says `wanted`, whatever that is, until no cut is left or `go_on` says no.
pub fn shrink_by(
    case: &Case,
    wanted: String,
    kind: &mut KindOf,
    go_on: &mut GoOn,
) -> Result<Shrunk> {
    let shrunk = Shrunk { case: case.clone(), kind: wanted, tried: 0, taken: 0, is_done: false };
    let mut search = Search { shrunk, allowed: wasmtime::allowed(), seen: BTreeSet::new() };
    loop {
        let taken = search.shrunk.taken;
        for pass in PASSES {
            if !search.pass(pass, kind, go_on)? {
                return Ok(search.shrunk);
            }
        }
        if search.shrunk.taken == taken {
            search.shrunk.is_done = true;
            return Ok(search.shrunk);
        }
    }
}

/// A search for what is smaller.
struct Search {
    shrunk: Shrunk,
    allowed: Allowed,
    /// The hashes of the candidates that were run: most cuts come again in the next round.
    seen: BTreeSet<u64>,
}

impl Search {
    /// Makes all cuts of one sort. False: it has to end here.
    fn pass(&mut self, pass: Pass, kind: &mut KindOf, go_on: &mut GoOn) -> Result<bool> {
        let mut cuts = pass.cuts(&self.shrunk.case, &self.allowed);
        let mut next = 0;
        while let Some(cut) = cuts.get(next) {
            let Some(smaller) = self.candidate(cut) else {
                next += 1;
                continue;
            };
            if self.shrunk.tried == MOST_CANDIDATES || !go_on(&self.shrunk) {
                return Ok(false);
            }
            self.shrunk.tried += 1;
            if kind(&smaller)?.as_ref() == Some(&self.shrunk.kind) {
                self.shrunk.taken += 1;
                self.shrunk.case = smaller;
                // What is at this place now has not been tried yet.
                cuts = pass.cuts(&self.shrunk.case, &self.allowed);
            } else {
                next += 1;
            }
        }
        Ok(true)
    }

    /// The smaller case, if there is one that was not run before.
    fn candidate(&mut self, cut: &Cut) -> Option<Case> {
        let smaller = cut.of(&self.shrunk.case, &self.allowed, &Limits::CASE)?;
        let mut hasher = DefaultHasher::new();
        smaller.hash(&mut hasher);
        self.seen.insert(hasher.finish()).then_some(smaller)
    }
}

/// How many types and calls a case has, as its reader counts them.
pub fn types_and_calls(case: &Case) -> (u64, u64) {
    let size = generate::size(case);
    (size.types, size.calls)
}
