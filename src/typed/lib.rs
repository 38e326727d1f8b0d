//! Static types for a fixed family of signatures, and calls by them: Wasmtime's typed interface.
//! Knows nothing of cases, scripts or the reference; of the host, who holds which handles.
//!
//! A crate of its own, because all of it is code for one type each: it is compiled once for a build,
//! rather than with each crate of ours, and without being optimised.

#[macro_use]
mod derive;
mod form;
mod handle;
pub mod handles;
mod list;
mod path;
mod text;
mod tuple;

mod compound;
mod flag;
mod plain;
mod random;
mod record;
mod resource;
mod small;
mod tuples;
mod variant;

use std::any::Any;
use std::sync::Arc;

use canonical_abi::types::{self, FuncType};
use canonical_abi::value::{self, Value};
use wasmtime::component::{Accessor, Func, LinkerInstance, ResourceAny};
use wasmtime::{AsContext, Result, StoreContextMut};

use self::path::Paths;
use self::tuple::Params;

pub use self::path::{Called, post_return, post_return_async};

/// What a store carries: its host.
pub struct Data(pub Box<dyn Host>);

/// Who holds which handles, as a host knows it.
pub trait Host: Any + Send + Sync {
    /// Whether the host defines this resource. What it passes of one that it does not define it has to
    /// hold.
    fn defines(&self, resource: types::Resource) -> bool;
    /// The handle that it holds under this number.
    fn held(&self, number: u32) -> ResourceAny;
    /// From now on it holds this handle; answers under which number.
    fn receive(&mut self, resource: types::Resource, handle: ResourceAny) -> u32;
    /// What is given away with the arguments of the call that begins is no longer held.
    fn give(&mut self);
}

/// A function type together with the Rust types that stand for it.
pub struct Signature {
    pub family: Family,
    /// Whether what it lifts is, in part, only looked at once the engine is done with the rest: views of
    /// strings and lists find a fault in a guest's data late, and after another that comes later.
    pub lazy: bool,
    /// The ways that it can be called by. Each takes its time to compile, which is a part of every
    /// build. What a type is lifted and lowered by is the same for all; so a few signatures of each
    /// sort have all, and most have what is cheapest.
    pub ways: &'static [Way],
    ty: fn() -> FuncType,
    paths: Paths,
}

/// A way of a call through a signature: the host calls, or is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// `TypedFunc::call`.
    Call,
    /// `TypedFunc::call_async`.
    CallAsync,
    /// `TypedFunc::call_concurrent`.
    CallConcurrent,
    /// `LinkerInstance::func_wrap`.
    Wrap,
    /// `LinkerInstance::func_wrap_async`.
    WrapAsync,
    /// `LinkerInstance::func_wrap_concurrent`.
    WrapConcurrent,
}

/// What a signature is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Primitive,
    String,
    List,
    Tuple,
    Option,
    Result,
    Record,
    Variant,
    Enum,
    Flags,
    /// Resources of the host's, each by a Rust type of its own.
    Resource,
    /// Resources of anybody's.
    ResourceAny,
    /// Of the build script's making.
    Random,
}

/// What the host does in a call that reaches it, once the arguments are values and before the result
/// is Rust's.
pub type SyncHost =
    Arc<dyn Fn(StoreContextMut<'_, Data>, Vec<Value>) -> Result<Option<Value>> + Send + Sync>;

/// What the host does in a call that reaches it, where it may wait with the store in its hands.
pub type AsyncHost =
    Arc<dyn for<'a> Fn(StoreContextMut<'a, Data>, Vec<Value>) -> Called<'a> + Send + Sync>;

/// What the host does in a call that reaches it, where others may have the store while it waits.
pub type ConcurrentHost =
    Arc<dyn for<'a> Fn(&'a Accessor<Data>, Vec<Value>) -> Called<'a> + Send + Sync>;

impl Way {
    pub const ALL: [Way; 6] = [
        Way::Call,
        Way::CallAsync,
        Way::CallConcurrent,
        Way::Wrap,
        Way::WrapAsync,
        Way::WrapConcurrent,
    ];
}

