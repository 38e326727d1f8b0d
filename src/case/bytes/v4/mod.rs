//! Version 4 of the bytes: the ways in and out of a component. Those before it become it.
//! Knows nothing of other versions.

mod paths;
mod read;
mod types;
mod values;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{build, decode, take_all};
pub use write::encode;

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Serialize, Deserialize)]
pub struct Flat {
    pub tuning: Tuning,
    pub paths: Paths,
    pub resources: Vec<Resource>,
    pub types: Vec<TypeEntry>,
    /// What each guest exports, and then what the last one imports, if it does.
    pub functions: Vec<FuncType>,
    /// Which of them are async: a bit each, the lowest for the first.
    pub asyncs: u32,
    pub guests: Vec<Guest>,
    pub calls: Vec<Call>,
    pub values: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub struct Tuning {
    pub optimize: bool,
    pub pooling: bool,
    pub moving_memory: bool,
    pub concurrency: bool,
    pub signals: bool,
    pub guards: bool,
    pub fuel: bool,
    pub epochs: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Paths {
    pub call: Path,
    pub import: Path,
    pub polls: u32,
    pub neighbor: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Path {
    pub api: Api,
    pub mode: Mode,
}

#[derive(Serialize, Deserialize)]
pub enum Api {
    Dynamic,
    Typed(u32),
}

#[derive(Serialize, Deserialize)]
pub enum Mode {
    Sync,
    Async,
    Concurrent,
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

#[derive(Serialize, Deserialize)]
pub enum Resource {
    Host,
    Guest { by: u32, destructor: bool },
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
}

#[derive(Serialize, Deserialize)]
pub struct Guest {
    pub ptr_type: PtrType,
    pub initial: u32,
    pub maximum: u32,
    pub export: CanonOpts,
    pub import: Option<CanonOpts>,
}

#[derive(Serialize, Deserialize)]
pub enum PtrType {
    I32,
    I64,
}

#[derive(Serialize, Deserialize)]
pub struct CanonOpts {
    pub string_encoding: StringEncoding,
    pub memory: bool,
    pub realloc: bool,
    pub post_return: bool,
}

#[derive(Serialize, Deserialize)]
pub enum StringEncoding {
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
pub enum Manner {
    Once,
    Twice,
    Misused(Misuse),
}

#[derive(Serialize, Deserialize)]
pub enum Misuse {
    ArgMissing,
    ArgExtra,
    ResultMissing,
    ResultExtra,
    Arg { node: u32, mistake: Mistake },
    Answer { node: u32, mistake: Mistake },
    Signature(u32),
}

#[derive(Serialize, Deserialize)]
pub enum Mistake {
    OtherType,
    MemberMissing,
    MemberExtra,
    FieldRenamed,
    FieldsReordered,
    UnknownCase,
    UnknownFlag,
    DuplicateFlag,
    PayloadMissing,
    PayloadExtra,
    MixedElements,
    ElementMissing,
    ElementExtra,
    OtherResource,
    OtherStore,
}

#[derive(Serialize, Deserialize)]
pub struct Script {
    pub realloc: Vec<Realloc>,
    pub steps: Vec<Step>,
    pub finish: Finish,
    pub post_return: PostReturn,
    pub destructor: Destructor,
}

#[derive(Serialize, Deserialize)]
pub enum Step {
    Import(ImportCall),
    /// A call of the import that the next guest answers.
    Guest(Passed),
    BuiltIn(BuiltIn),
}

#[derive(Serialize, Deserialize)]
pub enum BuiltIn {
    New { resource: u32, rep: u32 },
    Rep { resource: u32, handle: u32 },
    Drop { resource: u32, handle: u32 },
}

#[derive(Serialize, Deserialize)]
pub enum Realloc {
    Bump,
    Forget,
    At(u64),
    End(u64),
    Old,
    Skew(u64),
    Grow(u32),
    Trap,
    Import,
    BuiltIn(BuiltIn),
}

#[derive(Serialize, Deserialize)]
pub struct ImportCall {
    pub passed: Passed,
    pub answer: Answer,
}

#[derive(Serialize, Deserialize)]
pub enum Passed {
    Lowered { patches: Vec<Patch> },
    Raw { flat: Vec<u64>, memory: Vec<Chunk> },
}

#[derive(Serialize, Deserialize)]
pub enum Patch {
    Flat { index: u32, bits: u64 },
    Memory(Chunk),
}

#[derive(Serialize, Deserialize)]
pub struct Chunk {
    pub at: u32,
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub enum Answer {
    Return,
    Error,
    Reenter,
}

#[derive(Serialize, Deserialize)]
pub enum Finish {
    Return(Passed),
    Trap,
}

#[derive(Serialize, Deserialize)]
pub enum PostReturn {
    Nothing,
    Trap,
    Import,
    BuiltIn(BuiltIn),
}

#[derive(Serialize, Deserialize)]
pub enum Destructor {
    Nothing,
    Trap,
    BuiltIn(BuiltIn),
}
