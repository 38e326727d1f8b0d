//! The same cases on several releases of the subject: a table, case by release.
//! Knows that another release is another build of this program, made and run by `scripts/subject`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::drift;
use crate::engine::worker::{self, Worker};
use crate::observation::Outcome;
use crate::oracle::register::Build;
use crate::oracle::{Observed, Verdict};
use crate::plain::name;
use crate::report;
use crate::session::{Other, own_build};

/// The script that builds and runs another release; looked for in the current folder.
const SCRIPT: &str = "scripts/subject";

/// The form of what `--json` writes: another number means that something in it has another name or place.
pub const SCHEMA: u32 = 1;

/// What replaying some cases on one release gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    pub schema: u32,
    pub command: String,
    pub subject: String,
    /// Whether nothing was found, the files were canonical, and the register true.
    pub clean: bool,
    /// What is wrong with the files and with the register, a line for each.
    #[serde(default)]
    pub complaints: Vec<String>,
    /// How many cases have each verdict.
    #[serde(default)]
    pub counts: BTreeMap<Word, usize>,
    /// All verdicts but that both sides agree, those with the most cases first.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Under the names of their files, which are written so that all can be.
    pub cases: BTreeMap<String, Cell>,
    /// Why a file is not among them, or where nobody could look for files.
    #[serde(default)]
    pub unreadable: Vec<String>,
    /// What another build of the subject showed of the same cases.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub drift: Option<drift::Report>,
}

/// Another build of the subject, to run the same cases on.
pub struct Against {
    /// As it was asked for.
    name: String,
    program: PathBuf,
    pub build: Build,
    /// How long it may take for one case.
    limit: Duration,
}

/// What a program tells of the build of the subject that it was made with.
#[derive(Serialize, Deserialize)]
struct About {
    version: String,
    assertions: bool,
}

/// The same of this program, as another one reads it.
pub fn about() -> Result<String> {
    let Build { version, assertions } = own_build()?;
    Ok(serde_json::to_string(&About { version: version.to_string(), assertions })?)
}

impl Against {
    /// Builds this release, or the release at this path, unless it is built.
    pub fn new(subject: &str, limit: Duration) -> Result<Against> {
        let program = said(Command::new(SCRIPT).args([subject, "program"]), subject)?;
        let program = PathBuf::from(program.trim());
        let about = said(Command::new(&program).args([worker::COMMAND, "--about"]), subject)?;
        let about: About = serde_json::from_str(&about)
            .with_context(|| format!("{} says what it is not", program.display()))?;
        let build = Build::of(&about.version, about.assertions)?;
        Ok(Against { name: subject.to_string(), program, build, limit })
    }

    /// Starts a process of it.
    pub fn start(&self) -> Result<Other> {
        let worker = Worker::of(self.program.clone(), self.limit)?;
        Ok(Other { worker, build: self.build.clone(), name: self.name.clone() })
    }
}

/// What a command writes that succeeds.
fn said(command: &mut Command, subject: &str) -> Result<String> {
    check_script()?;
    let output = command.output().with_context(|| format!("cannot run {SCRIPT}"))?;
    if !output.status.success() {
        bail!("wasmtime {subject}: {}", last_words(&output.stderr));
    }
    String::from_utf8(output.stdout).context("it wrote what is no text")
}

fn check_script() -> Result<()> {
    if !Path::new(SCRIPT).is_file() {
        bail!("there is no {SCRIPT} here: run other releases from the project's folder");
    }
    Ok(())
}

/// The last line of what a command says of its failure.
fn last_words(stderr: &[u8]) -> String {
    let stderr = String::from_utf8_lossy(stderr);
    stderr.trim().lines().last().unwrap_or("it failed without a word").to_string()
}

/// One case on one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub verdict: Word,
    /// The verdict in full.
    pub says: String,
}

/// Verdicts that say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub verdict: Word,
    pub says: String,
    pub count: usize,
    /// The smallest case, where it is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

