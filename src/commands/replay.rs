//! `replay`: cases again, on this release or on several.

use std::path::{Path, PathBuf};

use anyhow::Result;
use canonfuzz::drift::{self, Drift};
use canonfuzz::files;
use canonfuzz::mix::SpecCoverage;
use canonfuzz::oracle::Verdict;
use canonfuzz::releases::{self, Against, Column, Kind};
use canonfuzz::replay::Replayed;
use canonfuzz::replay::kinds::kinds;
use canonfuzz::{Session, corpus, plain, replay, report};
use clap::Args;

use super::{BAD, Bad, GOOD, KNOWN, found, moving_bar, print, print_in, write_json};

#[derive(Args)]
#[command(after_help = "Example:\n  canonfuzz replay corpus/strings")]
pub struct Arguments {
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Rewrite text cases: canonical form, and what the reference says
    #[arg(long)]
    bless: bool,
    /// Also write the verdicts to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write them as JUnit's XML, as the CI of many shows it
    #[arg(long, value_name = "FILE", conflicts_with = "subjects")]
    junit: Option<PathBuf>,
    /// Say only how many cases have which verdict
    #[arg(short, long, conflicts_with_all = ["verbose", "subjects"])]
    quiet: bool,
    /// List all cases, also those that agree and those whose divergence is known
    #[arg(short, long, conflicts_with = "subjects")]
    verbose: bool,
    /// Replay on each of these releases of Wasmtime, built by scripts/subject, and compare them
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', conflicts_with = "bless")]
    subjects: Vec<String>,
    /// Compile what guests have in common apart, once for all cases, as `run` and the fuzz targets do
    #[arg(long, conflicts_with_all = ["bless", "subjects", "isolate"])]
    import_puppets: bool,
    /// Also print which points of the Canonical ABI the reference came to, and which never
    #[arg(long, conflicts_with = "subjects")]
    spec_coverage: bool,
    /// Replay on this release of Wasmtime, too, or on the checkout of it at this path, built by
    /// scripts/subject, and tell what only one of the two shows
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["bless", "subjects"])]
    against: Option<String>,
    #[command(flatten)]
    isolation: crate::Isolation,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let Arguments { paths, json, subjects, isolation, .. } = arguments;
    if !subjects.is_empty() {
        return on_releases(paths, subjects, json.as_deref());
    }
    let session = match arguments.import_puppets {
        true => Session::importing()?,
        false => Session::maybe_isolated(isolation.limit()?)?,
    };
    let against = isolation.against(arguments.against.as_deref())?;
    here(session, arguments, against.as_ref())
}

fn here(session: Session, arguments: &Arguments, against: Option<&Against>) -> Result<bool> {
    let Arguments { paths, bless, spec_coverage, json, junit, quiet, .. } = arguments;
    let search = corpus::search(paths);
    let files = found(&search, paths, "cases")?;
    json.iter().chain(junit).try_for_each(|path| files::check_writable(path))?;
    let mut bad = Bad::of(&search);
    let other = against.map(Against::start).transpose()?;
    let mut drift = Drift::beside(other.as_ref())?;
    let mut session = session.beside(other);
    let mut all = Vec::new();
    for path in &files {
        let replayed = replay::replay(&mut session, path, *bless, drift.as_mut());
        let Some(replayed) = bad.unless(replayed) else { continue };
        if !quiet && (arguments.verbose || files.len() == 1 || !replayed.is_quiet()) {
            tell(&replayed);
        }
        all.push(replayed);
    }
    let kinds: Vec<Kind> = kinds(&all);
    if files.len() > 1 && !quiet {
        kinds.iter().for_each(|kind| print(&kind.line()));
    }
    let verdicts = all.iter().map(|one| (one.path.clone(), one.verdict.clone())).collect();
    let mut complaints: Vec<String> = all.iter().flat_map(Replayed::complaints_of_file).collect();
    for folder in paths.iter().filter(|path| path.join(corpus::REGISTER).is_file()) {
        let wrong = bad.unless(replay::check_register(folder, &verdicts)).unwrap_or_default();
        complaints.extend(wrong.iter().map(|why| format!("register: {why}")));
    }
    complaints.iter().filter(|why| why.starts_with("register: ")).for_each(|why| print(why));
    if *spec_coverage {
        let mut coverage = SpecCoverage::default();
        all.iter().for_each(|replayed| coverage.add(&replayed.points));
        print(&coverage.text());
    }
    let drift = drift.and_then(|drift| bad.unless(drift.report(Path::new("."))));
    drift.iter().for_each(|drift| print(&drift.text()));
    let clean = all.iter().all(Replayed::is_clean)
        && drift.as_ref().is_none_or(drift::Report::is_registered)
        && complaints.is_empty()
        && bad.whys.is_empty();
    let word = if clean { "clean" } else { "not clean" };
    let counts = format!("{}: {}: {word}", report::build(), replay::kinds::counted(&all));
    print_in(if clean { GOOD } else { BAD }, &counts);
    let column = Column::new(&verdicts, clean, complaints, bad.whys.clone());
    write_json(json.as_deref(), &Column { drift, kinds, ..column })?;
    if let Some(path) = junit {
        files::write(path, replay::junit::text(&all)?.as_bytes())?;
    }
    bad.and(clean)
}

/// A case with its verdict, what is wrong with its file, and the report where both sides disagree.
fn tell(replayed: &Replayed) {
    let line = format!("{}: {}", plain::name(&replayed.path), report::verdict(&replayed.verdict));
    match &replayed.verdict {
        Verdict::Disagree(_) => print_in(BAD, &line),
        Verdict::Accepted(_) => print_in(KNOWN, &line),
        Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Unsupported(_) => print(&line),
    }
    replayed.complaints.iter().for_each(|complaint| print(&format!("  {complaint}")));
    replayed.report.iter().for_each(|report| print(report));
}

fn on_releases(paths: &[PathBuf], subjects: &[String], json: Option<&Path>) -> Result<bool> {
    json.map_or(Ok(()), files::check_writable)?;
    let bar = moving_bar();
    let table = releases::replay(paths, subjects, &mut |subject| {
        bar.set_message(format!(
            "wasmtime {subject}: a build takes some minutes, a replay seconds"
        ));
    })?;
    bar.finish_and_clear();
    print(&table.text());
    write_json(json, &table)?;
    Bad { whys: table.unreadable().collect(), several: true }.and(table.is_clean())
}
