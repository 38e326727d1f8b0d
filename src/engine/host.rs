//! What the host does when the guest calls it, the same for every engine.
//! Knows nothing of how a call reaches the host.

use crate::case::{Answer, Call};
use crate::value::Value;

/// The host's side of one call of the export.
#[derive(Default)]
pub struct HostScript {
    args: Vec<Value>,
    answers: Vec<Answer>,
    /// What the guest passed, call by call.
    pub seen: Vec<Vec<Value>>,
}

impl HostScript {
    pub fn of(call: &Call) -> HostScript {
        let answers = call.imports.iter().map(|import| import.answer.clone()).collect();
        HostScript { args: call.args.clone(), answers, seen: Vec::new() }
    }

    /// Notes a call of the import and says what to do about it. A call that nobody scripted is
    /// the engine's mistake (the guest only tries where it must not): it fails.
    pub fn called(&mut self, args: Vec<Value>) -> Answer {
        let answer = self.answers.get(self.seen.len()).cloned().unwrap_or(Answer::Error);
        self.seen.push(args);
        answer
    }

    /// The arguments of the running call, for calling it again from within.
    pub fn args(&self) -> Vec<Value> {
        self.args.clone()
    }
}
