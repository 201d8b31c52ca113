"""Writes the golden values in tests/fixtures: what sentence-transformers' CrossEncoder says.

Run by hand, whenever the pairs, the tiny model or the default model change; the
native and the browser tests read what it writes.

    python tests/reference/generate.py tiny        # tests/fixtures/tiny, tiny-f16, tiny-bf16
    python tests/reference/generate.py default     # tests/fixtures/default, from model/
    python tests/reference/generate.py all         # both
    python tests/reference/generate.py tolerances  # prints how far other arithmetic is from the golden values

Token ids and segments come from the Hugging Face fast tokenizer as CrossEncoder
calls it, logits from CrossEncoder.predict with one pair a batch, f32, on one CPU
thread. Everything is checked a second way before it is written: the ids against
the bare `tokenizers` library, the logits against plain transformers with the
eager attention. Running it twice gives the same bytes.
"""

import argparse
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import safetensors
import safetensors.torch
import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification

import pairs as pair_lists
import tiny_model
from pairs import FULL, Pair

REPOSITORY = Path(__file__).resolve().parents[2]
State = dict[str, torch.Tensor]

AGREEMENT = 1e-4  # the two ways to compute a logit may differ by rounding only
LEAST_EFFECT = 1e-2  # every tensor of the tiny model has to move some logit by more

# Adding the same vector to every key adds the same number to every attention score of a query, which
# softmax takes out again. No model's logits depend on these, so they are left out of the effect check.
WITHOUT_EFFECT = "attention.self.key.bias"


def versions(what: str) -> str:
    modules = (sentence_transformers, transformers, tokenizers, torch, safetensors, numpy)
    used = ", ".join(f"{module.__name__} {module.__version__}" for module in modules)
    return f"{what}; f32 arithmetic, CPU, batch 1, no padding; {used}"


# --- models ---


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, indent=1) + "\n", encoding="utf-8")


def write_compact_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")


