"""Recipe: all that decides what a training run makes of its data. Needs no torch: the command line tells its defaults."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from router_extproc.training.corpus import Licence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_LENGTHS = frozenset({"steps", "polish", "polish_rate"})
"""What may differ where a run goes on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what comes out, beside the data."""

    layers: tuple[int, ...] = (0, 2, 4, 5)
    """Layers of the base model that the network starts from."""
    inner: int = 768
    """Inner neurons of a layer, of the base model's 1,536."""
    steps: int = 7465
    """Batches."""
    teacher_steps: int = 4014
    """Batches that the teacher learns from before; 0: none, and labels alone teach."""
    polish: int = 1600
    """Batches after these, of a quarter of the tokens: private data is learned from labels alone, all else is held where it is."""
    tokens: int = 16_384
    """Of a batch, padding included."""
    gather: int = 2
    """Batches of different heads that make one step of the optimizer."""
    seed: int = 20261127
    rate: float = 4e-4
    """Peak learning rate of the encoder; the heads have three times that."""
    polish_rate: float = 1.5e-4
    teacher_rate: float = 8e-5
    """The teacher's; its heads have ten times that."""
    licence: Licence = Licence.SHIPPED
    max_difficulty: int = 20_000
    """Examples of the difficulty head."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Recipe:
        """From a run's state or a manifest; other keys are left out."""
        known = {name: value for name, value in fields.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "layers": tuple(known["layers"]), "licence": Licence(known["licence"])})

    @property
    def length(self) -> int:
        """Batches in all."""
        return self.teacher_steps + self.steps + self.polish

    def same_but_steps(self, other: Mapping[str, Any]) -> bool:
        """Whether a run with that recipe can go on with this one."""
        own = json.loads(json.dumps(asdict(self)))
        return all(other.get(name) == value for name, value in own.items() if name not in _LENGTHS)


def recipe_of(bundle: Path) -> Recipe:
    """That a bundle was made by, which says what it may learn from. Raises BundleError if its manifest does not tell it."""
    from router_extproc.encoders.manifest import BundleError, read_manifest  # noqa: PLC0415 - the command line needs defaults only

    fields = read_manifest(bundle).training.get("recipe")
    if fields is None:
        raise BundleError(f"{bundle}: its manifest does not tell the recipe that says which sources it may learn from")
    try:
        return Recipe.of(fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{bundle}: the recipe in its manifest is none: {type(error).__name__}: {error}") from error
