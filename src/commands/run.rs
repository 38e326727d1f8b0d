//! `run`: what is told while it goes on, and at its end.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use canonfuzz::run::{self, News, Plan, Progress, Shares, Summary};
use canonfuzz::{files, report};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{BAD, GOOD, both, on_interruption, print, print_in, random_seed, show, write_json};

#[derive(Args)]
#[command(after_help = "Examples:
  canonfuzz run --for 10m
  canonfuzz run --shape lift_lower=3,adapter --for 1h30m --jobs 0 --json summary.json

Findings are announced when they are met. The smallest case of each kind is written to the folder of findings, which
keeps what earlier runs have found. Ctrl-C ends a run and keeps all it found.")]
pub struct Arguments {
    /// The shapes to generate by turns: all, or some with their shares, such as adapter or lift_lower=3,adapter
    #[arg(long, value_name = "SHAPES", default_value = "all")]
    shape: Shares,
    /// Stop after this many cases
    #[arg(long)]
    cases: Option<u64>,
    /// Stop after this time, such as 30s, 1m30s or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Stop after this many kinds of findings: 1 stops at the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_findings: Option<u64>,
    /// Where generation starts; a random one is drawn and printed otherwise
    #[arg(long)]
    seed: Option<u64>,
    /// Threads, each with cases of its own; 0 is one for each core
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=64))]
    jobs: u64,
    /// The folder that findings are written to
    #[arg(long, value_name = "FOLDER", default_value = "findings")]
    findings: PathBuf,
    /// Also print all tables: what happened how often, and what never
    #[arg(long)]
    tables: bool,
    /// Also write the summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write a page of the run to this file: findings in full, known divergences, tables, curves; for any browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also count which points of the Canonical ABI the reference came to, and print that table
    #[arg(long)]
    spec_coverage: bool,
    /// Run the same cases on this release of Wasmtime, too, or on the checkout of it at this path, built by
    /// scripts/subject, and tell what only one of the two shows
    #[arg(long, value_name = "RELEASE")]
    against: Option<String>,
    /// Say only what was found
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// List all known divergences, and where the time went
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    isolation: crate::Isolation,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let plan = plan(arguments)?;
    let Arguments { json, html, quiet, verbose, .. } = arguments;
    json.iter().chain(html).try_for_each(|path| files::check_writable(path))?;
    files::check_folder(&plan.findings)?;
    let progress = Arc::new(Progress::default());
    let stopping = progress.clone();
    on_interruption(move || stopping.stop.store(true, Ordering::Relaxed))?;
    if !quiet {
        let Plan { shares, seed, .. } = &plan;
        print(&format!("subject: {}, shape {shares}, seed {seed}", report::build()));
        plan.against.iter().for_each(|against| print(&format!("against: {}", against.build)));
    }
    let mut watch = Watch::new(*quiet);
    let (summary, ended) = run::run(&plan, &progress, &mut |progress| watch.tick(&plan, progress));
    watch.bar.finish_and_clear();
    if arguments.tables || arguments.spec_coverage {
        print(&summary.tables(arguments.tables));
    }
    print_in(if summary.has_findings() { BAD } else { GOOD }, &summary.verdict());
    if !quiet {
        print(&summary.text(*verbose));
    }
    let page = |path: &PathBuf| files::write(path, summary.page()?.as_bytes());
    let written = write_json(json.as_deref(), &summary)
        .and_then(|()| html.as_ref().map_or(Ok(()), page))
        .and_then(|()| index(&plan, &summary));
    both(ended, written)?;
    Ok(!summary.has_findings())
}

fn plan(arguments: &Arguments) -> Result<Plan> {
    let Arguments { shape, cases, time, max_findings, findings, isolation, .. } = arguments;
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    Ok(Plan {
        shares: shape.clone(),
        seed: arguments.seed.unwrap_or_else(random_seed),
        jobs: if arguments.jobs == 0 { u64::try_from(cores())? } else { arguments.jobs },
        cases: *cases,
        time: *time,
        max_findings: *max_findings,
        findings: findings.clone(),
        spec_coverage: arguments.spec_coverage,
        isolated: isolation.limit()?,
        against: isolation.against(arguments.against.as_deref())?,
    })
}

