//! What is left of instances when a trace ends, as traces have it.
//! Knows nothing of how that came about.

use serde_json::{Value as Json, json};

use super::Replay;
use super::script::Ended;
use crate::copy::{CopyState, End, Kind, Side};
use crate::table::{Entry, ResourceHandle};
use crate::waitable::{WaitableSet, Waits};

impl Replay<'_> {
    /// What is left is what the trace ends with.
    pub fn check_left(&mut self) -> Result<(), Ended> {
        let left = self.script.left()?;
        if left.len() != self.machine.instances.len() {
            return Err(self.script.malformed("these are not all instances"));
        }
        for (i, left) in left.iter().enumerate() {
            let check = |part: &str, expected: &Json, observed: Json| match *expected == observed {
                true => Ok(()),
                false => {
                    let part = format!("{part} of instance {i}");
                    Err(self.script.part_differs(&part, expected.to_string(), observed.to_string()))
                }
            };
            let instance = &self.machine.instances[i];
            let handles = instance.handles.iter().map(|(i, entry)| self.written(i, entry));
            check("handles", &left.handles, handles.collect())?;
            let threads = instance.threads.iter().map(|(i, _)| Json::from(i));
            check("threads", &left.threads, threads.collect())?;
            check("backpressure", &left.backpressure, instance.backpressure.into())?;
            self.check_memories(i, &left.mem)?;
        }
        Ok(())
    }

    /// An entry of a table of handles, as traces have it.
    fn written(&self, i: u32, entry: Entry) -> Json {
        match entry {
            Entry::Resource(ResourceHandle { rt, rep, borrow_scope, num_lends }) => {
                let kind = if borrow_scope.is_some() { "borrow" } else { "own" };
                json!([i, kind, rt.id, rep, num_lends])
            }
            Entry::Subtask(id) => {
                let subtask = &self.machine.subtasks[id];
                let [in_set, has_event] = flags(&subtask.waits);
                json!([i, "subtask", subtask.state.code(), in_set, has_event])
            }
            Entry::End(id) => {
                let End { kind, side, state, waits, .. } = &self.machine.ends[id];
                let [in_set, has_event] = flags(waits);
                json!([i, name(*kind, *side), state_name(*state), in_set, has_event])
            }
            Entry::Set(id) => {
                let WaitableSet { elems, num_waiting } = &self.machine.sets[id];
                json!([i, "set", elems.len(), num_waiting])
            }
            Entry::ErrorContext(_) => json!([i, "error-context"]),
        }
    }
}

/// Whether a waitable is in a set, and has an event.
fn flags(waits: &Waits) -> [u32; 2] {
    [waits.set.is_some().into(), waits.event.is_some().into()]
}

fn name(kind: Kind, side: Side) -> &'static str {
    match (side, kind) {
        (Side::Readable, Kind::Stream) => "readable-stream",
        (Side::Readable, Kind::Future) => "readable-future",
        (Side::Writable, Kind::Stream) => "writable-stream",
        (Side::Writable, Kind::Future) => "writable-future",
    }
}

fn state_name(state: CopyState) -> &'static str {
    match state {
        CopyState::Idle => "idle",
        CopyState::Copying => "copying",
        CopyState::Cancelling => "cancelling",
        CopyState::Done => "done",
    }
}
