//! Chance, repeatable for ever: SplitMix64, and skewed choices from it.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A generator: the same draws for the same seed and use, always.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The generator of one use of a seed.
    pub fn new(seed: u64, usage: u64) -> Self {
        Self(mix(mix(seed) ^ usage.wrapping_mul(GOLDEN)))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Evenly in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly in 0..n.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Evenly in low..high.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    /// Evenly in [low, high).
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these, evenly.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// e to a normal of this mean and sigma (Box and Muller).
    pub fn log_normal(&mut self, mean: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (mean + sigma * radius * (std::f64::consts::TAU * self.unit()).cos()).exp()
    }
}

/// Scrambles 64 bits (Stafford's variant 13).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Choices in 0..n of which few make up most: the rank r is drawn in proportion to `1 / (r + 2)^exponent`. Which
/// choice has which rank depends on n alone, so that two exponents over the same things favour the same ones.
#[derive(Debug)]
pub struct Zipf {
    by_rank: Vec<u32>,
    cumulated: Vec<f64>,
}

impl Zipf {
    /// Over 0..n.
    pub fn new(n: usize, exponent: f64) -> Self {
        let mut by_rank: Vec<u32> = (0..n as u32).collect();
        let mut dice = Dice::new(n as u64, u64::MAX);
        for last in (1..n).rev() {
            by_rank.swap(last, dice.below(last as u64 + 1) as usize);
        }
        let mut sum = 0.0;
        let weights = (0..n).map(|rank| {
            sum += (rank as f64 + 2.0).powf(-exponent);
            sum
        });
        Self { by_rank, cumulated: weights.collect() }
    }

    /// Draws.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let all = self.cumulated.last().copied().unwrap_or_default();
        let at = dice.unit() * all;
        let rank = self.cumulated.partition_point(|sum| *sum <= at);
        self.by_rank[rank.min(self.by_rank.len() - 1)] as usize
    }
}
