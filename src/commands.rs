//! What each command does: call the library, print what it says.

pub mod diff;
pub mod export;
pub mod planted;
pub mod seeds;
pub mod show;
pub mod wast;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use canonfuzz::drift::{self, Drift};
use canonfuzz::engine::worker;
use canonfuzz::mix::SpecCoverage;
use canonfuzz::releases::{self, Against, Column};
use canonfuzz::replay::kinds::Kinds;
use canonfuzz::run::{self, Plan, Progress};
use canonfuzz::shrink::{self, Shrunk};
use canonfuzz::{Session, corpus, replay, report, vectors};
use indicatif::{ProgressBar, ProgressStyle};

/// Prints a line; a reader that has gone away is no error of ours.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

pub fn run(plan: &Plan, json: Option<&Path>) -> Result<bool> {
    json.map_or(Ok(()), corpus::check_writable)?;
    corpus::check_folder(&plan.findings)?;
    let progress = Arc::new(Progress::default());
    let stopping = progress.clone();
    ctrlc::set_handler(move || stopping.stop.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    let shape = plan.kind.name();
    print(&format!("subject: {}, shape {shape}, seed {}", report::build(), plan.seed));
    let against = plan.against.iter();
    against.for_each(|against| print(&format!("against: {}", against.build)));
    let bar = bar();
    let (summary, ended) =
        run::run(plan, &progress, &mut |progress| bar.set_message(status(&bar, progress)));
    bar.finish_and_clear();
    print(&summary.text());
    if let Some(path) = json {
        corpus::write_atomically(path, &serde_json::to_vec_pretty(&summary)?)?;
    }
    ended?;
    Ok(!summary.has_findings())
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed_precise} {msg}").expect("a valid template");
    ProgressBar::no_length().with_style(style)
}

fn status(bar: &ProgressBar, progress: &Progress) -> String {
    let cases = progress.cases.load(Ordering::Relaxed);
    let rate = cases / bar.elapsed().as_secs().max(1);
    let accepted = progress.accepted.load(Ordering::Relaxed);
    let findings = progress.findings.load(Ordering::Relaxed);
    format!("{cases} cases, {rate}/s, {accepted} accepted, {findings} findings")
}

/// How cases are replayed.
pub struct Replay<'a> {
    pub bless: bool,
    pub spec_coverage: bool,
    pub against: Option<&'a Against>,
    pub json: Option<&'a Path>,
}

pub fn replay(session: Session, paths: &[PathBuf], how: &Replay) -> Result<bool> {
    let Replay { bless, spec_coverage, against, json } = *how;
    let files = corpus::find(paths)?;
    if files.is_empty() {
        bail!("no cases at {}", paths[0].display());
    }
    json.map_or(Ok(()), corpus::check_writable)?;
    let (mut verdicts, mut complaints) = (BTreeMap::new(), Vec::new());
    let (mut clean, mut kinds) = (true, Kinds::default());
    let mut coverage = spec_coverage.then(SpecCoverage::default);
    let other = against.map(Against::start).transpose()?;
    let mut drift = match &other {
        Some(other) => Some(Drift::new(canonfuzz::own_build()?, other)),
        None => None,
    };
    let mut session = session.beside(other);
    for path in &files {
        let replayed = replay::replay(&mut session, path, bless, drift.as_mut())?;
        clean &= replayed.is_clean();
        print(&format!("{}: {}", path.display(), report::verdict(&replayed.verdict)));
        replayed.complaints.iter().for_each(|complaint| print(&format!("  {complaint}")));
        replayed.report.iter().for_each(|report| print(report));
        kinds.add(&replayed);
        if let Some(coverage) = &mut coverage {
            coverage.add(&replayed.points);
        }
        let of_file = |complaint| format!("{}: {complaint}", path.display());
        complaints.extend(replayed.complaints.into_iter().map(of_file));
        verdicts.insert(path.clone(), replayed.verdict);
    }
    if files.len() > 1 {
        kinds.lines().iter().for_each(|line| print(line));
    }
    for folder in paths.iter().filter(|path| path.join(corpus::REGISTER).is_file()) {
        for complaint in replay::check_register(folder, &verdicts)? {
            let complaint = format!("register: {complaint}");
            print(&complaint);
            complaints.push(complaint);
        }
    }
    coverage.iter().for_each(|coverage| print(&coverage.text()));
    let drift = drift.map(|drift| drift.report(Path::new("."))).transpose()?;
    drift.iter().for_each(|drift| print(&drift.text()));
    clean &= complaints.is_empty() && drift.as_ref().is_none_or(drift::Report::is_registered);
    let word = if clean { "clean" } else { "not clean" };
    print(&format!("{}: {} cases, {word}", report::build(), files.len()));
    if let Some(path) = json {
        let column = Column { drift, ..Column::new(&verdicts, clean, complaints) };
        corpus::write_atomically(path, &serde_json::to_vec_pretty(&column)?)?;
    }
    Ok(clean)
}

pub fn replay_on(paths: &[PathBuf], subjects: &[String], json: Option<&Path>) -> Result<bool> {
    json.map_or(Ok(()), corpus::check_writable)?;
    let bar = bar();
    bar.enable_steady_tick(Duration::from_millis(500));
    let table = releases::replay(paths, subjects, &mut |subject| {
        bar.set_message(format!(
            "wasmtime {subject}: a build takes some minutes, a replay seconds"
        ));
    })?;
    bar.finish_and_clear();
    print(&table.text());
    if let Some(path) = json {
        corpus::write_atomically(path, &serde_json::to_vec_pretty(&table)?)?;
    }
    Ok(table.is_clean())
}

pub fn worker(about: bool) -> Result<bool> {
    if about {
        print(&releases::about()?);
        return Ok(true);
    }
    // An interruption is for whoever asks; this ends when there is nobody left.
    ctrlc::set_handler(|| {}).context("cannot listen for Ctrl-C")?;
    worker::serve(&mut |_| {})?;
    Ok(true)
}

pub fn shrink(path: &Path, output: &Path, isolated: Option<Duration>) -> Result<bool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    ctrlc::set_handler(move || stopping.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    let mut file = corpus::load(path)?.file;
    corpus::check_writable(output)?;
    let mut session = Session::maybe_isolated(isolated)?;
    let bar = bar();
    let shrunk = shrink::shrink(&mut session, &file.case, &mut |shrunk| {
        bar.set_message(progress_of(shrunk));
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let shrunk = shrunk.with_context(|| path.display().to_string())?;
    file.case = shrunk.case.clone();
    file.expect = Vec::new();
    corpus::save(output, &file)?;
    let ended = if shrunk.is_done { "" } else { ", ended early: it may become smaller" };
    print(&format!("{}: {}, {}{ended}", output.display(), shrunk.kind, progress_of(&shrunk)));
    Ok(true)
}

fn progress_of(shrunk: &Shrunk) -> String {
    let (types, calls) = shrink::types_and_calls(&shrunk.case);
    let [types, calls] = [(types, "type"), (calls, "call")]
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    format!("{types} and {calls} after {} candidates", shrunk.tried)
}

pub fn vectors(path: &Path) -> Result<bool> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| name.clone())?;
    let report = vectors::run(&text).context(name)?;
    report.failures.iter().for_each(|failure| print(&failure.to_string()));
    print(&format!("{} passed, {} failed", report.passed, report.failures.len()));
    Ok(report.failures.is_empty())
}
