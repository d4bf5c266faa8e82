"""Consoles: what is printed is what was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.cli.console import err, out

if TYPE_CHECKING:
    from rich.console import Console


@pytest.mark.parametrize("console", [pytest.param(out, id="stdout"), pytest.param(err, id="stderr")])
@pytest.mark.parametrize("text", ["a:cat:b", "[bold]x[/red]", '{"a": [null, true]}'])
def test_prints_texts_as_they_are(console: Console, text: str) -> None:
    """No pictures for words between colons, no markup: names, paths and JSON may hold either."""
    with console.capture() as printed:
        console.print(text)

    assert printed.get() == f"{text}\n"
