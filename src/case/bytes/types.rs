//! Types as a table whose entries refer to earlier ones only, and back.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::case::Limits;
use crate::types::{self, Field, Handle, Type, VariantCase};

use super::form::{FuncType, Label, Run, TypeEntry, TypeRef};

/// The types met so far. Equal types share an entry.
#[derive(Default)]
pub struct TypeTable {
    entries: Vec<TypeEntry>,
    refs: BTreeMap<TypeEntry, TypeRef>,
}

impl TypeTable {
    pub fn into_entries(self) -> Vec<TypeEntry> {
        self.entries
    }

    pub fn functype(&mut self, ty: &types::FuncType) -> FuncType {
        let params = self.runs(ty.params.iter().map(Some));
        let result = ty.result.as_ref().map(|ty| self.add(ty));
        FuncType { params, result, is_async: ty.is_async }
    }

    fn add(&mut self, ty: &Type) -> TypeRef {
        let entry = self.entry(ty);
        if let Some(position) = self.refs.get(&entry) {
            return *position;
        }
        let position = number(self.entries.len());
        self.entries.push(entry.clone());
        self.refs.insert(entry, position);
        position
    }

    fn entry(&mut self, ty: &Type) -> TypeEntry {
        match ty {
            Type::Bool => TypeEntry::Bool,
            Type::S8 => TypeEntry::S8,
            Type::U8 => TypeEntry::U8,
            Type::S16 => TypeEntry::S16,
            Type::U16 => TypeEntry::U16,
            Type::S32 => TypeEntry::S32,
            Type::U32 => TypeEntry::U32,
            Type::S64 => TypeEntry::S64,
            Type::U64 => TypeEntry::U64,
            Type::F32 => TypeEntry::F32,
            Type::F64 => TypeEntry::F64,
            Type::Char => TypeEntry::Char,
            Type::String => TypeEntry::String,
            Type::List(elem) => TypeEntry::List(self.add(elem)),
            Type::FixedLengthList(elem, length) => {
                TypeEntry::FixedLengthList(self.add(elem), *length)
            }
            Type::Record(fields) => TypeEntry::Record(
                self.runs(fields.iter().map(|field| Some(&field.ty))),
                given(fields.iter().map(|field| &field.label)),
            ),
            Type::Tuple(types) => TypeEntry::Tuple(self.runs(types.iter().map(Some))),
            Type::Variant(cases) => TypeEntry::Variant(
                self.runs(cases.iter().map(|case| case.ty.as_ref())),
                given(cases.iter().map(|case| &case.label)),
            ),
            Type::Enum(labels) => TypeEntry::Enum(number(labels.len()), given(labels)),
            Type::Option(some) => TypeEntry::Option(self.add(some)),
            Type::Result(ok, error) => {
                let ok = ok.as_ref().map(|ty| self.add(ty));
                TypeEntry::Result(ok, error.as_ref().map(|ty| self.add(ty)))
            }
            Type::Flags(labels) => TypeEntry::Flags(number(labels.len()), given(labels)),
            Type::Map(key, value) => TypeEntry::Map(self.add(key), self.add(value)),
            Type::Handle(Handle::Own(resource)) => TypeEntry::Own(*resource),
            Type::Handle(Handle::Borrow(resource)) => TypeEntry::Borrow(*resource),
            // No valid case has one, so what it becomes need only be refused: this is empty.
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                TypeEntry::Tuple(Vec::new())
            }
        }
    }

    fn runs<'a>(&mut self, types: impl Iterator<Item = Option<&'a Type>>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for ty in types {
            let ty = ty.map(|ty| self.add(ty));
            match runs.last_mut() {
                Some(run) if run.ty == ty => run.count += 1,
                Some(_) | None => runs.push(Run { count: 1, ty }),
            }
        }
        runs
    }
}

fn given<'a>(labels: impl IntoIterator<Item = &'a types::Label>) -> Vec<Label> {
    let labels = labels.into_iter().enumerate();
    let given = labels.filter_map(|(position, label)| Some((position, label.0.as_deref()?)));
    given.map(|(position, name)| Label { position: number(position), name: name.into() }).collect()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a case in memory has fewer parts")
}

/// Rebuilds trees from a table. An entry may be used often, so that a short table can stand for a
/// tree beyond all bounds: each node and label is paid for.
pub struct Builder<'a> {
    entries: &'a [TypeEntry],
    limits: &'a Limits,
    nodes: u32,
    label_bytes: usize,
}

