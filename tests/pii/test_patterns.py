"""All finders together."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.pii.kinds import PiiType
from router_extproc.pii.patterns import Finder, around, find, nested
from router_extproc.pii.phones import REGIONS

PIECES = st.sampled_from(
    [
        "4111 1111 1111 1111", "DE89370400440532013000", "536-22-1234", "a@b.io", "https://a.io/", "10.0.0.7", "+44 20 7946 0958",
        "sk-proj" + "-Zk3Rq9LmX2vTb7WnYc5Hd8Js", "password: k9#mQ2vX", "born 1985-03-14", "aged 42", "DL: F4946033", "AB123456C", "call ",
        "order ", "1", "-", " ", ".", "@", ":", "号", "é", "\n", "::",
    ]
)  # fmt: skip  # a list of pieces reads better in rows
SEPARATORS = ["", " ", "-", ".", "/", "\u00a0", "\u202f", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014"]
"""Among them those that do not break, as in texts from a word processor, and dashes."""
GATED = st.lists(st.one_of(PIECES, st.sampled_from(SEPARATORS), st.text(alphabet="0123456789", max_size=4)), max_size=14).map(
    "".join
)
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
            pytest.param("+1 212\u00a0555\u00a00187", ["PHONE"], id="spaces that do not break"),
            pytest.param("call 2024\u201105\u201112", [], id="a date with hyphens that do not break"),
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
        """But that somebody who asks for mail and not for web addresses gets the mail in those, and the other way round with secrets."""
        found, asked = find(text), find(text, types=types)
        own = [span for span in found if span.type in types]
        if PiiType.EMAIL in types and PiiType.URL not in types:
            own += [span for span in nested(text, found) if span.type == PiiType.EMAIL]
        whole = around(text, found) if PiiType.URL in types and PiiType.API_KEY not in types else []
        kept = [span for span in own if not any(url.start < span.end and span.start < url.end for url in whole)]
        assert asked == sorted((*whole, *kept), key=lambda span: span.start)


class TestMailInAWebAddress:
    TEXT = "see https://crm.example.com/u?email=jane.doe@corp.example now"

    @pytest.mark.parametrize(
        ("types", "found"),
        [
            pytest.param({"EMAIL"}, [("EMAIL", "jane.doe@corp.example")], id="mail"),
            pytest.param({"EMAIL", "PHONE"}, [("EMAIL", "jane.doe@corp.example")], id="mail and another"),
            pytest.param({"URL"}, [("URL", "https://crm.example.com/u?email=jane.doe@corp.example")], id="web"),
            pytest.param({"EMAIL", "URL"}, [("URL", "https://crm.example.com/u?email=jane.doe@corp.example")], id="both"),
            pytest.param({"PHONE"}, [], id="neither"),
        ],
    )
    def test_is_told_where_only_mail_is_asked_for(self, types: set[str], found: list[tuple[str, str]]) -> None:
        """A guard of mail addresses must not let one through because it stands in a link."""
        spans = find(self.TEXT, types=frozenset(types))

        assert [(span.type, self.TEXT[span.start : span.end]) for span in spans] == found

    def test_is_told_apart(self) -> None:
        """For who needs both lists."""
        assert [(span.type, self.TEXT[span.start : span.end]) for span in nested(self.TEXT, find(self.TEXT))] == [
            ("EMAIL", "jane.doe@corp.example")
        ]
        assert nested("bob@example.com", find("bob@example.com")) == []


class TestSecretInUrl:
    TEXT = "open https://files.example.com/a?x=1&token=Zk4vQ9xT2bLm8RwY7nHc or postgres://app:hunter42x@db.example.com/prod"

    @pytest.mark.parametrize(
        ("types", "found"),
        [
            pytest.param({"API_KEY"}, [("API_KEY", "Zk4vQ9xT2bLm8RwY7nHc"), ("API_KEY", "hunter42x")], id="secrets"),
            pytest.param(
                {"URL"},
                [
                    ("URL", "https://files.example.com/a?x=1&token=Zk4vQ9xT2bLm8RwY7nHc"),
                    ("URL", "postgres://app:hunter42x@db.example.com/prod"),
                ],
                id="web",
            ),
            pytest.param(
                {"API_KEY", "URL"},
                [("API_KEY", "Zk4vQ9xT2bLm8RwY7nHc"), ("API_KEY", "hunter42x")],
                id="the secret can be masked alone",
            ),
        ],
    )
    def test_is_told_where_only_one_is_asked_for(self, types: set[str], found: list[tuple[str, str]]) -> None:
        """A guard of web addresses must not let one through because a secret stands in it."""
        spans = find(self.TEXT, types=frozenset(types))

        assert [(span.type, self.TEXT[span.start : span.end]) for span in spans] == found

    def test_is_told_with_its_address_beside_it(self) -> None:
        """For who needs both lists."""
        assert [span.type for span in nested(self.TEXT, find(self.TEXT))] == ["URL", "URL"]
        assert around("https://files.example.com/a", find("https://files.example.com/a")) == []

    def test_many_of_them_are_one_pass(self, work: Callable[..., int]) -> None:
        """Which address a secret is in is not asked of each pair."""

        def searched(count: int) -> int:
            text = "http://u:Pa55w0rdx@h.co/ " * count
            spans = find(text)
            assert len(around(text, spans)) == count
            return work(lambda: around(text, spans))

        assert searched(1200) < 5 * searched(300)


STEPS = Finder(REGIONS)._steps
HINTS = [re2.compile(step.hint) for step in STEPS]


def hidden(text: str) -> list[str]:
    """Types of which a finder finds something though its hint does not hold."""
    return [step.type for step, hint in zip(STEPS, HINTS, strict=True) if hint.search(text) is None and list(step.find(text))]


class TestHints:
    @pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
    @pytest.mark.parametrize(
        "text",
        [
            "+49 30 901820", "+1 212 555 0187", "(030) 90 18 20", "06 12 34 56 78", "SSN: 536 22 1234", "Card 4111 1111 1111 1111",
            "3782 822463 10005", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 01", "ISBN 0 306 40615 X",
            "978 3 16 148410 0", "aa bb cc dd ee ff", "10.1234/x", "RCC MNL 83S18D969H", "NHS 943 476 5919", "a 38 year old",
            "born 1985 03 14",
        ],
    )  # fmt: skip  # a list of samples reads better in rows
    def test_hold_whatever_parts_the_groups(self, text: str, separator: str) -> None:
        """What a finder takes for a separator, its hint does too."""
        assert hidden(text.replace(" ", separator)) == []

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("Nací el 3 de mayo de 1980", id="birth with an accent"),
            pytest.param("née le 3 mai 1980", id="birth in French"),
            pytest.param("My brother, 43.", id="age behind a comma"),
            pytest.param("his wife (43", id="age in a bracket"),
            pytest.param("RCCMNLU3S1UD9S9L", id="identity whose digits are letters"),
            pytest.param("00-1B-44-11-3A-B7", id="hardware address with hyphens"),
            pytest.param("ISBN 1-2-3-X", id="short book number"),
        ],
    )
    def test_hold_for_words(self, text: str) -> None:
        """What a finder reads, its hint does too."""
        assert hidden(text) == []

    @given(text=st.one_of(GATED, TEXTS))
    def test_hold_where_a_finder_finds(self, text: str) -> None:
        """They are true of every text in which their finder finds something."""
        assert hidden(text) == []


class TestFinder:
    def test_regions_say_whose_numbers_need_no_code(self) -> None:
        """What can be dialled in one country is any number in another."""
        text = "Büro 030 901820"
        assert Finder(["DE"]).find(text)
        assert not Finder(["US"]).find(text)

    def test_looks_at_all_numbers(self) -> None:
        """However many stand before one, and whatever else looks like one."""
        assert len(find("(415) 555-2671; " * 300)) == 300

    def test_numbers_of_another_kind_hide_none(self) -> None:
        """A log's time stamps come before the number that somebody hides in it."""
        text = "1700000037 GET /a 200\n0 1234 99 1234\n" * 300 + "Please call me at +1 212 555 0187."
        assert text[find(text)[-1].start :] == "+1 212 555 0187."
