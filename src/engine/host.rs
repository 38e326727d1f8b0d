//! What the host does when a guest calls it, and which handles it holds: the same for every engine.
//! Knows nothing of how a call reaches the host, or of what an engine has for a handle.

use std::sync::Arc;

use super::holdings::{Held, Holdings};
use crate::case::misuse::{Mistake, Misuse};
use crate::case::parts::parts_mut;
use crate::case::{Answer, Call, Manner, Resource, Shape, is_host};
use crate::observation::HostEvent;
use crate::types::{self, FuncType, Handle, Type};
use crate::value::Value;

/// The host, as long as an instance lives. `H` is an engine's own handle of a guest's resource.
#[derive(Default)]
pub struct HostScript<H> {
    /// The type of the export.
    pub export: Arc<FuncType>,
    resources: Vec<Resource>,
    args: Vec<Value>,
    answers: Vec<Answer>,
    /// How many of the answers were given.
    answered: usize,
    /// The mistake that it makes in the running call.
    pub misuse: Option<Misuse>,
    /// How much it had seen when it was about to make the mistake.
    pub due: Option<usize>,
    /// Whether its function blocks before it returns.
    pub blocks: bool,
    /// What it saw and did in the running call.
    pub seen: Vec<HostEvent>,
    pub holdings: Holdings<H>,
}

/// A handle of a guest's resource in the arguments of a call.
struct Use {
    resource: types::Resource,
    number: u32,
    gives: bool,
}

impl<H: Copy> HostScript<H> {
    /// A host that holds nothing.
    pub fn of(shape: &Shape) -> HostScript<H> {
        HostScript {
            export: Arc::new(shape.guests[0].export.ty.clone()),
            resources: shape.resources.clone(),
            args: Vec::new(),
            answers: Vec::new(),
            answered: 0,
            misuse: None,
            due: None,
            blocks: false,
            seen: Vec::new(),
            holdings: Holdings::none(),
        }
    }

    /// Takes up the script of the next call of the export.
    pub fn begin(&mut self, call: &Call) {
        self.args.clone_from(&call.args);
        let script = call.scripts.last().expect("there is one for each guest");
        self.answers = script.import_calls().map(|import| import.answer.clone()).collect();
        self.answered = 0;
        self.misuse = match call.manner {
            Manner::Misused(misuse) => Some(misuse),
            Manner::Once | Manner::Twice => None,
        };
        self.due = None;
        self.seen.clear();
    }

    /// Notes a call of the import and says what to do about it. A call that nobody scripted is
    /// the engine's mistake (the guest only tries where it must not): it fails.
    pub fn called(&mut self, args: Vec<Value>) -> Answer {
        let answer = self.answers.get(self.answered).cloned().unwrap_or(Answer::Error);
        self.answered += 1;
        self.seen.push(HostEvent::Called(args));
        let last = self.answered == self.answers.len();
        if last && matches!(self.misuse, Some(Misuse::Answer { .. })) {
            self.due = Some(self.seen.len());
        }
        answer
    }

    /// What is wrong with the answer that is about to be given: which of its values, and how.
    pub fn answer_mistake(&self) -> Option<(u32, Mistake)> {
        match self.misuse? {
            Misuse::Answer { node, mistake } => self.due.map(|_| (node, mistake)),
            Misuse::ArgMissing
            | Misuse::ArgExtra
            | Misuse::ResultMissing
            | Misuse::ResultExtra
            | Misuse::Arg { .. }
            | Misuse::Signature(_) => None,
        }
    }

    /// Notes that the guest dropped what it owned of a resource of the host's.
    pub fn destroyed(&mut self, resource: types::Resource, rep: u32) {
        self.seen.push(HostEvent::Destructor { resource, rep });
    }

    /// The arguments for calling the export. Nothing, and a note, where the host does not hold what it
    /// would lend or give away: it does not make that call.
    pub fn args(&mut self) -> Option<Vec<Value>> {
        if let Some(number) = self.missing() {
            self.seen.push(HostEvent::NotCalled(number));
            return None;
        }
        if self.misuse.is_some_and(|misuse| !matches!(misuse, Misuse::Answer { .. })) {
            self.due.get_or_insert(self.seen.len());
        }
        Some(self.args.clone())
    }

    /// Forgets what it gives away with its arguments, once an engine has taken it: which it does not, where
    /// the call is not one of the export at all.
    pub fn give(&mut self) {
        match self.misuse {
            Some(
                Misuse::ArgMissing
                | Misuse::ArgExtra
                | Misuse::ResultMissing
                | Misuse::ResultExtra
                | Misuse::Signature(_),
            ) => return,
            Some(Misuse::Arg { .. } | Misuse::Answer { .. }) | None => {}
        }
        for used in self.uses().into_iter().filter(|used| used.gives) {
            self.holdings.take(used.number);
        }
    }

