//! What a run is about, read and checked before anything is computed: the base, the data, the order of the batches.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::args::FinetuneArgs;
use super::checkpoint::{Checkpoints, make};
use super::held_out::HeldOut;
use crate::cli::files;
use crate::cli::manifest::{Manifest, sha256_hex};
use crate::cli::model::{Folder, read_folder};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::tokenize::PairEncoder;
use crate::train::data::Data;
use crate::train::plan::{Examples, Plan};
use crate::train::{Schedule, Settings, Trainer};
use crate::{ModelConfig, Precision, device};

/// Longest pair in tokens if neither the options nor the model say less.
const MAX_LENGTH: usize = 512;

/// The model that training starts from.
pub(super) struct Base {
    pub folder: PathBuf,
    pub id: String,
    pub license: Option<String>,
    pub config: ModelConfig,
    pub config_json: Vec<u8>,
    pub tokenizer_json: Vec<u8>,
    /// Whether its weights were int8, so that training starts from 8 bits a weight.
    pub is_int8: bool,
}

/// A run.
pub(super) struct Job {
    pub args: FinetuneArgs,
    pub out: PathBuf,
    pub base: Base,
    pub data: Data,
    /// Groups of the data that were left out because their queries are held out.
    pub left_out: usize,
    pub examples: Examples,
    pub held_out: Option<HeldOut>,
    pub max_length: usize,
    pub settings: Settings,
    /// What decides the result, as one hash.
    pub fingerprint: String,
}

impl Job {
    /// Reads everything; none if `out` holds the finished run already and `--resume` was given.
    pub(super) fn read(args: &FinetuneArgs, out: &Path) -> Result<Option<Self>> {
        let checkpoints = Checkpoints::new(out);
        let option = |message| Error::new(Code::Option, out.display().to_string(), message);
        match (args.resume, checkpoints.last().is_some(), is_finished(out)) {
            (true, false, true) => {
                eprintln!("{}: finished already", out.display());
                return Ok(None);
            }
            (false, _, true) => return Err(option("holds a model already; name another folder")),
            (false, true, false) => {
                return Err(option("holds an unfinished run; go on with --resume, or remove the folder"));
            }
            _ => {}
        }
        let loss = args.loss();
        let place = args.data.display().to_string();
        let (bytes, mut data) = read_data(&args.data)?;
        data.check(&place, &loss)?;
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(args).unwrap_or_default());
        hash.update(sha256_hex(&bytes));
        let mut held = Vec::new();
        let before = data.groups.len();
        for path in &args.holdout {
            let (bytes, file) = read_data(path)?;
            hash.update(sha256_hex(&bytes));
            let place = path.display().to_string();
            file.check_targets(&place, &loss)?;
            data = data.without_queries_of(&file);
            held.push((place, file));
        }
        if let Some(parts) = args.parts() {
            let (rest, part) = data.split(parts, args.holdout_part);
            data = rest;
            held.push((place.clone(), part));
        }
        let left_out = before - data.groups.len();
        if data.groups.is_empty() || held.iter().any(|(_, file)| file.groups.is_empty()) {
            let message = "nothing is left to train on, or nothing to evaluate on, when held-out queries are taken out";
            return Err(Error::new(Code::Option, "--holdout", message));
        }
        data.check(&place, &loss)?;

