"""Passwords behind a user's name."""

from base64 import b64encode
from collections.abc import Callable

import pytest

from router_extproc.pii import patterns
from router_extproc.pii.kinds import PiiType
from router_extproc.pii.logins import find

PASSWORD = "N7kwj" + "SbbciSPO"
BASIC = b64encode(f"admin:{PASSWORD}".encode()).decode()

FOUND = [
    pytest.param(f"postgres://admin:{PASSWORD}@db.internal.example/prod", PASSWORD, id="database"),
    pytest.param(f"postgres://admin:{PASSWORD}@localhost:5432/prod", PASSWORD, id="local"),
    pytest.param(f"redis://:{PASSWORD}@cache:6379", PASSWORD, id="no name"),
    pytest.param(f"mongodb+srv://app:{PASSWORD}@c0.example.net/?w=1", PASSWORD, id="service record"),
    pytest.param(f"DATABASE_URL='mysql://root:{PASSWORD}@10.0.0.7/x'", PASSWORD, id="number"),
    pytest.param(f"git clone https://ci:{PASSWORD}@git.example.com/a.git", PASSWORD, id="repository"),
    pytest.param(f"amqp://app:p@{PASSWORD}@mq/", f"p@{PASSWORD}", id="sign of the host in it"),
    pytest.param("ftp://me:p%40ssw0rd7@files.example.org/", "p%40ssw0rd7", id="escaped"),
    pytest.param(f"curl -u admin:{PASSWORD} https://x.example", PASSWORD, id="curl"),
    pytest.param(f"curl -sS -X POST --user 'admin:{PASSWORD}' https://x.example", PASSWORD, id="curl quoted"),
    pytest.param(f'curl https://x.example -su"admin:{PASSWORD}"', PASSWORD, id="curl together"),
    pytest.param(f"curl -v \\\n  -u admin:{PASSWORD} \\\n  x.example", PASSWORD, id="curl on several lines"),
    pytest.param(f"try `curl -u admin:{PASSWORD}`.", PASSWORD, id="curl in Markdown"),
    pytest.param(f"Authorization: Basic {BASIC}", BASIC, id="header"),
    pytest.param(f'"authorization": "basic {BASIC}"', BASIC, id="header in JSON"),
    pytest.param(f"Proxy-Authorization: Basic {BASIC.rstrip('=')}", BASIC.rstrip("="), id="without padding"),
]


class TestFind:
    @pytest.mark.parametrize(("text", "found"), FOUND)
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The password, or what the header has for name and password, and nothing beside it."""
        assert quoted(find, text) == [found]

    @pytest.mark.parametrize(("text", "found"), FOUND)
    def test_the_first_pass_hides_none(self, text: str, found: str) -> None:
        """Whoever asks for keys gets them, in a web address or not."""
        assert [text[span.start : span.end] for span in patterns.find(text) if span.type is PiiType.API_KEY] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("postgres://user:password@localhost/db", id="word"),
            pytest.param("postgres://postgres:postgres@localhost/db", id="twice"),
            pytest.param("postgres://user:${DB_PASSWORD2}@db/x", id="variable"),
            pytest.param("postgres://user:$PGPASS2@db/x", id="short variable"),
            pytest.param("postgres://user:{password1}@db/x", id="template"),
            pytest.param("postgres://user:<password1>@db/x", id="angles"),
            pytest.param("postgres://user:xxxx1234@db/x", id="crosses"),
            pytest.param("postgres://user:your-password1@db/x", id="yours"),
            pytest.param("mysql://root:********@db/x", id="stars"),
            pytest.param("https://me:a%20secret@example.com", id="escaped words"),
            pytest.param("https://foo.com:123,foo2:bar3@example.com", id="hosts"),
            pytest.param("docker://alpine:3.19-slim2@sha256:9f86d081884c7d659a2feaa0c55ad015", id="image"),
            pytest.param("http://a.example:8080/x@b1", id="port"),
            pytest.param("see https://a.example/@me:1a2b3c4d", id="path"),
            pytest.param("curl -u user:pass https://x.example", id="curl with words"),
            pytest.param('curl -u "$USER:$PASS1" https://x.example', id="curl with variables"),
            pytest.param("curl -u admin:<password1> x", id="curl with angles"),
            pytest.param("docker run -u 1000:1000 alpine", id="user and group"),
            pytest.param("docker run --user app:staff2024x alpine", id="another command"),
            pytest.param("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", id="Aladdin"),
            pytest.param("Authorization: Basic <base64 of user:password>", id="header to fill in"),
            pytest.param("Authorization: Basic dXNlcjpwYXNzd29yZA==", id="header of words"),
            pytest.param("Authorization: Basic authentication2", id="sentence"),
            pytest.param("Authorization: Basic //////", id="no text"),
            pytest.param("a basic understanding of authorization", id="words"),
        ],
    )
    def test_a_look_alike_is_left(self, text: str) -> None:
        """What has the shape and is something else."""
        assert list(find(text)) == []
