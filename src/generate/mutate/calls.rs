//! Changes to what happens in calls, in which order and how often.
//! Knows nothing of what is handed over.

use arbitrary::{Result, Unstructured};

use crate::case::{Act, Answer, Call, Case, End, GUEST_DATA, ImportCall, Limits, Script, Shape};
use crate::generate::acts::{destructor, post_return};
use crate::generate::calls::{answer, call, import_args};
use crate::generate::draw::{position, weighted};
use crate::generate::guest::{self, Giver};
use crate::generate::handles::after;
use crate::generate::{realloc, weights};

pub fn change_realloc(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let number = u.choose_index(shape.guests.len())?;
    let (guest, handles) = (&shape.guests[number], &after(shape, &calls[..index])[number]);
    let heap = u64::from(GUEST_DATA) + 16 * u.int_in_range(0..=16)?;
    let action = if u.arbitrary()? {
        realloc::action(u, guest, handles)?
    } else {
        realloc::odd(u, guest, heap, handles)?
    };
    let script = &mut calls[index].scripts[number].realloc;
    match (position(u, script.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => drop(script.remove(index)),
        (Some(index), 1) => script.insert(index, action),
        (Some(index), 2) => script[index] = action,
        _ => script.push(action),
    }
    Ok(())
}

/// The script of a guest in a call, and the guest's number.
fn any_script<'a>(
    u: &mut Unstructured,
    calls: &'a mut [Call],
) -> Result<Option<(usize, &'a mut Script)>> {
    let Some(index) = position(u, calls.len())? else {
        return Ok(None);
    };
    let scripts = &mut calls[index].scripts;
    let guest = u.choose_index(scripts.len())?;
    Ok(Some((guest, &mut scripts[guest])))
}

/// Adds, removes or repeats a call of the import.
pub fn change_import_calls(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some((guest, script)) = any_script(u, calls)? else {
        return Ok(());
    };
    if shape.guests[guest].import.is_none() {
        return Ok(());
    }
    let steps = &mut script.function.acts;
    match (position(u, steps.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => drop(steps.remove(index)),
        (Some(index), 1) => steps.insert(index, steps[index].clone()),
        (Some(index), 2) => steps.swap(0, index),
        (index, _) => {
            let step = Act::Import(import_call(u, shape, guest)?);
            steps.insert(index.unwrap_or(0), step);
        }
    }
    Ok(())
}

fn import_call(u: &mut Unstructured, shape: &Shape, number: usize) -> Result<ImportCall> {
    let guest = &shape.guests[number];
    let passed = import_args(u, guest, false, &mut Giver::new(shape, number))?;
    if number + 1 < shape.guests.len() {
        return Ok(ImportCall { passed, answer: Answer::Guest });
    }
    Ok(ImportCall { passed, answer: answer(u, guest, false, false)? })
}

/// Only the host's function answers by itself.
pub fn change_answer(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let (Some(index), Some(last)) = (position(u, calls.len())?, shape.guests.last()) else {
        return Ok(());
    };
    let scripts = calls[index].scripts.last_mut().into_iter();
    let mut calls: Vec<_> = scripts.flat_map(Script::import_calls_mut).collect();
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let old = &mut calls[index].answer;
    *old = match (u.int_in_range(0..=3)?, &*old) {
        (0, Answer::Return(value)) => Answer::Reenter(value.clone()),
        (0, Answer::Reenter(value)) => Answer::Return(value.clone()),
        (1, _) => Answer::Error,
        _ => answer(u, last, false, false)?,
    };
    Ok(())
}

/// Changes how the function and `post-return` end, or what destructors do.
pub fn change_ending(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let number = u.choose_index(shape.guests.len())?;
    let guest = &shape.guests[number];
    let handles = after(shape, &calls[..=index]).swap_remove(number);
    let script = &mut calls[index].scripts[number];
    match (u.int_in_range(0..=4)?, script.returned()) {
        (0, Some(_)) => script.function.end = End::Trap,
        (0, None) => {
            let passed = Giver::with(shape, number, handles).truth(u, guest::results(guest))?;
            script.function.end = End::Return(passed);
        }
        (1, _) => script.post_return = post_return(u, guest, true, &handles)?,
        (2, _) => script.destructor = destructor(u, shape, number, true, &handles)?,
        (3, _) => script.destructor = destructor(u, shape, number, false, &handles)?,
        _ => script.post_return = post_return(u, guest, false, &handles)?,
    }
    Ok(())
}

/// Adds, removes, repeats or moves a call.
pub fn change_calls(u: &mut Unstructured, case: &mut Case, limits: &Limits) -> Result<()> {
    let Case { shape, calls, .. } = case;
    match (position(u, calls.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) if calls.len() > 1 => drop(calls.remove(index)),
        (Some(index), 1) => calls.insert(index, calls[index].clone()),
        (Some(index), 2) => calls.swap(0, index),
        (index, _) => {
            let conduct = weighted(u, weights::habits(shape).conducts)?;
            let index = index.unwrap_or(0);
            let mut handles = after(shape, &calls[..index]);
            calls.insert(index, call(u, shape, limits, conduct, &mut handles)?);
        }
    }
    Ok(())
}
