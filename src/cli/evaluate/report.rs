//! What `evaluate` prints: for each metric the mean of each order with its interval, and the differences; as a table or
//! as one JSON object a benchmark.

use serde_json::{Value, json};

use super::bootstrap::{Bootstrap, Interval};
use super::orders::Orders;
use super::trust::short;
use crate::cli::benchmark::Case;
use crate::cli::metrics::Metric;

/// One metric over the queries of a set, a value a query; `None` where the set lacks the order.
pub(super) struct Values {
    pub metric: Metric,
    /// The first stage's order, or the mean over all orders where that is not known.
    pub base: Vec<f64>,
    pub base_is_chance: bool,
    pub reranked: Vec<f64>,
    pub blended: Option<Vec<f64>>,
}

impl Values {
    pub(super) fn of(metric: Metric, cases: &[Case], orders: &[Orders]) -> Self {
        let lists = || cases.iter().zip(orders);
        let base = lists().map(|(case, orders)| match &orders.base {
            Some(gains) => metric.of(gains, &case.relevant),
            None => metric.by_chance(&case.gains, &case.relevant),
        });
        let blended = lists().map(|(case, orders)| Some(metric.of(orders.blended.as_ref()?, &case.relevant)));
        Self {
            metric,
            base: base.collect(),
            base_is_chance: cases.iter().any(|case| !case.ordered),
            reranked: lists().map(|(case, orders)| metric.of(&orders.reranked, &case.relevant)).collect(),
            blended: blended.collect(),
        }
    }

    /// The orders that there are, with their names.
    fn orders(&self) -> Vec<(&'static str, &[f64])> {
        let base = if self.base_is_chance { "chance" } else { "base" };
        let mut orders = vec![(base, self.base.as_slice()), ("reranked", &self.reranked)];
        orders.extend(self.blended.as_deref().map(|blended| ("blended", blended)));
        orders
    }

    /// Per-query differences to the base of every other order.
    fn differences(&self) -> Vec<(&'static str, Vec<f64>)> {
        let others = self.orders().into_iter().skip(1);
        others.map(|(name, values)| (name, values.iter().zip(&self.base).map(|(a, b)| a - b).collect())).collect()
    }
}

/// How many queries a difference makes better, and how many worse.
fn better_and_worse(differences: &[f64]) -> (usize, usize) {
    let count = |wanted: fn(&f64) -> bool| differences.iter().filter(|difference| wanted(difference)).count();
    (count(|difference| *difference > 0.0), count(|difference| *difference < 0.0))
}

pub(super) fn table(all: &[Values], bootstrap: &Bootstrap) -> String {
    let percent = 100.0 * bootstrap.confidence;
    let mut text = format!("  metric      order                  mean   {percent:.0} % interval\n");
    for values in all {
        let name = values.metric.to_string();
        for (order, list) in values.orders() {
            let Interval { mean, low, high } = bootstrap.interval(list);
            text += &format!("  {name:10}  {order:20} {mean:6.3}   {low:.3} to {high:.3}\n");
        }
        let base = values.orders().first().map_or("", |(name, _)| name);
        for (order, list) in values.differences() {
            let Interval { mean, low, high } = bootstrap.interval(&list);
            let (better, worse) = better_and_worse(&list);
            let order = format!("{order} - {base}");
            text += &format!(
                "  {name:10}  {order:20} {mean:+6.3}   {low:+.3} to {high:+.3}   {better} better, {worse} worse\n"
            );
        }
    }
    text
}

pub(super) fn metrics_json(all: &[Values], bootstrap: &Bootstrap) -> Value {
    let metric = |values: &Values| {
        let orders =
            values.orders().into_iter().map(|(order, list)| (order.to_owned(), json!(bootstrap.interval(list))));
        let differences = values.differences().into_iter().map(|(order, list)| {
            let (Interval { mean, low, high }, (better, worse)) = (bootstrap.interval(&list), better_and_worse(&list));
            let row = json!({ "mean": mean, "low": low, "high": high, "better": better, "worse": worse });
            (format!("{order}_difference"), row)
        });
        (values.metric.to_string(), Value::Object(orders.chain(differences).collect()))
    };
    Value::Object(all.iter().map(metric).collect())
}

/// One row a query, in the order of the set.
pub(super) fn per_query_json(all: &[Values], cases: &[Case]) -> Value {
    let row = |(place, case): (usize, &Case)| {
        let metric = |values: &Values| {
            let at = |(order, list): (&str, &[f64])| (order.to_owned(), json!(list.get(place)));
            (values.metric.to_string(), Value::Object(values.orders().into_iter().map(at).collect()))
        };
        let metrics: serde_json::Map<_, _> = all.iter().map(metric).collect();
        json!({ "query": case.query, "candidates": case.documents.len(), "metrics": metrics })
    };
    Value::Array(cases.iter().enumerate().map(row).collect())
}

/// The queries by how much reranking changed the metric, the worst loss first.
pub(super) fn per_query_table(values: &Values, cases: &[Case]) -> String {
    let names: Vec<_> = values.orders().into_iter().map(|(name, _)| format!("{name:>8}")).collect();
    let mut text = format!("  {} of each query\n  {}  difference  query\n", values.metric, names.join("  "));
    let differences = values.differences().into_iter().next().map(|(_, list)| list).unwrap_or_default();
    let mut rows: Vec<_> = differences.into_iter().enumerate().collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (place, difference) in rows {
        let cells = values.orders().into_iter().filter_map(|(_, list)| Some(format!("{:8.3}", list.get(place)?)));
        let cells: Vec<_> = cells.collect();
        let query = cases.get(place).map(|case| short(&case.query)).unwrap_or_default();
        text += &format!("  {}  {difference:+10.3}  {query}\n", cells.join("  "));
    }
    text
}