        let (base, tensors) = Base::read(&args.base)?;
        if base.is_int8 {
            eprintln!("{}: int8 weights, dequantised: training starts from 8 bits a weight", args.base.display());
        }
        let longest = base.config.max_position_embeddings;
        let max_length = args.max_length.unwrap_or(MAX_LENGTH.min(longest));
        if !(limits::MIN_MAX_LENGTH..=longest).contains(&max_length) {
            let message = format!("{max_length} is not between {} and {longest} tokens", limits::MIN_MAX_LENGTH);
            return Err(Error::new(Code::Option, "--max-length", message));
        }
        let encoder = PairEncoder::from_json(&base.tokenizer_json, base.config.vocab_size)?;
        let examples = Examples::new(&place, &data, &loss, &encoder, max_length)?;
        let held_out = match held.is_empty() {
            true => None,
            false => Some(HeldOut::new(&held, &loss, &encoder, max_length, args.batch)?),
        };
        let mut job = Self {
            settings: Settings {
                loss,
                optimizer: args.optimizer(),
                schedule: Schedule { rate: args.lr, warm_up: 0, steps: 0 },
                largest_norm: args.clip,
                dropout: args.dropout,
                seed: args.seed,
                freeze_embeddings: args.freeze_embeddings,
                padding_id: padding_id(&base.config_json),
            },
            args: args.clone(),
            out: out.to_owned(),
            base,
            data,
            left_out,
            examples,
            held_out,
            max_length,
            fingerprint: String::new(),
        };
        let steps = (0..args.epochs).map(|epoch| job.steps_of(epoch).len()).sum();
        job.settings.schedule.steps = steps;
        job.settings.schedule.warm_up = (steps as f64 * args.warm_up).ceil() as usize;
        hash.update(tensors);
        job.fingerprint = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        make(out)?;
        Ok(Some(job))
    }

    /// The batches of each step of an epoch.
    pub(super) fn steps_of(&self, epoch: usize) -> Vec<Plan> {
        let args = &self.args;
        let plan = self.examples.epoch(args.batch, args.seed, epoch, args.length_buckets);
        plan.chunks(args.accumulate).map(<[Vec<usize>]>::to_vec).collect()
    }

    /// The model in training, with the base's weights or with those of `checkpoint`.
    pub(super) fn trainer(&self, weights: Option<&Path>) -> Result<Trainer> {
        let tensors = match weights {
            None => read_folder(&self.base.folder, Precision::F32)?.weights.finish()?,
            Some(path) => {
                let mut stream = crate::WeightsStream::new(&self.base.config, Precision::F32);
                stream.push(&files::read(path, limits::MAX_WEIGHTS_BYTES)?)?;
                stream.finish()?
            }
        };
        Trainer::new(&self.base.config, tensors, &device::cpu(), self.settings)
    }

    /// The model's name.
    pub(super) fn id(&self) -> String {
        let name =
            || self.out.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned());
        self.args.id.clone().unwrap_or_else(name)
    }

    /// The licence of the weights.
    pub(super) fn license(&self) -> String {
        let base = || self.base.license.clone().unwrap_or_else(|| "unknown".to_owned());
        self.args.license.clone().unwrap_or_else(base)
    }
}

impl Base {
    /// The base, and a hash of its files.
    fn read(folder: &Path) -> Result<(Self, String)> {
        let manifest = folder.join("manifest.json");
        let manifest = match manifest.exists() {
            true => Some(Manifest::from_json(&files::read(&manifest, limits::MAX_MANIFEST_BYTES)?)?),
            false => None,
        };
        let weights = match &manifest {
            Some(manifest) => manifest.weights.sha256.clone(),
            None => sha256_hex(&files::read(&folder.join("model.safetensors"), limits::MAX_WEIGHTS_BYTES)?),
        };
        let Folder { config_json, tokenizer_json, config, .. } = read_folder(folder, Precision::F32)?;
        let hash = format!("{}{}{weights}", sha256_hex(&config_json), sha256_hex(&tokenizer_json));
        let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let base = Self {
            folder: folder.to_owned(),
            id: manifest.as_ref().map_or_else(|| name.unwrap_or_else(|| "model".to_owned()), |m| m.id.clone()),
            license: manifest.as_ref().map(|manifest| manifest.license.clone()),
            config,
            config_json,
            tokenizer_json,
            is_int8: manifest.is_some(),
        };
        Ok((base, hash))
    }
}

/// `pad_token_id` of `config.json`; 0, BERT's, if it has none.
fn padding_id(config_json: &[u8]) -> Option<usize> {
    #[derive(serde::Deserialize)]
    struct Padding {
        #[serde(default = "first")]
        pad_token_id: Option<usize>,
    }
    const fn first() -> Option<usize> {
        Some(0)
    }
    serde_json::from_slice::<Padding>(config_json).ok().and_then(|config| config.pad_token_id)
}

/// Whether `out` holds a finished model.
pub(super) fn is_finished(out: &Path) -> bool {
    out.join("config.json").exists()
}

fn read_data(path: &Path) -> Result<(Vec<u8>, Data)> {
    let bytes = files::read(path, limits::MAX_TRAINING_BYTES)?;
    let data = Data::from_jsonl(&path.display().to_string(), &bytes)?;
    Ok((bytes, data))
}
