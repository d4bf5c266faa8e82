"""Replay: decisions made again from a log, and what is made of the difference."""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.evaluation.past import read
from router_extproc.evaluation.redecide import Fresh, Redecide
from router_extproc.evaluation.replay import Replay, Verdict, Weighing, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router

    Make = Callable[[str], Router]

POOLS = """\
version: 1
pools:
  small: {cluster: s, model: m-s, price: {input: 1, output: 1}, contextWindow: 1000, tools: false}
  large: {cluster: l, model: m-l, price: {input: 10, output: 10}, aliases: [big]}
  safe: {cluster: t, model: m-t, trusted: true, modalities: [text, image]}
"""
HARD = "signals: {hard: {type: reask}}\n"
WORDS = "signals: {words: {type: keyword, any: [urgent]}}\n"
DOMAIN = "signals: {domain: {type: parameter, parameter: topic}}\n"
ALL = """\
signals:
  hard: {type: reask}
  words: {type: keyword, any: [urgent]}
  domain: {type: parameter, parameter: topic}
"""


def line(identity: str = "a-1", **more: Any) -> dict[str, Any]:
    """A decision as it is logged."""
    base = {"event": "decision", "id": identity, "verdict": "route", "decision": "default", "reason": "default", "policy": "p1"}
    return {
        **base,
        "api": "openai_chat",
        "body_bytes": 400,
        "requested_model": "auto",
        "pool": "small",
        "selector": "first",
        **more,
    }


def lines(*rows: dict[str, Any]) -> list[bytes]:
    """A log."""
    return [json.dumps(row).encode() for row in rows]


def again(make: Make, policy: str, **more: Any) -> Fresh:
    """What a policy makes of one logged decision."""
    (past,) = read(lines(line(**more))).decisions.values()
    return Redecide(make(POOLS + policy))(past)


class TestReading:
    def test_joins_what_belongs_together(self) -> None:
        """Responses and feedback go to their decision; later feedback goes before, implicit one is none."""
        rows = lines(
            line("a-1"),
            {"event": "observation", "id": "a-1", "input_tokens": 50, "output_tokens": 7},
            {"event": "feedback", "id": "a-1", "kind": "score", "reward": 0.5},
            {"event": "feedback", "id": "a-1", "kind": "error", "reward": 0.0},
            {"event": "feedback", "id": "b-9", "kind": "score", "reward": 0.5},
            {"event": "answer", "id": "a-1"},
        )
        log = read([*rows, b"not json", b'{"event": 5}'], lines({"id": "a-1", "label": "success"}))

        (past,) = log.decisions.values()
        assert (past.prompt_tokens, past.output_tokens(500), past.reward) == (50, 7, 1.0)
        assert (log.unread, log.strangers) == (2, 1)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"propensity": -3.0}, id="chance below 0"),
            pytest.param({"propensity": 1.5}, id="chance above 1"),
            pytest.param({"scores": {"small": 1e308}}, id="score"),
            pytest.param({"body_bytes": 10**18}, id="size"),
        ],
    )
    def test_figures_that_cannot_be_are_none_of_the_logs(self, change: dict[str, Any]) -> None:
        """A damaged or made-up line must not weigh more than all others."""
        log = read(lines(line("a-1", **change), line("a-2")))

        assert (list(log.decisions), log.unread) == (["a-2"], 1)

    @pytest.mark.parametrize("said", [{"score": 87}, {"score": -1}, {"label": "splendid"}, {}])
    def test_feedback_of_another_scale_is_not_bent_to_ours(self, said: dict[str, Any]) -> None:
        """It is counted as unread: a file of 0 to 100 would make everything good."""
        log = read(lines(line("a-1")), lines({"id": "a-1", **said}))

        (past,) = log.decisions.values()
        assert (past.reward, log.unread) == (None, 1)

    def test_what_is_too_much_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Decisions beyond the bound are not read, and not passed over in silence."""
        monkeypatch.setattr("router_extproc.evaluation.past.MAX_DECISIONS", 1)
        log = read(lines(line("a-1"), line("a-2")))

        assert (len(log.decisions), log.unread) == (1, 1)

    def test_estimates_what_was_not_observed(self) -> None:
        """By a signal, or by the body; the caller's limit bounds the answer."""
        (by_signal,) = read(lines(line(signals={"context_tokens": 77.0}, max_output_tokens=20))).decisions.values()
        (by_body,) = read(lines(line())).decisions.values()

        assert (by_signal.prompt_tokens, by_signal.output_tokens(500)) == (77, 20)
        assert (by_body.prompt_tokens, by_body.output_tokens(500)) == (100, 500)


