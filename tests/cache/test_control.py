from __future__ import annotations

import pytest

from router_extproc.cache.control import Control, control, may_be_kept


class TestControl:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("", Control()),
            ("no-cache", Control(no_cache=True)),
            ("No-Store , max-age=0", Control(no_store=True, max_age=0.0)),
            ("only-if-cached,max-age=30", Control(only_if_cached=True, max_age=30.0)),
            ("max-age=-1", Control()),
            ("max-age=99999999999999", Control()),
            ("max-stale, x=y, =,,", Control()),
        ],
    )
    def test_reads_directives(self, header: str, expected: Control) -> None:
        """What is no directive says nothing."""
        assert control(header) == expected

    def test_a_response_can_forbid_it(self) -> None:
        """By no-store or private."""
        assert may_be_kept("max-age=3, public")
        assert not may_be_kept('x, Private="a"')
        assert not may_be_kept("NO-STORE")
