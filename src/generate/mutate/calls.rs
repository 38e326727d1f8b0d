//! Changes to what happens in calls, in which order and how often.
//! Knows nothing of what is handed over.

use arbitrary::{Result, Unstructured};

use crate::case::import_calls_mut;
use crate::case::{Answer, Call, Case, Finish, ImportCall, Limits, Shape, Step};
use crate::encode::guest::Side;
use crate::generate::acts::{destructor, post_return};
use crate::generate::calls::{answer, call, import_args};
use crate::generate::draw::{position, weighted};
use crate::generate::guest::GuestData;
use crate::generate::handles::Handles;
use crate::generate::{realloc, weights};

pub fn change_realloc(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let handles = Handles::after(shape, &calls[..index]);
    let script = &mut calls[index].scripts[0].realloc;
    let action = realloc::action(u, shape, &handles)?;
    match (position(u, script.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => drop(script.remove(index)),
        (Some(index), 1) => script.insert(index, action),
        (Some(index), 2) => script[index] = action,
        _ => script.push(action),
    }
    Ok(())
}

fn any_call<'a>(u: &mut Unstructured, calls: &'a mut [Call]) -> Result<Option<&'a mut Call>> {
    let index = position(u, calls.len())?;
    Ok(index.map(|index| &mut calls[index]))
}

/// Adds, removes or repeats a call of the import.
pub fn change_import_calls(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(call) = any_call(u, calls)? else {
        return Ok(());
    };
    if shape.guests[0].import.is_none() {
        return Ok(());
    }
    let steps = &mut call.scripts[0].steps;
    match (position(u, steps.len())?, u.int_in_range(0..=3)?) {
        (Some(index), 0) => drop(steps.remove(index)),
        (Some(index), 1) => steps.insert(index, steps[index].clone()),
        (Some(index), 2) => steps.swap(0, index),
        (index, _) => {
            let step = Step::Import(import_call(u, shape)?);
            steps.insert(index.unwrap_or(0), step);
        }
    }
    Ok(())
}

fn import_call(u: &mut Unstructured, shape: &Shape) -> Result<ImportCall> {
    let passed = import_args(u, shape, false, &mut GuestData::new(shape))?;
    Ok(ImportCall { passed, answer: answer(u, shape, false, false)? })
}

pub fn change_answer(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(call) = any_call(u, calls)? else {
        return Ok(());
    };
    let mut calls: Vec<&mut ImportCall> = import_calls_mut(&mut call.scripts[0].steps).collect();
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let old = &mut calls[index].answer;
    *old = match (u.int_in_range(0..=3)?, &*old) {
        (0, Answer::Return(value)) => Answer::Reenter(value.clone()),
        (0, Answer::Reenter(value)) => Answer::Return(value.clone()),
        (1, _) => Answer::Error,
        _ => answer(u, shape, false, false)?,
    };
    Ok(())
}

/// Changes how the function and `post-return` end, or what destructors do.
pub fn change_ending(u: &mut Unstructured, case: &mut Case) -> Result<()> {
    let Case { shape, calls, .. } = case;
    let Some(index) = position(u, calls.len())? else {
        return Ok(());
    };
    let handles = Handles::after(shape, &calls[..=index]);
    let call = &mut calls[index];
    let side = Side::results(&shape.guests[0].export, shape.guests[0].ptr_type);
    match (u.int_in_range(0..=4)?, &call.scripts[0].finish) {
        (0, Finish::Return(_)) => call.scripts[0].finish = Finish::Trap,
        (0, Finish::Trap) => {
            call.scripts[0].finish =
                Finish::Return(GuestData::with(shape, handles).truth(u, side)?);
        }
        (1, _) => call.scripts[0].post_return = post_return(u, shape, true, &handles)?,
        (2, _) => call.scripts[0].destructor = destructor(u, shape, true, &handles)?,
        (3, _) => call.scripts[0].destructor = destructor(u, shape, false, &handles)?,
        _ => call.scripts[0].post_return = post_return(u, shape, false, &handles)?,
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
            let conduct = weighted(u, weights::CONDUCTS)?;
            let index = index.unwrap_or(0);
            let mut handles = Handles::after(shape, &calls[..index]);
            calls.insert(index, call(u, shape, limits, conduct, &mut handles)?);
        }
    }
    Ok(())
}
