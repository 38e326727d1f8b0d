//! What the host's function does when it is called, by each way that the engine has to define it.
//! Knows values, and nothing of how they reach the engine.

use canonfuzz_typed::Data;
use wasmtime::component::Accessor;
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};

use super::call;
use super::fault::Leg;
use super::state::AsState;
use super::trap::Stopped;
use super::val::compact;
use super::wait::pending;
use crate::case::Answer;
use crate::value::Value;

/// By a function that waits: only this one can call again.
pub fn answer(store: &mut StoreContextMut<'_, Data>, args: Vec<Value>) -> Result<Option<Value>> {
    let value = match called(store, args)? {
        Answer::Reenter(value) => {
            call::call_sync(store)?;
            value
        }
        Answer::Return(value) => value,
        Answer::Error | Answer::Guest => unreachable!("`called` has dealt with these"),
    };
    Ok(passed(store, value))
}

/// By one that awaits.
pub async fn answer_async(
    mut store: StoreContextMut<'_, Data>,
    args: Vec<Value>,
) -> Result<Option<Value>> {
    let answer = called(&mut store, args)?;
    pending(store.data().state().polls).await;
    Ok(passed(&mut store, returned(answer)))
}

/// By one that awaits while others have the store.
pub async fn answer_concurrent(
    accessor: &Accessor<Data>,
    args: Vec<Value>,
) -> Result<Option<Value>> {
    let (answer, polls) = accessor.with(|mut access| {
        let mut store = access.as_context_mut();
        called(&mut store, args).map(|answer| (answer, store.data().state().polls))
    })?;
    pending(polls).await;
    Ok(accessor.with(|mut access| passed(&mut access.as_context_mut(), returned(answer))))
}

/// What to answer: an error where the script says so.
fn called(store: &mut StoreContextMut<'_, Data>, mut args: Vec<Value>) -> Result<Answer> {
    store.engine().increment_epoch();
    store.data().state().pass(Leg::Params, &mut args);
    args.iter_mut().for_each(compact);
    match store.data_mut().state_mut().host.called(args) {
        Answer::Error => Err(Error::new(Stopped::HostFailed)),
        Answer::Guest => unreachable!("a checked case has the host answer what it is asked"),
        answer @ (Answer::Return(_) | Answer::Reenter(_)) => Ok(answer),
    }
}

fn returned(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Return(value) => value,
        Answer::Guest | Answer::Error | Answer::Reenter(_) => {
            unreachable!("a checked case has a host that awaits do nothing but return")
        }
    }
}

fn passed(store: &mut StoreContextMut<'_, Data>, mut value: Option<Value>) -> Option<Value> {
    store.data().state().pass(Leg::Answer, value.as_mut_slice());
    value
}
