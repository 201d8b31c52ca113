//! Training data: JSONL of pairs `{query, text, label, teacher}` or of triplets `{query, positive_text, negative_texts,
//! teacher}`. What is wrong is named with its file and line.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::loss::Loss;
use crate::error::{Error, Result, check_limit};
use crate::limits;

/// A document with what its logit is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What the model reads beside the query.
    pub text: String,
    /// 0 (does not answer) to 1 (answers).
    pub label: Option<f32>,
    /// The score of a teacher, on any scale.
    pub teacher: Option<f32>,
    /// Line of the file, from 1.
    pub line: usize,
}

/// A query with its documents: a triplet, or all pairs of one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The query.
    pub query: String,
    /// In the order of the file.
    pub documents: Vec<Document>,
}

/// The groups of a file, in the order of their first lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// At least one.
    pub groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Row {
    query: Option<String>,
    text: Option<String>,
    label: Option<f32>,
    teacher: Option<Teacher>,
    positive_text: Option<String>,
    negative_texts: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Teacher {
    One(f32),
    Many(Vec<f32>),
}

impl Data {
    /// Reads a file's bytes; `place` names it in errors.
    ///
    /// # Errors
    /// `LIMIT` if it is too large; `MODEL_INVALID` naming the line if it is not as described above.
    pub fn from_jsonl(place: &str, bytes: &[u8]) -> Result<Self> {
        check_limit(place, bytes.len(), limits::MAX_TRAINING_BYTES, "bytes")?;
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes.iter().take(e.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            Error::model(format!("{place}:{line}"), "is not UTF-8").caused_by(e)
        })?;
        let mut groups = Vec::new();
        let mut by_query = HashMap::new();
        for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = At { place, line: row + 1 };
            let row: Row =
                serde_json::from_str(line).map_err(|e| at.error("is not a pair or a triplet").caused_by(e))?;
            at.add(row, &mut groups, &mut by_query)?;
        }
        if groups.is_empty() {
            return Err(Error::model(format!("{place}:1"), "the file is empty; expected a JSON object a line"));
        }
        Ok(Self { groups })
    }

    /// Fails unless every document has what `loss` compares with, and every group what it needs to be compared.
    ///
    /// # Errors
    /// `MODEL_INVALID` naming the line.
    pub fn check_targets(&self, place: &str, loss: &Loss) -> Result<()> {
        let field = if loss.needs_teacher() { "teacher" } else { "label" };
        for document in self.documents() {
            if loss.target(document).is_none() {
                let message = format!("has no `{field}`, which {} needs", loss.name());
                return Err(At { place, line: document.line }.error(message));
            }
        }
        if loss.is_over_groups() { self.check_groups(place, loss) } else { Ok(()) }
    }

    /// [`check_targets`](Self::check_targets), and fails unless there is something to tell apart.
    ///
    /// # Errors
    /// `MODEL_INVALID` naming the line.
    pub fn check(&self, place: &str, loss: &Loss) -> Result<()> {
        self.check_targets(place, loss)?;
        if matches!(loss, Loss::BinaryCrossEntropy { .. }) { self.check_classes(place) } else { Ok(()) }
    }

    fn check_classes(&self, place: &str) -> Result<()> {
        let mut labels = self.documents().filter_map(|document| Some((document.label?, document.line)));
        let Some((first, line)) = labels.next() else { return Ok(()) };
        if labels.any(|(label, _)| label != first) {
            return Ok(());
        }
        let message = format!("every label of the file is {first}, from this line on; training needs both classes");
        Err(At { place, line }.error(message))
    }

    fn check_groups(&self, place: &str, loss: &Loss) -> Result<()> {
        for group in &self.groups {
            let Some(first) = group.documents.first() else { continue };
            let at = At { place, line: first.line };
            let query = &group.query;
            if group.documents.len() < 2 {
                return Err(at.error(format!("query {query:?} has one document; {} compares several", loss.name())));
            }
            let labels = || group.documents.iter().filter_map(|document| document.label);
            let has_both = labels().any(|label| label > 0.0) && labels().any(|label| label < 1.0);
            if !loss.needs_teacher() && !has_both {
                let message = format!("query {query:?} has documents of one class only; {} needs both", loss.name());
                return Err(at.error(message));
            }
        }
        Ok(())
    }

    /// All documents, group by group.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.groups.iter().flat_map(|group| &group.documents)
    }

    /// Number of pairs.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.groups.iter().map(|group| group.documents.len()).sum()
    }

    /// The groups whose query is not one of `other`'s.
    #[must_use]
    pub fn without_queries_of(self, other: &Self) -> Self {
        let queries: HashSet<&str> = other.groups.iter().map(|group| group.query.as_str()).collect();
        Self { groups: self.groups.into_iter().filter(|group| !queries.contains(group.query.as_str())).collect() }
    }

    /// Takes out the groups whose query belongs to part `part` of `parts`, for evaluation; all groups of a query stay
    /// together. Which part a query belongs to depends on the order of the distinct queries' hashes only.
    #[must_use]
    pub fn split(self, parts: usize, part: usize) -> (Self, Self) {
        let mut queries: Vec<(u64, &str)> =
            self.groups.iter().map(|group| (hash(&group.query), group.query.as_str())).collect();
        queries.sort_unstable();
        queries.dedup();
        let held: HashSet<String> = queries
            .iter()
            .enumerate()
            .filter(|(index, _)| index % parts.max(1) == part)
            .map(|(_, (_, query))| (*query).to_owned())
            .collect();
        let (held, rest) = self.groups.into_iter().partition(|group| held.contains(&group.query));
        (Self { groups: rest }, Self { groups: held })
    }
}

