//! The committed corpus: every case is canonical, the reference says what it expects, the subject
//! agrees but for registered divergences, and the register is true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use canonfuzz::{Session, corpus, replay, report};

#[test]
fn every_case_replays() {
    let mut session = Session::new().unwrap();
    let folder = Path::new("corpus");
    let files = corpus::find(&[PathBuf::from(folder)]).unwrap();
    let mut verdicts = BTreeMap::new();
    let mut complaints = Vec::new();
    for path in &files {
        let replayed = replay::replay(&mut session, path, false).unwrap();
        let name = path.display();
        complaints.extend(replayed.complaints.iter().map(|line| format!("{name}: {line}")));
        complaints.extend(replayed.report);
        verdicts.insert(path.clone(), replayed.verdict);
    }
    complaints.extend(replay::check_register(folder, &verdicts).unwrap());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(files.len() >= 80, "only {} cases", files.len());
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
        [checked.expected.observation, checked.observed].map(|seen| report::timeline(&case, &seen))
    };
    assert_eq!(says(), says());
}
