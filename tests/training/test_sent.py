"""Texts as they are sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.training import texts as own
from router_extproc.training.sent import HEADS, sent
from router_extproc.training.texts import lines

FOLDER = Path(own.__file__).with_suffix("")


class TestSent:
    @pytest.mark.parametrize("head", HEADS)
    def test_every_answer_of_a_head_has_some(self, head: str) -> None:
        """A head that learned one answer alone would give it more often."""
        answers = set(range(len(CLASSES[head]))) if head in CLASSES else {0.0, 1.0}

        assert {row.target for row in sent(head, 1)} == answers
        assert {row.task for row in sent(head, 1)} == {head}

    @pytest.mark.parametrize("head", HEADS)
    def test_every_file_is_learned(self, head: str) -> None:
        """What lies in a head's folder, as often as is asked for."""
        files = sorted(path.stem for path in (FOLDER / head).glob("sent_*.txt"))
        texts = sorted(text for name in files for text in lines(f"{head}/{name}"))

        assert sorted(row.text for row in sent(head, 1)) == texts
        assert len(sent(head, 3)) == 3 * len(texts)

    def test_contents_come_from_tools_and_documents(self) -> None:
        """Attacks and others alike: where a text comes from tells nothing."""
        found = sent("jailbreak", 1)

        for target in (0.0, 1.0):
            assert {row.kind for row in found if row.target == target} == {Kind.USER, Kind.TOOL_RESULT, Kind.DOCUMENT}
        orders = set(lines("jailbreak/sent_orders"))
        assert all(row.target == 1.0 and row.kind is not Kind.USER for row in found if row.text in orders)

    def test_no_text_has_two_answers(self) -> None:
        """Within a head."""
        for head in HEADS:
            texts = [row.text for row in sent(head, 1)]
            assert len(set(texts)) == len(texts)
