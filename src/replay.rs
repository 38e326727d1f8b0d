//! Cases again: does the reference still say what the file expects, and does the subject agree?
//! Knows files and verdicts; what is printed of them is the command line's business.

pub mod junit;
pub mod kinds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::abi::{Deviations, Points};
use crate::case::text::{self, CaseFile};
use crate::corpus::{self, Found};
use crate::diff::{self, Plan};
use crate::drift::Drift;
use crate::engine::wasmtime;
use crate::generate::{self, Size};
use crate::oracle::register::{Build, Register, Situation};
use crate::oracle::{Difference, Verdict};
use crate::plain::name;
use crate::report;
use crate::session::{self, Checked, Session};

/// What replaying one file gave.
pub struct Replayed {
    pub path: PathBuf,
    /// How large the case is.
    pub size: Size,
    pub verdict: Verdict,
    /// What of the Canonical ABI the reference came to.
    pub points: Points,
    /// What is wrong with the file itself, a line for each.
    pub complaints: Vec<String>,
    /// The report, where subject and reference disagree.
    pub report: Option<String>,
}

impl Replayed {
    /// Whether there is nothing to look at.
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty() && !matches!(self.verdict, Verdict::Disagree(_))
    }

    /// Whether it agrees or is known not to, so that a count of its kind is enough.
    pub fn is_quiet(&self) -> bool {
        let is_known = matches!(self.verdict, Verdict::Agree | Verdict::Accepted(_));
        self.complaints.is_empty() && is_known
    }

    /// What is wrong with the file, each with the file's name.
    pub fn complaints_of_file(&self) -> impl Iterator<Item = String> {
        self.complaints.iter().map(|complaint| format!("{}: {complaint}", name(&self.path)))
    }
}

/// Replays one file; with `bless`, rewrites it in canonical form and with what the reference says. What two
/// builds of the subject differ in is added to `drift`.
pub fn replay(
    session: &mut Session,
    path: &Path,
    bless: bool,
    drift: Option<&mut Drift>,
) -> Result<Replayed> {
    let mut found = corpus::load(path)?;
    let checked = session.check(&found.file.case);
    let checked = checked.with_context(|| name(path))?;
    if let Some(drift) = drift {
        drift.add(&found.file.case, &checked, Some(path));
    }
    let says = report::timeline(&found.file.case, &checked.prepared, &checked.expected.observation);
    if bless && found.text.is_some() {
        found.file.expect = says.clone();
        if !found.is_canonical() {
            corpus::save(path, &found.file)?;
        }
        found = corpus::load(path)?;
    }
    let complaints = complaints(&found, &says);
    let report = if let Verdict::Disagree(difference) = &checked.verdict {
        Some(explain(path, &found.file, &checked, difference))
    } else {
        None
    };
    let (path, size) = (path.to_path_buf(), generate::size(&found.file.case));
    let points = checked.expected.points;
    Ok(Replayed { path, size, verdict: checked.verdict, points, complaints, report })
}

fn explain(path: &Path, file: &CaseFile, checked: &Checked, difference: &Difference) -> String {
    let command = report::replay_command(&name(path));
    report::disagreement(&name(&path.with_extension("")), &file.case, checked, difference, &command)
}

fn complaints(found: &Found, says: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    if !found.is_canonical() {
        let text = found.text.as_deref().unwrap_or_default();
        let line = first_unequal_line(text, &text::print(&found.file));
        complaints
            .push(format!("line {line}: not in canonical form: `replay --bless` rewrites it"));
    }
    let expect = &found.file.expect;
    if !expect.is_empty() && expect != says {
        let position = expect.iter().zip(says).position(|(a, b)| a != b);
        let position = position.unwrap_or_else(|| expect.len().min(says.len()));
        let line = |lines: &[String]| {
            lines
                .get(position)
                .map_or("nothing more".to_string(), |line| format!("`{}`", line.trim()))
        };
        complaints.push(format!(
            "the reference no longer says what the file expects: {} where {} is expected",
            line(says),
            line(expect)
        ));
    }
    complaints
}

fn first_unequal_line(a: &str, b: &str) -> usize {
    let common = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    common + 1
}

/// Holds the register against the cases that show its entries: an entry's case is accepted for its
/// deviation where this or another entry of the same applies, and otherwise agrees. Answers with a line
/// for each entry that is not so.
pub fn check_register(corpus: &Path, verdicts: &BTreeMap<PathBuf, Verdict>) -> Result<Vec<String>> {
    let build = Build::of(wasmtime::VERSION, wasmtime::ASSERTIONS)?;
    let register = Register::committed()?;
    let mut complaints = Vec::new();
    for divergence in &register.divergences {
        let path = corpus.join(&divergence.case);
        let deviation = divergence.deviation.name();
        let Some(shown) = shown(&path, verdicts)? else {
            complaints.push(format!("{deviation}: its case {} was not replayed", name(&path)));
            continue;
        };
        let accepted = shown.accepted.contains(divergence.deviation);
        let expected = register.deviations(&build, shown.situation);
        if accepted != expected.contains(divergence.deviation) && shown.tells {
            complaints.push(format!(
                "{deviation}: registered for wasmtime {}, but its case {} on {build} says: {}",
                divergence.versions, divergence.case, shown.says
            ));
        }
    }
    Ok(complaints)
}

/// What a registered case shows.
struct Shown {
    situation: Situation,
    accepted: Deviations,
    /// Whether that tells of a divergence, or of there being none.
    tells: bool,
    says: String,
}

/// What a registered case showed when it was replayed, or what a registered component shows.
fn shown(path: &Path, verdicts: &BTreeMap<PathBuf, Verdict>) -> Result<Option<Shown>> {
    if path.extension().is_some_and(|ending| ending == "wat") {
        return shown_by_component(path).map(Some);
    }
    let Some(verdict) = verdicts.get(path) else {
        return Ok(None);
    };
    let accepted: &[_] = if let Verdict::Accepted(names) = verdict { names } else { &[] };
    let case = corpus::load(path)?.file.case;
    Ok(Some(Shown {
        situation: session::situation(&case),
        accepted: accepted.iter().copied().collect(),
        tells: !matches!(verdict, Verdict::Unsupported(_) | Verdict::Inconclusive(_)),
        says: report::verdict(verdict),
    }))
}

fn shown_by_component(path: &Path) -> Result<Shown> {
    let plan = Plan { export: None, args: None, rounds: 1, seed: 0 };
    let diff = diff::read(path).and_then(|bytes| diff::diff(&bytes, &plan));
    let diff = diff.with_context(|| name(path))?;
    let situation = Situation::OF_ANY;
    let (accepted, says) = (diff.accepted(), diff::text(&diff, "-"));
    Ok(Shown { situation, accepted, tells: true, says })
}
