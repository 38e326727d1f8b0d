//! No check is one that what comes after it could not do without: what is not checked ends in some way, and in
//! no panic of ours.

use canonical_abi::vectors::{Report, run_watched};
use canonical_abi::{Point, Recorder};
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("vectors/vectors.jsonl");

#[test]
fn vectors_come_to_an_end_without_any_check() {
    let checks = Point::sync_checks();
    let Report { passed, failures, .. } =
        run_watched(VECTORS, &Recorder::unchecked(checks)).unwrap();
    assert_eq!((passed, failures.len()), (3132, 735));
}

/// Handles are in none of them, nor is what lies in gigabytes.
#[test]
fn vectors_come_to_an_end_without_each_check_and_notice_half_of_them() {
    let trapping = trapping();
    let noticed = |check: &Point| {
        let report = run_watched(&trapping, &Recorder::unchecked([*check])).unwrap();
        !report.failures.is_empty()
    };
    let noticed: Vec<_> = Point::sync_checks().into_iter().filter(noticed).collect();
    assert_eq!(noticed.len(), 55);
}

/// The vectors that trap.
fn trapping() -> String {
    let mut lines = VECTORS.lines();
    let mut header: Json = serde_json::from_str(lines.next().unwrap()).unwrap();
    let vectors: Vec<Json> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let trapping: Vec<&Json> = vectors.iter().filter(|vector| vector["trap"] == true).collect();
    header["total"] = json!(trapping.len());
    header["counts"] = json!({});
    for vector in &trapping {
        let count = &mut header["counts"][vector["group"].as_str().unwrap()];
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    let lines = trapping.into_iter().map(|vector| vector.to_string());
    [header.to_string()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}
