//! The lines of a file of vectors of whole calls: instances, what they define, and a trace of events.
//! Knows nothing of what is done with them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::event::{Event, EventKind, HostAct};
use super::values::{CoreTypeName, Encoding, Ptr};

#[derive(Deserialize)]
pub struct Header {
    pub id: String,
    pub schema: u32,
    pub spec_commit: String,
    pub mem_size: usize,
    pub fill: String,
    pub counts: BTreeMap<String, usize>,
    pub total: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub id: String,
    pub group: String,
    #[serde(rename = "note")]
    _note: String,
    /// Whether the trace says what is chosen wherever something is open.
    pub guided: bool,
    #[serde(rename = "needs")]
    _needs: Vec<String>,
    #[serde(rename = "later")]
    _later: Vec<String>,
    pub inst: Vec<Instance>,
    pub mem: Vec<Memory>,
    pub res: Vec<Resource>,
    pub func: Vec<Func>,
    pub host: Vec<HostFunc>,
    pub def: Vec<Definition>,
    pub table: Vec<TableEntry>,
    pub trace: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The instance that it is in.
    pub p: Option<usize>,
    #[serde(rename = "enc")]
    _enc: Encoding,
    pub ptr: Ptr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    pub i: usize,
    pub ptr: Ptr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub i: usize,
    pub dtor: bool,
}

/// Core parameters and results.
pub type CoreSignature = (Vec<CoreTypeName>, Vec<CoreTypeName>);

/// A function that an instance lifts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Func {
    pub i: usize,
    pub params: Vec<Json>,
    pub result: Option<Json>,
    pub r#async: bool,
    pub abi: Abi,
    pub enc: Encoding,
    pub mem: usize,
    pub post: bool,
    pub core: CoreSignature,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Abi {
    Sync,
    Callback,
    Stackful,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFunc {
    pub params: Vec<Json>,
    pub result: Option<Json>,
    pub r#async: bool,
}

/// A core function that threads begin with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    pub i: usize,
    /// The type of its parameter.
    pub sig: Ptr,
}

/// A core function that guests call.
#[derive(Deserialize)]
#[serde(try_from = "BTreeMap<String, Json>")]
pub struct Definition {
    /// What it is called in the text format.
    pub k: String,
    pub i: usize,
    pub of: Of,
}

