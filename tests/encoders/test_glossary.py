"""What word pieces say for each label of a head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router_extproc.encoders.glossary import Glossary, read_glossary, write_glossary
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

COURT, ROOT, THE = 0, 1, 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a glossary with three pieces and two labels."""
    rarity = np.array([4.0, 3.0, 1.0], np.float32)
    weights = np.array([[2.0, -1.0], [-1.0, 2.0], [0.0, 0.0]], np.float32)
    write_glossary(tmp_path / "glossary.domain.npz", rarity, weights, np.array([0.5, -0.5], np.float32))
    return tmp_path / "glossary.domain.npz"


@pytest.fixture
def glossary(path: Path) -> Glossary:
    """That glossary."""
    return read_glossary(path)


class TestLogits:
    def test_say_whose_words_they_are(self, glossary: Glossary) -> None:
        """Each label's, by the weights of all pieces over the length of the term vector."""
        law, math = glossary.logits([COURT, THE, COURT])
        length = (2 * 4.0**2 + 1.0 + 15.0**2) ** 0.5

        assert law == pytest.approx(2 * 4.0 * 2.0 / length + 0.5, rel=0.01)
        assert math == pytest.approx(2 * 4.0 * -1.0 / length - 0.5, rel=0.01)

    def test_of_nothing_are_the_offsets(self, glossary: Glossary) -> None:
        """A window without text, and one of words that say nothing."""
        assert glossary.logits([]) == glossary.logits([THE]) == (0.5, -0.5)

    def test_take_any_sequence(self, glossary: Glossary) -> None:
        """One piece is no place in the table's rows and columns."""
        assert glossary.logits((ROOT,)) == glossary.logits([ROOT])

    def test_refuse_a_piece_of_another_vocabulary(self, glossary: Glossary) -> None:
        """It would be silence otherwise."""
        with pytest.raises(IndexError):
            glossary.logits([3])


class TestFile:
    def test_same_glossary_same_bytes(self, path: Path, tmp_path: Path) -> None:
        """Or its checksum would change on every day."""
        again = tmp_path / "again.npz"
        write_glossary(
            again,
            np.array([4.0, 3.0, 1.0], np.float32),
            np.array([[2.0, -1.0], [-1.0, 2.0], [0.0, 0.0]], np.float32),
            np.array([0.5, -0.5], np.float32),
        )

        assert again.read_bytes() == path.read_bytes()

    def test_refuses_what_is_none(self, tmp_path: Path) -> None:
        """Whatever it is."""
        (tmp_path / "g.npz").write_bytes(b"not a file of arrays")

        with pytest.raises(BundleError, match="not a glossary"):
            read_glossary(tmp_path / "g.npz")

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            pytest.param({"offsets": np.zeros(3, np.float32)}, "not those of a glossary", id="labels that differ"),
            pytest.param({"rarity": np.ones(2, np.float16)}, "not a glossary", id="pieces that differ"),
            pytest.param({"scale": np.float32(np.nan)}, "not finite", id="no number"),
            pytest.param({"weights": None}, "not a glossary", id="no weights"),
        ],
    )
    def test_refuses_arrays_that_do_not_fit(self, changed: dict[str, Any], reason: str, path: Path) -> None:
        """Before anything is served."""
        with np.load(path) as file:
            arrays = {name: value for name, value in ({**file} | changed).items() if value is not None}
        np.savez(path, **arrays)

        with pytest.raises(BundleError, match=reason):
            read_glossary(path)
