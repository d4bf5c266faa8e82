"""What callers get when a classifier breaks: the real router over a real ONNX model that gives NaN, crashes or hangs by a word."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from fault_policy import ASK, BAD_TEXT, FAULTS, GOOD_TEXT, STATUS, cells, rule, write_policy
from told import why_unknown

from router_extproc.breaker import BreakerOptions, BreakerState
from router_extproc.config.loader import load
from router_extproc.config.offline import decide
from router_extproc.config.store import PolicyStore
from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.hooks import Hooks
from router_extproc.pools import PoolStats
from router_extproc.routing import Reason, Signal, UnknownReason
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router_extproc.routing import Outcome

    Send = Callable[..., Outcome]

NAME = "onnx-faulty"
CELLS = [pytest.param(form, on_unknown, id=rule(form, on_unknown)) for form, on_unknown in cells()]
PAUSE, TURNS = 0.05, 400_000


@pytest.fixture
def services() -> Iterator[SignalServices]:
    """One thread for each model, and a breaker that opens after three failures and tries again soon."""
    breaker = BreakerOptions(failures=3, pause_s=PAUSE, hung_s=0.01)
    models = Models(EncoderOptions(BatchOptions(threads=1), breaker=breaker))
    yield SignalServices(models=models)
    # The interpreter must not end while a thread is in the model.
    for classifier in list(models._classifiers.values()):
        classifier.batcher.close()
        for thread in classifier.batcher._threads:
            thread.join(60)


@pytest.fixture
def store(services: SignalServices, tmp_path: Path) -> PolicyStore:
    """The policy in force. A hang takes some 0.3 s, twice the deadline and more."""
    path = write_policy(tmp_path, turns=TURNS)
    return PolicyStore(path, lambda path: load(path, services=services, stats=PoolStats()), Hooks())


@pytest.fixture
def send(store: PolicyStore) -> Send:
    """Has a text decided by one of the rules."""

    def sent(text: str, form: str = "plain", on_unknown: str = "skip") -> Outcome:
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
        return decide(store.router, path="/v1/chat/completions", headers={ASK: rule(form, on_unknown)}, body=body)

    return sent


def status(outcome: Outcome) -> int:
    """What the caller gets."""
    return outcome.status if outcome.selection is None else 200


@pytest.mark.parametrize(("form", "on_unknown"), CELLS)
class TestEachRule:
    def test_judges_while_the_classifier_works(self, send: Send, form: str, on_unknown: str) -> None:
        """The form makes no difference."""
        assert [status(send(text, form, on_unknown)) for text in (GOOD_TEXT, BAD_TEXT)] == [200, 403]

    @pytest.mark.parametrize("fault", FAULTS)
    def test_does_what_it_says_of_the_unknown(self, send: Send, form: str, on_unknown: str, fault: str) -> None:
        """`not` of a classifier that broke does not hold."""
        outcome = send(f"the tea {FAULTS[fault]}", form, on_unknown)

        assert status(outcome) == STATUS[on_unknown]
        assert outcome.decision.unknown == ("toxic",)
        assert why_unknown(outcome, "toxic") is (UnknownReason.DEADLINE if fault == "hangs" else UnknownReason.FAILED)
        assert on_unknown != "deny" or outcome.decision.reason is Reason.UNKNOWN_DENIED

    @pytest.mark.parametrize("fault", FAULTS)
    def test_does_the_same_at_once_while_the_breaker_is_open(
        self, send: Send, services: SignalServices, form: str, on_unknown: str, fault: str
    ) -> None:
        """Also for texts that the classifier could have read."""
        for _ in range(3):
            send(f"the tea {FAULTS[fault]}")
        outcome = send(GOOD_TEXT, form, on_unknown)

        assert services.breakers()[NAME].state is BreakerState.OPEN
        assert (status(outcome), why_unknown(outcome, "toxic")) == (STATUS[on_unknown], UnknownReason.UNAVAILABLE)


class TestRecovery:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_judges_again_once_the_classifier_works(self, send: Send, services: SignalServices, fault: str) -> None:
        """The breaker closes by itself, with the first text that is read."""
        for _ in range(3):
            send(f"the tea {FAULTS[fault]}")
        until = time.monotonic() + 30
        while services.breakers()[NAME].state is not BreakerState.CLOSED and time.monotonic() < until:
            send(GOOD_TEXT)

        assert [status(send(text)) for text in (GOOD_TEXT, BAD_TEXT)] == [200, 403]

    def test_other_classifiers_are_not_concerned(self, send: Send, services: SignalServices) -> None:
        """Each has a breaker of its own."""
        for _ in range(3):
            send(f"the tea {FAULTS['crashes']}")

        assert {name: report.state for name, report in services.breakers().items()} == {
            NAME: BreakerState.OPEN,
            "patterns": BreakerState.CLOSED,
            "disguises": BreakerState.CLOSED,
            "comparisons": BreakerState.CLOSED,
            "credentials": BreakerState.CLOSED,
        }


class TestReload:
    @pytest.mark.parametrize("name", ["faulty.onnx", "faulty-tokenizer.json"])
    def test_a_file_that_is_gone_leaves_the_guard_at_work(
        self, send: Send, store: PolicyStore, tmp_path: Path, name: str
    ) -> None:
        """The policy in force keeps what it has in memory; the reload is refused and told."""
        (tmp_path / name).unlink()

        assert not store.reload("watch")
        assert name in store.status.errors[0]
        assert [status(send(text)) for text in (GOOD_TEXT, BAD_TEXT)] == [200, 403]

    def test_a_file_that_is_back_is_loaded(self, send: Send, store: PolicyStore, tmp_path: Path) -> None:
        """Nobody has to do anything."""
        model = tmp_path / "faulty.onnx"
        shutil.move(model, tmp_path / "away")
        refused = store.reload("watch")
        shutil.move(tmp_path / "away", model)

        assert (refused, store.reload("watch")) == (False, True)
        assert status(send(BAD_TEXT)) == 403

    def test_a_new_model_begins_with_a_closed_breaker(
        self, send: Send, services: SignalServices, store: PolicyStore, tmp_path: Path
    ) -> None:
        """The cure of a broken model is another one."""
        for _ in range(3):
            send(f"the tea {FAULTS['gives NaN']}")
        opened = services.breakers()[NAME].state
        write_policy(tmp_path, turns=TURNS + 1)
        assert store.reload("watch")

        assert (opened, isinstance(send(GOOD_TEXT).signals["toxic"], Signal)) == (BreakerState.OPEN, True)
