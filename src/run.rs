//! Generate and compare, without a fuzzer: the main job.
//! Knows threads and time; what is generated and how it is judged is decided elsewhere.

mod findings;
mod job;
mod page;
mod progress;
mod shares;
mod summary;
mod tally;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::releases::Against;

pub use progress::{News, Progress};
pub use shares::Shares;
pub use summary::Summary;

/// What to run.
pub struct Plan {
    pub shares: Shares,
    pub seed: u64,
    pub jobs: u64,
    /// Stop after this many cases.
    pub cases: Option<u64>,
    /// Stop after this time.
    pub time: Option<Duration>,
    /// Stop after so many kinds of findings.
    pub max_findings: Option<u64>,
    /// Where findings are written.
    pub findings: PathBuf,
    /// Whether to count what of the Canonical ABI the reference comes to.
    pub spec_coverage: bool,
    /// The time that a subject in a process of its own may take for one case; nothing: it has none.
    pub isolated: Option<Duration>,
    /// Another build of the subject, to run the same cases on.
    pub against: Option<Against>,
}

/// Runs the plan. `tick` is called now and then, from this thread. Where the world stops the run
/// (a full disk), the summary of what came before is there all the same.
pub fn run(
    plan: &Plan,
    progress: &Progress,
    tick: &mut dyn FnMut(&Progress),
) -> (Summary, Result<()>) {
    progress.begin();
    let ended = std::thread::scope(|scope| {
        let mut jobs = Vec::new();
        let mut started = Ok(());
        for job in 0..plan.jobs {
            match Builder::new().spawn_scoped(scope, move || job::work(plan, progress, job)) {
                Ok(handle) => jobs.push(handle),
                Err(error) => started = started.and(Err(error).context("cannot start a thread")),
            }
        }
        progress.stop.fetch_or(started.is_err(), Ordering::Relaxed);
        while !jobs.iter().all(ScopedJoinHandle::is_finished) {
            progress.sample();
            tick(progress);
            std::thread::sleep(Duration::from_millis(100));
        }
        let ended: Vec<_> = jobs.into_iter().map(ScopedJoinHandle::join).collect();
        ended.into_iter().fold(started, |before, job| {
            before.and(job.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    });
    tick(progress);
    let elapsed = progress.elapsed();
    let mut tally = std::mem::take(&mut *progress.tally());
    tally.push_sample(elapsed.as_secs_f64(), progress.cases.load(Ordering::Relaxed));
    let drift = tally.drift.take().map(|drift| drift.report(&plan.findings)).transpose();
    let mut summary = Summary::new(plan, tally, elapsed);
    let told = drift.map(|drift| summary.drift = drift);
    let written = summary.all_written();
    (summary, ended.and(told).and(written))
}
