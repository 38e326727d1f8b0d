//! Scripts of the component model's reference tests, run on an engine.
//! Knows the engine only as a trait; the interpreter is one.

pub mod engine;
pub mod host;
mod link;
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
    /// Of two engines: they differ, as the register says that they do.
    pub accepted: usize,
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
        let mut counts = Counts::default();
        self.steps.iter().for_each(|step| *counts.of(&step.verdict) += 1);
        counts
    }
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.inconclusive += other.inconclusive;
        self.accepted += other.accepted;
    }

    /// Those that ended so.
    pub fn of(&mut self, verdict: &Verdict) -> &mut usize {
        match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Failed(_) => &mut self.failed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Inconclusive(_) => &mut self.inconclusive,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { passed, failed, skipped, inconclusive, accepted } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")?;
        for (count, word) in [(inconclusive, "inconclusive"), (accepted, "accepted")] {
            if *count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}