    /// Takes the handle of this number to drop it. Nothing, and a note, where the host does not hold
    /// it.
    pub fn take_to_drop(&mut self, number: u32) -> Option<Held<H>> {
        let held = self.holdings.take(number);
        if held.is_none() {
            self.seen.push(HostEvent::NotDropped(number));
        }
        held
    }

    /// Whether the host defines this resource.
    pub fn defines(&self, resource: types::Resource) -> bool {
        is_host(&self.resources, resource)
    }

    /// The first handle in the arguments that the host does not hold, or no longer would: what it
    /// gives away, it can neither give away nor lend at the same time.
    fn missing(&self) -> Option<u32> {
        let uses = self.uses();
        let missing = uses.iter().enumerate().find(|(i, used)| {
            let held = self.holdings.held(used.number);
            let held = held.is_some_and(|held| held.resource == used.resource);
            let mut before = uses[..*i].iter().filter(|other| other.number == used.number);
            !held || before.any(|other| other.gives || used.gives)
        });
        missing.map(|(_, used)| used.number)
    }

    fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        if self.resources.is_empty() {
            return uses;
        }
        for (value, ty) in self.args.iter().zip(&self.export.params) {
            change_handles(value, ty, &mut |handle, number| {
                let gives = matches!(handle, Handle::Own(_));
                let resource = handle.resource().filter(|resource| !self.defines(*resource));
                uses.extend(resource.map(|resource| Use { resource, number, gives }));
                number
            });
        }
        uses
    }
}

/// The value with each handle in it changed, in order.
pub fn change_handles(
    value: &Value,
    ty: &Type,
    change: &mut dyn FnMut(&Handle, u32) -> u32,
) -> Value {
    let mut value = value.clone();
    if ty.any(&mut |ty| matches!(ty, Type::Handle(_))) {
        each_handle(&mut value, ty, change);
    }
    value
}

fn each_handle(value: &mut Value, ty: &Type, change: &mut dyn FnMut(&Handle, u32) -> u32) {
    if let (Value::Handle(number), Type::Handle(handle)) = (&mut *value, ty) {
        *number = change(handle, *number);
    }
    parts_mut(value, ty).into_iter().for_each(|(part, ty)| each_handle(part, ty, change));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Guest, Manner, Script};

    /// A host that received one handle of resource 1, and is about to call with these arguments.
    fn host(args: &[(Type, u32)]) -> HostScript<char> {
        let params = args.iter().map(|(ty, _)| ty.clone()).collect();
        let mut guest = Guest::empty();
        guest.export.ty.params = params;
        let shape = Shape { guests: vec![guest], resources: vec![Resource::Host, GUEST, GUEST] };
        let mut host = HostScript::of(&shape);
        host.begin(&Call {
            args: args.iter().map(|(_, number)| Value::Handle(*number)).collect(),
            scripts: vec![Script::least()],
            host_drops: Vec::new(),
            manner: Manner::Once,
        });
        assert_eq!(host.holdings.receive(1, 'a'), 0);
        host
    }

    const GUEST: Resource = Resource::Guest { by: 0, destructor: false };

    fn own(resource: u32) -> Type {
        Type::Handle(Handle::Own(resource))
    }

    fn borrow(resource: u32) -> Type {
        Type::Handle(Handle::Borrow(resource))
    }

    #[track_caller]
    fn check(args: &[(Type, u32)], missing: Option<u32>) {
        let mut host = host(args);
        assert_eq!(host.args().is_none(), missing.is_some());
        let seen: Vec<HostEvent> = missing.map(HostEvent::NotCalled).into_iter().collect();
        assert_eq!(host.seen, seen);
    }

    #[test]
    fn only_what_is_held_is_passed() {
        check(&[(own(1), 0)], None);
        check(&[(borrow(1), 0), (borrow(1), 0)], None);
        check(&[(own(1), 1)], Some(1));
        check(&[(own(2), 0)], Some(0));
        check(&[(own(1), 0), (own(1), 0)], Some(0));
        check(&[(borrow(1), 0), (own(1), 0)], Some(0));
        check(&[(own(1), 0), (borrow(1), 0)], Some(0));
    }

    #[test]
    fn the_host_has_any_representation_of_its_own() {
        check(&[(own(0), 7), (own(0), 7), (borrow(0), 9)], None);
    }

    #[test]
    fn what_was_given_or_dropped_is_gone_and_its_number_is_not_used_again() {
        let mut host = host(&[(own(1), 0)]);
        host.give();
        assert!(host.holdings.held(0).is_none());
        assert_eq!(host.holdings.receive(2, 'b'), 1);
        assert!(host.take_to_drop(1).is_some());
        assert!(host.take_to_drop(1).is_none());
        assert_eq!(host.seen, [HostEvent::NotDropped(1)]);
    }
}
