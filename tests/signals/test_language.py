"""The language of a text."""
# ruff: noqa: RUF001 - texts of other languages have letters that look like Latin ones

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from router_extproc.errors import SpecError
from router_extproc.request import Request, Role
from router_extproc.routing import Cost, Extractor, Signal, SignalKind, Unknown, UnknownReason
from router_extproc.signals import language

Build = Callable[..., Extractor]
Ask = Callable[..., Request]

GERMAN = "Wie wird das Wetter heute in Berlin, und brauche ich einen Regenschirm?"


def told(build: Build, request: Request, **options: Any) -> Signal:
    """The signal of those options."""
    result = build("language", **options).extract(request)
    assert isinstance(result, Signal)
    return result


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            pytest.param("What will the weather be like in London today?", "en", id="English"),
            pytest.param(GERMAN, "de", id="German"),
            pytest.param("Quel temps fera-t-il aujourd'hui à Paris, s'il vous plaît ?", "fr", id="French"),
            pytest.param("¿Qué tiempo hará hoy en Madrid y mañana en Sevilla?", "es", id="Spanish"),
            pytest.param("Какая сегодня погода в Москве и что надеть?", "ru", id="Russian"),
            pytest.param("Яка сьогодні погода в Києві і що мені вдягнути?", "uk", id="Ukrainian"),
            pytest.param("今天北京天气怎么样？", "zh", id="Chinese"),
            pytest.param("今日の東京の天気はどうですか", "ja", id="Japanese"),
            pytest.param("오늘 서울 날씨는 어때요", "ko", id="Korean"),
            pytest.param("วันนี้อากาศเป็นอย่างไร", "th", id="Thai"),
            pytest.param("Τι καιρό θα κάνει σήμερα στην Αθήνα;", "el", id="Greek"),
            pytest.param("מה מזג האוויר היום בתל אביב", "he", id="Hebrew"),
            pytest.param("ما حالة الطقس اليوم في القاهرة؟", "ar", id="Arabic"),
            pytest.param("आज दिल्ली में मौसम कैसा है और कल कैसा रहेगा", "hi", id="Hindi"),
        ],
    )
    def test_it_is_told_from_a_sentence(self, build: Build, ask: Ask, text: str, code: str) -> None:
        """One sentence is enough."""
        signal = told(build, ask(text))
        assert signal.label == code
        assert signal.labels == {code: signal.value}
        assert signal.value > 0.5

    def test_its_shape(self, build: Build) -> None:
        """A label of two letters; the labels are known before any request."""
        extractor = build("language")
        assert (extractor.shape.kind, extractor.cost) == (SignalKind.LABEL, Cost.HEAVY_TEXT)
        assert extractor.shape.labels is not None
        assert {"en", "de", "zh"} <= extractor.shape.labels
        assert all(len(code) == 2 for code in extractor.shape.labels)

    @pytest.mark.parametrize("code", sorted(set(language._SCRIPTS.values())))
    def test_languages_of_a_script_can_be_chosen(self, build: Build, code: str) -> None:
        """The model knows all those that the script tells, so that a choice of one always works."""
        assert build("language", among=[code, "en"]).shape.labels == frozenset({code, "en"})

    def test_digits_and_signs_do_not_count(self, build: Build, ask: Ask) -> None:
        """A question about a table is in the question's language."""
        assert told(build, ask(f"{'| 12.5 | --- ' * 50}\n{GERMAN}")).label == "de"

    def test_a_word_of_another_script_does_not_tell(self, build: Build, ask: Ask) -> None:
        """A Greek letter in an English question leaves it English."""
        assert told(build, ask("What is the value of the constant π in this formula, and why is λ there?")).label == "en"

    @pytest.mark.parametrize("text", ["", "ok", "12345 67890 12345", "!?" * 100, "\u0301" * 1000, "今天"])
    def test_too_little_text_is_unknown(self, build: Build, ask: Ask, text: str) -> None:
        """A guess would send the request somewhere for no reason."""
        assert build("language").extract(ask(text)) == Unknown("it", UnknownReason.NO_TEXT)

    def test_no_text_makes_it_fail(self, build: Build, ask: Ask, hostile: str) -> None:
        """Whatever the text, there is a language or it is unknown."""
        result = build("language").extract(ask(hostile))
        assert isinstance(result, Unknown) or result.label


class TestLanguageOptions:
    def test_among_leaves_out_the_others(self, build: Build, ask: Ask) -> None:
        """What is none of them becomes the nearest."""
        dutch = ask("Wat wordt het weer vandaag in Amsterdam, en heb ik een paraplu nodig?")
        assert told(build, dutch).label == "nl"
        assert told(build, dutch, among=["de", "zh"]).label == "de"

    def test_among_holds_for_scripts_too(self, build: Build, ask: Ask) -> None:
        """A Greek text is not told to be Greek where only others count."""
        assert told(build, ask("Τι καιρό θα κάνει σήμερα;"), among=["en", "de"]).label in {"en", "de"}

    def test_one_choice_does_not_change_another(self, build: Build, ask: Ask) -> None:
        """The model is shared; what one signal leaves out the other still knows."""
        build("language", among=["en", "fr"])
        assert told(build, ask(GERMAN)).label == "de"

    @pytest.mark.parametrize(("least", "there"), [(1, True), (5, True), (6, False)])
    def test_the_least_text_is_chosen(self, build: Build, ask: Ask, *, least: int, there: bool) -> None:
        """Letters count, not blanks and signs."""
        assert isinstance(build("language", minCharacters=least).extract(ask("h e l l o !!!")), Signal) is there

    def test_the_longest_least_can_be_reached(self, build: Build, ask: Ask) -> None:
        """A text of one-letter words is cut the earliest, and still has as many as may be asked."""
        assert isinstance(build("language", minCharacters=400).extract(ask("a " * 5000)), Signal)

    def test_the_text_is_chosen(self, build: Build, ask: Ask) -> None:
        """The system prompt's language is not the user's."""
        request = ask((Role.SYSTEM, "You are a helpful assistant who answers briefly."), GERMAN)
        assert told(build, request).label == "de"
        assert told(build, request, reads="system").label == "en"

    @pytest.mark.parametrize(
        "options",
        [{"among": ["EN"]}, {"among": ["english"]}, {"minCharacters": 0}, {"minCharacters": 401}, {"languages": ["en"]}],
    )
    def test_wrong_options_are_refused(self, build: Build, options: dict[str, Any]) -> None:
        """When the policy is loaded."""
        with pytest.raises(ValidationError):
            build("language", **options)

    def test_an_unknown_language_is_an_error_with_its_place(self, build: Build) -> None:
        """It could never be told, so that the rule would never hold."""
        with pytest.raises(SpecError, match="qq") as caught:
            build("language", among=["en", "qq"])
        assert caught.value.path == ("among",)
