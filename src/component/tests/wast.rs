//! Scripts on the interpreter: our own pass, and so do those of the specification but for what is said here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use canonical_abi::{Deviation, Deviations};
use component_interpreter::limits::MEMORY_SIZE;
use component_interpreter::wast::read::Why;
use component_interpreter::wast::reference::Reference;
use component_interpreter::wast::run::{Step, Verdict};
use component_interpreter::wast::{self, Counts};

/// The scripts in a folder and below it, in the order of their names.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { scripts(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "wast"))
        .collect();
    found.sort();
    found
}

/// The directives of a script that did not pass, and how all ended. One of the specification's is no script any more.
fn play(path: &Path, deviations: Deviations) -> Option<(Vec<Step>, Counts)> {
    let text = fs::read_to_string(path).unwrap();
    let side = match wast::play(&text, &mut Reference::new(deviations, MEMORY_SIZE)) {
        Ok(side) => side,
        Err(why) => {
            assert_eq!(why.why, Why::Older, "{}:{why}", path.display());
            return None;
        }
    };
    let counts = side.counts();
    let others = side.steps.into_iter().filter(|step| step.verdict != Verdict::Passed);
    Some((others.collect(), counts))
}

/// The directives of the scripts in a folder that did not pass, by the scripts' names, and how all ended.
fn run(folder: &Path) -> (Vec<(String, Step)>, Counts) {
    let (mut others, mut counts) = (Vec::new(), Counts::default());
    for path in scripts(folder) {
        let Some((steps, played)) = play(&path, Deviations::NONE) else { continue };
        counts.add(played);
        let name = path.file_stem().unwrap().to_str().unwrap();
        others.extend(steps.into_iter().map(|step| (name.to_string(), step)));
    }
    (others, counts)
}

#[test]
fn our_own_scripts_pass() {
    let (others, counts) = wast::with_stack(|| run(Path::new("tests/wast"))).unwrap();
    let others: Vec<_> =
        others.iter().map(|(name, step)| (name, step.line, &step.verdict)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(counts, Counts { passed: PASSED, ..Counts::default() });
}

const PASSED: usize = 410;

/// What the reference does with the specification's own scripts, a folder each: passed, failed, skipped. What is
/// skipped needs core exceptions, or what has failed before. One more is written in text that is not read any more.
const OF_THE_SPECIFICATION: [(&str, usize, usize, usize); 6] = [
    ("values", 221, 0, 0),
    ("linking", 262, 0, 10),
    ("resources", 36, 0, 0),
    ("validation", 460, 1, 0),
    ("binary", 122, 1, 0),
    ("async", 259, 25, 26),
];

/// What fails: lines of a script, deviations with which they pass, if there are any, and why the text of the
/// specification has it otherwise than the script, which is older or newer.
const OTHERWISE: [(&str, &[usize], &[Deviation], &str); 11] = [
    ("kebab", &[4], &[], "names that differ in hyphens alone are the same now"),
    ("binary", &[974], &[], "a byte that said `cancellable` has to be 0 now"),
    (
        "big-interleaving-test",
        &[863, 934, 1417, 1469],
        &[Deviation::TaskReturnWithoutMemory, Deviation::LastResultWins],
        "`task.return` without a memory does not return what was lifted with one; then a copy whose other end is \
         dropped has completed, if it has copied something",
    ),
    ("cancel-stream", &[202], &[Deviation::LastResultWins], "so it has where it is cancelled"),
    (
        "cross-abi-calls",
        &[491, 495],
        &[Deviation::TaskReturnWithoutMemory],
        "`task.return` without a memory does not return what was lifted with one",
    ),
    (
        "dont-block-start",
        &[24],
        &[Deviation::AsyncCallsRefused],
        "a call may be made that may block, and only blocking traps",
    ),
    (
        "during-sync-call-no-exclusive-resume",
        &[119, 163],
        &[],
        "a thread may go on that holds no lock and is ready, if the choice falls on it",
    ),
    (
        "sync-streams",
        &[208],
        &[],
        "a task that has not gone on yet holds its lock, so that another one is still starting",
    ),
    (
        "trap-if-block-and-sync",
        &[287, 289],
        &[Deviation::AsyncCallsRefused],
        "a call may be made that may block, and only blocking traps",
    ),
    (
        "trap-if-block-and-sync",
        &[315, 317, 319, 321, 323, 325, 327, 329, 331],
        &[Deviation::BlocksEagerly],
        "whether there is such an index is looked at first",
    ),
    (
        "trap-on-reenter",
        &[65, 86, 110],
        &[Deviation::FamilyCallsRefused],
        "a component may be called by what it contains, and by what contains it",
    ),
];

/// The lines of a script that fail: all of them, or those that no deviation explains.
fn otherwise(script: &str, all: bool) -> BTreeSet<usize> {
    let rows = OTHERWISE.iter().filter(|row| row.0 == script && (all || row.2.is_empty()));
    rows.flat_map(|row| row.1.iter().copied()).collect()
}

fn failed(steps: &[Step]) -> BTreeSet<usize> {
    let failed = steps.iter().filter(|step| matches!(step.verdict, Verdict::Failed(_)));
    failed.map(|step| step.line).collect()
}

fn specification() -> Option<PathBuf> {
    let folder = PathBuf::from("../../../shared/component-model-tests");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
    }
    Some(folder).filter(|folder| folder.is_dir())
}

#[test]
fn the_reference_passes_the_scripts_of_the_specification() {
    let Some(folder) = specification() else { return };
    let count = |(name, ..): (&'static str, usize, usize, usize)| {
        let (others, counts) = run(&folder.join(name));
        for (script, Step { line, verdict, .. }) in others {
            let known =
                !matches!(verdict, Verdict::Failed(_)) || otherwise(&script, true).contains(&line);
            assert!(known, "{script}:{line}: {verdict:?}");
        }
        let Counts { passed, failed, skipped, .. } = counts;
        assert_eq!(counts, Counts { passed, failed, skipped, ..Counts::default() }, "{name}");
        (name, passed, failed, skipped)
    };
    let counted = wast::with_stack(|| OF_THE_SPECIFICATION.map(count)).unwrap();
    assert_eq!(counted, OF_THE_SPECIFICATION);
}

#[test]
fn what_fails_is_what_the_text_has_otherwise() {
    let Some(folder) = specification() else { return };
    let check = || {
        for path in scripts(&folder) {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let of_script = OTHERWISE.iter().filter(|row| row.0 == name);
            let deviations: Deviations = of_script.flat_map(|row| row.2).copied().collect();
            if otherwise(name, true).is_empty() {
                continue;
            }
            let (steps, _) = play(&path, Deviations::NONE).expect("it is a script");
            assert_eq!(failed(&steps), otherwise(name, true), "{name}");
            let (steps, counts) = play(&path, deviations).expect("it is a script");
            assert_eq!(failed(&steps), otherwise(name, false), "{name}");
            assert_eq!(counts.skipped, 0, "{name}");
        }
    };
    wast::with_stack(check).unwrap();
}
