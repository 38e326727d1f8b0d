//! Generated cases: what holds for every one of them.

use std::path::PathBuf;

use canonfuzz::abi::Deviations;
use canonfuzz::case::paths::Paths;
use canonfuzz::case::text::{self, CaseFile};
use canonfuzz::case::{Case, CaseKind, Limits, Shape, Tuning, bytes, check};
use canonfuzz::component::decode;
use canonfuzz::component::definition::Import;
use canonfuzz::encode::{self, Puppets};
use canonfuzz::engine::{numbers, wasmtime};
use canonfuzz::fuzz::{self, Input};
use canonfuzz::generate::{self, Stream};
use canonfuzz::mix::{Mix, SpecCoverage};
use canonfuzz::oracle::Verdict;
use canonfuzz::types::FuncType;
use canonfuzz::{Session, corpus, report};
use wasmparser::{Validator, WasmFeatures};

const SEED: u64 = 20_261_122;

fn cases(count: usize) -> Vec<Case> {
    stream(CaseKind::LiftLower, count).collect()
}

fn of_all_kinds(count: usize) -> impl Iterator<Item = Case> {
    CaseKind::ALL.into_iter().flat_map(move |kind| stream(kind, count))
}

fn stream(kind: CaseKind, count: usize) -> impl Iterator<Item = Case> {
    let mut stream = Stream::new(SEED, kind, wasmtime::allowed(), Limits::CASE);
    (0..count).map(move |_| stream.next_case())
}

#[test]
fn they_are_valid_and_survive_both_encodings() {
    for case in of_all_kinds(2_000) {
        check::check(&case, &Limits::CASE).unwrap();
        assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case);
        let file: CaseFile = corpus::unexplained(case);
        let text = text::print(&file);
        let read = text::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, file, "{text}");
        assert_eq!(text::print(&read), text);
    }
}

/// More configurations than engines are kept: the component of the first is still there, its engine is not.
#[test]
fn a_case_comes_again_by_another_way_when_its_engine_is_gone() {
    let mut session = Session::importing().unwrap();
    let case = stream(CaseKind::LiftLower, 200).find(|case| case.paths == Paths::PLAIN).unwrap();
    let mut agree = |tuning, paths| {
        let case = Case { tuning, paths, ..case.clone() };
        let verdict = session.check(&case).unwrap().verdict;
        assert!(
            matches!(verdict, Verdict::Agree | Verdict::Accepted(_)),
            "{tuning:?}: {verdict:?}"
        );
    };
    let tunings: Vec<Tuning> = (0..100).map(tuning).collect();
    tunings.iter().for_each(|tuning| agree(*tuning, case.paths));
    case.paths.others(tunings[0]).into_iter().for_each(|paths| agree(tunings[0], paths));
}

/// One choice for each bit.
fn tuning(bits: u32) -> Tuning {
    let mut tuning = Tuning::PLAIN;
    for (bit, choice) in tuning.choices().into_iter().enumerate() {
        *choice = bits >> bit & 1 == 1;
    }
    tuning
}

/// Whether two types differ in the numbers of resources at most.
fn is_same(ours: &FuncType, theirs: &FuncType) -> bool {
    numbers::same_but_for_numbers(ours, theirs).is_some()
}

#[test]
fn their_components_are_valid_and_have_the_types_of_the_case() {
    for case in cases(20_000).iter().step_by(20) {
        let decoded = decode::decode(&encode::component(&case.shape, Puppets::Contained)).unwrap();
        let mut imports = decoded.imports.iter();
        let imported = imports.find_map(|(_, import)| {
            if let Import::Func(signature) = import { Some(signature.ty()) } else { None }
        });
        let ours = case.shape.guests[0].import.as_ref().map(|import| &import.ty);
        assert_eq!(imported.is_some(), ours.is_some());
        let same = imported.zip(ours).is_none_or(|(theirs, ours)| is_same(ours, theirs));
        assert!(same, "{imported:?} for {ours:?}");
        let theirs = decoded.export(encode::EXPORT).unwrap();
        assert!(
            is_same(&case.shape.guests[0].export.ty, theirs),
            "{theirs:?} for {:?}",
            case.shape.guests[0].export.ty
        );
    }
}

/// A shape of three resources: the host's, and the guest's with and without a destructor.
fn shape_with_resources(functions: &str) -> Shape {
    let import =
        if functions.contains("import") { "[import]\nmemory = true\nrealloc = true\n" } else { "" };
    let text = format!(
        "rule = ''\nwit = 'world case {{ resource r0; resource r1; resource r2; {functions} }}'\n\
        [[resource]]\ndefined-by = 'host'\n\
        [[resource]]\ndefined-by = 'guest'\ndestructor = true\n\
        [[resource]]\ndefined-by = 'guest'\n\
        [export]\nmemory = true\nrealloc = true\npost-return = true\n\
        {import}"
    );
    text::parse(&text).unwrap().case.shape
}

