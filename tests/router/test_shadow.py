"""Shadow selectors: asked, told, and never followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from router_extproc.config.offline import decide, explain
from router_extproc.policy.problems import PolicyError
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router_extproc.router import Router
    from router_extproc.routing import Candidate, Outcome, Selection
    from router_extproc.selectors.selector import Choice

    Make = Callable[[str], Router]

POLICY = """\
version: 1
pools:
  small: {cluster: s, price: {input: 1, output: 1}}
  large: {cluster: l, price: {input: 2, output: 2}}
  silent: {cluster: t, tools: false}
default: {candidates: [large, small], shadow: SHADOW}
"""


def decided(router: Router) -> Outcome:
    """What becomes of a request."""
    return decide(
        router, path="/v1/chat/completions", headers={}, body=b'{"model":"auto","messages":[{"role":"user","content":"hello"}]}'
    )


class TestShadows:
    def test_are_told_and_not_followed(self, make_router: Make) -> None:
        """Each under its own name."""
        router = make_router(
            POLICY.replace("SHADOW", "[cheapest-sufficient, first, {type: cheapest-sufficient, expectedOutputTokens: 1}]")
        )
        selection = decided(router).selection

        assert selection is not None
        assert selection.pool.name == "large"
        assert dict(selection.shadows) == {"cheapest-sufficient": "small", "first": "large", "cheapest-sufficient-2": "small"}
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hello"}]}).encode()
        assert explain(router, path="/v1/chat/completions", headers={}, body=body).to_dict()["shadows"] == dict(selection.shadows)

    def test_one_that_fails_changes_nothing(self, make_router: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is told as failed."""
        real = Profile.select

        def failing(self: Profile, candidates: Sequence[Candidate], choice: Choice) -> tuple[Selection | None, Mapping[str, str]]:
            if self.name == "cheapest-sufficient":
                raise ZeroDivisionError
            return real(self, candidates, choice)

        monkeypatch.setattr(Profile, "select", failing)
        selection = decided(make_router(POLICY.replace("SHADOW", "[cheapest-sufficient]"))).selection

        assert selection is not None
        assert (selection.pool.name, dict(selection.shadows)) == ("large", {"cheapest-sufficient": "!"})

    def test_one_that_observes_has_responses_observed(self, make_router: Make) -> None:
        """Or it would compare nothing."""
        assert not decided(make_router(POLICY.replace("SHADOW", "[first]"))).observe
        assert decided(make_router(POLICY.replace("SHADOW", "[lowest-latency]"))).observe

    @pytest.mark.parametrize(
        ("shadow", "text"),
        [
            ("[cheapes]", "unknown selector 'cheapes'"),
            ("[{type: first, share: 1}]", "unknown key 'share'"),
            ("[first, first, first, first, first]", "at most 4"),
            ("first", "expected a list"),
            ("[{type: bandit, dimension: 0, costWeight: 1, energyWeight: 1}]", "no candidate states its energy"),
        ],
    )
    def test_a_wrong_one_is_told_with_its_place(self, make_router: Make, shadow: str, text: str) -> None:
        """As a wrong selector is."""
        with pytest.raises(Exception, match=text) as caught:
            make_router(POLICY.replace("SHADOW", shadow))

        if isinstance(caught.value, PolicyError):
            assert "default.shadow" in str(caught.value)
        else:
            assert caught.value.path[:3] == ("default", "shadow", 0)  # type: ignore[attr-defined]  # a SpecError: the loader places it

    def test_beside_one_candidate_there_is_nothing_to_compare(self, make_router: Make) -> None:
        """That is told."""
        with pytest.raises(PolicyError, match="only one candidate"):
            make_router(POLICY.replace("[large, small], shadow: SHADOW", "[large], shadow: [first, cheapes]"))
