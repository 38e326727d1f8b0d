//! The smallest cases that show planted faults: what shrinking is held to.
//! Knows no files; which seeds are looked at, whoever asks says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Found, hunt, shows, ways};
use crate::case::text::CaseFile;
use crate::case::{Case, CaseKind};
use crate::corpus;
use crate::report;
use crate::session::Session;
use crate::shrink::{KindOf, shrink_by};

/// One fault, and to what the first case of each seed that shows it shrinks.
pub struct Small {
    pub fault: &'static str,
    pub forms: Vec<Form>,
}

/// A case that is left of those that some seeds found.
pub struct Form {
    pub case: Case,
    pub kind: String,
    pub seeds: Vec<u64>,
    /// The candidates that were run for the slowest of them.
    pub tried: u64,
    /// How long that took.
    pub time: Duration,
}

/// Shrinks what each of the seeds finds of faults of one kind, within `cases` cases. `tick` is told of each.
pub fn small(
    kind: CaseKind,
    seeds: &[u64],
    cases: u64,
    tick: &mut dyn FnMut(&str),
) -> Result<Vec<Small>> {
    let mut small = BTreeMap::new();
    let mut session = Session::new()?;
    for seed in seeds {
        for planted in hunt(kind, *seed, cases, &mut |_, _| {})? {
            tick(planted.fault.name());
            let mut kind =
                |case: &Case| Ok(shows(&mut session, case, planted.fault).unwrap_or(None));
            add(&mut small, planted.fault.name(), *seed, planted.found, &mut kind)?;
        }
        for planted in ways::hunt(kind, *seed, cases, &mut |_, _| {})? {
            tick(planted.fault.name);
            let mut kind = |case: &Case| ways::shows(&mut session, case, planted.fault);
            add(&mut small, planted.fault.name, *seed, planted.found, &mut kind)?;
        }
    }
    Ok(small.into_iter().map(|(fault, forms)| Small { fault, forms }).collect())
}

fn add(
    small: &mut BTreeMap<&'static str, Vec<Form>>,
    fault: &'static str,
    seed: u64,
    found: Option<Found>,
    kind: &mut KindOf,
) -> Result<()> {
    let Some(Found { class, case, .. }) = found else { return Ok(()) };
    let start = Instant::now();
    let shrunk = shrink_by(&case, class, kind, &mut |_| true)?;
    let (tried, time) = (shrunk.tried, start.elapsed());
    let forms = small.entry(fault).or_default();
    match forms.iter_mut().find(|form| form.case == shrunk.case && form.kind == shrunk.kind) {
        Some(form) => {
            form.seeds.push(seed);
            form.tried = form.tried.max(tried);
            form.time = form.time.max(time);
        }
        None => {
            let (case, kind) = (shrunk.case, shrunk.kind);
            forms.push(Form { case, kind, seeds: vec![seed], tried, time });
        }
    }
    Ok(())
}

impl Small {
    /// Each form as a file, with a name.
    pub fn files(&self, session: &mut Session) -> Result<Vec<(String, CaseFile)>> {
        let named = |(number, form): (usize, &Form)| {
            let name = match number {
                0 => self.fault.to_string(),
                _ => format!("{}-{}", self.fault, number + 1),
            };
            Ok((name, self.file(session, form)?))
        };
        self.forms.iter().enumerate().map(named).collect()
    }

    fn file(&self, session: &mut Session, form: &Form) -> Result<CaseFile> {
        let mut file = corpus::unexplained(form.case.clone());
        let seeds: Vec<_> = form.seeds.iter().map(ToString::to_string).collect();
        file.rule = format!("With the planted fault {} it shows: {}.", self.fault, form.kind);
        file.story =
            Some(format!("What is left of the first cases of the seeds {}.", seeds.join(", ")));
        let expected = session.read(&form.case, crate::abi::Deviations::NONE)?;
        let prepared = session.prepare(&form.case)?;
        file.expect = report::timeline(&form.case, &prepared, &expected.observation);
        Ok(file)
    }
}
