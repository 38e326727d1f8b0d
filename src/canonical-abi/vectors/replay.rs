//! Replays traces on a machine: core code and the host do what a trace says, and all that is to be seen then is
//! compared with it.

mod definitions;
mod guest;
mod host;
mod left;
mod memory;
mod numbers;
mod observer;
mod script;
mod world;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Value as Json, json};

use self::definitions::{CoreFunc, CoreKind, Def, Definitions, define};
use self::memory::Image;
use self::observer::Observer;
use self::script::{Ended, Script};
use super::Checks;
use super::event::{self, CoreAct};
use super::trace::{Header, Vector};
use super::values::{core_json, parse_cores};
use crate::arena::Id;
use crate::copy::{Shared, Side};
use crate::machine::{Called, CoreId, Invocation, Machine, Subtask};
use crate::table::Entry;
use crate::thread::Thread;
use crate::world::{Call, Step};
use crate::{AsyncTrap, BuiltIn, Core, Recorder, SPEC_COMMIT, Stop, Trap, wrap};

/// More memory than all instances of any vector need.
const MAX_MEM_SIZE: usize = 1 << 26;

/// Something else than the trace came about, or the trace is none: nothing more is done.
const OVER: Stop = Stop::Exhausted("the replay is over");

/// Core code and a host that do what a trace says.
struct Replay<'a> {
    machine: Machine,
    observer: Observer,
    definitions: Definitions,
    script: Script<'a>,
    guided: bool,
    memories: Vec<Image>,
    /// How much was lifted.
    lifted: u64,
    threads: BTreeMap<Id<Thread>, Known>,
    /// How many threads with a number there were.
    numbered: usize,
    /// The host's calls, by their numbers: of which function, and the machine's number.
    calls: Vec<(usize, Option<Id<Invocation>>)>,
    /// The calls of the host's functions, by theirs.
    imports: Vec<Id<Subtask>>,
    /// The machine's numbers of all streams and futures, by theirs.
    shared: Vec<u32>,
    /// The streams and futures, and which end of each the host may have. One that it has dropped it has not.
    ends: Vec<(Id<Shared>, Option<Side>)>,
    /// The thread that ran when all ended, and what it had called.
    stopped: Option<(Json, Option<BuiltIn>)>,
    ended: Option<Ended>,
}

/// What there is to know of a thread.
struct Known {
    number: event::Thread,
    /// The core function that was entered last.
    core: Option<CoreId>,
    /// The definition that was called last, and how often it still is.
    called: Option<(usize, Vec<Core>, usize)>,
}

impl Header {
    pub fn parse(line: &str) -> Result<Header> {
        let header: Header = serde_json::from_str(line)?;
        ensure!(header.id == "header" && header.schema == 1, "this is no header of schema 1");
        ensure!(header.spec_commit == SPEC_COMMIT, "the vectors follow {}", header.spec_commit);
        Ok(header)
    }
}

impl Vector {
    /// Runs it.
    pub fn run(&self, header: &Header, recorder: &Recorder) -> Result<Checks> {
        let mem_size = header.mem_size.saturating_mul(self.mem.len());
        ensure!(mem_size <= MAX_MEM_SIZE, "memories of {mem_size} bytes are too large");
        let mut machine = Machine::default();
        let (definitions, mut checks) = define(self, &mut machine)?;
        if checks.difference.is_some() {
            return Ok(checks);
        }
        let fill = u8::from_str_radix(&header.fill, 16)?;
        let mut replay = Replay {
            machine,
            observer: Observer::new(recorder.clone()),
            definitions,
            script: Script::new(&self.trace),
            guided: self.guided,
            memories: self.mem.iter().map(|_| Image::new(header.mem_size, fill)).collect(),
            lifted: 0,
            threads: BTreeMap::new(),
            numbered: 0,
            calls: Vec::new(),
            imports: Vec::new(),
            shared: Vec::new(),
            ends: Vec::new(),
            stopped: None,
            ended: None,
        };
        let ended = replay.run();
        checks.reached = replay.observer.reached();
        match ended {
            Ok(()) => Ok(checks),
            Err(Ended::Differs(difference)) => {
                checks.difference = Some(difference);
                Ok(checks)
            }
            Err(Ended::Malformed(error)) => Err(error),
        }
    }
}