impl Kind {
    pub fn line(&self) -> String {
        let Kind { says, count, case, .. } = self;
        let case = case.as_ref().map_or(String::new(), |case| format!(", smallest {case}"));
        format!("  {count:>5}  {says}{case}")
    }
}

/// A verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    Agree,
    /// A divergence that is registered for this release.
    Accepted,
    Finding,
    /// A finding of the worst kind.
    Crash,
    Unsupported,
    Inconclusive,
}

/// All releases that were asked for, in that order.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    pub columns: Vec<Column>,
    /// Why a release has no column.
    pub failed: Vec<String>,
}

impl Column {
    /// The column of this build.
    pub fn new(
        verdicts: &BTreeMap<PathBuf, Verdict>,
        clean: bool,
        complaints: Vec<String>,
        unreadable: Vec<String>,
    ) -> Column {
        let mut counts = BTreeMap::new();
        let mut cell = |verdict| {
            let cell = Cell { verdict: Word::of(verdict), says: report::verdict(verdict) };
            *counts.entry(cell.verdict).or_insert(0) += 1;
            cell
        };
        let cases = verdicts.iter().map(|(path, verdict)| (name(path), cell(verdict))).collect();
        let (command, subject) = ("replay".to_string(), report::build());
        Column {
            schema: SCHEMA,
            command,
            subject,
            clean,
            complaints,
            counts,
            kinds: Vec::new(),
            cases,
            unreadable,
            drift: None,
        }
    }

    /// The release that the subject is of.
    fn release(&self) -> &str {
        self.subject.split(' ').nth(1).unwrap_or(&self.subject)
    }
}

impl Word {
    pub fn of(verdict: &Verdict) -> Word {
        match verdict {
            Verdict::Agree => Word::Agree,
            Verdict::Accepted(deviations) if deviations.iter().any(|one| one.crashes()) => {
                Word::Crash
            }
            Verdict::Accepted(_) => Word::Accepted,
            Verdict::Inconclusive(_) => Word::Inconclusive,
            Verdict::Unsupported(_) => Word::Unsupported,
            Verdict::Disagree(difference)
                if matches!(difference.observed, Observed::Outcome(Outcome::Crashed(_))) =>
            {
                Word::Crash
            }
            Verdict::Disagree(_) => Word::Finding,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Word::Agree => "agree",
            Word::Accepted => "accepted",
            Word::Finding => "FINDING",
            Word::Crash => "CRASH",
            Word::Unsupported => "-",
            Word::Inconclusive => "?",
        }
    }

    /// Whether the release does what the spec says; nothing where it was not put to the test.
    fn is_good(self) -> Option<bool> {
        match self {
            Word::Agree => Some(true),
            Word::Accepted | Word::Finding | Word::Crash => Some(false),
            Word::Unsupported | Word::Inconclusive => None,
        }
    }
}

/// Replays cases on each of the subjects; `tick` is told before each. One that cannot be built or run is no
/// reason to forget the others.
pub fn replay(paths: &[PathBuf], subjects: &[String], tick: &mut dyn FnMut(&str)) -> Result<Table> {
    check_script()?;
    let folder = tempfile::tempdir().context("cannot write a temporary file")?;
    let (mut columns, mut failed) = (Vec::new(), Vec::new());
    for subject in subjects {
        tick(subject);
        match column(paths, subject, &folder.path().join("column.json")) {
            Ok(column) => columns.push(column),
            Err(error) => failed.push(format!("wasmtime {subject}: {error:#}")),
        }
    }
    Ok(Table { columns, failed })
}

fn column(paths: &[PathBuf], subject: &str, json: &Path) -> Result<Column> {
    let output = Command::new(SCRIPT)
        .args([subject, "replay", "--json"])
        .arg(json)
        .args(paths)
        .output()
        .with_context(|| format!("cannot run {SCRIPT}"))?;
    // 1 is a finding, and part of the table; with 2, some files are not.
    if !matches!(output.status.code(), Some(0..=2)) || !json.exists() {
        bail!("{}", last_words(&output.stderr));
    }
    let text = fs::read_to_string(json).context("it wrote no verdicts")?;
    fs::remove_file(json).context("cannot remove a temporary file")?;
    serde_json::from_str(&text).context("its verdicts are garbled")
}

