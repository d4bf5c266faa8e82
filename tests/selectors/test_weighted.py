"""Weighted: what makes a key, and how the split treats changes of weights and of pools."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router_extproc.request import Caller, Envelope, Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelPool
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.weighted import WeightedOptions, build_from, sticky_key


def candidates(**weights: float) -> tuple[Candidate, ...]:
    """Candidates by name and weight."""
    return tuple(Candidate(ModelPool(name, f"pool-{name}", name), weight) for name, weight in weights.items())


def said(*turns: tuple[Role, str], caller: Caller | None = None, end_user: str = "", conversation_id: str = "") -> Request:
    """A request of these turns."""
    messages = tuple(Message(role, (Part(PartKind.TEXT, text),)) for role, text in turns)
    envelope = Envelope(caller=caller or Caller(), headers={"x-key": "k"})
    return Request("openai_chat", "auto", messages, end_user=end_user, conversation_id=conversation_id, envelope=envelope)


def options(by: str, salt: str = "") -> WeightedOptions:
    """Options as a policy file has them."""
    return WeightedOptions.model_validate({"stickyBy": by, "salt": salt})


def split(weights: dict[str, float], keys: range, *, salt: str = "") -> list[str]:
    """Where each of these sessions goes."""
    given_ = candidates(**weights)
    selector = build_from(options("session", salt), given_, random.Random(1))
    found = [selector.select(given_, Choice(said(conversation_id=str(key)), {}, 1, {}))[0] for key in keys]
    return [selection.pool.name for selection in found if selection is not None]


HELLO = (Role.USER, "hello")


class TestStickyKey:
    @pytest.mark.parametrize(
        ("by", "request_", "key"),
        [
            pytest.param("user", said(HELLO, caller=Caller(user="ann"), end_user="bob"), "ann", id="trusted user first"),
            pytest.param("user", said(HELLO, end_user="bob"), "bob", id="user of the body"),
            pytest.param("user", said(HELLO), "", id="no user"),
            pytest.param("tenant", said(HELLO, caller=Caller(tenant="acme", user="ann")), "acme", id="tenant"),
            pytest.param("tenant", said(HELLO, end_user="bob"), "", id="no tenant"),
            pytest.param("header:x-key", said(HELLO), "k", id="header"),
            pytest.param("header:x-none", said(HELLO), "", id="no header"),
            pytest.param("session", said(HELLO, conversation_id="c1", end_user="bob"), "c1", id="conversation first"),
            pytest.param("session", said(caller=Caller(user="ann"), end_user="bob"), "ann", id="no turns: trusted user"),
            pytest.param("session", said((Role.SYSTEM, "be kind"), end_user="bob"), "bob", id="no user turn: user of the body"),
        ],
    )
    def test_is_what_identifies(self, by: str, request_: Request, key: str) -> None:
        """Trusted headers go before what the body says."""
        assert sticky_key(request_, by) == key

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(said((Role.SYSTEM, "be rude"), HELLO), id="system"),
            pytest.param(said((Role.SYSTEM, "be kind"), (Role.USER, "good day")), id="first turn"),
            pytest.param(said((Role.SYSTEM, "be kind"), HELLO, caller=Caller(user="ann")), id="caller"),
            pytest.param(said((Role.SYSTEM, "be kind"), HELLO, end_user="bob"), id="end user"),
        ],
    )
    def test_tells_sessions_apart(self, other: Request) -> None:
        """By the system prompt, the first user turn and who asks."""
        assert sticky_key(said((Role.SYSTEM, "be kind"), HELLO), "session") != sticky_key(other, "session")

    def test_of_a_session_stays_as_it_goes_on(self) -> None:
        """Later turns repeat how it began."""
        later = said((Role.SYSTEM, "be kind"), HELLO, (Role.ASSISTANT, "hi"), (Role.USER, "more"))

        assert sticky_key(said((Role.SYSTEM, "be kind"), HELLO), "session") == sticky_key(later, "session")

    def test_of_a_session_is_bounded(self) -> None:
        """A long prompt is not hashed whole."""
        assert len(sticky_key(said((Role.SYSTEM, "a" * 10**6), (Role.USER, "b" * 10**6)), "session")) < 10_000


class TestRendezvous:
    KEYS = range(3000)

    def test_is_the_same_in_every_process(self) -> None:
        """Replicas agree, also after an upgrade: these choices must never change."""
        assert "".join(split({"a": 1, "b": 1, "c": 2}, range(24))) == "bbccaccbaccaaacaacccbbcc"

    def test_only_what_the_new_pool_takes_moves(self) -> None:
        """A third of equal weight takes a third, from both, and nothing moves between the old ones."""
        before, after = split({"a": 1, "b": 1}, self.KEYS), split({"a": 1, "b": 1, "c": 1}, self.KEYS)

        moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

        assert {new for _, new in moved} == {"c"}
        assert abs(len(moved) - 1000) < 4 * (3000 * (1 / 3) * (2 / 3)) ** 0.5

    def test_only_what_a_lost_pool_had_moves(self) -> None:
        """A weight of 0 takes a pool out; the others keep what they had."""
        before, after = split({"a": 2, "b": 1, "c": 1}, self.KEYS), split({"a": 2, "b": 1, "c": 0}, self.KEYS)

        assert all(old in {"c", new} for old, new in zip(before, after, strict=True))

    def test_the_order_of_the_policy_does_not_matter(self) -> None:
        """Nor the scale of the weights."""
        assert split({"a": 3, "b": 1}, self.KEYS) == split({"b": 10, "a": 30}, self.KEYS)

    def test_many_pools_share_by_weight(self) -> None:
        """Chi squared of ten pools, below its 99.99th percentile for nine degrees of freedom."""
        weights = {str(number): float(number) for number in range(1, 11)}
        counts = Counter(split(weights, range(6000)))
        expected = {name: 6000 * weight / 55 for name, weight in weights.items()}

        assert sum((counts[name] - expected[name]) ** 2 / expected[name] for name in weights) < 33.72

    @pytest.mark.parametrize(
        "salt",
        [
            pytest.param("s" * 64, id="as long as can be"),
            pytest.param("\u00e9" * 64, id="more bytes than a key may have"),
        ],
    )
    def test_any_salt_will_do(self, salt: str) -> None:
        """That the options let through."""
        assert set(split({"a": 1, "b": 1}, range(100), salt=salt)) == {"a", "b"}

    def test_without_a_key_chance_decides(self) -> None:
        """By weight, not all to one."""
        given_ = candidates(a=3, b=1)
        selector = build_from(options("tenant"), given_, random.Random(5))

        counts = Counter(
            selection.pool.name
            for selection, _ in (selector.select(given_, Choice(said(HELLO), {}, 1, {})) for _ in range(2000))
            if selection is not None
        )

        assert abs(counts["b"] - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5

    @given(
        weights=st.lists(st.floats(0, 1_000_000), min_size=1, max_size=5).filter(any),
        key=st.text(max_size=20),
        by=st.sampled_from(["none", "user"]),
    )
    def test_any_weights_will_do(self, weights: list[float], key: str, by: str) -> None:
        """Also those so small that their share is no number; the chosen one has a weight."""
        given_ = candidates(**{str(index): weight for index, weight in enumerate(weights)})
        selector = build_from(options(by), given_, random.Random(1))

        selection, _ = selector.select(given_, Choice(said(HELLO, end_user=key), {}, 1, {}))

        assert selection is not None
        assert weights[int(selection.pool.name)] > 0


class TestWeightedOptions:
    @pytest.mark.parametrize("by", ["none", "user", "tenant", "session", "header:x-key", "header:x_session_id"])
    def test_take_what_can_be_sticky(self, by: str) -> None:
        """Any header's name, in lower case."""
        assert options(by).sticky_by == by

    @pytest.mark.parametrize(
        "by", ["", "User", "group", "header:", "header:X-Key", "header:a b", "user\n", "header:" + "a" * 129]
    )
    def test_refuse_the_rest(self, by: str) -> None:
        """At load."""
        with pytest.raises(ValidationError):
            options(by)

    @pytest.mark.parametrize("wrong", [{"salt": "s" * 65}, {"salt": 1}, {"sticky_by": "user"}, {"seed": 1}])
    def test_are_closed_and_strict(self, wrong: dict[str, object]) -> None:
        """No other key, no other type, no other spelling."""
        with pytest.raises(ValidationError):
            WeightedOptions.model_validate(wrong)
