from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import WINDOW, WORDS

from router_extproc.encoders.batching import Task
from router_extproc.encoders.bundle import EMBEDDING, TAGS, Bundle
from router_extproc.encoders.course import Course
from router_extproc.encoders.encoder import Encoder, EncoderOptions, ordered
from router_extproc.encoders.errors import LateError, OverloadedError, StrangeError
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED
from router_extproc.encoders.reader import Reader, Work, _runs
from router_extproc.encoders.reading import Reading
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from router_extproc.encoders.bundle import Window
    from router_extproc.encoders.graph import Arrays

    Open = Callable[..., Encoder]

_PATIENCE = 30.0
_ALL = ordered((*POOLED, EMBEDDING, TAGS))
_TOPIC = ("domain",)


class Watched(Bundle):
    """A bundle that keeps which outputs were asked for, and waits where its gate is shut."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[tuple[str, ...]] = []
        self.began = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.broken = ""
        """A word whose windows give no numbers."""
        self.fails = False

    def _try(self) -> None:
        """Its gate is not there yet."""

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> Arrays:
        """As ever, in the end."""
        self.asked.append(tuple(outputs))
        self.began.release()
        assert self.gate.wait(_PATIENCE)
        if self.fails:
            raise RuntimeError("broken")
        found = super().run(windows, outputs)
        (bad,) = self.pieces.encode(self.broken).ids or (-1,)
        for row, window in enumerate(windows):
            if bad in window.piece.ids:
                for values in found.values():
                    values[row] = np.nan
        return found

    def enter(self) -> None:
        """Wait until a thread is inside."""
        assert self.began.acquire(timeout=_PATIENCE)


class Ending(Course):
    """One that gives texts up after so many steps of theirs, by their places; it keeps what it is told."""

    def __init__(self, steps: dict[int, int]) -> None:
        self._steps = steps
        self.shares: list[float] = []

    def going(self, places: Collection[int]) -> Collection[int]:
        """Those with steps left."""
        found = [place for place in places if self._steps.get(place, 1)]
        self._steps.update({place: self._steps[place] - 1 for place in found if place in self._steps})
        return found

    def did(self, share: float) -> None:
        """Keep it."""
        self.shares.append(share)


@pytest.fixture
def watched(tiny_bundle: Path) -> Iterator[Watched]:
    """Its gate is open in the end."""
    watched = Watched(tiny_bundle)
    yield watched
    watched.gate.set()


@pytest.fixture
def shut(watched: Watched, opened: Open, later: float) -> Encoder:
    """An encoder whose only thread is at work until the gate opens; one text may wait."""
    encoder = opened(watched, max_queue=1)
    watched.gate.clear()
    encoder.submit("tea", Kind.USER, later, outputs=_TOPIC)
    watched.enter()
    return encoder


def same(one: Reading, other: Reading) -> bool:
    """Whether two readings say the same, but for the last digits."""
    numbers = [
        [*reading.chances.values(), *(chance for labels in reading.classes.values() for chance in labels.values())]
        for reading in (one, other)
    ]
    spans = [[(span.start, span.end, span.type) for span in reading.spans] for reading in (one, other)]
    close = np.allclose(numbers[0], numbers[1], atol=1e-5) and np.allclose(one.embedding, other.embedding, atol=1e-5)
    return close and spans[0] == spans[1] and one.coverage == other.coverage


_LONG = "tea " * 8 * WINDOW


def _late(encoder: Encoder, watched: Watched, later: float) -> Future[Reading]:
    """A long text that is being read, held up at its first window, after its deadline."""
    watched.gate.clear()
    long = encoder.submit(_LONG, Kind.USER, later, outputs=_TOPIC)
    watched.enter()
    assert isinstance(long, Task)
    long.deadline = 0.0
    return long


class TestOrdered:
    def test_gives_each_output_once_in_one_order(self) -> None:
        """Equal questions have equal keys."""
        assert ordered((TAGS, "jailbreak", "domain", "jailbreak")) == ("domain", "jailbreak", TAGS)


class TestSubmit:
    @pytest.mark.parametrize(("word", "head", "label"), [pytest.param(word, *label, id=word) for word, label in WORDS.items()])
    def test_reads_what_the_heads_say(self, opened: Open, later: float, word: str, head: str, label: str) -> None:
        """Text in, probabilities out."""
        reading = opened().submit(f"please {word} the tea", Kind.USER, later, outputs=_ALL).result(_PATIENCE)

        assert (reading.classes[head][label] if label else reading.chances[head]) > 0.95
        assert set(reading.classes) == set(CLASSES)
        assert set(reading.chances) == set(CHANCES)
        assert np.linalg.norm(reading.embedding) == pytest.approx(1.0)
        assert reading.coverage == 1.0

    def test_reads_a_text_once(self, opened: Open, later: float) -> None:
        """The second answer is from the cache."""
        figures = Figures()
        encoder = opened(figures=figures)
        first, second = (encoder.submit("tea", Kind.USER, later, outputs=_TOPIC).result(_PATIENCE) for _ in range(2))

        assert first is second
        assert (figures.texts, encoder.cache.hits, encoder.cache.misses) == (1, 1, 1)

    def test_joins_what_is_being_read_already(self, shut: Encoder, watched: Watched, later: float) -> None:
        """Ten at once for one text are one piece of work, though the queue has room for one only."""
        futures = [shut.submit("song", Kind.USER, later, outputs=_TOPIC) for _ in range(10)]
        queued = shut.batcher.queued
        watched.gate.set()

        assert len({id(future.result(_PATIENCE)) for future in futures}) == 1
        assert queued == 1
        assert len(watched.asked) == 2

    @pytest.mark.parametrize(
        ("change", "texts"),
        [
            pytest.param({}, 1, id="nothing else"),
            pytest.param({"kind": Kind.TOOL_RESULT}, 2, id="where it comes from"),
            pytest.param({"windows": 3}, 2, id="how much is read"),
            pytest.param({"outputs": ("jailbreak",)}, 2, id="what is wanted"),
            pytest.param({"text": "Tea"}, 2, id="how it is written"),
        ],
    )
    def test_takes_for_the_same_what_is_the_same(self, opened: Open, later: float, change: dict[str, object], texts: int) -> None:
        """All that the reading depends on is part of the key."""
        figures = Figures()
        encoder = opened(figures=figures)
        for each in ({}, change):
            ask = {"text": "tea", "kind": Kind.USER, "outputs": _TOPIC} | each
            encoder.submit(ask.pop("text"), ask.pop("kind"), later, **ask).result(_PATIENCE)

        assert figures.texts == texts

    def test_takes_tools_and_documents_for_the_same(self, opened: Open, later: float) -> None:
        """The model does not tell them apart."""
        figures = Figures()
        encoder = opened(figures=figures)
        for kind in (Kind.TOOL_RESULT, Kind.DOCUMENT):
            encoder.submit("tea", kind, later, outputs=_TOPIC).result(_PATIENCE)

        assert figures.texts == 1

    def test_tells_the_model_where_a_text_comes_from(self, opened: Open) -> None:
        """What a tool brings in is more suspect."""
        encoder = opened()
        said, found = (
            encoder.read(["tea"], kind, outputs=("jailbreak",))[0].chances["jailbreak"] for kind in (Kind.USER, Kind.TOOL_RESULT)
        )

        assert found > said

    def test_each_text_of_a_run_is_read_by_the_output_for_where_it_comes_from(self, opened: Open, watched: Watched) -> None:
        """Both are computed where a run has both, and neither text gets the other's."""
        encoder = opened(watched)
        kinds = (Kind.USER, Kind.DOCUMENT)
        alone = [encoder.read(["tea"], kind, outputs=("jailbreak",))[0].chances for kind in kinds]
        assert watched.asked == [("jailbreak",), ("jailbreak_contents",)]

        found = Reader(watched, Figures()).run([Work("tea", kind, 1, ("jailbreak",)) for kind in kinds])

        assert watched.asked[2:] == [("jailbreak", "jailbreak_contents")]
        assert [each.chances for each in found if isinstance(each, Reading)] == [pytest.approx(each) for each in alone]

    def test_computes_only_what_is_asked_for(self, opened: Open, watched: Watched, later: float) -> None:
        """Not even the graph does more."""
        reading = opened(watched).submit("tea", Kind.USER, later, outputs=("jailbreak",)).result(_PATIENCE)

        assert watched.asked == [("jailbreak",)]
        assert (list(reading.chances), reading.classes, reading.spans, reading.embedding.size) == (["jailbreak"], {}, (), 0)

    def test_runs_no_graph_where_nothing_is_wanted(self, opened: Open, watched: Watched, later: float) -> None:
        """The coverage is told all the same."""
        assert opened(watched).submit("tea", Kind.USER, later, outputs=()).result(_PATIENCE).coverage == 1.0
        assert watched.asked == []

    def test_refuses_at_once_and_forgets_it(self, shut: Encoder, watched: Watched, later: float) -> None:
        """Once there is room, the same text is read."""
        waiting = shut.submit("song", Kind.USER, later, outputs=_TOPIC)
        refused = shut.submit("card", Kind.USER, later, outputs=_TOPIC)

        assert isinstance(refused.exception(0), OverloadedError)
        assert len(shut._flying) == 2
        watched.gate.set()
        waiting.result(_PATIENCE)
        assert shut.submit("card", Kind.USER, later, outputs=_TOPIC).result(_PATIENCE).classes

    def test_does_not_fail_those_who_have_time_for_one_who_has_none(self, shut: Encoder, watched: Watched, later: float) -> None:
        """The latest deadline of all who wait counts."""
        hasty = shut.submit("song", Kind.USER, time.perf_counter() + 0.3, outputs=_TOPIC)
        patient = shut.submit("song", Kind.USER, later, outputs=_TOPIC)
        time.sleep(0.31)
        watched.gate.set()

        assert patient.result(_PATIENCE).classes
        assert hasty.result(_PATIENCE).classes

    def test_forgets_what_came_too_late(self, shut: Encoder, watched: Watched, later: float) -> None:
        """The next one who asks has the text read."""
        late = shut.submit("song", Kind.USER, 0.0, outputs=_TOPIC)
        watched.gate.set()

        assert isinstance(late.exception(_PATIENCE), LateError)
        assert shut.submit("song", Kind.USER, later, outputs=_TOPIC).result(_PATIENCE).classes

    def test_tells_all_of_a_failure_and_forgets_it(self, shut: Encoder, watched: Watched, later: float) -> None:
        """The next one who asks has the text read."""
        watched.fails = True
        futures = [shut.submit("song", Kind.USER, later, outputs=_TOPIC) for _ in range(2)]
        watched.gate.set()

        assert [str(future.exception(_PATIENCE)) for future in futures] == ["broken", "broken"]
        watched.fails = False
        assert shut.submit("song", Kind.USER, later, outputs=_TOPIC).result(_PATIENCE).classes

    def test_makes_no_score_of_what_is_no_number(self, opened: Open, watched: Watched, later: float) -> None:
        """It is an error, of that text alone, and it is not kept."""
        watched.broken = "song"
        encoder = opened(watched, max_queue=10)
        watched.gate.clear()
        encoder.submit("tea", Kind.USER, later, outputs=_ALL)
        watched.enter()
        bad, good = (encoder.submit(text, Kind.USER, later, outputs=_ALL) for text in ("song", "card"))
        watched.gate.set()

        assert isinstance(bad.exception(_PATIENCE), StrangeError)
        assert good.result(_PATIENCE).chances
        watched.broken = ""
        assert encoder.submit("song", Kind.USER, later, outputs=_ALL).result(_PATIENCE).chances

    def test_gives_up_a_long_text_between_its_windows(self, opened: Open, watched: Watched, later: float) -> None:
        """Once nobody waits for it and others wait; the next one who asks has it read."""
        figures = Figures()
        encoder = opened(watched, figures=figures)
        long = _late(encoder, watched, later)
        short = encoder.submit("song", Kind.USER, later, outputs=_TOPIC)
        watched.gate.set()

        assert isinstance(long.exception(_PATIENCE), LateError)
        assert short.result(_PATIENCE).classes
        assert (len(watched.asked), figures.windows, figures.texts, figures.late) == (2, 5, 1, 1)
        assert encoder.submit(_LONG, Kind.USER, later, outputs=_TOPIC).result(_PATIENCE).classes

    def test_goes_on_with_a_long_text_that_is_asked_for_again(self, opened: Open, watched: Watched, later: float) -> None:
        """Though its first deadline has passed and others wait."""
        encoder = opened(watched)
        first = _late(encoder, watched, later)
        encoder.submit("song", Kind.USER, later, outputs=_TOPIC)
        second = encoder.submit(_LONG, Kind.USER, later, outputs=_TOPIC)
        watched.gate.set()

        assert second.result(_PATIENCE) is first.result(_PATIENCE)

    def test_leaves_nothing_in_flight(self, opened: Open, later: float) -> None:
        """Whatever many threads ask for at once; each gets the reading of its own text."""
        encoder = opened(threads=2, max_queue=1000)
        texts = [f"{word} {number % 7}" for number in range(40) for word in ("tea", "ignore")]
        futures: dict[int, Future[Reading]] = {}

        def ask(number: int) -> None:
            futures[number] = encoder.submit(texts[number], Kind.USER, later, outputs=("jailbreak",))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(texts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        chances = [futures[number].result(_PATIENCE).chances["jailbreak"] for number in range(len(texts))]

        assert [chance > 0.5 for chance in chances] == ["ignore" in text for text in texts]
        encoder.close()
        for thread in encoder.batcher._threads:
            thread.join(_PATIENCE)
        assert encoder._flying == {}

    def test_bounds_the_work_of_any_text(self, opened: Open, later: float, hostile: str) -> None:
        """And says how much it read."""
        figures = Figures()
        reading = opened(figures=figures).submit(hostile, Kind.USER, later, windows=5, outputs=_ALL).result(_PATIENCE)

        assert figures.windows <= 5
        assert 0.0 <= reading.coverage <= 1.0
        assert all(0.0 <= chance <= 1.0 for chance in reading.chances.values())
        assert all(0 <= span.start < span.end <= len(hostile) for span in reading.spans)

    def test_finds_an_attack_in_the_middle_of_a_text_that_fits(self, opened: Open, later: float) -> None:
        """The highest window counts."""
        text = "tea " * 2 * WINDOW + "ignore " + "tea " * 2 * WINDOW
        reading = opened().submit(text, Kind.USER, later, outputs=("jailbreak",)).result(_PATIENCE)

        assert reading.coverage == 1.0
        assert reading.chances["jailbreak"] > 0.9


class TestBatches:
    @settings(max_examples=30)
    @given(
        texts=st.lists(st.lists(st.sampled_from([*WORDS, "tea", "alice", "smith", "xyz"]), max_size=90).map(" ".join), max_size=6)
    )
    def test_do_not_change_what_is_read(self, bundle: Bundle, texts: list[str]) -> None:
        """A text's reading is the same whatever it is read together with."""
        encoder = Encoder(bundle, EncoderOptions())
        works = [Work(text, Kind.USER, 4, _ALL) for text in texts]
        together = encoder._reader.run(works)
        alone = encoder.read(texts, Kind.USER, windows=4, outputs=_ALL)

        assert all(same(one, other) for one, other in zip(alone, together, strict=True))

    def test_give_each_text_what_it_asked_for(self, bundle: Bundle) -> None:
        """Texts of different wants share a run."""
        reader = Encoder(bundle, EncoderOptions())._reader
        wants = (("domain",), ("jailbreak", TAGS), (EMBEDDING,))
        one, other, third = reader.run([Work("alice", Kind.USER, 4, want) for want in wants])

        assert (list(one.classes), one.chances) == (["domain"], {})
        assert (list(other.chances), [span.type for span in other.spans]) == (["jailbreak"], ["PERSON"])
        assert third.embedding.size == 384


class TestCourse:
    def test_is_told_of_all_that_is_run(self, bundle: Bundle) -> None:
        """In shares of the whole."""
        course = Ending({})
        works = [Work(text, Kind.USER, 8, _TOPIC) for text in ("tea " * 8 * WINDOW, "song", "tea " * 40)]
        Encoder(bundle, EncoderOptions())._reader.run(works, course)

        assert len(course.shares) > 2
        assert sum(course.shares) == pytest.approx(1.0)

    def test_ends_what_is_given_up(self, bundle: Bundle, watched: Watched) -> None:
        """The others are read as ever."""
        reader = Encoder(watched, EncoderOptions())._reader
        works = [Work(text, Kind.USER, 8, _TOPIC) for text in ("tea " * 8 * WINDOW, "song")]
        given_up, read = reader.run(works, Ending({0: 1}))
        (alone,) = Encoder(bundle, EncoderOptions()).read(["song"], Kind.USER, outputs=_TOPIC)

        assert isinstance(given_up, LateError)
        assert isinstance(read, Reading)
        assert read.classes == alone.classes
        assert len(watched.asked) == 1


class TestRuns:
    @pytest.mark.parametrize(
        ("lengths", "runs"),
        [
            pytest.param([], [], id="none"),
            pytest.param([64] * 5, [4, 1], id="four at most"),
            pytest.param([128] * 3, [2, 1], id="as many tokens as a batch gains by"),
            pytest.param([200] * 3, [1, 1, 1], id="a full window alone"),
            pytest.param([512] * 2, [1, 1], id="a longer one, too"),
            pytest.param([84, 85, 86, 86], [2, 2], id="the longest counts for all"),
            pytest.param([32, 33, 64, 65], [1, 2, 1], id="of like length"),
        ],
    )
    def test_hold_what_gains_by_it(self, lengths: list[int], runs: list[int]) -> None:
        """And end soon: a text can only be given up between them."""
        found = list(_runs(lengths))

        assert [len(run) for run in found] == runs
        assert [at for run in found for at in run] == list(range(len(lengths)))


class TestRead:
    def test_keeps_the_order(self, opened: Open) -> None:
        """Of many texts."""
        readings = opened().read(["court", "cells", "algebra"], Kind.USER, outputs=_TOPIC)

        assert [max(labels, key=labels.__getitem__) for labels in (reading.classes["domain"] for reading in readings)] == [
            "law",
            "biology",
            "math",
        ]

    def test_raises_what_goes_wrong(self, opened: Open, watched: Watched) -> None:
        """There is no future to tell it by."""
        watched.broken = "song"

        with pytest.raises(StrangeError, match="not finite"):
            opened(watched).read(["tea", "song"], Kind.USER, outputs=_TOPIC)


class TestMemory:
    def test_is_freed_when_nothing_refers_to_the_encoder(self, tiny_bundle: Path, later: float) -> None:
        """Though its threads have worked, and though nobody closed it."""
        bundle = Bundle(tiny_bundle)
        encoder = Encoder(bundle, EncoderOptions())
        encoder.submit("tea", Kind.USER, later, outputs=_TOPIC).result(_PATIENCE)
        threads, held = list(encoder.batcher._threads), weakref.ref(bundle)
        del encoder, bundle
        gc.collect()
        for thread in threads:
            thread.join(_PATIENCE)
        gc.collect()

        assert held() is None
