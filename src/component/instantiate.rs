//! From definitions to an instance: core modules on wasmi, functions lifted and lowered by `abi`.
//! Knows nothing of what is called afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmi::{AsContextMut, Extern};
use wasmparser::ExternalKind;

use super::call::{Context, CoreInstance, Host, Instance, State, core_value, error, val};
use super::decode::{self, CanonOpts, Component, Definition, Refusal, at};
use crate::abi::canon::canon_lower;
use crate::abi::flatten::{self, flatten_functype};
use crate::abi::{CoreType, LiftLowerOptions, Notes, PtrType, StringEncoding};
use crate::types::FuncType;

/// A component whose core modules are compiled; instantiating it again is cheap.
pub struct Compiled {
    engine: wasmi::Engine,
    modules: Vec<wasmi::Module>,
    component: Component,
}

/// A function under `canon lift`.
pub struct Lifted {
    pub core: wasmi::Func,
    pub ty: FuncType,
    pub opts: Options,
}

/// Canonical options of one instance.
#[derive(Clone)]
pub struct Options {
    pub string_encoding: StringEncoding,
    pub memory: Option<wasmi::Memory>,
    pub realloc: Option<wasmi::Func>,
    pub post_return: Option<wasmi::Func>,
}

/// A component function.
#[derive(Clone)]
enum Func {
    Imported { name: Arc<str>, ty: FuncType },
    Lifted(Arc<Lifted>),
}

impl Options {
    pub fn lift_lower(&self) -> LiftLowerOptions {
        LiftLowerOptions { string_encoding: self.string_encoding, ptr_type: PtrType::I32 }
    }
}

impl Compiled {
    /// Decodes the component and compiles its core modules.
    pub fn new(bytes: &[u8]) -> Result<Compiled, Refusal> {
        let component = decode::decode(bytes)?;
        let engine = wasmi::Engine::new(&config());
        let modules = (component.modules.iter())
            .map(|range| wasmi::Module::new(&engine, &bytes[range.clone()]))
            .collect::<Result<_, _>>()
            .map_err(|error| Refusal::unsupported(format!("a core module: {error}")))?;
        Ok(Compiled { engine, modules, component })
    }

    /// A new instance, with `host` behind its imports.
    pub fn instantiate<T: Host>(&self, host: T, notes: Notes) -> Result<Instance<T>, Refusal> {
        let store = wasmi::Store::new(&self.engine, State::new(host, notes));
        let mut spaces = Spaces::new(store, &self.modules);
        for definition in &self.component.definitions {
            spaces.define(definition)?;
        }
        let mut exports = BTreeMap::new();
        for export in &self.component.exports {
            if let Func::Lifted(lifted) = at(&spaces.funcs, export.func, "function")? {
                exports.insert(export.name.clone(), lifted.clone());
            }
        }
        spaces.store.data_mut().exports = Arc::new(exports);
        Ok(Instance { store: spaces.store })
    }
}

fn config() -> wasmi::Config {
    let mut config = wasmi::Config::default();
    config.wasm_multi_memory(true).wasm_memory64(true);
    config
}

/// A core instance: of a module, or put together from definitions.
enum CoreExports {
    Module(wasmi::Instance),
    Inline(BTreeMap<String, Extern>),
}

/// The index spaces while a component is being instantiated.
struct Spaces<'a, T: 'static> {
    store: wasmi::Store<State<T>>,
    modules: &'a [wasmi::Module],
    core_instances: Vec<CoreExports>,
    core_funcs: Vec<wasmi::Func>,
    core_memories: Vec<wasmi::Memory>,
    core_tables: Vec<wasmi::Table>,
    core_globals: Vec<wasmi::Global>,
    funcs: Vec<Func>,
}

