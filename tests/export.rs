//! Cases as files that stand on their own: all of the corpus in all formats, and scripts on both engines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use canonfuzz::abi::{Deviation, Deviations};
use canonfuzz::case::text::CaseFile;
use canonfuzz::component::limits::MEMORY_SIZE;
use canonfuzz::component::wast::read::Script;
use canonfuzz::component::wast::{Side, run, with_stack};
use canonfuzz::engine::wasmtime;
use canonfuzz::export::trial::{Trial, trial};
use canonfuzz::export::{self, About, Format, NotExported};
use canonfuzz::observation::Outcome;
use canonfuzz::oracle::Verdict;
use canonfuzz::wast::Stage;
use canonfuzz::{Session, corpus};

/// A case of the corpus, and what both sides say of it.
struct Checked {
    name: String,
    file: CaseFile,
    checked: canonfuzz::Checked,
}

/// The whole corpus.
fn all() -> &'static [Checked] {
    static ALL: LazyLock<Vec<Checked>> = LazyLock::new(check_all);
    &ALL
}

fn check_all() -> Vec<Checked> {
    let mut session = Session::new().unwrap();
    let files = corpus::find(&[PathBuf::from("corpus")]).unwrap();
    let check = |path: PathBuf| {
        let file = corpus::load(&path).unwrap().file;
        let case = export::without_unused_import(&file.case);
        let checked = session.check(&case).unwrap();
        Checked { name: path.display().to_string(), file, checked }
    };
    files.into_iter().map(check).collect()
}

fn exported(case: &Checked, format: Format) -> Result<Vec<u8>, NotExported> {
    let words = match (&case.checked.verdict, &case.checked.observed.outcome) {
        (Verdict::Agree, Outcome::Trapped(_, words)) => words.lines().next().map(str::to_string),
        _ => None,
    };
    let about = About::new("case", 0, wasmtime::VERSION, words);
    export::export(&case.file, &case.checked.expected, format, &about)
}

#[test]
fn every_case_is_exported_in_every_format_or_the_reason_is_one_line() {
    let mut refused = Vec::new();
    for case in all() {
        for format in Format::ALL {
            match exported(case, format) {
                Ok(bytes) => {
                    assert!(is_well_formed(&bytes, format), "{} {format:?}", case.name)
                }
                Err(why) => {
                    assert_eq!(why.to_string().lines().count(), 1, "{}: {why}", case.name);
                    refused.push(format!("{} as {format:?}: {why}", case.name));
                }
            }
        }
    }
    let reasons = [
        "a host that makes a mistake",
        "a host with static types",
        "core code that nobody scripted",
        "two calls at the same time",
    ];
    let surprising = |why: &&String| !reasons.iter().any(|reason| why.contains(reason));
    let surprising: Vec<_> = refused.iter().filter(surprising).collect();
    assert!(surprising.is_empty(), "{surprising:#?}");
}

fn is_well_formed(bytes: &[u8], format: Format) -> bool {
    match format {
        Format::Component | Format::Core => {
            let mut validator =
                wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
            validator.validate_all(bytes).map_err(|error| eprintln!("{error}")).is_ok()
        }
        Format::Bytes => canonfuzz::case::bytes::decode(bytes).is_ok(),
        Format::Text => canonfuzz::case::text::parse(std::str::from_utf8(bytes).unwrap()).is_ok(),
        Format::Rust => {
            let text = std::str::from_utf8(bytes).unwrap();
            text.contains("#[test]")
        }
        Format::Wit => bytes.starts_with(b"world case {"),
        Format::Wast => {
            let text = std::str::from_utf8(bytes).unwrap();
            let script = Script::parse(text).unwrap();
            script.directives().map_err(|error| eprintln!("{error}")).is_ok()
        }
    }
}

/// A divergence of calls that wait, where the runner awaits.
const AWAITED: &str = "corpus/known/adapter-async-function-that-is-waited-for.toml";

/// Whether all directives passed.
fn passes(side: &Side) -> bool {
    let counts = side.counts();
    counts.failed == 0 && counts.skipped == 0 && counts.inconclusive == 0
}

