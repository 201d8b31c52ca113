//! The three orders of a list that are compared: as the first stage gave it, as the model puts it, and blended. Ties
//! keep the order before. The blend is that of `www/blend.ts`; both are tested against `tests/fixtures/blend.json`.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::cli::benchmark::Case;
use crate::error::{Code, Error, Result};
use crate::rank::{Activation, Reranker, order};

/// How the blended order is made.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Blend {
    /// Share of the model's score in the blended order: alpha * score + (1 - alpha) * base
    #[arg(long, default_value_t = 0.7, value_parser = share)]
    alpha: f64,
    /// The base scores of a list on a scale from 0 to 1, or as they are
    #[arg(long, value_enum, default_value = "minmax")]
    normalize: Normalize,
    /// What the blended score of the model is: on the base's scale, or the logit
    #[arg(long, default_value = "sigmoid", value_parser = activation)]
    activation: Activation,
    /// Documents with the highest base scores that the blended order lets the model read [default: all]
    #[arg(long)]
    top_n: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Normalize {
    Minmax,
    None,
}

impl Blend {
    /// Places of the documents in the blended order.
    pub(super) fn order(&self, logits: &[f32], base: &[f64]) -> Vec<usize> {
        let mut places = descending(base);
        let tail = places.split_off(self.top_n.unwrap_or(usize::MAX).min(places.len()));
        let scores = places.iter().filter_map(|place| logits.get(*place)).map(|logit| self.activation.apply(*logit));
        let head_base: Vec<_> = places.iter().filter_map(|place| base.get(*place).copied()).collect();
        let mixed = self.mix(&scores.collect::<Vec<_>>(), &head_base);
        let head = descending(&mixed).into_iter().filter_map(|head| places.get(head).copied());
        head.chain(tail).collect()
    }

    fn mix(&self, scores: &[f32], base: &[f64]) -> Vec<f64> {
        let scaled = if self.normalize == Normalize::Minmax { min_max(base) } else { base.to_vec() };
        scores.iter().zip(scaled).map(|(s, base)| self.alpha * f64::from(*s) + (1.0 - self.alpha) * base).collect()
    }
}

/// The values on a scale from 0 to 1; 0.5 each where all are equal (to 9 digits).
fn min_max(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let equal = (high - low).abs() <= 1e-9 * low.abs().max(high.abs());
    values.iter().map(|value| if equal { 0.5 } else { (value - low) / (high - low) }).collect()
}

/// Places by value, highest first; equal ones by place.
fn descending(values: &[f64]) -> Vec<usize> {
    let mut ranked: Vec<_> = values.iter().map(|value| value + 0.0).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().map(|(place, _)| place).collect()
}

/// The gains of a list's documents in each order; `None` where the list lacks what the order needs.
pub(super) struct Orders {
    pub base: Option<Vec<f64>>,
    pub reranked: Vec<f64>,
    pub blended: Option<Vec<f64>>,
}

impl Orders {
    pub(super) fn of(case: &Case, logits: &[f32], blend: &Blend) -> Self {
        let gains =
            |places: Vec<usize>| places.into_iter().filter_map(|place| case.gains.get(place).copied()).collect();
        Self {
            base: case.ordered.then(|| case.gains.clone()),
            reranked: reranked(case, logits),
            blended: case.base.as_ref().map(|base| gains(blend.order(logits, base))),
        }
    }
}

/// The gains of a list's documents in the model's order.
pub(in crate::cli) fn reranked(case: &Case, logits: &[f32]) -> Vec<f64> {
    order(logits, None).into_iter().filter_map(|place| case.gains.get(place).copied()).collect()
}

/// The logits of each list's documents. Lists are shared out over the machine's cores.
pub(in crate::cli) fn logits(reranker: &Reranker, cases: &[Case], max_length: Option<usize>) -> Result<Vec<Vec<f32>>> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(cases.len().max(1));
    let (next, done, started) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    let work = || {
        let mut mine = Vec::new();
        while let Some((place, case)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, cases.get(i)?)))
        {
            mine.push((place, score(reranker, case, max_length)?));
            report(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len(), &started);
        }
        Ok(mine)
    };
    let results: Vec<Result<Vec<_>>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended_early = |_| Error::new(Code::Internal, "evaluate", "a thread ended early");
        handles.into_iter().map(ScopedJoinHandle::join).map(|joined| joined.map_err(ended_early)?).collect()
    });
    eprintln!();
    let mut all = results.into_iter().collect::<Result<Vec<_>>>()?.concat();
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, logits)| logits).collect())
}

fn score(reranker: &Reranker, case: &Case, max_length: Option<usize>) -> Result<Vec<f32>> {
    let pairs: Vec<_> = case.documents.iter().map(|document| (case.query.as_str(), document.as_str())).collect();
    pollster::block_on(reranker.predict(&pairs, Some(Activation::Identity), max_length))
}

fn report(done: usize, all: usize, started: &Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let left = seconds / done as f64 * (all - done) as f64;
    eprint!("\r{done}/{all} queries, {seconds:.0} s, about {left:.0} s left   ");
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let value = text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
    value.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn activation(text: &str) -> std::result::Result<Activation, String> {
    Activation::from_name(text).ok_or_else(|| "expected identity or sigmoid".to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Example {
        name: String,
        logits: Vec<f32>,
        activation: String,
        base: Vec<f64>,
        alpha: f64,
        normalize: String,
        top_n: Option<usize>,
        order: Vec<usize>,
        scores: Vec<f64>,
    }

    #[test]
    fn the_blend_is_the_one_of_the_browser_package() {
        let examples: Vec<Example> = serde_json::from_str(include_str!("../../../tests/fixtures/blend.json")).unwrap();
        assert!(examples.len() >= 6);
        for example in examples {
            let blend = Blend {
                alpha: example.alpha,
                normalize: Normalize::from_str(&example.normalize, false).unwrap(),
                activation: Activation::from_name(&example.activation).unwrap(),
                top_n: example.top_n,
            };
            assert_eq!(blend.order(&example.logits, &example.base), example.order, "{}", example.name);
            if example.top_n.is_none() {
                let scores: Vec<_> = example.logits.iter().map(|logit| blend.activation.apply(*logit)).collect();
                for (ours, theirs) in blend.mix(&scores, &example.base).iter().zip(&example.scores) {
                    assert!((ours - theirs).abs() < 1e-6, "{}: {ours} against {theirs}", example.name);
                }
            }
        }
    }
}
