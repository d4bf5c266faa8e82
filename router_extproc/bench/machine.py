"""Machine: what a figure depends on beside the program."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from router_extproc.encoders.cpus import available_cpus

_CPUINFO = Path("/proc/cpuinfo")


def cpu_model(path: Path = _CPUINFO) -> str:
    """The processor's name, as Linux tells it; else the architecture's."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.machine()


def machine() -> dict[str, Any]:
    """Cores that this process may use, the processor, and the versions that matter."""
    return {
        "cores": available_cpus(),
        "cpu": cpu_model(),
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "python": platform.python_version(),
    }
