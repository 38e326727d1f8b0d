//! The command line end to end: what it prints, where, and with which exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn canonfuzz(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canonfuzz")).args(arguments).output().unwrap()
}

/// The exit code, and what has to be in the output and in the errors; bad input says one line.
#[track_caller]
fn check(arguments: &[&str], code: i32, out: &str, err: &str) {
    let output = canonfuzz(arguments);
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{arguments:?}: {stdout}");
    assert!(stderr.contains(err), "{arguments:?}: {stderr}");
    if code == 2 && !err.is_empty() {
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

/// A file below a fresh folder, with these contents.
fn file(folder: &tempfile::TempDir, name: &str, contents: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_string()
}

/// A case on which the two sides differ, in every release, as the register says.
const KNOWN: &str = "corpus/known/list-misaligned-and-out-of-bounds.toml";

/// What is left of it: what the guest returns.
const SHRUNK: &str =
    "\n[call.return]\nvalues = [\"[]\"]\npatches = [\"memory 0x400 = 010000000040\"]\n";

const CASE: &str = "corpus/strings/latin1-grows-to-utf16.toml";

#[test]
fn run_compares_cases_and_ends_clean() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("summary.json");
    let findings = folder.path().join("findings");
    let paths = [json.to_str().unwrap(), findings.to_str().unwrap()];
    let arguments =
        ["run", "--cases", "300", "--seed", "7", "--json", paths[0], "--findings", paths[1]];
    check(&arguments, 0, "\nno findings: 300 cases, ", "");
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(summary["cases"], 300);
    assert_eq!(summary["seed"], 7);
    assert!(!findings.exists());
}

#[test]
fn run_with_several_jobs_counts_all_cases() {
    check(&["run", "--cases", "200", "--jobs", "2", "--seed", "1"], 0, "200 cases", "");
}

/// What a short run prints, line by line, without what was measured.
fn printed(arguments: &[&str]) -> Vec<String> {
    let output = canonfuzz(&[&["run", "--cases", "90", "--seed", "7"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_string).collect()
}

#[test]
fn run_answers_in_ten_lines_of_eighty_columns() {
    let lines = printed(&[]);
    assert!(lines.len() <= 10, "{lines:#?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
    assert!(lines[0].ends_with(", shape all, seed 7"), "{lines:#?}");
    assert!(lines[1].starts_with("no findings: 90 cases, "), "{lines:#?}");
    assert!(lines.last().unwrap().ends_with(" run --seed 7 --cases 90"), "{lines:#?}");
    let quiet = printed(&["-q"]);
    assert_eq!(quiet.len(), 1, "{quiet:#?}");
    assert!(quiet[0].starts_with("no findings: 90 cases, "), "{quiet:#?}");
    assert!(printed(&["-v"]).iter().any(|line| line.starts_with("  components  ")));
}

#[test]
fn tables_are_printed_before_the_answer_where_they_are_asked_for() {
    let lines = printed(&["--tables", "--shape", "typed,noisy=2"]);
    let shapes: Vec<_> = lines.iter().filter(|line| line.starts_with("shape ")).collect();
    assert_eq!(shapes, ["shape noisy", "shape typed"]);
    assert!(lines.iter().any(|line| line.ends_with("possible cells were reached")), "{lines:#?}");
    let again = lines.last().unwrap();
    assert!(again.ends_with(" run --shape typed,noisy=2 --seed 7 --cases 90"), "{again}");
}

#[test]
fn colours_are_there_where_they_are_wanted() {
    let coloured = |when| printed(&["--color", when]).iter().any(|line| line.contains('\u{1b}'));
    assert!(coloured("always"));
    assert!(!coloured("auto") && !coloured("never"));
}

#[test]
fn times_are_taken_as_people_write_them() {
    for time in ["1s", "900ms", "1s 200ms"] {
        check(&["run", "--for", time, "-q"], 0, "no findings", "");
    }
    check(&["run", "--for", "1m30"], 2, "", "");
    check(&["run", "--for", "10"], 2, "", "");
}

#[test]
fn shells_and_manuals_are_told_of_all_commands() {
    check(&["completions", "bash"], 0, "canonfuzz__subcmd__replay", "");
    check(&["completions", "zsh"], 0, "--max-findings", "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("man1");
    check(&["man", path.to_str().unwrap()], 0, "canonfuzz-run.1\n", "");
    let run = fs::read_to_string(path.join("canonfuzz-run.1")).unwrap();
    assert!(run.contains(".TH canonfuzz-run 1") && run.contains("max\\-findings"), "{run}");
    assert!(!path.join("canonfuzz-worker.1").exists());
}

/// What a run of two jobs and a replay reached, and never.
#[test]
fn points_of_the_spec_are_counted_where_they_are_asked_for() {
    let run = ["run", "--cases", "300", "--jobs", "2", "--seed", "1", "--spec-coverage"];
    check(&run, 0, "points were reached\n  never: spec: ", "");
    let inflation = "utf8 to latin1+utf16, grown block fits";
    let output = canonfuzz(&["replay", CASE, "--spec-coverage"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.contains(inflation)).unwrap();
    let cells: Vec<&str> = row.split_whitespace().rev().take(3).collect();
    assert_eq!(cells[2], "1", "{row}");
    assert!(
        !text.contains(&format!("never: spec: store_string_into_range: {inflation}: the host"))
    );
    assert!(!String::from_utf8(canonfuzz(&["replay", CASE]).stdout).unwrap().contains(inflation));
}

#[test]
fn replay_takes_files_and_folders() {
    check(&["replay", CASE], 0, &format!("{CASE}: agree\n"), "");
    check(&["replay", "corpus/strings", CASE], 0, "clean", "");
}

#[test]
fn replay_prints_what_does_not_agree_and_counts_the_rest() {
    let lines = |arguments: &[&str]| {
        let output = canonfuzz(&[&["replay", CASE, KNOWN], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_string).collect::<Vec<_>>()
    };
    let known = "accepted (list-bounds-before-alignment)";
    let kind = format!("      1  {known}, smallest {KNOWN}");
    let last = |lines: &[String]| lines.last().unwrap().rsplit_once(": ").unwrap().0.to_string();
    let plain = lines(&[]);
    assert_eq!(plain[..plain.len() - 1], *std::slice::from_ref(&kind));
    assert!(last(&plain).ends_with(": 1 agree, 1 known divergence"), "{plain:?}");
    let all = [format!("{CASE}: agree"), format!("{KNOWN}: {known}"), kind];
    assert_eq!(lines(&["-v"])[..3], all);
    assert_eq!(lines(&["-q"]).len(), 1);
}

#[test]
fn verdicts_are_written_as_junit() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(CASE).unwrap();
    let wrong = text.replace("guest f(1042, 0x80000003)", "guest f(1042, 3)");
    let wrong = file(&folder, "wrong.toml", wrong.as_bytes());
    let xml = folder.path().join("verdicts.xml");
    let xml = xml.to_str().unwrap();
    check(&["replay", "--junit", xml, CASE, KNOWN, &wrong], 1, "not clean", "");
    let xml = fs::read_to_string(xml).unwrap();
    assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"1\""), "{xml}");
    assert!(xml.contains("the reference no longer says what the file expects"), "{xml}");
    check(&["replay", "--junit", "/dev/null/x", CASE], 2, "", "/dev/null/x");
}

#[test]
fn replay_takes_encoded_cases() {
    let folder = tempfile::tempdir().unwrap();
    let case = canonfuzz::corpus::load(Path::new(CASE)).unwrap().file.case;
    let path = file(&folder, "crash-1", &canonfuzz::case::bytes::encode(&case));
    check(&["replay", &path], 0, "agree", "");
    check(&["replay", folder.path().to_str().unwrap()], 0, "1 agree: clean", "");
}

#[test]
fn replay_notices_that_the_reference_says_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(CASE).unwrap();
    let wrong = text.replace("guest f(1042, 0x80000003)", "guest f(1042, 3)");
    assert_ne!(text, wrong);
    let path = file(&folder, "wrong.toml", wrong.as_bytes());
    check(&["replay", &path], 1, "no longer says what the file expects", "");
    check(&["replay", "--bless", &path], 0, "clean", "");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn replay_notices_another_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(CASE).unwrap();
    let path = file(&folder, "spelled.toml", text.replacen("rule = ", "rule  = ", 1).as_bytes());
    let json = folder.path().join("verdicts.json");
    let arguments = ["replay", "--json", json.to_str().unwrap(), &path];
    check(&arguments, 1, "line 1: not in canonical form", "");
    let verdicts: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(verdicts["clean"], false);
    assert_eq!((&verdicts["schema"], &verdicts["command"]), (&1.into(), &"replay".into()));
    assert_eq!(verdicts["counts"], serde_json::json!({ "agree": 1 }));
    assert_eq!(verdicts["cases"][&path]["verdict"], "agree");
    let complaint = verdicts["complaints"][0].as_str().unwrap();
    assert!(
        complaint.starts_with(&format!("{path}: line 1: not in canonical form")),
        "{complaint}"
    );
}

#[test]
fn seeds_are_what_each_target_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("seeds");
    // The last one ends a process with debug assertions, or is not supported.
    let crash = "corpus/known/host-and-64-bit-realloc.toml";
    let arguments = ["seeds", "corpus/noise", CASE, crash, "-o", output.to_str().unwrap()];
    check(&arguments, 0, "    1 seeds for lift_lower", "");
    check(&arguments, 0, &format!("{crash}: left out: "), "");
    let seed = fs::read_dir(output.join("lift_lower")).unwrap().next().unwrap().unwrap();
    let name = seed.file_name().into_string().unwrap();
    assert!(name.starts_with("corpus-strings-latin1-grows-to-utf16-"), "{name}");
    let case = canonfuzz::corpus::load(Path::new(CASE)).unwrap().file.case;
    assert_eq!(canonfuzz::case::bytes::decode(&fs::read(seed.path()).unwrap()).unwrap(), case);
    let noisy = fs::read_dir(output.join("noisy_guest")).unwrap().count();
    assert_eq!(noisy, fs::read_dir("corpus/noise").unwrap().count());
    assert_eq!(fs::read_dir(&output).unwrap().count(), 2);
}

#[test]
fn show_explains_where_values_lie() {
    check(&["show", CASE], 0, "p0: string: flat 0..2, size 8, align 4, flat [i32 i32]", "");
    check(&["show", "corpus/spill/seventeen-params.toml"], 0, "spilled into memory", "");
    check(&["show", "--component", CASE], 0, "(canon lift", "");
}

#[test]
fn show_writes_pages_of_cases_and_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("new/page.html");
    let page = page.to_str().unwrap();
    check(&["show", CASE, "--html", page], 0, "page.html: agree", "");
    assert!(fs::read_to_string(page).unwrap().ends_with("</html>"));
    check(&["show", "--html", page, "corpus/spill"], 0, "16 cases, 0 of them in full", "");
    assert!(fs::read_to_string(page).unwrap().contains("16 cases: 16 agree."));
    check(&["show", "corpus/spill"], 2, "", "--html FILE shows one");
    let taken = folder.path().to_str().unwrap();
    check(&["show", "--html", taken, CASE], 2, "", "cannot write");
    check(&["show", "--html", "/dev/null/page.html", CASE], 2, "", "/dev/null/page.html");
    check(&["show", "--html", page, "nowhere.toml"], 2, "", "nowhere.toml");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    check(&["show", "--html", page, empty.to_str().unwrap()], 2, "", "no cases");
    // What was there before is there still.
    assert!(fs::read_to_string(page).unwrap().contains("16 cases: 16 agree."));
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (smaller, findings) = (path("smaller.toml"), path("findings"));
    let (page, script) = (path("page.html"), path("script.wast"));
    let rows: [&[&str]; 12] = [
        &["show", CASE],
        &["show", "--html", &page, CASE],
        &["export", CASE, "--format", "wast", "-o", &script],
        &["replay", CASE],
        &["run", "--cases", "5", "--findings", &findings],
        &["shrink", KNOWN, "-o", &smaller],
        &["planted", "--cases", "5"],
        &["planted", "--shape", "typed", "--cases", "5", "--shrunk", &findings],
        &["vectors", "src/canonical-abi/tests/vectors/vectors.jsonl"],
        &["wast", "--on", "reference", "src/component/tests/wast/numbers.wast"],
        &["diff", "corpus/known/component-calls-itself.wat", "--rounds", "1"],
        &["--help"],
    ];
    for arguments in rows {
        let mut child = Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
        assert_ne!(output.status.code(), Some(101), "{arguments:?}");
    }
    // What was to be written was.
    assert!(canonfuzz::corpus::load(Path::new(&smaller)).is_ok());
}

#[test]
fn every_command_has_help_with_an_example() {
    let commands = [
        "run",
        "replay",
        "shrink",
        "show",
        "planted",
        "vectors",
        "wast",
        "diff",
        "export",
        "seeds",
        "completions",
        "man",
    ];
    let listed = String::from_utf8(canonfuzz(&["--help"]).stdout).unwrap();
    for command in commands {
        check(&[command, "--help"], 0, &format!("\n  canonfuzz {command} "), "");
        assert!(listed.contains(&format!("\n  {command} ")), "{listed}");
    }
    let count = listed.lines().skip_while(|line| *line != "Commands:").skip(1);
    let count = count.take_while(|line| !line.is_empty()).count();
    assert_eq!(count, commands.len() + 1, "all of these, and `help`: {listed}");
}

#[test]
fn a_case_is_shrunk_to_the_same_text_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let shrunk = |name: &str| {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        check(&["shrink", KNOWN, "-o", path], 0, "accepted (list-bounds-before-alignment)", "");
        check(&["replay", path], 0, "accepted (list-bounds-before-alignment)", "");
        fs::read_to_string(path).unwrap()
    };
    let first = shrunk("first.toml");
    assert_eq!(first, shrunk("second.toml"));
    assert!(first.contains(SHRUNK), "{first}");
}

