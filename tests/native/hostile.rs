//! Broken and crafted model files are errors that name what is wrong; nothing panics and nothing large is allocated.

use crossrank::weights::expected_tensors;
use crossrank::{Code, Error, ModelConfig, PairEncoder, Precision, WeightsStream, limits};
use serde_json::{Map, Value, json};

use crate::fixtures::{fixture, read};

fn config() -> ModelConfig {
    ModelConfig::from_json(&read(fixture("tiny/config.json"))).unwrap()
}

/// A safetensors file of `header` and `data` bytes of zeros.
fn file(header: &Value, data: usize) -> Vec<u8> {
    let json = header.to_string().into_bytes();
    let mut file = (json.len() as u64).to_le_bytes().to_vec();
    file.extend(json);
    file.extend(std::iter::repeat_n(0, data));
    file
}

/// The header of a right file of this shape, in f32, and its data length.
fn header(config: &ModelConfig) -> (Map<String, Value>, usize) {
    let (mut header, mut end) = (Map::new(), 0);
    for tensor in expected_tensors(config) {
        let bytes = 4 * tensor.shape.iter().product::<usize>();
        let entry = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [end, end + bytes] });
        header.insert(tensor.name, entry);
        end += bytes;
    }
    (header, end)
}

pub fn file_of_zeros(config: &ModelConfig) -> Vec<u8> {
    let (header, bytes) = header(config);
    file(&Value::Object(header), bytes)
}

fn load(bytes: &[u8]) -> Result<(), Error> {
    let mut stream = WeightsStream::new(&config(), Precision::F32);
    stream.push(bytes)?;
    stream.finish().map(drop)
}

/// Changes a right header and expects `MODEL_INVALID` with `words` in the message, from the header alone: no byte of a
/// tensor is sent.
fn assert_refused(change: impl Fn(&mut Map<String, Value>, &mut usize), words: &str) {
    let (mut header, mut bytes) = header(&config());
    change(&mut header, &mut bytes);
    let mut stream = WeightsStream::new(&config(), Precision::F32);
    let error = stream.push(&file(&Value::Object(header), 0)).unwrap_err();
    assert_eq!(error.code(), Code::ModelInvalid, "{error}");
    assert!(error.to_string().contains(words), "{error:?} lacks {words:?}");
}

const QUERY: &str = "bert.encoder.layer.0.attention.self.query.weight";
const POOLER: &str = "bert.pooler.dense.weight";
/// Last in the file.
const LAST: &str = "classifier.bias";

#[test]
fn a_right_file_is_accepted() {
    load(&file_of_zeros(&config())).unwrap();
}

#[test]
fn a_file_may_be_cut_anywhere() {
    let bytes = file_of_zeros(&config());
    for size in [1, 7, 8, 9, 1000, 65_536, bytes.len()] {
        let mut stream = WeightsStream::new(&config(), Precision::F32);
        // One-byte chunks of the head only: the rest follows whole.
        let (head, tail) = bytes.split_at(if size == 1 { 20_000 } else { bytes.len() });
        for chunk in head.chunks(size).chain(std::iter::once(tail)) {
            stream.push(chunk).unwrap();
        }
        stream.finish().unwrap();
    }
}

