"""`router-extproc classify`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from router_extproc.cli.scored_line import answer
from router_extproc.encoders.encoder import ordered
from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED, SPANS
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind, Scores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


class Classified(Protocol):
    """Exit code and lines out for lines in."""

    def __call__(self, *lines: bytes | dict[str, Any], options: tuple[object, ...] = ()) -> tuple[int, list[dict[str, Any]]]: ...


@pytest.fixture
def classified(cli: Cli, tiny_bundle: Path) -> Classified:
    """The command from standard input to standard output, with the small bundle."""

    def call(*lines: bytes | dict[str, Any], options: tuple[object, ...] = ()) -> tuple[int, list[dict[str, Any]]]:
        given = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        result = cli("classify", "--models", tiny_bundle, "-i", "-", *options, stdin=given)
        return result.exit_code, [json.loads(text) for text in result.stdout.splitlines()]

    return call


def user(content: object) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": content}


class TestOutput:
    def test_has_these_fields(self, classified: Classified) -> None:
        """Exactly: programs read it."""
        code, (told,) = classified({"id": "a", "text": "tell me about the weather, bob"})

        assert code == 0
        assert list(told) == ["id", "heads", "pii", "coverage", "ms"]
        assert set(told["heads"]) == set(POOLED)
        assert all(set(told["heads"][head]) == set(CLASSES[head]) for head in ("domain", "modality"))
        assert all(sum(told["heads"][head].values()) == pytest.approx(1, abs=1e-4) for head in ("domain", "modality"))
        assert all(0 <= told["heads"][head] <= 1 for head in CHANCES)
        assert [set(span) for span in told["pii"]] == [{"start", "end", "type", "score"}]
        assert told["coverage"] == 1
        assert told["ms"] > 0

    @pytest.mark.parametrize(
        ("word", "head", "label"),
        [
            pytest.param("cells", "domain", "biology", id="domain"),
            pytest.param("prove", "difficulty", None, id="difficulty"),
            pytest.param("ignore", "jailbreak", None, id="jailbreak"),
            pytest.param("capital", "fact_check", None, id="fact check"),
            pytest.param("draw", "modality", "image", id="modality"),
        ],
    )
    def test_says_what_each_head_says(self, classified: Classified, word: str, head: str, label: str | None) -> None:
        """Each under its own name."""
        _, (told, other) = classified({"id": 1, "text": f"please {word} the tea"}, {"id": 2, "text": "please the tea"})
        chance, usual = ((line["heads"][head][label] if label else line["heads"][head]) for line in (told, other))

        assert chance > 0.9 > usual

    def test_is_what_serving_says(self, classified: Classified, tiny_bundle: Path) -> None:
        """The queue of serving gives the same chances."""
        text = "prove the capital of algebra"
        encoder = Models(folder=tiny_bundle).encoder()
        reading = encoder.submit(text, Kind.USER, math.inf, outputs=ordered(POOLED)).result()
        encoder.close()

        _, (told,) = classified({"id": 1, "text": text})

        assert all(told["heads"][head] == pytest.approx(reading.chances[head], abs=1e-6) for head in CHANCES)
        assert told["heads"]["domain"] == pytest.approx(reading.classes["domain"], abs=1e-6)

    def test_places_private_data_by_characters(self, classified: Classified) -> None:
        """Not by bytes or UTF-16 units: a slice of the text is the datum."""
        text = "Łódź 😀: bob@example.com, alice smith"
        _, (told,) = classified({"id": 1, "text": text})
        found = {span["type"]: text[span["start"] : span["end"]] for span in told["pii"]}

        assert found == {"EMAIL": "bob@example.com", "PERSON": "alice smith"}
        assert set(found) <= set(SPANS)

    @pytest.mark.parametrize(
        ("coverage", "told"), [(1.0, 1.0), (0.99999999, 0.999999), (0.5, 0.5), (0.1234567, 0.123457), (0.0, 0.0)]
    )
    def test_never_rounds_coverage_to_all(self, coverage: float, told: float) -> None:
        """Only a text that was read whole has 1."""
        scores = Scores({head: dict.fromkeys(labels, 0.0) for head, labels in CLASSES.items()}, dict.fromkeys(CHANCES, 0.0))
        line = answer(1, Scores(scores.classes, scores.chances, coverage=coverage))

        assert line["coverage"] == told


class TestLines:
    def test_one_out_for_one_in_in_the_same_order(self, classified: Classified) -> None:
        """However many there are, and whatever stands between them."""
        given = [b"{" if number % 7 == 3 else {"id": number, "text": "song " * (number % 5 + 1)} for number in range(150)]
        code, told = classified(*given)

        assert code == 3
        assert [line["id"] for line in told] == [None if number % 7 == 3 else number for number in range(150)]

    def test_empty_ones_are_passed_over(self, classified: Classified) -> None:
        """A file may end with a line break, or have none."""
        code, told = classified(b"", {"id": 1, "text": "tea"}, b"  \r", {"id": "b", "text": "tea"}, b"")

        assert (code, [line["id"] for line in told]) == (0, [1, "b"])

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            pytest.param(b'{"id": 1, "text": "tea"}\n\n \r\n', "1 texts\n", id="at the end"),
            pytest.param(
                b'\n{"id": 1, "text": "tea"}\n\nx\n', "1 texts; 2 blank lines before or between them passed over\n", id="between"
            ),
        ],
    )
    def test_empty_ones_are_counted(self, cli: Cli, tiny_bundle: Path, given: bytes, told: str) -> None:
        """Those after which something comes: there a text may have been lost."""
        assert told in cli("classify", "--models", tiny_bundle, "-i", "-", stdin=given).stderr

    def test_none_at_all(self, classified: Classified) -> None:
        """An empty file is no error."""
        assert classified(b"") == (0, [])

    @pytest.mark.parametrize("kind", ["tool_result", "document"])
    def test_say_where_a_text_comes_from(self, classified: Classified, kind: str) -> None:
        """The encoder is told, and user is what it is without."""
        _, told = classified(
            {"id": 1, "text": "a card"}, {"id": 2, "text": "a card", "kind": "user"}, {"id": 3, "text": "a card", "kind": kind}
        )
        plain, said, brought = (line["heads"]["jailbreak"] for line in told)

        assert plain == said < brought

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param(" \n\t", id="blank"),
            pytest.param("a\x00b\x00", id="NUL"),
            pytest.param("weather " * 12_500, id="100,000 characters"),
            pytest.param("e" + "\u0301" * 10_000, id="combining characters"),
            pytest.param("\ufffd\x01\x7f\u200b" * 500, id="rubbish"),
            pytest.param("\U0010ffff", id="last code point"),
        ],
    )
    def test_may_have_any_text(self, classified: Classified, text: str) -> None:
        """It has scores, and a coverage that says how much of it they are about."""
        code, (told,) = classified({"id": 1, "text": text})

        assert code == 0
        assert 0 <= told["coverage"] <= 1
        assert told["heads"]["feedback"] is None

    def test_of_long_text_tell_how_much_was_read(self, classified: Classified) -> None:
        """More windows read more of it."""
        line = {"id": 1, "text": "weather " * 400}
        (_, (some,)), (_, (all_of_it,)) = classified(line), classified(line, options=("--windows", "64"))

        assert some["coverage"] < 0.6 < all_of_it["coverage"] == 1

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            pytest.param(b"{", "not valid JSON", id="broken"),
            pytest.param(b"[1]", "must be a JSON object", id="no object"),
            pytest.param(b'{"text": "tea"}', "missing required field `id`", id="no id"),
            pytest.param(b'{"id": null, "text": "tea"}', "`$.id`", id="null as id"),
            pytest.param(b'{"id": 1}', "neither `text` nor `messages`", id="nothing"),
            pytest.param(b'{"id": 1, "kind": "user"}', "neither `text` nor `messages`", id="nothing but a kind"),
            pytest.param(b'{"id": 1, "text": "a", "messages": []}', "both `text` and `messages`", id="both"),
            pytest.param(b'{"id": 1, "text": null}', "`$.text`", id="null as text"),
            pytest.param(b'{"id": 1, "text": ["a"]}', "`$.text`", id="text in a list"),
            pytest.param(b'{"id": 1, "text": "a", "kind": "email"}', "'email' - at `$.kind`", id="unknown kind"),
            pytest.param(b'{"id": 1, "text": "a", "lang": "en"}', "unknown field `lang`", id="unknown field"),
            pytest.param(b'{"id": 1, "text": "a", "text": "b"}', "one key stands twice", id="two texts"),
            pytest.param(b'{"id": 1, "text": "\xff"}', "not valid UTF-8", id="no UTF-8"),
            pytest.param(b'{"id": 1, "text": "\\ud800"}', "half a surrogate pair", id="half a surrogate"),
            pytest.param(b'{"id": 1, "text": "a\x00"}', "not valid JSON (at byte 20)", id="NUL that is not escaped"),
            pytest.param(b'{"id": 1, "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper", id="too deep"),
            pytest.param(b'{"id": 1, "messages": []}', "no message of a user", id="no messages"),
        ],
    )
    def test_one_that_cannot_be_read_does_not_stop_the_rest(self, classified: Classified, text: bytes, told: str) -> None:
        """It gives a line with an error and its number, and the exit code tells."""
        code, lines = classified({"id": 1, "text": "tea"}, text, {"id": 3, "text": "tea"})

        assert code == 3
        assert [line["id"] for line in lines] == [1, None, 3]
        assert set(lines[1]) == {"id", "line", "error"}
        assert lines[1]["line"] == 2
        assert told in lines[1]["error"]


class TestMessages:
    def test_are_classified_by_what_the_user_said_last(self, classified: Classified) -> None:
        """Not by the first turn, nor by the assistant's."""
        messages = [user("draw cells"), {"role": "assistant", "content": "prove algebra"}, user("tell me about the court")]
        _, (talk, alone) = classified({"id": 1, "messages": messages}, {"id": 2, "text": "tell me about the court"})

        assert talk["heads"]["domain"] == alone["heads"]["domain"]
        assert talk["heads"]["difficulty"] == alone["heads"]["difficulty"]

    def test_may_hold_content_parts(self, classified: Classified) -> None:
        """Their texts are joined by line breaks, as in serving; a picture has no text."""
        parts = [
            {"type": "text", "text": "mail"},
            {"type": "image_url", "image_url": {"url": "x"}},
            {"type": "text", "text": "bob"},
        ]
        _, (told,) = classified({"id": 1, "messages": [user(parts)]})

        assert [(span["start"], span["end"], span["type"]) for span in told["pii"]] == [(5, 8, "PERSON")]

    def test_of_a_conversation_have_feedback(self, classified: Classified) -> None:
        """Only where there is an answer to speak of."""
        answered = [user("tea"), {"role": "assistant", "content": None}, user("thanks")]
        _, (first, second) = classified({"id": 1, "messages": answered}, {"id": 2, "messages": [user("thanks")]})

        assert max(first["heads"]["feedback"], key=first["heads"]["feedback"].get) == "satisfied"
        assert second["heads"]["feedback"] is None

    @pytest.mark.parametrize(
        "message",
        [
            pytest.param({"role": "tool", "tool_call_id": "1", "content": "ignore the song"}, id="tool"),
            pytest.param({"role": "function", "name": "f", "content": "ignore the song"}, id="function"),
            pytest.param({"role": "system", "content": "ignore the song"}, id="system"),
            pytest.param(user([{"type": "text", "text": "ignore the song"}]), id="earlier turn"),
            pytest.param(user([{"type": "tool_result", "content": "ignore the song"}]), id="result in a user's turn"),
            pytest.param(
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "ignore the song"}}]}, id="tool call"
            ),
        ],
    )
    def test_are_searched_for_jailbreaks_throughout(self, classified: Classified, message: dict[str, Any]) -> None:
        """An attack may come by any of them; the other heads are about the last turn."""
        _, (told, plain) = classified(
            {"id": 1, "messages": [message, user("a card")]}, {"id": 2, "messages": [user("tea"), user("a card")]}
        )

        assert told["heads"]["jailbreak"] > 0.9 > plain["heads"]["jailbreak"]
        assert told["heads"]["domain"] == plain["heads"]["domain"]

    def test_end_with_a_tool_result(self, classified: Classified) -> None:
        """What the user said last is then further up."""
        messages = [user("court"), {"role": "assistant", "content": ""}, {"role": "tool", "content": "cells"}]
        _, (told,) = classified({"id": 1, "messages": messages})

        assert max(told["heads"]["domain"], key=told["heads"]["domain"].get) == "law"

    @pytest.mark.parametrize(
        ("messages", "told"),
        [
            pytest.param([{"role": "tool", "content": "tea"}], "no message of a user with text", id="no user"),
            pytest.param([user("  ")], "no message of a user with text", id="blank"),
            pytest.param([user([{"type": "image_url"}])], "no message of a user with text", id="picture only"),
            pytest.param([{"role": "narrator", "content": "tea"}], "messages.role", id="unknown role"),
            pytest.param([{"content": "tea"}], "messages.role", id="no role"),
            pytest.param([user(3)], "messages.content", id="number as content"),
            pytest.param([user([3])], "messages.content", id="number as part"),
            pytest.param([user([{"type": "text", "text": 3}])], "a string as text", id="number as text"),
            pytest.param([user("tea"), user([{"type": "poem", "text": "o"}])], "unknown type", id="unknown part"),
            pytest.param(["tea"], "$.messages[0]", id="no objects"),
            pytest.param({"role": "user"}, "$.messages", id="no list"),
        ],
    )
    def test_without_a_text_to_classify(self, classified: Classified, messages: object, told: str) -> None:
        """Nothing is guessed, and nothing is left out in silence."""
        code, (line,) = classified({"id": 1, "messages": messages})

        assert code == 3
        assert told in line["error"]

    def test_are_the_users(self, classified: Classified) -> None:
        """A kind would say otherwise of them."""
        code, (line,) = classified({"id": 1, "messages": [user("tea")], "kind": "document"})

        assert code == 3
        assert "`kind` document is for a `text`" in line["error"]


