//! What the reference's runtime refuses, and how; what it runs is for the scripts in `wast/`.

use component_interpreter::{Compiled, Failure};

#[track_caller]
fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"))
}

fn instantiate(bytes: &[u8]) -> Result<(), String> {
    let compiled = Compiled::new(bytes).map_err(|refusal| refusal.to_string())?;
    compiled.instantiate((), ()).map(|_| ()).map_err(|why| why.to_string())
}

#[track_caller]
fn check(bytes: &[u8], expected: Result<(), &str>) {
    match (instantiate(bytes), expected) {
        (Ok(()), Ok(())) => {}
        (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

/// Components in one another, so many of them.
fn nested(depth: usize) -> Vec<u8> {
    let innermost = wasm_encoder::Component::new();
    let nest = |inner, _| {
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::NestedComponentSection(&inner));
        outer
    };
    (1..depth).fold(innermost, nest).finish()
}

/// A component that instantiates another so many times, which does so as well, and so on.
fn instantiating(times: usize, levels: usize) -> Vec<u8> {
    let innermost = "(component $c)".to_string();
    let instances = "(instance (instantiate $c))".repeat(times);
    let nest = |inner, _| format!("(component $c {inner} {instances})");
    binary(&(0..levels).fold(innermost, nest))
}

#[test]
fn what_is_no_component_is_refused() {
    check(b"", Err("invalid component: unexpected end"));
    check(b"\0asm\x0d\0\x01\0\x04", Err("invalid component: unexpected end"));
    check(b"not a component", Err("invalid component: magic header not detected"));
    check(&binary("(module)"), Err("invalid component: this is a core module, not a component"));
}

#[test]
fn no_prefix_of_a_component_makes_it_panic() {
    let whole = binary(
        r#"(component
          (import "r" (type $r (sub resource)))
          (import "f" (func $f (param "a" (own $r)) (result string)))
          (component $c (type $s (resource (rep i32))) (export "s" (type $s)))
          (instance $i (instantiate $c))
          (alias export $i "s" (type $t))
          (core func $drop (canon resource.drop $t))
          (core module $m (func (export "g") (result i32) i32.const 7))
          (core instance $n (instantiate $m))
          (func (export "g") (result u32) (canon lift (core func $n "g"))))"#,
    );
    check(&whole, Ok(()));
    for length in 0..whole.len() {
        // Some prefixes that end with a section are components themselves.
        let _ = instantiate(&whole[..length]);
    }
}

#[test]
fn nesting_has_a_limit() {
    check(&nested(100), Ok(()));
    check(&nested(101), Err("components nested deeper than 100"));
}

#[test]
fn instances_have_a_limit() {
    check(&instantiating(1, 90), Ok(()));
    check(&instantiating(2, 8), Ok(()));
    check(&instantiating(2, 40), Err("more than 10000 instances"));
}

#[test]
fn what_is_not_supported_is_named_only_if_all_is_valid() {
    let throws = "(core module (tag))";
    let named = Err("not supported by the reference yet: core exceptions (tags)");
    check(&binary(&format!("(component {throws})")), named);
    let bad = "(core module (func (result i32)))";
    check(&binary(&format!("(component {throws} {bad})")), Err("invalid component: type mismatch"));
}

#[test]
fn features_are_named_as_the_specification_names_them() {
    for (text, name) in [
        ("(core module (tag))", "core exceptions (tags)"),
        (r#"(import "m" (core module))"#, "the import of a core module, `m`"),
        (r#"(import "c" (component))"#, "the import of a component, `c`"),
    ] {
        check(&binary(&format!("(component {text})")), Err(name));
    }
}

#[test]
fn a_start_that_traps_is_told_from_a_component_that_is_refused() {
    let start = "(core module $m (func $f unreachable) (start $f))";
    let text = format!("(component {start} (core instance (instantiate $m)))");
    check(&binary(&text), Err("its start traps: Guest"));
}

#[test]
fn calls_within_one_another_have_a_limit() {
    let bytes = binary(
        r#"(component
          (core module $late (table (export "t") 1 funcref)
            (type $ft (func)) (func (export "f") (call_indirect (type $ft) (i32.const 0))))
          (core instance $late (instantiate $late))
          (func $f (canon lift (core func $late "f")))
          (core func $again (canon lower (func $f)))
          (core module $fill (import "" "t" (table 1 funcref)) (import "" "f" (func $f))
            (elem (i32.const 0) $f))
          (core instance (instantiate $fill (with ""
            (instance (export "t" (table $late "t")) (export "f" (func $again))))))
          (export "f" (func $f)))"#,
    );
    let compiled = Compiled::new(&bytes).unwrap();
    let mut instance = compiled.instantiate((), ()).ok().unwrap();
    let limit = "more than 128 calls within one another";
    assert_eq!(instance.call("f", &[]), Err(Failure::Exhausted(limit)));
}

#[test]
fn memories_have_a_limit() {
    let large = "(core module $m (memory 65536)) (core instance (instantiate $m))";
    check(&binary(&format!("(component {large})")), Err("its start: "));
}

#[test]
fn threads_that_yield_for_ever_have_a_limit() {
    let bytes = binary(
        r#"(component
          (core func $yield (canon thread.yield))
          (core module $m (import "" "yield" (func $yield (result i32)))
            (func (export "f") (loop (drop (call $yield)) (br 0))))
          (core instance $i (instantiate $m (with "" (instance (export "yield" (func $yield))))))
          (func (export "f") async (canon lift (core func $i "f"))))"#,
    );
    let mut instance = Compiled::new(&bytes).unwrap().instantiate((), ()).ok().unwrap();
    assert_eq!(instance.call("f", &[]), Err(Failure::Exhausted("more than 10 million turns")));
}