class TestRules:
    @pytest.mark.parametrize(
        ("signals", "expected"),
        [
            pytest.param({"hard": 0.9}, Fresh("route", "hard", {"large": 1.0}), id="holds"),
            pytest.param({"hard": 0.1}, Fresh("route", "default", {"small": 1.0}), id="does not"),
            pytest.param({}, Fresh("", unknown="hard"), id="was not logged"),
            pytest.param({"hard": {"unknown": "deadline"}}, Fresh("route", "default", {"small": 1.0}), id="was unknown"),
            pytest.param({"hard": "a label"}, Fresh("route", "default", {"small": 1.0}), id="was something else"),
        ],
    )
    def test_are_asked_what_was_logged(self, make_router: Make, signals: dict[str, Any], expected: Fresh) -> None:
        """In three-valued logic; what is missing is not guessed."""
        policy = HARD + "decisions: [{name: hard, when: {signal: hard, atLeast: 0.5}, route: large}]\ndefault: small\n"

        assert again(make_router, policy, signals=signals) == expected

    def test_a_missing_signal_that_does_not_matter(self, make_router: Make) -> None:
        """False and unknown is false; a rule that only modifies changes no route."""
        policy = ALL + (
            "decisions:\n"
            "- {name: note, when: words, action: {caps: {n: 1}}}\n"
            "- {name: both, when: {all: [words, {signal: hard, atLeast: 0.5}]}, route: large}\n"
            "- {name: math, when: {signal: domain, is: math}, route: safe}\n"
            "default: small\n"
        )

        found = again(make_router, policy, signals={"hard": 0.2, "domain": "math"})

        assert found == Fresh("route", "math", {"safe": 1.0})

    @pytest.mark.parametrize(("on_unknown", "expected"), [("skip", "default"), ("match", "it"), ("deny", "it")])
    def test_unknown_means_what_the_rule_says(self, make_router: Make, on_unknown: str, expected: str) -> None:
        """As it did when it was served."""
        rule = f"- {{name: it, when: {{signal: domain, is: math}}, route: large, onUnknown: {on_unknown}}}"
        found = again(make_router, f"{DOMAIN}decisions:\n{rule}\ndefault: small\n", signals={"domain": {"unknown": "failed"}})

        assert found.decision == expected
        assert found.verdict == ("reject" if on_unknown == "deny" else "route")

    def test_labels_have_their_confidence(self, make_router: Make) -> None:
        """Where it was logged."""
        policy = (
            DOMAIN + "decisions: [{name: sure, when: {signal: domain, is: math, atLeast: 0.8}, route: large}]\ndefault: small\n"
        )

        told = [
            again(make_router, policy, signals={"domain": "math"}, confidence=each).decision for each in ({}, {"domain": 0.7})
        ]

        assert told == ["sure", "default"]

    def test_ends_that_are_no_routes(self, make_router: Make) -> None:
        """Rejections and answers."""
        policy = ALL.replace("  hard: {type: reask}\n", "") + (
            "decisions:\n- {name: no, when: words, action: {reject: {status: 403, message: No.}}}\n"
            "- {name: hello, when: {signal: domain, is: hi}, action: {answer: {text: Hi.}}}\ndefault: small\n"
        )

        assert again(make_router, policy, signals={"words": 1.0}).verdict == "reject"
        assert again(make_router, policy, signals={"words": 0.0, "domain": "hi"}).verdict == "answer"

    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            ("large", Fresh("route", "explicit-model", {"large": 1.0})),
            ("big", Fresh("route", "explicit-model", {"large": 1.0})),
            ("gone", Fresh("reject", "explicit-model")),
        ],
    )
    def test_explicit_models(self, make_router: Make, model: str, expected: Fresh) -> None:
        """As the new policy's pools call them."""
        assert again(make_router, "default: small\n", requested_model=model) == expected


