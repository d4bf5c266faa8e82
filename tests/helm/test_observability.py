"""The chart's dashboard and alerts: they ask only for what the router exports."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from router_extproc.config.offline import decide, parsed
from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind
from router_extproc.health import PoolHealth
from router_extproc.hooks import Hooks, ReloadDetails, RouteDetails
from router_extproc.observability.metrics import Metrics
from router_extproc.routing import Observation, Outcome, Reason, Unknown, UnknownReason, Verdict
from router_extproc.sessions.identity import Source
from router_extproc.sessions.note import Move, Reroute, SessionNote
from router_extproc.sessions.sessions import Sessions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router_extproc.router import Router

CHAT = "/v1/chat/completions"
FILES = Path(__file__).parents[2] / "helm" / "router-extproc" / "files"
BOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
RULES: list[dict[str, Any]] = [
    rule for group in YAML(typ="safe").load(FILES / "alerts.yaml")["groups"] for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What Prometheus itself adds to each sample, and tells of each scrape.
SCRAPED = {"namespace", "pod", "container", "job"}
OWN = {"up": SCRAPED}
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "offset", "bool"}
GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\[[^]]*\]|[a-zA-Z_:][\w:]*|[\d.]+[a-z]*|[=!]~|[=!<>]=|[-+*/%^=<>(){},])')


@dataclass(frozen=True, slots=True)
class Query:
    """What a PromQL expression names."""

    metrics: list[str] = field(default_factory=list)
    matchers: list[tuple[str, str, str]] = field(default_factory=list)
    """Metric, label and value."""
    groupings: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    """Keyword, labels, and the metrics that the labels are for: those in the parentheses that follow, or all."""
    ranges: list[str] = field(default_factory=list)
    """Metrics that are read over a range."""

    @property
    def kept(self) -> set[str]:
        """Labels that some part of the result has."""
        return {label for word, labels, _ in self.groupings if word == "by" for label in labels}


def tokens(text: str) -> list[str]:
    """The parts of an expression. Raises ValueError where it cannot be read."""
    text = text.rstrip()
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"cannot read {text[place : place + 20]!r}")
        found.append(match[1])
        place = match.end()
    return found


def closing(parts: list[str], start: int) -> int:
    """Where the parenthesis that opens at `start` closes."""
    depth = 0
    for place in range(start, len(parts)):
        depth += {"(": 1, ")": -1}.get(parts[place], 0)
        if depth == 0:
            return place
    raise ValueError("a parenthesis does not close")


def query(text: str) -> Query:
    """What that expression names."""
    return _read(tokens(text))


def _read(parts: list[str]) -> Query:
    found = Query()
    place = 0
    while place < len(parts):
        place = _step(parts, place, found)
    return found


def _step(parts: list[str], place: int, found: Query) -> int:
    part, following = parts[place], parts[place + 1] if place + 1 < len(parts) else ""
    if part in GROUPINGS:
        end = closing(parts, place + 1)
        labels = [each for each in parts[place + 2 : end] if each != ","]
        # Aggregations are of the parentheses that follow; joins are of all that the expression names, which is not read to its end yet.
        scope = _read(parts[end + 1 : closing(parts, end + 1)]).metrics if part in {"by", "without"} else found.metrics
        found.groupings.append((part, labels, scope))
        return end + 1
    if part == "{":
        end = parts.index("}", place)
        for label, _, value in zip(*(iter([each for each in parts[place + 1 : end] if each != ","]),) * 3, strict=True):
            found.matchers.append((found.metrics[-1], label, value[1:-1]))
        return end + 1
    if part.startswith("["):
        found.ranges.append(found.metrics[-1])
    elif _named(part, following):
        found.metrics.append(part)
    return place + 1


def _named(part: str, following: str) -> bool:
    """Whether this is a metric's name: no keyword, and no function or aggregation."""
    word = re.fullmatch(r"[a-zA-Z_:][\w:]*", part) is not None
    return word and part not in WORDS and following not in {"(", "by", "without"}


