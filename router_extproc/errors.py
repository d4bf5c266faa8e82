"""Errors: one root, and a leaf for each thing that a caller treats differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.routing import Reason


class RouterError(Exception):
    """The root of every error that this package raises on purpose."""


class RequestRefusedError(RouterError):
    """The caller's request cannot be read or must not be served; it ends in an error answer."""

    def __init__(self, reason: Reason, message: str, *, status: int = 400, param: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        """Goes to the caller: it never quotes the prompt."""
        self.status = status
        """HTTP status, 400 to 599."""
        self.param = param
        """The body field at fault, if there is one (OpenAI's `param`)."""


class SpecError(RouterError):
    """A value in the policy file is wrong; `path` says where, so that the loader can give line and column."""

    def __init__(self, path: tuple[str | int, ...], message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.path = path
        """Keys and list indexes from the root of the file: `("decisions", 2, "when")`."""
        self.message = message
        self.cure = cure
        """What to write instead, as an imperative sentence; may be empty."""


class UnknownPluginError(RouterError):
    """No plugin of that type name is registered."""

    def __init__(self, kind: str, wanted: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown {kind} {wanted!r}, expected one of {list(known)}")
        self.kind = kind
        self.wanted = wanted
        self.known = known


class ProtocolError(RouterError):
    """Envoy sent an event that is not legal in the stream's present state."""


class UnsupportedBodyModeError(RouterError):
    """Envoy announced a body mode in which a route cannot be chosen safely."""
