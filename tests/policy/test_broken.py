"""Deliberately broken policies: each error names file:line:column and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from router_extproc.config.loader import load
from router_extproc.encoders.heads import SPANS
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

BROKEN = Path(__file__).parent / "broken"

EXPECTED = {
    "all_labels": (
        7,
        23,
        "the condition always holds: 'modality' always has one of these labels",
        "leave some out, ask for a confidence with atLeast, or remove the condition",
    ),
    "all_languages": (
        9,
        27,
        "the condition always holds: 'tongue' always has one of these labels",
        "leave some out, ask for a confidence with atLeast, or remove the condition",
    ),
    "coverage_of_a_label": (7, 54, "`minCoverage` has no effect: 'language' leaves no text out", "remove it"),
    "coverage_of_a_name": (7, 41, "`minCoverage` has no effect: 'tools' leaves no text out", "remove it"),
    "coverage_of_all": (7, 52, "`minCoverage` has no effect: 'turns' leaves no text out", "remove it"),
    "guard_texts_of_one": (
        7,
        57,
        "`maxTexts` has no effect: what the user said last is one text",
        "remove it, or write `reads: everything`",
    ),
    "pii_texts_of_one": (
        7,
        50,
        "`maxTexts` has no effect: what the user said last is one text",
        "remove it, or write `reads: everything`",
    ),
    "pii_type_twice": (7, 37, "the type 'EMAIL' stands here twice", "remove one of them"),
    "pii_windows_without_model": (
        7,
        57,
        "`maxWindows` has no effect: patterns alone find these types, and they read all of a text",
        "remove it",
    ),
    "strip_texts_twice": (6, 46, "'user' stands here twice", "remove one of them"),
    "always_holds": (8, 11, "the condition always holds: 'turns' is never below 0", "change the bound, or remove the condition"),
    "bad_pattern": (11, 9, "RE2 refuses the pattern: failed to add 'a(b' to Set", "see github.com/google/re2/wiki/Syntax"),
    "bad_size": (6, 27, "unknown unit 'megabytes'", "write B, KB, KiB, MB, MiB, GB or GiB: 10MiB"),
    "canary_in_clear": (7, 44, "not a SHA-256", "write 64 hexadecimal digits in small letters: printf %s TOKEN | sha256sum"),
    "condition_list": (8, 11, "a condition cannot be a list", "say how its parts go together: {all: [...]} or {any: [...]}"),
    "duplicate_key": (7, 1, "the key 'limits' is already there, in line 6", "remove one of them"),
    "duplicate_name": (8, 12, "the decision 'a' is already there, in line 7", "give it another name"),
    "effort_nowhere": (
        10,
        31,
        "no pool that this decision can reach says how its models take reasoning effort",
        "set `reasoning` at the pool: openai, anthropic, qwen, deepseek or gpt-oss",
    ),
    "flag_compared": (8, 28, "'stream' is there or not: it cannot be compared", "write stream alone, or {not: stream}"),
    "identity_unset": (
        8,
        20,
        "the signal 'group' never has a value: the policy does not say which header to trust",
        "set identity.groupsHeader",
    ),
    "leak_label": (
        9,
        44,
        "the signal never has the label 'tool_call'",
        "expected canary, document, elsewhere, system or tool_result",
    ),
    "merge_key": (8, 3, "merge keys (<<) are not part of YAML 1.2", "write the keys out"),
    "pii_allows_all": (6, 37, "every type is allowed, so this does nothing", "say mask, restore, trusted or reject"),
    "pii_match": (6, 26, "private data that is not known cannot be replaced", "say deny or skip"),
    "pii_no_trusted": (6, 37, "no pool is trusted", "set `trusted: true` at one of the pools"),
    "pii_not_looked_for": (8, 53, "the signal 'mails' does not look for IBAN", "add it to its `types`"),
    "pii_unknown_type": (6, 38, "unknown type 'EMIAL'", "did you mean 'EMAIL'?"),
    "pii_with_route": (
        6,
        38,
        "a decision that routes does not apply to requests for an explicit model, so they would get past it",
        "put `pii` into a decision of its own, before this one",
    ),
    "pii_wrong_signal": (6, 38, "'jailbreak' finds no private data", "name a signal of the type pii"),
    "response_by_model": (
        6,
        41,
        "'PERSON' is not looked for in answers",
        "only a model finds it, and answers are searched by pattern",
    ),
    "response_empty": (6, 34, "an empty `response` does nothing", "add `pii` or `grounding`"),
    "response_with_route": (
        6,
        38,
        "a decision that routes does not apply to requests for an explicit model, so they would get past it",
        "put `response` into a decision of its own, before this one",
    ),
    "strip_with_route": (
        6,
        38,
        "a decision that routes does not apply to requests for an explicit model, so they would get past it",
        "put `strip` into a decision of its own, before this one",
    ),
    "strip_wrong_signal": (6, 40, "'pii' judges no single texts", "name a signal of the type jailbreak"),
    "never_holds": (8, 11, "no number is in these bounds: the condition never holds", "swap the bounds"),
    "no_effect": (7, 5, "the decision 'nothing' does nothing", "give it `route` or `action`"),
    "no_version": (1, 1, "'version' is missing", "add `version:`"),
    "neural_windows": (7, 40, "must be at most 64, found 65", ""),
    "onnx_one_label": (7, 86, "softmax over one label is always 1", "write activation: sigmoid"),
    "pii_type": (7, 31, "unknown types: CARD", f"expected among {', '.join(SPANS)}"),
    "recipe_unreachable": (
        7,
        3,
        "the recipe 'cheap' can never be chosen",
        "give it `virtualModels`, or set requests.recipeHeader",
    ),
    "reject_and_route": (11, 7, "a decision cannot both route and reject", "keep one of them"),
    "reserved_header": (9, 30, "the header 'Content-Length' belongs to the connection, not to the policy", "remove it"),
    "same_condition": (
        8,
        5,
        "the decision 'second' can never be reached: 'first' has the same condition and comes first",
        "move it up, or remove one of them",
    ),
    "tab": (3, 1, "a tab cannot indent YAML", "use spaces"),
    "test_fails": (
        9,
        20,
        "the test 'goes large' fails: expected pool large, got small",
        "it came to 'default' (default); `router-extproc explain` shows why",
    ),
    "test_without_expectation": (7, 44, "a test that expects nothing cannot fail", "add `pool`, `decision`, `reason`, ..."),
    "trend_turns": (7, 47, "must be at least 2, found 1", ""),
    "unknown_label": (8, 39, "the signal never has the label 'deu'", "did you mean 'de'?"),
    "unknown_option": (7, 36, "unknown key 'case_sensitive'", "did you mean 'caseSensitive'?"),
    "unknown_pool": (5, 10, "unknown pool 'smal'", "did you mean 'small'?"),
    "unknown_selector": (
        9,
        49,
        "unknown selector 'cheapest'",
        "expected bandit, best-value, cheapest-sufficient, first, lowest-latency or weighted",
    ),
    "unknown_signal": (10, 18, "unknown signal 'code_word'", "did you mean 'code_words'?"),
    "unknown_signal_type": (7, 17, "unknown signal type 'keywrd'", "did you mean 'keyword'?"),
    "unknown_top_key": (6, 1, "unknown key 'decision'", "did you mean 'decisions'?"),
    "unreachable": (
        9,
        5,
        "the decision 'code' can never be reached: 'everything' ends every search before it",
        "move it up, or remove one of them",
    ),
    "virtual_is_a_pool": (
        2,
        23,
        "the virtual model 'qwen-small' is already a name of the pool 'small'",
        "give one of them another name",
    ),
    "weights_unused": (10, 42, "the selector 'first' does not use weights", "use `select: weighted`, or remove it"),
    "wrong_type": (7, 15, "expected a whole number, found the text '200'", "take the quotes away: 200"),
    "yaml_boolean": (7, 12, "expected true or false, found the text 'yes'", "write true: in YAML 1.2 this word is text"),
}
"""By file: line, column, message and cure."""


class TestBrokenPolicies:
    @pytest.mark.parametrize("name", list(EXPECTED))
    def test_say_where_what_and_how(self, name: str) -> None:
        """One mistake, one error, at its place, with what to do about it."""
        path = BROKEN / f"{name}.yaml"

        with pytest.raises(PolicyError) as caught:
            load(path, services=SignalServices(), stats=PoolStats())

        (problem,) = caught.value.problems
        assert (problem.line, problem.column, problem.message, problem.cure) == EXPECTED[name]
        assert str(problem).startswith(f"{path}:{problem.line}:{problem.column}: error: ")

    def test_are_all_expected(self) -> None:
        """No file without an expectation."""
        assert sorted(path.stem for path in BROKEN.iterdir()) == sorted(EXPECTED)