@dataclass(frozen=True, slots=True)
class Exported:
    """What a scrape of the router reads."""

    labels: dict[str, set[str]]
    """Names of labels, by sample."""
    values: dict[tuple[str, str], set[str]]
    """Values, by sample and label."""
    types: dict[str, str]
    """Prometheus' types, by sample."""


def scraped(metrics: Metrics) -> Exported:
    """What it exports now."""
    found = Exported({}, {}, {})
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.types[sample.name] = family.type
            found.labels.setdefault(sample.name, set()).update(sample.labels)
            for label, value in sample.labels.items():
                found.values.setdefault((sample.name, label), set()).add(value)
    return found


def faults(text: str, exported: Exported) -> Iterator[str]:
    """What that expression asks for and the router does not export."""
    asked = query(text)
    known = {**exported.labels, **OWN}
    yield from (f"no metric {metric}" for metric in asked.metrics if metric not in known)
    for metric, label, value in asked.matchers:
        if label not in known.get(metric, set()) | SCRAPED:
            yield f"{metric} has no label {label}"
        elif label not in SCRAPED:
            yield from (
                f"{metric}: {label} is never {each}" for each in value.split("|") if each not in values(exported, metric, label)
            )
    for word, labels, metrics in asked.groupings:
        for label in labels:
            lacking = [metric for metric in metrics if label not in known.get(metric, set()) | SCRAPED]
            # What an expression is joined on may be in a part of it only.
            if lacking if word == "by" else len(lacking) == len(metrics):
                yield f"{word} {label}: not in {', '.join(lacking)}"


def values(exported: Exported, metric: str, label: str) -> set[str]:
    """All values that a label can take: a closed list where there is one, else what was seen."""
    closed: dict[str, set[str]] = {"verdict": set(Verdict), "reason": set(Reason)}
    if metric == "router_extproc_signals_unknown_total":
        closed["reason"] = set(UnknownReason)
    return closed.get(label, exported.values.get((metric, label), set()))


def expressions() -> list[Any]:
    """Every expression of both files, by where it stands."""
    drawn = [
        pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}") for panel in PANELS for target in panel["targets"]
    ]
    return drawn + [pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES]


def routed(router: Router, body: bytes) -> RouteDetails:
    """What hooks are told of a body."""
    return RouteDetails(
        outcome=decide(router, path=CHAT, headers={}, body=body),
        request=parsed(router, path=CHAT, headers={}, body=body),
        api="openai_chat",
        body_mode="buffered",
        body_bytes=len(body),
        added_ms=0.2,
    )


def blind(router: Router, body: bytes) -> Outcome:
    """An outcome with a signal that came too late."""
    outcome = decide(router, path=CHAT, headers={}, body=body)
    return replace(outcome, signals={"code_words": Unknown("code_words", UnknownReason.DEADLINE)})


@pytest.fixture(scope="module")
def models(tiny_bundle: Path) -> Iterator[Models]:
    """That have read a text."""
    models = Models(EncoderOptions(BatchOptions()), folder=tiny_bundle)
    encoder = models.encoder()
    encoder.submit("the tea", Kind.USER, math.inf, outputs=("domain",)).result(600)
    yield models
    encoder.close()


@pytest.fixture
def exported(router: Router, chat: Callable[..., bytes], models: Models) -> Exported:
    """What is exported once everything has happened: requests, responses, loads good and bad, and a text for the model."""
    metrics = Metrics()
    for text in ("a traceback", "hunter2", "hello"):
        metrics.routed(routed(router, chat(text)))
    metrics.routed(replace(routed(router, chat()), outcome=blind(router, chat()), body_mode="none"))
    turn = SessionNote("ab", Source.HEADER, 2, Move.MOVED)
    left = Reroute("small", "circuit_open", "large")
    metrics.routed(replace(routed(router, chat()), outcome=replace(blind(router, chat()), session=turn, reroutes=(left,))))
    health = PoolHealth()
    health.observe(Observation("1", "small", "m", 503))
    metrics.watch_sessions(Sessions(), health)
    metrics.observed(
        Observation("1", "small", "m", 200, input_tokens=1, output_tokens=1, time_to_first_token_s=1, duration_s=1, cost_usd=1)
    )
    metrics.reloaded(ReloadDetails(ok=True, version="a", source="p", trigger="start"))
    metrics.reloaded(ReloadDetails(ok=False, version="b", source="p", trigger="watch", errors=("x",)))
    metrics.in_force(router.policy, 1000.0)
    metrics.watch(Hooks(), lambda: 1, lambda: 0)
    metrics.watch_models(models, {"encoder_queue": 128})
    metrics.watch_signals(SignalServices(models=models))
    return scraped(metrics)


