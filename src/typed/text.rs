//! Strings: owned, shared, and as views.
//! Knows nothing of what strings are in.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::WasmStr;

use super::form::{Cx, Form, misfit, whole};
use crate::types::Type;
use crate::value::Value;

fn text(value: &Value) -> &str {
    if let Value::String(string) = value { &string.text } else { misfit(value, &Type::String) }
}

macro_rules! strings {
    ($($rust:ty),*) => { $(
        impl Form for $rust {
            type Lower = $rust;
            type Lift = $rust;
            whole!();

            fn ty() -> Type {
                Type::String
            }

            fn from_value(_: Cx<'_, '_>, value: &Value) -> Result<$rust> {
                Ok(text(value).into())
            }

            fn put(_: Cx<'_, '_>, lift: $rust, values: &mut Vec<Value>) -> Result<()> {
                values.push(Value::string(&*lift));
                Ok(())
            }
        }
    )* };
}

strings!(String, Box<str>, Arc<str>);

/// `&str` where it is lowered and can be borrowed, `WasmStr` where it is lifted.
pub(super) struct Text;

impl Form for Text {
    type Lower = Arc<str>;
    type Ref<'a> = &'a str;
    type Lift = WasmStr;

    const LAZY: bool = true;

    fn ty() -> Type {
        Type::String
    }

    fn from_value(_: Cx<'_, '_>, value: &Value) -> Result<Arc<str>> {
        Ok(text(value).into())
    }

    fn lend(lower: &mut Option<Arc<str>>) -> &str {
        lower.as_deref().expect("it was made")
    }

    fn put(cx: Cx<'_, '_>, lift: WasmStr, values: &mut Vec<Value>) -> Result<()> {
        values.push(Value::string(lift.to_str(&*cx)?));
        Ok(())
    }
}
