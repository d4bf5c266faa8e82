"""Sets: the routing data, source by source: train, dev and eval rows of the same models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.routing.profiles import profiles_for
from router_extproc.evaluation.routing.rows import read_rows
from router_extproc.evaluation.routing.table import by_source, names_of, outcomes_of, priced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from router_extproc.evaluation.routing.rows import Row
    from router_extproc.evaluation.routing.table import Priced
    from router_extproc.quality.outcomes import Outcomes, Singles
    from router_extproc.quality.profile import ModelProfile

    Reads = Callable[[Sequence[str]], Singles]
    """Inputs of texts."""

FOLDER = "routing"
UNLICENSED = ("routerdc_split2",)
"""Sources that carry no licence file."""
_HELD = 8
"""One training row of so many is held out where dev rows are measured on."""
_PRESENT = 0.9
"""A model is a candidate if it was tried on more than that share of the source's training rows."""


@dataclass(frozen=True, slots=True)
class RoutingSet:
    """One source."""

    name: str
    train: Outcomes
    """Of all its models."""
    dev: Outcomes
    """The same models."""
    candidates: tuple[int, ...]
    """Columns of the models that are chosen from."""
    train_priced: Priced
    dev_priced: Priced
    eval_priced: Priced
    eval_rows: tuple[Row, ...]
    """Those of eval_priced."""
    dropped: int
    """Eval rows on which some candidate was not tried."""

    @property
    def models(self) -> tuple[ModelProfile, ...]:
        """The candidates."""
        return self.eval_priced.outcomes.models


def sources_of(data: Path) -> tuple[str, ...]:
    """Names of all sources that have an eval file. Raises DataError if there is none."""
    found = tuple(sorted(path.name[len("eval_") : -len(".jsonl.gz")] for path in (data / FOLDER).glob("eval_*.jsonl.gz")))
    if not found:
        raise DataError(f"{data / FOLDER}: has no eval_*.jsonl.gz")
    return found


class Data:
    """All rows, read once. `tuning`: dev rows are measured on, and training rows held out take their place: for choosing methods."""

    def __init__(self, data: Path, profiles: Mapping[str, ModelProfile], reads: Reads, *, tuning: bool = False) -> None:
        """Reads the training and dev rows. Raises DataError."""
        self._tuning = tuning
        self._data = data
        self._profiles = profiles
        self._reads = reads
        self._shared = {split: read_rows(data / FOLDER / f"{split}.jsonl.gz") for split in ("train", "dev")}

    def rows(self, name: str, split: str) -> list[Row]:
        """A source's rows of one split: train, dev or eval. Raises DataError."""
        if split == "eval" and not self._tuning:
            return read_rows(self._data / FOLDER / f"eval_{name}.jsonl.gz")
        if self._tuning:
            split = {"eval": "dev"}.get(split, "train")
        found = self._shared[split]
        return [found[place] for place in by_source(found).get(name, [])]

    def joint(self, names: Sequence[str], split: str) -> Outcomes:
        """The outcomes of several sources in one table of all their models that have train rows."""
        trained = [row for name in names for row in self.rows(name, "train")]
        rows = [row for name in names for row in self.rows(name, split)]
        models = profiles_for(names_of(trained), self._profiles)
        return outcomes_of(rows, self._reads([row.prompt for row in rows]), models)

    def set(self, name: str) -> RoutingSet:
        """A source's rows with readings. Raises DataError."""
        rows = {split: self.rows(name, split) for split in ("train", "dev", "eval")}
        if self._tuning:
            rows["train"] = [row for place, row in enumerate(rows["dev"]) if place % _HELD]
            rows["dev"] = rows["dev"][::_HELD]
        if not all(rows.values()):
            raise DataError(f"{self._data / FOLDER}: source {name} lacks train or dev rows")
        models = profiles_for(names_of(rows["train"]), self._profiles)
        tables = {split: outcomes_of(found, self._reads([row.prompt for row in found]), models) for split, found in rows.items()}
        present = np.flatnonzero(tables["train"].known.mean(0) > _PRESENT)
        candidates = tuple(int(place) for place in present)
        costed = {split: priced(rows[split], table.columns(candidates)) for split, table in tables.items()}
        whole = np.asarray(tables["eval"].columns(candidates).known.all(1), bool)
        kept = tuple(row for row, good in zip(rows["eval"], whole.tolist(), strict=True) if good)
        return RoutingSet(
            name,
            tables["train"],
            tables["dev"],
            candidates,
            costed["train"],
            costed["dev"],
            costed["eval"],
            kept,
            len(rows["eval"]) - len(kept),
        )
