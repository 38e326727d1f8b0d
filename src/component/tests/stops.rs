//! Wherever core code calls what is no core code it stops, and goes on with the right results.

use canonical_abi::value::Value;
use component_interpreter::{Compiled, Embedded, Error, Linker};

/// Two components: core code of the second calls the first, which calls the host, which adds 1. What the first
/// adds is 10, and the second gives the number that it has in a slot of its own.
fn component(core: &str) -> String {
    format!(
        r#"(component
          (import "host" (func $host (param "x" u32) (result u32)))
          (component $First
            (import "host" (func $host (param "x" u32) (result u32)))
            (core func $host' (canon lower (func $host)))
            (core module $M
              (import "" "host" (func $host (param i32) (result i32)))
              (func (export "f") (param i32) (result i32)
                (i32.add (call $host (local.get 0)) (i32.const 10))))
            (core instance $m (instantiate $M (with "" (instance (export "host" (func $host'))))))
            (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f"))))
          (component $Second
            (import "f" (func $f (param "x" u32) (result u32)))
            (core func $f' (canon lower (func $f)))
            {core})
          (instance $first (instantiate $First (with "host" (func $host))))
          (instance $second (instantiate $Second (with "f" (func $first "f"))))
          (export "f" (func $second "f")))"#
    )
}

fn instantiate(core: &str) -> Result<Embedded<()>, Error> {
    let text = component(core);
    let component = wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}"));
    let mut linker = Linker::<()>::default();
    linker.func("host", |_, args| match args[..] {
        [Value::U32(x)] => Ok(Some(Value::U32(x + 1))),
        _ => panic!("{args:?}"),
    });
    linker.instantiate(&Compiled::new(&component).unwrap_or_else(|e| panic!("{e}")), ())
}

#[track_caller]
fn check(core: &str, expected: u32) {
    let mut instance = instantiate(core).unwrap_or_else(|e| panic!("{e}"));
    for _ in 0..2 {
        assert_eq!(instance.call("f", &[Value::U32(100)]), Ok(Some(Value::U32(expected))));
    }
}

/// A module that is lifted, with this in it; `$f` is its import.
fn module(body: &str) -> String {
    format!(
        r#"(core module $M
          (import "" "f" (func $f (param i32) (result i32)))
          (type $F (func (param i32) (result i32)))
          {body})
        (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
        (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f")))"#
    )
}

#[test]
fn a_plain_call() {
    check(&module(r#"(func (export "f") (param i32) (result i32) (call $f (local.get 0)))"#), 111);
}

#[test]
fn through_a_table() {
    let body = r#"
        (table funcref (elem $f))
        (func (export "f") (param i32) (result i32)
          (i32.add (i32.const 1000)
            (call_indirect (type $F) (local.get 0) (i32.const 0))))"#;
    check(&module(body), 1111);
}

#[test]
fn no_core_code_around_it() {
    let lift = r#"(func (export "f") (param "x" u32) (result u32) (canon lift (core func $f')))"#;
    check(lift, 111);
    check(&module(r#"(export "f" (func $f))"#), 111);
}

#[test]
fn a_tail_call_of_the_function_that_is_lifted() {
    let body = r#"(func (export "f") (param i32) (result i32) (return_call $f (local.get 0)))"#;
    check(&module(body), 111);
}

#[test]
fn a_tail_call_in_the_middle() {
    let body = |tail: &str| {
        module(&format!(
            r#"
            (table funcref (elem $f))
            (func $inner (param i64 i64 i32 i64) (result i32)
              (local i32 i32)
              (local.set 4 (i32.const 77))
              (local.set 5 (local.get 2))
              {tail})
            (func (export "f") (param i32) (result i32)
              (local i32)
              (local.set 1 (i32.const 1000))
              (i32.add (local.get 1)
                (call $inner (i64.const 1) (i64.const 2) (local.get 0) (i64.const 3))))"#
        ))
    };
    check(&body("(return_call $f (local.get 5))"), 1111);
    let indirect = "(return_call_indirect (type $F) (local.get 5) (i32.const 0))";
    check(&body(indirect), 1111);
}

/// One module makes the tail call, another one has what it calls, as an export or in a table.
#[test]
fn a_tail_call_of_what_another_module_has() {
    let core = |second: &str| {
        format!(
            r#"(core module $Has
              (import "" "f" (func $f (param i32) (result i32)))
              (table (export "t") funcref (elem $f))
              (export "f" (func $f)))
            (core instance $has (instantiate $Has (with "" (instance (export "f" (func $f'))))))
            (core module $M
              (type $F (func (param i32) (result i32)))
              {second}
              (func (export "f") (param i32) (result i32)
                (i32.add (i32.const 1000) (call $inner (i64.const 1) (i64.const 2) (local.get 0)))))
            (core instance $m (instantiate $M (with "" (instance $has))))
            (func (export "f") (param "x" u32) (result u32) (canon lift (core func $m "f")))"#
        )
    };
    let export = r#"
        (import "" "f" (func $f (param i32) (result i32)))
        (func $inner (param i64 i64 i32) (result i32) (return_call $f (local.get 2)))"#;
    check(&core(export), 1111);
    let table = r#"
        (import "" "t" (table 1 funcref))
        (func $inner (param i64 i64 i32) (result i32)
          (return_call_indirect (type $F) (local.get 2) (i32.const 0)))"#;
    check(&core(table), 1111);
}

#[test]
fn a_start_function() {
    let body = |exports: &str| {
        module(&format!(
            r#"
            (global $g (mut i32) (i32.const 0))
            {exports}
            (func $begin (global.set $g (i32.add (call $f (i32.const 5)) (i32.const 1))))
            (start $begin)
            (func $use (param i32) (result i32) (i32.add (global.get $g) (local.get 0)))"#
        ))
    };
    check(&body(r#"(export "f" (func $use))"#), 117);
    let taken = r#"(export "start" (global $g)) (export "start'" (global $g))
        (export "f" (func $use))"#;
    check(&body(taken), 117);
}

#[test]
fn a_start_function_of_a_module_that_exports_nothing() {
    let core = r#"
        (core module $S
          (import "" "f" (func $f (param i32) (result i32)))
          (func $begin (if (i32.ne (call $f (i32.const 5)) (i32.const 16)) (then (unreachable))))
          (start $begin)
          (data "such as it is"))
        (core instance (instantiate $S (with "" (instance (export "f" (func $f'))))))
        (func (export "f") (param "x" u32) (result u32) (canon lift (core func $f')))"#;
    check(core, 111);
}

#[test]
fn a_start_function_that_traps_leaves_no_instance() {
    let body = r#"
        (func $begin (drop (call $f (i32.const 5))) (unreachable))
        (start $begin)
        (export "f" (func $f))"#;
    let failed = instantiate(&module(body)).map(|_| ()).unwrap_err();
    assert_eq!(failed.to_string(), "its start traps: Guest");
}