/// What it is made for.
pub enum Of {
    Nothing(Nothing),
    Lower(Lower),
    Return(Return),
    Slot(Slot),
    Set(Set),
    Cancel(Cancel),
    Type(OfType),
    CancelCopy(CancelCopy),
    Copy(Copy),
    Threads(Threads),
    Switch(Switch),
    Message(Message),
    Resource(OfResource),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lower {
    /// It is of a guest's function, or of one of the host's.
    pub f: Option<usize>,
    pub h: Option<usize>,
    pub r#async: bool,
    pub mem: usize,
    pub enc: Encoding,
    pub core: CoreSignature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    pub t: Json,
    pub enc: Encoding,
    pub mem: usize,
    pub core: CoreSignature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    pub slot: usize,
    pub ct: Ptr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    pub mem: usize,
    pub cancellable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    pub r#async: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfType {
    pub t: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelCopy {
    pub t: Json,
    pub r#async: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    pub t: Json,
    pub r#async: bool,
    pub mem: usize,
    pub enc: Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threads {
    pub table: Vec<Option<usize>>,
    pub sig: Ptr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    pub cancellable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub mem: usize,
    pub enc: Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfResource {
    pub r: usize,
}

impl TryFrom<BTreeMap<String, Json>> for Definition {
    type Error = String;

    fn try_from(fields: BTreeMap<String, Json>) -> std::result::Result<Definition, String> {
        Definition::parse(fields).map_err(|error| format!("{error:#}"))
    }
}

impl Definition {
    fn parse(mut fields: BTreeMap<String, Json>) -> Result<Definition> {
        let k: String = take(&mut fields, "k")?;
        let i = take(&mut fields, "i").with_context(|| k.clone())?;
        let of = Of::parse(&k, fields).with_context(|| k.clone())?;
        Ok(Definition { k, i, of })
    }
}

fn take<T: DeserializeOwned>(fields: &mut BTreeMap<String, Json>, name: &str) -> Result<T> {
    let field = fields.remove(name).with_context(|| format!("a definition without {name}"))?;
    Ok(serde_json::from_value(field)?)
}

impl Of {
    /// The core type, where the file has it.
    pub fn core(&self) -> Option<&CoreSignature> {
        match self {
            Of::Lower(lower) => Some(&lower.core),
            Of::Return(of) => Some(&of.core),
            Of::Nothing(_)
            | Of::Slot(_)
            | Of::Set(_)
            | Of::Cancel(_)
            | Of::Type(_)
            | Of::CancelCopy(_)
            | Of::Copy(_)
            | Of::Threads(_)
            | Of::Switch(_)
            | Of::Message(_)
            | Of::Resource(_) => None,
        }
    }

    /// The type that it is made for, if it is made for one.
    fn element(&self) -> Option<&Json> {
        match self {
            Of::Return(Return { t, .. })
            | Of::Type(OfType { t })
            | Of::CancelCopy(CancelCopy { t, .. })
            | Of::Copy(Copy { t, .. }) => Some(t),
            Of::Nothing(_)
            | Of::Lower(_)
            | Of::Slot(_)
            | Of::Set(_)
            | Of::Cancel(_)
            | Of::Threads(_)
            | Of::Switch(_)
            | Of::Message(_)
            | Of::Resource(_) => None,
        }
    }

    fn parse(k: &str, fields: BTreeMap<String, Json>) -> Result<Of> {
        let fields = Json::Object(fields.into_iter().collect());
        Ok(match k {
            "lower" => Of::Lower(serde_json::from_value(fields)?),
            "task.return" => Of::Return(serde_json::from_value(fields)?),
            "context.get" | "context.set" => Of::Slot(serde_json::from_value(fields)?),
            "waitable-set.wait" | "waitable-set.poll" => Of::Set(serde_json::from_value(fields)?),
            "subtask.cancel" => Of::Cancel(serde_json::from_value(fields)?),
            "stream.new"
            | "stream.drop-readable"
            | "stream.drop-writable"
            | "future.new"
            | "future.drop-readable"
            | "future.drop-writable" => Of::Type(serde_json::from_value(fields)?),
            "stream.cancel-read"
            | "stream.cancel-write"
            | "future.cancel-read"
            | "future.cancel-write" => Of::CancelCopy(serde_json::from_value(fields)?),
            "stream.read" | "stream.write" | "future.read" | "future.write" => {
                Of::Copy(serde_json::from_value(fields)?)
            }
            "thread.new-indirect" => Of::Threads(serde_json::from_value(fields)?),
            "thread.suspend"
            | "thread.yield"
            | "thread.suspend-then-resume"
            | "thread.yield-then-resume"
            | "thread.suspend-then-promote"
            | "thread.yield-then-promote" => Of::Switch(serde_json::from_value(fields)?),
            "error-context.new" | "error-context.debug-message" => {
                Of::Message(serde_json::from_value(fields)?)
            }
            "resource.new" | "resource.drop" | "resource.rep" => {
                Of::Resource(serde_json::from_value(fields)?)
            }
            _ => Of::Nothing(serde_json::from_value(fields)?),
        })
    }
}

impl Vector {
    /// All types that are in it.
    pub fn types(&self) -> impl Iterator<Item = &Json> {
        let funcs = self.func.iter().flat_map(|func| func.params.iter().chain(&func.result));
        let hosts = self.host.iter().flat_map(|func| func.params.iter().chain(&func.result));
        let defs = self.def.iter().filter_map(|def| def.of.element());
        let made = self.trace.iter().filter_map(|event| {
            if let EventKind::Host(HostAct::New { t, .. }) = &event.kind { Some(t) } else { None }
        });
        funcs.chain(hosts).chain(defs).chain(made)
    }
}
