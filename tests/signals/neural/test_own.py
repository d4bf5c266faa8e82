"""Signals that operators make of their own examples, labels and models: embedding, knowledge, linear and onnx."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tiny_bundle import seal
from tiny_classifier import write_classifier
from told import signal, why_unknown

from router_extproc.encoders.models import Models
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError, Severity
from router_extproc.routing import UnknownReason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.policy.problems import Problem
    from router_extproc.routing import Extractor, Outcome

    Decided = Callable[..., Outcome]
    Build = Callable[..., Extractor]

EMBEDDING = "{type: embedding, intents: {refund: [refund please, a refund of the card], music: [a song, the song of tea]}}"
SEVERAL = "{type: onnx, model: model.onnx, tokenizer: tokenizer.json, labels: [good, bad], activation: sigmoid, window: 32}"
ONNX = "{type: onnx, model: model.onnx, tokenizer: tokenizer.json, labels: [good, bad], window: 32}"
MANY = json.dumps({f"i{number}": ["tea"] * (500 if number < 40 else 1) for number in range(41)})
HEAVY = json.dumps({f"i{number}": ["tea"] * (16 + (not number)) for number in range(500)})


@pytest.fixture
def problem(services: SignalServices, beside: Path, tmp_path: Path) -> Callable[[str], Problem]:
    """What is wrong with a signal that is declared so; its files stand in tmp_path."""
    folder = tmp_path / "files"
    shutil.copytree(beside, folder)
    own = services.for_policy(folder)

    def found(declared: str) -> Problem:
        text = (
            "version: 1\npools: {small: {cluster: s}}\ndefault: small\n"
            f"signals:\n  it: {declared}\n"
            "decisions: [{name: a, when: {signal: it, is: good}, route: small}]\n"
        )
        with pytest.raises(PolicyError) as caught:
            compile_policy(text, source="p", services=own, selectors=SELECTORS)
        return next(each for each in caught.value.problems if each.line == 5)

    return found


@pytest.fixture
def doubt(services: SignalServices, beside: Path, tmp_path: Path) -> Callable[[str], Problem]:
    """What is odd with a signal that is declared so, though it can be used; its files stand in tmp_path."""
    folder = tmp_path / "files"
    shutil.copytree(beside, folder)
    own = services.for_policy(folder)

    def found(declared: str) -> Problem:
        text = (
            "version: 1\npools: {small: {cluster: s}, large: {cluster: l}}\ndefault: small\n"
            f"signals:\n  it: {declared}\n"
            "decisions: [{name: a, when: {signal: it, is: good}, route: large}]\n"
        )
        (warning,) = compile_policy(text, source="p", services=own, selectors=SELECTORS).warnings
        return warning

    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files of `problem` are."""
    return tmp_path / "files"


