"""Texts beside very many examples, compared off the event loop."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.encoders.errors import LateError, OverloadedError
from router_extproc.encoders.reading import Reading
from router_extproc.routing import Signal, Unknown, UnknownReason
from router_extproc.signals.neural.comparisons import Comparisons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from router_extproc.request import Request
    from router_extproc.routing import Extractor, SignalResult
    from router_extproc.signals.services import SignalServices

    Ask = Callable[..., Request]
    Build = Callable[..., Extractor]
    Extract = Callable[[Extractor, Request], SignalResult]

PATIENCE = 30.0


def exemplars() -> Mapping[str, list[str]]:
    """So many terms that to compare a text with all of them takes longer than is done at once."""
    random = Random(3)
    return {
        group: [f"{word} " + " ".join(f"{word}{random.randrange(10**6)}" for _ in range(90)) for _ in range(350)]
        for group, word in (("drinks", "tea"), ("music", "song"))
    }


def soon() -> float:
    """A deadline that no test waits for."""
    return time.perf_counter() + 60


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their file, in a folder of its own."""
    folder = tmp_path_factory.mktemp("many")
    lines = [json.dumps({"text": text, "group": group}) for group, texts in exemplars().items() for text in texts]
    (folder / "many.jsonl").write_text("\n".join(lines))
    return folder


class TestManyExamples:
    def test_compares_in_another_thread(
        self, build: Build, services: SignalServices, many: Path, ask: Ask, extract: Extract
    ) -> None:
        """Which is told like any other model's work; it says what would be said at once."""
        own = services.for_policy(many)
        extractor: Any = build("knowledge", services=own, file="many.jsonl")
        reading = own.share(()).encoder.read(["the tea"], "user", outputs=("embedding",))[0]  # type: ignore[arg-type]  # a StrEnum's text
        before = own.comparisons.batcher.figures.texts

        told = extract(extractor, ask("the tea"))

        assert told == extractor.judged(reading, "the tea")
        assert isinstance(told, Signal)
        assert sum((told.labels or {}).values()) <= 1 + 1e-6
        assert own.comparisons.batcher.figures.texts == before + 1

    def test_few_examples_are_compared_at_once(self, build: Build, services: SignalServices, ask: Ask, extract: Extract) -> None:
        """A thread costs more than it saves."""
        before = services.comparisons.batcher.figures.texts

        assert isinstance(extract(build("knowledge", file="exemplars.jsonl"), ask("refund please")), Signal)
        assert services.comparisons.batcher.figures.texts == before

    def test_of_no_text_is_unknown(self, build: Build, services: SignalServices, many: Path, ask: Ask, extract: Extract) -> None:
        """Nothing is compared."""
        extractor = build("knowledge", services=services.for_policy(many), file="many.jsonl")

        assert extract(extractor, ask("")) == Unknown("it", UnknownReason.NO_TEXT)

    def test_begins_once_a_request(self, build: Build, services: SignalServices, many: Path, ask: Ask) -> None:
        """However often the router asks how far it is."""
        extractor: Any = build("knowledge", services=services.for_policy(many), file="many.jsonl")
        request = ask("a song")

        (first,) = extractor.begin(request, soon())
        assert extractor.begin(request, soon()) == [first]
        first.result(PATIENCE)  # what is still at work would count among the next test's texts


class TestComparisons:
    def test_judges_in_a_thread_of_its_own(self) -> None:
        """Once the text is read; whoever asked goes on meanwhile."""
        reading: Future[Reading] = Future()
        gate, where = threading.Event(), []

        def judge(_: Reading, text: str) -> Signal:
            gate.wait(PATIENCE)
            where.append(threading.get_ident())
            return Signal(text, 1.0)

        told = Comparisons().submit(reading, "tea", judge, 1, soon())
        reading.set_result(Reading())
        assert not told.done()  # this thread was not held up
        gate.set()

        assert told.result(PATIENCE) == Signal("tea", 1.0)
        assert where != [threading.get_ident()]

    def test_an_unread_text_is_not_judged(self) -> None:
        """It fails with what the reading failed with."""
        reading: Future[Reading] = Future()
        told = Comparisons().submit(reading, "tea", lambda _, text: Signal(text, 1.0), 1, soon())
        reading.set_exception(OverloadedError("full"))

        assert isinstance(told.exception(PATIENCE), OverloadedError)

    def test_a_text_that_was_read_too_late_is_not_judged(self) -> None:
        """Its request was decided without."""
        reading: Future[Reading] = Future()
        reading.set_result(Reading())
        told = Comparisons().submit(reading, "tea", lambda _, text: Signal(text, 1.0), 1, time.perf_counter() - 1)

        assert isinstance(told.exception(PATIENCE), LateError)
