"""Hold: one process at a time has a state file; two would each write over what the other learned."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Hold:
    """On FILE, by a lock on FILE.lock that ends with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if another process has the file, or if its folder cannot be written."""
        self._number = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise OSError(errno.EBUSY, "another process has this learning state", str(path)) from None
        except OSError:
            # A file system without locks: that nobody else writes there is the operator's to see to.
            return

    def release(self) -> None:
        """Let others have it; again does nothing."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)