#[test]
fn what_cannot_be_shrunk_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let new = path("new.toml");
    check(&["shrink", CASE, "-o", &new], 2, "", "nothing to shrink: the verdict is `agree`");
    check(&["shrink", "nowhere.toml", "-o", &new], 2, "", "nowhere.toml");
    check(&["shrink", "Cargo.toml", "-o", &new], 2, "", "Cargo.toml: ");
    check(&["shrink", "corpus", "-o", &new], 2, "", "corpus: ");
    assert!(!Path::new(&new).exists());
    check(&["shrink", KNOWN, "-o", "/dev/null/x"], 2, "", "cannot write /dev/null/x");
    let taken = folder.path().to_str().unwrap();
    check(&["shrink", KNOWN, "-o", taken], 2, "", "it is a folder");
}

#[test]
fn vectors_are_counted() {
    check(
        &["vectors", "src/canonical-abi/tests/vectors/vectors.jsonl"],
        0,
        "3867 passed, 0 failed",
        "",
    );
    check(
        &["vectors", "src/canonical-abi/tests/vectors/async.jsonl"],
        0,
        "2190 passed, 0 failed",
        "",
    );
    check(
        &["vectors", "--unchecked", "src/canonical-abi/tests/vectors/async.jsonl"],
        0,
        "101 of 179 checks noticed that are left out",
        "",
    );
}

