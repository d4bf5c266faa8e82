"""Where the shared store is: credentials come from a file or the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from router_extproc.limits.address import PASSWORD, USERNAME, AddressError, state_url

SECRET = "p@ss/word"  # noqa: S105 - of these tests


class TestStateUrl:
    def test_none_is_none(self) -> None:
        """Limits are counted in each process then."""
        assert state_url("", None, {}) == ""

    @pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://cache/2", "unix:///run/redis.sock"])
    def test_is_taken_as_it_is(self, url: str) -> None:
        """TCP, TLS or a socket."""
        assert state_url(url, None, {}) == url

    def test_credentials_come_from_the_environment(self) -> None:
        """And are spelt as an address needs them."""
        assert state_url("redis://c:1/0", None, {PASSWORD: SECRET}) == "redis://:p%40ss%2Fword@c:1/0"
        assert state_url("redis://c:1/0", None, {PASSWORD: SECRET, USERNAME: "a"}) == "redis://a:p%40ss%2Fword@c:1/0"

    def test_or_from_a_file(self, tmp_path: Path) -> None:
        """A mounted secret."""
        (tmp_path / "state").write_text("redis://a:b@c:1/0\n")

        assert state_url("", tmp_path / "state", {PASSWORD: "other"}) == "redis://a:b@c:1/0"
        with pytest.raises(OSError, match="No such file"):
            state_url("", tmp_path / "none", {})

    @pytest.mark.parametrize("url", [f"redis://:{SECRET}@c:1/0", "redis://a@c:1/0", "unix:///s?password=hidden"])
    def test_not_from_the_command_line(self, url: str) -> None:
        """Everyone on the machine can read it there; the error does not repeat them."""
        with pytest.raises(AddressError, match="command line") as caught:
            state_url(url, None, {})

        assert SECRET not in str(caught.value)
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize(
        "url", ["c:6379", "http://c:1", "redis://", "redis://c:x", "redis://c:0", "unix:", "redis://c:99999"]
    )
    def test_what_is_no_address_is_refused(self, url: str, tmp_path: Path) -> None:
        """With the form of one; a file's content is not repeated either."""
        with pytest.raises(AddressError, match="redis://HOST:PORT/DB"):
            state_url(url, None, {})
        (tmp_path / "state").write_text(f"http://{SECRET}")
        with pytest.raises(AddressError) as caught:
            state_url("", tmp_path / "state", {})
        assert SECRET not in str(caught.value)

    def test_twice_is_once_too_often(self) -> None:
        """Which would count?"""
        with pytest.raises(AddressError, match="once"):
            state_url("redis://c:1", Path("f"), {})
