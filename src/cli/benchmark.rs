//! A benchmark folder: `queries.jsonl {id,text}`, `corpus.jsonl {id,text,path?}`, `qrels.jsonl {qid,did,rel}`,
//! `candidates.jsonl {qid,docs,bm25?}` (the first stage's order and scores, so that rerankers are compared on the same
//! candidates).

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::jsonl;
use crate::error::{Error, Result};

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
    /// The first stage's score of each, whatever that stage was.
    #[serde(alias = "scores")]
    bm25: Option<Vec<f64>>,
}

/// One query with its candidates.
pub(super) struct Case {
    pub query: String,
    pub documents: Vec<String>,
    /// The gain of each document: above 0 if it is relevant.
    pub gains: Vec<f64>,
    /// The gains of all relevant documents of the query, whether they are candidates or not.
    pub relevant: Vec<f64>,
    /// Whether the documents stand in the order of a first stage.
    pub ordered: bool,
    /// The first stage's scores, one a document.
    pub base: Option<Vec<f64>>,
}

/// The first `queries` queries of the file, each with at most `candidates` documents.
pub(super) fn read(folder: &Path, queries: usize, candidates: usize) -> Result<Vec<Case>> {
    let corpus: HashMap<String, String> = jsonl::values::<Document>(&folder.join("corpus.jsonl"))?
        .into_iter()
        .map(|document| (document.id, with_path(document.path.as_deref(), &document.text)))
        .collect();
    let mut relevant: HashMap<String, HashMap<String, f64>> = HashMap::new();
    for judgement in jsonl::values::<Judgement>(&folder.join("qrels.jsonl"))? {
        if judgement.rel > 0.0 {
            relevant.entry(judgement.qid).or_default().insert(judgement.did, judgement.rel);
        }
    }
    let lists: HashMap<String, Candidates> = jsonl::values::<Candidates>(&folder.join("candidates.jsonl"))?
        .into_iter()
        .map(|candidates| (candidates.qid.clone(), candidates))
        .collect();
    let queries = jsonl::values::<Query>(&folder.join("queries.jsonl"))?.into_iter().take(queries);
    queries.map(|query| case(query, &corpus, &relevant, &lists, candidates)).collect()
}

fn case(
    query: Query,
    corpus: &HashMap<String, String>,
    relevant: &HashMap<String, HashMap<String, f64>>,
    lists: &HashMap<String, Candidates>,
    candidates: usize,
) -> Result<Case> {
    let wrong = |what: &str| Error::model("benchmark", format!("query {:?} {what}", query.id));
    let gold = relevant.get(&query.id).ok_or_else(|| wrong("has no relevant document"))?;
    let list = lists.get(&query.id).ok_or_else(|| wrong("has no candidates"))?;
    let ids: Vec<_> = list.docs.iter().take(candidates).collect();
    let documents = ids.iter().map(|id| corpus.get(*id).cloned()).collect::<Option<_>>();
    let base = list.bm25.as_ref().map(|scores| {
        let fits = scores.len() == list.docs.len() && scores.iter().all(|score| score.is_finite());
        let head = || scores.iter().copied().take(ids.len()).collect();
        if fits { Ok(head()) } else { Err(wrong("has not one finite score for each candidate")) }
    });
    Ok(Case {
        documents: documents.ok_or_else(|| wrong("has no text for one of its candidates"))?,
        gains: ids.iter().map(|id| gold.get(*id).copied().unwrap_or_default()).collect(),
        relevant: gold.values().copied().collect(),
        ordered: true,
        base: base.transpose()?,
        query: query.text,
    })
}

/// A document's path goes before its text, as everywhere in this project.
fn with_path(path: Option<&str>, text: &str) -> String {
    path.map_or_else(|| text.to_owned(), |path| format!("{path}\n\n{text}"))
}
