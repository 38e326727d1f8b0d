//! A trace as it comes about: whoever runs asks what to do next, and says what is to be seen.
//! Knows nothing of machines.

use anyhow::{Error, anyhow};
use serde_json::{Value as Json, json};

use crate::vectors::Difference;
use crate::vectors::event::{CoreAct, Event, EventKind, HostAct, Left, Patch, Thread};

/// A trace, and how much of it has come about.
pub struct Script<'a> {
    trace: &'a [Event],
    position: usize,
}

/// Why a replay ends before its trace does.
pub enum Ended {
    /// Something else comes about than the trace says.
    Differs(Difference),
    /// The trace is none.
    Malformed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Malformed(error)
    }
}

impl<'a> Script<'a> {
    pub fn new(trace: &'a [Event]) -> Script<'a> {
        Script { trace, position: 0 }
    }

    /// The event that comes next; it has come about.
    fn next(&mut self) -> Option<&'a EventKind> {
        let event = self.trace.get(self.position);
        self.position += 1;
        event.map(|event| &event.kind)
    }

    /// What the host does next, if that is what comes next.
    pub fn act(&mut self) -> Option<&'a HostAct> {
        let EventKind::Host(act) = self.peek()? else { return None };
        self.position += 1;
        Some(act)
    }

    /// What core code does next that runs on this thread.
    pub fn core_act(&mut self, thread: Thread) -> Result<&'a CoreAct, Ended> {
        if let Some(EventKind::Core(other, act)) = self.next()
            && *other == thread
        {
            return Ok(act);
        }
        Err(self.differs(format!("thread {} runs", json!(thread))))
    }

    /// This is to be seen now.
    pub fn see(&mut self, seen: &Json) -> Result<(), Ended> {
        if let Some(EventKind::Seen(expected)) = self.next()
            && expected == seen
        {
            return Ok(());
        }
        Err(self.differs(seen.to_string()))
    }

    /// The same, with what is new in memory.
    pub fn see_core(&mut self, seen: &Json) -> Result<&'a [Patch], Ended> {
        if let Some(EventKind::Runs(expected, patches)) = self.next()
            && expected == seen
        {
            return Ok(patches);
        }
        Err(self.differs(seen.to_string()))
    }

    /// What comes next.
    pub fn peek(&self) -> Option<&'a EventKind> {
        self.trace.get(self.position).map(|event| &event.kind)
    }

    /// One of these is chosen, in any order: which.
    pub fn choose(&mut self, at: &str, candidates: &[usize]) -> Result<usize, Ended> {
        let sorted = |candidates: &[usize]| {
            let mut sorted = candidates.to_vec();
            sorted.sort_unstable();
            sorted
        };
        if let Some(EventKind::Choose(choose)) = self.next()
            && choose.at == at
            && sorted(&choose.candidates) == sorted(candidates)
        {
            let picked = candidates.iter().position(|candidate| *candidate == choose.picked);
            return picked.ok_or_else(|| self.malformed("what is picked is no candidate"));
        }
        Err(self.differs(format!("a choice of {at} among {candidates:?}")))
    }

    /// All that came about ended with a trap that may have these numbers.
    pub fn trap(&mut self, numbers: &[u32], thread: &Json, written: &str) -> Result<(), Ended> {
        if let Some(EventKind::Trap(number, at)) = self.next()
            && numbers.contains(number)
            && at == thread
        {
            return self.end();
        }
        Err(self.differs(format!("a trap in thread {thread}: {written}")))
    }

    /// What is left, when all came to its end.
    pub fn left(&mut self) -> Result<&'a [Left], Ended> {
        if let Some(EventKind::End(left)) = self.next() {
            return self.end().map(|()| left.as_slice());
        }
        Err(self.differs("nothing more comes about".to_string()))
    }

    /// Nothing comes after the last event.
    fn end(&self) -> Result<(), Ended> {
        match self.trace.len() == self.position {
            true => Ok(()),
            false => Err(self.malformed("events come after it")),
        }
    }

    /// That something else comes about than what comes next.
    pub fn next_differs(&mut self, observed: String) -> Ended {
        self.next();
        self.differs(observed)
    }

    /// That something else comes about than the last event.
    pub fn differs(&self, observed: String) -> Ended {
        let (about, expected) = self.last();
        Ended::Differs(Difference { about, expected, observed })
    }

    /// That something about the last event is another.
    pub fn part_differs(&self, part: &str, expected: String, observed: String) -> Ended {
        let (about, _) = self.last();
        Ended::Differs(Difference { about: format!("{about}, {part}"), expected, observed })
    }

    /// That the last event makes no sense.
    pub fn malformed(&self, why: &str) -> Ended {
        let (about, written) = self.last();
        Ended::Malformed(anyhow!("{about}, {written}: {why}"))
    }

    /// Where the last event is, counted from 0, and what it says.
    fn last(&self) -> (String, String) {
        let position = self.position.saturating_sub(1);
        match self.trace.get(position) {
            Some(event) => (format!("event {position}"), event.written.clone()),
            None => (format!("event {position}"), "nothing more".to_string()),
        }
    }
}
