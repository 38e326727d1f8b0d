//! `scripts/hunt`: what it prints and leaves behind where everybody can read it, and where nobody else can. The fuzz target is
//! a stand-in that ends as libFuzzer's do, in the way that its name says.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the stand-in writes wherever a target would write something of what it found.
const SECRET: &str = "SECRET-BYTES";

/// What the script did with a stand-in.
struct Hunted {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// The files that are left, by their paths below the folder.
    left: Vec<PathBuf>,
    /// What is in them.
    written: String,
}

type Variables<'a> = &'a [(&'a str, &'a str)];

/// A runner of GitHub's, where nothing was said of the repository.
const PUBLIC: Variables =
    &[("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "an/owner")];

/// Somebody's own machine.
const HOME: Variables = &[];

/// Hunts with a stand-in that ends in this way.
fn hunt(way: &str, variables: Variables) -> Hunted {
    let place = tempfile::tempdir().unwrap();
    hunt_in(place.path(), way, variables)
}

fn hunt_in(place: &Path, way: &str, variables: Variables) -> Hunted {
    let stand_in = fs::canonicalize("tests/hunt/stand-in").unwrap();
    if !place.join(way).exists() {
        symlink(stand_in, place.join(way)).unwrap();
    }
    let Output { status, stdout, stderr } = script(place, variables, &[way, "folder", "1"]);
    let left = files(&place.join("folder"));
    let written = left.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let left = left.iter().map(|path| path.strip_prefix(place.join("folder")).unwrap().into());
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Hunted { code: status.code(), stdout, stderr, left: left.collect(), written }
}

/// Runs the script in a folder; the first argument is the name of a program there.
fn script(place: &Path, variables: Variables, arguments: &[&str]) -> Output {
    let mut command = Command::new(fs::canonicalize("scripts/hunt").unwrap());
    for name in
        ["CI", "GITHUB_ACTIONS", "GITHUB_REPOSITORY", "FINDINGS_ARE_PRIVATE_IN", "CANONFUZZ"]
    {
        command.env_remove(name);
    }
    let summary = place.join("summary");
    let all = variables.iter().copied();
    let output = command
        .args(arguments)
        .envs(all)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .current_dir(place)
        .output()
        .unwrap();
    assert!(!summary.exists());
    output
}

/// All files below a folder that may not be there, in the order of their paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut all: Vec<PathBuf> = entries.flat_map(below).collect();
    all.sort();
    all
}

/// In a public place all that is printed is these lines, and nothing is left. In a private one the exit code is the same, and
/// what the target said and wrote is there.
#[track_caller]
fn check(way: &str, code: i32, stdout: &str, stderr: &str) {
    let public = hunt(way, PUBLIC);
    assert_eq!(public.stdout, stdout, "{}", public.stderr);
    assert!(public.stderr.contains(stderr), "{}", public.stderr);
    assert!(!public.stderr.contains(SECRET), "{}", public.stderr);
    assert_eq!((public.code, &public.left[..]), (Some(code), &[][..]));
    let private = hunt(way, HOME);
    assert_eq!(private.code, Some(code), "{}\n{}", private.stdout, private.stderr);
    assert!(private.left.contains(&"log.before".into()), "{:?}", private.left);
    let shown = private.stdout.contains(SECRET);
    assert_eq!(shown, code == 1, "{}", private.stdout);
}

/// What is printed in a public place where these were found.
fn found(way: &str, kinds: &str) -> String {
    let advice = "what it is, a public place is not told (SECURITY.md): hunt in a private one";
    format!("{way}: FOUND: {kinds}\n{way}: {advice}\n")
}

#[test]
fn a_public_place_is_told_that_something_was_found_and_how_many_of_which_kind() {
    check("crash", 1, &found("crash", "1 crash"), "");
    check("sanitizer", 1, &found("sanitizer", "1 crash"), "");
    check("timeout", 1, &found("timeout", "1 timeout"), "");
    check("oom", 1, &found("oom", "1 oom"), "");
    check("leak", 1, &found("leak", "1 leak"), "");
    check("several", 1, &found("several", "1 crash, 1 timeout"), "");
    check("unsaved", 1, &found("unsaved", "1 crash (not saved)"), "");
    check("full", 1, &found("full", "1 timeout (not saved)"), "");
}

#[test]
fn nothing_found_is_said_with_the_number_of_runs() {
    check("clean", 0, "clean: nothing found in 1234 runs\n", "");
    check("slow", 0, "slow: nothing found in 1234 runs\n", "");
}

#[test]
fn a_fault_of_the_build_or_of_the_machine_is_no_finding() {
    check("unstartable", 2, "", "unstartable: BROKEN: it does not start");
    check("unstartable", 2, "", "error while loading shared libraries");
    check("early", 2, "", "early: BROKEN: a committed case ends it");
    check("killed", 2, "", "killed: BROKEN: it ended with exit code 137 and found nothing");
    check("failed", 2, "", "failed: BROKEN: it ended with exit code 1 and found nothing");
    check("idle", 2, "", "idle: BROKEN: it ended with exit code 0 and found nothing");
}

#[test]
fn bad_usage_is_said_and_is_no_finding() {
    let place = tempfile::tempdir().unwrap();
    symlink(fs::canonicalize("tests/hunt/stand-in").unwrap(), place.path().join("clean")).unwrap();
    fs::write(place.path().join("file"), "").unwrap();
    for (arguments, said) in [
        (&["clean", "folder"][..], "usage: scripts/hunt PROGRAM FOLDER SECONDS"),
        (&["clean", "folder", "10m"], "10m is no number of seconds"),
        (&["missing", "folder", "1"], "missing is no program"),
        (&["file", "folder", "1"], "file is no program"),
        (&["clean", "file/folder", "1"], "file/folder cannot be made"),
    ] {
        let output = script(place.path(), PUBLIC, arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(2), vec![]), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn what_was_there_before_is_not_removed_in_a_public_place() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("folder")).unwrap();
    fs::write(place.path().join("folder/precious"), "").unwrap();
    let hunted = hunt_in(place.path(), "clean", PUBLIC);
    assert_eq!((hunted.code, hunted.left), (Some(2), vec!["precious".into()]));
    assert!(hunted.stderr.contains("folder is there already"), "{}", hunted.stderr);
}

#[test]
fn a_private_place_begins_with_what_was_kept_and_not_where_something_was_found() {
    let place = tempfile::tempdir().unwrap();
    let first = hunt_in(place.path(), "clean", HOME);
    assert_eq!(first.left, ["corpus/kept", "log", "log.before"].map(PathBuf::from));
    fs::remove_dir(place.path().join("folder/artifacts")).unwrap();
    let second = hunt_in(place.path(), "crash", HOME);
    let left = ["artifacts/crash-da39a3ee", "corpus/kept", "corpus/merged", "log", "log.before"];
    assert_eq!(second.left, left.map(PathBuf::from));
    assert!(second.written.contains(SECRET));
    let third = hunt_in(place.path(), "clean", HOME);
    assert_eq!((third.code, third.left), (Some(2), second.left));
    assert!(third.stderr.contains("has what an earlier hunt found"), "{}", third.stderr);
}

#[test]
fn only_the_name_of_this_repository_says_that_a_place_of_ci_is_private() {
    let declared = |value| [PUBLIC, &[("FINDINGS_ARE_PRIVATE_IN", value)]].concat();
    assert!(hunt("crash", &declared("an/owner")).stdout.contains(SECRET));
    for value in ["", "true", "private", "yes", "1", "AN/OWNER", "an/owner ", "another/owner", "*"]
    {
        let hunted = hunt("crash", &declared(value));
        assert_eq!(hunted.stdout, found("crash", "1 crash"), "{value}");
        assert_eq!(hunted.left, [""; 0].map(PathBuf::from), "{value}");
    }
    for variables in [
        &[("CI", "true")][..],
        &[("CI", "1")],
        &[("GITHUB_ACTIONS", "true")],
        &[("CI", "true"), ("GITHUB_REPOSITORY", ""), ("FINDINGS_ARE_PRIVATE_IN", "")],
    ] {
        assert_eq!(hunt("crash", variables).stdout, found("crash", "1 crash"), "{variables:?}");
    }
}
