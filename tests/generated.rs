//! Generated cases: what holds for every one of them.

use canonfuzz::abi::Deviations;
use canonfuzz::case::text::{self, CaseFile};
use canonfuzz::case::{Case, Limits, bytes, check};
use canonfuzz::component::decode;
use canonfuzz::component::definition::Import;
use canonfuzz::engine::wasmtime;
use canonfuzz::fuzz::{self, Input};
use canonfuzz::generate::{self, Stream};
use canonfuzz::mix::Mix;
use canonfuzz::oracle::Verdict;
use canonfuzz::{Session, corpus, encode, report};

const SEED: u64 = 20_261_122;

fn cases(count: usize) -> Vec<Case> {
    let mut stream = Stream::new(SEED, wasmtime::features(), Limits::CASE);
    (0..count).map(|_| stream.next_case()).collect()
}

#[test]
fn they_are_valid_and_survive_both_encodings() {
    for case in cases(2_000) {
        check::check(&case, &Limits::CASE).unwrap();
        assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case);
        let file: CaseFile = corpus::unexplained(case);
        let text = text::print(&file);
        let read = text::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, file, "{text}");
        assert_eq!(text::print(&read), text);
    }
}

#[test]
fn their_components_are_valid_and_have_the_types_of_the_case() {
    for case in cases(20_000).iter().step_by(20) {
        let decoded = decode::decode(&encode::component(&case.shape)).unwrap();
        let imported = decoded
            .imports
            .iter()
            .find_map(|(_, import)| if let Import::Func(ty) = import { Some(ty) } else { None });
        assert_eq!(imported, case.shape.import.as_ref().map(|import| &import.ty));
        assert_eq!(decoded.export(encode::EXPORT), Some(&case.shape.export.ty));
    }
}

#[test]
fn subject_and_reference_agree_on_them() {
    let mut session = Session::new().unwrap();
    for case in cases(1_000) {
        let checked = session.check(&case).unwrap();
        if let Verdict::Disagree(difference) = &checked.verdict {
            panic!("{}", report::disagreement("generated", &case, &checked, difference, "-"));
        }
        assert!(!matches!(checked.verdict, Verdict::Inconclusive(_)), "{:?}", checked.verdict);
    }
}

#[test]
fn they_reach_nearly_everything_that_is_possible_and_nothing_else() {
    let mut session = Session::new().unwrap();
    let mut mix = Mix::new(&wasmtime::features());
    for case in cases(10_000) {
        mix.add(&case, &session.read(&case, Deviations::NONE).unwrap());
    }
    assert_eq!(mix.contradicted(), Vec::<String>::new());
    assert!(mix.empty().len() < 20, "{:#?}", mix.empty());
}

#[test]
fn the_body_of_lift_lower_takes_what_its_mutator_makes() {
    let mut data = vec![0xab; 4096];
    let mut size = 10;
    let mut kept = 0;
    for seed in 0..300 {
        size = fuzz::mutate(&mut data, size, 4096, seed);
        kept += usize::from(fuzz::lift_lower(&data[..size]) == Input::Keep);
    }
    assert_eq!(kept, 300);
}

#[test]
fn junk_is_rejected() {
    for junk in [&b""[..], b"cfz", b"cfz1", b"cfz9", &[0xff; 300]] {
        assert_eq!(fuzz::lift_lower(junk), Input::Reject);
    }
}

#[test]
fn mutation_changes_cases_and_keeps_them_valid() {
    let allowed = wasmtime::features();
    for (seed, case) in (0..).zip(cases(200)) {
        let mut mutated = case.clone();
        for step in 0..20 {
            generate::mutate(&mut mutated, seed * 100 + step, &allowed, &Limits::CASE, false);
            check::check(&mutated, &Limits::CASE).unwrap();
        }
        assert_ne!(mutated, case);
    }
}