/// One way out and the same way in, or one of them.
const SYNC: &[Way] = &[Way::Call, Way::Wrap];
const CALL: &[Way] = &[Way::Call];
const WRAP: &[Way] = &[Way::Wrap];

impl Family {
    pub const ALL: [Family; 13] = [
        Family::Primitive,
        Family::String,
        Family::List,
        Family::Tuple,
        Family::Option,
        Family::Result,
        Family::Record,
        Family::Variant,
        Family::Enum,
        Family::Flags,
        Family::Resource,
        Family::ResourceAny,
        Family::Random,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Family::Primitive => "primitive",
            Family::String => "string",
            Family::List => "list",
            Family::Tuple => "tuple",
            Family::Option => "option",
            Family::Result => "result",
            Family::Record => "record",
            Family::Variant => "variant",
            Family::Enum => "enum",
            Family::Flags => "flags",
            Family::Resource => "resource",
            Family::ResourceAny => "resource-any",
            Family::Random => "random",
        }
    }
}

/// All of them, in the order of their families but for the last few.
pub fn signatures() -> impl Iterator<Item = &'static Signature> {
    let fixed = [
        plain::PRIMITIVES,
        plain::STRINGS,
        plain::LISTS,
        tuples::TUPLES,
        compound::OPTIONS,
        compound::RESULTS,
        record::RECORDS,
        variant::VARIANTS,
        variant::ENUMS,
        flag::FLAGS,
        resource::RESOURCES,
        resource::RESOURCES_ANY,
    ];
    fixed.into_iter().flatten().chain(random::RANDOM).chain(small::SMALL)
}

const BY_THIS_WAY: &str = "a signature is chosen for a way";

impl Signature {
    /// A signature that can be called by all ways.
    const fn of<P: Params, R: Params>(family: Family) -> Signature {
        Signature::by::<P, R>(family, &Way::ALL)
    }

    /// A signature that can be called by these ways alone.
    const fn by<P: Params, R: Params>(family: Family, ways: &'static [Way]) -> Signature {
        let lazy = P::LAZY || R::LAZY;
        let paths = Paths::of::<P, R>(ways);
        Signature { family, lazy, ways, ty: tuple::func_type::<P, R>, paths }
    }

    pub fn ty(&self) -> FuncType {
        (self.ty)()
    }

    /// Whether the engine takes this function for one of this signature.
    pub fn matches(&self, func: &Func, store: impl AsContext<Data = Data>) -> Result<()> {
        (self.paths.matches)(func, store.as_context())
    }

    /// `TypedFunc::call`. What is given away with the arguments is no longer held when the guest runs.
    pub fn call(
        &self,
        func: Func,
        store: StoreContextMut<'_, Data>,
        args: &[Value],
    ) -> Result<Option<Value>> {
        (self.paths.call.expect(BY_THIS_WAY))(func, store, args)
    }

    /// `TypedFunc::call_async`; the same of what is given away.
    pub fn call_async<'a>(
        &self,
        func: Func,
        store: StoreContextMut<'a, Data>,
        args: Vec<Value>,
    ) -> Called<'a> {
        (self.paths.call_async.expect(BY_THIS_WAY))(func, store, args)
    }

    /// `TypedFunc::call_concurrent`; the same of what is given away.
    pub fn call_concurrent<'a>(
        &self,
        func: Func,
        accessor: &'a Accessor<Data>,
        args: Vec<Value>,
    ) -> Called<'a> {
        (self.paths.call_concurrent.expect(BY_THIS_WAY))(func, accessor, args)
    }

    /// `LinkerInstance::func_wrap`.
    pub fn wrap(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: SyncHost,
    ) -> Result<()> {
        (self.paths.wrap.expect(BY_THIS_WAY))(linker, name, host)
    }

    /// `LinkerInstance::func_wrap_async`.
    pub fn wrap_async(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: AsyncHost,
    ) -> Result<()> {
        (self.paths.wrap_async.expect(BY_THIS_WAY))(linker, name, host)
    }

    /// `LinkerInstance::func_wrap_concurrent`.
    pub fn wrap_concurrent(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: ConcurrentHost,
    ) -> Result<()> {
        (self.paths.wrap_concurrent.expect(BY_THIS_WAY))(linker, name, host)
    }
}
