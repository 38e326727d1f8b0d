//! Which calls the reference lets block: those of functions whose types are async, alone.

use canonfuzz::abi::{Deviated, Deviation, Recorder, Stop, Trap};
use canonfuzz::component::{Compiled, Context, Host, Instance};
use canonfuzz::value::Value;

type Failure = canonfuzz::component::Failure<Deviated>;

/// A host whose function blocks or returns at once.
struct Answering {
    blocks: bool,
}

impl Host for Answering {
    fn call(
        context: &mut Context<'_, Answering>,
        _: &str,
        _: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        if context.host().blocks {
            context.block()?;
        }
        Ok(Some(Value::U32(7)))
    }

    fn drop(_: &mut Context<'_, Answering>, _: &str, _: u32) -> Result<(), Stop> {
        Err(Trap::Host.into())
    }
}

/// What is async of what `chain` makes: what the host calls, what that calls, and the host's function.
#[derive(Clone, Copy)]
struct Asyncs {
    outer: bool,
    inner: bool,
    host: bool,
}

/// Two components: the first calls the second, which calls the host.
fn chain(asyncs: Asyncs) -> String {
    let Asyncs { outer, inner, host } = asyncs;
    let [outer, inner, host] = [outer, inner, host].map(|is| if is { "async" } else { "" });
    let link = |imported: &str, exported: &str| {
        format!(
            r#"(import "f" (func $f {imported} (result u32)))
            (core func $f' (canon lower (func $f)))
            (core module $M
              (import "" "f" (func $f (result i32)))
              (func (export "f") (result i32) (i32.add (call $f) (i32.const 1))))
            (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
            (func (export "f") {exported} (result u32) (canon lift (core func $m "f")))"#
        )
    };
    format!(
        r#"(component
          (import "f" (func $f {host} (result u32)))
          (component $Inner {})
          (component $Outer {})
          (instance $inner (instantiate $Inner (with "f" (func $f))))
          (instance $outer (instantiate $Outer (with "f" (func $inner "f"))))
          (export "f" (func $outer "f")))"#,
        link(host, inner),
        link(inner, outer),
    )
}

fn instance(
    text: &str,
    deviations: &[Deviation],
    host: Answering,
) -> Instance<Answering, Recorder> {
    let buffer = wast::parser::ParseBuffer::new(text).unwrap();
    let mut wat = wast::parser::parse::<wast::Wat>(&buffer).unwrap_or_else(|e| panic!("{e}"));
    let compiled = Compiled::new(&wat.encode().unwrap()).unwrap_or_else(|e| panic!("{e}"));
    let recorder = Recorder::deviating(deviations.iter().copied().collect());
    compiled.instantiate(host, recorder).unwrap_or_else(|e| panic!("{e}"))
}

const RETURNED: Result<u32, Trap> = Ok(9);
const TRAPPED: Result<u32, Trap> = Err(Trap::CannotBlockSyncTask);

#[track_caller]
fn check(asyncs: [bool; 3], deviations: &[Deviation], blocks: bool, expected: Result<u32, Trap>) {
    let [outer, inner, host] = asyncs;
    let text = chain(Asyncs { outer, inner, host });
    let mut instance = instance(&text, deviations, Answering { blocks });
    let expected = expected.map(|value| Some(Value::U32(value))).map_err(Failure::Trap);
    assert_eq!(instance.call("f", &[]), expected);
    let taken: Vec<_> = instance.watch().taken.iter().collect();
    assert!(taken.is_empty() || taken == deviations, "{taken:?}");
}

#[test]
fn what_does_not_block_may_be_called_by_anyone() {
    for bits in 0..8 {
        check([bits & 1 != 0, bits & 2 != 0, bits & 4 != 0], &[], false, RETURNED);
    }
}

#[test]
fn what_blocks_traps_unless_all_that_wait_are_async() {
    check([true, true, true], &[], true, RETURNED);
    check([false, true, true], &[], true, TRAPPED);
    check([true, false, true], &[], true, TRAPPED);
    check([false, false, true], &[], true, TRAPPED);
    check([true, false, true], &[Deviation::BlockingUnchecked], true, RETURNED);
}

#[test]
fn until_may_2026_a_function_that_is_not_async_could_not_call_one_that_is() {
    let deviations = &[Deviation::AsyncCallsRefused];
    check([true, true, true], deviations, false, RETURNED);
    check([true, true, false], deviations, false, RETURNED);
    check([true, false, false], deviations, false, RETURNED);
    check([false, false, false], deviations, false, RETURNED);
    check([false, true, true], deviations, false, TRAPPED);
    check([true, false, true], deviations, false, TRAPPED);
}

#[test]
fn a_function_that_the_host_waits_for_may_count_as_not_async() {
    let check = |waits, asyncs: [bool; 3], deviations: &[Deviation], expected| {
        let [outer, inner, host] = asyncs;
        let text = chain(Asyncs { outer, inner, host });
        let mut instance = instance(&text, deviations, Answering { blocks: false });
        instance.host_calls().waits = waits;
        assert_eq!(instance.call("f", &[]).is_ok(), expected);
        let taken: Vec<_> = instance.watch().taken.iter().collect();
        assert_eq!(taken, if expected { &[] } else { deviations });
    };
    let deviations = &[Deviation::AsyncCallsRefused, Deviation::WaitedForIsSync];
    check(true, [true, true, false], deviations, false);
    check(false, [true, true, false], deviations, true);
    check(true, [true, false, false], deviations, true);
    check(true, [true, true, false], &deviations[1..], true);
    // Nobody waits for what a guest calls.
    check(true, [true, true, true], &deviations[..1], true);
}

/// An async function that calls an async function of its own component waits for itself.
#[test]
fn async_functions_of_one_instance_exclude_one_another() {
    let calling = |outer: &str, inner: &str| {
        let text = format!(
            r#"(component
              (core module $Base (func (export "f") (result i32) (i32.const 5)))
              (core instance $base (instantiate $Base))
              (func $f {inner} (result u32) (canon lift (core func $base "f")))
              (core func $f' (canon lower (func $f)))
              (core module $M
                (import "" "f" (func $f (result i32)))
                (func (export "f") (result i32) (call $f)))
              (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
              (func (export "f") {outer} (result u32) (canon lift (core func $m "f"))))"#
        );
        instance(&text, &[], Answering { blocks: false }).call("f", &[])
    };
    assert_eq!(calling("async", ""), Ok(Some(Value::U32(5))));
    assert_eq!(calling("", "async"), Ok(Some(Value::U32(5))));
    let waits = calling("async", "async");
    assert_eq!(waits, Err(Failure::Deadlock));
}
