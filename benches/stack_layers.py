"""Makes a model of twice the layers from one of ours, to measure a deeper shape on equal weights.

    pip install onnx safetensors numpy
    python benches/stack_layers.py MODEL OUT
    npm run bench -- --model OUT --peer-model OUT

MODEL holds config.json, tokenizer.json, tokenizer_config.json, model.safetensors and onnx/model_quantized.onnx, the
latter with the node names that torch's export and onnxruntime's dynamic quantisation give. The upper half is a copy
of the lower one, with weights of its own. Right for timing only: nobody trained it, so its order says nothing.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import onnx
from safetensors.numpy import load_file, save_file


def stack_safetensors(source: Path, out: Path, layers: int) -> None:
    tensors = load_file(source)
    name = re.compile(r"encoder\.layer\.(\d+)\.")
    upper = {
        name.sub(lambda found: f"encoder.layer.{int(found[1]) + layers}.", key): tensor.copy()
        for key, tensor in tensors.items()
        if name.search(key)
    }
    save_file(tensors | upper, out)


def copy_of(message, **fields):
    """A copy of a protobuf message with some of its fields replaced."""
    copy = type(message)()
    copy.CopyFrom(message)
    for key, value in fields.items():
        if isinstance(value, list):
            getattr(copy, key)[:] = value
        else:
            setattr(copy, key, value)
    return copy


def stack_onnx(source: Path, out: Path, layers: int) -> None:
    model = onnx.load(source)
    graph = model.graph
    below = "/m/bert/embeddings/LayerNorm/Add_1_output_0"
    top = f"/m/bert/encoder/layer.{layers - 1}/output/LayerNorm/Add_1_output_0"
    name = re.compile(r"/layer\.(\d+)/")

    def raised(text: str) -> str:
        return name.sub(lambda found: f"/layer.{int(found[1]) + layers}/", text)

    lower = [node for node in graph.node if name.search(node.name)]
    made_below = {output for node in lower for output in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    copied = {}

    def source_of(text: str) -> str:
        """Where the copy of a node that reads `text` reads."""
        if text.startswith(below):
            return top + text.removeprefix(below)
        if text in made_below:
            return raised(text)
        if text in weights:
            copied[text] = copy_of(weights[text], name=f"{text}_upper")
            return f"{text}_upper"
        return text

    # The embeddings' output is quantised for the first layer; the top of the lower half has to be, too.
    quantize = next(node for node in graph.node if node.op_type == "DynamicQuantizeLinear" and node.input[0] == below)
    outputs = [top + output.removeprefix(below) for output in quantize.output]
    upper = [copy_of(quantize, name=f"{top}_QuantizeLinear", input=[top], output=outputs)]
    for node in lower:
        inputs, outputs = [source_of(text) for text in node.input], [raised(text) for text in node.output]
        upper.append(copy_of(node, name=raised(node.name), input=inputs, output=outputs))

    head = next(index for index, node in enumerate(graph.node) if "pooler" in node.name)
    after = [
        copy_of(node, input=[raised(text) if text == top else text for text in node.input])
        for node in graph.node[head:]
    ]
    nodes = [*graph.node[:head], *upper, *after]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(copied.values())
    onnx.checker.check_model(model)
    onnx.save(model, out)


def main(source: Path, out: Path) -> None:
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, out / name)
    config = json.loads((source / "config.json").read_text())
    layers = config["num_hidden_layers"]
    (out / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2 * layers}))
    stack_safetensors(source / "model.safetensors", out / "model.safetensors", layers)
    stack_onnx(source / "onnx/model_quantized.onnx", out / "onnx/model_quantized.onnx", layers)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
