"""`router-extproc serve --canary`: a share that could do nothing, or the wrong thing, ends the program before it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer

from router_extproc.cli.serve_options import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Cli = Callable[..., Result]


class TestShare:
    @pytest.mark.parametrize(("text", "expected"), [("5%", 0.05), ("0.25", 0.25), ("100%", 1.0)])
    def test_is_a_share_or_per_cent(self, tmp_path: Path, text: str, expected: float) -> None:
        """As people write it."""
        assert share(text, tmp_path) == expected

    @pytest.mark.parametrize("text", ["", "0", "0%", "101%", "1.5", "x", "nan"])
    def test_others_are_none(self, tmp_path: Path, text: str) -> None:
        """Also none at all: a canary that gets nothing is no canary."""
        with pytest.raises(typer.BadParameter):
            share(text, tmp_path)

    def test_without_a_canary_it_has_no_effect(self, cli: Cli, policy_file: Path) -> None:
        """That is usage, too."""
        result = cli("serve", "--policy", policy_file, "--canary-share", "5%")

        assert result.exit_code == 2
        assert share("", None) == 0.0
