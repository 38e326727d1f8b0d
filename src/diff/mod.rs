//! A component from anywhere on both engines: its exports called with generated values, round after
//! round, behind generated host functions.
//! Knows no case: what the component does is nobody's script.

mod draw;
mod read;
mod report;

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::abi::layout::elem_size;
use crate::abi::{Deviations, MAX_LIFTED, PtrType};
use crate::case::text as case_text;
use crate::component::limits::FUEL;
use crate::component::wast::engine::NoResult;
use crate::component::{Compiled, Refusal};
use crate::engine::any::{Answers, Imports};
use crate::engine::reference::any::AnyRun;
use crate::engine::wasmtime::{self, any};
use crate::observation::{Outcome, Told};
use crate::oracle::compare::told_difference;
use crate::oracle::register::{Build, Register, Situation};
use crate::types::{FuncType, Handle, Type};
use crate::value::Value;

pub use read::read;
pub use report::text;

/// The bytes that one value may take, without what it points to: lists of fixed length are drawn
/// whole.
const LARGEST: u64 = 1 << 20;

/// How much both sides may be told in all rounds together, as lifting counts it: all of it is kept.
const MOST_KEPT: u64 = 4 * MAX_LIFTED;

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
    /// How many rounds were played, where those were all that a memory bears.
    pub cut: Option<u32>,
}

/// One instance, from its start to the first call that did not come back, or to the end.
pub struct Episode {
    pub acts: Vec<Act>,
    /// What came of each, on the reference.
    pub expected: Vec<Told>,
    /// What the subject showed, as far as it got.
    pub observed: Vec<Told>,
    pub verdict: Verdict,
}

/// Something that the host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Alone, where the reference does not accept the component.
    Compile,
    Start,
    Call {
        export: usize,
        args: Vec<Value>,
    },
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
    let compiled = match Compiled::metered(bytes, Some(FUEL)) {
        Ok(compiled) => compiled,
        Err(refusal) => return refused(bytes, refusal),
    };
    let exports = exports(&compiled, plan)?;
    let imports = Arc::new(Imports::of(&compiled.decoded));
    refuse_large(exports.iter().map(|(path, ty)| (path, ty)).chain(&imports.funcs))?;
    refuse_async_values(exports.iter().map(|(path, ty)| (path, ty)).chain(&imports.funcs))?;
    let fixed = fixed_args(plan, &exports, &imports)?;
    let subject = subject(bytes)?;
    let answers = draw::answers(plan.seed);
    let player = Player { compiled, exports, imports, answers };
    let (mut episodes, cut) = player.play(plan, fixed.as_deref())?;
    for episode in &mut episodes {
        episode.observed = player.observe(&subject, episode);
        episode.verdict = player.judge(episode)?;
    }
    let Player { exports, imports, .. } = player;
    let skipped = never_called(&exports, &episodes);
    Ok(Diff { exports, imports, episodes, skipped, cut })
}

/// What there is to say of a component that the reference refuses: that it is none, unless the subject accepts it or
/// crashes.
fn refused(bytes: &[u8], refusal: Refusal) -> Result<Diff> {
    let expected = match NoResult::from(refusal.clone()) {
        NoResult::Invalid(why) => Outcome::Refused(why),
        NoResult::Exhausted(limit) => Outcome::Exhausted(limit),
        NoResult::Unsupported(_)
        | NoResult::Unlinkable(_)
        | NoResult::Trapped(..)
        | NoResult::Deadlocked(_)
        | NoResult::Crashed(_) => {
            return Err(refusal.into());
        }
    };
    let observed = any::Subject::new()?.compile(bytes).map(|_| None);
    if let Err(Outcome::Refused(_)) = observed {
        return Err(refusal.into());
    }
    let [expected, observed] =
        [Err(expected), observed].map(|result| vec![Told::of(Vec::new(), result)]);
    let verdict = match compare(&expected, &observed) {
        Compared::Limit(limit) => Verdict::Inconclusive(limit),
        Compared::Same | Compared::Differ(_) => Verdict::Disagree(0),
    };
    let episodes = vec![Episode { acts: vec![Act::Compile], expected, observed, verdict }];
    let (exports, skipped, imports) = (Vec::new(), Vec::new(), Arc::default());
    Ok(Diff { exports, imports, episodes, skipped, cut: None })
}

