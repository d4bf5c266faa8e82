"""Control: what a caller's cache-control header asks for (RFC 9111, 5.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Control:
    """What is asked for. What is not known is ignored, as the RFC has it."""

    no_cache: bool = False
    """Do not answer from the cache."""
    no_store: bool = False
    """Leave the cache out altogether."""
    only_if_cached: bool = False
    """Do not ask the model."""
    max_age: float | None = None
    """Seconds; an older answer is none."""


FREE = Control()


def control(header: str) -> Control:
    """The directives of a request's header."""
    told = {
        name.strip().lower(): value.strip().strip('"') for name, _, value in (part.partition("=") for part in header.split(","))
    }
    age = told.get("max-age", "")
    known = age.isascii() and age.isdigit() and len(age) <= _MAX_DIGITS
    return Control("no-cache" in told, "no-store" in told, "only-if-cached" in told, float(age) if known else None)


def may_be_kept(header: str) -> bool:
    """Whether a response's header lets it be kept for others."""
    told = {part.partition("=")[0].strip().lower() for part in header.split(",")}
    return not told & {"no-store", "private"}
