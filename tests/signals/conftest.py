"""What the tests of signals share: requests in one line, and signals built as the policy builds them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.request import Envelope, Message, Part, PartKind, Request, Role
from router_extproc.routing import Extractor
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

Build = Callable[..., Extractor]
Ask = Callable[..., Request]

HOSTILE = [
    pytest.param("", id="empty"),
    pytest.param("a" * 100_000, id="one long word"),
    pytest.param("a " * 50_000, id="many words"),
    pytest.param("".join(map(chr, range(256))) * 400, id="binary rubbish"),
    pytest.param("e" + "\u0301\u0316" * 5_000, id="combining characters"),
    pytest.param("\u0f73" * 10_000, id="letters that become combining characters"),
    pytest.param("\ufdfa" * 10_000, id="letters that become eighteen"),
    pytest.param("\u200b" * 100_000, id="zero width"),
    pytest.param("<system-reminder>" * 5_000, id="open tags"),
    pytest.param("</" * 50_000, id="beginnings of tags"),
    pytest.param("- \t" * 30_000, id="blanks"),
    pytest.param("\U0001f600" * 20_000, id="emoji"),
    pytest.param("$" * 50_000 + "\\" * 50_000, id="formula signs"),
    pytest.param("1.1,1" * 20_000, id="digits and points"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `hostile` runs once for each text."""
    if "hostile" in metafunc.fixturenames:
        metafunc.parametrize("hostile", HOSTILE)


@pytest.fixture
def build() -> Build:
    """Builds a signal of a type from its options as they stand in the file."""

    def built(kind: str, *, services: SignalServices | None = None, **options: Any) -> Extractor:
        plugin = EXTRACTORS[kind]
        return plugin.build("it", plugin.options.model_validate_json(json.dumps(options)), services or SignalServices())  # type: ignore[attr-defined]  # Plugin.options is any pydantic model

    return built


@pytest.fixture
def ask() -> Ask:
    """Makes a request of turns: a string is what the user said; a pair is a role and its text, or a role and its parts."""

    def asked(*turns: str | tuple[Role, str] | tuple[Role, tuple[Part, ...]], **rest: Any) -> Request:
        rest.setdefault("envelope", Envelope())
        return Request(
            api=rest.pop("api", "openai_chat"), model=rest.pop("model", "m"), messages=tuple(map(_message, turns)), **rest
        )

    return asked


def _message(turn: str | tuple[Role, str] | tuple[Role, tuple[Part, ...]]) -> Message:
    role, content = (Role.USER, turn) if isinstance(turn, str) else turn
    return Message(role, (Part(PartKind.TEXT, content),) if isinstance(content, str) else content)
