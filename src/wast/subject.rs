//! The subject as an engine for scripts.
//! Knows the adapter's interface, not how Wasmtime is driven.

use super::engine::{self, Stop};
use crate::engine::wasmtime::any::{Compiled, NotInstantiated, Running, Subject};
use crate::types::FuncType;
use crate::value::Value;

impl engine::Engine for Subject {
    fn name(&self) -> &'static str {
        "subject"
    }

    fn validate(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.compile(bytes).map(|_| ()).map_err(Stop::of)
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Box<dyn engine::Instance>, Stop> {
        let compiled = self.compile(bytes).map_err(Stop::of)?;
        match Compiled::instantiate(&compiled) {
            Ok(running) => Ok(Box::new(running)),
            Err(NotInstantiated::Unlinkable(why)) => Err(Stop::Unlinkable(why)),
            Err(NotInstantiated::Ended(outcome)) => Err(Stop::of(outcome)),
        }
    }
}

impl engine::Instance for Running {
    fn func_type(&self, path: &str) -> Option<Result<FuncType, Stop>> {
        let ty = self.export(path)?;
        Some(ty.cloned().map_err(|name| Stop::Unsupported(name.to_string())))
    }

    fn call(&mut self, path: &str, args: &[Value]) -> Result<Option<Value>, Stop> {
        Running::call(self, path, args).map_err(Stop::of)
    }
}
