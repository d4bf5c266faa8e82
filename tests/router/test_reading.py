"""Selectors that read: what becomes of a request while the encoder reads it for them, and when it cannot."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING

import pytest
from quality_file import write_quality

from router_extproc.config.loader import load
from router_extproc.encoders.models import Models
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.router import Router

POLICY = """\
version: 1
pools:
  small: {cluster: s, model: small-model, price: {input: 1, output: 1}}
  large: {cluster: l, model: big, price: {input: 10, output: 10}, profile: {knownAs: large-model}}
default: {candidates: [small, large], select: {type: cheapest-sufficient, quality: q.quality, target: 0.6}}
"""
SHARED = (
    POLICY
    + """\
signals: {hard: {type: difficulty}}
decisions: [{name: worded, when: {signal: hard, atLeast: 0.9}, route: small}]
"""
)
VALUED = (
    POLICY
    + """\
signals: {turns: {type: turns}}
decisions:
  - name: valued
    when: {signal: turns, atLeast: 1}
    route: {candidates: [small, large], select: {type: best-value, quality: q.quality, costWeight: 0.001}}
"""
)
EASY, HARD = "tell me about the weather", "prove algebra to me"


@pytest.fixture(scope="module")
def quality(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """The file of a quality model for the tiny bundle."""
    return write_quality(tmp_path_factory.mktemp("quality") / "q.quality", tiny_bundle)


def router_of(folder: Path, bundle: Path, quality: Path | None, text: str = POLICY) -> Router:
    """A router of that policy, loaded as `serve` does."""
    (folder / "policy.yaml").write_text(text)
    if quality is not None:
        (folder / "q.quality").write_bytes(quality.read_bytes())
    services = SignalServices(models=Models(folder=bundle))
    return load(folder / "policy.yaml", services=services, stats=PoolStats()).router


def asked(text: str) -> Request:
    """One user turn."""
    return Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, text),)),))


class TestReading:
    @pytest.mark.parametrize(("text", "pool"), [(EASY, "small"), (HARD, "large")])
    def test_decides_who_is_good_enough(self, tmp_path: Path, tiny_bundle: Path, quality: Path, text: str, pool: str) -> None:
        """And the outcome says how good each was thought to be."""
        outcome = router_of(tmp_path, tiny_bundle, quality).unhurried().route(asked(text))

        assert outcome.selection is not None
        assert outcome.selection.pool.name == pool
        assert set(outcome.selection.quality) == {"small", "large"}
        assert (outcome.selection.quality["small"] > 0.6) is (pool == "small")
        assert not outcome.selection.notes

    def test_is_waited_for_without_blocking(self, tmp_path: Path, tiny_bundle: Path, quality: Path) -> None:
        """A step ends at once; the next one, when the work is done, goes on from there."""
        routing = router_of(tmp_path, tiny_bundle, quality).unhurried().begin(asked(HARD))

        assert routing.step() is None
        assert routing.work
        wait(routing.work)
        outcome = routing.step()

        assert outcome is not None
        assert outcome.selection is not None
        assert outcome.selection.pool.name == "large"

    def test_leaves_one_trace_of_a_rule(self, tmp_path: Path, tiny_bundle: Path, quality: Path) -> None:
        """However often the walk comes back to it."""
        routing = router_of(tmp_path, tiny_bundle, quality, VALUED).unhurried().begin(asked(HARD))

        assert routing.step() is None
        wait(routing.work)
        outcome = routing.step()

        assert outcome is not None
        assert [(trace.rule, trace.effect) for trace in outcome.rules] == [("valued", "matched")]
        assert outcome.selection is not None
        assert outcome.selection.selector == "best-value"

    def test_that_is_late_leaves_the_choice_to_what_is_best_for_anything(
        self, tmp_path: Path, tiny_bundle: Path, quality: Path
    ) -> None:
        """And says so."""
        routing = router_of(tmp_path, tiny_bundle, quality).begin(asked(EASY))

        outcome = routing.give_up()

        assert outcome.selection is not None
        assert outcome.selection.pool.name == "large"
        assert outcome.selection.notes == ("unread: deadline",)

    def test_of_nothing_is_told(self, tmp_path: Path, tiny_bundle: Path, quality: Path) -> None:
        """A request without text is judged as nothing in particular."""
        outcome = router_of(tmp_path, tiny_bundle, quality).route(Request("openai_chat", "auto", ()))

        assert outcome.selection is not None
        assert outcome.selection.notes == ("unread: no_text",)

    def test_is_shared_with_the_signals(self, tmp_path: Path, tiny_bundle: Path, quality: Path) -> None:
        """The text is read once for both."""
        router = router_of(tmp_path, tiny_bundle, quality, SHARED).unhurried()
        request = asked(EASY)

        router.route(request)

        assert sum(key[0] == "reading" for key in request.memo if isinstance(key, tuple)) == 1


class TestFile:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            pytest.param(None, "No such file", id="missing"),
            pytest.param(b"nothing", "q.quality", id="damaged"),
        ],
    )
    def test_that_cannot_be_used_is_an_error_at_its_place(
        self, tmp_path: Path, tiny_bundle: Path, content: bytes | None, message: str
    ) -> None:
        """With line and column, as any other mistake."""
        if content is not None:
            (tmp_path / "q.quality").write_bytes(content)

        with pytest.raises(PolicyError) as caught:
            router_of(tmp_path, tiny_bundle, None)

        (problem,) = caught.value.problems
        assert (problem.line, problem.column) == (5, 84)
        assert message in problem.message

    def test_for_another_encoder_is_refused(self, tmp_path: Path, tiny_bundle: Path, quality: Path) -> None:
        """Its figures would mean nothing."""
        (tmp_path / "q.quality").write_bytes(quality.read_bytes())
        (tmp_path / "policy.yaml").write_text(POLICY)

        with pytest.raises(PolicyError, match="another model bundle"):
            load(tmp_path / "policy.yaml", services=SignalServices(), stats=PoolStats())

        assert tiny_bundle.is_dir()
