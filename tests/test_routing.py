"""The routing vocabulary."""

import pytest

from router_extproc.routing import BodyEdits, SystemEdit, SystemMode, Truth


class TestTruth:
    def test_kleene_logic_is_minimum_and_maximum(self) -> None:
        """`all` is the minimum, `any` the maximum, `not` is two minus the value."""
        assert min(Truth.TRUE, Truth.UNKNOWN) is Truth.UNKNOWN
        assert max(Truth.FALSE, Truth.UNKNOWN) is Truth.UNKNOWN
        assert Truth(2 - Truth.UNKNOWN) is Truth.UNKNOWN


class TestBodyEdits:
    def test_no_edit_is_false(self) -> None:
        """An outcome without edits leaves the body alone."""
        assert not BodyEdits()

    @pytest.mark.parametrize(
        "edits",
        [
            pytest.param(BodyEdits(model="m"), id="model"),
            pytest.param(BodyEdits(model=""), id="empty model is still an edit"),
            pytest.param(BodyEdits(caps={"n": 1}), id="caps"),
            pytest.param(BodyEdits(blocked=frozenset({"n"})), id="blocked"),
            pytest.param(BodyEdits(system=(SystemEdit(SystemMode.PREPEND, "x"),)), id="system"),
            pytest.param(BodyEdits(reasoning_effort="low"), id="effort"),
        ],
    )
    def test_any_edit_is_true(self, edits: BodyEdits) -> None:
        """Whatever is to be changed makes the edits count."""
        assert edits
