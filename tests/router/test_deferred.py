"""Signals whose work goes on elsewhere: what becomes of a request while it waits, and when the work does not come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.encoders.errors import LateError, OverloadedError, StrangeError
from router_extproc.plugin import Plugin, Registry
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.router import Router
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, Unknown, UnknownReason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.options import NoOptions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Routing

TEXT = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
decisions:
  - {name: hard, when: hard, route: large, onUnknown: %s}
  - {name: odd, when: odd, route: large}
limits: {deadlineMs: %d}
"""


HELLO = (Message(Role.USER, (Part(PartKind.TEXT, "hi"),)),)
REFUSE = "{name: hard, when: hard, action: {reject: {status: 403, message: No.}}}"
REFUSE_RED = "{name: reds, when: red, action: {reject: {status: 403, message: No.}}}"
REFUSE_BLUE = "{name: blues, when: blue, action: {reject: {status: 403, message: No.}}}"
ROUTE_RED = "{name: reds, when: red, route: large}"
ROUTE_BLUE = "{name: blues, when: blue, route: large}"
ODD_IF_BLUE = "{name: odd, when: {all: [blue, odd]}, route: large}"
ODD_REFUSES = "{name: odd, when: odd, action: {reject: {status: 403, message: No.}}}"


@dataclass
class Model:
    """A signal whose work is done when the test says so."""

    name: str
    work: list[Future[float]] = field(default_factory=lambda: [Future()])
    deadlines: list[float] = field(default_factory=list)
    prepared: list[float] = field(default_factory=list)
    cost: Cost = Cost.MODEL
    shape: SignalShape = field(default_factory=lambda: SignalShape(SignalKind.SCORE))

    def begin(self, _request: Request, deadline: float, /) -> list[Future[float]]:
        """Never blocks."""
        self.deadlines.append(deadline)
        return self.work

    def prepare(self, _request: Request, deadline: float, /) -> None:
        """Noted."""
        self.prepared.append(deadline)

    def extract(self, _request: Request, /) -> Signal:
        """What the work came to."""
        return Signal(self.name, max(future.result(0) for future in self.work))


@dataclass
class Field:
    """A signal that costs nothing."""

    name: str
    value: float
    cost: Cost = Cost.FIELD
    shape: SignalShape = field(default_factory=lambda: SignalShape(SignalKind.FLAG))

    def extract(self, _request: Request, /) -> Signal:
        """Always the same."""
        return Signal(self.name, self.value)


class Broken(Model):
    """A signal that cannot even begin."""

    def begin(self, _request: Request, _deadline: float, /) -> list[Future[float]]:
        """Breaks."""
        raise ZeroDivisionError


class Unready(Model):
    """A signal that cannot prepare."""

    def prepare(self, _request: Request, _deadline: float, /) -> None:
        """Breaks."""
        raise ZeroDivisionError


def failed(error: Exception) -> Future[float]:
    """Work that failed."""
    future: Future[float] = Future()
    future.set_exception(error)
    return future


def router_of(hard: Model, odd: Model | None = None, *, on_unknown: str = "skip", deadline_ms: int = 60_000) -> Router:
    """A router that asks for `hard`, then for `odd`."""
    return built(TEXT % (on_unknown, deadline_ms), hard, odd or done("odd", 0.0))


def ruled(rules: list[str], hard: Model, odd: Model) -> Router:
    """A router with these rules, to which all requests are `red` and none is `blue`."""
    text = "version: 1\npools: {small: {cluster: s}, large: {cluster: l}}\ndefault: small\ndecisions:\n"
    return built(text + "".join(f"  - {rule}\n" for rule in rules), hard, odd)


def built(text: str, hard: Model, odd: Model) -> Router:
    """A router whose signals are `hard`, `odd`, `red` and `blue`."""
    registry: Registry[Any] = Registry("signal")
    made: dict[str, Any] = {"hard": hard, "odd": odd, "red": Field("red", 1.0), "blue": Field("blue", 0.0)}
    for name, extractor in made.items():
        registry.add(Plugin(name, NoOptions, lambda _name, _options, _services, extractor=extractor: extractor, "Made here."))
    services = SignalServices()
    policy = compile_policy(text, source="p", services=services, selectors=SELECTORS, extractors=registry).policy
    return Router(policy, services=services, stats=PoolStats())


def done(name: str, value: float) -> Model:
    """A signal whose work is done."""
    model = Model(name)
    model.work[0].set_result(value)
    return model


@pytest.fixture
def begin() -> Callable[[Router], Routing]:
    """Starts to route a request."""
    return lambda router: router.begin(Request("openai_chat", "auto", HELLO))


