"""What the tests of signals share: requests in one line, and signals built as the policy builds them."""

import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_classifier import write_classifier

from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.headfile import packed
from router_extproc.encoders.models import Models
from router_extproc.encoders.softmax import Softmax
from router_extproc.request import Envelope, Message, Part, PartKind, Request, Role
from router_extproc.routing import Cost, Extractor, SignalResult
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

Build = Callable[..., Extractor]
Ask = Callable[..., Request]
Extract = Callable[[Extractor, Request], SignalResult]

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


@pytest.fixture(scope="session")
def beside(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind that a policy can name: head.json, exemplars.jsonl, model.onnx and tokenizer.json."""
    folder = tmp_path_factory.mktemp("beside")
    weights = np.random.default_rng(5).normal(size=(2, 384)).astype(np.float32)
    sha = json.loads((tiny_bundle / "manifest.json").read_text())["files"][GRAPH]["sha256"]
    head = packed(Softmax(weights, np.zeros(2, np.float32)), ("left", "right"), sha, {})
    (folder / "head.json").write_text(head.model_dump_json())
    texts = {"refunds": ("refund please", "a refund of the card"), "music": ("a song", "the song of the weather")}
    lines = [json.dumps({"text": text, "group": group}) for group, few in texts.items() for text in few]
    (folder / "exemplars.jsonl").write_text("\n".join(lines))
    write_classifier(folder)
    return folder


@pytest.fixture(scope="session")
def shared_services(tiny_bundle: Path) -> Iterator[SignalServices]:
    """Services with the tiny bundle, loaded once for all tests."""
    services = SignalServices(models=Models(folder=tiny_bundle))
    share = services.share(())
    yield services
    share.encoder.close()


@pytest.fixture
def services(shared_services: SignalServices, beside: Path) -> SignalServices:
    """Services for one policy, which stands where the files that it may name are."""
    return shared_services.for_policy(beside)


@pytest.fixture
def build(services: SignalServices) -> Build:
    """Builds a signal of a type from its options as they stand in the file."""
    usual = services

    def built(kind: str, *, services: SignalServices | None = None, **options: Any) -> Extractor:
        plugin = EXTRACTORS[kind]
        return plugin.build("it", plugin.options.model_validate_json(json.dumps(options)), services or usual)  # type: ignore[attr-defined]  # Plugin.options is any pydantic model

    return built


@pytest.fixture
def extract() -> Extract:
    """Has a signal computed, with all the time that its model needs."""

    def extracted(extractor: Extractor, request: Request) -> SignalResult:
        if extractor.cost is Cost.MODEL:
            wait(extractor.begin(request, math.inf), 600)  # type: ignore[attr-defined]  # it is Deferred, as all of that cost
        return extractor.extract(request)

    return extracted


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
