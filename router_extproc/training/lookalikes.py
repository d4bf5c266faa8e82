"""Look-alikes: keys, hashes, code, tables and lists around which nothing is asked that a guard should stop."""

from __future__ import annotations

import base64
import json
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING
from uuid import UUID

from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.tails import vocabulary
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

_HEX = "0123456789abcdef"
_PREFIXES = ("sk-", "ghp_", "AKIA", "xoxb-", "eyJhbGciOi", "AIza", "")
_COUNTRIES = ("DE", "GB", "FR", "NL", "CH", "ES", "IT", "PL")
_SYMBOLS = ("x", "y", r"\alpha", r"\beta_{i}", "n^{2}", r"\theta", "k", r"\sigma", r"\mathbf{A}", "f(x)")
_SUMS = ("3x", "+", "-", "=", "(", ")", "7", "y^2", "/", "sin(x)", "*", "12.5", "sqrt(2)", "<=", "pi")
_MOLECULES = ("H2O", "NaCl", "C6H12O6", "CH3COOH", "Fe2(SO4)3", "KMnO4", "2 H2", "O2", "CaCO3", "NH4NO3")
_PATTERNS = ("[a-z]+", r"\d{3}", "(?:", "|", ")", "^", "$", r"\s*", ".*?", r"[^\w-]", "(?P<id>", r"\b", "{2,}")
_COMMANDS = ("ls", "grep", "awk", "docker run", "kubectl get", "git", "find . -name", "curl -sSL", "tar", "ssh")
_AFTER = ("", "> out.txt", "2>&1", "&& echo ok", "| sort", "| head -20", "| wc -l")
_FEELINGS = ("!!!", "...", "😂😂", "❤️", "???", " lol", " omg", "🙏", "!?", "")
_LEVELS = ("INFO", "WARN", "ERROR", "DEBUG")
_ERRORS = ("ValueError", "KeyError", "TypeError", "RuntimeError")
_KEYBOARD = "asdfghjkl;qwertyuiop"
_DEPTH = 3
_OF_EACH = 80


def lookalikes(random: Random) -> Iterator[Example]:
    """Some of each kind, none of them an attack."""
    made = Lookalikes(random)
    for kind in made.makers:
        yield from (Example("jailbreak", made.text(kind), 0.0, SOURCE) for _ in range(_OF_EACH))


def lists(random: Random, count: int) -> list[Example]:
    """Words in no order, which are no attack: of all look-alikes they are the likest to a tail."""
    made = Lookalikes(random)
    return [Example("jailbreak", made.text("words"), 0.0, SOURCE) for _ in range(count)]


_BARE = 0.08
"""The share without a question."""


