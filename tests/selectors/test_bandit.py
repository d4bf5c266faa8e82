"""Bandit: what the selector makes of its options, and what it puts on record."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError

from router_extproc.encoders.reading import Reading
from router_extproc.errors import SpecError
from router_extproc.learning.features import features
from router_extproc.learning.ledger import Ledger
from router_extproc.learning.sums import Space, observed
from router_extproc.pools import PoolStatistics
from router_extproc.request import Message, Part, PartKind, Request, Role, Tool
from router_extproc.routing import Candidate, ModelPool, Price
from router_extproc.selectors.bandit import BanditOptions, BanditSelector, build_from
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.services import SelectorServices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.routing import Selection

REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),))
OTHER = np.eye(2, 384, dtype=np.float32)
CALM = {"explore": {"min": 0.0, "max": 0.5}, "halfLife": "never", "implicit": {"feedback": 0.0}, "dimension": 0}
"""Options with which nothing is left to chance, nothing ages and nothing is read."""


def pool(name: str, **more: Any) -> Candidate:
    """A candidate."""
    return Candidate(ModelPool(name, f"pool-{name}", f"model-{name}", **more))


def choice(
    asked: Request = REQUEST, reading: Reading | None = None, statistics: Mapping[str, PoolStatistics] | None = None
) -> Choice:
    """All that a selector may look at."""
    return Choice(asked, {}, 1000, statistics or {}, reading)


def made(*given: Candidate, known: Mapping[str, float] | None = None, **options: Any) -> BanditSelector:
    """A selector after 20 pieces of feedback with these rewards, by pool."""
    read = BanditOptions.model_validate(options)
    space = Space(read.learner, read.dimension, 0.0)
    ledger = Ledger(ttl_s=1.0, most=1)
    for name, reward in (known or {}).items():
        ledger.add((space.key, f"{name}/model-{name}", 0), observed(features(None, read.dimension), reward, 20.0))
    selector = build_from(read, given, SelectorServices(experience=ledger), random.Random(1))
    assert isinstance(selector, BanditSelector)
    return selector


def selected(selector: BanditSelector, *given: Candidate, what: Choice | None = None) -> Selection:
    """Its choice."""
    selection, _ = selector.select(given, what or choice())
    assert selection is not None
    return selection


A, B = pool("a"), pool("b")
KNOWN = {"a": 0.7, "b": 0.9}


class TestChoice:
    def test_takes_what_feedback_shows_to_be_better(self) -> None:
        """With values, chance and lesson on record."""
        found = selected(made(A, B, known=KNOWN, algorithm="linucb", alpha=0.0, **CALM), A, B)

        assert (found.pool.name, found.model, found.selector, found.propensity) == ("b", "model-b", "bandit", 1.0)
        assert found.scores == pytest.approx({"a": 0.69, "b": 0.88}, abs=0.01)
        assert found.lesson is not None
        assert (found.lesson.name, found.lesson.arm, found.lesson.propensity) == ("default", "b/model-b", 1.0)
        assert found.lesson.sound
        assert "hello" not in repr(found.lesson)

    def test_filters_come_first(self) -> None:
        """What cannot serve the request is not tried out either, and the others' chances are 1 in all."""
        good, bad = pool("a"), pool("b", tools=False)
        asked = Request("openai_chat", "auto", REQUEST.messages, tools=(Tool("t"),))

        found = selected(made(good, bad), good, bad, what=choice(asked))

        assert (found.pool.name, found.propensity, dict(found.filtered)) == ("a", 1.0, {"b": "tools"})

    def test_none_is_left(self) -> None:
        """Told as by every selector."""
        bad = pool("a", tools=False)
        asked = Request("openai_chat", "auto", REQUEST.messages, tools=(Tool("t"),))

        assert made(bad).select((bad,), choice(asked)) == (None, {"a": "tools"})

    def test_a_pool_that_serves_another_model_is_another_arm(self) -> None:
        """What was learned of the old one says nothing of it."""
        other = Candidate(ModelPool("b", "pool-b", "model-c"))

        found = selected(made(A, other, known=KNOWN, algorithm="linucb", alpha=0.0, **CALM), A, other)

        assert found.pool.name == "a"
        assert found.scores["b"] == 0.5


