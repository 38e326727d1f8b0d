//! What names and indices stand for in a component that is being instantiated, and what a host gives.
//! Knows nothing of the order in which definitions are carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use canonical_abi::ResourceType;
use canonical_abi::machine::{Destructor, Func, HostFunc, ResourceTypes};
use canonical_abi::types::Resource;

use super::definition::{Component, Decoded, Import};
use super::module::CoreModule;
use super::refusal::Refusal;
use super::state::State;

/// What an index of a component's index space, or a name, stands for.
#[derive(Clone)]
pub enum Thing {
    Func(Func),
    Module(CoreModule),
    Component(Closure),
    Instance(Arc<Exports>),
    Resource(ResourceType),
    Type,
}

pub type Exports = BTreeMap<String, Thing>;

/// A component and what is around it.
#[derive(Clone)]
pub struct Closure {
    pub component: Arc<Component>,
    pub outer: Option<Arc<Outer>>,
}

/// What nested components may alias.
pub struct Outer {
    pub modules: Vec<CoreModule>,
    pub components: Vec<Closure>,
    pub outer: Option<Arc<Outer>>,
}

/// What the host gives to the root.
pub fn imports<T>(
    state: &mut State<T>,
    decoded: &Decoded,
    modules: &[(String, CoreModule)],
) -> Result<Exports, Refusal> {
    let mut resources = vec![None; decoded.root.resources];
    for (name, import) in &decoded.imports {
        give_resources(state, name, import, &mut resources);
    }
    let resources = Arc::new(resources);
    let things = decoded
        .imports
        .iter()
        .map(|(name, import)| Ok((name.clone(), give(name, import, &resources, modules)?)));
    things.collect()
}

/// Makes a resource type for each that is asked for, and has none yet.
fn give_resources<T>(
    state: &mut State<T>,
    path: &str,
    import: &Import,
    resources: &mut [Option<ResourceType>],
) {
    match import {
        Import::Resource(resource) => {
            let known = &mut resources[position(*resource)];
            known.get_or_insert_with(|| {
                state.machine.resource_type(None, Destructor::Host(path.into()))
            });
        }
        Import::Instance(items) => {
            for (name, item) in items {
                give_resources(state, &format!("{path}#{name}"), item, resources);
            }
        }
        Import::Func(_) | Import::Type | Import::Module | Import::Component => {}
    }
}

/// What the host gives for an import: functions of its own, its resource types, and core modules.
fn give(
    path: &str,
    import: &Import,
    resources: &ResourceTypes,
    modules: &[(String, CoreModule)],
) -> Result<Thing, Refusal> {
    Ok(match import {
        Import::Func(signature) => {
            let (path, signature) = (path.to_string(), signature.clone());
            let resources = resources.clone();
            Thing::Func(Func::Host(Arc::new(HostFunc { path, signature, resources })))
        }
        Import::Resource(resource) => {
            Thing::Resource(resources[position(*resource)].expect("all were given"))
        }
        Import::Instance(items) => {
            let items = items.iter().map(|(name, item)| {
                Ok((name.clone(), give(&format!("{path}#{name}"), item, resources, modules)?))
            });
            Thing::Instance(Arc::new(items.collect::<Result<_, Refusal>>()?))
        }
        Import::Type => Thing::Type,
        Import::Module => match modules.iter().find(|(known, _)| known == path) {
            Some((_, module)) => Thing::Module(module.clone()),
            None => {
                let what = format!("the import of a core module, `{path}`");
                return Err(Refusal::unsupported(what));
            }
        },
        Import::Component => {
            return Err(Refusal::unsupported(format!("the import of a component, `{path}`")));
        }
    })
}

fn position(resource: Resource) -> usize {
    usize::try_from(resource).expect("an index fits")
}

/// Lists functions by their paths.
pub fn list(prefix: &str, exports: &Exports, funcs: &mut BTreeMap<String, Func>) {
    for (name, thing) in exports {
        match thing {
            Thing::Func(func) => {
                funcs.insert(format!("{prefix}{name}"), func.clone());
            }
            Thing::Instance(exports) => list(&format!("{prefix}{name}#"), exports, funcs),
            Thing::Module(_) | Thing::Component(_) | Thing::Resource(_) | Thing::Type => {}
        }
    }
}

pub fn named(thing: Option<Thing>, name: &str) -> Result<Thing, Refusal> {
    thing.ok_or_else(|| Refusal::invalid(format!("nothing is named {name}")))
}

/// The resource type that these exports lead to.
pub fn resource_in(thing: &Thing, path: &[String]) -> ResourceType {
    match (thing, path) {
        (Thing::Resource(rt), []) => *rt,
        (Thing::Instance(exports), [name, rest @ ..]) => resource_in(&exports[name], rest),
        _ => unreachable!("the component was validated"),
    }
}
