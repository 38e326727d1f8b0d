//! No check is one that what comes after it could not do without: what is not checked ends in some way, and in
//! no panic of ours.

use canonical_abi::vectors::{Report, Unchecked, run_unchecked, run_watched};
use canonical_abi::{Point, Recorder};

const VECTORS: &str = include_str!("vectors/vectors.jsonl");
const ASYNC: &str = include_str!("vectors/async.jsonl");

/// Runs vectors without any check: so many pass, and so many notice.
#[track_caller]
fn check_without_any(vectors: &str, expected: (usize, usize)) {
    let without = Recorder::unchecked(Point::checks());
    let Report { passed, failures, .. } = run_watched(vectors, &without).unwrap();
    assert_eq!((passed, failures.len()), expected);
}

#[test]
fn vectors_come_to_an_end_without_any_check() {
    check_without_any(VECTORS, (3132, 735));
    check_without_any(ASYNC, (1617, 573));
}

/// Runs vectors without each check: of these, so many are noticed to be left out.
#[track_caller]
fn check_without_each(vectors: &str, of: impl Fn(Point) -> bool, expected: usize) {
    let all = run_unchecked(vectors).unwrap();
    let noticed = |one: &&Unchecked| of(one.check) && !one.failures.is_empty();
    assert_eq!(all.iter().filter(noticed).count(), expected);
}

/// Handles are in none of them, nor is what lies in gigabytes.
#[test]
fn vectors_come_to_an_end_without_each_check_and_notice_half_of_them() {
    check_without_each(VECTORS, |check| Point::sync_checks().contains(&check), 55);
}

#[test]
fn vectors_of_whole_calls_notice_each_check_of_async_built_ins_and_tasks() {
    let is_async = |check| matches!(check, Point::Async(_));
    check_without_each(
        ASYNC,
        is_async,
        Point::checks().into_iter().filter(|p| is_async(*p)).count(),
    );
    check_without_each(ASYNC, |check| !is_async(check), 34);
}
