//! The plain face for hosts: what it refuses, and in which words. What it runs is in the README.

use canonical_abi::value::Value;
use component_interpreter::{Compiled, Embedded, Error, HostCall, Linker, Reply};

/// A component that imports a function and a resource, and one function in an instance.
const COMPONENT: &str = r#"(component
  (import "bell" (type $bell (sub resource)))
  (import "ring" (func $ring (param "a" u8) (result char)))
  (import "more" (instance $more (export "stop" (func (param "a" u32)))))
  (core func $ring' (canon lower (func $ring)))
  (core func $stop (canon lower (func $more "stop")))
  (core module $m
    (import "" "ring" (func $ring (param i32) (result i32)))
    (import "" "stop" (func $stop (param i32)))
    (func (export "ring") (param i32) (result i32) (call $ring (local.get 0)))
    (func (export "stop") (call $stop (i32.const 7)) (unreachable)))
  (core instance $i (instantiate $m (with ""
    (instance (export "ring" (func $ring')) (export "stop" (func $stop))))))
  (func (export "ring") (param "a" u8) (result char) (canon lift (core func $i "ring")))
  (func (export "stop") (canon lift (core func $i "stop"))))"#;

fn compiled() -> Compiled {
    Compiled::new(&wat::parse_str(COMPONENT).unwrap()).unwrap()
}

/// A host that answers `ring` with this, and keeps what `stop` was called with.
fn linker(answer: Option<Value>) -> Linker<Vec<Value>> {
    let mut linker = Linker::<Vec<Value>>::default();
    linker.resource("bell", |_, _| ());
    linker.func("ring", move |_, _| Ok(answer.clone()));
    linker.func("more#stop", |context, args| {
        context.host().data.extend(args);
        Ok(None)
    });
    linker
}

fn instance(answer: Option<Value>) -> Embedded<Vec<Value>> {
    linker(answer).instantiate(&compiled(), Vec::new()).unwrap()
}

#[track_caller]
fn check(answer: Option<Value>, path: &str, args: &[Value], expected: Result<Value, &str>) {
    let result = instance(answer).call(path, args);
    let result = result.map(|value| value.expect("it has a result"));
    assert_eq!(result.map_err(|why| why.to_string()), expected.map_err(str::to_string));
}

#[test]
fn a_call_that_fits_comes_back() {
    check(Some(Value::Char('!')), "ring", &[Value::U8(1)], Ok(Value::Char('!')));
}

#[test]
fn what_does_not_fit_is_said_before_anything_runs() {
    let call = |args: &[Value], why| check(Some(Value::Char('!')), "ring", args, Err(why));
    call(&[], "`ring` takes 1 arguments, not 0");
    call(&[Value::U16(1)], "argument 0 of `ring` is not of type u8");
    check(None, "wring", &[], Err("no function `wring` is exported"));
}

#[test]
fn a_result_of_the_hosts_that_does_not_fit_is_said() {
    let answer = |answer, why| check(answer, "ring", &[Value::U8(1)], Err(why));
    answer(None, "the host's `ring` returned no value");
    answer(Some(Value::U8(1)), "the result of the host's `ring` is not of type char");
}

#[test]
fn a_trap_is_told_with_what_the_host_has_seen() {
    let mut instance = instance(None);
    let why = instance.call("stop", &[]).unwrap_err();
    assert_eq!(why.to_string(), "trapped: guest code");
    assert_eq!(*instance.data(), [Value::U32(7)]);
    let why = instance.call("stop", &[]).unwrap_err();
    assert_eq!(why.to_string(), "trapped: cannot enter component");
}

#[test]
fn what_the_host_does_not_offer_is_named() {
    let mut empty = Linker::<()>::default();
    let missing = |linker: &Linker<()>| linker.instantiate(&compiled(), ()).err();
    assert_eq!(missing(&empty), Some(Error::Missing("bell".to_string())));
    empty.resource("bell", |(), _| ()).func("ring", |_, _| Ok(None));
    assert_eq!(missing(&empty), Some(Error::Missing("more#stop".to_string())));
}

/// A component that calls two functions of the host's at once, and returns what each has answered.
const ASYNC: &str = r#"(component
  (import "ask" (func $ask async (param "x" u32) (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $memory'))
  (core func $ask (canon lower (func $ask) async (memory $memory')))
  (core func $set (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $wait (canon waitable-set.wait (memory $memory')))
  (core module $m
    (import "" "memory" (memory 1))
    (import "" "ask" (func $ask (param i32 i32) (result i32)))
    (import "" "set" (func $set (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (func (export "both") (result i32) (local $set i32)
      (local.set $set (call $set))
      (call $join (i32.shr_u (call $ask (i32.const 1) (i32.const 16)) (i32.const 4)) (local.get $set))
      (call $join (i32.shr_u (call $ask (i32.const 2) (i32.const 20)) (i32.const 4)) (local.get $set))
      (drop (call $wait (local.get $set) (i32.const 0)))
      (drop (call $wait (local.get $set) (i32.const 0)))
      (i32.add (i32.load (i32.const 16)) (i32.mul (i32.const 100) (i32.load (i32.const 20))))))
  (core instance $i (instantiate $m (with "" (instance
    (export "memory" (memory $memory')) (export "ask" (func $ask)) (export "set" (func $set))
    (export "join" (func $join)) (export "wait" (func $wait))))))
  (func (export "both") async (result u32) (canon lift (core func $i "both"))))"#;

/// Calls a host that puts its answers off, and answers so many of them with that, the last one first.
fn late(
    most: usize,
    answer: impl Fn(u32) -> Value + Send + Sync + 'static,
) -> Result<Value, String> {
    let mut linker = Linker::<Vec<(HostCall, u32)>>::default();
    linker.func_later("ask", |context, call, args| {
        let [Value::U32(x)] = args[..] else { panic!("{args:?}") };
        context.host().data.push((call, x));
        Ok(Reply::Later)
    });
    linker.idle(move |context| {
        let calls = &mut context.host().data;
        match calls.pop().filter(|_| calls.len() + most >= 2) {
            Some((call, x)) => context.answer(call, Some(answer(x))).map(|()| true),
            None => Ok(false),
        }
    });
    let component = Compiled::new(&wat::parse_str(ASYNC).unwrap()).unwrap();
    let mut instance = linker.instantiate(&component, Vec::new()).unwrap();
    let result = instance.call("both", &[]);
    result.map(|value| value.expect("it has a result")).map_err(|why| why.to_string())
}

#[test]
fn what_the_host_has_put_off_is_answered_once_no_guest_can_go_on() {
    assert_eq!(late(2, |x| Value::U32(x + 5)), Ok(Value::U32(706)));
}

#[test]
fn a_call_that_is_never_answered_waits_for_what_never_comes() {
    let why = "a call waits for what never comes".to_string();
    assert_eq!(late(1, Value::U32), Err(why));
}

#[test]
fn a_late_answer_that_does_not_fit_fails_the_call() {
    assert_eq!(late(2, |_| Value::Bool(true)), Err("trapped: host function".to_string()));
}
