//! Components as ordinary tools make them, on both engines: a core module in `diff/`, which
//! wit-component wraps by a world beside it.

use std::fs;

use canonfuzz::abi::{Faults, Trap};
use canonfuzz::diff::{self, Act, Diff, Plan, Verdict};
use canonfuzz::engine::wasmtime::VERSION;
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

/// What the engines make of a component that is text.
fn diff_text(text: &str) -> Diff {
    try_diff_text(text).unwrap()
}

fn try_diff_text(text: &str) -> anyhow::Result<Diff> {
    let tokens = wast::parser::ParseBuffer::new(text).unwrap();
    let mut component = wast::parser::parse::<wast::Wat>(&tokens).unwrap();
    let plan = Plan { export: None, args: None, rounds: 3, seed: 7 };
    diff::diff(&component.encode().unwrap(), &plan)
}

fn verdicts(text: &str) -> Vec<Verdict> {
    diff_text(text).episodes.into_iter().map(|episode| episode.verdict).collect()
}

#[test]
fn an_import_that_is_async_is_offered_as_one() {
    let text = r#"(component
      (import "g" (func $g async (result u32)))
      (core func $lowered (canon lower (func $g)))
      (core module $m
        (import "" "g" (func $g (result i32)))
        (func (export "f") (result i32) (call $g)))
      (core instance $i (instantiate $m (with "" (instance (export "g" (func $lowered))))))
      (func (export "f") async (result u32) (canon lift (core func $i "f"))))"#;
    let diff = diff_text(text);
    assert!(diff.agrees(), "{}", diff::text(&diff, "-"));
    // Instantiation, and three calls; each calls the host.
    assert_eq!(counts(&diff), (3, 4));
}

/// A value takes less than 2^28 bytes: a rule that Wasmtime has from 50 on, and lists of fixed length from 48 on.
#[test]
fn what_only_one_engine_accepts_is_a_difference() {
    let major: u32 = VERSION.split('.').next().unwrap().parse().unwrap();
    let lifted = "(core module $m (memory (export \"mem\") 1)
            (func (export \"f\") (result i32) (i32.const 0)))
        (core instance $m (instantiate $m))
        (func (export \"f\") (result (list u64 536870912))
            (canon lift (core func $m \"f\") (memory (core memory $m \"mem\"))))";
    for definition in ["(type (list u8 268435456))", lifted] {
        let diff = try_diff_text(&format!("(component {definition})"));
        if !(48..50).contains(&major) {
            let why = diff.err().unwrap().to_string();
            assert!(why.starts_with("invalid component: "), "{why}");
            continue;
        }
        let diff = diff.unwrap();
        let said = diff::text(&diff, "-");
        assert!(!diff.agrees(), "{said}");
        let refused = "reference refused (value type's maximum in-memory size exceeds";
        assert!(said.contains(&format!("step      compile\n  {refused}")), "{said}");
        let accepted = ["wasmtime  accepted it", "wasmtime  crashed ("];
        assert!(accepted.iter().any(|accepted| said.contains(accepted)), "{said}");
    }
}

/// Where our decoder has a limit, the other engine may have another.
#[test]
fn a_component_that_both_engines_refuse_is_none() {
    let flags: Vec<String> = (0..1_001).map(|i| format!("\"f{i}\"")).collect();
    let flags = try_diff_text(&format!("(component (type (flags {})))", flags.join(" ")));
    let why = flags.err().unwrap().to_string();
    assert!(why.starts_with("invalid component: flag names size is out of bounds"), "{why}");
}

#[test]
fn what_the_host_saw_of_a_start_that_fails_is_compared_too() {
    let text = r#"(component
      (import "h" (func $h (param "x" u32)))
      (core func $lowered (canon lower (func $h)))
      (core module $m (import "" "h" (func $h (param i32)))
        (func $start (call $h (i32.const 7)) unreachable) (start $start))
      (core instance (instantiate $m (with "" (instance (export "h" (func $lowered)))))))"#;
    assert_eq!(verdicts(text), [Verdict::Agree]);
}

#[test]
fn between_guests_either_of_two_faults_may_come_first() {
    let text = r#"(component
      (component $hearer
        (core module $m (memory (export "memory") 1)
          (func (export "hear") (param i32 i32))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1)))
        (core instance $m (instantiate $m))
        (func (export "hear") (param "text" string) (canon lift (core func $m "hear")
          (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16)))
      (component $teller
        (import "hear" (func $hear (param "text" string)))
        (core module $memory (memory (export "memory") 1) (data (i32.const 8) "\c0"))
        (core instance $memory (instantiate $memory))
        (core func $lowered (canon lower (func $hear) (memory (core memory $memory "memory"))))
        (core module $m (import "" "hear" (func $hear (param i32 i32)))
          (func (export "tell") (call $hear (i32.const 8) (i32.const 1))))
        (core instance $m (instantiate $m (with "" (instance (export "hear" (func $lowered))))))
        (func (export "tell") (canon lift (core func $m "tell"))))
      (instance $hearer (instantiate $hearer))
      (instance $teller (instantiate $teller (with "hear" (func $hearer "hear"))))
      (export "tell" (func $teller "tell")))"#;
    let diff = diff_text(text);
    let told: Vec<_> = diff.episodes.iter().filter_map(|episode| episode.expected.last()).collect();
    // The text is no UTF-8, and the block for it is at an odd address.
    let faults = Faults::from_iter([Trap::InvalidUtf8, Trap::UnalignedPointer]);
    assert!(told.len() == 3 && told.iter().all(|told| told.faults == faults), "{told:?}");
    let agree = diff.episodes.iter().all(|episode| episode.verdict == Verdict::Agree);
    assert!(agree, "{}", diff::text(&diff, "-"));
}

#[test]
fn an_endless_loop_is_inconclusive_and_not_begun_again_and_again() {
    let text = r#"(component
      (core module $m (func (export "f") (loop $again (br $again))))
      (core instance $m (instantiate $m))
      (func (export "f") (canon lift (core func $m "f"))))"#;
    let verdicts = verdicts(text);
    assert!(verdicts.len() < 3, "{verdicts:?}");
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Inconclusive(_))));
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
    let counters = component("counters", StringEncoding::UTF8);
    let plan_of_add = plan("test:counters/api#[method]counter.add", "(0, 1)");
    let refused = format!("{:#}", diff::diff(&counters, &plan_of_add).err().unwrap());
    assert!(
        refused.ends_with("takes a resource of the component's, which only its own exports make")
    );
    assert!(diff::diff(&texts, &plan("greet", "(\"hé\")")).unwrap().agrees());
}