class TestFiles:
    def test_from_file_to_file(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Results are in the file; stdout is empty, and the summary and bad lines are on stderr."""
        source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        source.write_text(f'{{"id": 1, "text": "tea"}}\n{{"id": 2}}\n{{"id": 3, "text": "{"tea " * 2000}"}}\n')
        result = cli("classify", "--models", tiny_bundle, "--input", source, "--output", target)

        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{source}:2: error: it has neither `text` nor `messages`" in result.stderr
        assert "2 texts; 1 of them read in part" in result.stderr
        assert "1 lines could not be read" in result.stderr
        assert [json.loads(line)["id"] for line in target.read_text().splitlines()] == [1, None, 3]

    def test_names_only_the_first_bad_lines(self, cli: Cli, tiny_bundle: Path) -> None:
        """A file of another kind does not flood the terminal; the output has all."""
        result = cli("classify", "--models", tiny_bundle, "-i", "-", stdin=b"x\n" * 30)

        assert result.exit_code == 3
        assert (result.stderr.count("error:"), len(result.stdout.splitlines())) == (10, 30)

    @pytest.mark.parametrize("name", ["none.jsonl", "."])
    def test_an_input_that_cannot_be_read(self, cli: Cli, tiny_bundle: Path, tmp_path: Path, name: str) -> None:
        """It is named, and no output is begun."""
        result = cli("classify", "--models", tiny_bundle, "-i", tmp_path / name, "-o", tmp_path / "out.jsonl")

        assert result.exit_code == 3
        assert str(tmp_path) in result.stderr
        assert not (tmp_path / "out.jsonl").exists()

    def test_the_input_is_never_overwritten(self, cli: Cli, tiny_bundle: Path, tmp_path: Path) -> None:
        """Opening the output would empty it."""
        source = tmp_path / "in.jsonl"
        source.write_text('{"id": 1, "text": "tea"}')
        result = cli("classify", "--models", tiny_bundle, "-i", source, "-o", source)

        assert (result.exit_code, source.read_text()) == (2, '{"id": 1, "text": "tea"}')

    def test_a_bundle_that_cannot_be_used(self, cli: Cli, tmp_path: Path) -> None:
        """It is named, and no output is begun."""
        result = cli("classify", "--models", tmp_path, "-i", "-", "-o", tmp_path / "out.jsonl", stdin=b"")

        assert result.exit_code == 3
        assert str(tmp_path / "manifest.json") in result.stderr
        assert not (tmp_path / "out.jsonl").exists()

    @pytest.mark.parametrize("windows", ["0", "65", "x"])
    def test_windows_out_of_range(self, cli: Cli, windows: str) -> None:
        """That is wrong usage, as it is in a policy."""
        assert cli("classify", "-i", "-", "--windows", windows).exit_code == 2
