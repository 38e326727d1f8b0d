//! The pipeline, with what it keeps from one case to the next.
//! Knows every room by its door and does none of their work.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::abi::Deviations;
use crate::case::{Case, Shape, Tuning};
use crate::component::instantiate::Compiled;
use crate::encode::{self, script};
use crate::engine::{reference, wasmtime};
use crate::observation::{Observation, Outcome, Reading};
use crate::oracle::register::Register;
use crate::oracle::{self, Verdict};

/// Components that are kept compiled: enough for what a mutator works on at a time, and some tens
/// of megabytes.
const SHAPES: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// Everything that checking one case after the other needs. Not for two threads at once.
pub struct Session {
    subject: wasmtime::Subject,
    version: semver::Version,
    register: Register,
    shapes: LruCache<Shape, Built>,
    pub timings: Timings,
}

/// A component in every form that it was needed in.
struct Built {
    bytes: Vec<u8>,
    reference: Result<Compiled, String>,
    subjects: Vec<(Tuning, Result<wasmtime::Loaded, Outcome>)>,
}

/// What checking a case gave.
pub struct Checked {
    pub verdict: Verdict,
    pub expected: Reading,
    pub observed: Observation,
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

impl Session {
    /// A session against the subject that this program was built with.
    pub fn new() -> anyhow::Result<Session> {
        Ok(Session {
            subject: wasmtime::Subject::default(),
            version: semver::Version::parse(wasmtime::VERSION)?,
            register: Register::committed()?,
            shapes: LruCache::new(SHAPES),
            timings: Timings::default(),
        })
    }

    /// Runs a case on both sides and compares. The case has passed `case::check`.
    pub fn check(&mut self, case: &Case) -> Result<Checked, BadCase> {
        let scripts = timed(&mut self.timings.encode, || scripts(case))?;
        let accepted = self.register.deviations(&self.version, case.tuning);
        self.build(case);
        let built = self.shapes.get(&case.shape).expect("built just now");
        let timings = &mut self.timings;
        let reference =
            timed(&mut timings.instantiate_reference, || start(built, case, Deviations::NONE));
        let expected = timed(&mut timings.reference, || read(reference, case, &scripts));
        let subject = timed(&mut timings.instantiate_subject, || start_subject(built, case));
        let observed = timed(&mut timings.subject, || observe(subject, case, &scripts));
        let deviating = || read(start(built, case, accepted), case, &scripts);
        let verdict = timed(&mut timings.compare, || {
            oracle::judge(&expected.observation, &observed, deviating)
        });
        Ok(Checked { verdict, expected, observed })
    }

    /// What the reference alone says of a case, with some deviations in force.
    pub fn read(&mut self, case: &Case, deviations: Deviations) -> Result<Reading, BadCase> {
        let scripts = scripts(case)?;
        self.build_reference(case);
        let built = self.shapes.get(&case.shape).expect("built just now");
        Ok(read(start(built, case, deviations), case, &scripts))
    }

    fn build_reference(&mut self, case: &Case) {
        if self.shapes.contains(&case.shape) {
            return;
        }
        let bytes = timed(&mut self.timings.encode, || encode::component(&case.shape));
        let reference = timed(&mut self.timings.compile_reference, || Compiled::new(&bytes));
        let reference = reference.map_err(|refusal| refusal.to_string());
        self.shapes.put(case.shape.clone(), Built { bytes, reference, subjects: Vec::new() });
    }

    fn build(&mut self, case: &Case) {
        self.build_reference(case);
        let built = self.shapes.get_mut(&case.shape).expect("built just now");
        if built.subjects.iter().all(|(tuning, _)| *tuning != case.tuning) {
            let load = || self.subject.load(case, &built.bytes);
            let loaded = timed(&mut self.timings.compile_subject, load);
            built.subjects.push((case.tuning, loaded));
        }
    }
}

fn scripts(case: &Case) -> Result<Vec<Vec<u8>>, BadCase> {
    let of = |(i, call)| {
        let data = script::guest_data(&case.shape, call)?;
        script::script(call, &data, i == 0)
    };
    let calls = case.calls.iter().enumerate();
    calls
        .map(|(i, call)| of((i, call)).map_err(|error| BadCase(format!("call {i}: {error}"))))
        .collect()
}

fn start(built: &Built, case: &Case, deviations: Deviations) -> Result<reference::Run, Reading> {
    match &built.reference {
        Ok(compiled) => reference::instantiate(compiled, &case.shape, deviations),
        Err(message) => Err(reference::refused(message)),
    }
}

fn read(started: Result<reference::Run, Reading>, case: &Case, scripts: &[Vec<u8>]) -> Reading {
    started.map_or_else(|refused| refused, |run| run.run(case, scripts))
}

fn start_subject(built: &Built, case: &Case) -> Result<wasmtime::Run, Outcome> {
    let (_, loaded) = (built.subjects.iter().find(|(tuning, _)| *tuning == case.tuning))
        .expect("loaded just now");
    wasmtime::instantiate(loaded.as_ref().map_err(Outcome::clone)?)
}

fn observe(
    started: Result<wasmtime::Run, Outcome>,
    case: &Case,
    scripts: &[Vec<u8>],
) -> Observation {
    match started {
        Ok(run) => run.run(case, scripts),
        Err(outcome) => Observation { calls: Vec::new(), outcome },
    }
}

/// Adds the time that `run` takes.
pub fn timed<R>(total: &mut Duration, run: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = run();
    *total += start.elapsed();
    result
}
