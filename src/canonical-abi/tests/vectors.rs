//! The committed vectors pass, all of them; and one that is wrong is noticed.

use canonical_abi::vectors::{Report, run};
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("vectors/vectors.jsonl");
const ASYNC: &str = include_str!("vectors/async.jsonl");
const BY_HAND: &str = include_str!("vectors/by-hand.jsonl");

#[test]
fn every_vector_passes() {
    let groups = [
        ("layout", 690),
        ("malformed", 724),
        ("memory64", 607),
        ("params", 740),
        ("realloc", 251),
        ("results", 390),
        ("strings", 465),
    ];
    check_passes(VECTORS, 3867, &groups);
}

#[test]
fn every_vector_of_whole_calls_passes() {
    let groups = [
        ("backpressure", 95),
        ("borrow", 45),
        ("call", 178),
        ("callback", 119),
        ("cancel", 188),
        ("context", 31),
        ("error-context", 55),
        ("future", 100),
        ("handles", 109),
        ("host", 125),
        ("mix", 175),
        ("reenter", 26),
        ("set", 94),
        ("stream", 341),
        ("subtask", 89),
        ("sync", 171),
        ("task-return", 75),
        ("thread", 174),
    ];
    check_passes(ASYNC, 2190, &groups);
}

/// What the others leave open: each fails where one line of the machine is left out which they do without.
#[test]
fn every_vector_that_was_written_by_hand_passes() {
    check_passes(BY_HAND, 3, &[("borrow", 1), ("context", 1), ("reenter", 1)]);
}

#[track_caller]
fn check_passes(vectors: &str, count: usize, expected: &[(&str, usize)]) {
    let Report { passed, failures, groups } = run(vectors).unwrap();
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(passed, count);
    let groups: Vec<(&str, usize)> = groups.iter().map(|(name, n)| (name.as_str(), *n)).collect();
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

/// Each part of what is to be seen, and each event as a whole, of some vectors.
#[test]
fn a_corrupted_trace_is_noticed() {
    let mut corrupted = 0;
    for line in ASYNC.lines().skip(1).step_by(75) {
        let vector: Json = serde_json::from_str(line).unwrap();
        for at in parts_to_be_seen(&vector) {
            let mut wrong = vector.clone();
            corrupt_part(wrong.pointer_mut(&at).unwrap());
            check_noticed(&wrong, &at);
            corrupted += 1;
        }
        for event in events_to_be_seen(&vector) {
            let mut wrong = vector.clone();
            wrong["trace"].as_array_mut().unwrap().remove(event);
            check_noticed(&wrong, &format!("event {event} is gone"));
            corrupted += 1;
        }
    }
    assert_eq!(corrupted, 2642);
}

#[track_caller]
fn check_noticed(wrong: &Json, what: &str) {
    let noticed = run_one(wrong).is_ok_and(|report| report.failures.is_empty());
    assert!(!noticed, "{}: {what}", wrong["id"]);
}

/// Where the events are that are no actions.
fn events_to_be_seen(vector: &Json) -> Vec<usize> {
    const ACTIONS: [&str; 19] = [
        "invoke",
        "tick",
        "hcancel",
        "call",
        "calls",
        "poke",
        "exit",
        "throw",
        "unreachable",
        "hstart",
        "hresolve",
        "hleave",
        "hnew",
        "hwrite",
        "hread",
        "hcancelcopy",
        "hdrop",
        "hreclaim",
        "hrelease",
    ];
    let trace = vector["trace"].as_array().unwrap().iter().enumerate();
    let seen = trace.filter(|(_, event)| !ACTIONS.contains(&event[0].as_str().unwrap()));
    seen.map(|(position, _)| position).collect()
}

/// Where the smallest parts of these are, and of core types.
fn parts_to_be_seen(vector: &Json) -> Vec<String> {
    let events = events_to_be_seen(vector).into_iter().map(|event| format!("/trace/{event}"));
    let core = |of: &'static str| {
        let defined = vector[of].as_array().unwrap().iter().enumerate();
        let with_core = defined.filter(|(_, one)| one.get("core").is_some());
        with_core.map(move |(position, _)| format!("/{of}/{position}/core"))
    };
    let whole = events.chain(core("func")).chain(core("def"));
    let parts = whole.flat_map(|at| parts(vector.pointer(&at).unwrap(), &at));
    // What was picked is an action.
    let picked = |at: &String| {
        let event = vector.pointer(at.strip_suffix("/3").unwrap_or("/none"));
        event.is_some_and(|event| event[0] == "choose")
    };
    parts.filter(|at| !picked(at)).collect()
}

