"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from router_extproc.cache.store import ResponseCache
from router_extproc.cli.classify import run
from router_extproc.encoders.bundle import bundled
from router_extproc.encoders.heads import CLASSES, SPANS
from router_extproc.encoders.manifest import read_manifest
from router_extproc.encoders.models import Models
from router_extproc.health import PoolHealth
from router_extproc.hooks import Hooks
from router_extproc.learning.experience import Experience
from router_extproc.limits.memory import MemoryStore
from router_extproc.limits.shared import Health
from router_extproc.observability.metrics import Metrics
from router_extproc.policy.load import compile_policy
from router_extproc.quality.methods import METHODS
from router_extproc.routing import Reason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.sessions.identity import Source
from router_extproc.sessions.note import Move
from router_extproc.sessions.sessions import Sessions
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

ROOT = Path(__file__).parents[1]


def page(name: str) -> str:
    """A page's text."""
    return (ROOT / "docs" / name).read_text()


YAML_BLOCKS = re.findall(r"```yaml\n(.*?)```", page("classifiers.md"), re.DOTALL)


class TestObservability:
    def test_names_every_metric_and_no_other(self) -> None:
        """A dashboard is made of it."""
        metrics = Metrics()
        metrics.watch(Hooks(), lambda: 0, lambda: 0)
        metrics.watch_models(Models(), {})
        metrics.watch_signals(SignalServices())
        metrics.watch_limits(MemoryStore(), Health())
        metrics.watch_cache(ResponseCache())
        metrics.watch_learning(Experience())
        metrics.watch_sessions(Sessions(), PoolHealth())
        exported = {f"{family.name}_total" if family.type == "counter" else family.name for family in metrics.registry.collect()}

        named = set(re.findall(r"router_extproc_[a-z_]+[a-z]", page("observability.md").split("## Decision log", maxsplit=1)[0]))

        assert named == exported


class TestPolicy:
    @pytest.mark.parametrize("reason", [reason.value for reason in Reason])
    def test_explains_every_reason(self, reason: str) -> None:
        """The list is closed."""
        assert f"`{reason}`" in page("policy.md")


class TestSelectors:
    @pytest.mark.parametrize("name", [plugin.name for plugin in SELECTORS])
    def test_has_a_section_for_each(self, name: str) -> None:
        """With all of its options."""
        section = page("selectors.md").split(f"\n## {name}\n", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
        fields = SELECTORS[name].options.model_fields  # type: ignore[attr-defined]  # options are pydantic models

        assert all(f"`{info.alias}`" in section for info in fields.values())


class TestClassifiers:
    @pytest.mark.parametrize("name", ["jailbreak", "pii", "embedding", "knowledge", "linear", "onnx"])
    def test_has_a_section_for_each(self, name: str) -> None:
        """With all of its options."""
        section = re.split(rf"\n##+ {name}\n", page("classifiers.md"))[1]
        section = re.split(r"\n##", section, maxsplit=1)[0]

        assert all(f"`{info.alias}`" in section for info in EXTRACTORS[name].options.model_fields.values())  # type: ignore[attr-defined]  # pydantic

    @pytest.mark.parametrize("head", CLASSES)
    def test_names_every_label(self, head: str) -> None:
        """Policies are written against them."""
        assert all(f"`{label}`" in page("classifiers.md") for label in CLASSES[head])

    def test_names_every_type_of_private_data(self) -> None:
        """As above."""
        assert all(f"`{name}`" in page("classifiers.md") for name in SPANS)

    @pytest.mark.parametrize("block", [block for block in YAML_BLOCKS if "file:" not in block and "model:" not in block])
    def test_examples_are_good_policies(self, block: str, tiny_bundle: Path) -> None:
        """With pools of these names."""
        pools = "version: 1\npools: {small: {cluster: s}, large: {cluster: l}, inside: {cluster: i}}\ndefault: small\n"
        services = SignalServices(models=Models(folder=tiny_bundle))

        assert compile_policy(pools + block, source="page", services=services, selectors=SELECTORS).policy.pools


class TestClassify:
    def test_prints_what_the_shipped_bundle_says(self, tmp_path: Path) -> None:
        """Of the first line that it shows: bounds are set by such figures. The last digits are the CPU's."""
        lines, shown = re.findall(r"```json\n(.*?)```", page("classifiers.md"), re.DOTALL)[:2]
        (tmp_path / "in.jsonl").write_text(lines)
        run(source=tmp_path / "in.jsonl", target=tmp_path / "out.jsonl", bundle=None, windows=8)
        said, _ = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
        printed = json.loads(shown)

        assert (list(printed), list(printed["heads"])) == (list(said), list(said["heads"]))
        assert printed["pii"] == said["pii"]
        for head, figures in printed["heads"].items():
            told = said["heads"][head]
            likeliest = dict(sorted(told.items(), key=lambda each: -each[1])[: len(figures)]) if isinstance(told, dict) else told
            assert figures == pytest.approx(likeliest, abs=0.05)
        assert f"version {read_manifest(bundled()).version} of the shipped bundle" in page("classifiers.md")


class TestSessions:
    @pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", page("sessions.md"), re.DOTALL))
    def test_examples_are_good_policies(self, block: str) -> None:
        """As they stand."""
        assert compile_policy(block, source="page", services=SignalServices(), selectors=SELECTORS).policy.pools

    def test_names_every_move_and_source(self) -> None:
        """The lists are closed."""
        assert all(f"`{word}`" in page("sessions.md") for word in (*Move, *Source))


class TestGuards:
    @pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", page("guards.md"), re.DOTALL))
    def test_examples_are_good_policies(self, block: str, tiny_bundle: Path, tmp_path: Path) -> None:
        """With pools of these names, and the file that one of them names."""
        (tmp_path / "canaries.txt").write_text("0" * 64)
        pools = "version: 1\npools: {small: {cluster: s}, large: {cluster: l, trusted: true}}\ndefault: small\n"
        services = SignalServices(models=Models(folder=tiny_bundle)).for_policy(tmp_path)

        assert compile_policy(pools + block, source="page", services=services, selectors=SELECTORS).policy.pools


class TestQuality:
    @pytest.mark.parametrize("block", re.findall(r"```yaml\n(pools:.*?)```", page("quality.md"), re.DOTALL))
    def test_example_is_a_good_policy(self, block: str, tmp_path: Path) -> None:
        """With the shipped bundle and the shipped quality model, which is made for it."""
        services = SignalServices(models=Models()).for_policy(tmp_path)

        assert compile_policy("version: 1\n" + block, source="page", services=services, selectors=SELECTORS).policy.pools

    @pytest.mark.parametrize("name", [plugin.name for plugin in METHODS])
    def test_tells_of_every_method(self, name: str) -> None:
        """In its table."""
        assert f"| `{name}` | " in page("quality.md")


class TestReadme:
    @pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()))
    def test_links_lead_somewhere(self, link: str) -> None:
        """Within the repository."""
        assert link.startswith("http") or (ROOT / link).exists()