/// The component on the subject, or how it failed to compile. An error is a feature that it lacks.
fn subject(bytes: &[u8]) -> Result<Result<any::Compiled, Outcome>> {
    let compiled = any::Subject::new()?.compile(bytes);
    let Err(Outcome::Refused(why)) = &compiled else { return Ok(compiled) };
    match NoResult::refused(why) {
        NoResult::Unsupported(feature) => {
            bail!("not supported by wasmtime {}: {feature}", wasmtime::VERSION)
        }
        NoResult::Exhausted(limit) => Ok(Err(Outcome::Exhausted(limit))),
        NoResult::Invalid(_)
        | NoResult::Unlinkable(_)
        | NoResult::Trapped(..)
        | NoResult::Deadlocked(_)
        | NoResult::Crashed(_) => Ok(compiled),
    }
}

/// Refuses functions whose values could not be drawn.
fn refuse_large<'a>(mut funcs: impl Iterator<Item = (&'a String, &'a FuncType)>) -> Result<()> {
    let large = |ty: &Type| elem_size(ty, PtrType::I32) > LARGEST;
    match funcs.find(|(_, ty)| ty.params.iter().chain(&ty.result).any(large)) {
        Some((path, _)) => bail!("`{path}`: a value of its types takes more than {LARGEST} bytes"),
        None => Ok(()),
    }
}

/// Refuses functions by which the host would come to hold what neither side has for a host yet.
fn refuse_async_values<'a>(
    mut funcs: impl Iterator<Item = (&'a String, &'a FuncType)>,
) -> Result<()> {
    match funcs.find(|(_, ty)| ty.passes_async_values()) {
        Some((path, _)) => {
            bail!(
                "`{path}` passes a stream, a future or an error context, which the host cannot hold yet"
            )
        }
        None => Ok(()),
    }
}

