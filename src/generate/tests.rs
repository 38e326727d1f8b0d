mod chains;
mod paths;

use std::collections::BTreeSet;

use arbitrary::Unstructured;

use super::*;
use crate::abi::{BuiltIn, PtrType, flatten};
use crate::case::allowed::Allowed;
use crate::case::check::{Feature, check};
use crate::case::paths::Paths;
use crate::case::text::CaseFile;
use crate::case::{
    Answer, BuiltInCall, Call, Case, CaseKind, End, Function, Guest, Limits, Manner, Passed, Script,
};
use crate::case::{Shape, Turn, bytes, text};
use crate::encode::Prepared;
use crate::types::{FuncType, Type};

fn all() -> Allowed {
    Allowed::dynamic(BTreeSet::from([
        Feature::Map,
        Feature::FixedLengthList,
        Feature::AsyncFunction,
    ]))
}

fn stream(seed: u64) -> Stream {
    Stream::new(seed, CaseKind::LiftLower, all(), Limits::CASE)
}

#[track_caller]
fn check_valid(case: &Case) {
    assert_eq!(check(case, &Limits::CASE), Ok(()), "{case:#?}");
    Prepared::of(case).expect("they fit");
}

/// All that there is of some sort in the case, by name.
fn seen(case: &Case) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (side, function) in functions(&case.shape) {
        seen.extend(seen_in_function(side, function));
    }
    for call in &case.calls {
        seen.extend(call.scripts[0].realloc.iter().map(turn_word));
        seen.extend(call.scripts[0].import_calls().map(|step| word(&step.answer)));
        seen.insert(format!("post-return {}", turn_word(&call.scripts[0].post_return)));
        seen.extend(call.scripts[0].passed().map(|(_, passed)| honesty(passed)));
        let traps = call.scripts[0].function.end == End::Trap;
        seen.extend(traps.then(|| "trap".to_string()));
    }
    seen
}

fn functions(shape: &Shape) -> Vec<(&'static str, &Function)> {
    let import = shape.guests[0].import.iter().map(|import| ("import", import));
    [("export", &shape.guests[0].export)].into_iter().chain(import).collect()
}

fn seen_in_function(side: &str, function: &Function) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let ty = &function.ty;
    for root in ty.params.iter().chain(&ty.result) {
        root.any(&mut |ty| {
            seen.insert(ty.kind().to_string());
            false
        });
    }
    let count = |types: &[Type]| flatten::flatten_types(types, PtrType::I32).len();
    seen.insert(format!("{side} params {}", count(&ty.params)));
    seen.insert(format!("{side} results {}", count(ty.results())));
    seen.insert(format!("{side} {:?}", function.opts.string_encoding));
    seen
}

/// The name of a variant, without what is in it.
fn word(variant: &impl std::fmt::Debug) -> String {
    let text = format!("{variant:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_string()
}

/// What a turn does: its act, if it has one, or else how it ends.
fn turn_word(turn: &Turn) -> String {
    let pointer = turn.end.pointer().map(|pointer| word(&pointer));
    turn.acts.first().map(word).or(pointer).unwrap_or_else(|| word(&turn.end))
}

/// Whether the function returns, and nothing that the guest hands over is damaged.
fn hands_over_well_formed(script: &Script) -> bool {
    let returns = script.returned().is_some();
    returns && script.passed().all(|(_, passed)| honesty(passed) == "well-formed")
}

fn honesty(passed: &Passed) -> String {
    let word = match passed {
        Passed::Lowered { patches, .. } if patches.is_empty() => "well-formed",
        Passed::Lowered { .. } => "damaged",
        Passed::Raw { .. } => "raw",
    };
    word.to_string()
}

#[test]
fn streamed_cases_are_valid_and_survive_both_encodings() {
    let mut stream = stream(7);
    for _ in 0..2000 {
        let case = stream.next_case();
        check_valid(&case);
        assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case);
        let (rule, story, expect) = ("It is so.".to_string(), None, Vec::new());
        let file = CaseFile { rule, story, case, expect };
        assert_eq!(text::parse(&text::print(&file)).unwrap(), file);
    }
}

