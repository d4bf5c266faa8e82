"""Profile: a selector made of filters, weighted scorers and a picker."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from router_extproc.routing import Selection
from router_extproc.selectors.filters import filters_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.judge import Judge
    from router_extproc.selectors.selector import Choice, Picker, Scorer

_NONE: Mapping[str, str] = MappingProxyType({})


class Highest:
    """Picks the candidate with the highest score; of equals the one that stands first in the policy."""

    def pick(self, scored: Sequence[tuple[Candidate, float]], _choice: Choice, /) -> Candidate:
        """The best one."""
        return max(scored, key=lambda pair: pair[1])[0]

    def chances(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Sequence[float]:
        """Nothing is left to chance."""
        best = self.pick(scored, choice)
        return [float(candidate is best) for candidate, _ in scored]


class Profile:
    """Filters, then scores (a weighted mean of the scorers'), then picks."""

    def __init__(
        self,
        name: str,
        candidates: tuple[Candidate, ...],
        scorers: Sequence[tuple[Scorer, float]],
        picker: Picker | None = None,
        *,
        observes: bool = False,
        judge: Judge | None = None,
    ) -> None:
        self._name = name
        self._filters = filters_for(candidates)
        total = sum(weight for _, weight in scorers) or 1.0
        self._scorers = tuple((scorer, weight / total) for scorer, weight in scorers)
        self._picker = picker or Highest()
        self._observes = observes
        # Where there is no choice, nothing that could be read changes it.
        self._reads = judge is not None and len(candidates) > 1
        self._judge = judge

    @property
    def name(self) -> str:
        """Its type name in the policy."""
        return self._name

    @property
    def observes(self) -> bool:
        """Whether it learns from responses."""
        return self._observes

    @property
    def reads(self) -> bool:
        """Whether it wants a reading of the request."""
        return self._reads

    def select(self, candidates: Sequence[Candidate], choice: Choice, /) -> tuple[Selection | None, Mapping[str, str]]:
        """The selection, and why the others were dropped."""
        fitting, dropped = self.fitting(candidates, choice)
        if not fitting:
            return None, dropped
        if self._judge is not None and (self._reads or len(fitting) > 1):
            choice = self._judge.judged(choice, fitting)
        scores = self._scores(fitting, choice)
        scored = list(zip(fitting, scores, strict=True))
        chosen = self._picker.pick(scored, choice) if len(fitting) > 1 else fitting[0]
        chances = self._picker.chances(scored, choice) if len(fitting) > 1 else (1.0,)
        chance = next(each for candidate, each in zip(fitting, chances, strict=True) if candidate is chosen)
        told = {candidate.pool.name: score for candidate, score in zip(fitting, scores, strict=True)}
        model = chosen.pool.model or choice.request.model
        return Selection(chosen.pool, model, self._name, told, dropped, choice.quality, chance), dropped

    def chances(self, candidates: Sequence[Candidate], choice: Choice) -> Mapping[str, float]:
        """How likely each candidate is to be chosen, by pool name; `choice` tells the quality, no model is asked."""
        fitting, _ = self.fitting(candidates, choice)
        scored = list(zip(fitting, self._scores(fitting, choice), strict=True))
        found = self._picker.chances(scored, choice) if len(fitting) > 1 else (1.0,) * len(fitting)
        return {candidate.pool.name: chance for candidate, chance in zip(fitting, found, strict=True)}

    def fitting(self, candidates: Sequence[Candidate], choice: Choice) -> tuple[Sequence[Candidate], Mapping[str, str]]:
        """Those that can serve the request, and why the others cannot, by pool name."""
        if not self._filters:
            return candidates, _NONE
        fitting: list[Candidate] = []
        dropped: dict[str, str] = {}
        for candidate in candidates:
            why = next((filter_.name for filter_ in self._filters if not filter_.keeps(candidate, choice)), None)
            if why is None:
                fitting.append(candidate)
            else:
                dropped[candidate.pool.name] = why
        return fitting, dropped

    def _scores(self, candidates: Sequence[Candidate], choice: Choice) -> list[float]:
        if len(candidates) == 1 or not self._scorers:
            return [1.0] * len(candidates)
        totals = [0.0] * len(candidates)
        for scorer, weight in self._scorers:
            for index, score in enumerate(scorer.score(candidates, choice)):
                totals[index] += weight * score
        return totals
