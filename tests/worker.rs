//! Workers that die: nothing is lost, and what happened is said.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use canonfuzz::case::bytes;
use canonfuzz::types::Type;
use canonfuzz::value::Value;

/// A run whose subject is in a worker, for a few seconds.
fn start(findings: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
        .args(["run", "--isolate=always", "--seed", "1", "--findings"])
        .arg(findings)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The worker of a run, once there is one. It is a child of one of the run's threads.
fn worker(run: &Child) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        for thread in fs::read_dir(format!("/proc/{}/task", run.id())).unwrap() {
            let children = fs::read_to_string(thread.unwrap().path().join("children"));
            if let Some(worker) = children.unwrap_or_default().split_whitespace().next() {
                return worker.to_string();
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no worker was started");
}

fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args([name, process]).status().unwrap().success());
}

/// The same, when some cases are behind the run.
fn signal_later(name: &str, process: &str) {
    std::thread::sleep(Duration::from_millis(700));
    signal(name, process);
}

/// The run ends with this exit code and says this, and findings are on disk if it found any.
#[track_caller]
fn check(run: Child, findings: &Path, code: i32, says: &str) {
    let Output { status, stdout, stderr } = run.wait_with_output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}{stderr}");
    assert!(stdout.contains(says), "{stdout}{stderr}");
    let written = fs::read_dir(findings).map_or(0, Iterator::count);
    assert_eq!(written > 0, code == 1, "{stdout}{stderr}");
}

#[test]
fn a_worker_that_is_killed_is_a_finding_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let run = start(&findings, &["--for", "3s"]);
    signal_later("-KILL", &worker(&run));
    check(run, &findings, 1, "crashed: SIGKILL");
}

#[test]
fn a_worker_that_hangs_is_a_finding_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let run = start(&findings, &["--for", "4s", "--case-limit", "1s"]);
    signal_later("-STOP", &worker(&run));
    check(run, &findings, 1, "crashed: no answer within 1 s");
}

#[test]
fn an_interrupted_run_says_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let run = start(&findings, &["--for", "60s"]);
    worker(&run);
    signal_later("-INT", &run.id().to_string());
    check(run, &findings, 0, "no findings: ");
}

/// A case that shrinks while its worker lives on.
const DIFFERS: &str = "corpus/known/adapter-compacts-aligned-to-two.toml";

#[test]
fn an_interrupted_shrink_writes_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smaller.toml");
    let shrink = Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
        .args(["shrink", "--isolate=always", DIFFERS, "-o"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nothing is answered, and so nothing is done, before the interruption is there.
    let worker = worker(&shrink);
    signal("-STOP", &worker);
    signal("-INT", &shrink.id().to_string());
    signal("-CONT", &worker);
    let Output { status, stdout, stderr } = shrink.wait_with_output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("ended early"), "{stdout}");
    assert!(canonfuzz::corpus::load(&path).is_ok());
}

#[test]
fn a_worker_takes_cases_that_are_too_long_for_a_fuzzer() {
    let folder = tempfile::tempdir().unwrap();
    let path = Path::new("corpus/lists/outer-before-inner.toml");
    let mut file = canonfuzz::corpus::load(path).unwrap().file;
    let shape = &mut file.case.shape;
    shape.guests[0].export.ty.params = vec![Type::List(Box::new(Type::U64))];
    shape.guests[0].pages.initial = 2;
    shape.guests[0].pages.maximum = 2;
    file.case.calls[0].args = vec![Value::List(vec![Value::U64(u64::MAX); 9_000])];
    file.expect.clear();
    assert!(bytes::decode(&bytes::encode(&file.case)).is_err());
    let path = folder.path().join("long.toml");
    canonfuzz::corpus::save(&path, &file).unwrap();
    let replay = Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
        .args(["replay", "--isolate=always"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&replay.stdout).contains("long.toml: agree"), "{replay:?}");
}

/// Waits until a process is gone, or only waits for somebody to ask how it ended.
fn wait_for_the_end_of(process: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map_or("Z", |(_, rest)| rest);
        if state.starts_with('Z') {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    signal("-KILL", process);
    panic!("process {process} lives on");
}

#[test]
fn a_worker_ends_with_its_parent_however_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = start(&folder.path().join("findings"), &["--for", "600s"]);
    let worker = worker(&run);
    run.kill().unwrap();
    run.wait().unwrap();
    wait_for_the_end_of(&worker);
}

/// Compiled code that nobody interrupts.
const ENDLESS: &str = include_str!("inputs/endless.toml");

#[test]
fn a_worker_that_is_busy_for_ever_ends_with_its_input() {
    let case = canonfuzz::case::text::parse(ENDLESS).unwrap().case;
    let case = bytes::encode(&case);
    let mut worker = Command::new(env!("CARGO_BIN_EXE_canonfuzz"))
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = worker.stdin.take().unwrap();
    input.write_all(&u32::try_from(case.len()).unwrap().to_le_bytes()).unwrap();
    input.write_all(&case).unwrap();
    // It has compiled the component when it has been at it for this long.
    let process = worker.id().to_string();
    while ticks(&process) < 300 {
        assert!(worker.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(input);
    wait_for_the_end_of(&process);
    worker.wait().unwrap();
}

/// For how many hundredths of a second a process has computed.
fn ticks(process: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split_whitespace().nth(11).unwrap().parse().unwrap()
}

#[test]
fn a_second_interruption_ends_a_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--for", "600s", "--case-limit", "1000h"];
    let mut run = start(&folder.path().join("findings"), &arguments);
    let worker = worker(&run);
    // Nothing is answered, so that the first interruption waits.
    signal_later("-STOP", &worker);
    let status = (0..600).find_map(|_| {
        signal("-INT", &run.id().to_string());
        std::thread::sleep(Duration::from_millis(100));
        run.try_wait().unwrap()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(130));
    // It ends now, if it did not end with the run.
    Command::new("kill").args(["-CONT", &worker]).stderr(Stdio::null()).status().unwrap();
    wait_for_the_end_of(&worker);
}

#[test]
fn a_run_survives_that_its_program_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let [program, other] = ["program", "other"].map(|name| folder.path().join(name));
    fs::copy(env!("CARGO_BIN_EXE_canonfuzz"), &program).unwrap();
    fs::write(&other, "this is no program").unwrap();
    let run = loop {
        let run = Command::new(&program)
            .args(["run", "--isolate=always", "--seed", "1", "--for", "5s", "--findings"])
            .arg(&findings)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match run {
            // Another test has forked while the copy was being written, and not run its own program yet.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
            run => break run.unwrap(),
        }
    };
    let worker = worker(&run);
    fs::rename(&other, &program).unwrap();
    signal_later("-KILL", &worker);
    check(run, &findings, 1, "crashed: SIGKILL");
}

/// With so few addresses most components cannot be instantiated.
#[test]
fn the_limits_of_the_machine_are_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    for isolate in ["--isolate=never", "--isolate=always"] {
        let run = Command::new("sh")
            .args(["-c", "ulimit -v 8000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_canonfuzz")])
            .args(["run", "-v", "--cases", "300", "--seed", "3", isolate, "--findings"])
            .arg(&findings)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        check(run, &findings, 0, "subject: the machine has too little memory");
    }
}
