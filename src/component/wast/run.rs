//! A script's directives, one after another, on one engine.
//! Knows the engine only as a trait.

use std::collections::BTreeMap;

use canonical_abi::types::{FuncType, Type};
use canonical_abi::value::Value;
use wast::token::Id;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

use super::engine::{Engine, Instance, NoResult};
use super::read::{NoScript, Script};
use super::{phrases, values};
use crate::crash::catch;
use crate::decode::decode;

/// What a directive came to.
pub struct Step {
    /// Counted from 1.
    pub line: usize,
    pub verdict: Verdict,
    pub shown: Shown,
}

/// Whether a directive is fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// With the reason.
    Failed(String),
    /// With the name of the feature that is missing, or what else is.
    Skipped(String),
    /// With the limit that was met, which the spec lacks.
    Inconclusive(String),
}

/// What an engine showed of itself in a directive, for comparing it with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It was not asked.
    Nothing,
    Returned(Option<Value>),
    Stopped(NoResult),
}

/// Runs all directives of a script.
pub fn run(script: &Script<'_>, engine: &mut dyn Engine) -> Result<Vec<Step>, NoScript> {
    let directives = script.directives()?;
    engine.begin();
    let mut runner = Runner::new(engine);
    let step = |directive: WastDirective<'_>| {
        let line = script.line(directive.span());
        let Done { verdict, shown } = runner.step(directive, line);
        Step { line, verdict, shown }
    };
    Ok(directives.into_iter().map(step).collect())
}

struct Runner<'e> {
    engine: &'e mut dyn Engine,
    /// By name; the last one also without.
    definitions: BTreeMap<Option<String>, Defined>,
    instances: Vec<Slot>,
    /// Positions among the instances.
    names: BTreeMap<String, usize>,
    /// The position of the instance that the present directive calls.
    called: Option<usize>,
}

/// A component, or what became of it instead.
type Defined = Result<Vec<u8>, Missing>;
type Slot = Result<Box<dyn Instance>, Missing>;

/// Why a directive cannot use what an earlier one should have left.
#[derive(Clone)]
enum Missing {
    /// The earlier one was skipped for this feature.
    Skipped(String),
    /// The earlier one met this limit.
    Exhausted(String),
    /// The earlier one, on this line, failed: that is counted there.
    Failed(usize),
}

/// What a directive came to, but for its place.
struct Done {
    verdict: Verdict,
    shown: Shown,
}

/// What a script hands to an engine: bytes, or why there are none.
enum Encoded {
    Bytes(Vec<u8>),
    /// The text is malformed.
    Malformed(String),
    CoreModule,
}

const CORE_MODULES: &str = "core modules";

impl<'e> Runner<'e> {
    fn new(engine: &'e mut dyn Engine) -> Runner<'e> {
        Runner {
            engine,
            definitions: BTreeMap::new(),
            instances: Vec::new(),
            names: BTreeMap::new(),
            called: None,
        }
    }

    /// Carries a directive out. What fails where our limits denied memory may have failed for that, and an
    /// instance that stopped where it should not have is used no more.
    fn step(&mut self, directive: WastDirective<'_>, line: usize) -> Done {
        let done = self.directive(directive, line);
        let done = match self.engine.denied() {
            Some(limit) if matches!(done.verdict, Verdict::Failed(_)) => {
                self.replace(line, &Missing::Exhausted(limit.to_string()));
                unexpected(NoResult::Exhausted(limit.to_string()), "growth")
            }
            Some(_) | None => done,
        };
        let stopped = matches!(done.shown, Shown::Stopped(_))
            && matches!(done.verdict, Verdict::Failed(_) | Verdict::Inconclusive(_));
        if let (Some(called), true) = (self.called.take(), stopped)
            && let Some(missing) = missing(&done, line)
        {
            self.instances[called] = Err(missing);
        }
        done
    }

    /// Whatever is missing for what failed on this line is so for another reason.
    fn replace(&mut self, line: usize, reason: &Missing) {
        let failed = |missing: &Missing| matches!(missing, Missing::Failed(at) if *at == line);
        let instances = self.instances.iter_mut().filter_map(|slot| slot.as_mut().err());
        let definitions = self.definitions.values_mut().filter_map(|slot| slot.as_mut().err());
        let missing = instances.chain(definitions).filter(|missing| failed(missing));
        missing.for_each(|missing| *missing = reason.clone());
    }

    fn directive(&mut self, directive: WastDirective<'_>, line: usize) -> Done {
        match directive {
            WastDirective::Module(module) => self.component(module, line),
            WastDirective::ModuleDefinition(module) => self.definition(module, line),
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.instance(instance, module, line)
            }
            WastDirective::AssertMalformed { module, .. }
            | WastDirective::AssertInvalid { module, .. } => self.assert_refused(module),
            WastDirective::AssertUnlinkable { module, .. } => self.assert_unlinkable(module),
            WastDirective::Invoke(invoke) => self.invoke(&invoke),
            WastDirective::AssertReturn { exec, results, .. } => self.assert_return(exec, &results),
            WastDirective::AssertTrap { exec, message, .. } => self.assert_trap(exec, message),
            WastDirective::AssertExhaustion { call, .. } => self.assert_exhaustion(&call),
            WastDirective::Register { name, module, .. } => self.register(name, module),
            WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertMalformedCustom { .. } => skipped("custom sections"),
            WastDirective::AssertException { .. } => skipped("exceptions"),
            WastDirective::AssertSuspension { .. } => skipped("suspensions"),
            WastDirective::Thread(_) | WastDirective::Wait { .. } => skipped("threads"),
        }
    }

