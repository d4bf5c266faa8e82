"""Printed: what commands print, as the tools of coding agents bring it in, as it is and with an order to the model among its lines.

Code, listings, searches, diffs, traces and test runs, in the wrappings that such tools have, printed by commands on this project. Without
these a sixth of what coding agents read was taken for an attack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = "jailbreak/tool_outputs"
_ORDERS = ("jailbreak/document_orders", "jailbreak/document_orders_plain", "jailbreak/sent_orders")
_LONGEST = 160
"""Characters of an order that fits into a line."""
_MARKS = ("# ", "", "// ", "NOTE: ", "-- ", "> ", '"""')
"""What the order's line begins with, in turn."""


def printed(copies: int) -> list[Example]:
    """Each so often as it is (0), and so often with one line more, which is an order to the model (1)."""
    return [example for example in _each() for _ in range(copies)]


def _each() -> Iterator[Example]:
    orders = [text for name in _ORDERS for text in lines(name) if "\n" not in text and len(text) <= _LONGEST]
    for number, text in enumerate(lines(TEXTS)):
        yield Example("jailbreak", text, 0.0, SOURCE, Kind.TOOL_RESULT)
        rows = text.split("\n")
        mark = _MARKS[number % len(_MARKS)]
        rows.insert(number % (len(rows) + 1), mark + orders[number % len(orders)])
        yield Example("jailbreak", "\n".join(rows), 1.0, SOURCE, Kind.TOOL_RESULT)
