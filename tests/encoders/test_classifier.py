from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto
from tiny_classifier import write_classifier
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from router_extproc.breaker import BreakerState
from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.classifier import ClassifierOptions, OnnxClassifier, Verdict
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.foreign import TokenizerError
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Open = Callable[..., OnnxClassifier]
    Ask = Callable[..., Verdict]

_PATIENCE = 30.0


@pytest.fixture
def classifier(tmp_path: Path) -> Iterator[Open]:
    """Makes classifiers that are closed with the test; what is not an option of theirs is about the files."""
    made: list[OnnxClassifier] = []

    def make(
        *,
        labels: tuple[str, ...] = ("good", "bad"),
        window: int = 16,
        windows: int = 4,
        several: bool = False,
        width: int | str = 2,
        **files: object,
    ) -> OnnxClassifier:
        model, tokenizer = write_classifier(tmp_path, labels=width, **files)  # type: ignore[arg-type]  # as they stand in the test
        options = ClassifierOptions(labels, window, windows, several)
        made.append(OnnxClassifier(model, tokenizer, options, BatchOptions(), Figures()))
        return made[-1]

    yield make
    for each in made:
        each.batcher.close()


@pytest.fixture
def ask(classifier: Open, later: float) -> Ask:
    """The verdict on a text."""
    return lambda text, **options: classifier(**options).submit(text, later).result(_PATIENCE)


class TestVerdict:
    def test_gives_one_label_of_several(self, ask: Ask) -> None:
        """Their chances sum to 1."""
        verdict = ask("thanks for the tea")

        assert verdict.chances == pytest.approx((1.0, 0.0), abs=1e-3)
        assert verdict.coverage == 1.0

    def test_gives_each_label_by_itself(self, ask: Ask) -> None:
        """Both may hold, or none."""
        assert ask("thanks, it is wrong", several=True).chances == pytest.approx((1.0, 1.0), abs=1e-3)
        assert ask("tea", several=True).chances == (0.5, 0.5)

    def test_takes_logits_of_any_size(self, ask: Ask) -> None:
        """Without a warning of an overflow."""
        assert ask("court", several=True).chances == (1.0, 0.0)
        assert ask("court").chances == (1.0, 0.0)

    def test_takes_the_highest_window_of_labels_by_themselves(self, ask: Ask) -> None:
        """What is found anywhere is found."""
        verdict = ask("thanks " + "tea " * 30 + "wrong", several=True)

        assert verdict.chances == pytest.approx((1.0, 1.0), abs=1e-3)
        assert verdict.coverage == 1.0

    def test_takes_the_mean_of_all_windows_of_one_label(self, ask: Ask) -> None:
        """The text as a whole is of one."""
        first, second = ask("thanks " + "tea " * 15 + "wrong", window=16, windows=2).chances

        assert (first, second) == pytest.approx((0.5, 0.5), abs=1e-3)

    @pytest.mark.parametrize(
        ("text", "coverage"),
        [
            pytest.param("tea " * 16, 1.0, id="one window"),
            pytest.param("tea " * 32, 28 * 4 / 127, id="more than two windows, which share four"),
            pytest.param("tea " * 10_000, 28 * 4 / 39_999, id="many windows"),
            pytest.param("x" * 100_000, 0.0, id="one long word, which it cannot spell"),
            pytest.param("\u4f60\u597d\u4e16\u754c", 0.0, id="letters that it cannot spell"),
            pytest.param("tea \u0e44\u0e17\u0e22 the", 8 / 11, id="words that it cannot spell"),
            pytest.param("tea the \u2764\ufe0f", 1.0, id="an emoji at the end"),
            pytest.param("thanks\U0001f44d", 1.0, id="an emoji at a word"),
            pytest.param("tea the\u200b", 1.0, id="a sign without width at the end"),
            pytest.param("\u200b\u2764\ufe0f", 1.0, id="nothing but signs"),
            pytest.param(" \n tea  ", 1.0, id="blanks around"),
            pytest.param("tea " * 20 + "\u0e44" * 20, 0.8, id="words that it cannot spell in what two windows share"),
        ],
    )
    def test_says_how_much_it_read(self, ask: Ask, text: str, coverage: float) -> None:
        """Up to two windows of sixteen tokens."""
        assert ask(text, windows=2).coverage == pytest.approx(coverage, rel=0.02)

    def test_reads_a_word_that_a_sign_touches(self, ask: Ask) -> None:
        """As if a blank stood in the sign's place."""
        assert ask("thanks\U0001f44d").chances == ask("thanks").chances

    def test_bounds_the_work_of_any_text(self, classifier: Open, later: float, hostile: str) -> None:
        """Whatever it is made of; a text without a token has no verdict, but an error or a coverage."""
        it = classifier(windows=3)
        future = it.submit(hostile, later)
        failure = future.exception(_PATIENCE)

        assert failure or 0.0 <= future.result().coverage <= 1.0
        assert it.batcher.figures.windows <= 3

    @pytest.mark.parametrize("several", [pytest.param(False, id="one label"), pytest.param(True, id="each by itself")])
    @pytest.mark.parametrize(
        ("text", "coverage"), [("", 1.0), ("\u200b", 1.0), ("\ufe0f\u200d", 1.0), ("\u200b" * 9_000 + "wrong", 0.0)]
    )
    def test_says_nothing_of_what_no_token_stands_for(
        self, classifier: Open, later: float, text: str, coverage: float, *, several: bool
    ) -> None:
        """But how much was read. However many there are, the model is at work for others."""
        it = classifier(first=True, several=several)
        for _ in range(20):
            assert it.submit(text, later).result(_PATIENCE) == Verdict((), coverage)

        assert it.batcher.breaker.state is BreakerState.CLOSED
        assert it.submit("thanks", later).result(_PATIENCE).chances[0] > 0.9

    def test_is_an_error_where_the_model_gives_no_numbers(self, classifier: Open, later: float) -> None:
        """Of that text alone."""
        it = classifier()
        futures = [it.submit(text, later) for text in ("tea", "ignore", "card")]

        assert isinstance(futures[1].exception(_PATIENCE), StrangeError)
        assert [future.exception(_PATIENCE) for future in (futures[0], futures[2])] == [None, None]

    @pytest.mark.parametrize("inputs", [("input_ids",), ("input_ids", "attention_mask", "token_type_ids")])
    def test_gives_the_model_the_inputs_that_it_has(self, ask: Ask, inputs: tuple[str, ...]) -> None:
        """Only the ids are needed."""
        assert ask("thanks", inputs=inputs).chances[0] > 0.9

    def test_takes_a_model_that_does_not_say_how_many_labels_it_has(self, ask: Ask) -> None:
        """It is run once to see."""
        assert ask("thanks", labels=("good", "bad")).chances[0] > 0.9


