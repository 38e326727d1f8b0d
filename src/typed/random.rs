//! Signatures that the build script draws.
//! Knows nothing of what they are.
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    reason = "flags are named as the component has them"
)]

use super::form::{Cx, Form, whole};
use super::{CALL, Family, Signature, WRAP, derive, form};
use crate::types::Type;
use crate::value::Value;

include!(concat!(env!("OUT_DIR"), "/random.rs"));