#[test]
fn a_truncated_file_names_where_it_ends() {
    let bytes = file_of_zeros(&config());
    for (length, words) in [(0, "header"), (5, "header"), (8, "header"), (100, "header"), (bytes.len() - 1, LAST)] {
        let error = load(&bytes[..length]).unwrap_err();
        assert_eq!(error.code(), Code::ModelInvalid);
        assert!(error.to_string().contains(words), "{length}: {error}");
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut bytes = file_of_zeros(&config());
    bytes.push(0);
    assert!(load(&bytes).unwrap_err().to_string().contains("after the last tensor"));
}

#[test]
fn a_huge_header_is_refused_before_it_is_awaited() {
    for length in [limits::MAX_HEADER_BYTES as u64 + 1, u64::from(u32::MAX), u64::MAX] {
        let error = load(&length.to_le_bytes()).unwrap_err();
        assert_eq!(error.code(), Code::Limit, "{error}");
    }
}

#[test]
fn headers_that_are_not_json_or_not_safetensors_are_refused() {
    for json in ["", "{", "[]", "null", "\"x\"", "{\"a\":1}", "<!doctype html>", "{\"a\":{\"dtype\":\"F32\"}}"] {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.bytes());
        assert_eq!(load(&bytes).unwrap_err().code(), Code::ModelInvalid, "{json}");
    }
    let mut bytes = 4_u64.to_le_bytes().to_vec();
    bytes.extend([0xff, 0xfe, 0x80, 0x80]);
    assert_eq!(load(&bytes).unwrap_err().code(), Code::ModelInvalid);
}

#[test]
fn overlap_hole_and_reversed_offsets_are_refused() {
    let last = |header: &mut Map<String, Value>, start: i64, end: i64| {
        let [from, to] = [0, 1].map(|i| header[LAST]["data_offsets"][i].as_i64().unwrap());
        header[LAST]["data_offsets"] = json!([from + start, to + end]);
    };
    assert_refused(|header, _| last(header, -4, -4), "invalid offset");
    assert_refused(
        |header, bytes| {
            last(header, 4, 4);
            *bytes += 4;
        },
        "invalid offset",
    );
    assert_refused(|header, _| last(header, 0, -1), "header");
    assert_refused(|header, _| header[LAST]["data_offsets"] = json!([8, 4]), "");
    assert_refused(|header, _| header[LAST]["data_offsets"] = json!([u64::MAX - 3, u64::MAX]), "");
    assert_refused(|header, _| header[LAST]["data_offsets"] = json!([-4, 0]), "");
}

#[test]
fn shapes_that_lie_or_overflow_are_refused() {
    assert_refused(|header, _| header[LAST]["shape"] = json!([2]), "header");
    assert_refused(|header, _| header[LAST]["shape"] = json!([1_u64 << 40, 1_u64 << 40]), "header");
    assert_refused(|header, _| header[LAST]["shape"] = json!([1, 1]), LAST);
    assert_refused(|header, _| header[LAST]["shape"] = json!([]), "");
    assert_refused(|header, _| header[LAST]["shape"] = json!([-1]), "");
    let square = |header: &mut Map<String, Value>| header[POOLER]["shape"] = json!([16, 64]);
    assert_refused(|header, _| square(header), POOLER);
}

#[test]
fn dtypes_that_are_not_weights_are_refused() {
    // Same width, so that only the dtype is wrong.
    for dtype in ["I32", "U32"] {
        assert_refused(|header, _| header[QUERY]["dtype"] = json!(dtype), QUERY);
    }
    assert_refused(|header, _| header[QUERY]["dtype"] = json!("F33"), "");
}

#[test]
fn missing_and_unexpected_tensors_are_named() {
    assert_refused(
        |header, bytes| {
            header.remove(LAST);
            *bytes -= 4;
        },
        LAST,
    );
    assert_refused(
        |header, bytes| {
            header.insert(
                "roberta.x".into(),
                json!({"dtype": "F32", "shape": [1], "data_offsets": [*bytes, *bytes + 4]}),
            );
            *bytes += 4;
        },
        "roberta.x",
    );
}

