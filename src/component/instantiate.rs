//! From definitions to an instance: core modules on wasmi, functions lifted and lowered by `abi`.
//! Knows nothing of what is called afterwards.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use canonical_abi::machine::ResourceTypes;
use canonical_abi::machine::{CoreId, Defined, Destructor, Func, Lifted, Lowered, MemoryId};
use canonical_abi::machine::{Options, TableId};
use canonical_abi::types::Resource;
use canonical_abi::{LiftLowerOptions, PtrType, ResourceType, Signature, Stop, Watch, drive};
use wasmi::{AsContextMut, Extern, StoreContextMut};
use wasmparser::ExternalKind;

use super::call::{Failure, Host, Instance};
use super::core::stop;
use super::decode;
use super::definition::{CanonOpts, Decoded, Definition, Found, Item, MadeFor};
use super::deviations::adapter::{aborts, refuses};
use super::guest::OnWasmi;
use super::limits;
use super::module::CoreModule;
use super::outs::Outs;
use super::refusal::{Refusal, at};
use super::state::{CoreFunc, State};
use super::thing::{Closure, Exports, Outer, Thing, imports, list, named, resource_in};

/// A component whose core modules are compiled; instantiating it again is cheap.
pub struct Compiled {
    engine: wasmi::Engine,
    modules: Vec<CoreModule>,
    /// Core modules that it imports, by the imports' paths.
    imported: Vec<(String, CoreModule)>,
    fuel: Option<u64>,
    pub decoded: Arc<Decoded>,
}

/// Why there is no instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotInstantiated<D = Infallible> {
    Refused(Refusal),
    /// The same, but only by a deviation that has an engine refuse it.
    RefusedByDeviation(D),
    /// A core module's start failed.
    Failed(Failure<D>),
}

impl<D> fmt::Display for NotInstantiated<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotInstantiated::Refused(refusal) => refusal.fmt(f),
            NotInstantiated::RefusedByDeviation(_) => f.write_str("refused as a deviation has it"),
            NotInstantiated::Failed(Failure::Trap(trap)) => write!(f, "its start traps: {trap:?}"),
            NotInstantiated::Failed(Failure::Exhausted(limit)) => write!(f, "its start: {limit}"),
            NotInstantiated::Failed(failure) => write!(f, "its start: {failure}"),
        }
    }
}

/// Why some definition was not carried out.
enum Unmade {
    Refused(Refusal),
    RefusedByDeviation,
    Stopped(Stop),
}

impl Unmade {
    /// As whoever watches is told it.
    fn told<W: Watch>(self, watch: &W) -> NotInstantiated<W::Deviated> {
        match self {
            Unmade::Refused(refusal) => NotInstantiated::Refused(refusal),
            Unmade::RefusedByDeviation => NotInstantiated::RefusedByDeviation(watch.deviated()),
            Unmade::Stopped(stop) => NotInstantiated::Failed(Failure::of(stop, watch)),
        }
    }
}

impl From<Refusal> for Unmade {
    fn from(refusal: Refusal) -> Unmade {
        Unmade::Refused(refusal)
    }
}

/// An engine for core modules, whose code may be metered.
pub fn engine(metered: bool) -> wasmi::Engine {
    let mut config = wasmi::Config::default();
    config.wasm_multi_memory(true).wasm_memory64(true).consume_fuel(metered);
    config.set_max_cached_stacks(limits::CALLS);
    wasmi::Engine::new(&config)
}

impl Compiled {
    /// Decodes the component and compiles its core modules.
    pub fn new(bytes: &[u8]) -> Result<Compiled, Refusal> {
        Compiled::compile(bytes, &engine(false), Vec::new(), None)
    }

    /// The same, for a component that nobody here wrote: core code may run for that much fuel.
    pub fn metered(bytes: &[u8], fuel: Option<u64>) -> Result<Compiled, Refusal> {
        Compiled::compile(bytes, &engine(fuel.is_some()), Vec::new(), fuel)
    }

    /// The same, for a component that imports core modules: these, of this engine, by the paths of the imports.
    pub fn importing(
        bytes: &[u8],
        engine: &wasmi::Engine,
        modules: Vec<(String, CoreModule)>,
        fuel: Option<u64>,
    ) -> Result<Compiled, Refusal> {
        Compiled::compile(bytes, engine, modules, fuel)
    }

