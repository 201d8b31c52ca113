//! How far a mean over queries can be trusted: the percentile bootstrap. Queries are drawn with replacement; for a
//! difference, the per-query differences are, so that both orders see the same queries (paired).

use clap::Args;

use crate::cli::metrics::mean;
use crate::cli::random::Random;

/// Below this many queries an interval is too narrow to be believed: a few queries cannot show how others vary.
pub(in crate::cli) const FEW_QUERIES: usize = 30;

/// How intervals are made.
#[derive(Args, Clone, Copy, Debug)]
pub(in crate::cli) struct Bootstrap {
    /// Times that the queries are drawn anew for an interval
    #[arg(long, default_value_t = Self::default().resamples, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    resamples: u32,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = Self::default().seed)]
    pub seed: u64,
    /// Share of the resampled means that an interval holds
    #[arg(long, default_value_t = Self::default().confidence, value_parser = confidence)]
    pub confidence: f64,
}

/// A mean with its interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(in crate::cli) struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// What the options are without being named.
impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, seed: 42, confidence: 0.95 }
    }
}

impl Bootstrap {
    /// The mean of one value a query. The same seed draws the same queries for each list of the same length.
    pub(in crate::cli) fn interval(&self, values: &[f64]) -> Interval {
        let mut random = Random::new(self.seed);
        let mut means: Vec<f64> = (0..self.resamples)
            .map(|_| {
                let drawn = (0..values.len()).filter_map(|_| values.get(random.below(values.len())));
                drawn.sum::<f64>() / values.len().max(1) as f64
            })
            .collect();
        means.sort_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Interval { mean: mean(values), low: quantile(&means, tail), high: quantile(&means, 1.0 - tail) }
    }
}

/// The value below which a share of the sorted values lies, between two of them in proportion; 0 for none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let (low, high) = (at(place.floor() as usize), at(place.ceil() as usize));
    low + (high - low) * place.fract()
}

fn confidence(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|share: &f64| (0.5..1.0).contains(share));
    value.ok_or_else(|| "expected a share from 0.5 to below 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap(seed: u64) -> Bootstrap {
        Bootstrap { resamples: 2000, seed, confidence: 0.95 }
    }

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), 3.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert_eq!(quantile(&[], 0.9), 0.0);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_no_spread_gives_none() {
        let values: Vec<_> = (0..60).map(|i| f64::from(i % 7) / 7.0).collect();
        let interval = bootstrap(1).interval(&values);
        assert_eq!(interval, bootstrap(1).interval(&values));
        assert_ne!(interval, bootstrap(2).interval(&values));
        assert!(interval.low < interval.mean && interval.mean < interval.high);
        assert_eq!(bootstrap(1).interval(&[0.5; 9]), Interval { mean: 0.5, low: 0.5, high: 0.5 });
        assert_eq!(bootstrap(1).interval(&[]), Interval { mean: 0.0, low: 0.0, high: 0.0 });
    }

    #[test]
    fn a_coin_of_a_hundred_throws_has_the_interval_of_the_binomial() {
        let values: Vec<_> = (0..100).map(|i| f64::from(i % 2)).collect();
        let Interval { mean, low, high } = bootstrap(3).interval(&values);
        assert_eq!(mean, 0.5);
        // The 2.5 % and 97.5 % quantiles of Binomial(100, 1/2) are 40 and 60.
        assert!((low - 0.40).abs() <= 0.01 && (high - 0.60).abs() <= 0.01, "{low} to {high}");
    }

    #[test]
    fn about_95_of_100_intervals_hold_the_true_mean() {
        let mut random = Random::new(5);
        let held = (0..400).filter(|seed| {
            // Reciprocal ranks, evenly from the first five places: mean (1 + 1/2 + 1/3 + 1/4 + 1/5) / 5.
            let values: Vec<_> = (0..60).map(|_| 1.0 / (random.below(5) as f64 + 1.0)).collect();
            let bootstrap = Bootstrap { resamples: 400, seed: *seed, confidence: 0.95 };
            let Interval { low, high, .. } = bootstrap.interval(&values);
            let mean = (1.0 + 0.5 + 1.0 / 3.0 + 0.25 + 0.2) / 5.0;
            low <= mean && mean <= high
        });
        let held = held.count();
        assert!((368..=392).contains(&held), "{held} of 400");
    }
}
