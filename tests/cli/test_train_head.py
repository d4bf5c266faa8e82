"""`router-extproc train-head`."""

from __future__ import annotations

import errno
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from router_extproc.cli.head_figures import figures
from router_extproc.cli.label_file import MAX_LABELS
from router_extproc.cli.train_head import replaced, snippet
from router_extproc.config.offline import decide
from router_extproc.encoders.bundle import GRAPH, Bundle
from router_extproc.encoders.headfile import HeadFile, read_head
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.policy.clauses import SignalTest
from router_extproc.policy.document import read
from router_extproc.policy.file import PolicyFile
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import Findings
from router_extproc.policy.validation import validated
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Cli = Callable[..., Result]
    Trains = Callable[..., Result]

ASKED = ("tell me", "what is", "please")
ROWS = [
    *((f"{before} the weather {after}", "small talk") for before in ASKED for after in ("", "to me", "and tea")),
    *((f"{before} a refund {after}", "money: back") for before in ASKED for after in ("", "to my card", "of a song")),
]


def lines(rows: list[tuple[str, str]]) -> bytes:
    """Rows as a label file."""
    return b"".join(json.dumps({"text": text, "label": label}).encode() + b"\n" for text, label in rows)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where the head goes."""
    return tmp_path / "topics-head.json"


@pytest.fixture
def trains(cli: Cli, tiny_bundle: Path, output: Path) -> Trains:
    """The command on label lines from standard input, with the small bundle."""

    def call(given: bytes, *options: object) -> Result:
        return cli("train-head", "--models", tiny_bundle, "--labels", "-", "--output", output, *options, stdin=given)

    return call


def graph_of(bundle: Path) -> str:
    """What a head file must name to fit the bundle."""
    return Bundle(bundle).manifest.files[GRAPH].sha256


class TestHead:
    def test_is_what_serving_reads(self, trains: Trains, tiny_bundle: Path, output: Path) -> None:
        """With its labels, for the bundle that it was trained on."""
        assert trains(lines(ROWS)).exit_code == 0

        head, labels = read_head(output, graph_of(tiny_bundle))
        assert labels == ("money: back", "small talk")
        assert head.chances(np.zeros(head.weights.shape[1], np.float32)).sum() == pytest.approx(1)

    def test_routes_by_the_policy_that_was_printed(
        self, trains: Trains, tiny_bundle: Path, output: Path, chat: Callable[..., bytes]
    ) -> None:
        """Pasted as it is, with a pool's name."""
        pasted = trains(lines(ROWS)).stdout.split("In a policy beside it:\n", 1)[1].replace("POOL", "large")
        text = "version: 1\npools: {small: {cluster: s}, large: {cluster: l}}\ndefault: small\n" + pasted
        services = replace(SignalServices(models=Models(folder=tiny_bundle)), folder=output.parent)
        policy = compile_policy(text, source="policy.yaml", services=services, selectors=SELECTORS).policy
        router = Router(policy, services=services, stats=PoolStats())

        assert pool(router, chat("tell me of a refund")) == "large"
        assert pool(router, chat("tell me of the weather")) == "small"

    def test_does_not_depend_on_the_order_of_rows(self, trains: Trains, output: Path) -> None:
        """Labels are sorted; weights differ by rounding only."""
        trains(lines(ROWS))
        first = HeadFile.model_validate_json(output.read_bytes())
        trains(lines(ROWS[9:] + ROWS[:9]))
        second = HeadFile.model_validate_json(output.read_bytes())

        assert first.labels == second.labels
        assert np.allclose(first.head().weights, second.head().weights, atol=1e-3)

    def test_is_of_one_bundle_only(self, trains: Trains, output: Path) -> None:
        """Another bundle's embeddings mean something else."""
        trains(lines(ROWS))

        with pytest.raises(BundleError, match="another model bundle"):
            read_head(output, "0" * 64)


def pool(router: Router, body: bytes) -> str:
    """Where a request goes."""
    selection = decide(router, path="/v1/chat/completions", headers={}, body=body).selection
    assert selection is not None
    return selection.pool.name


