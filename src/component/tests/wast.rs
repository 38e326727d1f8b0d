//! Scripts on the interpreter: our own pass, and of the specification's as many as are said here.

use std::fs;
use std::path::{Path, PathBuf};

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

/// The directives of the scripts in a folder that failed or were skipped, and how all ended.
fn run(folder: PathBuf) -> (Vec<(PathBuf, Step)>, Counts) {
    let (mut others, mut counts) = (Vec::new(), Counts::default());
    for path in scripts(&folder) {
        let text = fs::read_to_string(&path).unwrap();
        // One of the specification's does not parse any more.
        let Ok(side) = wast::play(&text, &mut Reference::default()) else { continue };
        counts.add(side.counts());
        let other = side.steps.into_iter().filter(|step| step.verdict != Verdict::Passed);
        others.extend(other.map(|step| (path.clone(), step)));
    }
    (others, counts)
}

#[test]
fn our_own_scripts_pass_but_for_what_needs_async_values() {
    let (others, counts) = wast::with_stack(|| run(PathBuf::from("tests/wast"))).unwrap();
    for (path, Step { line, verdict, .. }) in others {
        let asks_for_async =
            matches!(&verdict, Verdict::Skipped(what) if what.starts_with("canon "));
        assert!(asks_for_async, "{}:{line}: {verdict:?}", path.display());
    }
    assert_eq!(counts, Counts { passed: 381, skipped: 6, ..Counts::default() });
}

/// What the reference does with the specification's own scripts, a folder each: passed, failed,
/// skipped. What is skipped needs async values or core exceptions. What fails: a rule of names and an
/// encoding that changed after those scripts were written, and two calls within a family, which the
/// text of the specification allows and an older script does not.
const OF_THE_SPECIFICATION: [(&str, usize, usize, usize); 6] = [
    ("values", 154, 0, 67),
    ("linking", 262, 0, 10),
    ("resources", 36, 0, 0),
    ("validation", 457, 1, 3),
    ("binary", 122, 1, 0),
    ("async", 10, 2, 298),
];

#[test]
fn the_reference_passes_the_scripts_of_the_specification() {
    let folder = PathBuf::from("../../../shared/component-model-tests");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let count = |(name, ..): (&'static str, usize, usize, usize)| {
        let Counts { passed, failed, skipped, inconclusive, .. } = run(folder.join(name)).1;
        assert_eq!(inconclusive, 0, "{name}");
        (name, passed, failed, skipped)
    };
    let counted = wast::with_stack(move || OF_THE_SPECIFICATION.map(count)).unwrap();
    assert_eq!(counted, OF_THE_SPECIFICATION);
}
