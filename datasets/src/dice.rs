//! Chance, repeatable for ever: a small generator of our own, and the tables that skewed choices are drawn from.
//!
//! A library's generator may change its sequence with a version, and with it every dataset that was ever named
//! by a seed. SplitMix64 fits in ten lines, needs no warming up, and so each subject has a generator of its own,
//! made from seed, stream and index: any subject can be drawn without those before it.

use std::sync::LazyLock;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Scrambles 64 bits (Stafford's variant 13).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// What a generator is for: one index gives independent draws for each use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    Declaration = 1,
    DeclarationPlan,
    Manifests,
    Manifest,
    Flight,
    Importer,
    Exporter,
    Person,
    Inspection,
    Damage,
    Mistake,
    StolenDocument,
}

/// A generator of one subject's draws.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The generator of `index` for one use.
    pub(crate) fn new(seed: u64, usage: Use, index: u64) -> Self {
        Self(mix(mix(seed ^ (usage as u64).wrapping_mul(GOLDEN)) ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Evenly in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Evenly in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Evenly in 0..n; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these, evenly.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A standard normal, cut at two and a half sigma: nothing honest looks like a planted scheme.
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.bits();
        let at = (bits >> 54) as usize;
        let between = (bits & 0xFFFF_FFFF) as f64 / 4_294_967_296.0;
        let z = NORMAL[at] + (NORMAL[at + 1] - NORMAL[at]) * between;
        z.clamp(-2.5, 2.5)
    }

    /// A factor around 1 whose logarithm has this sigma.
    pub(crate) fn factor(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal()).exp()
    }
}

/// Quantiles of the standard normal at 0/1024 .. 1024/1024, the ends cut.
static NORMAL: LazyLock<[f64; 1025]> =
    LazyLock::new(|| std::array::from_fn(|i| normal_quantile((i as f64 / 1024.0).clamp(0.000_5, 0.999_5))));

/// Acklam's rational approximation of the normal quantile, good to 1e-9.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let poly = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |q: f64| poly(&C, q) / (poly(&D, q) * q + 1.0);
    if p < 0.024_25 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 0.975_75 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        poly(&A, r) * q / (poly(&B, r) * r + 1.0)
    }
}

/// A skewed choice in constant time (Walker's alias method, built by Vose's).
#[derive(Clone, Debug)]
pub(crate) struct Skewed {
    keep: Vec<f32>,
    other: Vec<u32>,
}

impl Skewed {
    /// Chooses i with probability in proportion to `weights[i]`. At least one weight must be positive.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let n = weights.len();
        let mean = weights.iter().sum::<f64>() / n as f64;
        let mut share: Vec<f64> = weights.iter().map(|w| w / mean).collect();
        let mut keep = vec![1.0; n];
        let mut other: Vec<u32> = (0..n as u32).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| share[i] < 1.0);
        while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
            small.pop();
            keep[s] = share[s] as f32;
            other[s] = l as u32;
            share[l] -= 1.0 - share[s];
            if share[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        Self { keep, other }
    }

    /// Ranks 0..n by Zipf's law: the k-th is drawn in proportion to `k^-exponent`.
    pub(crate) fn zipf(n: usize, exponent: f64) -> Self {
        Self::new(&(1..=n.max(1)).map(|k| (k as f64).powf(-exponent)).collect::<Vec<_>>())
    }

    /// Draws.
    pub(crate) fn draw(&self, dice: &mut Dice) -> usize {
        let bits = dice.bits();
        let at = (((bits >> 32) * self.keep.len() as u64) >> 32) as usize;
        let rest = (bits & 0xFFFF_FFFF) as f32 / 4_294_967_296.0;
        if rest < self.keep[at] { at } else { self.other[at] as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_index_always_gives_the_same_draws_and_another_gives_others() {
        let draws = |index| {
            let mut dice = Dice::new(7, Use::Flight, index);
            [dice.bits(), dice.bits()]
        };
        assert_eq!(draws(3), draws(3));
        assert_ne!(draws(3), draws(4));
        assert_ne!(draws(3)[0], Dice::new(8, Use::Flight, 3).bits());
        assert_ne!(draws(3)[0], Dice::new(7, Use::Manifest, 3).bits());
        // The sequence itself is part of what a seed promises.
        assert_eq!(Dice::new(7, Use::Declaration, 0).bits(), PINNED);
    }

    const PINNED: u64 = 16_982_539_944_930_899_102;

    #[test]
    fn skewed_choices_follow_their_weights() {
        let skewed = Skewed::new(&[1.0, 0.0, 3.0, 6.0]);
        let mut dice = Dice::new(1, Use::Flight, 0);
        let mut seen = [0u32; 4];
        for _ in 0..100_000 {
            seen[skewed.draw(&mut dice)] += 1;
        }
        for (seen, expected) in seen.iter().zip([10_000.0, 0.0, 30_000.0, 60_000.0]) {
            assert!((f64::from(*seen) - expected).abs() < 1_000.0, "{seen} for {expected}");
        }
    }

    #[test]
    fn normals_are_normal() {
        let mut dice = Dice::new(1, Use::Flight, 1);
        let draws: Vec<f64> = (0..100_000).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let inside = draws.iter().filter(|z| z.abs() < 1.0).count() as f64 / draws.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((inside - 0.682_7).abs() < 0.01, "{inside}");
    }
}
