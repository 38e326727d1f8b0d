//! The lines of a file of vectors of whole calls: instances and definitions, and a trace of what scripts do and
//! what is then to be seen. Knows nothing of what is done with them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::values::{CoreTypeName, Encoding, Ptr, parse_hex};

/// Calls that one event makes.
const MAX_TIMES: usize = 1 << 20;
/// Elements that one event of the host's reads.
const MAX_COUNT: usize = 1 << 20;

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

/// The number of a thread, in the order in which they are made.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Thread {
    Numbered(usize),
    Realloc(Letter),
}

/// What the threads of `realloc` are called.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum Letter {
    #[serde(rename = "r")]
    R,
}

/// Something that happens.
#[derive(Deserialize)]
#[serde(try_from = "Json")]
pub struct Event {
    /// As the file has it.
    pub written: String,
    pub kind: EventKind,
}

pub enum EventKind {
    /// The host does this, or its function does.
    Host(HostAct),
    /// Core code does this.
    Core(Thread, CoreAct),
    /// This is to be seen.
    Seen(Json),
    /// Core code is called or goes on, which is to be seen, and so much of its memories is another then.
    Runs(Json, Vec<Patch>),
    Choose(Choose),
    /// A trap of this number, while that thread was the current one.
    Trap(u32, Json),
    /// All that is left.
    End(Vec<Left>),
}

/// Numbers are those of the vector: of calls, functions, imports' calls and shared ends.
#[derive(Clone)]
pub enum HostAct {
    Invoke { k: usize, f: usize, values: Vec<Json> },
    Tick,
    Cancel { k: usize },
    Start { j: usize },
    Resolve { j: usize, values: Option<Vec<Json>> },
    Leave { j: usize },
    New { n: usize, kind: EndKind, t: Json },
    Write { n: usize, t: Json, values: Vec<Json> },
    Read { n: usize, t: Json, count: usize },
    CancelCopy { n: usize },
    Drop { n: usize },
    Reclaim { n: usize },
    Release { n: usize },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    Stream,
    Future,
    SlowStream,
    SlowFuture,
}

#[derive(Clone)]
pub enum CoreAct {
    /// So many times: all but the last return to nobody.
    Call {
        d: usize,
        args: Vec<Json>,
        times: usize,
    },
    Poke {
        mem: usize,
        offset: usize,
        bytes: Vec<u8>,
    },
    Exit {
        values: Vec<Json>,
    },
    Throw,
    Unreachable,
}

/// Bytes that are in a memory now: in that of the instance, where no other is named.
pub struct Patch {
    pub offset: usize,
    pub bytes: Vec<u8>,
    pub mem: Option<usize>,
}

/// A choice: of these numbers that one.
pub struct Choose {
    pub at: String,
    pub candidates: Vec<usize>,
    pub picked: usize,
}

/// What is left of an instance.
pub struct Left {
    pub handles: Json,
    pub threads: Json,
    pub backpressure: Json,
    pub mem: Vec<Patch>,
}

impl TryFrom<Json> for Event {
    type Error = String;

    fn try_from(event: Json) -> std::result::Result<Event, String> {
        let written = event.to_string();
        match EventKind::parse(event) {
            Ok(kind) => Ok(Event { written, kind }),
            Err(error) => Err(format!("the event {written}: {error:#}")),
        }
    }
}

impl EventKind {
    fn parse(event: Json) -> Result<EventKind> {
        let mut parts: Vec<Json> = serde_json::from_value(event)?;
        let name = parts.first().and_then(Json::as_str).context("it has no name")?.to_string();
        if let Some(act) = HostAct::parse(&name, &parts)? {
            return Ok(EventKind::Host(act));
        }
        if let Some((thread, act)) = CoreAct::parse(&name, &parts)? {
            return Ok(EventKind::Core(thread, act));
        }
        Ok(match name.as_str() {
            "choose" => {
                let (at, candidates, picked) = rest(&parts)?;
                EventKind::Choose(Choose { at, candidates, picked })
            }
            "trap" => {
                let (number, thread) = rest(&parts)?;
                EventKind::Trap(number, thread)
            }
            "end" => {
                let (left,): (Vec<Json>,) = rest(&parts)?;
                EventKind::End(left.into_iter().map(Left::parse).collect::<Result<_>>()?)
            }
            name => {
                let (_, arity) = SEEN
                    .iter()
                    .find(|(seen, _)| *seen == name)
                    .context("there is none called so")?;
                ensure!(arity.contains(&(parts.len() - 1)), "it has {} parts", parts.len());
                match name {
                    "enter" | "ret" => {
                        let patches = parse_patches(&parts.pop().context("it has parts")?)?;
                        EventKind::Runs(parts.into(), patches)
                    }
                    _ => EventKind::Seen(parts.into()),
                }
            }
        })
    }
}