impl Replay<'_> {
    fn run(&mut self) -> Result<(), Ended> {
        while let Some(act) = self.script.act() {
            self.stopped = None;
            if let Err(stop) = self.host_act(act) {
                return self.stop(stop);
            }
        }
        self.check_left()
    }

    /// Everything ended so, as it should.
    fn stop(&mut self, stop: Stop) -> Result<(), Ended> {
        if let Some(ended) = self.ended.take() {
            return Err(ended);
        }
        let (thread, called) = self.stopped.take().unwrap_or((json!(-1), None));
        let (numbers, written) = match stop {
            Stop::Trap(Trap::Guest) => (vec![numbers::CORE_TRAP], stop.to_string()),
            Stop::Trap(Trap::Async(AsyncTrap::Exception)) => {
                (vec![numbers::THROWN], stop.to_string())
            }
            Stop::Trap(_) => self.observer.numbers(called),
            Stop::Exhausted(_) | Stop::Deadlock | Stop::Crash => (Vec::new(), stop.to_string()),
        };
        self.script.trap(&numbers, &thread, &written)
    }

    /// Does what follows, unless all is over: it is, if that fails.
    fn go<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, Ended>) -> Result<T, Stop> {
        if self.ended.is_some() {
            return Err(OVER);
        }
        act(self).map_err(|ended| {
            self.ended = Some(ended);
            OVER
        })
    }

    /// As traces know it.
    fn number(&self, thread: Id<Thread>) -> event::Thread {
        self.threads[&thread].number
    }

    /// A thread was made.
    fn made(&mut self, id: Id<Thread>) -> Result<(), Ended> {
        let number = event::Thread::Numbered(self.numbered);
        self.numbered += 1;
        self.threads.insert(id, Known { number, core: None, called: None });
        let thread = &self.machine.threads[id];
        let called = thread.task.filter(|_| thread.is_implicit);
        let what = match called.map(|task| &self.machine.tasks[task].called) {
            None => Json::Null,
            Some(Called::Function(lifted)) => self.definitions.cores[lifted.core.0].name().into(),
            Some(Called::Destructor { .. } | Called::Start) => "dtor".into(),
        };
        self.script.see(&json!(["thread", number, what]))
    }

    /// Core code of a thread begins.
    fn enters(&mut self, id: Id<Thread>, core: CoreId, args: &[Core]) -> Result<Step, Ended> {
        let CoreFunc { kind, .. } = self.definitions.cores[core.0];
        let number = match kind {
            CoreKind::Realloc => event::Thread::Realloc(event::Letter::R),
            // It may run on a stack of its own.
            CoreKind::PostReturn => self.number(self.implicit_thread(id)),
            CoreKind::Func | CoreKind::Callback | CoreKind::Destructor | CoreKind::Entry => {
                self.number(id)
            }
        };
        self.threads.insert(id, Known { number, core: Some(core), called: None });
        let args: Vec<Json> = args.iter().copied().map(core_json).collect();
        let name = self.definitions.cores[core.0].name();
        self.runs(id, json!(["enter", number, name, args]))
    }

    fn implicit_thread(&self, of: Id<Thread>) -> Id<Thread> {
        let task = self.machine.threads[of].task.expect("it is of a task");
        self.machine.tasks[task].implicit_thread.expect("it runs")
    }

    /// What core code of a thread has called returns to it.
    fn returns(&mut self, id: Id<Thread>, results: &[Core]) -> Result<Step, Ended> {
        let (d, args, times) = self.threads[&id].called.clone().expect("it has called");
        self.count_shared(d, results);
        if times > 0 {
            return Ok(self.calls_again(id, d, args, times - 1));
        }
        let results: Vec<Json> = results.iter().copied().map(core_json).collect();
        self.runs(id, json!(["ret", self.number(id), results]))
    }

    /// Core code of a thread runs, which is to be seen so, and does the next thing.
    fn runs(&mut self, id: Id<Thread>, seen: Json) -> Result<Step, Ended> {
        let patches = self.script.see_core(&seen)?;
        let core = self.threads[&id].core.expect("it was entered");
        let CoreFunc { instance, ty, .. } = self.definitions.cores[core.0].clone();
        self.check_memories(instance, patches)?;
        loop {
            return Ok(match self.script.core_act(self.number(id))? {
                CoreAct::Poke { mem, offset, bytes } => {
                    self.poke(*mem, *offset, bytes)?;
                    continue;
                }
                CoreAct::Call { d, args, times } => {
                    let def =
                        self.definitions.defs.get(*d).filter(|def| def.instance() == instance);
                    let def = def.ok_or_else(|| self.script.malformed("there is no such def"))?;
                    let args = parse_cores(args, &def.ty().params)?;
                    self.calls_again(id, *d, args, times - 1)
                }
                CoreAct::Exit { values } => Step::Returned(parse_cores(values, &ty.results)?),
                CoreAct::Throw => Step::Stopped(Trap::Async(AsyncTrap::Exception).into()),
                CoreAct::Unreachable => Step::Stopped(Trap::Guest.into()),
            });
        }
    }

    /// A thread calls a definition, and so often once more after that.
    fn calls_again(&mut self, id: Id<Thread>, d: usize, args: Vec<Core>, times: usize) -> Step {
        let known = self.threads.get_mut(&id).expect("it runs");
        known.called = Some((d, args.clone(), times));
        Step::Call(match self.definitions.defs[d].clone() {
            Def::Lowered(lowered) => Call::Lowered(lowered, args),
            Def::BuiltIn(defined) => Call::BuiltIn(defined, args),
        })
    }

    /// Gives a number to the stream or future that a built-in has made, if it has.
    fn count_shared(&mut self, d: usize, results: &[Core]) {
        let Def::BuiltIn(defined) = &self.definitions.defs[d] else { return };
        if let (BuiltIn::StreamNew | BuiltIn::FutureNew, [ends]) = (defined.which, results) {
            let handles = &self.machine.instances[defined.opts.instance].handles;
            let Some(Entry::End(end)) = handles.get(wrap(ends.bits())) else { return };
            self.add_shared(self.machine.ends[end].shared, Side::Readable);
        }
    }

    fn add_shared(&mut self, shared: Id<Shared>, host: Side) {
        self.ends.push((shared, Some(host)));
        self.shared.push(shared.position().try_into().expect("there are not that many"));
    }
}
