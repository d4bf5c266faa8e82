"""MLP: a network with one hidden layer, kept as ONNX and run by onnxruntime.

The P(correct) heads of Hybrid LLM (Ding et al. 2024, arXiv:2404.14618) and LLMRouterBench's MLP routers, on a frozen embedding. Making one
needs the `onnx` package, from the train extra; running it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.runtime import onnxruntime, session_options
from router_extproc.quality.errors import QualityError
from router_extproc.quality.network import layers

if TYPE_CHECKING:
    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_OPSET = 17


@dataclass(frozen=True, slots=True)
class Network:
    """A graph and the session that runs it."""

    graph: bytes
    """ONNX: `inputs` (n, d + 1 + facts) to `logits` (n, known)."""
    session: Any
    """onnxruntime's; it has no types."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """The graph's output."""
        (found,) = self.session.run(["logits"], {"inputs": inputs})
        return np.asarray(found, np.float64)

    def arrays(self) -> Arrays:
        """The graph's bytes."""
        return {"graph": np.frombuffer(self.graph, np.uint8)}


class NetworkMethod:
    """Trains a Network."""

    def fit(self, outcomes: Outcomes, /) -> Network:
        """Cross-entropy, by Adam, then as ONNX. Raises QualityError where the onnx package is not installed."""
        return opened(exported(layers(outcomes)))

    def restore(self, arrays: Arrays, /) -> Network:
        """The same again."""
        return opened(np.asarray(arrays["graph"], np.uint8).tobytes())


def exported(weights: Parameters) -> bytes:
    """The network as an ONNX file's content. Raises QualityError where the onnx package is not installed."""
    try:
        from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - from the train extra, for making only
    except ImportError as error:
        raise QualityError("method mlp needs onnx to be made: pip install 'router-extproc[train]'") from error
    nodes = [
        helper.make_node("Gemm", ["inputs", "first", "bias"], ["raw"]),
        helper.make_node("Relu", ["raw"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "second", "levels"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quality",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["n", weights["first"].shape[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", weights["second"].shape[1]])],
        [numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
    return bytes(model.SerializeToString())


def opened(graph: bytes) -> Network:
    """A network of an ONNX file's content, on one thread. Raises ValueError if it does not run."""
    options = session_options()
    options.log_severity_level = 4
    try:
        return Network(graph, onnxruntime().InferenceSession(graph, options, providers=["CPUExecutionProvider"]))
    except Exception as error:
        # onnxruntime raises classes of its own that have no common public base
        raise ValueError(str(error).partition("\n")[0]) from error
