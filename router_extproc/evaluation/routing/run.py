"""Run: all that is measured of routing by quality models."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from math import isnan
from typing import TYPE_CHECKING, Any, Literal, Protocol

from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.routing.agentic import graded, read_steps, twin
from router_extproc.evaluation.routing.measure import measure
from router_extproc.evaluation.routing.newcomers import newcomers
from router_extproc.evaluation.routing.robustness import robustness
from router_extproc.evaluation.routing.sets import UNLICENSED, Data, sources_of
from router_extproc.evaluation.routing.transfer import METHOD, transfer
from router_extproc.quality.methods import DEFAULT, METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from router_extproc.evaluation.routing.agentic import TwinResult
    from router_extproc.evaluation.routing.measure import SetResult
    from router_extproc.evaluation.routing.newcomers import Newcomer
    from router_extproc.evaluation.routing.robustness import Changed
    from router_extproc.evaluation.routing.sets import Reads
    from router_extproc.evaluation.routing.transfer import Transferred
    from router_extproc.quality.profile import ModelProfile

NEWCOMER_METHODS = ("blend", "inductive")
"""That are measured on models left out, if they are measured at all: the default, and the one that holds no parameter of a single model."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    methods: tuple[str, ...] = tuple(plugin.name for plugin in METHODS)
    split: Literal["dev", "eval"] = "eval"
    unlicensed: bool = True
    """Whether sources without a licence file are measured too."""
    sources: tuple[str, ...] = ()
    """All if empty."""
    further: bool = True
    """Whether models left out, changed texts and agents' steps are measured too."""


@dataclass(frozen=True, slots=True)
class RoutingEvaluation:
    """All results."""

    default: str
    split: str
    encoder: str
    sets: list[SetResult] = field(default_factory=list)
    newcomers: dict[str, list[Newcomer]] = field(default_factory=dict)
    """By method."""
    transferred: list[Transferred] = field(default_factory=list)
    """Each source by a model made of the others."""
    changed: list[Changed] = field(default_factory=list)
    twin: list[TwinResult] = field(default_factory=list)
    graded: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """All figures; NaN as null."""
        told = asdict(self)
        told["twin"] = [{**asdict(each), "combined": each.combined} for each in self.twin]
        found: dict[str, Any] = _plain(told)
        return found


class Progress(Protocol):
    """Is told what is done, and how many steps it has; gives what to call after each step."""

    def __call__(self, stage: str, steps: int, /) -> Callable[[], None]: ...


def evaluate(
    data: Path, profiles: Mapping[str, ModelProfile], reads: Reads, encoder: str, options: Options, progress: Progress
) -> RoutingEvaluation:
    """Measure. Raises DataError or QualityError."""
    names = _names(data, options)
    source = Data(data, profiles, reads, tuning=options.split == "dev")
    default = DEFAULT if DEFAULT in options.methods else options.methods[0]
    result = RoutingEvaluation(default, options.split, encoder)
    for name in names:
        found = source.set(name)
        result.sets.append(measure(found, options.methods, progress(name, len(options.methods))))
        if options.further:
            left_out = [method for method in NEWCOMER_METHODS if method in options.methods]
            tick = progress(f"{name}: models left out, changed texts", len(left_out) + 1)
            for method in left_out:
                result.newcomers.setdefault(method, []).append(newcomers(found, method))
                tick()
            result.changed.extend(robustness(found, default, reads))
            tick()
    if not options.further:
        return result
    if METHOD in options.methods and len(names) > 1:
        tick = progress("sources left out", 1)
        result.transferred.extend(transfer(source, names))
        tick()
    return _with_agents(result, data, reads, options, progress)


def _names(data: Path, options: Options) -> tuple[str, ...]:
    names = sources_of(data)
    unknown = sorted(set(options.sources) - set(names))
    if unknown:
        raise DataError(f"{data}: has no source {unknown[0]!r}, only {', '.join(names)}")
    return tuple(
        name
        for name in names
        if (not options.sources or name in options.sources) and (options.unlicensed or name not in UNLICENSED)
    )


def _with_agents(result: RoutingEvaluation, data: Path, reads: Reads, options: Options, progress: Progress) -> RoutingEvaluation:
    steps = read_steps(data)
    tick = progress("agentic", 2 * len(options.methods))
    told = twin(steps, reads, options.methods, tick)
    return replace(result, twin=told, graded=graded(data, reads, options.methods, tick))


def _plain(value: Any) -> Any:
    """JSON has no NaN; six digits are more than the rows tell."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if not isinstance(value, float):
        return value
    return None if isnan(value) else float(f"{value:.6g}")