/// The page of the folder of findings, if there are any.
fn index(plan: &Plan, summary: &Summary) -> Result<()> {
    if summary.files().next().is_none() {
        return Ok(());
    }
    let page = plan.findings.join("index.html");
    let limit = plan.isolated.unwrap_or(INDEX_LIMIT);
    print(&show::index(&plan.findings, &page, Some(limit))?.line);
    Ok(())
}

/// How long the subject may take for one case of the index: one of an earlier run may end a process.
const INDEX_LIMIT: Duration = Duration::from_secs(30);

/// What is told while a run goes on: a bar on a terminal, or else a line now and then.
struct Watch {
    bar: ProgressBar,
    quiet: bool,
    /// When the next line is due.
    next: Duration,
}

/// Between two lines where there is no terminal.
const BEAT: Duration = Duration::from_secs(60);

/// Steps of the bar.
const STEPS: u64 = 1_000;

impl Watch {
    fn new(quiet: bool) -> Watch {
        let target = match quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        Watch { bar: ProgressBar::with_draw_target(Some(STEPS), target), quiet, next: BEAT }
    }

    fn tick(&mut self, plan: &Plan, progress: &Progress) {
        let left = left(plan, progress);
        let bar = if left.is_some() { "{bar:14} {msg}" } else { "{elapsed} {msg}" };
        self.bar.set_style(ProgressStyle::with_template(bar).expect("a valid template"));
        let status = status(progress);
        let message = match left {
            Some(Left { done, time }) => {
                self.bar.set_position(done);
                format!("{} left  {status}", short(time))
            }
            None => status.clone(),
        };
        self.bar.set_message(message);
        for news in progress.news() {
            self.bar.suspend(|| self.tell(&news));
        }
        if self.bar.is_hidden() && !self.quiet && progress.elapsed() >= self.next {
            self.next += BEAT;
            // Nobody may be there to hear it.
            let _ = writeln!(std::io::stderr(), "{}: {status}", short(progress.elapsed()));
        }
    }

    fn tell(&self, news: &News) {
        match news {
            News::Found { .. } if self.quiet => {}
            News::Found { heading, lines } => {
                print_in(BAD, heading);
                lines.iter().for_each(|line| print(line));
            }
            News::Lost(text) => print(text),
        }
    }
}

/// What is left of a run that ends by itself.
struct Left {
    /// Steps of the bar that are done.
    done: u64,
    time: Duration,
}

fn left(plan: &Plan, progress: &Progress) -> Option<Left> {
    let elapsed = progress.elapsed();
    let of_time = plan.time.map(|time| (elapsed.as_millis(), time.as_millis()));
    let cases = progress.cases.load(Ordering::Relaxed);
    let of_cases = plan.cases.map(|all| (u128::from(cases), u128::from(all)));
    let steps = |(done, all): (u128, u128)| done.min(all) * u128::from(STEPS) / all.max(1);
    let done = of_time.into_iter().chain(of_cases).map(steps).max()?;
    let by_pace = elapsed.as_millis() * u128::from(STEPS).saturating_sub(done) / done.max(1);
    let by_clock = plan.time.map_or(u128::MAX, |time| time.saturating_sub(elapsed).as_millis());
    let time = Duration::from_millis(u64::try_from(by_pace.min(by_clock)).unwrap_or(u64::MAX));
    Some(Left { done: u64::try_from(done).unwrap_or(STEPS), time })
}

/// A time without what is less than a second.
fn short(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}

fn status(progress: &Progress) -> String {
    let [cases, accepted, findings] = [&progress.cases, &progress.accepted, &progress.findings]
        .map(|count| count.load(Ordering::Relaxed));
    let rate = cases / progress.elapsed().as_secs().max(1);
    let [cases, rate, accepted] = [cases, rate, accepted].map(HumanCount);
    format!("{cases} cases  {rate}/s  {accepted} known  {findings} findings")
}
