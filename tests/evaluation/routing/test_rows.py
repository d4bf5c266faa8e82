from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from routing_data import NAMES, rows, written

from router_extproc.encoders.models import Models
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.routing.profiles import ESTIMATES, profiles_for, read_profiles
from router_extproc.evaluation.routing.readings import Readings
from router_extproc.evaluation.routing.rows import Row, read_rows
from router_extproc.evaluation.routing.table import names_of, outcomes_of, priced
from router_extproc.quality.facts import facts_of

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"id": "1", "prompt": "tell me", "scores": {"a": 1.0, "b": None}}


class TestReadRows:
    def test_reads_plain_and_gzipped_lines(self, tmp_path: Path) -> None:
        """The name's ending says which."""
        plain = tmp_path / "it.jsonl"
        plain.write_text(json.dumps(GOOD) + "\n\n")

        assert read_rows(plain) == [Row("1", "tell me", {"a": 1.0, "b": None})]
        assert len(read_rows(written(tmp_path / "it.jsonl.gz", rows(3, "x", 0)))) == 3

    def test_a_step_of_an_agent_is_read_as_the_router_reads_it(self, tmp_path: Path) -> None:
        """The last user turn, without what the harness wrote into it, and the facts of all messages."""
        said = [
            {"role": "user", "content": "<system-reminder>be brief</system-reminder>mend it"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "done"},
        ]
        path = tmp_path / "it.jsonl"
        path.write_text(json.dumps({"id": "1", "messages": said, "scores": {"a": 1.0}}))
        (row,) = read_rows(path)
        table = outcomes_of([row], np.zeros((1, 3), np.float32), profiles_for(["a"], {}))

        assert row.prompt == "mend it"
        assert table.width == 2
        assert table.inputs[0, 3:].tolist() == pytest.approx(facts_of(row.request))
        assert table.inputs[0, -1] == 1

    @pytest.mark.parametrize(
        ("line", "text"),
        [
            pytest.param("{", "it.jsonl:2: ", id="no JSON"),
            pytest.param(json.dumps(GOOD | {"label": 1}), "it.jsonl:2: .*unknown field `label`", id="an unknown key"),
            pytest.param(json.dumps(GOOD | {"prompt": " "}), "it.jsonl:2: `prompt` must have", id="an empty prompt"),
            pytest.param(json.dumps(GOOD | {"scores": {"a": None}}), "it.jsonl:2: `scores` holds no score", id="no score"),
            pytest.param(
                json.dumps(GOOD | {"scores": {"a": 2}}), r"it.jsonl:2: `scores` must be in \[0, 1\]", id="a score above 1"
            ),
            pytest.param(json.dumps(GOOD | {"messages": []}), "it.jsonl:2: .*both `prompt` and `messages`", id="two requests"),
            pytest.param(
                json.dumps({"id": "2", "scores": {"a": 1}, "messages": [{"role": "user", "content": 1}]}),
                "it.jsonl:2: ",
                id="messages that the router refuses",
            ),
            pytest.param(
                json.dumps({"id": "2", "scores": {"a": 1}, "messages": [{"role": "tool", "content": "x"}]}),
                "it.jsonl:2: `prompt` must have 1 to 200000 characters; of `messages` the last user turn",
                id="nobody speaks",
            ),
            pytest.param(json.dumps(GOOD | {"cost": {"a": -1}}), "it.jsonl:2: `cost` must not be negative", id="a negative cost"),
        ],
    )
    def test_says_what_is_wrong_with_a_line(self, tmp_path: Path, line: str, text: str) -> None:
        """With file and line."""
        path = tmp_path / "it.jsonl"
        path.write_text(f"{json.dumps(GOOD)}\n{line}\n")

        with pytest.raises(DataError, match=text):
            read_rows(path)

    def test_says_what_is_wrong_with_a_file(self, tmp_path: Path) -> None:
        """It is not there, not gzipped, or empty."""
        with pytest.raises(DataError, match="No such file"):
            read_rows(tmp_path / "none.jsonl")
        (tmp_path / "it.gz").write_bytes(b"plain")
        with pytest.raises(DataError, match="not gzipped"):
            read_rows(tmp_path / "it.gz")
        (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
        with pytest.raises(DataError, match="has no rows"):
            read_rows(tmp_path / "empty.gz")


class TestProfiles:
    def test_the_estimates_are_whole(self) -> None:
        """Every model of them has a price."""
        known = read_profiles(ESTIMATES)

        assert set(NAMES) <= set(known)
        assert all(profile.price_output is not None for profile in known.values())

    @pytest.mark.parametrize(
        ("text", "wrong"),
        [
            pytest.param("models: [", "not YAML", id="no YAML"),
            pytest.param("models: {a: {prize: [1, 2]}}", "models.a.prize: Extra inputs", id="an unknown key"),
            pytest.param(
                "models: {a: {scores: {mmlu: 70}}}", "models.a.scores.mmlu: .*less than or equal to 1", id="a percentage"
            ),
        ],
    )
    def test_says_what_is_wrong(self, tmp_path: Path, text: str, wrong: str) -> None:
        """With file and place."""
        path = tmp_path / "models.yaml"
        path.write_text(text)

        with pytest.raises(DataError, match=rf"models\.yaml: {wrong}"):
            read_profiles(path)

    def test_unknown_models_get_a_bare_profile(self) -> None:
        """Their name is all that is known."""
        (bare,) = profiles_for(["who"], {})

        assert (bare.name, bare.price_output, dict(bare.scores)) == ("who", None, {})


class TestTable:
    def test_holds_scores_and_costs(self) -> None:
        """Where the data tell costs they count, else the price list does."""
        table = [
            Row("1", "abcd" * 1000, {"gemma-2-9b-it": 1.0, "gpt-4o-2024-05-13": 0.0}, {"gemma-2-9b-it": 0.5}),
            Row("2", "x", {"gemma-2-9b-it": 1.0}),
        ]
        models = profiles_for(names_of(table), read_profiles(ESTIMATES))
        found = outcomes_of(table, np.zeros((2, 3), np.float32), models)
        costed = priced(table, found)

        assert found.scores[0].tolist() == [1.0, 0.0]
        assert np.isnan(found.scores[1, 1])
        assert costed.costs.tolist() == [[0.5, pytest.approx((1000 * 5 + 300 * 15) / 1e6)]]
        assert not costed.estimated

    def test_asks_for_prices(self) -> None:
        """A model without a cost and a price cannot be weighed."""
        table = [Row("1", "x", {"who": 1.0})]
        found = outcomes_of(table, np.zeros((1, 3), np.float32), profiles_for(["who"], {}))

        with pytest.raises(DataError, match="row 1: neither the cost of 'who'"):
            priced(table, found)


class TestReadings:
    def test_are_read_once(self, tiny_bundle: Path, tmp_path: Path) -> None:
        """A second run finds them on disk, under hashes only."""
        encoder = Models(folder=tiny_bundle).encoder()
        seen: list[int] = []
        first = Readings(encoder, tmp_path).inputs(["tell me about cells", "prove algebra", "prove algebra"])
        (file,) = tmp_path.iterdir()
        again = Readings(encoder, tmp_path).inputs(["prove algebra"], seen.append)

        assert first.shape == (3, 385)
        np.testing.assert_array_equal(first[1], again[0])
        assert seen == [1]
        assert b"algebra" not in file.read_bytes()

    def test_a_damaged_file_is_made_anew(self, tiny_bundle: Path, tmp_path: Path) -> None:
        """It is only a cache."""
        encoder = Models(folder=tiny_bundle).encoder()
        Readings(encoder, tmp_path).inputs(["tell me"])
        (file,) = tmp_path.iterdir()
        file.write_bytes(b"damaged")

        assert Readings(encoder, tmp_path).inputs(["tell me"]).shape == (1, 385)
