//! Time on the CPU, so that others on the machine are no part of a measurement.
//! Knows Linux's `/proc`, which is some milliseconds late, and makes do with the time of day elsewhere.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long this thread has run: since it began, or where nobody says so, since some first call.
pub fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    on_cpu().unwrap_or_else(|| START.get_or_init(Instant::now).elapsed())
}

/// What a thing takes by the time of day, and what it gives.
pub fn time<R>(run: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = run();
    (start.elapsed(), result)
}

fn on_cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}
