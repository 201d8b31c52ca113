//! The model card, `README.md` of the output: what the model was made from and how, filled from the run.

use std::fmt::Write as _;

use super::checkpoint::Best;
use super::job::Job;
use super::log::{Line, Log};
use super::report::{Comparison, duration};
use crate::rank::Activation;
use crate::train::Loss;
use crate::train::data::Group;

/// Characters of a text that a sample shows.
const SAMPLE_CHARACTERS: usize = 600;
const SAMPLES: usize = 3;

/// What the card is filled from.
pub(super) struct Card<'a> {
    pub job: &'a Job,
    pub log: &'a Log,
    pub best: Option<Best>,
    pub held_out: Option<Comparison>,
    pub folds: Option<Comparison>,
}

pub(super) fn markdown(card: &Card<'_>) -> String {
    [
        front_matter(card),
        description(card),
        usage(card),
        data(card),
        loss(card),
        hyperparameters(card),
        results(card),
        limits(card),
        versions(),
    ]
    .join("\n")
}

fn front_matter(card: &Card<'_>) -> String {
    let job = card.job;
    let license = job.license();
    let license = if license == "unknown" { String::new() } else { format!("license: {}\n", license.to_lowercase()) };
    format!(
        "---\ntags:\n- sentence-transformers\n- cross-encoder\n- reranker\n- crossrank\n- dataset_size:{}\n- loss:{}\n\
         base_model: {}\n{license}pipeline_tag: text-ranking\nlibrary_name: sentence-transformers\n---\n",
        job.data.pairs(),
        job.settings.loss.name(),
        plain(&job.base.id),
    )
}

fn description(card: &Card<'_>) -> String {
    let (job, base) = (card.job, plain(&card.job.base.id));
    let int8 = match job.base.is_int8 {
        true => {
            "- **Precision of the base:** int8, dequantised before training: 8 bits a weight are what it starts from\n"
        }
        false => "",
    };
    format!(
        "# {id}\n\nA cross-encoder: it reads a query and a text together and gives one score, higher for a better fit. It was \
         fine-tuned from {base} with `crossrank finetune`.\n\n## Model details\n\n\
         - **Base model:** {base}\n{int8}\
         - **Architecture:** BERT, {layers} layers, hidden size {hidden}, {heads} heads, {vocabulary} word pieces\n\
         - **Longest pair in training:** {length} tokens\n- **Labels:** 1; activation {activation}\n- **Licence:** {license}\n",
        id = plain(&job.id()),
        layers = job.base.config.num_hidden_layers,
        hidden = job.base.config.hidden_size,
        heads = job.base.config.num_attention_heads,
        vocabulary = job.base.config.vocab_size,
        length = job.max_length,
        activation = match job.base.config.activation {
            Activation::Identity => "Identity: scores are logits",
            Activation::Sigmoid => "Sigmoid: scores are between 0 and 1",
        },
        license = plain(&job.license()),
    )
}

fn usage(card: &Card<'_>) -> String {
    let id = plain(&card.job.id());
    format!(
        "## Usage\n\nIn the browser, with the int8 form in `int8/`:\n\n```js\nimport {{ Reranker }} from 'crossrank';\n\n\
         const reranker = await Reranker.load({{ model: '/models/{id}/int8/' }});\n\
         const ranked = await reranker.rank(query, documents);\n```\n\n\
         In Python, with the f32 weights of this folder:\n\n```python\nfrom sentence_transformers import CrossEncoder\n\n\
         model = CrossEncoder(\"{id}\")\nscores = model.predict([(query, text) for text in texts])\n```\n"
    )
}