class TestEmbedding:
    @pytest.mark.parametrize(
        ("text", "label"), [pytest.param("a refund please", "refund", id="one"), pytest.param("the song", "music", id="another")]
    )
    def test_tells_the_intent_of_which_there_are_examples(self, outcome: Decided, text: str, label: str) -> None:
        """With its probability."""
        found = outcome(EMBEDDING, f"{{signal: it, is: {label}}}", text)

        assert found.decision.name == "hit"
        assert set(signal(found).labels or {}) == {"refund", "music"}
        assert 0 < signal(found).value <= 1

    def test_what_is_like_none_has_no_intent(self, build: Build, services: SignalServices) -> None:
        """It is more like ordinary requests: those are part of the bundle."""
        extractor: Any = build("embedding", intents={"refund": ["refund please", "a refund"], "music": ["a song", "the song"]})
        reading = services.share(()).encoder.read(["weather"], "user", outputs=("embedding",))[0]  # type: ignore[arg-type]  # a StrEnum's text
        ordinary = services.share(()).encoder.bundle.background.mean(0)

        told = extractor.judged(replace(reading, embedding=ordinary / math.sqrt(float(ordinary @ ordinary))), "weather")
        assert (told.label, told.value) == ("", 0.0)

    @pytest.mark.parametrize("text", ["\u65e5\u672c", "\u65e5, \u672c!", "\u0e44\u0e17\u0e22", "\U0001f44d"])
    def test_what_cannot_be_read_has_no_intent(self, outcome: Decided, text: str) -> None:
        """All such texts are alike to the encoder, also to an example that it could read in part."""
        declared = EMBEDDING.replace("[a song", "['\u65e5 \u672c \u8a9e song', '\u65e5\u672c\u8a9e \u65e5\u672c song'")
        found = outcome(declared, "{signal: it, in: [refund, music]}", text)

        assert found.decision.name != "hit"
        assert (signal(found).label, signal(found).value, set((signal(found).labels or {}).values())) == ("", 0.0, {0.0})

    def test_who_asks_for_coverage_is_told_that_nothing_was_read(self, outcome: Decided) -> None:
        """So that a rule can say what becomes of such texts."""
        found = outcome(EMBEDDING, "{signal: it, is: music, minCoverage: 0.5}", "\u65e5\u672c", on_unknown="match")

        assert found.decision.name == "hit"

    def test_an_example_that_cannot_be_read_is_told(self, problem: Callable[[str], Problem]) -> None:
        """At its place, with how many more there are; one that can be read in part is none."""
        found = problem(
            "{type: embedding, intents: {good: [a song, 'tea \u65e5'], bad: [tea, '\u65e5 \u672c', '\u65e5', '\u672c']}}"
        )

        assert found.message == "nothing of this example of 'bad' can be read, and nothing of 2 more"
        assert (found.path, found.column) == ("signals.it.intents.bad[1]", 71)
        assert found.cure.startswith("write it in words that the model bundle can read")

    def test_an_example_of_two_intents_is_odd(self, doubt: Callable[[str], Problem]) -> None:
        """It is told, and the policy can be used."""
        found = doubt("{type: embedding, intents: {good: [tea, a song], bad: [a card, tea]}}")

        assert found.severity is Severity.WARNING
        assert found.message == "the same example stands under 'good': no answer is right for both"
        assert found.path == "signals.it.intents.bad[1]"

    def test_of_no_text_is_unknown(self, outcome: Decided) -> None:
        """Nothing is like nothing."""
        assert why_unknown(outcome(EMBEDDING, "{signal: it, is: music}", "")) is UnknownReason.NO_TEXT

    def test_a_reload_with_the_same_examples_does_not_read_them_again(self, build: Build, services: SignalServices) -> None:
        """Twenty thousand exemplars take a minute."""
        options = {"intents": {"one": ["the tea"], "two": ["a card"]}}
        first: Any = build("embedding", **options)
        windows = services.models.figures["shared"].windows
        second: Any = build("embedding", **options)

        assert second._prototypes is first._prototypes
        assert services.models.figures["shared"].windows == windows
        other: Any = build("embedding", intents={"one": ["the tea", "a card"], "two": ["a card"]})
        assert other._prototypes is not first._prototypes

    @pytest.mark.parametrize(
        ("declared", "message"),
        [
            pytest.param("{type: embedding, intents: {}}", "at least 1 item", id="no intent"),
            pytest.param("{type: embedding, intents: {a: []}}", "at least 1 item", id="no example"),
            pytest.param("{type: embedding, intents: {a: ['  ']}}", "at least 1 item", id="blank example"),
            pytest.param("{type: embedding, intents: {'': [a]}}", "cannot be a name", id="no name"),
            pytest.param(
                "{type: embedding, intents: {good: [a], ' good': [tea]}}", "blanks around it", id="blanks around a name"
            ),
            pytest.param(f"{{type: embedding, intents: {MANY}}}", "20,001 examples, at most 20,000", id="too many examples"),
            pytest.param(
                f"{{type: embedding, intents: {HEAVY}}}", "so many intents at most 8,000", id="too many intents for them"
            ),
        ],
    )
    def test_mistakes_are_told(self, problem: Callable[[str], Problem], declared: str, message: str) -> None:
        """Where they stand."""
        found = problem(declared)

        assert message in found.message
        assert found.path.startswith("signals.it.intents")


