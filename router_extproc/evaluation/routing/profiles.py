"""Profiles: what was known beforehand of models, from a YAML or JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from router_extproc.evaluation.errors import DataError
from router_extproc.quality.profile import ModelProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ESTIMATES = Path(__file__).with_name("model_profiles.yaml")
"""Of the models in the public routing data."""

Share = Annotated[float, Field(ge=0, le=1)]
Dollars = Annotated[float, Field(ge=0)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Entry(_Closed):
    """One model."""

    price: tuple[Dollars, Dollars] | None = None
    """US dollars per million tokens, input and output."""
    size: Annotated[float, Field(gt=0)] | None = None
    """Billions of parameters."""
    window: Annotated[int, Field(gt=0)] | None = None
    """Tokens."""
    tags: tuple[str, ...] = ()
    scores: dict[str, Share] = {}
    """By benchmark."""

    def profile(self, name: str) -> ModelProfile:
        """As quality models take it."""
        low, high = self.price or (None, None)
        return ModelProfile(name, low, high, self.size, self.window, frozenset(self.tags), self.scores)


class ProfilesFile(_Closed):
    """`models`: by name."""

    models: dict[str, Entry]


def read_profiles(path: Path) -> dict[str, ModelProfile]:
    """By name. Raises DataError."""
    try:
        file = ProfilesFile.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not YAML or JSON: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error
    return {name: entry.profile(name) for name, entry in file.models.items()}


def profiles_for(names: Iterable[str], known: Mapping[str, ModelProfile]) -> tuple[ModelProfile, ...]:
    """A profile for each name, in order: a bare one for a model of which nothing is known."""
    return tuple(known.get(name) or ModelProfile(name) for name in names)
