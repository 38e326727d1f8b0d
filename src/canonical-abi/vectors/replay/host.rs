//! The host of a trace: what it does, and what it is told.
//! Knows nothing of core code.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::Replay;
use super::script::Ended;
use crate::arena::Id;
use crate::copy::{self, Buffer, BufferPlace, CopyResult, CopyState, End, Kind, Shared, Side};
use crate::func::{HostFunc, Lowered};
use crate::machine::{Invocation, Resolution, Subtask, SubtaskState, TaskState};
use crate::types::Type;
use crate::value::Value;
use crate::vectors::event::{EndKind, EventKind, HostAct};
use crate::vectors::values::{Within, parse_values};
use crate::{PtrType, Stop, canon, drive};

impl Replay<'_> {
    /// The host does something at top level, or within a function of its own.
    pub fn host_act(&mut self, act: &HostAct) -> Result<(), Stop> {
        match act {
            HostAct::Invoke { k, f, values } => self.invoke(*k, *f, values),
            HostAct::Tick => {
                if drive::tick(self)? {
                    Ok(())
                } else {
                    self.go(|replay| replay.script.see(&json!(["idle"])))
                }
            }
            HostAct::Cancel { k } => {
                let call = self.go(|replay| replay.cancellable_call(*k))?;
                drive::request_cancellation(self, call)
            }
            HostAct::Start { j } => self.start(*j),
            HostAct::Resolve { j, values } => self.resolve(*j, values.as_deref()),
            HostAct::Leave { .. } => {
                self.go(|replay| Err(replay.script.malformed("the host's function is not left")))
            }
            HostAct::New { n, kind, t } => self.go(|replay| replay.new_end(*n, *kind, t)),
            HostAct::Write { n, t, values } => self.write(*n, t, values),
            HostAct::Read { n, t, count } => self.read(*n, t, *count),
            HostAct::CancelCopy { n } => {
                let end = self.go(|replay| replay.pending_end(*n))?;
                copy::cancel(self, end)
            }
            HostAct::Drop { n } => {
                let end = self.go(|replay| replay.end(*n))?;
                copy::drop_end(self, end)?;
                self.ends[*n].1 = None;
                Ok(())
            }
            HostAct::Reclaim { n } => self.go(|replay| replay.reclaim(*n)),
            HostAct::Release { n } => {
                let shared = self.go(|replay| replay.asked_of(*n))?;
                copy::release(self, shared);
                Ok(())
            }
        }
    }

    fn invoke(&mut self, k: usize, f: usize, values: &[Json]) -> Result<(), Stop> {
        let (lifted, args) = self.go(|replay| {
            let lifted =
                replay.definitions.funcs.get(f).cloned().context("there is no such func")?;
            let (ptr, params) = (lifted.opts.lift_lower.ptr_type, &lifted.signature.ty().params);
            let args = parse_values(values, params, replay.within(ptr))?;
            if k != replay.calls.len() {
                return Err(replay.script.malformed("it has the number of another call"));
            }
            replay.calls.push((f, None));
            Ok((lifted, args))
        })?;
        let call = drive::invoke(self, &lifted, args)?;
        self.calls[k].1.get_or_insert(call);
        Ok(())
    }

    /// A call of the host's that it may cancel.
    fn cancellable_call(&self, k: usize) -> Result<Id<Invocation>, Ended> {
        let call = self.calls.get(k).and_then(|(_, call)| *call);
        let task = |call| self.machine.invocations.get(call)?.task;
        let state = |call| Some(self.machine.tasks.get(task(call)?)?.state);
        let runs = |call: &_| match state(*call) {
            Some(TaskState::Initial | TaskState::Started) => true,
            Some(TaskState::PendingCancel | TaskState::CancelDelivered | TaskState::Resolved)
            | None => false,
        };
        call.filter(runs).ok_or_else(|| self.script.malformed("there is no such call"))
    }

    /// The number of a call, and which function it is of. One that is not known is the last that was begun.
    fn number_of_call(&mut self, call: Id<Invocation>) -> (usize, usize) {
        let known = self.calls.iter().rposition(|(_, id)| *id == Some(call));
        let unknown = || self.calls.iter().rposition(|(_, id)| id.is_none());
        let k = known.or_else(unknown).expect("the host has called");
        self.calls[k].1 = Some(call);
        (k, self.calls[k].0)
    }

    pub fn taken(&mut self, call: Id<Invocation>) -> Result<(), Ended> {
        let (k, _) = self.number_of_call(call);
        self.script.see(&json!(["taken", k]))
    }

    pub fn resolved(&mut self, call: Id<Invocation>) -> Result<(), Ended> {
        let (k, f) = self.number_of_call(call);
        let result = self.definitions.funcs[f].signature.ty().results().to_vec();
        let resolution = self.machine.invocations[call].resolved.clone().expect("it has resolved");
        match resolution {
            Resolution::Cancelled => self.script.see(&json!(["resolved", k, null])),
            Resolution::Returned(value) => {
                let values: Vec<Value> = value.into_iter().collect();
                self.see_values(json!(["resolved", k]), &values, &result)
            }
        }
    }

    /// A guest calls a function of the host's, which does what the trace says until it is left.
    pub fn import(&mut self, subtask: Id<Subtask>, func: &HostFunc) -> Result<(), Stop> {
        let j = self.imports.len();
        self.imports.push(subtask);
        let h: usize = func.path.parse().expect("that is its number");
        self.go(|replay| replay.script.see(&json!(["himport", j, h])))?;
        self.until_left(j)
    }

    /// A guest cancels a call of a function of the host's.
    pub fn cancelled(&mut self, subtask: Id<Subtask>) -> Result<(), Stop> {
        let j = self.imports.iter().rposition(|id| *id == subtask).expect("it was called");
        self.go(|replay| replay.script.see(&json!(["hcancelled", j])))?;
        self.until_left(j)
    }

    fn until_left(&mut self, j: usize) -> Result<(), Stop> {
        loop {
            let act = self.go(|replay| {
                let act = replay.script.act();
                act.ok_or_else(|| replay.script.next_differs("the host's function runs".into()))
            })?;
            if let HostAct::Leave { j: left } = act
                && *left == j
            {
                return Ok(());
            }
            self.host_act(act)?;
        }
    }

    /// A call of a function of the host's that is in this state.
    fn imported(
        &self,
        j: usize,
        state: SubtaskState,
    ) -> Result<(Id<Subtask>, Arc<Lowered>), Ended> {
        let subtask = self.imports.get(j).copied();
        let is_it = |id: &Id<Subtask>| {
            let last = self.imports.iter().rposition(|import| import == id) == Some(j);
            let subtask = self.machine.subtasks.get(*id);
            last && subtask.is_some_and(|subtask| subtask.func.is_some() && subtask.state == state)
        };
        match subtask.filter(is_it) {
            Some(subtask) => Ok((subtask, self.machine.lowered(subtask).clone())),
            None => Err(self.script.malformed("the host's function is not called so")),
        }
    }

    fn start(&mut self, j: usize) -> Result<(), Stop> {
        let (subtask, lowered) = self.go(|replay| replay.imported(j, SubtaskState::Starting))?;
        let args = canon::on_start(self, subtask).map_err(|stopped| stopped.stop)?;
        let params = &lowered.callee.signature().ty().params;
        self.go(|replay| replay.see_values(json!(["hargs", j]), &args, params))
    }

    fn resolve(&mut self, j: usize, values: Option<&[Json]>) -> Result<(), Stop> {
        let Some(values) = values else {
            let starting = self.imported(j, SubtaskState::Starting);
            let (subtask, _) =
                self.go(|replay| starting.or_else(|_| replay.imported(j, SubtaskState::Started)))?;
            canon::on_cancel(&mut self.machine, subtask);
            return Ok(());
        };
        let (subtask, lowered) = self.go(|replay| replay.imported(j, SubtaskState::Started))?;
        let results = lowered.callee.signature().ty().results();
        let ptr = lowered.opts.lift_lower.ptr_type;
        let values = self.go(|replay| Ok(parse_values(values, results, replay.within(ptr))?))?;
        canon::on_resolve(self, subtask, values.first())
    }

    fn within(&self, ptr: PtrType) -> Within<'_> {
        Within { ptr, shared: &self.shared }
    }

    /// This is to be seen, with these values.
    fn see_values(&mut self, head: Json, values: &[Value], types: &[Type]) -> Result<(), Ended> {
        let mut seen = head;
        let parts = seen.as_array_mut().expect("events are arrays");
        let written = self.expected(parts, values, types);
        parts.push(written.unwrap_or_else(|| format!("{values:?}").into()));
        self.script.see(&seen)
    }

    /// How the trace has these values after the other parts of the event, if it has them. How wide the pointers
    /// were of whoever lifted a string only its tag tells.
    fn expected(&self, head: &[Json], values: &[Value], types: &[Type]) -> Option<Json> {
        let Some(EventKind::Seen(Json::Array(parts))) = self.script.peek() else { return None };
        let (last, before) = parts.split_last()?;
        let parsed = |ptr| parse_values(last.as_array()?, types, self.within(ptr)).ok();
        let is_it = |ptr| parsed(ptr).is_some_and(|parsed| parsed == values);
        let found = before == head && (is_it(PtrType::I32) || is_it(PtrType::I64));
        found.then(|| last.clone())
    }

    fn new_end(&mut self, n: usize, kind: EndKind, t: &Json) -> Result<(), Ended> {
        let (kind, is_slow) = match kind {
            EndKind::Stream => (Kind::Stream, false),
            EndKind::Future => (Kind::Future, false),
            EndKind::SlowStream => (Kind::Stream, true),
            EndKind::SlowFuture => (Kind::Future, true),
        };
        if n != self.shared.len() {
            return Err(self.script.malformed("it has the number of another one"));
        }
        let element = self.definitions.element(t)?;
        let resources = self.definitions.resources.clone();
        let shared = self.machine.new_shared(kind, element, resources);
        self.machine.shared[shared].is_slow = is_slow;
        self.add_shared(shared, Side::Writable);
        Ok(())
    }

    /// The host's end of a stream or future.
    fn end(&mut self, n: usize) -> Result<Id<End>, Ended> {
        let held = self.ends.get(n).and_then(|(shared, side)| Some((*shared, (*side)?)));
        let held = held.filter(|(shared, _)| self.machine.shared.get(*shared).is_some());
        let (shared, side) = held.ok_or_else(|| self.script.malformed("there is no such end"))?;
        Ok(self.machine.host_end(shared, side))
    }

    /// One that may begin to copy, and the type of so many elements.
    fn end_of(&mut self, n: usize, t: &Json, count: usize) -> Result<(Id<End>, Vec<Type>), Ended> {
        let end = self.end(n)?;
        let End { shared, .. } = self.machine.ends[end];
        let element = self.machine.shared[shared].element.clone();
        if self.machine.ends[end].is_copying() || element.ty() != self.definitions.element(t)?.ty()
        {
            return Err(self.script.malformed("the end is busy, or of another type"));
        }
        Ok((end, vec![element.ty().results(); count].concat()))
    }

    /// One whose copy is pending.
    fn pending_end(&mut self, n: usize) -> Result<Id<End>, Ended> {
        let end = self.end(n)?;
        let shared = self.machine.ends[end].shared;
        match self.machine.shared[shared].pending == Some(end) {
            true => Ok(end),
            false => Err(self.script.malformed("no copy of the host's is pending")),
        }
    }

    /// What a guest has asked to cancel a copy of.
    fn asked_of(&mut self, n: usize) -> Result<Id<Shared>, Ended> {
        let end = self.end(n)?;
        let shared = self.machine.ends[end].shared;
        let pending = self.machine.shared[shared].pending.map(|end| &self.machine.ends[end]);
        match pending.is_some_and(|end| end.state == CopyState::Cancelling) {
            true => Ok(shared),
            false => Err(self.script.malformed("nobody has asked for it")),
        }
    }

    fn write(&mut self, n: usize, t: &Json, values: &[Json]) -> Result<(), Stop> {
        let (end, elements) = self.go(|replay| {
            let (end, types) = replay.end_of(n, t, values.len())?;
            let values = if t.is_null() { &[] } else { values };
            let elements = parse_values(values, &types, replay.within(PtrType::I32))?;
            Ok((end, elements))
        })?;
        let length = u64::try_from(values.len()).expect("a length fits");
        copy::copy(self, end, Buffer::of_host(elements, length))
    }

    fn read(&mut self, n: usize, t: &Json, count: usize) -> Result<(), Stop> {
        let (end, _) = self.go(|replay| replay.end_of(n, t, 0))?;
        let length = u64::try_from(count).expect("a length fits");
        copy::copy(self, end, Buffer::of_host(Vec::new(), length))
    }

    /// The number of what an end is of.
    fn number_of_end(&self, end: Id<End>) -> usize {
        let shared = self.machine.ends[end].shared;
        self.ends.iter().rposition(|(id, _)| *id == shared).expect("it was made")
    }

    pub fn copied(&mut self, end: Id<End>) -> Result<(), Ended> {
        let (n, progress) = (self.number_of_end(end), self.progress(end));
        self.script.see(&json!(["hcopied", n, progress]))
    }

    pub fn done(&mut self, end: Id<End>, result: CopyResult) -> Result<(), Ended> {
        let (n, progress) = (self.number_of_end(end), self.progress(end));
        self.see_elements(json!(["hdone", n, result.code(), progress]), end)
    }

    fn reclaim(&mut self, n: usize) -> Result<(), Ended> {
        let end = self.pending_end(n)?;
        copy::reclaim(&mut self.machine, end);
        self.see_elements(json!(["hreclaimed", n]), end)
    }

    pub fn asked(&mut self, shared: Id<Shared>) -> Result<(), Ended> {
        let n = self.ends.iter().rposition(|(id, _)| *id == shared).expect("it was made");
        self.script.see(&json!(["hasked", n]))
    }

    fn progress(&self, end: Id<End>) -> u64 {
        self.machine.ends[end].buffer.as_ref().map_or(0, |buffer| buffer.progress)
    }

    /// This is to be seen, with the elements that an end has read, if it reads.
    fn see_elements(&mut self, head: Json, end: Id<End>) -> Result<(), Ended> {
        let End { side, shared, .. } = self.machine.ends[end];
        if side == Side::Writable {
            return self.script.see(&head);
        }
        let count = usize::try_from(self.progress(end)).expect("so many were read");
        let element = self.machine.shared[shared].element.clone();
        let values = match self.machine.ends[end].buffer.as_ref().map(|buffer| &buffer.place) {
            Some(BufferPlace::Host(values)) => values.clone(),
            Some(BufferPlace::Guest(..)) | None => Vec::new(),
        };
        match element.ty().results() {
            [] => {
                let mut seen = head;
                let nothing = vec![Json::Null; count];
                seen.as_array_mut().expect("events are arrays").push(nothing.into());
                self.script.see(&seen)
            }
            element => self.see_values(head, &values, &vec![element; count].concat()),
        }
    }
}