    /// A component on its own: it is defined and instantiated.
    fn component(&mut self, mut module: QuoteWat<'_>, line: usize) -> Done {
        let name = name(module.name());
        let bytes = match encode(&mut module) {
            Encoded::Bytes(bytes) => bytes,
            Encoded::Malformed(why) => return self.no_instance(name, failed(why), line),
            Encoded::CoreModule => return self.no_instance(name, skipped(CORE_MODULES), line),
        };
        self.define(name.clone(), Ok(bytes.clone()));
        self.instantiate(name, &bytes, line)
    }

    fn definition(&mut self, mut module: QuoteWat<'_>, line: usize) -> Done {
        let name = name(module.name());
        let (defined, done) = match encode(&mut module) {
            Encoded::Bytes(bytes) => {
                let done = done(self.engine.validate(&bytes).map(|()| None));
                (missing(&done, line).map_or(Ok(bytes), Err), done)
            }
            Encoded::Malformed(why) => (Err(Missing::Failed(line)), failed(why)),
            Encoded::CoreModule => {
                (Err(Missing::Skipped(CORE_MODULES.to_string())), skipped(CORE_MODULES))
            }
        };
        self.define(name, defined);
        done
    }

    fn define(&mut self, name: Option<String>, defined: Defined) {
        if name.is_some() {
            self.definitions.insert(None, defined.clone());
        }
        self.definitions.insert(name, defined);
    }

    fn instance(
        &mut self,
        instance: Option<Id<'_>>,
        definition: Option<Id<'_>>,
        line: usize,
    ) -> Done {
        let name = name(instance);
        match self.definitions.get(&self::name(definition)).cloned() {
            Some(Ok(bytes)) => self.instantiate(name, &bytes, line),
            Some(Err(missing)) => {
                let done = missing.done();
                self.add(name, Err(missing));
                done
            }
            None => self.no_instance(name, failed("there is no such component"), line),
        }
    }

    fn instantiate(&mut self, name: Option<String>, bytes: &[u8], line: usize) -> Done {
        match self.engine.instantiate(bytes) {
            Ok(mut instance) => {
                if let Some(name) = &name {
                    self.engine.register(name, &mut *instance);
                }
                self.add(name, Ok(instance));
                done(Ok(None))
            }
            Err(stop) => {
                let missing = self.missing_import(bytes).map(Missing::done);
                self.no_instance(name, missing.unwrap_or_else(|| done(Err(stop))), line)
            }
        }
    }

    /// What became of the instance that a component imports by its name, if that is not there.
    fn missing_import(&self, bytes: &[u8]) -> Option<&Missing> {
        let decoded = decode(bytes).ok()?;
        let named = decoded.imports.iter().filter_map(|(name, _)| self.names.get(name));
        named.filter_map(|position| self.instances[*position].as_ref().err()).next()
    }

    /// Notes that there is no instance under this name, so that its users say why.
    fn no_instance(&mut self, name: Option<String>, done: Done, line: usize) -> Done {
        self.add(name, Err(missing(&done, line).unwrap_or(Missing::Failed(line))));
        done
    }

    fn add(&mut self, name: Option<String>, slot: Slot) {
        if let Some(name) = name {
            self.names.insert(name, self.instances.len());
        }
        self.instances.push(slot);
    }

    fn assert_refused(&mut self, mut module: QuoteWat<'_>) -> Done {
        let bytes = match encode(&mut module) {
            Encoded::Bytes(bytes) => bytes,
            // Some of what is invalid cannot even be written as a binary.
            Encoded::Malformed(_) => return passed(Shown::Nothing),
            Encoded::CoreModule => return skipped(CORE_MODULES),
        };
        match self.engine.validate(&bytes) {
            Err(stop @ NoResult::Invalid(_)) => passed(Shown::Stopped(stop)),
            Ok(()) => Done { verdict: wrong("accepted"), shown: Shown::Returned(None) },
            Err(stop) => unexpected(stop, "a refusal"),
        }
    }