class TestExpressions:
    @pytest.mark.parametrize("text", expressions())
    def test_asks_for_what_is_exported(self, text: str, exported: Exported) -> None:
        """Every metric, label and value is one that the router has."""
        assert list(faults(text, exported)) == []

    @pytest.mark.parametrize("text", expressions())
    def test_names_a_metric_of_ours(self, text: str) -> None:
        """A checker that finds nothing would find no fault."""
        assert [name for name in query(text).metrics if name.startswith("router_extproc_")]

    @pytest.mark.parametrize("text", expressions())
    def test_rates_are_of_counters(self, text: str, exported: Exported) -> None:
        """Only what rises has a rate."""
        if "rate(" in text:
            assert {exported.types[name] for name in query(text).ranges} <= {"counter", "histogram"}

    @pytest.mark.parametrize("text", [each for each in expressions() if "histogram_quantile" in each.values[0]])
    def test_quantiles_are_of_buckets(self, text: str) -> None:
        """A quantile without `le` is empty, with no error."""
        assert "le" in query(text).kept
        assert all(name.endswith("_bucket") for name in query(text).ranges)


class TestChecker:
    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            pytest.param("rate(router_extproc_requsts_total[5m])", "no metric router_extproc_requsts_total", id="metric"),
            pytest.param("sum(router_extproc_requests)", "no metric router_extproc_requests", id="a-counter-without-total"),
            pytest.param("router_extproc_added_seconds", "no metric router_extproc_added_seconds", id="histogram-without-bucket"),
            pytest.param('router_extproc_streams{pool="a"}', "router_extproc_streams has no label pool", id="matcher"),
            pytest.param(
                'router_extproc_requests_total{reason=~"rule|rules"}',
                "router_extproc_requests_total: reason is never rules",
                id="value",
            ),
            pytest.param(
                "sum by (pool) (rate(router_extproc_requests_total[5m]))",
                "by pool: not in router_extproc_requests_total",
                id="grouping",
            ),
            pytest.param(
                "sum by (pool) (rate(router_extproc_tokens_total[5m]) / rate(router_extproc_requests_total[5m]))",
                "by pool: not in router_extproc_requests_total",
                id="grouping-of-two",
            ),
            pytest.param(
                "router_extproc_streams > on (pool) router_extproc_policy_last_load_ok",
                "on pool: not in router_extproc_streams, router_extproc_policy_last_load_ok",
                id="join",
            ),
        ],
    )
    def test_finds_what_does_not_exist(self, text: str, fault: str, exported: Exported) -> None:
        """And says which."""
        assert list(faults(text, exported)) == [fault]

    def test_reads_all_parts(self) -> None:
        """Names, matchers, groupings and ranges; functions and numbers are none of them."""
        found = query('2 * sum by (x, le) (rate(a_b{x=~"1", y!="}"}[5m])) > on (z) clamp_max(c_d offset 1h, 0.9) or vector(0)')

        assert found.metrics == ["a_b", "c_d"]
        assert found.matchers == [("a_b", "x", "1"), ("a_b", "y", "}")]
        assert found.groupings == [("by", ["x", "le"], ["a_b"]), ("on", ["z"], ["a_b", "c_d"])]
        assert (found.ranges, found.kept) == (["a_b"], {"x", "le"})

    @pytest.mark.parametrize("text", [pytest.param("a_b # c", id="character"), pytest.param("sum by (x) (a_b", id="open")])
    def test_refuses_what_it_cannot_read(self, text: str) -> None:
        """Rather than to skip it."""
        with pytest.raises(ValueError, match=r"cannot read|does not close"):
            query(text)


