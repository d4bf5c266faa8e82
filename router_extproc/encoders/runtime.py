"""Runtime: onnxruntime with its telemetry off. Nothing else in this program imports it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

SWITCH = "ORT_DISABLE_TELEMETRY"
"""Read by onnxruntime when it begins, and never again: its `disable_telemetry_events()` comes too late for the first events."""


def quiet() -> None:
    """Have onnxruntime send nothing to its maker, and keep no device id and no database of events under $HOME.

    An operator's own setting stays; an empty one is none, for onnxruntime takes it for leave to send.
    """
    if not os.environ.get(SWITCH):
        os.environ[SWITCH] = "1"


def onnxruntime() -> ModuleType:
    """The module, which takes 20 MB and is imported by the first call; it has no types."""
    quiet()
    import onnxruntime as found  # noqa: PLC0415 - once its telemetry is off, and only where a model runs

    module: ModuleType = found
    return module


_EXACT = "session.x64quantprecision"
"""Processors without VNNI instructions (AVX2 or AVX-512 alone) add up products of uint8 and int8 in 16 bits, and cut off what is beyond,
unless this is set: a model would say other things there than where it was measured. It costs these 6 to 20 %, and others nothing."""


def session_options() -> Any:
    """Options of a session that runs in the calling thread and says the same on every processor."""
    options = onnxruntime().SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry(_EXACT, "1")
    return options
