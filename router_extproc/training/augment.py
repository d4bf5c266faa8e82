"""Augment: the same text as other people would write it. Nothing here changes what a head should say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_KEYS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
    "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
"""Neighbours on a keyboard."""

_POLITE_START = (
    "Hi! ", "Hello, ", "Please ", "Hey there, ", "Quick question: ", "Thanks in advance. ", "I was wondering: ", "So, ",
    "Good morning. ", "One more thing. ", "For a school project: ", "Could you help me? ", "ok ", "Hi team, ", "Just curious, ",
)  # fmt: skip
_POLITE_END = (
    " Thanks!", " Thank you.", " please", " Thanks a lot for your help.", " Any help is welcome.", " Cheers", " :)",
    " I appreciate it.", " Keep it short.", " Take your time.", " good day friend", " please thanks bye", " nice sunny weather",
    " Looking forward to your answer.", " I hope you are well.", " Have a nice day!", " apple table garden", " Regards, Sam",
)  # fmt: skip


def typos(text: str, random: Random, *, rate: float = 0.03) -> str:
    """A text typed in haste: letters swapped, dropped, doubled or missed by one key."""
    letters = list(text)
    for at, letter in enumerate(letters):
        if not letter.isalpha() or random.random() >= rate:
            continue
        way = random.randrange(4)
        if way == 0 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letter
        elif way == 1:
            letters[at] = ""
        elif way == 2:
            letters[at] = letter * 2
        else:
            letters[at] = random.choice(_KEYS.get(letter.lower(), letter))
    return "".join(letters)


def mistyped(text: str, random: Random, *, rate: float = 0.01) -> str:
    """A text with a neighbouring key hit now and then: every letter stays where it was."""
    return "".join(
        random.choice(_KEYS.get(letter.lower(), letter)) if letter.isalpha() and random.random() < rate else letter
        for letter in text
    )


def recased(text: str, random: Random) -> str:
    """A text in lower case, in capitals or with a capital at each word."""
    way = random.random()
    if way < 0.6:
        return text.lower()
    return text.upper() if way < 0.85 else text.title()


def framed(text: str, random: Random) -> str:
    """A text with a few polite or idle words around it."""
    start = random.choice(_POLITE_START) if random.random() < 0.5 else ""
    end = random.choice(_POLITE_END) if not start or random.random() < 0.5 else ""
    return start + text.strip() + end


def worn(text: str, random: Random) -> str:
    """A text as it is (half the time), or after one or two of these."""
    if random.random() < 0.5:
        return text
    if random.random() < 0.4:
        text = framed(text, random)
    way = random.random()
    if way < 0.35:
        return typos(text, random)
    return recased(text, random) if way < 0.65 else text
