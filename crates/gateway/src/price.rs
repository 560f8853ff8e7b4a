//! What calls cost and what energy they take, by the terms of a route at the time of the call.

use domain::Instant;
use llm::Usage;

/// Milliseconds in a minute.
const MINUTE_MS: u128 = 60_000;
/// Nano-euro in a micro-euro.
const NANO_PER_MICRO: u128 = domain::money::NANO_PER_MICRO as u128;
/// The denominator of a sum of prices in micro-euro: millionths and milliseconds of a minute go into it.
const WHOLE: u128 = 3_000_000;

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
    /// The price of so many tokens, as [`Price::of_all`].
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        self.of_all(usage, Parts::default())
    }

    /// The price of a call, in nano-euro: the exact sum of its parts, rounded up once.
    #[must_use]
    pub fn of_all(self, usage: Usage, parts: Parts) -> u64 {
        let times = |price: u64, count: u64| u128::from(price) * u128::from(count);
        let cached = parts.cached_tokens.min(usage.prompt_tokens);
        let (millionth, millisecond) = (WHOLE / 1_000_000, WHOLE / MINUTE_MS);
        let micro_euro = [
            (times(self.input, usage.prompt_tokens - cached), millionth),
            (times(self.cached_input.unwrap_or(self.input), cached), millionth),
            (times(self.output, usage.completion_tokens), millionth),
            (times(self.characters, parts.characters), millionth),
            (times(self.audio_minute, parts.audio_ms), millisecond),
            (times(self.image, parts.images), WHOLE),
            (u128::from(self.request), WHOLE),
        ];
        let sum = micro_euro
            .into_iter()
            .fold(0_u128, |sum, (count, part)| sum.saturating_add(count.saturating_mul(part)));
        u64::try_from(sum.div_ceil(WHOLE / NANO_PER_MICRO)).unwrap_or(u64::MAX)
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
    use proptest::{array::uniform6, prelude::*};

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
        assert_eq!(price.of(tokens(10, 2)), 10_000 + 6_000 + 7_000);
        let cached = Parts { cached_tokens: 10, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), cached), 1_000 + 7_000);
        let too_many = Parts { cached_tokens: 99, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), too_many), 1_000 + 7_000, "no more than there are");
        let images = Parts { images: 2, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), images), 80_000_000 + 7_000);
        let read_aloud = Parts { characters: 100, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), read_aloud), 1_500_000 + 7_000);
        let heard = Parts { audio_ms: 90_001, ..Parts::default() };
        assert_eq!(price.of_all(tokens(0, 0), heard), 9_000_100 + 7_000, "each millisecond");
    }

    #[test]
    fn what_is_cached_costs_as_much_as_the_rest_unless_it_has_a_price() {
        let price = Price { input: 2_000_000, ..Price::default() };
        let cached = Parts { cached_tokens: 5, ..Parts::default() };
        assert_eq!(price.of_all(tokens(10, 0), cached), 20_000);
    }

    /// Vectors of a few words at two cents for a million tokens.
    #[test]
    fn what_costs_less_than_a_micro_euro_is_not_rounded_up_to_one() {
        let price = Price { input: 20_000, ..Price::default() };
        let sum: u64 = (0..100).map(|_| price.of(tokens(3, 0))).sum();
        assert_eq!(sum, 6_000, "six micro-euro");
    }

    proptest! {
        /// The sum of many calls is what all of it costs together, but for a nano-euro for each.
        #[test]
        fn sums_are_what_all_costs_together(
            price in uniform6(0..100_000_000_u64),
            cached_input in proptest::option::of(0..100_000_000_u64),
            calls in proptest::collection::vec(uniform6(0..100_000_u64), 1..50),
        ) {
            let [input, output, request, image, characters, audio_minute] = price;
            let price =
                Price { input, output, cached_input, request, image, characters, audio_minute };
            // In micro-euro over 60 millions, which all parts divide.
            let (mut exact, mut sum) = (0_u128, 0_u128);
            for [prompt, cached, completion, images, read_aloud, audio_ms] in &calls {
                let cached = cached.min(prompt);
                let parts = Parts {
                    cached_tokens: *cached,
                    images: *images,
                    characters: *read_aloud,
                    audio_ms: *audio_ms,
                };
                sum += u128::from(price.of_all(tokens(*prompt, *completion), parts));
                let each = [
                    (input, prompt - cached, 60),
                    (cached_input.unwrap_or(input), *cached, 60),
                    (output, *completion, 60),
                    (characters, *read_aloud, 60),
                    (audio_minute, *audio_ms, 1_000),
                    (image, *images, 60_000_000),
                    (request, 1, 60_000_000),
                ];
                exact += each
                    .iter()
                    .map(|(price, count, part)| u128::from(*price) * u128::from(*count) * part)
                    .sum::<u128>();
            }
            let sum = sum * 60_000;
            prop_assert!(sum >= exact && sum - exact < 60_000 * calls.len() as u128);
        }
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
