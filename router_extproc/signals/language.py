"""Language: in which language a text is written."""

from __future__ import annotations

import copy
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pydantic import Field, StringConstraints

from router_extproc.errors import SpecError
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.signals.options import Options, Reads
from router_extproc.signals.texts import texts

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.routing import SignalResult
    from router_extproc.signals.services import SignalServices

_MAX_CHARACTERS = 800
"""More change nothing: three sentences tell a language."""
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "THAI": "th", "LAO": "lo", "KHMER": "km", "MYANMAR": "my",
    "GREEK": "el", "HEBREW": "he", "ARMENIAN": "hy", "GEORGIAN": "ka", "AMHARIC": "am", "ETHIOPIC": "am", "SINHALA": "si",
    "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa",
}  # fmt: skip
"""Scripts that one language is written in, nearly always."""
_SAMPLE = 60
_WIDE = "\u2e80"

Code = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class LanguageOptions(Options):
    """Which languages are possible, and how much text is needed."""

    among: Annotated[tuple[Code, ...], Field(max_length=97)] = ()
    """ISO 639-1 codes of the only languages that count; empty: all that are known."""
    min_characters: Annotated[int, Field(ge=1, le=400)] = 12
    """Letters that a text must have, an ideograph or syllable sign counting for three; with fewer the language is unknown."""
    reads: Reads = Reads.LAST_USER
    """Which text is looked at."""


class Language:
    """The language of a text as an ISO 639-1 code, with its probability."""

    cost = Cost.HEAVY_TEXT

    def __init__(self, name: str, options: LanguageOptions) -> None:
        self.name = name
        self._options = options
        self._among = frozenset(options.among)
        known = frozenset(_codes()) | set(_SCRIPTS.values())
        self.shape = SignalShape(SignalKind.LABEL, labels=self._among or known, exhaustive=True)
        unknown = sorted(self._among - known)
        if unknown:
            raise SpecError(("among",), f"unknown languages: {', '.join(unknown)}", cure="write ISO 639-1 codes: en, de, zh")
        self._model = _limited(tuple(sorted(self._among)) or _codes())

    def extract(self, request: Request, /) -> SignalResult:
        """The signal; unknown where there is too little text."""
        letters = _letters(" ".join(texts(request, self._options.reads))[: 4 * _MAX_CHARACTERS])
        if _weight(letters) < self._options.min_characters:
            return Unknown(self.name, UnknownReason.NO_TEXT)
        label = _by_script(letters)
        if label is None or (self._among and label not in self._among):
            code, confidence = self._model.classify(letters)
            return self._signal(str(code), float(confidence))
        return self._signal(label, 1.0)

    def _signal(self, label: str, confidence: float) -> Signal:
        confidence = min(max(confidence, 0.0), 1.0)
        return Signal(self.name, confidence, label=label, labels={label: confidence})


def _letters(text: str) -> str:
    """The words of a text, without the digits and signs that code and tables are full of."""
    kept = "".join(character if character.isalpha() or character == "'" else " " for character in text)
    return " ".join(kept.split())[:_MAX_CHARACTERS]


def _weight(letters: str) -> int:
    """How many letters there are; those of the scripts that write a syllable or a word with one sign count for three."""
    return sum(3 if letter >= _WIDE else 1 for letter in letters if letter.isalpha())


def _by_script(letters: str) -> str | None:
    """The language, where the script alone tells it."""
    if letters.isascii():
        return None
    counts: dict[str, int] = {}
    for character in letters[:_SAMPLE]:
        if character > "\u036f":
            script = unicodedata.name(character, "").partition(" ")[0]
            counts[script] = counts.get(script, 0) + 1
    if counts.get("HIRAGANA", 0) + counts.get("KATAKANA", 0) > 1:
        return "ja"
    script, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return _SCRIPTS.get(script) if count * 2 > len(letters[:_SAMPLE]) else None


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """The whole model, half a second to load and some 80 MB; it never changes."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _codes() -> tuple[str, ...]:
    """The model's languages that ISO 639-1 has; the others are rare ones that short texts are mistaken for."""
    return tuple(str(code) for code in _identifier().nb_classes if len(code) == 2)  # noqa: PLR2004 - ISO 639-1 codes have two letters


@lru_cache(maxsize=16)
def _limited(codes: tuple[str, ...]) -> Any:
    """A model that knows only these languages. It shares the tables of the whole one."""
    identifier = copy.copy(_identifier())
    identifier.set_languages(codes)
    return identifier


def build(name: str, options: LanguageOptions, _services: SignalServices) -> Language:
    """The extractor."""
    return Language(name, options)
