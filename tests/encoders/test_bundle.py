from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from tiny_bundle import OVERLAP, WINDOW, seal, tokenizer, write_bundle

from router_extproc.encoders.bundle import BACKGROUND, GRAPH, TOKENIZER, Bundle, Window, embedder, fingerprint
from router_extproc.encoders.heads import POOLED, TAGS, width
from router_extproc.encoders.manifest import FILE_NAME, BundleError
from router_extproc.encoders.passages import cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Damage = Callable[[Path], None]


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that the test may change."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def missing(name: str) -> Damage:
    """A file is not there."""
    return lambda folder: (folder / name).unlink()


def truncated(name: str) -> Damage:
    """A download broke off."""

    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


def corrupt(name: str) -> Damage:
    """One bit of the last byte is another."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-1] ^= 1
        (folder / name).write_bytes(bytes(data))

    return damage


def swapped(name: str) -> Damage:
    """The file is another bundle's."""

    def damage(folder: Path) -> None:
        other = write_bundle(folder.parent / "other", seed=1)
        shutil.copyfile(other / name, folder / name)

    return damage


def folder_in_place_of(name: str) -> Damage:
    """Kubernetes makes a folder where a file that is to be mounted is not there."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def says(**entries: Any) -> Damage:
    """The manifest has other entries."""

    def damage(folder: Path) -> None:
        seal(folder, **entries)

    return damage


def says_text(old: str, new: str) -> Damage:
    """The manifest's text is another."""

    def damage(folder: Path) -> None:
        path = folder / FILE_NAME
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return damage


def without_file(name: str) -> Damage:
    """The manifest does not list a file."""

    def damage(folder: Path) -> None:
        entries = json.loads((folder / FILE_NAME).read_text())
        del entries["files"][name]
        (folder / FILE_NAME).write_text(json.dumps(entries))

    return damage


def sealed(name: str, data: bytes) -> Damage:
    """A file is nonsense, and the manifest says so."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)
        seal(folder)

    return damage


def background(rows: Any) -> Damage:
    """The background is another array."""

    def damage(folder: Path) -> None:
        np.save(folder / BACKGROUND, rows)
        seal(folder)

    return damage


def graph(change: Callable[[onnx.ModelProto], None]) -> Damage:
    """The graph is another one."""

    def damage(folder: Path) -> None:
        model = onnx.load(folder / GRAPH)
        change(model)
        onnx.save(model, folder / GRAPH)
        seal(folder)

    return damage


def without_output(model: onnx.ModelProto) -> None:
    """The graph has no jailbreak head."""
    outputs = model.graph.output
    del outputs[[output.name for output in outputs].index("jailbreak")]


def as_before_version_9(model: onnx.ModelProto) -> None:
    """The graph leaves it to others to add up the tags of a type."""
    kept = [output for output in model.graph.output if output.name not in {"types", "peaks"}]
    del model.graph.output[:]
    model.graph.output.extend(kept)


def with_another_input(model: onnx.ModelProto) -> None:
    """The graph calls an input by another name."""
    for node in model.graph.node:
        node.input[:] = ["segments" if name == "marks" else name for name in node.input]
    next(each for each in model.graph.input if each.name == "marks").name = "segments"


def with_swapped_heads(model: onnx.ModelProto) -> None:
    """Two heads have each other's names."""
    split = next(node for node in model.graph.node if node.op_type == "Split")
    other = {"domain": "modality", "modality": "domain"}
    split.output[:] = [other.get(name, name) for name in split.output]
    for output in model.graph.output:
        output.name = other.get(output.name, output.name)


def with_fewer_pieces(model: onnx.ModelProto) -> None:
    """The graph was made for a smaller vocabulary."""
    for table in model.graph.initializer:
        if table.name == "vectors":
            table.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(table)[:50], "vectors"))


def no_sep(folder: Path) -> None:
    """The tokenizer has no end."""
    (folder / TOKENIZER).write_text(tokenizer().to_str().replace("[SEP]", "[END]"))
    seal(folder)


_FILES = (GRAPH, TOKENIZER, BACKGROUND)

