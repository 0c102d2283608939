#!/usr/bin/env python3
"""Make, or check, a static embedding model: one vector per word piece, a text is the mean of its pieces.

Make one file per size, without a network and without a deep-learning framework:

    python3 distill.py --teacher DIR --wordnet DIR --out DIR [--size 128:4 --size 256:4] [--n 60000]

Check a packed file (needs only numpy):

    python3 distill.py --check static-128.bin [--parity parity.json]

How a table is made
-------------------
The teacher is a sentence encoder. Its vector of a sentence depends on the order and the company of the words; the
student's may not, because it only looks up and averages. So the table is the solution of a regression: choose the
vectors of the pieces so that the average over a sentence comes as near as possible to the teacher's vector of it.

1. Targets.    Generic English sentences (dictionary examples and definitions) go through the teacher. Their leading
               principal axes give the D dimensions, ordered by how much they explain, so that every smaller size is a
               prefix of the largest one and the regression is solved once.
2. Prior.      Each piece goes through the teacher alone. Frequent pieces are damped, since they say little about a
               sentence, and one linear map takes all of them to the target space. This gives a sensible vector even to
               pieces that no sentence contains.
3. Correction. A ridge regression moves each piece from its prior towards what the sentences ask of it; pieces that are
               seen often move far, pieces seen rarely hardly. It is solved by conjugate gradients.
4. Packing.    Rows are rounded to 4 or 8 bits with one half-precision scale each. README.md describes the file.

Sources
-------
* Teacher: all-MiniLM-L6-v2 by the sentence-transformers project, Apache-2.0.
* Sentences: Princeton WordNet 3.0, WordNet licence.
* Distilling a sentence encoder into a static table: model2vec (Minish, 2024).
* Damping by frequency, a / (a + p): Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
  embeddings", 2017 (SIF).
* Conjugate gradients: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.
* Tokenisation: Devlin et al., "BERT: Pre-training of deep bidirectional transformers", 2018.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import struct
import sys
import time
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# BERT's uncased vocabulary: ids below 999 are [PAD], [UNK], [CLS], ... and unused slots; single characters follow; the
# words start with "the" at 1996 and are sorted by falling frequency, more or less.
FIRST_ID = 999
FIRST_WORD_ID = 1996

# ------------------------------------------------------------------------------------------------- the packed file


@dataclass
class PackedModel:
    """A quantised table with its vocabulary, as it stands in a file."""

    MAGIC = b"STEM"
    VERSION = 1
    HEADER = struct.Struct("<4sHHBBHIII")

    name: str
    bits: int
    first_id: int
    pieces: list[str]
    codes: np.ndarray  # int8, one row per id from first_id on
    scales: np.ndarray  # float16, one per row

    @classmethod
    def quantise(cls, name: str, bits: int, first_id: int, pieces: list[str], table: np.ndarray) -> PackedModel:
        """Rounds a table of one row per piece; the rows below first_id are left out."""
        top = (1 << (bits - 1)) - 1
        rows = table[first_id:]
        scales = (np.abs(rows).max(axis=1) / top).astype(np.float16)
        # Divide by the scale that is stored, not by the exact one, so that its rounding is absorbed by the codes.
        divisor = np.where(scales > 0, scales.astype(np.float32), np.inf)
        codes = np.clip(np.rint(rows / divisor[:, None]), -top, top).astype(np.int8)
        return cls(name, bits, first_id, pieces, codes, scales)

    def to_bytes(self) -> bytes:
        """The file's content."""
        rows, dimensions = self.codes.shape
        if self.bits not in (4, 8) or dimensions * self.bits % 8:
            raise ValueError(f"{dimensions} dimensions at {self.bits} bits cannot be packed")
        if rows != len(self.pieces) - self.first_id or len(self.scales) != rows:
            raise ValueError("the table and the vocabulary do not fit together")
        name, vocabulary = self.name.encode(), "\n".join(self.pieces).encode()
        header = self.HEADER.pack(self.MAGIC, self.VERSION, dimensions, self.bits, 0, len(name),
                                  len(self.pieces), self.first_id, len(vocabulary))
        if self.bits == 8:
            body = self.codes.tobytes()
        else:
            nibbles = (self.codes + 8).astype(np.uint8)
            body = (nibbles[:, 0::2] | nibbles[:, 1::2] << 4).tobytes()
        content = header + name + vocabulary + body + self.scales.astype("<f2").tobytes()
        return content + struct.pack("<I", zlib.crc32(content))

    @classmethod
    def from_bytes(cls, data: bytes) -> PackedModel:
        """Reads a file's content; ValueError if it is not a model, or damaged."""
        if len(data) < cls.HEADER.size + 4 or data[:4] != cls.MAGIC:
            raise ValueError("not a packed model")
        (stored,) = struct.unpack("<I", data[-4:])
        actual = zlib.crc32(data[:-4])
        if stored != actual:
            raise ValueError(f"checksum mismatch: {stored:08x} is stored, {actual:08x} computed")
        _, version, dimensions, bits, zero, name_len, count, first_id, vocab_bytes = cls.HEADER.unpack_from(data)
        if version != cls.VERSION or zero != 0 or bits not in (4, 8) or dimensions * bits % 8 or first_id > count:
            raise ValueError("a version or shape that this script does not know")
        rows, width = count - first_id, dimensions * bits // 8
        ends = np.cumsum([cls.HEADER.size, name_len, vocab_bytes, rows * width, rows * 2, 4]).tolist()
        if ends[-1] != len(data):
            raise ValueError(f"{len(data)} bytes where the header asks for {ends[-1]}")
        name, vocabulary, body, scales = (data[start:end] for start, end in zip(ends, ends[1:-1]))
        pieces = vocabulary.decode().split("\n")
        if len(pieces) != count:
            raise ValueError(f"{len(pieces)} pieces where the header asks for {count}")
        if bits == 8:
            codes = np.frombuffer(body, np.int8).reshape(rows, width)
        else:
            packed = np.frombuffer(body, np.uint8).reshape(rows, width)
            codes = np.stack([packed & 15, packed >> 4], axis=2).reshape(rows, dimensions).astype(np.int8) - 8
        return cls(name.decode(), bits, first_id, pieces, codes, np.frombuffer(scales, "<f2"))

    def table(self) -> np.ndarray:
        """The vectors of all pieces, float32; zero below first_id."""
        rows = self.codes.astype(np.float32) * self.scales.astype(np.float32)[:, None]
        return np.concatenate([np.zeros((self.first_id, rows.shape[1]), np.float32), rows])


