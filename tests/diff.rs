//! Components as ordinary tools make them, on both engines: a core module in `diff/`, which
//! wit-component wraps by a world beside it.

use std::fs;

use canonfuzz::diff::{self, Act, Diff, Plan, Verdict};
use canonfuzz::observation::Outcome;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The component of this name, with strings in this encoding.
fn component(name: &str, encoding: StringEncoding) -> Vec<u8> {
    let read = |ending| fs::read_to_string(format!("tests/diff/{name}.{ending}")).unwrap();
    let text = read("wat");
    let tokens = wast::parser::ParseBuffer::new(&text).unwrap();
    let parsed = wast::parser::parse::<wast::Wat>(&tokens);
    let mut module = parsed.unwrap_or_else(|error| panic!("{error}")).encode().unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str(format!("{name}.wit"), &read("wit")).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

#[track_caller]
fn check(name: &str, exports: usize) -> Diff {
    let plan = Plan { export: None, args: None, rounds: 40, seed: 7 };
    let diff = diff::diff(&component(name, StringEncoding::UTF8), &plan).unwrap();
    assert!(diff.agrees(), "{}", diff::text(&diff, "-"));
    assert_eq!(diff.exports.len(), exports);
    assert_eq!(diff.skipped, Vec::<String>::new());
    assert!(diff.episodes.iter().all(|episode| episode.verdict == Verdict::Agree));
    diff
}

/// How many things the host saw, and how many calls came back.
fn counts(diff: &Diff) -> (usize, usize) {
    let told = || diff.episodes.iter().flat_map(|episode| &episode.expected);
    let seen = told().map(|told| told.seen.len()).sum();
    (seen, told().filter(|told| told.outcome == Outcome::Returned).count())
}

#[test]
fn strings() {
    let (seen, returned) = counts(&check("texts", 2));
    assert!(seen >= 40 && returned > 60, "{seen} {returned}");
}

#[test]
fn records_lists_and_results() {
    let (seen, returned) = counts(&check("shapes", 2));
    assert!(seen >= 15 && returned > 60, "{seen} {returned}");
}

#[test]
fn resources_of_both_sides() {
    let diff = check("counters", 6);
    let (seen, returned) = counts(&diff);
    assert!(seen > 100 && returned > 200, "{seen} {returned}");
    let acts = diff.episodes.iter().flat_map(|episode| &episode.acts);
    assert!(acts.filter(|act| matches!(act, Act::Drop(_))).count() > 10);
}

#[test]
fn what_was_asked_for_is_checked() {
    let texts = component("texts", StringEncoding::UTF8);
    let plan = |export: &str, args: &str| Plan {
        export: Some(export.to_string()),
        args: Some(args.to_string()),
        rounds: 1,
        seed: 1,
    };
    let refused =
        |export, args| format!("{:#}", diff::diff(&texts, &plan(export, args)).err().unwrap());
    let unknown = refused("nothing", "");
    assert_eq!(unknown, "the component exports no function `nothing`; it has greet, lengths");
    assert!(refused("greet", "(1)").starts_with("cannot read `(1)` as the arguments of `greet`"));
    assert!(diff::diff(&texts, &plan("greet", "(\"hé\")")).unwrap().agrees());
}