class TestOnnxClassifier:
    @pytest.mark.parametrize(
        ("files", "text"),
        [
            pytest.param({"inputs": ("input_ids", "pixels")}, "expected the inputs .*pixels", id="an unknown input"),
            pytest.param({"inputs": ()}, "expected the inputs|cannot load", id="no ids"),
            pytest.param({"rank": 3}, "not .rows, 2 labels", id="logits a token"),
            pytest.param({"kind": TensorProto.INT32}, "cannot read a window", id="inputs of another type"),
            pytest.param({"positions": 10}, "cannot read a window of 16 tokens", id="a window that is too long"),
            pytest.param({"length": 16}, "input_ids has the fixed length 16", id="a fixed length"),
            pytest.param({"missing": 9}, r"cannot read the token 1\d\d, which tokenizer\.json gives", id="another vocabulary"),
            pytest.param({"gives": TensorProto.BOOL}, "outputs of the type bool", id="no numbers"),
            pytest.param({"apart": True}, r"weights are in another file, model\.onnx\.data", id="weights in another file"),
        ],
    )
    def test_refuses_a_model_that_it_cannot_use(self, classifier: Open, files: dict[str, object], text: str) -> None:
        """Now, not at the first request that needs it."""
        with pytest.raises(BundleError, match=rf"model\.onnx: .*({text})"):
            classifier(**files)

    def test_says_what_onnxruntime_got_and_expected(self, classifier: Open) -> None:
        """The numbers are not in its first line."""
        with pytest.raises(BundleError, match=r"Got: 1 Expected: 4") as caught:
            classifier(batch=4)
        assert "\n" not in str(caught.value)

    def test_refuses_a_tokenizer_that_fails_on_words_that_it_does_not_know(self, tmp_path: Path) -> None:
        """Because its vocabulary lacks the token for them."""
        model, tokenizer = write_classifier(tmp_path)
        made = Tokenizer(WordLevel({"a": 0}, unk_token="[UNK]"))  # noqa: S106 - no password
        made.pre_tokenizer = WhitespaceSplit()
        made.save(str(tokenizer))

        with pytest.raises(TokenizerError, match=r"tokenizer\.json: it cannot read a text: .*\[UNK\]"):
            OnnxClassifier(model, tokenizer, ClassifierOptions(("a", "b"), 16, 1, several=False), BatchOptions())

    @pytest.mark.parametrize("width", [2, "labels"])
    def test_refuses_another_number_of_labels(self, tmp_path: Path, width: int | str) -> None:
        """Whether the graph tells how many it has, or its outputs do."""
        model, tokenizer = write_classifier(tmp_path, labels=width)

        with pytest.raises(BundleError, match=r"model\.onnx: .*3 labels"):
            OnnxClassifier(model, tokenizer, ClassifierOptions(("a", "b", "c"), 16, 1, several=False), BatchOptions())

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
    def test_refuses_files_that_are_missing_or_nonsense(self, tmp_path: Path, name: str) -> None:
        """By name."""
        model, tokenizer = write_classifier(tmp_path)
        options = ClassifierOptions(("a", "b"), 16, 1, several=False)
        for damage in (lambda path: path.write_bytes(b"nonsense"), lambda path: path.unlink()):
            damage(tmp_path / name)
            with pytest.raises(BundleError, match=name.replace(".", r"\.")):
                OnnxClassifier(model, tokenizer, options, BatchOptions())

    def test_ends_its_threads_when_nothing_refers_to_it(self, tmp_path: Path, later: float) -> None:
        """A policy that is replaced takes its own models with it."""
        model, tokenizer = write_classifier(tmp_path)
        it = OnnxClassifier(model, tokenizer, ClassifierOptions(("a", "b"), 16, 1, several=False), BatchOptions())
        it.submit("tea", later).result(_PATIENCE)
        threads = list(it.batcher._threads)
        del it
        gc.collect()
        for thread in threads:
            thread.join(_PATIENCE)

        assert not any(thread.is_alive() for thread in threads)
