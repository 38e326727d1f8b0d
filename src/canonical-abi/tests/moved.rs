//! Where the text of the specification has moved, a deviation follows the other text: it changes what vectors show,
//! and only those that say that other text changes them.

use std::collections::BTreeSet;

use canonical_abi::vectors::{Report, run_watched};
use canonical_abi::{Deviation, Deviations, Recorder};
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("vectors/async.jsonl");

/// How many vectors show something else with a deviation in force. All of them say so in their `later`, but for
/// these.
#[track_caller]
fn check(deviation: Deviation, later: &str, but: &[&str], expected: usize) {
    let Report { failures, .. } = run(deviation, VECTORS);
    let changed: BTreeSet<&str> = failures.iter().map(|failure| &*failure.id).collect();
    let vectors = VECTORS.lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
    let labels = |vector: &Json| vector["later"].as_array().unwrap().contains(&json!(later));
    let others = vectors.filter(|vector: &Json| !labels(vector));
    let others: Vec<String> = others.map(|vector| vector["id"].as_str().unwrap().into()).collect();
    let unlabelled: Vec<&str> =
        others.iter().map(|id| &**id).filter(|id| changed.contains(id)).collect();
    assert_eq!((unlabelled.as_slice(), changed.len()), (but, expected), "{deviation}");
}

fn run(deviation: Deviation, vectors: &str) -> Report {
    let deviations: Deviations = [deviation].into_iter().collect();
    run_watched(vectors, &Recorder::deviating(deviations)).unwrap()
}

#[test]
fn each_follows_other_text_where_vectors_say_so() {
    // Only where somebody else could go on, too, do vectors say that other text lets more go on.
    let nobody_else = &["sync-1902", "sync-1903"];
    check(Deviation::LockHolderGoesOn, "sync-candidates", nobody_else, 7);
    check(Deviation::OnlyCallbacksCancelled, "cancellable", &[], 82);
    check(Deviation::NoCancellingInSets, "subtask-cancel", &[], 66);
    check(Deviation::LastResultWins, "dropped-cancelled", &[], 24);
    check(Deviation::IdleEndsToldOfDrops, "idle-drop", &[], 21);
    check(Deviation::PendingCancelWakes, "subtask-cancel", &[], 5);
}

/// In none of the vectors a thread comes to promote itself.
#[test]
fn a_thread_that_promotes_itself_traps_by_later_text_only() {
    let mut header: Json = serde_json::from_str(VECTORS.lines().next().unwrap()).unwrap();
    (header["total"], header["counts"]) = (json!(1), json!({"thread": 1}));
    let func = json!({
        "i": 0, "params": [], "result": null, "async": true, "abi": "stackful", "enc": "utf8",
        "mem": 0, "post": false, "core": [[], []],
    });
    let returns =
        json!({"k": "task.return", "i": 0, "t": null, "enc": "utf8", "mem": 0, "core": [[], []]});
    let vector = json!({
        "id": "thread-0000", "group": "thread", "note": "a thread promotes itself", "guided": false,
        "needs": [], "later": [], "inst": [{"p": null, "enc": "utf8", "ptr": "i32"}],
        "mem": [{"i": 0, "ptr": "i32"}], "res": [], "func": [func], "host": [], "table": [],
        "def": [{"k": "thread.suspend-then-promote", "i": 0, "cancellable": false}, returns],
        "trace": [
            ["invoke", 0, 0, []], ["thread", 0, "f0"], ["taken", 0], ["enter", 0, "f0", [], []],
            ["call", 0, 1, []], ["resolved", 0, []], ["ret", 0, [], []],
            ["call", 0, 0, [1]], ["tick"], ["idle"], ["end", [[[], [1], 0, []]]],
        ],
    });
    let vectors = format!("{header}\n{vector}");
    assert_eq!(canonical_abi::vectors::run(&vectors).unwrap().failures, []);
    let report = run(Deviation::SelfPromotionTraps, &vectors);
    assert_eq!((report.passed, report.failures.len()), (0, 1));
}
