"""Profile: filters, weighted scorers and a picker, as an author of a selector puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelPool
from router_extproc.selectors.profile import Highest, Profile
from router_extproc.selectors.selector import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.selectors.selector import Selector

REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),))
CHOICE = Choice(REQUEST, {}, 100, {})


class Table:
    """Scores as a table says."""

    name = "table"

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores
        self.asked: list[list[str]] = []

    def score(self, candidates: Sequence[Candidate], _choice: Choice, /) -> Sequence[float]:
        self.asked.append([candidate.pool.name for candidate in candidates])
        return [self._scores[candidate.pool.name] for candidate in candidates]


class Last:
    """Picks the last."""

    def pick(self, scored: Sequence[tuple[Candidate, float]], _choice: Choice, /) -> Candidate:
        return scored[-1][0]

    def chances(self, scored: Sequence[tuple[Candidate, float]], _choice: Choice, /) -> Sequence[float]:
        """Certain."""
        return [float(index == len(scored) - 1) for index in range(len(scored))]


def candidates(*names: str, **windows: int) -> tuple[Candidate, ...]:
    """Candidates with these names, and these with a window."""
    pools = [ModelPool(name, f"pool-{name}", name, context_window=windows.get(name)) for name in (*names, *windows)]
    return tuple(Candidate(pool) for pool in pools)


def scores_of(selector: Selector, given_: tuple[Candidate, ...]) -> dict[str, float]:
    """The scores that are told."""
    selection, _ = selector.select(given_, CHOICE)
    return dict(selection.scores) if selection else {}


class TestProfile:
    def test_weighs_its_scorers(self) -> None:
        """A weighted mean, so that scores stay in [0, 1] whatever the weights."""
        given_ = candidates("a", "b")
        profile = Profile("p", given_, [(Table({"a": 1.0, "b": 0.0}), 1.0), (Table({"a": 0.2, "b": 1.0}), 3.0)])

        assert scores_of(profile, given_) == pytest.approx({"a": 0.4, "b": 0.75})

    @pytest.mark.parametrize("weights", [(0.0, 0.0), (0.0, 1.0)])
    def test_a_scorer_without_weight_does_not_count(self, weights: tuple[float, float]) -> None:
        """Nor does it divide by 0."""
        given_ = candidates("a", "b")
        profile = Profile("p", given_, [(Table({"a": 1.0, "b": 0.0}), weights[0]), (Table({"a": 0.2, "b": 0.5}), weights[1])])

        assert scores_of(profile, given_) == pytest.approx({"a": 0.2 * weights[1], "b": 0.5 * weights[1]})

    def test_without_scorers_all_are_equal(self) -> None:
        """And the first is taken."""
        given_ = candidates("a", "b")
        selection, _ = Profile("p", given_, []).select(given_, CHOICE)

        assert selection is not None
        assert (selection.pool.name, selection.scores, selection.selector) == ("a", {"a": 1.0, "b": 1.0}, "p")

    def test_scores_only_those_that_fit(self) -> None:
        """A scorer never sees one that cannot serve."""
        table = Table({"a": 0.1, "b": 0.2, "small": 1.0})
        given_ = candidates("a", "b", small=10)

        selection, dropped = Profile("p", given_, [(table, 1.0)]).select(given_, CHOICE)

        assert selection is not None
        assert (selection.pool.name, dropped) == ("b", {"small": "context_window"})
        assert table.asked == [["a", "b"]]

    def test_a_lone_candidate_is_not_scored(self) -> None:
        """There is nothing to weigh; it costs nothing then."""
        table = Table({"a": 0.1})
        given_ = candidates("a")

        assert scores_of(Profile("p", given_, [(table, 1.0)], Last()), given_) == {"a": 1.0}
        assert table.asked == []

    def test_picks_by_its_picker(self) -> None:
        """Which may go against the scores."""
        given_ = candidates("a", "b")
        selection, _ = Profile("p", given_, [(Table({"a": 1.0, "b": 0.0}), 1.0)], Last()).select(given_, CHOICE)

        assert selection is not None
        assert selection.pool.name == "b"

    def test_says_whether_it_learns(self) -> None:
        """Which costs the observation of responses."""
        given_ = candidates("a")

        assert not Profile("p", given_, []).observes
        assert Profile("p", given_, [], observes=True).observes


class TestHighest:
    def test_takes_the_first_of_equals(self) -> None:
        """The policy's order decides, not chance."""
        a, b, c = candidates("a", "b", "c")

        assert Highest().pick([(a, 0.5), (b, 0.9), (c, 0.9)], CHOICE) is b
