"""Watch: a changed policy is noticed, by whichever way it changed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from router_extproc.config import watch as module
from router_extproc.config.store import PolicyStore
from router_extproc.config.watch import Watch, listen_to_sighup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from router_extproc.config.loader import Loaded
    from router_extproc.config.store import Load
    from router_extproc.hooks import Hooks, ReloadDetails

    Watching = Callable[..., Awaitable[tuple[PolicyStore, Watch]]]

NEVER = 0.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it comes to hold; some minute later the test fails."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")


@pytest.fixture
async def watching(loader: Load, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watching]:
    """Starts watches of a path, and ends them."""
    monkeypatch.setattr(module, "_RETRY_S", 0.05)
    started: list[asyncio.Task[None]] = []

    async def start(path: Path, *, poll_s: float = NEVER, load: Load = loader) -> tuple[PolicyStore, Watch]:
        store = PolicyStore(path, load, hooks)
        watch = Watch(store, path, poll_s=poll_s)
        started.append(asyncio.create_task(watch.run()))
        await asyncio.sleep(0.2)  # until the directory is watched
        return store, watch

    yield start
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)


def change(file: Path) -> None:
    """Add a comment."""
    file.write_text(f"{file.read_text()}# changed\n")


def remove(file: Path) -> None:
    """Take the file away, and its directory."""
    file.unlink()
    file.parent.rmdir()


def mount(directory: Path, name: str, text: str) -> None:
    """Put a ConfigMap's new content in place as the kubelet does: a directory, and one rename of `..data`."""
    (directory / name).mkdir()
    (directory / name / "policy.yaml").write_text(text)
    (directory / "..data_tmp").symlink_to(name)
    (directory / "..data_tmp").rename(directory / "..data")
    if not (directory / "policy.yaml").is_symlink():
        (directory / "policy.yaml").symlink_to("..data/policy.yaml")


class TestDirectory:
    @pytest.mark.parametrize("named", ["directory", "file"])
    async def test_a_configmap_is_swapped(self, watching: Watching, tmp_path: Path, policy: str, named: str) -> None:
        """The file's own name never changes, only where `..data` leads."""
        mounted = tmp_path / "mounted"
        mounted.mkdir()
        mount(mounted, "..1", policy)
        store, _ = await watching(mounted if named == "directory" else mounted / "policy.yaml")
        mount(mounted, "..2", policy + "# changed\n")

        await until(lambda: store.status.reloads == 1)
        assert store.status.last_trigger == "watch"

    async def test_a_file_is_written(self, watching: Watching, file: Path) -> None:
        """An operator's editor or `cp` counts too."""
        store, _ = await watching(file)
        change(file)

        await until(lambda: store.status.reloads == 1)

    async def test_a_file_is_replaced(self, watching: Watching, file: Path, policy: str) -> None:
        """Editors write another file and rename it: the old one is never told of again."""
        store, _ = await watching(file)
        for number in (1, 2):
            other = file.with_name("new")
            other.write_text(policy + f"# {number}\n")
            other.replace(file)
            await until(lambda number=number: store.status.reloads == number)  # type: ignore[misc]  # bound in this turn

    async def test_any_directory_is_heard(self, watching: Watching, tmp_path: Path, policy: str) -> None:
        """Also one that tools for source code pass over."""
        file = tmp_path / ".venv" / "policy.yaml"
        file.parent.mkdir()
        file.write_text(policy)
        store, _ = await watching(file)
        change(file)

        await until(lambda: store.status.reloads == 1)

    async def test_a_directory_that_goes_and_comes_back(
        self, watching: Watching, tmp_path: Path, policy: str, told: list[ReloadDetails]
    ) -> None:
        """A mount that is made anew is watched again; meanwhile the last good policy stays."""
        file = tmp_path / "mounted" / "policy.yaml"
        file.parent.mkdir()
        file.write_text(policy)
        store, _ = await watching(file)
        remove(file)
        await until(lambda: not store.status.last_ok)
        await asyncio.sleep(0.3)
        failures = [one for one in told if not one.ok]
        file.parent.mkdir()
        file.write_text(policy)
        await until(lambda: store.status.last_ok)
        await asyncio.sleep(0.2)
        change(file)

        await until(lambda: store.status.reloads == 2)
        assert len(failures) == 1

    async def test_a_directory_that_is_exchanged(self, watching: Watching, tmp_path: Path, policy: str) -> None:
        """Another directory under the same name is the one that counts from then on."""
        for name in ("mounted", "other"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "policy.yaml").write_text(policy)
        file = tmp_path / "mounted" / "policy.yaml"
        store, _ = await watching(file)
        change(file)
        await until(lambda: store.status.reloads == 1)
        (tmp_path / "mounted").rename(tmp_path / "old")
        (tmp_path / "other").rename(tmp_path / "mounted")
        await until(lambda: store.status.reloads == 2)
        await asyncio.sleep(0.2)
        change(file)

        await until(lambda: store.status.reloads == 3)


