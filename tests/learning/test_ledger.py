"""Ledger: nothing is applied twice, nothing is kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from router_extproc.learning import ledger as module
from router_extproc.learning.event import Applied, Event, Part
from router_extproc.learning.feedback import MAX_BATCH, MAX_BYTES, FeedbackError, parse
from router_extproc.learning.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.learning.lesson import Lesson

NOW = 1_800_000_000.0


def weight(ledger: Ledger) -> float:
    """Observations in all."""
    return float(sum(sums[0] for sums in ledger.sums().values()))


class TestLedger:
    def test_applies_once(self, event: Callable[..., Event]) -> None:
        """The same again is a duplicate, another one a conflict; another source counts by itself."""
        ledger = Ledger(ttl_s=60, most=10)

        found = [
            ledger.apply(each)
            for each in (
                event(),
                event(),
                event(reward=0.0),
                event(source="error", reward=0.0),
                event(source="error", reward=0.0),
            )
        ]

        assert found == ["applied", "duplicate", "conflict", "applied", "duplicate"]
        assert weight(ledger) == 2

    def test_a_pair_counts_for_both_or_for_none(self, lesson: Callable[..., Lesson]) -> None:
        """One decision that was told the contrary stops it."""
        ledger = Ledger(ttl_s=60, most=10)

        def pair(first: float) -> Event:
            return Event("pair:a:b", "pair", 0.5, NOW, (Part("a", lesson(), first), Part("b", lesson("large"), 1 - first)))

        assert [ledger.apply(pair(1.0)), ledger.apply(pair(1.0)), ledger.apply(pair(0.0))] == ["applied", "duplicate", "conflict"]
        assert weight(ledger) == 1

    def test_forgets_after_its_time_and_under_pressure(self, lesson: Callable[..., Lesson]) -> None:
        """The oldest first; only the latter is told as evicted."""
        ledger = Ledger(ttl_s=60, most=2)
        for index in range(3):
            ledger.remember(f"a-{index}", lesson(at=NOW + index))

        assert [ledger.find(f"a-{index}", NOW + 3) is not None for index in range(3)] == [False, True, True]
        assert ledger.evicted == 1
        assert ledger.find("a-2", NOW + 62.5) is None
        ledger.remember("b", lesson(at=NOW + 100))
        assert (len(ledger), ledger.evicted) == (1, 1)

    def test_what_a_decision_was_told_lives_as_long_as_it(
        self, event: Callable[..., Event], lesson: Callable[..., Lesson]
    ) -> None:
        """So that no feedback can find the decision and not what it was told."""
        ledger = Ledger(ttl_s=60, most=1)
        ledger.remember("a-1", lesson())
        ledger.apply(event())
        ledger.remember("a-2", lesson())

        assert ledger.find("a-1", NOW) is None

    def test_sums_are_bounded(self, monkeypatch: pytest.MonkeyPatch, event: Callable[..., Event]) -> None:
        """Those that nothing was added to for longest go."""
        monkeypatch.setattr(module, "MAX_SUMS", 2)
        ledger = Ledger(ttl_s=60, most=10)
        for number, pool in enumerate(("small", "large", "small", "huge")):
            ledger.apply(event(f"a-{number}", pool=pool))

        assert {arm for _, arm, _ in ledger.sums()} == {"small/m", "huge/m"}

    def test_a_learner_with_a_short_memory_does_not_cost_another_its_own(
        self, monkeypatch: pytest.MonkeyPatch, event: Callable[..., Event]
    ) -> None:
        """Epochs are numbered by the half-life, and one that never ends is 0: what is old in one space is not so in another."""
        monkeypatch.setattr(module, "MAX_SUMS", 4)
        ledger = Ledger(ttl_s=1e9, most=100)
        ledger.apply(event("a-0", name="for ever"))
        for number in range(1, 20):
            ledger.apply(event(f"a-{number}", half_life_s=1.0, came=NOW + 32 * number))

        kept = sorted(epoch for _, _, epoch in ledger.sums())
        assert kept == [0, int(NOW) // 32 + 18, int(NOW) // 32 + 19]

    def test_one_decision_has_a_bound_too(self, event: Callable[..., Event]) -> None:
        """Of events."""
        ledger = Ledger(ttl_s=60, most=10)
        found = [ledger.apply(event(source=f"pair:a:{index}")) for index in range(module.MAX_SOURCES + 1)]

        assert found[-1] is Applied.CONFLICT
        assert set(found[:-1]) == {Applied.APPLIED}


class TestLesson:
    def test_survives_packing(self, lesson: Callable[..., Lesson]) -> None:
        """What is read is what was written."""
        made = lesson(conversation="c")

        read = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=type(made))

        assert read == made
        assert read.features == pytest.approx([0.5, -0.25, 0.1, 1.0], abs=1e-6)

    @pytest.mark.parametrize("numbers", [b"", b"1234" * 3, b"\x00\x00\xc0\x7f" * 4], ids=["none", "too few", "NaN"])
    def test_an_odd_one_is_not_sound(self, lesson: Callable[..., Lesson], numbers: bytes) -> None:
        """It came from somewhere else."""
        assert lesson().sound
        assert not lesson(numbers=numbers).sound


class TestFeedback:
    @pytest.mark.parametrize(
        ("body", "kind", "rewards"),
        [
            (b'{"id": "a-1", "score": 0.25}', "score", {"a-1": 0.25}),
            (b'{"id": "a-1", "score": 1}', "score", {"a-1": 1.0}),
            (b'{"id": "a-1", "label": "partial"}', "label", {"a-1": 0.5}),
            (b'{"better": "a-1", "worse": "a-2"}', "pair", {"a-1": 1.0, "a-2": 0.0}),
        ],
    )
    def test_has_three_forms(self, body: bytes, kind: str, rewards: dict[str, float]) -> None:
        """Each becomes rewards."""
        (piece,), batch = parse(body)

        assert (piece.kind, piece.rewards(), batch) == (kind, rewards, False)

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (b"", "not feedback"),
            (b"{", "not feedback"),
            (b'"x"', "not feedback"),
            (b"[]", "1 to 1000"),
            (b'{"id": "a-1"}', "write {id, score}"),
            (b'{"score": 1}', "write {id, score}"),
            (b'{"id": "a-1", "score": 1.5}', "<= 1.0"),
            (b'{"id": "a-1", "score": "1"}', "Expected `float"),
            (b'{"id": "a-1", "score": 1, "label": "success"}', "write {id, score}"),
            (b'{"id": "a-1", "label": "superb"}', "`label` is one of success"),
            (b'{"id": "a-1", "better": "a-2", "worse": "a-3"}', "stand alone"),
            (b'{"better": "a-2"}', "two decisions' ids"),
            (b'{"better": "a-2", "worse": "a-2"}', "two decisions' ids"),
            (b'{"id": "a\\n1", "score": 1}', "matching regex"),
            (b'{"id": "a-1", "score": 1, "note": "my prompt"}', "unknown field `note`"),
            (b'{"id": "' + b"a" * 65 + b'", "score": 1}', "length <= 64"),
            (b"[" * 100_000, "not feedback"),
            (b" " * (MAX_BYTES + 1), "larger than"),
            (b"[" + b",".join([b'{"id":"a","score":1}'] * (MAX_BATCH + 1)) + b"]", "1 to 1000"),
        ],
    )
    def test_anything_else_is_told(self, body: bytes, text: str) -> None:
        """With what is wrong."""
        with pytest.raises(FeedbackError, match=r".") as caught:
            parse(body)

        assert text in str(caught.value)
        assert "my prompt" not in str(caught.value)

    def test_a_list_is_a_batch(self) -> None:
        """Also one of one."""
        pieces, batch = parse(b' [{"id": "a-1", "score": 0.5}]')

        assert (len(pieces), batch) == (1, True)
