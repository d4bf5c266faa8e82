"""`router-extproc calibrate`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from quality_file import write_quality

from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

POLICY = """\
version: 1
pools:
  small: {cluster: s, model: small-model, price: {input: 1, output: 1}}
  large: {cluster: l, model: large-model, price: {input: 10, output: 10}}
default: {candidates: [small, large], select: {type: SELECT}}
signals: {long: {type: context_tokens}}
decisions:
  - {name: first, when: {signal: long, atLeast: 1000}, route: [small, large]}
"""
WORDS = ("weather", "refund", "card", "song", "tea", "prove", "prove algebra", "cells", "court", "draw")


@pytest.fixture
def calibrated(tmp_path: Path, tiny_bundle: Path, cli: Cli) -> Any:
    """Runs the command on a policy with that selector and 40 requests, and gives its result."""
    write_quality(tmp_path / "q.quality", tiny_bundle)

    def call(*options: str, select: str = "cheapest-sufficient, quality: q.quality", **labels: float) -> Any:
        (tmp_path / "policy.yaml").write_text(POLICY.replace("SELECT", select))
        more = {"quality": labels} if labels else {}
        lines = (
            {"id": at, "body": {"model": "auto", "messages": [{"role": "user", "content": f"{WORDS[at % 10]} {at}"}]}, **more}
            for at in range(40)
        )
        (tmp_path / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        source = ("--input", str(tmp_path / "requests.jsonl"))
        return cli("calibrate", tmp_path / "policy.yaml", *source, "--models", tiny_bundle, *options)

    return call


class TestCalibrate:
    def test_keeps_to_a_share(self, calibrated: Any) -> None:
        """And shows what it is on requests that it was not chosen on."""
        result = calibrated("--target-share", "large=30%", "--json")
        told = json.loads(result.stdout)

        assert result.exit_code == Exit.OK
        assert told["option"] == "target"
        assert 0 < told["chosen"]["shares"]["large"] <= 0.3
        assert told["held_out"]["value"] == told["chosen"]["value"]
        assert told["requests"] == 40

    def test_keeps_to_a_budget(self, calibrated: Any) -> None:
        """By the weight of cost, where that is what the selector has."""
        result = calibrated("--budget", "2usd/1000req", "--json", select="best-value, quality: q.quality")
        told = json.loads(result.stdout)

        assert told["option"] == "costWeight"
        assert told["chosen"]["cost"] <= 2
        costs = [point["cost"] for point in told["pareto"]]
        assert costs == sorted(costs)

    def test_keeps_to_a_regret_by_labels(self, calibrated: Any) -> None:
        """Where both answer equally well, nothing is given up by the cheaper one."""
        told = json.loads(calibrated("--max-regret", "1%", "--json", small=1.0, large=1.0).stdout)

        assert told["labelled"] == 40
        assert told["chosen"]["shares"] == {"small": 1.0}

    def test_tells_people_what_to_write(self, calibrated: Any) -> None:
        """A table, and the line for the policy."""
        result = calibrated("--target-share", "large=50%")

        assert "held-out half" in result.stdout
        assert "quality: q.quality, target: 0." in result.stdout

    def test_draws_the_front(self, calibrated: Any, tmp_path: Path) -> None:
        """As PNG."""
        calibrated("--target-share", "large=50%", "--plot", str(tmp_path / "front.png"))

        assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")

    def test_says_no_where_nothing_will_do(self, calibrated: Any) -> None:
        """By the exit code."""
        result = calibrated("--budget", "0.0001usd/1000req")

        assert result.exit_code == Exit.FINDINGS
        assert "No value meets it" in result.stderr

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            pytest.param((), Exit.USAGE, "exactly one of", id="nothing asked for"),
            pytest.param(("--budget", "1usd/1000req", "--max-regret", "1%"), Exit.USAGE, "exactly one of", id="two things"),
            pytest.param(("--budget", "cheap"), Exit.USAGE, "5usd/1000req", id="no budget"),
            pytest.param(("--target-share", "large=lots"), Exit.USAGE, "large=30%", id="no share"),
            pytest.param(("--target-share", "huge=10%"), Exit.USAGE, "no candidate of default", id="no such pool"),
            pytest.param(("--max-regret", "1%", "--decision", "x"), Exit.USAGE, "first, default", id="no such decision"),
            pytest.param(("--max-regret", "1%", "--decision", "first"), Exit.INPUT, "to calibrate", id="no threshold"),
        ],
    )
    def test_tells_what_is_wrong(self, calibrated: Any, options: tuple[str, ...], code: Exit, message: str) -> None:
        """And how to say it."""
        result = calibrated(*options)

        assert result.exit_code == code
        assert message in result.stderr

    def test_needs_labels_of_every_candidate(self, calibrated: Any) -> None:
        """Half of the truth would be none."""
        result = calibrated("--max-regret", "1%", small=1.0)

        assert result.exit_code == Exit.INPUT
        assert "requests.jsonl:1: quality tells nothing of large" in result.stderr

    def test_labels_are_chances(self, calibrated: Any) -> None:
        """Another scale would be weighed as it is: it is an error, with its line."""
        result = calibrated("--max-regret", "1%", small=3.0, large=5.0)

        assert result.exit_code == Exit.INPUT
        assert "requests.jsonl:1: " in result.stderr

    @pytest.mark.parametrize("name", ["requests.jsonl", "policy.yaml"])
    def test_a_plot_is_never_drawn_over_what_it_is_made_of(self, calibrated: Any, tmp_path: Path, name: str) -> None:
        """Be it the requests or the policy."""
        result = calibrated("--max-regret", "100%", "--plot", str(tmp_path / name))

        assert result.exit_code == 2
        assert f"{name} is the input, too" in result.stderr
        assert b"PNG" not in (tmp_path / name).read_bytes()

    def test_a_plot_without_matplotlib(self, calibrated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Is told at once, before a request is read: the policy is not looked at, either."""
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        result = calibrated("--max-regret", "100%", "--plot", str(tmp_path / "front.png"), select="no-such-selector")

        assert (result.exit_code, result.stdout) == (Exit.ENVIRONMENT, "")
        assert "pip install 'router-extproc[plots]'" in result.stderr
        assert not (tmp_path / "front.png").exists()

    def test_a_plot_that_cannot_be_written_is_told(self, calibrated: Any, tmp_path: Path) -> None:
        """In one line."""
        result = calibrated("--max-regret", "100%", "--plot", str(tmp_path / "none" / "front.png"))

        assert result.exit_code == Exit.INPUT
        assert "front.png: No such file" in result.stderr
