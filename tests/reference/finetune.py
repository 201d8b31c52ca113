"""Writes tests/fixtures/finetune: what torch and sentence-transformers make of the tiny model in training.

    python tests/reference/finetune.py golden           # writes the golden values
    python tests/reference/finetune.py scores FOLDER     # scores of a written folder, as JSON, for the pairs of `tiny`
    python tests/reference/finetune.py speed FOLDER      # seconds of a step of 16 x 128 tokens, two threads

Training is sentence-transformers' own model and losses (torch's functions where it has none of the kind), torch's
AdamW and clip_grad_norm_, transformers' linear schedule; dropout 0, f32, one CPU thread, batches as listed.
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import safetensors.torch
import sentence_transformers
import torch
import transformers
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss, MSELoss
from transformers import get_linear_schedule_with_warmup

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SEED = 20240301
MAX_LENGTH = 96
GROUP = 4  # documents of a query, in the runs over groups
EMBEDDINGS = "bert.embeddings."

# `freeze` leaves the embeddings out. Learning rates are high, for a model that is random.
RUNS = [
    {"name": "bce", "loss": "bce", "steps": 30, "batch": 16, "lr": 1e-3},
    {"name": "bce-weighted", "loss": "bce", "pos_weight": 3.0, "steps": 6, "batch": 8, "lr": 2e-3, "warm_up": 2},
    {"name": "listwise", "loss": "listwise", "steps": 6, "batch": 8, "lr": 1e-3, "weight_decay": 0.05},
    {"name": "mse", "loss": "mse", "steps": 6, "batch": 8, "lr": 1e-3, "freeze": True},
    {"name": "kl", "loss": "kl", "temperature": 2.0, "steps": 6, "batch": 8, "lr": 1e-3},
]


def load(folder: Path, dropout: float = 0.0) -> CrossEncoder:
    config = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    return CrossEncoder(
        str(folder),
        device="cpu",
        max_length=MAX_LENGTH,
        activation_fn=torch.nn.Identity(),
        config_kwargs=config,
        model_kwargs={"dtype": torch.float32},
    )


def pairs() -> list[dict]:
    return json.loads((FIXTURES / "tiny" / "golden.json").read_text())["pairs"]


def draw(run: dict) -> list[dict]:
    """The batches of a run: indices into the pairs of `tiny`, and what their logits are compared with."""
    random = numpy.random.default_rng([SEED, RUNS.index(run)])
    batches = []
    for _ in range(run["steps"]):
        indices = random.choice(len(pairs()), run["batch"], replace=False).tolist()
        if run["loss"] in ("mse", "kl"):
            targets = random.normal(0, 2, run["batch"]).round(3)
        elif run["loss"] == "listwise":
            targets = numpy.tile([1.0] + [0.0] * (GROUP - 1), run["batch"] // GROUP)
            targets[1] = 0.5
        else:
            # Some soft labels among the hard ones.
            targets = random.choice([0.0, 0.0, 0.0, 1.0, 0.25], run["batch"])
        batches.append({"pairs": indices, "targets": targets.tolist()})
    return batches


def logits_of(model: CrossEncoder, texts: list[tuple[str, str]]) -> torch.Tensor:
    return model(model.preprocess(texts))["scores"].view(-1)


def loss_of(model: CrossEncoder, run: dict, texts: list[tuple[str, str]], targets: torch.Tensor) -> torch.Tensor:
    columns = [list(column) for column in zip(*texts)]
    if run["loss"] == "bce":
        weight = run.get("pos_weight")
        loss = BinaryCrossEntropyLoss(model, pos_weight=None if weight is None else torch.tensor(weight))
        return loss(columns, targets)
    if run["loss"] == "mse":
        return MSELoss(model)(columns, targets)
    logits, targets = (tensor.view(-1, GROUP) for tensor in (logits_of(model, texts), targets))
    if run["loss"] == "listwise":
        return torch.nn.functional.cross_entropy(logits, targets / targets.sum(1, keepdim=True))
    temperature = run["temperature"]
    student, teacher = (torch.log_softmax(tensor / temperature, 1) for tensor in (logits, targets))
    loss = torch.nn.functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
    return loss * temperature**2


def parameters(model: CrossEncoder) -> dict[str, torch.nn.Parameter]:
    bert = next(module for module in model.modules() if isinstance(module, transformers.BertForSequenceClassification))
    return dict(bert.named_parameters())


def train(run: dict) -> tuple[dict, dict[str, torch.Tensor]]:
    """A run's golden values, and the gradients of its first step before clipping."""
    model = load(FIXTURES / "tiny")
    model.train()
    named = parameters(model)
    if run.get("freeze"):
        for name, parameter in named.items():
            parameter.requires_grad_(not name.startswith(EMBEDDINGS))
    trained = [parameter for parameter in named.values() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=run["lr"], betas=(0.9, 0.999), eps=1e-8, weight_decay=run.get("weight_decay", 0.0)
    )
    schedule = get_linear_schedule_with_warmup(optimizer, run.get("warm_up", 0), run["steps"])
    texts = [(pair["query"], pair["document"]) for pair in pairs()]
    batches, losses, norms, gradients = draw(run), [], [], {}
    for batch in batches:
        loss = loss_of(model, run, [texts[index] for index in batch["pairs"]], torch.tensor(batch["targets"]))
        optimizer.zero_grad()
        loss.backward()
        if not gradients:
            gradients = {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
        norms.append(torch.nn.utils.clip_grad_norm_(trained, 1.0).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = logits_of(model, texts).tolist()
    print(f"{run['name']}: loss {losses[0]:.4f} to {losses[-1]:.4f}, norms {min(norms):.3f} to {max(norms):.3f}")
    return {**run, "batches": batches, "losses": losses, "norms": norms, "logits": logits}, gradients


def sparse(gradients: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Embedding tables as the rows that are not zero, and their numbers."""
    stored = {}
    for name, gradient in gradients.items():
        if name.endswith("_embeddings.weight"):
            rows = gradient.abs().sum(1).nonzero().view(-1)
            stored[f"{name}.rows"] = rows.to(torch.int32)
            gradient = gradient[rows].contiguous()
        stored[name] = gradient
    return stored


def write_golden() -> None:
    runs, first = [], {}
    for run in RUNS:
        golden, gradients = train(run)
        runs.append(golden)
        first = first or gradients
    folder = FIXTURES / "finetune"
    folder.mkdir(exist_ok=True)
    modules = (sentence_transformers, transformers, torch)
    made_with = ", ".join(f"{module.__name__} {module.__version__}" for module in modules)
    golden = {"made_with": made_with, "max_length": MAX_LENGTH, "group": GROUP, "runs": runs}
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    (folder / "gradients.safetensors").write_bytes(safetensors.torch.save(sparse(first)))


def print_scores(folder: Path) -> None:
    model = CrossEncoder(str(folder), device="cpu")
    texts = [(pair["query"], pair["document"]) for pair in pairs()]
    print(json.dumps(model.predict(texts, batch_size=1, show_progress_bar=False).tolist()))


def measure_speed(folder: Path, threads: int, steps: int) -> None:
    torch.set_num_threads(threads)
    model = load(folder, dropout=0.1)
    model.max_seq_length = 128
    model.train()
    trained = list(parameters(model).values())
    optimizer = torch.optim.AdamW(trained, lr=5e-5, fused=True)
    texts = [("where is the value of word set", "word " * 200)] * 16
    tokens = model.preprocess(texts)["input_ids"].numel()
    seconds, busy = [], []
    for _ in range(steps + 2):
        started, used = time.perf_counter(), time.process_time()
        loss = BinaryCrossEntropyLoss(model)([list(column) for column in zip(*texts)], torch.ones(16))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    median, cpu = (sorted(times[2:])[steps // 2] for times in (seconds, busy))
    print(f"torch: {tokens} tokens, median {median:.3f} s, {cpu:.3f} s of CPU, peak {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["golden", "scores", "speed"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    if options.what == "golden":
        write_golden()
    elif options.what == "scores":
        print_scores(options.folder)
    else:
        measure_speed(options.folder, options.threads, options.steps)


if __name__ == "__main__":
    main()
