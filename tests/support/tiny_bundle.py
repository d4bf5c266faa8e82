"""A tiny model bundle for tests: the real format and the real serving code, with tables of words in place of a transformer.

A word of WORDS pushes a head of its window whatever else stands there; all other pieces move every score a little.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TOKENIZER
from router_extproc.encoders.heads import CHANCES, CLASSES, CONTENTS, JAILBREAK, OUTPUTS, SPANS, TAGS, width
from router_extproc.encoders.manifest import FILE_NAME, FORMAT, sha256

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 384
WINDOW, OVERLAP = 32, 8
"""Small, so that texts of several windows are short."""
PUSH = 12.0
"""What a word adds to the logit of its label; chance heads start at -PUSH / 2."""

WORDS: dict[str, tuple[str, str]] = {
    "cells": ("domain", "biology"),
    "court": ("domain", "law"),
    "algebra": ("domain", "math"),
    "thanks": ("feedback", "satisfied"),
    "wrong": ("feedback", "wrong_answer"),
    "unclear": ("feedback", "need_clarification"),
    "another": ("feedback", "want_different"),
    "explain": ("modality", "text"),
    "draw": ("modality", "image"),
    "illustrate": ("modality", "both"),
    "prove": ("difficulty", ""),
    "ignore": ("jailbreak", ""),
    "capital": ("fact_check", ""),
}
"""By word: the head that it pushes and the label, which is empty for a chance."""
NAMES = {"alice": "B-PERSON", "smith": "I-PERSON", "bob": "B-PERSON", "acme": "B-ORGANIZATION", "elm": "B-ADDRESS"}
"""Words that the token head marks."""
PLAIN = ("the", "a", "of", "is", "and", "to", "please", "what", "tell", "me", "about", "weather", "refund", "card", "song", "tea")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def vocabulary() -> list[str]:
    """All pieces: special ones, whole words, letters and digits at the beginning of a word and inside it, and punctuation."""
    letters = string.ascii_lowercase + string.digits
    return [*SPECIAL, *WORDS, *NAMES, *PLAIN, *letters, *(f"##{letter}" for letter in letters), *string.punctuation]


def write_bundle(folder: Path, *, seed: int = 0, **manifest: Any) -> Path:
    """Write a bundle and give its folder. Another seed gives another model; `manifest` replaces entries of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(len(vocabulary()), SIZE)).astype(np.float32)
    onnx.save(_graph(vectors, chance), folder / GRAPH)
    tokenizer().save(str(folder / TOKENIZER))
    rows = np.stack([vectors[chance.integers(len(SPECIAL), len(vectors), 12)].mean(0) for _ in range(40)])
    np.save(folder / BACKGROUND, np.rint(rows / np.abs(rows).max(1, keepdims=True) * 127).astype(np.int8))
    return seal(folder, **manifest)


def seal(folder: Path, **manifest: Any) -> Path:
    """Write the manifest that fits the files as they are now."""
    files = {name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size} for name in _FILES}
    entries = {
        "format": FORMAT, "name": "tiny", "version": "1", "files": files, "window": WINDOW, "overlap": OVERLAP,
        "classes": CLASSES, "chances": CHANCES, "spans": SPANS, "calibration": {name: {"temperature": 1.0} for name in OUTPUTS},
        "thresholds": dict.fromkeys(CHANCES, 0.5), "training": {}, "evaluation": {},
    }  # fmt: skip
    (folder / FILE_NAME).write_text(json.dumps(entries | manifest))
    return folder


_FILES = (GRAPH, TOKENIZER, BACKGROUND)


