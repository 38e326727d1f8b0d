use std::collections::{BTreeMap, BTreeSet};

use canonical_abi::canon::on_resolve;
use canonical_abi::canon::on_start;
use canonical_abi::drive::{give_up, invoke, resolved, tick};
use canonical_abi::machine::Subtask;
use canonical_abi::machine::{Caller, Func, HostFunc, Invocation, Lifted, Options, ResourceTypes};
use canonical_abi::machine::{Resolution, TableId};
use canonical_abi::thread::Calls;
use canonical_abi::value::Value;
use canonical_abi::world::{Choice, Choices, TableEntry};
use canonical_abi::{Guest, Stop, Trap, Watch};
use wasmi::AsContextMut;

use super::*;
use crate::guest::CoreInstance;
use crate::{Compiled, Context, Instance};

/// How many instances there are that the host calls, each of which calls one of the others.
const MIDDLES: usize = 400;
const LEAVES: usize = 100;
const CALLS: u32 = 4000;
/// How many calls may be under way at once.
const AT_ONCE: usize = 700;
/// Each call whose number is one less than a multiple of this traps.
const TRAPS: u32 = 61;

/// What both kinds of instance are: they wait for the host, and take a string and a token and pass them on. What
/// they allocate they never free, so that their memories grow.
fn inside(imports: &str, module: &str, with: &str) -> String {
    format!(
        r#"(import "token" (type $token (sub resource)))
        (import "wait" (func $wait async (param "x" u32) (result u32)))
        (type $work (func async (param "token" (own $token)) (param "x" u32)
          (param "rounds" u32) (param "text" string) (result (tuple u32 string))))
        (core module $Memory
          (memory (export "memory") 1)
          (global $next (mut i32) (i32.const 1024))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (global.get $next))
            (global.set $next (i32.and (i32.const -8)
              (i32.add (local.get $at) (i32.add (local.get 3) (i32.const 9007)))))
            (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
              (then (drop (memory.grow (i32.const 1)))))
            (local.get $at)))
        (core instance $memory (instantiate $Memory))
        (alias core export $memory "memory" (core memory $mem))
        (alias core export $memory "realloc" (core func $realloc))
        (core func $wait' (canon lower (func $wait)))
        {imports}
        (core module $M
          (import "memory" "memory" (memory 1))
          (import "memory" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
          (import "" "wait" (func $wait (param i32) (result i32)))
          {module})
        (core instance $m (instantiate $M (with "memory" (instance $memory))
          (with "" (instance (export "wait" (func $wait')) {with}))))
        (func (export "work") (type $work)
          (canon lift (core func $m "work") (memory $mem) (realloc $realloc)))"#
    )
}

/// An instance that waits some times, on a stack that gets deeper, and drops the token.
fn leaf() -> String {
    inside(
        r#"(core func $drop (canon resource.drop $token))"#,
        r#"(import "" "drop" (func $drop (param i32)))
        (func $deep (param $x i32) (param $rounds i32) (result i32)
          (local $keep i32)
          (if (i32.eqz (local.get $rounds)) (then (return (i32.const 0))))
          (local.set $keep (i32.mul (local.get $x) (i32.const 3)))
          (i32.add
            (call $wait (i32.add (local.get $x) (local.get $rounds)))
            (i32.add
              (call $deep (local.get $x) (i32.sub (local.get $rounds) (i32.const 1)))
              (local.get $keep))))
        (func (export "work")
          (param $token i32) (param $x i32) (param $rounds i32) (param $text i32) (param $length i32)
          (result i32)
          (local $sum i32) (local $result i32)
          (local.set $sum (call $deep (local.get $x) (local.get $rounds)))
          (if (i32.eqz (i32.rem_u (i32.add (local.get $x) (i32.const 1)) (i32.const 61)))
            (then (unreachable)))
          (call $drop (local.get $token))
          (local.set $result (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12)))
          (i32.store (local.get $result) (local.get $sum))
          (i32.store offset=4 (local.get $result) (local.get $text))
          (i32.store offset=8 (local.get $result) (local.get $length))
          (local.get $result))"#,
        r#"(export "drop" (func $drop))"#,
    )
}

/// One that waits, calls another, and waits again.
fn middle() -> String {
    inside(
        r#"(import "work" (func $work' (type $work)))
        (core func $work'' (canon lower (func $work') (memory $mem) (realloc $realloc)))"#,
        r#"(import "" "work" (func $work (param i32 i32 i32 i32 i32 i32)))
        (func (export "work")
          (param $token i32) (param $x i32) (param $rounds i32) (param $text i32) (param $length i32)
          (result i32)
          (local $sum i32) (local $result i32)
          (local.set $sum (call $wait (local.get $x)))
          (local.set $result (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12)))
          (call $work (local.get $token) (local.get $x) (local.get $rounds)
            (local.get $text) (local.get $length) (local.get $result))
          (local.set $sum (i32.add (local.get $sum)
            (call $wait (i32.add (local.get $x) (i32.const 1000)))))
          (i32.store (local.get $result)
            (i32.add (local.get $sum) (i32.load (local.get $result))))
          (local.get $result))"#,
        r#"(export "work" (func $work''))"#,
    )
}

fn component() -> Vec<u8> {
    let (leaf, middle) = (leaf(), middle());
    let given = r#"(with "token" (type $token)) (with "wait" (func $wait))"#;
    let leaves = (0..LEAVES).map(|i| format!("(instance $leaf{i} (instantiate $Leaf {given}))"));
    let middles = (0..MIDDLES).map(|i| {
        let leaf = i % LEAVES;
        format!(
            r#"(instance $middle{i} (instantiate $Middle {given} (with "work" (func $leaf{leaf} "work"))))
            (export "w{i}" (func $middle{i} "work"))"#
        )
    });
    let instances: String = leaves.chain(middles).collect();
    let text = format!(
        r#"(component
          (import "token" (type $token (sub resource)))
          (import "wait" (func $wait async (param "x" u32) (result u32)))
          (component $Leaf {leaf})
          (component $Middle {middle})
          {instances})"#
    );
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}"))
}

/// What the host says to this.
fn says(x: u32) -> u32 {
    x.wrapping_mul(7)
}

/// What a call comes to.
fn works(x: u32, rounds: u32) -> u32 {
    let leaf = (1..=rounds).map(|round| says(x + round).wrapping_add(x * 3));
    leaf.chain([says(x), says(x + 1000)]).fold(0, u32::wrapping_add)
}

/// The tokens that were dropped.
#[derive(Default)]
struct Tokens(BTreeSet<u32>);

impl Host for Tokens {
    fn call(_: &mut Context<'_, Tokens>, _: &str, _: Vec<Value>) -> Result<Option<Value>, Stop> {
        unreachable!("it answers later")
    }

    fn drop(context: &mut Context<'_, Tokens>, _: &str, rep: u32) -> Result<(), Stop> {
        assert!(context.host().0.insert(rep), "{rep} was dropped twice");
        Ok(())
    }
}

/// Numbers that look as if they were drawn.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }
}

impl Choices for Random {
    fn choose(&mut self, among: Choice<'_>) -> usize {
        match among {
            Choice::Wait(..) | Choice::Message => self.below(2),
            Choice::Tick(threads) | Choice::Sync(threads) | Choice::Cancel(threads) => {
                self.below(threads.len())
            }
            Choice::Event(indices) => self.below(indices.len()),
        }
    }
}

/// The world of an instance, but that the host's function answers later, and that what is left open is drawn.
struct Blocking<'a> {
    inner: OnWasmi<'a, Tokens>,
    random: &'a mut Random,
    /// The calls that the host has not answered, each with what it was asked.
    asked: &'a mut BTreeMap<Id<Subtask>, u32>,
}

impl Stacks for Blocking<'_> {
    fn start(&mut self, thread: Id<Thread>, core: CoreId, args: &[Core]) -> Step {
        self.inner.start(thread, core, args)
    }

    fn go_on(&mut self, thread: Id<Thread>, results: &[Core]) -> Step {
        self.inner.go_on(thread, results)
    }

    fn abandon(&mut self, thread: Id<Thread>) {
        self.inner.abandon(thread);
    }
}

impl World for Blocking<'_> {
    type Guest<'a>
        = CoreInstance<'a, Tokens>
    where
        Self: 'a;

    fn parts(&mut self) -> (&mut Machine, &mut dyn Watch) {
        self.inner.parts()
    }

    fn choices(&mut self) -> &mut dyn Choices {
        self.random
    }

    fn caller(&mut self, subtask: Id<Subtask>, stage: Stage) -> CoreInstance<'_, Tokens> {
        self.inner.caller(subtask, stage)
    }

    fn callee(&mut self, task: Id<Task>, stage: Stage) -> CoreInstance<'_, Tokens> {
        self.inner.callee(task, stage)
    }

    fn explore(
        &mut self,
        opts: &Options,
        resources: &ResourceTypes,
        explore: &mut dyn FnMut(&mut dyn Guest),
    ) {
        self.inner.explore(opts, resources, explore);
    }

    fn guest(&mut self, opts: &Options, resources: &ResourceTypes) -> CoreInstance<'_, Tokens> {
        self.inner.guest(opts, resources)
    }

    fn table_entry(&mut self, table: TableId, i: u64) -> TableEntry {
        self.inner.table_entry(table, i)
    }

    fn call_host(&mut self, subtask: Id<Subtask>, _: &HostFunc) -> Result<(), Stop> {
        let args = on_start(self, subtask).map_err(|stopped| stopped.stop)?;
        let [Value::U32(x)] = args[..] else { panic!("{args:?}") };
        assert_eq!(self.asked.insert(subtask, x), None);
        Ok(())
    }

    fn drop_host(&mut self, path: &str, rep: u32) -> Result<(), Stop> {
        self.inner.drop_host(path, rep)
    }

    fn check_depth(&mut self, calls: usize) -> Result<(), Stop> {
        self.inner.check_depth(calls)
    }
}

