//! Randomness that is handed in, so that a plan is a function of its arguments.

/// A generator that a seed determines. Fit for spreading load, not for secrets.
///
/// `SplitMix64` of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Clone)]
pub struct Dice(u64);

/// What the state moves on by: the golden ratio in 64 bits, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// A generator for this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number above 0 and at most 1.
    pub fn fraction(&mut self) -> f64 {
        fraction(self.next())
    }

    /// A number below `count`, which must not be 0.
    pub fn below(&mut self, count: usize) -> usize {
        // The bias is far below one in a million for as many routes as anybody has.
        usize::try_from(self.next() % (count.max(1) as u64)).unwrap_or(0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }
}

/// Spreads the bits of a number over all 64.
pub(super) fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Evenly spread bits as a number above 0 and at most 1.
pub(super) fn fraction(bits: u64) -> f64 {
    // 53 bits are what the number type holds.
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}
