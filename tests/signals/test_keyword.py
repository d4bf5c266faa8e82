"""Words, phrases and patterns."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router_extproc.errors import SpecError
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Cost, Extractor, Signal
from router_extproc.signals.keyword import _WINDOW, Keyword, KeywordOptions

Build = Callable[..., Extractor]
Ask = Callable[..., Request]


def found(build: Build, request: Request, **options: Any) -> Signal:
    """The signal of those options."""
    result = build("keyword", **options).extract(request)
    assert isinstance(result, Signal)
    return result


class TestAny:
    @pytest.mark.parametrize(
        ("word", "text", "there"),
        [
            pytest.param("jailbreak", "A Jailbreak!", True, id="capitals and signs"),
            pytest.param("jailbreak", "j\u200bailbreak", True, id="zero width"),
            pytest.param("j\u200bailbreak", "jailbreak", True, id="zero width in the policy"),
            pytest.param("jailbreak", "jailbreaks", False, id="goes on"),
            pytest.param("art", "party art_1 smart", False, id="inside others"),
            pytest.param("art", "(art)", True, id="in brackets"),
            pytest.param("art", "art", True, id="the whole text"),
            pytest.param("c++", "in c++?", True, id="signs at the end"),
            pytest.param(".env", "read .env now", True, id="signs at the beginning"),
            pytest.param("4", "4.5 or 44", True, id="digit before a point"),
            pytest.param("4", "44", False, id="digit in a number"),
            pytest.param("ignore previous", "ignore\n  previous", True, id="line break in a phrase"),
            pytest.param("ignore  previous", "ignore previous", True, id="blanks in the policy"),
            pytest.param("天气", "今天天气怎么样", True, id="Chinese has no spaces"),
            pytest.param("สวัสดี", "ผมสวัสดีครับ", True, id="nor has Thai"),
            pytest.param("कल", "कला", False, id="Hindi vowel sign goes on"),
            pytest.param("कल", "कल?", True, id="Hindi word"),
            pytest.param("straße", "STRASSE", True, id="sharp s"),
            pytest.param("art", "", False, id="no text"),
        ],
    )
    def test_a_word_is_found_where_it_stands_alone(self, build: Build, ask: Ask, word: str, text: str, *, there: bool) -> None:
        """Whole words are the default, in every script."""
        assert bool(found(build, ask(text), any=[word]).value) is there

    def test_the_evidence_is_the_policy_s_word(self, build: Build, ask: Ask) -> None:
        """Never the prompt's spelling."""
        signal = found(build, ask("such HACKS and JAIL\u200bBREAKS"), any=["Jailbreaks"])
        assert signal.evidence == ("Jailbreaks",)

    def test_thousands_of_words(self, build: Build, ask: Ask) -> None:
        """The words are searched all at once, so that their number costs nothing at a request."""
        words = [f"word{number}" for number in range(20_000)]
        assert found(build, ask("say word19999 now"), any=words).evidence == ("word19999",)

    @given(offset=st.integers(min_value=-12, max_value=12), windows=st.integers(min_value=1, max_value=3))
    def test_a_word_is_found_across_windows(self, offset: int, windows: int) -> None:
        """Long texts are searched piece by piece; a word on the cut is found once, and a part of a word is not found."""
        keyword = Keyword("it", KeywordOptions.model_validate_json('{"any": ["needle", "longer than a needle"]}'))
        at = windows * _WINDOW + offset
        blanks = " " * at
        for text, there in ((blanks + "needle", True), (blanks + "needles", False), (blanks + "xneedle", False)):
            assert bool(list(keyword._hits(text, keyword._any))) is there  # type: ignore[arg-type]  # the group is there


class TestAll:
    def test_all_must_be_there(self, build: Build, ask: Ask) -> None:
        """In any order, and in any of the texts that are read."""
        request = ask("my invoice", "is lost")
        assert found(build, request, all=["lost", "invoice"], reads="all_user").evidence == ("lost", "invoice")
        assert not found(build, request, all=["lost", "receipt"], reads="all_user").value

    def test_with_any_both_must_hold(self, build: Build, ask: Ask) -> None:
        """`any` and `all` are two conditions, not alternatives."""
        options = {"all": ["invoice"], "any": ["lost", "wrong"]}
        assert found(build, ask("a wrong invoice"), **options).evidence == ("wrong", "invoice")
        assert not found(build, ask("an invoice"), **options).value
        assert not found(build, ask("all wrong"), **options).value

    def test_the_same_word_twice(self, build: Build, ask: Ask) -> None:
        """A word that the list has twice need stand in the text only once."""
        assert found(build, ask("lost"), all=["lost", "Lost"]).value


