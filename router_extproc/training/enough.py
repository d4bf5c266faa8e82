"""Enough: whether there is as much of everything as examples are composed of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.encoders.scores import Kind
from router_extproc.training.compose import CAPTIONED, CAPTIONS, LONG, LONGER, REQUESTS
from router_extproc.training.corpus import SHORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from router_extproc.training.corpus import Example

_NEEDED: tuple[tuple[str, int, str, Callable[[Example], bool]], ...] = (
    ("domain", REQUESTS, "rows", lambda _: True),
    ("fact_check", REQUESTS, "rows", lambda _: True),
    ("fact_check", 1, f"texts of label 0 with less than {SHORT} characters", lambda row: row.target == 0 and len(row.text) < SHORT),
    (
        "modality", CAPTIONS, f"captions ({', '.join(sorted(CAPTIONED))}) with less than {SHORT} characters",
        lambda row: row.source in CAPTIONED and len(row.text) < SHORT,
    ),
    (
        "jailbreak", 1, f"users' texts of label 1 with less than {LONG} characters",
        lambda row: row.kind is Kind.USER and row.target == 1 and len(row.text) < LONG,
    ),
    (
        "jailbreak", 1, f"users' texts of label 0 with more than {LONGER} characters",
        lambda row: row.kind is Kind.USER and row.target == 0 and len(row.text) > LONGER,
    ),
)  # fmt: skip
"""Head, how many, of what."""


def lacking(read: Mapping[str, Sequence[Example]]) -> Iterator[str]:
    """What there is too little of."""
    for head, count, what, wanted in _NEEDED:
        found = sum(map(wanted, read[head]))
        if found < count:
            yield f"{head} has {found} {what}, {count} are needed"
