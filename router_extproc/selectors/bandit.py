"""Bandit: the candidate that feedback shows to be the best for such requests, with a share of requests that tries the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from router_extproc.errors import SpecError
from router_extproc.learning.exploration import Exploration
from router_extproc.learning.features import MAX_DIMENSION, features
from router_extproc.learning.learner import Learner, Prior
from router_extproc.learning.lesson import Lesson, Weights, arm, packed
from router_extproc.learning.lin_ucb import LinUcb
from router_extproc.learning.sums import Space
from router_extproc.learning.thompson import Thompson
from router_extproc.policy.rate_limits import seconds
from router_extproc.policy.section import Name, wrong
from router_extproc.routing import Selection
from router_extproc.selectors.estimates import Estimate, amounts
from router_extproc.selectors.judge import judge
from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.reading import Reading
    from router_extproc.learning.bandit import Bandit
    from router_extproc.learning.learner import Taken
    from router_extproc.routing import Candidate
    from router_extproc.selectors.judge import Judge
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices

    Floats = NDArray[np.float64]

_THOUSAND = 1000
_MIDDLING = 0.5
_FEEDBACK = "feedback"
_HEARD = 0.6
"""Least confidence with which the feedback head is believed."""


def _half_life(value: str) -> str:
    if value != "never":
        seconds(value)
    return value


class PriorOptions(Options):
    """What is thought of the candidates before any feedback."""

    weight: Annotated[float, Field(gt=0.0, le=1000.0)] = 2.0
    """As how many pieces of feedback on this very request the prior counts."""
    quality: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """File of a quality model, beside the policy."""
    chances: Annotated[dict[Name, Annotated[float, Field(ge=0.0, le=1.0)]], Field(max_length=64)] = {}
    """Chance of a good answer by pool, the same for all requests; 0.5 where a pool is not named."""

    @model_validator(mode="after")
    def _one(self) -> PriorOptions:
        if bool(self.quality) == bool(self.chances):
            raise wrong("a prior comes from a quality model or from chances", "set `quality` or `chances`, and not both")
        return self


class ExploreOptions(Options):
    """Bounds on what is tried out, whatever the algorithm would like."""

    min: Annotated[float, Field(ge=0.0, le=0.9)] = 0.02
    """Share of requests that is spread evenly over all candidates."""
    max: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Share of requests that may go elsewhere than to the candidate that is expected to be the best."""

    @model_validator(mode="after")
    def _ordered(self) -> ExploreOptions:
        if self.min > self.max:
            raise wrong("`min` is more than `max`", "lower `min`")
        return self


Weight = Annotated[float, Field(ge=0.0, le=1.0)]


class ImplicitOptions(Options):
    """As how much feedback each thing counts that nobody said. 0 leaves it out."""

    reask: Weight = 0.3
    """The user's next turn asks the same again: bad."""
    feedback: Weight = 0.5
    """What the feedback head hears in the user's next turn, where that is read: satisfied is good, wrong_answer and want_different bad."""
    error: Weight = 1.0
    """The response is an error, or breaks off: bad."""
    truncation: Weight = 0.2
    """The answer ends at its length limit: bad."""