class TestReport:
    def test_for_people(self, trains: Trains, output: Path) -> None:
        """A row for each label, the whole, and what to write in the policy."""
        told = trains(lines(ROWS)).stdout

        assert [line.split()[:3] for line in told.splitlines()[1:3]] == [["money:", "back", "9"], ["small", "talk", "9"]]
        assert "18 rows, 5-fold cross-validation: accuracy" in told
        assert "ECE" in told
        assert f"Wrote {output}" in told

    def test_for_machines(self, trains: Trains, output: Path) -> None:
        """The same figures as in the head file."""
        told = json.loads(trains(lines(ROWS), "--json").stdout)

        assert told["file"] == str(output)
        assert (told["rows"], told["repeats"], told["contradictions"], told["partly_read"]) == (18, 0, 0, 0)
        assert set(told["labels"]) == {"money: back", "small talk"}
        assert set(told["labels"]["small talk"]) == {"n", "precision", "recall", "f1"}
        assert all(0 <= told[key] <= 1 for key in ("accuracy", "macro_f1", "ece"))
        assert HeadFile.model_validate_json(output.read_bytes()).evaluation.items() <= told.items()

    def test_shows_labels_as_they_are(self, trains: Trains) -> None:
        """Brackets are no markup, and words between colons no pictures."""
        told = trains(lines([(text, {"small talk": ":tea: [b]"}.get(label, label)) for text, label in ROWS])).stdout

        assert told.count(":tea: [b]") >= 1

    def test_warns_of_what_the_rows_contradict_and_repeat(self, trains: Trains) -> None:
        """With counts; the head is trained none the less."""
        result = trains(lines([*ROWS, ROWS[0], ROWS[1], (ROWS[0][0], "money: back")]), "--json")

        assert result.exit_code == 0
        assert "2 rows repeat the text and label of another" in result.stderr
        assert "1 texts have more than one label" in result.stderr
        assert json.loads(result.stdout)["rows"] == 19

    def test_warns_of_texts_that_are_too_long(self, trains: Trains) -> None:
        """Serving reads them in part, too."""
        result = trains(lines([*ROWS, ("weather " * 1000, "small talk")]))

        assert result.exit_code == 0
        assert "1 texts are so long that they were read in part" in result.stderr


class TestFigures:
    def test_are_of_the_likeliest_label(self) -> None:
        """Counted by hand."""
        chances = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]], np.float32)
        told = figures(chances, np.array([0, 0, 1, 2]), ("a", "b", "c"))

        assert told.accuracy == 0.75
        assert (told.labels["a"].n, told.labels["a"].precision, told.labels["a"].recall) == (2, pytest.approx(2 / 3), 1)
        assert told.labels["a"].f1 == pytest.approx(0.8)
        assert told.macro_f1 == pytest.approx((0.8 + 1 + 0) / 3)

    def test_have_no_precision_where_a_label_is_never_said(self) -> None:
        """It is not 0: nothing was said that could be wrong."""
        told = figures(np.array([[0.9, 0.1], [0.8, 0.2]], np.float32), np.array([0, 1]), ("a", "b"))

        assert (told.labels["b"].precision, told.labels["b"].recall, told.labels["b"].f1) == (None, 0, 0)

    def test_tell_how_far_chances_are_from_frequencies(self) -> None:
        """Always 0.9 sure, right half of the time."""
        told = figures(np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1)), np.arange(10) % 2, ("a", "b"))

        assert told.ece == pytest.approx(0.4)


