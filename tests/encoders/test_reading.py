from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tagged import tagged

from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED, SPANS, TAGS, output, width
from router_extproc.encoders.manifest import Calibration, Manifest
from router_extproc.encoders.passages import Passage, Slice
from router_extproc.encoders.reading import Outputs, Terms, combined, pooled
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.bundle import Bundle
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Span

    Floats = NDArray[np.float32]

_SURE = 9.0
TEXT = "Alice Bobby Carol Dan"


@pytest.fixture(scope="module")
def manifest(bundle: Bundle) -> Manifest:
    """Temperature 1 everywhere."""
    return bundle.manifest


def piece(*offsets: tuple[int, int]) -> Slice:
    """A window over these characters."""
    size = len(offsets) + 2
    return Slice([7] * size, [0] * size, [(0, 0), *offsets, (0, 0)])


def tags(*names: str) -> Floats:
    """Logits of one window that are sure of these tags, one a token, the special ones included; "" is no private data."""
    rows = np.zeros((len(names), TAGS), np.float32)
    for row, name in zip(rows, names, strict=True):
        row[_tag(name)] = _SURE
    return rows


def _tag(name: str) -> int:
    return 1 + 2 * SPANS.index(name[2:]) + (name[0] == "I") if name else 0


def rows(head: str, *logits: float) -> Mapping[str, list[list[float]]]:
    """A head's outputs: a window each, with the first label's logit."""
    return {head: [[logit] + [0.0] * (width(head) - 1) for logit in logits]}


def reading(manifest: Manifest, passage: Passage, outputs: Outputs, text: str = "", kind: Kind = Kind.USER) -> Reading:
    """Of a text of that kind, with the manifest's calibration."""
    terms = Terms({head: manifest.calibration[output(head, kind)] for head in POOLED}, manifest.span_threshold)
    return combined(text, passage, outputs, terms)


class TestPooled:
    def test_takes_the_highest_window_for_what_may_stand_anywhere(self) -> None:
        """An attack in the middle of a long text counts in full."""
        assert pooled("jailbreak", [[-3.0], [5.0], [-4.0]]) == [5.0]

    @pytest.mark.parametrize("head", [head for head in POOLED if head != "jailbreak"])
    def test_takes_head_and_tail_for_what_is_about_the_whole_text(self, head: str) -> None:
        """Their mean; what stands between does not count."""
        assert pooled(head, [[-3.0], [50.0], [5.0]]) == [1.0]

    @pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
    @pytest.mark.parametrize("head", POOLED)
    @pytest.mark.parametrize("window", range(3))
    def test_refuses_what_is_no_number(self, head: str, window: int, strange: float) -> None:
        """In whichever window it is, also where another one would count."""
        windows = [[9.0], [9.0], [9.0]]
        windows[window] = [strange]

        with pytest.raises(StrangeError):
            pooled(head, windows)


