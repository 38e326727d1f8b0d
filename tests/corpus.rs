//! The committed corpus: every case is canonical, the reference says what it expects, the subject
//! agrees but for registered divergences, the register is true, and no point of the spec is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use canonfuzz::case::check::check;
use canonfuzz::case::{Case, Limits};
use canonfuzz::mix::SpecCoverage;
use canonfuzz::oracle::Verdict;
use canonfuzz::{Session, corpus, replay, report};

#[test]
fn every_case_replays() {
    let mut session = Session::new().unwrap();
    let folder = Path::new("corpus");
    let files = corpus::find(&[PathBuf::from(folder)]).unwrap();
    let mut verdicts = BTreeMap::new();
    let mut complaints = Vec::new();
    let mut coverage = SpecCoverage::default();
    for path in &files {
        let replayed = replay::replay(&mut session, path, false, None).unwrap();
        let name = path.display();
        complaints.extend(replayed.complaints.iter().map(|line| format!("{name}: {line}")));
        complaints.extend(replayed.report);
        coverage.add(&replayed.points);
        verdicts.insert(path.clone(), replayed.verdict);
    }
    complaints.extend(replay::check_register(folder, &verdicts).unwrap());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let between_guests = files.iter().filter(|path| path.starts_with("corpus/adapter")).count();
    assert!(between_guests >= 200, "only {between_guests} cases between guests");
    let others = files.len() - between_guests;
    assert!(others >= 160, "only {others} other cases");
    assert_eq!(coverage.empty(), Vec::<String>::new(), "the corpus never comes to these");
    assert_eq!(coverage.contradicted(), Vec::<String>::new());
}

/// What no case may depend on, however the subject is configured.
#[test]
fn no_choice_of_tuning_changes_what_a_case_shows() {
    let mut session = Session::new().unwrap();
    let mut reports = Vec::new();
    for path in corpus::find(&[PathBuf::from("corpus")]).unwrap() {
        let case = corpus::load(&path).unwrap().file.case;
        for tuning in case.tuning.flipped() {
            let flipped = Case { tuning, ..case.clone() };
            // Some ways of calling need a choice.
            if check(&flipped, &Limits::CASE).is_err() {
                continue;
            }
            let checked = session.check(&flipped).unwrap();
            if let Verdict::Disagree(difference) = &checked.verdict {
                let name = path.display().to_string();
                reports.push(report::disagreement(&name, &flipped, &checked, difference, ""));
            }
        }
    }
    assert!(reports.is_empty(), "{}", reports.join("\n"));
}

#[test]
fn every_case_says_which_rule_it_shows_and_what_is_to_be_seen() {
    for path in corpus::find(&[PathBuf::from("corpus")]).unwrap() {
        let file = corpus::load(&path).unwrap().file;
        assert!(file.rule.ends_with('.') && file.rule.len() > 20, "{}", path.display());
        assert!(!file.expect.is_empty(), "{}", path.display());
    }
}

#[test]
fn the_same_case_gives_the_same_report_twice() {
    let path = Path::new("corpus/spill/seventeen-params.toml");
    let case = corpus::load(path).unwrap().file.case;
    let says = || {
        let checked = Session::new().unwrap().check(&case).unwrap();
        let [expected, observed] = [&checked.expected.observation, &checked.observed];
        [expected, observed].map(|seen| report::timeline(&case, &checked.prepared, seen))
    };
    assert_eq!(says(), says());
}
