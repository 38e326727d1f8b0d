//! Scripts of the component model's reference tests, run on both engines.
//! Knows nothing of cases, nor of how an engine runs a component.

pub mod compare;
pub mod subject;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::compare::Difference;
use self::subject::Subject;
use crate::abi::Deviations;
use crate::component::wast::engine::Engine;
use crate::component::wast::read::MAX_BYTES;
use crate::component::wast::reference::Reference;
use crate::component::wast::run::Verdict;
use crate::component::wast::{self, Counts, Side};
use crate::engine::wasmtime;
use crate::files::Search;
use crate::oracle::register::{Build, Register, Situation};
use crate::{files, plain};

/// The engines that scripts run on, and what an instance on them gets.
pub struct Stage {
    pub engines: Vec<Box<dyn Engine>>,
    /// Bytes that all memories of an instance may take together.
    pub memory: usize,
}

/// What a script did.
pub struct Played {
    pub sides: Vec<Side>,
    /// Where the engines differ, if there are two.
    pub differences: Vec<Difference>,
    /// The deviations that explain those differences that are accepted.
    pub accepted: Deviations,
}

impl Stage {
    /// Both engines, the reference first.
    pub fn both(memory: usize) -> Result<Stage> {
        let reference = Box::new(Reference::new(Deviations::NONE, memory));
        let subject = Box::new(Subject::with_memory(memory)?);
        Ok(Stage { engines: vec![reference, subject], memory })
    }

    /// Runs a script on each of the engines.
    pub fn play(&mut self, text: &str) -> Result<Played> {
        let sides = self.engines.iter_mut().map(|engine| wast::play(text, engine.as_mut()));
        let sides = sides.collect::<Result<Vec<_>, _>>()?;
        let differences = match sides.as_slice() {
            [expected, observed] => compare::differences(&expected.steps, &observed.steps),
            _ => Vec::new(),
        };
        let mut played = Played { sides, differences, accepted: Deviations::NONE };
        if !played.differences.is_empty() {
            self.accept(text, &mut played)?;
        }
        Ok(played)
    }

    /// Accepts the differences that there are not if the reference is wrong as the register has it.
    fn accept(&self, text: &str, played: &mut Played) -> Result<()> {
        let build = Build::of(wasmtime::VERSION, wasmtime::ASSERTIONS)?;
        let deviations = Register::committed()?.deviations(&build, Situation::OF_ANY);
        let mut deviating = Reference::new(deviations, self.memory);
        let expected = wast::play(text, &mut deviating)?;
        let differences = compare::differences(&expected.steps, &played.sides[1].steps);
        for difference in &mut played.differences {
            difference.accepted = !differences.iter().any(|other| other.step == difference.step);
        }
        if played.differences.iter().any(|difference| difference.accepted) {
            played.accepted = deviating.taken();
        }
        Ok(())
    }
}

impl Played {
    /// How the directives ended, each counted once: as one that failed where it failed on either engine.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in 0..self.sides[0].steps.len() {
            match self.differences.iter().find(|difference| difference.step == step) {
                Some(difference) if difference.accepted => counts.accepted += 1,
                Some(_) => counts.failed += 1,
                None => {
                    let verdicts = self.sides.iter().map(|side| &side.steps[step].verdict);
                    let worst = verdicts.max_by_key(|verdict| rank(verdict));
                    *counts.of(worst.expect("there is an engine")) += 1;
                }
            }
        }
        counts
    }
}

fn rank(verdict: &Verdict) -> u32 {
    match verdict {
        Verdict::Passed => 0,
        Verdict::Skipped(_) => 1,
        Verdict::Inconclusive(_) => 2,
        Verdict::Failed(_) => 3,
    }
}

/// The scripts at these paths: files as they are named, folders with all that is in them, in the order of their
/// names.
pub fn find(paths: &[PathBuf]) -> Search {
    files::find(paths, &|path| Ok(path.extension().is_some_and(|ending| ending == "wast")))
}

/// Reads a script's text.
pub fn load(path: &Path) -> Result<String> {
    let Ok(text) = String::from_utf8(files::read(path, MAX_BYTES)?) else {
        bail!("{}: no script, for it is no text", plain::name(path));
    };
    Ok(text)
}
