//! What a vector defines, as a machine has it: instances, resource types, functions and built-ins.
//! Knows nothing of its trace.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value as Json;

use crate::machine::{CoreId, Defined, Destructor, Func, HostFunc, Lifted, Lowered, Machine};
use crate::machine::{MemoryId, Options, ResourceTypes, TableId};
use crate::types::{FuncType, Handle, Type};
use crate::vectors::trace::{self, Abi, CoreSignature, Definition, Of, Vector};
use crate::vectors::values::{Encoding, check_parts, names, parse_type, parse_types};
use crate::vectors::{Checks, Difference};
use crate::{BuiltIn, CoreFuncType, CoreType, LiftLowerOptions, PtrType, Signature};

/// What guests and the host may call, by the numbers of the vector, and what guests consist of, by those of the
/// machine.
pub struct Definitions {
    pub funcs: Vec<Arc<Lifted>>,
    pub hosts: Vec<Arc<HostFunc>>,
    pub defs: Vec<Def>,
    pub cores: Vec<CoreFunc>,
    /// The instances that memories are of.
    pub memories: Vec<usize>,
    pub tables: Vec<Vec<Option<CoreId>>>,
    pub resources: ResourceTypes,
}

/// A core function that guests call.
#[derive(Clone, Debug)]
pub enum Def {
    Lowered(Arc<Lowered>),
    BuiltIn(Arc<Defined>),
}

/// A core function of a guest's.
#[derive(Clone, Debug)]
pub struct CoreFunc {
    pub kind: CoreKind,
    /// By which number traces know it.
    pub number: usize,
    pub instance: usize,
    pub ty: CoreFuncType,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CoreKind {
    Func,
    Callback,
    PostReturn,
    Realloc,
    Destructor,
    Entry,
}

impl CoreFunc {
    /// As traces have it.
    pub fn name(&self) -> String {
        let kind = match self.kind {
            CoreKind::Func => "f",
            CoreKind::Callback => "cb",
            CoreKind::PostReturn => "post",
            CoreKind::Realloc => "realloc",
            CoreKind::Destructor => "dtor",
            CoreKind::Entry => "t",
        };
        format!("{kind}{}", self.number)
    }
}

impl Def {
    /// The instance whose core code may call it.
    pub fn instance(&self) -> usize {
        match self {
            Def::Lowered(lowered) => lowered.opts.instance,
            Def::BuiltIn(defined) => defined.opts.instance,
        }
    }

    /// The core type.
    pub fn ty(&self) -> CoreFuncType {
        match self {
            Def::Lowered(lowered) => lowered.flat_ft().into_owned(),
            Def::BuiltIn(defined) => defined.flat_ft(),
        }
    }
}

/// Defines all that a vector has, in an empty machine. Core types that are others than the vector expects are
/// a difference.
pub fn define(vector: &Vector, machine: &mut Machine) -> Result<(Definitions, Option<Difference>)> {
    check_parts(vector.types())?;
    for (i, instance) in vector.inst.iter().enumerate() {
        ensure!(instance.p.is_none_or(|parent| parent < i), "instance {i} comes before its parent");
        machine.begin_instance(instance.p);
    }
    for memory in &vector.mem {
        find(&vector.inst, memory.i, "instance")?;
    }
    let memories = vector.mem.iter().map(|memory| memory.i).collect();
    let (funcs, hosts, defs, cores, tables) = Default::default();
    let resources = ResourceTypes::default();
    let mut all = Definitions { funcs, hosts, defs, cores, memories, tables, resources };
    let mut checks = Checks::default();
    all.define_cores(vector)?;
    all.define_resources(vector, machine)?;
    all.define_funcs(vector, &mut checks)?;
    all.define_hosts(vector)?;
    all.define_defs(vector, &mut checks)?;
    Ok((all, checks.0))
}

/// What has this number.
fn find<'a, T>(among: &'a [T], number: usize, noun: &str) -> Result<&'a T> {
    among.get(number).with_context(|| format!("there is no {noun} {number}"))
}

impl Definitions {
    fn define_cores(&mut self, vector: &Vector) -> Result<()> {
        for (i, instance) in vector.inst.iter().enumerate() {
            let pointer = PtrType::from(instance.ptr).core_type();
            self.core(CoreKind::Realloc, i, i, vec![pointer; 4], vec![pointer]);
        }
        for (r, resource) in vector.res.iter().enumerate() {
            find(&vector.inst, resource.i, "instance")?;
            self.core(CoreKind::Destructor, r, resource.i, vec![CoreType::I32], Vec::new());
        }
        for (n, entry) in vector.table.iter().enumerate() {
            find(&vector.inst, entry.i, "instance")?;
            let param = PtrType::from(entry.sig).core_type();
            self.core(CoreKind::Entry, n, entry.i, vec![param], Vec::new());
        }
        Ok(())
    }

