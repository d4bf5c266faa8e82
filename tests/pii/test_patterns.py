"""All finders together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.pii.kinds import PiiType
from router_extproc.pii.patterns import Finder, find

PIECES = st.sampled_from(
    [
        "4111 1111 1111 1111", "DE89370400440532013000", "536-22-1234", "a@b.io", "https://a.io/", "10.0.0.7", "+44 20 7946 0958",
        "sk-proj" + "-Zk3Rq9LmX2vTb7WnYc5Hd8Js", "password: k9#mQ2vX", "born 1985-03-14", "aged 42", "DL: F4946033", "AB123456C", "call ",
        "order ", "1", "-", " ", ".", "@", ":", "号", "é", "\n", "::",
    ]
)  # fmt: skip  # a list of pieces reads better in rows
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join), st.text(alphabet="0123456789 -.+()/:@abxABX\n"))

SAMPLES = [
    pytest.param("Card 4111 1111 1111 1111", PiiType.CREDIT_CARD, id="card"),
    pytest.param("to DE89370400440532013000", PiiType.IBAN, id="account"),
    pytest.param("SSN 536-22-1234", PiiType.US_SSN, id="social security"),
    pytest.param("bob@example.com", PiiType.EMAIL, id="mail"),
    pytest.param("https://a.example/b", PiiType.URL, id="address"),
    pytest.param("203.0.113.77", PiiType.IP_ADDRESS, id="IPv4"),
    pytest.param("fe80::1ff:fe23:4567:890a", PiiType.IP_ADDRESS, id="IPv6"),
    pytest.param("ghp" + "_Zk3Rq9LmX2vTb7WnYc5Hd8Js4Pg6Fa1QeUo0", PiiType.API_KEY, id="key"),
    pytest.param("AIza" + "WCDybH-vfDYy3JAt5a2UrTpGWnFrC6Of01n", PiiType.API_KEY, id="key of Google"),
    pytest.param("password: S3cure!Pass", PiiType.API_KEY, id="password"),
    pytest.param("(415) 555-2671", PiiType.PHONE, id="phone"),
    pytest.param("NI number AB123456C", PiiType.NATIONAL_ID, id="identity"),
    pytest.param("RCCMNL83S18D969H", PiiType.NATIONAL_ID, id="identity of letters"),
    pytest.param("PAN AOBPL6257M", PiiType.NATIONAL_ID, id="identity of few digits"),
    pytest.param("DL: F4946033", PiiType.DRIVER_LICENSE, id="licence"),
    pytest.param("born on 03/14/1985", PiiType.DATE_OF_BIRTH, id="birth"),
    pytest.param("a 38-year-old male", PiiType.AGE, id="age"),
    pytest.param("I turned 40", PiiType.AGE, id="age turned"),
]


class TestFind:
    @pytest.mark.parametrize(("text", "type_"), SAMPLES)
    def test_each_type(self, text: str, type_: PiiType) -> None:
        """The first pass over the text hides nothing from the finders behind it."""
        assert [span.type for span in find(text)] == [type_]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("https://a.io/?mail=b@c.de&tel=+442079460958", ["URL"], id="in an address"),
            pytest.param("postgres://me:k9mQ@db.example.com/x", ["URL"], id="no mail in an address"),
            pytest.param("password: k9#mQ2vX bob@example.com", ["API_KEY", "EMAIL"], id="side by side"),
            pytest.param("driving licence 123456789", ["DRIVER_LICENSE"], id="no other number"),
        ],
    )
    def test_of_two_the_one_that_says_more(self, text: str, found: list[str]) -> None:
        """What stands within another is not told twice."""
        assert [span.type for span in find(text)] == found

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("Write a poem about spring.", id="plain"),
            pytest.param("", id="nothing"),
            pytest.param("id 123e4567-e89b-12d3-a456-426614174000", id="UUID"),
            pytest.param("ISBN 978-3-16-148410-0", id="book"),
            pytest.param("9780306406157", id="book without its name"),
            pytest.param("call 4111 1111 1111 1112", id="wrong card is no phone"),
            pytest.param("call NL91 ABNA 0417 1643 01", id="wrong account is no phone"),
            pytest.param("call at 2024-01-15 10:30:00", id="time stamp"),
            pytest.param("doi 10.1038/s41586-020-2649-2", id="article"),
            pytest.param("sha d41d8cd98f00b204e9800998ecf8427e", id="hash"),
            pytest.param("Tracking number 1Z999AA10123456784", id="parcel"),
            pytest.param("CVE-2021-44228, RFC 2616", id="standards"),
            pytest.param("52.520008, 13.404954 at 1705312200", id="place and time"),
        ],
    )
    def test_nothing_in_look_alikes(self, text: str) -> None:
        """Numbers of things are nobody's data."""
        assert find(text) == []

    @given(text=TEXTS)
    def test_in_the_text_in_order_and_apart(self, text: str) -> None:
        """Any text may come, and none raises."""
        spans = find(text)
        assert all(0 <= span.start < span.end <= len(text) and 0 < span.score <= 1 for span in spans)
        assert all(first.end <= second.start for first, second in pairwise(spans))
        assert {span.type for span in spans} <= set(PiiType)

    @given(text=TEXTS, types=st.frozensets(st.sampled_from(sorted(PiiType)), max_size=3))
    def test_fewer_types_change_nothing_about_the_rest(self, text: str, types: frozenset[str]) -> None:
        """An address hides the mail in it even from somebody who asks for mail only."""
        assert find(text, types=types) == [span for span in find(text) if span.type in types]


class TestFinder:
    def test_regions_say_whose_numbers_need_no_code(self) -> None:
        """What can be dialled in one country is any number in another."""
        text = "Büro 030 901820"
        assert Finder(["DE"]).find(text)
        assert not Finder(["US"]).find(text)

    def test_many_numbers_are_bounded(self) -> None:
        """Look-ups are dear: beyond their limit a list of numbers is not read on."""
        assert len(find("(415) 555-2671; " * 300)) == 200