class TestLabels:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            pytest.param(b"", "it has no rows", id="empty"),
            pytest.param(lines([("a", "x"), ("b", "x")]), "all rows have the label 'x'", id="one label"),
            pytest.param(lines([("a", "x"), ("b", "x"), ("c", "y")]), "-:3: error: 'y' has one row only", id="lone row"),
            pytest.param(lines([("a", "x"), ("b", "x"), ("c", "y"), ("c", "y")]), "'y' has one row only", id="lone row twice"),
            pytest.param(lines([(str(at), str(at % (MAX_LABELS + 1))) for at in range(1100)]), "501 labels, at most 500", id="labels"),
            pytest.param(lines(ROWS) + b"{\n", "-:19: error: the line is not valid JSON", id="broken"),
            pytest.param(lines(ROWS) + b'{"text": "a"}\n', "-:19: error: Object missing required field `label`", id="no label"),
            pytest.param(b'{"text": "a", "label": 1}\n', "-:1: error: Expected `str`, got `int` - at `$.label`", id="number"),
            pytest.param(b'{"text": "a", "label": "x", "id": 1}\n', "unknown field `id`", id="unknown field"),
            pytest.param(b'{"text": "a", "text": "b", "label": "x"}\n', "one key stands twice", id="two texts"),
            pytest.param(b'{"text": " ", "label": "x"}\n', "-:1: error: `text` is empty", id="blank text"),
            pytest.param(b'{"text": "a", "label": ""}\n', "1 to 200 characters", id="empty label"),
            pytest.param(lines([("a", "x" * 201)]), "1 to 200 characters", id="long label"),
            pytest.param(lines([*ROWS, ("a", " small talk")]), "-:19: error: `label` has blanks around it", id="blank before a label"),
            pytest.param(lines([*ROWS, ("a", "x\u00a0")]), "-:19: error: `label` has blanks around it", id="no-break space behind a label"),
            pytest.param(b'{"text": "\\ud800", "label": "x"}\n', "half a surrogate pair", id="half a surrogate"),
        ],
    )  # fmt: skip
    def test_that_no_head_can_be_made_of(self, trains: Trains, output: Path, given: bytes, told: str) -> None:
        """The line is named, and nothing is written."""
        result = trains(given)

        assert (result.exit_code, result.stdout) == (3, "")
        assert told in result.stderr
        assert not output.exists()

    def test_are_bounded(self, trains: Trains, monkeypatch: pytest.MonkeyPatch) -> None:
        """More rows would take more than minutes."""
        monkeypatch.setattr("router_extproc.cli.label_file.MAX_ROWS", 10)
        result = trains(lines(ROWS))

        assert result.exit_code == 3
        assert "-:11: more than 10 rows" in result.stderr

    def test_names_only_the_first_bad_lines(self, trains: Trains) -> None:
        """And says how many there are."""
        result = trains(b"x\n" * 30)

        assert result.stderr.count("-:") == 11
        assert "30 lines cannot be read; nothing was trained" in result.stderr

    @pytest.mark.parametrize("rows", [2, 3, 4])
    def test_need_few_rows(self, trains: Trains, rows: int) -> None:
        """Two of each label are enough, fewer than there are folds."""
        few = [
            ("tea", "x"),
            ("song", "x"),
            ("card", "y"),
            ("refund", "y"),
            ("bob", "z"),
            ("elm", "z"),
            ("acme", "w"),
            ("prove", "w"),
        ]

        assert trains(lines(few[: 2 * rows])).exit_code == 0