class TestSelectors:
    def test_filters_are_the_new_policys(self, make_router: Make) -> None:
        """By what the request asks of a model."""
        policy = "default: {candidates: [small, large, safe]}\n"

        assert again(make_router, policy).shares == {"small": 1.0, "large": 0.0, "safe": 0.0}
        assert again(make_router, policy, tools=1).shares == {"large": 1.0, "safe": 0.0}
        assert again(make_router, policy, body_bytes=8000).shares == {"large": 1.0, "safe": 0.0}
        assert again(make_router, policy, modalities=["image"]).shares == {"safe": 1.0}
        assert again(make_router, policy, modalities=["audio"]).verdict == "reject"

    def test_shares_of_chance(self, make_router: Make) -> None:
        """A split is not drawn again."""
        policy = "default: {candidates: [{pool: small, weight: 1}, {pool: large, weight: 3}]}\n"

        assert again(make_router, policy).shares == {"small": 0.25, "large": 0.75}

    def test_cheapest(self, make_router: Make) -> None:
        """By prices and tokens."""
        assert again(make_router, "default: {candidates: [large, small], select: cheapest-sufficient}\n").shares["small"] == 1.0

    @pytest.mark.parametrize("kind", ["lowest-latency", "{type: bandit, implicit: {feedback: 0}, dimension: 0}"])
    def test_what_learns_while_it_serves(self, make_router: Make, kind: str) -> None:
        """Is as it was among the same pools, and not known otherwise."""
        policy = f"default: {{candidates: [small, large], select: {kind}}}\n"
        name = "bandit" if "bandit" in kind else kind

        same = again(make_router, policy, selector=name, scores={"small": 0.5, "large": 0.4}, propensity=0.7)
        other = again(make_router, policy, selector="first", scores={"small": 0.5, "large": 0.4})

        assert (same.shares, same.as_logged) == ({"small": 1.0}, True)
        assert other.unknown == f"select: {name}"

    def test_private_data_stays_among_trusted_pools(self, make_router: Make) -> None:
        """By the types that were found."""
        policy = (
            "signals: {mails: {type: pii, types: [EMAIL, IBAN, URL]}}\n"
            "decisions:\n- {name: keep, action: {pii: {signal: mails, types: {IBAN: trusted, EMAIL: reject}}}}\n"
            "default: [small, safe]\n"
        )

        assert again(make_router, policy).shares == {"small": 1.0, "safe": 0.0}
        assert again(make_router, policy, private={"IBAN": "mask"}).shares == {"safe": 1.0}
        assert again(make_router, policy, private={"EMAIL": "mask"}).verdict == "reject"


def logs(rows: int, *, good: dict[str, float], share: float = 0.5, seed: int = 3) -> list[bytes]:
    """A split between small and large, and scores by how good each is."""
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for index in range(rows):
        pool = "large" if rng.random() < share else "small"
        chance = share if pool == "large" else 1 - share
        found.append(
            line(f"a-{index}", pool=pool, selector="weighted", scores={"small": 1 - share, "large": share}, propensity=chance)
        )
        reward = float(rng.random() < good[pool])
        found.append({"event": "feedback", "id": f"a-{index}", "kind": "score", "reward": reward})
    return lines(*found)


