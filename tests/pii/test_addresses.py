"""Addresses that a model marks in part."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii.addresses import completed


def said(text: str, *marked: str, score: float = 0.9) -> list[tuple[str, str]]:
    """What is found if the model marks these parts as addresses, in their order."""
    spans, at = [], 0
    for part in marked:
        at = text.index(part, at)
        spans.append(Span(at, at + len(part), "ADDRESS", score))
        at += len(part)
    return [(text[span.start : span.end], span.type) for span in completed(text, spans)]


class TestCompleted:
    @pytest.mark.parametrize(
        ("text", "marked", "whole"),
        [
            pytest.param("to 21 José Matía Suite 66 now", "José Matía Suite 66", "21 José Matía Suite 66", id="a number before"),
            pytest.param("at Lange Strasse 44.", "Strasse 44", "Lange Strasse 44", id="the road's name"),
            pytest.param("near Cobbler Street in town", "Cobbler", "Cobbler Street", id="the word street"),
            pytest.param("to P. O. Box 21, Elm", "O. Box 21, Elm", "P. O. Box 21, Elm", id="a box"),
            pytest.param("at 4 Elm Apt. 2 Hill ON, sir", "4 Elm Apt. 2 Hill", "4 Elm Apt. 2 Hill ON", id="a region"),
            pytest.param("4 Elm, Hill, Saudi Arabia", "4 Elm, Hill, Saudi", "4 Elm, Hill, Saudi Arabia", id="a country's end"),
            pytest.param("4 Elm, Hill, USA.", "4 Elm, Hill", "4 Elm, Hill, USA", id="a country"),
            pytest.param("at the corner of Elm 7 and Fir Lane now", "Elm 7", "the corner of Elm 7 and Fir Lane", id="a corner"),
            pytest.param("the corner of Elm 7 and Fir", "corner of Elm 7", "the corner of Elm 7 and Fir", id="half a corner"),
            pytest.param("see Elm 75. Ship it", "Elm 75. Ship", "Elm 75", id="the next sentence"),
            pytest.param("Is 9 Elm Hill KA a safe area?", "9 Elm Hill KA a", "9 Elm Hill KA", id="a loose word"),
            pytest.param("Ann and Elm 9", "and Elm 9", "Elm 9", id="a loose word before"),
            pytest.param("lives at 12 Rue de la Paix", "12 Rue de la Paix", "12 Rue de la Paix", id="whole already"),
            pytest.param("St Mary Street Street", "Mary Street", "Mary Street", id="a road already"),
            pytest.param("4 Elm Hill OK then", "4 Elm Hill", "4 Elm Hill OK", id="initials that are a region's too"),
            pytest.param("at Váci utca 76., Pest", "Váci utca 76", "Váci utca 76.", id="a Hungarian house"),
            pytest.param("at 4 Elm Str., Hill", "4 Elm Str", "4 Elm Str.", id="a road cut short"),
            pytest.param("at 4 Elm Str. The door", "4 Elm Str", "4 Elm Str", id="a road at a sentence's end"),
            pytest.param("4 Elm Road, Hill\nVAT: none", "4 Elm Road, Hill\nVAT", "4 Elm Road, Hill", id="the next line's label"),
            pytest.param("4 Elm Road, Hill, tel: none", "4 Elm Road, Hill, tel", "4 Elm Road, Hill", id="the next field's label"),
            pytest.param("4 Elm Road, Hill, puh. 09 1", "4 Elm Road, Hill, puh", "4 Elm Road, Hill", id="a label cut short"),
            pytest.param("4 Elm Road, Hill\n3. Plate", "4 Elm Road, Hill\n3", "4 Elm Road, Hill", id="the next item's number"),
            pytest.param(
                "4 Elm Road\nItalia\n12 crates", "4 Elm Road\nItalia\n12", "4 Elm Road\nItalia", id="what is counted below"
            ),
            pytest.param("4 Elm Road, Perú between 9", "4 Elm Road, Perú between", "4 Elm Road, Perú", id="a word of time"),
            pytest.param("S.n.c.\n4 Elm Road", "c.\n4 Elm Road", "4 Elm Road", id="an abbreviation's end above"),
            pytest.param(
                "4 Elm Road, Hill QLD 4350 now", "4 Elm Road, Hill QLD", "4 Elm Road, Hill QLD 4350", id="a region's postcode"
            ),
            pytest.param("4 Elm Road, Hill (TN) be", "4 Elm Road, Hill", "4 Elm Road, Hill (TN)", id="a province"),
            pytest.param(
                "4 Elm Road, Hill, Suisse. Go", "4 Elm Road, Hill", "4 Elm Road, Hill, Suisse", id="a land in its own words"
            ),
            pytest.param("Petőfi Sándor u. 33", "u. 33", "Petőfi Sándor u. 33", id="a road before its kind"),
            pytest.param(
                "PO Box 940, Station B, Ottawa, ON K1P 5T6.",
                "PO Box 940",
                "PO Box 940, Station B, Ottawa, ON K1P 5T6",
                id="to its postcode",
            ),
            pytest.param("at Room 23, 4 Elm Road, Hill", "23, 4 Elm Road, Hill", "Room 23, 4 Elm Road, Hill", id="a room"),
            pytest.param("at 4 Elm Road: come in", "4 Elm Road", "4 Elm Road", id="a colon behind a road"),
            pytest.param("at 4 Elm Road, Hill: come in", "4 Elm Road, Hill", "4 Elm Road, Hill", id="a colon behind a town"),
        ],
    )
    def test_tells_all_of_it_and_no_more(self, text: str, marked: str, whole: str) -> None:
        """By how addresses are written."""
        assert said(text, marked) == [(whole, "ADDRESS")]

    @pytest.mark.parametrize(
        "code",
        [
            "SNL 511-609",
            "8x40",
            "34 XY",
            "P",
            "hep-th/9711200",
            "tube Ø 38",
            "7034, comet",
            "12.3456.789 rev",
            "NGC 7293, HD 189733",
            "23A",
        ],
    )
    def test_codes_are_none(self, code: str) -> None:
        """Whatever the model thinks of them."""
        assert said(f"the Data of {code} is", code, score=0.99) == []

    @pytest.mark.parametrize(
        ("text", "marked"),
        [
            pytest.param("my zip code is 40938.", "40938", id="a postcode that is called so"),
            pytest.param("stop at 07576 Magasinsgatan", "07576", id="a number before a road"),
            pytest.param("at elmhurst 5", "elmhurst 5", id="small letters"),
            pytest.param("AT 5 ELM, OAK", "5 ELM", id="capitals"),
            pytest.param("at 大手門 9", "大手門 9", id="a script without capitals"),
            pytest.param("at ul. 5", "ul. 5", id="a road's kind"),
        ],
    )
    def test_short_ones_are_no_codes(self, text: str, marked: str) -> None:
        """If a word, or what stands beside them, speaks for them."""
        assert said(text, marked) != []

    def test_british_ones_need_no_model(self) -> None:
        """Their postcodes are like nothing else."""
        assert said("it is 6 Pilot's Rise, Whitby YO22 4ZZ now") == [("6 Pilot's Rise, Whitby YO22 4ZZ", "ADDRESS")]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("21 José Matía 66", ["21", "José Matía 66"], id="a number before"),
            pytest.param("12 Rosenweg 5, Wien", ["12", "Rosenweg 5"], id="a number and an address"),
            pytest.param("64 Via della Rosa 143", ["64", "Via della Rosa 143"], id="of several words"),
            pytest.param("04 55 Elm Road, Hill", ["04", "55 Elm Road"], id="the number first"),
            pytest.param("1 Elm Road and 2 Fir Road", ["1 Elm Road", "2 Fir Road"], id="two addresses"),
            pytest.param("Elm Road 7, or P.O. Box 12", ["Elm Road 7", "P.O. Box 12"], id="a house or a box"),
            pytest.param("12 Rosenweg", ["12 Rosenweg"], id="one number"),
            pytest.param("100 Highway 61", ["100 Highway 61"], id="a numbered road"),
            pytest.param("8 Collins Street 3000", ["8 Collins Street 3000"], id="a postcode"),
            pytest.param("45 Calle 13", ["45 Calle 13"], id="a numbered street"),
            pytest.param("14 70 Elm Road Suite 68, Hill 7", ["14 70 Elm Road Suite 68, Hill 7"], id="a whole one with a suite"),
            pytest.param("9 14 Elm Road, Hill, Sweden", ["9 14 Elm Road, Hill, Sweden"], id="a whole one with a country"),
            pytest.param("Elm and Fir Road 9", ["Elm and Fir Road 9"], id="roads that cross"),
        ],
    )
    def test_tells_two_addresses_from_one(self, text: str, expected: list[str]) -> None:
        """A lone number before an address that has its own is another's; so is what stands behind `and` with a number."""
        marked = " and ".join(expected) if text.count(" and ") and len(expected) > 1 else " ".join(expected)
        marked = marked if marked in text else ", or ".join(expected)
        assert said(text, marked) == [(part, "ADDRESS") for part in expected]

    @pytest.mark.parametrize(
        ("text", "marked", "expected"),
        [
            pytest.param("Billy\n49 Elm Way", "Billy\n49 Elm Way", [("Billy", "PERSON"), ("49 Elm Way", "ADDRESS")], id="above"),
            pytest.param(
                "Ann Lee\nOpen Data Trust\n65 Elm Way", "Data Trust\n65 Elm Way",
                [("Open Data Trust", "ORGANIZATION"), ("65 Elm Way", "ADDRESS")], id="below a person",
            ),
            pytest.param("Lee, 30 Elm Way", "Lee, 30 Elm Way", [("Lee", "PERSON"), ("30 Elm Way", "ADDRESS")], id="before"),
            pytest.param("Elm Street\n75 Hill", "Elm Street\n75 Hill", [("Elm Street\n75 Hill", "ADDRESS")], id="a road above"),
            pytest.param("USS Reed\nFPO AP 937", "USS Reed\nFPO AP 937", [("USS Reed\nFPO AP 937", "ADDRESS")], id="no house"),
        ],
    )  # fmt: skip
    def test_a_name_is_no_part_of_it(self, text: str, marked: str, expected: list[tuple[str, str]]) -> None:
        """But private as well."""
        assert said(text, marked) == expected

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("a house at 22 Pollen Crescent for sale", "22 Pollen Crescent", id="house and road"),
            pytest.param("near Hochstrasse 96 at noon", "Hochstrasse 96", id="road and house"),
            pytest.param("write to P.O. Box 255 please", "P.O. Box 255", id="a box"),
        ],
    )
    def test_some_need_no_model(self, text: str, found: str) -> None:
        """Nothing else is written so."""
        assert said(text) == [(found, "ADDRESS")]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("Wall Street fell by 12 points", id="a road alone"),
            pytest.param("in 10 days", id="a number"),
            pytest.param("the 3 Drive letters", id="a road's word alone"),
            pytest.param("take 2 small streets", id="small letters"),
        ],
    )
    def test_a_look_alike_is_left(self, text: str) -> None:
        """Half of what an address has."""
        assert said(text) == []

    def test_a_lone_word_is_none_unless_the_model_is_sure(self) -> None:
        """A place's name is nobody's."""
        assert said("Thanks a lot", "Thanks", score=0.96) == []
        assert said("Thanks a lot", "Thanks", score=0.98) == [("Thanks", "ADDRESS")]

    def test_takes_nothing_from_other_types(self) -> None:
        """A firm called after its address stays a firm."""
        firm = Span(0, 21, "ORGANIZATION", 0.9)
        assert completed("22 Pollen Crescent Ltd", [firm]) == [firm]

    @given(
        text=st.lists(st.sampled_from(["the corner of", "and", "12", "Elm", "Street", "P.O. Box", ",", "\n", "ON", "a"])).map(
            " ".join
        ),
        marks=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4),
    )
    def test_in_order_and_in_the_text(self, text: str, marks: list[tuple[int, int]]) -> None:
        """Whatever is marked, addresses come apart."""
        cuts = sorted({min(at, len(text)) for mark in marks for at in mark})
        spans = [Span(*pair, "ADDRESS", 0.9) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
        found = [span for span in completed(text, spans) if span.type == "ADDRESS"]
        assert all(0 <= span.start < span.end <= len(text) for span in found)
        assert all(first.end <= second.start for first, second in pairwise(found))
