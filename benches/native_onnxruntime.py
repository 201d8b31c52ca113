"""The same pairs through onnxruntime without a browser, one thread, to compare `npm run bench` with.

    pip install onnxruntime transformers
    node benches/pairs.mjs b > pairs.json
    python benches/native_onnxruntime.py MODEL pairs.json [PASSES]

MODEL holds tokenizer files and onnx/model_quantized.onnx. Prints the CPU seconds of one run, the minimum of the passes:
one pair at a time, and all pairs as one padded batch. Tokenising counts, as it does in the browser's figures.
"""

import json
import sys
import time
from pathlib import Path

import onnxruntime
from transformers import AutoTokenizer


def main(model: Path, pairs: list[list[str]], passes: int) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model / "onnx/model_quantized.onnx", options, providers=["CPUExecutionProvider"]
    )
    tokenizer = AutoTokenizer.from_pretrained(model)
    names = {entry.name for entry in session.get_inputs()}

    def score(some: list[list[str]]) -> None:
        queries, documents = zip(*some, strict=True)
        tokens = tokenizer(list(queries), list(documents), padding=True, truncation=True, return_tensors="np")
        session.run(None, {name: tokens[name].astype("int64") for name in names})

    ways = {"one pair at a time": 1, "one padded batch": len(pairs)}
    for name, batch in ways.items():
        score(pairs[:batch])
        seconds = []
        for _ in range(passes):
            begun = time.process_time()
            for at in range(0, len(pairs), batch):
                score(pairs[at : at + batch])
            seconds.append(time.process_time() - begun)
        print(f"{name}: {min(seconds):.3f} CPU s")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3]) if len(sys.argv) > 3 else 5)