#[test]
fn an_isolated_subject_gives_the_same_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let summary = |isolate: &str| {
        let json = folder.path().join("summary.json");
        let json = json.to_str().unwrap();
        check(
            &["run", "--cases", "200", "--seed", "9", "--json", json, isolate],
            0,
            "200 cases",
            "",
        );
        let mut summary: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
        for measured in ["seconds", "rate", "time", "over_time"] {
            summary.as_object_mut().unwrap().remove(measured);
        }
        for kind in summary["kinds"].as_array_mut().unwrap() {
            kind["first"].as_object_mut().unwrap().remove("seconds");
        }
        summary
    };
    assert_eq!(summary("--isolate=always"), summary("--isolate=never"));
}

#[test]
fn verdicts_are_written_for_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("verdicts.json");
    check(&["replay", "--json", json.to_str().unwrap(), CASE], 0, "agree", "");
    let column: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(column["cases"][CASE]["verdict"], "agree");
    assert_eq!(column["clean"], true);
}

#[test]
fn planted_faults_that_are_not_found_are_said() {
    check(&["planted", "--cases", "1"], 1, "not found", "");
    check(&["planted", "--shape", "misuse"], 0, "no fault is planted", "");
    check(&["planted", "--shrunk", "/dev/null/x"], 2, "", "cannot write to /dev/null/x");
}

