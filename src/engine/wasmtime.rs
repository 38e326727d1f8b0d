//! The subject: a Wasmtime release, driven through its dynamic interface.
//! Records what it shows; knows of `abi` only the names of traps. All that differs between
//! releases is in here.

pub mod any;

mod run;

mod answer;
mod call;
pub mod core;
mod link;
mod loaded;
mod pass;

mod config;
pub mod fault;
mod functions;
mod reflect;
pub mod script;
mod spoil;
mod state;
mod trap;
pub mod typed;
pub mod val;
mod wait;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use lru::LruCache;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use self::config::Configuration;
use self::functions::Functions;
use self::loaded::link;
use self::typed::Family;
use crate::case::Case;
use crate::case::allowed::{self, Allowed};
use crate::case::check::{self, Feature};
use crate::case::paths::Mode;
use crate::component::crash::catch;
use crate::encode::Puppets;
use crate::engine::puppets::PuppetCache;
use crate::observation::Outcome;

pub use config::Setup;
pub use loaded::Loaded;
pub use run::{Run, instantiate};

/// The version that this program was built with.
pub const VERSION: &str = env!("CANONFUZZ_WASMTIME");

/// Whether it has debug assertions.
pub const ASSERTIONS: bool = cfg!(debug_assertions);

/// Engines that are kept: for most of what is drawn, and each has a pool of memories that stay resident.
const ENGINES: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// The engines of a subject, one for each configuration that was asked for last.
pub struct Subject {
    engines: LruCache<Configuration, Configured>,
    /// What they share, if there are to be many shapes.
    functions: Option<Arc<Functions>>,
}

/// Why a component could not be loaded.
pub type NotLoaded = Outcome;

/// An engine, and the puppets that it has compiled.
struct Configured {
    engine: Engine,
    puppets: PuppetCache<Module>,
}

/// Whether this version has a feature.
pub fn supports(feature: Feature) -> bool {
    match feature {
        Feature::Map => cfg!(wasmtime_44),
        Feature::FixedLengthList => cfg!(wasmtime_48),
        Feature::Memory64 => cfg!(wasmtime_48),
        // Since 41 the type of the function has to say so.
        Feature::ConcurrentImport => !cfg!(wasmtime_41),
        Feature::AsyncFunction => cfg!(wasmtime_41),
    }
}

/// The features that this version has.
pub fn features() -> BTreeSet<Feature> {
    let all = [
        Feature::Map,
        Feature::FixedLengthList,
        Feature::Memory64,
        Feature::ConcurrentImport,
        Feature::AsyncFunction,
    ];
    all.into_iter().filter(|feature| supports(*feature)).collect()
}

/// What cases for this version may have.
pub fn allowed() -> Allowed {
    static SIGNATURES: LazyLock<Arc<[allowed::Signature]>> =
        LazyLock::new(|| typed::signatures().map(typed::described).collect());
    Allowed { features: features(), signatures: SIGNATURES.clone() }
}

impl Subject {
    /// A subject for components that have their puppets from here. Where they import them, compiled functions
    /// are kept; one that contains them is compiled as everyone's would be.
    pub fn new(puppets: Puppets) -> Subject {
        let functions = match puppets {
            Puppets::Imported => Some(Arc::default()),
            Puppets::Contained => None,
        };
        Subject { engines: LruCache::new(ENGINES), functions }
    }

    /// Compiles and links a component. What is known of the same shape is not compiled again.
    pub fn load<'a>(
        &mut self,
        case: &Case,
        bytes: impl FnOnce() -> Vec<u8>,
        puppets: Puppets,
        known: impl IntoIterator<Item = &'a Loaded>,
    ) -> Result<Loaded, NotLoaded> {
        let missing = check::features(case).into_iter().find(|feature| !supports(*feature));
        if let Some(feature) = missing {
            return Err(Outcome::Unsupported(feature.name().to_string()));
        }
        check_typed(case)?;
        // Until 41, an engine for async functions was one for calls that are awaited.
        let waits = case.paths.call.mode == Mode::Sync && case.shape.any_async();
        if waits && !cfg!(wasmtime_42) {
            return Err(Outcome::Unsupported("waiting for async functions".to_string()));
        }
        let setup = Setup::of(case);
        let Configured { engine, puppets: compiled } = self.configured(setup.configuration)?;
        // What was compiled by an engine that is not kept any more, this one does not take.
        let known = known.into_iter().find(|loaded| Engine::same(&loaded.engine, engine));
        let loaded = catch(|| {
            let component = match known {
                Some(loaded) => loaded.component.clone(),
                None => Component::from_binary(engine, &bytes())?,
            };
            let puppets = match puppets {
                Puppets::Contained => Vec::new(),
                Puppets::Imported => {
                    compiled.of(&case.shape, |bytes| Module::from_binary(engine, bytes))?
                }
            };
            link(engine.clone(), component, Arc::new(case.shape.clone()), setup.import, &puppets)
        });
        match loaded {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(Outcome::Refused(format!("{error:#}"))),
            Err(panic) => Err(Outcome::Crashed(panic)),
        }
    }

    fn configured(&mut self, configuration: Configuration) -> Result<&mut Configured, NotLoaded> {
        let functions = self.functions.clone();
        self.engines.try_get_or_insert_mut(configuration, || {
            let engine = config::engine(configuration, functions);
            let engine = engine.map_err(|error| Outcome::Refused(format!("{error:#}")))?;
            Ok(Configured { engine, puppets: PuppetCache::default() })
        })
    }
}

/// Whether there are static types for a case that wants some.
fn check_typed(case: &Case) -> Result<(), NotLoaded> {
    let Case { shape, paths, .. } = case;
    let call = paths.call.api.is_typed() && typed::of_call(shape, paths.call).is_none();
    let import = paths.import.api.is_typed() && typed::of_import(shape, paths.import).is_none();
    if call || import {
        return Err(Outcome::Unsupported("static types for the function".to_string()));
    }
    Ok(())
}

/// Whether the host looks at some of what it is passed only when the engine is done with the rest, so
/// that of two faults it may meet the later one first.
pub fn looks_late(case: &Case) -> bool {
    let Case { shape, paths, .. } = case;
    let typed = [typed::of_call(shape, paths.call), typed::of_import(shape, paths.import)];
    typed.into_iter().flatten().any(|signature| signature.lazy)
}

/// Whether the host is passed handles as values of any resource, rather than as values of one type for each.
pub fn any_handles(case: &Case) -> bool {
    let signature = typed::of_import(&case.shape, case.paths.import);
    signature.is_none_or(|signature| signature.family == Family::ResourceAny)
}
