//! The proof that a run can see: every planted fault is found, and soon.

use canonfuzz::abi::{Deviation, Point, Recorder};
use canonfuzz::case::{CaseKind, Limits};
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::planted::unchecked::{self, Unchecked};
use canonfuzz::planted::{self, hunt, ways};
use canonfuzz::{Session, corpus};

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

/// Cases of this kind, until those checks are shown to be left out that they may show, or there are enough.
fn without_checks(kind: CaseKind) -> Vec<Unchecked> {
    let any_missed = &mut |_, all: &[Unchecked]| all.iter().any(Unchecked::is_missed);
    let all = unchecked::hunt(kind, 20_261_130, CASES, any_missed).unwrap();
    let contradicted = all.iter().filter(|one| one.found.is_some() && one.why_not.is_some());
    let contradicted: Vec<_> = contradicted.map(|one| one.check.name()).collect();
    assert!(contradicted.is_empty(), "{contradicted:?}");
    all
}

fn missed(all: &[Unchecked]) -> Vec<String> {
    all.iter().filter(|one| one.is_missed()).map(|one| one.check.name()).collect()
}

#[test]
fn every_check_that_is_left_out_is_found() {
    let by_host = without_checks(CaseKind::LiftLower);
    assert!(missed(&by_host).is_empty(), "{:?}", missed(&by_host));
    let mut all = without_checks(CaseKind::Adapter);
    let by_host = |check| by_host.iter().any(|one| one.check == check && one.found.is_some());
    all.retain(|one| !by_host(one.check));
    // Some are shown by fewer cases than one in ten thousand.
    let mut session = Session::new().unwrap();
    for path in corpus::find(&["corpus/adapter/realloc".into()]).unwrap() {
        let case = corpus::load(&path).unwrap().file.case;
        unchecked::look(&mut session, &case, 0, &mut all).unwrap();
    }
    assert!(missed(&all).is_empty(), "{:?}", missed(&all));
    let impossible = all.iter().filter(|one| one.found.is_none()).count();
    assert_eq!((Point::sync_checks().len(), impossible), (112, 42));
}

#[test]
fn the_table_has_every_check() {
    let table = include_str!("../docs/planted.md");
    for check in Point::sync_checks() {
        assert!(table.contains(&unchecked::name(check)), "{}", check.name());
    }
}

#[test]
fn nothing_panics_without_any_check_nor_without_each() {
    let mut session = Session::new().unwrap();
    let without = Recorder::unchecked(Point::sync_checks());
    let mut each = unchecked::all(CaseKind::Adapter);
    for kind in CaseKind::ALL {
        let mut stream = Stream::new(20_261_130, kind, wasmtime::allowed(), Limits::CASE);
        for number in 1..=SCRIPTED {
            let case = stream.next_case();
            session.read_watched(&case, &without).unwrap();
            unchecked::look(&mut session, &case, number, &mut each).unwrap();
        }
    }
}

#[test]
fn names_of_deviations_are_unique() {
    for deviation in Deviation::all() {
        assert_eq!(Deviation::named(deviation.name()), Some(deviation));
    }
}
