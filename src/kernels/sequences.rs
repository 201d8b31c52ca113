//! Where the queries, keys and values of packed sequences lie.

use std::ops::Range;

/// What attention reads, and how it is cut into sequences and heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionInputs<'a> {
    /// Rows of `query_width` values; the queries are the first `hidden` of each.
    ///
    /// As many rows as there are tokens: every token asks. As many as there are sequences: only their first tokens ask.
    pub queries: &'a [f32],
    /// Width of a row of `queries`.
    pub query_width: usize,
    /// Rows of `key_value_width` values, one a token; the last `2 * hidden` are its key and its value.
    pub keys_values: &'a [f32],
    /// Width of a row of `keys_values`.
    pub key_value_width: usize,
    /// Sequence `i` is the tokens `offsets[i]..offsets[i + 1]`.
    pub offsets: &'a [i32],
    /// All heads together.
    pub hidden: usize,
    /// Heads; they divide `hidden`.
    pub heads: usize,
}

impl<'a> AttentionInputs<'a> {
    /// Of every sequence, its tokens and the rows of its queries.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<'a> {
        let tokens = self.keys_values.len() / self.key_value_width.max(1);
        let all_tokens_ask = self.queries.len() / self.query_width.max(1) == tokens;
        self.offsets.array_windows().enumerate().map(move |(sequence, [start, stop])| {
            let tokens = (*start).max(0) as usize..(*stop).max(0) as usize;
            let asking = if all_tokens_ask { tokens.clone() } else { sequence..sequence + 1 };
            (tokens, asking)
        })
    }

    /// The query of a row, `channels` of it; empty beyond the last.
    pub(crate) fn query(&self, row: usize, channels: &Range<usize>) -> &'a [f32] {
        let row = self.queries.get(row * self.query_width..).unwrap_or_default();
        row.get(channels.clone()).unwrap_or_default()
    }

    /// The keys and values of `tokens`, `channels` of them.
    pub(crate) fn keys_values(
        &self,
        tokens: &Range<usize>,
        channels: &Range<usize>,
    ) -> impl Iterator<Item = (&'a [f32], &'a [f32])> + Clone + use<'a> {
        let (width, hidden, channels) = (self.key_value_width, self.hidden, channels.clone());
        let rows = self.keys_values.get(tokens.start * width..tokens.end * width).unwrap_or_default();
        rows.chunks_exact(width).map(move |row| {
            let (keys, values) = row.split_at(width - hidden);
            let keys = keys.get(width - 2 * hidden..).unwrap_or_default();
            let own = |row: &'a [f32]| row.get(channels.clone()).unwrap_or_default();
            (own(keys), own(values))
        })
    }
}
