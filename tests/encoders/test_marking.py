from __future__ import annotations

import re

import numpy as np
import pytest
from tagged import tagged

from router_extproc.encoders.heads import SPANS, TAGS
from router_extproc.encoders.marking import Marks, marked
from router_extproc.encoders.passages import Slice

_SURE = 9.0


def said(text: str, *names: str) -> list[tuple[str, str]]:
    """Type and text of what is marked, if the head is sure of these tags: one a word or sign of the text."""
    offsets = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
    return [(span.type, text[span.start : span.end]) for span in marks(window(offsets), tags("", *names, ""), text).spans]


def marks(piece: Slice, logits: np.ndarray, text: str, threshold: float = 0.0, *, numbers: bool = True) -> Marks:
    """Those of a text of one window."""
    return next(iter(marked([(piece, tagged(logits))], text, threshold, numbers=numbers)), Marks([], []))


def window(offsets: list[tuple[int, int]]) -> Slice:
    """A window over these characters, with the special tokens."""
    size = len(offsets) + 2
    return Slice([7] * size, [0] * size, [(0, 0), *offsets, (0, 0)])


def tags(*names: str) -> np.ndarray:
    """Logits that are sure of these tags; "" is no private data."""
    rows = np.zeros((len(names), TAGS), np.float32)
    for row, name in zip(rows, names, strict=True):
        row[tag(name)] = _SURE
    return rows


def tag(name: str) -> int:
    """The place of a tag."""
    return 1 + 2 * SPANS.index(name[2:]) + (name[0] == "I") if name else 0


B, I = "B-PERSON", "I-PERSON"  # noqa: E741 - as the tags are called
PLACE, MORE = "B-ADDRESS", "I-ADDRESS"
FIRM, FIRMS = "B-ORGANIZATION", "I-ORGANIZATION"