# ------------------------------------------------------------------------------------------------- the encoder


class Encoder:
    """Encodes texts with a packed model. The reference for ports; written for clarity, not for speed."""

    LONGEST_WORD = 100
    IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
                  (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))

    def __init__(self, model: PackedModel) -> None:
        self.first_id = model.first_id
        self.ids = {piece: i for i, piece in enumerate(model.pieces)}
        self.table = model.table()

    def embed(self, text: str) -> np.ndarray:
        """The unit vector of a text; zero if no piece of it carries a vector."""
        ids = self.pieces(text)
        mean = self.table[ids].mean(axis=0) if ids else np.zeros(self.table.shape[1], np.float32)
        length = float(np.linalg.norm(mean))
        return mean / length if length > 0 else mean

    def pieces(self, text: str) -> list[int]:
        """The ids of the text's pieces that carry a vector, in order."""
        return [i for word in self.words(text) for i in self.split(word) if i >= self.first_id]

    @classmethod
    def words(cls, text: str) -> list[str]:
        """Basic tokenisation: clean, isolate ideographs, drop accents, lower-case, isolate punctuation."""
        out = []
        for char in unicodedata.normalize("NFD", "".join(cls._cleaned(text))):
            if unicodedata.category(char) == "Mn":
                continue
            # One character at a time: the lower case of a capital sigma does not depend on its place.
            low = char.lower()
            out.append(f" {low} " if cls._is_punctuation(low) else low)
        return "".join(out).split()

    @classmethod
    def _cleaned(cls, text: str) -> Iterator[str]:
        for char in text:
            if char in "\t\n\r":
                yield " "
            elif char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs"):
                continue
            elif char.isspace():
                yield " "
            elif any(low <= ord(char) <= high for low, high in cls.IDEOGRAPHS):
                yield f" {char} "
            else:
                yield char

    @staticmethod
    def _is_punctuation(char: str) -> bool:
        ascii_symbol = len(char) == 1 and "!" <= char <= "~" and not char.isalnum()
        return ascii_symbol or (len(char) == 1 and unicodedata.category(char)[0] == "P")

    def split(self, word: str) -> list[int]:
        """WordPiece: the longest known prefix, then the longest known continuation, and so on; all or nothing."""
        unknown = [self.ids["[UNK]"]]
        if len(word) > self.LONGEST_WORD:
            return unknown
        found, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is not None:
                    found.append(piece)
                    start = end
                    break
            else:
                return unknown
        return found


