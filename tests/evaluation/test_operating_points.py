"""Operating points: what each value of a threshold brings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.encoders.reading import Reading
from router_extproc.evaluation.operating_points import Ask, Case, Point, best_single, halves, key, pareto, swept, values
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelPool, Price
from router_extproc.selectors.cheapest import CheapestOptions
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.value import ValueOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),), max_output_tokens=0)
SMALL = Candidate(ModelPool("small", "s", "s", price=Price(1, 0)))
LARGE = Candidate(ModelPool("large", "l", "l", price=Price(10, 0)))
CHEAPEST = CheapestOptions(quality="q")
VALUE = ValueOptions(quality="q")


def case(small: float, large: float = 0.95, labels: Mapping[str, float] | None = None, *, only: Candidate | None = None) -> Case:
    """A request of a thousand tokens: a thousandth of a dollar in `small`, a hundredth in `large`."""
    choice = Choice(REQUEST, {}, 1000, {}, Reading(), {"small": small, "large": large})
    return Case((only,) if only else (SMALL, LARGE), choice, labels)


CASES = [case(step / 10) for step in range(10)]
"""Small is likely to answer well with 0, 0.1, ... 0.9."""


class TestSweep:
    def test_tells_share_cost_and_quality(self) -> None:
        """At a target of 0.5, small gets five of ten requests."""
        point = next(point for point in swept(CASES, CHEAPEST) if point.value == 0.5)

        assert point.shares == {"small": 0.5, "large": 0.5}
        assert point.cost == pytest.approx(0.5 * 1 + 0.5 * 10)
        assert point.quality == pytest.approx((0.5 + 0.6 + 0.7 + 0.8 + 0.9 + 5 * 0.95) / 10)
        assert point.regret == pytest.approx(0.95 - point.quality)

    def test_of_cost_weights_ends_at_the_cheapest(self) -> None:
        """And begins with the best."""
        points = swept(CASES, VALUE)

        assert points[0].shares == {"large": 1.0}
        assert points[-1].shares == {"small": 1.0}

    def test_counts_what_was_labelled(self) -> None:
        """The quality model chooses; labels say what that brought."""
        wrong = [case(0.9, labels={"small": 0.0, "large": 1.0})] * 4

        point = next(point for point in swept(wrong, CHEAPEST) if point.value == 0.5)

        assert (point.quality, point.regret) == (0.0, 1.0)

    def test_has_no_cost_where_a_price_is_missing(self) -> None:
        """Rather than one that is too low."""
        free = replace(case(0.9), candidates=(Candidate(ModelPool("small", "s", "s")), LARGE))

        assert all(point.cost is None for point in swept([free], CHEAPEST) if "small" in point.shares)

    def test_leaves_out_what_could_not_serve(self) -> None:
        """A request that small cannot serve goes to large at every target."""
        assert all(point.shares == {"large": 1.0} for point in swept([case(0.9, only=LARGE)], CHEAPEST))

    def test_tells_after_each_value(self) -> None:
        """For a progress bar."""
        told: list[None] = []
        swept(CASES, CHEAPEST, lambda: told.append(None))

        assert len(told) == len(values(CHEAPEST))

    def test_names_the_option(self) -> None:
        """As the policy spells it."""
        assert (key(CHEAPEST), key(VALUE)) == ("target", "costWeight")


class TestAsk:
    @pytest.mark.parametrize(
        ("ask", "shares"),
        [
            pytest.param(Ask(share=("large", 0.3)), {"small": 0.7, "large": 0.3}, id="share"),
            pytest.param(Ask(share=("large", 0.0)), {"small": 1.0}, id="no share"),
            pytest.param(Ask(share=("large", 1.0)), {"large": 1.0}, id="any share"),
            pytest.param(Ask(budget=4.65), {"small": 0.6, "large": 0.4}, id="budget"),
            pytest.param(Ask(max_regret=0.06), {"small": 0.3, "large": 0.7}, id="regret"),
        ],
    )
    def test_chooses_the_best_that_meets_it(self, ask: Ask, shares: Mapping[str, float]) -> None:
        """The highest share, the best quality, the lowest cost."""
        chosen = ask.chosen(swept(CASES, CHEAPEST))

        assert chosen is not None
        assert chosen.shares == shares

    @pytest.mark.parametrize("ask", [Ask(budget=0.5), Ask(max_regret=-0.5)])
    def test_of_what_cannot_be_had_chooses_nothing(self, ask: Ask) -> None:
        """Rather than the next best."""
        assert ask.chosen(swept(CASES, CHEAPEST)) is None


class TestPareto:
    def test_keeps_what_nothing_beats(self) -> None:
        """Cheapest first."""
        points = [Point(0, {}, 1.0, 0.5, 0), Point(1, {}, 2.0, 0.4, 0), Point(2, {}, 3.0, 0.9, 0), Point(3, {}, None, 1.0, 0)]

        assert [point.value for point in pareto(points)] == [0, 2]


def test_the_best_single_pool_is_best_on_average() -> None:
    """What it cannot serve counts as nothing."""
    assert best_single([case(0.9, 0.8)]) == ("small", 0.9)
    assert best_single([case(0.9, 0.8), case(0.0, 0.8, only=LARGE)]) == ("large", 0.8)


def test_halves_share_no_case() -> None:
    """And lose none."""
    one, other = halves(CASES)

    assert [*one, *other] == [*CASES[::2], *CASES[1::2]]