class TestPoll:
    async def test_sees_what_the_system_does_not_tell(self, watching: Watching, tmp_path: Path, policy: str) -> None:
        """A change behind a link to another directory makes no event in this one."""
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "here").mkdir()
        target = tmp_path / "elsewhere" / "policy.yaml"
        target.write_text(policy)
        (tmp_path / "here" / "policy.yaml").symlink_to(target)
        store, _ = await watching(tmp_path / "here" / "policy.yaml", poll_s=0.05)
        change(target)

        await until(lambda: store.status.reloads == 1)
        assert store.status.last_trigger == "poll"

    async def test_zero_means_no_poll(self, watching: Watching, tmp_path: Path, policy: str) -> None:
        """Then only events and SIGHUP count."""
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "here").mkdir()
        target = tmp_path / "elsewhere" / "policy.yaml"
        target.write_text(policy)
        (tmp_path / "here" / "policy.yaml").symlink_to(target)
        store, _ = await watching(tmp_path / "here" / "policy.yaml", poll_s=NEVER)
        change(target)
        await asyncio.sleep(0.3)

        assert store.status.reloads == 0


class TestSighup:
    async def test_loads_the_same_content_anew(self, watching: Watching, file: Path, told: list[ReloadDetails]) -> None:
        """An operator who asks for a reload gets one."""
        store, watch = await watching(file)
        listen_to_sighup([watch])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: store.status.reloads == 1)
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)

        assert [one.trigger for one in told] == ["start", "sighup"]


class TestAsk:
    async def test_several_at_once_are_one(self, watching: Watching, file: Path, loader: Load) -> None:
        """While a load runs, all that is asked for becomes one more load."""
        goes_on = threading.Event()
        loads: list[Path] = []

        def load(path: Path) -> Loaded:
            loads.append(path)
            if len(loads) > 1:
                goes_on.wait()
            return loader(path)

        store, watch = await watching(file, load=load)
        watch.ask("sighup", force=True)
        await until(lambda: len(loads) == 2)
        for _ in range(10):
            watch.ask("sighup", force=True)
            await asyncio.sleep(0)
        watch.ask("poll")
        goes_on.set()
        await until(lambda: store.status.reloads == 2)
        await asyncio.sleep(0.1)

        assert len(loads) == 3

    async def test_the_loop_goes_on_while_a_policy_is_loaded(self, watching: Watching, file: Path, loader: Load) -> None:
        """Requests are answered meanwhile: loading has its own thread."""
        threads: list[threading.Thread] = []

        def load(path: Path) -> Loaded:
            threads.append(threading.current_thread())
            return loader(path)

        _, watch = await watching(file, load=load)
        watch.ask("sighup", force=True)
        await until(lambda: len(threads) == 2)

        assert threads[1] is not threading.main_thread()


class TestRun:
    async def test_ends_when_cancelled(self, file: Path, loader: Load, hooks: Hooks) -> None:
        """Nothing of it is left then."""
        store = PolicyStore(file, loader, hooks)
        task = asyncio.create_task(Watch(store, file, poll_s=0.01).run())
        await asyncio.sleep(0.1)
        before = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert not before
        assert task.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_a_directory_that_cannot_be_watched_is_told(
        self, watching: Watching, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log says so once, not at every try."""
        await watching(file)
        remove(file)
        await until(lambda: "cannot watch" in caplog.text)
        await asyncio.sleep(0.3)

        assert caplog.text.count("cannot watch") == 1