/// What else is to be seen, each with so many parts.
const SEEN: &[(&str, RangeInclusive<usize>)] = &[
    ("enter", 4..=4),
    ("ret", 3..=3),
    ("thread", 2..=2),
    ("taken", 1..=1),
    ("resolved", 2..=2),
    ("himport", 2..=2),
    ("hargs", 2..=2),
    ("hcancelled", 1..=1),
    ("hcopied", 2..=2),
    ("hdone", 3..=4),
    ("hreclaimed", 1..=2),
    ("hasked", 1..=1),
    ("idle", 0..=0),
];

/// All but the name.
fn rest<T: DeserializeOwned>(event: &[Json]) -> Result<T> {
    Ok(serde_json::from_value(event[1..].to_vec().into())?)
}

impl CoreAct {
    fn parse(name: &str, event: &[Json]) -> Result<Option<(Thread, CoreAct)>> {
        Ok(Some(match name {
            "call" => {
                let (thread, d, args) = rest(event)?;
                (thread, CoreAct::Call { d, args, times: 1 })
            }
            "calls" => {
                let (thread, d, args, times) = rest(event)?;
                ensure!((1..=MAX_TIMES).contains(&times), "{times} calls");
                (thread, CoreAct::Call { d, args, times })
            }
            "poke" => {
                let (thread, mem, offset, hex): (_, _, _, String) = rest(event)?;
                (thread, CoreAct::Poke { mem, offset, bytes: parse_hex(&hex)? })
            }
            "exit" => {
                let (thread, values) = rest(event)?;
                (thread, CoreAct::Exit { values })
            }
            "throw" => (one(event)?, CoreAct::Throw),
            "unreachable" => (one(event)?, CoreAct::Unreachable),
            _ => return Ok(None),
        }))
    }
}

/// The only part besides the name.
fn one<T: DeserializeOwned>(event: &[Json]) -> Result<T> {
    rest(event).map(|(part,)| part)
}

impl HostAct {
    fn parse(name: &str, event: &[Json]) -> Result<Option<HostAct>> {
        Ok(Some(match name {
            "invoke" => {
                let (k, f, values) = rest(event)?;
                HostAct::Invoke { k, f, values }
            }
            "tick" => {
                let []: [Json; 0] = rest(event)?;
                HostAct::Tick
            }
            "hcancel" => HostAct::Cancel { k: one(event)? },
            "hstart" => HostAct::Start { j: one(event)? },
            "hresolve" => {
                let (j, values) = rest(event)?;
                HostAct::Resolve { j, values }
            }
            "hleave" => HostAct::Leave { j: one(event)? },
            "hnew" => {
                let (n, kind, t) = rest(event)?;
                HostAct::New { n, kind, t }
            }
            "hwrite" => {
                let (n, t, values) = rest(event)?;
                HostAct::Write { n, t, values }
            }
            "hread" => {
                let (n, t, count) = rest(event)?;
                ensure!(count <= MAX_COUNT, "{count} elements are more than {MAX_COUNT}");
                HostAct::Read { n, t, count }
            }
            "hcancelcopy" => HostAct::CancelCopy { n: one(event)? },
            "hdrop" => HostAct::Drop { n: one(event)? },
            "hreclaim" => HostAct::Reclaim { n: one(event)? },
            "hrelease" => HostAct::Release { n: one(event)? },
            _ => return Ok(None),
        }))
    }
}

impl Left {
    fn parse(left: Json) -> Result<Left> {
        let (handles, threads, backpressure, mem): (Json, Json, Json, Json) =
            serde_json::from_value(left)?;
        Ok(Left { handles, threads, backpressure, mem: parse_patches(&mem)? })
    }
}

fn parse_patches(patches: &Json) -> Result<Vec<Patch>> {
    let patches = patches.as_array().with_context(|| format!("no patches: {patches}"))?;
    patches.iter().map(parse_patch).collect()
}

fn parse_patch(patch: &Json) -> Result<Patch> {
    let (offset, hex, mem): (usize, String, Option<usize>) = match patch.as_array().map(Vec::len) {
        Some(2) => {
            let (offset, hex) = serde_json::from_value(patch.clone())?;
            (offset, hex, None)
        }
        Some(3) => serde_json::from_value(patch.clone())?,
        Some(_) | None => bail!("no patch: {patch}"),
    };
    Ok(Patch { offset, bytes: parse_hex(&hex)?, mem })
}
