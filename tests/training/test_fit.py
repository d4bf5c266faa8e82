"""A training run and its state."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from labelled import write

from router_extproc.encoders.heads import POOLED
from router_extproc.evaluation.gzipped import objects
from router_extproc.training.base import WEIGHTS
from router_extproc.training.corpus import Licence
from router_extproc.training.feed import POLISH_SHARES, SHARES, Feed
from router_extproc.training.fit import POLISHED, STATE, TEACHER, Fitting, Weights, of_others, trained, training_examples
from router_extproc.training.overlap import Forbidden
from router_extproc.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Protocol

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example

    class Start(Protocol):
        """A run with its state in a folder."""

        def __call__(self, folder: Path, recipe: Recipe = ..., /) -> Fitting: ...


RECIPE = Recipe(
    layers=(0,), inner=16, steps=2, teacher_steps=2, polish=4, tokens=2048, gather=2, seed=3, rate=2e-3, max_difficulty=50
)  # fmt: skip


@pytest.fixture(scope="module")
def start(data: Path, base: Path, teacher: Path, pieces: WordPieces) -> Start:
    """Sets runs up. Composing takes seconds and gives the same each time, so that it is done once."""
    torch.set_num_threads(1)
    known = training_examples(data, RECIPE)

    def begin(folder: Path, recipe: Recipe = RECIPE, /) -> Fitting:
        return Fitting(recipe, known, Weights(base / WEIGHTS, teacher), pieces, folder)

    return begin


@pytest.fixture(scope="module")
def told() -> list[tuple[int, str, float]]:
    """What the finished run told."""
    return []


@pytest.fixture(scope="module")
def fresh(start: Start, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The weights that a run begins with."""
    return start(tmp_path_factory.mktemp("fresh"))._fitting.network.state_dict()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run's folder."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def finished(start: Start, told: list[tuple[int, str, float]], home: Path) -> Fitting:
    """A run of two steps of each phase, and four of the last."""
    fitting = start(home)
    fitting.run(lambda *step: told.append(step))
    return fitting


@pytest.fixture
def folder(finished: Fitting, home: Path, tmp_path: Path) -> Path:
    """A copy of that run's folder."""
    assert finished.step == RECIPE.length
    return shutil.copytree(home, tmp_path / "run")


def same(left: dict[str, Any], right: dict[str, Any]) -> set[str]:
    """Names of the weights that are equal."""
    return {name for name, value in left.items() if torch.equal(value, right[name])}


class TestRun:
    def test_tells_each_step(self, finished: Fitting, told: list[tuple[int, str, float]]) -> None:
        """With its head and its loss; the teacher's first."""
        assert finished.step == 8
        assert [step for step, _, _ in told] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert {task for _, task, _ in told} <= set(SHARES)
        assert "embedding" not in {task for step, task, _ in told if step <= 2}
        assert all(0 <= loss < 1000 for _, _, loss in told)

    def test_moves_weights_and_average(self, finished: Fitting, fresh: dict[str, Any]) -> None:
        """The average goes the same way, less far; words learn, too."""
        states = [each.state_dict() for each in (finished._fitting.average, finished._fitting.network)]
        for name in ("encoder.layers.0.qkv.weight", "encoder.words.weight", "encoder.marks.weight"):
            average, network = (float((state[name] - fresh[name]).norm()) for state in states)
            assert average > 0, name
            assert network > 0, name
            assert not torch.equal(states[0][name], states[1][name])

    def test_the_last_phase_goes_on_with_the_average(self, finished: Fitting) -> None:
        """Not with the last weights."""
        name = "encoder.layers.0.up.weight"
        before, after = (each.average.state_dict()[name] for each in (finished._fitting, finished._polishing))

        assert finished.average is finished._polishing.average
        assert 0 < float((after - before).norm()) < 0.1 * float(before.norm())

    def test_leaves_its_state(self, finished: Fitting, home: Path) -> None:
        """Of each phase, under its name, and nothing that was half written."""
        assert finished.step == 8
        assert sorted(path.name for path in home.iterdir()) == sorted((STATE, TEACHER, POLISHED))

    def test_saves_as_often_as_it_is_told(self, start: Start, tmp_path: Path) -> None:
        """What is lost by an interruption is bounded."""
        seen = []
        start(tmp_path, replace(RECIPE, steps=4)).run(lambda *_: seen.append((tmp_path / STATE).exists()), save_every=2)

        assert seen == [False] * 3 + [True] * 7

    def test_labels_alone_teach_without_a_teacher(self, start: Start, tmp_path: Path) -> None:
        """The teacher is then not trained, and not asked."""
        fitting = start(tmp_path, replace(RECIPE, teacher_steps=0, polish=0))
        fitting.run(lambda *_: None)

        assert fitting.step == 2
        assert fitting._tutor is None
        assert not (tmp_path / TEACHER).exists()


