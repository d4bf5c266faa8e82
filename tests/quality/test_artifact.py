from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from outcome_makers import MODELS, outcomes, query

from router_extproc.quality.artifact import MAGIC, packed
from router_extproc.quality.model import QualityError, load
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.quality.predictor import Predictor

ENCODER = "a" * 64
START = len(MAGIC) + 32


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """One that is quickly made."""
    return train("clusters", outcomes(), outcomes(200, seed=1))


@pytest.fixture
def file(predictor: Predictor, tmp_path: Path) -> Path:
    """It in a file."""
    path = tmp_path / "it.quality"
    path.write_bytes(packed(predictor, ENCODER, {}))
    return path


def signed(rest: bytes) -> bytes:
    """A file whose checksum is right."""
    return MAGIC + hashlib.sha256(rest).digest() + rest


class TestLoad:
    def test_gives_the_model(self, file: Path, predictor: Predictor) -> None:
        """For the encoder that it was made with, or unchecked."""
        for encoder in (ENCODER, None):
            loaded = load(file, encoder=encoder)
            np.testing.assert_allclose(loaded.predict(query(0), MODELS), predictor.predict(query(0), MODELS), atol=1e-6)

    def test_keeps_models_learned_of_later(self, predictor: Predictor, tmp_path: Path) -> None:
        """Examples are in the file too."""
        new = ModelProfile("new")
        more = predictor.with_examples(new, outcomes(30).inputs, np.ones(30))
        path = tmp_path / "more.quality"
        path.write_bytes(packed(more, ENCODER, {}))

        np.testing.assert_allclose(load(path).predict(query(0), (new,)), more.predict(query(0), (new,)), atol=1e-6)

    def test_refuses_another_encoder(self, file: Path) -> None:
        """Its embeddings would mean something else."""
        with pytest.raises(QualityError, match=r"it\.quality: it was trained for another model bundle; make it again"):
            load(file, encoder="b" * 64)

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        """The error names the file."""
        with pytest.raises(QualityError, match=r"none\.quality: No such file"):
            load(tmp_path / "none.quality")

    @pytest.mark.parametrize("place", [START + 20, -5])
    def test_refuses_damage(self, file: Path, place: int) -> None:
        """One changed byte is enough."""
        content = bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)

        with pytest.raises(QualityError, match="damaged: its checksum is wrong"):
            load(file)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            pytest.param(b"", "no quality model", id="empty"),
            pytest.param(b"PK\x03\x04" * 100, "no quality model", id="another format"),
            pytest.param(MAGIC[:-1] + b"\x09" + bytes(100), "version 9, this program reads 1", id="a later version"),
            pytest.param(signed((2).to_bytes(8, "little") + b"{}"), "format: Field required", id="an empty header"),
            pytest.param(signed((9).to_bytes(8, "little") + b"not json!"), "Invalid JSON", id="no header"),
        ],
    )
    def test_refuses_other_files(self, tmp_path: Path, content: bytes, text: str) -> None:
        """The error says what it is instead."""
        path = tmp_path / "other.quality"
        path.write_bytes(content)

        with pytest.raises(QualityError, match=text):
            load(path)

    @pytest.mark.parametrize(
        ("old", "new", "text"),
        [
            pytest.param(
                b'"method":"clusters"', b'"method":"sandwich"', "unknown method 'sandwich'", id="a method of another version"
            ),
            pytest.param(
                b'"method":"clusters"', b'"method":"factors" ', "do not fit its method", id="the arrays of another method"
            ),
            pytest.param(b'"format":3', b'"format":7', "format 7, this program reads 1 to 3", id="another format"),
            pytest.param(b'"facts":0', b'"facts":3', "reads 3 facts of a request, this program knows 6", id="other facts"),
            pytest.param(b'"dtype":"<f4"', b'"dtype":"<f8"', "cut off", id="arrays that are longer than the file"),
        ],
    )
    def test_refuses_headers_that_do_not_fit(self, file: Path, old: bytes, new: bytes, text: str) -> None:
        """Even where the checksum is right."""
        rest = file.read_bytes()[START:]
        assert old in rest
        file.write_bytes(signed(rest.replace(old, new)))

        with pytest.raises(QualityError, match=text):
            load(file)

    def test_refuses_shapes_beyond_all_numbers(self, file: Path) -> None:
        """As any other array that is longer than the file."""
        rest = file.read_bytes()[START:]
        length = int.from_bytes(rest[:8], "little")
        header = json.loads(rest[8 : 8 + length])
        header["arrays"][0]["shape"] = [2**62, 3]
        text = json.dumps(header).encode()
        file.write_bytes(signed(len(text).to_bytes(8, "little") + text + rest[8 + length :]))

        with pytest.raises(QualityError, match="cut off"):
            load(file)
