//! Generate and compare, without a fuzzer: the main job.
//! Knows threads and time; what is generated and how it is judged is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Serialize, Serializer};

use crate::case::{Case, CaseKind, Limits};
use crate::corpus::{self, Unwritten};
use crate::drift::{self, Drift};
use crate::engine::wasmtime;
use crate::generate::{Size, Stream, size};
use crate::mix::{Mix, SpecCoverage};
use crate::oracle::{Difference, Verdict};
use crate::releases::Against;
use crate::session::{Checked, Session, Timings, timed};
use crate::{files, plain, report};

/// What to run.
pub struct Plan {
    pub kind: CaseKind,
    pub seed: u64,
    pub jobs: u64,
    /// Stop after this many cases.
    pub cases: Option<u64>,
    /// Stop after this time.
    pub time: Option<Duration>,
    /// Where findings are written.
    pub findings: PathBuf,
    /// Whether to count what of the Canonical ABI the reference comes to.
    pub spec_coverage: bool,
    /// The time that a subject in a process of its own may take for one case; nothing: it has none.
    pub isolated: Option<Duration>,
    /// Another build of the subject, to run the same cases on.
    pub against: Option<Against>,
}

/// What a run has shown so far, for everyone to look at while it goes on.
#[derive(Default)]
pub struct Progress {
    start: OnceLock<Instant>,
    pub cases: AtomicU64,
    pub findings: AtomicU64,
    pub accepted: AtomicU64,
    /// Set to end the run after the cases that are under way.
    pub stop: AtomicBool,
    /// What nobody has been told yet of findings that could not be written.
    untold: Mutex<Vec<String>>,
    tally: Mutex<Tally>,
}

