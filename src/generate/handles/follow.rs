//! The tables of all guests after calls that went well.
//! Knows in which order guests call one another.

use super::{Handles, Party};
use crate::case::{Act, Answer, Call, ImportCall, Shape};
use crate::value::Value;

/// The table of each guest before the first call.
pub fn tables(shape: &Shape) -> Vec<Handles<'_>> {
    (0..shape.guests.len()).map(|guest| Handles::new(shape, guest)).collect()
}

/// The table of each guest after these calls, if none of them fails.
pub fn after<'a>(shape: &'a Shape, calls: &[Call]) -> Vec<Handles<'a>> {
    let mut tables = tables(shape);
    if !shape.resources.is_empty() {
        calls.iter().for_each(|call| follow(shape, call, &mut tables));
    }
    tables
}

fn follow(shape: &Shape, call: &Call, tables: &mut [Handles]) {
    for (handles, script) in tables.iter_mut().zip(&call.scripts) {
        handles.destructor.clone_from(&script.destructor);
    }
    tables[0].lower(&call.args, &shape.guests[0].export.ty.params);
    let called = vec![false; tables.len()];
    let mut course = Follower { shape, call, tables, called };
    course.run(0, Party::Host);
    call.host_drops.iter().for_each(|number| tables[0].host_drop(*number));
}

struct Follower<'a, 'b, 'c> {
    shape: &'a Shape,
    call: &'a Call,
    tables: &'b mut [Handles<'c>],
    /// Whose function was called before.
    called: Vec<bool>,
}

impl<'a> Follower<'a, '_, '_> {
    /// A guest's function is called, which returns these values.
    fn run(&mut self, guest: usize, caller: Party) -> &'a [Value] {
        let script = &self.call.scripts[guest];
        if !std::mem::replace(&mut self.called[guest], true) {
            script.function.acts.iter().for_each(|act| self.act(guest, act));
        }
        let Some(passed) = script.returned() else {
            return &[];
        };
        let results = self.shape.guests[guest].export.ty.results();
        self.tables[guest].pass(passed, results, caller);
        passed.values()
    }

    fn act(&mut self, guest: usize, act: &'a Act) {
        if let Some(built_in) = act.built_in() {
            self.tables[guest].apply(*built_in);
        } else if let Some(call) = act.import() {
            self.import(guest, call);
        }
    }

    fn import(&mut self, guest: usize, call: &'a ImportCall) {
        let (params, results) = self.shape.guests[guest].types_of_import();
        let next = guest + 1;
        let to = if next < self.tables.len() { Party::Guest } else { Party::Host };
        self.tables[guest].pass(&call.passed, params, to);
        let returned = if call.answer == Answer::Guest && to == Party::Guest {
            self.tables[next].lower(call.passed.values(), params);
            self.run(next, Party::Guest)
        } else {
            call.answer.values()
        };
        self.tables[guest].lower(returned, results);
    }
}
