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


def width(head: str) -> int:
    """Outputs of a pooled head."""
    return len(CLASSES[head]) if head in CLASSES else 1


def origin(kind: Kind) -> int:
    """What the encoder is told of where a text comes from: 0 for what a user says, 1 for what a tool or a document brings in."""
    return 0 if kind is Kind.USER else 1