class BanditOptions(Options):
    """How is learned, and from what."""

    algorithm: Literal["thompson", "linucb"] = "thompson"
    """Thompson sampling, or LinUCB."""
    scale: Annotated[float, Field(gt=0.0, le=10.0)] | None = None
    """Of Thompson sampling: the noise of feedback, as a standard deviation; more explores more. 0.2 if left out."""
    alpha: Annotated[float, Field(ge=0.0, le=10.0)] | None = None
    """Of LinUCB: how many standard deviations of hope count. 0.5 if left out."""
    learner: Name = "default"
    """Routes of one learner learn from each other."""
    dimension: Annotated[int, Field(ge=0, le=MAX_DIMENSION)] = 16
    """Numbers that are made of a prompt's embedding; 0: the prompt is not read, and each candidate's mean is learned."""
    half_life: Annotated[
        str,
        AfterValidator(_half_life),
        Field(json_schema_extra={"pattern": "^(never|[1-9][0-9]{0,6}[smhd])$", "examples": ["7d"]}),
    ] = "7d"
    """After which feedback counts half; `never`: it does not age."""
    prior: PriorOptions | None = None
    """What is thought of the candidates before any feedback; left out: nothing."""
    cost_weight: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    """Chance of a good answer that is given up for one US dollar less in 1,000 requests."""
    energy_weight: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    """Chance of a good answer that is given up for one watt-hour less."""
    expected_output_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Tokens of an answer where neither the caller's limit nor the pool's own mean length says less."""
    explore: ExploreOptions = ExploreOptions()
    """How much is tried out."""
    implicit: ImplicitOptions = ImplicitOptions()
    """What counts beside feedback that somebody gives."""

    @model_validator(mode="after")
    def _of_the_algorithm(self) -> BanditOptions:
        idle, cure = ("alpha", "scale") if self.algorithm == "thompson" else ("scale", "alpha")
        if getattr(self, idle) is not None:
            raise wrong(f"`{idle}` has no effect on {self.algorithm}", f"set `{cure}`")
        return self


class BanditSelector:
    """Filters, then a learner's choice, with the chance of it on record. Safe from several threads."""

    name = "bandit"

    def __init__(
        self,
        options: BanditOptions,
        candidates: tuple[Candidate, ...],
        learner: Learner,
        *,
        judge: Judge | None = None,
    ) -> None:
        self._profile = Profile(self.name, candidates, [])
        self._learner = learner
        self._judge = judge
        self._dimension = options.dimension
        self._prior = options.prior
        self._estimate = Estimate(options.expected_output_tokens)
        self._cost, self._energy = options.cost_weight * _THOUSAND, options.energy_weight
        implicit = options.implicit
        self._weights = Weights(implicit.reask, implicit.feedback, implicit.error, implicit.truncation)
        self._choosing = len(candidates) > 1

    @property
    def observes(self) -> bool:
        """Whether responses teach it."""
        return self._choosing and self._weights.responses

    @property
    def reads(self) -> bool:
        """Whether it wants a reading of the request."""
        return self._choosing and bool(self._dimension or self._judge)

    def select(self, candidates: Sequence[Candidate], choice: Choice, /) -> tuple[Selection | None, Mapping[str, str]]:
        """The selection, and why the others were dropped."""
        fitting, dropped = self._profile.fitting(candidates, choice)
        if not fitting:
            return None, dropped
        if self._judge is not None:
            choice = self._judge.judged(choice, fitting)
        numbers = features(choice.reading, self._dimension)
        arms = [arm(candidate.pool.name, candidate.pool.model) for candidate in fitting]
        taken = self._learner.take(arms, numbers, costs=self._costs(fitting, choice), prior=self._thought(fitting, choice))
        return self._selection(fitting, choice, taken, numbers, arms[taken.index], dropped), dropped

    def _selection(
        self, fitting: Sequence[Candidate], choice: Choice, taken: Taken, numbers: Floats, name: str, dropped: Mapping[str, str]
    ) -> Selection:
        chosen = fitting[taken.index].pool
        space = self._learner.space
        values = np.clip(taken.values, 0.0, 1.0).tolist()
        lesson = Lesson(space.name, space.dimension, space.half_life_s, name, packed(numbers), taken.propensity, self._weights)
        return Selection(
            chosen,
            chosen.model or choice.request.model,
            self.name,
            {candidate.pool.name: value for candidate, value in zip(fitting, values, strict=True)},
            dropped,
            choice.quality,
            taken.propensity,
            lesson=lesson,
            heard=_heard(choice.reading) if self._weights.feedback else "",
        )

    def _costs(self, fitting: Sequence[Candidate], choice: Choice) -> Floats:
        """What each candidate costs, in units of reward."""
        total = np.zeros(len(fitting))
        for weight, amount in ((self._cost, self._estimate.cost), (self._energy, self._estimate.energy)):
            if weight:
                total += weight * np.array(amounts(amount, fitting, choice))
        return total

    def _thought(self, fitting: Sequence[Candidate], choice: Choice) -> Prior | None:
        if self._prior is None:
            return None
        chances = choice.quality if self._judge is not None else self._prior.chances
        return Prior(np.array([chances.get(candidate.pool.name, _MIDDLING) for candidate in fitting]), self._prior.weight)


def _heard(reading: Reading | None) -> str:
    """What the feedback head hears in the last user turn; empty if it is not sure, or cannot read it."""
    chances = reading.classes.get(_FEEDBACK, {}) if reading is not None and reading.legible else {}
    label = max(chances, key=chances.__getitem__, default="")
    return label if label and chances[label] >= _HEARD else ""


def build(options: BanditOptions, candidates: tuple[Candidate, ...], services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return build_from(options, candidates, services, None)


def build_from(
    options: BanditOptions, candidates: tuple[Candidate, ...], services: SelectorServices, source: random.Random | None
) -> Selector:
    """The same, with a given source of chance."""
    _check(options, candidates)
    space = Space(options.learner, options.dimension, 0.0 if options.half_life == "never" else float(seconds(options.half_life)))
    bounds = Exploration(options.explore.min, options.explore.max)
    learner = Learner(space, _algorithm(options), bounds, services.experience, source=source)
    return BanditSelector(options, candidates, learner, judge=_judge(options, candidates, services))


def _algorithm(options: BanditOptions) -> Bandit:
    if options.algorithm == "linucb":
        return LinUcb(0.5 if options.alpha is None else options.alpha)
    return Thompson(0.2 if options.scale is None else options.scale)


def _judge(options: BanditOptions, candidates: tuple[Candidate, ...], services: SelectorServices) -> Judge | None:
    judges = options.prior is not None and options.prior.quality is not None
    if options.implicit.feedback and len(candidates) > 1 and (options.dimension or judges):
        services.share((_FEEDBACK,))
    if options.prior is None or options.prior.quality is None:
        return None
    try:
        return judge(options.prior.quality, candidates, services)
    except SpecError as error:
        raise SpecError(("prior", *error.path), error.message, cure=error.cure) from error


def _check(options: BanditOptions, candidates: tuple[Candidate, ...]) -> None:
    """Options that could do nothing. Raises SpecError."""
    names = [candidate.pool.name for candidate in candidates]
    for name in options.prior.chances if options.prior is not None else ():
        if name not in names:
            raise SpecError(
                ("prior", "chances", name), f"{name!r} is no candidate of this route", cure=f"name one of {', '.join(names)}"
            )
    stated: tuple[tuple[str, float, Callable[[Candidate], object]], ...] = (
        ("costWeight", options.cost_weight, lambda each: each.pool.price),
        ("energyWeight", options.energy_weight, lambda each: each.pool.energy),
    )
    for key, weight, amount in stated:
        if weight and not any(amount(candidate) for candidate in candidates):
            what = "price" if key == "costWeight" else "energy"
            raise SpecError((key,), f"no candidate states its {what}, so this has no effect", cure=f"give the pools `{what}`")
