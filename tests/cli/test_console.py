"""Consoles: what is printed is what was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from router_extproc.cli.console import err, out, read_bytes
from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from rich.console import Console


@pytest.mark.parametrize("console", [pytest.param(out, id="stdout"), pytest.param(err, id="stderr")])
@pytest.mark.parametrize("text", ["a:cat:b", "[bold]x[/red]", '{"a": [null, true]}'])
def test_prints_texts_as_they_are(console: Console, text: str) -> None:
    """No pictures for words between colons, no markup: names, paths and JSON may hold either."""
    with console.capture() as printed:
        console.print(text)

    assert printed.get() == f"{text}\n"


class TestReadBytes:
    def test_a_standard_input_that_is_closed(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Is told, as `<&-` or a supervisor may have closed it."""
        monkeypatch.setattr("sys.stdin", None)

        with pytest.raises(typer.Exit) as ended:
            read_bytes(Path("-"), Exit.INPUT)

        assert ended.value.exit_code == 3
        assert "standard input is closed" in capsys.readouterr().err

    def test_a_standard_input_that_cannot_be_read(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        """Is told as a file is."""
        (tmp_path / "file").touch()
        with (tmp_path / "file").open("w") as stream:
            monkeypatch.setattr("sys.stdin", stream)
            with pytest.raises(typer.Exit) as ended:
                read_bytes(Path("-"), Exit.INPUT)

        assert ended.value.exit_code == 3
        assert "error: -: " in capsys.readouterr().err