#[test]
fn bad_input_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(CASE).unwrap();
    let case = canonfuzz::corpus::load(Path::new(CASE)).unwrap().file.case;
    let mut bytes = canonfuzz::case::bytes::encode(&case);
    bytes.truncate(bytes.len() - 3);
    let rows = [
        (file(&folder, "cut", &bytes), "cut"),
        (file(&folder, "empty.toml", b""), "empty.toml: "),
        (file(&folder, "noise", &[0xff; 64]), "neither an encoded case nor text"),
        (file(&folder, "key.toml", text.replacen("rule", "ruel", 1).as_bytes()), "line 1"),
        (file(&folder, "wave.toml", text.replacen("'\"aé☃\"'", "\"7\"", 1).as_bytes()), "line "),
        (folder.path().join("missing.toml").to_str().unwrap().to_string(), "missing.toml"),
        (folder.path().to_str().unwrap().to_string() + "/nothing", "nothing"),
    ];
    for (path, says) in &rows {
        check(&["replay", path], 2, "", says);
        check(&["show", path], 2, "", says);
    }
    check(&["vectors", &rows[2].0], 2, "", "noise");
    check(&["vectors", &rows[5].0], 2, "", "missing.toml");
    let empty = folder.path().join("folder");
    fs::create_dir(&empty).unwrap();
    check(&["replay", empty.to_str().unwrap()], 2, "", "no cases");
    check(&["run", "--for", "3 fortnights"], 2, "", "");
    check(&["replay", CASE, "--subjects", "newest"], 2, "", "neither a release");
    check(&["replay", CASE, "--against", "newest"], 2, "", "neither a release");
    check(&["run", "--against", "newest"], 2, "", "neither a release");
    check(&["wast", &rows[2].0], 2, "", "no script");
    check(&["diff", &rows[2].0], 2, "", "noise");
    check(&["diff", &rows[5].0], 2, "", "missing.toml");
    check(&["export", &rows[2].0, "--format", "wast"], 2, "", "neither an encoded case nor text");
    check(&["export", "corpus", "--format", "wast"], 2, "", "corpus: ");
}