    fn compile(
        bytes: &[u8],
        engine: &wasmi::Engine,
        imported: Vec<(String, CoreModule)>,
        fuel: Option<u64>,
    ) -> Result<Compiled, Refusal> {
        let (engine, decoded) = (engine.clone(), decode::decode(bytes)?);
        let modules = (decoded.modules.iter())
            .map(|range| CoreModule::new(&engine, &bytes[range.clone()]))
            .collect::<Result<_, _>>()?;
        Ok(Compiled { engine, modules, imported, fuel, decoded: Arc::new(decoded) })
    }

    /// A new instance, with `host` behind its imports. Nobody watches, if `watch` is `()`.
    pub fn instantiate<T: Host, W: Watch>(
        &self,
        host: T,
        watch: W,
    ) -> Result<Instance<T, W>, NotInstantiated<W::Deviated>> {
        let mut instance = self.begin(host, watch);
        self.start(&mut instance)?;
        Ok(instance)
    }

    /// A store for an instance, in which nothing is yet.
    pub fn begin<T: Host, W: Watch>(&self, host: T, watch: W) -> Instance<T, W> {
        let mut store = wasmi::Store::new(&self.engine, State::new(host, watch));
        store.limiter(|state| &mut state.limits);
        Instance { store, decoded: self.decoded.clone(), fuel: self.fuel, watch: PhantomData }
    }

    /// Carries out the definitions. After a failure there is nothing to call, but the host may have
    /// seen something.
    pub fn start<T: Host, W: Watch>(
        &self,
        instance: &mut Instance<T, W>,
    ) -> Result<(), NotInstantiated<W::Deviated>> {
        instance.refuel();
        let made = self.make(&mut instance.store);
        made.map_err(|unmade| unmade.told(instance.watch()))
    }

    fn make<T: Host>(&self, store: &mut wasmi::Store<State<T>>) -> Result<(), Unmade> {
        let modules = self.modules.iter().chain(self.imported.iter().map(|(_, module)| module));
        store.data_mut().tail_calls = modules.into_iter().any(|module| module.tail_calls);
        let imports = imports(store.data_mut(), &self.decoded, &self.imported)?;
        let component = Closure { component: self.decoded.root.clone(), outer: None };
        let context = store.as_context_mut();
        let root = Spaces::begin(context, &self.modules, &component, None, imports)?;
        let (exports, resources) = root.run(&component)?;
        let mut funcs = BTreeMap::new();
        list("", &exports, &mut funcs);
        let state = store.data_mut();
        (state.exports, state.resources) = (Arc::new(funcs), resources);
        state.things = Arc::new(exports);
        Ok(())
    }
}

/// A core instance: of a module, or put together from definitions.
enum CoreExports {
    Module(wasmi::Instance),
    Inline(BTreeMap<String, Extern>),
}

/// The index spaces of a component that is being instantiated.
struct Spaces<'a, T: 'static> {
    store: StoreContextMut<'a, State<T>>,
    compiled: &'a [CoreModule],
    instance: usize,
    outer: Option<Arc<Outer>>,
    imports: Exports,
    exports: Exports,
    resources: ResourceTypes,
    core_instances: Vec<CoreExports>,
    core_funcs: Vec<CoreFunc>,
    outs: Outs,
    core_memories: Vec<wasmi::Memory>,
    core_tables: Vec<wasmi::Table>,
    core_globals: Vec<wasmi::Global>,
    modules: Vec<CoreModule>,
    components: Vec<Closure>,
    instances: Vec<Arc<Exports>>,
    funcs: Vec<Func>,
}

