"""Store: the router in force, and how another takes its place."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from router_extproc.config.loader import Loaded, UnfitPolicyError, policy_file, version_at
from router_extproc.hooks import ReloadDetails
from router_extproc.policy.problems import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from router_extproc.hooks import Hooks
    from router_extproc.router import Router

_log = logging.getLogger(__name__)

Load = Callable[["Path"], Loaded]
"""Reads, compiles and tests a policy; raises OSError or PolicyError."""


@dataclass(frozen=True, slots=True)
class Status:
    """Which policy is in force, and how the last attempt to load one ended. Times are Unix seconds."""

    source: str
    version: str
    """Of the policy in force: another one when its file is, or one that it is made of."""
    loaded_at: float
    reloads: int = 0
    failures: int = 0
    last_attempt_at: float = 0.0
    last_ok: bool = True
    last_trigger: str = "start"
    errors: tuple[str, ...] = ()
    """Of the last attempt, if it failed: the policy on disk is then not the one in force."""
    warnings: tuple[str, ...] = ()
    """Of the policy in force."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by path of what it is made of beside its own file; of secrets none."""


class PolicyStore:
    """Holds the router in force. Read from any thread; reloads are one at a time."""

    def __init__(self, path: Path, load: Load, hooks: Hooks) -> None:
        self._path = path
        self._load = load
        self._hooks = hooks
        self._lock = threading.Lock()
        began = time.perf_counter()
        self._tried = version_at(path)
        """The version of the policy's own file that was tried last."""
        self._own = self._tried
        """That of the policy in force."""
        loaded = load(path)
        self._router = loaded.router
        now = time.time()
        source = str(policy_file(path))
        warnings = tuple(map(str, loaded.warnings))
        self._status = Status(source, loaded.version, now, last_attempt_at=now, warnings=warnings, files=loaded.sums)
        self._files = loaded.files
        self._sums = {**loaded.sums, **loaded.secret_sums}
        """Of all files beside the policy in force, secrets too: never shown."""
        hooks.reloaded(self._details("start", loaded.version, began, warnings=warnings))

    @property
    def router(self) -> Router:
        """The one in force."""
        return self._router

    @property
    def status(self) -> Status:
        """How things stand."""
        return self._status

    @property
    def directories(self) -> frozenset[Path]:
        """Where the files are that the policy names: those of the one in force, or of the one that was refused last."""
        return self._files.directories

    def reload(self, trigger: str, *, force: bool = False) -> bool:
        """Load the file if it or a file that it names is not what was tried last (`force`: in any case).

        Whether the policy in force is the file's. Blocks; for a thread. On any failure the policy in force stays.
        """
        with self._lock:
            began = time.perf_counter()
            try:
                tried = version_at(self._path)
                if tried == self._tried and not force and not self._files.changed():
                    return self._status.last_ok
                self._tried = tried
                return self._swap(self._load(self._path), trigger, began)
            except PolicyError as error:
                version = self._tried
                if isinstance(error, UnfitPolicyError):
                    self._files, version = error.files, error.version
                return self._keep(trigger, began, version, tuple(map(str, error.errors)))
            except OSError as error:
                return self._unreadable(error, trigger, began, force=force)
            except Exception as error:  # noqa: BLE001 - told, logged and counted
                # A bug that some policy brings to light must not end the watch: the next policy may be fine.
                _log.exception("loading the policy failed")
                self._files = self._files.anew()
                return self._keep(trigger, began, self._tried, (f"{self._status.source}: {type(error).__name__}: {error}",))

    def _unreadable(self, error: OSError, trigger: str, began: float, *, force: bool) -> bool:
        # When the file is back, even with the content that is in force, it is loaded: only then is everything known to be well.
        self._tried = ""
        text = f"{error.filename or self._path}: {error.strerror or error}"
        # A mount that stays away is told once, not at every look.
        return False if text in self._status.errors and not force else self._keep(trigger, began, "", (text,))

    def _swap(self, loaded: Loaded, trigger: str, began: float) -> bool:
        now = time.time()
        warnings = tuple(map(str, loaded.warnings))
        sums = {**loaded.sums, **loaded.secret_sums}
        changed = tuple(self._changed(sums))
        self._router = loaded.router
        self._files = loaded.files
        self._own, self._sums = self._tried, sums
        self._status = replace(
            self._status,
            version=loaded.version,
            loaded_at=now,
            reloads=self._status.reloads + 1,
            last_attempt_at=now,
            last_ok=True,
            last_trigger=trigger,
            errors=(),
            warnings=warnings,
            files=loaded.sums,
        )
        self._hooks.reloaded(replace(self._details(trigger, loaded.version, began, warnings=warnings), changed=changed))
        return True

    def _changed(self, sums: Mapping[str, str]) -> Iterator[str]:
        """Files with another content than those that the policy in force was made of."""
        if self._own != self._tried:
            yield self._status.source
        yield from sorted(path for path in {*self._sums, *sums} if self._sums.get(path) != sums.get(path))

    def _keep(self, trigger: str, began: float, version: str, errors: tuple[str, ...]) -> bool:
        self._status = replace(
            self._status,
            failures=self._status.failures + 1,
            last_attempt_at=time.time(),
            last_ok=False,
            last_trigger=trigger,
            errors=errors,
        )
        self._hooks.reloaded(self._details(trigger, version, began, errors=errors))
        return False

    def _details(
        self, trigger: str, version: str, began: float, *, errors: tuple[str, ...] = (), warnings: tuple[str, ...] = ()
    ) -> ReloadDetails:
        return ReloadDetails(
            ok=not errors,
            version=version,
            source=self._status.source,
            trigger=trigger,
            errors=errors,
            warnings=warnings,
            duration_s=time.perf_counter() - began,
        )
