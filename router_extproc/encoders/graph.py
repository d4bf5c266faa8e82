"""Graph: an ONNX model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.runtime import onnxruntime, session_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[np.float32]"]

GATE = "wanted."
"""What the names of inputs begin with that open a branch of the graph; the outputs that it is needed for follow, with dots between.
onnxruntime itself computes all outputs, whichever are asked for."""
_OPEN, _CLOSED = np.array(True), np.array(False)  # noqa: FBT003 - there is no other way to write them


class Graph:
    """A model that runs in the calling thread. Safe from several threads; releases the GIL while it runs."""

    def __init__(self, path: Path) -> None:
        """Raises BundleError if the file is no model that this onnxruntime can run."""
        ort = onnxruntime()
        # Two runs side by side scale with the cores; two threads in one run gain nothing without spinning.
        options = session_options()
        options.log_severity_level = 3
        # Each thread would keep the arena of its largest batch for good.
        options.enable_cpu_mem_arena = False
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime raises classes of its own that have no common public base
            reason = str(error).partition("\n")[0]
            raise BundleError(f"{path}: onnxruntime cannot load it: {reason}; restore the file") from error
        inputs = self._session.get_inputs()
        gates = [each.name for each in inputs if each.name.startswith(GATE) and each.type == "tensor(bool)"]
        self.inputs: dict[str, list[Any]] = {each.name: list(each.shape) for each in inputs if each.name not in gates}
        """Those that are given to `run`."""
        self._gates = {name: frozenset(name.removeprefix(GATE).split(".")) for name in gates}
        self._opened: dict[frozenset[str], dict[str, Any]] = {}
        self.outputs: dict[str, list[Any]] = {each.name: list(each.shape) for each in self._session.get_outputs()}

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[np.int64]]) -> Arrays:
        """The outputs that are asked for, by name; what is behind a gate of others is not computed."""
        asked = frozenset(outputs)
        opened = self._opened.get(asked)
        if opened is None:
            opened = {name: _CLOSED if given.isdisjoint(asked) else _OPEN for name, given in self._gates.items()}
            self._opened[asked] = opened
        found = self._session.run(outputs, {**inputs, **opened})
        return dict(zip(outputs, found, strict=True))
