from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.cache import Cache, key_of

_PARTS = st.lists(st.text(max_size=5), max_size=4)


class TestKeyOf:
    @given(_PARTS, _PARTS)
    def test_tells_different_parts_apart(self, some: list[str], others: list[str]) -> None:
        """Where one part ends and the next begins counts, too."""
        assert (key_of(*some) == key_of(*others)) == (some == others)

    @given(st.text(alphabet=st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, categories=None)))
    def test_takes_what_utf_8_cannot_write(self, text: str) -> None:
        """A lone surrogate is no reason to fail."""
        assert len(key_of(text)) == 16

    def test_holds_nothing_of_the_text(self) -> None:
        """A key is as long for a long text as for a short one."""
        assert len(key_of("hunter2" * 1000)) == len(key_of("")) == 16


class TestCache:
    def test_gives_what_was_put(self) -> None:
        """And counts."""
        cache: Cache[str] = Cache(2)
        cache.put(b"a", "one")

        assert (cache.get(b"a"), cache.get(b"b")) == ("one", None)
        assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)

    def test_forgets_what_was_not_used_for_longest(self) -> None:
        """Asking for a value keeps it."""
        cache: Cache[int] = Cache(2)
        cache.put(b"a", 1)
        cache.put(b"b", 2)
        cache.get(b"a")
        cache.put(b"c", 3)

        assert [cache.get(key) for key in (b"a", b"b", b"c")] == [1, None, 3]

    def test_replaces_a_value(self) -> None:
        """A key has one value."""
        cache: Cache[int] = Cache(2)
        cache.put(b"a", 1)
        cache.put(b"a", 2)

        assert (cache.get(b"a"), len(cache)) == (2, 1)

    def test_of_no_size_keeps_nothing(self) -> None:
        """Size 0 turns it off."""
        cache: Cache[int] = Cache(0)
        cache.put(b"a", 1)

        assert cache.get(b"a") is None

    @given(st.integers(1, 5), st.lists(st.binary(max_size=1)))
    def test_never_grows_beyond_its_size(self, size: int, keys: list[bytes]) -> None:
        """Whatever comes."""
        cache: Cache[bytes] = Cache(size)
        for key in keys:
            cache.put(key, key)

        assert len(cache) <= size
        assert not keys or cache.get(keys[-1]) == keys[-1]

    def test_is_safe_from_several_threads(self) -> None:
        """No value is lost or mixed up, and every question is counted."""
        cache: Cache[int] = Cache(50)

        def work(number: int) -> bool:
            key = bytes([number % 100])
            cache.put(key, number % 100)
            return cache.get(key) in {None, number % 100}

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(4000)))
        assert len(cache) == 50
        assert cache.hits + cache.misses == 4000
