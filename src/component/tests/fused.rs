//! Calls from guest to guest: the faults that such a call may meet, and deviations in whose is what.

use canonical_abi::value::Value;
use canonical_abi::{Crossing, Deviated, Deviation, Faults, Lowered, NanLeaf, Place, Recorder};
use canonical_abi::{Stage, Trap};
use component_interpreter::{Compiled, Instance};

type Failure = component_interpreter::Failure<Deviated>;

/// Two components side by side: `$caller` calls `$callee`. Both have one page of memory; what they
/// do is core code.
struct Pair<'a> {
    /// The type of the function that the one calls and the other exports.
    ty: &'a str,
    /// Core code of the caller, after the import of the function as `$f`.
    call: &'a str,
    /// Core code of the callee, with its function `f`.
    callee: &'a str,
    /// What `realloc` of either answers.
    reallocs: [&'a str; 2],
    encodings: [&'a str; 2],
}

const ZERO: [&str; 2] = ["(i32.const 0)"; 2];
const UTF8: [&str; 2] = ["utf8"; 2];

fn component(pair: &Pair) -> String {
    let Pair { ty, call, callee, reallocs, encodings } = pair;
    let [caller_realloc, callee_realloc] = reallocs;
    let [caller_encoding, callee_encoding] = encodings;
    let post_return = match callee.contains("post") {
        true => "(post-return (core func $i \"post\"))",
        false => "",
    };
    format!(
        r#"(component
          (component $maker
            (type $r' (resource (rep i32)))
            (export $r "r" (type $r'))
            (core func $new (canon resource.new $r))
            (core module $m
              (import "" "new" (func $new (param i32) (result i32)))
              (func (export "make") (result i32) (call $new (i32.const 7))))
            (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
            (func (export "make") (result (own $r)) (canon lift (core func $i "make"))))
          (component $callee
            (import "r" (type $r (sub resource)))
            (core func $drop (canon resource.drop $r))
            (core module $m
              (import "" "drop" (func $drop (param i32)))
              (memory (export "memory") 1)
              (data (i32.const 100) "ab")
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) {callee_realloc})
              {callee})
            (core instance $i (instantiate $m (with "" (instance (export "drop" (func $drop))))))
            (func (export "f") {ty} (canon lift (core func $i "f") {post_return}
              string-encoding={callee_encoding}
              (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
          (component $caller
            (import "r" (type $r (sub resource)))
            (import "make" (func $make (result (own $r))))
            (import "f" (func $f {ty}))
            (core module $libc
              (memory (export "memory") 1)
              (data (i32.const 100) "cd")
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) {caller_realloc}))
            (core instance $libc (instantiate $libc))
            (core func $drop (canon resource.drop $r))
            (core func $f' (canon lower (func $f) string-encoding={caller_encoding}
              (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
            (core func $make' (canon lower (func $make)))
            (core module $m
              (import "" "memory" (memory 1))
              {call})
            (core instance $i (instantiate $m (with "" (instance
              (export "memory" (memory $libc "memory"))
              (export "make" (func $make'))
              (export "drop" (func $drop))
              (export "f" (func $f'))))))
            (func (export "go") (result u32) (canon lift (core func $i "go"))))
          (instance $r (instantiate $maker))
          (instance $a (instantiate $callee (with "r" (type $r "r"))))
          (instance $b (instantiate $caller
            (with "r" (type $r "r"))
            (with "make" (func $r "make"))
            (with "f" (func $a "f"))))
          (export "go" (func $b "go")))"#
    )
}

fn encoded(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"))
}

fn instantiate(text: &str, deviations: &[Deviation]) -> Instance<(), Recorder> {
    let compiled = Compiled::new(&encoded(text)).unwrap_or_else(|e| panic!("{e}"));
    let recorder = Recorder::deviating(deviations.iter().copied().collect());
    let instance = compiled.instantiate((), recorder);
    instance.unwrap_or_else(|e| panic!("{e}"))
}

/// Calls the caller's `go`, with some deviations.
fn go(pair: &Pair, deviations: &[Deviation]) -> (Result<u32, Failure>, Recorder) {
    let mut instance = instantiate(&component(pair), deviations);
    let result = instance.call("go", &[]);
    let result = result.map(|value| match value {
        Some(Value::U32(result)) => result,
        other => panic!("{other:?}"),
    });
    (result, instance.watch().clone())
}

/// What `go` answers, without the deviation and with it.
#[track_caller]
fn check_deviation(
    deviation: Deviation,
    pair: &Pair,
    right: Result<u32, Trap>,
    deviated: Result<u32, Trap>,
) {
    let (result, notes) = go(pair, &[]);
    assert_eq!((result, notes.taken.is_empty()), (right.map_err(Failure::Trap), true));
    let (result, notes) = go(pair, &[deviation]);
    assert_eq!((result, notes.taken.contains(deviation)), (deviated.map_err(Failure::Trap), true));
}

/// Calls the caller's `go`, which traps: for this, at this stage, with these faults.
#[track_caller]
fn check(pair: &Pair, trap: Trap, stage: Stage, faults: &[Trap]) {
    let (result, notes) = go(pair, &[]);
    assert_eq!(result, Err(Failure::Trap(trap)));
    assert_eq!(notes.faults, Faults::from_iter(faults.iter().copied()));
    assert_eq!(notes.course.stage, stage);
    assert_eq!(notes.course.depth, 1);
}

#[test]
fn faults_of_params_are_collected_on_both_sides() {
    let mut pair = Pair {
        ty: r#"(param "a" string) (param "b" char)"#,
        call: r#"(import "" "f" (func $f (param i32 i32 i32)))
            (func (export "go") (result i32) (call $f (i32.const 0) (i32.const 3) (i32.const 0xd800)) (unreachable))"#,
        callee: r#"(func (export "f") (param i32 i32 i32))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    let stage = Stage::LiftParams;
    check(&pair, Trap::InvalidChar, stage, &[Trap::InvalidChar]);
    pair.reallocs[1] = "(i32.const -1)";
    let faults = [Trap::InvalidChar, Trap::StringOutOfBounds];
    check(&pair, Trap::InvalidChar, stage, &faults);
    pair.reallocs[1] = "(unreachable)";
    check(&pair, Trap::InvalidChar, stage, &[Trap::InvalidChar, Trap::Guest]);
}

#[test]
fn faults_of_lowering_stand_alone() {
    let mut pair = Pair {
        ty: r#"(param "a" string)"#,
        call: r#"(import "" "f" (func $f (param i32 i32)))
            (func (export "go") (result i32) (call $f (i32.const 0) (i32.const 3)) (unreachable))"#,
        callee: r#"(func (export "f") (param i32 i32) (unreachable))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    check(&pair, Trap::Guest, Stage::Callee, &[]);
    pair.reallocs[1] = "(i32.const -1)";
    let trap = Trap::StringOutOfBounds;
    check(&pair, trap, Stage::LowerParams, &[trap]);
}

#[test]
fn faults_of_results_are_collected_on_both_sides() {
    let mut pair = Pair {
        ty: r#"(result (tuple string char))"#,
        call: r#"(import "" "f" (func $f (param i32)))
            (func (export "go") (result i32) (call $f (i32.const 65528)) (unreachable))"#,
        callee: r#"(func (export "f") (result i32)
            (i32.store (i32.const 8) (i32.const 0xd800)) (i32.const 0))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    let stage = Stage::LiftResult;
    let faults = [Trap::InvalidChar, Trap::MemoryOutOfBounds];
    check(&pair, Trap::InvalidChar, stage, &faults);
    pair.call = r#"(import "" "f" (func $f (param i32)))
        (func (export "go") (result i32) (call $f (i32.const 65530)) (unreachable))"#;
    let faults = [Trap::InvalidChar, Trap::MemoryOutOfBounds, Trap::UnalignedPointer];
    check(&pair, Trap::InvalidChar, stage, &faults);
    pair.call = r#"(import "" "f" (func $f (param i32)))
        (func (export "go") (result i32) (call $f (i32.const 0)) (unreachable))"#;
    pair.reallocs = ["(unreachable)"; 2];
    check(&pair, Trap::InvalidChar, stage, &[Trap::InvalidChar, Trap::Guest]);
}

#[test]
fn handles_that_were_lifted_are_no_faults() {
    let pair = |args: &'static str| Pair {
        ty: r#"(param "a" (own $r)) (param "b" (borrow $r)) (param "c" char) (param "d" (own $r))"#,
        call: args,
        callee: r#"(func (export "f") (param i32 i32 i32 i32))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (result i32) (call $f (call $make) (call $make) (i32.const 0xd800) (call $make)) (unreachable))"#;
    check(&pair(go), Trap::InvalidChar, Stage::LiftParams, &[Trap::InvalidChar]);
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (result i32) (call $f (call $make) (call $make) (i32.const 0xd800) (i32.const 2)) (unreachable))"#;
    let faults = [Trap::InvalidChar, Trap::HandleLent];
    check(&pair(go), Trap::InvalidChar, Stage::LiftParams, &faults);
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (result i32) (call $f (call $make) (i32.const 1) (i32.const 0xd800) (i32.const 3)) (unreachable))"#;
    let faults = [Trap::InvalidChar, Trap::UnknownHandle];
    check(&pair(go), Trap::UnknownHandle, Stage::LiftParams, &faults);
}

#[test]
fn borrows_that_remain_are_a_fault_of_the_result() {
    let pair = |callee: &'static str| Pair {
        ty: r#"(param "a" (borrow $r)) (result (tuple string char))"#,
        call: r#"(import "" "f" (func $f (param i32 i32)))
            (import "" "make" (func $make (result i32)))
            (func (export "go") (result i32) (call $f (call $make) (i32.const 0)) (unreachable))"#,
        callee,
        reallocs: ["(i32.const -1)", "(i32.const 0)"],
        encodings: UTF8,
    };
    let remain = pair(r#"(func (export "f") (param i32) (result i32) (i32.const 0))"#);
    let faults = [Trap::BorrowsRemain, Trap::StringOutOfBounds];
    check(&remain, Trap::BorrowsRemain, Stage::LiftResult, &faults);
    let no_char = pair(
        r#"(func (export "f") (param i32) (result i32)
          (i32.store (i32.const 8) (i32.const 0xd800)) (i32.const 0))"#,
    );
    let faults = [Trap::BorrowsRemain, Trap::StringOutOfBounds, Trap::InvalidChar];
    check(&no_char, Trap::InvalidChar, Stage::LiftResult, &faults);
}

#[test]
fn borrows_that_may_remain_are_no_fault() {
    let pair = Pair {
        ty: r#"(param "a" (borrow $r)) (result char)"#,
        call: r#"(import "" "f" (func $f (param i32) (result i32)))
            (import "" "make" (func $make (result i32)))
            (func (export "go") (result i32) (call $f (call $make)))"#,
        callee: r#"(func (export "f") (param i32) (result i32) (i32.const 0xd800))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    let faults = |deviations: &[Deviation]| go(&pair, deviations).1.faults;
    assert_eq!(faults(&[]), Faults::from_iter([Trap::InvalidChar, Trap::BorrowsRemain]));
    for deviation in [
        Deviation::BorrowsMayRemain,
        Deviation::FusedBorrowsMayRemain,
        Deviation::BorrowsCheckedLate,
    ] {
        assert_eq!(faults(&[deviation]), Faults::from_iter([Trap::InvalidChar]));
    }
}

/// A pair that passes a string and a char that is none; the callee allocates like this.
fn bad_char(realloc: &'static str) -> Pair<'static> {
    Pair {
        ty: r#"(param "a" string) (param "b" char)"#,
        call: r#"(import "" "f" (func $f (param i32 i32 i32)))
            (func (export "go") (result i32)
              (call $f (i32.const 0) (i32.const 3) (i32.const 0xd800)) (unreachable))"#,
        callee: r#"(func (export "f") (param i32 i32 i32))"#,
        reallocs: ["(i32.const 0)", realloc],
        encodings: UTF8,
    }
}

#[test]
fn a_limit_that_exploring_meets_is_none_of_the_call() {
    // The one runs out of fuel, the other out of stack.
    for realloc in [
        "(loop $l (br $l)) (unreachable)",
        "(call 1 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
    ] {
        let bytes = encoded(&component(&bad_char(realloc)));
        let compiled = Compiled::metered(&bytes, Some(1_000_000)).unwrap();
        let mut instance = compiled.instantiate((), Recorder::default()).unwrap();
        assert_eq!(instance.call("go", &[]), Err(Failure::Trap(Trap::InvalidChar)));
        let notes = instance.watch();
        assert_eq!(notes.faults, Faults::from_iter([Trap::InvalidChar]));
        assert!(notes.unexplored);
    }
    let (_, notes) = go(&bad_char("(unreachable)"), &[]);
    assert!(!notes.unexplored);
}

#[test]
fn faults_are_those_of_one_call_between_guests() {
    let pair = bad_char("(unreachable)");
    let faults = Faults::from_iter([Trap::InvalidChar, Trap::Guest]);
    let text = component(&pair);
    let mut instance = instantiate(&text, &[]);
    instance.call("go", &[]).unwrap_err();
    assert_eq!(instance.watch().faults, faults);
    // What the host begins next traps elsewhere.
    assert_eq!(instance.call("go", &[]), Err(Failure::Trap(Trap::CannotEnterComponent)));
    assert!(instance.watch().faults.is_empty());
    let fine = pair.call.replace("0xd800", "65");
    let callee = r#"(func (export "f") (param i32 i32 i32) (unreachable))"#;
    let pair = Pair { call: &fine, callee, reallocs: ZERO, ..pair };
    check(&pair, Trap::Guest, Stage::Callee, &[]);
}

#[test]
fn a_call_of_the_hosts_has_no_faults() {
    let text = r#"(component
      (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const -1))
        (func (export "go") (param i32 i32) (result i32) (i32.const 0xd800)))
      (core instance $i (instantiate $m))
      (func (export "go") (param "a" string) (result char) (canon lift (core func $i "go")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (core module $n (func (export "go") (result i32) (i32.const 0xd800)))
      (core instance $n (instantiate $n))
      (func (export "char") (result char) (canon lift (core func $n "go"))))"#;
    for (export, args, trap) in [
        ("go", &[Value::string("a")][..], Trap::StringOutOfBounds),
        ("char", &[], Trap::InvalidChar),
    ] {
        let mut instance = instantiate(text, &[]);
        assert_eq!(instance.call(export, args), Err(Failure::Trap(trap)));
        assert!(instance.watch().faults.is_empty() && !instance.watch().unexplored);
    }
}

/// A pair that passes a string, of which the callee answers with the first two bytes.
fn texts(call: &'static str) -> Pair<'static> {
    Pair {
        ty: r#"(param "a" string) (result u32)"#,
        call,
        callee: r#"(func (export "f") (param i32 i32) (result i32)
            (i32.load16_u (local.get 0)))"#,
        reallocs: ["(i32.const 32)", "(i32.const 16)"],
        encodings: UTF8,
    }
}

const PASS_2: &str = r#"(import "" "f" (func $f (param i32 i32) (result i32)))
    (func (export "go") (result i32) (call $f (i32.const 100) (i32.const 2)))"#;

#[test]
fn deviations_in_whose_memory_and_realloc_it_is() {
    check_deviation(Deviation::ParamsReadFromCallee, &texts(PASS_2), Ok(0x6463), Ok(0x6261));
    let pair = Pair {
        callee: r#"(func (export "f") (param i32 i32) (result i32) (local.get 0))"#,
        ..texts(PASS_2)
    };
    check_deviation(Deviation::CallersReallocForParams, &pair, Ok(16), Ok(32));
    let pair = Pair {
        ty: r#"(result (tuple u32 u32))"#,
        call: r#"(import "" "f" (func $f (param i32)))
            (func (export "go") (result i32)
              (call $f (i32.const 16)) (i32.load (i32.const 16)))"#,
        callee: r#"(func (export "f") (result i32)
            (i32.store (i32.const 0) (i32.const 7)) (i32.const 0))"#,
        ..texts(PASS_2)
    };
    check_deviation(Deviation::ResultStoredInCallee, &pair, Ok(7), Ok(0));
}

#[test]
fn deviations_in_whose_encoding_it_is() {
    let pair = Pair { encodings: ["utf8", "utf16"], ..texts(PASS_2) };
    check_deviation(Deviation::ParamsInCallersEncoding, &pair, Ok(0x63), Ok(0x6463));
    // Two code units of UTF-16: `c` and `d`, and NUL.
    check_deviation(Deviation::ParamsReadInCalleesEncoding, &pair, Ok(0x63), Ok(0x6463));
    let pair = Pair {
        ty: "(result string)",
        call: r#"(import "" "f" (func $f (param i32)))
            (func (export "go") (result i32)
              (call $f (i32.const 16)) (i32.load16_u (i32.load (i32.const 16))))"#,
        callee: r#"(func (export "f") (result i32)
            (i32.store (i32.const 0) (i32.const 100))
            (i32.store (i32.const 4) (i32.const 2)) (i32.const 0))"#,
        ..pair
    };
    let pair = Pair { encodings: ["utf16", "utf8"], ..pair };
    check_deviation(Deviation::ResultInCalleesEncoding, &pair, Ok(0x61), Ok(0x6261));
}

/// A pair that passes a handle, which the caller drops or does not, before `go` returns.
fn handles(ty: &'static str, call: &'static str, callee: &'static str) -> Pair<'static> {
    Pair { ty, call, callee, reallocs: ZERO, encodings: UTF8 }
}

const PASS_HANDLE: &str = r#"(import "" "f" (func $f (param i32)))
    (import "" "make" (func $make (result i32)))
    (func (export "go") (result i32) (call $f (call $make)) (i32.const 1))"#;
const PASS_AND_DROP_HANDLE: &str = r#"(import "" "f" (func $f (param i32)))
    (import "" "make" (func $make (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "go") (result i32)
      (call $f (call $make)) (call $drop (i32.const 1)) (i32.const 1))"#;
const DROPS: &str = r#"(func (export "f") (param i32) (call $drop (local.get 0)))"#;
const KEEPS: &str = r#"(func (export "f") (param i32))"#;

#[test]
fn deviations_in_handles_between_guests() {
    let (own, borrow) = (r#"(param "a" (own $r))"#, r#"(param "a" (borrow $r))"#);
    let unknown = Err(Trap::UnknownHandle);
    let deviation = Deviation::HandlesLandInCaller;
    check_deviation(deviation, &handles(own, PASS_HANDLE, DROPS), Ok(1), unknown);
    let deviation = Deviation::FusedLoansKept;
    let lent = Err(Trap::HandleLent);
    check_deviation(deviation, &handles(borrow, PASS_AND_DROP_HANDLE, DROPS), Ok(1), lent);
    let deviation = Deviation::FusedBorrowsMayRemain;
    let remain = Err(Trap::BorrowsRemain);
    check_deviation(deviation, &handles(borrow, PASS_HANDLE, KEEPS), remain, Ok(1));
}

#[test]
fn deviations_in_post_return_between_guests() {
    let pair = Pair {
        ty: "(result u32)",
        call: r#"(import "" "f" (func $f (result i32)))
            (func (export "go") (result i32) (call $f))"#,
        callee: r#"(func (export "f") (result i32) (i32.const 7))
            (func (export "post") (param i32)
              (if (local.get 0) (then (unreachable))))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    check_deviation(Deviation::FusedPostReturnSkipped, &pair, Err(Trap::Guest), Ok(7));
    check_deviation(Deviation::FusedPostReturnGetsZeros, &pair, Err(Trap::Guest), Ok(7));
    let pair = Pair {
        ty: r#"(param "a" (own $r)) (result u32)"#,
        call: r#"(import "" "f" (func $f (param i32) (result i32)))
            (import "" "make" (func $make (result i32)))
            (func (export "go") (result i32) (call $f (call $make)))"#,
        callee: r#"(func (export "f") (param i32) (result i32) (local.get 0))
            (func (export "post") (param i32) (call $drop (local.get 0)))"#,
        ..pair
    };
    let deviation = Deviation::FusedPostReturnMayLeave;
    check_deviation(deviation, &pair, Err(Trap::CannotLeaveComponent), Ok(1));
}

#[test]
fn traps_between_guests_may_have_no_name() {
    let pair = Pair {
        ty: r#"(param "a" string)"#,
        call: r#"(import "" "f" (func $f (param i32 i32)))
            (func (export "go") (result i32)
              (call $f (i32.const 65535) (i32.const 2)) (i32.const 0))"#,
        callee: r#"(func (export "f") (param i32 i32))"#,
        reallocs: ["(i32.const 0)", "(i32.const -1)"],
        encodings: ["utf8", "utf16"],
    };
    let (trap, unnamed) = (Trap::StringOutOfBounds, Trap::Guest);
    check_deviation(Deviation::AdapterTrapsUnnamed, &pair, Err(trap), Err(unnamed));
    let (_, notes) = go(&pair, &[Deviation::AdapterTrapsUnnamed]);
    assert_eq!(notes.faults, Faults::from_iter([Trap::Guest]));
}

#[test]
fn a_refused_call_may_be_noticed_before_a_forbidden_one() {
    let text = r#"(component
      (core module $inner (func (export "g")))
      (core instance $inner (instantiate $inner))
      (func $g (canon lift (core func $inner "g")))
      (core func $g' (canon lower (func $g)))
      (core module $m
        (import "" "g" (func $g))
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $g) (i32.const 0))
        (func (export "go") (param i32 i32)))
      (core instance $i (instantiate $m (with "" (instance (export "g" (func $g'))))))
      (func (export "go") (param "a" string) (canon lift (core func $i "go")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;
    let (refused, first) = (Deviation::SelfCallsRefused, Deviation::KinshipBeforeMayLeave);
    for (deviations, trap) in [
        (&[][..], Trap::CannotLeaveComponent),
        (&[refused], Trap::CannotLeaveComponent),
        (&[first], Trap::CannotLeaveComponent),
        (&[refused, first], Trap::CannotEnterComponent),
    ] {
        let mut instance = instantiate(text, deviations);
        let result = instance.call("go", &[Value::string("a")]);
        assert_eq!(result, Err(Failure::Trap(trap)));
        assert_eq!(instance.watch().taken.is_empty(), trap == Trap::CannotLeaveComponent);
    }
}

#[test]
fn what_is_lowered_is_counted_for_each_guest() {
    let pair = Pair {
        ty: r#"(param "a" f32) (result f32)"#,
        call: r#"(import "" "f" (func $f (param f32) (result f32)))
            (func (export "go") (result i32)
              (drop (call $f (f32.const nan:0x200000))) (i32.const 0))"#,
        callee: r#"(func (export "f") (param f32) (result f32) (local.get 0))"#,
        reallocs: ZERO,
        encodings: UTF8,
    };
    let mut instance = instantiate(&component(&pair), &[]);
    instance.call("go", &[]).unwrap();
    let number = instance.number("go");
    let Lowered { lowerings, nans, received } = instance.watch().lowered(number);
    assert_eq!(*lowerings, 2);
    assert_eq!(*nans, [NanLeaf { lowering: 2, place: Place::Flat(0), width: 4 }]);
    let values = vec![Value::F32(0x7fa0_0000)];
    assert_eq!(received.crossings, [Crossing { stage: Stage::LowerResult, values }]);
}
