"""Mail addresses."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.scores import Span
from router_extproc.pii import urls
from router_extproc.pii.emails import find, in_url


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
            pytest.param("_bob@example.com_", "bob@example.com", id="Markdown italics"),
            pytest.param("see __bob@example.com__.", "bob@example.com", id="Markdown bold"),
            pytest.param("mail bob@example.com_", "bob@example.com", id="end of Markdown italics"),
            pytest.param("_bob@example.com", "_bob@example.com", id="begins with a line below"),
            pytest.param("_@example.com_", "_@example.com", id="nothing but a line below"),
            pytest.param("bob@example.com:hunter2", "bob@example.com", id="with a password"),
            pytest.param("jane.doe@corp.example:hello", "jane.doe@corp.example", id="with a word"),
            pytest.param("a@b.io:x/y!z", "a@b.io", id="with a password that is no path"),
            pytest.param("Write to bob@example.com: he knows", "bob@example.com", id="colon"),
            pytest.param("иван@почта.рф", "иван@почта.рф", id="Cyrillic"),
            pytest.param("bob@пример.рф", "bob@пример.рф", id="Cyrillic domain"),
            pytest.param("राम@उदाहरण.भारत", "राम@उदाहरण.भारत", id="Devanagari"),
            pytest.param("写信给bob@例子.中国吧", "bob@例子.中国", id="Chinese domain"),
            pytest.param("jo\u0308rg@example.de", "jo\u0308rg@example.de", id="umlaut of two characters"),
            pytest.param("Жbob@example.com", "bob@example.com", id="a letter of another script before it"),
            pytest.param("a&b@example.com", "a&b@example.com", id="ampersand"),
            pytest.param("git@mycorp.com", "git@mycorp.com", id="git, but no remote"),
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
            pytest.param("scp x me@host.com:file", id="upload to a file"),
            pytest.param("rsync -a . me@host.com:backup", id="copy"),
            pytest.param("git@corp.example:org/repo.git", id="remote of one's own"),
            pytest.param("origin deploy@host.example.com:apps/site (fetch)", id="remote of another user"),
            pytest.param("me@host.com:repo.git", id="remote at home"),
            pytest.param("ssh -T git@github.com", id="host of repositories"),
            pytest.param("git@gitlab.corp.example", id="host of repositories of one's own"),
            pytest.param("bob@example.com_x", id="the word goes on"),
            pytest.param("x@y.z_", id="a product of matrices"),
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


class TestInUrl:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("https://a.io/u?email=jane.doe@corp.example", ["jane.doe@corp.example"], id="query"),
            pytest.param("https://a.io/u?x=1&y&jane@corp.example", ["jane@corp.example"], id="field without a name"),
            pytest.param("https://a.io/u/jane@corp.example/edit", ["jane@corp.example"], id="path"),
            pytest.param("https://jane@corp.example/x", ["jane@corp.example"], id="user"),
            pytest.param("https://a.io/?q=to%20bob%40x.com&y=1", ["bob%40x.com"], id="encoded"),
            pytest.param("https://a.io/?q=bob%2Btag%40x.com", ["bob%2Btag%40x.com"], id="encoded tag"),
            pytest.param("https://a.io/?to=bob@x.com,amy@y.org", ["bob@x.com", "amy@y.org"], id="two"),
            pytest.param("postgres://me:k9mQ@db.example.com/x", [], id="password"),
            pytest.param("ssh://git@corp.example/x", [], id="repository"),
            pytest.param("git://a.io/repo.git@main.dev", [], id="branch"),
            pytest.param("https://medium.com/@john.doe", [], id="name of an account"),
            pytest.param("https://unpkg.com/react@18.umd.js", [], id="version"),
            pytest.param("https://a.io/icon@2x.png", [], id="retina image"),
            pytest.param("https://a.io/", [], id="none"),
        ],
    )
    def test_finds_exactly_them(self, text: str, found: list[str]) -> None:
        """In the parts that may hold one, with the text's own places."""
        text = f"see {text} now"
        (url,) = urls.find(text)
        assert [text[span.start : span.end] for span in in_url(text, url)] == found

    @pytest.mark.parametrize("between", [",", "&", "/", "%20"])
    def test_many_of_them_are_one_pass(self, work: Callable[..., int], between: str) -> None:
        """Where a password may stand is looked for once in an address, not for each mail address in it."""

        def searched(count: int) -> int:
            text = "http://x.co/?" + f"a@b.co{between}" * count
            (url,) = urls.find(text)
            return work(lambda: list(in_url(text, url)))

        assert searched(4000) < 5 * searched(1000)

    @given(
        address=st.lists(
            st.sampled_from(["://", "/", ":", "git@b.co", "a@b.co", "u", "?", "#", "git", ".", "%40b.co", "x:p@"]), max_size=9
        ).map("".join)
    )
    def test_a_login_is_between_the_scheme_and_the_path(self, address: str) -> None:
        """Whatever stands around: behind the only `://` before the first slash, with a colon, or `git`."""
        found = {span.start for span in in_url(address, Span(0, len(address), "URL", 1.0))}
        for start in range(len(address)):
            before, scheme, login = address[:start].rpartition("://")
            is_login = scheme and not before.count("/") and not any(sign in login for sign in "/?#")
            if is_login and (":" in login or address.startswith("git@", start)):
                assert start not in found