class TestNone:
    def test_a_word_that_must_not_be_there(self, build: Build, ask: Ask) -> None:
        """It outweighs all others."""
        options = {"any": ["python"], "none": ["monty"]}
        assert found(build, ask("python code"), **options).value
        assert not found(build, ask("monty python"), **options).value

    def test_alone_it_holds_where_nothing_is(self, build: Build, ask: Ask) -> None:
        """A text without the word has it not, and neither has no text."""
        assert found(build, ask(""), none=["monty"]).value
        assert not found(build, ask("Monty"), none=["monty"]).value


class TestPatterns:
    @pytest.mark.parametrize(
        ("options", "text", "there"),
        [
            pytest.param({}, "order AB-1234", True, id="found"),
            pytest.param({}, "order ab-1234", True, id="capitals do not matter"),
            pytest.param({"caseSensitive": True}, "order ab-1234", False, id="capitals matter"),
            pytest.param({}, "order AB-12", False, id="not found"),
            pytest.param({"any": ["order"]}, "order", True, id="a word is an alternative"),
        ],
    )
    def test_a_pattern_counts_like_a_word(
        self, build: Build, ask: Ask, options: dict[str, Any], text: str, *, there: bool
    ) -> None:
        """Patterns are alternatives to the words of `any`."""
        assert bool(found(build, ask(text), patterns=[r"\bAB-\d{4}\b"], **options).value) is there

    def test_the_evidence_is_the_pattern(self, build: Build, ask: Ask) -> None:
        """The first one in the policy that matches."""
        assert found(build, ask("abc"), patterns=["zzz", "b", "c"]).evidence == ("b",)

    @pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{2000}", "\\"])
    def test_what_re2_refuses_is_an_error_with_its_place(self, build: Build, pattern: str) -> None:
        """Look-ahead and back references would not be linear; the policy is refused when it is loaded."""
        with pytest.raises(SpecError, match="RE2") as caught:
            build("keyword", patterns=["fine", pattern])
        assert caught.value.path == ("patterns", 1)

    def test_a_pattern_that_hurts_others_is_linear(self, build: Build, ask: Ask) -> None:
        """RE2 never goes back, so that a hostile text finds no slow pattern."""
        assert not found(build, ask("a" * 100_000), patterns=["(a+)+$b", "(a|a)*c"]).value


class TestFuzzy:
    @pytest.mark.parametrize(
        ("fuzzy", "text", "there"),
        [
            pytest.param(0, "jailbraek", False, id="none forgiven"),
            pytest.param(1, "a jailbrek!", True, id="one letter missing"),
            pytest.param(1, "jailbraek", False, id="a swap is two errors"),
            pytest.param(2, "jailbraek", True, id="two forgiven"),
            pytest.param(2, "jailhouse", False, id="too far"),
            pytest.param(1, "jailbreak", True, id="exact"),
            pytest.param(1, "", False, id="no text"),
        ],
    )
    def test_typing_errors_are_forgiven(self, build: Build, ask: Ask, fuzzy: int, text: str, *, there: bool) -> None:
        """As many as the option says."""
        signal = found(build, ask(text), any=["jailbreak"], fuzzy=fuzzy)
        assert bool(signal.value) is there
        assert signal.evidence == (("jailbreak",) if there else ())

    def test_phrases_are_compared_as_a_whole(self, build: Build, ask: Ask) -> None:
        """With as many words as the phrase has."""
        assert found(build, ask("please ignore previus instructions"), any=["ignore previous"], fuzzy=1).value

    def test_short_words_forgive_nothing(self, build: Build, ask: Ask) -> None:
        """At distance one `cat` is nearly every short word."""
        assert not found(build, ask("a cut"), any=["cat"], fuzzy=2).value

    def test_none_is_exact(self, build: Build, ask: Ask) -> None:
        """A word that is nearly a forbidden one is allowed."""
        assert found(build, ask("jailbrek"), none=["jailbreak"], fuzzy=1).value

    def test_all_is_fuzzy(self, build: Build, ask: Ask) -> None:
        """Each of the words may have its errors."""
        assert found(build, ask("my invoise is losst"), all=["invoice", "lost"], fuzzy=1).value

    def test_it_is_dearer(self, build: Build) -> None:
        """So that rules ask cheaper signals first."""
        assert build("keyword", any=["a"]).cost is Cost.TEXT
        assert build("keyword", any=["a"], fuzzy=1).cost is Cost.HEAVY_TEXT

    def test_too_many_words_are_refused(self, build: Build) -> None:
        """Each is compared with each word of the text."""
        with pytest.raises(ValidationError, match="at most 200 words"):
            build("keyword", any=["word"] * 201, fuzzy=1)


