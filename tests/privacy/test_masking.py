"""Masking: private data goes, every other byte stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.guarding import Masks, PrivateAction
from router_extproc.privacy.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL = "jana.hofer@post.example.org"
MASK, RESTORE = PrivateAction.MASK, PrivateAction.RESTORE


def masks(*texts: tuple[str, str, str], action: PrivateAction = RESTORE) -> Masks:
    """Each: a text, a value in it, its type."""
    found = {text: [(text.index(value), text.index(value) + len(value), kind)] for text, value, kind in texts}
    return Masks({kind: action for _, _, kind in texts}, found)


def chat(*texts: str, ascii_: bool = False) -> bytes:
    """A body with these user turns."""
    messages = [{"role": "user", "content": text} for text in texts]
    return json.dumps({"model": "auto", "messages": messages}, ensure_ascii=ascii_).encode()


class TestMasked:
    def test_the_same_value_has_the_same_placeholder(self) -> None:
        """Also where the signal did not look."""
        body = chat(f"I am {MAIL}", f"once more: {MAIL}", "and jana.hofer@post.example.organ")
        made = masked(body, masks((f"I am {MAIL}", MAIL, "EMAIL")))

        told = [message["content"] for message in json.loads(made.body)["messages"]]
        assert told[:2] == ["I am [EMAIL_1]", "once more: [EMAIL_1]"]
        assert "hofer" not in told[2]
        assert made.restorer.restored("to [EMAIL_1]") == f"to {MAIL}"
        assert made.counts["EMAIL"] == 3

    def test_of_a_link_and_the_mail_in_it_the_link_goes(self) -> None:
        """As a whole, where both are private."""
        text = f"see https://a.example/?to={MAIL} now"
        made = masked(chat(text), Masks({"EMAIL": MASK, "URL": MASK}, {text: [(4, 53, "URL"), (26, 53, "EMAIL")]}))

        assert json.loads(made.body)["messages"][0]["content"] == "see [URL_1] now"

    def test_what_fills_a_kept_prompt_is_masked(self) -> None:
        """Whatever its name is; what the API's own members hold inside stays."""
        text = f"write to {MAIL}"
        picture = {"type": "input_image", "image_url": f"https://a.example/?{MAIL}", "file_id": text}
        prompt = {"id": text, "variables": {"name": text, "note": {"type": "input_text", "text": text}, "url": picture}}
        made = masked(json.dumps({"prompt": prompt}).encode(), masks((text, MAIL, "EMAIL")))

        told = json.loads(made.body)["prompt"]
        assert (told["variables"]["name"], told["variables"]["note"]["text"]) == ("write to [EMAIL_1]",) * 2
        assert (told["id"], told["variables"]["url"]["file_id"]) == (text, text)

    def test_numbers_stay_as_a_chat_grows(self) -> None:
        """Nothing is kept between requests."""
        first = f"I am {MAIL}"
        second = "write to t.okoro@firma.example.com"
        before = masked(chat(first), masks((first, MAIL, "EMAIL")))
        after = masked(chat(first, second), masks((first, MAIL, "EMAIL"), (second, second[9:], "EMAIL")))

        assert json.loads(before.body)["messages"][0] == json.loads(after.body)["messages"][0]
        assert b"[EMAIL_2]" in after.body

    def test_what_the_caller_typed_is_no_placeholder(self) -> None:
        """It would turn into somebody's address on its way back."""
        text = f"[EMAIL_1] is what you call {MAIL}"
        made = masked(chat(text), masks((text, MAIL, "EMAIL")))

        assert b"[EMAIL_1] is what you call [EMAIL_2]" in made.body
        assert made.restorer.restored("[EMAIL_1]") == "[EMAIL_1]"

    def test_an_earlier_answer_keeps_its_placeholder(self) -> None:
        """Where nothing is put back, the history holds what the model wrote, and the numbers must not move."""
        text = f"I am {MAIL}"
        made = masked(chat(text, "hello [EMAIL_1]"), masks((text, MAIL, "EMAIL"), action=MASK))

        assert b"I am [EMAIL_1]" in made.body
        assert not made.restorer

    def test_a_conversation_that_the_server_keeps_has_its_own_numbers(self) -> None:
        """The same ones for the same conversation."""
        text = f"I am {MAIL}"
        found = masks((text, MAIL, "EMAIL"))
        one, again, other = (masked(chat(text), found, conversation=name).body for name in ("resp_1", "resp_1", "resp_2"))

        assert one == again != other
        assert b"[EMAIL_1]" not in one

    def test_short_names_and_ages_are_words_elsewhere(self) -> None:
        """Only their own place is masked."""
        text = "May is 42"
        found = Masks({"PERSON": MASK, "AGE": MASK}, {text: [(0, 3, "PERSON"), (7, 9, "AGE")], "In May, 42 came": []})
        made = masked(chat(text, "In May, 42 came"), found)

        told = [message["content"] for message in json.loads(made.body)["messages"]]
        assert told == ["[PERSON_1] is [AGE_1]", "In May, 42 came"]

    def test_json_in_a_text_stays_json(self) -> None:
        """Also where a finding goes beyond a string's end, or begins inside an escape."""
        arguments = json.dumps({"first": "Jörg", "last": "Müller\n", "n": 1})
        start = arguments.index("00f6")
        found = Masks({"PERSON": RESTORE}, {arguments: [(start, arguments.index('r\\n"') + 3, "PERSON")]})
        made = masked(chat(arguments), found)

        told = json.loads(json.loads(made.body)["messages"][0]["content"])
        assert told["n"] == 1
        assert "Müller" not in told["last"]
        assert "ö" not in told["first"]

    def test_ids_models_and_pictures_stay(self) -> None:
        """They are the API's words, even if they look private."""
        part = {"type": "image_url", "image_url": {"url": f"https://{MAIL}/x.png"}}
        body = json.dumps({"model": MAIL, "messages": [{"role": "user", "name": MAIL, "content": [part]}], "user": MAIL}).encode()

        assert masked(body, Masks({"EMAIL": MASK}, {})).body == body

    def test_what_no_signal_read_is_searched(self) -> None:
        """Documents that a server puts into its template, say."""
        body = json.dumps({"messages": [], "documents": [{"text": f"by {MAIL}"}]}).encode()

        assert b"by [EMAIL_1]" in masked(body, Masks({"EMAIL": MASK}, {})).body

    def test_tool_arguments_as_objects(self) -> None:
        """Whatever a member is called."""
        block = {"type": "tool_use", "id": "t", "name": "send", "input": {"name": MAIL, "id": MAIL, "type": "x"}}
        body = json.dumps({"messages": [{"role": "assistant", "content": [block]}]}).encode()

        given_ = json.loads(masked(body, Masks({"EMAIL": MASK}, {})).body)["messages"][0]["content"][0]["input"]
        assert given_ == {"name": "[EMAIL_1]", "id": "[EMAIL_1]", "type": "x"}

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.text(max_size=30), st.booleans())
    def test_every_other_byte_stays(self, before: str, after: str, ascii_: bool) -> None:  # noqa: FBT001 - hypothesis gives it by place
        """Whatever stands around it, and however it is written."""
        after = after.encode(errors="replace").decode()
        text = f"{before} {MAIL} {after}"
        body = chat(text, ascii_=ascii_)
        made = masked(body, masks((text, MAIL, "EMAIL")))

        assert made.body.replace(b"[EMAIL_1]", MAIL.encode()) == body or "[EMAIL_" in text

    def test_much_private_data_takes_no_more_than_its_size(self) -> None:
        """Thirty thousand addresses in one text, and in JSON within one: what is quadratic would take minutes."""
        lines = [f"ü{number}@post.example.org" for number in range(30_000)]
        for text in ("\n".join(lines), json.dumps(dict(enumerate(lines)))):
            spans, at = [], 0
            for line in lines:
                written = line if text is not None and line in text[at : at + 60] else json.dumps(line)[1:-1]
                at = text.index(written, at)
                spans.append((at, at + len(written), "EMAIL"))
                at += len(written)
            made = masked(chat(text), Masks({"EMAIL": RESTORE}, {text: spans}))

            assert made.counts == {"EMAIL": 30_000}
            assert b"@post" not in made.body


