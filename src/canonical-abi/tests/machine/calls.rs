//! Calls within calls, of which none waits.

use std::sync::Arc;

use canonical_abi::ActKind;
use canonical_abi::drive;
use canonical_abi::machine::{Defined, Destructor, Lifted, Options};
use canonical_abi::types::Type;
use canonical_abi::value::Value;
use canonical_abi::{
    BuiltIn, Core, Deviation, LiftLowerOptions, PtrType, Recorder, Stage, Stop, Trap,
};

use super::scripted::{Answer, Do, OPTS, Scripted, i32s, ty};

#[test]
fn lifting_lowers_calls_lifts_and_cleans_up() {
    let mut world = Scripted::of(1);
    let echo = [Do::Return(i32s(&[7]))];
    let lifted = world.lift(0, ty(&[Type::String], Some(Type::U8)), &echo);
    let post_return = Some(world.core(&[Do::Return(Vec::new())]));
    let lifted = Arc::into_inner(lifted).unwrap();
    let lifted = Lifted { opts: Options { post_return, ..lifted.opts }, ..lifted };
    assert_eq!(world.call(&Arc::new(lifted), &[Value::string("hi")]), Ok(Some(Value::U8(7))));
    let cleaned = "post-return, may leave: false";
    let calls = ["0 called with [2]", "1 called with [32, 2]", cleaned, "2 called with [7]"];
    assert_eq!(world.log, calls);
    assert!(world.machine.instances[0].may_leave);
    world.check_over();
}

#[test]
fn one_guest_calls_another_and_goes_on_with_the_result() {
    let mut world = Scripted::of(2);
    let string = ty(&[Type::String], Some(Type::String));
    // The result is where its argument is; the pointer to that is at 8.
    let inner = world.lift(1, string.clone(), &[Do::Return(i32s(&[8]))]);
    world.memories[1].memory[8..16].copy_from_slice(&[32, 0, 0, 0, 2, 0, 0, 0]);
    let import = world.lower(0, &inner);
    world.memories[0].memory[..2].copy_from_slice(b"hi");
    let calls = [Do::Import(import, i32s(&[0, 2, 16])), Do::Return(i32s(&[16]))];
    let outer = world.lift(0, ty(&[], Some(Type::String)), &calls);
    assert_eq!(world.call(&outer, &[]), Ok(Some(Value::string("hi"))));
    let inner_called = ["0 called with [2]", "1 called with [32, 2]", "0 called with [2]"];
    let all = [&["2 called with []"], &inner_called[..], &["2 goes on with []"]].concat();
    assert_eq!(world.log, all);
    world.check_over();
}

#[test]
fn calls_within_one_another_are_counted_and_may_not_come_back() {
    let mut world = Scripted::of(2);
    let plain = || ty(&[], None);
    let again = world.lift(0, plain(), &[]);
    let import = world.lower(1, &again);
    let back = world.lift(1, plain(), &[Do::Import(import, Vec::new())]);
    let import = world.lower(0, &back);
    let first = world.lift(0, plain(), &[Do::Import(import, Vec::new())]);
    assert_eq!(world.call(&first, &[]), Err(Trap::CannotEnterComponent.into()));
    assert_eq!(world.watch.course.depth, 1);
    world.check_over();
    // What a trap has ended in nobody enters any more.
    assert_eq!(world.call(&again, &[]), Err(Trap::CannotEnterComponent.into()));
    world.check_over();

    let mut world = Scripted::of(9);
    let mut func = world.lift(8, plain(), &[Do::Return(Vec::new())]);
    for instance in (0..8).rev() {
        let import = world.lower(instance, &func);
        func = world.lift(instance, plain(), &[Do::Import(import, Vec::new()), Do::Trap]);
    }
    assert_eq!(world.call(&func, &[]), Err(Stop::Exhausted("eight calls")));
    world.check_over();
}

/// Lowers an import of type `func(string) -> string`; the host answers with this.
#[track_caller]
fn check_lower(may_leave: bool, flat_args: &[u32], log: &[&str], expected: Result<(), Trap>) {
    let mut world = Scripted::of(1);
    let string = ty(&[Type::String], Some(Type::String));
    let import = world.host(0, string, Answer::Returned(Some(Value::string("hi"))));
    let calls = [Do::Import(import, i32s(flat_args)), Do::Return(Vec::new())];
    let lifted = world.lift(0, ty(&[], None), &calls);
    world.machine.instances[0].may_leave = may_leave;
    assert_eq!(world.call(&lifted, &[]), expected.map(|()| None).map_err(Stop::Trap));
    assert_eq!(world.log[1..], *log);
    world.check_over();
}

