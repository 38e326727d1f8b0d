//! The ways in and out of a component: none changes what a case shows.

use std::path::PathBuf;

use canonfuzz::case::check::check;
use canonfuzz::case::paths::Paths;
use canonfuzz::case::{Case, Limits, Manner, Tuning};
use canonfuzz::oracle::Verdict;
use canonfuzz::{Session, corpus, report};

/// Checks that every case of the corpus that `change` leaves valid agrees, in every other mode.
#[track_caller]
fn check_all(least: usize, change: impl Fn(&mut Case)) {
    let mut session = Session::new().unwrap();
    let (mut count, mut reports) = (0, Vec::new());
    for path in corpus::find(&[PathBuf::from("corpus")]).unwrap() {
        let mut case = corpus::load(&path).unwrap().file.case;
        change(&mut case);
        for paths in case.paths.others(case.tuning) {
            let other = Case { paths, ..case.clone() };
            if check(&other, &Limits::CASE).is_err() {
                continue;
            }
            count += 1;
            let checked = session.check(&other).unwrap();
            if let Verdict::Disagree(difference) = &checked.verdict {
                let name = path.display().to_string();
                reports.push(report::disagreement(&name, &other, &checked, difference, ""));
            }
        }
    }
    println!("{count} cases");
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    assert!(count >= least, "only {count} cases");
}

#[test]
fn no_mode_of_calls_changes_what_a_case_shows() {
    check_all(800, |case| case.tuning.concurrency = true);
}

#[test]
fn awaiting_without_concurrency_changes_nothing() {
    check_all(300, |case| case.tuning.concurrency = false);
}

#[test]
fn waiting_turns_and_neighbors_change_nothing() {
    check_all(500, |case| {
        case.tuning = Tuning { concurrency: true, fuel: true, epochs: true, ..case.tuning };
        let imports = case.shape.guests.last().is_some_and(|last| last.import.is_some());
        // Where nothing is awaited, nothing is polled: `others` knows.
        case.paths = Paths { polls: if imports { 2 } else { 0 }, neighbor: true, ..case.paths };
    });
}

#[test]
fn two_calls_at_once_are_two_calls() {
    check_all(300, |case| {
        case.tuning.concurrency = true;
        case.calls.iter_mut().for_each(|call| call.manner = Manner::Twice);
    });
}
