"""`router-extproc replay`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A hundred decisions of a split, of which half went to each pool."""
    path = tmp_path / "decisions.jsonl"
    rows = [
        {"event": "decision", "id": f"a-{index}", "verdict": "route", "decision": "default", "reason": "default", "policy": "p"}
        | {"api": "openai_chat", "body_bytes": 400, "requested_model": "auto", "selector": "weighted", "propensity": 0.5}
        | {
            "pool": ("small", "large")[index % 2],
            "scores": {"small": 0.5, "large": 0.5},
            "signals": {"code_words": 1.0, "secret": 0.0, "topic": ""},
        }
        for index in range(100)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def feedback(tmp_path: Path) -> Path:
    """The large one is good, the small one is not."""
    path = tmp_path / "feedback.jsonl"
    path.write_text("".join(json.dumps({"id": f"a-{index}", "score": index % 2}) + "\n" for index in range(100)))
    return path


class TestReplay:
    def test_promotes_with_exit_code_0(self, cli: Cli, policy_file: Path, log: Path, feedback: Path) -> None:
        """So that a pipeline can go on."""
        result = cli("replay", "--log", log, "--policy", policy_file, "--feedback", feedback, "--json")

        told = json.loads(result.stdout)
        assert (result.exit_code, told["verdict"]) == (0, "promote")
        assert told["values"]["gain"]["low"] > 0

    def test_is_read_by_people(self, cli: Cli, policy_file: Path, log: Path, feedback: Path) -> None:
        """Who moves where, at what cost, and the verdict."""
        result = cli("replay", "--log", log, "--policy", policy_file, "--feedback", feedback)

        assert "small  large  50.0%" in result.stdout
        assert "a-0 a-2 a-4" in result.stdout
        assert "verdict: promote" in result.stdout

    def test_without_feedback_nothing_is_promoted(self, cli: Cli, policy_file: Path, log: Path) -> None:
        """Exit code 1, and why."""
        result = cli("replay", "--log", log, "--policy", policy_file)

        assert result.exit_code == 1
        assert "verdict: cannot tell: 0 decisions have feedback" in result.stdout

    def test_a_log_that_is_not_there_is_3(self, cli: Cli, policy_file: Path, tmp_path: Path) -> None:
        """As everywhere."""
        assert cli("replay", "--log", tmp_path / "none", "--policy", policy_file).exit_code == 3

    @pytest.mark.parametrize(
        "text", ["", "not json\n", '{"event": "observation", "id": "a"}\n'], ids=["empty", "no JSON", "no decision"]
    )
    def test_a_file_without_decisions_is_3(self, cli: Cli, policy_file: Path, tmp_path: Path, text: str) -> None:
        """It is no decision log, which is something else than a log that cannot tell."""
        (tmp_path / "some").write_text(text)
        result = cli("replay", "--log", tmp_path / "some", "--policy", policy_file)

        assert result.exit_code == 3
        assert "no line is a decision" in result.stderr
