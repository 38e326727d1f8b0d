//! The pipeline, with what it keeps from one case to the next.
//! Knows every room by its door and does none of their work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use lru::LruCache;

use crate::abi::{Deviation, Deviations, Recorder};
use crate::case::{Case, Shape};
use crate::component::instantiate::Compiled;
use crate::encode::{self, Prepared, Puppets};
use crate::engine::local::{self, Local, SHAPES};
use crate::engine::reference::{Compiler, NotStarted, Run};
use crate::engine::wasmtime::fault::Fault;
use crate::engine::worker::Worker;
use crate::engine::{reference, wasmtime};
use crate::observation::{Observation, Outcome, Reading, Unexplored};
use crate::oracle::register::{Build, Register, Situation};
use crate::oracle::{self, Verdict};

/// Everything that checking one case after the other needs. Not for two threads at once.
pub struct Session {
    subject: Subject,
    build: Build,
    /// Another build of the subject, for which each case is judged, too.
    other: Option<Other>,
    register: Register,
    /// Where components have their puppets from.
    puppets: Puppets,
    compiler: Compiler,
    shapes: LruCache<Shape, Built>,
    /// The case that was last run, made ready: it is often run again.
    last: Option<(Case, Arc<Prepared>)>,
    pub timings: Timings,
}

/// Steps that core code which nobody scripted may take in one call, on the reference: code that is
/// generated takes some thousands.
const NOISE_FUEL: u64 = 20_000_000;

/// A component in every form that it was needed in.
struct Built {
    bytes: Vec<u8>,
    reference: Result<Compiled, String>,
}

/// Where the subject runs.
enum Subject {
    /// In this process.
    Here(Box<Local>),
    /// In one of its own.
    Apart(Worker),
}

/// Another build of the subject, in a process of its own.
pub struct Other {
    pub worker: Worker,
    pub build: Build,
    /// The release, or the path, as which it was asked for.
    pub name: String,
}

/// What checking a case gave.
#[derive(Clone)]
pub struct Checked {
    pub verdict: Verdict,
    pub expected: Reading,
    pub observed: Observation,
    /// The case made ready.
    pub prepared: Arc<Prepared>,
    /// Where the component had its puppets from.
    pub puppets: Puppets,
    /// The same on another build of the subject, where there is one.
    pub other: Option<(Verdict, Observation)>,
}

/// A case that is no case: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCase(pub String);

impl std::fmt::Display for BadCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadCase {}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Drawing cases.
    pub generate: Duration,
    /// Types and scripts to bytes.
    pub encode: Duration,
    /// Components that were not kept: decoding and compiling them for the reference.
    pub compile_reference: Duration,
    /// The same for the subject.
    pub compile_subject: Duration,
    pub instantiate_reference: Duration,
    pub instantiate_subject: Duration,
    /// Running.
    pub reference: Duration,
    pub subject: Duration,
    pub compare: Duration,
}

impl Timings {
    pub fn add(&mut self, other: &Timings) {
        self.generate += other.generate;
        self.encode += other.encode;
        self.compile_reference += other.compile_reference;
        self.compile_subject += other.compile_subject;
        self.instantiate_reference += other.instantiate_reference;
        self.instantiate_subject += other.instantiate_subject;
        self.reference += other.reference;
        self.subject += other.subject;
        self.compare += other.compare;
    }

    /// Each step by its name, in their order.
    pub fn named(&self) -> [(&'static str, Duration); 9] {
        [
            ("generate", self.generate),
            ("encode", self.encode),
            ("compile for the reference", self.compile_reference),
            ("compile for the subject", self.compile_subject),
            ("instantiate the reference", self.instantiate_reference),
            ("instantiate the subject", self.instantiate_subject),
            ("run the reference", self.reference),
            ("run the subject", self.subject),
            ("compare", self.compare),
        ]
    }
}

/// Whether the subject is a release that is known to crash its host.
pub fn subject_crashes() -> Result<bool> {
    Ok(Register::committed()?.crashes(&own_build()?.version))
}

/// The build of the subject that this program was made with.
pub fn own_build() -> Result<Build> {
    Build::of(wasmtime::VERSION, wasmtime::ASSERTIONS)
}

/// How a case configures and calls its subject, as far as the register asks.
pub fn situation(case: &Case) -> Situation {
    let Case { tuning, paths, .. } = *case;
    Situation { tuning, paths, any_handles: wasmtime::any_handles(case) }
}

impl Session {
    /// A session against the subject that this program was built with, in this process.
    pub fn new() -> Result<Session> {
        Session::here(Puppets::Contained)
    }

    /// The same, for many cases of many shapes: components import their puppets. What disagrees is
    /// checked again with them contained, as all who are shown the case will have them.
    pub fn importing() -> Result<Session> {
        Session::here(Puppets::Imported)
    }