/// What became of all calls, and what there was at once.
#[derive(Debug, Default)]
struct Ended {
    returned: BTreeSet<u32>,
    trapped: usize,
    dropped: usize,
    most_waiting: usize,
    most_stacks: usize,
    most_pages: u64,
}

struct Stress {
    instance: Instance<Tokens>,
    exports: Vec<std::sync::Arc<Lifted>>,
    random: Random,
    asked: BTreeMap<Id<Subtask>, u32>,
    under_way: BTreeMap<u32, Id<Invocation>>,
    ended: Ended,
}

impl Stress {
    fn new(seed: u64) -> Stress {
        let compiled = Compiled::new(&component()).unwrap_or_else(|e| panic!("{e}"));
        let instance = compiled.instantiate(Tokens::default(), ());
        let instance = instance.unwrap_or_else(|e| panic!("{e}"));
        let exports = &instance.store.data().exports;
        let exports = (0..MIDDLES).map(|i| match &exports[&format!("w{i}")] {
            Func::Lifted(lifted) => lifted.clone(),
            Func::Host(_) => panic!("it is a guest's"),
        });
        let exports = exports.collect();
        let (asked, under_way) = (BTreeMap::new(), BTreeMap::new());
        let (random, ended) = (Random(seed), Ended::default());
        Stress { instance, exports, random, asked, under_way, ended }
    }

