"""Names that a model marks, corrected."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.refining import refined

_THRESHOLD = 0.8


def said(text: str, *names: tuple[str, str, float]) -> list[tuple[str, str]]:
    """What is left of these names, of which each is the next place of its words in the text, with type and score."""
    spans, at = [], 0
    for words, type_, score in names:
        at = text.index(words, at)
        spans.append(Span(at, at + len(words), type_, score))
        at += len(words)
    return [(text[span.start : span.end], span.type) for span in refined(text, spans, _THRESHOLD)]


class TestRefined:
    def test_leaves_out_what_is_below_the_threshold(self) -> None:
        """The bundle's own."""
        assert said("Ann met Lee", ("Ann", "PERSON", 0.8), ("Lee", "PERSON", 0.79)) == [("Ann", "PERSON")]

    @pytest.mark.parametrize(
        ("text", "name", "left"),
        [
            pytest.param("Reed's offer stands", "Reed's", ["Reed"], id="what is owned follows"),
            pytest.param("the Reeds' offer", "Reeds'", ["Reeds"], id="several owners"),
            pytest.param("at Reed's and then home", "Reed's", ["Reed's"], id="nothing owned"),
            pytest.param("Reed's Tea House", "Reed's Tea House", ["Reed's Tea House"], id="within the name"),
            pytest.param("by Reed's.", "Reed's", ["Reed's"], id="at the end"),
            pytest.param("the U.S. team", "U.S", [], id="a country's initials"),
            pytest.param("the Luhn check fails", "Luhn", [], id="a check of digits"),
            pytest.param("Ann, CTO of Reed Ltd", "CTO", [], id="an office"),
            pytest.param("Ann, CTO of Reed Ltd", "CTO of Reed Ltd", ["Reed Ltd"], id="an office at a firm"),
            pytest.param("We sold it constitutionally", "constitutionally", [], id="a word of small letters among capitals"),
            pytest.param("we sold it to acme", "acme", ["acme"], id="small letters where all are"),
        ],
    )
    def test_cleans_names(self, text: str, name: str, left: list[str]) -> None:
        """By how they are written."""
        assert [found for found, _ in said(text, (name, "ORGANIZATION", 0.9))] == left

    @pytest.mark.parametrize(
        ("text", "name", "type_", "counts"),
        [
            pytest.param('assert luhn("49") is False', "luhn", "PERSON", False, id="a checksum in code"),
            pytest.param("it fails the Luhn check", "Luhn", "PERSON", False, id="a checksum's name"),
            pytest.param("ask Luhn about it", "Luhn", "PERSON", True, id="somebody who is called so"),
            pytest.param("Hans Luhn checks it", "Hans Luhn", "PERSON", True, id="a whole name"),
            pytest.param("49 fails Luhn on purpose", "Luhn", "PERSON", False, id="what a number fails"),
            pytest.param("WARN luhn mismatch", "luhn mismatch", "PERSON", False, id="with a word behind it"),
            pytest.param("are ICCIDs Luhn checked", "ICCIDs Luhn", "PERSON", False, id="with one before it"),
            pytest.param("Company: Roe", "Company", "ORGANIZATION", False, id="a form's field"),
            pytest.param("the Company pays", "Company", "ORGANIZATION", True, id="no form"),
            pytest.param("the Company shall pay under this Agreement", "Company", "ORGANIZATION", False, id="a contract's party"),
            pytest.param("The Licensor grants it", "The Licensor", "ORGANIZATION", False, id="a licence's party"),
            pytest.param("notices to the Supplier: see", "Supplier", "ORGANIZATION", False, id="another party"),
            pytest.param("the Tenants pay", "Tenants", "ORGANIZATION", False, id="parties"),
            pytest.param("Der Auftragnehmer haftet", "Der Auftragnehmer", "ORGANIZATION", False, id="a party in German"),
            pytest.param("Арендатор платит", "Арендатор", "ORGANIZATION", False, id="a party in Russian"),
            pytest.param("Tenant Systems Ltd pays", "Tenant Systems Ltd", "ORGANIZATION", True, id="a name with a party's word"),
            pytest.param("sign with Vendorly", "Vendorly", "ORGANIZATION", True, id="a name that begins so"),
            pytest.param("Amount: EUR 7.450,00", "EUR", "ORGANIZATION", False, id="a currency"),
            pytest.param("Amount: EUR 7.450,00", "EUR 7.450,00", "ORGANIZATION", False, id="a sum"),
            pytest.param("ask Eur Design", "Eur Design", "ORGANIZATION", True, id="a name like a currency"),
            pytest.param("10:41 DEBUG webhook sent", "DEBUG webhook", "ORGANIZATION", False, id="a log's level"),
            pytest.param("10:41 ERROR", "ERROR", "ORGANIZATION", False, id="a log's level alone"),
            pytest.param("ask Debug Studios", "Debug Studios", "ORGANIZATION", True, id="a name like a level"),
            pytest.param("PTA mtg: raised 4", "PTA mtg", "ORGANIZATION", False, id="a meeting"),
            pytest.param("a 12-year-old malt", "12", "AGE", False, id="a whisky's age"),
            pytest.param("the manual of PN 4461-670", "PN 4461-670", "ADDRESS", False, id="a part's number"),
            pytest.param("the data of PN 4461-670", "PN", "ORGANIZATION", False, id="what stands before it"),
            pytest.param("at PNC Plaza 4", "PNC Plaza 4", "ADDRESS", True, id="an address with like letters"),
        ],
    )
    def test_what_numbers_are_called_by_is_nobody(self, text: str, name: str, type_: str, *, counts: bool) -> None:
        """However sure the model is."""
        assert said(text, (name, type_, 0.99)) == ([(name, type_)] if counts else [])

    @pytest.mark.parametrize(
        ("text", "name", "type_", "left"),
        [
            pytest.param("ask Reverend Mia Roe", "Reverend Mia Roe", "PERSON", ("Mia Roe", "PERSON"), id="a title"),
            pytest.param("ask Aunt Mia", "Aunt Mia", "PERSON", ("Mia", "PERSON"), id="kin"),
            pytest.param("ask Frau Roe", "Frau Roe", "ORGANIZATION", ("Roe", "PERSON"), id="a title that no firm has"),
            pytest.param("ask Dr", "Dr", "PERSON", ("Dr", "PERSON"), id="nothing but a title"),
            pytest.param("at the Bank of Elm", "the Bank of Elm", "ORGANIZATION", ("Bank of Elm", "ORGANIZATION"), id="an article"),
            pytest.param("on Monday Roe Media", "Monday Roe Media", "ORGANIZATION", ("Roe Media", "ORGANIZATION"), id="a day"),
            pytest.param("12 ERROR Roe Media", "ERROR Roe Media", "ORGANIZATION", ("Roe Media", "ORGANIZATION"), id="a level"),
            pytest.param("the IBM call at 4", "IBM call", "ORGANIZATION", ("IBM", "ORGANIZATION"), id="a meeting"),
            pytest.param("bill Roe now", "bill Roe", "PERSON", ("Roe", "PERSON"), id="a word of small letters"),
            pytest.param("von Roe came", "von Roe", "PERSON", ("von Roe", "PERSON"), id="a particle"),
            pytest.param("Elm Home of Art won", "Elm Home of", "ORGANIZATION", ("Elm Home of Art", "ORGANIZATION"), id="cut short"),
            pytest.param("by Marmi S.r.l. in May", "Marmi S.r.l", "ORGANIZATION", ("Marmi S.r.l.", "ORGANIZATION"), id="its last dot"),
            pytest.param("for Mia Roe. Settle it", "Mia Roe. Settle", "PERSON", ("Mia Roe. Settle", "PERSON"), id="an initial may end so"),
            pytest.param("for Mia Plank. Settle it", "Mia Plank. Settle", "PERSON", ("Mia Plank", "PERSON"), id="the next sentence"),
        ],
    )  # fmt: skip
    def test_cleans_what_stands_beside_names(self, text: str, name: str, type_: str, left: tuple[str, str]) -> None:
        """Titles, days and articles are no part of them."""
        assert said(text, (name, type_, 0.9)) == [left]

    def test_joins_a_first_name_and_a_last_one(self) -> None:
        """That were marked apart."""
        assert said("by Mia Roe here", ("Mia", "PERSON", 0.9), ("Roe", "ORGANIZATION", 0.9)) == [("Mia Roe", "PERSON")]
        assert said("Mia, Roe", ("Mia", "PERSON", 0.9), ("Roe", "PERSON", 0.9)) == [("Mia", "PERSON"), ("Roe", "PERSON")]

    @pytest.mark.parametrize(
        ("text", "counts"),
        [
            pytest.param("I work at Panjiva now", True, id="work at"),
            pytest.param("she is CEO of Panjiva", True, id="CEO of"),
            pytest.param("an internship at Panjiva", True, id="internship"),
            pytest.param("all Panjiva employees left", True, id="employees"),
            pytest.param("Panjiva is hiring", True, id="is hiring"),
            pytest.param("We took photographs of Panjiva", False, id="no cue"),
        ],
    )
    def test_a_cue_makes_an_organisation_likelier(self, text: str, *, counts: bool) -> None:
        """So that less is asked of the model."""
        assert said(text, ("Panjiva", "ORGANIZATION", 0.5)) == ([("Panjiva", "ORGANIZATION")] if counts else [])
        assert said(text, ("Panjiva", "ORGANIZATION", 0.4)) == []

    def test_who_is_named_once_is_named_again(self) -> None:
        """By the surname too, whatever the model thinks of the other places."""
        found = said(
            "Ann Lamm left. Later Lamm said that Lamm Ltd would stay.",
            ("Ann Lamm", "PERSON", 0.9), ("Lamm", "PERSON", 0.4), ("Lamm", "ORGANIZATION", 0.9),
        )  # fmt: skip
        assert found == [("Ann Lamm", "PERSON"), ("Lamm", "PERSON"), ("Lamm", "PERSON")]

    def test_what_is_unsure_everywhere_is_left(self) -> None:
        """Twice unsure is not sure."""
        assert said("Lamm and Lamm", ("Lamm", "PERSON", 0.6), ("Lamm", "PERSON", 0.6)) == []

    def test_a_first_name_alone_proves_no_other(self) -> None:
        """`Ann Lee` does not make a person of each `Ann`."""
        assert said("Ann Lee, Ann", ("Ann Lee", "PERSON", 0.9), ("Ann", "ORGANIZATION", 0.5)) == [("Ann Lee", "PERSON")]

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            pytest.param("Golden Helix\n\n9 Elm Way", ("Golden Helix", "ORGANIZATION"), id="a firm apart"),
            pytest.param("Ann Lee\n9 Elm Way", ("Ann Lee", "PERSON"), id="a person above"),
            pytest.param("to\nTrade and Sons,\n9 Elm Way", ("Trade and Sons", "ORGANIZATION"), id="below another line"),
            pytest.param("Home Address\n9 Elm Way", None, id="what follows"),
            pytest.param("it is here\n9 Elm Way", None, id="small letters"),
            pytest.param("see Golden Helix at 9 Elm Way", None, id="the same line"),
            pytest.param("Ann said so.\n9 Elm Way", None, id="a sentence"),
        ],
    )
    def test_whose_address_it_is_stands_above(self, text: str, name: tuple[str, str] | None) -> None:
        """In a line of its own."""
        found = said(text, ("9 Elm Way", "ADDRESS", 0.9))
        assert found == [*([name] if name else []), ("9 Elm Way", "ADDRESS")]

    def test_a_line_that_is_marked_stays_what_it_is(self) -> None:
        """The model's word goes before."""
        text = "Golden Helix\n\n9 Elm Way"
        found = said(text, ("Golden Helix", "PERSON", 0.9), ("9 Elm Way", "ADDRESS", 0.9))
        assert found == [("Golden Helix", "PERSON"), ("9 Elm Way", "ADDRESS")]

    @pytest.mark.parametrize(
        ("text", "age"),
        [
            pytest.param("Ann Lee, 43, said", "43", id="between commas"),
            pytest.param("Ann Lee (43) said", "43", id="in brackets"),
            pytest.param("Ann Lee is 43 and well", "43", id="is"),
            pytest.param("Ann Lee, aged 43", "43", id="aged"),
            pytest.param("Ann Lee just met 43 people", None, id="an amount"),
            pytest.param("Ann Lee, 43,000 others", None, id="thousands"),
            pytest.param("Ann Lee is 4.5 feet", None, id="decimals"),
            pytest.param("Ann Lee (430) said", None, id="nobody is so old"),
            pytest.param("Ann Lee is 43 miles away", None, id="a distance"),
        ],
    )
    def test_finds_ages_beside_persons(self, text: str, age: str | None) -> None:
        """Written as newspapers do."""
        found = said(text, ("Ann Lee", "PERSON", 0.9))
        assert found == [("Ann Lee", "PERSON"), *([(age, "AGE")] if age else [])]

    def test_an_age_that_is_marked_is_told_once(self) -> None:
        """The model may see it too."""
        text = "Ann Lee, 43, said"
        assert said(text, ("Ann Lee", "PERSON", 0.9), ("43", "AGE", 0.9)) == [("Ann Lee", "PERSON"), ("43", "AGE")]

    @given(
        text=st.text(alphabet="Ab '’.,(4) is", min_size=12, max_size=30),
        cuts=st.lists(st.integers(0, 12), max_size=8, unique=True).map(sorted),
        types=st.lists(st.sampled_from(["PERSON", "ORGANIZATION", "ADDRESS"]), min_size=8, max_size=8),
        scores=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    )
    def test_in_order_and_apart(self, text: str, cuts: list[int], types: list[str], scores: list[float]) -> None:
        """Whatever is marked."""
        marked = [Span(*pair, *rest) for pair, *rest in zip(pairwise(cuts), types, scores, strict=False)]
        found = refined(text, marked, _THRESHOLD)
        assert all(span.start < span.end for span in found)
        assert all(first.start <= second.start for first, second in pairwise(found))
