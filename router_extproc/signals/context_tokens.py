"""Context tokens: how large a prompt is, estimated without a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.routing import Cost, Signal, SignalKind, SignalShape

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.options import NoOptions
    from router_extproc.signals.services import SignalServices, TokenRatio


class ContextTokens:
    """The prompt's size in tokens: all messages, tool definitions and images."""

    cost = Cost.FIELD
    shape = SignalShape(SignalKind.NUMBER, unit="tokens")

    def __init__(self, name: str, ratio: TokenRatio) -> None:
        self.name = name
        self._ratio = ratio

    def extract(self, request: Request, /) -> Signal:
        """The signal."""
        tokens = self._ratio.prompt_tokens(request)
        return Signal(self.name, 1.0 if tokens else 0.0, measure=float(tokens))


def build(name: str, _options: NoOptions, services: SignalServices) -> ContextTokens:
    """The extractor."""
    return ContextTokens(name, services.token_ratio)