class TestOptions:
    """Each option does something."""

    def test_cost_weight(self) -> None:
        """0.2 of quality is worth 1 dollar in 1,000 requests, or it is not."""
        dear, cheap = pool("b", price=Price(1, 1)), pool("a", price=Price(0, 0))

        found = {
            weight: selected(
                made(cheap, dear, known=KNOWN, algorithm="linucb", alpha=0.0, costWeight=weight, **CALM), cheap, dear
            ).pool.name
            for weight in (0.0, 0.1, 0.2)
        }

        assert found == {0.0: "b", 0.1: "b", 0.2: "a"}

    def test_energy_weight(self) -> None:
        """The same for watt-hours."""
        hungry, frugal = pool("b", energy=Price(1000, 1000)), pool("a", energy=Price(0, 0))

        found = {
            weight: selected(
                made(frugal, hungry, known=KNOWN, algorithm="linucb", alpha=0.0, energyWeight=weight, **CALM), frugal, hungry
            )
            for weight in (0.0, 0.2)
        }

        assert [found[0.0].pool.name, found[0.2].pool.name] == ["b", "a"]

    def test_what_no_pool_states_does_not_win(self) -> None:
        """It counts as the dearest that is known."""
        stated, silent = pool("a", price=Price(1, 1)), pool("b")

        found = selected(
            made(stated, silent, known={"a": 0.8, "b": 0.7}, algorithm="linucb", alpha=0.0, costWeight=1.0, **CALM),
            stated,
            silent,
        )

        assert found.pool.name == "a"

    def test_expected_output_tokens(self) -> None:
        """Answers cost as long as they are expected to be; an observed length goes before."""
        dear, cheap = pool("b", price=Price(0, 1)), pool("a", price=Price(0, 0))
        options = {"known": KNOWN, "algorithm": "linucb", "alpha": 0.0, "costWeight": 1.0, **CALM}

        short = made(cheap, dear, expectedOutputTokens=10, **options)
        long = made(cheap, dear, expectedOutputTokens=1000, **options)

        assert selected(short, cheap, dear).pool.name == "b"
        assert selected(long, cheap, dear).pool.name == "a"
        seen = {"b": PoolStatistics(responses=9.0, output_tokens=10.0)}
        assert selected(long, cheap, dear, what=choice(statistics=seen)).pool.name == "b"

    def test_alpha_and_scale(self) -> None:
        """How much the unknown is hoped for."""
        known = {"a": 0.9}
        hopeful = made(A, B, known=known, algorithm="linucb", alpha=2.0, **{**CALM, "explore": {"min": 0.0, "max": 1.0}})
        sober = made(A, B, known=known, algorithm="linucb", alpha=0.1, **CALM)
        wide = made(A, B, known=known, scale=1.0, **{**CALM, "explore": {"min": 0.0, "max": 1.0}})
        narrow = made(A, B, known=known, scale=0.1, **CALM)

        assert [selected(each, A, B).pool.name for each in (hopeful, sober)] == ["b", "a"]
        chances = [_chance(each, "b") for each in (wide, narrow)]
        assert chances[0] > 0.3
        assert chances[1] < 0.01

    def test_explore(self) -> None:
        """Both bounds, exactly."""
        low = made(A, B, known=KNOWN, algorithm="linucb", alpha=0.0, **{**CALM, "explore": {"min": 0.3, "max": 0.5}})
        high = made(A, B, known={"a": 0.5, "b": 0.51}, scale=5.0, **{**CALM, "explore": {"min": 0.0, "max": 0.1}})

        assert _chance(low, "a") == pytest.approx(0.15)
        assert _chance(high, "a") == pytest.approx(0.1)

    def test_prior_chances_and_weight(self) -> None:
        """They lead as far as they weigh."""
        light = made(A, B, known=KNOWN, algorithm="linucb", alpha=0.0, prior={"chances": {"a": 1.0}, "weight": 0.1}, **CALM)
        heavy = made(A, B, known=KNOWN, algorithm="linucb", alpha=0.0, prior={"chances": {"a": 1.0}, "weight": 100.0}, **CALM)

        assert [selected(each, A, B).pool.name for each in (light, heavy)] == ["b", "a"]

    def test_learner_half_life_and_dimension_make_another_state(self) -> None:
        """Nothing that was learned under other conditions is used."""
        changed = ({"learner": "mine"}, {"halfLife": "1d"}, {"dimension": 4})
        lessons = [selected(made(A, B, **{**CALM, **each}), A, B).lesson for each in ({}, *changed)]

        assert len({lesson.space.key for lesson in lessons if lesson is not None}) == 4

    def test_dimension_reads_the_prompt(self) -> None:
        """And makes features of it."""
        selector = made(A, B, dimension=4, implicit={"feedback": 0.0})
        reading = Reading(chances={"difficulty": 1.0}, embedding=OTHER[0])

        found = selected(selector, A, B, what=choice(reading=reading))

        assert selector.reads
        assert not made(A, B, **CALM).reads
        assert not made(A, dimension=4).reads
        assert found.lesson is not None
        assert np.abs(found.lesson.features) == pytest.approx([0.5] * 4 + [1, 1])

    @pytest.mark.parametrize("kind", ["reask", "feedback", "error", "truncation"])
    def test_implicit_weights_go_with_the_lesson(self, kind: str) -> None:
        """And the response is observed where it can teach something."""
        off = {"reask": 0.0, "feedback": 0.0, "error": 0.0, "truncation": 0.0}
        selector = made(A, B, dimension=0, implicit={**off, kind: 0.7})

        lesson = selected(selector, A, B).lesson

        assert lesson is not None
        assert getattr(lesson.weights, kind) == 0.7
        assert sum((lesson.weights.reask, lesson.weights.feedback, lesson.weights.error, lesson.weights.truncation)) == 0.7
        assert selector.observes == (kind in {"error", "truncation"})

    def test_what_the_feedback_head_hears_is_told(self) -> None:
        """If it is sure and could read it, and if anybody wants to know."""
        sure = Reading(classes={"feedback": {"satisfied": 0.1, "wrong_answer": 0.9}}, embedding=OTHER[0])
        unsure = Reading(classes={"feedback": {"satisfied": 0.5, "wrong_answer": 0.5}}, embedding=OTHER[0])
        strange = replace(sure, legible=False)
        deaf = made(A, B, implicit={"feedback": 0.0})
        selector = made(A, B, dimension=0)

        assert selected(selector, A, B, what=choice(reading=sure)).heard == "wrong_answer"
        assert selected(selector, A, B, what=choice(reading=unsure)).heard == ""
        assert selected(selector, A, B, what=choice(reading=strange)).heard == ""
        assert selected(deaf, A, B, what=choice(reading=sure)).heard == ""

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"alpha": 1.0}, "`alpha` has no effect on thompson"),
            ({"algorithm": "linucb", "scale": 1.0}, "`scale` has no effect on linucb"),
            ({"explore": {"min": 0.6, "max": 0.5}}, "`min` is more than `max`"),
            ({"prior": {}}, "a prior comes from a quality model or from chances"),
            ({"prior": {"quality": "q", "chances": {"a": 1.0}}}, "a prior comes from a quality model or from chances"),
            ({"halfLife": "soon"}, "is not a duration"),
            ({"dimension": 65}, "less than or equal to 64"),
            ({"epsilon": 0.1}, "Extra inputs"),
        ],
    )
    def test_what_could_do_nothing_is_an_error(self, options: dict[str, Any], text: str) -> None:
        """With what is wrong."""
        with pytest.raises(ValidationError, match=text):
            BanditOptions.model_validate(options)

    @pytest.mark.parametrize(
        ("options", "path"),
        [
            ({"prior": {"chances": {"c": 0.5}}}, ("prior", "chances", "c")),
            ({"costWeight": 1.0}, ("costWeight",)),
            ({"energyWeight": 1.0}, ("energyWeight",)),
        ],
    )
    def test_what_does_nothing_for_these_candidates_is_one_too(self, options: dict[str, Any], path: tuple[str, ...]) -> None:
        """With its place in the file."""
        with pytest.raises(SpecError) as caught:
            made(A, B, **CALM, **options)

        assert caught.value.path == path


def _chance(selector: BanditSelector, name: str) -> float:
    """With which it takes the candidate of that name, a or b."""
    found = selected(selector, A, B)
    assert found.propensity is not None
    return found.propensity if found.pool.name == name else 1 - found.propensity
