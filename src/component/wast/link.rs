//! What components may import from their script's world, and whether it is what they ask for.
//! Knows types only: what a function does is for others.

use std::collections::BTreeMap;

use canonical_abi::types::{FuncType, Handle, Resource, Type};
use wasm_encoder::{Component, ComponentSectionId, RawSection};
use wasmparser::Validator;
use wasmparser::component_types::{ComponentCoreModuleTypeId, ComponentEntityType, SubtypeCx};
use wasmparser::types::TypesRef;

use super::engine::NoResult;
use crate::CoreModule;
use crate::decode::{decode, features};
use crate::definition::{Decoded, Import};

/// Something that may be imported.
pub enum Offer {
    Func(FuncType),
    /// With the resource type's number among all of this world.
    Resource(Resource),
    Module(CoreModule),
    Instance(BTreeMap<String, Offer>),
}

/// All of it, by name.
pub type Offers = BTreeMap<String, Offer>;

/// The core modules that a component is given for its imports, by their paths; or why there is something that
/// nobody offers.
pub fn link(bytes: &[u8], offers: &Offers) -> Result<Vec<(String, CoreModule)>, NoResult> {
    let decoded = decode(bytes)?;
    let modules = linked(&decoded, bytes, offers);
    modules.map_err(NoResult::Unlinkable)
}

fn linked(
    decoded: &Decoded,
    bytes: &[u8],
    offers: &Offers,
) -> Result<Vec<(String, CoreModule)>, String> {
    let mut linker = Linker { bound: BTreeMap::new(), modules: Vec::new() };
    for (name, import) in &decoded.imports {
        linker.link(name.clone(), import, offers.get(name))?;
    }
    linker.modules.iter().try_for_each(|(path, module)| check_module(bytes, path, module))?;
    Ok(linker.modules)
}

struct Linker {
    /// The world's resource types behind those of the component.
    bound: BTreeMap<Resource, Resource>,
    modules: Vec<(String, CoreModule)>,
}

impl Linker {
    fn link(&mut self, path: String, asked: &Import, offer: Option<&Offer>) -> Result<(), String> {
        match (asked, offer) {
            (Import::Type, _) => Ok(()),
            (Import::Func(signature), Some(Offer::Func(ty))) => {
                let mut asked = signature.ty().clone();
                let types = asked.params.iter_mut().chain(&mut asked.result);
                types.for_each(|ty| self.rename(ty));
                let same = asked == *ty;
                if same { Ok(()) } else { Err(format!("`{path}` is offered with another type")) }
            }
            (Import::Resource(resource), Some(Offer::Resource(offered))) => {
                let bound = *self.bound.entry(*resource).or_insert(*offered);
                let same = bound == *offered;
                if same { Ok(()) } else { Err(format!("`{path}`: mismatched resource types")) }
            }
            // It is the same as one that is given already.
            (Import::Resource(resource), None) if self.bound.contains_key(resource) => Ok(()),
            (Import::Module, Some(Offer::Module(module))) => {
                self.modules.push((path, module.clone()));
                Ok(())
            }
            (Import::Instance(items), Some(Offer::Instance(offers))) => {
                self.link_all(&path, items, |name| offers.get(name))
            }
            // Nobody has to offer what has nothing in it.
            (Import::Instance(items), None) => self.link_all(&path, items, |_| None),
            (asked, None) => Err(format!("nobody offers the {} `{path}`", word(asked))),
            (asked, Some(offer)) => {
                let (asked, offered) = (word(asked), offered(offer));
                Err(format!("`{path}` is asked for as a {asked} and offered as a {offered}"))
            }
        }
    }

    fn link_all<'a>(
        &mut self,
        path: &str,
        items: &[(String, Import)],
        offer: impl Fn(&str) -> Option<&'a Offer>,
    ) -> Result<(), String> {
        items
            .iter()
            .try_for_each(|(name, item)| self.link(format!("{path}#{name}"), item, offer(name)))
    }

    /// Resource types as the world numbers them. Whoever uses one has imported it before.
    fn rename(&self, ty: &mut Type) {
        if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
            *resource = self.bound.get(resource).copied().unwrap_or(Resource::MAX);
        }
        ty.children_mut().into_iter().for_each(|child| self.rename(child));
    }
}

fn word(asked: &Import) -> &'static str {
    match asked {
        Import::Func(_) => "function",
        Import::Resource(_) => "resource type",
        Import::Instance(_) => "instance",
        Import::Module => "core module",
        Import::Component => "component",
        Import::Type => "type",
    }
}

fn offered(offer: &Offer) -> &'static str {
    match offer {
        Offer::Func(_) => "function",
        Offer::Resource(_) => "resource type",
        Offer::Module(_) => "core module",
        Offer::Instance(_) => "instance",
    }
}

/// Whether a core module is a subtype of what a component imports it as.
fn check_module(component: &[u8], path: &str, module: &CoreModule) -> Result<(), String> {
    let mut around = Component::new();
    around.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: &module.bytes });
    around.section(&RawSection { id: ComponentSectionId::Component.into(), data: component });
    let mut validator = Validator::new_with_features(features());
    let types = validator.validate_all(&around.finish()).expect("both are valid");
    let types = types.as_ref();
    let asked = asked_module(types, path).expect("the component imports it");
    let fits = SubtypeCx::new_with_refs(types, types).module_type(types.module_at(0), asked, 0);
    fits.map_err(|error| format!("`{path}`: {}", error.message()))
}

/// The type of the core module that the only component imports under a path.
fn asked_module(types: TypesRef<'_>, path: &str) -> Option<ComponentCoreModuleTypeId> {
    let mut names = path.split('#');
    let mut ty = types[types.component_at(0)].imports.get(names.next()?)?.ty;
    for name in names {
        let ComponentEntityType::Instance(id) = ty else { return None };
        ty = types[id].exports.get(name)?.ty;
    }
    let ComponentEntityType::Module(id) = ty else { return None };
    Some(id)
}
