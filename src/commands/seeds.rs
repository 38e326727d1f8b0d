//! `seeds`: cases as a fuzzer begins with them, encoded, in a folder for each fuzz target.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use canonfuzz::case::{CaseKind, bytes};
use canonfuzz::observation::Outcome;
use canonfuzz::oracle::Verdict;
use canonfuzz::{Checked, Session, corpus, report};

use super::print;

/// Writes each case that its target keeps to `folder/TARGET/NAME`. What it does not keep, and what would
/// end it, is named.
pub fn run(paths: &[PathBuf], folder: &Path, isolated: Option<Duration>) -> Result<bool> {
    let files = corpus::find(paths)?;
    if files.is_empty() {
        bail!("no cases at {}", paths[0].display());
    }
    let mut session = Session::maybe_isolated(isolated)?;
    let mut counts = BTreeMap::from(CaseKind::ALL.map(|kind| (kind.target(), 0)));
    for path in &files {
        let case = corpus::load(path)?.file.case;
        let encoded = bytes::encode(&case);
        let checked = session.check(&case).with_context(|| path.display().to_string())?;
        if let Some(why) = refused(&checked, &encoded) {
            print(&format!("{}: left out: {why}", path.display()));
            continue;
        }
        let target = CaseKind::of(&case).target();
        corpus::write_atomically(&folder.join(target).join(name(path)), &encoded)?;
        *counts.entry(target).or_insert(0) += 1;
    }
    counts.iter().for_each(|(target, count)| print(&format!("{count:>5} seeds for {target}")));
    Ok(true)
}

/// Why a target would not keep this case, or would end at it.
fn refused(checked: &Checked, encoded: &[u8]) -> Option<String> {
    if let Err(why) = bytes::decode(encoded) {
        return Some(format!("{why:#}"));
    }
    match (&checked.verdict, &checked.observed.outcome) {
        (_, Outcome::Crashed(why)) => Some(format!("crashes the subject: {why}")),
        (Verdict::Agree | Verdict::Accepted(_), _) => None,
        (verdict, _) => Some(report::verdict(verdict)),
    }
}

/// The whole path, so that no two cases have one name.
fn name(path: &Path) -> String {
    let path = path.with_extension("");
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    names.collect::<Vec<_>>().join("-")
}
