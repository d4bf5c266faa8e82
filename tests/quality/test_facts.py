"""Facts: what a request's shape tells, and which methods make something of it."""

from __future__ import annotations

import numpy as np
import pytest
from agent import asked, call, result, user
from hypothesis import given
from hypothesis import strategies as st
from outcome_makers import MODELS, WIDTH, outcomes, with_facts

from router_extproc.quality import facts
from router_extproc.quality.artifact import packed, unpacked
from router_extproc.quality.errors import QualityError
from router_extproc.quality.facts import FACTS, facts_of
from router_extproc.quality.profile import Query
from router_extproc.quality.training import taught, train
from router_extproc.request import Request


class TestFactsOf:
    def test_tell_how_far_an_agent_has_come(self) -> None:
        """Calls, code, length and whose turn it is; the same words of a person are another thing."""
        asking = facts_of(asked(user("Fix it.")))
        going = facts_of(asked(user("Fix it."), *(call(), result("```def f(): return 1```")) * 3))

        assert (asking[0], asking[1], asking[5]) == (0, 0, 0)
        assert going[5] == 1
        assert all(more > less for more, less in zip(going[:4], asking[:4], strict=True))
        assert going[4] == asking[4]

    def test_of_a_request_without_messages(self) -> None:
        """Nothing is there."""
        assert facts_of(Request("openai_chat", "auto", ())) == (0,) * FACTS

    @given(st.lists(st.text(max_size=300), max_size=8), st.integers(0, 80))
    def test_are_shares(self, texts: list[str], calls: int) -> None:
        """Whatever was said, and however often a tool was called."""
        found = facts_of(asked(*map(user, texts), *(call(), result("x")) * calls))

        assert len(found) == FACTS
        assert all(0 <= fact <= 1 for fact in found)

    def test_stand_after_the_difficulty(self) -> None:
        """One row a request."""
        rows = facts.with_facts(np.ones((2, 4), np.float32), [asked(user("a")), asked(user("b"), call(), result())])

        assert rows.shape == (2, 4 + FACTS)
        assert rows[:, -1].tolist() == [0, 1]


class TestMethods:
    @pytest.mark.parametrize("method", ["blend", "ridge", "mlp", "factors", "pair"])
    def test_learn_what_only_a_fact_tells(self, method: str) -> None:
        """In service and in their file as in a table."""
        predictor = train(method, with_facts(800), with_facts(200, seed=1))
        again, header = unpacked(packed(predictor, "a" * 64, {}))
        rows = outcomes(2).inputs
        told = [
            again.predict(Query(row[:WIDTH], float(row[WIDTH]), (high, 0.4, 0.3, 0.2, 0.2, 0.0)), MODELS[:1])[0]
            for row in rows
            for high in (0.1, 0.9)
        ]

        assert header.facts == FACTS
        assert told[1] > told[0] + 0.2
        assert told[3] > told[2] + 0.2

    @pytest.mark.parametrize("method", ["blend", "ridge", "mlp", "factors"])
    def test_make_nothing_of_a_fact_that_was_the_same_in_all_rows(self, method: str) -> None:
        """A model of plain questions does not go astray on an agent's steps."""
        predictor = train(method, with_facts(300), with_facts(100, seed=1))
        row = outcomes(1).inputs[0]
        said = [predictor.predict(Query(row[:WIDTH], 0.4, (0.5, 0.4, 0.3, 0.2, 0.2, last)), MODELS) for last in (0.0, 1.0)]

        np.testing.assert_allclose(*said, atol=0.01)


class TestPredictor:
    def test_leaves_facts_aside_that_it_does_not_read(self) -> None:
        """So a model without them can learn of more models from a table that has them."""
        predictor, table = train("clusters", outcomes(), outcomes(100, seed=1)), with_facts(100)

        plain = predictor.predict_all(table.inputs[:, : WIDTH + 1], MODELS)
        np.testing.assert_array_equal(predictor.predict_all(table.inputs, MODELS), plain)
        assert taught(predictor, table).facts == 0

    def test_wants_the_facts_that_it_reads(self) -> None:
        """A shorter row would be read wrongly."""
        predictor = train("clusters", with_facts(), with_facts(100, seed=1))
        row = outcomes(1).inputs

        with pytest.raises(QualityError, match="inputs of 13 numbers, where the quality model reads 19"):
            predictor.predict_all(row, MODELS)
        with pytest.raises(QualityError, match="reads 6 facts, not 0"):
            predictor.predict(Query(row[0, :WIDTH], 0.5), MODELS)
