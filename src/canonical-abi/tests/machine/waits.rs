//! Calls that wait, for the host or for one another.

use std::sync::Arc;

use canonical_abi::canon::on_resolve;
use canonical_abi::drive;
use canonical_abi::machine::{Destructor, Func, HostFunc, Lifted, Lowered, ResourceTypes};
use canonical_abi::types::{FuncType, Handle, Type};
use canonical_abi::value::Value;
use canonical_abi::{Stop, Trap};

use super::scripted::{Answer, Chosen, Do, Scripted, i32s, is_async, ty};

/// An async function of an instance, which asks the host, waits for the answer and returns 7.
fn asks(world: &mut Scripted, instance: usize) -> Arc<Lifted> {
    let import = world.host(instance, is_async(ty(&[], Some(Type::U32))), Answer::Later);
    let calls = [Do::Import(import, Vec::new()), Do::Return(i32s(&[7]))];
    world.lift(instance, is_async(ty(&[], Some(Type::U32))), &calls)
}

const SEVEN: Option<Option<Value>> = Some(Some(Value::U32(7)));

#[test]
fn who_waits_for_the_host_goes_on_when_it_has_answered() {
    let mut world = Scripted::of(2);
    let [first, second] = [asks(&mut world, 0), asks(&mut world, 1)];
    let first = drive::invoke(&mut world, &first, Vec::new()).unwrap();
    let second = drive::invoke(&mut world, &second, Vec::new()).unwrap();
    assert_eq!(world.waiting_for_host.len(), 2);
    assert_eq!(drive::tick(&mut world), Ok(false));
    world.waiting_for_host.swap(0, 1);
    world.answer(Value::U32(1));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!((world.resolved(first), world.resolved(second)), (None, SEVEN));
    world.answer(Value::U32(2));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(world.resolved(first), SEVEN);
    let on = ["2 goes on with [1]", "1 goes on with [2]"];
    assert_eq!(world.log[4..], on);
    world.check_over();
}

#[test]
fn whatever_waits_can_be_gone_back_to() {
    let mut world = Scripted::of(2);
    let [first, second] = [asks(&mut world, 0), asks(&mut world, 1)];
    drive::invoke(&mut world, &first, Vec::new()).unwrap();
    drive::invoke(&mut world, &second, Vec::new()).unwrap();
    world.answer(Value::U32(1));
    world.answer(Value::U32(2));
    let before = world.clone();
    let orders = [0, 1].map(|choice| {
        let mut world = before.clone();
        world.choices = Chosen(vec![choice]);
        while drive::tick(&mut world).unwrap() {}
        world.log[4..].to_vec()
    });
    let (first, second) = ("1 goes on with [1]", "2 goes on with [2]");
    assert_eq!(orders, [[first, second], [second, first]]);
}

#[test]
fn async_functions_of_one_instance_wait_for_one_another() {
    let mut world = Scripted::of(1);
    let asks = asks(&mut world, 0);
    let calls: Vec<_> =
        (0..3).map(|_| drive::invoke(&mut world, &asks, Vec::new()).unwrap()).collect();
    let sync = world.lift(0, ty(&[], None), &[Do::Return(Vec::new())]);
    assert_eq!(world.waiting_for_host.len(), 1);
    assert_eq!(world.call(&sync, &[]), Ok(None), "it need not wait");
    // The second and the third have not begun. When the first is done either may, and one does.
    world.answer(Value::U32(1));
    world.choices = Chosen(vec![0, 1]);
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(world.resolved(calls[0]), SEVEN);
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(drive::tick(&mut world), Ok(false));
    world.answer(Value::U32(2));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!((world.resolved(calls[1]), world.resolved(calls[2])), (None, SEVEN));
    assert_eq!(drive::tick(&mut world), Ok(true));
    world.answer(Value::U32(3));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(world.resolved(calls[1]), SEVEN);
    world.check_over();
}

