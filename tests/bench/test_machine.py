"""What a figure depends on."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING

from router_extproc.bench.machine import cpu_model, machine

if TYPE_CHECKING:
    from pathlib import Path


class TestCpuModel:
    def test_is_the_first_one_named(self, tmp_path: Path) -> None:
        """All cores are alike."""
        path = tmp_path / "cpuinfo"
        path.write_text("processor\t: 0\nmodel name\t: Fast: 3000\nprocessor\t: 1\nmodel name\t: Slow\n")

        assert cpu_model(path) == "Fast: 3000"

    def test_is_the_architecture_where_linux_names_none(self, tmp_path: Path) -> None:
        """Arm cores have no name there."""
        path = tmp_path / "cpuinfo"
        path.write_text("processor\t: 0\n")

        assert cpu_model(path) == cpu_model(tmp_path / "nothing") == platform.machine()


class TestMachine:
    def test_tells_versions(self) -> None:
        """A later one may be faster."""
        told = machine()

        assert told["onnxruntime"] == importlib.metadata.version("onnxruntime")
        assert told["cores"] >= 1
        assert set(told) == {"cores", "cpu", "onnxruntime", "python"}