class TestOfOthers:
    @pytest.mark.parametrize("head", SHARES)
    def test_nothing_is_left_to_learn_from_the_same(self, start: Start, tmp_path: Path, head: str) -> None:
        """Whatever the batch is for."""
        assert self.loss(start(tmp_path), head)[0] == pytest.approx(0, abs=1e-4)

    @pytest.mark.parametrize("head", SHARES)
    def test_each_text_teaches_the_other_heads(self, start: Start, tmp_path: Path, head: str) -> None:
        """Not its own, which has its label, and routing's requests not `domain`."""
        taught = self.loss(start(tmp_path), head, another=True)[1]

        own = "tags" if head == "pii" else head
        spared = {own, "domain"} if head == "difficulty" else {own} - {"embedding"}
        assert taught == {*POOLED, "tags"} - spared

    @staticmethod
    def loss(fitting: Fitting, head: str, *, another: bool = False) -> tuple[float, set[str]]:
        """What is left to learn beside a tutor, and the heads that learn from it."""
        network = fitting._fitting.network.eval()
        tutor = fitting._frozen(network)
        if another:
            for value in tutor.parameters():
                value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(1)) * 0.1)
        batch = next(iter(Feed({head: fitting._examples[head]}, fitting._pieces, 1, {head: 1.0}, 1024)))
        loss = of_others(network, network.encoder(batch.batch), tutor, tutor.encoder(batch.batch), batch)
        loss.backward()
        heads = {name: network.heads[name].outer.bias for name in POOLED} | {"tags": network.tags.bias}
        return float(loss.detach()), {name for name, bias in heads.items() if bias.grad is not None}


class TestLastPhase:
    @pytest.mark.parametrize("head", POLISH_SHARES)
    def test_only_private_data_is_learned(self, start: Start, tmp_path: Path, head: str) -> None:
        """A network that says what it said before has nothing to learn of other heads, whatever their labels are."""
        fitting = start(tmp_path)
        network = fitting._fitting.network.eval()
        fitting._anchor = fitting._frozen(network)
        batch = next(iter(Feed({head: fitting._examples[head]}, fitting._pieces, 1, {head: 1.0}, 1024)))
        loss = float(fitting._held(network, batch).detach())

        assert loss > 0.1 if head == "pii" else loss == pytest.approx(0, abs=1e-4)


class TestResume:
    @pytest.mark.parametrize("phase", ["_teaching", "_fitting", "_polishing"])
    def test_goes_on_where_it_was(self, start: Start, finished: Fitting, folder: Path, phase: str) -> None:
        """Weights, their average, the optimizer's memory and the step."""
        begun = start(folder)
        begun.resume()
        again, done = getattr(begun, phase), getattr(finished, phase)

        assert again.step == done.step > 0
        weights, average = done.network.state_dict(), done.average.state_dict()
        assert same(again.network.state_dict(), weights) == set(weights)
        assert same(again.average.state_dict(), average) == set(average)
        kept, wanted = (each._optimizer.state_dict()["state"] for each in (again, done))
        assert [float(each["step"]) for each in kept.values()] == [float(each["step"]) for each in wanted.values()]
        assert all(torch.equal(each["exp_avg"], wanted[key]["exp_avg"]) for key, each in kept.items())

    def test_a_finished_run(self, start: Start, folder: Path) -> None:
        """Has nothing left to do."""
        again = start(folder)
        again.run(lambda *_: pytest.fail("it went on"))

        assert again.step == 8

    def test_a_run_may_be_made_longer(self, start: Start, folder: Path) -> None:
        """Its last phase takes the steps that are missing."""
        steps: list[int] = []
        start(folder, replace(RECIPE, polish=6)).run(lambda step, *_: steps.append(step))

        assert steps == [9, 10]
        assert trained(folder)[1]["done"] == 6

    @pytest.mark.parametrize(
        "change",
        [pytest.param({"seed": 4}, id="seed"), pytest.param({"rate": 1e-3}, id="rate"), pytest.param({"gather": 4}, id="gather")],
    )
    def test_another_recipe_is_refused(self, start: Start, folder: Path, change: dict[str, Any]) -> None:
        """The file is named, and stays."""
        before = (folder / STATE).stat().st_mtime_ns

        with pytest.raises(ValueError, match=r"\.pt is of another recipe; use another folder"):
            start(folder, replace(RECIPE, **change)).resume()
        assert (folder / STATE).stat().st_mtime_ns == before

    def test_steps_stay_once_the_last_phase_has_begun(self, start: Start, folder: Path) -> None:
        """More of them would change nothing: they are not taken in silence."""
        with pytest.raises(ValueError, match="the last phase has begun after 2 batches"):
            start(folder, replace(RECIPE, steps=4)).resume()

    def test_a_run_that_lost_its_teacher(self, start: Start, folder: Path) -> None:
        """Nobody else's guesses are taken for what it says."""
        (folder / POLISHED).unlink()
        (folder / TEACHER).unlink()

        with pytest.raises(ValueError, match=r"no teacher\.pt of 2 batches"):
            start(folder, replace(RECIPE, steps=4)).resume()

    def test_an_empty_folder(self, start: Start, tmp_path: Path) -> None:
        """Is a new run."""
        fitting = start(tmp_path / "new")
        fitting.resume()

        assert fitting.step == 0

    def test_is_the_same_network_for_a_seed(self, start: Start, fresh: dict[str, Any], tmp_path: Path) -> None:
        """Before anything was learnt."""
        again = start(tmp_path)._fitting.network.state_dict()

        assert same(again, fresh) == set(fresh)


