"""Process facts: CPU time and memory of a running process, as Linux tells them."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mb(pid: int, *, peak: bool = False) -> float:
    """Memory that the process holds now, or held at most since the last reset; MB of 10^6 bytes."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def reset_peak(pid: int) -> None:
    """Begin to note the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