    fn assert_unlinkable(&mut self, mut module: Wat<'_>) -> Done {
        match encode_wat(&mut module) {
            Encoded::Bytes(bytes) => match self.engine.instantiate(&bytes) {
                Err(stop @ NoResult::Unlinkable(_)) => passed(Shown::Stopped(stop)),
                Ok(_) => Done { verdict: wrong("linked"), shown: Shown::Returned(None) },
                Err(stop) => unexpected(stop, "an import that nobody offers"),
            },
            Encoded::Malformed(why) => failed(why),
            Encoded::CoreModule => skipped(CORE_MODULES),
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Done {
        match self.call(invoke) {
            Ok((_, result)) => done(result),
            Err(done) => done,
        }
    }

    fn assert_return(&mut self, exec: WastExecute<'_>, results: &[WastRet<'_>]) -> Done {
        let (ty, result) = match self.execute(exec) {
            Ok(called) => called,
            Err(done) => return done,
        };
        match result {
            Err(stop) => unexpected(stop, "a return"),
            Ok(result) => {
                let verdict = match check_result(results, ty.as_ref(), result.as_ref()) {
                    Ok(()) => Verdict::Passed,
                    Err(why) => Verdict::Failed(why),
                };
                Done { verdict, shown: Shown::Returned(result) }
            }
        }
    }

    fn assert_trap(&mut self, exec: WastExecute<'_>, message: &str) -> Done {
        match self.execute(exec) {
            Err(done) => done,
            Ok((_, Err(NoResult::Trapped(trap, words)))) => {
                let fits = phrases::fits(message, self.engine, trap, &words);
                let verdict = fits.map_or_else(Verdict::Failed, |()| Verdict::Passed);
                Done { verdict, shown: Shown::Stopped(NoResult::Trapped(trap, words)) }
            }
            Ok((_, Err(NoResult::Deadlocked(words)))) if phrases::is_deadlock(message) => {
                passed(Shown::Stopped(NoResult::Deadlocked(words)))
            }
            Ok((_, Err(stop))) => unexpected(stop, &format!("the trap `{message}`")),
            Ok((_, Ok(result))) => {
                let verdict = wrong(&format!("returned, expected the trap `{message}`"));
                Done { verdict, shown: Shown::Returned(result) }
            }
        }
    }

    fn assert_exhaustion(&mut self, call: &WastInvoke<'_>) -> Done {
        match self.call(call) {
            Err(done) => done,
            Ok((_, Err(stop @ NoResult::Exhausted(_)))) => passed(Shown::Stopped(stop)),
            Ok((_, Err(stop))) => unexpected(stop, "a limit to be met"),
            Ok((_, Ok(result))) => {
                let verdict = wrong("returned, expected a limit to be met");
                Done { verdict, shown: Shown::Returned(result) }
            }
        }
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Called, Done> {
        match exec {
            WastExecute::Invoke(invoke) => self.call(&invoke),
            WastExecute::Wat(mut module) => match encode_wat(&mut module) {
                Encoded::Bytes(bytes) => Ok((None, self.engine.instantiate(&bytes).map(|_| None))),
                Encoded::Malformed(why) => Err(failed(why)),
                Encoded::CoreModule => Err(skipped(CORE_MODULES)),
            },
            WastExecute::Get { .. } => Err(skipped("globals of core modules")),
        }
    }

    fn call(&mut self, invoke: &WastInvoke<'_>) -> Result<Called, Done> {
        let position = self.position(name(invoke.module))?;
        let instance = self.instances[position].as_mut().map_err(|missing| missing.done())?;
        let ty = match instance.func_type(invoke.name) {
            Some(Ok(ty)) => ty,
            Some(Err(stop)) => return Err(done(Err(stop))),
            None => return Err(failed(format!("no function `{}` is exported", invoke.name))),
        };
        let args = arguments(invoke, &ty).map_err(failed)?;
        let called = match instance.call(invoke.name, &args) {
            // What came back is in the script's hands, which cannot do anything with it.
            Ok(Some(_)) if ty.passes_async_values() => Err(async_values()),
            called => called,
        };
        self.called = Some(position);
        Ok((ty.result, called))
    }

    /// Where the instance of this name is, or the last one.
    fn position(&self, name: Option<String>) -> Result<usize, Done> {
        let position = match name {
            Some(name) => self.names.get(&name).copied(),
            None => self.instances.len().checked_sub(1),
        };
        position.ok_or_else(|| failed("there is no such instance"))
    }

    fn register(&mut self, name: &str, instance: Option<Id<'_>>) -> Done {
        let position = match self.position(self::name(instance)) {
            Ok(position) => position,
            Err(done) => return done,
        };
        match &mut self.instances[position] {
            Ok(instance) => {
                self.engine.register(name, &mut **instance);
                passed(Shown::Nothing)
            }
            Err(missing) => missing.done(),
        }
    }
}

/// The type of the result, if there is to be one, and what came of the call.
type Called = (Option<Type>, Result<Option<Value>, NoResult>);

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_string())
}

