//! Calls from guest to guest: the faults that such a call may meet, whatever its order.

use std::collections::BTreeSet;

use canonfuzz::abi::{Notes, Stage, Trap};
use canonfuzz::component::{Compiled, Context, Failure, Host};
use canonfuzz::value::Value;

/// A host that nobody calls.
struct Nobody;

impl Host for Nobody {
    fn call(_: &mut Context<'_, Nobody>, _: &str, _: Vec<Value>) -> Result<Option<Value>, Trap> {
        Err(Trap::Host)
    }

    fn drop(_: &mut Context<'_, Nobody>, _: &str, _: u32) -> Result<(), Trap> {
        Err(Trap::Host)
    }
}

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
}

fn component(pair: &Pair) -> String {
    let Pair { ty, call, callee, reallocs } = pair;
    let [caller_realloc, callee_realloc] = reallocs;
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
            (core module $m
              (memory (export "memory") 1)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) {callee_realloc})
              {callee})
            (core instance $i (instantiate $m))
            (func (export "f") {ty} (canon lift (core func $i "f")
              (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
          (component $caller
            (import "r" (type $r (sub resource)))
            (import "make" (func $make (result (own $r))))
            (import "f" (func $f {ty}))
            (core module $libc
              (memory (export "memory") 1)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) {caller_realloc}))
            (core instance $libc (instantiate $libc))
            (core func $f' (canon lower (func $f)
              (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
            (core func $make' (canon lower (func $make)))
            (core module $m
              (import "" "memory" (memory 1))
              {call})
            (core instance $i (instantiate $m (with "" (instance
              (export "memory" (memory $libc "memory"))
              (export "make" (func $make'))
              (export "f" (func $f'))))))
            (func (export "go") (canon lift (core func $i "go"))))
          (instance $r (instantiate $maker))
          (instance $a (instantiate $callee (with "r" (type $r "r"))))
          (instance $b (instantiate $caller
            (with "r" (type $r "r"))
            (with "make" (func $r "make"))
            (with "f" (func $a "f"))))
          (export "go" (func $b "go")))"#
    )
}

/// Calls the caller's `go`, which traps: for this, at this stage, with these faults.
#[track_caller]
fn check(pair: &Pair, trap: Trap, stage: Stage, faults: &[Trap]) {
    let text = component(pair);
    let buffer = wast::parser::ParseBuffer::new(&text).unwrap();
    let mut wat = wast::parser::parse::<wast::Wat>(&buffer).unwrap_or_else(|e| panic!("{e}"));
    let compiled = Compiled::new(&wat.encode().unwrap()).unwrap_or_else(|e| panic!("{e}"));
    let instance = compiled.instantiate(Nobody, Notes::default());
    let mut instance = instance.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(instance.call("go", &[]), Err(Failure::Trap(trap)));
    let notes = instance.notes();
    assert_eq!(notes.faults, BTreeSet::from_iter(faults.iter().copied()));
    assert_eq!(notes.course.stage, stage);
    assert!(notes.course.reallocs.iter().all(|step| step.stage != Stage::Callee));
}

const ZERO: [&str; 2] = ["(i32.const 0)"; 2];

#[test]
fn faults_of_params_are_collected_on_both_sides() {
    let mut pair = Pair {
        ty: r#"(param "a" string) (param "b" char)"#,
        call: r#"(import "" "f" (func $f (param i32 i32 i32)))
            (func (export "go") (call $f (i32.const 0) (i32.const 3) (i32.const 0xd800)))"#,
        callee: r#"(func (export "f") (param i32 i32 i32))"#,
        reallocs: ZERO,
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
            (func (export "go") (call $f (i32.const 0) (i32.const 3)))"#,
        callee: r#"(func (export "f") (param i32 i32) (unreachable))"#,
        reallocs: ZERO,
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
            (func (export "go") (call $f (i32.const 65528)))"#,
        callee: r#"(func (export "f") (result i32)
            (i32.store (i32.const 8) (i32.const 0xd800)) (i32.const 0))"#,
        reallocs: ZERO,
    };
    let stage = Stage::LiftResult;
    let faults = [Trap::InvalidChar, Trap::MemoryOutOfBounds];
    check(&pair, Trap::InvalidChar, stage, &faults);
    pair.call = r#"(import "" "f" (func $f (param i32)))
        (func (export "go") (call $f (i32.const 65530)))"#;
    let faults = [Trap::InvalidChar, Trap::MemoryOutOfBounds, Trap::UnalignedPointer];
    check(&pair, Trap::InvalidChar, stage, &faults);
    pair.call = r#"(import "" "f" (func $f (param i32)))
        (func (export "go") (call $f (i32.const 0)))"#;
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
    };
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (call $f (call $make) (call $make) (i32.const 0xd800) (call $make)))"#;
    check(&pair(go), Trap::InvalidChar, Stage::LiftParams, &[Trap::InvalidChar]);
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (call $f (call $make) (call $make) (i32.const 0xd800) (i32.const 2)))"#;
    let faults = [Trap::InvalidChar, Trap::HandleLent];
    check(&pair(go), Trap::InvalidChar, Stage::LiftParams, &faults);
    let go = r#"(import "" "f" (func $f (param i32 i32 i32 i32)))
        (import "" "make" (func $make (result i32)))
        (func (export "go") (call $f (call $make) (i32.const 1) (i32.const 0xd800) (i32.const 3)))"#;
    let faults = [Trap::InvalidChar, Trap::UnknownHandle];
    check(&pair(go), Trap::UnknownHandle, Stage::LiftParams, &faults);
}

#[test]
fn borrows_that_remain_are_a_fault_of_the_result() {
    let pair = |callee: &'static str| Pair {
        ty: r#"(param "a" (borrow $r)) (result (tuple string char))"#,
        call: r#"(import "" "f" (func $f (param i32 i32)))
            (import "" "make" (func $make (result i32)))
            (func (export "go") (call $f (call $make) (i32.const 0)))"#,
        callee,
        reallocs: ["(i32.const -1)", "(i32.const 0)"],
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
