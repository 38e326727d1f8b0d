//! Shrinking: what is left of the cases that show each planted fault is known to the letter.
//!
//! The files are rewritten by `cargo run -- planted --shape lift_lower --seed 1,2,3 --shrunk
//! tests/golden/planted/lift_lower`, and the same for `adapter` and `typed`, into folders that were emptied before; the
//! difference is to be reviewed like code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use canonfuzz::case::{CaseKind, text};
use canonfuzz::planted::small::{Small, small};
use canonfuzz::shrink::{shrink, types_and_calls};
use canonfuzz::{Session, corpus, generate};

const SEEDS: [u64; 3] = [1, 2, 3];
/// Within so many generated cases each seed finds all faults.
const CASES: u64 = 10_000;

/// Of all faults of this kind, each found by all of the seeds, what is left is what the files say.
#[track_caller]
fn check(kind: CaseKind) -> Vec<Small> {
    let all = small(kind, &SEEDS, CASES, &mut |_| {}).unwrap();
    let mut session = Session::new().unwrap();
    let mut found = BTreeMap::new();
    for one in &all {
        for (name, file) in one.files(&mut session).unwrap() {
            found.insert(format!("{name}.toml"), text::print(&file));
        }
    }
    let folder = Path::new("tests/golden/planted").join(kind.name());
    let wanted: BTreeMap<String, String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    for (name, text) in &found {
        assert_eq!(Some(text), wanted.get(name), "{name}");
    }
    assert_eq!(names(&found), names(&wanted));
    for one in &all {
        let found_by: usize = one.forms.iter().map(|form| form.seeds.len()).sum();
        assert_eq!(found_by, SEEDS.len(), "{}", one.fault);
    }
    all
}

/// At most three types and one call in half of them.
fn check_goal(all: &[Small]) {
    let forms = all.iter().flat_map(|one| &one.forms);
    let sizes = forms.map(|form| types_and_calls(&form.case));
    let (mut types, mut calls): (Vec<_>, Vec<_>) = sizes.unzip();
    types.sort_unstable();
    calls.sort_unstable();
    assert!(types[types.len() / 2] <= 3, "{types:?}");
    assert!(calls[calls.len() / 2] <= 1, "{calls:?}");
}

#[test]
fn faults_shrink_to_the_cases_that_are_known() {
    check_goal(&check(CaseKind::LiftLower));
}

#[test]
fn faults_between_guests_shrink_to_the_cases_that_are_known() {
    check_goal(&check(CaseKind::Adapter));
}

#[test]
fn faults_in_static_types_shrink_to_the_cases_that_are_known() {
    check_goal(&check(CaseKind::Typed));
}

#[test]
fn an_early_end_keeps_the_smallest_so_far() {
    let path = Path::new("corpus/known/list-misaligned-and-out-of-bounds.toml");
    let mut case = corpus::load(path).unwrap().file.case;
    // The first trap ends all, so that the others are for nothing.
    case.calls = vec![case.calls[0].clone(); 8];
    let mut session = Session::new().unwrap();
    let mut shrunk = |most| shrink(&mut session, &case, &mut |so_far| so_far.tried < most).unwrap();
    let (few, all) = (shrunk(3), shrunk(u64::MAX));
    assert_eq!((few.tried, few.is_done, all.is_done), (3, false, true));
    assert_eq!(few.kind, all.kind);
    let [given, few, all] = [&case, &few.case, &all.case].map(generate::size);
    assert!(all < few && few < given, "{all:?} {few:?} {given:?}");
}