    fn world(&mut self) -> Blocking<'_> {
        let inner = OnWasmi { store: self.instance.store.as_context_mut() };
        Blocking { inner, random: &mut self.random, asked: &mut self.asked }
    }

    fn machine(&mut self) -> &mut Machine {
        &mut self.instance.store.data_mut().machine
    }

    /// The host calls an instance that is drawn. What is passed follows from the number of the call.
    fn begin(&mut self, x: u32) {
        let export = self.random.below(MIDDLES);
        let export = self.exports[export].clone();
        let (token, text) = (Value::Handle(x), Value::string(text(x)));
        let args = vec![token, Value::U32(x), Value::U32(x % 4), text];
        let call = invoke(&mut self.world(), &export, args).unwrap();
        self.under_way.insert(x, call);
    }

    /// The host answers one that has asked it.
    fn answer(&mut self) {
        let asked = self.random.below(self.asked.len());
        let subtask = *self.asked.keys().nth(asked).unwrap();
        let x = self.asked.remove(&subtask).unwrap();
        on_resolve(&mut self.world(), subtask, Some(&Value::U32(says(x)))).unwrap();
    }

    /// One that can goes on. Where it traps, the call of which it is is given up; the others go on, in whatever
    /// instance, although the specification would have them end here.
    fn go_on(&mut self) -> bool {
        let went = tick(&mut self.world());
        if let Err(stop) = went {
            assert_eq!(stop, Stop::Trap(Trap::Guest));
            self.machine().instances.iter_mut().for_each(|instance| instance.may_enter = true);
            for call in self.under_way.clone().into_values() {
                if self.waits_for_nobody(call) {
                    give_up(&mut self.world(), call, stop);
                }
            }
            self.ended.trapped += self.forget();
        }
        went != Ok(false)
    }

    /// Whether someone in a call waits for one that nobody is there to answer.
    fn waits_for_nobody(&mut self, call: Id<Invocation>) -> bool {
        let machine = &self.instance.store.data().machine;
        let calls = self.last(call).and_then(|thread| machine.threads[thread].calls);
        let subtask = calls.map(Calls::subtask);
        subtask.is_some_and(|subtask| {
            !self.asked.contains_key(&subtask) && machine.subtasks[subtask].flat_results.is_none()
        })
    }

    /// The thread for which all others in a call wait, if not for the call to be over.
    fn last(&self, call: Id<Invocation>) -> Option<Id<Thread>> {
        let machine = &self.instance.store.data().machine;
        let thread = |is_called: &dyn Fn(Caller) -> bool| {
            let called = |thread: &&Thread| {
                thread.task.is_some_and(|task| is_called(machine.tasks[task].caller))
            };
            let mut threads = machine.threads.iter();
            threads.find(|(_, thread)| called(thread)).map(|(id, _)| id)
        };
        let first = thread(&|caller| matches!(caller, Caller::Host(other) if other == call));
        let next = |last: &Id<Thread>| {
            let calls = machine.threads[*last].calls?.subtask();
            thread(&|caller| matches!(caller, Caller::Guest { subtask, .. } if subtask == calls))
        };
        std::iter::successors(first, next).last()
    }

    /// The host waits for one of its calls no longer.
    fn drop_one(&mut self) {
        let dropped = self.random.below(self.under_way.len());
        let call = *self.under_way.values().nth(dropped).unwrap();
        let calls = self.last(call).and_then(|thread| self.machine().threads[thread].calls);
        calls.and_then(|calls| self.asked.remove(&calls.subtask()));
        give_up(&mut self.world(), call, Stop::Deadlock);
        self.ended.dropped += self.forget();
    }

    /// How many calls are gone without a result.
    fn forget(&mut self) -> usize {
        let before = self.under_way.len();
        let invocations = &self.instance.store.data().machine.invocations;
        self.under_way.retain(|_, call| invocations.get(*call).is_some());
        before - self.under_way.len()
    }

    /// Looks at what has returned.
    fn take_results(&mut self) {
        for (x, call) in self.under_way.clone() {
            let Some(result) = resolved(self.machine(), call) else { continue };
            let expected = vec![Value::U32(works(x, x % 4)), Value::string(text(x))];
            let expected = Resolution::Returned(Some(Value::Record(expected)));
            assert_eq!(result, expected, "call {x}");
            self.under_way.remove(&x);
            self.ended.returned.insert(x);
        }
    }

    fn count(&mut self) {
        let state = self.instance.store.data();
        let stacks = state.stacks.iter().flatten().count();
        let pages = state.memories.iter().map(|memory| memory.size(&self.instance.store));
        self.ended.most_pages = self.ended.most_pages.max(pages.max().unwrap());
        self.ended.most_stacks = self.ended.most_stacks.max(stacks);
        self.ended.most_waiting = self.ended.most_waiting.max(state.machine.waiting.len());
    }

    fn run(&mut self) {
        let mut next = 0;
        while next < CALLS || !self.under_way.is_empty() {
            match self.random.below(100) {
                0..30 if next < CALLS && self.under_way.len() < AT_ONCE => {
                    self.begin(next);
                    next += 1;
                }
                30..60 if !self.asked.is_empty() => self.answer(),
                60 if !self.under_way.is_empty() => self.drop_one(),
                _ => {
                    let idle = !self.go_on() && self.asked.is_empty();
                    let stuck = idle && next == CALLS && !self.under_way.is_empty();
                    assert!(!stuck, "{} calls wait for ever", self.under_way.len());
                }
            }
            if next % 64 == 0 {
                self.count();
            }
            self.take_results();
        }
    }
}