# ------------------------------------------------------------------------------------------------- the teacher


class Teacher:
    """A BERT sentence encoder with mean pooling, run by ONNX Runtime on a graph built from the plain weights.

    A batch holds sequences of one length only. So there is no padding, and neither the graph nor the pooling needs a
    mask.
    """

    LONGEST_SEQUENCE = 256

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        config = json.loads((folder / "config.json").read_text())
        weights = {name: array.astype(np.float32) if array.dtype.kind == "f" else array
                   for name, array in load_file(folder / "model.safetensors").items()}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(teacher_graph(weights, config), options,
                                                    providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.LONGEST_SEQUENCE)
        self.dimensions: int = config["hidden_size"]
        self.vocabulary = [self.tokenizer.id_to_token(i) for i in range(self.tokenizer.get_vocab_size())]

    def pooled(self, sequences: np.ndarray, batch: int) -> np.ndarray:
        """Mean hidden state of each row of ids."""
        parts = [self.session.run(None, {"ids": sequences[i:i + batch]})[0] for i in range(0, len(sequences), batch)]
        return np.concatenate(parts)

    def lone_pieces(self) -> np.ndarray:
        """The vector of every piece of the vocabulary on its own, between the two markers."""
        ids = np.arange(len(self.vocabulary), dtype=np.int64)
        start, end = (np.full_like(ids, self.tokenizer.token_to_id(marker)) for marker in ("[CLS]", "[SEP]"))
        return self.pooled(np.stack([start, ids, end], axis=1), batch=512)

    def sentences(self, texts: list[str]) -> np.ndarray:
        """The unit vector of each text."""
        by_length = defaultdict(list)
        encoded = [e.ids for e in self.tokenizer.encode_batch(texts)]
        for i, ids in enumerate(encoded):
            by_length[len(ids)].append(i)
        out = np.empty((len(texts), self.dimensions), np.float32)
        for length, members in sorted(by_length.items()):
            batch = max(1, 2048 // length)
            out[members] = self.pooled(np.array([encoded[i] for i in members], np.int64), batch)
        return unit_rows(out)

    def bags(self, texts: list[str]):
        """Sparse matrix that averages a table over the pieces of each text: bags @ table."""
        import scipy.sparse

        encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        kept = [[i for i in e.ids if i >= FIRST_ID] for e in encoded]
        ends = np.cumsum([0] + [len(ids) for ids in kept])
        values = np.concatenate([np.full(len(ids), 1 / max(len(ids), 1), np.float32) for ids in kept])
        columns = np.concatenate([np.array(ids, np.int64) for ids in kept])
        matrix = scipy.sparse.csr_matrix((values, columns, ends), shape=(len(texts), len(self.vocabulary)))
        matrix.sum_duplicates()
        return matrix


def teacher_graph(weights: dict[str, np.ndarray], config: dict) -> bytes:
    """The encoder of a BERT checkpoint as an ONNX model: ids [batch, length] -> mean hidden state [batch, hidden]."""
    from onnx import TensorProto, checker, helper, numpy_helper

    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    width = hidden // heads
    nodes, constants, serial = [], {}, iter(range(1 << 30))

    def constant(array: np.ndarray) -> str:
        name = f"c{next(serial)}"
        constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(kind: str, *inputs: str, outputs: int = 1, **attributes) -> str | list[str]:
        names = [f"t{next(serial)}" for _ in range(outputs)]
        nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def dense(x: str, *layers: str) -> str:
        """One product for one or more linear layers that share their input, side by side."""
        kernel = np.concatenate([weights[f"{layer}.weight"].T for layer in layers], axis=1)
        bias = np.concatenate([weights[f"{layer}.bias"] for layer in layers])
        return node("Add", node("MatMul", x, constant(kernel)), constant(bias))

    def normalised(x: str, layer: str) -> str:
        gain, bias = constant(weights[f"{layer}.weight"]), constant(weights[f"{layer}.bias"])
        return node("LayerNormalization", x, gain, bias, axis=-1, epsilon=config["layer_norm_eps"])

    split_heads = constant(np.array([0, 0, heads, width], np.int64))
    join_heads = constant(np.array([0, 0, hidden], np.int64))
    sqrt_scale = constant(np.array(width ** -0.5, np.float32))

    def attention(x: str, block: str) -> str:
        joint = dense(x, *(f"{block}.attention.self.{part}" for part in ("query", "key", "value")))
        query, key, value = (node("Reshape", part, split_heads)
                             for part in node("Split", joint, outputs=3, axis=-1, num_outputs=3))
        query, value = (node("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        key = node("Transpose", key, perm=[0, 2, 3, 1])
        shares = node("Softmax", node("Mul", node("MatMul", query, key), sqrt_scale), axis=-1)
        mixed = node("Transpose", node("MatMul", shares, value), perm=[0, 2, 1, 3])
        return dense(node("Reshape", mixed, join_heads), f"{block}.attention.output.dense")

    # Every token is of type 0, so its type vector can be folded into the positions.
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = node("Shape", "ids", start=1, end=2)
    here = node("Slice", constant(positions), constant(np.array([0], np.int64)), length)
    words = node("Gather", constant(weights["embeddings.word_embeddings.weight"]), "ids")
    x = normalised(node("Add", words, here), "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        block = f"encoder.layer.{i}"
        x = normalised(node("Add", attention(x, block), x), f"{block}.attention.output.LayerNorm")
        wide = node("Gelu", dense(x, f"{block}.intermediate.dense"))
        x = normalised(node("Add", dense(wide, f"{block}.output.dense"), x), f"{block}.output.LayerNorm")
    mean = node("ReduceMean", x, constant(np.array([1], np.int64)), keepdims=0)

    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])
    out = helper.make_tensor_value_info(mean, TensorProto.FLOAT, ["batch", hidden])
    graph = helper.make_graph(nodes, "teacher", [ids], [out], list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


# ------------------------------------------------------------------------------------------------- the sentences


def wordnet_sentences(folder: Path) -> tuple[list[str], list[str]]:
    """Usage examples, and definitions with their word in front, from WordNet's data files; sorted, none twice."""
    examples, definitions = set(), set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text(encoding="utf-8", errors="ignore").splitlines():
            synset, bar, gloss = line.partition(" | ")
            if not bar or line.startswith(" "):  # the licence at the top of each file is indented
                continue
            # A gloss is: definition; "example"; "example"
            unquoted, *rest = gloss.split('"')
            word = re.sub(r"\(\w+\)$", "", synset.split(" ")[4]).replace("_", " ")
            definitions.add(f"{word}: {unquoted.strip(' ;')}")
            examples.update(quote.strip() for quote in rest[::2] if len(quote) > 12)
    return sorted(examples), sorted(definitions)


def training_sentences(wordnet: Path, extra: Path | None, n: int, seed: int) -> list[str]:
    """At most n sentences: up to a tenth from the extra file, up to half examples, definitions for the rest."""
    dice = random.Random(seed)
    examples, definitions = wordnet_sentences(wordnet)
    lines = extra.read_text(encoding="utf-8").splitlines() if extra else []
    own = [line.strip() for line in lines if line.strip()]
    for group in (own, examples, definitions):
        dice.shuffle(group)
    chosen = own[:n // 10] + examples[:n // 2]
    chosen += definitions[:n - len(chosen)]
    dice.shuffle(chosen)
    return chosen


# ------------------------------------------------------------------------------------------------- the regression


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """The rows at length 1; rows of zeros stay."""
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)


def principal_axes(targets: np.ndarray, dimensions: int) -> np.ndarray:
    """The leading axes of the targets as columns. Not centred: cosines are taken about the origin."""
    _, vectors = np.linalg.eigh(targets.T @ targets)
    axes = vectors[:, ::-1][:, :dimensions]
    # An axis may point either way; settle it, so that two runs agree.
    return axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dimensions)])