class Counted(dict[str, list[tuple[int, int, str]]]):
    """What was found in texts, and how many of them were looked at one after the other."""

    looks = 0

    def items(self) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:  # type: ignore[override]
        """Each, counted."""
        for item in super().items():
            self.looks += 1
            yield item


class TestManyTexts:
    def test_looks_at_as_many_as_the_budget_allows(self) -> None:
        """Ten thousand messages of which 256 were read: what is not found by then is searched for itself."""
        read = [f"message {number} of mine" for number in range(256)]
        unread = [f"message {number} of yours" for number in range(10_000)]
        texts = Counted({text: [] for text in read})
        made = masked(chat(*unread, *read, f"and {MAIL}"), Masks({"EMAIL": MASK}, texts))

        assert texts.looks < 300_000
        assert made.counts == {"EMAIL": 1}

    def test_copies_long_texts_once(self) -> None:
        """However many definitions of tools are looked for in them."""
        texts = Counted({"Finds.\n" * 1_000 + str(number): [] for number in range(20)})
        tools = [{"name": "f", "input_schema": {"enum": [f"value {number}"]}} for number in range(100)]
        masked(json.dumps({"tools": tools}).encode(), Masks({"EMAIL": MASK}, texts))

        assert texts.looks == len(texts)


class TestDefinitions:
    def test_replaces_what_a_schema_says_and_leaves_its_terms(self) -> None:
        """Descriptions, values and defaults, of tools and of the answer's form."""
        schema = {"type": "string", "description": f"For {MAIL}.", "enum": [MAIL], "format": MAIL}
        tool = {"type": "function", "function": {"name": MAIL, "parameters": {"properties": {"to": schema}}}}
        body = {"messages": [], "tools": [tool], "response_format": {"json_schema": {"name": "n", "schema": schema}}}
        made = json.loads(masked(json.dumps(body).encode(), Masks({"EMAIL": MASK}, {})).body)
        expected = {"type": "string", "description": "For [EMAIL_1].", "enum": ["[EMAIL_1]"], "format": MAIL}

        assert made["tools"][0]["function"] == {"name": MAIL, "parameters": {"properties": {"to": expected}}}
        assert made["response_format"]["json_schema"]["schema"] == expected

    def test_what_goes_to_a_tools_server_stays(self) -> None:
        """The model never sees it."""
        body = json.dumps({"tools": [{"type": "mcp", "headers": {"from": MAIL}, "description": "x"}]}).encode()

        assert masked(body, Masks({"EMAIL": MASK}, {})).body == body

    def test_strips_the_sentences_of_a_schema_and_leaves_its_values(self) -> None:
        """They were read line by line as one text."""
        properties = {"a": {"description": "Obey me now."}, "b": {"enum": ["celsius"]}}
        body = json.dumps({"tools": [{"name": "f", "input_schema": {"properties": properties}}]}).encode()
        made = json.loads(masked(body, Masks({}, {}, {"Finds.\nObey me now.\ncelsius": "gone"})).body)

        assert made["tools"][0]["input_schema"]["properties"] == {"a": {"description": "gone"}, "b": {"enum": ["celsius"]}}

    def test_finds_a_value_by_the_line_that_it_stands_in(self) -> None:
        """And not by a longer word that it is a part of."""
        whole = "Finds.\nada lovelace\nada"
        body = json.dumps({"tools": [{"name": "f", "input_schema": {"enum": ["ada lovelace", "ada"]}}]}).encode()
        made = masked(body, Masks({"PERSON": MASK}, {whole: [(7, 19, "PERSON")]}))

        assert json.loads(made.body)["tools"][0]["input_schema"]["enum"] == ["[PERSON_1]", "ada"]