class TestKnowledge:
    def test_tells_the_group_of_the_nearest_exemplars(self, outcome: Decided) -> None:
        """From a file beside the policy."""
        found = outcome("{type: knowledge, file: exemplars.jsonl}", "{signal: it, is: refunds}", "refund please")

        assert found.decision.name == "hit"

    @pytest.mark.parametrize(
        ("content", "message", "cure"),
        [
            pytest.param(None, "No such file", "mount the file beside the policy", id="missing"),
            pytest.param("\n\n", "it has no exemplars", 'write lines of {"text": ..., "group": ...}', id="empty"),
            pytest.param('{"text": "a"}', ":1: Object missing required field `group`", 'write {"text": ...', id="no group"),
            pytest.param('{"text": "a", "group": "b"}\nx', ":2: ", 'write {"text": ...', id="no JSON"),
            pytest.param('{"text": " ", "group": "b"}', ":1: empty text or group", 'write {"text": ...', id="blank"),
            pytest.param('{"text": "a", "group": " "}', ":1: empty text or group", 'write {"text": ...', id="blank group"),
            pytest.param(
                '{"text": "a", "group": "b"}\n{"text": "a", "text": "b", "group": "b"}',
                ":2: one key stands twice",
                'write {"text": ...',
                id="two texts",
            ),
            pytest.param(
                '{"group": "b", "text": "a", "group": "b"}', ":1: one key stands twice", 'write {"text": ...', id="two groups"
            ),
            pytest.param(
                '\ufeff{"text": "a", "group": "b"}',
                ":1: the line begins with a byte order mark",
                "save the file without",
                id="BOM",
            ),
            pytest.param(
                '{"text": "a", "group": "b"}\n{"text": "tea", "group": "b "}',
                ":2: `group` has blanks",
                "remove them",
                id="blanks",
            ),
            pytest.param(
                json.dumps({"text": "a", "group": "b" * 201}), ":1: `group` has more than 200", "shorten", id="long group"
            ),
            pytest.param(
                '{"text": "tea", "group": "a"}\n\n{"text": "\u65e5\u672c", "group": "b"}\n{"text": "\u65e5", "group": "a"}',
                ":4: nothing of this example of 'a' can be read, and nothing of 1 more",
                "write it in words",
                id="unreadable",
            ),
            pytest.param(
                "\n".join(json.dumps({"text": "tea", "group": f"g{number}"}) for number in range(501)),
                ":501: more than 500 groups",
                "give what is routed alike one group",
                id="many groups",
            ),
            pytest.param(
                "\n".join(json.dumps({"text": "tea", "group": f"g{number % 500}"}) for number in range(8001)),
                ": 500 groups with 8,001 examples take too long to load: with so many groups at most 8,000",
                "give fewer of each",
                id="many groups with many exemplars",
            ),
            pytest.param(
                "\n".join([json.dumps({"text": "tea", "group": "a"})] * 20_001),
                ": more than 20000 exemplars",
                "use `train-head`",
                id="many exemplars",
            ),
        ],
    )
    def test_a_file_that_cannot_be_used_is_told(
        self, problem: Callable[[str], Problem], folder: Path, content: str | None, message: str, cure: str
    ) -> None:
        """With its line, the place of the signal, and what to do."""
        file = folder / "exemplars.jsonl"
        file.unlink()
        if content is not None:
            file.write_text(content)

        found = problem("{type: knowledge, file: exemplars.jsonl}")
        assert str(file) in found.message
        assert message in found.message
        assert found.cure.startswith(cure)
        assert (found.path, found.column) == ("signals.it.file", 31)

    def test_a_text_of_two_groups_is_odd(self, doubt: Callable[[str], Problem], folder: Path) -> None:
        """It is told with both lines, as `train-head` warns of it, and the policy can be used."""
        rows = [("tea", "good"), ("a song", "good"), ("tea", "bad"), ("a song", "bad"), ("a card", "bad")]
        lines = [json.dumps({"text": text, "group": group}) for text, group in rows]
        (folder / "exemplars.jsonl").write_text("\n".join(lines))
        found = doubt("{type: knowledge, file: exemplars.jsonl}")

        assert found.severity is Severity.WARNING
        assert "exemplars.jsonl:3: the text of line 1 again, in another group, as 1 more texts do" in found.message
        assert found.path == "signals.it.file"