class TestStep:
    def test_waits_for_the_work(self, begin: Callable[[Router], Routing]) -> None:
        """And goes on where it was when that is done."""
        hard = Model("hard")
        routing = begin(router_of(hard))

        assert routing.step() is None
        assert routing.work == hard.work
        hard.work[0].set_result(1.0)
        outcome = routing.step()
        assert outcome is not None
        assert outcome.decision.name == "hard"

    def test_may_wait_again(self, begin: Callable[[Router], Routing]) -> None:
        """For a signal that only turned out to matter afterwards."""
        hard, odd = Model("hard"), Model("odd")
        routing = begin(router_of(hard, odd))
        routing.step()
        hard.work[0].set_result(0.0)

        assert routing.step() is None
        assert routing.work == odd.work
        odd.work[0].set_result(1.0)
        outcome = routing.step()
        assert outcome is not None
        assert [(trace.rule, trace.effect) for trace in outcome.rules] == [("hard", "no match"), ("odd", "matched")]

    def test_does_not_wait_for_what_is_done(self, begin: Callable[[Router], Routing]) -> None:
        """As for a text that the model read before."""
        outcome = begin(router_of(done("hard", 0.9))).step()

        assert outcome is not None
        assert outcome.decision.name == "hard"

    def test_tells_the_work_its_deadline(self, begin: Callable[[Router], Routing]) -> None:
        """So that nobody reads what nobody waits for."""
        hard = Model("hard")
        before = time.perf_counter()
        begin(router_of(hard, deadline_ms=5000)).step()

        assert before + 5 <= hard.deadlines[0] <= time.perf_counter() + 5

    def test_prepares_what_the_same_rule_will_ask_for(self, begin: Callable[[Router], Routing]) -> None:
        """But nothing of the rules after it, which may not be reached."""
        hard, odd = Model("hard"), Model("odd")
        routing = begin(router_of(hard, odd))
        routing.step()

        assert (hard.prepared, odd.prepared) == (hard.deadlines, [])
        assert odd.deadlines == []

    @pytest.mark.parametrize(
        ("rules", "model", "prepared"),
        [
            pytest.param([REFUSE, "{name: odd, when: odd, route: large}"], "auto", True, id="behind a guard"),
            pytest.param(
                [REFUSE, REFUSE_BLUE, "{name: odd, when: odd, route: large}"], "auto", True, id="behind what lets it pass"
            ),
            pytest.param(
                [REFUSE, REFUSE_RED, "{name: odd, when: odd, route: large}"], "auto", False, id="behind what refuses it"
            ),
            pytest.param([REFUSE, ODD_IF_BLUE], "auto", False, id="does not apply"),
            pytest.param([REFUSE, ROUTE_RED, "{name: odd, when: odd, route: large}"], "auto", False, id="behind a route"),
            pytest.param([REFUSE, ROUTE_BLUE, "{name: odd, when: odd, route: large}"], "auto", True, id="behind no route of its"),
            pytest.param([REFUSE, ROUTE_RED, ODD_REFUSES], "large", True, id="behind a route where the caller chose the model"),
        ],
    )
    def test_prepares_what_guards_further_on_will_ask_for(self, rules: list[str], model: str, *, prepared: bool) -> None:
        """As far as they are likely to be asked: what waits for the first one's answer would come too late under load."""
        hard, odd = Model("hard"), Model("odd")
        routing = ruled(rules, hard, odd).begin(Request("openai_chat", model, HELLO))

        assert routing.step() is None
        assert bool(odd.prepared) == prepared
        assert odd.deadlines == []
        assert list(routing.signals) == []

    def test_what_cannot_be_prepared_is_told_when_it_is_asked_for(self, begin: Callable[[Router], Routing]) -> None:
        """The rule may be decided without it."""
        hard = Unready("hard")
        routing = begin(router_of(hard))

        assert routing.step() is None
        hard.work[0].set_result(1.0)
        outcome = routing.step()
        assert outcome is not None
        assert outcome.decision.name == "hard"


