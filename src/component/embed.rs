//! The interpreter as a host embeds it: what the host offers by name, an instance, calls with checked values.
//! Knows the runtime's interface only, so that any host could do the same in its own way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use canonical_abi::fits::fits;
use canonical_abi::types::{FuncType, Resource, Type};
use canonical_abi::value::Value;
use canonical_abi::{Signature, Stop, Trap};

use super::call::{Context, Failure, Host, HostCall, Instance, Reply};
use super::definition::{Decoded, Import};
use super::instantiate::{Compiled, NotInstantiated};

/// A function of the host's.
enum Func<T: 'static> {
    Now(Box<Now<T>>),
    Later(Box<Later<T>>),
}

type Now<T> = dyn Fn(&mut Context<'_, Linked<T>>, Vec<Value>) -> Answer + Send + Sync;
type Later<T> =
    dyn Fn(&mut Context<'_, Linked<T>>, HostCall, Vec<Value>) -> Result<Reply, Stop> + Send + Sync;
/// What the host does when no guest can go on.
type Idle<T> = Arc<dyn Fn(&mut Context<'_, Linked<T>>) -> Result<bool, Stop> + Send + Sync>;
/// What the host does when a guest drops a resource of the host's that it owned.
type Drop<T> = Arc<dyn Fn(&mut T, u32) + Send + Sync>;
/// What a function of the host's answers. An error ends the call: [`Trap::Host`] is for whatever went wrong there.
pub type Answer = Result<Option<Value>, Stop>;

/// What a host offers, by the paths of imports: `name`, or `instance#name` for what is in an instance.
pub struct Linker<T: 'static> {
    funcs: BTreeMap<String, Arc<Func<T>>>,
    drops: BTreeMap<String, Drop<T>>,
    idle: Option<Idle<T>>,
}

/// An instance of a component, with a host's functions behind its imports.
pub struct Embedded<T: 'static> {
    instance: Instance<Linked<T>>,
}

/// The host's side of an instance.
pub struct Linked<T: 'static> {
    /// What the host keeps for this instance.
    pub data: T,
    funcs: BTreeMap<String, (Arc<Func<T>>, Arc<Signature>)>,
    drops: BTreeMap<String, Drop<T>>,
    idle: Option<Idle<T>>,
    /// What one of the host's functions returned that it may not.
    misfit: Option<String>,
}

/// Why something came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The component imports what the host does not offer, under this path.
    Missing(String),
    NotInstantiated(NotInstantiated),
    /// No function is exported under this path.
    NoExport(String),
    /// A value is not of its type: an argument, or what a function of the host's returned.
    Misfit(String),
    Failed(Failure),
}

impl<T> Default for Linker<T> {
    fn default() -> Linker<T> {
        Linker { funcs: BTreeMap::new(), drops: BTreeMap::new(), idle: None }
    }
}

