"""Our own training texts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from router_extproc.encoders.heads import CLASSES, SPANS
from router_extproc.training import texts
from router_extproc.training.texts import lines

FOLDER = Path(texts.__file__).with_suffix("")
FILES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.txt"))
HOLE = re.compile(r"\{([A-Za-z_]+)\}")
FILLED = {*SPANS, "FIRST", "LAST", "INITIALED", "TEAM", "CITY", "COUNTRY", "NATIONALITY", "TITLE", "JOB", "DATE", "N"}


class TestLines:
    def test_a_file_for_each_label(self) -> None:
        """Of the heads that choose one."""
        wanted = {f"domain/{label.replace(' ', '_')}" for label in CLASSES["domain"]}
        wanted |= {f"{head}/{label}" for head in ("feedback", "modality") for label in CLASSES[head]}

        assert wanted <= set(FILES)

    @pytest.mark.parametrize("name", FILES)
    def test_are_worth_learning(self, name: str) -> None:
        """Many, and hardly any twice."""
        found = lines(name)

        assert len(found) >= 50
        assert len(set(found)) > 0.95 * len(found)

    def test_breaks_are_breaks(self) -> None:
        """A line holds texts of several lines."""
        assert any("\n" in text for text in lines("pii/templates"))
        assert not any("\\n" in text for text in lines("pii/templates"))

    @pytest.mark.parametrize("name", [name for name in FILES if name.startswith("pii/")])
    def test_private_placeholders_are_known(self, name: str) -> None:
        """What nobody fills would be learnt as it stands."""
        assert {hole for text in lines(name) for hole in HOLE.findall(text) if hole.isupper()} <= FILLED

    @pytest.mark.parametrize(
        ("name", "holes"),
        [
            pytest.param("jailbreak/attack_story", {"x", "y"}, id="attacks"),
            pytest.param("jailbreak/attack_rules", {"x", "y"}, id="rules"),
            pytest.param("jailbreak/benign_frames", {"k"}, id="frames"),
        ],
    )
    def test_wrappers_are_around_something(self, name: str, holes: set[str]) -> None:
        """Nearly all of them; those that are attacks by themselves are the rest."""
        found = Counter(bool(holes & set(HOLE.findall(text))) for text in lines(name))

        assert found[True] > 0.9 * found.total()

    def test_a_domain_has_no_other_ones_texts(self) -> None:
        """A text under two labels teaches neither."""
        seen = Counter(text for label in CLASSES["domain"] for text in set(lines(f"domain/{label.replace(' ', '_')}")))

        assert [text for text, count in seen.items() if count > 1] == []