class TestUnknown:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            pytest.param(OverloadedError("full"), UnknownReason.OVERLOADED, id="overloaded"),
            pytest.param(LateError("late"), UnknownReason.DEADLINE, id="late"),
            pytest.param(StrangeError("strange"), UnknownReason.FAILED, id="strange"),
            pytest.param(ValueError("my secret prompt"), UnknownReason.FAILED, id="failed"),
        ],
    )
    @pytest.mark.parametrize(("on_unknown", "decision"), [("skip", "default"), ("match", "hard"), ("deny", "hard")])
    def test_work_that_failed_is_the_rules_to_judge(
        self, begin: Callable[[Router], Routing], error: Exception, reason: UnknownReason, on_unknown: str, decision: str
    ) -> None:
        """At once; and nothing of the error's text is kept."""
        hard = Model("hard", [failed(error)])
        outcome = begin(router_of(hard, on_unknown=on_unknown)).step()

        assert outcome is not None
        assert outcome.signals["hard"] == Unknown("hard", reason, type(error).__name__)
        assert (outcome.decision.name, outcome.decision.unknown) == (decision, ("hard",))

    def test_one_text_that_is_refused_decides_at_once(self, begin: Callable[[Router], Routing]) -> None:
        """Nobody waits for the others: without it the signal is unknown in any case."""
        hard = Model("hard", [Future(), failed(OverloadedError("full"))])
        outcome = begin(router_of(hard)).step()

        assert outcome is not None
        assert outcome.decision.unknown == ("hard",)

    def test_work_that_was_cancelled_has_failed(self, begin: Callable[[Router], Routing]) -> None:
        """Whoever did that."""
        hard = Model("hard")
        hard.work[0].cancel()
        outcome = begin(router_of(hard)).step()

        assert outcome is not None
        assert outcome.signals["hard"] == Unknown("hard", UnknownReason.FAILED, "CancelledError")

    def test_what_cannot_begin_has_failed(self, begin: Callable[[Router], Routing]) -> None:
        """As what cannot be extracted."""
        outcome = begin(router_of(Broken("hard"))).step()

        assert outcome is not None
        assert outcome.signals["hard"] == Unknown("hard", UnknownReason.FAILED, "ZeroDivisionError")


class TestGiveUp:
    def test_work_that_is_not_done_is_late(self, begin: Callable[[Router], Routing]) -> None:
        """Also that of a signal that nobody asked for before."""
        routing = begin(router_of(Model("hard"), Model("odd")))
        routing.step()
        outcome = routing.give_up()

        assert outcome.decision.unknown == ("hard", "odd")
        assert {result.reason for result in outcome.signals.values() if isinstance(result, Unknown)} == {UnknownReason.DEADLINE}

    def test_work_that_came_in_time_counts(self, begin: Callable[[Router], Routing]) -> None:
        """Even if nobody looked at it before the deadline."""
        hard = Model("hard")
        routing = begin(router_of(hard, deadline_ms=1))
        routing.step()
        hard.work[0].set_result(1.0)
        while routing.remaining_s():
            time.sleep(0.001)

        assert routing.give_up().decision.name == "hard"

    def test_work_that_another_signal_had_done_counts(self, begin: Callable[[Router], Routing]) -> None:
        """Signals share readings: one that is asked for late may find its own done."""
        routing = begin(router_of(Model("hard"), done("odd", 0.9), deadline_ms=1))
        routing.step()
        while routing.remaining_s():
            time.sleep(0.001)

        assert routing.give_up().decision.name == "odd"

    def test_the_deadline_is_told_when_it_is_over(self, begin: Callable[[Router], Routing]) -> None:
        """Whoever works starts nothing any more then; see the batcher."""
        odd = Model("odd")
        routing = begin(router_of(Model("hard"), odd, deadline_ms=1))
        routing.step()
        while routing.remaining_s():
            time.sleep(0.001)
        routing.give_up()

        assert odd.deadlines[0] < time.perf_counter()


class TestFinish:
    def test_waits(self, begin: Callable[[Router], Routing]) -> None:
        """In the caller's thread."""
        hard = Model("hard")
        threading.Timer(0.02, lambda: hard.work[0].set_result(1.0)).start()

        assert begin(router_of(hard)).finish().decision.name == "hard"

    def test_gives_up_at_the_deadline(self, begin: Callable[[Router], Routing]) -> None:
        """As serving does."""
        outcome = begin(router_of(Model("hard"), deadline_ms=5)).finish()

        assert outcome.signals["hard"] == Unknown("hard", UnknownReason.DEADLINE)

    def test_unhurried_it_has_all_the_time(self, begin: Callable[[Router], Routing]) -> None:
        """Offline, a slow machine changes nothing; the router itself keeps its deadline."""
        hard = Model("hard")
        router = router_of(hard, deadline_ms=5)
        threading.Timer(0.1, lambda: hard.work[0].set_result(1.0)).start()

        assert begin(router.unhurried()).finish().decision.name == "hard"
        assert router.deadline_s == pytest.approx(0.005)
