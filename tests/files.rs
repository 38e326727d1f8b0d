//! What is written where, what is read of a folder, and what is said of it.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const CASE: &str = "corpus/strings/latin1-grows-to-utf16.toml";
const KNOWN: &str = "corpus/known/list-misaligned-and-out-of-bounds.toml";

/// Everything that writes a file, with how what it writes begins.
const WRITERS: [(&[&str], &str); 6] = [
    (&["export", CASE, "--format", "wast", "-o"], ";;"),
    (&["export", CASE, "--format", "bytes", "-o"], "cfz"),
    (&["shrink", KNOWN, "-o"], "rule = "),
    (&["show", CASE, "--html"], "<!DOCTYPE html>"),
    (&["replay", CASE, "--json"], "{"),
    (&["run", "--cases", "2", "--seed", "1", "--json"], "{"),
];

fn canonfuzz(arguments: &[&OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canonfuzz")).args(arguments).output().unwrap()
}

fn write(writer: &[&str], path: &Path) -> Output {
    let arguments: Vec<&OsStr> = writer.iter().map(OsStr::new).chain([path.as_os_str()]).collect();
    canonfuzz(&arguments)
}

/// Every writer writes to this path, which each time is made anew by `make`; then it is as `is_right` wants it,
/// with what was written.
#[track_caller]
fn check(make: impl Fn(&Path) -> PathBuf, is_right: impl Fn(&Path) -> Vec<u8>) {
    for (writer, start) in WRITERS {
        let folder = tempfile::tempdir().unwrap();
        let path = make(folder.path());
        let output = write(writer, &path);
        assert_eq!(output.status.code(), Some(0), "{writer:?}: {output:?}");
        let written = is_right(&path);
        assert!(written.starts_with(start.as_bytes()), "{writer:?}");
        assert!(left_over(folder.path()).is_empty());
    }
}

fn left_over(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "tmp")).collect()
}

#[test]
fn a_link_goes_on_to_lead_where_it_led() {
    let read_behind = |link: &Path| {
        assert!(fs::symlink_metadata(link).unwrap().is_symlink());
        fs::read(link.with_file_name("target")).unwrap()
    };
    let link = |folder: &Path, old: Option<&str>| {
        let link = folder.join("link");
        symlink("target", &link).unwrap();
        old.iter().for_each(|old| fs::write(folder.join("target"), old).unwrap());
        link
    };
    check(|folder| link(folder, Some("old")), read_behind);
    check(|folder| link(folder, None), read_behind);
}

#[test]
fn a_file_keeps_its_mode_and_all_its_names() {
    let make = |folder: &Path| {
        let path = folder.join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        path
    };
    let is_right = |path: &Path| {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o640);
        fs::read(path).unwrap()
    };
    check(make, is_right);
    let make_two = |folder: &Path| {
        let path = make(folder);
        fs::hard_link(&path, folder.join("other")).unwrap();
        path
    };
    check(make_two, |path| {
        is_right(path);
        fs::read(path.with_file_name("other")).unwrap()
    });
}

#[test]
fn a_pipe_is_written_to_and_stays_one() {
    for (writer, start) in WRITERS {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        let output = write(writer, &pipe);
        // Whoever writes nothing leaves the reader waiting.
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{writer:?}");
        assert_eq!(output.status.code(), Some(0), "{writer:?}: {output:?}");
        assert!(reader.join().unwrap().starts_with(start.as_bytes()), "{writer:?}");
    }
}

/// The device is behind a link: who replaced what is written to would replace only that.
#[test]
fn a_device_is_written_to_and_what_it_does_not_take_is_said() {
    for (writer, start) in WRITERS {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("full");
        symlink("/dev/full", &full).unwrap();
        let output = write(writer, &full);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{writer:?}: {output:?}");
        assert!(said.contains("/full: No space left"), "{writer:?}: {said}");
        assert!(fs::metadata(&full).unwrap().file_type().is_char_device());
        let output = write(writer, Path::new("/proc/self/fd/1"));
        assert_eq!(output.status.code(), Some(0), "{writer:?}: {output:?}");
        let lines = String::from_utf8_lossy(&output.stdout);
        assert!(lines.lines().any(|line| line.starts_with(start)), "{writer:?}: {lines}");
    }
}

