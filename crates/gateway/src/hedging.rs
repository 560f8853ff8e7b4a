//! A second attempt beside a slow first one: when it begins, and how long answers usually take.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Answers whose times are remembered.
const TIMES_KEPT: usize = 128;
/// Answers that must be known before anything is said of most.
const TIMES_MIN: usize = 20;
/// Which part of the answers is faster than a slow one.
const MOST: f64 = 0.95;

/// When a call gets a second attempt on another route, beside the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hedging {
    /// Never.
    #[default]
    Off,
    /// When the first attempt has not begun to answer after this time.
    After(Duration),
    /// When it has not begun to answer although 95 of 100 of the model's last answers had; never
    /// before 20 answers of the same kind, streamed or whole, are known.
    SlowerThanMost,
}

/// How long a model's last answers took to begin.
#[derive(Debug, Default)]
pub(crate) struct Times {
    last: Mutex<Vec<Duration>>,
    next: std::sync::atomic::AtomicUsize,
}

impl Times {
    pub(crate) fn add(&self, took: Duration) {
        let next = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get_mut(next % TIMES_KEPT) {
            Some(oldest) => *oldest = took,
            None => last.push(took),
        }
    }

    /// The time within which most answers had begun.
    pub(crate) fn most(&self) -> Option<Duration> {
        let mut times = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if times.len() < TIMES_MIN {
            return None;
        }
        let slow = ((times.len() - 1) as f64 * MOST) as usize;
        Some(*times.select_nth_unstable(slow).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G-6: only a wait that is long for this model calls for a second attempt.
    #[test]
    fn most_is_the_95th_of_a_hundred_and_follows_the_present() {
        let times = Times::default();
        for millis in 1..TIMES_MIN as u64 {
            times.add(Duration::from_millis(millis));
            assert_eq!(times.most(), None);
        }
        for millis in TIMES_MIN as u64..=100 {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!(times.most(), Some(Duration::from_millis(95)));
        for _ in 0..TIMES_KEPT {
            times.add(Duration::from_millis(7));
        }
        assert_eq!(times.most(), Some(Duration::from_millis(7)));
    }
}
