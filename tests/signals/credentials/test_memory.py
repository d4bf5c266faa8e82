"""What is remembered of conversations, and for how long."""

from __future__ import annotations

import pytest

from router_extproc.signals.credentials.flow import Entry, Origin
from router_extproc.signals.credentials.marks import Mark, mark
from router_extproc.signals.credentials.memory import Memory


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The test's."""
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    """Of three conversations, for ten seconds."""
    return Memory(clock, size=3, ttl_s=10.0)


def secrets() -> dict[Mark, Entry]:
    """One secret."""
    made = mark("AKIAQ7RT2M9XV4LB8ZJD")
    assert made is not None
    return {made: Entry(Origin.SYSTEM, 1.0)}


class TestMemory:
    def test_recalls_what_it_kept(self, memory: Memory) -> None:
        """Of that conversation, and of no other."""
        memory.keep(b"a", secrets())

        assert (memory.recall(b"a"), memory.recall(b"b")) == (secrets(), {})

    def test_forgets_after_a_while(self, memory: Memory, clock: Clock) -> None:
        """Counted from the last time that it was heard of."""
        memory.keep(b"a", secrets())
        clock.now = 9.0
        memory.keep(b"a", secrets())
        clock.now = 18.0
        kept = len(memory)
        clock.now = 19.1

        assert (kept, len(memory), memory.recall(b"a")) == (1, 0, {})

    def test_has_room_for_so_many(self, memory: Memory) -> None:
        """The one that was not heard of for longest goes."""
        for name in (b"a", b"b", b"a", b"c", b"d"):
            memory.keep(name, secrets())

        assert len(memory) == 3
        assert [bool(memory.recall(name)) for name in (b"a", b"b", b"c", b"d")] == [True, False, True, True]

    @pytest.mark.parametrize("name", [b"a", b""])
    def test_keeps_nothing_of_what_has_no_secrets_or_no_name(self, memory: Memory, name: bytes) -> None:
        """Most conversations have none; one without a name would be everybody's."""
        memory.keep(name, {} if name else secrets())

        assert len(memory) == 0