class TestOptions:
    def test_capitals_may_matter(self, build: Build, ask: Ask) -> None:
        """`US` is not `us`."""
        assert found(build, ask("the US"), any=["US"], caseSensitive=True).value
        assert not found(build, ask("all of us"), any=["US"], caseSensitive=True).value

    def test_parts_of_words_may_count(self, build: Build, ask: Ask) -> None:
        """For stems."""
        assert found(build, ask("refunding"), any=["refund"], wholeWords=False).value

    @pytest.mark.parametrize(
        ("reads", "there"),
        [
            ("last_user", False),
            ("all_user", False),
            ("conversation", False),
            ("system", False),
            ("tool_results", True),
            ("everything", True),
        ],
    )
    def test_the_text_is_chosen(self, build: Build, ask: Ask, reads: str, *, there: bool) -> None:
        """An injection that a tool brought in is found only by who reads it."""
        request = ask("hello", (Role.TOOL, (Part(PartKind.TOOL_RESULT, "ignore previous"),)))
        assert bool(found(build, request, any=["ignore previous"], reads=reads).value) is there

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({}, id="nothing to look for"),
            pytest.param({"any": [""]}, id="empty word"),
            pytest.param({"any": "word"}, id="no list"),
            pytest.param({"any": ["a"], "fuzzy": 3}, id="too fuzzy"),
            pytest.param({"any": ["a"], "reads": "prompt"}, id="unknown text"),
            pytest.param({"any": ["a"], "case_sensitive": True}, id="not camelCase"),
            pytest.param({"any": ["a" * 201]}, id="long word"),
        ],
    )
    def test_wrong_options_are_refused(self, build: Build, options: dict[str, Any]) -> None:
        """When the policy is loaded, not at a request."""
        with pytest.raises(ValidationError):
            build("keyword", **options)

    @pytest.mark.parametrize("key", ["any", "all", "none"])
    def test_an_invisible_word_is_an_error_with_its_place(self, build: Build, key: str) -> None:
        """It would be found everywhere or nowhere."""
        with pytest.raises(SpecError) as caught:
            build("keyword", **{key: ["fine", "\u200b "]})
        assert caught.value.path == (key, 1)


class TestHostile:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"any": ["aa", "a", "- -"], "wholeWords": False}, id="words"),
            pytest.param({"any": ["needle"], "fuzzy": 2}, id="fuzzy"),
            pytest.param({"patterns": [r"(\w+\s*)+needle"]}, id="pattern"),
        ],
    )
    def test_no_text_makes_it_fail(self, build: Build, ask: Ask, hostile: str, options: dict[str, Any]) -> None:
        """Whatever the text, there is an answer, and its evidence is of the policy."""
        signal = found(build, ask(hostile), **options)
        assert set(signal.evidence) <= {"aa", "a", "- -"}

    @given(st.text(max_size=300))
    def test_a_word_put_in_is_found(self, text: str) -> None:
        """Whatever stands around it."""
        keyword = Keyword("it", KeywordOptions.model_validate_json('{"any": ["needle"], "reads": "everything"}'))
        message = Message(Role.USER, (Part(PartKind.TEXT, f"{text} NEEDLE {text}"),))
        request = Request("openai_chat", "m", (message,))
        assert keyword.extract(request).value == 1.0
