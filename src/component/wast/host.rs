//! The host that scripts import from: it offers what that of the reference tests' own runner does.
//! Knows no engine.

use std::cell::Cell;
use std::rc::Rc;

use canonical_abi::types::Resource;
use canonical_abi::value::Value;
use canonical_abi::{Stop, Trap};

use super::link::{Offer, Offers};
use super::read;
use crate::call::{HostCall, Reply};
use crate::decode::decode;
use crate::definition::Import;
use crate::{Context, CoreModule, Host};

/// What it offers, as the imports of a component.
const INTERFACE: &str = r#"(component
  (import "host-return-two" (func (result u32)))
  (import "host-echo-u32" (func async (param "v" u32) (result u32)))
  (import "host" (instance
    (export "return-three" (func (result u32)))
    (export "nested" (instance (export "return-four" (func (result u32)))))
    (export "simple-module" (core module))
    (export "resource1" (type $r (sub resource)))
    (export "resource2" (type (sub resource)))
    (export "resource1-again" (type (eq $r)))
    (export "[constructor]resource1" (func (param "rep" u32) (result (own $r))))
    (export "[static]resource1.assert" (func (param "r" (own $r)) (param "rep" u32)))
    (export "[static]resource1.last-drop" (func (result u32)))
    (export "[static]resource1.drops" (func (result u32)))
    (export "[method]resource1.simple" (func (param "self" (borrow $r)) (param "rep" u32)))
    (export "[method]resource1.take-borrow"
      (func (param "self" (borrow $r)) (param "b" (borrow $r))))
    (export "[method]resource1.take-own" (func (param "self" (borrow $r)) (param "b" (own $r))))
    (export "return-hi" (func (result string)))
    (export "never-return" (func async))
    (export "return-two-slowly" (func async (result s32)))
    (export "echo-slowly" (func async (param "v" u32) (result u32)))
    (export "[method]resource1.never-return" (func async (param "self" (borrow $r))))))
)"#;

/// `simple-module`.
const MODULE: &str = r#"(module
  (global (export "g") i32 (i32.const 100))
  (func (export "f") (result i32) (i32.const 101)))"#;

/// What the host knows of the resources that were dropped, for all instances of a script: how many, and the
/// representation of the last one.
pub type Drops = Rc<Cell<(u32, u32)>>;

/// The host of one instance.
pub struct ScriptHost {
    pub drops: Drops,
    /// The calls that it answers once nobody else can go on, in the order in which they were made.
    put_off: Vec<PutOff>,
}

/// A call, and what it is answered with: nothing, where a guest has asked that it be cancelled.
struct PutOff {
    call: HostCall,
    result: Option<Value>,
}

/// The core module that the host offers.
pub fn module() -> Vec<u8> {
    bytes(MODULE)
}

fn bytes(text: &str) -> Vec<u8> {
    read::component(text).expect("the text is ours")
}

/// What the host offers, and how many resource types are in it, which have the first numbers.
pub fn offers(engine: &wasmi::Engine) -> (Offers, Resource) {
    let module = CoreModule::new(engine, &module()).expect("the module is ours");
    let interface = decode(&bytes(INTERFACE)).expect("the interface is ours");
    let resources = Resource::try_from(interface.root.resources).expect("they are few");
    let imports = interface.imports.into_iter();
    let offers = imports.map(|(name, import)| (name, offer(import, &module))).collect();
    (offers, resources)
}

fn offer(import: Import, module: &CoreModule) -> Offer {
    match import {
        Import::Func(signature) => Offer::Func(signature.ty().clone()),
        Import::Resource(resource) => Offer::Resource(resource),
        Import::Instance(items) => {
            let items = items.into_iter().map(|(name, item)| (name, offer(item, module)));
            Offer::Instance(items.collect())
        }
        Import::Module => Offer::Module(module.clone()),
        Import::Component | Import::Type => unreachable!("the host offers none"),
    }
}

impl ScriptHost {
    pub fn new(drops: Drops) -> ScriptHost {
        ScriptHost { drops, put_off: Vec::new() }
    }
}

impl Host for ScriptHost {
    fn call(
        context: &mut Context<'_, ScriptHost>,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        let (drops, last_drop) = context.host().drops.get();
        Ok(match (import, args.as_slice()) {
            ("host-return-two", []) => Some(Value::U32(2)),
            ("host#return-three", []) => Some(Value::U32(3)),
            ("host#nested#return-four", []) => Some(Value::U32(4)),
            ("host#return-hi", []) => Some(Value::string("hi")),
            ("host-echo-u32", [value]) => Some(value.clone()),
            ("host#[constructor]resource1", [Value::U32(rep)]) => Some(Value::Handle(*rep)),
            (
                "host#[static]resource1.assert" | "host#[method]resource1.simple",
                [Value::Handle(handle), Value::U32(rep)],
            ) if handle == rep => None,
            ("host#[static]resource1.drops", []) => Some(Value::U32(drops)),
            ("host#[static]resource1.last-drop", []) => Some(Value::U32(last_drop)),
            ("host#[method]resource1.take-borrow" | "host#[method]resource1.take-own", _) => None,
            _ => return Err(Trap::Host.into()),
        })
    }

    fn drop(context: &mut Context<'_, ScriptHost>, resource: &str, rep: u32) -> Result<(), Stop> {
        if resource.starts_with("host#resource1") {
            let drops = &context.host().drops;
            drops.set((drops.get().0 + 1, rep));
        }
        Ok(())
    }

    fn reply(
        context: &mut Context<'_, ScriptHost>,
        call: HostCall,
        import: &str,
        args: Vec<Value>,
    ) -> Result<Reply, Stop> {
        let result = match (import, args.as_slice()) {
            ("host#never-return" | "host#[method]resource1.never-return", _) => {
                return Ok(Reply::Later);
            }
            ("host#return-two-slowly", []) => Value::S32(2),
            ("host#echo-slowly", [value]) => value.clone(),
            _ => return ScriptHost::call(context, import, args).map(Reply::Now),
        };
        context.host().put_off.push(PutOff { call, result: Some(result) });
        Ok(Reply::Later)
    }

    fn cancel(context: &mut Context<'_, ScriptHost>, call: HostCall) -> Result<(), Stop> {
        let put_off = &mut context.host().put_off;
        put_off.retain(|other| other.call != call);
        put_off.push(PutOff { call, result: None });
        Ok(())
    }

    fn idle(context: &mut Context<'_, ScriptHost>) -> Result<bool, Stop> {
        if context.host().put_off.is_empty() {
            return Ok(false);
        }
        let PutOff { call, result } = context.host().put_off.remove(0);
        match result {
            Some(_) => context.answer(call, result)?,
            None => context.cancel(call),
        }
        Ok(true)
    }
}
