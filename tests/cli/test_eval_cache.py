"""`router-extproc eval-cache`."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIRS = {
    "paraphrase": [
        ("What is France's capital?", "What is the capital of France?"),
        ("How old is Rome?", "Where is the moon today?"),
    ],
    "lookalike": [("What is France's capital?", "What is Peru's capital?")],
}
ROW = {"id": "1", "a": "What is France's capital?", "b": "What is Peru's capital?"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with both files."""
    (tmp_path / "cache").mkdir()
    for name, pairs in PAIRS.items():
        with gzip.open(tmp_path / "cache" / f"{name}.jsonl.gz", "wt") as lines:
            lines.writelines(
                json.dumps({"id": f"{name}{at}", "a": one, "b": other}) + "\n" for at, (one, other) in enumerate(pairs)
            )
    return tmp_path


class TestEvalCache:
    def test_tells_hits_and_false_hits(self, cli: Callable[..., Any], data: Path, tiny_bundle: Path) -> None:
        """For each threshold and half."""
        answer = cli("eval-cache", "--data", data, "--models", tiny_bundle, "--json")
        assert answer.exit_code == Exit.OK
        rows = [row for row in json.loads(answer.stdout)["rows"] if row["half"] == "all"]
        assert all((row["paraphrases"], row["lookalikes"], row["false_hits"]) == (2, 1, 0) for row in rows)
        assert max(row["hits"] for row in rows) <= 1

    def test_a_missing_file_ends_it(self, cli: Callable[..., Any], tmp_path: Path) -> None:
        """Nothing is skipped."""
        answer = cli("eval-cache", "--data", tmp_path)
        assert answer.exit_code == Exit.INPUT
        assert "paraphrase.jsonl.gz" in answer.stderr

    @pytest.mark.parametrize(
        "damaged",
        [
            pytest.param(gzip.compress(json.dumps(ROW).encode() * 99)[:-12], id="cut off"),
            pytest.param(gzip.compress(json.dumps(ROW).encode())[:12] + b"\xff" * 40, id="corrupt"),
            pytest.param(json.dumps(ROW).encode(), id="not gzipped"),
            pytest.param(gzip.compress(b"\n"), id="no JSON"),
            pytest.param(gzip.compress(b"[]\n"), id="no object"),
            pytest.param(gzip.compress(json.dumps(ROW | {"b": 7}).encode()), id="no text"),
            pytest.param(gzip.compress(b'{"a": "x", "b": "y"}'), id="no id"),
        ],
    )
    def test_a_damaged_file_is_no_answer(self, cli: Callable[..., Any], data: Path, damaged: bytes) -> None:
        """Exit code 1 would say that a wrong answer would be served; the file and the line are told."""
        (data / "cache" / "lookalike.jsonl.gz").write_bytes(damaged)
        answer = cli("eval-cache", "--data", data)

        assert (answer.exit_code, answer.stdout) == (Exit.INPUT, "")
        assert re.search(r"lookalike\.jsonl\.gz:\d+: not ", answer.stderr)
