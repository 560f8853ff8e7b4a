//! How long a route takes to its first piece: a moving average, and the least of late.

use std::time::Duration;

use tokio::time::Instant;

/// How much the newest call counts in the average.
const NEWEST: f64 = 0.2;
/// How long the least is remembered, at most twice.
const LEAST_FOR: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default)]
pub(crate) struct Latency {
    average_seconds: Option<f64>,
    least: Option<Duration>,
    least_before: Option<Duration>,
    turned: Option<Instant>,
}

impl Latency {
    pub(crate) fn add(&mut self, took: Duration, now: Instant) {
        let seconds = took.as_secs_f64();
        let average = self.average_seconds.unwrap_or(seconds);
        self.average_seconds = Some(average + NEWEST * (seconds - average));
        self.turn(now);
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
    }

    pub(crate) fn average(&self) -> Option<Duration> {
        self.average_seconds.map(Duration::from_secs_f64)
    }

    /// The least of the last one to two minutes.
    pub(crate) fn least(&mut self, now: Instant) -> Option<Duration> {
        self.turn(now);
        self.least.into_iter().chain(self.least_before).min()
    }

    fn turn(&mut self, now: Instant) {
        let turned = *self.turned.get_or_insert(now);
        let passed = now.saturating_duration_since(turned);
        if passed < LEAST_FOR {
            return;
        }
        self.least_before = if passed < LEAST_FOR * 2 { self.least } else { None };
        self.least = None;
        self.turned = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_moves_and_the_least_is_forgotten() {
        let start = Instant::now();
        let mut latency = Latency::default();
        assert_eq!((latency.average(), latency.least(start)), (None, None));
        latency.add(Duration::from_secs(1), start);
        latency.add(Duration::from_secs(2), start);
        assert_eq!(latency.average(), Some(Duration::from_millis(1_200)));
        assert_eq!(latency.least(start), Some(Duration::from_secs(1)));
        latency.add(Duration::from_secs(3), start + LEAST_FOR);
        assert_eq!(latency.least(start + LEAST_FOR), Some(Duration::from_secs(1)));
        assert_eq!(latency.least(start + LEAST_FOR * 2), Some(Duration::from_secs(3)));
        assert_eq!(latency.least(start + LEAST_FOR * 5), None);
    }
}