#[test]
fn a_script_passes_on_the_reference_and_fails_on_the_subject_where_that_is_wrong() {
    let mut wrong = Vec::new();
    let mut run = [0, 0];
    let cases = all();
    with_stack(|| {
        for case in cases {
            let Ok(text) = exported(case, Format::Wast) else { continue };
            let text = String::from_utf8(text).unwrap();
            if text.contains("(component definition") {
                continue;
            }
            let played = Stage::both(MEMORY_SIZE)
                .unwrap()
                .play(&text)
                .unwrap_or_else(|why| panic!("{}: {why}\n{text}", case.name));
            let [reference, subject] = &played.sides[..] else { unreachable!() };
            // Whoever meets another of several faults first is as right as the subject, whose words these are.
            let one_fault = case.checked.expected.faults.traps.len() <= 1;
            if !passes(reference) && one_fault {
                wrong.push(format!("{} on the reference: {}", case.name, failures(reference)));
            }
            let agrees = case.checked.verdict == Verdict::Agree || case.name == AWAITED;
            run[usize::from(agrees)] += 1;
            if passes(subject) != agrees {
                let says = &case.checked.verdict;
                wrong.push(format!(
                    "{} on the subject: {says:?}: {}",
                    case.name,
                    failures(subject)
                ));
            }
        }
    })
    .unwrap();
    let [failing, passing] = run;
    assert!(failing >= 10 && passing >= 290, "{run:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_script_of_what_a_planted_fault_shrinks_to_fails_where_the_fault_is() {
    let mut counts = BTreeMap::new();
    for kind in ["lift_lower", "adapter"] {
        let folder = PathBuf::from("tests/golden/planted").join(kind);
        for path in corpus::find(&[folder]).unwrap() {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            // Those after the first are numbered.
            let Some(fault) = Deviation::named(stem.trim_end_matches(['-', '2', '3'])) else {
                continue;
            };
            let tried = trial_of(&path, fault);
            let failed = matches!(tried, Trial::Misses | Trial::Fails(_));
            assert!(!failed, "{}: {tried:?}", path.display());
            *counts.entry(tried.name()).or_insert(0) += 1;
        }
    }
    assert!(counts["shows it"] >= 80, "{counts:?}");
}

fn trial_of(path: &Path, fault: Deviation) -> Trial {
    let file = corpus::load(path).unwrap().file;
    let case = export::without_unused_import(&file.case);
    let expected = Session::new().unwrap().read(&case, Deviations::NONE).unwrap();
    let about = About::new("case", 0, wasmtime::VERSION, None);
    with_stack(|| trial(&file, &expected, &about, Deviations::from_iter([fault]))).unwrap()
}

fn failures(side: &Side) -> String {
    let failed = side.steps.iter().filter(|step| step.verdict != run::Verdict::Passed);
    failed.map(|step| format!("line {}: {:?}; ", step.line, step.verdict)).collect()
}

/// What a script has to say of a case, line by line, without what comes before and after.
#[track_caller]
fn check(case: &str, format: Format, lines: &[&str]) {
    let file = corpus::load(Path::new(case)).unwrap().file;
    let kept = export::without_unused_import(&file.case);
    let checked = Session::new().unwrap().check(&kept).unwrap();
    let case = Checked { name: case.to_string(), file, checked };
    let text = String::from_utf8(exported(&case, format).unwrap()).unwrap();
    let written: Vec<&str> = text.lines().map(str::trim).collect();
    let found = written.windows(lines.len()).any(|window| window == lines);
    assert!(found, "{lines:#?}\nin\n{text}");
}

#[test]
fn a_guest_checks_what_its_realloc_is_asked() {
    let lines = [
        "(if (call $next (i32.const 0))",
        "(then",
        "(call $expect (i32.eq (local.get $old) (i32.const 0)))",
        "(call $expect (i32.eq (local.get $old-size) (i32.const 0)))",
        "(call $expect (i32.eq (local.get $align) (i32.const 2)))",
        "(call $expect (i32.eq (local.get $new-size) (i32.const 2)))",
        "(return)))",
        "(call $expect (call $next (i32.const 1)))",
        "(call $expect (i32.eq (local.get $old) (i32.const 1024)))",
        "(call $expect (i32.eq (local.get $old-size) (i32.const 2)))",
        "(call $expect (i32.eq (local.get $align) (i32.const 1)))",
        "(call $expect (i32.eq (local.get $new-size) (i32.const 1))))",
    ];
    check("corpus/known/adapter-compacts-aligned-to-two.toml", Format::Wast, &lines);
}

#[test]
fn a_trap_is_asserted_in_the_engines_words() {
    let lines = ["(assert_trap (invoke \"f\") \"pointer not aligned\")"];
    check("corpus/known/list-misaligned-and-out-of-bounds.toml", Format::Wast, &lines);
}

#[test]
fn where_a_runner_awaits_it_is_told_to_wait() {
    let file = corpus::load(Path::new(AWAITED)).unwrap().file;
    let checked = Session::new().unwrap().check(&file.case).unwrap();
    let case = Checked { name: AWAITED.to_string(), file, checked };
    let text = String::from_utf8(exported(&case, Format::Wast).unwrap()).unwrap();
    assert!(
        text.contains(";; Run it: wasmtime wast --async=false -W component-model-async=y FILE")
    );
}

#[test]
fn what_runners_have_no_constants_for_is_left_to_a_host() {
    let lines = [
        ";; This is as far as a script can go: runners have no constants of maps and of lists of fixed",
        ";; length. A host has to do what follows; `canonfuzz export --format rust` is one that does.",
    ];
    check("tests/golden/planted/lift_lower/spilled-params-byte-aligned.toml", Format::Wast, &lines);
}

#[test]
fn where_the_host_is_a_party_a_script_says_what_it_does() {
    let lines = [
        ";;   ;; In the next call the host sees: g(1)",
        ";;   ;; In the next call the host sees: g(2)",
        ";;   (assert_trap (invoke \"f\") \"the host's function fails, as it is told\")",
    ];
    check("corpus/host-import/error.toml", Format::Wast, &lines);
    let lines = [
        "let args = [];",
        "let trapped = call(&mut store, f, &args);",
        "let error = format!(\"{:?}\", trapped.expect_err(\"it has to trap\"));",
        "assert!(error.contains(\"the host's function fails, as it is told\"), \"{error}\");",
        "assert_eq!(std::mem::take(&mut store.data_mut().seen), [(\"g\", vec![Val::U8(1)]), (\"g\", vec![Val::U8(2)])]);",
    ];
    check("corpus/host-import/error.toml", Format::Rust, &lines);
}

/// Runs the command; the exit code, what it prints and what it complains of.
fn command(arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_canonfuzz")).arg("export").args(arguments).output();
    let output = output.unwrap();
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

const CASE: &str = "corpus/strings/latin1-grows-to-utf16.toml";

#[test]
fn the_command_writes_to_a_file_or_to_the_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.wast");
    let (code, printed, complaint) = command(&[CASE, "--format", "wast"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(
        String::from_utf8(printed.clone()).unwrap().contains("(assert_return (invoke \"check\"))")
    );
    let (code, ..) = command(&[CASE, "--format", "wast", "-o", path.to_str().unwrap()]);
    assert_eq!((code, std::fs::read(&path).unwrap()), (Some(0), printed));
    let (code, help, _) = command(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(String::from_utf8(help).unwrap().contains("Example:"));
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let rows: [(&[&str], &str); 6] = [
        (&["nowhere.toml", "--format", "wast"], "nowhere.toml"),
        (&["Cargo.toml", "--format", "text"], "Cargo.toml: "),
        (&[CASE, "--format", "core", "--guest", "1"], "there is no guest 1: the case has 1"),
        (&[CASE, "--format", "wast", "-o", "/dev/null/x"], "cannot write /dev/null/x"),
        (
            &["corpus/misuse/answer-other-type.toml", "--format", "rust"],
            "a host that makes a mistake",
        ),
        (&["corpus", "--format", "text"], "corpus: "),
    ];
    for (arguments, says) in rows {
        let (code, printed, complaint) = command(arguments);
        assert_eq!((code, printed.len()), (Some(2), 0), "{arguments:?}: {complaint}");
        assert!(complaint.contains(says), "{arguments:?}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{complaint}");
    }
}

#[test]
fn a_reader_that_goes_away_is_an_error_and_no_panic() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canonfuzz"));
    command
        .args(["export", CASE, "--format", "wast"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert_eq!(complaint, "canonfuzz: the reader of the standard output has gone away\n");
}

/// The format of scripts has changed: each release is given what it can read.
#[test]
fn destructors_are_spelled_as_the_release_has_them() {
    let path = Path::new("corpus/adapter/chain/destructor-runs-in-the-last.toml");
    let file = corpus::load(path).unwrap().file;
    let reading = Session::new().unwrap().read(&file.case, Deviations::NONE).unwrap();
    let script = |release| {
        let about = About::new("case", 0, release, None);
        String::from_utf8(export::export(&file, &reading, Format::Wast, &about).unwrap()).unwrap()
    };
    assert!(script("47.0.1").contains("(resource (rep i32) (dtor (func $destructor-0))))"));
    assert!(script("48.0.8").contains("(resource (rep i32) (dtor $destructor-0)))"));
}