class TestCombined:
    def test_holds_only_what_was_asked_for(self, manifest: Manifest) -> None:
        """The rest was not computed."""
        found = reading(manifest, Passage((piece((0, 3)),), 0.5), Outputs(rows("domain", 1.0)))

        assert list(found.classes) == ["domain"]
        assert (found.chances, found.embedding.size, found.spans, found.coverage) == ({}, 0, (), 0.5)

    @pytest.mark.parametrize("head", CLASSES)
    def test_makes_logits_probabilities(self, manifest: Manifest, head: str) -> None:
        """One label each, which sum to 1."""
        found = reading(manifest, Passage((piece(),), 1.0), Outputs(rows(head, 2.0))).classes[head]

        assert tuple(found) == CLASSES[head]
        assert sum(found.values()) == pytest.approx(1.0)
        assert found[CLASSES[head][0]] == pytest.approx(np.exp(2) / (np.exp(2) + len(CLASSES[head]) - 1))

    def test_what_tools_and_documents_bring_in_has_a_calibration_of_its_own(self, manifest: Manifest) -> None:
        """Of the head that has an output of its own for it, and of no other."""
        own = {"jailbreak_contents": Calibration(temperature=0.5, bias=1.0)}
        fitted = manifest.model_copy(update={"calibration": {**manifest.calibration, **own}})
        outputs = Outputs({**rows("jailbreak", 1.0), **rows("fact_check", 1.0)})
        kinds = (Kind.USER, Kind.TOOL_RESULT)
        user, brought = (reading(fitted, Passage((piece(),), 1.0), outputs, kind=kind) for kind in kinds)

        assert user.chances["jailbreak"] == pytest.approx(1 / (1 + np.exp(-1.0)))
        assert brought.chances["jailbreak"] == pytest.approx(1 / (1 + np.exp(-4.0)))
        assert user.chances["fact_check"] == brought.chances["fact_check"]

    @pytest.mark.parametrize(
        ("calibration", "logit"),
        [
            pytest.param(Calibration(), 1.5, id="none"),
            pytest.param(Calibration(temperature=0.5), 3.0, id="sharper"),
            pytest.param(Calibration(temperature=2.0, bias=0.5), 1.0, id="blunter and likelier"),
        ],
    )
    @pytest.mark.parametrize("head", CHANCES)
    def test_calibrates_a_chance(self, manifest: Manifest, head: str, calibration: Calibration, logit: float) -> None:
        """Of (logit + bias) / temperature."""
        fitted = manifest.model_copy(update={"calibration": {**manifest.calibration, head: calibration}})
        found = reading(fitted, Passage((piece(),), 1.0), Outputs(rows(head, 1.5)))

        assert found.chances[head] == pytest.approx(1 / (1 + np.exp(-logit)))

    @pytest.mark.parametrize(("logit", "expected"), [(-3e38, 0.0), (3e38, 1.0), (-1e4, 0.0), (1e4, 1.0)])
    def test_takes_logits_of_any_size(self, manifest: Manifest, logit: float, expected: float) -> None:
        """Without a warning of an overflow."""
        found = reading(manifest, Passage((piece(),), 1.0), Outputs(rows("jailbreak", logit)))

        assert found.chances["jailbreak"] == expected

    def test_gives_the_mean_of_all_windows_as_the_embedding(self, manifest: Manifest) -> None:
        """Of length 1."""
        outputs = Outputs(embeddings=tuple(np.array([[1, 0], [0, 1]], np.float32)))
        found = reading(manifest, Passage(tuple([piece()] * 2), 1.0), outputs)

        assert found.embedding == pytest.approx([0.5**0.5, 0.5**0.5])

    def test_gives_zeros_where_the_windows_cancel_out(self, manifest: Manifest) -> None:
        """Not something that is no number."""
        outputs = Outputs(embeddings=tuple(np.array([[1, 0], [-1, 0]], np.float32)))
        found = reading(manifest, Passage(tuple([piece()] * 2), 1.0), outputs)

        assert found.embedding == pytest.approx([0, 0])

    @pytest.mark.parametrize("strange", [float("nan"), float("inf")])
    def test_refuses_embeddings_and_tags_that_are_no_numbers(self, manifest: Manifest, strange: float) -> None:
        """Wherever the number stands."""
        row, marks = np.ones(3, np.float32), np.zeros((3, TAGS), np.float32)
        row[1] = marks[1, 5] = strange

        for outputs in (Outputs(embeddings=(row,)), Outputs(tags=(tagged(marks),))):
            with pytest.raises(StrangeError):
                reading(manifest, Passage((piece((0, 5)),), 1.0), outputs, TEXT)

    def test_refuses_types_that_are_no_numbers(self, manifest: Manifest) -> None:
        """Though onnxruntime's maximum passes over them."""
        sound = tagged(np.zeros((3, TAGS), np.float32))
        types = sound.types.copy()
        types[1] = np.nan

        with pytest.raises(StrangeError):
            reading(manifest, Passage((piece((0, 5)),), 1.0), Outputs(tags=(sound._replace(types=types),)), TEXT)