    fn core(
        &mut self,
        kind: CoreKind,
        number: usize,
        instance: usize,
        params: Vec<CoreType>,
        results: Vec<CoreType>,
    ) -> CoreId {
        self.cores.push(CoreFunc { kind, number, instance, ty: CoreFuncType { params, results } });
        CoreId(self.cores.len() - 1)
    }

    /// The core function that is of this kind and has this number.
    fn core_of(&self, kind: CoreKind, number: usize) -> Option<CoreId> {
        let is_it = |core: &CoreFunc| core.kind == kind && core.number == number;
        self.cores.iter().position(is_it).map(CoreId)
    }

    fn define_resources(&mut self, vector: &Vector, machine: &mut Machine) -> Result<()> {
        let resources = vector.res.iter().enumerate().map(|(r, resource)| {
            let destructor = self.core_of(CoreKind::Destructor, r).filter(|_| resource.dtor);
            Some(machine.resource_type(Some(resource.i), Destructor::Guest(destructor)))
        });
        self.resources = Arc::new(resources.collect());
        Ok(())
    }

    fn define_funcs(&mut self, vector: &Vector, checks: &mut Checks) -> Result<()> {
        for (n, func) in vector.func.iter().enumerate() {
            let lifted = self.lift(vector, n, func).with_context(|| format!("func {n}"))?;
            let core = signature(&self.cores[lifted.core.0].ty);
            checks.check(&format!("core of func {n}"), &func.core, &core);
            self.funcs.push(Arc::new(lifted));
        }
        Ok(())
    }

