//! Generate and compare, without a fuzzer: the main job.
//! Knows threads and time; what is generated and how it is judged is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::case::{Case, CaseKind, Limits};
use crate::corpus;
use crate::drift::{self, Drift};
use crate::engine::wasmtime;
use crate::generate::{Size, Stream, size};
use crate::mix::{Mix, SpecCoverage};
use crate::oracle::{Difference, Verdict};
use crate::releases::Against;
use crate::report;
use crate::session::{Checked, Session, Timings, own_build, timed};

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
    tally: Mutex<Tally>,
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
    /// How large the smallest case of each kind of findings is: the one that is in its file.
    #[serde(skip)]
    smallest: BTreeMap<String, Size>,
    /// After how many seconds each accepted divergence and each finding was first seen.
    first_seen: BTreeMap<String, f64>,
    /// The files that were written, one for each kind of findings.
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
        let jobs: Vec<_> =
            (0..plan.jobs).map(|job| scope.spawn(move || work(plan, progress, job))).collect();
        while !jobs.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            tick(progress);
            std::thread::sleep(Duration::from_millis(100));
        }
        let ended: Vec<_> = jobs.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended
            .into_iter()
            .try_for_each(|job| job.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let mut summary = summary(plan, progress, elapsed(progress));
    let drift = lock(progress).drift.take();
    let drift = drift.map(|drift| drift.report(&plan.findings)).transpose();
    let told = drift.map(|drift| summary.drift = drift);
    (summary, ended.and(told))
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
    let drift = match &other {
        Some(other) => Some(Drift::new(own_build()?, other)),
        None => None,
    };
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
        while !done(plan, progress) {
            let case = timed(&mut session.timings.generate, || stream.next_case());
            check(plan, progress, &mut session, &case, &mut counts)?;
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

/// Whether to stop; if not, a case is counted.
fn done(plan: &Plan, progress: &Progress) -> bool {
    if progress.stop.load(Ordering::Relaxed)
        || plan.time.is_some_and(|time| elapsed(progress) >= time)
    {
        return true;
    }
    let more = |cases| (plan.cases.is_none_or(|limit| cases < limit)).then_some(cases + 1);
    progress.cases.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err()
}

fn check(
    plan: &Plan,
    progress: &Progress,
    session: &mut Session,
    case: &Case,
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
            return found(plan, tally, case, &checked, difference);
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

/// Counts a finding, and writes it down if there is none of its kind yet, or only larger ones.
fn found(
    plan: &Plan,
    mut tally: MutexGuard<'_, Tally>,
    case: &Case,
    checked: &Checked,
    difference: &Difference,
) -> Result<()> {
    let class = report::class(difference);
    *tally.findings.entry(class.clone()).or_default() += 1;
    let size = size(case);
    if tally.smallest.get(&class).is_some_and(|smallest| *smallest <= size) {
        return Ok(());
    }
    let name = corpus::file_name(&class);
    let path = plan.findings.join(format!("{name}.toml"));
    let mut file = corpus::unexplained(case.clone());
    file.story = Some(format!("Found by `canonfuzz run` on {}.", report::build()));
    corpus::save(&path, &file)?;
    write_report(&path, &name, case, checked, difference)?;
    tally.smallest.insert(class, size);
    tally.files.insert(path);
    Ok(())
}

fn write_report(
    path: &Path,
    name: &str,
    case: &Case,
    checked: &Checked,
    difference: &Difference,
) -> Result<()> {
    let replay = report::replay_command(&path.display().to_string());
    let report = report::disagreement(name, case, checked, difference, &replay);
    corpus::write_atomically(&path.with_extension("txt"), (report + "\n").as_bytes())
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
        lines.extend(files.iter().map(|path| format!("  written       {}", path.display())));
        lines.extend(self.drift.iter().map(|drift| format!("\n{}", drift.text())));
        lines.join("\n")
    }
}
