//! The events of a trace: what scripts do, and what is then to be seen.
//! Knows nothing of who does it.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::values::parse_hex;

/// Calls that one event makes.
const MAX_TIMES: usize = 1 << 20;
/// Elements that one event of the host's reads.
const MAX_COUNT: usize = 1 << 20;

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