#[test]
fn int8_needs_its_scales_and_only_where_it_may_be() {
    // The classifier's row as i8 in the place of its f32, followed by a scale: right sizes, wrong tensor.
    assert_refused(|header, _| to_int8(header, LAST), LAST);
    let without = |header: &mut Map<String, Value>, bytes: &mut usize| {
        // The last quantisable tensor of the file; everything behind it moves up.
        let [from, to] = [0, 1].map(|i| header[POOLER]["data_offsets"][i].as_u64().unwrap());
        let cut = (to - from) / 4 * 3;
        header[POOLER] = json!({"dtype": "I8", "shape": header[POOLER]["shape"], "data_offsets": [from, to - cut]});
        for name in ["bert.pooler.dense.bias", "classifier.weight", "classifier.bias"] {
            let moved = [0, 1].map(|i| header[name]["data_offsets"][i].as_u64().unwrap() - cut);
            header[name]["data_offsets"] = json!(moved);
        }
        *bytes -= cut as usize;
    };
    assert_refused(without, "weight_scale");
    assert_refused(
        |header, bytes| {
            without(header, bytes);
            // f16 scales: the right number of rows, the wrong dtype.
            let entry = json!({"dtype": "F16", "shape": [32], "data_offsets": [*bytes, *bytes + 64]});
            header.insert(format!("{POOLER}_scale"), entry);
            *bytes += 64;
        },
        "scales are F32",
    );
    assert_refused(
        |header, bytes| {
            let entry = json!({"dtype": "F32", "shape": [32], "data_offsets": [*bytes, *bytes + 128]});
            header.insert(format!("{POOLER}_scale"), entry);
            *bytes += 128;
        },
        "not I8",
    );
}

#[test]
fn only_the_table_of_words_may_be_blocks_and_only_in_their_shape() {
    let blocks = |name: &'static str, groups: usize| {
        move |header: &mut Map<String, Value>, bytes: &mut usize| {
            // The tensor goes to the end of the file, so that all others move up by its bytes.
            let entry = header.remove(name).unwrap();
            let [from, to] = [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap());
            for other in header.values_mut() {
                let moved = [0, 1].map(|i| other["data_offsets"][i].as_u64().unwrap());
                if moved[0] >= to {
                    other["data_offsets"] = json!(moved.map(|at| at - (to - from)));
                }
            }
            let (rows, start) = (entry["shape"][0].as_u64().unwrap(), *bytes as u64 - (to - from));
            let end = start + rows * groups as u64 * 20;
            header.insert(
                name.to_owned(),
                json!({"dtype": "U8", "shape": [rows, groups, 20], "data_offsets": [start, end]}),
            );
            *bytes = end as usize;
        }
    };
    const WORDS: &str = "bert.embeddings.word_embeddings.weight";
    assert_refused(blocks("bert.embeddings.position_embeddings.weight", 1), "only the table of words");
    assert_refused(blocks(QUERY, 1), "only the table of words");
    assert_refused(blocks(WORDS, 2), "config.json asks for");
    let scales = |header: &mut Map<String, Value>, bytes: &mut usize| {
        blocks(WORDS, 1)(header, bytes);
        let rows = config().vocab_size;
        let entry = json!({"dtype": "F32", "shape": [rows], "data_offsets": [*bytes, *bytes + 4 * rows]});
        header.insert(format!("{WORDS}_scale"), entry);
        *bytes += 4 * rows;
    };
    assert_refused(scales, "unexpected tensor");

    let (mut right, mut bytes) = header(&config());
    blocks(WORDS, 1)(&mut right, &mut bytes);
    load(&file(&Value::Object(right), bytes)).unwrap();
}

fn to_int8(header: &mut Map<String, Value>, name: &str) {
    header[name]["dtype"] = json!("I8");
    header[name]["shape"] = json!([4]);
}

