//! When a figure says nothing: test queries that the model was trained on, and metrics that no order could change.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::cli::benchmark::Case;
use crate::cli::metrics::Metric;
use crate::cli::queries;
use crate::error::Result;

/// Queries named in a message at most.
const NAMED: usize = 3;

/// The normalised queries of all training files, read once.
pub(in crate::cli) struct Trained(HashSet<String>);

impl Trained {
    pub(in crate::cli) fn read(files: &[PathBuf]) -> Result<Self> {
        let sets = files.iter().map(|file: &PathBuf| queries::of_file(Path::new(file)));
        Ok(Self(sets.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()))
    }

    /// What is wrong if queries of the lists were trained on.
    pub(in crate::cli) fn leak(&self, cases: &[Case]) -> Option<String> {
        let leaked: Vec<_> = cases.iter().filter(|case| self.0.contains(&queries::normalize(&case.query))).collect();
        let named: Vec<_> = leaked.iter().take(NAMED).map(|case| format!("{:?}", short(&case.query))).collect();
        let more = if leaked.len() > NAMED { ", …" } else { "" };
        (!leaked.is_empty()).then(|| {
            let (count, all) = (leaked.len(), cases.len());
            format!("{count} of {all} queries occur in the training file: {}{more}", named.join(", "))
        })
    }
}

/// What is wrong with a metric whose value no order could change, in every list or in some. Lists that hold no
/// relevant document are left out: they are counted by the ceiling.
pub(in crate::cli) fn fixed(metric: Metric, cases: &[Case]) -> Fixed {
    let ranges: Vec<_> = cases
        .iter()
        .filter(|case| case.gains.iter().any(|gain| *gain > 0.0))
        .map(|case| metric.range(&case.gains, &case.relevant))
        .collect();
    let fixed = ranges.iter().filter(|(best, worst)| best == worst).count();
    let all = ranges.len();
    if all == 0 {
        Fixed::All(format!("{metric} is 0 by construction: no list holds a relevant document"))
    } else if fixed == all {
        let ones = ranges.iter().all(|(best, _)| *best == 1.0);
        let (value, longest) = (if ones { "1" } else { "fixed" }, cases.iter().map(|case| case.gains.len()).max());
        let longest = longest.unwrap_or_default();
        Fixed::All(format!("{metric} is {value} by construction: no order of lists of at most {longest} can change it"))
    } else if fixed > 0 {
        Fixed::Some(format!("{metric} cannot change in {fixed} of {all} lists, whatever the order"))
    } else {
        Fixed::None
    }
}

/// Whether a metric depends on the order of the lists.
pub(in crate::cli) enum Fixed {
    /// It does.
    None,
    /// Not in some of them.
    Some(String),
    /// In none: the figure says nothing of the model.
    All(String),
}

/// The beginning of a query, for tables and messages.
pub(super) fn short(query: &str) -> String {
    const CHARS: usize = 60;
    let line: String = query.chars().take(CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if query.chars().nth(CHARS).is_some() { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(gains: &[f64], missed: usize) -> Case {
        let found = gains.iter().filter(|gain| **gain > 0.0).count();
        Case {
            query: "How is it?".to_owned(),
            documents: vec![String::new(); gains.len()],
            gains: gains.to_vec(),
            relevant: vec![1.0; found + missed],
            ordered: true,
            base: None,
        }
    }

    fn all(metric: &str, cases: &[Case]) -> Option<String> {
        match fixed(metric.parse().unwrap(), cases) {
            Fixed::All(why) => Some(why),
            Fixed::None | Fixed::Some(_) => None,
        }
    }

    #[test]
    fn hit_at_the_length_of_the_lists_is_1_by_construction() {
        let five = [case(&[0.0, 1.0, 0.0, 0.0, 0.0], 0), case(&[1.0, 0.0, 0.0, 0.0], 0)];
        for metric in ["hit@5", "hit@10", "recall@5"] {
            let why = all(metric, &five).unwrap();
            assert!(why.starts_with(&format!("{metric} is 1 by construction")) && why.contains("at most 5"), "{why}");
        }
        for metric in ["hit@4", "recall@4", "mrr@10", "ndcg@10", "mrr@1"] {
            assert!(all(metric, &five).is_none(), "{metric}");
        }
        assert!(matches!(fixed("hit@4".parse().unwrap(), &five), Fixed::Some(why) if why.contains("1 of 2 lists")));
    }

    #[test]
    fn every_metric_of_a_list_of_one_is() {
        for metric in ["mrr@10", "ndcg@10", "hit@1", "recall@1"] {
            assert!(all(metric, &[case(&[1.0], 0)]).unwrap().contains("is 1 by construction"), "{metric}");
        }
    }

    #[test]
    fn a_recall_that_only_the_candidates_limit_is_fixed_but_not_1() {
        let why = all("recall@2", &[case(&[0.0, 1.0], 1), case(&[0.0, 0.0], 1)]).unwrap();
        assert!(why.contains("is fixed by construction"), "{why}");
        assert!(all("hit@1", &[case(&[0.0, 0.0], 1)]).unwrap().contains("is 0 by construction"));
    }

    #[test]
    fn leaks_are_found_though_written_otherwise() {
        let trained = Trained(HashSet::from([queries::normalize("how is IT")]));
        let why = trained.leak(&[case(&[1.0], 0)]).unwrap();
        assert!(why.starts_with("1 of 1 queries occur in the training file: \"How is it?\""), "{why}");
        assert!(Trained(HashSet::new()).leak(&[case(&[1.0], 0)]).is_none());
    }
}