def write_weights(path: Path, state: State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(safetensors.torch.save(state, metadata={"format": "pt"}))


@contextmanager
def model_folder(source: Path, state: State) -> Iterator[Path]:
    """A folder that CrossEncoder can load: config and tokenizer of `source`, weights of `state` in f32."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("config.json", "tokenizer.json"):
            (folder / file).write_bytes((source / file).read_bytes())
        write_json(folder / "tokenizer_config.json", tiny_model.TOKENIZER_CONFIG)
        write_weights(folder / "model.safetensors", {key: tensor.float() for key, tensor in state.items()})
        yield folder


def load_cross_encoder(source: Path, state: State) -> CrossEncoder:
    with model_folder(source, state) as folder:
        return CrossEncoder(
            str(folder),
            device="cpu",
            max_length=FULL,
            activation_fn=torch.nn.Identity(),
            model_kwargs={"dtype": torch.float32},
        )


def load_plain(source: Path, state: State, dtype: torch.dtype = torch.float32) -> BertForSequenceClassification:
    """Plain transformers with the eager attention; fails if a tensor is missing, left over or of another shape."""
    config = BertConfig.from_json_file(source / "config.json")
    model = BertForSequenceClassification._from_config(config, attn_implementation="eager", dtype=dtype)
    model.load_state_dict({key: tensor.to(dtype) for key, tensor in state.items()}, strict=True)
    return model.eval()


# --- golden values ---


@torch.no_grad()
def plain_logit(model: BertForSequenceClassification, ids: list[int], segments: list[int]) -> float:
    return model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([segments])).logits.item()


def encode(encoder: CrossEncoder, pair: Pair) -> tuple[list[int], list[int]]:
    encoder.max_seq_length = pair.max_length
    features = encoder.preprocess([(pair.query, pair.document)])
    return features["input_ids"][0].tolist(), features["token_type_ids"][0].tolist()


def encode_bare(source: Path, pair: Pair) -> tuple[list[int], list[int]]:
    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(pair.max_length, strategy="longest_first")
    encoding = tokenizer.encode(pair.query, pair.document)
    return encoding.ids, encoding.type_ids


def golden(encoder: CrossEncoder, pair: Pair) -> dict:
    ids, segments = encode(encoder, pair)
    score = encoder.predict(
        [(pair.query, pair.document)], batch_size=1, show_progress_bar=False, convert_to_tensor=True
    )
    return {
        "name": pair.name,
        "query": pair.query,
        "document": pair.document,
        "max_length": pair.max_length,
        "input_ids": ids,
        "token_type_ids": segments,
        "logit": score.item(),
        "sigmoid": torch.sigmoid(score).item(),
    }


def check_golden(source: Path, state: State, pairs: list[Pair], entries: list[dict]) -> None:
    """The second opinion: bare tokenizers for the ids, plain transformers for the logits."""
    plain = load_plain(source, state)
    worst = 0.0
    for pair, entry in zip(pairs, entries, strict=True):
        ids, segments = entry["input_ids"], entry["token_type_ids"]
        if (ids, segments) != encode_bare(source, pair):
            raise ValueError(f"{pair.name}: CrossEncoder and tokenizers give other ids")
        if len(ids) > pair.max_length:
            raise ValueError(f"{pair.name}: {len(ids)} ids, more than {pair.max_length}")
        worst = max(worst, abs(plain_logit(plain, ids, segments) - entry["logit"]))
    print(f"  CrossEncoder against plain transformers: at most {worst:.1e} apart")
    if worst > AGREEMENT:
        raise ValueError("CrossEncoder and plain transformers disagree")


def score_all(source: Path, state: State, pairs: list[Pair]) -> list[dict]:
    encoder = load_cross_encoder(source, state)
    entries = [golden(encoder, pair) for pair in pairs]
    check_golden(source, state, pairs, entries)
    logits = torch.tensor([entry["logit"] for entry in entries])
    print(
        f"  {len(entries)} pairs, {min(len(entry['input_ids']) for entry in entries)}"
        f" to {max(len(entry['input_ids']) for entry in entries)} ids,"
        f" logits {logits.min():.2f} to {logits.max():.2f}, standard deviation {logits.std():.2f}"
    )
    return entries


def write_golden(path: Path, reference: str, entries: list[dict]) -> None:
    """Valid JSON with one pair a line, so that a change shows as the pairs it touches."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True, separators=(",", ":")) for entry in entries)
    head = f'"reference":{json.dumps(versions(reference))},\n"max_length":{FULL},\n"pairs":'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{{{head}[\n{lines}\n]}}\n", encoding="utf-8")
    print(f"  wrote {path} ({path.stat().st_size:,} bytes)")


# --- the tiny model ---


def same_shape_pairs(state: State) -> list[tuple[str, str]]:
    names = sorted(state)
    return [
        (first, second)
        for index, first in enumerate(names)
        for second in names[index + 1 :]
        if state[first].shape == state[second].shape
        and not (first.endswith(WITHOUT_EFFECT) and second.endswith(WITHOUT_EFFECT))
    ]


def effect(model: BertForSequenceClassification, changed: State, entries: list[dict]) -> float:
    """The largest change of a logit when some tensors are replaced by others."""
    original = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    model.load_state_dict(original | changed)
    moved = [abs(plain_logit(model, e["input_ids"], e["token_type_ids"]) - e["logit"]) for e in entries]
    model.load_state_dict(original)
    return max(moved)


def check_effects(source: Path, state: State, entries: list[dict]) -> None:
    """A loader that forgets a tensor, or takes one for another, has to show in the logits."""
    model = load_plain(source, state)
    sample = [entry for entry in entries if 20 <= len(entry["input_ids"]) <= 60][:12]
    ignored = {}
    for name, tensor in state.items():
        plain = torch.ones_like(tensor) if name.endswith("LayerNorm.weight") else torch.zeros_like(tensor)
        ignored[name] = effect(model, {name: plain}, sample)
        print(f"  {ignored[name]:9.2e}  without {name}")
    swapped = {
        (first, second): effect(model, {first: state[second], second: state[first]}, sample)
        for first, second in same_shape_pairs(state)
    }
    least = min(swapped, key=swapped.get)
    print(f"  {swapped[least]:9.2e}  least of {len(swapped)} swaps: {least[0]} and {least[1]}")
    weak = [name for name, size in ignored.items() if size <= LEAST_EFFECT and not name.endswith(WITHOUT_EFFECT)]
    if weak or swapped[least] <= LEAST_EFFECT:
        raise ValueError(f"too small an effect: {weak or least}")


def write_tiny_half(fixtures: Path, label: str, dtype: torch.dtype, state: State) -> None:
    """The same model with its weights in 16 bits; ids and texts are those of the f32 one."""
    print(f"tiny-{label}")
    folder = fixtures / f"tiny-{label}"
    rounded = {key: tensor.to(dtype) for key, tensor in state.items()}
    write_weights(folder / "model.safetensors", rounded)
    entries = score_all(fixtures / "tiny", {key: tensor.float() for key, tensor in rounded.items()}, pair_lists.TINY)
    scores = [{key: entry[key] for key in ("name", "logit", "sigmoid")} for entry in entries]
    write_golden(
        folder / "golden.json", f"the tiny model, weights rounded to {label}; texts and ids in ../tiny", scores
    )


def write_tiny(fixtures: Path) -> None:
    print("tiny")
    folder = fixtures / "tiny"
    state = tiny_model.weights()
    texts = [text for pair in pair_lists.TINY for text in (pair.query, pair.document)]
    write_json(folder / "config.json", tiny_model.CONFIG)
    write_json(folder / "tokenizer_config.json", tiny_model.TOKENIZER_CONFIG)
    write_compact_json(folder / "tokenizer.json", tiny_model.tokenizer_json(tiny_model.vocabulary(texts)))
    write_weights(folder / "model.safetensors", state)
    entries = score_all(folder, state, pair_lists.TINY)
    check_effects(folder, state, entries)
    write_golden(folder / "golden.json", "the tiny model, f32", entries)
    write_tiny_half(fixtures, "f16", torch.float16, state)
    write_tiny_half(fixtures, "bf16", torch.bfloat16, state)


# --- the default model ---


def checked(data: bytes, expected: dict, what: str) -> bytes:
    if len(data) != expected["bytes"] or hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise ValueError(f"{what}: size or sha256 differ from the manifest")
    return data


def decode_blocks(blocks: torch.Tensor) -> torch.Tensor:
    """4-bit rows in f32: a block is scale and minimum in f16, then 16 bytes of value i and, above it, value i + 16."""
    scale, minimum = (
        blocks[..., at : at + 2].contiguous().view(torch.float16).float() for at in (0, 2)
    )
    codes = torch.cat([blocks[..., 4:] & 15, blocks[..., 4:] >> 4], dim=-1).float()
    return (codes * scale + minimum).flatten(-2)


def read_int8(model: Path) -> State:
    """The weights in f32: i8 values times the scale of their row, and the words from their 4-bit blocks."""
    weights = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["weights"]
    shards = [checked((model / shard["path"]).read_bytes(), shard, shard["path"]) for shard in weights["shards"]]
    tensors = safetensors.torch.load(checked(b"".join(shards), weights, "all shards together"))
    scales = {name for name in tensors if name.endswith("_scale")}


    def decoded(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dtype == torch.uint8:
            return decode_blocks(tensor)
        return tensor.float() * tensors[f"{name}_scale"][:, None] if f"{name}_scale" in scales else tensor

    return {name: decoded(name, tensor) for name, tensor in tensors.items() if name not in scales}


def write_default(fixtures: Path, model: Path) -> None:
    print("default")
    entries = score_all(model, read_int8(model), pair_lists.default_pairs())
    write_golden(fixtures / "default" / "golden.json", "the default model, its quantised weights decoded", entries)


# --- tolerances ---


def quantise_rows(values: torch.Tensor) -> torch.Tensor:
    """Rounds each row to 8 bits, as the CPU kernels do with the activations of a token."""
    scale = values.abs().amax(dim=-1, keepdim=True) / 127
    return torch.where(scale > 0, (values / scale).round() * scale, values)


def quantise_groups(values: torch.Tensor) -> torch.Tensor:
    """Rounds groups of 32 values to 4 bits between their minimum and maximum, which are kept in f16."""
    groups = values.unflatten(-1, (-1, 32))
    minimum = groups.amin(dim=-1, keepdim=True)
    scale = ((groups.amax(dim=-1, keepdim=True) - minimum) / 15).half().float()
    minimum = minimum.half().float()
    return (((groups - minimum) / scale).round().clamp(0, 15) * scale + minimum).flatten(-2)


def quantised(state: State, words_in_4_bits: bool) -> State:
    """What `crossrank quantize` keeps of a float model."""

    def kept(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if words_in_4_bits and name == "bert.embeddings.word_embeddings.weight":
            return quantise_groups(tensor)
        return quantise_rows(tensor) if tensor.dim() == 2 and name != "classifier.weight" else tensor

    return {name: kept(name, tensor) for name, tensor in state.items()}


def with_int8_activations(model: BertForSequenceClassification) -> BertForSequenceClassification:
    for module in model.bert.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(lambda _, inputs: (quantise_rows(inputs[0]),))
    return model


def print_tolerances(label: str, source: Path, state: State, golden_path: Path) -> None:
    entries = json.loads(golden_path.read_text(encoding="utf-8"))["pairs"]
    others = {
        "f32, eager attention": load_plain(source, state),
        "f64": load_plain(source, state, torch.float64),
        "f32, activations in int8": with_int8_activations(load_plain(source, state)),
        "f16 throughout": load_plain(source, state, torch.float16),
    }
    for words_in_4_bits in (False, True):
        weights = f"weights in int8{', words in 4 bits' if words_in_4_bits else ''}"
        others[weights] = load_plain(source, quantised(state, words_in_4_bits))
        others[f"{weights}, activations in int8"] = with_int8_activations(
            load_plain(source, quantised(state, words_in_4_bits))
        )
    for what, model in others.items():
        apart = torch.tensor(
            [abs(plain_logit(model, e["input_ids"], e["token_type_ids"]) - e["logit"]) for e in entries]
        )
        print(f"{label}: {what}: mean {apart.mean():.1e}, at most {apart.max():.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["tiny", "default", "all", "tolerances"])
    parser.add_argument("--model", type=Path, default=REPOSITORY / "model", help="folder of the default model in int8")
    parser.add_argument("--fixtures", type=Path, default=REPOSITORY / "tests" / "fixtures", help="where to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    if options.what in ("tiny", "all"):
        write_tiny(options.fixtures)
    if options.what in ("default", "all"):
        write_default(options.fixtures, options.model)
    if options.what == "tolerances":
        tiny = options.fixtures / "tiny"
        print_tolerances("tiny", tiny, tiny_model.weights(), tiny / "golden.json")
        golden_path = options.fixtures / "default" / "golden.json"
        print_tolerances("default", options.model, read_int8(options.model), golden_path)


if __name__ == "__main__":
    main()
