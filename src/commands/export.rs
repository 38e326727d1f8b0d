//! `export`: what can be asked of it, and where the result goes.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use canonfuzz::case::text::CaseFile;
use canonfuzz::engine::wasmtime;
use canonfuzz::export::{self, About, Format};
use canonfuzz::observation::Outcome;
use canonfuzz::oracle::Verdict;
use canonfuzz::{Session, corpus, files, plain};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

#[derive(Args)]
#[command(after_help = "Example:
  canonfuzz export corpus/known/adapter-wide-tag-at-bit-31.toml --format wast -o issue.wast
  wasmtime wast issue.wast

Formats:
  wast       a script that fails where the engine is wrong: the guests' code is written out and checks
             what it sees; where the host is a party, the script says what a host has to do
  rust       a test for a crate that depends on wasmtime alone, by the case's own way of calling
  component  the same component, binary
  core       the core module of one guest in it, binary
  wit        the case's functions
  bytes      the case as fuzzers have it
  text       the case as the corpus has it")]
pub struct Arguments {
    /// The case, as text or encoded
    case: PathBuf,
    /// What to export it as
    #[arg(long, value_parser = format())]
    format: Format,
    /// The guest whose module `core` is to be
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    guest: usize,
    /// Write to this file, whole or not at all, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn format() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(Format::name);
    PossibleValuesParser::new(names).map(|name| Format::named(&name).expect("one of them"))
}

pub fn run(arguments: &Arguments, isolated: Option<Duration>) -> Result<bool> {
    let Arguments { case, format, guest, output } = arguments;
    let name = || plain::name(case);
    output.as_deref().map_or(Ok(()), files::check_writable)?;
    let file = corpus::load(case)?.file;
    let stem = case.file_stem().map_or("case".into(), |stem| stem.to_string_lossy());
    let exported = match export::unrun(&file, *format) {
        Some(exported) => exported,
        None => {
            let mut session = Session::maybe_isolated(isolated)?;
            run_and_export(&mut session, &file, *format, &stem, *guest).with_context(name)?
        }
    };
    match output {
        Some(path) => files::write(path, &exported)?,
        None => to_stdout(&exported, *format)?,
    }
    Ok(true)
}

/// The case in a format for which it has to be run.
pub(super) fn run_and_export(
    session: &mut Session,
    file: &CaseFile,
    format: Format,
    stem: &str,
    guest: usize,
) -> Result<Vec<u8>> {
    let checked = session.check(&export::without_unused_import(&file.case))?;
    let words = match (&checked.verdict, &checked.observed.outcome) {
        (Verdict::Agree, Outcome::Trapped(_, words)) => words.lines().next().map(str::to_string),
        _ => None,
    };
    let about = About::new(stem, guest, wasmtime::VERSION, words);
    Ok(export::export(file, &checked.expected, format, &about)?)
}

fn to_stdout(exported: &[u8], format: Format) -> Result<()> {
    let mut stdout = std::io::stdout();
    if !format.is_text() && stdout.is_terminal() {
        bail!("{} is nothing for a terminal: use -o FILE", format.name());
    }
    let written = stdout.write_all(exported).and_then(|()| stdout.flush());
    match written {
        // What is left of it is of no use, so who reads half of it is told.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            bail!("the reader of the standard output has gone away")
        }
        written => written.context("cannot write to the standard output"),
    }
}