fn encode(module: &mut QuoteWat<'_>) -> Encoded {
    match module {
        QuoteWat::Wat(Wat::Module(_)) | QuoteWat::QuoteModule(..) => Encoded::CoreModule,
        QuoteWat::Wat(module) => encode_wat(module),
        QuoteWat::QuoteComponent(..) => encoded(|| module.encode()),
    }
}

fn encode_wat(module: &mut Wat<'_>) -> Encoded {
    match module {
        Wat::Module(_) => Encoded::CoreModule,
        Wat::Component(component) => encoded(|| component.encode()),
    }
}

fn encoded(encode: impl FnOnce() -> Result<Vec<u8>, wast::Error>) -> Encoded {
    match catch(encode) {
        Ok(Ok(bytes)) => Encoded::Bytes(bytes),
        Ok(Err(error)) => Encoded::Malformed(error.message()),
        Err(panic) => Encoded::Malformed(panic),
    }
}

fn arguments(invoke: &WastInvoke<'_>, ty: &FuncType) -> Result<Vec<Value>, String> {
    let (given, taken) = (invoke.args.len(), ty.params.len());
    if given != taken {
        return Err(format!("the script gives {given} arguments, `{}` takes {taken}", invoke.name));
    }
    let args = invoke.args.iter().zip(&ty.params);
    args.map(|(arg, ty)| values::argument(arg, ty)).collect()
}

fn async_values() -> NoResult {
    NoResult::Unsupported("async values that a script holds".to_string())
}

/// Whether a result is what the script says.
fn check_result(
    written: &[WastRet<'_>],
    ty: Option<&Type>,
    result: Option<&Value>,
) -> Result<(), String> {
    match (written, ty, result) {
        ([], None, None) => Ok(()),
        ([written], Some(ty), Some(result)) => {
            let expected = values::result(written, ty)?;
            let same = expected.same(result);
            if same { Ok(()) } else { Err(format!("returned {result:?}, expected {expected:?}")) }
        }
        (written, _, _) => {
            let count = written.len();
            Err(format!("returned {result:?}, expected {count} results"))
        }
    }
}

impl Missing {
    fn done(&self) -> Done {
        match self {
            Missing::Skipped(feature) => skipped(feature),
            Missing::Exhausted(limit) => inconclusive(limit),
            Missing::Failed(line) => skipped(&format!("it needs what failed on line {line}")),
        }
    }
}

/// What later directives are told if this one left nothing.
fn missing(done: &Done, line: usize) -> Option<Missing> {
    match &done.verdict {
        Verdict::Passed => None,
        Verdict::Failed(_) => Some(Missing::Failed(line)),
        Verdict::Skipped(feature) => Some(Missing::Skipped(feature.clone())),
        Verdict::Inconclusive(limit) => Some(Missing::Exhausted(limit.clone())),
    }
}

fn passed(shown: Shown) -> Done {
    Done { verdict: Verdict::Passed, shown }
}

fn wrong(why: &str) -> Verdict {
    Verdict::Failed(why.to_string())
}

fn failed(why: impl Into<String>) -> Done {
    Done { verdict: Verdict::Failed(why.into()), shown: Shown::Nothing }
}

fn skipped(feature: &str) -> Done {
    Done { verdict: Verdict::Skipped(feature.to_string()), shown: Shown::Nothing }
}

fn inconclusive(limit: &str) -> Done {
    Done { verdict: Verdict::Inconclusive(limit.to_string()), shown: Shown::Nothing }
}

/// Something that is to succeed.
fn done(result: Result<Option<Value>, NoResult>) -> Done {
    match result {
        Ok(value) => passed(Shown::Returned(value)),
        Err(stop) => unexpected(stop, "success"),
    }
}

/// An end that is not the wanted one: neither a missing feature nor a limit is anybody's failure.
fn unexpected(stop: NoResult, wanted: &str) -> Done {
    let verdict = match &stop {
        NoResult::Unsupported(feature) => Verdict::Skipped(feature.clone()),
        NoResult::Exhausted(limit) => Verdict::Inconclusive(limit.clone()),
        NoResult::Invalid(_)
        | NoResult::Unlinkable(_)
        | NoResult::Trapped(..)
        | NoResult::Deadlocked(_)
        | NoResult::Crashed(_) => Verdict::Failed(format!("{stop}; expected {wanted}")),
    };
    Done { verdict, shown: Shown::Stopped(stop) }
}
