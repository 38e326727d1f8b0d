//! The interpreter as a host embeds it.
//! Knows the runtime's interface only.

use canonical_abi::Trap;
use canonical_abi::value::Value;

use super::call::{Context, Host};

/// A host that offers nothing.
impl Host for () {
    fn call(_: &mut Context<'_, ()>, _: &str, _: Vec<Value>) -> Result<Option<Value>, Trap> {
        Err(Trap::Host)
    }

    fn drop(_: &mut Context<'_, ()>, _: &str, _: u32) -> Result<(), Trap> {
        Err(Trap::Host)
    }
}
