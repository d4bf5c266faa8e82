"""One form for texts that look alike."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders import folding
from router_extproc.encoders.folding import fold, spaced


class TestFold:
    @pytest.mark.parametrize(
        "disguised",
        [
            pytest.param("JailBreak", id="capitals"),
            pytest.param("j\u200bailbreak", id="zero-width space"),
            pytest.param("jail\u2060break", id="word joiner"),
            pytest.param("jail\u00adbreak", id="soft hyphen"),
            pytest.param("\ufeffjailbreak", id="byte order mark"),
            pytest.param("jail\ufe0fbreak", id="variation selector"),
            pytest.param("jail\u202ebreak", id="direction override"),
            pytest.param("jail\U000e0020break", id="tag"),
            pytest.param("\uff4a\uff41\uff49\uff4c\uff42\uff52\uff45\uff41\uff4b", id="full width"),
            pytest.param(
                "\U0001d4f3\U0001d4ea\U0001d4f2\U0001d4f5\U0001d4eb\U0001d4fb\U0001d4ee\U0001d4ea\U0001d4f4", id="script letters"
            ),
            pytest.param("ⓙⓐⓘⓛⓑⓡⓔⓐⓚ", id="circled"),
        ],
    )
    def test_disguises_come_off(self, disguised: str) -> None:
        """What looks like the word is the word."""
        assert fold(disguised, case_sensitive=False) == "jailbreak"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("STRASSE straße", "strasse strasse", id="sharp s"),
            pytest.param("e\u0301", "é", id="composed"),
            pytest.param("Ünï", "ünï", id="accents stay"),
            pytest.param("今天", "今天", id="ideographs"),
            pytest.param("\U00010330" * 20, "\U00010330" * 20, id="old scripts are no marks"),
        ],
    )
    def test_other_text_keeps_its_letters(self, text: str, expected: str) -> None:
        """Only the form changes."""
        assert fold(text, case_sensitive=False) == expected

    def test_capitals_stay_where_they_matter(self) -> None:
        """With caseSensitive only the form is brought to one."""
        assert fold("\uff21bC", case_sensitive=True) == "AbC"
        assert fold("AbC", case_sensitive=True) == "AbC"

    @given(st.text())
    def test_only_stacked_marks_and_the_invisible_are_lost(self, text: str) -> None:
        """Text without them is NFKC and nothing else."""
        plain = "".join(character for character in text if not folding._INVISIBLE.match(character))
        if not folding._RUN.search(plain):
            assert fold(text, case_sensitive=True) == unicodedata.normalize("NFKC", plain)

    @pytest.mark.parametrize(
        "run",
        [
            pytest.param("\u0301\u0316", id="near"),
            pytest.param("\u0f73", id="becoming marks"),
            pytest.param("\uff9e\u0316", id="half-width voicing"),
            pytest.param("\U0001d165\u0301", id="far"),
            pytest.param("\u0301\u200b\u0316", id="hidden by the invisible"),
        ],
    )
    def test_stacks_of_marks_are_cut(self, run: str) -> None:
        """Normalization takes quadratic time for them: 200,000 would hold up every other request for a minute."""
        assert len(fold(f"a{run * 100_000}b", case_sensitive=False)) < 24

    def test_all_that_normalization_sorts_is_known(self) -> None:
        """The blocks that are searched for marks leave none out, whatever Unicode version Python has."""
        marks = {chr(code) for code in range(sys.maxunicode + 1) if folding._is_sorted(chr(code))}
        assert marks == set(folding._MARKS)

    def test_hostile_text_is_folded(self, hostile: str) -> None:
        """No text makes it fail, and none grows beyond what its letters stand for."""
        assert len(fold(hostile, case_sensitive=False)) <= 18 * len(hostile)


class TestSpaced:
    @pytest.mark.parametrize("blanks", [" ", "  ", "\n", "\r\n\t", "\u2028\v\f", "\x85", "\u00a0", "\u3000\u2003", " " * 100_000])
    def test_blanks_become_one_space(self, blanks: str) -> None:
        """So that a phrase is found over the end of a line."""
        assert spaced(fold(f"a{blanks}b", case_sensitive=True)) == "a b"

    @given(st.text(alphabet=" \n\tab"))
    def test_words_stay(self, text: str) -> None:
        """Nothing but blanks changes."""
        assert spaced(text).split() == text.split()
        assert "  " not in spaced(text)


class TestSlices:
    @given(
        st.text(
            alphabet="\u0301\u0f73\u200b\ufe0f\u1100\u1161\u11a8\uac00\u09c7\u09be\ufb03\u0130\u304b\u3099\uff76\uff9e b",
            max_size=12,
        )
    )
    def test_make_no_difference(self, unit: str) -> None:
        """Whatever stands where a long text is cut."""
        unit = f"a{unit}"
        count = 3 * folding._SLICE // len(unit)

        assert fold(unit * count, case_sensitive=False) == fold(unit, case_sensitive=False) * count

    @pytest.mark.parametrize("text", ["\ufb03" * 20_000, "caf\u00e9 " * 5000, "\u4e2d" * 20_000])
    def test_are_short(self, text: str) -> None:
        """Others wait for one, not for all of them."""
        assert max(map(len, folding._slices(text))) == folding._SLICE
        assert "".join(folding._slices(text)) == text

    def test_spell_out_no_more_ligatures(self) -> None:
        """A thousand of the text, not of each."""
        assert fold("\ufdfaa" * 10_000, case_sensitive=True).count("\ufffd") == 9_000


class TestLigatures:
    @given(st.text(alphabet="\ufdfa\u3300\u247d\u0301\u064b\u3099a \u2026", max_size=8))
    def test_are_the_words_that_they_stand_for(self, text: str) -> None:
        """Among whatever joins with them."""
        assert fold(text, case_sensitive=True) == unicodedata.normalize("NFKC", text)

    @pytest.mark.parametrize("ligature", [pytest.param("\ufdfa", id="Arabic"), pytest.param("\u3316", id="Japanese")])
    def test_many_of_them_do_not_grow(self, ligature: str) -> None:
        """The first thousand are spelt out: of a body of 10 MB they made 60 million characters, in seconds in which nobody was served."""
        words = unicodedata.normalize("NFKC", ligature)
        folded = fold(f"{ligature}a" * 100_000, case_sensitive=True)

        assert folded.startswith(f"{words}a" * 1000)
        assert len(folded) == 200_000 + 1000 * (len(words) - 1)

    def test_all_are_known(self) -> None:
        """The blocks that are searched for them leave none out, whatever Unicode version Python has."""
        long = {chr(code) for code in range(sys.maxunicode + 1) if len(unicodedata.normalize("NFKC", chr(code))) > folding._FEW}
        assert long == set(folding._LIGATURES)
