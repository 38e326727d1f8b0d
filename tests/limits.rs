//! What has no end, or would take all memory, meets a limit: on both sides, and without waiting.

use std::process::{Command, Output};

use canonfuzz::case::bytes;
use canonfuzz::corpus;

/// A case of one guest of eight pages; `returns` is what it returns, as two keys of `[call.return]`.
fn case(result: &str, returns: &str) -> String {
    format!(
        "rule = ''\nwit = 'world case {{ export f: func() -> {result}; }}'\n\
        [memory]\ninitial = 8\n\
        [export]\nstring-encoding = 'utf8'\nmemory = true\n\
        [[call]]\n[call.return]\n{returns}\n"
    )
}

/// So many lists that all lie over the whole memory, each of elements of `size` bytes.
fn overlapping(count: u32, size: u32) -> String {
    let word = |word: u32| word.to_le_bytes().map(|byte| format!("{byte:02x}")).concat();
    let inner = format!("{}{}", word(0), word((8 << 16) / size));
    let lists = inner.repeat(usize::try_from(count).unwrap());
    format!(
        "flat = ['0x400']\nmemory = ['0x400 = {}{}', '0x408 = {lists}']",
        word(0x408),
        word(count)
    )
}

fn canonfuzz(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canonfuzz")).args(arguments).output().unwrap()
}

