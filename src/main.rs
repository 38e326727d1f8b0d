//! The command line: parse, call, print. Exit codes: 0 agree, 1 findings, 2 bad usage or input.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use canonfuzz::engine::{crash, wasmtime};
use canonfuzz::run::{self, Plan, Progress};
use canonfuzz::{Session, corpus, encode, replay, report, vectors};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

/// Finds disagreements between an engine's component-model calls and an independent reading of the
/// Canonical ABI.
///
/// Exit codes: 0 all agree, 1 something was found, 2 bad usage or input.
#[derive(Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " (subject: wasmtime ", env!("CANONFUZZ_WASMTIME"), ")"))]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate cases and compare, until told to stop
    Run {
        /// Stop after this many cases
        #[arg(long)]
        cases: Option<u64>,
        /// Stop after this time, such as 30s, 10m or 2h
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
        /// Where generation starts; a random one is drawn and printed otherwise
        #[arg(long)]
        seed: Option<u64>,
        /// Threads, each with cases of its own
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
        jobs: u64,
        /// Also write the summary to this file, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// The folder that findings are written to
        #[arg(long, value_name = "FOLDER", default_value = "findings")]
        findings: PathBuf,
    },
    /// Check cases again: text cases, encoded cases, fuzzing artifacts, folders of them
    Replay {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Rewrite text cases: canonical form, and what the reference says
        #[arg(long)]
        bless: bool,
    },
    /// Explain a case: its text, and where its values lie
    Show {
        case: PathBuf,
        /// Print the component as text as well
        #[arg(long)]
        component: bool,
    },
    /// Check the reference against vectors of the executable specification
    Vectors { file: PathBuf },
}

fn main() -> ExitCode {
    crash::install_hook();
    let done = match Arguments::parse().command {
        Command::Run { cases, time, seed, jobs, json, findings } => {
            let seed = seed.unwrap_or_else(random_seed);
            run(&Plan { seed, jobs, cases, time, findings }, json.as_deref())
        }
        Command::Replay { paths, bless } => replay(&paths, bless),
        Command::Show { case, component } => show(&case, component),
        Command::Vectors { file } => vectors(&file),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("canonfuzz: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line; a reader that has gone away is no error of ours.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn run(plan: &Plan, json: Option<&Path>) -> Result<bool> {
    let progress = Arc::new(Progress::default());
    let stopping = progress.clone();
    ctrlc::set_handler(move || stopping.stop.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    print(&format!("subject: wasmtime {}, seed {}", wasmtime::VERSION, plan.seed));
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{elapsed_precise} {msg}").expect("a valid template"),
    );
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

fn status(bar: &ProgressBar, progress: &Progress) -> String {
    let cases = progress.cases.load(Ordering::Relaxed);
    let rate = cases / bar.elapsed().as_secs().max(1);
    let accepted = progress.accepted.load(Ordering::Relaxed);
    let findings = progress.findings.load(Ordering::Relaxed);
    format!("{cases} cases, {rate}/s, {accepted} accepted, {findings} findings")
}

fn replay(paths: &[PathBuf], bless: bool) -> Result<bool> {
    let mut session = Session::new()?;
    let files = corpus::find(paths)?;
    if files.is_empty() {
        bail!("no cases at {}", paths[0].display());
    }
    let mut verdicts = BTreeMap::new();
    let mut clean = true;
    for path in &files {
        let replayed = replay::replay(&mut session, path, bless)?;
        clean &= replayed.is_clean();
        print(&format!("{}: {}", path.display(), report::verdict(&replayed.verdict)));
        replayed.complaints.iter().for_each(|complaint| print(&format!("  {complaint}")));
        replayed.report.iter().for_each(|report| print(report));
        verdicts.insert(path.clone(), replayed.verdict);
    }
    for folder in paths.iter().filter(|path| path.join(corpus::REGISTER).is_file()) {
        let complaints = replay::check_register(folder, &verdicts)?;
        clean &= complaints.is_empty();
        complaints.iter().for_each(|complaint| print(&format!("register: {complaint}")));
    }
    let word = if clean { "clean" } else { "not clean" };
    print(&format!("wasmtime {}: {} cases, {word}", wasmtime::VERSION, files.len()));
    Ok(clean)
}

fn show(path: &Path, component: bool) -> Result<bool> {
    let found = corpus::load(path)?;
    print(&report::show(&found.file));
    if component {
        let bytes = encode::component(&found.file.case.shape);
        print(&wasmprinter::print_bytes(bytes).context("cannot print the component")?);
    }
    Ok(true)
}

fn vectors(path: &Path) -> Result<bool> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| name.clone())?;
    let report = vectors::run(&text).context(name)?;
    report.failures.iter().for_each(|failure| print(&failure.to_string()));
    print(&format!("{} passed, {} failed", report.passed, report.failures.len()));
    Ok(report.failures.is_empty())
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        unit => return Err(format!("`{unit}` is no unit: use s, m or h")),
    };
    let count: u64 = digits.parse().map_err(|_| "not a whole number of s, m or h".to_string())?;
    count.checked_mul(unit).map(Duration::from_secs).ok_or_else(|| "too long".to_string())
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Small enough to be typed again.
    RandomState::new().hash_one(0) % 1_000_000_000
}