impl Progress {
    /// What could not be written since this was asked last: why, and the case, to be printed instead.
    pub fn lost(&self) -> Vec<String> {
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The counts behind a summary.
#[derive(Clone, Default, Serialize)]
struct Tally {
    /// Compared calls of the export.
    calls: u64,
    /// Of how many components: each is kept for some cases.
    shapes: u64,
    agree: u64,
    accepted: BTreeMap<String, u64>,
    inconclusive: BTreeMap<String, u64>,
    unsupported: BTreeMap<String, u64>,
    findings: BTreeMap<String, u64>,
    /// The smallest case of each kind of findings: the one that is in its file.
    #[serde(skip)]
    smallest: BTreeMap<String, Kept>,
    /// The same of those that could not be written.
    lost: BTreeMap<String, Lost>,
    /// After how many seconds each accepted divergence and each finding was first seen.
    first_seen: BTreeMap<String, f64>,
    /// The files that were written, one for each kind of findings.
    #[serde(serialize_with = "named")]
    files: BTreeSet<PathBuf>,
    /// How the reference's runs ended.
    outcomes: BTreeMap<String, u64>,
    #[serde(skip)]
    timings: Timings,
    #[serde(skip)]
    drift: Option<Drift>,
    mix: Option<Mix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec_coverage: Option<SpecCoverage>,
}

/// Which of all cases of a run it is: of two of one size, whatever the jobs' pace, the same one is kept.
type Rank = (Size, u64, u64);

/// A case in its file.
#[derive(Clone)]
struct Kept {
    rank: Rank,
    path: PathBuf,
}

/// A case that could not be written.
#[derive(Clone, Serialize)]
struct Lost {
    #[serde(skip)]
    rank: Rank,
    #[serde(flatten)]
    case: Unwritten,
}

/// What a run gave.
#[derive(Serialize)]
pub struct Summary {
    pub subject: String,
    pub shape: &'static str,
    pub seed: u64,
    pub jobs: u64,
    pub cases: u64,
    pub seconds: f64,
    /// Compared calls per second.
    pub rate: f64,
    #[serde(flatten)]
    tally: Tally,
    /// Seconds of all jobs together, by step.
    pub time: BTreeMap<&'static str, f64>,
    /// What another build of the subject showed of the same cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<drift::Report>,
}

/// Runs the plan. `tick` is called now and then, from this thread. Where the world stops the run
/// (a full disk), the summary of what came before is there all the same.
pub fn run(
    plan: &Plan,
    progress: &Progress,
    tick: &mut dyn FnMut(&Progress),
) -> (Summary, Result<()>) {
    progress.start.get_or_init(Instant::now);
    let ended = std::thread::scope(|scope| {
        let mut jobs = Vec::new();
        let mut started = Ok(());
        for job in 0..plan.jobs {
            match Builder::new().spawn_scoped(scope, move || work(plan, progress, job)) {
                Ok(handle) => jobs.push(handle),
                Err(error) => started = started.and(Err(error).context("cannot start a thread")),
            }
        }
        progress.stop.fetch_or(started.is_err(), Ordering::Relaxed);
        while !jobs.iter().all(ScopedJoinHandle::is_finished) {
            tick(progress);
            std::thread::sleep(Duration::from_millis(100));
        }
        let ended: Vec<_> = jobs.into_iter().map(ScopedJoinHandle::join).collect();
        ended.into_iter().fold(started, |before, job| {
            before.and(job.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    });
    tick(progress);
    let mut summary = summary(plan, progress, elapsed(progress));
    let drift = lock(progress).drift.take();
    let drift = drift.map(|drift| drift.report(&plan.findings)).transpose();
    let told = drift.map(|drift| summary.drift = drift);
    let written = all_written(&summary);
    (summary, ended.and(told).and(written))
}

fn all_written(summary: &Summary) -> Result<()> {
    let findings = summary.tally.lost.values().map(|lost| &lost.case);
    let drifts = summary.drift.iter().flat_map(drift::Report::lost);
    match findings.chain(drifts).next() {
        Some(Unwritten { why, .. }) => bail!("{why}: the case was printed instead"),
        None => Ok(()),
    }
}

/// What one job has seen the reference do.
struct Counts {
    mix: Mix,
    spec_coverage: Option<SpecCoverage>,
    drift: Option<Drift>,
}

fn work(plan: &Plan, progress: &Progress, job: u64) -> Result<()> {
    let session = match plan.isolated {
        None => Session::importing()?,
        Some(_) => Session::maybe_isolated(plan.isolated)?,
    };
    let other = plan.against.as_ref().map(Against::start).transpose()?;
    let drift = Drift::beside(other.as_ref())?;
    let mut session = session.beside(other);
    // Far apart, so that seeds that follow each other share nothing.
    let seed = plan.seed.wrapping_add(job.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut stream = Stream::new(seed, plan.kind, wasmtime::allowed(), Limits::CASE);
    let mut counts = Counts {
        mix: Mix::new(plan.kind, &wasmtime::allowed()),
        spec_coverage: plan.spec_coverage.then(SpecCoverage::default),
        drift,
    };
    let result = (|| {
        for number in 0..share(plan, job) {
            if done(plan, progress) {
                break;
            }
            let case = timed(&mut session.timings.generate, || stream.next_case());
            progress.cases.fetch_add(1, Ordering::Relaxed);
            check(plan, progress, &mut session, (&case, job, number), &mut counts)?;
        }
        Ok(())
    })();
    let mut tally = lock(progress);
    tally.timings.add(&session.timings);
    tally.shapes += stream.shapes;
    let Counts { mix, spec_coverage, drift } = counts;
    match &mut tally.mix {
        Some(all) => all.merge(&mix),
        None => tally.mix = Some(mix),
    }
    if let Some(coverage) = spec_coverage {
        tally.spec_coverage.get_or_insert_default().merge(&coverage);
    }
    match (&mut tally.drift, drift) {
        (Some(all), Some(drift)) => all.merge(drift),
        (all @ None, drift) => *all = drift,
        (Some(_), None) => {}
    }
    drop(tally);
    progress.stop.fetch_or(result.is_err(), Ordering::Relaxed);
    result
}

/// How many of the cases are this job's, so that they are the same ones each time.
fn share(plan: &Plan, job: u64) -> u64 {
    let rest = |cases: u64| u64::from(job < cases % plan.jobs);
    plan.cases.map_or(u64::MAX, |cases| cases / plan.jobs + rest(cases))
}

/// Whether to stop.
fn done(plan: &Plan, progress: &Progress) -> bool {
    progress.stop.load(Ordering::Relaxed) || plan.time.is_some_and(|time| elapsed(progress) >= time)
}

fn check(
    plan: &Plan,
    progress: &Progress,
    session: &mut Session,
    (case, job, number): (&Case, u64, u64),
    counts: &mut Counts,
) -> Result<()> {
    let checked = session.check(case).context("a generated case")?;
    counts.mix.add(case, &checked.expected);
    if let Some(coverage) = &mut counts.spec_coverage {
        coverage.add(&checked.expected.points);
    }
    if let Some(drift) = &mut counts.drift {
        drift.add(case, &checked, None);
    }
    let mut tally = lock(progress);
    tally.calls += u64::try_from(checked.expected.observation.calls.len())?;
    *tally.outcomes.entry(report::ended(&checked.expected.observation.outcome)).or_default() += 1;
    let (counts, key) = match &checked.verdict {
        Verdict::Agree => {
            tally.agree += 1;
            return Ok(());
        }
        Verdict::Accepted(names) => {
            progress.accepted.fetch_add(1, Ordering::Relaxed);
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            (&mut tally.accepted, names.join(", "))
        }
        Verdict::Inconclusive(limit) => (&mut tally.inconclusive, limit.clone()),
        Verdict::Unsupported(feature) => (&mut tally.unsupported, feature.clone()),
        Verdict::Disagree(difference) => {
            progress.findings.fetch_add(1, Ordering::Relaxed);
            seen(&mut tally, report::class(difference), progress);
            let rank = (size(case), job, number);
            found(plan, progress, tally, Found { case, rank, checked: &checked, difference });
            return Ok(());
        }
    };
    *counts.entry(key.clone()).or_default() += 1;
    seen(&mut tally, key, progress);
    Ok(())
}

/// Notes when something was seen first.
fn seen(tally: &mut Tally, key: String, progress: &Progress) {
    tally.first_seen.entry(key).or_insert(elapsed(progress).as_secs_f64());
}

fn elapsed(progress: &Progress) -> Duration {
    progress.start.get().map_or(Duration::ZERO, Instant::elapsed)
}

/// A finding, and what there is to say of it.
struct Found<'a> {
    case: &'a Case,
    rank: Rank,
    checked: &'a Checked,
    difference: &'a Difference,
}

/// Counts a finding, and writes it down if there is none of its kind yet, or only larger ones. What cannot be
/// written is told instead, and the run goes on.
fn found(plan: &Plan, progress: &Progress, mut tally: MutexGuard<'_, Tally>, found: Found) {
    let class = report::class(found.difference);
    *tally.findings.entry(class.clone()).or_default() += 1;
    let kept = tally.smallest.get(&class);
    if kept.is_some_and(|kept| kept.rank <= found.rank) {
        return;
    }
    match write(plan, &class, kept.map(|kept| &*kept.path), &found) {
        Ok(path) => {
            tally.files.insert(path.clone());
            tally.smallest.insert(class, Kept { rank: found.rank, path });
        }
        Err(error) => lose(progress, tally, class, &found, &error),
    }
}

/// Writes a finding in the place of the one that is kept, or under a name that nothing has yet.
fn write(plan: &Plan, class: &str, kept: Option<&Path>, found: &Found) -> Result<PathBuf> {
    let mut file = corpus::unexplained(found.case.clone());
    file.story = Some(format!("Found by `canonfuzz run` on {}.", report::build()));
    let text = corpus::printed(&file)?;
    let name = corpus::file_name(class);
    let path = match kept {
        Some(path) => {
            files::write(path, text.as_bytes())?;
            path.to_path_buf()
        }
        None => files::write_new(corpus::names(&plan.findings, &name), text.as_bytes())?,
    };
    write_report(&path, &name, found)?;
    Ok(path)
}

fn write_report(path: &Path, name: &str, found: &Found) -> Result<()> {
    let replay = report::replay_command(&plain::name(path));
    let Found { case, checked, difference, .. } = found;
    let report = report::disagreement(name, case, checked, difference, &replay);
    files::write(&path.with_extension("txt"), (plain::lines(&report) + "\n").as_bytes())
}

/// Has a case printed that cannot be written, if it is the smallest of its kind.
fn lose(
    progress: &Progress,
    mut tally: MutexGuard<'_, Tally>,
    class: String,
    found: &Found,
    error: &anyhow::Error,
) {
    if tally.lost.get(&class).is_some_and(|lost| lost.rank <= found.rank) {
        return;
    }
    let case = Unwritten::new(found.case, error);
    progress.untold.lock().unwrap_or_else(PoisonError::into_inner).push(case.text(&class));
    tally.lost.insert(class, Lost { rank: found.rank, case });
}

fn lock(progress: &Progress) -> MutexGuard<'_, Tally> {
    progress.tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn summary(plan: &Plan, progress: &Progress, elapsed: Duration) -> Summary {
    let tally = lock(progress).clone();
    let seconds = elapsed.as_secs_f64();
    let time = tally.timings.named().map(|(name, time)| (name, time.as_secs_f64()));
    let calls = u32::try_from(tally.calls).map_or(f64::INFINITY, f64::from);
    Summary {
        subject: report::build(),
        shape: plan.kind.name(),
        seed: plan.seed,
        jobs: plan.jobs,
        cases: progress.cases.load(Ordering::Relaxed),
        seconds,
        rate: calls / seconds,
        time: time.into_iter().collect(),
        tally,
        drift: None,
    }
}

fn named<S: Serializer>(files: &BTreeSet<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().map(|path| plain::name(path)))
}

impl Summary {
    /// Whether anything was found that the register does not say.
    pub fn has_findings(&self) -> bool {
        let drifts = self.drift.as_ref().is_some_and(|drift| !drift.is_registered());
        drifts || !self.tally.findings.is_empty()
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let Tally { calls, shapes, agree, files, .. } = &self.tally;
        let mut lines: Vec<String> = self.tally.mix.iter().map(Mix::text).collect();
        lines.extend(self.tally.spec_coverage.iter().map(SpecCoverage::text));
        lines.push(String::new());
        lines.push(format!(
            "{}: {} cases of {}, {calls} calls in {:.1} s, {:.0} compared calls per second, seed {}",
            self.subject, self.cases, self.shape, self.seconds, self.rate, self.seed
        ));
        lines.push(format!("  shapes        {shapes}"));
        lines.push(format!("  agree         {agree}"));
        let tables = [
            ("accepted", &self.tally.accepted),
            ("inconclusive", &self.tally.inconclusive),
            ("unsupported", &self.tally.unsupported),
            ("finding", &self.tally.findings),
        ];
        for (name, table) in tables {
            lines.extend(table.iter().map(|(key, count)| {
                let first = self.tally.first_seen.get(key).copied().unwrap_or_default();
                format!("  {name:<13} {count}  {key}, first after {first:.1} s")
            }));
        }
        let steps = self.tally.timings.named();
        let time = steps.map(|(name, time)| format!("{name} {:.1} s", time.as_secs_f64()));
        lines.push(format!("  time          {}", time.join(", ")));
        let lost = self.tally.lost.iter();
        lines.extend(
            lost.map(|(class, lost)| format!("  not written   {class}: {}", lost.case.why)),
        );
        lines.extend(files.iter().map(|path| format!("  written       {}", plain::name(path))));
        lines.extend(self.drift.iter().map(|drift| format!("\n{}", drift.text())));
        lines.join("\n")
    }
}