impl Loss {
    /// What a document's logit is compared with.
    #[must_use]
    pub const fn target(&self, document: &Document) -> Option<f32> {
        if self.needs_teacher() { document.teacher } else { document.label }
    }
}

/// A line of a file.
struct At<'a> {
    place: &'a str,
    line: usize,
}

impl At<'_> {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::model(format!("{}:{}", self.place, self.line), message)
    }

    fn add(&self, row: Row, groups: &mut Vec<Group>, by_query: &mut HashMap<String, usize>) -> Result<()> {
        let query = row.query.ok_or_else(|| self.error("has no `query`"))?;
        check_limit(&format!("{}:{} query", self.place, self.line), query.len(), limits::MAX_QUERY_BYTES, "bytes")?;
        let documents = match (row.text, row.positive_text) {
            (Some(text), None) => vec![self.pair(text, row.label, row.teacher)?],
            (None, Some(positive)) => {
                let negatives = row.negative_texts.ok_or_else(|| self.error("has no `negative_texts`"))?;
                groups.push(Group { query, documents: self.triplet(positive, negatives, row.teacher)? });
                return Ok(());
            }
            (None, None) => return Err(self.error("has neither `text` (a pair) nor `positive_text` (a triplet)")),
            (Some(_), Some(_)) => return Err(self.error("has both `text` (a pair) and `positive_text` (a triplet)")),
        };
        let index = *by_query.entry(query.clone()).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.documents.extend(documents),
            None => groups.push(Group { query, documents }),
        }
        Ok(())
    }

    fn pair(&self, text: String, label: Option<f32>, teacher: Option<Teacher>) -> Result<Document> {
        if label.is_none() && teacher.is_none() {
            return Err(self.error("has neither `label` nor `teacher`"));
        }
        if let Some(label) = label
            && !(0.0..=1.0).contains(&label)
        {
            return Err(self.error(format!("label {label} is not between 0 and 1")));
        }
        let teacher = match teacher {
            Some(Teacher::Many(_)) => return Err(self.error("`teacher` of a pair is one number")),
            Some(Teacher::One(score)) => Some(score),
            None => None,
        };
        self.document(text, label, teacher)
    }

    fn triplet(&self, positive: String, negatives: Vec<String>, teacher: Option<Teacher>) -> Result<Vec<Document>> {
        let scores = match teacher {
            None => vec![None; negatives.len() + 1],
            Some(Teacher::Many(scores)) if scores.len() == negatives.len() + 1 => {
                scores.into_iter().map(Some).collect()
            }
            Some(_) => {
                let message = "`teacher` of a triplet is a list: the positive's score, then each negative's";
                return Err(self.error(message));
            }
        };
        let texts = std::iter::once((positive, 1.0)).chain(negatives.into_iter().map(|text| (text, 0.0)));
        texts.zip(scores).map(|((text, label), teacher)| self.document(text, Some(label), teacher)).collect()
    }

    fn document(&self, text: String, label: Option<f32>, teacher: Option<f32>) -> Result<Document> {
        check_limit(&format!("{}:{} text", self.place, self.line), text.len(), limits::MAX_DOCUMENT_BYTES, "bytes")?;
        if teacher.is_some_and(|score| !score.is_finite()) {
            return Err(self.error("`teacher` is not a finite number"));
        }
        Ok(Document { text, label, teacher, line: self.line })
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCE: Loss = Loss::BinaryCrossEntropy { pos_weight: 1.0 };

    fn read(lines: &str) -> Result<Data> {
        Data::from_jsonl("data.jsonl", lines.as_bytes())
    }

    #[test]
    fn pairs_of_a_query_are_one_group_and_triplets_are_their_own() {
        let data = read(concat!(
            r#"{"query": "a", "text": "1", "label": 1, "more": 5}"#,
            "\n\n",
            r#"{"query": "b", "text": "2", "label": 0.5, "teacher": -3}"#,
            "\n",
            r#"{"query": "a", "text": "3", "label": 0}"#,
            "\n",
            r#"{"query": "a", "positive_text": "p", "negative_texts": ["n", "m"], "teacher": [3, 1, -1.5]}"#,
        ))
        .unwrap();
        let found: Vec<_> = data
            .groups
            .iter()
            .map(|group| {
                let documents = group.documents.iter();
                let documents = documents.map(|d| (d.text.as_str(), d.label, d.teacher, d.line)).collect::<Vec<_>>();
                (group.query.as_str(), documents)
            })
            .collect();
        let expected = [
            ("a", vec![("1", Some(1.0), None, 1), ("3", Some(0.0), None, 4)]),
            ("b", vec![("2", Some(0.5), Some(-3.0), 3)]),
            (
                "a",
                vec![("p", Some(1.0), Some(3.0), 5), ("n", Some(0.0), Some(1.0), 5), ("m", Some(0.0), Some(-1.5), 5)],
            ),
        ];
        assert_eq!(found, expected);
        assert_eq!(data.pairs(), 6);
    }

    #[test]
    fn bad_lines_are_named() {
        let good = r#"{"query": "a", "text": "t", "label": 1}"#;
        let cases = [
            ("", "data.jsonl:1", "empty"),
            ("\n \n", "data.jsonl:1", "empty"),
            ("{}", "data.jsonl:2", "query"),
            ("nonsense", "data.jsonl:2", "pair"),
            (r#"{"query": "a"}"#, "data.jsonl:2", "text"),
            (r#"{"query": "a", "text": "t"}"#, "data.jsonl:2", "label"),
            (r#"{"query": "a", "text": "t", "label": 1.5}"#, "data.jsonl:2", "1.5"),
            (r#"{"query": "a", "text": "t", "label": -0.1}"#, "data.jsonl:2", "-0.1"),
            (r#"{"query": "a", "text": "t", "label": "1"}"#, "data.jsonl:2", "pair"),
            (r#"{"query": "a", "text": "t", "label": NaN}"#, "data.jsonl:2", "pair"),
            (r#"{"query": "a", "text": "t", "teacher": [1]}"#, "data.jsonl:2", "teacher"),
            (r#"{"query": "a", "positive_text": "t"}"#, "data.jsonl:2", "negative_texts"),
            (
                r#"{"query": "a", "positive_text": "t", "negative_texts": ["n"], "teacher": [1]}"#,
                "data.jsonl:2",
                "list",
            ),
            (r#"{"query": "a", "text": "t", "positive_text": "p"}"#, "data.jsonl:2", "both"),
        ];
        for (line, place, word) in cases {
            let file = if line.trim().is_empty() { line.to_owned() } else { format!("{good}\n{line}\n") };
            let error = read(&file).unwrap_err();
            assert_eq!(error.place(), place, "{line}: {error}");
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
        let error = Data::from_jsonl("data.jsonl", b"{}\n\xff").unwrap_err();
        assert_eq!(error.place(), "data.jsonl:2");
    }

    #[test]
    fn a_loss_needs_its_targets_and_something_to_tell_apart() {
        let only_positive =
            read("{\"query\":\"a\",\"text\":\"t\",\"label\":1}\n{\"query\":\"b\",\"text\":\"t\",\"label\":1}");
        let data = only_positive.unwrap();
        let kl = Loss::DistillKl { temperature: 1.0 };
        for (loss, word) in
            [(BCE, "both classes"), (Loss::Listwise, "one document"), (Loss::DistillMse, "teacher"), (kl, "teacher")]
        {
            let error = data.check("data.jsonl", &loss).unwrap_err();
            assert_eq!(error.place(), "data.jsonl:1");
            assert!(error.to_string().contains(word), "{error}");
        }
        let one_class =
            read("{\"query\":\"a\",\"text\":\"t\",\"label\":0}\n{\"query\":\"a\",\"text\":\"u\",\"label\":0}");
        let error = one_class.unwrap().check("data.jsonl", &Loss::Listwise).unwrap_err();
        assert!(error.to_string().contains("one class"), "{error}");
        let triplet =
            read(r#"{"query": "a", "positive_text": "p", "negative_texts": ["n"], "teacher": [1, 0]}"#).unwrap();
        for loss in [BCE, Loss::Listwise, Loss::DistillMse, kl] {
            triplet.check("data.jsonl", &loss).unwrap();
        }
    }

    #[test]
    fn a_split_keeps_a_query_together_and_every_query_is_held_out_once() {
        let lines: String =
            (0..40).map(|i| format!("{{\"query\":\"q{}\",\"text\":\"{i}\",\"label\":0}}\n", i % 20)).collect();
        let data = read(&lines).unwrap();
        let mut held_out = Vec::new();
        for part in 0..5 {
            let (rest, held) = data.clone().split(5, part);
            assert_eq!((rest.groups.len(), held.groups.len()), (16, 4));
            assert!(held.groups.iter().all(|group| rest.groups.iter().all(|other| other.query != group.query)));
            held_out.extend(held.groups.into_iter().map(|group| group.query));
        }
        held_out.sort();
        held_out.dedup();
        assert_eq!(held_out.len(), 20);
    }
}
