//! The only place that reads time. Pure rooms get `now` passed in.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time, for timeouts and latencies.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time in milliseconds since 1970, for records that people read.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Wall-clock time, for spans that other programs put beside theirs.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