    fn here(puppets: Puppets) -> Result<Session> {
        Session::with(Subject::Here(Box::new(Local::new(puppets))), puppets)
    }

    /// The same, with the subject in a process of its own where there is a limit: the time that it
    /// may take for one case.
    pub fn maybe_isolated(limit: Option<Duration>) -> Result<Session> {
        match limit {
            None => Session::new(),
            Some(limit) => Session::with(Subject::Apart(Worker::new(limit)?), Puppets::Contained),
        }
    }

    fn with(subject: Subject, puppets: Puppets) -> Result<Session> {
        Ok(Session {
            subject,
            build: own_build()?,
            other: None,
            register: Register::committed()?,
            puppets,
            compiler: Compiler::default(),
            shapes: LruCache::new(SHAPES),
            last: None,
            timings: Timings::default(),
        })
    }

    /// The same session, with another build of the subject beside it.
    pub fn beside(self, other: Option<Other>) -> Session {
        Session { other, ..self }
    }

    /// Plants a fault in one way in or out of the subject, or takes it away. For a subject in this process.
    pub fn plant(&mut self, fault: Option<Fault>) {
        match &mut self.subject {
            Subject::Here(local) => local.fault = fault,
            Subject::Apart(_) => unreachable!("faults are planted in this process only"),
        }
    }

    /// Runs a case on both sides and compares. The case has passed `case::check`. An error is a
    /// `BadCase`, or the world's.
    pub fn check(&mut self, case: &Case) -> Result<Checked> {
        let checked = self.check_once(case)?;
        let disagrees = |checked: &Checked| matches!(checked.verdict, Verdict::Disagree(_));
        if checked.puppets == Puppets::Contained || !disagrees(&checked) {
            return Ok(checked);
        }
        let contained = Session::new()?.check_once(case)?;
        // The other build has the puppets contained already.
        Ok(match disagrees(&contained) {
            true => Checked { other: checked.other, ..contained },
            false => checked,
        })
    }

    fn check_once(&mut self, case: &Case) -> Result<Checked> {
        let prepared = self.prepare(case)?;
        if let Subject::Apart(worker) = &mut self.subject {
            worker.begin(case)?;
        }
        if let Some(other) = &mut self.other {
            other.worker.begin(case)?;
        }
        self.build_reference(case);
        let Session { subject, other, shapes, timings, .. } = self;
        let built = shapes.get(&case.shape).expect("built just now");
        let reference =
            timed(&mut timings.instantiate_reference, || start(built, case, &Recorder::default()));
        let mut expected = timed(&mut timings.reference, || read(reference, case, &prepared));
        let views = wasmtime::looks_late(case).then_some(Unexplored::Views);
        expected.unexplored = expected.unexplored.or(views);
        // A subject might meet the same limit only when all memory is gone, or never come back.
        let vain = is_exhausted(&expected);
        let observed = match subject {
            Subject::Here(_) if vain => not_asked(),
            Subject::Here(local) => observe(local, built, case, &prepared, timings),
            Subject::Apart(worker) => timed(&mut timings.subject, || finish(worker, case, vain))?,
        };
        let others = match other {
            Some(Other { worker, .. }) => {
                Some(timed(&mut timings.subject, || finish(worker, case, vain))?)
            }
            None => None,
        };
        let judge = |build: &Build, observed: &Observation| {
            let registered = self.register.deviations(build, situation(case));
            let deviating = |deviations| {
                let recorder = Recorder::deviating(deviations);
                read(start(built, case, &recorder), case, &prepared)
            };
            oracle::judge(&expected, observed, registered, deviating)
        };
        let mut verdict = timed(&mut timings.compare, || judge(&self.build, &observed));
        if let Verdict::Disagree(difference) = &mut verdict {
            difference.core = core_difference(built, case, &prepared);
        }
        let other = other.as_ref().zip(others);
        let other = other.map(|(other, observed)| (judge(&other.build, &observed), observed));
        let puppets = self.puppets.of(&case.shape);
        Ok(Checked { verdict, expected, observed, prepared, puppets, other })
    }

    /// The deviation that explains, beside those that are registered for a build, what the build showed of a case:
    /// the first that does, those of engines before those that are planted.
    pub fn explanation(
        &mut self,
        case: &Case,
        build: &Build,
        observed: &Observation,
    ) -> Result<Option<Deviation>, BadCase> {
        let registered = self.register.deviations(build, situation(case));
        for deviation in Deviation::all().filter(|deviation| !registered.contains(*deviation)) {
            let deviations = registered.iter().chain([deviation]).collect();
            let reading = self.read(case, deviations)?;
            let explained = oracle::first_difference(&reading, observed).is_none();
            if explained && reading.taken.contains(deviation) {
                return Ok(Some(deviation));
            }
        }
        Ok(None)
    }

