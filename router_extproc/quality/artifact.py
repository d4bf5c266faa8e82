"""Artifact: a quality model as one file: magic, version, checksum, a JSON header and plain arrays. Nothing in it is executed by reading it.

Layout: 8 bytes of magic; SHA-256 of all that follows; the header's length (8 bytes, little-endian); the header; the arrays' bytes, one
after the other, little-endian, each beginning at a multiple of 8 from the end of the header.
"""

from __future__ import annotations

import hashlib
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router_extproc.errors import UnknownPluginError
from router_extproc.quality.errors import QualityError
from router_extproc.quality.facts import FACTS
from router_extproc.quality.kinship import Kinship, Share
from router_extproc.quality.methods import METHODS
from router_extproc.quality.predictor import Predictor
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.traits import Traits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"RXQUAL\x00\x01"
"""The last byte is the version of the layout."""
FORMAT = 3
"""2 has `facts`, 3 the blend's tables."""
_READ = (1, 2, FORMAT)
MAX_BYTES = 1 << 30
_DIGEST, _LENGTH = 32, 8
_CURE = "make it again with `router-extproc train-quality`"
_OWN = "method."
"""Begins the names of the method's own arrays."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Known(_Closed):
    """A model's profile."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    price_input: float | None = None
    price_output: float | None = None
    parameters_b: float | None = None
    context_window: int | None = None
    tags: tuple[str, ...] = ()
    scores: dict[str, float] = {}

    def profile(self) -> ModelProfile:
        """As predictors take it."""
        return ModelProfile(
            self.name,
            self.price_input,
            self.price_output,
            self.parameters_b,
            self.context_window,
            frozenset(self.tags),
            self.scores,
        )


class ArrayEntry(_Closed):
    """One array."""

    name: str
    dtype: Literal["<f4", "<f8", "<f2", "|u1"]
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=4)]


class Header(_Closed):
    """What a quality model says of itself."""

    format: int
    method: str
    encoder: Sha256
    """Whose embeddings it reads, as `encoders.bundle.embedder` tells it: it means nothing to another."""
    width: Annotated[int, Field(ge=1, le=4096)]
    """Of an embedding."""
    facts: Annotated[int, Field(ge=0)] = 0
    """How many facts of a request it reads."""
    models: Annotated[tuple[Known, ...], Field(min_length=1, max_length=4096)]
    """Of the training table, in the order of its columns."""
    line: tuple[Annotated[float, Field(gt=0)], float]
    """Scale and offset of the calibration."""
    benchmarks: tuple[str, ...]
    tags: tuple[str, ...]
    penalty: Annotated[float, Field(gt=0)]
    extra: dict[str, float] = {}
    """Levels of models learned of after training, by name."""
    training: dict[str, Any]
    """What it was made of, and its figures."""
    arrays: tuple[ArrayEntry, ...]


def packed(predictor: Predictor, encoder: str, training: Mapping[str, Any]) -> bytes:
    """A file's content. `encoder`: what tells the encoder's embeddings apart (`encoders.bundle.embedder`)."""
    arrays = _arrays(predictor)
    traits = predictor.kin.traits
    header = Header(
        format=FORMAT,
        method=predictor.method,
        encoder=encoder,
        width=predictor.width,
        facts=predictor.facts,
        models=tuple(_known(model) for model in predictor.known),
        line=predictor.line,
        benchmarks=traits.benchmarks,
        tags=traits.tags,
        penalty=predictor.kin.penalty,
        extra={name: share.level for name, share in predictor.extra.items()},
        training=dict(training),
        arrays=tuple(ArrayEntry(name=name, dtype=values.dtype.str, shape=values.shape) for name, values in arrays.items()),  # type: ignore[arg-type]  # pydantic checks it
    )
    text = header.model_dump_json().encode()
    rest = len(text).to_bytes(_LENGTH, "little") + text + b"".join(_padded(values.tobytes()) for values in arrays.values())
    return MAGIC + hashlib.sha256(rest).digest() + rest


def unpacked(content: bytes, *, encoder: str | None = None) -> tuple[Predictor, Header]:
    """The predictor in a file's content, and the header. Raises QualityError, whose text does not name the file."""
    header, arrays = _read(content)
    if encoder is not None and header.encoder != encoder:
        raise QualityError(f"it was trained for another model bundle; {_CURE}")
    try:
        return _predictor(header, arrays), header
    except UnknownPluginError as error:
        raise QualityError(f"{error}; it is of another version of this program") from error
    except (KeyError, ValueError, IndexError, np.linalg.LinAlgError) as error:
        raise QualityError(f"its arrays do not fit its method: {error}; {_CURE}") from error