#[test]
fn streamed_cases_reach_everything() {
    let mut stream = stream(8);
    let seen: BTreeSet<String> = (0..8000).flat_map(|_| seen(&stream.next_case())).collect();
    let all = "bool s8 u8 s16 u16 s32 u32 s64 u64 f32 f64 char string list record tuple variant \
        enum option result flags map Plain Forget At Old Skew Grow Trap Leave Return Error \
        Reenter trap well-formed damaged raw";
    let mut all: Vec<String> = all.split_whitespace().map(str::to_string).collect();
    all.push("fixed-length list".to_string());
    all.extend(["Plain", "Trap", "Leave"].map(|action| format!("post-return {action}")));
    for side in ["export", "import"] {
        all.extend(["Utf8", "Utf16", "Latin1OrUtf16"].map(|word| format!("{side} {word}")));
        all.extend([15, 16, 17].map(|count| format!("{side} params {count}")));
        all.extend([0, 1, 2].map(|count| format!("{side} results {count}")));
    }
    let missing: Vec<&String> = all.iter().filter(|word| !seen.contains(*word)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn features_that_are_not_allowed_do_not_occur() {
    let mut stream = Stream::new(9, CaseKind::LiftLower, Allowed::default(), Limits::CASE);
    for seed in 0..500 {
        let mut case = stream.next_case();
        mutate(&mut case, seed, &Allowed::default(), &Limits::CASE);
        assert_eq!(crate::case::check::features(&case), BTreeSet::new());
    }
}

/// Those before the last mostly are, so that others can follow.
#[test]
fn about_half_of_the_last_calls_are_well_formed() {
    let mut stream = stream(10);
    let calls: Vec<Call> = (0..2000).filter_map(|_| stream.next_case().calls.pop()).collect();
    let well_formed = |call: &&Call| {
        let script = &call.scripts[0];
        let answers = script.import_calls().all(|step| matches!(step.answer, Answer::Return(_)));
        answers && hands_over_well_formed(script)
    };
    let share = calls.iter().filter(well_formed).count() * 100 / calls.len();
    assert!((45..75).contains(&share), "{share} %");
}

#[test]
fn tight_limits_are_kept() {
    let limits = Limits {
        guests: 1,
        type_depth: 2,
        type_nodes: 8,
        members: 2,
        params: 2,
        type_bytes: 32,
        value_nodes: 20,
        payload_bytes: 100,
        calls: 1,
        steps: 1,
        host_drops: 1,
        polls: 1,
        resources: 1,
        reallocs: 1,
        pages: 1,
        noise_bytes: 8,
    };
    for (kind, guests) in [(CaseKind::LiftLower, 1), (CaseKind::Adapter, 2)] {
        let limits = Limits { guests, ..limits };
        let mut stream = Stream::new(11, kind, all(), limits);
        for seed in 0..500 {
            let mut case = stream.next_case();
            assert_eq!(check(&case, &limits), Ok(()));
            mutate(&mut case, seed, &all(), &limits);
            assert_eq!(check(&case, &limits), Ok(()));
        }
    }
}

#[test]
fn without_bytes_there_is_a_case() {
    check_valid(
        &case(&mut Unstructured::new(&[]), CaseKind::LiftLower, &all(), &Limits::CASE).unwrap(),
    );
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let mut streams = [stream(0), stream(0)];
    for _ in 0..200 {
        let [a, b] = streams.each_mut().map(Stream::next_case);
        assert_eq!(a, b);
    }
}

#[test]
fn mutation_keeps_cases_valid() {
    let mut stream = stream(1);
    for seed in 0..200 {
        let mut case = stream.next_case();
        for step in 0..50 {
            let before = case.clone();
            let changed = mutate(&mut case, seed * 50 + step, &all(), &Limits::CASE);
            assert_eq!(changed, before != case);
            check_valid(&case);
        }
    }
}

#[test]
fn shrinking_never_grows_and_ends_small() {
    let mut stream = stream(2);
    for seed in 0..50 {
        let mut case = stream.next_case();
        let mut size = mutate::size(&case);
        for step in 0.. {
            if !shrink(&mut case, seed * 1000 + step, &all(), &Limits::CASE) {
                break;
            }
            check_valid(&case);
            assert!(mutate::size(&case) < size);
            size = mutate::size(&case);
        }
        assert!(size.types + size.acts + size.values <= 3, "{size:?} {case:#?}");
    }
}

#[test]
fn crossing_keeps_cases_valid() {
    let mut stream = stream(3);
    let cases: Vec<Case> = (0..400).map(|_| stream.next_case()).collect();
    for (seed, pair) in (0..).zip(cases.windows(30)) {
        check_valid(&crossover(&pair[0], &pair[29], &all(), seed));
    }
}

/// The fields in which two cases differ, by name.
fn changed(a: &Case, b: &Case) -> BTreeSet<&'static str> {
    let mut changed = BTreeSet::new();
    let mut note = |differs: bool, name| {
        if differs {
            changed.insert(name);
        }
    };
    note(a.tuning.optimize != b.tuning.optimize, "optimize");
    note(a.tuning.pooling != b.tuning.pooling, "pooling");
    note(a.tuning.moving_memory != b.tuning.moving_memory, "moving-memory");
    note(a.tuning.concurrency != b.tuning.concurrency, "concurrency");
    note(a.tuning.signals != b.tuning.signals, "signals");
    note(a.tuning.guards != b.tuning.guards, "guards");
    note(a.tuning.fuel != b.tuning.fuel, "fuel");
    note(a.tuning.epochs != b.tuning.epochs, "epochs");
    note(a.paths.call != b.paths.call, "call path");
    note(a.paths.import != b.paths.import, "import path");
    note(a.paths.polls != b.paths.polls, "polls");
    note(a.paths.neighbor != b.paths.neighbor, "neighbor");
    note(a.shape.guests[0].pages.initial != b.shape.guests[0].pages.initial, "initial");
    note(a.shape.guests[0].pages.maximum != b.shape.guests[0].pages.maximum, "maximum");
    note(a.shape.guests[0].import.is_some() != b.shape.guests[0].import.is_some(), "import");
    let exports = (Some(&a.shape.guests[0].export), Some(&b.shape.guests[0].export));
    let imports = (a.shape.guests[0].import.as_ref(), b.shape.guests[0].import.as_ref());
    for ((a, b), names) in [exports, imports].into_iter().zip([EXPORT_FIELDS, IMPORT_FIELDS]) {
        let (Some(a), Some(b)) = (a, b) else {
            continue;
        };
        note(a.ty.params != b.ty.params, names[0]);
        note(a.ty.result != b.ty.result, names[1]);
        note(a.opts.string_encoding != b.opts.string_encoding, names[2]);
        note(a.opts.memory != b.opts.memory, names[3]);
        note(a.opts.realloc != b.opts.realloc, names[4]);
        note(a.opts.post_return != b.opts.post_return, names[5]);
    }
    note(a.shape.resources != b.shape.resources, "resources");
    note(a.shape.any_async() != b.shape.any_async(), "async");
    note(a.calls.len() != b.calls.len(), "calls");
    for (a, b) in a.calls.iter().zip(&b.calls) {
        note(a.args != b.args, "args");
        note(a.manner != b.manner, "manner");
        note(a.scripts[0].realloc != b.scripts[0].realloc, "realloc");
        let acts = [a, b].map(|call| call.scripts[0].function.acts.len());
        note(acts[0] != acts[1], "import calls");
        note(a.scripts[0].post_return != b.scripts[0].post_return, "post-return");
        note(a.scripts[0].destructor != b.scripts[0].destructor, "destructor");
        note(a.host_drops != b.host_drops, "host drops");
        let built_ins = [a, b].map(|call| built_ins(&call.scripts[0]));
        note(built_ins[0] != built_ins[1], "built-ins");
        let traps = [a, b].map(|call| call.scripts[0].function.end == End::Trap);
        note(traps[0] != traps[1], "finish");
        for (a, b) in a.scripts[0].import_calls().zip(b.scripts[0].import_calls()) {
            note(word(&a.answer) != word(&b.answer), "kind of answer");
            note(a.answer != b.answer, "answer");
            note_passed(&mut note, &a.passed, &b.passed);
        }
        if let (Some(a), Some(b)) = (a.scripts[0].returned(), b.scripts[0].returned()) {
            note_passed(&mut note, a, b);
        }
    }
    changed
}

/// The steps that are calls of built-ins.
fn built_ins(script: &Script) -> Vec<BuiltInCall> {
    script.function.acts.iter().filter_map(|act| act.built_in().copied()).collect()
}

const EXPORT_FIELDS: [&str; 6] = [
    "export params",
    "export result",
    "export encoding",
    "export memory",
    "export realloc",
    "export post-return",
];
const IMPORT_FIELDS: [&str; 6] =
    ["import params", "import result", "import encoding", "import memory", "import realloc", "-"];

fn note_passed(note: &mut impl FnMut(bool, &'static str), a: &Passed, b: &Passed) {
    match (a, b) {
        (Passed::Lowered { values: x, patches: p }, Passed::Lowered { values: y, patches: q }) => {
            note(x != y, "values");
            note(p != q, "patches");
        }
        (Passed::Raw { flat: x, memory: p }, Passed::Raw { flat: y, memory: q }) => {
            note(x != y, "flat");
            note(p != q, "memory");
        }
        (Passed::Lowered { .. }, Passed::Raw { .. })
        | (Passed::Raw { .. }, Passed::Lowered { .. }) => note(true, "kind of data"),
    }
}

#[test]
fn every_field_of_a_case_can_be_mutated() {
    let mut stream = stream(4);
    let mut reached = BTreeSet::new();
    for seed in 0..4000 {
        let case = stream.next_case();
        let mut mutated = case.clone();
        mutate(&mut mutated, seed, &all(), &Limits::CASE);
        reached.extend(changed(&case, &mutated));
    }
    let mut fields: BTreeSet<&str> = "optimize pooling moving-memory concurrency initial maximum \
        import calls args realloc post-return finish answer values patches flat memory signals guards \
        fuel epochs polls neighbor manner async"
        .split_whitespace()
        .collect();
    fields.extend(["import calls", "kind of answer", "kind of data", "call path", "import path"]);
    fields.extend(["resources", "destructor", "host drops", "built-ins"]);
    fields.extend(EXPORT_FIELDS.iter().chain(&IMPORT_FIELDS[..5]));
    assert_eq!(reached, fields);
}

#[test]
fn crossing_takes_something_of_both() {
    let mut stream = stream(5);
    let cases: Vec<Case> = (0..400).map(|_| stream.next_case()).collect();
    let mut crossed = 0;
    for (seed, pair) in (0..).zip(cases.windows(30)) {
        let (a, b) = (&pair[0], &pair[29]);
        let case = crossover(a, b, &all(), seed);
        crossed += usize::from(case != *a && case != *b);
    }
    assert!(crossed > 250, "{crossed} of 371");
}

/// What a call does with handles, by name.
fn acts(call: &Call) -> BTreeSet<String> {
    let mut acts: BTreeSet<String> =
        built_ins(&call.scripts[0]).iter().map(|one| one.which.name().to_string()).collect();
    acts.insert(format!("destructor {}", turn_word(&call.scripts[0].destructor)));
    acts.insert(format!("post-return {}", turn_word(&call.scripts[0].post_return)));
    let words = call.scripts[0].realloc.iter().map(turn_word);
    acts.extend(words.map(|word| format!("realloc {word}")));
    acts.extend((!call.host_drops.is_empty()).then(|| "host drops".to_string()));
    acts
}

#[test]
fn about_a_quarter_of_the_cases_have_resources_and_do_everything_with_them() {
    let mut stream = stream(6);
    let cases: Vec<Case> = (0..10_000).map(|_| stream.next_case()).collect();
    let with = cases.iter().filter(|case| !case.shape.resources.is_empty()).count();
    assert!((1_800..3_200).contains(&with), "{with} of 10000");
    let seen: BTreeSet<String> = cases.iter().flat_map(|case| &case.calls).flat_map(acts).collect();
    let of_built_ins = BuiltIn::OF_RESOURCES.map(BuiltIn::name);
    let others = [
        "destructor Trap",
        "destructor BuiltIn",
        "post-return BuiltIn",
        "realloc BuiltIn",
        "host drops",
    ];
    for act in of_built_ins.iter().chain(&others) {
        assert!(seen.iter().any(|seen| seen.starts_with(act)), "{act}: {seen:?}");
    }
}

#[test]
fn guests_drop_what_they_borrow_but_for_a_few() {
    let mut stream = stream(12);
    let (mut calls, mut kept) = (0, 0);
    for _ in 0..4_000 {
        let case = stream.next_case();
        calls += case.calls.len();
        kept += (1..=case.calls.len())
            .filter(|end| {
                let tables = handles::after(&case.shape, &case.calls[..*end]);
                tables.iter().any(|handles| !handles.drops_of_borrows().is_empty())
            })
            .count();
    }
    assert!(kept > 0 && kept * 20 < calls, "{kept} of {calls}");
}
