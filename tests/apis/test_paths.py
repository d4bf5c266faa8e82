"""Paths, however they are written."""

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.apis.paths import normalised


class TestNormalised:
    """The path as a lenient server would read it."""

    @given(st.text(alphabet="aB/.;%25cF\\?#é ", max_size=300))
    def test_any_text(self, path: str) -> None:
        """Any text gives a clean absolute path: one slash at the beginning, no empty, dot or parameter segments, no query."""
        plain = normalised(path)
        segments = plain[1:].split("/")
        assert plain.startswith("/")
        assert not {".", ".."} & set(segments)
        assert "" not in segments or plain == "/"
        assert "\\" not in plain
        assert ";" not in plain

    @given(st.lists(st.sampled_from(["v1", "chat", "x-y", "a.b"]), min_size=1))
    def test_clean_paths_stay(self, segments: list[str]) -> None:
        """A clean path is its own normal form."""
        path = "/" + "/".join(segments)
        assert normalised(path) == path
