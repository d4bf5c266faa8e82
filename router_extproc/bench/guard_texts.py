"""Guard texts: prompts that hold an email address, a telephone number and a name, no two alike, and what guards make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.bench.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_FIRST = (
    "Anna",
    "Boris",
    "Clara",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Henry",
    "Irene",
    "James",
    "Karin",
    "Louis",
    "Maria",
    "Nils",
)
_LAST = (
    "Abel",
    "Brandt",
    "Cooper",
    "Dietrich",
    "Evans",
    "Fischer",
    "Graham",
    "Hofer",
    "Jansen",
    "Keller",
    "Lambert",
    "Murphy",
    "Novak",
)
_INITIALS = "ABCDEFGHIJKLMNOPRSTW"
_PHONES, _STRIDE = 70_000_000, 61
_PRIVATE_TOKENS = 35
"""Of the sentence with the private data, in the shipped bundle's vocabulary, the two special ones of a text included: from 32 to 39."""


@dataclass(frozen=True, slots=True)
class PrivatePrompt:
    """A prompt, and the private data in it that checks confirm."""

    text: str
    email: str
    phone: str


def private_prompt(number: int, tokens: int) -> PrivatePrompt:
    """A prompt of about that many tokens."""
    at, first = divmod(number, len(_FIRST))
    at, last = divmod(at, len(_LAST))
    name = f"{_FIRST[first]} {_INITIALS[at % len(_INITIALS)]}. {_LAST[last]}"
    email = f"{_FIRST[first]}.{_LAST[last]}{number}@post.example.org".lower()
    phone = f"+49 30 {20_000_000 + number * _STRIDE % _PHONES}"
    told = f"{name} wrote from {email} and asks for a call at {phone}."
    around = words(number, max(0, tokens - _PRIVATE_TOKENS))
    half = len(around) // 2
    return PrivatePrompt(" ".join([*around[:half], told, *around[half:]]), email, phone)


def private_prompts(numbers: Iterator[int], tokens: int) -> Iterator[PrivatePrompt]:
    """Prompts without end."""
    return (private_prompt(number, tokens) for number in numbers)


def chat(text: str, *, stream: bool = False) -> bytes:
    """A chat body. The text needs no escapes."""
    more = ',"stream":true' if stream else ""
    return f'{{"model":"auto","messages":[{{"role":"user","content":"{text}"}}]{more}}}'.encode()


def _is_echoed(prompt: PrivatePrompt, answer: str) -> bool:
    return answer == prompt.text


def _is_masked(prompt: PrivatePrompt, answer: str) -> bool:
    """The model saw placeholders."""
    hidden = prompt.email not in answer and prompt.phone not in answer
    return hidden and "[EMAIL_1]" in answer and "[PHONE_1]" in answer


def _is_looked_at(prompt: PrivatePrompt, answer: str) -> bool:
    """What the model said is masked by one type and tagged by the other."""
    return answer == prompt.text.replace(prompt.email, "[EMAIL]")


CHECKS: Mapping[str, Callable[[PrivatePrompt, str], bool]] = {"mask": _is_masked, "response": _is_looked_at}
"""What the caller gets whose model server says the prompt back, by set-up: in all others, the prompt."""


def is_right(setup: str, prompt: PrivatePrompt, answer: str) -> bool:
    """Whether that is what the caller must get."""
    return CHECKS.get(setup, _is_echoed)(prompt, answer)
