//! A guest that deviations mistake for another, or whose memory they take for what it was.
//! Knows nothing of the order of calls.

use std::ops::Range;

use canonical_abi::types::{FuncType, Type};
use canonical_abi::{Deviation, Guest};

use crate::call::CoreInstance;
use crate::state::Options;

/// Which memory is read.
pub enum AsOf {
    Now,
    /// As much of it as there was then.
    Size(usize),
    Then(Vec<u8>),
}

impl AsOf {
    /// What is read, where this is there now.
    pub fn of<'a>(&'a self, memory: &'a [u8]) -> &'a [u8] {
        match self {
            AsOf::Now => memory,
            AsOf::Size(size) => &memory[..(*size).min(memory.len())],
            AsOf::Then(then) => then,
        }
    }
}

impl<'a, T> CoreInstance<'a, T> {
    /// Takes what is the caller's for what is the callee's.
    pub fn mistake_for(&mut self, caller: &'a Options, ty: &FuncType) {
        let reallocs = self.realloc.is_some() && caller.realloc.is_some();
        if reallocs && self.watch().deviates(Deviation::CallersReallocForParams) {
            self.realloc = caller.realloc.as_ref();
        }
        let mut handles = ty.params.iter().flat_map(Type::handles);
        if handles.next().is_some() && self.watch().deviates(Deviation::HandlesLandInCaller) {
            self.table = caller.instance;
        }
    }

    /// Stores the result in the memory of the callee.
    pub fn store_result_in(&mut self, callee: &Options) {
        self.memory = self.mistaken_memory(callee, Deviation::ResultStoredInCallee);
    }

    /// Does what reads the params, which may be looked for in the memory of the callee.
    pub fn reading_params_from<R>(
        &mut self,
        callee: &Options,
        read: impl FnOnce(&mut CoreInstance<'a, T>) -> R,
    ) -> R {
        self.memory = self.mistaken_memory(callee, Deviation::ParamsReadFromCallee);
        let done = read(self);
        self.memory = self.opts.memory;
        done
    }

    /// The memory to use, which may be that of the other side.
    fn mistaken_memory(&mut self, other: &Options, deviation: Deviation) -> Option<wasmi::Memory> {
        let memories = self.memory.is_some() && other.memory.is_some();
        let alike = memories && self.opts.ptr_type == other.ptr_type;
        let mistaken = alike && self.watch().deviates(deviation);
        if mistaken { other.memory } else { self.memory }
    }

    /// The memory as it is before `realloc`, to be put back later.
    pub fn kept_from_realloc(&mut self, old_size: u64) -> Option<Vec<u8>> {
        let first = old_size == 0;
        first.then(|| self.kept(Deviation::ReallocWritesLost)).flatten()
    }

    /// The memory as it is before `post-return`, to be put back later.
    pub fn kept_from_post_return(&mut self) -> Option<Vec<u8>> {
        self.kept(Deviation::PostReturnWritesLost)
    }

    fn kept(&mut self, deviation: Deviation) -> Option<Vec<u8>> {
        let memory = self.memory.filter(|_| self.store.data_mut().watch.deviates(deviation))?;
        Some(memory.data(&self.store).to_vec())
    }

    /// Puts back what was kept, but for these bytes.
    pub fn put_back(&mut self, kept: Option<Vec<u8>>, but: Range<u64>) {
        let Some((memory, kept)) = self.memory.zip(kept) else {
            return;
        };
        let there = memory.data_mut(&mut self.store);
        for ((address, byte), old) in (0..).zip(there.iter_mut()).zip(kept) {
            if !but.contains(&address) {
                *byte = old;
            }
        }
    }

    /// A function of the guest's is entered: how long its memory is. It may be remembered.
    pub fn entered(&mut self) -> usize {
        let memory = self.kept(Deviation::ParamsReadAsOfEntry);
        self.store.data_mut().instances[self.opts.instance].entered = memory;
        self.memory().len()
    }

    /// It has returned. The memory may be taken to be no longer than it was.
    pub fn left(&mut self, size: usize) {
        let grown = self.memory().len() > size;
        if grown && self.watch().deviates(Deviation::BoundsAsOfEntry) {
            self.as_of = AsOf::Size(size);
        }
    }

    /// Does what may read from the memory as it was when the function was entered.
    pub fn as_of_entry<R>(&mut self, read: impl FnOnce(&mut CoreInstance<'a, T>) -> R) -> R {
        let state = self.store.data_mut();
        if let Some(entered) = state.instances[self.opts.instance].entered.take() {
            self.as_of = AsOf::Then(entered);
        }
        let done = read(self);
        self.as_of = AsOf::Now;
        done
    }
}
