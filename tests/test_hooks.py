"""Hooks: observers that cannot hurt what they observe."""

from router_extproc.hooks import AnswerDetails, Hooks, ReloadDetails, RouteDetails
from router_extproc.routing import Decision, Observation, Outcome, Reason, Verdict

ROUTED = RouteDetails(
    outcome=Outcome("1", Verdict.ROUTE, Decision("default", Reason.DEFAULT)),
    request=None,
    api="openai_chat",
    body_mode="buffered",
    body_bytes=10,
    added_ms=1.0,
)
OBSERVED = Observation("1", "small", "m", 200)
ANSWERED = AnswerDetails("1", "small", {"IBAN": 1}, "changed")
RELOADED = ReloadDetails(ok=True, version="abc", source="policy.yaml", trigger="start")


class Recorder:
    """A hook that keeps what it was told."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def routed(self, details: RouteDetails, /) -> None:
        self.seen.append(details)

    def observed(self, observation: Observation, /) -> None:
        self.seen.append(observation)

    def answered(self, details: AnswerDetails, /) -> None:
        self.seen.append(details)

    def reloaded(self, details: ReloadDetails, /) -> None:
        self.seen.append(details)


class Broken:
    """A hook that always raises."""

    def routed(self, details: RouteDetails, /) -> None:
        raise RuntimeError(details)

    def observed(self, observation: Observation, /) -> None:
        raise RuntimeError(observation)

    def answered(self, details: AnswerDetails, /) -> None:
        raise RuntimeError(details)

    def reloaded(self, details: ReloadDetails, /) -> None:
        raise RuntimeError(details)


def _tell(hooks: Hooks) -> None:
    hooks.routed(ROUTED)
    hooks.observed(OBSERVED)
    hooks.answered(ANSWERED)
    hooks.reloaded(RELOADED)


class TestHooks:
    def test_every_hook_is_told(self) -> None:
        """What happened reaches all hooks, in order."""
        first, second = Recorder(), Recorder()

        _tell(Hooks([first, second]))

        assert first.seen == second.seen == [ROUTED, OBSERVED, ANSWERED, RELOADED]

    def test_a_broken_hook_is_counted_and_hurts_nobody(self) -> None:
        """The hooks after a broken one are still told."""
        recorder = Recorder()
        hooks = Hooks([Broken(), recorder])

        _tell(hooks)

        assert recorder.seen == [ROUTED, OBSERVED, ANSWERED, RELOADED]
        assert hooks.failures == 4