#[test]
fn components_with_resources_are_valid() {
    for functions in [
        "export f: func();",
        "export f: func(p0: r0, p1: borrow<r0>, p2: r1, p3: borrow<r2>) -> r2;",
        "import g: func(p0: r0, p1: borrow<r0>) -> r0; export f: func();",
        "record t { f0: r0 } import g: func(p0: t) -> t; export f: func(p0: t) -> t;",
        "record t { f0: r0, f1: r1 } export f: func(p0: list<t>, p1: borrow<r1>) -> option<t>;",
        "variant t { c0(r0) } record s { f0: t, f1: borrow<r2> } enum e { a } \
        import g: func(p0: t, p1: e); export f: func(p0: s, p1: e, p2: t);",
    ] {
        let bytes = encode::component(&shape_with_resources(functions), Puppets::Contained);
        let mut validator = Validator::new_with_features(WasmFeatures::default());
        let error = validator.validate_all(&bytes).err();
        assert!(error.is_none(), "{functions}: {error:?}");
    }
}

#[test]
fn mutating_cases_with_resources_keeps_them_valid() {
    let folders = [PathBuf::from("corpus/resources"), PathBuf::from("corpus/adapter/resources")];
    let files = corpus::find(&folders).unwrap();
    let allowed = wasmtime::allowed();
    for (seed, path) in (0..).zip(files) {
        let mut case = corpus::load(&path).unwrap().file.case;
        for step in 0..100 {
            let change = if step % 4 == 3 { generate::shrink } else { generate::mutate };
            change(&mut case, seed * 100 + step, &allowed, &Limits::CASE);
            check::check(&case, &Limits::CASE).unwrap();
            assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case);
        }
    }
}

#[test]
fn subject_and_reference_agree_on_them() {
    let mut session = Session::importing().unwrap();
    let mut inconclusive = 0;
    for case in of_all_kinds(1_000) {
        let checked = session.check(&case).unwrap();
        if let Verdict::Disagree(difference) = &checked.verdict {
            panic!("{}", report::disagreement("generated", &case, &checked, difference, "-"));
        }
        if matches!(checked.verdict, Verdict::Inconclusive(_)) {
            // Of two faults in views that the host looks at late, either may be met.
            assert!(wasmtime::looks_late(&case), "{:?}", checked.verdict);
            inconclusive += 1;
        }
    }
    assert!(inconclusive <= 10, "{inconclusive} cases say nothing");
}

#[test]
fn imported_puppets_do_the_same() {
    let mut sessions = [Session::new().unwrap(), Session::importing().unwrap()];
    for case in of_all_kinds(300) {
        let [contained, imported] =
            sessions.each_mut().map(|session| session.check(&case).unwrap());
        assert_eq!(contained.expected.observation, imported.expected.observation, "{case:?}");
        assert_eq!(contained.observed, imported.observed, "{case:?}");
        assert_eq!(contained.verdict, imported.verdict, "{case:?}");
    }
}

#[test]
fn they_reach_nearly_everything_that_is_possible_and_nothing_else() {
    check_mix(
        Mix::new(CaseKind::LiftLower, &wasmtime::allowed()),
        stream(CaseKind::LiftLower, 30_000),
    );
}

#[test]
fn chains_reach_nearly_everything_that_is_possible_and_nothing_else() {
    check_mix(Mix::new(CaseKind::Adapter, &wasmtime::allowed()), stream(CaseKind::Adapter, 60_000));
}

#[test]
fn static_types_reach_nearly_everything_that_is_possible_and_nothing_else() {
    check_mix(Mix::new(CaseKind::Typed, &wasmtime::allowed()), stream(CaseKind::Typed, 30_000));
}

/// Some cells are reached so rarely that another seed is needed for them.
const RARE: usize = 5;

#[track_caller]
fn check_mix(mut mix: Mix, cases: impl Iterator<Item = Case>) {
    let mut session = Session::importing().unwrap();
    let mut coverage = SpecCoverage::default();
    for case in cases {
        let reading = session.read(&case, Deviations::NONE).unwrap();
        mix.add(&case, &reading);
        coverage.add(&reading.points);
    }
    assert_eq!(coverage.contradicted(), Vec::<String>::new());
    assert_eq!(mix.contradicted(), Vec::<String>::new());
    assert!(mix.empty().len() <= RARE, "{:#?}", mix.empty());
}

#[track_caller]
fn check_target(kind: CaseKind) {
    let mut data = vec![0xab; 4096];
    let mut size = 10;
    let mut kept = 0;
    for seed in 0..300 {
        size = fuzz::mutate(kind, &mut data, size, 4096, seed);
        kept += usize::from(fuzz::target(kind, &data[..size]) == Input::Keep);
    }
    assert_eq!(kept, 300);
}

#[test]
fn the_body_of_each_target_takes_what_its_mutator_makes() {
    CaseKind::ALL.into_iter().for_each(check_target);
}

#[test]
fn junk_is_rejected() {
    for junk in [&b""[..], b"cfz", b"cfz0", b"cfz9", &[0xff; 300]] {
        assert_eq!(fuzz::target(CaseKind::LiftLower, junk), Input::Reject);
    }
}

#[test]
fn mutation_changes_cases_and_keeps_them_valid() {
    let allowed = wasmtime::allowed();
    for (seed, case) in (0..).zip(cases(200)) {
        let mut mutated = case.clone();
        for step in 0..20 {
            generate::mutate(&mut mutated, seed * 100 + step, &allowed, &Limits::CASE);
            check::check(&mutated, &Limits::CASE).unwrap();
        }
        assert_ne!(mutated, case);
    }
}
