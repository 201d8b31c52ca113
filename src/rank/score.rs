//! From logit to score.

/// What turns a logit into a score. Both keep the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The logit itself.
    Identity,
    /// `1 / (1 + exp(-logit))`, in 0..1.
    Sigmoid,
}

impl Activation {
    /// The name used in options: `identity` or `sigmoid`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// The activation of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Identity, Self::Sigmoid].into_iter().find(|activation| activation.as_str() == name)
    }

    /// The score of `logit`.
    #[must_use]
    pub fn apply(self, logit: f32) -> f32 {
        match self {
            Self::Identity => logit,
            // Computed in f64, so that the result is the f32 nearest to the true value on every platform.
            Self::Sigmoid => (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_is_monotone_and_bounded() {
        let logits = [-1000.0, -20.0, -1.0, 0.0, 1.0, 20.0, 1000.0];
        let scores: Vec<f32> = logits.iter().map(|l| Activation::Sigmoid.apply(*l)).collect();
        assert!(scores.is_sorted() && scores[0] == 0.0 && scores[3] == 0.5 && scores[6] == 1.0);
        assert!((scores[4] - 0.731_058_6).abs() < 1e-7);
    }

    #[test]
    fn names_round_trip() {
        for activation in [Activation::Identity, Activation::Sigmoid] {
            assert_eq!(Activation::from_name(activation.as_str()), Some(activation));
        }
        assert_eq!(Activation::from_name("softmax"), None);
    }
}
