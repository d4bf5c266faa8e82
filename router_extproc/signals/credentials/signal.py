"""Signal: whether a secret of the conversation went to a tool that should not have it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from router_extproc.errors import SpecError
from router_extproc.request import PartKind, Role
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.credentials.flow import Leak, Origin, Piece, Terms
from router_extproc.signals.credentials.marks import keyed
from router_extproc.signals.credentials.tracker import Work
from router_extproc.signals.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from router_extproc.request import Part, Request
    from router_extproc.signals.credentials.flow import Flow
    from router_extproc.signals.credentials.tracker import Tracker
    from router_extproc.signals.services import SignalServices

_MAX_CANARIES = 10_000
_NO_DIGEST = ("not a SHA-256", "write 64 hexadecimal digits in small letters: printf %s TOKEN | sha256sum")
_LONGEST = 256_000
"""Characters of one text that are looked at, from its head."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_ROLES = {Role.SYSTEM: Origin.SYSTEM, Role.DEVELOPER: Origin.SYSTEM, Role.TOOL: Origin.TOOL_RESULT, Role.USER: Origin.USER}
_KINDS = {PartKind.TOOL_CALL: Origin.CALL, PartKind.TOOL_RESULT: Origin.TOOL_RESULT, PartKind.FILE: Origin.DOCUMENT}
_TOOLS = frozenset({PartKind.TOOL_CALL, PartKind.TOOL_RESULT})
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_UNDECLARED = "undeclared tool"


class CredentialFlowOptions(Options):
    """Who may have secrets, and what else counts as one."""

    trusted_tools: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...], Field(max_length=256)
    ] = ()
    """Names of tools that may be given any secret."""
    canaries: Annotated[tuple[str, ...], Field(max_length=_MAX_CANARIES)] = ()
    """SHA-256, in hexadecimal, of tokens that were planted and are to be in no tool call."""
    canary_file: str | None = None
    """A file with more of them, one a line; a relative path is relative to the policy file."""
    max_texts: Annotated[int, Field(ge=2, le=1024)] = 256
    """Texts that are looked at, the last ones; earlier ones count as not covered."""


class CredentialFlow:
    """Kinds of leaks, each with how sure it is; none where every secret stays where it may be."""

    cost = Cost.MODEL
    shape = SignalShape(SignalKind.LABEL, labels=frozenset(leak.value for leak in Leak), partial=True)

    def __init__(self, name: str, options: CredentialFlowOptions, terms: Terms, tracker: Tracker) -> None:
        self.name = name
        self._options = options
        self._terms = terms
        self._tracker = tracker
        self._none = Signal(name, 0.0, label="", labels={})

    def begin(self, request: Request, deadline: float, /) -> list[Future[Flow]]:
        """Start to follow the secrets, once a request; nothing where there are no tools to give them to."""
        key = ("credentials", self.name)
        work: list[Future[Flow]] | None = request.memo.get(key)
        if work is None:
            work = request.memo[key] = self._begun(request, deadline)
        return work

    def prepare(self, request: Request, deadline: float, /) -> None:
        """Start it: it waits for no model."""
        self.begin(request, deadline)

    def extract(self, request: Request, /) -> Signal:
        """The signal. Its evidence is each kind of leak with the first tool that got it, if the caller declared one of that name."""
        work = self.begin(request, 0.0)
        if not work:
            return self._none
        flow, read = work[0].result(), _coverage(request, self._options.max_texts)
        if not flow.leaks:
            return Signal(self.name, 0.0, label="", labels={}, coverage=read)
        labels = {leak.value: flow.leaks[leak] for leak in Leak if leak in flow.leaks}
        declared = {tool.name for tool in request.tools}
        evidence = tuple(f"{leak}: {_shown(flow.tools[leak], declared)}" for leak in Leak if leak in flow.leaks)
        best = max(labels, key=labels.__getitem__)
        return Signal(self.name, labels[best], label=best, labels=labels, evidence=evidence, coverage=read)

    def _begun(self, request: Request, deadline: float) -> list[Future[Flow]]:
        if not request.tools and not any(part.kind in _TOOLS for message in request.messages for part in message.parts):
            return []
        pieces = _pieces(request)[-self._options.max_texts :]
        return [self._tracker.submit(Work(_conversation(request), pieces, self._terms), deadline)]


def _shown(tool: str, declared: set[str]) -> str:
    """The tool's name, if it is a name: a model may write anything in its place."""
    return tool if tool in declared and _NAME.match(tool) else _UNDECLARED


def _pieces(request: Request) -> tuple[Piece, ...]:
    """All texts in which a secret may come or go, in order. What the model says to the person is none of them."""
    found: tuple[Piece, ...] | None = request.memo.get("credential pieces")
    if found is None:
        told = ((message.role, part) for message in request.messages for part in message.parts if part.text)
        found = request.memo["credential pieces"] = tuple(
            Piece(origin, part.text[:_LONGEST], part.tool if origin is Origin.CALL else "")
            for role, part in told
            if (origin := _origin(role, part)) is not None
        )
    return found


def _origin(role: Role, part: Part) -> Origin | None:
    if part.kind in _KINDS:
        return _KINDS[part.kind]
    return _ROLES.get(role) if part.kind is PartKind.TEXT else None


def _coverage(request: Request, most: int) -> float:
    told = ((message.role, part) for message in request.messages for part in message.parts if part.text)
    total = sum(len(part.text) for role, part in told if _origin(role, part) is not None)
    return sum(len(piece.text) for piece in _pieces(request)[-most:]) / total if total else 1.0


def _conversation(request: Request) -> bytes:
    """The one that the body names, or else the one that begins as this one does; never another caller's."""
    caller = request.envelope.caller
    if request.conversation_id:
        return keyed("id", caller.tenant, caller.user, request.conversation_id)
    first = tuple(_first(request))
    return keyed("first", caller.tenant, caller.user, *first) if first else b""


def _first(request: Request) -> Iterator[str]:
    """Instructions, and what the person said first: those who leave turns out leave out later ones."""
    for message in request.messages:
        if message.role is not Role.ASSISTANT and message.text:
            yield f"{message.role}: {message.text}"
        if message.role is Role.USER:
            return


def build(name: str, options: CredentialFlowOptions, services: SignalServices) -> CredentialFlow:
    """The extractor."""
    for index, digest in enumerate(options.canaries):
        if not _DIGEST.match(digest):
            raise SpecError(("canaries", index), _NO_DIGEST[0], cure=_NO_DIGEST[1])
    services.credentials.warm()
    told = [*options.canaries]
    if options.canary_file is not None:
        told += _read(services.file(options.canary_file))
    terms = Terms(frozenset(options.trusted_tools), frozenset(map(bytes.fromhex, told)))
    return CredentialFlow(name, options, terms, services.credentials)


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise SpecError(("canaryFile",), f"{path}: {error.strerror}", cure="mount the file beside the policy") from error
    told = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    for number, line in told:
        if not _DIGEST.match(line):
            raise SpecError(("canaryFile",), f"{path}:{number}: {_NO_DIGEST[0]}", cure=_NO_DIGEST[1])
    if not told:
        raise SpecError(("canaryFile",), f"{path}: it has no canaries", cure="write a SHA-256 a line, or take the key out")
    if len(told) > _MAX_CANARIES:
        raise SpecError(("canaryFile",), f"{path}: more than {_MAX_CANARIES} canaries", cure="plant fewer")
    return [line for _, line in told]
