//! Version 1 of the bytes. Frozen: fuzzers keep such files, and a change here would misread them.
//! Knows nothing of other versions.

mod read;
mod types;
mod values;
mod write;

use serde::{Deserialize, Serialize};

pub use read::decode;
pub use write::encode;

/// All but the values, which follow in `values` in the order of the case, under their types.
#[derive(Serialize, Deserialize)]
struct Flat {
    optimize: bool,
    pooling: bool,
    moving_memory: bool,
    concurrency: bool,
    initial: u32,
    maximum: u32,
    types: Vec<TypeEntry>,
    export: Function,
    import: Option<Function>,
    calls: Vec<Call>,
    values: Vec<u8>,
}

/// The position of an earlier entry in the table of types.
type TypeRef = u32;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum TypeEntry {
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
}

/// Successive members of one type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Run {
    count: u32,
    ty: Option<TypeRef>,
}

/// A label that is given, at its position; the others are named after theirs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Label {
    position: u32,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Function {
    params: Vec<Run>,
    result: Option<TypeRef>,
    string_encoding: StringEncoding,
    memory: bool,
    realloc: bool,
    post_return: bool,
}

#[derive(Serialize, Deserialize)]
enum StringEncoding {
    Utf8,
    Utf16,
    Latin1OrUtf16,
}

#[derive(Serialize, Deserialize)]
struct Call {
    realloc: Vec<Realloc>,
    imports: Vec<ImportCall>,
    finish: Finish,
    post_return: PostReturn,
}

#[derive(Serialize, Deserialize)]
enum Realloc {
    Bump,
    Forget,
    At(u32),
    Old,
    Skew(u32),
    Grow(u32),
    Trap,
    Import,
}

#[derive(Serialize, Deserialize)]
struct ImportCall {
    passed: Passed,
    answer: Answer,
}

#[derive(Serialize, Deserialize)]
enum Passed {
    Lowered { patches: Vec<Patch> },
    Raw { flat: Vec<u64>, memory: Vec<Chunk> },
}

#[derive(Serialize, Deserialize)]
enum Patch {
    Flat { index: u32, bits: u64 },
    Memory(Chunk),
}

#[derive(Serialize, Deserialize)]
struct Chunk {
    at: u32,
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Return,
    Error,
    Reenter,
}

#[derive(Serialize, Deserialize)]
enum Finish {
    Return(Passed),
    Trap,
}

#[derive(Serialize, Deserialize)]
enum PostReturn {
    Nothing,
    Trap,
    Import,
}
