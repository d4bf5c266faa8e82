"""HTTP: POST /feedback, from a body to a status and an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.control.body import BodyError, received
from router_extproc.learning.event import Applied
from router_extproc.learning.feedback import MAX_BYTES, FeedbackError, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from router_extproc.learning.experience import Experience

STATUS = {
    Applied.APPLIED: 200,
    Applied.DUPLICATE: 200,
    Applied.BUFFERED: 202,
    Applied.UNKNOWN: 404,
    Applied.CONFLICT: 409,
    Applied.UNAVAILABLE: 503,
}
_SEVERAL = 207
_WHY = {
    Applied.UNKNOWN: "there is no such decision, or it is too long ago, or it was no learning route's",
    Applied.CONFLICT: "this decision had other feedback before",
    Applied.UNAVAILABLE: "it could not be kept; send it again",
}

Answer = tuple[int, dict[str, Any]]


async def feedback(experience: Experience, content_type: str, chunks: AsyncIterator[bytes]) -> Answer:
    """The status and the body of the answer. A batch that is not learned as a whole is a 207."""
    # What a form on some web page could send is none of it: a browser asks before it sends JSON to another origin.
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return 415, {"error": "send application/json"}
    try:
        pieces, batch = parse(await received(chunks, MAX_BYTES))
    except BodyError as error:
        return error.status, {"error": str(error)}
    except FeedbackError as error:
        return 400, {"error": str(error)}
    found = [_told(applied) for applied in await experience.tell(pieces)]
    if not batch:
        return STATUS[Applied(found[0]["status"])], found[0]
    statuses = {STATUS[Applied(each["status"])] for each in found}
    return statuses.pop() if len(statuses) == 1 else _SEVERAL, {"results": found}


def _told(applied: Applied) -> dict[str, Any]:
    why = {"error": _WHY[applied]} if applied in _WHY else {}
    return {"status": applied.value, **why}
