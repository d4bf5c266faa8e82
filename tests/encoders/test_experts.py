"""What heads hear beside the graph."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router_extproc.encoders.bundle import TOKENIZER, Bundle
from router_extproc.encoders.experts import Seat, file_of, heard, said
from router_extproc.encoders.glossary import write_glossary
from router_extproc.encoders.heads import width
from router_extproc.encoders.lexicon import BUCKETS, Lexicon, counted, write_lexicon
from router_extproc.encoders.manifest import FILE_NAME, BundleError, FileEntry, sha256
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.tokens import WordPieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder

USERS = frozenset({Kind.USER})
FILE = file_of("pieces", "jailbreak")


class Length:
    """Says how many pieces a window has."""

    def logits(self, ids: Sequence[int], /) -> Sequence[float]:
        """One number."""
        return (float(len(ids)),)


def disclose(folder: Path) -> None:
    """Write a lexicon that knows the first piece of the word "refund" as the bundle's tokenizer reads it, and no other."""
    rarity, weights = np.zeros(BUCKETS, np.float32), np.zeros(BUCKETS, np.float32)
    (place,), _ = counted(WordPieces(folder / TOKENIZER).encode("refund").ids[:1])
    rarity[place], weights[place] = 8.0, 60.0
    write_lexicon(folder / FILE, Lexicon(rarity, weights, 0.0))


def amend(folder: Path, *, listed: bool = True, **fields: Any) -> Path:
    """Replace entries of the manifest."""
    manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    if listed:
        entry = FileEntry(sha256=sha256(folder / FILE), bytes=(folder / FILE).stat().st_size)
        manifest["files"][FILE] = entry.model_dump()
    (folder / FILE_NAME).write_text(json.dumps(manifest | fields), encoding="utf-8")
    return folder


def seated(name: str = "pieces", head: str = "jailbreak", weight: float = 1.0) -> dict[str, Any]:
    """The manifest's entry."""
    return {"experts": {head: {name: {"weight": weight, "kinds": ["user"]}}}}


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle with a lexicon that its manifest does not know yet."""
    found = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    disclose(found)
    return found


class TestSaid:
    def test_each_window_by_its_own_text(self) -> None:
        """Times the weight."""
        assert said([Seat(Length(), 0.5, USERS)], Kind.USER, [[7, 8], [7, 8, 9, 10]]) == [[[1.0], [2.0]]]

    def test_other_kinds_are_left_alone(self) -> None:
        """An expert is asked only about what it learned from."""
        assert said([Seat(Length(), 1.0, USERS)], Kind.DOCUMENT, [[7, 8]]) == []


class TestHeard:
    def test_every_expert_is_added(self) -> None:
        """Window by window, label by label."""
        found = heard([[1.0, 5.0], [2.0, 6.0]], [[[0.5, 0.0], [1.5, 0.0]], [[10.0, 1.0], [20.0, 2.0]]])

        assert found == [[11.5, 6.0], [23.5, 8.0]]

    def test_none_changes_nothing(self) -> None:
        """What the graph says is what counts."""
        rows = [[1.0]]

        assert heard(rows, []) is rows


class TestReading:
    def read(self, encoder: Encoder, text: str, kind: Kind = Kind.USER) -> float:
        """The head's chance."""
        return float(encoder.read([text], kind, outputs=("jailbreak",))[0].chances["jailbreak"])

    def test_the_head_hears_it(self, folder: Path, opened: Callable[..., Encoder]) -> None:
        """And texts with none of its words stay as they are."""
        deaf, hearing = opened(Bundle(folder)), opened(Bundle(amend(folder, **seated())))

        assert self.read(hearing, "a refund") > self.read(deaf, "a refund") + 0.1
        assert self.read(hearing, "tea") == pytest.approx(self.read(deaf, "tea"))

    def test_documents_do_not(self, folder: Path, opened: Callable[..., Encoder]) -> None:
        """It learned from users."""
        deaf, hearing = opened(Bundle(folder)), opened(Bundle(amend(folder, **seated())))

        assert self.read(hearing, "a refund", Kind.DOCUMENT) == self.read(deaf, "a refund", Kind.DOCUMENT)

    @pytest.mark.parametrize("before", [pytest.param(0, id="at the beginning"), pytest.param(60, id="in a later window")])
    def test_finds_its_word_in_any_window(self, before: int, folder: Path, opened: Callable[..., Encoder]) -> None:
        """As loud as if the window were alone."""
        deaf, hearing = opened(Bundle(folder)), opened(Bundle(amend(folder, **seated())))
        text = "tea " * before + "refund " + "tea " * (80 - before)

        assert self.read(hearing, text) > self.read(deaf, text) + 0.1

    def test_other_heads_are_left_alone(self, folder: Path, opened: Callable[..., Encoder]) -> None:
        """And the embedding is, too."""
        wanted = ("domain", "difficulty", "embedding")
        (deaf,) = opened(Bundle(folder)).read(["a refund"], Kind.USER, outputs=wanted)
        (hearing,) = opened(Bundle(amend(folder, **seated()))).read(["a refund"], Kind.USER, outputs=wanted)

        assert (deaf.classes, deaf.chances) == (hearing.classes, hearing.chances)
        assert deaf.embedding.tolist() == hearing.embedding.tolist()

    def test_hostile_texts_are_read(self, hostile: str, folder: Path, opened: Callable[..., Encoder]) -> None:
        """With a chance, whatever they hold."""
        assert 0 <= self.read(opened(Bundle(amend(folder, **seated()))), hostile) <= 1