/// Each command that runs a case ends, and says of this one that it met this limit.
#[track_caller]
fn check(text: &str, limit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.toml");
    corpus::save(&path, &canonfuzz::case::text::parse(text).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    // Who waited for so long would wait for ever.
    let apart = ["--isolate=always", "--case-limit", "1000h"];
    let rows = [
        vec!["replay", path],
        [&["replay", path][..], &apart].concat(),
        [&["show", path][..], &apart].concat(),
    ];
    for arguments in rows {
        let Output { status, stdout, stderr } = canonfuzz(&arguments);
        let said = String::from_utf8_lossy(&stdout);
        assert_eq!(status.code(), Some(0), "{arguments:?}: {said}{stderr:?}");
        assert!(said.contains(&format!("inconclusive ({limit}")), "{arguments:?}: {said}");
    }
    let seeds = folder.path().join("seeds");
    let seeds = [&["seeds", path, "-o", seeds.to_str().unwrap()][..], &apart].concat();
    let said = canonfuzz(&seeds).stdout;
    assert!(String::from_utf8_lossy(&said).contains("left out: inconclusive"), "{said:?}");
    let smaller = folder.path().join("smaller.toml");
    let shrink = [&["shrink", path, "-o", smaller.to_str().unwrap()][..], &apart].concat();
    let said = canonfuzz(&shrink).stderr;
    assert!(String::from_utf8_lossy(&said).contains("nothing to shrink"), "{said:?}");
}

const VALUES: &str = "reference: more values than we can hold";

#[test]
fn lists_that_lie_over_one_another_are_counted_before_they_are_lifted() {
    check(&case("list<list<u8>>", &overlapping(5_000, 1)), VALUES);
    check(&case("list<list<u32>>", &overlapping(100, 4)), VALUES);
    let record = "list<list<tuple<u8, u8, u8, u8, u8, u8, u8, u8>>>";
    check(&case(record, &overlapping(100, 8)), VALUES);
    check(&case("list<list<list<u8, 2>>>", &overlapping(100, 2)), VALUES);
    // Any bytes are Latin-1.
    let strings = case("list<string>", &overlapping(5_000, 1));
    check(&strings.replace("'utf8'", "'latin1+utf16'"), VALUES);
}

/// The reference holds bytes as bytes; the subject takes some tens for each.
#[test]
fn what_the_subject_lifts_at_once_has_a_limit_of_its_own() {
    let few = case("list<list<u8>>", &overlapping(100, 1));
    let limit = "subject: too much data is being copied between the host and the guest";
    let limit = if cfg!(wasmtime_hostcall_fuel) { limit } else { return };
    check(&few, limit);
}

#[test]
fn what_all_calls_of_a_case_lift_is_counted_together() {
    let one = overlapping(12, 1);
    let mut text = case("list<list<bool>>", &one);
    (0..3).for_each(|_| text += &format!("[[call]]\n[call.return]\n{one}\n"));
    check(&text, VALUES);
}

const ENDLESS: &str = include_str!("inputs/endless.toml");

#[test]
fn nobody_waits_for_a_subject_that_cannot_come_back() {
    check(ENDLESS, "reference: all fuel consumed");
}

/// What is exported can be read, however long it is: by whoever reads cases.
#[test]
fn exported_bytes_are_the_same_case_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (text, encoded, again) = (path("long.toml"), path("long"), path("again.toml"));
    let values = vec!["18446744073709551615"; 9_000].join(", ");
    let long = case("list<u64>", &format!("values = ['[{values}]']"));
    std::fs::write(&text, long.replace("realloc = false", "realloc = true")).unwrap();
    let export = |from: &str, format: &str, to: &str| {
        let output = canonfuzz(&["export", from, "--format", format, "-o", to]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    export(&text, "bytes", &encoded);
    assert!(bytes::decode(&std::fs::read(&encoded).unwrap()).is_err(), "it is long for a fuzzer");
    for command in [&["replay", &encoded][..], &["show", &encoded]] {
        let output = canonfuzz(command);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    export(&encoded, "text", &again);
    let load = |path: &str| corpus::load(path.as_ref()).unwrap().file.case;
    assert_eq!(load(&again), load(&text));
    let hex = path("hex.toml");
    std::fs::write(&hex, corpus::in_hex(&load(&text)) + "\n").unwrap();
    assert_eq!(load(&hex), load(&text));
}

#[test]
fn core_code_that_text_would_change_is_no_case() {
    let noisy = |core: &str| {
        let text =
            ENDLESS.replace("(loop (br 0))", "").replace("(module ", &format!("(module {core} "));
        canonfuzz::case::text::parse(&text).unwrap().case
    };
    let mut case = noisy("");
    let good = bytes::encode(&case);
    assert_eq!(bytes::decode(&good).unwrap(), case);
    // A section: its id, its length, and its name with what is in it, which is no list of names.
    let names = [0, 6, 4, b'n', b'a', b'm', b'e', 0xff];
    case.shape.guests[0].noise.as_mut().unwrap().extend(names);
    let refused = bytes::decode(&bytes::encode(&case)).unwrap_err().to_string();
    assert_eq!(refused, "core code would not survive as text");
    for core in ["(func $a) (func $b)", "(@custom \"my\" \"7\")", "(func $\"a b\" (local $l i32))"]
    {
        let case = noisy(core);
        assert_eq!(bytes::decode(&bytes::encode(&case)).unwrap(), case, "{core}");
    }
}

/// The rows of `shared/inputs`, made here: labels are counted together, and so are memories.
#[test]
fn labels_and_memories_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let header =
        include_str!("../src/canonical-abi/tests/vectors/vectors.jsonl").lines().next().unwrap();
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap();
    (header["counts"], header["total"]) = (serde_json::json!({ "g": 1 }), 1.into());
    let enums = vec![serde_json::json!({ "enum": 1 << 20 }); 40];
    let measures = serde_json::json!({ "size": 1, "align": 1, "flat": ["i32"] });
    let vector = serde_json::json!({
        "id": "a", "group": "g", "op": "layout", "type": { "tuple": enums },
        "i32": measures, "i64": measures,
    });
    let vectors = file("enums.jsonl", &format!("{header}\n{vector}\n"));
    let output = canonfuzz(&["vectors", &vectors]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("line 2: a: the types are too large"), "{said}");
    let memories = file(
        "memories.wat",
        "(component (core module $m (memory 16384)) (core instance (instantiate $m))
        (core instance (instantiate $m)) (core instance (instantiate $m)))",
    );
    let output = canonfuzz(&["diff", &memories]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{output:?}");
    assert!(said.contains("1 inconclusive (all memories together take more than"), "{said}");
    let script = file(
        "memory.wast",
        "(component definition $large (core module $m (memory 32769)) (core instance (instantiate $m)))
        (component instance $large $large)
        (assert_return (invoke $large \"f\"))",
    );
    let output = canonfuzz(&["wast", &script]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{output:?}");
    let limit = "\n  inconclusive 2: all memories together take more than they may, which is 1 GiB unless told otherwise\n";
    assert_eq!(said.matches(limit).count(), 2, "{said}");
    assert!(said.ends_with("1 passed, 0 failed, 0 skipped, 2 inconclusive\n"), "{said}");
    let output = canonfuzz(&["wast", &script, "--memory", "3000", "--on", "reference"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("memory.wast:3: no function `f` is exported"), "{said}");
    let grows = file(
        "grows.wast",
        "(component
          (core module $m (memory 1) (func (export \"f\") (result i32) (memory.grow (i32.const 20000))))
          (core instance $i (instantiate $m))
          (func (export \"f\") (result s32) (canon lift (core func $i \"f\"))))
        (assert_return (invoke \"f\") (s32.const 1))",
    );
    let output = canonfuzz(&["wast", &grows]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.ends_with("1 passed, 0 failed, 0 skipped, 1 inconclusive\n"), "{said}");
    let output = canonfuzz(&["wast", &grows, "--memory", "2000"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.ends_with("2 passed, 0 failed, 0 skipped\n"), "{said}");
}

#[test]
fn what_a_component_tells_the_host_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.wat");
    let text = r#"(component
        (import "g" (func $g (param "s" string)))
        (core module $memory (memory (export "m") 160))
        (core instance $memory (instantiate $memory))
        (core func $lowered (canon lower (func $g) (memory (core memory $memory "m"))))
        (core module $m
            (import "" "g" (func $g (param i32 i32)))
            (func (export "f") (loop (call $g (i32.const 0) (i32.const 10000000)) (br 0))))
        (core instance $i (instantiate $m (with "" (instance (export "g" (func $lowered))))))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    std::fs::write(&path, text).unwrap();
    let output = canonfuzz(&["diff", path.to_str().unwrap(), "--rounds", "1"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{output:?}");
    assert!(said.contains("1 inconclusive (more values than we can hold)"), "{said}");
}
