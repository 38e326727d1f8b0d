//! A subject that dies by a signal: what a run keeps of that, and to what it is shrunk.
//!
//! Some releases do, but the default subject is not known to: the fault is planted in the worker. A worker is
//! the program that starts it, so this one has a `main` of its own.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use canonfuzz::case::{Case, CaseKind, Limits, text};
use canonfuzz::engine::{wasmtime, worker};
use canonfuzz::generate::{Stream, size};
use canonfuzz::observation::Outcome;
use canonfuzz::releases::{self, Against};
use canonfuzz::run::{News, Plan, Progress, Shares, run};
use canonfuzz::shrink::shrink;
use canonfuzz::value::Value;
use canonfuzz::{Session, corpus};

const SEED: u64 = 1;
const CASES: u64 = 150;
const LIMIT: Duration = Duration::from_secs(30);

/// How it shows.
const KIND: &str = "crashed: SIGABRT";

/// The file for it.
const FILE: &str = "crashed-sigabrt-1.toml";

/// What the worker says last.
const LAST_WORDS: &str = "no character of more than one byte is wanted";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == [worker::COMMAND, "--about"] {
        return println!("{}", releases::about().unwrap());
    }
    if arguments == [worker::COMMAND] && !std::io::stdin().is_terminal() {
        return worker::serve(&mut die).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = a_run_keeps_the_smallest_of_a_kind(folder.path());
    what_is_kept_is_shrunk_by_workers(&kept);
    runs_into_one_folder_add_up(&kept);
    a_run_ends_at_the_first_finding_if_it_is_to();
    what_cannot_be_written_is_told_and_the_run_goes_on();
    two_jobs_find_the_same_each_time();
    who_cannot_come_back_is_not_waited_for();
    what_only_a_second_build_shows_is_told_where_it_cannot_be_written(folder.path());
}

/// The fault: some cases are not survived.
fn die(case: &Case) {
    if is_deadly(case) {
        eprintln!("{LAST_WORDS}");
        std::process::abort();
    }
}

fn is_deadly(case: &Case) -> bool {
    case.calls.iter().flat_map(|call| &call.args).any(has_wide_character)
}

fn has_wide_character(value: &Value) -> bool {
    if let Value::String(text) = value {
        return !text.text.is_ascii();
    }
    value.parts().iter().any(has_wide_character)
}

fn plan(findings: &Path, jobs: u64) -> Plan {
    Plan {
        shares: Shares::of(CaseKind::LiftLower),
        seed: SEED,
        jobs,
        cases: Some(CASES),
        time: None,
        max_findings: None,
        findings: findings.to_path_buf(),
        spec_coverage: false,
        isolated: Some(LIMIT),
        against: None,
    }
}

