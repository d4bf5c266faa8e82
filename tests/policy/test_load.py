"""Loading policies: from text to what the router runs, and every way in which a text can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from router_extproc.encoders.heads import SPANS
from router_extproc.policy.compiled import Answer, Reject, Route
from router_extproc.policy.document import read
from router_extproc.policy.load import compile_policy, version_of
from router_extproc.policy.problems import PolicyError, Severity
from router_extproc.policy.schema import json_schema
from router_extproc.routing import ModelFacts, OnUnknown, Price
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from router_extproc.policy.load import CompileResult

ROOT = Path(__file__).parents[2]
HEAD = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen-small}
  large: {cluster: pool-large, model: qwen-large, reasoning: qwen, modalities: [text, image]}
default: small
"""

GUARDED = "version: 1\npools: {a: {cluster: a}}\ndefault: a\nrequests: {unreadableEncoding: reject}\n"


def compiled(text: str) -> CompileResult:
    """The policy of a text."""
    return compile_policy(text, source="p.yaml", services=SignalServices(), selectors=SELECTORS)


def problems(text: str) -> list[str]:
    """Every message of a text that is refused."""
    with pytest.raises(PolicyError) as caught:
        compiled(text)
    return [problem.message for problem in caught.value.problems]


class TestPolicy:
    def test_a_pool_tells_of_its_model(self) -> None:
        """Each key of `profile` and `energy` ends up in the pool."""
        told = "profile: {knownAs: qwen3-8b, parametersB: 8.2, scores: {mmlu: 0.7}}, energy: {input: 0.1, output: 0.4}"
        pool = compiled(f"version: 1\npools: {{small: {{cluster: s, {told}}}}}\ndefault: small\n").policy.pools["small"]

        assert pool.facts == ModelFacts("qwen3-8b", 8.2, {"mmlu": 0.7})
        assert pool.energy == Price(0.1, 0.4)

    def test_has_rules_in_file_order(self) -> None:
        """The order that one reads is the order that runs."""
        policy = compiled(
            HEAD
            + """\
decisions:
  - {name: a, when: stream, action: {reject: {status: 451, message: No.}}}
  - {name: b, when: images, action: {answer: {text: Hi.}}}
  - {name: c, when: tools, route: [large, small], action: {reasoningEffort: low}}
  - {name: d, when: files, action: {caps: {n: 1}}}
"""
        ).policy

        assert [rule.name for rule in policy.main.rules] == ["a", "b", "c", "d"]
        assert [type(rule.end) for rule in policy.main.rules] == [Reject, Answer, Route, type(None)]
        assert [rule.on_unknown for rule in policy.main.rules] == [OnUnknown.DENY, OnUnknown.SKIP, OnUnknown.SKIP, OnUnknown.SKIP]
        assert [rule.is_guard for rule in policy.main.rules] == [True, True, False, True]
        assert set(policy.extractors) == {"stream", "images", "tools", "files"}

    def test_its_version_is_its_contents(self) -> None:
        """A hash of the text: the same text anywhere has the same version."""
        assert compiled(HEAD).policy.version == version_of(HEAD) != version_of(HEAD + "\n")

    def test_version_is_of_the_files_too(self) -> None:
        """In their order: the text names them in one."""
        versions = [version_of(HEAD, sums) for sums in ((), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",))]

        assert len(set(versions)) == len(versions)
        assert {len(version) for version in versions} == {12}

    def test_recipes_begin_with_the_main_guards(self) -> None:
        """Choosing a recipe never sheds one."""
        policy = compiled(
            HEAD
            + """\
decisions:
  - {name: guard, when: images, action: {reject: {status: 403}}}
  - {name: route, when: stream, route: large}
recipes:
  cheap:
    virtualModels: [cheap]
    decisions:
      - {name: own, when: tools, route: small}
"""
        ).policy

        assert [rule.name for rule in policy.recipes["cheap"].rules] == ["guard", "own"]
        assert policy.recipes["cheap"].default == policy.main.default

    def test_all_settings_arrive(self) -> None:
        """Each key of the file ends up in the compiled settings."""
        settings_ = compiled(
            HEAD
            + """\
virtualModels: [best]
unknownModels: route
limits: {maxRequestBytes: 2MiB, maxDepth: 10, deadlineMs: 7, uploadTimeoutMs: 1000}
headers: {pool: X-P, model: x-m, decision: x-d, reason: x-r, decisionId: x-i, cache: X-C, strip: [X-Evil]}
identity: {userHeader: X-User, groupsHeader: x-groups, tenantHeader: x-tenant}
requests: {malformed: route, unreadableEncoding: reject, onError: route, pathPrefixes: [/openai], recipeHeader: x-recipe}
record: {responseHeaders: true, observe: true}
recipes: {r: {default: large}}
"""
        ).policy.settings

        assert settings_.virtual_models == {"best"}
        assert (settings_.limits.max_request_bytes, settings_.limits.max_depth) == (2 * 1024 * 1024, 10)
        assert (settings_.limits.deadline_ms, settings_.limits.upload_timeout_ms) == (7, 1000)
        assert settings_.headers.all() == {"x-p", "x-m", "x-d", "x-r", "x-i"}
        assert settings_.strip == {"x-evil"}
        assert (settings_.identity.user, settings_.identity.groups, settings_.identity.tenant) == (
            "x-user",
            "x-groups",
            "x-tenant",
        )
        told = (settings_.unknown_models, settings_.malformed, settings_.unreadable_encoding, settings_.on_error)
        assert told == ("route", "route", "reject", "route")
        assert (settings_.path_prefixes, settings_.recipe_header) == (("/openai",), "x-recipe")
        assert settings_.response_headers
        assert settings_.observe

    @pytest.mark.parametrize("name", ["envoy/policy.yaml", "router_extproc/bench/policy.yaml"])
    def test_the_shipped_ones_are_good(self, name: str) -> None:
        """Without so much as a warning."""
        assert compiled((ROOT / name).read_text()).warnings == ()


class TestProblems:
    @pytest.mark.parametrize(
        ("pool", "route", "place"),
        [
            pytest.param("price: {input: 1e308, output: 1}", "small", "3:38", id="price"),
            pytest.param("energy: {input: 1, output: 1e308}", "small", "3:50", id="energy"),
            pytest.param(
                "price: {input: 1, output: 1}",
                "{candidates: [small], session: {budget: {usd: 1e308}}}",
                "4:56",
                id="budget",
            ),
        ],
    )
    def test_figures_that_nobody_means_are_errors(self, pool: str, route: str, place: str) -> None:
        """Costs would not be finite, and what chooses by them would fail at each request."""
        with pytest.raises(PolicyError) as caught:
            compiled(f"version: 1\npools:\n  small: {{cluster: s, {pool}}}\ndefault: {route}\n")

        assert any(f"p.yaml:{place}: error: must be at most" in str(each) for each in caught.value.problems)

    def test_are_all_told_at_once(self) -> None:
        """An operator fixes a file once, not once for each mistake."""
        found = problems(
            HEAD.replace("default: small", "default: smal")
            + "decisions:\n  - {name: a, when: strem, route: larg}\nlimits: {maxDepth: 8}\n"
        )

        assert found == ["unknown pool 'smal'", "unknown signal 'strem'", "unknown pool 'larg'"]

    @pytest.mark.parametrize(
        ("requests", "place", "told"),
        [
            ("", 5, "whose content-encoding cannot be read"),
            ("requests: {malformed: route, unreadableEncoding: reject}\n", 4, "that cannot be parsed"),
            ("requests: {onError: route, unreadableEncoding: reject}\n", 4, "on which the router fails"),
        ],
    )
    def test_what_gets_past_a_guard_is_a_warning(self, requests: str, place: int, told: str) -> None:
        """Unread requests, wherever the policy lets them go on."""
        text = f"version: 1\npools: {{a: {{cluster: a}}}}\ndefault: a\n{requests}decisions:\n  - {{name: g, action: {{strip: {{}}}}}}\n"
        (warning,) = compiled(text).warnings
        assert told in warning.message
        assert warning.line == place

    @pytest.mark.parametrize(
        ("signals", "decision", "column"),
        [
            pytest.param("{type: jailbreak, reads: last_user}", "when: it, action: {reject: {status: 403}}", 32, id="reject"),
            pytest.param("{type: jailbreak, reads: last_user}", "when: {not: it}, action: {answer: {text: no}}", 32, id="answer"),
            pytest.param("{reads: last_user, type: jailbreak}", "action: {strip: {signal: it, texts: [user]}}", 15, id="strip"),
            pytest.param("{type: pii, reads: last_user}", "action: {pii: {signal: it, types: {EMAIL: mask}}}", 26, id="pii"),
        ],
    )
    def test_a_guard_that_can_be_got_past_is_a_warning(self, signals: str, decision: str, column: int) -> None:
        """Who wants to get past it says it in an earlier turn; the policy can be served."""
        text = f"{GUARDED}signals:\n  it: {signals}\ndecisions:\n  - {{name: g, {decision}}}\n"
        (warning,) = compiled(text).warnings

        assert (warning.severity, warning.line, warning.column) == (Severity.WARNING, 6, column)
        assert warning.message == "the decision 'g' can be got past: 'it' reads only what the user said last"
        assert warning.cure.startswith("write `reads: everything`")

    @pytest.mark.parametrize(
        ("it", "decision"),
        [
            pytest.param("{type: jailbreak}", "when: it, action: {reject: {status: 403}}", id="reads everything"),
            pytest.param("{type: jailbreak, reads: last_user}", "when: it, route: a", id="routes"),
            pytest.param("{type: jailbreak, reads: tool_results}", "action: {strip: {signal: it}}", id="reads what tools bring"),
            pytest.param("{type: keyword, any: [x]}", "when: it, action: {reject: {status: 403}}", id="another type"),
            pytest.param(
                "{type: jailbreak, reads: last_user}",
                "when: {any: [{signal: it, atLeast: 0.5}, {signal: jailbreak, atLeast: 0.9}]}, action: {reject: {status: 403}}",
                id="stricter with what was said last",
            ),
        ],
    )
    def test_a_guard_that_reads_enough_is_none(self, it: str, decision: str) -> None:
        """Nothing is told of what works as it is meant."""
        assert compiled(f"{GUARDED}signals:\n  it: {it}\ndecisions:\n  - {{name: g, {decision}}}\n").warnings == ()

    @pytest.mark.parametrize(
        "condition",
        [
            pytest.param("{signal: jailbreak, atLeast: 0.5, minCoverage: 1}", id="neural"),
            pytest.param("{signal: it, atLeast: 3, minCoverage: 0.5}", id="structure"),
            pytest.param("{signal: credential_flow, is: tool_result, minCoverage: 1}", id="secrets"),
            pytest.param("{signal: modality, in: [image, both], minCoverage: 1}", id="some labels"),
            pytest.param("{signal: modality, in: [text, image, both], atLeast: 0.6}", id="all labels with a confidence"),
            pytest.param(f"{{signal: pii, in: [{', '.join(SPANS)}]}}", id="all labels of a signal that may have none"),
        ],
    )
    def test_conditions_that_can_fail_are_taken(self, condition: str) -> None:
        """Coverage where text can be left out, and all labels where that is not certain."""
        text = f"{GUARDED}signals:\n  it: {{type: structure, count: words}}\ndecisions:\n  - {{name: g, when: {condition}, route: a}}\n"
        assert [each for each in compiled(text).warnings if "no decision uses" not in each.message] == []

    def test_trust_that_nobody_asks_for_is_a_warning(self) -> None:
        """It would do nothing."""
        (warning,) = compiled("version: 1\npools: {a: {cluster: a, trusted: true}}\ndefault: a\n").warnings
        assert "no decision keeps private data among trusted pools" in warning.message

    def test_unused_signals_are_warnings(self) -> None:
        """They cost nothing, so the policy can be served."""
        result = compiled(HEAD + "signals:\n  words: {type: keyword, any: [a]}\n")

        (warning,) = result.warnings
        assert warning.severity is Severity.WARNING
        assert "no decision uses the signal 'words'" in warning.message

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            pytest.param("decisions: [{name: a, when: {all: []}, route: large}]", "an empty `all` always holds", id="empty all"),
            pytest.param(
                "decisions: [{name: a, when: {any: [stream, stream]}, route: large}]", "stands here twice", id="part twice"
            ),
            pytest.param(
                "decisions: [{name: a, when: language, route: large}]", "'language' is a label: say which", id="bare label"
            ),
            pytest.param(
                "decisions: [{name: a, when: keyword, route: large}]", "unknown signal 'keyword'", id="type with options"
            ),
            pytest.param(
                "decisions: [{name: a, when: {signal: language, in: []}, route: large}]",
                "an empty `in` never holds",
                id="no label",
            ),
            pytest.param(
                "decisions: [{name: a, when: {signal: language, in: [en], atLeast: 2}, route: large}]",
                "a confidence is above 0 and at most 1",
                id="confidence",
            ),
            pytest.param(
                "decisions: [{name: a, when: {signal: language, in: [en], below: 1}, route: large}]",
                "'below' cannot stand beside labels",
                id="bound beside labels",
            ),
            pytest.param(
                "decisions: [{name: a, when: {signal: turns, is: many}, route: large}]", "'turns' has no labels", id="number is"
            ),
            pytest.param(
                "decisions: [{name: a, onUnknown: skip, route: large}]", "`onUnknown` has no effect", id="onUnknown alone"
            ),
            pytest.param("decisions: [{name: default, route: large}]", "is what the router calls", id="reserved name"),
            pytest.param(
                "decisions: [{name: a, when: stream, action: {reject: {status: 403}, caps: {n: 1}}}]",
                "its other actions have no effect",
                id="reject and caps",
            ),
            pytest.param("decisions: [{name: a, when: stream, action: {caps: {}}}]", "an empty `caps` does nothing", id="no cap"),
            pytest.param(
                "decisions: [{name: a, when: stream, action: {block: [model]}}]", "cannot be taken out", id="block model"
            ),
            pytest.param("decisions: [{name: a, when: stream, route: [large, large]}]", "stands here twice", id="pool twice"),
            pytest.param("recipes: {r: {virtualModels: [r]}}", "no different from the main policy", id="empty recipe"),
            pytest.param("requests: {recipeHeader: x-recipe}", "there are no recipes to choose", id="header without recipes"),
            pytest.param("headers: {pool: x-a, model: X-A}", "is already the name for 'pool'", id="one name twice"),
            pytest.param(
                "identity: {userHeader: x-u}\nheaders: {strip: [X-U]}", "is removed from every request", id="stripped identity"
            ),
            pytest.param("requests: {pathPrefixes: [openai]}", "does not begin with a slash", id="prefix"),
            pytest.param(
                "tests: [{name: t, prompt: a, request: {body: {}}, expect: {pool: small}}]", "either `prompt` or", id="test both"
            ),
            pytest.param("tests: [{name: t, prompt: a, expect: {decision: x}}]", "there is no decision 'x'", id="test decision"),
            pytest.param("tests: [{name: t, prompt: a, expect: {signals: {turns: 1}}}]", "no decision uses", id="test signal"),
        ],
    )
    def test_of_each_kind(self, more: str, message: str) -> None:
        """What cannot work, or would do nothing, is an error."""
        found = problems(HEAD + more + "\n")

        assert any(message in each for each in found), found

    @given(text=st.text(max_size=200))
    @settings(max_examples=200)
    def test_any_text_is_a_policy_or_a_refusal(self, text: str) -> None:
        """Never another exception."""
        with pytest.raises(PolicyError):
            compiled(text)

    @given(
        line=st.integers(0, 45),
        insert=st.sampled_from(
            ["", "  ", "- ", "x: ", "{", "]", "&a ", "*a", "!!str ", "\t", "'", "? ", "null", "[]", "9" * 30, "\ud800"]
        ),
    )
    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_any_damage_is_a_policy_or_a_refusal(self, line: int, insert: str) -> None:
        """One line of a good policy gets something at its beginning."""
        lines = (ROOT / "router_extproc/bench/policy.yaml").read_text().splitlines()
        lines.insert(line, insert + lines[line % len(lines)])
        try:
            compiled("\n".join(lines))
        except PolicyError as error:
            found = error.problems
        else:
            return
        assert all(problem.line >= 1 and problem.column >= 1 for problem in found)