impl<'a, T: Host> Spaces<'a, T> {
    fn new(store: wasmi::Store<State<T>>, modules: &'a [wasmi::Module]) -> Spaces<'a, T> {
        Spaces {
            store,
            modules,
            core_instances: Vec::new(),
            core_funcs: Vec::new(),
            core_memories: Vec::new(),
            core_tables: Vec::new(),
            core_globals: Vec::new(),
            funcs: Vec::new(),
        }
    }

    fn define(&mut self, definition: &Definition) -> Result<(), Refusal> {
        match definition {
            Definition::CoreInstantiate { module, args } => self.core_instantiate(*module, args),
            Definition::CoreExports(exports) => self.core_exports(exports),
            Definition::CoreAlias { instance, kind, name } => {
                let exported = self.core_export(*instance, name)?;
                self.core_alias(*kind, exported)
            }
            Definition::ImportFunc { name, ty } => {
                self.funcs.push(Func::Imported { name: name.as_str().into(), ty: ty.clone() });
                Ok(())
            }
            Definition::Lift { core_func, ty, opts } => {
                let core = *at(&self.core_funcs, *core_func, "core function")?;
                let lifted = Lifted { core, ty: ty.clone(), opts: self.options(opts)? };
                self.funcs.push(Func::Lifted(Arc::new(lifted)));
                Ok(())
            }
            Definition::Lower { func, opts } => {
                let func = at(&self.funcs, *func, "function")?.clone();
                let opts = self.options(opts)?;
                let lowered = self.lower(func, opts)?;
                self.core_funcs.push(lowered);
                Ok(())
            }
            Definition::ExportFunc { func } => {
                let func = at(&self.funcs, *func, "function")?.clone();
                self.funcs.push(func);
                Ok(())
            }
        }
    }

    fn core_instantiate(&mut self, module: u32, args: &[(String, u32)]) -> Result<(), Refusal> {
        let module = at(self.modules, module, "core module")?;
        let mut imports = Vec::new();
        for import in module.imports() {
            let arg = args.iter().find(|(name, _)| name == import.module());
            let (_, instance) = arg.ok_or_else(|| Refusal::invalid("a missing argument"))?;
            imports.push(self.core_export(*instance, import.name())?);
        }
        let instance = wasmi::Instance::new(&mut self.store, module, &imports)
            .map_err(|error| Refusal::unsupported(format!("instantiation that fails: {error}")))?;
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
                Extern::Func(*at(&self.core_funcs, index, "core function")?)
            }
            ExternalKind::Memory => Extern::Memory(*at(&self.core_memories, index, "core memory")?),
            ExternalKind::Table => Extern::Table(*at(&self.core_tables, index, "core table")?),
            ExternalKind::Global => Extern::Global(*at(&self.core_globals, index, "core global")?),
            ExternalKind::Tag => return Err(Refusal::unsupported("core tags")),
        })
    }

    fn core_alias(&mut self, kind: ExternalKind, exported: Extern) -> Result<(), Refusal> {
        match (kind, exported) {
            (ExternalKind::Func, Extern::Func(func)) => self.core_funcs.push(func),
            (ExternalKind::Memory, Extern::Memory(memory)) => self.core_memories.push(memory),
            (ExternalKind::Table, Extern::Table(table)) => self.core_tables.push(table),
            (ExternalKind::Global, Extern::Global(global)) => self.core_globals.push(global),
            (kind, _) => {
                return Err(Refusal::unsupported(format!("a core alias of kind {kind:?}")));
            }
        }
        Ok(())
    }

    fn options(&self, opts: &CanonOpts) -> Result<Options, Refusal> {
        let func = |index: Option<u32>| {
            index.map(|index| at(&self.core_funcs, index, "core function").copied()).transpose()
        };
        let memory =
            opts.memory.map(|index| at(&self.core_memories, index, "core memory").copied());
        Ok(Options {
            string_encoding: opts.string_encoding,
            memory: memory.transpose()?,
            realloc: func(opts.realloc)?,
            post_return: func(opts.post_return)?,
        })
    }

    fn lower(&mut self, func: Func, opts: Options) -> Result<wasmi::Func, Refusal> {
        let Func::Imported { name, ty } = func else {
            return Err(Refusal::unsupported("calls between guests"));
        };
        let core = flatten_functype(&ty, PtrType::I32, flatten::Context::Lower);
        let core = wasmi::FuncType::new(
            core.params.into_iter().map(val_type),
            core.results.into_iter().map(val_type),
        );
        Ok(wasmi::Func::new(&mut self.store, core, move |mut caller, params, results| {
            let params: Vec<_> = params.iter().map(core_value).collect();
            let mut instance =
                CoreInstance { store: caller.as_context_mut(), core: None, opts: &opts };
            let host = |instance: &mut CoreInstance<'_, T>, args| {
                T::call(&mut Context { store: instance.store.as_context_mut() }, &name, args)
            };
            let flat = canon_lower(&mut instance, opts.lift_lower(), &ty, &params, host);
            let flat = flat.map_err(error)?;
            results.iter_mut().zip(flat).for_each(|(result, flat)| *result = val(flat));
            Ok(())
        }))
    }
}

fn val_type(ty: CoreType) -> wasmi::ValType {
    match ty {
        CoreType::I32 => wasmi::ValType::I32,
        CoreType::I64 => wasmi::ValType::I64,
        CoreType::F32 => wasmi::ValType::F32,
        CoreType::F64 => wasmi::ValType::F64,
    }
}
