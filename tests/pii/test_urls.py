"""Web addresses."""

from collections.abc import Callable

import pytest

from router_extproc.pii.urls import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("See https://jane.example/cv?x=1#y.", "https://jane.example/cv?x=1#y", id="https"),
            pytest.param("at www.janedoe.com, or", "www.janedoe.com", id="www"),
            pytest.param("(https://a.example.com/x_(y))", "https://a.example.com/x_(y)", id="in brackets"),
            pytest.param("[me](http://a.io/b).", "http://a.io/b", id="Markdown"),
            pytest.param("postgres://me:pw@db.example.com:5432/x", "postgres://me:pw@db.example.com:5432/x", id="database"),
            pytest.param("http://10.0.0.7:80/", "http://10.0.0.7:80/", id="number"),
            pytest.param("Is it https://a.io/login?", "https://a.io/login", id="question"),
            pytest.param("HTTPS://A.IO", "HTTPS://A.IO", id="capitals"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("https:// is safe", id="no host"),
            pytest.param("http://localhost:8080/x", id="local"),
            pytest.param("https://<your-host>/x", id="placeholder"),
            pytest.param("www. stands for", id="prefix"),
            pytest.param("std://x.y", id="other scheme"),
            pytest.param("file:///etc/passwd", id="a file"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