fn data(card: &Card<'_>) -> String {
    let job = card.job;
    let groups = &job.data.groups;
    let mut text = format!(
        "## Training data\n\n{} pairs of {} queries; {:.0} tokens a pair on average, {} pairs cut to {} tokens.\n\n\
         | | minimum | mean | maximum |\n|---|---|---|---|\n",
        job.data.pairs(),
        groups.iter().map(|group| &group.query).collect::<std::collections::HashSet<_>>().len(),
        job.examples.tokens() as f64 / job.examples.pairs().max(1) as f64,
        job.examples.truncated(),
        job.max_length,
    );
    let documents = || groups.iter().flat_map(|group| group.documents.iter().map(move |document| (group, document)));
    let characters = |text: &str| text.chars().count() as f64;
    let mut row = |name: &str, values: Vec<f64>, digits: [usize; 2]| {
        if values.is_empty() {
            return;
        }
        let (least, most) =
            (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let [ends, middle] = digits;
        let _ = writeln!(text, "| {name} | {least:.ends$} | {mean:.middle$} | {most:.ends$} |");
    };
    row("characters of the query", documents().map(|(group, _)| characters(&group.query)).collect(), [0, 2]);
    row("characters of the text", documents().map(|(_, document)| characters(&document.text)).collect(), [0, 2]);
    row("label", documents().filter_map(|(_, document)| document.label.map(f64::from)).collect(), [1, 2]);
    row(
        "score of the teacher",
        documents().filter_map(|(_, document)| document.teacher.map(f64::from)).collect(),
        [2, 2],
    );
    if let Some(held_out) = &job.held_out {
        let _ = writeln!(
            text,
            "\nHeld out, and not trained on: {} pairs; {} queries with texts of both classes. {} groups of the training file have \
             a query that is held out and were left out.",
            held_out.pairs(),
            held_out.queries(),
            job.left_out
        );
    }
    text.push_str("\nThe first samples:\n\n| query | text | label | teacher |\n|---|---|---|---|\n");
    let number = |value: Option<f32>| value.map_or_else(String::new, |value| format!("{value}"));
    for (Group { query, .. }, document) in documents().take(SAMPLES) {
        let _ = writeln!(
            text,
            "| <code>{}</code> | <code>{}</code> | {} | {} |",
            cell(query),
            cell(&document.text),
            number(document.label),
            number(document.teacher)
        );
    }
    text
}

fn loss(card: &Card<'_>) -> String {
    let what = match card.job.settings.loss {
        Loss::BinaryCrossEntropy { pos_weight } => {
            format!("binary cross-entropy of each pair's logit against its label; positives weigh {pos_weight}")
        }
        Loss::Listwise => "cross-entropy of the softmax over a query's documents against its labels".to_owned(),
        Loss::DistillMse => "mean squared error of each pair's logit against the teacher's score".to_owned(),
        Loss::DistillKl { temperature } => format!(
            "Kullback-Leibler divergence of the softmax over a query's documents from the teacher's, at temperature {temperature}"
        ),
    };
    format!("## Loss\n\n`{}`: {what}.\n\n![Loss by step](curve.svg)\n", card.job.settings.loss.name())
}

fn hyperparameters(card: &Card<'_>) -> String {
    let (job, args, settings) = (card.job, &card.job.args, &card.job.settings);
    let rows = [
        ("epochs", args.epochs.to_string()),
        ("steps", settings.schedule.steps.to_string()),
        ("pairs of a batch", args.batch.to_string()),
        ("batches of a step", args.accumulate.to_string()),
        ("optimiser", "AdamW, betas 0.9 and 0.999, epsilon 1e-8".to_owned()),
        ("learning rate", format!("{:e}, then linearly to 0", args.lr)),
        ("warm-up steps", settings.schedule.warm_up.to_string()),
        ("weight decay", args.weight_decay.to_string()),
        ("largest gradient norm", args.clip.to_string()),
        ("dropout", args.dropout.to_string()),
        ("seed", args.seed.to_string()),
        ("longest pair", format!("{} tokens", job.max_length)),
        ("embeddings", if args.freeze_embeddings { "frozen" } else { "trained" }.to_owned()),
        ("batches", if args.length_buckets { "of like lengths" } else { "shuffled" }.to_owned()),
        ("precision", "f32".to_owned()),
    ];
    let mut text = "## Hyperparameters\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

fn results(card: &Card<'_>) -> String {
    let losses = card.log.losses();
    let mean_of =
        |losses: &[(usize, f64)]| losses.iter().map(|(_, loss)| loss).sum::<f64>() / losses.len().max(1) as f64;
    let (first, last) =
        (losses.get(..losses.len().min(5)).unwrap_or_default(), losses.get(losses.len().saturating_sub(5)..));
    let (mut pairs, mut seconds) = (0, 0.0);
    for line in &card.log.lines {
        if let Line::Step { pairs: step_pairs, seconds: step_seconds, .. } = line {
            pairs += step_pairs;
            seconds += step_seconds;
        }
    }
    let mut text = format!(
        "## Results\n\nTraining loss: {:.4} over the first five steps, {:.4} over the last five. {} steps in {}: {:.1} pairs a \
         second.\n",
        mean_of(first),
        mean_of(last.unwrap_or_default()),
        losses.len(),
        duration(seconds),
        pairs as f64 / f64::max(seconds, 1e-9),
    );
    let evaluations = card.log.evaluations();
    if !evaluations.is_empty() {
        text.push_str("\n| after step | held-out loss | MRR |\n|---|---|---|\n");
        for (step, loss, mrr, _) in &evaluations {
            let mrr = mrr.map_or_else(String::new, |mrr| format!("{mrr:.3}"));
            let _ = writeln!(text, "| {step} | {loss:.4} | {mrr} |");
        }
    }
    if let Some(best) = card.best {
        let _ =
            writeln!(text, "\nThe weights here are those after step {}, whose held-out loss is the lowest.", best.step);
    }
    if let Some(found) = &card.held_out {
        let random = card.job.held_out.as_ref().map(super::held_out::HeldOut::random_mrr);
        let _ = writeln!(
            text,
            "\nQueries that were held out, before and after:\n\n{}\n{}.",
            found.table(random),
            capital(found.verdict())
        );
    }
    if let Some(found) = &card.folds {
        let _ = writeln!(
            text,
            "\nBeside this model, {} were trained with the same settings, each without one part of the queries, and evaluated on \
             that part. All queries together:\n\n{}\n{}. The model here was trained on all of them.",
            card.job.args.folds,
            found.table(None),
            capital(found.verdict())
        );
    }
    text
}

fn limits(card: &Card<'_>) -> String {
    let mut text = "## What the figures do not show\n\n\
        - One seed. Another order of the batches gives other figures.\n\
        - Scores of one query can be compared with each other, those of two queries cannot.\n"
        .to_owned();
    match (&card.held_out, &card.folds) {
        (None, None) => {
            text.push_str("- Nothing was held out: there is no figure for queries that were not trained on.\n")
        }
        (held_out, folds) => {
            let found = folds.as_ref().or(held_out.as_ref());
            let [_, most] = found.map_or([0, 0], |found| found.documents);
            let _ = writeln!(
                text,
                "- Held-out lists have at most {most} documents. A first stage hands over more, and which of them the reader \
                 would have wanted is known for few.\n\
                 - Queries were held out, texts were not: a text may stand in training under another query."
            );
        }
    }
    if card.job.args.evaluate_every > 0 && card.best.is_some() {
        text.push_str("- The step was chosen by the held-out loss, so the held-out figures are a little too good.\n");
    }
    text.push_str("- The int8 form was not evaluated here; `crossrank agree` and `crossrank evaluate` do that.\n");
    text
}

fn versions() -> String {
    format!("## Versions\n\n- crossrank {}\n- burn 0.22.1, burn-flex, on the CPU\n", env!("CARGO_PKG_VERSION"))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A name without characters that Markdown or YAML would read.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/' | '(' | ')')).collect()
}

/// Text for a table cell within `<code>`: nothing of it is read as HTML or as a column.
fn cell(text: &str) -> String {
    let cut = text.chars().count() > SAMPLE_CHARACTERS;
    let mut cell = String::new();
    for character in text.chars().take(SAMPLE_CHARACTERS) {
        match character {
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '|' => cell.push_str("&#124;"),
            '`' => cell.push_str("&#96;"),
            '*' => cell.push_str("&#42;"),
            '_' => cell.push_str("&#95;"),
            '[' => cell.push_str("&#91;"),
            '\\' => cell.push_str("&#92;"),
            '\n' => cell.push_str("<br>"),
            '\r' => {}
            other => cell.push(other),
        }
    }
    if cut {
        cell.push('…');
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stay_within_their_cell() {
        assert_eq!(cell("a|b\n<img src=x>`&`"), "a&#124;b<br>&lt;img src=x&gt;&#96;&amp;&#96;");
        assert_eq!(cell(&"é".repeat(700)).chars().count(), SAMPLE_CHARACTERS + 1);
    }

    #[test]
    fn names_hold_no_markup() {
        assert_eq!(plain("org/model-v1.2: [x](y)\n---"), "org/model-v1.2 x(y)---");
    }
}
