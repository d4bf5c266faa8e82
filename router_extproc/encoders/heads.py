"""Heads: what the shared encoder tells of a text."""

from __future__ import annotations

from router_extproc.encoders.scores import Kind

CLASSES: dict[str, tuple[str, ...]] = {
    "domain": (
        "biology", "business", "chemistry", "computer science", "economics", "engineering", "health",
        "history", "law", "math", "philosophy", "physics", "psychology", "other",
    ),
    "feedback": ("satisfied", "wrong_answer", "need_clarification", "want_different"),
    "modality": ("text", "image", "both"),
}  # fmt: skip
"""Heads that choose one of several labels, in the order of the graph's outputs."""

CHANCES = ("difficulty", "jailbreak", "fact_check")
"""Heads that give one probability."""

SPANS = (
    "PERSON", "EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "US_SSN", "IP_ADDRESS", "ADDRESS", "DATE_OF_BIRTH",
    "ORGANIZATION", "DRIVER_LICENSE", "URL", "API_KEY", "AGE", "NATIONAL_ID",
)  # fmt: skip
"""Types of private data that the token head marks: tag 0 is none, then B- and I- of each type in turn."""

TAGS = 1 + 2 * len(SPANS)

POOLED = (*CLASSES, *CHANCES)
"""Heads that read a whole window, each by its own weights over the tokens."""

JAILBREAK, CONTENTS = "jailbreak", "jailbreak_contents"
"""The head that has two outputs in the graph, one for what users say and one for what tools and documents bring in: an order is what a
request consists of, and what a page must not hold."""
OUTPUTS = (*POOLED, CONTENTS)
"""Of the graph, for the heads of POOLED."""


def output(head: str, kind: Kind) -> str:
    """The graph's output by which a head of POOLED, or any other output, reads a text of that kind."""
    return CONTENTS if head == JAILBREAK and origin(kind) else head


def head_of(name: str) -> str:
    """The head of POOLED that one of OUTPUTS is for."""
    return JAILBREAK if name == CONTENTS else name


def width(head: str) -> int:
    """Numbers that an output for a pooled head has."""
    return len(CLASSES[head]) if head in CLASSES else 1


def origin(kind: Kind) -> int:
    """What the encoder is told of where a text comes from: 0 for what a user says, 1 for what a tool or a document brings in."""
    return 0 if kind is Kind.USER else 1
