//! Units of money. Costs are counted and summed in nano-euro, because many calls cost less than a
//! micro-euro; budgets are set, and amounts are shown, in micro-euro. Prices are in micro-euro too.

/// Nano-euro in a micro-euro.
pub const NANO_PER_MICRO: u64 = 1_000;

/// An amount in micro-euro, rounded to the nearest. For showing: what is summed afterwards is wrong.
#[must_use]
pub const fn to_micro_euro(nano_euro: u64) -> u64 {
    nano_euro / NANO_PER_MICRO + (nano_euro % NANO_PER_MICRO >= NANO_PER_MICRO / 2) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_nearest() {
        for (nano, micro) in [(0, 0), (499, 0), (500, 1), (1_499, 1), (6_000, 6)] {
            assert_eq!(to_micro_euro(nano), micro, "{nano}");
        }
        assert_eq!(to_micro_euro(u64::MAX), 18_446_744_073_709_552);
    }
}