class TestLinear:
    def test_tells_the_label_of_a_head_on_the_embedding(self, outcome: Decided) -> None:
        """With the probability of each."""
        found = outcome("{type: linear, file: head.json}", "{signal: it, in: [left, right], atLeast: 0.1}", "the tea")

        assert found.decision.name == "hit"
        assert sum((signal(found).labels or {}).values()) == pytest.approx(1.0)

    @pytest.mark.parametrize("text", ["\u65e5\u672c", "\u65e5, \u672c!", "\u0e44\u0e17\u0e22", "\U0001f44d", "\u200b"])
    def test_what_cannot_be_read_is_unknown(self, outcome: Decided, text: str) -> None:
        """All such texts are alike to the encoder, so that one label would be right by chance only; the rule says what becomes of them."""
        found = outcome("{type: linear, file: head.json}", "{signal: it, in: [left, right], atLeast: 0.01}", text)

        assert found.decision.name != "hit"
        assert why_unknown(found) is UnknownReason.NO_TEXT
        assert (
            outcome("{type: linear, file: head.json}", "{signal: it, is: left}", text, on_unknown="match").decision.name == "hit"
        )

    @pytest.mark.parametrize("text", ["tea \u65e5\u672c", "the tea \U0001f44d", "\u200btea"])
    def test_what_can_be_read_in_part_is_told(self, outcome: Decided, text: str) -> None:
        """Of that part; the coverage says how much it is."""
        assert signal(
            outcome("{type: linear, file: head.json}", "{signal: it, in: [left, right], atLeast: 0.01}", text)
        ).label in {"left", "right"}

    def test_a_head_for_another_model_is_refused(self, problem: Callable[[str], Problem], folder: Path) -> None:
        """Its weights would mean nothing."""
        head = json.loads((folder / "head.json").read_text())
        (folder / "head.json").write_text(json.dumps({**head, "model": "0" * 64}))

        found = problem("{type: linear, file: head.json}")
        assert "another model bundle" in found.message
        assert (found.path, found.cure) == ("signals.it.file", "make the file with `router-extproc train-head`")

    def test_a_head_goes_on_with_a_bundle_that_embeds_alike(self, beside: Path, tiny_bundle: Path, tmp_path: Path) -> None:
        """Whose graph is another only in a head that was fitted anew."""
        bundle = seal(shutil.copytree(tiny_bundle, tmp_path / "bundle"), embedder="a" * 64)
        files = shutil.copytree(beside, tmp_path / "own")
        head = json.loads((files / "head.json").read_text())
        (files / "head.json").write_text(json.dumps({**head, "model": "a" * 64}))
        services = SignalServices(models=Models(folder=bundle)).for_policy(files)
        text = (
            "version: 1\npools: {small: {cluster: s}}\ndefault: small\nsignals: {it: {type: linear, file: head.json}}\n"
            "decisions: [{name: a, when: {signal: it, is: left}, route: small}]\n"
        )

        compile_policy(text, source="p", services=services, selectors=SELECTORS)

    @pytest.mark.parametrize("content", [pytest.param(None, id="missing"), pytest.param("{", id="cut off")])
    def test_a_file_that_is_no_head_is_told(self, problem: Callable[[str], Problem], folder: Path, content: str | None) -> None:
        """By its name."""
        (folder / "head.json").unlink()
        if content is not None:
            (folder / "head.json").write_text(content)

        assert str(folder / "head.json") in problem("{type: linear, file: head.json}").message


