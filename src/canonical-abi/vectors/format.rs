//! The lines of a file of vectors of single operations: their shape.
//! Knows nothing of what is done with them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::values::{Chunks, CoreTypeName, Decimal, Encoding, Ptr};
use crate::Recorder;

#[derive(Deserialize)]
pub struct Header {
    pub op: String,
    pub schema: u32,
    pub spec_commit: String,
    pub mem_size: usize,
    pub fill: String,
    pub realloc: Allocator,
    pub counts: BTreeMap<String, usize>,
    pub total: usize,
    /// Who watches the guests: that is not in the file.
    #[serde(skip)]
    pub recorder: Recorder,
}

#[derive(Deserialize)]
pub struct Allocator {
    pub kind: String,
    pub start: u64,
}

#[derive(Deserialize)]
pub struct Vector {
    pub id: String,
    pub group: String,
    #[serde(flatten)]
    pub op: Op,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Op {
    Layout(LayoutOp),
    Functype(FunctypeOp),
    Lower(LowerOp),
    Lift(LiftOp),
    Pass(PassOp),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutOp {
    pub r#type: Json,
    pub i32: Measures,
    pub i64: Measures,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Measures {
    pub size: u64,
    pub align: u64,
    pub flat: Vec<CoreTypeName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctypeOp {
    pub params: Vec<Json>,
    pub result: Option<Json>,
    pub i32: Signatures,
    pub i64: Signatures,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Signatures {
    pub lift: Signature,
    pub lower: Signature,
    pub lift_async_callback: Signature,
    pub lift_async_stackful: Signature,
    pub lower_async: Signature,
}

pub type Signature = (Vec<CoreTypeName>, Vec<CoreTypeName>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowerOp {
    pub role: Role,
    pub types: Vec<Json>,
    pub enc: Encoding,
    pub ptr: Ptr,
    pub max_flat: usize,
    pub out_ptr: Option<Decimal>,
    #[serde(default)]
    pub overrides: BTreeMap<String, Decimal>,
    #[serde(rename = "note")]
    _note: Option<String>,
    pub vals: Vec<Json>,
    pub ty: Vec<Measures>,
    pub core: Signatures,
    pub flat: Option<Vec<(CoreTypeName, String)>>,
    pub reallocs: Vec<Realloc>,
    pub mem: Option<Chunks>,
    pub lifted: Option<Vec<Json>>,
    #[serde(default)]
    pub trap: bool,
    pub trap_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftOp {
    pub types: Vec<Json>,
    pub enc: Encoding,
    pub ptr: Ptr,
    pub max_flat: usize,
    #[serde(rename = "note")]
    _note: Option<String>,
    pub flat: Vec<(CoreTypeName, String)>,
    pub mem: Chunks,
    pub lifted: Option<Vec<Json>>,
    #[serde(default)]
    pub trap: bool,
    pub trap_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassOp {
    pub types: Vec<Json>,
    pub src: Source,
    pub dst: Destination,
    #[serde(default)]
    pub overrides: BTreeMap<String, Decimal>,
    #[serde(rename = "note")]
    _note: Option<String>,
    pub lifted: Option<Vec<Json>>,
    pub flat: Option<Vec<(CoreTypeName, String)>>,
    pub reallocs: Vec<Realloc>,
    pub mem: Option<Chunks>,
    #[serde(default)]
    pub trap: bool,
    pub trap_at: Option<String>,
    pub phase: Option<Phase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub enc: Encoding,
    pub ptr: Ptr,
    pub max_flat: usize,
    pub flat: Vec<(CoreTypeName, String)>,
    pub mem: Chunks,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub enc: Encoding,
    pub ptr: Ptr,
    pub max_flat: usize,
    pub out_ptr: Option<Decimal>,
}

pub type Realloc = (Decimal, Decimal, Decimal, Decimal, Option<Decimal>);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Params,
    Result,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Lift,
    Lower,
}
