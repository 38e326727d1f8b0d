//! Waits for what is awaited, on this thread.
//! Knows nothing of what that is; what nobody will ever wake is an error, not a hang.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use wasmtime::{Error, Result};

/// Whether a future asked to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the future comes to; an error where it neither ends nor asks to be polled again.
pub fn wait<R>(future: impl Future<Output = R>) -> Result<R> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return Ok(result);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return Err(Error::new(NeverWoken));
        }
    }
}

/// A future that is pending, and that nobody will poll again.
#[derive(Debug)]
pub struct NeverWoken;

impl std::fmt::Display for NeverWoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a call is pending, and nothing will wake it")
    }
}

impl std::error::Error for NeverWoken {}

/// Is polled this often in vain before it is ready.
pub async fn pending(polls: u32) {
    for _ in 0..polls {
        once_pending().await;
    }
}

async fn once_pending() {
    let mut was_polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut was_polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Both, under way at the same time: the first is polled first.
pub async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        poll_into(&mut first, a.as_mut(), context);
        poll_into(&mut second, b.as_mut(), context);
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_into<R>(
    result: &mut Option<R>,
    future: Pin<&mut impl Future<Output = R>>,
    context: &mut Context<'_>,
) {
    if result.is_none()
        && let Poll::Ready(ready) = future.poll(context)
    {
        *result = Some(ready);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_for_a_while_ends() {
        assert_eq!(wait(async { pending(3).await }).ok(), Some(()));
        let (a, b) = wait(both(async { pending(2).await }, async { 7 })).unwrap();
        assert_eq!((a, b), ((), 7));
    }

    #[test]
    fn what_nobody_wakes_is_an_error() {
        assert!(wait(std::future::pending::<()>()).is_err());
    }
}
