//! Panics of a subject, caught and kept as words.
//! Knows nothing of who panics; signals and aborts need a process of their own.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

thread_local! {
    /// What the last panic said while this thread was catching.
    static SAID: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Makes panics that `catch` will catch silent. Once for a process, and never under libFuzzer,
/// where a panic is to abort.
pub fn install_hook() {
    let outer = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let caught = SAID.with_borrow_mut(|said| {
            let said = said.as_mut()?;
            *said = Some(describe(info));
            Some(())
        });
        if caught.is_none() {
            outer(info);
        }
    }));
}

/// Runs `run`; if it panics, answers with what the panic said.
pub fn catch<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    SAID.set(Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let said = SAID.take().flatten();
    result.map_err(|payload| said.unwrap_or_else(|| message(&*payload)))
}

/// The message and the place, without the folder that this machine keeps packages in.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map(|location| format!(" at {}:{}", without_folders(location.file()), location.line()));
    format!("panic: {}{}", message(info.payload()), place.unwrap_or_default())
}

/// Text that may name a file among cargo's packages, without the folder that they are in.
pub fn without_folders(text: &str) -> String {
    let Some((before, rest)) = text.split_once("/registry/src/") else {
        return text.to_string();
    };
    let start = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let file = rest.split_once('/').map_or(rest, |(_, file)| file);
    format!("{}{file}", &before[..start])
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_string())
}