class TestOnnx:
    def test_tells_what_the_operators_model_says(self, outcome: Decided) -> None:
        """The likeliest label, with the probability of each."""
        found = outcome(ONNX, "{signal: it, is: bad, atLeast: 0.9}", "that is wrong")

        assert found.decision.name == "hit"
        assert set(signal(found).labels or {}) == {"good", "bad"}

    def test_labels_may_be_independent(self, outcome: Decided) -> None:
        """With sigmoid each holds or not."""
        found = outcome(SEVERAL, "{signal: it, is: good}", "thanks, but wrong")

        assert found.decision.name == "hit"
        assert min((signal(found).labels or {}).values()) > 0.9

    @pytest.mark.parametrize(
        ("when", "text", "hit"),
        [
            pytest.param("{signal: it, is: bad}", "court", False, id="neither"),
            pytest.param("{signal: it, is: good}", "weather", False, id="the likeliest, which does not hold"),
            pytest.param("{signal: it, in: [good, bad]}", "weather", False, id="any, and neither holds"),
            pytest.param("{signal: it, in: [good, bad]}", "wrong", True, id="any, and one holds"),
            pytest.param("{signal: it, is: good}", "tea", True, id="at the bound"),
            pytest.param("{signal: it, is: bad, atLeast: 0.3}", "weather", False, id="below its bound, with another above it"),
            pytest.param("{signal: it, is: good, atLeast: 0.4}", "weather", True, id="above its bound"),
            pytest.param("{signal: it, is: bad, atLeast: 0.1}", "weather", True, id="above its bound, and not the likeliest"),
            pytest.param("{signal: it, is: good, atLeast: 0.6}", "tea", False, id="a half, with a higher bound"),
        ],
    )
    def test_an_independent_label_holds_by_its_own_probability(self, outcome: Decided, when: str, text: str, hit: bool) -> None:  # noqa: FBT001 - what is told
        """From its bound on, which is a half where the policy says none, and whatever the others do."""
        found = outcome(SEVERAL, when, text)

        assert (found.decision.name == "hit") is hit

    def test_none_of_independent_labels_need_hold(self, outcome: Decided) -> None:
        """Then the signal has no label, and each one's probability can still be seen."""
        told = signal(outcome(SEVERAL, "{signal: it, in: [good, bad]}", "weather"))

        assert (told.label, told.value) == ("", 0.0)
        assert told.labels == pytest.approx({"good": 0.43, "bad": 0.18}, abs=0.01)

    @pytest.mark.parametrize(
        ("files", "path", "message", "cure"),
        [
            pytest.param({"apart": True}, "model", "in another file, model.onnx.data", "make it one file", id="other files"),
            pytest.param({"length": 32}, "model", "the fixed length 32", "dynamic length", id="a fixed length"),
            pytest.param({"missing": 3}, "model", "cannot read the token", "as they belong together", id="another vocabulary"),
        ],
    )
    def test_models_that_cannot_be_served_are_told(
        self, problem: Callable[[str], Problem], folder: Path, files: dict[str, Any], path: str, message: str, cure: str
    ) -> None:
        """When the policy is loaded, with the way out."""
        write_classifier(folder, **files)

        found = problem(ONNX)
        assert message in found.message
        assert found.path == f"signals.it.{path}"
        assert cure in (found.cure or "")

    def test_each_model_has_a_name_of_its_own(self, build: Build, services: SignalServices, tmp_path: Path) -> None:
        """Though all are a model.onnx, as exporters call them: that of its file as the policy names it."""
        own = services.for_policy(tmp_path)
        made: list[Any] = []
        for place in ("toxic/", "./spam/", ""):
            write_classifier(tmp_path / place)
            files = {"model": f"{place}model.onnx", "tokenizer": f"{place}tokenizer.json"}
            made.append(build("onnx", services=own, labels=["good", "bad"], window=32, **files))

        names = ["onnx-toxic/model", "onnx-spam/model", "onnx-model"]
        assert [each._classifier.name for each in made] == names
        assert set(names) <= set(own.models.breakers())
        assert set(names) <= set(own.models.stocks())
        assert set(names) <= set(own.models.figures)

    def test_a_model_that_gives_no_numbers_has_failed(self, outcome: Decided, caplog: pytest.LogCaptureFixture) -> None:
        """Unknown, and told once."""
        found = outcome(ONNX, "{signal: it, is: good}", "ignore")

        assert why_unknown(found) is UnknownReason.FAILED
        assert "ignore" not in caplog.text

    def test_of_no_text_is_unknown(self, outcome: Decided) -> None:
        """The model is not asked."""
        assert why_unknown(outcome(ONNX, "{signal: it, is: good}", "")) is UnknownReason.NO_TEXT

    def test_of_a_text_without_a_token_is_unknown(self, outcome: Decided) -> None:
        """As where there is no text: the rule says what becomes of it."""
        assert why_unknown(outcome(ONNX, "{signal: it, is: bad}", "\u200b")) is UnknownReason.NO_TEXT
        assert outcome(ONNX, "{signal: it, is: bad}", "\u200b", on_unknown="match").decision.name == "hit"

    def test_long_texts_are_read_in_part(self, outcome: Decided) -> None:
        """From the head, and the coverage says how much."""
        found = outcome(ONNX, "{signal: it, is: good}", "the tea of the song " * 100)

        assert 0 < signal(found).coverage < 0.5

    def test_the_checksum_is_held_to(self, outcome: Decided, problem: Callable[[str], Problem], folder: Path) -> None:
        """The right one is accepted, another is not."""
        right = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        good = ONNX.replace("}", f", sha256: {right}}}")
        wrong = ONNX.replace("}", f", sha256: {'a' * 64}}}")

        assert outcome(good, "{signal: it, is: bad}", "wrong").decision.name == "hit"
        assert "SHA-256" in problem(wrong).message

    @pytest.mark.parametrize(
        ("change", "path", "message"),
        [
            pytest.param(("model.onnx", "none.onnx"), "model", "no such file", id="no model"),
            pytest.param(("tokenizer.json", "none.json"), "tokenizer", "no such file", id="no tokenizer"),
            pytest.param(("tokenizer.json", "exemplars.jsonl"), "tokenizer", "not a tokenizer", id="no tokenizer at all"),
            pytest.param(("model.onnx", "head.json"), "model", "onnxruntime cannot load it", id="no model at all"),
            pytest.param(("[good, bad]", "[good, bad, ugly]"), "model", "not (rows, 3 labels)", id="too many labels"),
            pytest.param(("[good, bad]", "[good, good]"), "labels", "twice", id="a label twice"),
            pytest.param(("[good, bad]", "[good]"), "activation", "always 1", id="softmax over one"),
            pytest.param(("window: 32", "window: 8"), "window", "at least 16", id="small window"),
        ],
    )
    def test_mistakes_are_told(self, problem: Callable[[str], Problem], change: tuple[str, str], path: str, message: str) -> None:
        """When the policy is loaded, at the option."""
        found = problem(ONNX.replace(*change))

        assert message in found.message
        assert found.path == f"signals.it.{path}"

    def test_an_unchanged_model_is_shared(self, build: Build, services: SignalServices) -> None:
        """A second policy, or a reload, does not load it once more."""
        options = {"model": "model.onnx", "tokenizer": "tokenizer.json", "labels": ["good", "bad"], "window": 32}
        first: Any = build("onnx", **options)
        second: Any = build("onnx", services=services.for_policy(services.folder), **options)

        assert second._classifier is first._classifier

    def test_a_changed_model_is_another(self, build: Build, services: SignalServices, tmp_path: Path) -> None:
        """The old one goes on for who has it."""
        write_classifier(tmp_path)
        own = services.for_policy(tmp_path)
        options = {"model": "model.onnx", "tokenizer": "tokenizer.json", "labels": ["good", "bad"], "window": 32}
        first: Any = build("onnx", services=own, **options)
        write_classifier(tmp_path, positions=600)
        second: Any = build("onnx", services=own, **options)

        assert second._classifier is not first._classifier


class TestBundle:
    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "background.npy", "manifest.json"])
    @pytest.mark.parametrize("how", ["missing", "cut", "swapped"])
    def test_one_that_cannot_be_used_is_told_at_the_signal(self, tiny_bundle: Path, tmp_path: Path, name: str, how: str) -> None:
        """With the file's name, and nothing is served with half a model."""
        folder = tmp_path / "bundle"
        shutil.copytree(tiny_bundle, folder)
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        if how != "missing":
            (folder / name).write_bytes(data[: len(data) // 2] if how == "cut" else data[::-1])
        text = (
            "version: 1\npools: {small: {cluster: s}}\ndefault: small\nsignals:\n  hard: {type: difficulty}\n"
            "decisions: [{name: a, when: hard, route: small}]\n"
        )
        services = SignalServices(models=Models(folder=folder))

        with pytest.raises(PolicyError) as caught:
            compile_policy(text, source="policy.yaml", services=services, selectors=SELECTORS)

        (problem,) = caught.value.problems
        assert problem.headline.startswith("policy.yaml:5:16: error: ")
        assert name in problem.message
        assert problem.cure == "restore the model bundle, or take the neural signals out"