class TestMarked:
    @pytest.mark.parametrize(
        ("text", "names", "expected"),
        [
            pytest.param("nobody is here", ["", "", ""], [], id="none"),
            pytest.param("Ann Lee left", [B, I, ""], [("PERSON", "Ann Lee")], id="a run"),
            pytest.param("Ann Lee left", [I, I, ""], [("PERSON", "Ann Lee")], id="a run without a beginning"),
            pytest.param("Ann Lee left", [B, B, ""], [("PERSON", "Ann Lee")], id="only a space between: one name"),
            pytest.param("Ann, Lee left", [B, "", B, ""], [("PERSON", "Ann"), ("PERSON", "Lee")], id="a comma between: two"),
            pytest.param("Ann and Lee", [B, "", B], [("PERSON", "Ann"), ("PERSON", "Lee")], id="and between: two"),
            pytest.param("Ann and Lee", [B, I, ""], [("PERSON", "Ann")], id="no name ends with and"),
            pytest.param("J. Lee-Day left", [B, "", I, "", I, ""], [("PERSON", "J. Lee-Day")], id="signs within a name"),
            pytest.param(". Lee left", [B, I, ""], [("PERSON", "Lee")], id="no name begins with a sign"),
            pytest.param("Lee .", [B, I], [("PERSON", "Lee")], id="nor ends with one"),
            pytest.param(
                "1 Elm St, Ohio", [PLACE, MORE, MORE, "", PLACE], [("ADDRESS", "1 Elm St, Ohio")], id="an address has commas"
            ),
            pytest.param("Ann Ohio", [B, PLACE], [("PERSON", "Ann"), ("ADDRESS", "Ohio")], id="another type"),
            pytest.param("Lee & Sons", [FIRM, "", FIRMS], [("ORGANIZATION", "Lee & Sons")], id="a firm's sign"),
            pytest.param(
                "Ann, Lee left", [B, I, I, ""], [("PERSON", "Ann"), ("PERSON", "Lee")], id="a comma parts, whatever is said"
            ),
            pytest.param("Ann\nLee left", [B, I, ""], [("PERSON", "Ann"), ("PERSON", "Lee")], id="a line's end parts names"),
            pytest.param(
                "Elm St\nOhio\n\nTexas",
                [PLACE, MORE, MORE, MORE],
                [("ADDRESS", "Elm St\nOhio"), ("ADDRESS", "Texas")],
                id="an address has lines, but not an empty one",
            ),
            pytest.param(
                "Lee Ltd. is", [FIRM, FIRMS, "", ""], [("ORGANIZATION", "Lee Ltd.")], id="a shortened word keeps its dot"
            ),
            pytest.param("at Lee.", ["", FIRM, ""], [("ORGANIZATION", "Lee")], id="a sentence's dot is its own"),
            pytest.param("52.52, 13.40 or", [PLACE, MORE, MORE, MORE, MORE, MORE, MORE, ""], [], id="no name without a letter"),
            pytest.param("Ann went to Lee", [B, "", "", I], [("PERSON", "Ann"), ("PERSON", "Lee")], id="words between"),
        ],
    )
    def test_puts_words_together(self, text: str, names: list[str], expected: list[tuple[str, str]]) -> None:
        """Names keep what joins their parts, and nothing else."""
        assert said(text, *names) == expected

    def test_judges_words_whole(self) -> None:
        """A word whose first piece is missed is marked from its beginning."""
        text = "Konya left"
        (span,) = marks(window([(0, 2), (2, 5), (6, 10)]), tags("", "", B, "", "") + tags("", I, "", "", "") / 2, text).spans

        assert (span.start, span.end) == (0, 5)

    def test_judges_names_with_a_hyphen_whole(self) -> None:
        """Whoever marks one half of them marks both."""
        assert said("for Weeks-Rivas now", "", B, I, FIRM, "") == [("PERSON", "Weeks-Rivas")]

    @pytest.mark.parametrize(
        ("text", "marked_as"),
        [
            pytest.param("at Data Centre now", "Data Centre", id="capitalised"),
            pytest.param("at Data centre now", "Data", id="small letters"),
            pytest.param("at Data, Centre now", "Data", id="a comma between"),
        ],
    )
    def test_an_organisation_takes_what_may_be_a_part_of_it(self, text: str, marked_as: str) -> None:
        """A capitalised word beside it, though it is likelier none."""
        offsets = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        logits = tags("", *([""] * len(offsets)), "")
        logits[2] = tags(FIRM)[0]
        logits[1 + [text[slice(*place)].lower() for place in offsets].index("centre"), tag(FIRM)] = _SURE - 1.5
        (found,) = marks(window(offsets), logits, text).spans

        assert text[found.start : found.end] == marked_as

    def test_never_marks_the_special_tokens(self) -> None:
        """They stand for no character."""
        assert marks(window([(0, 5)]), tags(B, "", I), "hello").spans == []

    def test_never_marks_a_text_without_tokens(self) -> None:
        """An empty text has only the special ones."""
        assert marks(window([]), tags(B, B), "") == Marks([], [])

    def test_never_marks_signs_alone(self) -> None:
        """Whatever the head says of them."""
        assert said("- , -", B, I, I) == []

    def test_adds_up_the_two_tags_of_a_type(self) -> None:
        """A token that is either B- or I- is surely of the type, though neither is the likeliest tag alone."""
        logits = tags("", "", "")
        logits[1, [0, tag("B-AGE"), tag("I-AGE")]] = _SURE, _SURE - 0.1, _SURE - 0.1
        (found,) = marks(window([(0, 2)]), logits, "44").spans

        assert found.type == "AGE"
        assert 0.6 < found.score < 0.7

    @pytest.mark.parametrize(
        ("threshold", "found"),
        [pytest.param(0.5, ["Ann", "Ann"], id="one may count"), pytest.param(0.9, [], id="none may")],
    )
    def test_tells_of_all_windows_if_a_name_in_one_may_count(self, threshold: float, found: list[str]) -> None:
        """Who is named surely once is named wherever it reads the same; where nobody is, nothing is looked for."""
        text = "Ann left. Ann came."
        first, last = window([(0, 3), (4, 8), (8, 9)]), window([(10, 13), (14, 18), (18, 19)])
        likely, unlikely = tags("", B, "", "", ""), tags("", B, "", "", "")
        likely[1, 0], unlikely[1, 0] = _SURE - 1.5, _SURE - 0.1  # 0.82 and 0.52
        told = marked([(first, tagged(likely)), (last, tagged(unlikely))], text, threshold, numbers=False)

        assert [text[span.start : span.end] for each in told for span in each.spans] == found

    @pytest.mark.parametrize(("numbers", "found"), [(False, []), (True, ["ADDRESS"])])
    def test_tells_of_addresses_that_do_not_count_where_there_are_numbers(self, numbers: bool, found: list[str]) -> None:  # noqa: FBT001 - a parameter
        """A telephone number may be taken for a part of one."""
        logits = tags("", PLACE, "")
        logits[1, 0] = _SURE - 0.1

        assert [span.type for span in marks(window([(0, 3)]), logits, "Elm", 0.9, numbers=numbers).spans] == found

    def test_does_not_join_names_that_are_far_apart(self) -> None:
        """Though nothing between them may be of any type, and the second rather goes on with a name."""
        between = ["", "", "", "", ""]

        assert said("Ann, - . - , Lee", B, *between, I) == [("PERSON", "Ann"), ("PERSON", "Lee")]

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("sure", [60.0, 200.0, 1e30])
    def test_bears_any_finite_logit(self, sure: float) -> None:
        """However sure the head is: no power overflows, and what begins a name still does."""
        logits = tags("", B, I, "", "") * np.float32(sure / _SURE)
        (found,) = marks(window([(0, 3), (4, 7), (8, 12)]), logits, "Ann Lee left").spans

        assert (found.start, found.end) == (0, 7)
        assert found.score == pytest.approx(1.0)

    def test_tells_what_may_be_a_telephone_number(self) -> None:
        """Though the head thinks something else likelier; the score is the mean over the words that it stretches over."""
        text = "at 449 4898 then"
        logits = tags("", "", "", "", "", "")
        logits[2:4, tag("B-PHONE")] = _SURE - 0.1
        found = marks(window([(0, 2), (3, 6), (7, 11), (12, 16)]), logits, text)

        assert (found.spans, [text[hint.start : hint.end] for hint in found.hints]) == ([], ["449 4898"])
        assert found.hints[0].score == pytest.approx(0.475, abs=0.01)