    fn lift(&mut self, vector: &Vector, n: usize, func: &trace::Func) -> Result<Lifted> {
        let signature = self.signature(&func.params, func.result.as_ref(), func.r#async)?;
        let is_async = func.abi != Abi::Sync;
        ensure!(!is_async || func.r#async, "its type is not async, as its options are");
        ensure!(!is_async || !func.post, "it has post-return and is async");
        let mut opts = self.options(vector, func.i, func.mem, func.enc)?;
        opts.is_async = is_async;
        if func.abi == Abi::Callback {
            let (params, results) = (vec![CoreType::I32; 3], vec![CoreType::I32]);
            opts.callback = Some(self.core(CoreKind::Callback, n, func.i, params, results));
        }
        let (core, resources) = (CoreId(self.cores.len()), self.resources.clone());
        let mut lifted = Lifted { core, signature, opts, resources };
        let CoreFuncType { params, results } = lifted.flat_ft().into_owned();
        self.core(CoreKind::Func, n, func.i, params, results.clone());
        if func.post {
            let post_return = self.core(CoreKind::PostReturn, n, func.i, results, Vec::new());
            lifted.opts.post_return = Some(post_return);
        }
        Ok(lifted)
    }

    fn signature(
        &self,
        params: &[Json],
        result: Option<&Json>,
        is_async: bool,
    ) -> Result<Arc<Signature>> {
        let (params, result) = (parse_types(params)?, result.map(parse_type).transpose()?);
        let ty = FuncType { params, result, is_async };
        let unknown = &mut |ty: &Type| {
            let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty else {
                return false;
            };
            usize::try_from(*resource).is_ok_and(|r| r >= self.resources.len())
        };
        ensure!(!ty.params.iter().chain(&ty.result).any(|ty| ty.any(unknown)), "no such resource");
        Ok(Arc::new(ty.into()))
    }

    /// The options of a definition with this memory and this encoding: each `realloc` is that of the instance.
    fn options(&self, vector: &Vector, i: usize, mem: usize, enc: Encoding) -> Result<Options> {
        find(&vector.inst, i, "instance")?;
        let memory = find(&vector.mem, mem, "memory")?;
        ensure!(memory.i == i, "memory {mem} is not that of instance {i}");
        let (string_encoding, ptr_type) = (enc.into(), memory.ptr.into());
        Ok(Options {
            lift_lower: LiftLowerOptions { string_encoding, ptr_type },
            memory: Some(MemoryId(mem)),
            realloc: self.core_of(CoreKind::Realloc, i),
            ..Options::none(i)
        })
    }

    fn define_hosts(&mut self, vector: &Vector) -> Result<()> {
        for (h, func) in vector.host.iter().enumerate() {
            let signature = self.signature(&func.params, func.result.as_ref(), func.r#async);
            let signature = signature.with_context(|| format!("host {h}"))?;
            let (path, resources) = (h.to_string(), self.resources.clone());
            self.hosts.push(Arc::new(HostFunc { path, signature, resources }));
        }
        Ok(())
    }

    fn define_defs(&mut self, vector: &Vector, checks: &mut Checks) -> Result<()> {
        for (d, definition) in vector.def.iter().enumerate() {
            let def = self.def(vector, definition).with_context(|| format!("def {d}"))?;
            if let Some(core) = definition.of.core() {
                checks.check(&format!("core of def {d}"), core, &signature(&def.ty()));
            }
            self.defs.push(def);
        }
        Ok(())
    }

    fn def(&mut self, vector: &Vector, definition: &Definition) -> Result<Def> {
        let Definition { k, i, of } = definition;
        find(&vector.inst, *i, "instance")?;
        if let Of::Lower(lower) = of {
            let opts = self.options(vector, *i, lower.mem, lower.enc)?;
            let opts = Options { is_async: lower.r#async, ..opts };
            let callee = self.callee(lower)?;
            return Ok(Def::Lowered(Arc::new(Lowered { opts, callee })));
        }
        let which = BuiltIn::named(k).with_context(|| format!("no built-in is called {k}"))?;
        let resources = self.resources.clone();
        let plain = Defined { resources, ..Defined::new(which, *i) };
        self.built_in(vector, plain, of).map(|defined| Def::BuiltIn(Arc::new(defined)))
    }

    fn callee(&self, lower: &trace::Lower) -> Result<Func> {
        match (lower.f, lower.h) {
            (Some(f), None) => Ok(Func::Lifted(find(&self.funcs, f, "func")?.clone())),
            (None, Some(h)) => Ok(Func::Host(find(&self.hosts, h, "host")?.clone())),
            (Some(_), Some(_)) | (None, None) => bail!("it needs either f or h"),
        }
    }

    /// A built-in, with what it is made for.
    fn built_in(&mut self, vector: &Vector, plain: Defined, of: &Of) -> Result<Defined> {
        let i = plain.opts.instance;
        Ok(match of {
            Of::Lower(_) => bail!("that is no built-in"),
            Of::Nothing(_) => plain,
            Of::Return(of) => {
                let opts = self.options(vector, i, of.mem, of.enc)?;
                Defined { opts, signature: self.element(&of.t)?, ..plain }
            }
            Of::Slot(of) => {
                ensure!(of.slot < 2, "a thread has no slot {}", of.slot);
                Defined { slot: of.slot, slot_type: PtrType::from(of.ct).core_type(), ..plain }
            }
            Of::Set(of) => {
                let opts = self.options(vector, i, of.mem, Encoding::Utf8)?;
                Defined { opts, cancellable: of.cancellable, ..plain }
            }
            Of::Cancel(of) => {
                let opts = Options { is_async: of.r#async, ..plain.opts.clone() };
                Defined { opts, ..plain }
            }
            Of::Type(of) => Defined { signature: self.element(&of.t)?, ..plain },
            Of::CancelCopy(of) => {
                let opts = Options { is_async: of.r#async, ..plain.opts.clone() };
                Defined { opts, signature: self.element(&of.t)?, ..plain }
            }
            Of::Copy(of) => {
                let opts = self.options(vector, i, of.mem, of.enc)?;
                let opts = Options { is_async: of.r#async, ..opts };
                Defined { opts, signature: self.element(&of.t)?, ..plain }
            }
            Of::Threads(of) => {
                let table = Some(self.table(vector, &of.table)?);
                Defined { table, slot_type: PtrType::from(of.sig).core_type(), ..plain }
            }
            Of::Switch(of) => Defined { cancellable: of.cancellable, ..plain },
            Of::Message(of) => Defined { opts: self.options(vector, i, of.mem, of.enc)?, ..plain },
            Of::Resource(of) => {
                find(&vector.res, of.r, "resource type")?;
                Defined { resource: u32::try_from(of.r)?, ..plain }
            }
        })
    }

    /// A function whose result is of this type, if it is one.
    pub fn element(&self, t: &Json) -> Result<Arc<Signature>> {
        self.signature(&[], Some(t).filter(|t| !t.is_null()), false)
    }

    fn table(&mut self, vector: &Vector, entries: &[Option<usize>]) -> Result<TableId> {
        let entry = |entry: &Option<usize>| match entry {
            None => Ok(None),
            Some(n) => {
                find(&vector.table, *n, "table entry")?;
                Ok(self.core_of(CoreKind::Entry, *n))
            }
        };
        let entries = entries.iter().map(entry).collect::<Result<_>>()?;
        self.tables.push(entries);
        Ok(TableId(self.tables.len() - 1))
    }
}

/// A core type as vectors have it.
fn signature(ty: &CoreFuncType) -> CoreSignature {
    (names(&ty.params), names(&ty.results))
}
