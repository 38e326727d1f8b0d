//! A guest that deviations mistake for another, or whose memory they take for what it was.
//! Knows nothing of the order of calls.

use std::ops::Range;

use canonical_abi::machine::{Func, Options};
use canonical_abi::types::{FuncType, Type};
use canonical_abi::{Deviation, Guest};

use crate::call::Host;
use crate::guest::CoreInstance;

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

impl<T: Host> CoreInstance<'_, T> {
    /// Takes what is the caller's for what is the callee's.
    pub fn mistake_for(&mut self, caller: &Options, ty: &FuncType) {
        let reallocs = self.realloc.is_some() && caller.realloc.is_some();
        if reallocs && self.watch().deviates(Deviation::CallersReallocForParams) {
            self.realloc = caller.realloc;
        }
        let mut handles = ty.params.iter().flat_map(Type::handles);
        if handles.next().is_some() && self.watch().deviates(Deviation::HandlesLandInCaller) {
            self.table = caller.instance;
        }
    }

    /// Stores the result in the memory of the callee.
    pub fn store_result_in(&mut self, callee: &Func) {
        self.memory = self.mistaken_memory(callee, Deviation::ResultStoredInCallee);
    }

    /// Reads the params, which may be looked for in the memory of the callee.
    pub fn read_params_from(&mut self, callee: &Func) {
        self.memory = self.mistaken_memory(callee, Deviation::ParamsReadFromCallee);
    }

    /// The memory to use, which may be that of the other side.
    fn mistaken_memory(&mut self, other: &Func, deviation: Deviation) -> Option<wasmi::Memory> {
        let Func::Lifted(other) = other else { return self.memory };
        let (own, other) = (self.memory?, &other.opts);
        let Some(memory) = other.memory else { return Some(own) };
        let alike = self.ptr_type == other.lift_lower.ptr_type;
        let mistaken = alike && self.watch().deviates(deviation);
        Some(if mistaken { self.store.data().memories[memory.0] } else { own })
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
        self.store.data_mut().guests[self.instance].entered = memory;
        self.memory().len()
    }

    /// It has returned. Whether the memory is taken to be no longer than it was.
    pub fn left(&mut self, size: usize) -> bool {
        self.store.data_mut().guests[self.instance].entered = None;
        let grown = self.memory().len() > size;
        grown && self.watch().deviates(Deviation::BoundsAsOfEntry)
    }

    /// Reads from the memory as it was when the function was entered, if that was kept.
    pub fn read_as_of_entry(&mut self) {
        if let Some(entered) = self.store.data_mut().guests[self.instance].entered.take() {
            self.as_of = AsOf::Then(entered);
        }
    }
}
