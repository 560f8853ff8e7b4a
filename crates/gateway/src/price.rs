//! What calls cost and what energy they take, by the terms of a route at the time of the call.

use domain::Instant;
use llm::Usage;

/// Milliseconds in a minute.
const MINUTE_MS: u128 = 60_000;

/// What a route costs from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// Micro-euro per million prompt tokens.
    pub input: u64,
    /// Micro-euro per million tokens of the answer.
    pub output: u64,
    /// Micro-euro per million prompt tokens that come out of the server's cache; `None`: as the
    /// others.
    pub cached_input: Option<u64>,
    /// Micro-euro for each request.
    pub request: u64,
    /// Micro-euro for each image that was made.
    pub image: u64,
    /// Micro-euro per million characters that were read aloud.
    pub characters: u64,
    /// Micro-euro for each minute of a recording that was written down.
    pub audio_minute: u64,
}

/// What a call took beside tokens, or tokens with a price of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Prompt tokens that came out of the server's cache; counted among the others too.
    pub cached_tokens: u64,
    /// Images that were made.
    pub images: u64,
    /// Characters that were read aloud.
    pub characters: u64,
    /// Milliseconds of a recording that was written down.
    pub audio_ms: u64,
}

impl Price {
    /// The price of so many tokens, in micro-euro, rounded up.
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        self.of_all(usage, Parts::default())
    }

    /// The price of a call, in micro-euro, rounded up.
    #[must_use]
    pub fn of_all(self, usage: Usage, parts: Parts) -> u64 {
        let times = |price: u64, count: u64| u128::from(price) * u128::from(count);
        let cached = parts.cached_tokens.min(usage.prompt_tokens);
        let millionths = [
            times(self.input, usage.prompt_tokens - cached),
            times(self.cached_input.unwrap_or(self.input), cached),
            times(self.output, usage.completion_tokens),
            times(self.characters, parts.characters),
        ];
        let tokens = millionths.into_iter().fold(0_u128, u128::saturating_add).div_ceil(1_000_000);
        let audio = times(self.audio_minute, parts.audio_ms).div_ceil(MINUTE_MS);
        let whole = u128::from(self.request).saturating_add(times(self.image, parts.images));
        u64::try_from(tokens.saturating_add(audio).saturating_add(whole)).unwrap_or(u64::MAX)
    }
}

/// The prices of a route, each from a time on until the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// By their beginning.
    periods: Vec<(Instant, Price)>,
}

impl Prices {
    /// Prices from these times on; before the first there is none.
    #[must_use]
    pub fn new(periods: impl IntoIterator<Item = (Instant, Price)>) -> Self {
        let mut periods: Vec<_> = periods.into_iter().collect();
        periods.sort_by_key(|(from, _)| *from);
        Self { periods }
    }

    /// All prices with the time from which each holds, the earliest first.
    pub fn periods(&self) -> impl ExactSizeIterator<Item = (Instant, Price)> + '_ {
        self.periods.iter().copied()
    }

    /// The price at a time, if there is one.
    #[must_use]
    pub fn at(&self, time: Instant) -> Option<Price> {
        let begun = self.periods.partition_point(|(from, _)| *from <= time);
        begun.checked_sub(1).map(|last| self.periods[last].1)
    }

    /// The price now, if there is one. Reads no clock where there is nothing to choose.
    #[must_use]
    pub fn now(&self) -> Option<Price> {
        match &self.periods[..] {
            [] => None,
            [(from, price)] if from.micros() == i64::MIN => Some(*price),
            _ => self.at(Instant::now()),
        }
    }
}

impl From<Price> for Prices {
    /// The same price at all times.
    fn from(price: Price) -> Self {
        Self::new([(Instant::from_micros(i64::MIN), price)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tokens(prompt_tokens: u64, completion_tokens: u64) -> Usage {
        Usage { prompt_tokens, completion_tokens }
    }

    #[test]
    fn each_part_has_its_price() {
        let price = Price {
            input: 1_000_000,
            output: 3_000_000,
            cached_input: Some(100_000),
            request: 7,
            image: 40_000,
            characters: 15_000_000,
            audio_minute: 6_000,
        };
        assert_eq!(price.of(tokens(10, 2)), 10 + 6 + 7);
        let cached = Parts { cached_tokens: 10, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), cached), 1 + 7);
        let too_many = Parts { cached_tokens: 99, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), too_many), 1 + 7, "no more than there are");
        let images = Parts { images: 2, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), images), 80_000 + 7);
        let read_aloud = Parts { characters: 100, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), read_aloud), 1_500 + 7);
        let heard = Parts { audio_ms: 90_001, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), heard), 9_001 + 7, "each millisecond, rounded up");
    }

    #[test]
    fn what_is_cached_costs_as_much_as_the_rest_unless_it_has_a_price() {
        let price = Price { input: 2_000_000, ..Price::default() };
        let cached = Parts { cached_tokens: 5, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), cached), 20);
    }

    #[test]
    fn nothing_overflows() {
        let most = u64::MAX;
        let price = Price {
            input: most,
            output: most,
            cached_input: Some(most),
            request: most,
            image: most,
            characters: most,
            audio_minute: most,
        };
        let parts = Parts { cached_tokens: 0, images: most, characters: most, audio_ms: most };
        assert_eq!(price.of_all(tokens(most, most), parts), most);
    }

    #[test]
    fn the_price_is_the_one_that_has_begun_last() {
        let at = Instant::from_micros;
        let of = |input| Price { input, ..Price::default() };
        let prices = Prices::new([(at(200), of(2)), (at(100), of(1))]);
        assert_eq!(prices.at(at(99)), None);
        assert_eq!(prices.at(at(100)), Some(of(1)));
        assert_eq!(prices.at(at(199)), Some(of(1)));
        assert_eq!(prices.at(at(200)), Some(of(2)));
        assert_eq!(Prices::from(of(3)).now(), Some(of(3)));
        assert_eq!(Prices::default().now(), None);
    }
}