#[test]
fn a_full_standard_output_is_said() {
    for arguments in [&["replay", CASE][..], &["show", CASE], &["export", CASE, "--format", "wast"]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
            .args(arguments)
            .stdout(OpenOptions::new().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to the standard output"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_a_killed_writer_left_is_swept_and_what_another_writes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let [left, held] = ["left", "held"].map(|name| {
        let path = folder.path().join(format!(".canonfuzz-{name}.tmp"));
        fs::write(&path, "half").unwrap();
        path
    });
    let held_by_us = fs::File::open(&held).unwrap();
    held_by_us.lock().unwrap();
    let output = write(WRITERS[0].0, &folder.path().join("script.wast"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!left.exists() && held.exists());
}

/// A folder with a case that is good, one that is none, and much that is no file.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    fs::write(at(b"bad.toml"), "rule = ''\n\x1b").unwrap();
    fs::copy(CASE, at(b"good.toml")).unwrap();
    fs::copy(CASE, at(b"not-\xff.toml")).unwrap();
    fs::copy(CASE, at(b"not-\xfe.toml")).unwrap();
    fs::create_dir(at(b"not")).unwrap();
    fs::copy(CASE, at(b"not/good.toml")).unwrap();
    fs::copy(CASE, at(b"not-good.toml")).unwrap();
    symlink(".", at(b"around")).unwrap();
    symlink("nowhere", at(b"gone.toml")).unwrap();
    for pipe in [&b"pipe.toml"[..], b"pipe"] {
        assert!(Command::new("mkfifo").arg(at(pipe)).status().unwrap().success());
    }
    symlink("/dev/zero", at(b"zero")).unwrap();
    symlink("/dev/zero", at(b"zero.toml")).unwrap();
    folder
}

/// The good ones of them.
const GOOD: usize = 5;

/// The command looks at all of the folder, says what is wrong and ends so.
#[track_caller]
fn check_folder(arguments: &[&str], folder: &TempDir) -> String {
    let arguments = arguments.iter().map(OsStr::new).chain([folder.path().as_os_str()]);
    let Output { status, stdout, stderr } = canonfuzz(&arguments.collect::<Vec<_>>());
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(2), "{stdout}{stderr}");
    for said in ["/bad.toml: line 2: ", "/gone.toml: No such file"] {
        assert!(stdout.contains(said), "{stdout}{stderr}");
    }
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("(and 1 more)"), "{stderr}");
    assert!(!stdout.contains(['\x1b', '\u{fffd}']) && !stderr.contains('\x1b'));
    stdout
}

#[test]
fn one_bad_file_hides_no_verdict() {
    let (folder, out) = (folder(), tempfile::tempdir().unwrap());
    let json = out.path().join("verdicts.json");
    let said = check_folder(&["replay", "-v", "--json", json.to_str().unwrap()], &folder);
    assert!(said.contains(&format!("{GOOD} agree: not clean")), "{said}");
    assert!(said.contains("/not-\\xff.toml: agree") && said.contains("/not-\\xfe.toml: agree"));
    let verdicts: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(verdicts["counts"], serde_json::json!({ "agree": GOOD }));
    assert_eq!(verdicts["cases"].as_object().unwrap().len(), GOOD);
    assert_eq!(verdicts["clean"], false);
    assert_eq!(verdicts["unreadable"].as_array().unwrap().len(), 2);
}

#[test]
fn one_bad_file_hides_no_page_and_no_seed() {
    let (folder, out) = (folder(), tempfile::tempdir().unwrap());
    let page = out.path().join("page.html");
    check_folder(&["show", "--html", page.to_str().unwrap()], &folder);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("{GOOD} cases: {GOOD} agree.")) && page.contains("bad.toml: "));
    let seeds = out.path().join("seeds");
    let said = check_folder(&["seeds", "-o", seeds.to_str().unwrap()], &folder);
    assert!(said.contains(&format!("{GOOD} seeds for lift_lower")), "{said}");
    assert_eq!(fs::read_dir(seeds.join("lift_lower")).unwrap().count(), GOOD);
}

#[test]
fn a_missing_file_hides_no_other() {
    let arguments = ["replay", "-v", "nowhere.toml", CASE, "/dev/zero"].map(OsStr::new);
    let Output { status, stdout, .. } = canonfuzz(&arguments);
    let stdout = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(2), "{stdout}");
    assert!(stdout.contains("grows-to-utf16.toml: agree"), "{stdout}");
    assert!(stdout.contains("/dev/zero: it is a device or a pipe"), "{stdout}");
}

#[test]
fn pipes_and_devices_are_read_by_nobody() {
    let folder = folder();
    let pipe = folder.path().join("pipe.toml");
    for reader in [
        &["replay"][..],
        &["show"],
        &["seeds", "-o", "/tmp/nowhere"],
        &["export", "--format", "wast"],
        &["shrink", "-o", "/tmp/nowhere"],
        &["vectors"],
        &["wast"],
        &["diff"],
    ] {
        for path in [&*pipe, Path::new("/dev/zero")] {
            let output = write(reader, path);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{reader:?}: {said}");
            let said = String::from_utf8_lossy(&output.stdout) + said;
            assert!(said.contains("it is a device or a pipe"), "{reader:?}: {said}");
        }
    }
}
