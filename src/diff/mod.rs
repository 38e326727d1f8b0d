//! A component from anywhere on both engines: its exports called with generated values, round after
//! round, behind generated host functions.
//! Knows no case: what the component does is nobody's script.

mod draw;
mod read;
mod report;

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::abi::Deviations;
use crate::case::{Tuning, text as case_text};
use crate::component::Compiled;
use crate::engine::any::{Answers, Imports};
use crate::engine::reference::any::AnyRun;
use crate::engine::wasmtime::{self, any};
use crate::observation::{Outcome, Told};
use crate::oracle::compare::told_difference;
use crate::oracle::register::Register;
use crate::types::{FuncType, Type};
use crate::value::Value;

pub use read::read;
pub use report::text;

/// Steps that core code may take in one episode on the reference: an endless loop ends within seconds.
const FUEL: u64 = 500_000_000;

/// How a subject for components from anywhere is configured, as far as the register cares.
pub const BY_DEFAULT: Tuning =
    Tuning { optimize: false, pooling: false, moving_memory: true, concurrency: true };

/// What to call, and how often.
pub struct Plan {
    /// All exports, where there is none.
    pub export: Option<String>,
    /// Its arguments, as a list in WAVE; drawn, where there is none.
    pub args: Option<String>,
    pub rounds: u32,
    pub seed: u64,
}

/// What was called, and what came of it.
pub struct Diff {
    pub exports: Vec<(String, FuncType)>,
    pub imports: Arc<Imports>,
    pub episodes: Vec<Episode>,
    /// Exports that were never called, since the host held no resource to pass.
    pub skipped: Vec<String>,
}

/// One instance, from its start to the first call that did not come back, or to the end.
pub struct Episode {
    pub acts: Vec<Act>,
    /// What came of each, on the reference.
    pub expected: Vec<Told>,
    /// The same on the subject, as far as it got.
    pub observed: Vec<Told>,
    pub verdict: Verdict,
}

/// Something that the host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Start,
    Call { export: usize, args: Vec<Value> },
    Drop(u32),
}

/// What comparing an episode gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Agree,
    /// A limit was met that the spec lacks.
    Inconclusive(String),
    Accepted(Deviations),
    /// They differ from this act on.
    Disagree(usize),
}

impl Diff {
    pub fn agrees(&self) -> bool {
        !self.episodes.iter().any(|episode| matches!(episode.verdict, Verdict::Disagree(_)))
    }

    /// The deviations that explain what differed.
    pub fn accepted(&self) -> Deviations {
        let accepted = self.episodes.iter().filter_map(|episode| match episode.verdict {
            Verdict::Accepted(deviations) => Some(deviations),
            Verdict::Agree | Verdict::Inconclusive(_) | Verdict::Disagree(_) => None,
        });
        accepted.flat_map(Deviations::iter).collect()
    }
}

/// Runs a component on both engines.
pub fn diff(bytes: &[u8], plan: &Plan) -> Result<Diff> {
    let compiled = Compiled::metered(bytes, Some(FUEL))?;
    let exports = exports(&compiled, plan)?;
    let fixed = fixed_args(plan, &exports)?;
    let imports = Arc::new(Imports::of(&compiled.decoded));
    let answers = draw::answers(plan.seed);
    let player = Player { compiled, exports, imports, answers };
    let mut episodes = player.play(plan, fixed.as_deref())?;
    let subject = any::Subject::new()?.compile(bytes).map_err(refused)?;
    for episode in &mut episodes {
        episode.observed = player.observe(&subject, &episode.acts)?;
        episode.verdict = player.judge(episode)?;
    }
    let Player { exports, imports, .. } = player;
    let skipped = never_called(&exports, &episodes);
    Ok(Diff { exports, imports, episodes, skipped })
}

fn refused(outcome: Outcome) -> anyhow::Error {
    anyhow::anyhow!("wasmtime {}: {outcome:?}", wasmtime::VERSION)
}

/// The exports that are to be called.
fn exports(compiled: &Compiled, plan: &Plan) -> Result<Vec<(String, FuncType)>> {
    let all = &compiled.decoded.exports;
    let Some(name) = &plan.export else {
        if all.is_empty() {
            bail!("the component exports no function");
        }
        return Ok(all.clone());
    };
    let named: Vec<_> = all.iter().filter(|(path, _)| path == name).cloned().collect();
    if named.is_empty() {
        let known: Vec<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
        bail!("the component exports no function `{name}`; it has {}", known.join(", "));
    }
    Ok(named)
}

/// The arguments that were asked for.
fn fixed_args(plan: &Plan, exports: &[(String, FuncType)]) -> Result<Option<Vec<Value>>> {
    let Some(args) = &plan.args else {
        return Ok(None);
    };
    let [(path, ty)] = exports else {
        bail!("arguments are those of one export: name it with --export");
    };
    if ty.params.is_empty() {
        bail!("`{path}` takes no arguments");
    }
    let tuple = Type::Tuple(ty.params.clone());
    match case_text::parse_wave(args, &tuple) {
        Ok(Value::Record(values)) => Ok(Some(values)),
        Ok(other) => bail!("`{args}` is no list of arguments but {other:?}"),
        Err(error) => Err(anyhow::anyhow!(error)).with_context(|| {
            format!("cannot read `{args}` as the arguments of `{path}`, such as (1, \"a\")")
        }),
    }
}