/// What is wrong is in one line with the file's name, and with the line where there is one; nothing in it is
/// obeyed by a terminal.
#[test]
fn errors_of_libraries_are_one_line_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(CASE).unwrap();
    let line = 1 + text.lines().position(|line| line == "[export]").unwrap();
    let pages = text.replacen("[export]", "[memory]\nmaximum = 9\n\n[export]", 1);
    assert_ne!(text, pages);
    let core = "(component (core module $m (import \"\\1b[31mred\" \"\" (func)))
        (core instance (instantiate $m)))";
    let rows: [(&str, &str, &[u8], String); 5] = [
        (
            "diff",
            "bad-magic.wasm",
            b"\0asm\x0d\0\x01\0\x01\x09\0as\x03\0\x01\0\0\0\0",
            "bad-magic.wasm: ".into(),
        ),
        ("diff", "two-lines.wat", b"(component (import \"A_\" (func)))", "two-lines.wat: ".into()),
        ("diff", "escape.wat", core.as_bytes(), "\\u{1b}[31mred".into()),
        ("replay", "no-line.toml", pages.as_bytes(), format!("no-line.toml: line {line}: ")),
        ("replay", "ba\u{1b}d\n.toml", b"rule", "ba\\u{1b}d\\u{a}.toml: line 1: ".into()),
    ];
    for (command, name, contents, says) in rows {
        let path = file(&folder, name, contents);
        check(&[command, &path], 2, "", &says);
        let output = canonfuzz(&[command, &path]);
        assert!(![output.stdout, output.stderr].concat().contains(&0x1b), "{name}");
    }
    let said = canonfuzz(&["run", "--shape", "\u{1b}[31m"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(!said.stderr.contains(&0x1b) && !said.stderr.is_empty());
}

/// Runs the same cases on a second build, which is this command: no kind is shown by one of the two only, and this is said.
#[cfg(unix)]
#[track_caller]
fn check_beside(build: &str, says: &str) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scripts")).unwrap();
    let script = |name: &str, text: &str| {
        let script = file(&folder, name, format!("#!/bin/sh\n{text}\n").as_bytes());
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    };
    let build = script("build", &format!("{build} \"$@\""));
    script("scripts/subject", &format!("echo {build}"));
    let case = fs::canonicalize(KNOWN).unwrap();
    let rows = [
        vec!["run", "--cases", "30", "--seed", "1", "--against", "itself"],
        vec!["replay", case.to_str().unwrap(), "--against", "itself"],
    ];
    for arguments in rows {
        let mut command = Command::new(env!("CARGO_BIN_EXE_canonfuzz"));
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(says), "{text}");
        assert!(output.status.success(), "{text}");
    }
}

/// It is this one again.
#[cfg(unix)]
#[test]
fn the_same_cases_run_on_a_second_build() {
    check_beside(env!("CARGO_BIN_EXE_canonfuzz"), " cases, no kind that only one of them shows");
}

/// More than any machine has for the stack of a thread.
#[cfg(target_os = "linux")]
const STACK: &str = "100000000000000";

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_finds_no_room_for_a_thread_has_shown_nothing() {
    let build = format!("RUST_MIN_STACK={STACK} {}", env!("CARGO_BIN_EXE_canonfuzz"));
    check_beside(&build, ": 0 cases, no kind that only one of them shows");
}

