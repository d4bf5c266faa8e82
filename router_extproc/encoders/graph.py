"""Graph: an ONNX model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.runtime import onnxruntime, session_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[np.float32]"]


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
        self.inputs: dict[str, list[Any]] = {each.name: list(each.shape) for each in self._session.get_inputs()}
        self.outputs: dict[str, list[Any]] = {each.name: list(each.shape) for each in self._session.get_outputs()}
        self._partly = ort.RunOptions()
        self._partly.add_run_config_entry("memory.enable_memory_arena_shrinkage", "")
        self._partly.only_execute_path_to_fetches = True

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[np.int64]]) -> Arrays:
        """The outputs that are asked for, by name; the others are not computed."""
        found = self._session.run(list(outputs), dict(inputs), self._partly)
        return dict(zip(outputs, found, strict=True))
