"""Observation: what the response phase saw."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observation:
    """What the response phase saw of one request. Unknown figures are None."""

    outcome_id: str
    pool: str
    model: str
    status: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    time_to_first_token_s: float | None = None
    duration_s: float | None = None
    tokens_per_second: float | None = None
    cost_usd: float | None = None
    finish_reason: str = ""
    complete: bool = True
    """False if the stream broke off."""
    response_id: str = field(default="", repr=False)
    """By which a later request may continue it; only where the API has such ids."""
