//! A pair's score depends on the pair alone; ranking is a pure function of the scores.

use std::cell::OnceCell;

use crossrank::{Activation, Reranker};
use proptest::prelude::*;

use crate::fixtures::{golden, tiny};

thread_local! {
    static MODEL: OnceCell<Reranker> = const { OnceCell::new() };
}

fn with_model<T>(run: impl FnOnce(&Reranker) -> T) -> T {
    MODEL.with(|model| run(model.get_or_init(tiny)))
}

fn predict(reranker: &Reranker, pairs: &[(&str, &str)]) -> Vec<f32> {
    pollster::block_on(reranker.predict(pairs, Some(Activation::Identity), None)).unwrap()
}

#[test]
fn a_score_does_not_depend_on_its_company_position_or_call() {
    with_model(|reranker| {
        let golden = golden("tiny");
        let pairs: Vec<_> = golden.pairs.iter().map(|pair| (pair.query.as_str(), pair.document.as_str())).collect();
        let together = predict(reranker, &pairs);
        let backwards: Vec<_> = pairs.iter().rev().copied().collect();
        let reversed = predict(reranker, &backwards);
        for (index, pair) in pairs.iter().enumerate() {
            let alone = predict(reranker, &[*pair])[0];
            assert!(
                (alone - together[index]).abs() <= 1e-5,
                "pair {index}: {alone} alone, {} together",
                together[index]
            );
            let at_the_other_end = reversed[pairs.len() - 1 - index];
            assert!(
                (alone - at_the_other_end).abs() <= 1e-5,
                "pair {index}: {alone} alone, {at_the_other_end} reversed"
            );
        }
    });
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-zA-Z_]{1,9}|[0-9]{1,4}|[(){}.,;=]|[é中🦀]", 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permuting_documents_permutes_the_result(
        query in words(),
        documents in prop::collection::vec(words(), 1..9),
        seed in any::<u64>(),
    ) {
        with_model(|reranker| {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            let mut shuffled: Vec<usize> = (0..documents.len()).collect();
            shuffled.sort_by_key(|index| (seed ^ *index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let permuted: Vec<&str> = shuffled.iter().map(|index| documents[*index]).collect();
            let rank = |documents: &[&str]| pollster::block_on(reranker.rank(&query, documents, None, None)).unwrap();
            let (plain, moved) = (rank(&documents), rank(&permuted));
            for (a, b) in plain.iter().zip(&moved) {
                prop_assert!((a.score - b.score).abs() <= 1e-5);
            }
            let mut texts: Vec<_> = moved.iter().map(|ranked| shuffled[ranked.index]).collect();
            texts.sort_unstable();
            prop_assert_eq!(texts, (0..documents.len()).collect::<Vec<_>>());
            Ok(())
        })?;
    }

    #[test]
    fn top_k_is_a_prefix(query in words(), documents in prop::collection::vec(words(), 0..9), k in 0_usize..12) {
        with_model(|reranker| {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            let all = pollster::block_on(reranker.rank(&query, &documents, None, None)).unwrap();
            let top = pollster::block_on(reranker.rank(&query, &documents, Some(k), None)).unwrap();
            prop_assert_eq!(&top[..], &all[..k.min(all.len())]);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_encoded_within_max_length(query in any::<String>(), document in any::<String>(), max_length in 3_usize..40) {
        with_model(|reranker| {
            let pair = reranker.encode(&query, &document, Some(max_length)).unwrap();
            prop_assert!(pair.ids.len() <= max_length && pair.ids.len() == pair.segments.len());
            prop_assert!(!pair.truncated || pair.ids.len() == max_length);
            Ok(())
        })?;
    }
}