impl<'a> Builder<'a> {
    pub fn new(entries: &'a [TypeEntry], limits: &'a Limits) -> Builder<'a> {
        Builder { entries, limits, nodes: 0, label_bytes: 0 }
    }

    pub fn functype(&mut self, ty: &FuncType) -> Result<types::FuncType> {
        self.nodes = 0;
        let params = self.typed(&ty.params, self.entries.len(), 0)?;
        let result = ty.result.map(|ty| self.build(ty, self.entries.len(), 0)).transpose()?;
        Ok(types::FuncType { params, result, is_async: ty.is_async })
    }

    /// `end` is the position of the entry that refers to `ty`.
    fn build(&mut self, ty: TypeRef, end: usize, depth: u32) -> Result<Type> {
        let position = usize::try_from(ty)?;
        ensure!(position < end, "a type refers to a later one");
        ensure!(depth < self.limits.type_depth, "the type is nested too deeply");
        self.pay(1)?;
        self.build_entry(&self.entries[position], position, depth + 1)
    }

    fn build_entry(&mut self, entry: &TypeEntry, end: usize, depth: u32) -> Result<Type> {
        Ok(match entry {
            TypeEntry::Bool => Type::Bool,
            TypeEntry::S8 => Type::S8,
            TypeEntry::U8 => Type::U8,
            TypeEntry::S16 => Type::S16,
            TypeEntry::U16 => Type::U16,
            TypeEntry::S32 => Type::S32,
            TypeEntry::U32 => Type::U32,
            TypeEntry::S64 => Type::S64,
            TypeEntry::U64 => Type::U64,
            TypeEntry::F32 => Type::F32,
            TypeEntry::F64 => Type::F64,
            TypeEntry::Char => Type::Char,
            TypeEntry::String => Type::String,
            TypeEntry::List(elem) => Type::List(self.boxed(*elem, end, depth)?),
            TypeEntry::FixedLengthList(elem, length) => {
                Type::FixedLengthList(self.boxed(*elem, end, depth)?, *length)
            }
            TypeEntry::Record(runs, labels) => {
                let types = self.typed(runs, end, depth)?;
                let labels = self.labels(types.len(), labels)?;
                Type::Record(labels.zip(types).map(|(label, ty)| Field { label, ty }).collect())
            }
            TypeEntry::Tuple(runs) => Type::Tuple(self.typed(runs, end, depth)?),
            TypeEntry::Variant(runs, labels) => {
                let types = self.expand(runs, end, depth)?;
                let labels = self.labels(types.len(), labels)?;
                let case = |(label, ty)| VariantCase { label, ty };
                Type::Variant(labels.zip(types).map(case).collect())
            }
            TypeEntry::Enum(count, labels) => Type::Enum(self.untyped(*count, labels)?),
            TypeEntry::Option(some) => Type::Option(self.boxed(*some, end, depth)?),
            TypeEntry::Result(ok, error) => {
                let ok = ok.map(|ty| self.boxed(ty, end, depth)).transpose()?;
                let error = error.map(|ty| self.boxed(ty, end, depth)).transpose()?;
                Type::Result(ok, error)
            }
            TypeEntry::Flags(count, labels) => Type::Flags(self.untyped(*count, labels)?),
            TypeEntry::Map(key, value) => {
                let key = self.boxed(*key, end, depth)?;
                Type::Map(key, self.boxed(*value, end, depth)?)
            }
            TypeEntry::Own(resource) => Type::Handle(Handle::Own(*resource)),
            TypeEntry::Borrow(resource) => Type::Handle(Handle::Borrow(*resource)),
        })
    }

    fn boxed(&mut self, ty: TypeRef, end: usize, depth: u32) -> Result<Box<Type>> {
        self.build(ty, end, depth).map(Box::new)
    }

    fn expand(&mut self, runs: &[Run], end: usize, depth: u32) -> Result<Vec<Option<Type>>> {
        let mut types = Vec::new();
        for run in runs {
            for _ in 0..run.count {
                types.push(match run.ty {
                    Some(ty) => Some(self.build(ty, end, depth)?),
                    None => self.pay(1).map(|()| None)?,
                });
            }
        }
        Ok(types)
    }

    fn typed(&mut self, runs: &[Run], end: usize, depth: u32) -> Result<Vec<Type>> {
        let types = self.expand(runs, end, depth)?;
        types.into_iter().collect::<Option<_>>().context("a member lacks its type")
    }

    fn untyped(&mut self, count: u32, given: &[Label]) -> Result<Vec<types::Label>> {
        self.pay(count)?;
        Ok(self.labels(usize::try_from(count)?, given)?.collect())
    }

    fn labels(
        &mut self,
        count: usize,
        given: &[Label],
    ) -> Result<impl Iterator<Item = types::Label> + use<>> {
        let mut labels = vec![types::Label::default(); count];
        for label in given {
            self.label_bytes += label.name.len();
            let within = u32::try_from(self.label_bytes)? <= self.limits.payload_bytes;
            ensure!(within, "the labels are too long");
            let place = labels.get_mut(usize::try_from(label.position)?);
            place.context("a label has no member")?.0 = Some(label.name.as_str().into());
        }
        Ok(labels.into_iter())
    }

    fn pay(&mut self, nodes: u32) -> Result<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        ensure!(self.nodes <= self.limits.type_nodes, "the types are too many");
        Ok(())
    }
}
