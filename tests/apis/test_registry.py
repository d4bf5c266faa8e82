"""Which API a request is for."""

from typing import Any

import pytest

from router_extproc.apis.registry import APIS, by_name, find

CHAT = "/v1/chat/completions"


class TestFind:
    """A request's path, however it is written."""

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            pytest.param(CHAT, "openai_chat", id="chat"),
            pytest.param("/v1/responses", "openai_responses", id="responses"),
            pytest.param("/v1/completions", "openai_completions", id="completions"),
            pytest.param("/v1/embeddings", "openai_embeddings", id="embeddings"),
            pytest.param("/v1/messages", "anthropic_messages", id="messages"),
        ],
    )
    def test_paths(self, path: Any, name: Any) -> None:
        """Each API has its path, for POST only."""
        api = find("POST", path)
        assert api is by_name(name)
        assert find("GET", path) is None

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("//v1//chat///completions", id="double slashes"),
            pytest.param("/v1/chat/completions/", id="trailing slash"),
            pytest.param("/V1/Chat/COMPLETIONS", id="capitals"),
            pytest.param("/v1/chat/completions?api-version=1", id="query"),
            pytest.param("/v1/chat/completions#x", id="fragment"),
            pytest.param("/v1/%63hat/completions", id="escape"),
            pytest.param("/v1%2Fchat%2fcompletions", id="escaped slash"),
            pytest.param("/v1/%2563hat/completions", id="escape of an escape"),
            pytest.param("/v1/./chat/x/../completions", id="dot segments"),
            pytest.param("/v1/%2e%2e/v1/chat/completions", id="escaped dots"),
            pytest.param("/v1/chat;a=b/completions;c", id="parameters"),
            pytest.param("/v1/chat/completions%3Bc", id="escaped parameters"),
            pytest.param("\\v1\\chat\\completions", id="backslashes"),
            pytest.param("v1/chat/completions", id="no slash"),
            pytest.param("/../../v1/chat/completions", id="above the root"),
            pytest.param("/./" * 100 + CHAT, id="longer than is kept"),
        ],
    )
    def test_spellings(self, path: Any) -> None:
        """A path that some server takes for the API's is the API's."""
        assert find("POST", path) is by_name("openai_chat")

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/",
            "*",
            "/v1",
            "/v1/chat",
            "/v1/chat/completions/x",
            "/v1/models",
            "/openai/v1/chat/completions",
            "/v1/messages/batches",
        ],
    )
    def test_other_paths(self, path: Any) -> None:
        """Other paths are for no API."""
        assert find("POST", path) is None

    @pytest.mark.parametrize("prefix", ["/openai", "/openai/", "/OpenAI", "/a/b"])
    def test_prefixes(self, prefix: Any) -> None:
        """What may stand before the path is given, and then must stand there."""
        assert find("POST", prefix.rstrip("/") + CHAT, (prefix,)) is by_name("openai_chat")
        assert find("POST", CHAT, (prefix,)) is None
        assert find("POST", CHAT, (prefix, "")) is by_name("openai_chat")

    def test_method_in_any_case(self) -> None:
        """Servers that fold the method's case are not passed by."""
        assert find("post", CHAT) is by_name("openai_chat")


class TestByName:
    """APIs by name."""

    def test_all(self) -> None:
        """Each API is found by its own name."""
        assert [by_name(api.name) for api in APIS] == list(APIS)

    def test_unknown(self) -> None:
        """Another name is an error."""
        with pytest.raises(KeyError):
            by_name("telepathy")
