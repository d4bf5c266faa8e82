"""Logs: whatever is logged, by whomever, comes out in one form on stderr."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.hooks import Hooks, ReloadDetails
from router_extproc.observability.logs import ReloadLog, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The root logger is all tests'."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    quiet = [logging.getLogger(name) for name in ("watchfiles", "uvicorn.access", "grpc._cython")]
    before = [(logger.level, logger.propagate) for logger in quiet]
    for logger in quiet:
        logger.propagate = True  # an admin server that another test started has silenced its access log in this process
    yield
    root.handlers, root.level = handlers, level
    root.setLevel(level)
    for logger, (quietness, propagate) in zip(quiet, before, strict=True):
        logger.setLevel(quietness)
        logger.propagate = propagate


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was logged as JSON."""

    def read() -> list[dict[str, Any]]:
        captured = capsys.readouterr()
        assert captured.out == ""
        return [json.loads(line) for line in captured.err.splitlines()]

    return read


class TestJson:
    def test_a_line_for_each_event(self, lines: Lines) -> None:
        """Message, level, logger, time, and whatever else was told."""
        set_up(level="info", form="json")
        logging.getLogger("some.package").warning("cannot %s", "connect", extra={"port": 9002})
        (line,) = lines()

        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("timestamp"))
        assert line == {"message": "cannot connect", "level": "warning", "logger": "some.package", "port": 9002}

    def test_an_exception_is_part_of_its_line(self, lines: Lines) -> None:
        """A traceback over many lines would be many events to a log collector."""
        set_up(level="info", form="json")
        try:
            int("broken")
        except ValueError:
            logging.getLogger("x").exception("it failed")
        (line,) = lines()

        assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'broken'")

    def test_what_json_cannot_hold_is_written_as_text(self, lines: Lines) -> None:
        """A log line is never the reason for an error."""
        set_up(level="info", form="json")
        logging.getLogger("x").info("told", extra={"thing": {1, 2}.__class__})
        (line,) = lines()

        assert line["thing"] == "<class 'set'>"


class TestConsole:
    def test_is_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Words, not JSON."""
        set_up(level="info", form="console")
        logging.getLogger("some.package").warning("cannot %s", "connect", extra={"port": 9002})
        text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)

        assert "cannot connect" in text
        assert "port=9002" in text
        assert "warning" in text

    def test_shows_exceptions(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With their traceback."""
        set_up(level="info", form="console")
        try:
            int("broken")
        except ValueError:
            logging.getLogger("x").exception("it failed")

        text = capsys.readouterr().err
        assert "ValueError" in text
        assert "Logging error" not in text


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "told"),
        [
            ("debug", ["d", "i", "w", "e"]),
            ("info", ["i", "w", "e"]),
            ("warning", ["w", "e"]),
            ("error", ["e"]),
        ],
    )
    def test_lower_ones_are_not_told(self, lines: Lines, level: str, told: list[str]) -> None:
        """The level holds for all loggers."""
        set_up(level=level, form="json")
        log = logging.getLogger("any.logger")
        for tell, text in ((log.debug, "d"), (log.info, "i"), (log.warning, "w"), (log.error, "e")):
            tell(text)

        assert [line["message"] for line in lines()] == told

    @pytest.mark.parametrize("name", ["watchfiles.main", "uvicorn.access"])
    def test_noisy_libraries_tell_warnings_only(self, lines: Lines, name: str) -> None:
        """Each look at the directory and each probe would be a line."""
        set_up(level="debug", form="json")
        logging.getLogger(name).info("noise")
        logging.getLogger(name).warning("trouble")

        assert [line["message"] for line in lines()] == ["trouble"]

    def test_setting_up_again_replaces(self, lines: Lines) -> None:
        """Each event comes out once."""
        set_up(level="info", form="json")
        set_up(level="info", form="json")
        logging.getLogger("x").info("once")

        assert len(lines()) == 1


class TestReloadLog:
    def test_a_loaded_policy(self, lines: Lines) -> None:
        """One line, and one for each warning."""
        set_up(level="info", form="json")
        details = ReloadDetails(
            ok=True,
            version="abc",
            source="policy.yaml",
            trigger="watch",
            warnings=("odd",),
            duration_s=0.12345,
            changed=("head.json",),
        )
        Hooks([ReloadLog()]).reloaded(details)
        warning, loaded = lines()

        assert (warning["level"], warning["problem"]) == ("warning", "odd")
        assert loaded["message"] == "policy loaded"
        assert {key: loaded[key] for key in ("version", "source", "trigger", "seconds", "changed")} == {
            "version": "abc",
            "source": "policy.yaml",
            "trigger": "watch",
            "seconds": 0.123,
            "changed": ["head.json"],
        }

    def test_a_refused_policy(self, lines: Lines) -> None:
        """Every problem is an error with its place."""
        set_up(level="info", form="json")
        Hooks([ReloadLog()]).reloaded(
            ReloadDetails(ok=False, version="abc", source="policy.yaml", trigger="poll", errors=("first", "second"))
        )

        told = [(line["level"], line["problem"]) for line in lines()]
        assert told == [("error", "first"), ("error", "second")]

    def test_tells_nothing_of_requests(self, lines: Lines) -> None:
        """They are the decision log's."""
        set_up(level="debug", form="json")
        hooks = Hooks([ReloadLog()])
        hooks.routed(None)  # type: ignore[arg-type]  # it is not looked at
        hooks.observed(None)  # type: ignore[arg-type]  # as above

        assert (lines(), hooks.failures) == ([], 0)
