//! What a route has done since midnight (UTC), for operators: live, of this process alone, and gone
//! with it. Figures for accounting are kept elsewhere. Times come in from outside.

use llm::Usage;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What was done today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Today {
    day: i64,
    /// Answers that came to their end.
    pub answers: u64,
    /// Tokens read, also for answers that came to no end.
    pub prompt_tokens: u64,
    /// Tokens written, also of answers that came to no end.
    pub completion_tokens: u64,
    /// What all of them cost, in millionths of a euro, if the route has a price.
    pub cost_micro_euro: u64,
}

impl Today {
    /// Counts an answer.
    pub(crate) fn answer(&mut self, now: domain::Instant) {
        *self = self.at(now);
        self.answers += 1;
    }

    /// Adds what a call used, and what it cost in millionths of a euro.
    pub(crate) fn charge(&mut self, usage: Usage, cost: u64, now: domain::Instant) {
        *self = self.at(now);
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
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
        let evening = domain::Instant::from_micros(20_000 * DAY - 1);
        let mut today = Today::default();
        today.answer(evening);
        today.charge(usage, 150_000, evening);
        today.charge(usage, 0, evening);
        assert_eq!((today.answers, today.cost_micro_euro), (1, 150_000));
        assert_eq!((today.prompt_tokens, today.completion_tokens), (2_000_000, 20));
        let midnight = domain::Instant::from_micros(20_000 * DAY);
        assert_eq!(today.at(evening), today);
        assert_eq!(today.at(midnight).answers, 0);
        today.charge(usage, 150_000, midnight);
        assert_eq!((today.answers, today.cost_micro_euro), (0, 150_000));
    }
}