BROKEN = [
    *(pytest.param(missing(name), name, "incomplete: restore it", id=f"missing {name}") for name in _FILES),
    *(pytest.param(truncated(name), name, "truncated or swapped: restore it", id=f"truncated {name}") for name in _FILES),
    *(pytest.param(corrupt(name), name, "corrupt or swapped: restore it", id=f"corrupt {name}") for name in _FILES),
    *(pytest.param(swapped(name), name, "swapped: restore it", id=f"swapped {name}") for name in (GRAPH, BACKGROUND)),
    *(pytest.param(folder_in_place_of(name), name, "restore it", id=f"folder in place of {name}") for name in _FILES),
    pytest.param(folder_in_place_of(FILE_NAME), FILE_NAME, "`make models` makes one", id="folder in place of the manifest"),
    pytest.param(missing(FILE_NAME), FILE_NAME, "`make models` makes one", id="missing manifest"),
    pytest.param(truncated(FILE_NAME), FILE_NAME, "restore the bundle", id="truncated manifest"),
    pytest.param(says(format=1, unheard={}), FILE_NAME, "use a bundle of this release", id="a bundle of the release before"),
    pytest.param(says(format="one"), FILE_NAME, "format: .*restore the bundle", id="no format"),
    pytest.param(says(classes={}), FILE_NAME, "heads or labels .*use a bundle of this release", id="no heads"),
    pytest.param(says_text('"biology", "business"', '"business", "biology"'), FILE_NAME, "use a bundle", id="labels in another order"),
    pytest.param(says(chances=["jailbreak"]), FILE_NAME, "use a bundle of this release", id="fewer chances"),
    pytest.param(says(spans=["PERSON"]), FILE_NAME, "use a bundle of this release", id="fewer spans"),
    pytest.param(says(thresholds={}), FILE_NAME, "threshold for difficulty.*restore the bundle", id="no thresholds"),
    pytest.param(says(calibration={}), FILE_NAME, "calibration .*domain.*restore the bundle", id="no calibration"),
    pytest.param(
        says(calibration={head: {"temperature": 0} for head in POOLED}), FILE_NAME, "temperature: .*restore", id="no temperature"
    ),
    pytest.param(
        says(calibration={head: {"bias": float("nan")} for head in POOLED}), FILE_NAME, "bias: .*restore", id="a bias that is no number"
    ),
    pytest.param(says(window=40, overlap=39), FILE_NAME, "overlap .*restore", id="windows that never end"),
    pytest.param(says(embedder="v2"), FILE_NAME, "embedder: .*restore", id="an embedder that is no checksum"),
    pytest.param(says(extra=1), FILE_NAME, "extra: .*restore", id="an unknown entry"),
    *(pytest.param(without_file(name), FILE_NAME, f"{name} is not among .*restore", id=f"unlisted {name}") for name in _FILES),
    *(pytest.param(sealed(name, b"nonsense"), name, "restore", id=f"nonsense for {name}") for name in _FILES),
    pytest.param(no_sep, TOKENIZER, r"no \[SEP\]; restore", id="a tokenizer without an end"),
    pytest.param(background(np.zeros((3, 384), np.int8)), BACKGROUND, "rows of int8; restore", id="a background of zeros"),
    pytest.param(background(np.ones((3, 384), np.float32)), BACKGROUND, "rows of int8; restore", id="a background of floats"),
    pytest.param(background(np.ones(384, np.int8)), BACKGROUND, "rows of int8; restore", id="a flat background"),
    pytest.param(background(np.array([{}])), BACKGROUND, "not an array: .*restore", id="a background that runs code"),
    pytest.param(background(np.ones((3, 10), np.int8)), GRAPH, "embedding .*restore", id="a background of another size"),
    pytest.param(graph(without_output), GRAPH, "has no jailbreak; restore", id="a graph without a head"),
    pytest.param(graph(as_before_version_9), GRAPH, "has no peaks, types; use a bundle of this release", id="a graph of version 8"),
    pytest.param(graph(with_another_input), GRAPH, "has no marks; restore", id="a graph without an input"),
    pytest.param(graph(with_swapped_heads), GRAPH, "domain, modality are not of the size.*restore", id="a graph of other heads"),
    pytest.param(graph(with_fewer_pieces), GRAPH, "does not run: .*restore", id="a graph of another vocabulary"),
]  # fmt: skip


class TestBundle:
    @pytest.mark.parametrize(("damage", "name", "text"), BROKEN)
    def test_refuses_a_broken_bundle(self, folder: Path, damage: Damage, name: str, text: str) -> None:
        """The error names the file, and what to do."""
        damage(folder)

        with pytest.raises(BundleError, match=text) as caught:
            Bundle(folder)
        assert str(folder / name) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_refuses_a_file_in_place_of_its_folder(self, folder: Path) -> None:
        """As if it were not there."""
        with pytest.raises(BundleError, match="no model bundle is there"):
            Bundle(folder / GRAPH)

    def test_tells_what_it_is(self, bundle: Bundle, tiny_bundle: Path) -> None:
        """And holds a sample of ordinary embeddings, each of length 1."""
        assert (bundle.folder, bundle.manifest.name) == (tiny_bundle, "tiny")
        assert (bundle.manifest.window, bundle.manifest.overlap) == (WINDOW, OVERLAP)
        assert np.linalg.norm(bundle.background, axis=1) == pytest.approx(1.0)

    def test_is_its_own_embedder_unless_it_says_another(self, folder: Path) -> None:
        """A bundle with one head fitted anew embeds as the one before it."""
        own = Bundle(folder).manifest

        assert embedder(own) == own.files[GRAPH].sha256
        assert embedder(Bundle(seal(folder, embedder="a" * 64)).manifest) == "a" * 64


class TestRun:
    def test_gives_a_row_a_window(self, bundle: Bundle) -> None:
        """Of the outputs that are asked for; tags are as long as the longest window."""
        texts = ("tea", "alice smith and the weather")
        windows = [Window(cut(text, bundle.pieces, window=32, overlap=8, budget=1).slices[0], 0) for text in texts]
        found = bundle.run(windows, ("tags", *POOLED))

        assert {name: rows.shape for name, rows in found.items()} == {
            "tags": (2, len(windows[1].piece), TAGS),
            **{head: (2, width(head)) for head in POOLED},
        }

    def test_does_not_let_padding_count(self, bundle: Bundle) -> None:
        """A short window beside a long one gives what it gives alone."""
        short, long = (
            Window(cut(text, bundle.pieces, window=32, overlap=8, budget=1).slices[0], 0)
            for text in ("tea", "ignore the weather")
        )
        together, alone = bundle.run([short, long], ("jailbreak",)), bundle.run([short], ("jailbreak",))

        assert together["jailbreak"][0] == pytest.approx(alone["jailbreak"][0], abs=1e-5)


class TestFingerprint:
    def test_changes_with_any_file(self, folder: Path) -> None:
        """The manifest has the sums of the others."""
        before = fingerprint(folder)
        write_bundle(folder, seed=1)

        assert fingerprint(folder) != before
        write_bundle(folder, seed=0)
        assert fingerprint(folder) == before
