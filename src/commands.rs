//! What each command does: call the library, print what it says.

pub mod diff;
pub mod export;
pub mod planted;
pub mod replay;
pub mod run;
pub mod seeds;
pub mod shell;
pub mod show;
pub mod wast;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Error, Result, bail};
use canonfuzz::abi::vectors::{self, Unchecked};
use canonfuzz::component::crash::catch;
use canonfuzz::engine::worker;
use canonfuzz::files::{self, Search};
use canonfuzz::planted::unchecked;
use canonfuzz::releases;
use canonfuzz::shrink::{self, Shrunk};
use canonfuzz::{Session, corpus, plain};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Why the standard output did not take all that it was given. A reader that has gone away is no error of ours.
static OUTPUT: OnceLock<String> = OnceLock::new();

/// Prints a line, or some, with nothing in them that a terminal would obey.
fn print(line: &str) {
    heard(writeln!(std::io::stdout(), "{}", plain::lines(line)));
}

/// The same in a style, where styles are wanted.
fn print_in(style: Style, line: &str) {
    heard(writeln!(anstream::stdout(), "{style}{}{style:#}", plain::lines(line)));
}

/// What is as it should be, what is known, and what is not.
const GOOD: Style = AnsiColor::Green.on_default().bold();
const KNOWN: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

fn heard(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        OUTPUT.get_or_init(|| error.to_string());
    }
}

/// What went wrong with the standard output, if something did.
pub fn output_error() -> Option<&'static str> {
    OUTPUT.get().map(String::as_str)
}

/// Has the first Ctrl-C do this, and the second one end the program at once.
fn on_interruption(first: impl Fn() + Send + 'static) -> Result<()> {
    let interrupted = AtomicBool::new(false);
    let handler = move || match interrupted.swap(true, Ordering::Relaxed) {
        false => first(),
        true => std::process::exit(INTERRUPTED),
    };
    listen(handler)
}

/// Has Ctrl-C do this.
fn listen(handler: impl FnMut() + Send + 'static) -> Result<()> {
    let listening = ctrlc::set_handler(handler).map_err(|error| match error {
        // It does not say what the system said, which may be that there is no thread for it.
        ctrlc::Error::System(cause) => Error::new(cause),
        error @ (ctrlc::Error::NoSuchSignal(_) | ctrlc::Error::MultipleHandlers) => error.into(),
    });
    listening.context("cannot listen for Ctrl-C")
}

/// The exit code that shells have for it.
const INTERRUPTED: i32 = 130;

/// Files that something went wrong with, while the others went on.
#[derive(Default)]
struct Bad {
    whys: Vec<String>,
    /// Whether there are others to go on with: if not, the error that all ends with says it.
    several: bool,
}

impl Bad {
    /// What nobody could look for.
    fn of(search: &Search) -> Bad {
        let several = search.found.len() + search.failed.len() > 1;
        let mut bad = Bad { whys: Vec::new(), several };
        search.failed.iter().for_each(|error| bad.add(error));
        bad
    }

    fn add(&mut self, error: &Error) {
        let why = plain::line(&format!("{error:#}"));
        if self.several {
            print(&why);
        }
        self.whys.push(why);
    }

    /// What there is, unless it went wrong.
    fn unless<T>(&mut self, result: Result<T>) -> Option<T> {
        result.inspect_err(|error| self.add(error)).ok()
    }

    /// Whether all is well; an error if not all could be asked.
    fn and(self, clean: bool) -> Result<bool> {
        match &*self.whys {
            [] => Ok(clean),
            [why] => bail!("{why}"),
            [why, others @ ..] => bail!("{why} (and {} more)", others.len()),
        }
    }
}

/// The files at these paths; an error where there is nothing to look at.
fn found(search: &Search, paths: &[PathBuf], what: &str) -> Result<Vec<PathBuf>> {
    if search.found.is_empty() && search.failed.is_empty() {
        bail!("no {what} at {}", plain::name(&paths[0]));
    }
    Ok(search.found.iter().map(|found| found.path.clone()).collect())
}

