"""Ahead: what rules further on need beside a model is started while the first of them waits for one.

Otherwise each guard begins its own search only when the one before it is done, which under load is at the deadline.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from router_extproc.routing import Cost, Truth, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router_extproc.request import Request
    from router_extproc.router.plan import Step
    from router_extproc.routing import Extractor, SignalResult

Known = dict[str, "SignalResult"]


def needed(
    steps: Sequence[Step], known: Known, extractors: Mapping[str, Extractor], request: Request, *, explicit: bool
) -> Iterator[str]:
    """Signals that steps may ask for, the first of which waits, up to the one that will or may well end the search.

    One that routes may well; one that rejects or answers is taken to let requests pass, unless what is known says that it does not.
    `explicit`: the caller chose the model, and no step routes.
    """
    lookup = partial(_glance, known, extractors, request)
    for step in steps:
        if explicit and step.target is not None:
            continue
        truth = Truth.TRUE if step.rule.when is None else step.rule.when.evaluate(lookup)
        if truth is Truth.FALSE:
            continue
        yield from step.asks
        if step.target is not None or (step.ends and truth is Truth.TRUE):
            return


def _glance(known: Known, extractors: Mapping[str, Extractor], request: Request, name: str) -> SignalResult:
    """What is known of a signal, or what takes a microsecond to tell. It is not kept: the rule may never be asked."""
    result = known.get(name)
    if result is not None:
        return result
    extractor = extractors[name]
    if extractor.cost is not Cost.FIELD:
        return Unknown(name, UnknownReason.DEADLINE)
    try:
        return extractor.extract(request)
    except Exception as error:  # noqa: BLE001 - told when the signal itself is asked for
        return Unknown(name, UnknownReason.FAILED, type(error).__name__)
