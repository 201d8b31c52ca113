//! When two queries are the same one: what `evaluate` and `promote` look for in a training file, and what `split`
//! keeps together.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::jsonl;
use crate::error::Result;

#[derive(Deserialize)]
struct Row {
    query: String,
}

/// A query without what does not make it another one: case, white space, and the marks of a sentence. Operators stay.
pub(super) fn normalize(query: &str) -> String {
    let lower = query.to_lowercase();
    let words = lower.split(|c: char| c.is_whitespace() || is_mark(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

const fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '?' | '!' | '"' | '\'' | '`' | '‘' | '’' | '“' | '”' | '…' | '(' | ')')
}

/// The queries of a JSON Lines file whose rows have a `query`: pairs or triplets.
pub(super) fn of_file(path: &Path) -> Result<HashSet<String>> {
    Ok(jsonl::values::<Row>(path)?.iter().map(|row| normalize(&row.query)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_space_and_sentence_marks_make_no_other_query() {
        for same in [
            "How do I open a file?",
            "  how do\tI open a  file",
            "how do i open a `file`!",
            "HOW DO I open \u{201c}a\u{201d} file.",
        ] {
            assert_eq!(normalize(same), "how do i open a file", "{same}");
        }
    }

    #[test]
    fn words_and_operators_do() {
        assert_ne!(normalize("open a file"), normalize("open the file"));
        assert_ne!(normalize("c++ vector"), normalize("c vector"));
        assert_ne!(normalize("a == b"), normalize("a = b"));
        assert_ne!(normalize("ab"), normalize("a b"));
    }
}
