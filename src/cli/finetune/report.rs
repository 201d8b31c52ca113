//! What the command prints: the progress line, and before against after on held-out queries.

use std::collections::HashMap;

use super::held_out::Rank;
use super::log::Line;
use crate::cli::evaluate::{Bootstrap, Interval};
use crate::cli::metrics::mean;

/// Steps that the shown loss and speed are means over.
const WINDOW: usize = 20;

/// Rewrites the progress line.
pub(super) fn progress(lines: &[Line], all: usize) {
    let (mut done, mut loss, mut pairs, mut seconds, mut count) = (0, 0.0, 0, 0.0, 0);
    let steps = lines.iter().rev().filter_map(|line| match line {
        Line::Step { step, loss, pairs, seconds, .. } => Some((*step, *loss, *pairs, *seconds)),
        Line::Evaluation { .. } => None,
    });
    for (step, step_loss, step_pairs, step_seconds) in steps.take(WINDOW) {
        done = done.max(step);
        loss += step_loss;
        pairs += step_pairs;
        seconds += step_seconds;
        count += 1;
    }
    let count = f64::from(count.max(1));
    let (speed, left) = (pairs as f64 / f64::max(seconds, 1e-9), seconds / count * (all - done.min(all)) as f64);
    eprint!("\rstep {done}/{all}  loss {:.4}  {speed:.1} pairs/s  about {} left   ", loss / count, duration(left));
}

/// `40 s`, `12 min` or `3 h 5 min`.
pub(super) fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        _ if seconds < 90.0 => format!("{seconds:.0} s"),
        0..90 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// One query before and after training.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Change {
    pub query: String,
    pub documents: usize,
    pub before: f64,
    pub after: f64,
}

/// Pairs up the evaluations before and after, query by query.
pub(super) fn changes(before: &[Rank], after: &[Rank]) -> Vec<Change> {
    let pairs = before.iter().zip(after);
    pairs
        .map(|(before, after)| Change {
            query: before.query.clone(),
            documents: before.documents,
            before: before.reciprocal_rank,
            after: after.reciprocal_rank,
        })
        .collect()
}

/// Mean reciprocal ranks before and after, and their difference, with 95 % intervals.
pub(super) struct Comparison {
    pub queries: usize,
    pub better: usize,
    pub worse: usize,
    /// Smallest and largest number of documents of a query.
    pub documents: [usize; 2],
    pub before: Interval,
    pub after: Interval,
    pub difference: Interval,
}

impl Comparison {
    pub(super) fn of(changes: &[Change]) -> Option<Self> {
        let documents = || changes.iter().map(|change| change.documents);
        let of = |value: fn(&Change) -> f64| {
            // Rows of the same query are one sample: they are not independent.
            let mut queries: HashMap<&str, Vec<f64>> = HashMap::new();
            let mut order = Vec::new();
            for change in changes {
                let values = queries.entry(change.query.as_str()).or_default();
                if values.is_empty() {
                    order.push(change.query.as_str());
                }
                values.push(value(change));
            }
            let values: Vec<f64> = order.iter().filter_map(|query| Some(mean(queries.get(query)?))).collect();
            Bootstrap::default().interval(&values)
        };
        Some(Self {
            queries: changes.iter().map(|change| change.query.as_str()).collect::<std::collections::HashSet<_>>().len(),
            better: changes.iter().filter(|change| change.after > change.before).count(),
            worse: changes.iter().filter(|change| change.after < change.before).count(),
            documents: [documents().min()?, documents().max()?],
            before: of(|change| change.before),
            after: of(|change| change.after),
            difference: of(|change| change.after - change.before),
        })
    }

    /// Rows of a Markdown table.
    pub(super) fn table(&self, random: Option<f64>) -> String {
        let row = |name: &str, Interval { mean, low, high }: Interval| {
            format!("| {name} | {mean:.3} | {low:.3} to {high:.3} |\n")
        };
        let [least, most] = self.documents;
        let documents = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let mut text =
            format!("| {} queries, {documents} documents each | MRR | 95 % interval |\n|---|---|---|\n", self.queries);
        if let Some(random) = random {
            text += &format!("| random order, on average | {random:.3} | |\n");
        }
        text + &row("before", self.before)
            + &row("after", self.after)
            + &row("difference, query by query", self.difference)
            + &format!("\n{} queries better, {} worse.\n", self.better, self.worse)
    }

    /// Whether the interval of the difference is above 0.
    pub(super) const fn verdict(&self) -> &'static str {
        let Interval { low, high, .. } = self.difference;
        if low > 0.0 {
            "better: the interval of the difference is above 0"
        } else if high < 0.0 {
            "worse: the interval of the difference is below 0"
        } else {
            "not shown to be better or worse: the interval of the difference contains 0"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!([40.4, 89.0, 720.0, 11_100.0].map(duration), ["40 s", "89 s", "12 min", "3 h 5 min"]);
    }

    fn change(query: &str, before: f64, after: f64) -> Change {
        Change { query: query.to_owned(), documents: 5, before, after }
    }

    #[test]
    fn a_comparison_counts_queries_once_and_reads_its_interval() {
        let better: Vec<_> = (0..30).map(|i| change(&format!("q{i}"), 0.5, if i < 20 { 1.0 } else { 0.5 })).collect();
        let found = Comparison::of(&better).unwrap();
        assert_eq!((found.queries, found.better, found.worse), (30, 20, 0));
        assert!((found.difference.mean - 1.0 / 3.0).abs() < 1e-12);
        assert!(found.verdict().starts_with("better"));
        let same_query = [change("q", 0.5, 1.0), change("q", 0.5, 0.5)];
        let found = Comparison::of(&same_query).unwrap();
        assert_eq!((found.queries, found.difference.mean), (1, 0.25));
        let mixed: Vec<_> = (0..10).map(|i| change(&format!("q{i}"), 0.5, f64::from(i % 2))).collect();
        assert!(Comparison::of(&mixed).unwrap().verdict().starts_with("not shown"));
        assert!(Comparison::of(&[]).is_none());
    }
}