def zipf_probabilities(count: int) -> np.ndarray:
    """Estimated frequency of each piece from its place in the vocabulary (Zipf); single characters count as rare."""
    rank = np.arange(count) - (FIRST_WORD_ID - 1.0)
    rank[:FIRST_WORD_ID] = 2000
    return (1 / rank) / (1 / rank).sum()


def prior_rows(alone: np.ndarray, bags, targets: np.ndarray, damping: float = 1e-4, ridge: float = 0.01) -> np.ndarray:
    """Step 2: the pieces' own vectors, centred, damped by frequency, and mapped linearly to the target space."""
    rows = alone - alone[FIRST_ID:].mean(axis=0)
    rows *= (damping / (damping + zipf_probabilities(len(rows))))[:, None]
    rows[:FIRST_ID] = 0
    means = bags @ rows
    gram = means.T @ means
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
    return (rows @ np.linalg.solve(gram, means.T @ targets)).astype(np.float32)


def conjugate_gradient(apply: Callable[[np.ndarray], np.ndarray], right: np.ndarray, steps: int) -> np.ndarray:
    """Solves apply(X) = right for a symmetric positive definite operator, every column on its own, from X = 0."""
    x = np.zeros_like(right)
    residual, direction = right.copy(), right.copy()
    energy = (residual ** 2).sum(axis=0)
    for _ in range(steps):
        image = apply(direction)
        step = energy / np.maximum((direction * image).sum(axis=0), 1e-12)
        x += step * direction
        residual -= step * image
        energy, before = (residual ** 2).sum(axis=0), energy
        direction = residual + energy / np.maximum(before, 1e-20) * direction
    return x