class TestFiles:
    def test_labels_that_cannot_be_read(self, cli: Cli, tmp_path: Path, output: Path) -> None:
        """The file is named."""
        result = cli("train-head", "--labels", tmp_path / "none.jsonl", "--output", output)

        assert result.exit_code == 3
        assert "none.jsonl: No such file" in result.stderr

    def test_a_bundle_that_cannot_be_used(self, cli: Cli, tmp_path: Path, output: Path) -> None:
        """It is named, and nothing is written."""
        result = cli("train-head", "--models", tmp_path, "--labels", "-", "--output", output, stdin=lines(ROWS))

        assert result.exit_code == 3
        assert "manifest.json" in result.stderr
        assert not output.exists()

    @pytest.mark.parametrize(
        ("place", "code", "told"),
        [
            pytest.param("none/head.json", 3, "no such folder", id="no folder"),
            pytest.param(".", 2, "--output takes a file", id="folder"),
            pytest.param("/dev/null", 2, "--output takes a file", id="device"),
            pytest.param("-", 2, "--output takes a file", id="standard output"),
            pytest.param("labels.jsonl", 2, "is the input, too", id="the labels"),
            pytest.param("a\udcff.json", 2, "its name is not UTF-8", id="no text"),
            pytest.param("a" * 250, 3, "cannot be written: File name too long", id="nothing can be made"),
        ],
    )
    def test_an_output_that_is_no_place_for_a_file(self, cli: Cli, tmp_path: Path, place: str, code: int, told: str) -> None:
        """It is told before the work, not after it."""
        labels = tmp_path / "labels.jsonl"
        labels.write_bytes(lines(ROWS))
        result = cli("train-head", "--labels", labels, "--output", place if place == "-" else tmp_path / place)

        assert result.exit_code == code
        assert told in result.stderr
        assert labels.read_bytes() == lines(ROWS)

    @pytest.mark.parametrize("json", [pytest.param(True, id="json"), pytest.param(False, id="people")])
    def test_figures_are_told_whatever_becomes_of_the_file(
        self, cli: Cli, tiny_bundle: Path, output: Path, monkeypatch: pytest.MonkeyPatch, *, json: bool
    ) -> None:
        """The disk was not full when the work began."""

        def full(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        more = ("--json",) if json else ()
        result = cli("train-head", "--models", tiny_bundle, "--labels", "-", "--output", output, *more, stdin=lines(ROWS))

        assert result.exit_code == 3
        assert f"{output}: cannot be written: No space left on device" in result.stderr.replace("\n", "")
        assert list(output.parent.iterdir()) == []
        assert ("macro_f1" if json else "macro-F1") in result.stdout
        assert ('"file": null' in result.stdout) == json
        assert "Wrote" not in result.stdout


class TestReplaced:
    def test_leaves_nothing_beside_the_file(self, tmp_path: Path) -> None:
        """And keeps what its readers may do with it."""
        path = tmp_path / "head.json"
        path.write_bytes(b"old")
        path.chmod(0o640)
        replaced(path, b"new")

        assert path.read_bytes() == b"new"
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert list(tmp_path.iterdir()) == [path]

    def test_is_seen_whole_by_who_reads_the_old_one(self, tmp_path: Path) -> None:
        """The old content stays until its last reader is done."""
        path = tmp_path / "head.json"
        path.write_bytes(b"old")
        with path.open("rb") as reader:
            replaced(path, b"new")

            assert (reader.read(), path.read_bytes()) == (b"old", b"new")

    def test_goes_where_a_link_leads(self, tmp_path: Path) -> None:
        """The link stays one."""
        (tmp_path / "real.json").write_bytes(b"old")
        link = tmp_path / "head.json"
        link.symlink_to("real.json")
        replaced(link, b"new")

        assert link.is_symlink()
        assert (tmp_path / "real.json").read_bytes() == b"new"


def pasted(told: str) -> PolicyFile:
    """A policy with what was printed, as `check` reads it before it opens the head."""
    text = "version: 1\npools: {small: {cluster: s}}\ndefault: small\n" + told.replace("POOL", "small")
    document = read(text, source="policy.yaml")
    findings = Findings(document)
    file: PolicyFile | None = validated(PolicyFile, document.value, (), findings)
    assert file is not None, findings.problems
    return file


class TestSnippet:
    @pytest.mark.parametrize(
        ("name", "signal"),
        [
            pytest.param("intents.json", "intents", id="plain"),
            pytest.param("my head (2).json", "my_head_2", id="blanks"),
            pytest.param("…json", "json", id="dots"),
            pytest.param("头.json", "own_labels", id="no letters"),
        ],
    )
    def test_names_the_signal_after_the_file(self, tmp_path: Path, name: str, signal: str) -> None:
        """By a name that a policy may use."""
        assert snippet(tmp_path / name, "x").startswith(f"signals:\n  {signal}: {{type: linear, file: ")

    @pytest.mark.parametrize(
        "name", ["123", "1e5", "0x1F", "007", "true", "False", "null", "12_3", "domain", "linear", "pii", "a" * 99]
    )
    def test_is_a_policy_whatever_the_file_is_called(self, tmp_path: Path, name: str) -> None:
        """A number, a word that is no text, a name that is too long, and one that means another signal."""
        told = pasted(snippet(tmp_path / f"{name}.json", "x"))

        ((signal, clause),) = told.signals.items()
        assert signal not in EXTRACTORS
        assert (clause.type, clause.model_extra) == ("linear", {"file": f"{name}.json"})
        assert told.decisions[0].when == SignalTest.model_validate({"signal": signal, "is": "x", "atLeast": 0.7})

    @given(
        stem=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1), label=st.text(min_size=1)
    )
    def test_is_a_policy_that_says_what_was_trained(self, stem: str, label: str) -> None:
        """Of any file and any label."""
        told = pasted(snippet(Path("folder") / f"x{stem}.json", label))

        ((signal, clause),) = told.signals.items()
        assert clause.model_extra == {"file": f"x{stem}.json"}
        assert told.decisions[0].when == SignalTest.model_validate({"signal": signal, "is": label, "atLeast": 0.7})

    @pytest.mark.parametrize("label", ["a", "no", "3", 'say "hi": {x}', "it's # one", "Größe", "line\nbreak", "\U0001f600"])
    def test_quotes_labels(self, tmp_path: Path, label: str) -> None:
        """YAML would read some of them as something else."""
        told: Any = YAML(typ="safe").load(snippet(tmp_path / "a: b.json", label))

        assert told["decisions"][0]["when"]["is"] == label
        assert told["signals"]["a_b"]["file"] == "a: b.json"