impl<T> Linker<T> {
    /// Offers a function. Its arguments are of the types that the component imports it with.
    pub fn func(
        &mut self,
        path: &str,
        call: impl Fn(&mut Context<'_, Linked<T>>, Vec<Value>) -> Answer + Send + Sync + 'static,
    ) -> &mut Linker<T> {
        self.funcs.insert(path.to_string(), Arc::new(Func::Now(Box::new(call))));
        self
    }

    /// Offers a function that may answer later: see [`Reply::Later`].
    pub fn func_later(
        &mut self,
        path: &str,
        call: impl Fn(&mut Context<'_, Linked<T>>, HostCall, Vec<Value>) -> Result<Reply, Stop>
        + Send
        + Sync
        + 'static,
    ) -> &mut Linker<T> {
        self.funcs.insert(path.to_string(), Arc::new(Func::Later(Box::new(call))));
        self
    }

    /// What the host does when no guest can go on: it may answer what it has put off. It says whether it did.
    pub fn idle(
        &mut self,
        idle: impl Fn(&mut Context<'_, Linked<T>>) -> Result<bool, Stop> + Send + Sync + 'static,
    ) -> &mut Linker<T> {
        self.idle = Some(Arc::new(idle));
        self
    }

    /// Offers a resource type. A handle of it is any number that the host chooses: what `drop` is called with
    /// when a guest drops what it owns.
    pub fn resource(
        &mut self,
        path: &str,
        drop: impl Fn(&mut T, u32) + Send + Sync + 'static,
    ) -> &mut Linker<T> {
        self.drops.insert(path.to_string(), Arc::new(drop));
        self
    }

    /// Instantiates a component.
    pub fn instantiate(&self, component: &Compiled, data: T) -> Result<Embedded<T>, Error> {
        let (funcs, drops, idle) = (BTreeMap::new(), BTreeMap::new(), self.idle.clone());
        let mut linked = Linked { data, funcs, drops, idle, misfit: None };
        self.link(&component.decoded, &mut linked)?;
        let instance = component.instantiate(linked, ());
        Ok(Embedded { instance: instance.map_err(Error::NotInstantiated)? })
    }

    fn link(&self, decoded: &Decoded, linked: &mut Linked<T>) -> Result<(), Error> {
        let mut imports = decoded.imports.iter();
        imports.try_for_each(|(name, import)| self.link_one(name.clone(), import, linked))
    }

    fn link_one(&self, path: String, import: &Import, linked: &mut Linked<T>) -> Result<(), Error> {
        match import {
            Import::Func(signature) => {
                let func = self.funcs.get(&path).ok_or(Error::Missing(path.clone()))?;
                linked.funcs.insert(path, (func.clone(), signature.clone()));
            }
            Import::Resource(_) => {
                let drop = self.drops.get(&path).ok_or(Error::Missing(path.clone()))?;
                linked.drops.insert(path, drop.clone());
            }
            Import::Instance(items) => {
                for (name, item) in items {
                    self.link_one(format!("{path}#{name}"), item, linked)?;
                }
            }
            // The runtime says itself that it takes no modules and no components.
            Import::Module | Import::Component | Import::Type => {}
        }
        Ok(())
    }
}

impl<T> Embedded<T> {
    /// What the host keeps for this instance.
    pub fn data(&mut self) -> &mut T {
        &mut self.instance.host().data
    }

    /// The type of an exported function.
    pub fn export(&self, path: &str) -> Option<&FuncType> {
        self.instance.export(path)
    }

    /// Calls an exported function. A handle of a guest's resource is the number that the guest represents it
    /// by: pass only what you were given and have not given back.
    pub fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Error> {
        let ty = self.export(path).ok_or_else(|| Error::NoExport(path.to_string()))?;
        check_args(path, args, ty)?;
        let called = self.instance.call(path, args);
        called.map_err(|failure| self.error(failure))
    }

    /// Drops a guest's resource that the host owns. Its type is the number in the type of the function that
    /// returned it.
    pub fn drop_resource(&mut self, resource: Resource, rep: u32) -> Result<(), Error> {
        let dropped = self.instance.drop_resource(resource, rep);
        dropped.map_err(|failure| self.error(failure))
    }

    fn error(&mut self, failure: Failure) -> Error {
        self.instance.host().misfit.take().map_or(Error::Failed(failure), Error::Misfit)
    }
}

fn check_args(path: &str, args: &[Value], ty: &FuncType) -> Result<(), Error> {
    let (given, taken) = (args.len(), ty.params.len());
    if given != taken {
        return Err(Error::Misfit(format!("`{path}` takes {taken} arguments, not {given}")));
    }
    for (number, (arg, ty)) in args.iter().zip(&ty.params).enumerate() {
        let name = format!("argument {number} of `{path}`");
        fits(arg, ty).map_err(|misfit| Error::Misfit(misfit.about(&name)))?;
    }
    Ok(())
}

/// What is wrong with a result, if something is.
fn misfit(path: &str, result: Option<&Value>, ty: Option<&Type>) -> Option<String> {
    match (result, ty) {
        (None, None) => None,
        (Some(value), Some(ty)) => {
            Some(fits(value, ty).err()?.about(&format!("the result of the host's `{path}`")))
        }
        (Some(_), None) => Some(format!("the host's `{path}` returned a value, and has no result")),
        (None, Some(_)) => Some(format!("the host's `{path}` returned no value")),
    }
}

/// A result, if it is one of the function's.
fn checked<T>(
    context: &mut Context<'_, Linked<T>>,
    import: &str,
    signature: &Signature,
    result: Option<Value>,
) -> Answer {
    match misfit(import, result.as_ref(), signature.ty().result.as_ref()) {
        None => Ok(result),
        Some(misfit) => {
            context.host().misfit = Some(misfit);
            Err(Trap::Host.into())
        }
    }
}

impl<T: 'static> Host for Linked<T> {
    fn call(context: &mut Context<'_, Linked<T>>, import: &str, args: Vec<Value>) -> Answer {
        let (func, signature) = context.host().funcs[import].clone();
        let result = match &*func {
            Func::Now(func) => func(context, args)?,
            // There is no call that could be answered later: the host calls what a component exports again.
            Func::Later(_) => return Err(Trap::Host.into()),
        };
        checked(context, import, &signature, result)
    }

    fn reply(
        context: &mut Context<'_, Linked<T>>,
        call: HostCall,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Reply, Stop> {
        let (func, signature) = context.host().funcs[import].clone();
        let Func::Later(func) = &*func else {
            return Linked::call(context, import, args).map(Reply::Now);
        };
        match func(context, call, args)? {
            Reply::Now(result) => checked(context, import, &signature, result).map(Reply::Now),
            Reply::Later => Ok(Reply::Later),
        }
    }

    fn idle(context: &mut Context<'_, Linked<T>>) -> Result<bool, Stop> {
        let idle = context.host().idle.clone();
        idle.map_or(Ok(false), |idle| idle(context))
    }

    fn drop(context: &mut Context<'_, Linked<T>>, resource: &str, rep: u32) -> Result<(), Stop> {
        let drop = context.host().drops[resource].clone();
        drop(&mut context.host().data, rep);
        Ok(())
    }
}

/// A host that offers nothing.
impl Host for () {
    fn call(_: &mut Context<'_, ()>, _: &str, _: Vec<Value>) -> Result<Option<Value>, Stop> {
        Err(Trap::Host.into())
    }

    fn drop(_: &mut Context<'_, ()>, _: &str, _: u32) -> Result<(), Stop> {
        Err(Trap::Host.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing(path) => write!(f, "the host does not offer `{path}`"),
            Error::NotInstantiated(why) => why.fmt(f),
            Error::NoExport(path) => write!(f, "no function `{path}` is exported"),
            Error::Misfit(why) => f.write_str(why),
            Error::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