def fitted_table(alone: np.ndarray, bags, targets: np.ndarray, ridge: float = 0.1, steps: int = 40) -> np.ndarray:
    """Steps 2 and 3: the table whose averages over the sentences are nearest to the targets.

    With B the bags, T the targets and P the prior, the correction C minimises |B (P + C) - T|^2 + ridge |C|^2.
    """
    prior = prior_rows(alone, bags, targets)
    transposed = bags.T.tocsr()
    error = transposed @ (targets - bags @ prior)
    table = prior + conjugate_gradient(lambda c: transposed @ (bags @ c) + ridge * c, error, steps)
    table[:FIRST_ID] = 0
    return table


def agreement(student: np.ndarray, targets: np.ndarray, axes: np.ndarray, pairs: int = 20000) -> tuple[float, float]:
    """On unseen sentences: mean cosine to the projected target, and rank correlation of pair similarities."""
    from scipy.stats import spearmanr

    student = unit_rows(student)
    cosine = float((student * unit_rows(targets @ axes)).sum(axis=1).mean())
    left, right = np.random.default_rng(0).integers(len(student), size=(2, pairs))
    left, right = left[left != right], right[left != right]
    ours, theirs = ((v[left] * v[right]).sum(axis=1) for v in (student, targets))
    return cosine, float(spearmanr(ours, theirs).statistic)


# ------------------------------------------------------------------------------------------------- the commands


def model_name(dimensions: int, bits: int) -> str:
    """What a model of this size is called; its file carries the name without the project's."""
    return f"static-{dimensions}" + ("" if bits == 4 else f"-int{bits}")


def make(options: argparse.Namespace) -> None:
    """Makes one packed file per size."""
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    teacher = Teacher(options.teacher, options.threads)
    alone = teacher.lone_pieces()
    report(f"{len(alone)} pieces encoded")
    texts = training_sentences(options.wordnet, options.text, options.n, options.seed)
    bags, targets = teacher.bags(texts), teacher.sentences(texts)
    report(f"{len(texts)} sentences encoded")

    usable = np.diff(bags.indptr) > 0
    held_out = np.arange(len(texts)) % 20 == 0
    train, unseen = usable & ~held_out, usable & held_out
    axes = principal_axes(targets[train], max(dimensions for dimensions, _ in options.size))
    table = fitted_table(alone, bags[train], targets[train] @ axes)
    report(f"table fitted on {train.sum()} sentences")

    options.out.mkdir(parents=True, exist_ok=True)
    for dimensions, bits in options.size:
        name = model_name(dimensions, bits)
        model = PackedModel.quantise(f"stratamem-{name}", bits, FIRST_ID, teacher.vocabulary, table[:, :dimensions])
        data = model.to_bytes()
        path = options.out / f"{name}.bin"
        path.write_bytes(data)
        cosine, rank = agreement(bags[unseen] @ model.table(), targets[unseen], axes[:, :dimensions])
        report(f"{path}: {len(data)} bytes; {unseen.sum()} unseen sentences: cosine to the teacher {cosine:.4f}, "
               f"rank correlation of similarities {rank:.4f}")


