//! One thread of a run: its cases, by turns of all shapes.
//! Knows what is counted of a case; what becomes of a finding is `findings`'.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Plan;
use super::findings::{Found, found};
use super::progress::Progress;
use super::tally::First;
use crate::case::{Case, CaseKind, Limits};
use crate::drift::Drift;
use crate::engine::wasmtime;
use crate::generate::{Stream, size};
use crate::mix::{Mix, SpecCoverage};
use crate::oracle::Verdict;
use crate::releases::Against;
use crate::report;
use crate::session::{Session, timed};

/// How often what was counted is told, for those who look on.
const TOLD_EVERY: Duration = Duration::from_secs(1);

struct Job<'a> {
    plan: &'a Plan,
    progress: &'a Progress,
    /// Which of all jobs it is.
    number: u64,
    session: Session,
    /// By the names of their shapes.
    shapes: BTreeMap<&'static str, Shape>,
    spec_coverage: Option<SpecCoverage>,
    drift: Option<Drift>,
}

/// What a job has of one shape.
struct Shape {
    stream: Stream,
    /// What the reference was seen to do, and has not been told yet.
    mix: Mix,
    empty: Mix,
}

/// Runs a job to its end.
pub(super) fn work(plan: &Plan, progress: &Progress, number: u64) -> Result<()> {
    let mut job = Job::new(plan, progress, number)?;
    let result = job.run();
    job.tell_tables();
    let mut tally = progress.tally();
    tally.timings.add(&job.session.timings);
    tally.components += job.shapes.values().map(|shape| shape.stream.shapes).sum::<u64>();
    if let Some(coverage) = job.spec_coverage {
        tally.spec_coverage.get_or_insert_default().merge(&coverage);
    }
    match (&mut tally.drift, job.drift) {
        (Some(all), Some(drift)) => all.merge(drift),
        (all @ None, drift) => *all = drift,
        (Some(_), None) => {}
    }
    drop(tally);
    progress.stop.fetch_or(result.is_err(), Ordering::Relaxed);
    result
}

impl<'a> Job<'a> {
    fn new(plan: &'a Plan, progress: &'a Progress, number: u64) -> Result<Job<'a>> {
        let session = match plan.isolated {
            None => Session::importing()?,
            Some(_) => Session::maybe_isolated(plan.isolated)?,
        };
        let other = plan.against.as_ref().map(Against::start).transpose()?;
        let drift = Drift::beside(other.as_ref())?;
        let session = session.beside(other);
        // Far apart, so that seeds that follow each other share nothing. Each shape has the cases that it has alone.
        let seed = plan.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let shapes = plan.shares.kinds().map(|kind| (kind.name(), Shape::new(seed, kind)));
        let shapes = shapes.collect();
        let spec_coverage = plan.spec_coverage.then(SpecCoverage::default);
        Ok(Job { plan, progress, number, session, shapes, spec_coverage, drift })
    }

    fn run(&mut self) -> Result<()> {
        let mut told = Instant::now();
        for number in 0..share(self.plan, self.number) {
            if self.is_done() {
                break;
            }
            let kind = self.plan.shares.kind(number);
            let Shape { stream, .. } = self.shapes.get_mut(kind.name()).expect("one of the shares");
            let case = timed(&mut self.session.timings.generate, || stream.next_case());
            self.progress.cases.fetch_add(1, Ordering::Relaxed);
            self.check(&case, kind, number)?;
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                self.tell_tables();
            }
        }
        Ok(())
    }

    /// Whether to stop.
    fn is_done(&self) -> bool {
        let late = |time| self.progress.elapsed() >= time;
        self.progress.stop.load(Ordering::Relaxed) || self.plan.time.is_some_and(late)
    }

    fn check(&mut self, case: &Case, kind: CaseKind, number: u64) -> Result<()> {
        let checked = self.session.check(case).context("a generated case")?;
        self.shapes
            .get_mut(kind.name())
            .expect("one of the shares")
            .mix
            .add(case, &checked.expected);
        if let Some(coverage) = &mut self.spec_coverage {
            coverage.add(&checked.expected.points);
        }
        if let Some(drift) = &mut self.drift {
            drift.add(case, &checked, None);
        }
        let seconds = self.progress.elapsed().as_secs_f64();
        let first = First { seconds, shape: kind.name(), job: self.number, number };
        let mut tally = self.progress.tally();
        tally.most = tally.most.max(number + 1);
        tally.calls += u64::try_from(checked.expected.observation.calls.len())?;
        let ended = report::ended(&checked.expected.observation.outcome);
        *tally.outcomes.entry(ended).or_default() += 1;
        tally.count(&checked.verdict, first);
        match &checked.verdict {
            Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Unsupported(_) => {}
            Verdict::Accepted(_) => {
                self.progress.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Disagree(_) => {
                self.progress.findings.fetch_add(1, Ordering::Relaxed);
                let rank = (size(case), self.number, number);
                let case = case.clone();
                found(self.plan, self.progress, &mut tally, Found { case, first, rank, checked });
            }
        }
        Ok(())
    }

    /// Adds what was seen since this was done last to what all jobs have seen.
    fn tell_tables(&mut self) {
        for (name, shape) in &mut self.shapes {
            let mix = std::mem::replace(&mut shape.mix, shape.empty.clone());
            self.progress.tally().add_tables(name, mix);
        }
    }
}

impl Shape {
    fn new(seed: u64, kind: CaseKind) -> Shape {
        let stream = Stream::new(seed, kind, wasmtime::allowed(), Limits::CASE);
        let empty = Mix::new(kind, &wasmtime::allowed());
        Shape { stream, mix: empty.clone(), empty }
    }
}

/// How many of the cases are this job's, so that they are the same ones each time.
fn share(plan: &Plan, job: u64) -> u64 {
    let rest = |cases: u64| u64::from(job < cases % plan.jobs);
    plan.cases.map_or(u64::MAX, |cases| cases / plan.jobs + rest(cases))
}
