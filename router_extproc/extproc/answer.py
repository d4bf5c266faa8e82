"""Answer: one response on its way to the caller, its bytes changed as the policy asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.guarding import ResponseAction
from router_extproc.privacy.answers import JsonAnswer, Plan, StreamAnswer, UnreadableError
from router_extproc.privacy.support import Sources
from router_extproc.request import PartKind
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.apis.api import Api
    from router_extproc.guarding import ResponseGuard
    from router_extproc.privacy.placeholders import Restorer
    from router_extproc.request import Request

REFUSED = "The answer could not be checked, and the policy refuses what it cannot check."


def sources(request: Request, guard: ResponseGuard | None) -> list[str]:
    """What the request brought along to answer from, the last first; nothing if the answer is not compared with it."""
    if guard is None or not guard.min_support:
        return []
    parts = [part for message in reversed(request.messages) for part in message.parts]
    return [part.text for part in parts if part.text and (guard.whole_request or part.kind is PartKind.TOOL_RESULT)]


class Answer:
    """Changes one response. Made when the request goes on; `headers` comes first, then `body` for each piece."""

    def __init__(self, api: Api, restorer: Restorer, guard: ResponseGuard | None, texts: Sequence[str] = ()) -> None:
        """`texts` are the request's sources, if the guard compares the answer with them."""
        self._texts = texts
        self._api = api
        self._restorer = restorer
        self._guard = guard
        self._content: JsonAnswer | StreamAnswer | None = None
        self._plan: Plan | None = None
        self._sources: Sources | None = None
        self._stream = False
        self._unread = False
        """Whether it cannot be looked at."""
        self._refused = False

    def headers(self, headers: Mapping[str, str]) -> bool:
        """Take the response's headers; whether its body is to be changed."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._stream = kind == "text/event-stream"
        if headers.get("content-encoding", "identity") != "identity" or not (self._stream or kind == "application/json"):
            self._unread, self._refused = True, self.refuses
            return False
        self._sources = Sources(self._texts) if any(text.strip() for text in self._texts) else None
        self._plan = Plan(self._api, self._restorer, self._guard, stream=self._stream, sources=self._sources)
        self._content = StreamAnswer(self._plan) if self._stream else JsonAnswer(self._plan)
        return True

    @property
    def refuses(self) -> bool:
        """Whether a response that cannot be looked at must not go on."""
        return self._guard is not None and self._guard.refuse_unreadable

    @property
    def found(self) -> Mapping[str, int]:
        """What the guard found: how often, by type."""
        # A copy: a piece may still be looked through when its stream breaks off.
        return dict(self._plan.findings.counts) if self._plan else {}

    @property
    def sentences(self) -> tuple[int, int]:
        """Sentences of the answer that say anything, and those of them that the request's sources do not support."""
        grounding = self._plan.findings.grounding if self._plan else None
        return (grounding.sentences, len(grounding.unsupported)) if grounding else (0, 0)

    @property
    def result(self) -> str:
        """As in AnswerDetails; empty before there was a response."""
        if self._unread:
            return "refused" if self._refused else "unread"
        if self._plan is None:
            return ""
        if self._plan.findings.blocked:
            return "blocked"
        masks = self._guard is not None and any(self._guard.types[kind] is ResponseAction.MASK for kind in self.found)
        return "changed" if masks else "passed"

    @property
    def unread(self) -> int:
        """Characters of the request's sources that `read` looks at, once the headers came; else they are read when needed."""
        return self._sources.weight if self._sources is not None else 0

    def read(self) -> None:
        """Look at the sources. Safe in another thread."""
        if self._sources is not None:
            self._sources.read()

    def weight(self, chunk: bytes, *, last: bool) -> int:
        """Bytes that are looked through when this piece of the body is given to `body`."""
        return self._content.weight(chunk, last=last) if self._content is not None else 0

    def body(self, chunk: bytes, *, last: bool) -> bytes:
        """What goes on instead of a piece of the body."""
        content = self._content
        if content is None:
            return b"" if self._refused else chunk
        try:
            return content.feed(chunk, last=last)
        except UnreadableError:
            self._content = None
            self._unread = True
            if not self.refuses:
                return content.rest()
            self._refused = True
            if isinstance(content, StreamAnswer):
                return content.cut_off()
            return self._api.error(502, REFUSED, code=Reason.UNREADABLE_RESPONSE.value).body
