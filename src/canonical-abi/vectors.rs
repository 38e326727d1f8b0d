//! Runs `abi/` on test vectors: inputs, with what the spec's executable definition made of them.
//! Knows nothing of cases, components or engines.

mod event;
mod format;
mod operation;
mod replay;
mod trace;
mod values;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use anyhow::{Context as _, Result, ensure};

use serde::Deserialize;

use crate::{Point, Points, Recorder, Stop, Trap};

/// The longest file of vectors that anybody should read for `run`.
pub const MAX_BYTES: u64 = 64 << 20;

/// What became of a file of vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub passed: usize,
    pub failures: Vec<Failure>,
    /// How many vectors there are, passed or failed, of each group.
    pub groups: BTreeMap<String, usize>,
}

/// A vector of which `abi/` makes something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub id: String,
    /// In the file, counted from 1.
    pub line: usize,
    /// Which of the vector's expectations it is about.
    pub about: String,
    pub expected: String,
    pub observed: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (line {}): {}", self.id, self.line, self.about)?;
        writeln!(f, "  expected  {}", self.expected)?;
        write!(f, "  observed  {}", self.observed)
    }
}

/// Runs all vectors of a text. An error is a line that is no vector, not one that fails.
pub fn run(text: &str) -> Result<Report> {
    run_watched(text, &Recorder::default())
}

/// The same, each of them on guests that are watched so.
pub fn run_watched(text: &str, recorder: &Recorder) -> Result<Report> {
    let mut lines = text.lines().zip(1..);
    let (header, _) = lines.next().context("line 1: there is no header")?;
    let header = Header::parse(header, recorder).context("line 1")?;
    let mut report = Report::default();
    for (vector, line) in lines {
        let ran = header.run(vector, recorder).with_context(|| format!("line {line}"))?;
        report.add(line, ran);
    }
    let (total, counts) = header.announced();
    let ran: usize = report.groups.values().sum();
    ensure!(ran == total, "the header announces {total} vectors, not {ran}");
    ensure!(report.groups == *counts, "the header announces {counts:?}");
    Ok(report)
}

/// A check that is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Unchecked {
    pub check: Point,
    /// The vectors that notice.
    pub failures: Vec<Failure>,
}

/// Leaves out each check in turn. That changes nothing but where the check would trap, so that only vectors that trap by
/// it are run.
pub fn run_unchecked(text: &str) -> Result<Vec<Unchecked>> {
    let mut all: Vec<Unchecked> = Point::checks().into_iter().map(Unchecked::new).collect();
    let mut lines = text.lines().zip(1..);
    let (first, _) = lines.next().context("line 1: there is no header")?;
    let run = |vector, without: &[Point]| {
        let recorder = Recorder::unchecked(without.iter().copied());
        Header::parse(first, &recorder).context("line 1")?.run(vector, &recorder)
    };
    for (vector, line) in lines {
        let reached = run(vector, &[]).with_context(|| format!("line {line}"))?.checks.reached;
        for one in all.iter_mut().filter(|one| reached.contains_any(one.check)) {
            one.failures.extend(run(vector, &[one.check])?.failure(line));
        }
    }
    Ok(all)
}

impl Unchecked {
    fn new(check: Point) -> Unchecked {
        Unchecked { check, failures: Vec::new() }
    }
}

/// The first line of a file, which says of what kind its vectors are.
enum Header {
    /// Each is a single operation.
    Operations(Box<format::Header>),
    /// Each is a trace of whole calls.
    Traces(trace::Header),
}

/// What the two kinds of headers do not have in common.
#[derive(Deserialize)]
struct Either {
    op: Option<String>,
}

/// A vector that was run.
struct Ran {
    id: String,
    group: String,
    checks: Checks,
}

impl Header {
    fn parse(line: &str, recorder: &Recorder) -> Result<Header> {
        let Either { op } = serde_json::from_str(line)?;
        Ok(match op {
            Some(_) => {
                let mut header = format::Header::parse(line)?;
                header.recorder = recorder.clone();
                Header::Operations(Box::new(header))
            }
            None => Header::Traces(trace::Header::parse(line)?),
        })
    }

    /// How many vectors there are to be, and how many of each group.
    fn announced(&self) -> (usize, &BTreeMap<String, usize>) {
        match self {
            Header::Operations(header) => (header.total, &header.counts),
            Header::Traces(header) => (header.total, &header.counts),
        }
    }

    fn run(&self, vector: &str, recorder: &Recorder) -> Result<Ran> {
        match self {
            Header::Operations(header) => {
                let format::Vector { id, group, op } = serde_json::from_str(vector)?;
                let checks = op.run(header).with_context(|| id.clone())?;
                Ok(Ran { id, group, checks })
            }
            Header::Traces(header) => {
                let vector: trace::Vector = serde_json::from_str(vector)?;
                let checks = vector.run(header, recorder).with_context(|| vector.id.clone())?;
                Ok(Ran { id: vector.id, group: vector.group, checks })
            }
        }
    }
}

impl Ran {
    /// The failure, if it is one.
    fn failure(self, line: usize) -> Option<Failure> {
        let Difference { about, expected, observed } = self.checks.difference?;
        Some(Failure { id: self.id, line, about, expected, observed })
    }
}

impl Report {
    fn add(&mut self, line: usize, ran: Ran) {
        *self.groups.entry(ran.group.clone()).or_default() += 1;
        match ran.failure(line) {
            None => self.passed += 1,
            Some(failure) => self.failures.push(failure),
        }
    }
}

/// What a vector has shown.
#[derive(Default)]
struct Checks {
    /// The first expectation that does not hold.
    difference: Option<Difference>,
    /// The points that it came to.
    reached: Points,
}

struct Difference {
    about: String,
    expected: String,
    observed: String,
}

impl Checks {
    fn check<T: PartialEq + Debug>(&mut self, about: &str, expected: &T, observed: &T) {
        if expected != observed {
            self.differ(about, format!("{expected:?}"), format!("{observed:?}"));
        }
    }

    fn check_memory(&mut self, expected: &[u8], observed: &[u8]) {
        if let Some((expected, observed)) = first_difference(expected, observed) {
            self.differ("mem", expected, observed);
        }
    }

    /// One of the traps, or none where there are none.
    fn check_trap<T>(&mut self, expected: &[Trap], observed: &std::result::Result<T, Stop>) {
        match observed {
            Ok(_) if expected.is_empty() => {}
            Ok(_) => self.differ("trap", format!("{expected:?}"), "no trap".into()),
            Err(Stop::Trap(trap)) if expected.contains(trap) => {}
            Err(stop) => self.differ("trap", format!("{expected:?}"), format!("{stop:?}")),
        }
    }

    fn differ(&mut self, about: &str, expected: String, observed: String) {
        self.difference.get_or_insert(Difference { about: about.to_string(), expected, observed });
    }
}

/// Where two memories differ first, in words, if they do.
fn first_difference(expected: &[u8], observed: &[u8]) -> Option<(String, String)> {
    let differs = |(_, (a, b)): &(usize, (&u8, &u8))| a != b;
    let (offset, (a, b)) = expected.iter().zip(observed).enumerate().find(differs)?;
    Some((format!("{a:02x} at offset {offset}"), format!("{b:02x}")))
}
