//! A component that is compiled and linked, and what the engine says of it.
//! Knows nothing of calls.

use std::cell::OnceCell;
use std::sync::Arc;

use canonfuzz_typed::Data;
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Module, Store};

use super::link::linker;
use super::reflect;
use super::state::AsState;
use crate::case::Shape;
use crate::case::paths::Path;
use crate::engine::numbers::same_but_for_numbers;
use crate::observation::Outcome;

/// A component, compiled and linked.
pub struct Loaded {
    pub engine: Engine,
    pub component: Component,
    pub pre: InstancePre<Data>,
    pub shape: Arc<Shape>,
    /// Whether the engine takes the export for what it is, once that was asked.
    checked: OnceCell<Result<(), Outcome>>,
}

pub fn link(
    engine: Engine,
    component: Component,
    shape: Arc<Shape>,
    import: Path,
    puppets: &[(String, Module)],
) -> wasmtime::Result<Loaded> {
    let mut linker = linker(&engine, &shape, import)?;
    for (name, puppet) in puppets {
        linker.root().module(name, puppet)?;
    }
    let pre = linker.instantiate_pre(&component)?;
    Ok(Loaded { engine, component, pre, shape, checked: OnceCell::new() })
}

impl Loaded {
    /// Whether what the engine says of the component is what the case says.
    pub fn check_type(&self, store: &Store<Data>) -> Result<(), Outcome> {
        self.checked.get_or_init(|| self.reflected(store)).clone()
    }

    fn reflected(&self, store: &Store<Data>) -> Result<(), Outcome> {
        let export = store.data().state().export.expect("set before the first call");
        let exported = reflect::func_type(&mut reflect::Resources::default(), &export.ty(store));
        let ty = self.component.component_type();
        let imported = reflect::import(&self.engine, &ty);
        let ours = &self.shape.guests[0].export.ty;
        let others = self.shape.last().import.as_ref().map(|import| &import.ty).zip(imported);
        for (name, ours, theirs) in [Some(("export", ours, exported))]
            .into_iter()
            .chain([others.map(|(ours, theirs)| ("import", ours, theirs))])
            .flatten()
        {
            let theirs = theirs.map_err(Outcome::Refused)?;
            if same_but_for_numbers(ours, &theirs).is_none() {
                return Err(Outcome::Refused(format!("the {name} is said to be {theirs:?}")));
            }
        }
        Ok(())
    }
}