impl<'a, T: Host> Spaces<'a, T> {
    fn begin(
        mut store: StoreContextMut<'a, State<T>>,
        compiled: &'a [CoreModule],
        closure: &Closure,
        parent: Option<usize>,
        imports: Exports,
    ) -> Result<Spaces<'a, T>, Refusal> {
        if store.data().machine.instances.len() >= limits::INSTANCES {
            let most = limits::INSTANCES;
            return Err(Refusal::exhausted(format!("more than {most} instances")));
        }
        if parent.is_some_and(|parent| {
            store.data().machine.self_and_ancestors(parent).count() >= limits::INSTANCE_DEPTH
        }) {
            let most = limits::INSTANCE_DEPTH;
            return Err(Refusal::exhausted(format!("more than {most} instances in one another")));
        }
        let instance = store.data_mut().begin_instance(parent);
        Ok(Spaces {
            store,
            compiled,
            instance,
            outer: closure.outer.clone(),
            imports,
            exports: Exports::new(),
            resources: Arc::new(vec![None; closure.component.resources]),
            core_instances: Vec::new(),
            core_funcs: Vec::new(),
            outs: Outs::of(instance),
            core_memories: Vec::new(),
            core_tables: Vec::new(),
            core_globals: Vec::new(),
            modules: Vec::new(),
            components: Vec::new(),
            instances: Vec::new(),
            funcs: Vec::new(),
        })
    }

    fn run(mut self, closure: &Closure) -> Result<(Exports, ResourceTypes), Unmade> {
        for definition in &closure.component.definitions {
            self.define(definition)?;
        }
        Ok((self.exports, self.resources))
    }

    fn define(&mut self, definition: &Definition) -> Result<(), Unmade> {
        match definition {
            Definition::CoreModule(position) => {
                self.modules.push(self.compiled[*position].clone());
            }
            Definition::CoreInstantiate { module, args } => self.core_instantiate(*module, args)?,
            Definition::CoreExports(exports) => self.core_exports(exports)?,
            Definition::CoreAlias { instance, kind, name } => {
                let exported = self.core_export(*instance, name)?;
                self.core_alias(*kind, name, exported)?;
            }
            Definition::Component(component) => {
                let outer = Some(Arc::new(self.around()));
                self.components.push(Closure { component: component.clone(), outer });
            }
            Definition::Instantiate { component, args, found } => {
                let instance = Thing::Instance(Arc::new(self.instantiate(*component, args)?));
                self.add(instance, found);
            }
            Definition::Exports(exports) => {
                let exports = self.things(exports)?;
                self.instances.push(Arc::new(exports));
            }
            Definition::Alias { instance, name, found } => {
                let thing = at(&self.instances, *instance, "instance")?.get(name).cloned();
                self.add(named(thing, name)?, found);
            }
            Definition::OuterModule { count, index } => {
                let module = self.outer_module(*count, *index)?;
                self.modules.push(module);
            }
            Definition::OuterComponent { count, index } => {
                let component = self.outer_component(*count, *index)?;
                self.components.push(component);
            }
            Definition::Import { name, found } => {
                let thing = self.imports.get(name).cloned();
                self.add(named(thing, name)?, found);
            }
            Definition::Resource { resource, destructor } => {
                self.resource_type(*resource, *destructor)?;
            }
            Definition::Lift { core_func, signature, opts } => {
                let lifted = self.lift(*core_func, signature, opts)?;
                self.funcs.push(Func::Lifted(Arc::new(lifted)));
            }
            Definition::Lower { func, opts } => {
                let func = at(&self.funcs, *func, "function")?.clone();
                let opts = self.options(opts)?;
                if aborts(self.store.data_mut(), &opts, &func) {
                    return Err(Unmade::Stopped(Stop::Crash));
                }
                if refuses(self.store.data_mut(), &opts, &func) {
                    return Err(Unmade::RefusedByDeviation);
                }
                let lowered = Arc::new(Lowered { opts, callee: func });
                let lowered = self.outs.lower(self.store.as_context_mut(), lowered);
                self.core_funcs.push(lowered);
            }
            Definition::BuiltIn(made_for) => {
                let defined = Arc::new(self.built_in(made_for)?);
                let core_func = self.outs.built_in(self.store.as_context_mut(), defined);
                self.core_funcs.push(core_func);
            }
            Definition::Export { name, item, found } => {
                let thing = self.thing(*item)?;
                self.exports.insert(name.clone(), thing.clone());
                self.add(thing, found);
            }
        }
        Ok(())
    }

    fn things(&self, items: &[(String, Item)]) -> Result<Exports, Refusal> {
        items.iter().map(|(name, item)| Ok((name.clone(), self.thing(*item)?))).collect()
    }

    fn outer_module(&self, count: u32, index: u32) -> Result<CoreModule, Refusal> {
        match self.outwards(count)? {
            None => at(&self.modules, index, "core module").cloned(),
            Some(outer) => at(&outer.modules, index, "core module").cloned(),
        }
    }

    fn outer_component(&self, count: u32, index: u32) -> Result<Closure, Refusal> {
        match self.outwards(count)? {
            None => at(&self.components, index, "component").cloned(),
            Some(outer) => at(&outer.components, index, "component").cloned(),
        }
    }

    fn resource_type(
        &mut self,
        resource: Resource,
        destructor: Option<u32>,
    ) -> Result<(), Refusal> {
        let destructor = destructor.map(|index| self.core_id(index)).transpose()?;
        let (implementer, destructor) = (Some(self.instance), Destructor::Guest(destructor));
        let rt = self.store.data_mut().machine.resource_type(implementer, destructor);
        self.bind(resource, rt);
        Ok(())
    }

    fn lift(
        &mut self,
        core_func: u32,
        signature: &Arc<Signature>,
        opts: &CanonOpts,
    ) -> Result<Lifted, Refusal> {
        let core = self.core_id(core_func)?;
        let (signature, opts) = (signature.clone(), self.options(opts)?);
        Ok(Lifted { core, signature, opts, resources: self.resources.clone() })
    }

    fn built_in(&mut self, made_for: &MadeFor) -> Result<Defined, Refusal> {
        let MadeFor { which, signature, resource, slot, slot_type, .. } = made_for;
        let mut opts = self.options(&made_for.opts)?;
        let table = made_for.table.map(|index| self.table_id(index)).transpose()?;
        if let Some((_, ptr_type)) = table {
            opts.lift_lower.ptr_type = ptr_type;
        }
        Ok(Defined {
            which: *which,
            opts,
            signature: signature.clone(),
            resources: self.resources.clone(),
            resource: *resource,
            cancellable: false,
            slot: *slot,
            slot_type: *slot_type,
            table: table.map(|(table, _)| table),
        })
    }

    /// Adds a thing to its index space, and the resource types that come with it.
    fn add(&mut self, thing: Thing, found: &[Found]) {
        for Found { path, resource } in found {
            self.bind(*resource, resource_in(&thing, path));
        }
        match thing {
            Thing::Func(func) => self.funcs.push(func),
            Thing::Module(module) => self.modules.push(module),
            Thing::Component(component) => self.components.push(component),
            Thing::Instance(exports) => self.instances.push(exports),
            Thing::Resource(_) | Thing::Type => {}
        }
    }

    fn bind(&mut self, resource: Resource, rt: ResourceType) {
        let position = usize::try_from(resource).expect("an index fits");
        Arc::make_mut(&mut self.resources)[position] = Some(rt);
    }

    fn thing(&self, item: Item) -> Result<Thing, Refusal> {
        Ok(match item {
            Item::Func(index) => Thing::Func(at(&self.funcs, index, "function")?.clone()),
            Item::Module(index) => Thing::Module(at(&self.modules, index, "core module")?.clone()),
            Item::Component(index) => {
                Thing::Component(at(&self.components, index, "component")?.clone())
            }
            Item::Instance(index) => {
                Thing::Instance(at(&self.instances, index, "instance")?.clone())
            }
            Item::Resource(resource) => {
                let rt = *at(&self.resources, resource, "resource type")?;
                Thing::Resource(rt.expect("a resource type is defined before it is used"))
            }
            Item::Type => Thing::Type,
        })
    }

    fn instantiate(&mut self, component: u32, args: &[(String, Item)]) -> Result<Exports, Unmade> {
        let component = at(&self.components, component, "component")?.clone();
        let imports = self.things(args)?;
        let (parent, store) = (Some(self.instance), self.store.as_context_mut());
        let nested = Spaces::begin(store, self.compiled, &component, parent, imports)?;
        Ok(nested.run(&component)?.0)
    }

    /// What a component that is defined here may alias.
    fn around(&self) -> Outer {
        let (modules, components) = (self.modules.clone(), self.components.clone());
        Outer { modules, components, outer: self.outer.clone() }
    }

    /// What is around this component, so many levels outwards; nothing for none.
    fn outwards(&self, count: u32) -> Result<Option<Arc<Outer>>, Refusal> {
        let mut outwards = None;
        for _ in 0..count {
            let outer = outwards.as_ref().map_or(&self.outer, |outer: &Arc<Outer>| &outer.outer);
            outwards = Some(outer.clone().ok_or_else(|| Refusal::invalid("an outer alias"))?);
        }
        Ok(outwards)
    }

    fn core_instantiate(&mut self, module: u32, args: &[(String, u32)]) -> Result<(), Unmade> {
        let module = at(&self.modules, module, "core module")?.clone();
        let mut imports = Vec::new();
        for import in module.module.imports() {
            let arg = args.iter().find(|(name, _)| name == import.module());
            let (_, instance) = arg.ok_or_else(|| Refusal::invalid("a missing argument"))?;
            imports.push(self.core_export(*instance, import.name())?);
        }
        let instance = wasmi::Instance::new(&mut self.store, &module.module, &imports);
        let instance = instance.map_err(|error| Unmade::Stopped(stop(&error)))?;
        if let Some(start) = &module.start {
            let start = instance.get_func(&self.store, start).expect("the module was made so");
            let start = self.add_core(&CoreFunc::unnamed(start, self.instance));
            let world = &mut OnWasmi { store: self.store.as_context_mut() };
            drive::run_start(world, self.instance, start).map_err(Unmade::Stopped)?;
        }
        self.core_instances.push(CoreExports::Module(instance));
        Ok(())
    }

    fn core_exports(&mut self, exports: &[(String, ExternalKind, u32)]) -> Result<(), Refusal> {
        let mut inline = BTreeMap::new();
        for (name, kind, index) in exports {
            inline.insert(name.clone(), self.core_item(*kind, *index)?);
        }
        self.core_instances.push(CoreExports::Inline(inline));
        Ok(())
    }

    fn core_export(&self, instance: u32, name: &str) -> Result<Extern, Refusal> {
        let exported = match at(&self.core_instances, instance, "core instance")? {
            CoreExports::Module(instance) => instance.get_export(&self.store, name),
            CoreExports::Inline(exports) => exports.get(name).cloned(),
        };
        exported.ok_or_else(|| Refusal::invalid(format!("no core export {name}")))
    }

    fn core_item(&self, kind: ExternalKind, index: u32) -> Result<Extern, Refusal> {
        Ok(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                Extern::Func(at(&self.core_funcs, index, "core function")?.func)
            }
            ExternalKind::Memory => Extern::Memory(*at(&self.core_memories, index, "core memory")?),
            ExternalKind::Table => Extern::Table(*at(&self.core_tables, index, "core table")?),
            ExternalKind::Global => Extern::Global(*at(&self.core_globals, index, "core global")?),
            ExternalKind::Tag => return Err(Refusal::unsupported("core exceptions (tags)")),
        })
    }

    fn core_alias(
        &mut self,
        kind: ExternalKind,
        name: &Arc<str>,
        exported: Extern,
    ) -> Result<(), Refusal> {
        match (kind, exported) {
            (ExternalKind::Func, Extern::Func(func)) => {
                let instance = self.instance;
                self.core_funcs.push(CoreFunc { func, name: name.clone(), instance });
            }
            (ExternalKind::Memory, Extern::Memory(memory)) => {
                let memories = &mut self.store.data_mut().guests[self.instance].memories;
                memories.insert(name.clone(), memory);
                self.core_memories.push(memory);
            }
            (ExternalKind::Table, Extern::Table(table)) => self.core_tables.push(table),
            (ExternalKind::Global, Extern::Global(global)) => self.core_globals.push(global),
            (kind, _) => {
                return Err(Refusal::unsupported(format!("a core alias of kind {kind:?}")));
            }
        }
        Ok(())
    }

    /// The number of a core function for whoever calls it.
    fn core_id(&mut self, index: u32) -> Result<CoreId, Refusal> {
        let func = at(&self.core_funcs, index, "core function")?.clone();
        Ok(self.add_core(&func))
    }

    fn add_core(&mut self, func: &CoreFunc) -> CoreId {
        let cores = &mut self.store.data_mut().cores;
        cores.push(func.clone());
        CoreId(cores.len() - 1)
    }

    fn memory_id(&mut self, index: u32) -> Result<(MemoryId, PtrType), Refusal> {
        let memory = *at(&self.core_memories, index, "core memory")?;
        let wide = memory.ty(&self.store).is_64();
        let memories = &mut self.store.data_mut().memories;
        let known = memories.iter().position(|known| same(known, &memory));
        let id = known.unwrap_or_else(|| {
            memories.push(memory);
            memories.len() - 1
        });
        Ok((MemoryId(id), ptr_type(wide)))
    }

    fn table_id(&mut self, index: u32) -> Result<(TableId, PtrType), Refusal> {
        let table = *at(&self.core_tables, index, "core table")?;
        let wide = table.ty(&self.store).is_64();
        let tables = &mut self.store.data_mut().tables;
        tables.push((table, self.instance));
        Ok((TableId(tables.len() - 1), ptr_type(wide)))
    }

    fn options(&mut self, opts: &CanonOpts) -> Result<Options, Refusal> {
        let memory = opts.memory.map(|index| self.memory_id(index)).transpose()?;
        let ptr_type = memory.map_or(PtrType::I32, |(_, ptr_type)| ptr_type);
        Ok(Options {
            instance: self.instance,
            lift_lower: LiftLowerOptions { string_encoding: opts.string_encoding, ptr_type },
            memory: memory.map(|(memory, _)| memory),
            realloc: opts.realloc.map(|index| self.core_id(index)).transpose()?,
            post_return: opts.post_return.map(|index| self.core_id(index)).transpose()?,
            is_async: opts.is_async,
            callback: opts.callback.map(|index| self.core_id(index)).transpose()?,
        })
    }
}

/// Whether two are the same memory. wasmi's handles tell it only so.
fn same(a: &wasmi::Memory, b: &wasmi::Memory) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

fn ptr_type(wide: bool) -> PtrType {
    if wide { PtrType::I64 } else { PtrType::I32 }
}
