"""The real Helm on our chart."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from release import Running, wanted
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "router-extproc"
SMALL: dict[str, Any] = {
    "pools": {"small": {"service": {"name": "vllm", "port": 8000}}, "large": {"service": {"name": "vllm-large", "port": 8000}}},
    "policy": {"default": "small"},
}
"""The fewest values that a release needs."""


@cache
def binary() -> str:
    """The Helm binary, which the first call unpacks."""
    told = subprocess.run([sys.executable, ROOT / "scripts" / "helm.py"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


@dataclass(frozen=True)
class Rendered:
    """What a release consists of."""

    text: str
    objects: list[dict[str, Any]]

    def one(self, kind: str, suffix: str = "") -> dict[str, Any]:
        """The only object of a kind whose name ends so."""
        (found,) = [each for each in self.objects if each["kind"] == kind and each["metadata"]["name"].endswith(suffix)]
        return found

    def file(self, suffix: str, name: str) -> str:
        """A file of a ConfigMap."""
        return str(self.one("ConfigMap", suffix)["data"][name])

    @property
    def containers(self) -> dict[str, dict[str, Any]]:
        """Those of the deployment's pods, by name."""
        pod = self.one("Deployment")["spec"]["template"]["spec"]
        return {each["name"]: each for each in (*pod.get("initContainers", ()), *pod["containers"])}


class Helm:
    """Runs Helm."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Any command, on nobody's configuration."""
        home = {"HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        return subprocess.run([binary(), *arguments], capture_output=True, text=True, check=False, env=home)

    def template(
        self, values: Path | dict[str, Any], *more: str, chart: Path = CHART, kube: str = "1.31"
    ) -> subprocess.CompletedProcess[str]:
        """`helm template demo`, in the namespace `llm`."""
        return self.run("template", "demo", chart, "-n", "llm", "--kube-version", kube, "-f", self.file(values), *more)

    def rendered(self, values: Path | dict[str, Any], *more: str, chart: Path = CHART, kube: str = "1.31") -> Rendered:
        """The objects; Helm must not refuse."""
        told = self.template(values, *more, chart=chart, kube=kube)
        assert told.returncode == 0, told.stderr
        return Rendered(told.stdout, [each for each in YAML(typ="safe").load_all(told.stdout) if each])

    def notes(self, values: Path | dict[str, Any]) -> str:
        """What an install prints at its end."""
        told = self.run("install", "demo", CHART, "--dry-run=client", "-n", "llm", "-f", self.file(values))
        assert told.returncode == 0, told.stderr
        return told.stdout.partition("NOTES:")[2]

    def file(self, values: Path | dict[str, Any]) -> Path:
        """Values as a file."""
        if isinstance(values, Path):
            return values
        path = self._folder / "values.yaml"
        path.write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML
        return path


@pytest.fixture
def values() -> dict[str, Any]:
    """The fewest values."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Helm with a folder of its own."""
    return Helm(tmp_path)


@pytest.fixture(scope="module")
def module_helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm for what all tests of a module share."""
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture
def running(helm: Helm, tmp_path: Path) -> Iterator[Running]:
    """The pod over a socket."""
    it = Running(helm, tmp_path, wanted())
    try:
        it.start()
        yield it
    finally:
        it.pod.stop()
