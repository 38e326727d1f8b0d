//! The committed vectors pass, all of them; and one that is wrong is noticed.

use canonical_abi::vectors::{Report, run};
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("vectors/vectors.jsonl");

#[test]
fn every_vector_passes() {
    let Report { passed, failures, groups } = run(VECTORS).unwrap();
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(passed, 3867);
    let groups: Vec<(&str, usize)> = groups.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let expected = [
        ("layout", 690),
        ("malformed", 724),
        ("memory64", 607),
        ("params", 740),
        ("realloc", 251),
        ("results", 390),
        ("strings", 465),
    ];
    assert_eq!(groups, expected);
}

#[test]
fn a_corrupted_vector_is_noticed() {
    let mut corrupted = 0;
    for (number, line) in VECTORS.lines().enumerate().skip(1).step_by(5) {
        let vector: Json = serde_json::from_str(line).unwrap();
        for field in expectations(&vector) {
            let mut wrong = vector.clone();
            if corrupt(field, &mut wrong[field]) {
                let noticed = run_one(&wrong).is_ok_and(|report| report.failures.is_empty());
                assert!(!noticed, "line {}: {field} is now {}", number + 1, wrong[field]);
                corrupted += 1;
            }
        }
    }
    assert_eq!(corrupted, 2584);
}

#[test]
fn a_failure_says_what_and_where() {
    let line = VECTORS.lines().find(|line| line.contains("\"realloc-0002\"")).unwrap();
    let mut vector: Json = serde_json::from_str(line).unwrap();
    vector["mem"] = json!([[1281, "61626365"]]);
    let report = run_one(&vector).unwrap();
    assert_eq!(report.passed, 0);
    assert_eq!(
        report.failures[0].to_string(),
        "realloc-0002 (line 2): mem\n  expected  65 at offset 1284\n  observed  64"
    );
}

#[test]
fn a_malformed_line_is_an_error_that_names_it() {
    check_malformed("op", json!("litf"), "unknown variant `litf`");
    check_malformed("extra", json!(1), "unknown field `extra`");
    check_malformed("types", json!(["strign"]), "no type is called strign");
    check_malformed("types", json!([{"record": []}]), "a type without parts");
    check_malformed("types", json!([{"flags": 33}]), "no number of labels");
    check_malformed("types", json!([{"list": "u8", "len": 0}]), "the len of a list");
    check_malformed("types", json!([{"list": "u8", "len": 1 << 28}]), "too large");
    check_malformed("types", json!(["own"]), "handles have no values");
    check_malformed("types", json!(["u8"]), "flat is not");
    check_malformed("types", json!(null), "invalid type: null");
    check_malformed("lifted", json!(null), "needs flat, mem and lifted");
    check_malformed("lifted", json!([300]), "no string: 300");
    check_malformed("lifted", json!([]), "0 values of 1 types");
    check_malformed("flat", json!([["i32", "-1"], ["i32", "0"]]), "-1 is no I32");
    check_malformed("mem", json!([[65536, "00"]]), "a chunk is outside the memory");
    check_malformed("mem", json!([[0, "0g"]]), "no bytes");
    check_malformed("trap_at", json!("load:1"), "trap_at belongs to a trap");
}

#[track_caller]
fn check_malformed(field: &str, value: Json, message: &str) {
    let mut vector = json!({
        "id": "empty", "group": "lift", "op": "lift",
        "types": ["string"], "enc": "utf8", "ptr": "i32", "max_flat": 16,
        "flat": [["i32", "0"], ["i32", "0"]], "mem": [],
        "lifted": [{"s": "", "enc": "utf8", "units": "0"}],
    });
    assert_eq!(run_one(&vector).unwrap().passed, 1);
    vector[field] = value;
    let error = format!("{:#}", run_one(&vector).unwrap_err());
    assert!(error.starts_with("line 2: ") && error.contains(message), "{error}");
}

/// The file of this vector only.
fn run_one(vector: &Json) -> anyhow::Result<Report> {
    let mut header: Json = serde_json::from_str(VECTORS.lines().next().unwrap()).unwrap();
    header["total"] = json!(1);
    header["counts"] = json!({ vector["group"].as_str().unwrap(): 1 });
    run(&format!("{header}\n{vector}\n"))
}

/// The fields of a vector that are not input.
fn expectations(vector: &Json) -> &'static [&'static str] {
    match vector["op"].as_str().unwrap() {
        "layout" | "functype" => &["i32", "i64"],
        "lift" => &["lifted", "trap", "trap_at"],
        "lower" => &["ty", "core", "flat", "reallocs", "mem", "lifted", "trap", "trap_at"],
        "pass" => &["flat", "reallocs", "mem", "lifted", "trap", "trap_at", "phase"],
        op => panic!("{op}"),
    }
}

/// Changes the last thing inside, where there is one.
fn corrupt(field: &str, json: &mut Json) -> bool {
    match json {
        Json::Null => return false,
        Json::Bool(bool) => *bool = !*bool,
        Json::Number(number) => *json = json!(number.as_i64().unwrap() + 1),
        Json::String(at) if field == "trap_at" && at.starts_with("realloc") => {
            *at = "load:1".into()
        }
        Json::String(at) if field == "trap_at" => *at = "realloc".into(),
        Json::String(text) => {
            let last = text.pop();
            text.push(if last == Some('0') { '1' } else { '0' });
        }
        Json::Array(parts) => return parts.iter_mut().rev().any(|part| corrupt(field, part)),
        Json::Object(parts) => {
            return parts.iter_mut().rev().any(|(_, part)| corrupt(field, part));
        }
    }
    true
}
