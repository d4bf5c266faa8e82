from __future__ import annotations

import gc
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tiny_bundle import write_bundle
from tiny_classifier import write_classifier

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.classifier import ClassifierOptions
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 30.0
_OPTIONS = ClassifierOptions(("good", "bad"), window=16, windows=1, several=False)


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that the test may change."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


class TestEncoder:
    def test_is_the_same_for_the_same_bundle(self, folder: Path) -> None:
        """A reload takes no memory."""
        models = Models(folder=folder)

        assert models.encoder() is models.encoder()

    def test_is_loaded_once_by_many_threads(self, folder: Path) -> None:
        """The others wait for the first."""
        models = Models(folder=folder)
        barrier = threading.Barrier(4)

        def load(_number: int) -> object:
            barrier.wait(_PATIENCE)
            return models.encoder()

        with ThreadPoolExecutor(4) as pool:
            assert len(set(map(id, list(pool.map(load, range(4)))))) == 1

    def test_is_another_for_a_changed_bundle(self, folder: Path) -> None:
        """Those who have the old one keep it."""
        models = Models(folder=folder)
        old = models.encoder()
        write_bundle(folder, seed=1)
        new = models.encoder()

        assert new is not old
        assert new.bundle.manifest.files != old.bundle.manifest.files

    def test_stays_in_use_when_the_new_files_are_broken(self, folder: Path) -> None:
        """The running policy goes on; what is asked for anew fails until the bundle is restored."""
        models = Models(folder=folder)
        old = models.encoder()
        write_bundle(folder, seed=1)
        (folder / GRAPH).write_bytes(b"")

        with pytest.raises(BundleError, match=GRAPH):
            models.encoder()
        assert old.read(["tea"], Kind.USER, outputs=("domain",))
        write_bundle(folder, seed=0)
        assert models.encoder() is old

    def test_is_freed_when_no_policy_has_it(self, folder: Path, later: float) -> None:
        """Its threads end, too."""
        models = Models(folder=folder)
        encoder = models.encoder()
        encoder.submit("tea", Kind.USER, later, outputs=("domain",)).result(_PATIENCE)
        held, threads = weakref.ref(encoder), list(encoder.batcher._threads)
        del encoder
        gc.collect()
        for thread in threads:
            thread.join(_PATIENCE)
        gc.collect()

        assert held() is None
        assert not models.stocks()

    def test_says_where_there_is_no_bundle(self, tmp_path: Path) -> None:
        """And how to come by one."""
        with pytest.raises(BundleError, match="no model bundle is there; `make models`"):
            Models(folder=tmp_path).encoder()


class TestClassifier:
    def test_is_the_same_for_the_same_files_and_options(self, tmp_path: Path) -> None:
        """And another for others."""
        models = Models(folder=tmp_path)
        model, tokenizer = write_classifier(tmp_path)
        one, same = (models.classifier(model, tokenizer, _OPTIONS) for _ in range(2))
        other = models.classifier(model, tokenizer, ClassifierOptions(("good", "bad"), window=32, windows=1, several=False))

        assert one is same
        assert other is not one

    def test_is_another_for_a_changed_file(self, tmp_path: Path) -> None:
        """The path does not matter."""
        models = Models(folder=tmp_path)
        model, tokenizer = write_classifier(tmp_path)
        old = models.classifier(model, tokenizer, _OPTIONS)
        write_classifier(tmp_path, positions=100)

        assert models.classifier(model, tokenizer, _OPTIONS) is not old
