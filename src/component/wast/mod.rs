//! Scripts of the component model's reference tests, run on an engine.
//! Knows the engine only as a trait; the interpreter is one.

pub mod engine;
mod phrases;
pub mod read;
pub mod reference;
pub mod run;
mod values;

use std::io;

use self::engine::Engine;
use self::read::{NoScript, Script};
use self::run::{Step, Verdict};

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
    pub inconclusive: usize,
}

/// Runs a script on an engine.
pub fn play(text: &str, engine: &mut dyn Engine) -> Result<Side, NoScript> {
    let script = Script::parse(text)?;
    Ok(Side { engine: engine.name(), steps: run::run(&script, engine)? })
}

/// Runs something on a thread whose stack bears what scripts may nest.
pub fn with_stack<R: Send>(run: impl FnOnce() -> R + Send) -> io::Result<R> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(read::STACK_BYTES);
        let thread = thread.spawn_scoped(scope, run)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
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
            inconclusive: count(|verdict| matches!(verdict, Verdict::Inconclusive(_))),
        }
    }
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.inconclusive += other.inconclusive;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { passed, failed, skipped, inconclusive } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")?;
        match inconclusive {
            0 => Ok(()),
            _ => write!(f, ", {inconclusive} inconclusive"),
        }
    }
}
