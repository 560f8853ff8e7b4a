//! Takes out a route that does clearly worse than its siblings, long before a breaker would.

use std::time::Duration;

use super::window::Tally;

/// When a route is ejected, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EjectionSettings {
    /// Least calls of a route in the breaker's window for it to be judged or compared with.
    pub calls_min: u32,
    /// Its part of failures must exceed that of its siblings together by so much, from 0 to 1.
    pub excess: f64,
    /// How long it is out the first time; each further time adds as much.
    pub first: Duration,
    /// The longest that it is out.
    pub longest: Duration,
}

impl Default for EjectionSettings {
    fn default() -> Self {
        Self {
            calls_min: 10,
            excess: 0.2,
            first: Duration::from_secs(30),
            longest: Duration::from_secs(300),
        }
    }
}

/// Judges a route by its siblings, the other routes of its rank that are not out themselves. Never
/// more than half of a rank is out, so never the last one.
pub(super) fn is_outlier(
    settings: &EjectionSettings,
    own: Tally,
    siblings: &[Tally],
    out_already: usize,
) -> bool {
    let all = siblings.len() + out_already + 1;
    if (out_already + 1) * 2 > all || own.calls() < settings.calls_min {
        return false;
    }
    let known = siblings.iter().filter(|tally| tally.calls() >= settings.calls_min);
    let (good, bad) = known.fold((0_u64, 0_u64), |(good, bad), tally| {
        (good + u64::from(tally.good), bad + u64::from(tally.bad))
    });
    let calls = good + bad;
    calls > 0 && own.failure_rate() - bad as f64 / calls as f64 >= settings.excess
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tally(good: u32, bad: u32) -> Tally {
        Tally { good, bad }
    }

    #[test]
    fn who_does_clearly_worse_than_the_others_is_out() {
        let settings = EjectionSettings::default();
        let judge = |own, siblings: &[Tally], out| is_outlier(&settings, own, siblings, out);
        assert!(judge(tally(7, 3), &[tally(20, 0), tally(19, 1)], 0));
        assert!(!judge(tally(7, 3), &[tally(7, 3)], 0), "all are as bad");
        assert!(!judge(tally(2, 3), &[tally(20, 0)], 0), "too few calls");
        assert!(!judge(tally(7, 3), &[tally(2, 0)], 0), "nobody to compare with");
        assert!(!judge(tally(0, 100), &[], 0), "nobody beside it");
    }

    #[test]
    fn half_of_a_rank_stays() {
        let settings = EjectionSettings::default();
        for count in 1..10_usize {
            for out in 0..count {
                let siblings = vec![tally(100, 0); count - out - 1];
                if is_outlier(&settings, tally(0, 100), &siblings, out) {
                    assert!((out + 1) * 2 <= count, "{} of {count} out", out + 1);
                }
            }
        }
    }
}