class TestLoading:
    def test_a_bundle_without_any(self, tiny_bundle: Path) -> None:
        """As all were before there were experts."""
        assert Bundle(tiny_bundle).experts == {}

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            pytest.param(seated(name="words"), "the expert words, which this program does not know", id="unknown expert"),
            pytest.param(seated(head="mood"), "mood, which are no heads", id="unknown head"),
            pytest.param(seated(head="domain"), r"pieces\.domain\.npz is not among its files", id="no file"),
            pytest.param(seated(weight=0.0), "greater than 0", id="no weight"),
        ],
    )
    def test_refuses(self, fields: dict[str, Any], reason: str, folder: Path) -> None:
        """Before anything is served."""
        with pytest.raises(BundleError, match=reason):
            Bundle(amend(folder, **fields))

    def test_refuses_one_for_another_head(self, folder: Path) -> None:
        """A lexicon has one output, the domain head has several."""
        shutil.copyfile(folder / FILE, folder / file_of("pieces", "domain"))
        entry = {"sha256": sha256(folder / FILE), "bytes": (folder / FILE).stat().st_size}
        amend(folder, **seated(head="domain"))
        manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        manifest["files"][file_of("pieces", "domain")] = entry
        (folder / FILE_NAME).write_text(json.dumps(manifest), encoding="utf-8")

        with pytest.raises(BundleError, match="does not give what the head domain has"):
            Bundle(folder)

    def test_refuses_one_for_another_vocabulary(self, folder: Path) -> None:
        """It would fail at the first word that it has not."""
        labels = width("domain")
        name = file_of("glossary", "domain")
        write_glossary(folder / name, np.ones(3, np.float32), np.ones((3, labels), np.float32), np.zeros(labels, np.float32))
        amend(folder, listed=False, **seated(name="glossary", head="domain"))
        manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        manifest["files"][name] = {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
        (folder / FILE_NAME).write_text(json.dumps(manifest), encoding="utf-8")

        with pytest.raises(BundleError, match=r"does not know all \d+ pieces"):
            Bundle(folder)

    def test_refuses_a_file_that_was_swapped(self, folder: Path) -> None:
        """Its checksum is in the manifest."""
        amend(folder, **seated())
        (folder / FILE).write_bytes((folder / FILE).read_bytes()[::-1])

        with pytest.raises(BundleError, match="SHA-256"):
            Bundle(folder)