class TestSave:
    def test_an_interrupted_one_leaves_the_old_state(self, start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A reader sees the old one or the new one, never a part."""
        fitting = start(folder)
        fitting.resume()
        before = (folder / STATE).read_bytes()

        def full(_state: object, path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError("no space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(torch, "save", full)
            with pytest.raises(OSError, match="no space"):
                fitting._fitting.save()
        assert (folder / STATE).read_bytes() == before
        fitting.resume()


class TestTrained:
    def test_is_the_average(self, finished: Fitting, home: Path) -> None:
        """Of the last phase, ready to be used, with the recipe and how far it came."""
        network, recipe = trained(home)
        average = finished.average.state_dict()

        assert not network.training
        assert same(network.state_dict(), average) == set(average)
        assert recipe["done"] == 4
        assert Recipe.of(recipe) == RECIPE

    def test_of_an_empty_folder(self, tmp_path: Path) -> None:
        """Is told by the file."""
        with pytest.raises(OSError, match=r"state\.pt"):
            trained(tmp_path)


class TestRecipe:
    def test_survives_json(self) -> None:
        """A manifest keeps it; other keys beside it do not matter."""
        recipe = Recipe(layers=(1, 2), licence=Licence.STRICT)

        assert Recipe.of(json.loads(json.dumps(asdict(recipe))) | {"done": 3}) == recipe

    @pytest.mark.parametrize(
        ("change", "known"),
        [
            pytest.param({"steps": 9}, True, id="steps"),
            pytest.param({"teacher_steps": 9}, False, id="teacher-steps"),
            pytest.param({"inner": 17}, False, id="inner"),
            pytest.param({"licence": Licence.ALL}, False, id="licence"),
            pytest.param({"layers": (1,)}, False, id="layers"),
        ],
    )
    def test_the_same_but_for_its_steps(self, change: dict[str, Any], *, known: bool) -> None:
        """Everything else decides what comes out."""
        assert RECIPE.same_but_steps(json.loads(json.dumps(asdict(replace(RECIPE, **change))))) == known


@pytest.fixture(scope="module")
def found(data: Path) -> dict[str, list[Example]]:
    """What is trained on."""
    return training_examples(data, RECIPE)


class TestTrainingExamples:
    def test_has_every_head(self, found: dict[str, list[Example]]) -> None:
        """And texts that hold the embedding where it was."""
        assert set(found) == set(SHARES)
        assert len(found["difficulty"]) == RECIPE.max_difficulty
        assert {"clinc150", "banking77"} <= {example.source for example in found["embedding"]}

    def test_rare_domains_come_as_often_as_others(self, found: dict[str, list[Example]]) -> None:
        """Or four times as often as there are examples of them."""
        counts = Counter(example.target for example in found["domain"])
        once = Counter(example.target for example in set(found["domain"]))

        assert all(count == max(counts.values()) or count >= 4 * once[label] for label, count in counts.items())

    def test_holds_nothing_of_an_evaluation_set(self, data: Path, tmp_path: Path) -> None:
        """Of any head, whole or in part: the heads share one encoder."""
        copy = shutil.copytree(data, tmp_path / "data")
        stolen = [row["text"] for name in ("domain", "pii") for row in list(objects(data / name / "train.jsonl.gz"))[:5]]
        asked = [row["text"] for row in list(objects(data / "intent" / "train_clinc150.jsonl.gz"))[:5]]
        evaluated = [{"text": text} for text in (*stolen, *asked)]
        write(copy / "feedback" / "eval_more.jsonl.gz", evaluated)
        found, forbidden = training_examples(copy, RECIPE), Forbidden(copy)

        held = {text for examples in found.values() for text in (example.text for example in examples) if forbidden.holds(text)}
        assert held == set()

    def test_is_the_same_for_a_seed(self, data: Path, found: dict[str, list[Example]]) -> None:
        """In the same order."""
        assert training_examples(data, RECIPE) == found
