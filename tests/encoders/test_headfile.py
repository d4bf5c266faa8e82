from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router_extproc.encoders.headfile import packed, read_head
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.softmax import Softmax

if TYPE_CHECKING:
    from pathlib import Path

_MODEL = "a" * 64
_LABELS = ("bug", "question")


@pytest.fixture
def head() -> Softmax:
    """Of two labels over four numbers."""
    chance = np.random.default_rng(0)
    return Softmax(chance.normal(size=(2, 4)).astype(np.float32), chance.normal(size=2).astype(np.float32))


@pytest.fixture
def entries(head: Softmax) -> dict[str, Any]:
    """A head file's content."""
    return json.loads(packed(head, _LABELS, _MODEL, {"accuracy": 0.9}).model_dump_json())


def weights(*numbers: float) -> str:
    """As they stand in the file."""
    return base64.b64encode(np.array(numbers, "<f4").tobytes()).decode()


class TestReadHead:
    def test_gives_what_was_packed(self, tmp_path: Path, head: Softmax) -> None:
        """To the last bit."""
        path = tmp_path / "head.json"
        path.write_text(packed(head, _LABELS, _MODEL, {}).model_dump_json())
        found, labels = read_head(path, _MODEL)

        assert labels == _LABELS
        assert np.array_equal(found.weights, head.weights)
        assert np.array_equal(found.offsets, head.offsets)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            pytest.param({"model": "b" * 64}, "another model bundle", id="another bundle's"),
            pytest.param({"format": 2}, "another model bundle", id="another format"),
            pytest.param({"model": "none"}, "model: ", id="no sum"),
            pytest.param({"labels": ["bug"]}, "labels: ", id="one label"),
            pytest.param({"labels": ["bug", "bug"]}, "labels: .*twice", id="a label twice"),
            pytest.param({"labels": ["bug", "question", "praise"]}, "do not fit", id="more labels than weights"),
            pytest.param({"size": 5}, "do not fit", id="another size"),
            pytest.param({"weights": weights(*[float("nan")] * 10)}, "do not fit", id="weights that are no numbers"),
            pytest.param({"weights": weights(*[float("inf")] * 10)}, "do not fit", id="weights without an end"),
            pytest.param({"weights": weights(1, 2, 3)}, "do not fit", id="too few weights"),
            pytest.param({"weights": ""}, "do not fit", id="no weights"),
            pytest.param({"weights": "!"}, "base64|encoded|alphabet|padding", id="not base64"),
            pytest.param({"weights": "YWJj"}, "buffer size", id="a part of a number"),
            pytest.param({"extra": 1}, "extra: ", id="an unknown entry"),
        ],
    )
    def test_refuses_what_it_cannot_use(self, tmp_path: Path, entries: dict[str, Any], change: dict[str, Any], text: str) -> None:
        """The error names the file, and what to do."""
        path = tmp_path / "head.json"
        path.write_text(json.dumps(entries | change))

        with pytest.raises(BundleError, match=rf"head\.json: .*({text}).*; run `router-extproc train-head` again"):
            read_head(path, _MODEL)

    @pytest.mark.parametrize(
        "data",
        [pytest.param(b"", id="empty"), pytest.param(b'{"format": 1', id="truncated"), pytest.param(b"\xff", id="not UTF-8")],
    )
    def test_refuses_what_is_no_head_file(self, tmp_path: Path, data: bytes) -> None:
        """The whole file is meant then."""
        path = tmp_path / "head.json"
        path.write_bytes(data)

        with pytest.raises(BundleError, match=r"head\.json: the file: Invalid JSON"):
            read_head(path, _MODEL)

    def test_says_that_a_file_is_not_there(self, tmp_path: Path) -> None:
        """By its path."""
        with pytest.raises(BundleError, match=r"head\.json: No such file"):
            read_head(tmp_path / "head.json", _MODEL)
