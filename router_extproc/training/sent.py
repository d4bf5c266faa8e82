"""Sent: texts of ours as people, applications and tools send them, each with a label for one head, by several hands.

The data sets' questions, captions and composed chats differ from what arrives at a router: tasks on a subject's matter in place of exam
questions, reports in place of thanks, long briefs in which the picture is one item, contents in which the order to the model is a comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTENTS = (Kind.TOOL_RESULT, Kind.DOCUMENT)
_ATTACKS = (
    ("sent_attacks", 1.0, (Kind.USER,)),
    ("sent_harmless", 0.0, (Kind.USER,)),
    ("sent_orders", 1.0, _CONTENTS),
    ("sent_contents", 0.0, _CONTENTS),
)
"""Files of the jailbreak head: what they hold, and where it comes from in turn."""
HEADS = ("jailbreak", "modality", "feedback", "domain")
"""Those that have some."""


def sent(head: str, copies: int) -> list[Example]:
    """Those of one of HEADS, that often each."""
    return [example for example in _each(head) for _ in range(copies)]


def _each(head: str) -> Iterator[Example]:
    if head == "jailbreak":
        for name, target, kinds in _ATTACKS:
            for number, text in enumerate(lines(f"jailbreak/{name}")):
                yield Example(head, text, target, SOURCE, kinds[number % len(kinds)])
        return
    for target, label in enumerate(CLASSES[head]):
        for text in lines(f"{head}/sent_{label.replace(' ', '_')}"):
            yield Example(head, text, target, SOURCE)
