"""Words that are there but for typing errors."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.signals.fuzzy import _MAX_CHARACTERS, _MAX_WORDS, Fuzzy


class TestFuzzy:
    @pytest.mark.parametrize(
        ("distance", "read", "words", "expected"),
        [
            pytest.param(1, ["my invoce"], ["receipt", "invoice"], {1}, id="one missing"),
            pytest.param(1, ["my invvoice"], ["invoice"], {0}, id="one too many"),
            pytest.param(1, ["my invuice"], ["invoice"], {0}, id="one wrong"),
            pytest.param(1, ["invioce"], ["invoice"], set(), id="a swap is two"),
            pytest.param(2, ["invioce"], ["invoices"], set(), id="three"),
            pytest.param(2, ["bils"], ["bills"], {0}, id="one for a word of five letters"),
            pytest.param(2, ["bels"], ["bills"], set(), id="not two for a word of five letters"),
            pytest.param(1, ["cat"], ["cat", "cut"], {0}, id="short words are exact"),
            pytest.param(1, ["a", "stepp by", "step bye step"], ["step by step"], {0}, id="phrase in one of the texts"),
            pytest.param(1, ["step by", "step"], ["step by step"], set(), id="phrase over two texts"),
            pytest.param(1, ["x"], ["+++"], set(), id="no word at all"),
            pytest.param(1, [], ["invoice"], set(), id="no text"),
        ],
    )
    def test_words_are_found_within_the_distance(
        self, distance: int, read: Sequence[str], words: Sequence[str], expected: set[int]
    ) -> None:
        """One error is forgiven for every four letters, and no more than the distance."""
        assert Fuzzy(distance).found(read, words) == expected

    @given(st.text(alphabet="abcdefgh", min_size=8, max_size=30), st.integers(min_value=0), st.sampled_from("xyz"))
    def test_one_wrong_letter_is_always_forgiven(self, word: str, at: int, wrong: str) -> None:
        """Wherever it stands."""
        at %= len(word)
        assert Fuzzy(1).found([f"so {word[:at]}{wrong}{word[at + 1 :]} it is"], [word]) == {0}

    def test_the_search_is_bounded(self) -> None:
        """By different words and by characters, of all texts together."""
        many = " ".join(f"word{number}" for number in range(_MAX_WORDS))
        assert Fuzzy(1).found([f"invoce {many}"], ["invoice"]) == {0}
        assert Fuzzy(1).found([f"{many} invoce"], ["invoice"]) == set()
        long = ["a " * (_MAX_CHARACTERS // 2)]
        assert Fuzzy(1).found(["invoce", *long], ["invoice"]) == {0}
        assert Fuzzy(1).found([*long, "invoce"], ["invoice"]) == set()

    def test_no_text_makes_it_fail(self, hostile: str) -> None:
        """Whatever it is."""
        assert Fuzzy(2).found([hostile], ["needle", "needle in a haystack"]) == set()