class TestReplay:
    def run(self, make: Make, policy: str, log: list[bytes], **weighing: Any) -> Replay:
        """What comes of it."""
        return replay(read(log), make(POOLS + policy), Weighing(**weighing))

    def test_tells_who_moves_and_what_it_costs(self, make_router: Make) -> None:
        """With examples, by the new policy's prices."""
        log = [
            *logs(40, good={"small": 0.5, "large": 0.5}),
            *lines(line("x-1", reason="rate_limited", verdict="reject", pool="")),
        ]

        found = self.run(make_router, "default: large\n", log)

        (move,) = found.moves
        assert (move.before, move.after, found.decisions, found.left_out) == ("small", "large", 40, {"rate_limited": 1})
        assert move.share + found.stay == pytest.approx(1.0)
        assert len(move.examples) == 3
        assert found.costs is not None
        assert found.costs.after == pytest.approx(1000 * 600 * 10 / 1e6)
        assert found.costs.before < found.costs.after
        assert "NaN" not in json.dumps(found.to_dict(), allow_nan=False)

    def test_tells_policies_apart(self, make_router: Make) -> None:
        """A canary beside the first: decisions, feedback and cost of each."""
        log = logs(100, good={"small": 0.2, "large": 0.9})
        rows = [json.loads(each) for each in log]
        rows = [
            {**row, "policy": "canary" if row["pool"] == "large" else "main"} if row["event"] == "decision" else row
            for row in rows
        ]

        found = self.run(make_router, "default: large\n", lines(*rows)).policies

        assert {version: did.decisions == did.rated for version, did in found.items()} == {"main": True, "canary": True}
        assert found["canary"].reward is not None
        assert found["canary"].reward.low > found["main"].reward.high  # type: ignore[union-attr]  # it has feedback
        assert found["canary"].cost == pytest.approx(10 * (found["main"].cost or 0))

    @pytest.mark.parametrize(
        ("good", "weighing", "verdict"),
        [
            pytest.param({"small": 0.3, "large": 0.8}, {}, Verdict.PROMOTE, id="better"),
            pytest.param({"small": 0.6, "large": 0.6}, {}, Verdict.KEEP, id="the same"),
            pytest.param({"small": 0.3, "large": 0.8}, {"cost_weight": 1.0}, Verdict.KEEP, id="better, but too dear"),
        ],
    )
    def test_promotes_only_what_is_better(
        self, make_router: Make, good: dict[str, float], weighing: dict[str, float], verdict: Verdict
    ) -> None:
        """By the lower bound."""
        found = self.run(make_router, "default: large\n", logs(400, good=good), **weighing)

        assert found.verdict is verdict
        assert found.values is not None
        if not weighing:
            assert found.values.doubly_robust.holds(good["large"])

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"propensity": 1e-320}, id="a chance of nothing"),
            pytest.param({"signals": {"context_tokens": 1e308}}, id="a signal without bounds"),
            pytest.param({"max_output_tokens": -(10**18)}, id="a limit below 0"),
        ],
    )
    def test_one_odd_line_changes_nothing(self, make_router: Make, change: dict[str, Any]) -> None:
        """Not the verdict, and every figure stays one."""
        log = logs(400, good={"small": 0.3, "large": 0.8})
        log[0] = json.dumps({**json.loads(log[0]), **change}).encode()
        found = self.run(make_router, "default: large\n", log)

        assert found.verdict is Verdict.PROMOTE
        assert found.values is not None
        assert all(math.isfinite(each) for each in asdict(found.values.gain).values())
        assert found.costs is not None
        assert found.costs.before >= 0

    def test_the_same_policy_is_kept(self, make_router: Make) -> None:
        """Nothing moves, nothing is gained."""
        found = self.run(
            make_router, "default: {candidates: [small, large], select: weighted}\n", logs(400, good={"small": 0.3, "large": 0.8})
        )

        assert found.verdict is Verdict.KEEP
        assert found.values is not None
        assert found.values.gain.holds(0.0)
        assert found.values.effective == pytest.approx(400)

    @pytest.mark.parametrize(
        ("policy", "rows", "change", "why"),
        [
            pytest.param("default: large\n", 10, {}, "have feedback", id="little feedback"),
            pytest.param("default: safe\n", 100, {}, "the log never made", id="where nothing went"),
            pytest.param(
                "default: large\n", 100, {"propensity": 1.0, "pool": "small"}, "the log never made", id="nothing left to chance"
            ),
            pytest.param(
                WORDS + "decisions: [{name: u, when: words, route: large}]\ndefault: small\n", 100, {}, "the log", id="signals"
            ),
        ],
    )
    def test_cannot_tell(self, make_router: Make, policy: str, rows: int, change: dict[str, Any], why: str) -> None:
        """And says why."""
        log = logs(rows, good={"small": 0.1, "large": 0.9})
        rewritten = [json.loads(each) for each in log]
        changed = [{**each, **change} if each["event"] == "decision" else each for each in rewritten]

        found = self.run(make_router, policy, lines(*changed))

        assert found.verdict is Verdict.CANNOT_TELL
        assert why in found.why