EXAMPLE_PAIRS = [
    ("The cat sleeps on the sofa.", "A kitten naps on the couch."),
    ("She moved to Berlin for a new job.", "Her career took her to Germany."),
    ("How do I reset my password?", "I forgot my login and cannot sign in."),
    ("The cat sleeps on the sofa.", "Quarterly revenue rose by nine percent."),
    ("How do I reset my password?", "We went hiking in the mountains."),
]


def check(path: Path, parity: Path | None) -> bool:
    """Reads a packed file, prints what is in it and a few cosines, and compares it with parity vectors if given."""
    data = path.read_bytes()
    try:
        model = PackedModel.from_bytes(data)
    except ValueError as error:
        print(f"{path}: {error}")
        return False
    rows, dimensions = model.codes.shape
    print(f"{path}: {model.name}, {rows} of {len(model.pieces)} pieces with {dimensions} dimensions at {model.bits} "
          f"bits, {len(data)} bytes, checksum {zlib.crc32(data[:-4]):08x} matches")
    encoder = Encoder(model)
    for left, right in EXAMPLE_PAIRS:
        print(f"{encoder.embed(left) @ encoder.embed(right):8.3f}  {left} | {right}")
    if parity is None:
        return True
    return matches_parity(encoder, model.name, json.loads(parity.read_text(encoding="utf-8"))["cases"])


def matches_parity(encoder: Encoder, name: str, cases: Iterable[dict], tolerance: float = 1e-4) -> bool:
    """Whether the encoder gives the ids and the leading components of every case."""
    key, worst, failed, count = name.removeprefix("stratamem-"), 0.0, 0, 0
    for case in cases:
        expected = np.array(case[key])
        gap = float(np.abs(encoder.embed(case["text"])[:len(expected)] - expected).max())
        same_ids = encoder.pieces(case["text"]) == case["ids"]
        if not same_ids or gap > tolerance:
            print(f"parity: {case['text']!r}: ids {'agree' if same_ids else 'differ'}, components within {gap:.1e}")
            failed += 1
        worst, count = max(worst, gap), count + 1
    print(f"parity: {count - failed} of {count} cases agree, largest difference {worst:.1e}")
    return failed == 0


def size(text: str) -> tuple[int, int]:
    """DIMENSIONS:BITS"""
    match = re.fullmatch(r"(\d+):([48])", text)
    if not match or not 2 <= int(match[1]) <= 384 or int(match[1]) % 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not DIMENSIONS:BITS, even and at most 384, 4 or 8")
    return int(match[1]), int(match[2])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make or check a static embedding model.")
    parser.add_argument("--check", type=Path, metavar="FILE", help="check this packed file instead of making one")
    parser.add_argument("--parity", type=Path, metavar="FILE", help="with --check: test vectors to compare with")
    parser.add_argument("--teacher", type=Path, metavar="DIR",
                        help="all-MiniLM-L6-v2: config.json, model.safetensors, tokenizer.json")
    parser.add_argument("--wordnet", type=Path, metavar="DIR", help="WordNet: data.noun, data.verb, data.adj, data.adv")
    parser.add_argument("--text", type=Path, metavar="FILE", help="extra training sentences, one a line")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the packed files go")
    parser.add_argument("--size", type=size, action="append", metavar="DIMENSIONS:BITS",
                        help="may be repeated (default: 128:4 and 256:4)")
    parser.add_argument("--n", type=int, default=60000, help="training sentences (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="which sentences, in which order (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="for the teacher (default: %(default)s)")
    options = parser.parse_args()
    if options.check:
        return 0 if check(options.check, options.parity) else 1
    if not (options.teacher and options.wordnet and options.out):
        parser.error("--teacher, --wordnet and --out are needed, or --check")
    options.size = options.size or [(128, 4), (256, 4)]
    make(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
