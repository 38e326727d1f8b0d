//! A case: the types of some guests, how they behave, and what the host passes and answers.
//! Knows nothing of component bytes, of engines or of chance.

pub mod allowed;
pub mod bytes;
pub mod check;
mod kind;
pub mod misuse;
pub mod noise;
pub mod parts;
pub mod paths;
mod script;
pub mod text;
mod tuning;

use serde::{Deserialize, Serialize};

use crate::abi::built_in::Immediate;
use crate::abi::{BuiltIn, PtrType, StringEncoding};
use crate::types::{self, FuncType, Type};
use crate::value::Value;

pub use kind::CaseKind;
use misuse::Misuse;
use paths::Paths;
pub use script::{
    Act, Answer, BuiltInCall, Chunk, End, Entry, ImportCall, Part, Passed, Patch, Pointer, Script,
    Turn,
};
pub use tuning::Tuning;

/// The name of a function: the first guest's export comes first, then what each guest imports.
pub fn function_name(number: usize) -> &'static str {
    ["f", "g", "h", "i", "j"][number]
}

const _: () = assert!(Limits::CASE.guests < 5, "each guest and the host have a function");

/// One document: everything that decides what a run may show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    pub tuning: Tuning,
    pub paths: Paths,
    pub shape: Shape,
    /// The host's calls of the first guest's export, one after the other on one instance.
    pub calls: Vec<Call>,
}

/// Where in the guest's memory the data that it hands over begins; after it comes the heap that
/// `realloc` gives away.
pub const GUEST_DATA: u32 = 1024;

/// What decides the bytes of the component.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// At least one. The host calls the first; what a guest imports is what the next one exports, and
    /// what the last one imports is the host's.
    pub guests: Vec<Guest>,
    /// The resource types: the numbers in the types are positions here.
    pub resources: Vec<Resource>,
}

/// A guest, as its component has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guest {
    /// Its function.
    pub export: Function,
    /// The function that it calls.
    pub import: Option<Function>,
    /// Whether its memory has addresses of 32 or of 64 bits.
    pub ptr_type: PtrType,
    pub pages: Pages,
    /// A core module that acts in the puppet's place, as far as it exports what `noise` names.
    pub noise: Option<Vec<u8>>,
}

/// A resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// Imported. Its representations are what the host makes of them.
    Host,
    /// Defined by the guest of this number, and exported. Only it and the guests before it know of it.
    Guest { by: u32, destructor: bool },
}

/// A component function and how it is lifted (the export) or lowered (the import).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    pub ty: FuncType,
    pub opts: CanonOpts,
}

/// The canonical options that are given. An import has no `post-return`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonOpts {
    pub string_encoding: StringEncoding,
    pub memory: bool,
    /// Needs `memory`.
    pub realloc: bool,
    pub post_return: bool,
}

/// The size of the guest's memory, in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pages {
    pub initial: u32,
    pub maximum: u32,
}

/// One call of the first guest's export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub args: Vec<Value>,
    /// What each guest does.
    pub scripts: Vec<Script>,
    /// Which handles the host drops after the call has returned. A handle of a guest's resource is,
    /// for the host, the number of own handles that it had received on this instance before it.
    pub host_drops: Vec<u32>,
    pub manner: Manner,
}

/// How the host makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Manner {
    Once,
    /// Once more with the same arguments, before anyone looks into the guest: where calls may be
    /// concurrent, both are under way at the same time.
    Twice,
    /// With a mistake in using the engine's interface.
    Misused(Misuse),
}

impl Shape {
    /// Whether the host defines the resource of this number.
    pub fn is_host(&self, resource: types::Resource) -> bool {
        is_host(&self.resources, resource)
    }

    /// Which guest defines the resource of this number; none does for one of the host's.
    pub fn definer(&self, resource: types::Resource) -> Option<usize> {
        let position = usize::try_from(resource).ok()?;
        match self.resources.get(position)? {
            Resource::Host => None,
            Resource::Guest { by, .. } => usize::try_from(*by).ok(),
        }
    }

    /// Whether the guest of this number knows a resource: the host's, and those that it or a guest
    /// after it defines.
    pub fn knows(&self, guest: usize, resource: types::Resource) -> bool {
        self.is_host(resource) || self.definer(resource).is_some_and(|by| by >= guest)
    }

    /// The guest that calls the host.
    pub fn last(&self) -> &Guest {
        self.guests.last().expect("a shape has a guest")
    }

    /// Whether what the guest of this number imports is the next guest's.
    pub fn calls_guest(&self, guest: usize) -> bool {
        guest + 1 < self.guests.len()
    }

    /// Whether the host's function is async.
    pub fn awaits_import(&self) -> bool {
        let last = self.guests.last().and_then(|last| last.import.as_ref());
        last.is_some_and(|import| import.ty.is_async)
    }

