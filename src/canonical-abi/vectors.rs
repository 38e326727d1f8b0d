//! Runs `abi/` on test vectors: inputs, with what the spec's executable definition made of them.
//! Knows nothing of cases, components or engines.

mod format;
mod operation;
mod values;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use anyhow::{Context as _, Result, ensure};

use self::format::{Header, Vector};
use crate::{Recorder, Stop, Trap};

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
    pub about: &'static str,
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
    let mut header = Header::parse(header).context("line 1")?;
    header.recorder = recorder.clone();
    let mut report = Report::default();
    for (vector, line) in lines {
        report.run(&header, vector, line).with_context(|| format!("line {line}"))?;
    }
    let total: usize = report.groups.values().sum();
    ensure!(total == header.total, "the header announces {} vectors, not {total}", header.total);
    ensure!(report.groups == header.counts, "the header announces {:?}", header.counts);
    Ok(report)
}

impl Report {
    fn run(&mut self, header: &Header, vector: &str, line: usize) -> Result<()> {
        let Vector { id, group, op } = serde_json::from_str(vector)?;
        let difference = op.run(header).with_context(|| id.clone())?;
        *self.groups.entry(group).or_default() += 1;
        match difference {
            None => self.passed += 1,
            Some(Difference { about, expected, observed }) => {
                self.failures.push(Failure { id, line, about, expected, observed });
            }
        }
        Ok(())
    }
}

/// The first expectation of a vector that does not hold.
#[derive(Default)]
struct Checks(Option<Difference>);

struct Difference {
    about: &'static str,
    expected: String,
    observed: String,
}

impl Checks {
    fn check<T: PartialEq + Debug>(&mut self, about: &'static str, expected: &T, observed: &T) {
        if expected != observed {
            self.differ(about, format!("{expected:?}"), format!("{observed:?}"));
        }
    }

    fn check_memory(&mut self, expected: &[u8], observed: &[u8]) {
        let differs = |(_, (a, b)): &(usize, (&u8, &u8))| a != b;
        if let Some((offset, (a, b))) = expected.iter().zip(observed).enumerate().find(differs) {
            self.differ("mem", format!("{a:02x} at offset {offset}"), format!("{b:02x}"));
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

    fn differ(&mut self, about: &'static str, expected: String, observed: String) {
        self.0.get_or_insert(Difference { about, expected, observed });
    }
}