/// Of all cases of a run that are deadly the smallest is in the file; it is not the first.
fn a_run_keeps_the_smallest_of_a_kind(folder: &Path) -> PathBuf {
    let plan = plan(folder, 1);
    let (summary, ended) = run(&plan, &Progress::default(), &mut |_| {});
    ended.unwrap();
    let mut stream = Stream::new(SEED, CaseKind::LiftLower, wasmtime::allowed(), Limits::CASE);
    let cases = (0..CASES).map(|_| stream.next_case());
    let deadly: Vec<Case> = cases.filter(is_deadly).collect();
    let line = format!("{:<5}disagree ({KIND})\n", deadly.len());
    assert!(summary.text(false).contains(&line), "{}", summary.text(false));
    let smallest = deadly.iter().min_by_key(|case| size(case)).unwrap();
    assert!(size(smallest) < size(&deadly[0]) && smallest != deadly.last().unwrap());
    let path = folder.join(FILE);
    assert_eq!(corpus::load(&path).unwrap().file.case, *smallest);
    let report = fs::read_to_string(path.with_extension("txt")).unwrap();
    assert!(report.contains(&format!("crashed (SIGABRT: {LAST_WORDS})")), "{report}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "one case, and its report");
    path
}

/// Nothing smaller is replaced, and nothing that somebody has reviewed.
fn runs_into_one_folder_add_up(kept: &Path) {
    let folder = kept.parent().unwrap();
    let files = || fs::read_dir(folder).unwrap().count();
    let again = |plan: Plan| {
        let (summary, ended) = run(&plan, &Progress::default(), &mut |_| {});
        ended.unwrap();
        summary.files().map(Path::to_path_buf).collect::<Vec<_>>()
    };
    let before = fs::read_to_string(kept).unwrap();
    assert_eq!(again(plan(folder, 1)), [kept]);
    assert_eq!((fs::read_to_string(kept).unwrap(), files()), (before, 2));
    // The first cases have only larger ones.
    let mut file = corpus::load(kept).unwrap().file;
    let few = Plan { cases: Some(CASES / 10), ..plan(folder, 1) };
    assert_eq!(again(few), [kept]);
    assert_eq!(corpus::load(kept).unwrap().file, file);
    assert_ne!(again(Plan { seed: SEED + 1, ..plan(folder, 1) }), [kept]);
    assert_eq!(files(), 4);
    file.rule = "Somebody has looked at it.".to_string();
    corpus::save(kept, &file).unwrap();
    assert_eq!(again(plan(folder, 1)), [folder.join("crashed-sigabrt-1-2.toml")]);
    assert_eq!((corpus::load(kept).unwrap().file, files()), (file, 6));
}

fn a_run_ends_at_the_first_finding_if_it_is_to() {
    let folder = tempfile::tempdir().unwrap();
    let (progress, mut told) = (Progress::default(), Vec::new());
    let plan = Plan { max_findings: Some(1), ..plan(folder.path(), 1) };
    let (summary, ended) = run(&plan, &progress, &mut |progress| told.extend(progress.news()));
    ended.unwrap();
    assert!(summary.cases < CASES, "{}", summary.cases);
    let [News::Found { heading, lines }] = told.as_slice() else { panic!("told {}", told.len()) };
    assert_eq!(heading, &format!("FINDING: disagree ({KIND})"));
    assert!(lines[0].contains(FILE) && lines.last().unwrap().contains(" show "), "{lines:#?}");
    let page = summary.page().unwrap();
    assert!(page.contains("href=\"#kind-0\"") && page.contains("id=\"kind-0\""));
}

/// What is left: one character that the worker does not survive.
const SHRUNK: &str = r#"wit = """
world case {
  export f: func(p0: string);
}
"""

[export]
memory = true
realloc = true

[[call]]
args = ['"é"']
"#;

fn what_is_kept_is_shrunk_by_workers(path: &Path) {
    let mut file = corpus::load(path).unwrap().file;
    let mut session = Session::maybe_isolated(Some(LIMIT)).unwrap();
    let shrunk = shrink(&mut session, &file.case, &mut |_| true).unwrap();
    assert_eq!((shrunk.kind.as_str(), shrunk.is_done), ("disagree (crashed: SIGABRT)", true));
    file.case = shrunk.case;
    let text = text::print(&file);
    let (_, case) = text.split_at(text.find("wit = ").unwrap());
    assert_eq!(case, SHRUNK);
}

/// The case is in what is told, in a form that can be read, and all cases were run.
fn what_cannot_be_written_is_told_and_the_run_goes_on() {
    let (progress, mut told) = (Progress::default(), Vec::new());
    let plan = plan(Path::new("/dev/null/findings"), 1);
    let (summary, ended) = run(&plan, &progress, &mut |progress| told.extend(progress.news()));
    assert_eq!(summary.cases, CASES);
    assert!(summary.has_findings() && summary.text(false).contains("not written: cannot write "));
    let why = ended.unwrap_err().to_string();
    assert!(why.starts_with("cannot write /dev/null/findings/crashed-sigabrt-1.toml: "), "{why}");
    let [.., News::Lost(last)] = told.as_slice() else { panic!("nothing was told") };
    assert!(last.starts_with("cannot write "), "{last}");
    assert_is_deadly(last.lines().last().unwrap());
}

/// Whether what was printed can be read, and is one of the cases that are not survived.
#[track_caller]
fn assert_is_deadly(printed: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printed");
    fs::write(&path, printed).unwrap();
    assert!(is_deadly(&corpus::load(&path).unwrap().file.case));
}

/// Whatever the pace of each.
fn two_jobs_find_the_same_each_time() {
    let found = || {
        let folder = tempfile::tempdir().unwrap();
        let (summary, ended) = run(&plan(folder.path(), 2), &Progress::default(), &mut |_| {});
        ended.unwrap();
        let summary = serde_json::to_value(&summary).unwrap();
        let counts = ["cases", "calls", "counts", "outcomes", "mix"];
        let counts = counts.map(|name| summary[name].clone());
        (counts, corpus::load(&folder.path().join(FILE)).unwrap().file.case)
    };
    let first = found();
    assert_eq!(first.0[0], CASES);
    assert_eq!(found(), first);
}

/// Core code that never ends, which the reference knows by its fuel.
const ENDLESS: &str = include_str!("inputs/endless.toml");

/// Nor is it asked again: whoever was would show that it did not answer.
fn who_cannot_come_back_is_not_waited_for() {
    let case = text::parse(ENDLESS).unwrap().case;
    let mut session = Session::maybe_isolated(Some(Duration::from_secs(1))).unwrap();
    let observed = session.check(&case).unwrap().observed.outcome;
    assert!(matches!(observed, Outcome::NotObserved(_)), "{observed:?}");
}

/// The second build is this program, which does not survive some cases; here the subject does.
fn what_only_a_second_build_shows_is_told_where_it_cannot_be_written(folder: &Path) {
    fs::create_dir(folder.join("scripts")).unwrap();
    let script = folder.join("scripts/subject");
    let program = std::env::current_exe().unwrap();
    fs::write(&script, format!("#!/bin/sh\necho '{}'\n", program.display())).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(script).status().unwrap().success());
    std::env::set_current_dir(folder).unwrap();
    let against = Some(Against::new("dying", LIMIT).unwrap());
    let plan = Plan { isolated: None, against, ..plan(Path::new("/dev/null/findings"), 1) };
    let (summary, ended) = run(&plan, &Progress::default(), &mut |_| {});
    assert_eq!(summary.cases, CASES);
    let why = ended.unwrap_err().to_string();
    assert!(why.starts_with("cannot write /dev/null/findings/only-on-"), "{why}");
    let json = serde_json::to_value(&summary).unwrap();
    let [row] = json["drift"]["kinds"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(row["kind"], KIND);
    let printed = row["case"]["case"].as_str().unwrap();
    let text = summary.text(false);
    assert!(text.lines().any(|line| line == printed), "{text}");
    assert_is_deadly(printed);
}
