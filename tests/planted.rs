//! The proof that a run can see: every planted fault is found, and soon.

use canonfuzz::Session;
use canonfuzz::abi::Deviation;
use canonfuzz::case::{CaseKind, Limits};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::planted::{self, hunt, ways};

/// Within so many generated cases each fault has to show.
const CASES: u64 = 10_000;

#[track_caller]
fn check(kind: CaseKind, all: &[Deviation]) {
    let planted = hunt(kind, 20_261_125, CASES, &mut |_, _| {}).unwrap();
    let names = planted.iter().filter(|fault| fault.found.is_none());
    let missed: Vec<&str> = names.map(|fault| fault.fault.name()).collect();
    assert!(missed.is_empty(), "not found within {CASES} cases: {missed:?}");
    assert_eq!(planted.len(), all.len());
}

#[test]
fn every_planted_fault_is_found() {
    check(CaseKind::LiftLower, Deviation::PLANTED);
}

#[test]
fn every_planted_fault_between_guests_is_found() {
    check(CaseKind::Adapter, Deviation::PLANTED_FUSED);
}

#[test]
fn every_planted_fault_that_no_script_shows_is_found() {
    assert!(Deviation::PLANTED_NOISY.len() >= 6);
    check(CaseKind::Noisy, Deviation::PLANTED_NOISY);
}

/// How many cases of guests that follow scripts show no such fault.
const SCRIPTED: u64 = 1_000;

#[test]
fn guests_that_follow_scripts_do_not_show_what_noise_shows() {
    let mut session = Session::new().unwrap();
    for kind in [CaseKind::LiftLower, CaseKind::Adapter] {
        let mut planted = planted::all(CaseKind::Noisy);
        let mut stream = Stream::new(20_261_125, kind, wasmtime::allowed(), Limits::CASE);
        for number in 1..=SCRIPTED {
            planted::look(&mut session, &stream.next_case(), number, &mut planted).unwrap();
        }
        let found = planted.iter().filter(|one| one.found.is_some());
        let found: Vec<&str> = found.map(|one| one.fault.name()).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[track_caller]
fn check_ways(kind: CaseKind) -> usize {
    let planted = ways::hunt(kind, 20_261_127, CASES, &mut |_, _| {}).unwrap();
    let missed = planted.iter().filter(|one| one.found.is_none());
    let missed: Vec<&str> = missed.map(|one| one.fault.name).collect();
    assert!(missed.is_empty(), "not found within {CASES} cases: {missed:?}");
    planted.len()
}

#[test]
fn every_fault_in_one_way_in_or_out_is_found() {
    assert!(check_ways(CaseKind::LiftLower) + check_ways(CaseKind::Typed) >= 10);
}

#[test]
fn names_of_deviations_are_unique() {
    for deviation in Deviation::all() {
        assert_eq!(Deviation::named(deviation.name()), Some(deviation));
    }
}
