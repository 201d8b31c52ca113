//! `crossrank quantize IN OUT`: a Hugging Face folder to the project's int8 form.
//!
//! `weights::Int8Rows` and `weights::Int4Rows` have the rules; biases, LayerNorm and the classifier's single row stay f32.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::files;
use super::manifest::{FileEntry, Manifest, WeightsEntry, sha256_hex};
use super::model::{Folder, read_folder_with};
use crate::config::ModelConfig;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::tokenize::PairEncoder;
use crate::weights::{
    Expected, Precision, TableRows, Tensors, WeightsStream, WordsForm, expected_tensors, int4_shape, scale_name,
};

/// 4 MiB: every static host and CDN serves it, and it is the unit that is fetched again after an interruption.
pub(super) const DEFAULT_SHARD_BYTES: usize = 4 << 20;

/// Arguments of `quantize`.
#[derive(Args, Clone, Debug)]
pub struct QuantizeArgs {
    /// Folder with config.json, tokenizer.json and model.safetensors (f32, f16 or bf16)
    pub input: PathBuf,
    /// Folder to write; made if it does not exist, files in it are replaced
    pub output: PathBuf,
    /// Name of the model, shown in `status` [default: the input folder's name]
    #[arg(long)]
    pub id: Option<String>,
    /// Licence of the weights, an SPDX expression
    #[arg(long, default_value = "unknown")]
    pub license: String,
    /// Bytes of a shard at most
    #[arg(long, default_value_t = DEFAULT_SHARD_BYTES)]
    pub shard_bytes: usize,
    /// What becomes of a table of words in floats: int4 takes 38 % of its bytes off, int8 ranks a little more like f32. Where
    /// the hidden size is not a multiple of 32 it is int8 anyway
    #[arg(long, value_enum, default_value_t)]
    pub words: WordsForm,
}

/// Makes the int8 form.
///
/// # Errors
/// `FILE`, `MODEL_INVALID` or `LIMIT` of the input; `FILE` if the output cannot be written; `OPTION` for a bad shard size.
pub fn quantize(args: &QuantizeArgs) -> Result<()> {
    if !(1024..=limits::MAX_SHARD_BYTES).contains(&args.shard_bytes) {
        let message = format!("{} is not between 1024 and {} bytes", args.shard_bytes, limits::MAX_SHARD_BYTES);
        return Err(Error::new(Code::Option, "--shard-bytes", message));
    }
    let stream = |config: &ModelConfig| WeightsStream::new(config, Precision::Int8).with_words(args.words);
    let folder = read_folder_with(&args.input, stream)?;
    PairEncoder::from_json(&folder.tokenizer_json, folder.config.vocab_size)?;
    let Folder { config_json, tokenizer_json, config, weights } = folder;
    let mut tensors = weights.finish()?;
    let mut stored = Vec::new();
    for expected in expected_tensors(&config) {
        store(&mut stored, expected, &mut tensors)?;
    }
    let file = serialize(&stored)?;

    fs::create_dir_all(&args.output)
        .map_err(|e| Error::new(Code::File, args.output.display().to_string(), "cannot be made").caused_by(e))?;
    let entry = |name: &str, bytes: &[u8]| -> Result<FileEntry> {
        files::write(&args.output.join(name), bytes)?;
        Ok(FileEntry::of(name, bytes))
    };
    let shards = file.chunks(args.shard_bytes).enumerate();
    let weights = WeightsEntry {
        bytes: file.len(),
        sha256: sha256_hex(&file),
        shards: shards.map(|(index, bytes)| entry(&format!("model-{index:03}.bin"), bytes)).collect::<Result<_>>()?,
    };
    let id = args.id.clone().unwrap_or_else(|| folder_name(&args.input));
    let config = entry("config.json", &config_json)?;
    let tokenizer = entry("tokenizer.json", &tokenizer_json)?;
    let manifest = Manifest::new(&id, &args.license, config, tokenizer, weights);
    write_manifest(&args.output, &manifest)?;
    println!("{id}: {} bytes of weights in {} shards", manifest.weights.bytes, manifest.weights.shards.len());
    Ok(())
}

struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn store(stored: &mut Vec<Stored>, expected: Expected, tensors: &mut Tensors) -> Result<()> {
    let Expected { name, shape, role } = expected;
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    if !role.is_quantized() {
        let bytes = floats(&tensors.take_f32(&name)?);
        stored.push(Stored { name, dtype: Dtype::F32, shape, bytes });
        return Ok(());
    }
    let rows = match tensors.take_table(&name, shape.last().copied().unwrap_or(1))? {
        TableRows::Int8(rows) => rows,
        TableRows::Int4(rows) => {
            let shape = shape.first().map_or_else(Vec::new, |count| int4_shape(*count, rows.columns).to_vec());
            stored.push(Stored { name, dtype: Dtype::U8, shape, bytes: rows.blocks });
            return Ok(());
        }
    };
    let scales = Stored {
        name: scale_name(&name),
        dtype: Dtype::F32,
        shape: vec![rows.scales.len()],
        bytes: floats(&rows.scales),
    };
    stored.push(scales);
    let bytes = rows.values.into_iter().map(i8::cast_unsigned).collect();
    stored.push(Stored { name, dtype: Dtype::I8, shape, bytes });
    Ok(())
}

fn serialize(stored: &[Stored]) -> Result<Vec<u8>> {
    let failed = |e| Error::new(Code::Internal, "safetensors", "cannot be written").caused_by(e);
    let views = stored
        .iter()
        .map(|tensor| Ok((&tensor.name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(failed)?;
    safetensors::serialize(views, None)
        .map_err(|e| Error::new(Code::Internal, "safetensors", "cannot be written").caused_by(e))
}

fn write_manifest(output: &Path, manifest: &Manifest) -> Result<()> {
    let mut json = serde_json::to_string_pretty(manifest)
        .map_err(|e| Error::new(Code::Internal, "manifest.json", "cannot be written").caused_by(e))?;
    json.push('\n');
    files::write(&output.join("manifest.json"), json.as_bytes())
}

fn folder_name(path: &Path) -> String {
    let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    canonical.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}