/// The exports that are to be called.
fn exports(compiled: &Compiled, plan: &Plan) -> Result<Vec<(String, FuncType)>> {
    let all = &compiled.decoded.exports;
    let Some(name) = &plan.export else {
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
fn fixed_args(
    plan: &Plan,
    exports: &[(String, FuncType)],
    imports: &Imports,
) -> Result<Option<Vec<Value>>> {
    let Some(args) = &plan.args else {
        return Ok(None);
    };
    let [(path, ty)] = exports else {
        bail!("arguments are those of one export: name it with --export");
    };
    if ty.params.is_empty() {
        bail!("`{path}` takes no arguments");
    }
    let of_the_guest = |resource| !imports.resources.contains_key(&resource);
    let handles = ty.params.iter().flat_map(Type::handles);
    if handles.filter_map(Handle::resource).any(of_the_guest) {
        bail!("`{path}` takes a resource of the component's, which only its own exports make");
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
    /// Draws what to do while the reference does it, for that decides which resources there are. Answers also
    /// with the number of rounds, where it ended before the last one.
    fn play(&self, plan: &Plan, fixed: Option<&[Value]>) -> Result<(Vec<Episode>, Option<u32>)> {
        let mut draw = draw::Draw::new(plan.seed);
        let mut played = Vec::new();
        let mut playing = self.begin()?;
        let starts = playing.lives;
        let rounds = if starts { plan.rounds } else { 0 };
        let mut left: Vec<usize> = (0..self.exports.len()).collect();
        let (mut kept, mut cut) = (0, None);
        for round in 0..rounds {
            if kept > MOST_KEPT {
                cut = Some(round);
                break;
            }
            // What met a limit would meet it again, and again take its time.
            left.retain(|export| {
                !played.iter().any(|playing: &Playing| playing.exhausted(*export))
            });
            for export in &left {
                if !playing.lives || playing.run.lifted() > MAX_LIFTED / 2 {
                    playing.drop_all();
                    kept += playing.run.lifted();
                    played.push(std::mem::replace(&mut playing, self.begin()?));
                }
                let (path, ty) = &self.exports[*export];
                let args = match fixed {
                    Some(args) => Some(args.to_vec()),
                    None => draw.args(ty, &mut playing.run, &self.imports),
                };
                if let Some(args) = args {
                    playing.call(path, *export, args);
                }
            }
        }
        playing.drop_all();
        played.push(playing);
        Ok((played.into_iter().map(|playing| playing.episode).collect(), cut))
    }

    fn begin(&self) -> Result<Playing> {
        let (run, told) = self.start(Deviations::NONE)?;
        let lives = told.outcome == Outcome::Returned;
        let (acts, expected) = (vec![Act::Start], vec![told]);
        let verdict = Verdict::Agree;
        let episode = Episode { acts, expected, observed: Vec::new(), verdict };
        Ok(Playing { run, lives, episode })
    }

    fn start(&self, deviations: Deviations) -> Result<(AnyRun, Told)> {
        let (imports, answers) = (self.imports.clone(), self.answers.clone());
        Ok(AnyRun::start(&self.compiled, imports, answers, deviations)?)
    }

    /// What the reference tells of an episode, with some deviations in force, and those that
    /// changed something.
    fn deviate(&self, acts: &[Act], deviations: Deviations) -> Result<(Vec<Told>, Deviations)> {
        let (mut run, told) = self.start(deviations)?;
        let all = told_in_turn(told, &acts[1..], |act| match act {
            Act::Compile | Act::Start => unreachable!("it comes first"),
            Act::Call { export, args } => run.call(&self.exports[*export].0, args),
            Act::Drop(number) => run.drop_held(*number),
        });
        Ok((all, run.taken()))
    }

    /// What the subject tells of an episode. It is not asked for that which met a limit on the reference: it may
    /// never come back.
    fn observe(&self, subject: &Result<any::Compiled, Outcome>, episode: &Episode) -> Vec<Told> {
        let met = episode.expected.last().is_some_and(is_exhausted);
        match episode.acts.len() - usize::from(met) {
            0 => Vec::new(),
            asked => self.ask(subject, &episode.acts[..asked]),
        }
    }

    fn ask(&self, subject: &Result<any::Compiled, Outcome>, acts: &[Act]) -> Vec<Told> {
        let subject = match subject {
            Ok(subject) => subject,
            Err(outcome) => return vec![Told::of(Vec::new(), Err(outcome.clone()))],
        };
        let (run, told) = subject.start(self.imports.clone(), self.answers.clone());
        let Some(mut run) = run else {
            return vec![told];
        };
        told_in_turn(told, &acts[1..], |act| match act {
            Act::Compile | Act::Start => unreachable!("it comes first"),
            Act::Call { export, args } => {
                let (path, ty) = &self.exports[*export];
                run.call_as(path, ty, args)
            }
            Act::Drop(number) => run.drop_held(*number),
        })
    }

    fn judge(&self, episode: &Episode) -> Result<Verdict> {
        let Episode { acts, expected, observed, .. } = episode;
        let act = match compare(expected, observed) {
            Compared::Same => return Ok(Verdict::Agree),
            Compared::Limit(limit) => return Ok(Verdict::Inconclusive(limit)),
            Compared::Differ(act) => act,
        };
        let build = Build::of(wasmtime::VERSION, wasmtime::ASSERTIONS)?;
        let accepted = Register::committed()?.deviations(&build, Situation::OF_ANY);
        let (deviating, taken) = self.deviate(acts, accepted)?;
        Ok(match compare(&deviating, observed) {
            Compared::Same => Verdict::Accepted(taken),
            Compared::Limit(limit) => Verdict::Inconclusive(limit),
            Compared::Differ(_) => Verdict::Disagree(act),
        })
    }
}

/// What came of a start and of what follows it, up to the first that did not come back.
fn told_in_turn(start: Told, acts: &[Act], mut tell: impl FnMut(&Act) -> Told) -> Vec<Told> {
    let mut all = vec![start];
    for act in acts {
        if all.last().is_some_and(|told| told.outcome != Outcome::Returned) {
            break;
        }
        all.push(tell(act));
    }
    all
}

/// What two tell of the same acts.
enum Compared {
    Same,
    /// A limit was met before they could differ.
    Limit(String),
    /// They differ from this act on.
    Differ(usize),
}

fn compare(expected: &[Told], observed: &[Told]) -> Compared {
    let limits = [expected, observed].map(|told| told.iter().enumerate().find_map(limit));
    let limit = limits.into_iter().flatten().min();
    match (told_difference(expected, observed), limit) {
        (Some(act), Some((at, limit))) if at <= act => Compared::Limit(limit),
        (None, Some((_, limit))) => Compared::Limit(limit),
        (Some(act), _) => Compared::Differ(act),
        (None, None) => Compared::Same,
    }
}

/// An episode while it is played on the reference.
struct Playing {
    run: AnyRun,
    /// Whether all came back so far.
    lives: bool,
    episode: Episode,
}

impl Playing {
    fn call(&mut self, path: &str, export: usize, args: Vec<Value>) {
        let told = self.run.call(path, &args);
        self.done(Act::Call { export, args }, told);
    }

    /// Drops what the host still holds.
    fn drop_all(&mut self) {
        for (number, _) in self.run.numbers() {
            if !self.lives {
                break;
            }
            let told = self.run.drop_held(number);
            self.done(Act::Drop(number), told);
        }
    }

    fn done(&mut self, act: Act, told: Told) {
        self.lives = told.outcome == Outcome::Returned;
        self.episode.acts.push(act);
        self.episode.expected.push(told);
    }

    /// Whether a call of this export met a limit.
    fn exhausted(&self, export: usize) -> bool {
        let Episode { acts, expected, .. } = &self.episode;
        let met = expected.last().is_some_and(is_exhausted);
        met && matches!(acts.last(), Some(Act::Call { export: last, .. }) if *last == export)
    }
}

fn is_exhausted(told: &Told) -> bool {
    matches!(told.outcome, Outcome::Exhausted(_))
}

fn limit((at, told): (usize, &Told)) -> Option<(usize, String)> {
    if let Outcome::Exhausted(limit) = &told.outcome { Some((at, limit.clone())) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter for each: returned, trapped, a limit.
    fn told(letters: &str) -> Vec<Told> {
        let outcome = |letter| match letter {
            'r' => Outcome::Returned,
            't' => Outcome::Trapped(None, "unknown".to_string()),
            letter => Outcome::Exhausted(letter.to_string()),
        };
        letters.chars().map(|letter| Told::of(Vec::new(), Err(outcome(letter)))).collect()
    }

    /// What comparing says: nothing, the limit, or where they differ.
    #[track_caller]
    fn check(expected: &str, observed: &str, says: &str) {
        let said = match compare(&told(expected), &told(observed)) {
            Compared::Same => "same".to_string(),
            Compared::Limit(limit) => limit,
            Compared::Differ(act) => format!("differ at {act}"),
        };
        assert_eq!(said, says);
    }

    #[test]
    fn a_limit_excuses_what_comes_with_it_and_after_it_alone() {
        check("rr", "rr", "same");
        check("rL", "rr", "L");
        check("rL", "L", "L");
        check("rL", "t", "differ at 0");
        check("rr", "r", "differ at 1");
    }
}