impl Table {
    /// Whether there is nothing to look at on any release.
    pub fn is_clean(&self) -> bool {
        self.columns.iter().all(|column| column.clean)
    }

    /// The table for people: cases that agree on every release are only counted.
    pub fn text(&self) -> String {
        let names: BTreeSet<&str> = self
            .columns
            .iter()
            .flat_map(|column| column.cases.keys())
            .map(String::as_str)
            .collect();
        let (told, quiet): (Vec<&str>, Vec<_>) =
            names.into_iter().partition(|name| self.row(name).any(|word| word != Word::Agree));
        let head = told.iter().map(|name| name.len()).max().unwrap_or(0);
        let mut text = format!("{:head$}", "");
        self.columns.iter().for_each(|column| text += &format!("  {:>8}", column.release()));
        for name in told {
            text += &format!("\n{name:head$}");
            self.row(name).for_each(|word| text += &format!("  {:>8}", word.text()));
            text += &self.span(name);
        }
        text += &format!("\n{} more cases agree on all", quiet.len());
        for column in self.columns.iter().filter(|column| !column.clean) {
            text += &format!("\n{}: not clean", column.subject);
        }
        self.unreadable().for_each(|why| text += &format!("\n{why}"));
        text
    }

    /// What no column, or not every one, tells of.
    pub fn unreadable(&self) -> impl Iterator<Item = String> {
        let within = self.columns.iter().flat_map(|column| {
            column.unreadable.iter().map(|why| format!("{}: {why}", column.subject))
        });
        within.chain(self.failed.iter().cloned())
    }

    fn row<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Word> + 'a {
        self.columns
            .iter()
            .map(|column| column.cases.get(name).map_or(Word::Inconclusive, |cell| cell.verdict))
    }

    /// From which release to which a case shows something, in the order of releases.
    fn span(&self, name: &str) -> String {
        let tested: Vec<(&str, bool)> = (self.columns.iter().zip(self.row(name)))
            .filter_map(|(column, word)| Some((column.release(), word.is_good()?)))
            .collect();
        let Some(bad) = tested.iter().position(|(_, good)| !good) else {
            return String::new();
        };
        let mut text = format!("  first bad {}", tested[bad].0);
        if let Some((good, _)) = tested[bad..].iter().find(|(_, good)| *good) {
            text += &format!(", then good {good}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(words: &[(&str, Word)]) -> Table {
        let cell = |verdict| Cell { verdict, says: String::new() };
        let column = |(subject, verdict): &(&str, Word)| Column {
            subject: format!("wasmtime {subject}"),
            schema: SCHEMA,
            command: "replay".to_string(),
            clean: true,
            complaints: Vec::new(),
            counts: BTreeMap::new(),
            kinds: Vec::new(),
            cases: BTreeMap::from([("a".into(), cell(*verdict)), ("b".into(), cell(Word::Agree))]),
            unreadable: Vec::new(),
            drift: None,
        };
        Table { columns: words.iter().map(column).collect(), failed: Vec::new() }
    }

    #[track_caller]
    fn check(words: &[(&str, Word)], span: &str) {
        assert_eq!(table(words).span("a"), span);
    }

    #[test]
    fn the_first_bad_and_the_first_good_release_after_it_are_named() {
        use Word::{Accepted, Agree, Crash, Unsupported};
        check(&[("41", Agree), ("42", Crash), ("43", Agree)], "  first bad 42, then good 43");
        check(&[("41", Crash), ("42", Accepted)], "  first bad 41");
        check(&[("41", Unsupported), ("42", Agree)], "");
    }

    #[test]
    fn cases_that_agree_everywhere_are_counted() {
        let text = table(&[("41.0.4", Word::Agree), ("42.0.1", Word::Crash)]).text();
        let expected = "     41.0.4    42.0.1\na     agree     CRASH  first bad 42.0.1\n1 more cases \
            agree on all";
        assert_eq!(text, expected);
    }
}
