//! A benchmark folder: `queries.jsonl {id,text}`, `corpus.jsonl {id,text,path?}`, `qrels.jsonl {qid,did,rel}`,
//! `candidates.jsonl {qid,docs}` (the first stage's order, so that rerankers are compared on the same candidates).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files;
use crate::error::{Error, Result};
use crate::limits;

#[derive(Deserialize)]
struct Query {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct Document {
    id: String,
    text: String,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Judgement {
    qid: String,
    did: String,
    rel: f64,
}

#[derive(Deserialize)]
struct Candidates {
    qid: String,
    docs: Vec<String>,
}

/// One query with its candidates, in the first stage's order.
pub(super) struct Case {
    pub query: String,
    pub documents: Vec<String>,
    /// Whether each document is relevant.
    pub relevant: Vec<bool>,
}

/// The first `queries` queries of the file, each with at most `candidates` documents.
pub(super) fn read(folder: &Path, queries: usize, candidates: usize) -> Result<Vec<Case>> {
    let corpus: HashMap<String, String> = lines::<Document>(folder, "corpus.jsonl")?
        .into_iter()
        .map(|document| (document.id, with_path(document.path.as_deref(), &document.text)))
        .collect();
    let mut relevant: HashMap<String, HashSet<String>> = HashMap::new();
    for judgement in lines::<Judgement>(folder, "qrels.jsonl")? {
        if judgement.rel > 0.0 {
            relevant.entry(judgement.qid).or_default().insert(judgement.did);
        }
    }
    let lists: HashMap<String, Vec<String>> = lines::<Candidates>(folder, "candidates.jsonl")?
        .into_iter()
        .map(|candidates| (candidates.qid, candidates.docs))
        .collect();
    let queries = lines::<Query>(folder, "queries.jsonl")?.into_iter().take(queries);
    queries.map(|query| case(query, &corpus, &relevant, &lists, candidates)).collect()
}

fn case(
    query: Query,
    corpus: &HashMap<String, String>,
    relevant: &HashMap<String, HashSet<String>>,
    lists: &HashMap<String, Vec<String>>,
    candidates: usize,
) -> Result<Case> {
    let missing = |what: &str| Error::model("benchmark", format!("query {:?} has no {what}", query.id));
    let gold = relevant.get(&query.id).ok_or_else(|| missing("relevant document"))?;
    let list = lists.get(&query.id).ok_or_else(|| missing("candidates"))?;
    let ids: Vec<_> = list.iter().take(candidates).collect();
    let documents = ids.iter().map(|id| corpus.get(*id).cloned()).collect::<Option<_>>();
    Ok(Case {
        documents: documents.ok_or_else(|| missing("text for one of its candidates"))?,
        relevant: ids.iter().map(|id| gold.contains(*id)).collect(),
        query: query.text,
    })
}

/// A document's path goes before its text, as everywhere in this project.
fn with_path(path: Option<&str>, text: &str) -> String {
    path.map_or_else(|| text.to_owned(), |path| format!("{path}\n\n{text}"))
}

fn lines<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>> {
    let path = folder.join(name);
    let place = path.display().to_string();
    let bytes = files::read(&path, limits::MAX_BENCHMARK_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|e| Error::model(&place, "is not UTF-8").caused_by(e))?;
    let rows = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    rows.map(|(row, line)| {
        serde_json::from_str(line)
            .map_err(|e| Error::model(format!("{place}:{}", row + 1), "unexpected row").caused_by(e))
    })
    .collect()
}
