//! `seeds`: cases as a fuzzer begins with them, encoded, in a folder for each fuzz target.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use canonfuzz::case::{CaseKind, bytes};
use canonfuzz::observation::Outcome;
use canonfuzz::oracle::Verdict;
use canonfuzz::{Checked, Session, corpus, files, plain, report};

use super::{Bad, found, print};

/// Characters of a path that are in the name of its seed: a name may have 255 bytes.
const LONGEST_NAME: usize = 50;

/// Writes each case that its target keeps to `folder/TARGET/NAME`. What it does not keep, and what would
/// end it, is named.
pub fn run(paths: &[PathBuf], folder: &Path, isolated: Option<Duration>) -> Result<bool> {
    let search = corpus::search(paths);
    let cases = found(&search, paths, "cases")?;
    files::check_folder(folder)?;
    let mut session = Session::maybe_isolated(isolated)?;
    let mut counts = BTreeMap::from(CaseKind::ALL.map(|kind| (kind.target(), 0)));
    let mut bad = Bad::of(&search);
    for path in &cases {
        match seed(&mut session, path, folder) {
            Ok(Some(target)) => *counts.entry(target).or_insert(0) += 1,
            Ok(None) => {}
            Err(error) => bad.add(&error),
        }
    }
    counts.iter().for_each(|(target, count)| print(&format!("{count:>5} seeds for {target}")));
    bad.and(true)
}

/// Writes one case, and answers with its target; nothing where it is left out.
fn seed(session: &mut Session, path: &Path, folder: &Path) -> Result<Option<&'static str>> {
    let case = corpus::load(path)?.file.case;
    let encoded = bytes::encode(&case);
    let checked = session.check(&case).with_context(|| plain::name(path))?;
    if let Some(why) = refused(&checked, &encoded) {
        print(&format!("{}: left out: {why}", plain::name(path)));
        return Ok(None);
    }
    let target = CaseKind::of(&case).target();
    files::write(&folder.join(target).join(name(path)), &encoded)?;
    Ok(Some(target))
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

/// A name that no other file's seed has: what people know the case by, and a hash of its whole path.
fn name(path: &Path) -> String {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    let known = names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("-");
    let known = known.strip_suffix(".toml").unwrap_or(&known);
    let start = known.char_indices().rev().map(|(at, _)| at).take(LONGEST_NAME).last().unwrap_or(0);
    let path = path.as_os_str().as_encoded_bytes();
    format!("{}-{:016x}", &known[start..], fnv(path))
}

/// FNV-1a: the same on every machine.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
