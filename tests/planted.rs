//! The proof that a run can see: every planted fault is found, and soon.

use canonfuzz::abi::Deviation;
use canonfuzz::case::CaseKind;
use canonfuzz::planted::{hunt, ways};

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
