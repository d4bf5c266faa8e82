"""Plain: a text as a person or a model would read it, without the disguises that keep an encoder from it."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from urllib.parse import unquote

import re2

from router_extproc.encoders.folding import fold
from router_extproc.encoders.tokens import writable

_CYRILLIC = ("асԁеһіјорԛѕԝхуАВСЕНІЈКМОРЅТХ", "acdehijopqswxyABCEHIJKMOPSTX")  # noqa: RUF001 - letters that look alike are the point
_GREEK = ("αορνικτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aopviktuxABEZHIKMNOPTYX")
_ALIKE = _CYRILLIC[0] + _GREEK[0]
"""Letters that look like Latin ones (of Unicode's confusables those of one letter)."""
_LATIN = str.maketrans(_ALIKE, _CYRILLIC[1] + _GREEK[1])
_FOREIGN = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_UNLIKE = re.compile(f"(?![{_ALIKE}])[\u0370-\u03ff\u0400-\u052f]")
_MIXED = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0370-\u03ff\u0400-\u052f])\w{2,40}\b")
_STACKED = re.compile("[^\\W\\d_][\u0300-\u036f]+")
"""A letter with marks that it has not as one character: more than any common spelling gives it."""
_SPACED = re.compile(r"(?<!\S)[^\W\d_](?: [^\W\d_]){3,}(?!\S)")
"""Four letters or more with one blank between each."""
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_=-])(?:(?:[0-9A-Fa-f]{2}){12,}|[A-Za-z0-9+/_-]{24,}={0,2})(?![A-Za-z0-9+/_=-])")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+\Z")
_LAYERS = 2
"""How often over a text may be encoded."""
_LEET = str.maketrans("013457@$", "oieastas")
_LEET_WORD = re.compile(r"(?<![\w@$])[\w@$]*?(?:[A-Za-z][013457@$]|[013457@$][A-Za-z])[\w@$]*")
_LEET_SHARE = 0.3
"""Of the words have digits beside letters: no prose and no code has so many."""
_SENTENCE = re.compile(r"[^.!?:\n]+")
_ROTATED = re.compile(r"(?i)\b(?:gur|naq|lbh|lbhe|nyy|vf|bs|gb|sbe|guvf|gung|jvgu|abg|qb|zl|zr)\b")
"""The commonest English words in ROT13; next to none of them is a word."""
_BACKWARDS = re.compile(r"(?i)\b(?:eht|dna|uoy|ruoy|lla|siht|taht|rof|htiw|eb|ym|yas|tuo|tahw)\b")
"""The same, backwards."""
_SIGNS = 2
"""Of them in one sentence."""
_PERCENT = re.compile(r"(?<![0-9])(?:%[0-9A-Fa-f]{2})+")
_HINTS = (
    r"%[0-9A-Fa-f]{2}",
    r"[A-Za-z0-9+/_-]{24}",
    r"\pL \pL \pL \pL",
    r"[A-Za-z][013457@$]|[013457@$][A-Za-z]",
    _ROTATED.pattern,
    _BACKWARDS.pattern,
)
_PERCENT_HINT, _ENCODED_HINT, _SPACED_HINT, _LEET_HINT, _ROTATED_HINT, _BACKWARDS_HINT = range(len(_HINTS))
_REACH = 40_000
"""Characters from each end that are looked at. An encoder reads less of a text, unless a policy asks for more than 40 windows."""


def plain(text: str) -> str:
    """The text in NFKC, without what hides it.

    That is invisible characters, stacked marks, foreign letters amid Latin ones, blanks between letters, and encodings of texts.
    Linear in its length. A text without disguise, in whatever language, stays as it is, but for the form of its characters.
    """
    if len(text) > 2 * _REACH:
        return _undone(text[:_REACH]) + text[_REACH:-_REACH] + _undone(text[-_REACH:])
    return _undone(text)


def may_hide(text: str) -> bool:
    """Whether `plain` has anything to do; in 2 ns a character where it has not."""
    ends = (text[:_REACH], text[-_REACH:]) if len(text) > 2 * _REACH else (text,)
    return any(not end.isascii() or bool(_HINTED.Match(end)) for end in ends)


def _undone(text: str) -> str:
    if not text.isascii():
        text = _romanised(_STACKED.sub(_bare, fold(text, case_sensitive=True)))
    hinted = set(_HINTED.Match(writable(text)) or ())
    if not hinted:
        return text
    if _PERCENT_HINT in hinted:
        text = _PERCENT.sub(_unquoted, text)
    if _ENCODED_HINT in hinted:
        for _ in range(_LAYERS):
            text = _ENCODED.sub(_decoded, text)
    if _SPACED_HINT in hinted:
        text = _SPACED.sub(_closed, text)
    if _LEET_HINT in hinted:
        text = _spelt(text)
    return _SENTENCE.sub(_turned, text) if hinted & {_ROTATED_HINT, _BACKWARDS_HINT} else text


def _hinted() -> re2.Set:
    """All hints as one automaton: one pass tells an ordinary text, for which nothing is to be done."""
    settings = re2.Options()
    settings.max_mem = 16 * 1024 * 1024
    hints = re2.Set.SearchSet(settings)
    for hint in _HINTS:
        hints.Add(hint)
    hints.Compile()
    return hints


_HINTED = _hinted()


def _romanised(text: str) -> str:
    if not _FOREIGN.search(text):
        return text
    if not _UNLIKE.search(text):
        # No Russian or Greek sentence does with these letters alone.
        return text.translate(_LATIN)
    return _MIXED.sub(_latin, text)


def _bare(stack: re.Match[str]) -> str:
    return unicodedata.normalize("NFD", stack.group())[0]


def _latin(word: re.Match[str]) -> str:
    return word.group().translate(_LATIN)


def _closed(letters: re.Match[str]) -> str:
    return letters.group().replace(" ", "")


def _unquoted(run: re.Match[str]) -> str:
    return unquote(run.group())


def _decoded(passage: re.Match[str]) -> str:
    """What stands there encoded, if it is words: keys, hashes and pictures decode to rubbish."""
    encoded = passage.group()
    try:
        inner = _bytes(encoded).decode()
    except (binascii.Error, ValueError):
        return encoded
    return inner if " " in inner.strip() and inner.replace("\n", " ").isprintable() else encoded


def _bytes(encoded: str) -> bytes:
    if _HEXADECIMAL.match(encoded) and len(encoded) % 2 == 0:
        return bytes.fromhex(encoded)
    data = encoded.rstrip("=")
    return base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_" if "-" in data or "_" in data else None, validate=True)


def _spelt(text: str) -> str:
    """With letters for digits, where a good part of the words has some."""
    found = len(_LEET_WORD.findall(text))
    return _LEET_WORD.sub(_lettered, text) if found >= max(3, _LEET_SHARE * (text.count(" ") + 1)) else text


def _lettered(word: re.Match[str]) -> str:
    return word.group().translate(_LEET)


def _turned(sentence: re.Match[str]) -> str:
    """A sentence in ROT13 or backwards, as it was meant."""
    said = sentence.group()
    if len(_ROTATED.findall(said)) >= _SIGNS:
        return codecs.encode(said, "rot13")
    if len(_BACKWARDS.findall(said)) >= _SIGNS:
        return said[::-1]
    return said