class TestDashboard:
    def test_works_in_any_grafana(self) -> None:
        """It has a name of its own, and nothing of the instance that it was made in."""
        variables = {each["name"]: (each["type"], each["query"]) for each in BOARD["templating"]["list"]}

        assert (BOARD["uid"], BOARD["schemaVersion"] >= 39) == ("router-extproc", True)
        assert variables["datasource"] == ("datasource", "prometheus")
        assert not {"id", "version", "iteration", "gnetId"} & set(BOARD)

    def test_the_namespace_comes_from_the_router(self, exported: Exported) -> None:
        """The variable offers namespaces where routers are."""
        (variable,) = (each for each in BOARD["templating"]["list"] if each["name"] == "namespace")
        match = re.fullmatch(r"label_values\((\w+), namespace\)", variable["query"]["query"])

        assert match is not None
        assert match[1] in exported.labels
        assert variable["datasource"] == SOURCE

    def test_panels_stand_in_rows(self) -> None:
        """Five questions, in an order."""
        assert [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"] == [
            "Where traffic goes",
            "Why",
            "What it costs",
            "How long it takes",
            "What is unknown or failed",
            "Sessions and pools that fail",
        ]
        assert BOARD["panels"][0]["type"] == "row"

    @pytest.mark.parametrize("panel", [pytest.param(each, id=each["title"]) for each in PANELS])
    def test_a_panel_explains_itself(self, panel: dict[str, Any]) -> None:
        """Title, what it shows, and in which unit."""
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]

    @pytest.mark.parametrize("panel", [pytest.param(each, id=each["title"]) for each in PANELS])
    def test_a_panel_asks_the_chosen_source(self, panel: dict[str, Any]) -> None:
        """In the chosen namespaces."""
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        texts = [target["expr"] for target in panel["targets"]]

        assert all(source == SOURCE for source in sources)
        assert all(text.count('namespace=~"$namespace"') == len(query(text).metrics) for text in texts)

    @pytest.mark.parametrize("panel", [pytest.param(each, id=each["title"]) for each in PANELS])
    def test_a_legend_names_labels_that_are_there(self, panel: dict[str, Any]) -> None:
        """A label that was summed away would be blank."""
        for target in panel["targets"]:
            assert set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"])) == query(target["expr"]).kept - {"le"}

    def test_panels_are_told_apart(self) -> None:
        """By number and by title."""
        for key in ("id", "title"):
            found = [panel[key] for panel in BOARD["panels"]]
            assert sorted(set(found)) == sorted(found)

    def test_panels_do_not_overlap(self) -> None:
        """Grafana would move them, and their row's title."""
        for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]

    def test_panels_fit_the_grid(self) -> None:
        """24 columns."""
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])


class TestAlerts:
    def test_names_are_unique(self) -> None:
        """One name, one meaning."""
        names = [rule["alert"] for rule in RULES]

        assert sorted(set(names)) == sorted(names)

    @pytest.mark.parametrize("rule", [pytest.param(each, id=each["alert"]) for each in RULES])
    def test_a_rule_tells_what_to_do(self, rule: dict[str, Any]) -> None:
        """How bad it is, what happened, and which command to type."""
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert re.search(r"kubectl|/config/status", rule["annotations"]["description"])

    @pytest.mark.parametrize("rule", [pytest.param(each, id=each["alert"]) for each in RULES])
    def test_a_text_names_labels_that_are_there(self, rule: dict[str, Any]) -> None:
        """A label that was summed away would be blank."""
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"] + rule["annotations"]["description"]))
        asked = query(rule["expr"])

        assert named <= asked.kept | (SCRAPED if asked.metrics[0] in OWN else set())
