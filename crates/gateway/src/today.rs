//! What a route has done since midnight (UTC), for operators: live, of this process alone, and gone
//! with it. Figures for accounting are kept elsewhere. Times come in from outside.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
    /// What all of them cost, in billionths of a euro, if the route has a price.
    pub cost_nano_euro: u64,
}

impl Today {
    /// Counts an answer.
    pub(crate) fn answer(&mut self, now: domain::Instant) {
        *self = self.at(now);
        self.answers += 1;
    }

    /// Adds what a call used, and what it cost in billionths of a euro.
    pub(crate) fn charge(&mut self, usage: Usage, cost: u64, now: domain::Instant) {
        *self = self.at(now);
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
        self.cost_nano_euro = self.cost_nano_euro.saturating_add(cost);
    }

    /// As it is at a moment: nothing, if the last answer was on another day.
    pub(crate) fn at(self, now: domain::Instant) -> Self {
        let day = now.micros().div_euclid(DAY);
        if self.day == day { self } else { Self { day, ..Self::default() } }
    }
}

/// The figures of one route, which it shares with the book of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct DayFigures(Arc<Mutex<Today>>);

impl DayFigures {
    pub(crate) fn write(&self) -> MutexGuard<'_, Today> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self, now: domain::Instant) -> Today {
        self.write().at(now)
    }

    /// Whether some route has it.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// The figures of all routes by model and name. Those of a route that is gone stay until the day is over:
/// it may come back, and what it was asked last is settled after it went.
#[derive(Debug, Default)]
pub(crate) struct Days(Mutex<HashMap<(String, String), DayFigures>>);

impl Days {
    /// The figures of a route, as far as there are some.
    pub(crate) fn of(&self, model: &str, route: &str) -> DayFigures {
        self.book().entry((model.to_owned(), route.to_owned())).or_default().clone()
    }

    /// Adds what a call used, and what it cost in billionths of a euro; nothing for routes that never were.
    pub(crate) fn charge(
        &self,
        (model, route): (&str, &str),
        usage: Usage,
        cost: u64,
        now: domain::Instant,
    ) {
        let figures = self.book().get(&(model.to_owned(), route.to_owned())).cloned();
        if let Some(figures) = figures {
            figures.write().charge(usage, cost, now);
        }
    }

    /// Forgets routes that are gone and did nothing today.
    pub(crate) fn forget(&self, now: domain::Instant) {
        let nothing = Today::default().at(now);
        self.book().retain(|_, figures| figures.is_in_use() || figures.read(now) != nothing);
    }

    fn book(&self) -> MutexGuard<'_, HashMap<(String, String), DayFigures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!((today.answers, today.cost_nano_euro), (1, 150_000));
        assert_eq!((today.prompt_tokens, today.completion_tokens), (2_000_000, 20));
        let midnight = domain::Instant::from_micros(20_000 * DAY);
        assert_eq!(today.at(evening), today);
        assert_eq!(today.at(midnight).answers, 0);
        today.charge(usage, 150_000, midnight);
        assert_eq!((today.answers, today.cost_nano_euro), (0, 150_000));
    }

    #[test]
    fn a_route_that_is_gone_is_remembered_until_midnight() {
        let usage = Usage { prompt_tokens: 10, completion_tokens: 10 };
        let (noon, next) = (DAY / 2, DAY + 1);
        let (noon, next) = (domain::Instant::from_micros(noon), domain::Instant::from_micros(next));
        let days = Days::default();
        let (busy, idle) = (days.of("m", "busy"), days.of("m", "idle"));
        busy.write().charge(usage, 7, noon);
        drop((busy, idle));
        days.charge(("m", "busy"), usage, 5, noon);
        days.charge(("m", "nobody"), usage, 5, noon);
        days.forget(noon);
        assert_eq!(days.book().len(), 1);
        assert_eq!(days.of("m", "busy").read(noon).cost_nano_euro, 12);
        days.forget(next);
        assert_eq!(days.book().len(), 0);
    }
}
