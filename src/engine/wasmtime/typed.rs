//! Signatures that have Rust types: Wasmtime's typed interface, for the cases whose function type is
//! in a fixed family.
//! Knows nothing of scripts, nor of which signature a case chooses.

#[macro_use]
mod derive;
mod form;
mod handle;
mod list;
mod path;
pub mod probe;
mod text;
mod tuple;

mod compound;
mod flag;
mod plain;
mod random;
mod record;
mod resource;
mod tuples;
mod variant;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use wasmtime::component::{Accessor, Func, LinkerInstance};
use wasmtime::{AsContext, Result, StoreContextMut};

use self::path::Paths;
use self::tuple::Params;
use super::Data;
use crate::case::allowed;
use crate::case::paths::Mode;
use crate::case::{Resource, is_host};
use crate::types::{FuncType, Handle};
use crate::value::Value;

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
pub(super) type SyncHost =
    Arc<dyn Fn(StoreContextMut<'_, Data>, Vec<Value>) -> Result<Option<Value>> + Send + Sync>;

/// The same, and may wait with the store in its hands.
pub(super) type AsyncHost =
    Arc<dyn for<'a> Fn(StoreContextMut<'a, Data>, Vec<Value>) -> Called<'a> + Send + Sync>;

/// The same, and others may have the store while it waits.
pub(super) type ConcurrentHost =
    Arc<dyn for<'a> Fn(&'a Accessor<Data>, Vec<Value>) -> Called<'a> + Send + Sync>;

/// A call that is under way.
pub(super) type Called<'a> = path::Called<'a>;

impl Way {
    pub const ALL: [Way; 6] = [
        Way::Call,
        Way::CallAsync,
        Way::CallConcurrent,
        Way::Wrap,
        Way::WrapAsync,
        Way::WrapConcurrent,
    ];

    /// How the host calls.
    pub fn out(mode: Mode) -> Way {
        match mode {
            Mode::Sync => Way::Call,
            Mode::Async => Way::CallAsync,
            Mode::Concurrent => Way::CallConcurrent,
        }
    }

    /// How the host is called.
    pub fn back(mode: Mode) -> Way {
        match mode {
            Mode::Sync => Way::Wrap,
            Mode::Async => Way::WrapAsync,
            Mode::Concurrent => Way::WrapConcurrent,
        }
    }
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

/// All of them, in the order of their families.
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
    fixed.into_iter().flatten().chain(random::RANDOM)
}

/// The signatures with this type, whose resources are these, that can be called by this way: several
/// where Rust has several forms for it, such as `String`, and `&str` with `WasmStr`.
pub fn forms(ty: &FuncType, resources: &[Resource], way: Way) -> Vec<&'static Signature> {
    static BY_TYPE: LazyLock<BTreeMap<FuncType, Vec<&'static Signature>>> = LazyLock::new(|| {
        let mut by_type = BTreeMap::<_, Vec<_>>::new();
        for signature in signatures() {
            by_type.entry(signature.ty()).or_default().push(signature);
        }
        by_type
    });
    let forms = BY_TYPE.get(ty).into_iter().flatten().copied();
    forms
        .filter(|signature| signature.ways.contains(&way) && signature.knows(ty, resources))
        .collect()
}

/// One of these forms, any number choosing one; `None` where there is none.
pub fn choose(
    ty: &FuncType,
    resources: &[Resource],
    way: Way,
    form: u32,
) -> Option<&'static Signature> {
    let forms = forms(ty, resources, way);
    Some(forms[position(form, forms.len())?])
}

/// Any of all, whatever the number.
pub fn numbered(number: u32) -> &'static Signature {
    let position = position(number, signatures().count());
    signatures().nth(position.expect("there are some")).expect("it is below their number")
}

fn position(number: u32, count: usize) -> Option<usize> {
    usize::try_from(number).expect("a number fits").checked_rem(count)
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

    /// What cases may know of it.
    pub fn described(&self) -> allowed::Signature {
        let by = |way: fn(Mode) -> Way| {
            Mode::ALL.into_iter().filter(|mode| self.ways.contains(&way(*mode))).collect()
        };
        allowed::Signature {
            ty: self.ty(),
            family: self.family.name(),
            anybodys: self.family == Family::ResourceAny,
            calls: by(Way::out),
            imports: by(Way::back),
        }
    }

    /// Whether its Rust types stand for these resources.
    fn knows(&self, ty: &FuncType, resources: &[Resource]) -> bool {
        let types = ty.params.iter().chain(&ty.result);
        let mut handles = types.flat_map(|ty| ty.handles()).filter_map(Handle::resource);
        self.family == Family::ResourceAny || handles.all(|resource| is_host(resources, resource))
    }

    /// Whether the engine takes this function for one of this signature.
    pub(super) fn matches(&self, func: &Func, store: impl AsContext<Data = Data>) -> Result<()> {
        (self.paths.matches)(func, store.as_context())
    }

    /// `TypedFunc::call`. What is given away with the arguments is no longer held when the guest runs.
    pub(super) fn call(
        &self,
        func: Func,
        store: StoreContextMut<'_, Data>,
        args: &[Value],
    ) -> Result<Option<Value>> {
        (self.paths.call.expect(BY_THIS_WAY))(func, store, args)
    }

    /// `TypedFunc::call_async`; the same of what is given away.
    pub(super) fn call_async<'a>(
        &self,
        func: Func,
        store: StoreContextMut<'a, Data>,
        args: Vec<Value>,
    ) -> Called<'a> {
        (self.paths.call_async.expect(BY_THIS_WAY))(func, store, args)
    }

    /// `TypedFunc::call_concurrent`; the same of what is given away.
    pub(super) fn call_concurrent<'a>(
        &self,
        func: Func,
        accessor: &'a Accessor<Data>,
        args: Vec<Value>,
    ) -> Called<'a> {
        (self.paths.call_concurrent.expect(BY_THIS_WAY))(func, accessor, args)
    }

    /// `LinkerInstance::func_wrap`.
    pub(super) fn wrap(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: SyncHost,
    ) -> Result<()> {
        (self.paths.wrap.expect(BY_THIS_WAY))(linker, name, host)
    }

    /// `LinkerInstance::func_wrap_async`.
    pub(super) fn wrap_async(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: AsyncHost,
    ) -> Result<()> {
        (self.paths.wrap_async.expect(BY_THIS_WAY))(linker, name, host)
    }

    /// `LinkerInstance::func_wrap_concurrent`.
    pub(super) fn wrap_concurrent(
        &self,
        linker: &mut LinkerInstance<'_, Data>,
        name: &str,
        host: ConcurrentHost,
    ) -> Result<()> {
        (self.paths.wrap_concurrent.expect(BY_THIS_WAY))(linker, name, host)
    }
}