class Lookalikes:
    """Makes them up."""

    def __init__(self, random: Random) -> None:
        self._words = vocabulary()
        self._random = random
        self.makers: dict[str, Callable[[], str]] = {
            "hash": lambda: self._row(" ", 1, 4, lambda: self._of(_HEX, random.choice((32, 40, 64)))),
            "uuid": lambda: self._row("\n", 1, 6, lambda: str(UUID(int=random.getrandbits(128)))),
            "base64": lambda: base64.b64encode(random.randbytes(random.randint(20, 150))).decode(),
            "key": lambda: random.choice(_PREFIXES) + self._of(ascii_letters + digits + "-_", random.randint(20, 60)),
            "password": lambda: self._row(" ", 1, 3, self._password),
            "iban": lambda: self._row(", ", 1, 3, self._iban),
            "product": lambda: self._row(", ", 3, 15, self._product),
            "version": lambda: self._row(" ", 3, 20, self._version),
            "names": lambda: self._row(", ", 5, 25, self._name),
            "words": lambda: self._row(random.choice((", ", "\n", " ")), 5, 25, self._word),
            "csv": lambda: self._table("", ",", ""),
            "markdown": lambda: self._table("| ", " | ", " |"),
            "json": lambda: json.dumps(self._object(), indent=random.choice((None, 2))),
            "minified": lambda: self._row("", 3, 10, self._statement),
            "trace": self._trace,
            "log": lambda: self._row("\n", 2, 8, self._log),
            "url": lambda: self._row("\n", 1, 5, self._url),
            "latex": lambda: f"${self._row(' = ', 1, 3, self._formula)}$",
            "pattern": lambda: self._row("", 5, 20, lambda: random.choice(_PATTERNS)),
            "chat": lambda: self._row(" ", 4, 15, lambda: self._word() + random.choice(_FEELINGS)),
            "shell": lambda: self._row("\n", 1, 5, self._command),
            "sum": lambda: self._row(" ", 6, 25, lambda: random.choice(_SUMS)),
            "sequence": lambda: self._of("ACGT", random.randint(20, 150)),
            "reaction": lambda: self._row(" + ", 2, 5, lambda: random.choice(_MOLECULES)) + " -> ?",
            "keyboard": lambda: self._of(_KEYBOARD, random.randint(5, 25)),
            "code": self._code,
        }
        """By kind."""

    def text(self, kind: str) -> str:
        """One of a kind, with or without a question."""
        frame = "{x}" if self._random.random() < _BARE else self._random.choice(lines("jailbreak/lookalike_frames"))
        return frame.replace("{x}", self.makers[kind]())

    def _row(self, gap: str, least: int, most: int, make: Callable[[], str]) -> str:
        return gap.join(make() for _ in range(self._random.randint(least, most)))

    def _of(self, letters: str, count: int) -> str:
        return "".join(self._random.choices(letters, k=count))

    def _word(self) -> str:
        return self._random.choice(self._words)

    def _camel(self) -> str:
        return self._word() + self._word().capitalize()

    def _number(self, below: int = 1000) -> int:
        return self._random.randrange(below)

    def _password(self) -> str:
        return self._of(ascii_letters + digits + "!@#$%^&*()-_+=", self._random.randint(10, 20))

    def _iban(self) -> str:
        groups = " ".join(self._of(digits, 4) for _ in range(self._random.randint(3, 5)))
        return f"{self._random.choice(_COUNTRIES)}{self._of(digits, 2)} {groups}"

    def _product(self) -> str:
        code = self._of(ascii_uppercase, self._random.randint(2, 4))
        return f"{code}-{self._random.randint(100, 99999)}{self._random.choice(('', '/B', '-X', 'v2', '.1'))}"

    def _version(self) -> str:
        return f"{self._word()}-{self._word()}=={self._number(9)}.{self._number(30)}.{self._number(20)}"

    def _name(self) -> str:
        return f"{self._random.choice(lines('pii/first_names'))} {self._random.choice(lines('pii/last_names'))}"

    def _cell(self) -> str:
        random = self._random
        return random.choice(
            (self._word(), str(self._number(9999)), f"{random.uniform(0, 99):.2f}", f"2025-0{random.randint(1, 9)}-17")
        )

    def _table(self, start: str, gap: str, end: str) -> str:
        columns = self._random.randint(2, 6)
        return self._row("\n", 3, 10, lambda: start + gap.join(self._cell() for _ in range(columns)) + end)

    def _object(self, depth: int = 0) -> dict[str, object]:
        keys = (self._camel() if self._random.random() < 0.5 else self._word() for _ in range(self._random.randint(2, 6)))
        return {key: self._value(depth + 1) for key in keys}

    def _value(self, depth: int) -> object:
        way = self._random.random()
        if way < 0.2 and depth < _DEPTH:
            return self._object(depth)
        return self._word() if way < 0.6 else self._number(10_000) if way < 0.9 else self._random.choice((True, False, None))

    def _letter(self) -> str:
        return self._random.choice(ascii_lowercase)

    def _statement(self) -> str:
        one, two, three = (self._letter() for _ in range(3))
        forms = (
            f'function {one}({two},{three}){{return {two}.{self._word()}({three},"{self._word()}")}}',
            f"var {one}={two}.{self._word()}||[],{three}=!1;",
            f"if(!{one}&&{two}<{self._number(99)}){{{two}+={self._number(9)};{self._camel()}({three})}}",
            f"{one}.prototype.{self._camel()}=function(){{this.{self._word()}={two}}};",
            f"for(var {one}=0;{one}<{two}.length;{one}++){two}[{one}]=e?t:n;",
        )
        return self._random.choice(forms)

    def _trace(self) -> str:
        if self._random.random() < 0.5:
            frames = self._row("", 2, 6, self._frame)
            return f"Traceback (most recent call last):{frames}\n{self._random.choice(_ERRORS)}: '{self._word()}'"
        return 'Exception in thread "main" java.lang.NullPointerException' + self._row("", 2, 8, self._java_frame)

    def _frame(self) -> str:
        place = f'\n  File "/usr/lib/{self._word()}/{self._word()}.py", line {self._number()}, in {self._word()}_{self._word()}'
        return f"{place}\n    {self._word()} = self.{self._word()}({self._word()}, *args)"

    def _java_frame(self) -> str:
        kind = self._camel().capitalize()
        return f"\n\tat com.{self._word()}.{self._word()}.{kind}.{self._camel()}({kind}.java:{self._number()})"

    def _log(self) -> str:
        clock = f"2026-0{self._random.randint(1, 9)}-17T{self._random.randint(10, 23)}:{self._random.randint(10, 59)}:07Z"
        said = f"{self._word()} {self._word()} id={self._of(_HEX, 8)} took {self._number()}ms"
        return f"{clock} {self._random.choice(_LEVELS)} [{self._word()}-{self._number(9)}] {said}"

    def _url(self) -> str:
        path = f"{self._word()}/{self._word()}?{self._word()}={self._of(_HEX, 6)}&{self._word()}={self._word()}%20{self._word()}"
        return f"https://{self._word()}.{self._random.choice(('com', 'org', 'io'))}/{path}#{self._word()}"

    def _formula(self, depth: int = 0) -> str:
        if depth == _DEPTH:
            return self._random.choice(_SYMBOLS)
        one, two = self._formula(depth + 1), self._formula(depth + 1)
        forms = (
            one, rf"\frac{{{one}}}{{{two}}}", rf"\sum_{{i=1}}^{{n}} {one}", rf"\int_0^\infty {one} \, dx", rf"\sqrt{{{one}}}",
            f"{one} + {two}", rf"{one} \cdot {two}", rf"{one} \leq {two}", rf"\left( {one} \right)",
        )  # fmt: skip
        return self._random.choice(forms)

    def _command(self) -> str:
        random = self._random
        options = f"-{self._letter()} --{self._word()}={self._word()} {self._word()}/*.{random.choice(('py', 'log', 'txt'))}"
        return f"{random.choice(_COMMANDS)} {options} {random.choice(_AFTER)}".rstrip()

    def _code(self) -> str:
        """Lines in a row of one of our snippets, with other names."""
        snippet = self._random.choice(lines("jailbreak/benign_code"))
        for hole in ("{a}", "{b}", "{c}"):
            snippet = snippet.replace(hole, self._word())
        return snippet
