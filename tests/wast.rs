//! Our own scripts on both engines: all passes, but for what is known and why.

use std::collections::BTreeSet;
use std::path::PathBuf;

use canonfuzz::engine::wasmtime::any::Subject;
use canonfuzz::wast::engine::Engine;
use canonfuzz::wast::reference::Reference;
use canonfuzz::wast::run::Verdict;
use canonfuzz::wast::{self, Counts, Side, read};

const SUBJECT: &str = "subject";

/// Directives that an engine does not fulfil, by the script's name and what their first line
/// contains.
const KNOWN: [(&str, &str, &str, &str); 8] = [
    (SUBJECT, "async-functions", "\"sync-to-async\"", "it has the rule of before May 2026"),
    (SUBJECT, "post-return", "\"ask\"", "an adapter between guests lets post-return leave"),
    (SUBJECT, "reentrance", "\"parent-to-child\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "\"child-to-parent\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "\"to-itself\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "(invoke \"make\")", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "(invoke \"drop\")", "it was not made, see above"),
    (SUBJECT, "reentrance", "\"sum\") (u32.const 9)", "it was not dropped, see above"),
];

/// A directive that failed: the engine, the script, the first line and what was wrong.
type Failure = (&'static str, String, String, String);

fn failures(script: &str, text: &str, side: &Side) -> Vec<Failure> {
    let failed = side.steps.iter().filter_map(|step| match &step.verdict {
        Verdict::Failed(why) => Some((step.line, why)),
        Verdict::Passed | Verdict::Skipped(_) => None,
    });
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().to_string();
    failed
        .map(|(number, why)| (side.engine, script.to_string(), line(number), why.clone()))
        .collect()
}

fn is_known(known: &(&str, &str, &str, &str), (engine, script, line, _): &Failure) -> bool {
    known.0 == *engine && known.1 == script && line.contains(known.2)
}

#[test]
fn every_script_passes_on_both_engines_but_for_what_is_known() {
    let files = read::find(&[PathBuf::from("tests/wast")]).found;
    assert!(files.len() >= 12, "only {} scripts", files.len());
    let failed = wast::with_stack(|| {
        let mut engines: Vec<Box<dyn Engine>> =
            vec![Box::new(Reference::default()), Box::new(Subject::new().unwrap())];
        let mut failed = Vec::new();
        for file in files {
            let script = file.path.file_stem().unwrap().to_str().unwrap();
            let text = wast::load(&file.path).unwrap();
            let played = wast::play(&text, &mut engines).unwrap_or_else(|why| panic!("{why}"));
            let sides: Vec<_> =
                played.sides.iter().map(|side| failures(script, &text, side)).collect();
            // Where both are as the script has it, they are as each other.
            let lines: BTreeSet<_> =
                sides.iter().flatten().map(|failure| failure.2.as_str()).collect();
            for difference in &played.differences {
                let line = text.lines().nth(difference.line - 1).unwrap();
                assert!(lines.contains(line), "{script}: {line}: {difference:?}");
            }
            failed.extend(sides.into_iter().flatten());
        }
        failed
    });
    let unknown: Vec<_> = failed
        .iter()
        .filter(|failure| !KNOWN.iter().any(|known| is_known(known, failure)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let stale: Vec<_> = KNOWN
        .iter()
        .filter(|known| !failed.iter().any(|failure| is_known(known, failure)))
        .collect();
    assert!(stale.is_empty(), "no longer so: {stale:#?}");
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
    let folder = PathBuf::from("../shared/component-model-tests");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let count = |(name, ..): (&'static str, usize, usize, usize)| {
        let files = read::find(&[folder.join(name)]).found;
        let mut counts = Counts::default();
        for file in files {
            let text = wast::load(&file.path).unwrap();
            let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Reference::default())];
            // One does not parse any more.
            if let Ok(played) = wast::play(&text, &mut engines) {
                counts.add(played.sides[0].counts());
            }
        }
        (name, counts.passed, counts.failed, counts.skipped)
    };
    let counted = wast::with_stack(move || OF_THE_SPECIFICATION.map(count));
    assert_eq!(counted, OF_THE_SPECIFICATION);
}
