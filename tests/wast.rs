//! Our own scripts on both engines: all passes, but for what is known and why.

use std::collections::BTreeSet;
use std::path::PathBuf;

use canonfuzz::component::limits::MEMORY_SIZE;
use canonfuzz::component::wast::run::Verdict;
use canonfuzz::component::wast::{Side, with_stack};
use canonfuzz::wast::{Stage, find, load};

const SUBJECT: &str = "subject";

/// Directives that an engine does not fulfil, by the script's name and what their first line
/// contains.
const KNOWN: [(&str, &str, &str, &str); 6] = [
    (SUBJECT, "async-functions", "\"sync-to-async\"", "it has the rule of before May 2026"),
    (SUBJECT, "post-return", "\"ask\"", "an adapter between guests lets post-return leave"),
    (SUBJECT, "reentrance", "\"parent-to-child\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "\"child-to-parent\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "\"to-itself\"", "it has the rule of before May 2026"),
    (SUBJECT, "reentrance", "(invoke \"make\")", "it has the rule of before May 2026"),
];

/// A directive that failed: the engine, the script, the first line and what was wrong.
type Failure = (&'static str, String, String, String);

fn failures(script: &str, text: &str, side: &Side) -> Vec<Failure> {
    let failed = side.steps.iter().filter_map(|step| match &step.verdict {
        Verdict::Failed(why) | Verdict::Inconclusive(why) => Some((step.line, why)),
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
    let files = find(&[PathBuf::from("src/component/tests/wast")]).found;
    assert!(files.len() >= 12, "only {} scripts", files.len());
    let failed = with_stack(|| {
        let mut stage = Stage::both(MEMORY_SIZE).unwrap();
        let mut failed = Vec::new();
        for file in files {
            let script = file.path.file_stem().unwrap().to_str().unwrap();
            let text = load(&file.path).unwrap();
            let played = stage.play(&text).unwrap_or_else(|why| panic!("{why}"));
            // Whatever is known is so as the register has it, and counts as no failure.
            assert_eq!(played.counts().failed, 0, "{script}");
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
    })
    .unwrap();
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
