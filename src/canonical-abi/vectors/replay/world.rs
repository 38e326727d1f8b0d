//! A replay as what a machine is run in.
//! Knows nothing of what is compared.

use serde_json::{Value as Json, json};

use super::guest::ReplayGuest;
use super::script::Ended;
use super::{Def, Known, Replay};
use crate::arena::Id;
use crate::machine::Task;
use crate::machine::{Called, CoreId, HostFunc, Machine, Options, ResourceTypes, Subtask, TableId};
use crate::thread::Thread;
use crate::vectors::event;
use crate::world::{Choice, Choices, Happening, Stacks, Step, TableEntry, World};
use crate::{BuiltIn, Core, Guest, Miss, Stage, Stop, Watch, end_if};

/// So many calls within one another take native stack: more than any vector makes.
const MAX_DEPTH: usize = 100;
const TOO_DEEP: Stop = Stop::Exhausted("more calls within one another than a replay makes");

impl Stacks for Replay<'_> {
    fn start(&mut self, thread: Id<Thread>, core: CoreId, args: &[Core]) -> Step {
        self.go(|replay| replay.enters(thread, core, args)).unwrap_or_else(Step::Stopped)
    }

    fn go_on(&mut self, thread: Id<Thread>, results: &[Core]) -> Step {
        self.go(|replay| replay.returns(thread, results)).unwrap_or_else(Step::Stopped)
    }

    /// The first that is abandoned ran when all ended, unless it was blocked: then the one below it ran.
    fn abandon(&mut self, thread: Id<Thread>) {
        if self.stopped.is_none() && self.ended.is_none() {
            let blocked = self.machine.threads[thread].then.is_some();
            let ran = if blocked { self.machine.thread() } else { Some(thread) };
            self.stopped = Some(ran.map_or((json!(-1), None), |ran| self.describe(ran)));
        }
    }
}

impl Choices for Replay<'_> {
    fn choose(&mut self, among: Choice<'_>) -> usize {
        self.go(|replay| replay.chosen(among)).unwrap_or(0)
    }
}

impl Replay<'_> {
    /// The number of a thread, and the built-in that it has called last.
    fn describe(&self, thread: Id<Thread>) -> (Json, Option<BuiltIn>) {
        let Known { number, called, .. } = &self.threads[&thread];
        let def = called.as_ref().map(|(d, ..)| &self.definitions.defs[*d]);
        let called = def.and_then(|def| match def {
            Def::BuiltIn(defined) => Some(defined.which),
            Def::Lowered(_) => None,
        });
        (json!(number), called)
    }

    fn chosen(&mut self, among: Choice<'_>) -> Result<usize, Ended> {
        match among {
            Choice::Wait(..) if !self.guided => Ok(0),
            Choice::Message if !self.guided => Ok(0),
            Choice::Wait(..) => self.script.choose("block", &[0, 1]),
            // The trace has the two the other way round.
            Choice::Message => self.script.choose("message", &[1, 0]),
            Choice::Tick(threads) => self.choose_thread("tick", threads),
            Choice::Sync(threads) => self.choose_thread("sync", threads),
            Choice::Cancel(threads) => self.choose_thread("cancel", threads),
            Choice::Event(indices) => {
                let index = |index: &u32| usize::try_from(*index).expect("an index in the table");
                let indices: Vec<usize> = indices.iter().map(index).collect();
                self.script.choose("event", &indices)
            }
        }
    }

    fn choose_thread(&mut self, at: &str, threads: &[Id<Thread>]) -> Result<usize, Ended> {
        let number = |thread: &Id<Thread>| match self.number(*thread) {
            event::Thread::Numbered(number) => number,
            event::Thread::Realloc(_) => usize::MAX,
        };
        let numbers: Vec<usize> = threads.iter().map(number).collect();
        self.script.choose(at, &numbers)
    }

    fn happened(&mut self, happening: Happening) -> Result<(), Ended> {
        match happening {
            Happening::Thread(thread) => self.made(thread),
            Happening::Taken(call) => self.taken(call),
            Happening::Resolved(call) => self.resolved(call),
            Happening::Copied(end) => self.copied(end),
            Happening::Done(end, result) => self.done(end, result),
            Happening::Asked(shared) => self.asked(shared),
        }
    }
}

impl<'b> World for Replay<'b> {
    type Guest<'a>
        = ReplayGuest<'a, 'b>
    where
        Self: 'a;

    fn parts(&mut self) -> (&mut Machine, &mut dyn Watch) {
        (&mut self.machine, &mut self.observer)
    }

    fn choices(&mut self) -> &mut dyn Choices {
        self
    }

    fn caller(&mut self, subtask: Id<Subtask>, _: Stage) -> ReplayGuest<'_, 'b> {
        let lowered = self.machine.lowered(subtask).clone();
        let guest = self.guest(&lowered.opts, lowered.callee.resources());
        ReplayGuest { subtask: Some(subtask), ..guest }
    }

    fn callee(&mut self, task: Id<Task>, _: Stage) -> ReplayGuest<'_, 'b> {
        match self.machine.tasks[task].called.clone() {
            Called::Function(lifted) => self.guest(&lifted.opts, &lifted.resources),
            Called::Destructor { .. } | Called::Start => unreachable!("nothing is passed to it"),
        }
    }

    fn guest(&mut self, opts: &Options, resources: &ResourceTypes) -> ReplayGuest<'_, 'b> {
        let (opts, resources) = (opts.clone(), resources.clone());
        ReplayGuest { replay: self, opts, resources, subtask: None }
    }

    fn explore(&mut self, _: &Options, _: &ResourceTypes, _: &mut dyn FnMut(&mut dyn Guest)) {
        unreachable!("the observer does not explore");
    }

    fn call_host(&mut self, subtask: Id<Subtask>, func: &HostFunc) -> Result<(), Stop> {
        self.import(subtask, func)
    }

    fn cancel_host(&mut self, subtask: Id<Subtask>) -> Result<(), Stop> {
        self.cancelled(subtask)
    }

    fn drop_host(&mut self, _: &str, _: u32) -> Result<(), Stop> {
        unreachable!("no resource type of a vector is the host's");
    }

    fn table_entry(&mut self, table: TableId, i: u64) -> TableEntry {
        let entry = usize::try_from(i).ok().and_then(|i| self.definitions.tables[table.0].get(i));
        match entry {
            Some(Some(core)) => TableEntry::Func(*core, self.definitions.cores[core.0].ty.clone()),
            Some(None) | None => {
                let beyond = entry.is_none();
                self.observer.misses(if beyond { Miss::BeyondEnd } else { Miss::Empty });
                TableEntry::Nothing
            }
        }
    }

    fn happens(&mut self, happening: Happening) {
        // What goes wrong ends the replay before anything else is done.
        self.go(|replay| replay.happened(happening)).unwrap_or_default();
    }

    fn check_depth(&mut self, calls: usize) -> Result<(), Stop> {
        end_if(calls > MAX_DEPTH, TOO_DEEP)
    }
}
