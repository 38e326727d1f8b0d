//! What a store carries: the host of a case, and how it goes about its calls.
//! Knows nothing of the calls themselves.

use std::any::Any;

use canonfuzz_typed::{Data, Host};
use wasmtime::component::{Func, ResourceAny};
use wasmtime::{Error, ResourceLimiter, Result};

use super::fault::{Fault, Leg};
use super::typed::Signature;
use crate::case::Shape;
use crate::engine::host::HostScript;
use crate::engine::machine;
use crate::types::Resource;
use crate::value::Value;

pub struct State {
    pub host: HostScript<ResourceAny>,
    pub export: Option<Func>,
    /// The static types that the host calls it by.
    pub typed: Option<&'static Signature>,
    /// How often the host's function is polled in vain.
    pub polls: u32,
    /// What is planted in the way that values pass, if it is in this one.
    pub fault: Option<Fault>,
    pub growth: Growth,
}

/// Lets memories and tables grow, and ends a run in which the machine has no room for one: a guest would take
/// that for the engine's answer.
pub struct Growth;

/// What the guest may be told of a memory that could not grow: not that the machine had no room for it.
pub fn unless_machine(error: Error) -> Result<()> {
    if machine::gave_out(&format!("{error:#}")) { Err(error) } else { Ok(()) }
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        unless_machine(error)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

impl State {
    /// A host that calls in the plainest way.
    pub fn of(shape: &Shape) -> State {
        let (host, growth) = (HostScript::of(shape), Growth);
        State { host, export: None, typed: None, polls: 0, fault: None, growth }
    }

    /// Values on their way, which are as they were but where a fault is planted.
    pub fn pass(&self, leg: Leg, values: &mut [Value]) {
        if let Some(fault) = self.fault.filter(|fault| fault.leg == leg) {
            fault.change(values);
        }
    }

    pub fn carried(self) -> Data {
        Data(Box::new(self))
    }
}

impl Host for State {
    fn defines(&self, resource: Resource) -> bool {
        self.host.defines(resource)
    }

    fn held(&self, number: u32) -> ResourceAny {
        self.host.holdings.held(number).expect("nothing is missing").handle
    }

    fn receive(&mut self, resource: Resource, handle: ResourceAny) -> u32 {
        self.host.holdings.receive(resource, handle)
    }

    fn give(&mut self) {
        self.host.give();
    }
}

/// What stores of this adapter carry is always a `State`.
pub trait AsState {
    fn state(&self) -> &State;
    fn state_mut(&mut self) -> &mut State;
}

const OURS: &str = "every store is made with a state";

impl AsState for Data {
    fn state(&self) -> &State {
        let host: &dyn Any = &*self.0;
        host.downcast_ref().expect(OURS)
    }

    fn state_mut(&mut self) -> &mut State {
        let host: &mut dyn Any = &mut *self.0;
        host.downcast_mut().expect(OURS)
    }
}
