//! The folder of findings: the smallest case of each kind and seed, with its report.
//! Knows what may be replaced; that is nothing which somebody has looked at, and nothing smaller.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use anyhow::Result;

use super::Plan;
use super::progress::{News, Progress};
use super::tally::{First, Kept, Kind, Lost, Rank, Tally};
use crate::case::Case;
use crate::case::text::{CaseFile, UNREVIEWED};
use crate::corpus::{self, Unwritten};
use crate::generate::size;
use crate::oracle::{Difference, Verdict};
use crate::session::Checked;
use crate::{files, plain, report};

/// A finding, and what there is to say of it.
pub(super) struct Found {
    pub case: Case,
    pub first: First,
    pub rank: Rank,
    pub checked: Checked,
}

/// Counts are made: writes a finding down if there is none of its kind yet, or only larger ones, and tells of a new
/// kind. What cannot be written is told instead, and the run goes on.
pub(super) fn found(plan: &Plan, progress: &Progress, tally: &mut Tally, found: Found) {
    let kinds = u64::try_from(tally.findings().count()).unwrap_or(u64::MAX);
    let is_last = plan.max_findings.is_some_and(|most| kinds >= most);
    progress.stop.fetch_or(is_last, Ordering::Relaxed);
    let says = report::verdict(&found.checked.verdict);
    let kind = tally.kinds.get_mut(&says).expect("it was counted");
    let before = kind.kept.as_ref();
    if before.is_some_and(|kept| kept.rank <= found.rank) {
        return;
    }
    let is_new = before.is_none();
    match keep(plan, before, &found) {
        Ok(kept) => {
            if is_new {
                progress.tell(announcement(kind, &kept.path, &found));
            }
            kind.kept = Some(kept);
        }
        Err(error) => lose(progress, kind, &found, &error),
    }
}

/// Puts a finding into the folder, or leaves what is there of the same kind, seed and build and is as small.
fn keep(plan: &Plan, before: Option<&Kept>, found: &Found) -> Result<Kept> {
    let file = file(plan, found);
    let text = corpus::printed(&file)?;
    let class = report::class(difference(found));
    let name = format!("{}-{}", corpus::file_name(&class), plan.seed);
    let mut names = corpus::names(&plan.findings, &name);
    let path = match before {
        Some(Kept { path, text, .. }) if is_unchanged(path, text) => path.clone(),
        Some(_) => names.find(|path| !path.exists()).expect("names do not end"),
        None => match there(names, found) {
            There::Room(path) => path,
            There::Kept(kept) => return Ok(*kept),
        },
    };
    files::write(&path, text.as_bytes())?;
    write_report(&path, &class, found)?;
    let explained = report::explain(&plain::name(&path), file, found.checked.clone())?;
    let (rank, explained) = (found.rank, Some(Box::new(explained)));
    Ok(Kept { rank, path, text, explained })
}

/// What an earlier run has left for a finding.
enum There {
    /// A name that nothing has, or a larger case of the same kind.
    Room(PathBuf),
    /// A case that is as small.
    Kept(Box<Kept>),
}

fn there(mut names: impl Iterator<Item = PathBuf>, found: &Found) -> There {
    let found_there = names.find_map(|path| match corpus::load(&path) {
        _ if !path.exists() => Some(There::Room(path)),
        Ok(other) if is_ours(&other.file) => {
            let (size, (own, ..)) = (size(&other.file.case), &found.rank);
            let (rank, text) = ((size, 0, 0), other.text.unwrap_or_default());
            Some(match rank.0 > *own {
                true => There::Room(path),
                false => There::Kept(Box::new(Kept { rank, path, text, explained: None })),
            })
        }
        Ok(_) | Err(_) => None,
    });
    found_there.expect("names do not end")
}

/// Whether a file is a finding of a run of this build that nobody has reviewed.
fn is_ours(file: &CaseFile) -> bool {
    let CaseFile { rule, story, expect, .. } = file;
    let unreviewed = rule == UNREVIEWED && expect.is_empty();
    unreviewed && story.as_ref().is_some_and(|story| story.starts_with(&story_begins()))
}

fn is_unchanged(path: &Path, text: &str) -> bool {
    std::fs::read(path).is_ok_and(|there| there == text.as_bytes())
}

/// The case with its story: all that it takes to meet it again.
fn file(plan: &Plan, found: &Found) -> CaseFile {
    let mut file = corpus::unexplained(found.case.clone());
    let First { seconds, shape, job, number } = found.first;
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let of_job =
        if plan.jobs == 1 { String::new() } else { format!(" of job {job} of {}", plan.jobs) };
    let begins = story_begins();
    let shares = &plan.shares;
    file.story = Some(format!(
        "{begins} --shape {shares}, seed {}: case {number}{of_job}, of shape {shape}, after {seconds:.1} s, at {now}.",
        plan.seed
    ));
    file
}

fn story_begins() -> String {
    format!("Found by `canonfuzz run` on {}:", report::build())
}

fn difference(found: &Found) -> &Difference {
    match &found.checked.verdict {
        Verdict::Disagree(difference) => difference,
        Verdict::Agree
        | Verdict::Accepted(_)
        | Verdict::Inconclusive(_)
        | Verdict::Unsupported(_) => unreachable!("a finding is a disagreement"),
    }
}

fn write_report(path: &Path, name: &str, found: &Found) -> Result<()> {
    let replay = report::replay_command(&plain::name(path));
    let report =
        report::disagreement(name, &found.case, &found.checked, difference(found), &replay);
    files::write(&path.with_extension("txt"), (plain::lines(&report) + "\n").as_bytes())
}

/// What is told when a kind was met first: where it is, how both sides part, and what to do next.
fn announcement(kind: &Kind, path: &Path, found: &Found) -> News {
    let First { seconds, shape, number, .. } = found.first;
    let path = plain::name(path);
    let heading = format!("FINDING: {}", kind.says);
    let mut lines = vec![format!("{path}, case {number}, of {shape}, after {seconds:.1} s")];
    let parting = report::parting(&found.case, difference(found));
    lines.extend(parting.map(|line| plain::cut(&plain::line(&line), WIDTH)));
    lines.push(format!("next      {}", report::command(&format!("show {path}"))));
    News::Found { heading, lines: lines.into_iter().map(|line| format!("  {line}")).collect() }
}

/// Columns of a line that is told.
const WIDTH: usize = 78;

/// Has a case printed that cannot be written, if it is the smallest of its kind.
fn lose(progress: &Progress, kind: &mut Kind, found: &Found, error: &anyhow::Error) {
    if kind.lost.as_ref().is_some_and(|lost| lost.rank <= found.rank) {
        return;
    }
    let case = Unwritten::new(&found.case, error);
    progress.tell(News::Lost(case.text(&report::class(difference(found)))));
    kind.lost = Some(Lost { rank: found.rank, case });
}
