//! What happens next? Numbers that look random and are the same for the same seed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// A row of numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The row of a seed and of what it is for: what is drawn for one thing does not move the rest.
    pub fn of(seed: u64, purpose: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, purpose).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// The next number (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
    /// generators", 2014).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in 0..1.
    pub fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.roll() >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub fn happens(&mut self, thousandths: u64) -> bool {
        self.roll() % 1000 < thousandths
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.roll() % bound).unwrap_or_default()
    }

    /// One of these.
    ///
    /// # Panics
    /// Where there is none.
    pub fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    /// A time between the two, short ones as likely as long ones: as many below a second as there are
    /// tenfold longer ones below ten.
    pub fn time(&mut self, from: Duration, to: Duration) -> Duration {
        let (from, to) = (from.as_secs_f64().max(0.001), to.as_secs_f64());
        let time = from * (to / from).powf(self.share());
        // Whole milliseconds, as tokio's timers have them.
        Duration::from_millis(
            Duration::from_secs_f64(time)
                .as_millis()
                .try_into()
                .unwrap_or(0),
        )
    }
}
