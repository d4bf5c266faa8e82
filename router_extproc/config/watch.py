"""Watch: notices that the policy on disk changed, or a file that it names.

The kubelet swaps a ConfigMap by one rename of the directory's `..data`, so the directory is watched and never the file. Some file
systems tell nothing, so the content is looked at now and then as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING

from watchfiles import awatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.config.store import PolicyStore

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 50
_RETRY_S = 5.0


class Watch:
    """Reloads the store's policy when the file changes, at intervals, and on SIGHUP; until cancelled."""

    def __init__(self, store: PolicyStore, path: Path, *, poll_s: float) -> None:
        self._store = store
        self._directory = path if path.is_dir() else path.parent
        self._poll_s = poll_s
        self._wanted = asyncio.Event()
        self._elsewhere = asyncio.Event()
        """Set when a policy came that names files in other directories."""
        self._watched: dict[Path, tuple[int, int]] = {}
        self._trigger = "watch"
        self._force = False
        self._trouble = ""

    async def run(self) -> None:
        """Watch, poll and reload."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            if self._poll_s > 0:
                tasks.create_task(self._poll())
            await self._reload()

    def ask(self, trigger: str, *, force: bool = False) -> None:
        """Have the policy looked at soon. Several asks at once are one."""
        self._trigger = trigger
        self._force = self._force or force
        self._wanted.set()

    async def _reload(self) -> None:
        while True:
            await self._wanted.wait()
            trigger, force = self._trigger, self._force
            self._wanted.clear()
            self._force = False
            # In a thread: compiling and testing a large policy takes longer than a request may wait.
            await asyncio.to_thread(self._store.reload, trigger, force=force)
            with contextlib.suppress(OSError):
                if self._identities().keys() != self._watched.keys():
                    self._elsewhere.set()

    async def _watch(self) -> None:
        while True:
            try:
                await self._watch_directories()
            except (OSError, RuntimeError) as error:
                self._tell(f"{type(error).__name__}: {error}")
            if not self._elsewhere.is_set():
                await asyncio.sleep(_RETRY_S)
            self.ask("watch")

    def _tell(self, trouble: str) -> None:
        """Log that the directory cannot be watched: once, until it could be again."""
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning("cannot watch %s (%s); trying again, and polling meanwhile", self._directory, trouble)

    async def _watch_directories(self) -> None:
        """Ask at every change in the directories, until another one stands in the place of one: of that the system tells nothing.

        Or until another policy names files elsewhere.
        """
        self._elsewhere.clear()
        self._watched = self._identities()
        self._trouble = ""
        # No filter: the default one is deaf in directories like .venv, and a look at the content costs little.
        changes = awatch(
            *self._watched,
            watch_filter=None,
            recursive=False,
            debounce=_DEBOUNCE_MS,
            step=_DEBOUNCE_MS // 2,
            stop_event=self._elsewhere,
        )
        async for _ in changes:
            self.ask("watch")
            if self._identities() != self._watched:
                return

    def _identities(self) -> dict[Path, tuple[int, int]]:
        """The directories to watch. Raises OSError if the policy's own is not there; others may come later."""
        found = {self._directory: _identity(self._directory)}
        for directory in self._store.directories:
            with contextlib.suppress(OSError):
                found[directory] = _identity(directory)
        return found

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            self.ask("poll")


def listen_to_sighup(watches: Sequence[Watch]) -> None:
    """Have all of them reload on SIGHUP, even if the content is the same."""

    def ask() -> None:
        for watch in watches:
            watch.ask("sighup", force=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, ask)


def _identity(directory: Path) -> tuple[int, int]:
    found = directory.stat()
    return found.st_dev, found.st_ino
