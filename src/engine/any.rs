//! The host of a component from anywhere: what it answers, what it saw and which handles it holds.
//! Knows nothing of engines, nor of how answers are chosen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::holdings::Holdings;
use super::host::change_handles;
use crate::abi::MAX_LIFTED;
use crate::component::definition::{Decoded, Import};
use crate::observation::Seen;
use crate::types::{FuncType, Handle, Resource, Type};
use crate::value::{Str, Value};

/// What a function of the host's answers, by its path, its type and how many calls came before.
pub type Answers = Arc<dyn Fn(&str, &FuncType, u64) -> Option<Value> + Send + Sync>;

/// What a component asks of its host, by the paths of imports.
#[derive(Default)]
pub struct Imports {
    pub funcs: BTreeMap<String, FuncType>,
    pub resources: BTreeMap<Resource, String>,
    /// Where they are asked for, which may be in several places.
    pub resource_paths: Vec<(String, Resource)>,
}

/// The host, as long as an instance lives. `H` is an engine's own handle of a guest's resource.
pub struct AnyHost<H> {
    pub imports: Arc<Imports>,
    answers: Answers,
    calls: u64,
    /// How much it was told, as lifting counts it.
    told: u64,
    seen: Vec<Seen>,
    pub holdings: Holdings<H>,
}

/// For a host that is never asked.
pub fn no_answers() -> Answers {
    Arc::new(|_, _, _| None)
}

impl Imports {
    /// What the root of a decoded component asks for.
    pub fn of(decoded: &Decoded) -> Imports {
        let mut imports = Imports::default();
        decoded.imports.iter().for_each(|(name, import)| imports.list(name.clone(), import));
        imports
    }

    fn list(&mut self, path: String, import: &Import) {
        match import {
            Import::Func(signature) => {
                self.funcs.insert(path, signature.ty().clone());
            }
            Import::Resource(resource) => {
                self.resources.entry(*resource).or_insert_with(|| path.clone());
                self.resource_paths.push((path, *resource));
            }
            Import::Instance(items) => {
                items.iter().for_each(|(name, item)| self.list(format!("{path}#{name}"), item));
            }
            Import::Module | Import::Component | Import::Type => {}
        }
    }
}

impl<H: Copy> AnyHost<H> {
    /// A host that holds nothing.
    pub fn new(imports: Arc<Imports>, answers: Answers) -> AnyHost<H> {
        let holdings = Holdings::none();
        AnyHost { imports, answers, calls: 0, told: 0, seen: Vec::new(), holdings }
    }

    /// A host that offers nothing.
    pub fn nobody() -> AnyHost<H> {
        AnyHost::new(Arc::default(), no_answers())
    }

    /// Whether the host bears to be told these as well: it keeps all that it is told.
    pub fn bears(&mut self, args: &[Value]) -> bool {
        self.told = args.iter().map(weight).fold(self.told, u64::saturating_add);
        self.told <= MAX_LIFTED
    }

    /// Notes a call of an import and answers it.
    pub fn called(&mut self, import: &str, args: Vec<Value>) -> Option<Value> {
        self.seen.push(Seen::Called { import: import.to_string(), args });
        self.calls += 1;
        (self.answers)(import, &self.imports.funcs[import], self.calls - 1)
    }

    /// Notes that the guest dropped what it owned of a resource of the host's.
    pub fn dropped(&mut self, resource: Resource, rep: u32) {
        self.seen.push(Seen::Dropped { resource, rep });
    }

    /// What it saw since it was last asked.
    pub fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// Whether the host defines this resource.
    pub fn defines(&self, resource: Resource) -> bool {
        self.imports.resources.contains_key(&resource)
    }
}

/// What lifting a value counts.
fn weight(value: &Value) -> u64 {
    let bytes = if let Value::String(Str { text, .. }) = value {
        text.len() / 16
    } else if let Value::Bytes(bytes) = value {
        bytes.len() / 32
    } else {
        0
    };
    let bytes = u64::try_from(bytes).expect("a length fits in 64 bits");
    value.parts().iter().map(weight).fold(1 + bytes, u64::saturating_add)
}

impl AnyHost<u32> {
    /// Arguments with the representation for every handle, where they have the host's numbers.
    pub fn give(&mut self, args: &[Value], types: &[Type]) -> Vec<Value> {
        let give = &mut |handle: &Handle, number| {
            match handle {
                Handle::Own(resource) if !self.defines(*resource) => self.holdings.take(number),
                Handle::Borrow(resource) if !self.defines(*resource) => self.holdings.held(number),
                Handle::Own(_) | Handle::Borrow(_) => None,
                Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => None,
            }
            .map_or(number, |held| held.handle)
        };
        args.iter().zip(types).map(|(value, ty)| change_handles(value, ty, give)).collect()
    }

    /// The host's number for every handle, where a result has representations.
    pub fn take_result(&mut self, result: &Value, ty: &Type) -> Value {
        change_handles(result, ty, &mut |handle, rep| match handle.resource() {
            Some(resource) if !self.defines(resource) => self.holdings.receive(resource, rep),
            Some(_) | None => rep,
        })
    }
}
