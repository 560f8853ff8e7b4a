//! What a route has done since midnight (UTC), for operators: live, of this process alone, and gone
//! with it. Figures for accounting are kept elsewhere. Times come in from outside.

use llm::Usage;

use crate::Price;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Answers that came to their end today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Today {
    day: i64,
    /// How many.
    pub answers: u64,
    /// Tokens they read.
    pub prompt_tokens: u64,
    /// Tokens they wrote.
    pub completion_tokens: u64,
    /// What they cost, in millionths of a euro, if the route has a price.
    pub cost_micro_euro: u64,
}

impl Today {
    /// Adds an answer.
    pub(crate) fn add(&mut self, usage: Usage, price: Option<Price>, now: domain::Instant) {
        *self = self.at(now);
        self.answers += 1;
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
        let cost = price.map_or(0, |price| price.of(usage));
        self.cost_micro_euro = self.cost_micro_euro.saturating_add(cost);
    }

    /// As it is at a moment: nothing, if the last answer was on another day.
    pub(crate) fn at(self, now: domain::Instant) -> Self {
        let day = now.micros().div_euclid(DAY);
        if self.day == day { self } else { Self { day, ..Self::default() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight() {
        let usage = Usage { prompt_tokens: 1_000_000, completion_tokens: 10 };
        let price = Some(Price { input: 150_000, ..Price::default() });
        let evening = domain::Instant::from_micros(20_000 * DAY - 1);
        let mut today = Today::default();
        today.add(usage, price, evening);
        today.add(usage, None, evening);
        assert_eq!((today.answers, today.cost_micro_euro), (2, 150_000));
        assert_eq!((today.prompt_tokens, today.completion_tokens), (2_000_000, 20));
        let midnight = domain::Instant::from_micros(20_000 * DAY);
        assert_eq!(today.at(evening), today);
        assert_eq!(today.at(midnight).answers, 0);
        today.add(usage, price, midnight);
        assert_eq!((today.answers, today.cost_micro_euro), (1, 150_000));
    }
}
