//! `canonfuzz wast`: what can be asked, and what is printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use canonfuzz::abi::{Deviation, Deviations};
use canonfuzz::component::limits::MEMORY_SIZE;
use canonfuzz::component::wast::read::{NoScript, Why};
use canonfuzz::component::wast::reference::Reference;
use canonfuzz::component::wast::run::Verdict;
use canonfuzz::component::wast::{Counts, Side, with_stack};
use canonfuzz::engine::wasmtime;
use canonfuzz::files::{Found, Search};
use canonfuzz::plain;
use canonfuzz::wast::subject::Subject;
use canonfuzz::wast::{self, Played, Stage};
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
    /// How many MiB all memories of an instance may take together
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
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
    let tally = with_stack(|| run_all(&search, arguments)).context("cannot start a thread")??;
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

fn run_all(search: &Search, arguments: &Arguments) -> Result<Tally> {
    let files = &search.found;
    let mut stage = stage(arguments)?;
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
        match stage.play(&text) {
            Ok(played) => bar.suspend(|| report(&mut tally.counts, path, &played)),
            Err(why) => bar.suspend(|| unreadable(&mut tally, path, *named, why))?,
        }
    }
    bar.finish_and_clear();
    Ok(tally)
}

fn stage(arguments: &Arguments) -> Result<Stage> {
    let memory = match arguments.memory {
        Some(mib) => usize::try_from(u64::from(mib) << 20).context("--memory")?,
        None => MEMORY_SIZE,
    };
    Ok(match arguments.on {
        On::Reference => {
            let reference = Reference::new(Deviations::NONE, memory);
            Stage { engines: vec![Box::new(reference)], memory }
        }
        On::Subject => Stage { engines: vec![Box::new(Subject::with_memory(memory)?)], memory },
        On::Both => Stage::both(memory)?,
    })
}

/// Says why a file is no script: one that is written for other tools, or too large for us, is nobody's failure.
fn unreadable(tally: &mut Tally, path: &Path, named: bool, error: Error) -> Result<()> {
    let why: NoScript = error.downcast()?;
    print(&format!("{}:{why}", plain::name(path)));
    match why.why {
        Why::Older => tally.counts.skipped += 1,
        Why::Limit => tally.counts.inconclusive += 1,
        Why::Malformed => {
            tally.counts.failed += 1;
            if named {
                tally.unreadable.push(path.to_path_buf());
            }
        }
    }
    Ok(())
}

fn report(counts: &mut Counts, path: &Path, played: &Played) {
    let name = plain::name(path);
    for (number, side) in played.sides.iter().enumerate() {
        print(&format!("{name} on the {}: {}", side.engine, side.counts()));
        // What the engines differ in is told below, and not as a failure of one.
        let differ = |step| number > 0 && played.differences.iter().any(|one| one.step == step);
        print_side(&name, side, differ);
    }
    counts.add(played.counts());
    for difference in &played.differences {
        let accepted = if difference.accepted { ", as the register has it" } else { "" };
        print(&format!("  {name}:{}: the engines differ{accepted}", difference.line));
        print(&format!("    reference  {}", difference.expected));
        print(&format!("    subject    {}", difference.observed));
    }
    if played.accepted != Deviations::NONE {
        let names: Vec<&str> = played.accepted.iter().map(Deviation::name).collect();
        print(&format!("  accepted: {}", names.join(", ")));
    }
}

fn print_side(name: &str, side: &Side, told_elsewhere: impl Fn(usize) -> bool) {
    let mut others: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (number, step) in side.steps.iter().enumerate() {
        match &step.verdict {
            Verdict::Passed => {}
            Verdict::Failed(_) if told_elsewhere(number) => {}
            Verdict::Failed(why) => print(&format!("  {name}:{}: {why}", step.line)),
            Verdict::Skipped(feature) => *others.entry(("skipped", feature)).or_default() += 1,
            Verdict::Inconclusive(limit) => {
                *others.entry(("inconclusive", limit)).or_default() += 1;
            }
        }
    }
    let others = others.iter();
    others.for_each(|((word, why), count)| print(&format!("  {word} {count}: {why}")));
}
