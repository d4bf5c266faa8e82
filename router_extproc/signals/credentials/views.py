"""Views: the ways in which a text may carry a secret: as it stands, escaped, encoded, in parts, backwards."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from router_extproc.signals.credentials.marks import squeezed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_HEXADECIMAL = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Fa-f])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,}={0,2}")
_LAYERS = 2
"""How often over a secret may be encoded."""
_TOKEN = re.compile(r"[^\s\"'`<>(){}\[\],;\\]{8,512}")
_PART = re.compile(r"[^=:&?/@#|]{8,512}")


def forms(text: str) -> list[str]:
    """What the text says: itself, without escapes, its values in a row, and what it encodes. Linear in its length."""
    found = dict.fromkeys((text, _unescaped(text), "".join(_values(text))))
    found |= dict.fromkeys([unquote(each) for each in found if "%" in each])
    layer: Iterable[str] = list(found)
    for _ in range(_LAYERS):
        layer = [inner for each in layer for inner in _encoded(each) if inner not in found]
        found |= dict.fromkeys(layer)
    return [each for each in found if each]


def views(said: Iterable[str]) -> Iterator[str]:
    """Letters and digits of what a text says, forwards and backwards; each once."""
    seen: set[str] = set()
    for each in said:
        core = squeezed(each)
        if core and core not in seen:
            seen.add(core)
            yield core
            yield core[::-1]


def tokens(said: Iterable[str]) -> Iterator[str]:
    """Words that could be a canary, whole and in their parts, forwards and backwards."""
    for each in said:
        for word in _TOKEN.findall(each):
            for part in {word, word.rstrip("."), *_PART.findall(word)}:
                yield part
                yield part[::-1]


def _unescaped(text: str) -> str:
    """Without the escapes of JSON, be the text whole or not; a line break becomes a blank."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else match[0][1] if not match[0][1].isalnum() else " ", text
    )


def _values(text: str) -> Iterator[str]:
    """The strings in a JSON text, without the names of its keys."""
    if text[:1] in {"{", "["}:
        try:
            yield from _strings(msgspec.json.decode(text))
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _encoded(text: str) -> Iterator[str]:
    """What its passages in hexadecimal and in base64 say, joined."""
    for pattern, decode in ((_HEXADECIMAL, bytes.fromhex), (_BASE64, _from_base64)):
        told = [decode(match.group()) for match in pattern.finditer(text)]
        if told:
            yield " ".join(data.decode("ascii", "ignore") for data in told)


def _from_base64(passage: str) -> bytes:
    data = passage.rstrip("=").replace("-", "+").replace("_", "/")
    data = data[: len(data) - (len(data) % 4 == 1)]
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4))
    except binascii.Error:
        return b""