/// The first error, with the second where there are two.
fn both(first: Result<()>, second: Result<()>) -> Result<()> {
    match (first, second) {
        (Err(first), Err(second)) => bail!("{first:#}; {second:#}"),
        (first, second) => first.and(second),
    }
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Small enough to be typed again.
    RandomState::new().hash_one(0) % 1_000_000_000
}

fn write_json(path: Option<&Path>, what: &impl Serialize) -> Result<()> {
    let write = |path| files::write(path, &serde_json::to_vec_pretty(what)?);
    path.map_or(Ok(()), write)
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed_precise} {msg}").expect("a valid template");
    ProgressBar::no_length().with_style(style)
}

/// A bar that moves by itself, which takes a thread; where there is none for it, it stands still.
fn moving_bar() -> ProgressBar {
    let moving = bar();
    match catch(|| moving.enable_steady_tick(Duration::from_millis(500))) {
        Ok(()) => moving,
        Err(_) => bar(),
    }
}

pub fn worker(about: bool) -> Result<bool> {
    if about {
        print(&releases::about()?);
        return Ok(true);
    }
    // An interruption is for whoever asks; this ends when there is nobody left.
    listen(|| {})?;
    worker::serve(&mut |_| {})?;
    Ok(true)
}

pub fn shrink(path: &Path, output: &Path, isolated: Option<Duration>) -> Result<bool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    on_interruption(move || stopping.store(true, Ordering::Relaxed))?;
    let mut file = corpus::load(path)?.file;
    files::check_writable(output)?;
    let mut session = Session::maybe_isolated(isolated)?;
    let bar = bar();
    let shrunk = shrink::shrink(&mut session, &file.case, &mut |shrunk| {
        bar.set_message(progress_of(shrunk));
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let shrunk = shrunk.with_context(|| plain::name(path))?;
    file.case = shrunk.case.clone();
    file.expect = Vec::new();
    corpus::save(output, &file).inspect_err(|_| print(&corpus::in_hex(&file.case)))?;
    let ended = if shrunk.is_done { "" } else { ", ended early: it may become smaller" };
    print(&format!("{}: {}, {}{ended}", plain::name(output), shrunk.kind, progress_of(&shrunk)));
    Ok(true)
}

fn progress_of(shrunk: &Shrunk) -> String {
    let (types, calls) = shrink::types_and_calls(&shrunk.case);
    let [types, calls] = [(types, "type"), (calls, "call")]
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    format!("{types} and {calls} after {} candidates", shrunk.tried)
}

/// Each check that is left out, and what of the vectors notices.
pub fn unchecked_vectors(path: &Path) -> Result<bool> {
    let text = files::read_text(path, vectors::MAX_BYTES)?;
    let all = vectors::run_unchecked(&text).with_context(|| plain::name(path))?;
    print(&format!("vectors  {:<82} the first of them", "check that is left out"));
    for Unchecked { check, failures } in &all {
        let (count, first) = match failures.first() {
            Some(first) => (failures.len().to_string(), first.id.as_str()),
            None => ("-".to_string(), "-"),
        };
        print(&format!("{count:>7}  {:<82} {first}", unchecked::name(*check)));
    }
    let noticed = all.iter().filter(|one| !one.failures.is_empty()).count();
    print(&format!("{noticed} of {} checks noticed that are left out", all.len()));
    Ok(true)
}

pub fn vectors(path: &Path) -> Result<bool> {
    let text = files::read_text(path, vectors::MAX_BYTES)?;
    let report = vectors::run(&text).with_context(|| plain::name(path))?;
    report.failures.iter().for_each(|failure| print(&failure.to_string()));
    print(&format!("{} passed, {} failed", report.passed, report.failures.len()));
    Ok(report.failures.is_empty())
}
