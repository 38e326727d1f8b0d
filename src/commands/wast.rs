//! `canonfuzz wast`: what can be asked, and what is printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use canonfuzz::component::wast::engine::Engine;
use canonfuzz::component::wast::reference::Reference;
use canonfuzz::component::wast::run::Verdict;
use canonfuzz::component::wast::{Counts, Side, with_stack};
use canonfuzz::engine::wasmtime;
use canonfuzz::engine::wasmtime::any::Subject;
use canonfuzz::files::{Found, Search};
use canonfuzz::plain;
use canonfuzz::wast::{self, Played, play};
use clap::{Args, ValueEnum};

use super::{Bad, bar, found, print};

#[derive(Args)]
pub struct Arguments {
    /// Scripts, and folders that are searched for them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The engine to run them on; both are compared with each other
    #[arg(long, value_enum, value_name = "ENGINE", default_value = "both")]
    on: On,
}

#[derive(Clone, Copy, ValueEnum)]
enum On {
    Reference,
    Subject,
    Both,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let search = wast::find(&arguments.paths);
    found(&search, &arguments.paths, "scripts")?;
    print(&format!("subject: wasmtime {}", wasmtime::VERSION));
    let tally =
        with_stack(|| run_all(&search, arguments.on)).context("cannot start a thread")??;
    print(&tally.counts.to_string());
    if let Some(path) = tally.unreadable.first() {
        bail!("{}: no script", plain::name(path));
    }
    tally.bad.and(tally.counts.failed == 0)
}

/// What all files came to.
#[derive(Default)]
struct Tally {
    counts: Counts,
    /// Files that were named and are no scripts.
    unreadable: Vec<PathBuf>,
    /// Folders that nobody could look into.
    bad: Bad,
}

fn run_all(search: &Search, on: On) -> Result<Tally> {
    let files = &search.found;
    let mut engines = engines(on)?;
    let bar = bar();
    let mut tally = Tally { bad: Bad::of(search), ..Tally::default() };
    for (number, Found { path, named }) in files.iter().enumerate() {
        bar.set_message(format!("{} of {}: {}", number + 1, files.len(), plain::name(path)));
        let text = match wast::load(path) {
            Ok(text) => text,
            Err(error) => {
                tally.counts.failed += 1;
                bar.suspend(|| tally.bad.add(&error));
                continue;
            }
        };
        match play(&text, &mut engines) {
            Ok(played) => bar.suspend(|| report(&mut tally.counts, path, &played)),
            Err(why) => {
                let why = format!("{}:{why}", plain::name(path));
                bar.suspend(|| unreadable(&mut tally, path, *named, &why));
            }
        }
    }
    bar.finish_and_clear();
    Ok(tally)
}

fn engines(on: On) -> Result<Vec<Box<dyn Engine>>> {
    let reference = || -> Box<dyn Engine> { Box::new(Reference::default()) };
    let subject = || -> Result<Box<dyn Engine>> { Ok(Box::new(Subject::new()?)) };
    Ok(match on {
        On::Reference => vec![reference()],
        On::Subject => vec![subject()?],
        On::Both => vec![reference(), subject()?],
    })
}

fn unreadable(tally: &mut Tally, path: &Path, named: bool, why: &str) {
    print(why);
    tally.counts.failed += 1;
    if named {
        tally.unreadable.push(path.to_path_buf());
    }
}

fn report(counts: &mut Counts, path: &Path, played: &Played) {
    for side in &played.sides {
        let side_counts = side.counts();
        counts.add(side_counts);
        print(&format!("{} on the {}: {side_counts}", plain::name(path), side.engine));
        print_side(path, side);
    }
    counts.failed += played.differences.len();
    for difference in &played.differences {
        print(&format!("  {}:{}: the engines differ", plain::name(path), difference.line));
        print(&format!("    reference  {}", difference.expected));
        print(&format!("    subject    {}", difference.observed));
    }
}

fn print_side(path: &Path, side: &Side) {
    let mut others: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for step in &side.steps {
        match &step.verdict {
            Verdict::Passed => {}
            Verdict::Failed(why) => print(&format!("  {}:{}: {why}", plain::name(path), step.line)),
            Verdict::Skipped(feature) => *others.entry(("skipped", feature)).or_default() += 1,
            Verdict::Inconclusive(limit) => {
                *others.entry(("inconclusive", limit)).or_default() += 1;
            }
        }
    }
    let others = others.iter();
    others.for_each(|((word, why), count)| print(&format!("  {word} {count}: {why}")));
}