    /// The built-ins that a guest may call, each with the resource type that it is made for. Validation lets
    /// only those who define a resource make its handles and look into them.
    pub fn built_ins(&self, guest: usize) -> impl Iterator<Item = (BuiltIn, types::Resource)> {
        (0..).zip(&self.resources).flat_map(move |(resource, _)| {
            let all = BuiltIn::OF_RESOURCES.into_iter();
            all.filter(move |which| self.may_call(guest, *which, resource))
                .map(move |which| (which, resource))
        })
    }

    /// Whether a guest may call this built-in, made for this resource type.
    pub fn may_call(&self, guest: usize, which: BuiltIn, resource: types::Resource) -> bool {
        let Immediate::Resource { defined } = which.row().of else { return false };
        match defined {
            true => self.definer(resource) == Some(guest),
            false => self.knows(guest, resource),
        }
    }

    /// Whether a guest does what nobody scripted.
    pub fn is_noisy(&self) -> bool {
        self.guests.iter().any(|guest| guest.noise.is_some())
    }

    /// Whether any function is async.
    pub fn any_async(&self) -> bool {
        let mut functions = self.guests.iter().flat_map(Guest::functions);
        functions.any(|(_, function)| function.ty.is_async)
    }
}

impl Function {
    /// One that takes and returns nothing, and has no options.
    pub fn empty() -> Function {
        let opts = CanonOpts {
            string_encoding: StringEncoding::Utf8,
            memory: false,
            realloc: false,
            post_return: false,
        };
        Function { ty: FuncType::default(), opts }
    }
}

impl Pages {
    /// One page that stays one.
    pub const ONE: Pages = Pages { initial: 1, maximum: 1 };
}

impl Guest {
    /// One that does nothing.
    pub fn empty() -> Guest {
        let (export, ptr_type, pages) = (Function::empty(), PtrType::I32, Pages::ONE);
        Guest { export, import: None, ptr_type, pages, noise: None }
    }

    /// The functions that it lifts and lowers, with their names in errors.
    pub fn functions(&self) -> impl Iterator<Item = (&'static str, &Function)> {
        let export = [("export", &self.export)].into_iter();
        export.chain(self.import.iter().map(|import| ("import", import)))
    }

    /// Whether it has a memory that anybody else can see.
    pub fn has_memory(&self) -> bool {
        self.functions().any(|(_, function)| function.opts.memory)
    }

    /// The types of the import's params and results; none where there is no import.
    pub fn types_of_import(&self) -> (&[Type], &[Type]) {
        let import = self.import.as_ref();
        import.map_or((&[], &[]), |import| (&import.ty.params[..], import.ty.results()))
    }
}

/// Whether the host defines the resource of this number among these.
pub fn is_host(resources: &[Resource], resource: types::Resource) -> bool {
    let position = usize::try_from(resource).ok();
    let defined = position.and_then(|position| resources.get(position));
    defined.is_some_and(|resource| *resource == Resource::Host)
}

/// Bounds on a case, whoever made it. Passed explicitly, so that each user says what it can bear.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nesting of types. Text, encoder and reference recurse on it; WIT refuses 100.
    pub type_depth: u32,
    /// The first calls the second, and so on: each is a component with three core instances.
    pub guests: u32,
    /// Types in one function, each counted as often as it occurs, and members without a type:
    /// bounds the component's size.
    pub type_nodes: u32,
    /// Members of one record, tuple, variant or enum; wasm validation refuses more than 10,000.
    pub members: u32,
    /// Params of one function; wasm validation refuses more than 1,000.
    pub params: u32,
    /// Bytes of one value in memory, without what it points to: lists of fixed length multiply, and
    /// what exceeds the memory shows nothing.
    pub type_bytes: u32,
    /// Values, patches and chunks in the whole case: bounds what one run costs.
    pub value_nodes: u32,
    /// Bytes of all labels, strings and raw memory in the case.
    pub payload_bytes: u32,
    /// Calls of the export.
    pub calls: u32,
    /// Acts of one turn of a guest.
    pub steps: u32,
    /// Handles that the host drops after one call of the export.
    pub host_drops: u32,
    /// How often the host's function is polled in vain.
    pub polls: u32,
    /// Resource types: each of the host's is a type of its own in the engines.
    pub resources: u32,
    /// Scripted calls of one guest's `realloc` within one call of the first's export.
    pub reallocs: u32,
    /// A guest's memory: a dump copies all of it after each call.
    pub pages: u32,
    /// Bytes of all core modules that nobody scripted: compiling them is most of what a run costs.
    pub noise_bytes: u32,
}

impl Limits {
    /// What every part of this program can bear.
    pub const CASE: Limits = Limits {
        type_depth: 90,
        guests: 4,
        type_nodes: 12_000,
        members: 10_000,
        params: 1_000,
        type_bytes: 524_288,
        value_nodes: 40_000,
        payload_bytes: 65_536,
        calls: 16,
        steps: 16,
        host_drops: 16,
        polls: 4,
        resources: 4,
        reallocs: 64,
        pages: 8,
        noise_bytes: 32_768,
    };
}
