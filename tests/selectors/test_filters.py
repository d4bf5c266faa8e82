"""Filters: which are asked, at which bound they drop, and what they cost a long conversation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Message, Part, PartKind, Request, Role, Tool
from router_extproc.routing import Candidate, Modality, ModelPool
from router_extproc.selectors.filters import ContextWindow, filters_for, needed
from router_extproc.selectors.registry import SELECTORS
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.services import SelectorServices

EVERYTHING = frozenset(Modality)


def candidate(name: str = "a", weight: float = 1.0, **more: Any) -> Candidate:
    """A candidate whose pool can do everything, unless told otherwise."""
    return Candidate(ModelPool(name, f"pool-{name}", name, **{"modalities": EVERYTHING, **more}), weight)


def request(*kinds: PartKind, **more: Any) -> Request:
    """A request of one turn with these parts."""
    return Request("openai_chat", "auto", (Message(Role.USER, tuple(Part(kind) for kind in kinds)),), **more)


class TestFiltersFor:
    @pytest.mark.parametrize(
        ("given_", "names"),
        [
            pytest.param(candidate(), [], id="can do everything"),
            pytest.param(candidate(weight=0), ["weight"], id="weight 0"),
            pytest.param(candidate(apis=frozenset({"openai_chat"})), ["api"], id="one api"),
            pytest.param(candidate(tools=False), ["tools"], id="no tools"),
            pytest.param(candidate(modalities=EVERYTHING - {Modality.AUDIO}), ["modality"], id="no audio"),
            pytest.param(candidate(context_window=10), ["context_window"], id="window"),
            pytest.param(
                candidate(weight=0, apis=frozenset({"x"}), tools=False, modalities=frozenset(), context_window=1),
                ["weight", "api", "tools", "modality", "context_window"],
                id="all, the cheapest first",
            ),
        ],
    )
    def test_asks_only_what_can_drop_somebody(self, given_: Candidate, names: list[str]) -> None:
        """The rest would cost time in every request."""
        assert [each.name for each in filters_for((candidate("b"), given_))] == names


class TestContextWindow:
    @pytest.mark.parametrize(
        ("pool", "asked", "tokens", "fits"),
        [
            pytest.param({}, None, 10**9, True, id="no window"),
            pytest.param({"context_window": 100}, None, 100, True, id="exactly the prompt"),
            pytest.param({"context_window": 100}, None, 101, False, id="one too many"),
            pytest.param({"context_window": 100}, 40, 60, True, id="exactly with the answer"),
            pytest.param({"context_window": 100}, 41, 60, False, id="answer one too long"),
            pytest.param({"context_window": 100, "max_output_tokens": 40}, 10**9, 60, True, id="answer is bounded by the model"),
            pytest.param({"context_window": 100, "max_output_tokens": 41}, 10**9, 60, False, id="also so one too long"),
            pytest.param({"context_window": 100, "max_output_tokens": 90}, None, 60, True, id="no answer asked for counts none"),
        ],
    )
    def test_holds_prompt_and_answer(self, pool: dict[str, Any], asked: int | None, tokens: int, fits: bool) -> None:  # noqa: FBT001 - a parameter of a table
        """To the token."""
        what = Choice(request(max_output_tokens=asked), {}, tokens, {})

        assert ContextWindow().keeps(candidate(**pool), what) is fits


class TestNeeded:
    @pytest.mark.parametrize(
        ("kinds", "modalities"),
        [
            pytest.param([], set(), id="nothing"),
            pytest.param([PartKind.TEXT, PartKind.TOOL_CALL, PartKind.REASONING, PartKind.OTHER], set(), id="text and such"),
            pytest.param([PartKind.IMAGE, PartKind.TEXT, PartKind.IMAGE], {Modality.IMAGE}, id="images"),
            pytest.param(
                [PartKind.AUDIO, PartKind.FILE, PartKind.IMAGE], {Modality.AUDIO, Modality.FILE, Modality.IMAGE}, id="all three"
            ),
        ],
    )
    def test_is_what_the_parts_are(self, kinds: list[PartKind], modalities: set[Modality]) -> None:
        """Beside text."""
        assert needed(request(*kinds)) == modalities

    def test_looks_through_a_request_once(self) -> None:
        """However many candidates ask: a conversation may have thousands of parts."""
        asked = request(PartKind.IMAGE)

        assert needed(asked) is needed(asked)


class TestEveryFilter:
    @given(
        kind=st.sampled_from([plugin.name for plugin in SELECTORS if plugin.name != "best-value"]),
        pools=st.lists(
            st.fixed_dictionaries(
                {
                    "weight": st.sampled_from([0.0, 1.0, 5.0]),
                    "tools": st.booleans(),
                    "modalities": st.frozensets(st.sampled_from(Modality)),
                    "apis": st.frozensets(st.sampled_from(["openai_chat", "anthropic_messages"])),
                    "context_window": st.none() | st.integers(1, 200),
                    "max_output_tokens": st.none() | st.integers(1, 100),
                }
            ),
            min_size=1,
            max_size=5,
        ),
        kinds=st.lists(st.sampled_from(PartKind), max_size=4),
        tools=st.sampled_from([(), (Tool("t"),)]),
        answer=st.none() | st.integers(1, 300),
        tokens=st.integers(0, 250),
    )
    def test_holds_in_every_selector(
        self,
        kind: str,
        pools: list[dict[str, Any]],
        kinds: list[PartKind],
        tools: tuple[Tool, ...],
        answer: int | None,
        tokens: int,
    ) -> None:
        """The chosen one passes all filters; everybody who does not is told; nobody is chosen only if nobody passes."""
        given_ = tuple(candidate(str(index), **each) for index, each in enumerate(pools))
        what = Choice(request(*kinds, tools=tools, max_output_tokens=answer), {}, tokens, {})
        plugin = SELECTORS[kind]

        deaf = {"implicit": {"feedback": 0.0}} if kind == "bandit" else {}  # needs no model bundle
        selection, dropped = plugin.build(plugin.options(**deaf), given_, SelectorServices()).select(given_, what)

        able = {each.pool.name for each in given_ if serves(each, what)}
        assert set(dropped) == {each.pool.name for each in given_} - able
        assert (selection is None) == (not able)
        if selection is not None:
            assert selection.pool.name in able
            assert set(selection.scores) == able
            assert all(0 <= score <= 1 for score in selection.scores.values())


def serves(each: Candidate, what: Choice) -> bool:
    """Whether a candidate can serve, said once more and otherwise."""
    pool, asked = each.pool, what.request
    kinds = {part.kind.value for message in asked.messages for part in message.parts}
    answer = min(asked.max_output_tokens or 0, pool.max_output_tokens or 10**9)
    return (
        each.weight != 0
        and (len(pool.apis) == 0 or asked.api in pool.apis)
        and (pool.tools or len(asked.tools) == 0)
        and all(
            kind not in kinds or kind in {modality.value for modality in pool.modalities} for kind in ("image", "audio", "file")
        )
        and (pool.context_window is None or what.prompt_tokens + answer <= pool.context_window)
    )
