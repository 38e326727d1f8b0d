//! Scripts of the component model's reference tests, run on the engines.
//! Knows nothing of cases, nor of how an engine runs a component.

pub mod compare;
pub mod engine;
mod phrases;
pub mod read;
pub mod reference;
pub mod run;
pub mod subject;
mod values;

use std::path::Path;

use anyhow::{Result, bail};

use self::compare::Difference;
use self::engine::Engine;
use self::read::{NoScript, Script};
use self::run::{Step, Verdict};
use crate::{files, plain};

/// What a script did.
pub struct Played {
    pub sides: Vec<Side>,
    /// Where the engines differ, if there are two.
    pub differences: Vec<Difference>,
}

/// What a script did on one engine.
pub struct Side {
    pub engine: &'static str,
    pub steps: Vec<Step>,
}

/// How many directives ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

/// Runs a script on each of the engines.
pub fn play(text: &str, engines: &mut [Box<dyn Engine>]) -> Result<Played, NoScript> {
    let mut sides = Vec::new();
    for engine in engines {
        let script = Script::parse(text)?;
        sides.push(Side { engine: engine.name(), steps: run::run(&script, engine.as_mut())? });
    }
    let differences = match sides.as_slice() {
        [expected, observed] => compare::differences(&expected.steps, &observed.steps),
        _ => Vec::new(),
    };
    Ok(Played { sides, differences })
}

/// Reads a script's text.
pub fn load(path: &Path) -> Result<String> {
    let Ok(text) = String::from_utf8(files::read(path, read::MAX_BYTES)?) else {
        bail!("{}: no script, for it is no text", plain::name(path));
    };
    Ok(text)
}

/// Runs something on a thread whose stack bears what scripts may nest.
pub fn with_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(read::STACK_BYTES);
        let thread = thread.spawn_scoped(scope, run).expect("a thread can be started");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Side {
    pub fn counts(&self) -> Counts {
        let count = |wanted: fn(&Verdict) -> bool| {
            self.steps.iter().filter(|step| wanted(&step.verdict)).count()
        };
        Counts {
            passed: count(|verdict| matches!(verdict, Verdict::Passed)),
            failed: count(|verdict| matches!(verdict, Verdict::Failed(_))),
            skipped: count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        }
    }
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}