/// Where the smallest parts of something are that is there.
fn parts(json: &Json, at: &str) -> Vec<String> {
    match json {
        Json::Array(within) => {
            let within = within.iter().enumerate();
            within.flat_map(|(i, part)| parts(part, &format!("{at}/{i}"))).collect()
        }
        Json::Object(within) => {
            within.iter().flat_map(|(key, part)| parts(part, &format!("{at}/{key}"))).collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => vec![at.to_string()],
    }
}

fn corrupt_part(part: &mut Json) {
    if !corrupt("", part) {
        *part = json!(0);
    }
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
fn a_failure_of_a_trace_says_at_which_event() {
    check_failure(
        "call-0001",
        ("/trace/30", json!(["ret", 0, [1], [[32872, "00"]]])),
        "event 30\n  expected  [\"ret\",0,[1],[[32872,\"00\"]]]\n  observed  [\"ret\",0,[]]",
    );
    check_failure(
        "call-0001",
        ("/trace/30/3/0/1", json!("01")),
        "event 30, memory 1\n  expected  01 at offset 32872\n  observed  00",
    );
    check_failure(
        "set-0304",
        ("/trace/55/2", json!([6, 3, 4])),
        "event 55\n  expected  [\"choose\",\"event\",[6,3,4],6]\n  \
         observed  a choice of event among [6, 3, 4, 5]",
    );
    check_failure(
        "callback-0473",
        ("/trace/5", json!(["trap", 73, 0])),
        "event 5\n  expected  [\"trap\",73,0]\n  observed  a trap in thread 0: uncaught exception",
    );
    check_failure(
        "set-0304",
        ("/trace/77/1/1/0/0/2", json!(2)),
        "event 77, handles of instance 1\n  \
         expected  [[1,\"set\",2,0],[2,\"set\",0,0],[5,\"subtask\",2,1,1]]\n  \
         observed  [[1,\"set\",1,0],[2,\"set\",0,0],[5,\"subtask\",2,1,1]]",
    );
    check_failure(
        "call-0001",
        ("/def/0/core/0/1", json!("i64")),
        "core of def 0\n  expected  ([I32, I64], [])\n  observed  ([I32, I32], [])",
    );
}

/// Changes one thing about a vector of whole calls.
#[track_caller]
fn check_failure(id: &str, (at, value): (&str, Json), message: &str) {
    let report = run_one(&changed(id, at, value)).unwrap();
    assert_eq!(report.failures[0].to_string(), format!("{id} (line 2): {message}"));
}

/// A vector of whole calls, with another value there.
fn changed(id: &str, at: &str, value: Json) -> Json {
    let line = ASYNC.lines().find(|line| line.contains(&format!("\"{id}\""))).unwrap();
    let mut vector: Json = serde_json::from_str(line).unwrap();
    *vector.pointer_mut(at).unwrap() = value;
    vector
}

#[test]
fn a_malformed_trace_is_an_error_that_names_it() {
    check_no_trace(
        "/trace/30/0",
        json!("rett"),
        "the event [\"rett\",0,[],[[32872,\"00\"]]]: there is none called so",
    );
    check_no_trace("/trace/30", json!(["ret", 0, []]), "it has 3 parts");
    check_no_trace("/trace/30/3/0/0", json!(65536), "event 30, ");
    check_no_trace("/trace/0/2", json!(2), "there is no such func");
    check_no_trace("/trace/0/3", json!([7]), "1 values of 0 types");
    check_no_trace(
        "/trace/10/2",
        json!(1),
        "event 10, [\"call\",0,1,[32768,32872]]: there is no such def",
    );
    check_no_trace("/trace/10/3/0", json!("32768"), "\"32768\" is no I32");
    check_no_trace("/trace/4/4", json!("0"), "no bytes: 0");
    check_no_trace("/trace/4/3", json!(65536), "there is no such memory");
    check_no_trace("/def/1/k", json!("task.retrun"), "task.retrun");
    check_no_trace("/def/1/enc", json!("utf7"), "unknown variant `utf7`");
    check_no_trace("/def/1/t", json!({"own": 0}), "no such resource");
    check_no_trace("/func/0/i", json!(3), "func 0: there is no instance 3");
    check_no_trace("/func/0/mem", json!(1), "memory 1 is not that of instance 2");
    check_no_trace("/def/1/t", json!({"flags": 33}), "no number of labels");
    check_no_trace("/func/0/result", json!({"enum": 1 << 21}), "the types are too large");
    check_no_trace("/trace/33", json!(["hread", 0, null, 1 << 21]), "2097152 elements");
    check_no_trace("/trace/33", json!(["hdrop", 0]), "there is no such end");
    check_no_trace("/trace/33", json!(["hcancel", 0]), "there is no such call");
    check_no_trace("/trace/33", json!(["hresolve", 0, []]), "the host's function is not called so");
    check_no_trace("/inst/1/p", json!(1), "instance 1 comes before its parent");
}

#[track_caller]
fn check_no_trace(at: &str, value: Json, message: &str) {
    let error = format!("{:#}", run_one(&changed("call-0001", at, value)).unwrap_err());
    assert!(error.starts_with("line 2: ") && error.contains(message), "{error}");
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
    let file = if vector.get("trace").is_some() { ASYNC } else { VECTORS };
    let mut header: Json = serde_json::from_str(file.lines().next().unwrap()).unwrap();
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