fn text(x: u32) -> String {
    format!("{x} {}", "é".repeat(usize::try_from(x % 50).unwrap()))
}

#[test]
fn thousands_of_calls_wait_and_go_on_in_any_order_while_others_trap_or_are_dropped() {
    let mut stress = Stress::new(0x9e37_79b9_7f4a_7c15);
    stress.run();
    let Ended { returned, trapped, dropped, most_waiting, most_stacks, most_pages } = &stress.ended;
    println!(
        "{CALLS} calls: {} returned, {trapped} trapped, {dropped} were dropped; at most \
         {most_waiting} waited, {most_stacks} of them on stacks; memories grew to {most_pages} pages",
        returned.len()
    );
    assert_eq!(returned.len() + trapped + dropped, usize::try_from(CALLS).unwrap());
    assert!(*trapped > 30 && *dropped > 100 && *most_stacks > 200 && *most_pages > 2);
    assert!(returned.iter().all(|x| (x + 1) % TRAPS != 0));

    let state = stress.instance.store.data();
    let machine = &state.machine;
    assert!(
        machine.running.is_empty() && machine.waiting.is_empty() && machine.invocations.is_empty()
    );
    assert!(machine.tasks.is_empty() && machine.threads.is_empty() && machine.subtasks.is_empty());
    assert!(machine.instances.iter().all(|instance| instance.exclusive == 0));
    assert!(state.stacks.iter().all(Option::is_none) && state.wanted.is_none());

    // The token of each call that has returned was dropped, and that of no other is there twice.
    let gone = &state.host.0;
    assert!(returned.is_subset(gone));
    let mut left = BTreeSet::new();
    for instance in &machine.instances {
        for handle in (1..=CALLS).filter_map(|i| instance.handles.handle(i)) {
            assert!(!gone.contains(&handle.rep) && left.insert(handle.rep), "{handle:?}");
        }
    }
    assert!(left.len() <= trapped + dropped);
}