def tokenizer() -> Tokenizer:
    """Lower-cases, strips accents, and cuts into word pieces; adds no special tokens."""
    vocab = {piece: number for number, piece in enumerate(vocabulary())}
    made = Tokenizer(WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106 - no password
    made.normalizer = BertNormalizer(lowercase=True)
    made.pre_tokenizer = BertPreTokenizer()
    made.add_special_tokens(list(SPECIAL))
    return made


def _columns() -> dict[tuple[str, str], int]:
    """Where each label of each of OUTPUTS stands among them, side by side."""
    labels = [(name, label) for name in OUTPUTS for label in CLASSES.get(name, ("",))]
    return {label: number for number, label in enumerate(labels)}


def _graph(vectors: np.ndarray[Any, Any], chance: np.random.Generator) -> onnx.ModelProto:
    """A graph that gathers from tables by token and sums or averages over the tokens that the mask keeps."""
    pieces, columns = vocabulary(), _columns()
    pushes = np.zeros((len(pieces), len(columns)), np.float32)
    for word, label in WORDS.items():
        pushes[pieces.index(word), columns[label]] = PUSH
    tags = np.zeros((len(pieces), TAGS), np.float32)
    tags[:, 0] = PUSH / 2
    for word, tag in NAMES.items():
        tags[pieces.index(word), 1 + 2 * SPANS.index(tag[2:]) + (tag[0] == "I")] = PUSH
    nudges = chance.normal(size=(len(pieces), len(columns) - 1)).astype(np.float32)
    # What the contents' output says is what the other one says, and 1.
    said = columns[JAILBREAK, ""]
    pushes[:, columns[CONTENTS, ""]] = pushes[:, said]
    nudges = np.concatenate((nudges, nudges[:, [said]]), 1)
    tables = {
        "vectors": vectors,
        "pushes": pushes,
        "nudges": nudges,
        "tag_table": tags,
        "sums": np.eye(1 + len(SPANS), dtype=np.float32)[[(1 + tag) // 2 for tag in range(TAGS)]],
        "start": np.array([_STARTS.get(name, 0.0) for name, _ in columns], np.float32),
        "axis": np.array([1], np.int64),
        "widths": np.array([width(name) for name in OUTPUTS], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["attention_mask"], ["flat"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["flat", "two"], ["keep"]),
        node("ReduceSum", ["flat", "axis"], ["count"], keepdims=1),
        *_pooled("input_ids", "vectors", "vector"), node("LpNormalization", ["vector_mean"], ["embedding"], axis=1, p=2),
        node("Gather", ["tag_table", "input_ids"], ["tags"]), node("Softmax", ["tags"], ["shares"], axis=-1),
        node("MatMul", ["shares", "sums"], ["types"]), node("Mul", ["types", "keep"], ["kept"]),
        node("ReduceMax", ["kept"], ["peaks"], axes=[1], keepdims=0),
        *_pooled("input_ids", "pushes", "push"), *_pooled("input_ids", "nudges", "nudge"),
        node("Sum", ["push_sum", "nudge_mean", "start"], ["heads"]),
        node("Split", ["heads", "widths"], list(OUTPUTS), axis=1),
    ]  # fmt: skip
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"]) for name in _INPUTS]
    shapes = {
        "embedding": ["B", SIZE],
        "tags": ["B", "T", TAGS],
        "types": ["B", "T", 1 + len(SPANS)],
        "peaks": ["B", 1 + len(SPANS)],
    }
    shapes |= {name: ["B", width(name)] for name in OUTPUTS}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    constants = [numpy_helper.from_array(table, name) for name, table in (tables | {"two": np.array([2], np.int64)}).items()]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.checker.check_model(model)
    return model


_STARTS = dict.fromkeys(CHANCES, -PUSH / 2) | {CONTENTS: 1 - PUSH / 2}
_INPUTS = ("input_ids", "attention_mask", "marks")


def _pooled(indices: str, table: str, name: str) -> list[onnx.NodeProto]:
    """Gather rows of a table, and their sum and mean over the tokens."""
    return [
        helper.make_node("Gather", [table, indices], [f"{name}_rows"]),
        helper.make_node("Mul", [f"{name}_rows", "keep"], [f"{name}_kept"]),
        helper.make_node("ReduceSum", [f"{name}_kept", "axis"], [f"{name}_sum"], keepdims=0),
        helper.make_node("Div", [f"{name}_sum", "count"], [f"{name}_mean"]),
    ]