def accepts(value: Any) -> bool:
    """Whether the published schema takes a policy."""
    return bool(Draft202012Validator(json_schema(EXTRACTORS, SELECTORS)).is_valid(value))


class TestSchema:
    def test_is_the_published_one(self) -> None:
        """`router-extproc schema > docs/policy.schema.json` writes it anew."""
        schema = json_schema(EXTRACTORS, SELECTORS)
        Draft202012Validator.check_schema(schema)

        assert json.loads((ROOT / "docs/policy.schema.json").read_text()) == schema

    @pytest.mark.parametrize("name", ["envoy/policy.yaml", "router_extproc/bench/policy.yaml"])
    def test_takes_the_shipped_policies(self, name: str) -> None:
        """An editor that checks by it shows no error in them."""
        assert accepts(read((ROOT / name).read_text(), source=name).value)

    def test_has_the_options_of_each_signal(self) -> None:
        """So that an editor completes them, and marks what is none of them."""
        good = {
            "version": 1,
            "pools": {"a": {"cluster": "a"}},
            "default": "a",
            "signals": {"w": {"type": "keyword", "any": ["x"]}},
        }

        assert accepts(good)
        assert not accepts({**good, "signals": {"w": {"type": "keyword", "anny": ["x"]}}})
        assert not accepts({**good, "signals": {"w": {"type": "keywrd", "any": ["x"]}}})