#[cfg(target_os = "linux")]
#[test]
fn what_takes_a_thread_says_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let output = output.to_str().unwrap();
    let component = "corpus/known/component-calls-itself.wat";
    let rows: [(&[&str], i32, &str); 6] = [
        (&["run", "--cases", "1"], 2, "cannot listen for Ctrl-C: Resource temporarily unavailable"),
        (&["shrink", KNOWN, "-o", output], 2, "cannot listen for Ctrl-C: Resource temporarily"),
        (&["show", CASE], 2, "cannot start a worker: Resource temporarily unavailable"),
        (&["worker"], 2, "cannot listen for Ctrl-C: Resource temporarily unavailable"),
        // Only their bars take one.
        (&["diff", component, "--rounds", "1"], 0, ""),
        (&["planted", "--shape", "typed", "--cases", "1", "--shrunk", output], 0, ""),
    ];
    for (arguments, code, says) in rows {
        let mut command = Command::new(env!("CARGO_BIN_EXE_canonfuzz"));
        let command = command.args(arguments).env("RUST_MIN_STACK", STACK).stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says) && said.lines().count() <= 1, "{arguments:?}: {said}");
    }
}

#[test]
fn what_cannot_be_written_is_said_before_any_work() {
    // None of these would end by itself.
    for place in ["--json", "--findings"] {
        check(&["run", place, "/dev/null/x"], 2, "", "/dev/null/x");
        check(&["run", place, "Cargo.toml/x"], 2, "", "Cargo.toml/x");
    }
    check(&["replay", CASE, "--json", "/dev/null/x"], 2, "", "/dev/null/x");
    check(&["replay", CASE, "--subjects", "42.0.1", "--json", "/dev/null/x"], 2, "", "/dev/null/x");
    check(&["show", "--html", "/dev/null/x", "corpus"], 2, "", "/dev/null/x");
    check(&["export", CASE, "--format", "wast", "-o", "/dev/null/x"], 2, "", "/dev/null/x");
}

#[test]
fn wast_runs_scripts_and_says_what_passed_failed_and_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(&folder, "good.wast", b"(component)\n(module)");
    let bad = file(&folder, "bad.wast", b"\n(assert_invalid (component) \"\")");
    let word = file(&folder, "word.wast", b"(component)\n(asert_return)");
    let deep = file(&folder, "deep.wast", "(".repeat(100_000).as_bytes());
    let on = |engine, path| ["wast", "--on", engine, path];
    check(&on("subject", &good), 0, "\n1 passed, 0 failed, 1 skipped\n", "");
    check(&on("reference", &good), 0, "skipped 1: core modules", "");
    check(&["wast", &good], 0, "\n1 passed, 0 failed, 1 skipped\n", "");
    check(&on("subject", &bad), 1, "bad.wast:2: accepted", "");
    check(&on("subject", &word), 2, "word.wast:2:2: unexpected token", "no script");
    check(&on("subject", &deep), 0, "deep.wast:1:1001: more than 1000 nested", "");
    check(&["wast", &deep], 0, "0 passed, 0 failed, 0 skipped, 1 inconclusive", "");
    let older = file(&folder, "older.wast", b"(component (core func (canon thread.switch-to)))");
    let says =
        "older.wast:1:30: older text syntax, which is not read any more: `thread.switch-to` is";
    check(&on("subject", &older), 0, says, "");
    check(&["wast", &older], 0, "0 passed, 0 failed, 1 skipped", "");
    check(&["wast", &word, &good], 2, "1 passed, 1 failed, 1 skipped", "word.wast");
    // In a folder, what is no script has failed, and the others run.
    check(&on("subject", folder.path().to_str().unwrap()), 1, "1 passed, 2 failed, 2 skipped", "");
    check(&["wast", "nowhere.wast"], 2, "", "nowhere.wast: No such file");
}

#[test]
fn an_endless_script_ends_on_the_subject() {
    let folder = tempfile::tempdir().unwrap();
    let text = "(component
        (core module $m
            (func (export \"loop\") (loop (br 0)))
            (func $f (export \"recurse\") (call $f)))
        (core instance $i (instantiate $m))
        (func (export \"loop\") (canon lift (core func $i \"loop\")))
        (func (export \"recurse\") (canon lift (core func $i \"recurse\"))))
        (assert_exhaustion (invoke \"loop\") \"\")
        (component instance $again)
        (assert_exhaustion (invoke \"recurse\") \"\")";
    let path = file(&folder, "endless.wast", text.as_bytes());
    check(&["wast", "--on", "subject", &path], 0, "4 passed, 0 failed", "");
}
