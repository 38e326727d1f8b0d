//! What the bytes of a case say, but for its magic and version: a structure that postcard writes.
//! Knows nothing of what is valid. Where a part of a case holds no values and no types, it is written as
//! `case` declares it: the order of its fields and variants is part of the form.

use serde::{Deserialize, Serialize};

use crate::abi;
use crate::case::paths::Paths;
use crate::case::{BuiltInCall, Chunk, Manner, Pages, Patch, Pointer, Resource, Tuning};

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Serialize, Deserialize)]
pub struct Flat {
    pub tuning: Tuning,
    pub paths: Paths,
    pub resources: Vec<Resource>,
    pub types: Vec<TypeEntry>,
    /// What each guest exports, and then what the last one imports, if it does.
    pub functions: Vec<FuncType>,
    pub guests: Vec<Guest>,
    pub calls: Vec<Call>,
    #[serde(with = "serde_bytes")]
    pub values: Vec<u8>,
}

/// The position of an earlier entry in the table of types.
pub type TypeRef = u32;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TypeEntry {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(TypeRef),
    FixedLengthList(TypeRef, u32),
    Record(Vec<Run>, Vec<Label>),
    Tuple(Vec<Run>),
    Variant(Vec<Run>, Vec<Label>),
    Enum(u32, Vec<Label>),
    Option(TypeRef),
    Result(Option<TypeRef>, Option<TypeRef>),
    Flags(u32, Vec<Label>),
    Map(TypeRef, TypeRef),
    Own(u32),
    Borrow(u32),
}

/// Successive members of one type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    pub count: u32,
    pub ty: Option<TypeRef>,
}

/// A label that is given, at its position; the others are named after theirs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label {
    pub position: u32,
    pub name: String,
}

#[derive(Serialize, Deserialize)]
pub struct FuncType {
    pub params: Vec<Run>,
    pub result: Option<TypeRef>,
    pub is_async: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Guest {
    #[serde(with = "PtrType")]
    pub ptr_type: abi::PtrType,
    pub pages: Pages,
    pub export: CanonOpts,
    pub import: Option<CanonOpts>,
    #[serde(with = "serde_bytes")]
    pub noise: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "abi::PtrType")]
enum PtrType {
    I32,
    I64,
}

#[derive(Serialize, Deserialize)]
pub struct CanonOpts {
    #[serde(with = "StringEncoding")]
    pub string_encoding: abi::StringEncoding,
    pub memory: bool,
    pub realloc: bool,
    pub post_return: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "abi::StringEncoding")]
enum StringEncoding {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

#[derive(Serialize, Deserialize)]
pub struct Call {
    pub scripts: Vec<Script>,
    pub host_drops: Vec<u32>,
    pub manner: Manner,
}

#[derive(Serialize, Deserialize)]
pub struct Script {
    pub realloc: Vec<Turn>,
    pub function: Turn,
    pub post_return: Turn,
    pub destructor: Turn,
}

#[derive(Serialize, Deserialize)]
pub struct Turn {
    pub acts: Vec<Act>,
    pub end: End,
}

#[derive(Serialize, Deserialize)]
pub enum Act {
    Import(Passed, Answer),
    Leave,
    BuiltIn(BuiltInCall),
    Grow(u32),
}

/// The values are not here.
#[derive(Serialize, Deserialize)]
pub enum Passed {
    Lowered { patches: Vec<Patch> },
    Raw { flat: Vec<u64>, memory: Vec<Chunk> },
}

/// The value is not here.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    Guest,
    Return,
    Error,
    Reenter,
}

#[derive(Serialize, Deserialize)]
pub enum End {
    Plain,
    Return(Passed),
    Answer(Pointer),
    Trap,
}
