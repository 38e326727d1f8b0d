//! Changes to how many guests there are.
//! Knows what a guest that goes away leaves to the others.

use arbitrary::{Result, Unstructured};

use crate::case::{Answer, Call, Case, End, Function, Guest, Limits, Passed, Resource, Script};
use crate::generate::guest::{self, Giver};
use crate::generate::{options, weights};

/// Adds a guest at the end of a chain, or takes one of three away: a guest alone remains so.
pub fn change(u: &mut Unstructured, case: &mut Case, limits: &Limits) -> Result<()> {
    let count = case.shape.guests.len();
    let most = usize::try_from(limits.guests).unwrap_or(usize::MAX).min(weights::MOST_GUESTS);
    if count > 2 && u.arbitrary()? {
        let number = u.choose_index(count)?;
        remove_guest(case, number);
        Ok(())
    } else if (2..most).contains(&count) {
        add(u, case, limits)
    } else {
        Ok(())
    }
}

/// The new guest exports what the last one imports of the host, or a function that does nothing.
fn add(u: &mut Unstructured, case: &mut Case, limits: &Limits) -> Result<()> {
    let Some(last) = case.shape.guests.last_mut() else {
        return Ok(());
    };
    let import = last.import.get_or_insert_with(Function::empty);
    let export = options::function(u, import.ty.clone(), options::Role::Export)?;
    let (ptr_type, pages) = (last.ptr_type, options::pages(u, limits)?);
    case.shape.guests.push(Guest { export, import: None, ptr_type, pages, noise: None });
    let number = case.shape.guests.len() - 1;
    for call in &mut case.calls {
        let side = guest::results(&case.shape.guests[number]);
        let passed = Giver::new(&case.shape, number).truth(u, side)?;
        call.scripts.push(Script::ending(End::Return(passed)));
    }
    Ok(())
}

/// Takes away the one of this number.
pub fn remove_guest(case: &mut Case, number: usize) {
    case.shape.guests.remove(number);
    case.calls.iter_mut().for_each(|call| remove_script(call, number));
    let number = u32::try_from(number).expect("guests are few");
    let last = case.shape.guests.len() == usize::try_from(number).unwrap_or(usize::MAX);
    for resource in &mut case.shape.resources {
        match resource {
            // What the last guest defined is the host's now, as is the function that mentions it.
            Resource::Guest { by, .. } if *by == number && last => *resource = Resource::Host,
            Resource::Guest { by, .. } if *by > number => *by -= 1,
            Resource::Guest { .. } | Resource::Host => {}
        }
    }
}

/// The host takes the place of the first guest, or of the last.
fn remove_script(call: &mut Call, number: usize) {
    let gone = call.scripts.remove(number);
    if number == 0 {
        let passed = gone.import_calls().next().map(|call| &call.passed);
        if let Some(Passed::Lowered { values, .. }) = passed {
            call.args.clone_from(values);
        }
    } else if number == call.scripts.len() {
        let returned = gone.returned().and_then(|passed| passed.values().first());
        let answer = Answer::Return(returned.cloned());
        let before = &mut call.scripts[number - 1];
        before.import_calls_mut().for_each(|call| call.answer = answer.clone());
    }
}