#[test]
fn the_out_pointer_is_checked_only_after_the_callee_ran() {
    let called = "host: f with 1 values";
    let on = ["0 called with [2]", "1 goes on with []"];
    check_lower(true, &[0, 1, 8], &[&[called], &on[..]].concat(), Ok(()));
    check_lower(true, &[0, 1, 9], &[called], Err(Trap::UnalignedPointer));
    check_lower(true, &[60, 5, 9], &[], Err(Trap::StringOutOfBounds));
}

#[test]
fn an_import_may_not_be_called_while_may_leave_is_false() {
    check_lower(false, &[0, 1, 8], &[], Err(Trap::CannotLeaveComponent));
}

#[test]
fn a_trap_while_lifting_the_result_comes_before_post_return() {
    let mut world = Scripted::of(1);
    let lifted = world.lift(0, ty(&[], Some(Type::Char)), &[Do::Return(i32s(&[0xd800]))]);
    let post_return = Some(world.core(&[Do::Return(Vec::new())]));
    let lifted = Arc::into_inner(lifted).unwrap();
    let lifted = Lifted { opts: Options { post_return, ..lifted.opts }, ..lifted };
    assert_eq!(world.call(&Arc::new(lifted), &[]), Err(Trap::InvalidChar.into()));
    assert_eq!(world.log, ["1 called with []"]);
    assert_eq!(world.watch.course.stage, Stage::LiftResult);
    world.check_over();
}

/// Passes a string to a guest with a memory of 64 bits that returns the string at 8: what the guest gets, and
/// what the host.
#[track_caller]
fn check_wide(deviations: &[Deviation], called: &[&str], expected: Result<&str, Stop>) {
    let mut world = Scripted::of(1);
    world.watch = Recorder::deviating(deviations.iter().copied().collect());
    world.memories[0].memory[..2].copy_from_slice(b"hi");
    world.memories[0].memory[16] = 2;
    world.scripts[0] = vec![Do::Return(vec![Core::I64(32)])];
    let ty = ty(&[Type::String], Some(Type::String));
    let lifted = world.lift(0, ty, &[Do::Return(vec![Core::I64(8)])]);
    let lifted = Arc::into_inner(lifted).unwrap();
    let lift_lower = LiftLowerOptions { ptr_type: PtrType::I64, ..OPTS };
    let lifted = Lifted { opts: Options { lift_lower, ..lifted.opts }, ..lifted };
    let result = world.call(&Arc::new(lifted), &[Value::string("a")]);
    assert_eq!(result, expected.map(|text| Some(Value::string(text))));
    assert_eq!(world.log, called);
}

#[test]
fn the_host_may_take_a_memory_of_64_bits_for_one_of_32() {
    let called = ["0 called with [1]", "1 called with [32, 1]"];
    check_wide(&[], &called, Ok("hi"));
    check_wide(&[Deviation::HostMemoryIs32Bit], &called, Ok(""));
    let both = [Deviation::HostMemoryIs32Bit, Deviation::HostReallocOf64BitsCrashes];
    check_wide(&both, &[], Err(Stop::Crash));
}

#[test]
fn a_destructor_runs_on_top_of_who_drops() {
    let mut world = Scripted::of(1);
    let destructor = world.core(&[Do::Return(Vec::new())]);
    let rt = world.machine.resource_type(Some(0), Destructor::Guest(Some(destructor)));
    let built_in = |which, arg| {
        let resources = Arc::new(vec![Some(rt)]);
        let defined = Defined { resources, ..Defined::new(which, 0) };
        Do::BuiltIn(Arc::new(defined), i32s(&[arg]))
    };
    let (new, drop) = (built_in(BuiltIn::ResourceNew, 5), built_in(BuiltIn::ResourceDrop, 1));
    let lifted = world.lift(0, ty(&[], None), &[new, drop, Do::Return(Vec::new())]);
    assert_eq!(world.call(&lifted, &[]), Ok(None));
    let log = ["2 called with []", "2 goes on with [1]", "1 called with [5]", "2 goes on with []"];
    assert_eq!(world.log, log);
    assert_eq!(world.watch.course.depth, 0);
    assert_eq!(drive::drop_resource(&mut world, rt, 6), Ok(()));
    assert_eq!(world.log[4..], ["1 called with [6]"]);
    world.check_over();

    world.scripts[1] = vec![Do::Trap];
    assert_eq!(world.call(&lifted, &[]), Err(Trap::Guest.into()));
    let acts = world.watch.course.acts.iter();
    let destroyed = acts.filter(|act| act.kind == ActKind::Destructor);
    let stops: Vec<_> = destroyed.map(|act| act.stop).collect();
    assert_eq!(stops, [None, None, Some(Trap::Guest.into())]);
    world.check_over();
}
