//! What a run has shown so far, for everyone to look at while it goes on.
//! Knows no case.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::tally::Tally;

#[derive(Default)]
pub struct Progress {
    start: OnceLock<Instant>,
    pub cases: AtomicU64,
    /// Cases that differ as nobody has registered.
    pub findings: AtomicU64,
    /// Cases that differ as is registered.
    pub accepted: AtomicU64,
    /// Set to end the run after the cases that are under way.
    pub stop: AtomicBool,
    /// What nobody has been told yet.
    untold: Mutex<Vec<News>>,
    tally: Mutex<Tally>,
}

/// Something to be told at once.
pub enum News {
    /// A kind of findings was met first: what it is, and what to do next.
    Found { heading: String, lines: Vec<String> },
    /// A case could not be written: why, and the case, to be printed instead.
    Lost(String),
}

impl Progress {
    /// What has happened since this was asked last.
    pub fn news(&self) -> Vec<News> {
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tell(&self, news: News) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }

    pub(super) fn begin(&self) {
        self.start.get_or_init(Instant::now);
    }

    pub fn elapsed(&self) -> Duration {
        self.start.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how far the run has come, now and then.
    pub(super) fn sample(&self) {
        let (seconds, cases) = (self.elapsed().as_secs_f64(), self.cases.load(Ordering::Relaxed));
        self.tally().sample(seconds, cases);
    }
}
