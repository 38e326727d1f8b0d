//! What a decoded component is made of: definitions, each of which adds to an index space.
//! Knows no binary format and nothing of running.

use std::ops::Range;
use std::sync::Arc;

use canonical_abi::types::{FuncType, Resource};
use canonical_abi::{BuiltIn, CoreType, Signature, StringEncoding};
use wasmparser::ExternalKind;

/// A decoded component with all that is nested in it.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Core modules, wherever they are nested, as ranges of the component's bytes.
    pub modules: Vec<Range<usize>>,
    pub root: Arc<Component>,
    /// What has to be given to the root, in order.
    pub imports: Vec<(String, Import)>,
    /// The functions that the root exports, and those in instances that it exports, by their paths.
    pub exports: Vec<(String, FuncType)>,
}

/// A component. Types are resolved where they are used; each resource type that they mention has a
/// number in the component.
#[derive(Debug, Default)]
pub struct Component {
    pub definitions: Vec<Definition>,
    /// How many resource types there are.
    pub resources: usize,
}

/// One definition that instantiation carries out.
#[derive(Debug)]
pub enum Definition {
    /// A position in `Decoded::modules`.
    CoreModule(usize),
    CoreInstantiate {
        module: u32,
        args: Vec<(String, u32)>,
    },
    CoreExports(Vec<(String, ExternalKind, u32)>),
    CoreAlias {
        instance: u32,
        kind: ExternalKind,
        name: Arc<str>,
    },
    Component(Arc<Component>),
    Instantiate {
        component: u32,
        args: Vec<(String, Item)>,
        found: Vec<Found>,
    },
    /// An instance put together from what is there already.
    Exports(Vec<(String, Item)>),
    Alias {
        instance: u32,
        name: String,
        found: Vec<Found>,
    },
    OuterModule {
        count: u32,
        index: u32,
    },
    OuterComponent {
        count: u32,
        index: u32,
    },
    Import {
        name: String,
        found: Vec<Found>,
    },
    Resource {
        resource: Resource,
        destructor: Option<u32>,
    },
    Lift {
        core_func: u32,
        signature: Arc<Signature>,
        opts: CanonOpts,
    },
    Lower {
        func: u32,
        opts: CanonOpts,
    },
    BuiltIn(Box<MadeFor>),
    /// An export adds to the index space, too.
    Export {
        name: String,
        item: Item,
        found: Vec<Found>,
    },
}

/// Something in an index space.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    Func(u32),
    Module(u32),
    Component(u32),
    Instance(u32),
    Resource(Resource),
    /// Any other type: nothing that is there when a component runs.
    Type,
}

/// A resource type that comes with a new item: the exports that lead to it, none where it is the
/// item itself, and its number.
#[derive(Clone, Debug)]
pub struct Found {
    pub path: Vec<String>,
    pub resource: Resource,
}

/// What an import of the root asks for.
#[derive(Clone, Debug)]
pub enum Import {
    Func(Arc<Signature>),
    Resource(Resource),
    Instance(Vec<(String, Import)>),
    Module,
    Component,
    Type,
}

/// Canonical options, as indices.
#[derive(Clone, Copy, Debug)]
pub struct CanonOpts {
    pub string_encoding: StringEncoding,
    pub memory: Option<u32>,
    pub realloc: Option<u32>,
    pub post_return: Option<u32>,
    pub is_async: bool,
    pub callback: Option<u32>,
}

/// A built-in, and what it is made for, as far as it is made for that.
#[derive(Debug)]
pub struct MadeFor {
    pub which: BuiltIn,
    pub opts: CanonOpts,
    /// Its result is the type that the built-in is made for: of the elements of a stream or future, or of what a
    /// task returns.
    pub signature: Arc<Signature>,
    pub resource: Resource,
    pub slot: usize,
    /// Of what is in the slot, or of the param of a new thread's function.
    pub slot_type: CoreType,
    pub table: Option<u32>,
}

impl Default for CanonOpts {
    fn default() -> CanonOpts {
        CanonOpts {
            string_encoding: StringEncoding::Utf8,
            memory: None,
            realloc: None,
            post_return: None,
            is_async: false,
            callback: None,
        }
    }
}

impl MadeFor {
    pub fn nothing(which: BuiltIn) -> MadeFor {
        MadeFor {
            which,
            opts: CanonOpts::default(),
            signature: Arc::new(FuncType::default().into()),
            resource: 0,
            slot: 0,
            slot_type: CoreType::I32,
            table: None,
        }
    }

    /// The same, which does not wait if it is async.
    pub fn awaiting(self, is_async: bool) -> MadeFor {
        MadeFor { opts: CanonOpts { is_async, ..self.opts }, ..self }
    }
}
