"""State file: whatever moment a process dies at, each piece of feedback is there once; whatever the file holds, the process starts."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest

from router_extproc.learning import state_file
from router_extproc.learning.event import Applied
from router_extproc.learning.experience import Experience
from router_extproc.learning.feedback import Feedback
from router_extproc.learning.state_file import MAGIC, StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router_extproc.learning.lesson import Lesson

NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the state is."""
    return tmp_path / "state" / "learning"


@pytest.fixture
def started(path: Path) -> Iterator[Callable[[], Experience]]:
    """Starts a process's experience on that file; the one before it died if it was not closed."""
    files: list[StateFile] = []

    def start() -> Experience:
        for file in files:
            file._hold.release()
        files.append(StateFile(path))
        return Experience(file=files[-1], clock=lambda: NOW + 1)

    yield start
    for file in files:
        file._hold.release()
        if file._journal is not None:
            file._journal.close()


def weight(experience: Experience) -> float:
    """Observations in all."""
    return float(sum(sums[0] for sums in experience.ledger.sums().values()))


async def told(experience: Experience, *names: str) -> list[str]:
    """What comes of a score for each of these decisions."""
    return [str(each) for each in await experience.tell([Feedback(id=name, score=1.0) for name in names])]


class TestRestart:
    async def test_what_was_acknowledged_is_there_after_a_crash(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """And counts as told: the same again is a duplicate."""
        first = started()
        first.remember("a-1", lesson())
        first.remember("a-2", lesson("large"))
        assert await told(first, "a-1") == ["applied"]

        second = started()

        assert weight(second) == 1
        assert await told(second, "a-1", "a-2", "a-3") == ["duplicate", "applied", "unknown"]
        assert weight(started()) == 2

    async def test_a_snapshot_holds_it_too(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], path: Path
    ) -> None:
        """Old journals are gone, and nothing counts twice."""
        first = started()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        await first.save()
        first.remember("a-2", lesson())
        await told(first, "a-2")

        assert weight(started()) == 2
        assert path.read_bytes().startswith(MAGIC)

    async def test_a_crash_between_snapshot_and_clearing_counts_nothing_twice(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], path: Path
    ) -> None:
        """The journal of before is still there, and is known to be old by its number."""
        first = started()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        journal = next(path.parent.glob("*.journal-0")).read_bytes()
        await first.close()
        (path.parent / "learning.journal-0").write_bytes(journal)

        second = started()

        assert weight(second) == 1
        assert not (path.parent / "learning.journal-0").exists()

    async def test_a_crash_before_the_snapshot_is_there_loses_nothing(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two journals are read then."""
        first = started()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", _full)
            assert first._file is not None
            first._file.begin()
        first.remember("a-2", lesson())
        await told(first, "a-2")

        assert weight(started()) == 2

    @pytest.mark.parametrize("cut", [1, 7, 20])
    async def test_a_torn_end_of_the_journal_is_left_out(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], path: Path, cut: int
    ) -> None:
        """What was not written whole was not acknowledged."""
        first = started()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        journal = path.parent / "learning.journal-0"
        journal.write_bytes(journal.read_bytes() + b"\x10\x00\x00\x00torn record of some bytes"[:cut])

        assert weight(started()) == 1

    async def test_a_shared_store_is_told_what_waited(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """Closing writes everything, also when nothing came since."""
        first = started()
        first.remember("a-1", lesson())
        await first.close()

        assert await told(started(), "a-1") == ["applied"]


def _full(_number: int) -> None:
    raise OSError(28, "No space left on device")


def _denied(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))


class TestFailure:
    async def test_a_full_disk_is_told_and_made_good(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is acknowledged that is not on the disk; when it can be written, the same feedback counts once."""
        first = started()
        first.remember("a-1", lesson())
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", _full)
            assert await told(first, "a-1") == [Applied.UNAVAILABLE.value]
            await first.save()
        assert first.figures.lost == {"file": 2}

        assert await told(first, "a-1") == ["duplicate"]
        assert weight(started()) == 1

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda _: b"", id="empty"),
            pytest.param(lambda _: b"\x00" * 100, id="something else"),
            pytest.param(lambda data: data[:-5], id="cut"),
            pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 1]), id="one bit"),
            pytest.param(lambda data: data.replace(b"learning 1", b"learning 9"), id="another version"),
        ],
    )
    async def test_a_damaged_file_is_set_aside(
        self,
        started: Callable[[], Experience],
        lesson: Callable[..., Lesson],
        path: Path,
        damage: Callable[[bytes], bytes],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """With a line in the log; learning starts afresh, and the next snapshot can be read."""
        first = started()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        await first.close()
        path.write_bytes(damage(path.read_bytes()))

        with caplog.at_level(logging.ERROR):
            second = started()

        assert (weight(second), len(second.ledger)) == (0, 0)
        assert "starts afresh" in caplog.text
        assert (path.parent / "learning.corrupt").exists()
        second.remember("a-9", lesson())
        await told(second, "a-9")
        await second.close()
        assert weight(started()) == 1

    async def test_odd_lessons_are_not_read(self, started: Callable[[], Experience], lesson: Callable[..., Lesson]) -> None:
        """A file with a good checksum may still be somebody else's."""
        first = started()
        first.ledger.remember("a-1", lesson(numbers=b"12"))
        first._dirty = True
        await first.save()

        assert len(started().ledger) == 0

    async def test_a_disk_that_takes_nothing_does_not_fill_the_memory(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What waits to be written is bounded; from then on nothing is learned, so that nothing is that could not be kept."""
        monkeypatch.setattr(state_file, "MAX_QUEUED", 3)
        first = started()
        assert first._file is not None
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", _full)
            for number in range(9):
                first.remember(f"a-{number}", lesson())
            assert await told(first, "a-1") == [Applied.UNAVAILABLE.value]
            first.imply("a-2", "error", 0.0)
            await first.settled()
        assert len(first._file._queue) == 3
        assert weight(first) == 0

        await first._flush()

        assert await told(first, "a-1") == ["applied"]
        assert weight(started()) == 1

    async def test_two_snapshots_at_a_time_do_not_mix(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The watch is cancelled at the end while its thread still writes one, and the last one begins."""
        first = started()
        file = first._file
        assert file is not None
        first.remember("a-1", lesson())
        await told(first, "a-1")
        early, old = file.begin(), first._state()
        first.remember("a-2", lesson())
        await told(first, "a-2")
        reached, go_on, sync = threading.Event(), threading.Event(), os.fsync

        def slow(number: int) -> None:
            if threading.current_thread() is thread:
                reached.set()
                go_on.wait(10)
            sync(number)

        thread = threading.Thread(target=file.write, args=(early, old))
        monkeypatch.setattr(os, "fsync", slow)
        thread.start()
        await asyncio.to_thread(reached.wait, 10)
        closing = asyncio.create_task(first.close())
        await asyncio.sleep(0.1)
        go_on.set()
        await closing
        thread.join()
        monkeypatch.undo()

        assert weight(started()) == 2

    async def test_an_older_snapshot_does_not_replace_a_newer_one(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """However late its thread comes: the journals that it would need are gone."""
        first = started()
        file = first._file
        assert file is not None
        early, old = file.begin(), first._state()
        first.remember("a-1", lesson())
        await told(first, "a-1")
        await first.save()
        file.write(early, old)

        assert weight(started()) == 1

    async def test_nobody_else_may_read_it(
        self, started: Callable[[], Experience], lesson: Callable[..., Lesson], path: Path
    ) -> None:
        """Neither snapshot nor journal, whatever the process's mask."""
        first = started()
        first.remember("a-1", lesson())
        await first.save()

        assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}

    def test_one_process_at_a_time_has_the_file(self, path: Path) -> None:
        """Two would write over each other; when the first ends, another may have it."""
        first = StateFile(path)
        with pytest.raises(OSError, match="another process") as caught:
            StateFile(path)
        assert caught.value.filename == str(path)
        first.close()

        StateFile(path).close()

    def test_a_folder_is_no_file(self, path: Path) -> None:
        """It is not set aside with all that is in it."""
        path.mkdir(parents=True)

        with pytest.raises(IsADirectoryError):
            StateFile(path)
        assert path.is_dir()

    async def test_a_file_that_cannot_be_read_is_an_error(
        self, started: Callable[[], Experience], path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not a damaged one: what was learned is not given up for a permission that is missing."""
        await started().close()
        monkeypatch.setattr("pathlib.Path.read_bytes", _denied)

        with pytest.raises(PermissionError):
            started()
        assert path.exists()

    async def test_any_name_will_do(self, tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
        """Also one that means something in a pattern: the journal is found."""
        first = Experience(file=StateFile(tmp_path / "state[1]*"), clock=lambda: NOW + 1)
        first.remember("a-1", lesson())
        await told(first, "a-1")
        assert first._file is not None
        first._file._hold.release()
        assert first._file._journal is not None
        first._file._journal.close()

        second = Experience(file=StateFile(tmp_path / "state[1]*"), clock=lambda: NOW + 1)
        assert weight(second) == 1
        await second.close()

    def test_a_folder_that_cannot_be_made_is_an_error(self, tmp_path: Path) -> None:
        """At the start, not at the first feedback."""
        (tmp_path / "file").write_text("x")

        with pytest.raises(OSError, match=r"file"):
            StateFile(tmp_path / "file" / "state")