#[test]
fn who_need_not_wait_may_let_those_who_wait_go_first() {
    let begun = |choices: &[usize]| {
        let mut world = Scripted::of(1);
        let asks = asks(&mut world, 0);
        for _ in 0..2 {
            drive::invoke(&mut world, &asks, Vec::new()).unwrap();
        }
        world.answer(Value::U32(1));
        assert_eq!(drive::tick(&mut world), Ok(true));
        // The first is done, and the second waits still although it could begin.
        world.choices = Chosen(choices.to_vec());
        drive::invoke(&mut world, &asks, Vec::new()).unwrap();
        world.waiting_for_host.len()
    };
    assert_eq!((begun(&[1]), begun(&[0])), (1, 0));
}

/// A guest's function that calls another guest's, which waits for the host.
fn chain(is_async_: bool) -> (Scripted, Arc<Lifted>) {
    let mut world = Scripted::of(2);
    let inner = asks(&mut world, 1);
    let import = world.lower(0, &inner);
    let calls = [Do::Import(import, Vec::new()), Do::Return(Vec::new())];
    let ty = FuncType { is_async: is_async_, ..ty(&[], None) };
    let outer = world.lift(0, ty, &calls);
    (world, outer)
}

#[test]
fn all_who_have_called_who_waits_wait_too() {
    let (mut world, outer) = chain(true);
    let call = drive::invoke(&mut world, &outer, Vec::new()).unwrap();
    assert_eq!(world.machine.waiting.len(), 2);
    assert!(world.machine.instances.iter().all(|instance| instance.may_enter));
    world.answer(Value::U32(1));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!(drive::tick(&mut world), Ok(false));
    assert_eq!(world.resolved(call), Some(None));
    assert_eq!(world.log[3..], ["1 goes on with [1]", "2 goes on with [7]"]);
    world.check_over();
}

#[test]
fn who_may_not_wait_traps_where_it_would() {
    let (mut world, outer) = chain(false);
    assert_eq!(world.call(&outer, &[]), Err(Trap::CannotBlockSyncTask.into()));
    world.check_over();
}

#[test]
fn who_waits_for_what_never_comes_is_told() {
    let (mut world, outer) = chain(true);
    assert_eq!(world.call(&outer, &[]), Err(Stop::Deadlock));
    world.check_over();
    // It waits for itself to be over.
    let mut world = Scripted::of(1);
    let inner = world.lift(0, is_async(ty(&[], None)), &[Do::Return(Vec::new())]);
    let import = world.lower(0, &inner);
    let outer = world.lift(0, is_async(ty(&[], None)), &[Do::Import(import, Vec::new())]);
    assert_eq!(world.call(&outer, &[]), Err(Stop::Deadlock));
    assert_eq!(world.log, ["2 called with []"]);
    world.check_over();
}

#[test]
fn what_was_lent_stays_lent_while_its_call_waits() {
    let mut world = Scripted::of(1);
    let rt = world.machine.resource_type(None, Destructor::Host("r".into()));
    let resources: ResourceTypes = Arc::new(vec![Some(rt)]);
    let borrows = is_async(ty(&[Type::Handle(Handle::Borrow(0))], None));
    let signature = Arc::new(borrows.into());
    let path = "f".to_string();
    world.host.insert(path.clone(), Answer::Later);
    let callee = Func::Host(Arc::new(HostFunc { path, signature, resources: resources.clone() }));
    let import = Arc::new(Lowered { opts: world.opts(0), callee });
    let calls = [Do::Import(import, i32s(&[1])), Do::Return(Vec::new())];
    let core = world.core(&calls);
    let signature = Arc::new(is_async(ty(&[Type::Handle(Handle::Own(0))], None)).into());
    let lifted = Arc::new(Lifted { core, signature, opts: world.opts(0), resources });
    let call = drive::invoke(&mut world, &lifted, vec![Value::Handle(9)]).unwrap();
    let lends = |world: &Scripted| world.machine.instances[0].handles.handle(1).unwrap().num_lends;
    assert_eq!(lends(&world), 1);
    let subtask = world.waiting_for_host.remove(0);
    on_resolve(&mut world, subtask, None).unwrap();
    assert_eq!(lends(&world), 1, "nobody has told who lent it");
    assert_eq!(drive::tick(&mut world), Ok(true));
    assert_eq!((lends(&world), world.resolved(call)), (0, Some(None)));
    world.check_over();
}
