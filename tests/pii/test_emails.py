"""Mail addresses."""

from collections.abc import Callable

import pytest

from router_extproc.pii.emails import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Write to bob@example.com.", "bob@example.com", id="plain"),
            pytest.param("<o_x+tag@mail.co.uk>", "o_x+tag@mail.co.uk", id="tag"),
            pytest.param("邮箱是zhang.wei@example.cn谢谢", "zhang.wei@example.cn", id="Chinese around"),
            pytest.param("jörg@müller.de", "jörg@müller.de", id="umlaut"),
            pytest.param("'a@b.io'", "a@b.io", id="quoted"),
            pytest.param("user=a.b@c-d.org;", "a.b@c-d.org", id="assigned"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("user@localhost", id="no domain"),
            pytest.param("icon@2x.png", id="retina image"),
            pytest.param("lodash@4.17.21", id="version"),
            pytest.param("git@github.com:org/repo.git", id="remote"),
            pytest.param("scp x me@host.com:/tmp", id="upload"),
            pytest.param("@app.route", id="decorator"),
            pytest.param("a..b@c.de", id="two dots"),
            pytest.param("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.de", id="long local"),
            pytest.param("a@b.ccccccccccccccccccccccccc", id="long ending"),
            pytest.param("getty@tty.service", id="unit"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []
