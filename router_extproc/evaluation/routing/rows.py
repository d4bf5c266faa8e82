"""Rows: outcome tables on disk: JSON lines, gzipped where the name ends in .gz."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.apis.api import Document
from router_extproc.apis.openai_chat import OpenAIChat
from router_extproc.errors import RequestRefusedError
from router_extproc.evaluation.errors import DataError
from router_extproc.request import Envelope, Message, Part, PartKind, Request, Role
from router_extproc.signals.options import Reads
from router_extproc.signals.texts import texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_CHARACTERS = 200_000


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What models made of one request."""

    id: str
    prompt: str = ""
    """What the router reads: the last user turn. Taken from `messages` where those are given."""
    scores: dict[str, float | None] = {}
    """By model, in [0, 1]; null where it was not tried."""
    cost: dict[str, float | None] = {}
    """By model, in US dollars; null where it is not known."""
    task: str = ""
    source: str = ""
    messages: list[dict[str, Any]] | None = None
    """As in a chat completions body, in place of the prompt: how far an agent has come."""

    @property
    def request(self) -> Request:
        """As the router gets it. Raises RequestRefusedError for messages that it would refuse."""
        return asked(self.prompt) if self.messages is None else conversation(self.messages)


def asked(prompt: str) -> Request:
    """A request of one user turn."""
    return Request("openai_chat", "", (Message(Role.USER, (Part(PartKind.TEXT, prompt),)),))


def conversation(messages: list[dict[str, Any]]) -> Request:
    """A request of the messages of a chat completions body. Raises RequestRefusedError."""
    return OpenAIChat().parse(Document(b"", {"messages": messages}), Envelope())


def said_last(request: Request) -> str:
    """The last user turn, as selectors read it; empty if there is none."""
    return next(iter(texts(request, Reads.LAST_USER)), "")


def read_rows(path: Path) -> list[Row]:
    """All rows of a file. Raises DataError, which names file and line."""
    rows = list(_rows(path))
    if not rows:
        raise DataError(f"{path}: has no rows")
    return rows


def _rows(path: Path) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(Row)
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _checked(decoder.decode(line), f"{path}:{number}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}:{number}: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}:{number + 1}: not gzipped: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _checked(row: Row, where: str) -> Row:
    if row.messages is not None:
        row = _conversed(row, where)
    if not row.prompt.strip() or len(row.prompt) > MAX_CHARACTERS:
        raise DataError(f"{where}: `prompt` must have 1 to {MAX_CHARACTERS} characters; of `messages` the last user turn")
    told = [score for score in row.scores.values() if score is not None]
    if not told:
        raise DataError(f"{where}: `scores` holds no score")
    if not all(0 <= score <= 1 for score in told):
        raise DataError(f"{where}: `scores` must be in [0, 1]")
    if not all(cost is None or cost >= 0 for cost in row.cost.values()):
        raise DataError(f"{where}: `cost` must not be negative")
    return row


def _conversed(row: Row, where: str) -> Row:
    if row.prompt:
        raise DataError(f"{where}: it has both `prompt` and `messages`")
    try:
        return msgspec.structs.replace(row, prompt=said_last(row.request))
    except RequestRefusedError as error:
        raise DataError(f"{where}: {error.message}") from error