#[test]
fn weights_that_are_not_numbers_give_an_error_not_a_ranking() {
    let mut bytes = file_of_zeros(&config());
    let length = bytes.len();
    bytes[length - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut stream = WeightsStream::new(&config(), Precision::F32);
    stream.push(&bytes).unwrap();
    let encoder = PairEncoder::from_json(&read(fixture("tiny/tokenizer.json")), config().vocab_size).unwrap();
    let device = crossrank::device::cpu();
    let reranker = crossrank::Reranker::new(config(), encoder, stream.finish().unwrap(), &device).unwrap();
    let error = pollster::block_on(reranker.rank("a", &["b"], None, None)).unwrap_err();
    assert_eq!(error.code(), Code::NonFinite);
}

fn tokenizer() -> Value {
    serde_json::from_slice(&read(fixture("tiny/tokenizer.json"))).unwrap()
}

#[test]
fn tokenizers_of_other_kinds_are_refused_by_name() {
    let others = [
        ("model", json!({"type": "BPE", "vocab": {}, "merges": []})),
        ("model", json!({"type": "Unigram", "vocab": []})),
        ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"})),
        ("normalizer", Value::Null),
        (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false}),
        ),
        ("post_processor", json!({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]})),
        ("post_processor", Value::Null),
    ];
    for (key, component) in others {
        let mut file = tokenizer();
        file[key] = component;
        let error = PairEncoder::from_json(file.to_string().as_bytes(), config().vocab_size).unwrap_err();
        assert_eq!(error.code(), Code::ModelInvalid);
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn tokenizer_bytes_that_are_not_one_are_refused() {
    for bytes in [&b""[..], b"{", b"[]", b"{}", b"<!doctype html>", b"\xff\xfe"] {
        assert_eq!(PairEncoder::from_json(bytes, 2560).unwrap_err().code(), Code::ModelInvalid);
    }
    let mut broken = tokenizer();
    broken["model"]["vocab"] = json!({"[UNK]": "zero"});
    assert_eq!(PairEncoder::from_json(broken.to_string().as_bytes(), 2560).unwrap_err().code(), Code::ModelInvalid);
}

#[test]
fn ids_without_an_embedding_are_refused() {
    let mut file = tokenizer();
    file["model"]["vocab"]["zzzz"] = json!(1_000_000);
    let error = PairEncoder::from_json(file.to_string().as_bytes(), config().vocab_size).unwrap_err();
    assert!(error.to_string().contains("1000000"), "{error}");
}

#[test]
fn templates_that_lie_are_errors_when_they_are_used() {
    let lies = [
        // A special token with an id of its own, beyond the vocabulary.
        (
            "special_tokens",
            json!({"[CLS]": {"id": "[CLS]", "ids": [9_999_999], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}),
        ),
        // A text four times.
        ("pair", json!([0, 0, 1, 1].map(|kind| json!({"Sequence": {"id": "A", "type_id": kind}})))),
        // No text and no special token at all.
        ("pair", json!([{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}])),
    ];
    for (key, value) in lies {
        let mut file = tokenizer();
        file["post_processor"][key] = value.clone();
        let Ok(encoder) = PairEncoder::from_json(file.to_string().as_bytes(), config().vocab_size) else { continue };
        let codes: Vec<_> = [("a ".repeat(600), "b"), (String::new(), "")]
            .iter()
            .filter_map(|(query, document)| encoder.encode_pair(query, document, 512).err())
            .map(|error| error.code())
            .collect();
        assert!(
            !codes.is_empty() && codes.iter().all(|code| *code == Code::ModelInvalid),
            "{key} = {value}: {codes:?}"
        );
    }
}

#[test]
fn texts_and_lengths_beyond_the_caps_are_errors() {
    let reranker = crate::fixtures::tiny();
    let code = |pairs: &[(&str, &str)], max_length| {
        pollster::block_on(reranker.predict(pairs, None, max_length)).unwrap_err().code()
    };
    let long_query = "a ".repeat(limits::MAX_QUERY_BYTES / 2 + 1);
    let long_document = "a".repeat(limits::MAX_DOCUMENT_BYTES + 1);
    assert_eq!(code(&[(&long_query, "b")], None), Code::Limit);
    assert_eq!(code(&[("a", &long_document)], None), Code::Limit);
    assert_eq!(code(&vec![("a", "b"); limits::MAX_PAIRS + 1], None), Code::Limit);
    for max_length in [0, 1, 2, 513, usize::MAX] {
        assert_eq!(code(&[("a", "b")], Some(max_length)), Code::Option, "{max_length}");
    }
    let none: &[(&str, &str)] = &[];
    assert!(pollster::block_on(reranker.predict(none, None, None)).unwrap().is_empty());
}