class TestSpans:
    def spans(self, manifest: Manifest, slices: Sequence[Slice], *windows: Floats, threshold: float = 0.5) -> tuple[Span, ...]:
        longest = max(map(len, windows))
        stacked = np.stack([np.pad(window, ((0, longest - len(window)), (0, 0))) for window in windows])
        fitted = manifest.model_copy(update={"span_threshold": threshold})
        return reading(fitted, Passage(tuple(slices), 1.0), Outputs(tags=[*map(tagged, stacked)]), TEXT).spans

    def test_leaves_out_what_is_below_the_threshold(self, manifest: Manifest) -> None:
        """It stands in the bundle."""
        window = tags("", "B-PERSON", "")

        assert [span.type for span in self.spans(manifest, [piece((0, 5))], window)] == ["PERSON"]
        assert self.spans(manifest, [piece((0, 5))], window / 9, threshold=0.5) == ()

    def test_tells_once_what_two_windows_see(self, manifest: Manifest) -> None:
        """They overlap."""
        slices = [piece((0, 5), (6, 9)), piece((6, 9), (10, 12))]
        found = self.spans(manifest, slices, tags("", "", "B-PERSON", ""), tags("", "B-PERSON", "", ""))

        assert [(span.start, span.end) for span in found] == [(6, 9)]

    def test_ends_in_the_next_window_what_the_first_ones_end_cut(self, manifest: Manifest) -> None:
        """Half a name is no use to whoever wants it hidden."""
        slices = [piece((0, 5), (6, 11)), piece((6, 11), (12, 17))]
        found = self.spans(manifest, slices, tags("", "", "B-PERSON", ""), tags("", "B-PERSON", "I-PERSON", ""))

        assert [(span.start, span.end) for span in found] == [(6, 17)]

    def test_keeps_the_first_where_two_windows_disagree(self, manifest: Manifest) -> None:
        """No two spans overlap."""
        slices = [piece((0, 5), (6, 11)), piece((6, 11), (12, 17))]
        found = self.spans(manifest, slices, tags("", "", "B-PERSON", ""), tags("", "B-ADDRESS", "I-ADDRESS", ""))

        assert [(span.start, span.end, span.type) for span in found] == [(6, 11, "PERSON")]

    def test_reads_shorter_windows_no_further_than_they_go(self, manifest: Manifest) -> None:
        """Rows are as long as the longest window's."""
        slices = [piece((0, 5)), piece((0, 5), (6, 7), (8, 9))]
        found = self.spans(manifest, slices, tags("", "B-AGE", ""), tags("", "", "", "B-AGE", ""))

        assert [(span.start, span.end) for span in found] == [(0, 5), (8, 9)]

    def test_a_type_that_can_be_checked_is_no_models_to_tell(self, manifest: Manifest) -> None:
        """But for a telephone number whose shape agrees."""
        numbers = "a@b.io 06 12 34 56 78"
        slices = (piece((0, 6), (7, 21)),)
        rows = [tagged(tags("", "B-EMAIL", "B-PHONE", ""))]
        found = reading(manifest, Passage(slices, 1.0), Outputs(tags=rows), numbers).spans

        assert [(span.type, numbers[span.start : span.end]) for span in found] == [("PHONE", "06 12 34 56 78")]

    def test_reads_what_no_utf8_can_write(self, manifest: Manifest) -> None:
        """Half a character, as JSON may hold it, is a character."""
        text = "\ud800 Ann at 22 Pollen Crescent"
        rows = [tagged(tags("", "B-PERSON", ""))]
        found = reading(manifest, Passage((piece((2, 5)),), 1.0), Outputs(tags=rows), text).spans

        assert [text[span.start : span.end] for span in found] == ["Ann", "22 Pollen Crescent"]

    def test_a_number_below_an_address_needs_no_mark(self, manifest: Manifest) -> None:
        """An address that is told by how it is written counts as much as one that the head marks."""
        text = "Send it to\n12 Elm Street\n020 7946 0958\nThanks"
        found = reading(manifest, Passage((piece((0, 4)),), 1.0), Outputs(tags=[tagged(tags("", "", ""))]), text).spans

        assert [(span.type, text[span.start : span.end]) for span in found] == [
            ("ADDRESS", "12 Elm Street"),
            ("PHONE", "020 7946 0958"),
        ]

    def test_a_name_in_a_field_needs_no_mark(self, manifest: Manifest) -> None:
        """Nor a digit in the text: the field says what it is."""
        text = "Patient: Ann Roe"
        found = reading(manifest, Passage((piece((0, 4)),), 1.0), Outputs(tags=[tagged(tags("", "", ""))]), text).spans

        assert [(span.type, text[span.start : span.end]) for span in found] == [("PERSON", "Ann Roe")]
