//! `show`: a case explained as text, or a case or a folder as a page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use canonfuzz::case::text::CaseFile;
use canonfuzz::encode::{self, Puppets};
use canonfuzz::export::Format;
use canonfuzz::oracle::Verdict;
use canonfuzz::report::{self, Explained, html};
use canonfuzz::{Session, corpus, files, plain};
use clap::Args;

use super::{Bad, found, print};

/// Cases of a folder that follow its index in full: a page has to be opened by a browser.
const WHOLE: usize = 100;

#[derive(Args)]
#[command(after_help = "Examples:
  canonfuzz show corpus/known/adapter-wide-tag-at-bit-31.toml
  canonfuzz show --html page.html corpus/known")]
pub struct Arguments {
    /// A case; with --html also a folder of them
    case: PathBuf,
    /// Write a page to this file instead: all in one, for any browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the component as text as well
    #[arg(long, conflicts_with = "html")]
    component: bool,
    #[command(flatten)]
    isolation: crate::Isolation,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    let Arguments { case, html, component, isolation } = arguments;
    let limit = isolation.limit_unless_never();
    match html {
        Some(file) if case.is_dir() => folder(case, file, limit),
        Some(file) => {
            let explained = explain(&mut Session::maybe_isolated(limit)?, case)?;
            files::write(file, html::page(&explained).as_bytes())?;
            print(&format!("{}: {}", plain::name(file), explained.verdict()));
            Ok(agrees(&explained))
        }
        None => text(case, *component, limit),
    }
}

fn text(case: &Path, component: bool, limit: Option<Duration>) -> Result<bool> {
    if case.is_dir() {
        bail!("{} is a folder: --html FILE shows one", plain::name(case));
    }
    let explained = explain(&mut Session::maybe_isolated(limit)?, case)?;
    print(&report::show(&explained));
    if component {
        let bytes = encode::component(&explained.file.case.shape, Puppets::Contained);
        print(&wasmprinter::print_bytes(bytes).context("cannot print the component")?);
    }
    Ok(agrees(&explained))
}

/// The page of a folder, as it was written.
pub struct Index {
    /// Where it is, and what is on it.
    pub line: String,
    clean: bool,
    bad: Bad,
}

fn folder(folder: &Path, file: &Path, limit: Option<Duration>) -> Result<bool> {
    let Index { line, clean, bad } = index(folder, file, limit)?;
    print(&line);
    bad.and(clean)
}

/// Writes the page of a folder. What cannot be read there is on it.
pub fn index(folder: &Path, file: &Path, limit: Option<Duration>) -> Result<Index> {
    let folders = [folder.to_path_buf()];
    let search = corpus::search(&folders);
    let paths = found(&search, &folders, "cases")?;
    files::check_writable(file)?;
    let mut session = Session::maybe_isolated(limit)?;
    let (mut entries, mut whole, mut clean) = (Vec::new(), 0, true);
    let mut bad = Bad::of(&search);
    for (number, path) in paths.iter().enumerate() {
        let Some(explained) = bad.unless(explain(&mut session, path)) else { continue };
        clean &= agrees(&explained);
        let entry = html::entry(&explained, number, whole < WHOLE);
        whole += usize::from(entry.is_whole());
        entries.push(entry);
    }
    let subject = report::build();
    let cases = entries.len();
    let page = html::index(&plain::name(folder), &subject, entries, &bad.whys);
    files::write(file, page.as_bytes())?;
    let line = format!("{}: {cases} cases, {whole} of them in full", plain::name(file));
    Ok(Index { line, clean, bad })
}

fn explain(session: &mut Session, path: &Path) -> Result<Explained> {
    let file = corpus::load(path)?.file;
    let checked = session.check(&file.case).with_context(|| plain::name(path))?;
    let is_told = checked.verdict != Verdict::Agree;
    let mut explained = report::explain(&plain::name(path), file, checked)?;
    if is_told {
        explained.reproducers = reproducers(session, path, &explained.file);
    }
    Ok(explained)
}

/// The case as files that stand on their own, as far as it can be such.
fn reproducers(session: &mut Session, path: &Path, file: &CaseFile) -> Vec<(String, String)> {
    let stem = path.file_stem().map_or("case".into(), |stem| stem.to_string_lossy());
    let stem = plain::word(&stem);
    let formats = [(Format::Wast, "a script", "wast"), (Format::Rust, "a test in Rust", "rs")];
    let exported = formats.into_iter().filter_map(|(format, what, ending)| {
        let text = super::export::run_and_export(session, file, format, &stem, 0).ok()?;
        Some((format!("{what}: {stem}.{ending}"), String::from_utf8(text).ok()?))
    });
    exported.collect()
}

fn agrees(explained: &Explained) -> bool {
    !explained.is_finding()
}