fn never_called(exports: &[(String, FuncType)], episodes: &[Episode]) -> Vec<String> {
    let acts = || episodes.iter().flat_map(|episode| &episode.acts);
    let called =
        |index| acts().any(|act| matches!(act, Act::Call { export, .. } if *export == index));
    let paths = exports.iter().enumerate().filter(|(index, _)| !called(*index));
    paths.map(|(_, (path, _))| path.clone()).collect()
}

/// Plays episodes on either engine.
struct Player {
    compiled: Compiled,
    exports: Vec<(String, FuncType)>,
    imports: Arc<Imports>,
    answers: Answers,
}

impl Player {
    /// Draws what to do while the reference does it, for that decides which resources there are.
    fn play(&self, plan: &Plan, fixed: Option<&[Value]>) -> Result<Vec<Episode>> {
        let mut draw = draw::Draw::new(plan.seed);
        let mut episodes = vec![self.begin()?];
        for _ in 0..plan.rounds {
            for export in 0..self.exports.len() {
                let playing = episodes.last_mut().expect("there is at least one");
                if playing.run.is_none() && playing.episode.acts.len() > 1 {
                    episodes.push(self.begin()?);
                }
                let playing = episodes.last_mut().expect("there is at least one");
                let Some(run) = &mut playing.run else { break };
                let (path, ty) = &self.exports[export];
                let args = match fixed {
                    Some(args) => Some(args.to_vec()),
                    None => draw.args(ty, run, &self.imports),
                };
                if let Some(args) = args {
                    playing.call(path, export, args);
                }
            }
        }
        episodes.iter_mut().for_each(Playing::drop_all);
        Ok(episodes.into_iter().map(|playing| playing.episode).collect())
    }

    fn begin(&self) -> Result<Playing> {
        let (run, told) = self.start(Deviations::NONE)?;
        let (acts, expected) = (vec![Act::Start], vec![told]);
        let verdict = Verdict::Agree;
        Ok(Playing { run, episode: Episode { acts, expected, observed: Vec::new(), verdict } })
    }

    fn start(&self, deviations: Deviations) -> Result<(Option<AnyRun>, Told)> {
        let (imports, answers) = (self.imports.clone(), self.answers.clone());
        Ok(AnyRun::start(&self.compiled, imports, answers, deviations)?)
    }

    /// What the reference tells of an episode, with some deviations in force, and those that
    /// changed something.
    fn deviate(&self, acts: &[Act], deviations: Deviations) -> Result<(Vec<Told>, Deviations)> {
        let (mut run, told) = self.start(deviations)?;
        let mut all = vec![told];
        for act in &acts[1..] {
            let Some(run) = &mut run else { break };
            if all.last().is_some_and(|told| told.outcome != Outcome::Returned) {
                break;
            }
            all.push(match act {
                Act::Start => unreachable!("it comes first"),
                Act::Call { export, args } => run.call(&self.exports[*export].0, args),
                Act::Drop(number) => run.drop_held(*number),
            });
        }
        Ok((all, run.map_or(deviations, |mut run| run.taken())))
    }

    /// What the subject tells of an episode.
    fn observe(&self, subject: &any::Compiled, acts: &[Act]) -> Result<Vec<Told>> {
        let (mut run, told) = subject.start(self.imports.clone(), self.answers.clone())?;
        let mut all = vec![told];
        for act in &acts[1..] {
            let Some(run) = &mut run else { break };
            if all.last().is_some_and(|told| told.outcome != Outcome::Returned) {
                break;
            }
            all.push(match act {
                Act::Start => unreachable!("it comes first"),
                Act::Call { export, args } => {
                    let (path, ty) = &self.exports[*export];
                    run.call_as(path, ty, args)
                }
                Act::Drop(number) => run.drop_held(*number),
            });
        }
        Ok(all)
    }

    fn judge(&self, episode: &Episode) -> Result<Verdict> {
        let Episode { acts, expected, observed, .. } = episode;
        if let Some(limit) = expected.iter().chain(observed).find_map(limit) {
            return Ok(Verdict::Inconclusive(limit));
        }
        let Some(act) = told_difference(expected, observed) else {
            return Ok(Verdict::Agree);
        };
        let version = semver::Version::parse(wasmtime::VERSION)?;
        let accepted = Register::committed()?.deviations(&version, BY_DEFAULT);
        let (deviating, taken) = self.deviate(acts, accepted)?;
        Ok(match told_difference(&deviating, observed) {
            None => Verdict::Accepted(taken),
            Some(_) => Verdict::Disagree(act),
        })
    }
}

/// An episode while it is played on the reference.
struct Playing {
    run: Option<AnyRun>,
    episode: Episode,
}

impl Playing {
    fn call(&mut self, path: &str, export: usize, args: Vec<Value>) {
        let run = self.run.as_mut().expect("the instance lives");
        let told = run.call(path, &args);
        self.done(Act::Call { export, args }, told);
    }

    /// Drops what the host still holds.
    fn drop_all(&mut self) {
        let numbers = self.run.as_mut().map(AnyRun::all_numbers).unwrap_or_default();
        for number in numbers {
            let Some(run) = &mut self.run else { break };
            let told = run.drop_held(number);
            self.done(Act::Drop(number), told);
        }
    }

    fn done(&mut self, act: Act, told: Told) {
        if told.outcome != Outcome::Returned {
            self.run = None;
        }
        self.episode.acts.push(act);
        self.episode.expected.push(told);
    }
}

fn limit(told: &Told) -> Option<String> {
    if let Outcome::Exhausted(limit) = &told.outcome { Some(limit.clone()) } else { None }
}
