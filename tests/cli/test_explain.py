"""`router-extproc explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from router_extproc.policy.expression import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]

MARKUP = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen-small}
  large: {cluster: pool-large, model: qwen-large, contextWindow: 1000}
default: small
signals:
  injection: {type: keyword, any: ["[/inst]", "[red]"]}
decisions:
  - name: suspicious
    when: injection
    route: {candidates: [large, small], select: cheapest-sufficient}
"""

DENYING = "version: 1\npools: {small: {cluster: s}}\ndefault: small\nrequests: {unreadableEncoding: reject}\nlimits: {deadlineMs: 60000}\n"
PARTLY = "it: 46% of the text looked at, less than minCoverage"


class TestText:
    def test_says_where_it_goes_and_why(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """Pool, model, the decision that matched and the reason."""
        result = cli("explain", policy_file, "-r", "-", stdin=chat("please refactor this"))

        assert result.exit_code == 0
        assert "-> pool large, model qwen-large" in result.stdout
        assert "the decision code matched (reason: rule)" in result.stdout
        assert "openai_chat, model 'auto', 1 messages" in result.stdout
        assert "model -> qwen-large" in result.stdout

    def test_from_a_file(self, cli: Cli, policy_file: Path, tmp_path: Path, chat: Callable[..., bytes]) -> None:
        """A request can be kept beside the policy."""
        (tmp_path / "request.json").write_bytes(chat("good evening"))
        result = cli("explain", policy_file, "--request", tmp_path / "request.json")

        assert "-> pool small" in result.stdout
        assert "no decision matched" in result.stdout

    def test_shows_each_decision_in_order(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """What was asked before, and what was not asked any more."""
        lines = cli("explain", policy_file, "-r", "-", stdin=chat("hello", topic="hello")).stdout.splitlines()
        tree = "\n".join(lines[lines.index("Decisions, in the order in which they were asked") :])

        assert tree.index("no-secrets") < tree.index("greeting") < tree.index("not asked: code")
        assert "this decides" in tree

    @pytest.mark.parametrize(
        ("text", "more", "told"),
        [
            pytest.param("hunter2", {}, "refused with HTTP 403: No secrets.", id="rejected"),
            pytest.param("hello", {"topic": "hello"}, "answered by the router: Hello there.", id="answered"),
            pytest.param("refactor", {"model": "big"}, "the caller named this model (reason: explicit_model)", id="explicit"),
            pytest.param("hi", {"model": "gpt-9"}, "no pool has the model that the caller named", id="unknown model"),
        ],
    )
    def test_other_ends(
        self, cli: Cli, policy_file: Path, chat: Callable[..., bytes], text: str, more: dict[str, str], told: str
    ) -> None:
        """A request can end at the router, or pass the decisions by."""
        result = cli("explain", policy_file, "-r", "-", stdin=chat(text, **more))

        assert (result.exit_code, told in result.stdout) == (0, True), result.stdout

    @pytest.mark.parametrize("word", ["[/INST]", "[red]"])
    def test_evidence_is_no_markup(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes], word: str) -> None:
        """What a policy looks for may look like a tag of the terminal's."""
        policy_file.write_text(MARKUP)
        result = cli("explain", policy_file, "-r", "-", stdin=chat(f"ignore all {word} that"))

        assert result.exit_code == 0
        assert word.lower() in result.stdout.lower()

    def test_shows_the_candidates(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """Who was chosen, and why another could not serve."""
        policy_file.write_text(MARKUP)
        result = cli("explain", policy_file, "-r", "-", stdin=chat("[red] " + "many words " * 2000))

        assert "Candidates, chosen by cheapest-sufficient" in result.stdout
        assert "cannot serve it: " in result.stdout


class TestDenials:
    """Of requests that a decision could not check: which signal was missing, and why."""

    @pytest.mark.parametrize(
        ("signal", "decision", "told"),
        [
            pytest.param("{type: pii, maxTexts: 1}", "action: {pii: {signal: it, types: {EMAIL: mask}}}", PARTLY, id="pii"),
            pytest.param("{type: jailbreak, maxTexts: 1}", "action: {strip: {signal: it}}", PARTLY, id="strip"),
            pytest.param(
                "{type: jailbreak, maxTexts: 1}",
                "when: {all: [{signal: it, below: 0.9, minCoverage: 1}, tool_loop]}, onUnknown: deny, action: {caps: {n: 1}}",
                PARTLY,
                id="condition",
            ),
            pytest.param(
                "{type: jailbreak, maxTexts: 1}",
                "when: {not: {signal: it, minCoverage: 0.6}}, onUnknown: deny, action: {caps: {n: 1}}",
                PARTLY,
                id="not",
            ),
            pytest.param(
                "{type: language, minCharacters: 400}",
                "when: {signal: it, is: en}, action: {reject: {status: 403}}",
                "it: unknown: no_text",
                id="unknown",
            ),
        ],
    )
    def test_name_the_signal_and_the_reason(
        self, cli: Cli, tiny_bundle: Path, tmp_path: Path, signal: str, decision: str, told: str
    ) -> None:
        """For people in the sentence, for machines in `unknown`."""
        policy = tmp_path / "policy.yaml"
        policy.write_text(f"{DENYING}signals:\n  it: {signal}\ndecisions:\n  - {{name: guard, {decision}}}\n")
        messages = [{"role": "user", "content": "the tea"}, {"role": "tool", "tool_call_id": "1", "content": "a song"}]
        body = json.dumps({"model": "auto", "messages": messages}).encode()
        asked = ("explain", policy, "-r", "-", "--models", tiny_bundle)

        assert f"could not be decided ({told}), and what it cannot check it refuses" in cli(*asked, stdin=body).stdout
        assert json.loads(cli(*asked, "--json", stdin=body).stdout)["unknown"] == ["it"]

    @pytest.mark.parametrize(("coverage", "told"), [(1.0, "100%"), (0.999, "99%"), (0.5, "50%"), (0.0, "0%")])
    def test_never_call_a_part_all(self, coverage: float, told: str) -> None:
        """It would be no reason to refuse."""
        assert share(coverage) == told


class TestOtherRequests:
    @pytest.mark.parametrize(
        ("body", "path", "told"),
        [
            pytest.param(b"{", "/v1/chat/completions", "it is refused with HTTP 400", id="broken"),
            pytest.param(b"", "/v1/chat/completions", "it is refused with HTTP 400", id="empty"),
            pytest.param(b"{}", "/[/x]", "it passes untouched, by Envoy's own routes", id="no API"),
        ],
    )
    def test_that_no_decision_sees(self, cli: Cli, policy_file: Path, body: bytes, path: str, told: str) -> None:
        """The answer says so, and what becomes of them."""
        result = cli("explain", policy_file, "-r", "-", "--path", path, stdin=body)

        assert result.exit_code == 0
        assert "No rule was asked (" in result.stdout
        assert told in result.stdout

    def test_for_machines(self, cli: Cli, policy_file: Path) -> None:
        """The same, as JSON."""
        told = json.loads(cli("explain", policy_file, "-r", "-", "--json", stdin=b"{").stdout)

        assert (told["verdict"], told["status"], told["pool"]) == ("reject", 400, None)

    def test_another_api(self, cli: Cli, policy_file: Path) -> None:
        """The path says how a body is read."""
        body = json.dumps({"model": "auto", "max_tokens": 5, "messages": [{"role": "user", "content": "refactor"}]}).encode()
        result = cli("explain", policy_file, "-r", "-", "--path", "/v1/messages", stdin=body)

        assert "anthropic" in result.stdout
        assert "-> pool large" in result.stdout


class TestJson:
    def test_is_the_explanation(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """One object, as the admin port gives it, without the prompt."""
        result = cli("explain", policy_file, "-r", "-", "--json", stdin=chat("refactor a quite private thing"))
        told = json.loads(result.stdout)

        assert result.exit_code == 0
        assert told["signals"]["code_words"]["value"] == 1
        assert "private" not in result.stdout


class TestHeaders:
    def test_reach_the_signals(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """A caller's group can be tried out."""
        policy_file.write_text(
            "version: 1\npools: {small: {cluster: s, model: m}, large: {cluster: l, model: n}}\ndefault: small\n"
            "identity: {groupsHeader: x-groups}\n"
            "decisions:\n  - {name: staff, when: {signal: group, in: [staff]}, route: large}\n"
        )
        arguments = ("explain", policy_file, "-r", "-")

        assert "-> pool large" in cli(*arguments, "-H", "X-Groups: staff", stdin=chat()).stdout
        assert "-> pool small" in cli(*arguments, "-H", "X-Groups: interns", "-H", "x-other: a:b", stdin=chat()).stdout

    @pytest.mark.parametrize("header", ["no colon", ": no name", "[/red]"])
    def test_without_a_name_are_wrong_usage(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes], header: str) -> None:
        """The message quotes what was given."""
        result = cli("explain", policy_file, "-r", "-", "-H", header, stdin=chat())

        assert result.exit_code == 2
        assert repr(header) in result.stderr


class TestFailures:
    def test_a_request_that_is_not_there(self, cli: Cli, policy_file: Path, tmp_path: Path) -> None:
        """A file that cannot be read is exit code 3."""
        result = cli("explain", policy_file, "-r", tmp_path / "none.json")

        assert (result.exit_code, result.stdout) == (3, "")
        assert "none.json: No such file" in result.stderr

    def test_a_folder_without_a_policy(self, cli: Cli, tmp_path: Path) -> None:
        """The file that is looked for in it is named."""
        result = cli("explain", tmp_path, "-r", "-", stdin=b"{}")

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{tmp_path / 'policy.yaml'}: No such file" in result.stderr

    def test_a_policy_that_is_not_there(self, cli: Cli, tmp_path: Path, chat: Callable[..., bytes]) -> None:
        """So is a policy."""
        assert cli("explain", tmp_path / "none.yaml", "-r", "-", stdin=chat()).exit_code == 3

    def test_a_policy_with_errors(self, cli: Cli, policy_file: Path, chat: Callable[..., bytes]) -> None:
        """Its problems are told as `check` tells them."""
        policy_file.write_text("version: 1\ndefault: small\n")
        result = cli("explain", policy_file, "-r", "-", stdin=chat())

        assert (result.exit_code, result.stdout) == (1, "")
        assert "policy.yaml:1:1: error:" in result.stderr

    def test_no_request_is_wrong_usage(self, cli: Cli, policy_file: Path) -> None:
        """It must be said what to explain."""
        assert cli("explain", policy_file).exit_code == 2


class TestLimits:
    def test_says_what_a_request_takes_of_each(self, cli: Cli, tmp_path: Path, chat: Callable[..., bytes]) -> None:
        """And which are not for it, or refuse it."""
        path = tmp_path / "policy.yaml"
        path.write_text(
            MARKUP
            + """\
identity: {userHeader: x-user, proof: none}
requests: {unreadableEncoding: reject}
rateLimits:
  - {name: people, per: [user], requests: 5, tokens: 1000, window: 1m}
  - {name: everybody, requests: 5, window: 1m}
  - {name: streams, requests: 5, window: 1m, when: stream}
  - {name: known, per: [user], requests: 5, window: 1m, onMissing: reject}
"""
        )
        known = cli("explain", path, "-r", "-", "--header", "x-user: ada", stdin=chat()).stdout
        nobody = cli("explain", path, "-r", "-", stdin=chat()).stdout

        assert "Rate limits" in known
        assert "user ada" in known
        assert "all requests" in known
        assert "not for this request" in known
        assert "user (none): such requests are refused" in nobody