    /// What the reference alone says of a case, with some deviations in force.
    pub fn read(&mut self, case: &Case, deviations: Deviations) -> Result<Reading, BadCase> {
        self.read_watched(case, &Recorder::deviating(deviations))
    }

    /// The same, with what is in force for this recorder: it may be without some checks.
    pub fn read_watched(&mut self, case: &Case, recorder: &Recorder) -> Result<Reading, BadCase> {
        let prepared = self.prepare(case)?;
        self.build_reference(case);
        let built = self.shapes.get(&case.shape).expect("built just now");
        Ok(read(start(built, case, recorder), case, &prepared))
    }

    /// How the two core engines differ where they run the core code of a guest on their own, called as the
    /// reference calls it. Nothing, where they do not, or no guest has core code of its own.
    pub fn core_difference(&mut self, case: &Case) -> Result<Option<String>, BadCase> {
        let prepared = self.prepare(case)?;
        self.build_reference(case);
        let built = self.shapes.get(&case.shape).expect("built just now");
        Ok(core_difference(built, case, &prepared))
    }

    /// What the guests hand over and are told. What does not fit is no case.
    pub fn prepare(&mut self, case: &Case) -> Result<Arc<Prepared>, BadCase> {
        if let Some((last, prepared)) = &self.last
            && last == case
        {
            return Ok(prepared.clone());
        }
        let prepared = timed(&mut self.timings.encode, || Prepared::of(case)).map_err(BadCase)?;
        let (_, prepared) = self.last.insert((case.clone(), Arc::new(prepared)));
        Ok(prepared.clone())
    }

    fn build_reference(&mut self, case: &Case) {
        if self.shapes.contains(&case.shape) {
            return;
        }
        let Session { timings, puppets, compiler, shapes, .. } = self;
        let shape = &case.shape;
        let puppets = puppets.of(shape);
        let bytes = timed(&mut timings.encode, || encode::component(shape, puppets));
        let compile = || match shape.is_noisy() {
            // Whoever wrote the code may have left it to run for ever.
            true => Compiled::metered(&bytes, Some(NOISE_FUEL)),
            false => compiler.compile(shape, &bytes, puppets),
        };
        let reference = timed(&mut timings.compile_reference, compile);
        let reference = reference.map_err(|refusal| refusal.to_string());
        shapes.put(shape.clone(), Built { bytes, reference });
    }
}

fn start(built: &Built, case: &Case, recorder: &Recorder) -> Result<Run, NotStarted> {
    match &built.reference {
        Ok(compiled) => reference::instantiate(compiled, &case.shape, recorder.clone()),
        Err(message) => Err(NotStarted::of(message)),
    }
}

/// What a subject in a process of its own shows of a case that it was given, unless it is vain to wait for that.
fn finish(worker: &mut Worker, case: &Case, vain: bool) -> Result<Observation> {
    if vain {
        worker.abandon();
        return Ok(not_asked());
    }
    worker.finish(case)
}

fn is_exhausted(reading: &Reading) -> bool {
    matches!(reading.observation.outcome, Outcome::Exhausted(_))
}

/// What stands for what the subject shows where it is not asked.
fn not_asked() -> Observation {
    let why = "the reference met a limit".to_string();
    Observation { calls: Vec::new(), outcome: Outcome::NotObserved(why) }
}

fn core_difference(built: &Built, case: &Case, prepared: &Prepared) -> Option<String> {
    (0..case.shape.guests.len()).find_map(|guest| {
        let parts = encode::core::parts(&case.shape, guest)?;
        let run = start(built, case, &Recorder::default()).ok()?;
        let events = run.record(case, prepared, guest);
        let difference = wasmtime::core::replay(&parts, events, case.tuning.optimize)?;
        Some(format!("guest {guest}: {difference}"))
    })
}

fn read(started: Result<Run, NotStarted>, case: &Case, prepared: &Prepared) -> Reading {
    started.map_or_else(reference::not_started, |run| run.run(case, prepared))
}

fn observe(
    local: &mut Local,
    built: &Built,
    case: &Case,
    prepared: &Prepared,
    timings: &mut Timings,
) -> Observation {
    timed(&mut timings.compile_subject, || local.load(case, || built.bytes.clone()));
    let started = timed(&mut timings.instantiate_subject, || local.instantiate(case));
    timed(&mut timings.subject, || local::run(started, case, prepared))
}

/// Adds the time that `run` takes.
pub fn timed<R>(total: &mut Duration, run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    *total += start.elapsed();
    result
}