def read(path: Path, *, encoder: str | None = None) -> tuple[Predictor, Header]:
    """The predictor in a file, and the header. Raises QualityError."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise QualityError(f"{path}: {error.strerror or error}; {_CURE}") from error
    if size > MAX_BYTES:
        raise QualityError(f"{path}: larger than {MAX_BYTES >> 20} MiB; {_CURE}")
    try:
        return unpacked(content, encoder=encoder)
    except QualityError as error:
        raise QualityError(f"{path}: {error}") from error


def _known(model: ModelProfile) -> Known:
    return Known(
        name=model.name,
        price_input=model.price_input,
        price_output=model.price_output,
        parameters_b=model.parameters_b,
        context_window=model.context_window,
        tags=tuple(sorted(model.tags)),
        scores=dict(model.scores),
    )


def _arrays(predictor: Predictor) -> dict[str, NDArray[np.generic]]:
    kin = predictor.kin
    found: dict[str, NDArray[Any]] = {_OWN + name: values for name, values in predictor.fitted.arrays().items()}
    found |= {"trait_means": kin.traits.means, "trait_spread": kin.traits.spread, "trait_rows": kin.rows}
    if predictor.extra:
        found["extra"] = np.stack([share.weights for share in predictor.extra.values()])
    return {name: np.ascontiguousarray(values, values.dtype.newbyteorder("<")) for name, values in found.items()}


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 8)


def _read(content: bytes) -> tuple[Header, dict[str, NDArray[Any]]]:
    start = len(MAGIC) + _DIGEST
    if content[: len(MAGIC) - 1] != MAGIC[:-1] or len(content) < start + _LENGTH:
        raise QualityError(f"it is no quality model; {_CURE}")
    if content[: len(MAGIC)] != MAGIC:
        raise QualityError(f"it has version {content[len(MAGIC) - 1]}, this program reads {MAGIC[-1]}; {_CURE}")
    if hashlib.sha256(memoryview(content)[start:]).digest() != content[len(MAGIC) : start]:
        raise QualityError(f"it is damaged: its checksum is wrong; copy it anew or {_CURE}")
    end = start + _LENGTH + int.from_bytes(content[start : start + _LENGTH], "little")
    try:
        header = Header.model_validate_json(content[start + _LENGTH : end])
    except ValidationError as error:
        first = error.errors()[0]
        raise QualityError(f"{'.'.join(map(str, first['loc'])) or 'its header'}: {first['msg']}; {_CURE}") from error
    if header.format not in _READ:
        raise QualityError(f"it has format {header.format}, this program reads {_READ[0]} to {FORMAT}; {_CURE}")
    if header.facts not in {0, FACTS}:
        raise QualityError(f"it reads {header.facts} facts of a request, this program knows {FACTS}; {_CURE}")
    return header, _taken(content, end, header.arrays)


def _taken(content: bytes, place: int, entries: tuple[ArrayEntry, ...]) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for entry in entries:
        kind = np.dtype(entry.dtype)
        count = prod(entry.shape)  # of Python's integers: numpy's would wrap around
        size = count * kind.itemsize
        if place + size > len(content):
            raise QualityError(f"array {entry.name!r} is cut off; {_CURE}")
        values = np.frombuffer(content, kind, count, place).reshape(entry.shape)
        if kind.kind == "f" and np.isinf(values).any():
            raise QualityError(f"array {entry.name!r} holds numbers that are not finite; {_CURE}")
        found[entry.name] = values
        place += size + (-size % 8)
    return found


def _predictor(header: Header, arrays: Mapping[str, NDArray[Any]]) -> Predictor:
    own = {name.removeprefix(_OWN): values for name, values in arrays.items() if name.startswith(_OWN)}
    fitted = METHODS[header.method].build().restore(own)
    traits = Traits(header.benchmarks, header.tags, arrays["trait_means"], arrays["trait_spread"])
    kin = Kinship(traits, arrays["trait_rows"], header.penalty)
    known = [model.profile() for model in header.models]
    extra = {name: Share(arrays["extra"][place], level) for place, (name, level) in enumerate(header.extra.items())}
    predictor = Predictor(header.method, fitted, known, kin, header.line, width=header.width, facts=header.facts, extra=extra)
    _try(predictor)
    return predictor


def _try(predictor: Predictor) -> None:
    """Raises ValueError unless it predicts, for known models and for one that it does not know."""
    inputs = np.zeros((1, predictor.width + 1 + predictor.facts), np.float32)
    inputs[0, 0] = 1.0
    models = (*predictor.known, ModelProfile("a model of no known name", price_output=1.0))
    said = predictor.predict_all(inputs, models)
    if said.shape != (1, len(models)) or not np.isfinite(said).all():
        raise ValueError("it does not predict")
